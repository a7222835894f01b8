"""The declarations: complete, in both languages, legible, and pointing at the code that does it."""

import re
import string
from dataclasses import replace

import pytest

from topformer_viz import STAGES
from topformer_viz.app.canvas.markup import code_html, formula_html, note_html
from topformer_viz.network.colour import ColourModel
from topformer_viz.network.model import TopFormer
from topformer_viz.run.source_code import source_of
from topformer_viz.run.stages import AXES, COMPOSITE, GLOSSARY, INDICES, OPERATIONS, ORIGINS, axes_of, stage_of
from topformer_viz.words.text import Text

LESSON = (
    "tokens", "query_map", "query", "key_map", "key", "value_map", "value", "scores", "weights", "mixed", "merged",
    "activated", "projected", "residual",
)  # fmt: skip
WALK = [stage.name for stage in STAGES.values() if stage.walked]
AXES_OF = {
    "image": "B RGB Y X", "pyramid2": "B C2 H2 W2", "tokens": "B C H W", "query_map": "B nh_kd H W",
    "query": "B heads HW key_dim", "key_map": "B nh_kd H W", "key": "B heads key_dim HW", "value_map": "B dh H W",
    "value": "B heads HW d", "scores": "B heads HW HW", "weights": "B heads HW HW", "mixed": "B heads HW d",
    "merged": "B dh H W", "activated": "B dh H W", "projected": "B C H W", "residual": "B C H W", "mlp": "B C H W",
    "output": "B C H W", "gate2": "B M H W", "injected3": "B M H3 W3", "class_scores": "B classes H1 W1",
}  # fmt: skip
BACKGROUNDS = {"light": "#fdfcfa", "dark": "#15161a"}
TEXTS = [(f"{name} {part}", text) for name, stage in STAGES.items()
         for part, text in (("note", stage.note), ("trap", stage.trap)) if text]  # fmt: skip
TEXTS += [(f"origin {name}", origin.text) for name, origin in ORIGINS.items()]


def places(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def terms(text: str) -> set[str]:
    return {term.partition("|")[0] for term in re.findall(r"\[\[([^\]]+)\]\]", text)}


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of "#rrggbb"."""
    levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# Declarations


@pytest.mark.parametrize("name", AXES_OF)
def test_axes(name: str) -> None:
    assert axes_of(name) == tuple(AXES_OF[name].split())
    assert axes_of(f"block2.{name}") == axes_of(name)


def test_every_stage_is_checked_above() -> None:
    assert {stage_of(name).name for name in AXES_OF} == set(STAGES)


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_stage_is_declared_in_known_words(stage) -> None:
    assert STAGES[stage.name] is stage
    assert stage.steps
    for step in stage.steps:
        assert step.operation in OPERATIONS
        for axis in step.axes.split():
            assert axis.replace("{n}", "").rstrip("0123456789") in AXES
    for source in stage.sources:
        assert stage_of(source).name in STAGES
    assert stage.strand in ("", "q", "k", "v")


def test_names_and_titles_are_unique() -> None:
    """Names are keys of ``STAGES``; a second stage of a name would have replaced the first there."""
    assert len({stage.name for stage in STAGES.values()}) == len(STAGES) == 21
    for lang in ("en", "zh"):
        assert len({stage.title(lang) for stage in STAGES.values()}) == len(STAGES)


def test_the_walk_covers_the_lesson_in_order() -> None:
    assert WALK == ["image", "pyramid{n}", *LESSON, "mlp", "output"]


@pytest.mark.parametrize("name", WALK)
def test_sources_come_before(name: str) -> None:
    for source in STAGES[name].sources:
        assert WALK.index(stage_of(source).name) < WALK.index(name)


def test_composite_axes_and_indices_are_axes() -> None:
    assert {axis for whole, parts in COMPOSITE.items() for axis in (whole, *parts)} <= set(AXES)
    assert set(INDICES.values()) <= set(AXES)


@pytest.mark.parametrize("name", ["nonsense", "block0.nonsense", "level7"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ValueError, match=rf"no stage '{name}': choose from image, "):
        stage_of(name)


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("axis", AXES)
def test_axis_colours_are_legible(axis: str, theme: str) -> None:
    a, b = luminance(getattr(AXES[axis], theme)), luminance(BACKGROUNDS[theme])
    assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 4.5


# Words


@pytest.mark.parametrize(("en", "zh"), [("", "查询"), ("query", ""), ("", "")])
def test_a_text_needs_both_languages(en: str, zh: str) -> None:
    with pytest.raises(ValueError, match="both languages"):
        Text(en, zh)


@pytest.mark.parametrize("text", [text for _, text in TEXTS], ids=[name for name, _ in TEXTS])
def test_words_and_their_markup(text: Text) -> None:
    """Glossary terms exist, and both languages fill in the same numbers and explain the same terms."""
    assert places(text.en) == places(text.zh)
    assert terms(text.en) == terms(text.zh)
    assert terms(text.en) <= set(GLOSSARY)
    for lang in ("en", "zh"):
        html = note_html(text(lang), lang)
        assert "[[" not in html
        assert "`" not in html


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_text_is_escaped(lang) -> None:
    hostile = "<script>alert(1)</script> & <b>`<i>HW</i>` [[head|<u>heads</u>]]"
    html = note_html(hostile, lang)
    assert not re.search(r"<(?!/?(span|code)\b)", html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;" in html
    assert "&lt;i&gt;" in html
    assert "&lt;u&gt;heads&lt;/u&gt;" in html


def test_formula_is_escaped() -> None:
    html = formula_html("a < b_{ij} & <i> · c_{<b>}")
    assert not re.search(r"<(?!/?(span|sub)\b)", html)
    assert 'style="color:var(--axis-HW)">i</span>' in html


# Code


def traced(model: type) -> list[str]:
    block = [name for name in LESSON if name != "tokens"]
    if model is ColourModel:
        return ["image", "tokens", "block0.tokens", *(f"block0.{name}" for name in block)]
    return ["image", *(f"pyramid{n}" for n in range(4)), "tokens",
            *(f"block{n}.{name}" for n in range(4) for name in ("tokens", *block, "mlp", "output")),
            *(f"{part}{n}" for n in (1, 2, 3) for part in ("gate", "injected")), "class_scores"]  # fmt: skip


def test_names_here_are_those_of_a_run(tiny, colour) -> None:
    assert traced(TopFormer) == list(tiny.run)
    assert traced(ColourModel) == list(colour.run)


@pytest.mark.parametrize(
    ("model", "name"), [(model, name) for model in (TopFormer, ColourModel) for name in traced(model)]
)
def test_marked_line_keeps_the_tensor(model: type, name: str) -> None:
    source = source_of(model, name)
    lines = source.text.splitlines()
    marked = "\n".join(lines[i] for i in source.marked)
    assert re.search(rf'keep\(f?"{re.escape(stage_of(name).name)}"', marked)
    assert marked.count("keep(") - marked.count("keep: ") <= 2
    assert 1 <= len(source.marked) <= 2
    owner, method = source.method.split(".")
    assert method == ("inject" if name.startswith("injected") else "forward")
    assert lines[0].startswith(f"def {method}(")
    assert code_html(source).count("<span>") == len(lines)
    if name == "tokens":
        assert owner == ("ColourModel" if model is ColourModel else "Backbone")
    elif name.startswith("block") and name.split(".")[1] in LESSON[:-1]:
        assert owner == "Attention"


@pytest.mark.parametrize(("name", "operation"), [("query", "reshape"), ("value", "reshape"), ("merged", "permute")])
def test_the_line_before_is_marked_where_it_prepares(name: str, operation: str) -> None:
    source = source_of(TopFormer, f"block0.{name}")
    assert len(source.marked) == 2
    assert f".{operation}(" in source.text.splitlines()[source.marked[0]]


@pytest.mark.parametrize("model", [TopFormer, ColourModel])
def test_no_line_for_what_is_not_kept(monkeypatch: pytest.MonkeyPatch, model: type) -> None:
    monkeypatch.setitem(STAGES, "novel", replace(STAGES["scores"], name="novel"))
    with pytest.raises(LookupError, match=f"no line of {model.__name__} keeps 'block0.novel'"):
        source_of(model, "block0.novel")
