"""What travels of a run, and the lesson made of it and its book, read as the browser reads them."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import torch
from decoding import files, tensors
from novelty import Doubling, declared
from PIL import Image
from sending import Lesson, lesson

from topformer_viz import load_model, trace
from topformer_viz.app.canvas.travelling import travels
from topformer_viz.app.lesson.words import UI
from topformer_viz.network.samples import open_sample
from topformer_viz.run.stages import ORIGINS, STAGES, axes_of, stage_of
from topformer_viz.words.text import Lang

STEPS = [stage.name.replace("{n}", "") for stage in STAGES.values() if stage.walked]
MATRICES = ("scores", "weights")


def payload(case, block: int = 0, lang: Lang = "en") -> Lesson:
    return lesson(case.run, case.model, case.photo, block, lang)


def half(values: torch.Tensor) -> np.ndarray:
    """How far float16 may be from each of ``values``."""
    return values.abs().numpy() * 2.0**-11 + 2.0**-25


def traced_name(stage: str, block: int) -> str:
    return {"image": "image", "pyramid": "pyramid3"}.get(stage, f"block{block}.{stage}")


@pytest.fixture(scope="module", params=["first", "last"])
def block(request: pytest.FixtureRequest, case) -> int:
    return 0 if request.param == "first" else case.model.num_blocks - 1


@pytest.fixture(scope="module")
def sent(case, block: int) -> Lesson:
    return payload(case, block)


# Tensors


def test_steps_are_those_of_the_run(case, sent: Lesson) -> None:
    colour = case.model.num_blocks == 1
    expected = [name for name in STEPS if not (colour and name in ("pyramid", "mlp", "output"))]
    assert list(sent.steps) == expected


def test_sources_are_the_declared_ones(case, block: int, sent: Lesson) -> None:
    for stage, step in sent.steps.items():
        expected = {stage_of(source).name.replace("{n}", "") for source in stage_of(traced_name(stage, 0)).sources}
        if stage == "tokens" and "pyramid" not in sent.steps:
            expected = {"image"}
        assert len(step["sources"]) == len(expected)
        assert set(step["sources"]) == expected
        assert (step["operation"] == "enter") == (stage == "tokens" and block > 0)
        assert step.get("grouped", False) == (stage in ("query_map", "key_map", "value_map", "merged", "activated"))
    assert [step["sign"] for step in sent.steps.values() if step["sign"]][:4] == ["×", "σ", "×", "+"]


def test_a_new_stage_travels_with_what_it_was_made_from(colour) -> None:
    """One declaration and one ``keep`` line: see novelty.py."""
    model = Doubling().eval().requires_grad_(False)
    with declared():
        run = trace(model, colour.photo)
        sent = lesson(run, model, colour.photo)
    assert list(sent.steps)[-3:] == ["projected", "doubled", "residual"]
    step = sent.steps["doubled"]
    assert step["sources"] == ["projected"]
    assert sent.steps["residual"]["sources"] == ["tokens", "doubled"]
    assert step["method"] == "Doubling.forward"
    assert step["quiz"]
    assert np.array_equal(sent.tensor(step), 2 * run["block0.projected"][0].numpy())


def test_tensors_are_those_of_the_run(case, block: int, sent: Lesson) -> None:
    """What travels to the bit, and so are sums and what only lies otherwise; mixed values as near as float32 can be."""
    exact = []
    for stage, step in sent.steps.items():
        name = traced_name(stage, block)
        expected = case.run[name]
        assert step["shape"] == list(expected.shape)
        assert step["axes"] == list(axes_of(name))
        assert step["bytes"] == expected.numel() * 4
        assert step["mean"] == pytest.approx(float(expected.mean()), abs=1e-6)
        assert step["range"] == [float(expected.min()), float(expected.max())]
        if stage in ("image", "pyramid", *MATRICES):
            assert "tensor" not in step
            continue
        actual = sent.tensor(step)
        assert actual.dtype == np.float32 and actual.shape == expected[0].shape
        if sent.name(step) in sent.run.known:
            assert sent.run.told(sent.name(step))["type"] == "f4"
        if stage not in ("mixed", "merged", "activated"):
            assert np.array_equal(actual, expected[0].numpy()), stage
            exact.append(stage)
        largest = float(expected.abs().amax())
        assert np.abs(actual - expected[0].numpy()).max() <= 1e-6 * largest, stage
    assert {"query", "key", "value", "tokens", "projected", "residual"} <= set(exact)


def test_what_follows_from_other_tensors_does_not_travel(case, sent: Lesson) -> None:
    derived = {"mixed", "merged", "activated", "residual"} | ({"output"} if case.model.num_blocks > 1 else set())
    for n in range(case.model.num_blocks):
        later = derived | ({"tokens"} if n else set())
        assert later == {name.partition(".")[2] for name in sent.run.recipes if name.startswith(f"block{n}.")}
    assert not sent.run.recipes.keys() & sent.run.known.keys()
    assert all(n == 1 for n in map(len, sent.run.recipes.values()))


def test_large_numbers_travel_as_they_are(tiny) -> None:
    """What float16 cannot hold would be infinite in the browser."""
    run = trace(tiny.model, tiny.photo)
    run.tensors["block0.mlp"] = run["block0.mlp"] * 1e6
    sent = lesson(run, tiny.model, tiny.photo)
    assert np.array_equal(sent.tensor(sent.steps["mlp"]), run["block0.mlp"][0].numpy())


def test_scores_and_weights_follow_from_what_travels(case, block: int, sent: Lesson, agree) -> None:
    query, key = (torch.from_numpy(sent.tensor(sent.steps[name])) for name in ("query", "key"))
    scores = query @ key
    agree(scores[None], case.run[f"block{block}.scores"])
    agree(scores.softmax(-1)[None], case.run[f"block{block}.weights"])


@pytest.mark.parametrize("pair", [("query_map", "query"), ("key_map", "key"), ("value_map", "value")])
def test_a_reshape_is_the_same_bytes(sent: Lesson, pair: tuple[str, str]) -> None:
    before, after = (sent.run.told(sent.name(sent.steps[name])) for name in pair)
    assert before["offset"] == after["offset"]
    assert (before["type"], before["n"]) == (after["type"], after["n"])


def test_every_byte_is_some_tensors_or_pictures_and_no_two_share_any_otherwise(sent: Lesson) -> None:
    for part in sent.run.parts:
        spans = {}
        for tensor in tensors(part.header):
            spans[tensor["offset"]] = tensor["offset"] + tensor["n"] * int(tensor["type"][1])
        for file in files(part.header):
            spans[file["offset"]] = file["offset"] + file["bytes"]
        in_order = [(0, 0), *sorted(spans.items())]
        assert all(0 <= start - end < 4 for (_, end), (start, _) in pairwise(in_order))
        assert in_order[-1][1] == len(part.body)


def test_pyramid_levels(case, sent: Lesson) -> None:
    if "pyramid" not in sent.steps:
        assert "pyramid0" not in case.run
        return
    levels = sent.steps["pyramid"]["levels"]
    assert len(levels) == 4
    for n, level in enumerate(levels):
        expected = case.run[f"pyramid{n}"][0]
        assert level["sizes"] == [[f"{axis}{n}", size] for axis, size in zip("CHW", expected.shape, strict=True)]
        shown = sent.run.tensor(level["tensor"])
        assert sent.run.told(level["tensor"])["type"] == "f2"
        assert level["range"] == [float(expected[:6].min()), float(expected[:6].max())]
        assert (np.abs(shown - expected[:6].numpy()) <= half(expected[:6])).all()  # small enough to be shown whole


def test_later_blocks_start_from_the_block_before(tiny) -> None:
    for n in (1, 2, 3):
        sent, expected = payload(tiny, n), tiny.run[f"block{n - 1}.output"][0]
        step = sent.steps["tokens"]
        assert np.array_equal(sent.tensor(step), expected.numpy())
        assert ORIGINS["block"].text("en", previous=n) in step["note"]
        assert f"outputblock {n}" in re.sub("<[^>]+>", "", step["formula"])
        assert "output (" in step["diagram"]
        assert step["method"] == "Attention.forward"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_first_block_starts_from_the_pyramid_or_the_colours(tiny, colour, lang) -> None:
    for case, origin, method in (
        (tiny, ORIGINS["pyramid"], "Backbone.forward"),
        (colour, ORIGINS["colour"], "ColourModel.forward"),
    ):
        step = payload(case, 0, lang).steps["tokens"]
        assert origin.text(lang)[:30] in step["note"]
        assert step["method"] == method


# Words and pictures


class Markup(HTMLParser):
    """Collects the elements of a fragment, and fails where one is not closed or not expected."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("span", "code", "sub")
        assert {name for name, _ in attrs} <= {"class", "style", "tabindex", "role"}
        for name, value in attrs:
            assert name != "style" or re.fullmatch(r"color:var\(--axis-\w+\)", value or "")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def plain(html: str) -> str:
    return Markup(html).text


def test_html_is_sound_and_its_text_escaped(sent: Lesson) -> None:
    for step in sent.steps.values():
        for part in ("note", "trap", "formula", "shapeHtml"):
            html = step[part]
            assert not re.search(r"<(?!/?(span|code|sub)\b)", html)
            assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", html)
            text = plain(html)
            assert not re.search(r"\{\w*\}|\[\[|\]\]", text) or part == "formula"
        assert plain(step["note"])
    for html in sent.book["code"].values():
        assert plain(html).startswith("def forward(")


def test_words_are_in_the_language_asked_for(case, block: int) -> None:
    english, chinese = (payload(case, block, lang) for lang in ("en", "zh"))
    assert (english.book["lang"], chinese.book["lang"]) == ("en", "zh")
    assert english.run.parts == chinese.run.parts
    assert list(english.steps) == list(chinese.steps)
    for stage, step in english.steps.items():
        other = chinese.steps[stage]
        declared = stage_of("pyramid3" if stage == "pyramid" else stage)
        assert (step["title"], other["title"]) == (declared.title.en, declared.title.zh)
        assert not re.search("[\u4e00-\u9fff]", step["note"] + step["trap"] + "".join(step["facts"]))
        assert re.search("[\u4e00-\u9fff]", other["note"])
        assert bool(step["trap"]) == bool(other["trap"]) == bool(declared.trap)
        assert len(step["facts"]) == len(other["facts"])
        assert step["range"] == other["range"]
        said, told = (re.sub(r'<span class="tip".*?</span>', "", of["formula"]) for of in (step, other))
        assert said == told  # but for what the tips on its axes say
        assert step["diagram"].startswith("<svg ")


def test_marked_lines_lie_in_the_code_sent(sent: Lesson) -> None:
    for stage, step in sent.steps.items():
        lines = plain(sent.book["code"][step["method"]].replace("</span><span>", "</span>\n<span>")).split("\n")
        marked = "".join(lines[i] for i in step["marked"])
        assert "keep(" in marked
        assert f'"{stage}' in marked


def test_what_the_run_and_the_book_say_beside_that(case, sent: Lesson) -> None:
    header, colour = sent.run.header, case.model.num_blocks == 1
    assert sent.book["ui"] == {name: text("en") for name, text in UI.items()}
    assert (header["run"], header["blocks"], header["heads"]) == (
        "a run",
        len(sent.book["blocks"]),
        case.model.num_heads,
    )
    assert header["grid"] == [case.run.sizes["H"], case.run.sizes["W"]]
    assert (header["photo"]["width"], header["photo"]["height"]) == case.photo.size
    names = sent.book.get("channelNames", []), sent.book["explorer"]["headNames"] or []
    assert [len(n) for n in names] == ([15, 4] if colour else [0, 0])


def test_photo(sent: Lesson) -> None:
    photo = sent.run.header["photo"]
    assert photo["mime"] == "image/jpeg"
    with sent.run.parts[0].picture(photo) as image:
        assert image.size == (photo["width"], photo["height"])


def test_uniform_rows_are_told(photo: Callable[..., Image.Image], tiny) -> None:
    model, picture = load_model("tiny"), photo(128, 192)
    run = trace(model, picture)
    steps = lesson(run, model, picture).steps
    assert any("Uniform rows" in fact for fact in steps["weights"]["facts"])
    assert any("6.0 · 6.0 · 6.0 · 6.0, of 6" in fact for fact in steps["weights"]["facts"])
    assert "every entry is exactly 0" in steps["projected"]["note"]
    tuned = payload(tiny).steps
    assert not any("Uniform rows" in fact for fact in tuned["weights"]["facts"])
    assert "The largest entry here is" in tuned["projected"]["note"]


def test_size_at_512() -> None:
    model, picture = load_model("tiny"), open_sample("china").resize((512, 512))
    run = trace(model, picture)
    assert run.sizes["HW"] == 64
    assert sum(map(len, travels(run, model, picture, "a run"))) < 1_100_000
    shown = lesson(run, model, picture)
    levels = [shown.run.told(level["tensor"])["shape"] for level in shown.steps["pyramid"]["levels"]]
    assert levels == [[6, 48, 48], [6, 48, 48], [6, 32, 32], [6, 16, 16]]


def test_a_picture_of_96_tokens_travels_in_at_most_a_megabyte_and_a_half() -> None:
    """Of all four blocks, the picture with it."""
    model, picture = load_model("everyday"), open_sample("street").resize((768, 512))
    run = trace(model, picture)
    assert (run.sizes["H"], run.sizes["W"]) == (8, 12)
    assert sum(map(len, travels(run, model, picture, "a run"))) <= 1_500_000
