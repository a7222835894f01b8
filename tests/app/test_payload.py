"""The walkthrough's bytes, read as the browser reads them."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import torch
from decoding import Payload, decode, files, tensors
from novelty import Doubling, declared
from PIL import Image
from sending import SETTINGS, message

from topformer_viz import load_model, trace
from topformer_viz.network.samples import open_sample
from topformer_viz.run.stages import ORIGINS, STAGES, axes_of, stage_of
from topformer_viz.words.text import Lang

STEPS = [stage.name.replace("{n}", "") for stage in STAGES.values() if stage.walked]
MATRICES = ("scores", "weights")


def payload(case, block: int = 0, lang: Lang = "en") -> Payload:
    return decode(message(case.run, case.model, case.photo, block, lang))


def half(values: torch.Tensor) -> np.ndarray:
    """How far float16 may be from each of ``values``."""
    return values.abs().numpy() * 2.0**-11 + 2.0**-25


def traced_name(stage: str, block: int) -> str:
    return {"image": "image", "pyramid": "pyramid3"}.get(stage, f"block{block}.{stage}")


@pytest.fixture(scope="module", params=["first", "last"])
def block(request: pytest.FixtureRequest, case) -> int:
    return 0 if request.param == "first" else case.model.num_blocks - 1


@pytest.fixture(scope="module")
def sent(case, block: int) -> Payload:
    return payload(case, block)


# Tensors


def test_steps_are_those_of_the_run(case, sent: Payload) -> None:
    colour = case.model.num_blocks == 1
    expected = [name for name in STEPS if not (colour and name in ("pyramid", "mlp", "output"))]
    assert list(sent.steps) == [step["stage"] for step in sent.header["steps"]] == expected


def test_sources_are_the_declared_ones(case, block: int, sent: Payload) -> None:
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
        sent = decode(message(run, model, colour.photo, 0, "en"))
    assert list(sent.steps)[-3:] == ["projected", "doubled", "residual"]
    step = sent.steps["doubled"]
    assert step["sources"] == ["projected"]
    assert sent.steps["residual"]["sources"] == ["tokens", "doubled"]
    assert step["method"] == "Doubling.forward"
    assert step["quiz"]
    expected = 2 * run["block0.projected"][0].numpy()
    assert (np.abs(sent.view(step["tensor"]) - expected) <= np.abs(expected) * 2.0**-11 + 2.0**-25).all()


def test_tensors_are_those_of_the_run(case, block: int, sent: Payload) -> None:
    """Query, key and value to the bit, the rest as near as float16 can be."""
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
        actual = sent.view(step["tensor"])
        if stage.removesuffix("_map") in ("query", "key", "value"):
            assert step["tensor"]["type"] == "f4"
            assert np.array_equal(actual, expected[0].numpy()), stage
        else:
            assert step["tensor"]["type"] == "f2"
            assert (np.abs(actual - expected[0].numpy()) <= half(expected[0])).all(), stage


def test_large_numbers_travel_as_float32(tiny) -> None:
    """What float16 cannot hold would be infinite in the browser."""
    run = trace(tiny.model, tiny.photo)
    run.tensors["block0.mlp"] = run["block0.mlp"] * 1e6
    sent = decode(message(run, tiny.model, tiny.photo, 0, "en"))
    assert sent.steps["mlp"]["tensor"]["type"] == "f4"
    assert np.array_equal(sent.view(sent.steps["mlp"]["tensor"]), run["block0.mlp"][0].numpy())


def test_scores_and_weights_follow_from_what_travels(case, block: int, sent: Payload, agree) -> None:
    query, key = (torch.from_numpy(sent.view(sent.steps[name]["tensor"])) for name in ("query", "key"))
    scores = query @ key
    agree(scores[None], case.run[f"block{block}.scores"])
    agree(scores.softmax(-1)[None], case.run[f"block{block}.weights"])


@pytest.mark.parametrize("pair", [("query_map", "query"), ("key_map", "key"), ("value_map", "value")])
def test_a_reshape_is_the_same_bytes(sent: Payload, pair: tuple[str, str]) -> None:
    before, after = (sent.steps[name]["tensor"] for name in pair)
    assert before["offset"] == after["offset"]
    assert (before["type"], before["n"]) == (after["type"], after["n"])


def test_no_two_tensors_share_bytes_otherwise(sent: Payload) -> None:
    spans = {}
    for tensor in tensors(sent.header):
        spans[tensor["offset"]] = tensor["offset"] + tensor["n"] * int(tensor["type"][1])
    for file in files(sent.header):
        spans[file["offset"]] = file["offset"] + file["bytes"]
    in_order = sorted(spans.items())
    assert all(end <= start for (_, end), (start, _) in pairwise(in_order))
    assert in_order[-1][1] == len(sent.body)


def test_the_guest_reads_the_lessons_own_bytes(block: int, sent: Payload) -> None:
    own = sent.header["explorer"]["known"][str(block)]
    for name in ("query", "key", "value"):
        assert own[name] == sent.steps[name]["tensor"]


def test_pyramid_levels(case, sent: Payload) -> None:
    if "pyramid" not in sent.steps:
        assert "pyramid0" not in case.run
        return
    levels = sent.steps["pyramid"]["levels"]
    assert len(levels) == 4
    for n, level in enumerate(levels):
        expected = case.run[f"pyramid{n}"][0]
        assert level["sizes"] == [[f"{axis}{n}", size] for axis, size in zip("CHW", expected.shape, strict=True)]
        shown = sent.view(level["tensor"])
        assert level["range"] == [float(expected[:6].min()), float(expected[:6].max())]
        assert (np.abs(shown - expected[:6].numpy()) <= half(expected[:6])).all()  # small enough to be shown whole


def test_later_blocks_start_from_the_block_before(tiny) -> None:
    for n in (1, 2, 3):
        sent, expected = payload(tiny, n), tiny.run[f"block{n - 1}.output"][0]
        step = sent.steps["tokens"]
        actual = sent.view(step["tensor"])
        assert (np.abs(actual - expected.numpy()) <= half(expected)).all()
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


def test_html_is_sound_and_its_text_escaped(sent: Payload) -> None:
    for step in sent.steps.values():
        for part in ("note", "trap", "formula", "shapeHtml"):
            html = step[part]
            assert not re.search(r"<(?!/?(span|code|sub)\b)", html)
            assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", html)
            text = plain(html)
            assert not re.search(r"\{\w*\}|\[\[|\]\]", text) or part == "formula"
        assert plain(step["note"])
    for html in sent.header["code"].values():
        assert plain(html).startswith("def forward(")


def test_words_are_in_the_language_asked_for(case, block: int) -> None:
    english, chinese = (payload(case, block, lang) for lang in ("en", "zh"))
    assert (english.header["lang"], chinese.header["lang"]) == ("en", "zh")
    assert english.body == chinese.body
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


def test_marked_lines_lie_in_the_code_sent(sent: Payload) -> None:
    for stage, step in sent.steps.items():
        lines = plain(sent.header["code"][step["method"]].replace("</span><span>", "</span>\n<span>")).split("\n")
        marked = "".join(lines[i] for i in step["marked"])
        assert "keep(" in marked
        assert f'"{stage}' in marked


def test_header(case, sent: Payload) -> None:
    header = sent.header
    assert header["asked"] == SETTINGS["asked"]
    assert header["ui"] == SETTINGS["ui"]
    assert header["heads"] == case.model.num_heads
    assert header["grid"] == [case.run.sizes["H"], case.run.sizes["W"]]
    assert (header["photo"]["width"], header["photo"]["height"]) == case.photo.size
    names = header.get("channelNames", []), header.get("headNames", [])
    assert [len(n) for n in names] == ([15, 4] if case.model.num_blocks == 1 else [0, 0])


def test_photo(sent: Payload) -> None:
    photo = sent.header["photo"]
    assert photo["mime"] == "image/jpeg"
    with sent.picture(photo) as image:
        assert image.size == (photo["width"], photo["height"])


def test_uniform_rows_are_told(photo: Callable[..., Image.Image], tiny) -> None:
    model, picture = load_model("tiny"), photo(128, 192)
    run = trace(model, picture)
    steps = decode(message(run, model, picture, 0, "en")).steps
    assert any("Uniform rows" in fact for fact in steps["weights"]["facts"])
    assert any("6.0 · 6.0 · 6.0 · 6.0, of 6" in fact for fact in steps["weights"]["facts"])
    assert "every entry is exactly 0" in steps["projected"]["note"]
    tuned = payload(tiny).steps
    assert not any("Uniform rows" in fact for fact in tuned["weights"]["facts"])
    assert "The largest entry here is" in tuned["projected"]["note"]


def test_size_at_512() -> None:
    model, picture = load_model("tiny"), open_sample("china").resize((512, 512))
    run = trace(model, picture)
    data = message(run, model, picture, 0, "zh")
    assert len(data) < 700_000
    levels = [level["tensor"]["shape"] for level in decode(data).steps["pyramid"]["levels"]]
    assert levels == [[6, 48, 48], [6, 48, 48], [6, 32, 32], [6, 16, 16]]
