"""The attention explorer without a browser: what it is sent, its file, and what it asks of the server."""

import base64
import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from decoding import Payload, decode, files, tensors
from opening import HANDED, message, open_app
from PIL import Image
from sending import SentRun
from sending import sent as sent_run
from serving import wait_for

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas import travelling
from topformer_viz.app.canvas.travelling import POOLED
from topformer_viz.app.canvas.wire import COPY_WORDS, Body
from topformer_viz.app.explorer import file, page
from topformer_viz.app.explorer.change import LABELS, Change, changes_of
from topformer_viz.app.explorer.file import explorer_html
from topformer_viz.app.explorer.payload import explorer_book, heads_of, removals_message, ui_words
from topformer_viz.app.explorer.words import TITLE, UI
from topformer_viz.app.frame import choices
from topformer_viz.network.classes import classes_of
from topformer_viz.network.colour import Model
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.network.samples import open_sample
from topformer_viz.run.measures import difference, measure
from topformer_viz.run.segmentation import Removal, segment, without_heads
from topformer_viz.run.stages import GLOSSARY
from topformer_viz.run.walk import Known, output_of
from topformer_viz.server.queue import MINE, QUEUE
from topformer_viz.words.live import Answer, say
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import LANGS, Lang


def removals(run: Trace, model: Model, taken: dict[int, str]) -> Payload:
    """What is sent of runs without heads; ``taken``: of which block which."""
    found = []
    for n, name in taken.items():
        removal = without_heads(model, run, n, heads_of(name, run.sizes["heads"]) or ())
        found += [(f"block{n} {name}", change) for _, change in changes_of(run, model, n, [(name, removal)])]
    return decode(removals_message(found))


def told(run: Trace, model: Model, answers: list[Answer], lang: Lang = "en") -> list[str]:
    """The sayings in words, as the browser fills them from the book."""
    texts = explorer_book(Known.of(run, model), lang)["removal"]
    return [say(answer, texts) for answer in answers]


@pytest.fixture(scope="module")
def sent(case) -> SentRun:
    return sent_run(case.run, case.model, case.photo)


# Tensors


def test_query_key_value_and_normalisation_travel_to_the_bit(case, sent: SentRun) -> None:
    """In the part that the explorer has, without the other maps."""
    attention, differences = SentRun(sent.parts[:1]), difference(case.model, case.run)
    for n in range(case.model.num_blocks):
        measures = measure(case.run, n)
        for name in ("query", "key", "value"):
            assert attention.told(f"block{n}.{name}")["type"] == "f4"
            assert np.array_equal(attention.tensor(f"block{n}.{name}"), case.run[f"block{n}.{name}"][0].numpy())
        assert attention.told(f"block{n}.log_sum_exp")["type"] == "f4"
        assert np.array_equal(attention.tensor(f"block{n}.log_sum_exp"), measures.log_sum_exp.numpy())
        assert attention.answers[f"measures block{n}"] == {
            name: getattr(measures, name).tolist() for name in ("effective", "distance", "low", "high", "top")
        }
        assert 0 <= differences[n] < 1e-4
        assert f"block{n}.weights.pooled" not in attention.known


def test_rows_and_columns_made_from_it_are_the_runs(case, sent: SentRun, agree: Callable[..., None]) -> None:
    for n in range(case.model.num_blocks):
        query, key, lse = (
            sent.tensor(f"block{n}.{name}").astype(np.float64) for name in ("query", "key", "log_sum_exp")
        )
        scores = query @ key
        columns = np.exp(scores - lse[:, :, None])
        for name, made in (("scores", scores), ("weights", sent.weights(n)), ("weights", columns)):
            agree(torch.from_numpy(made)[None], case.run[f"block{n}.{name}"])


def test_what_enters_and_leaves_a_block_comes_with_the_other_maps_to_the_bit(case, sent: SentRun) -> None:
    for n in range(case.model.num_blocks):
        enters, leaves = f"block{n}.tokens", output_of(case.run, n)
        assert leaves == f"block{n}.{'residual' if case.model.num_blocks == 1 else 'output'}"
        for name, sends in ((enters, enters if n else "tokens"), (leaves, leaves)):
            assert np.array_equal(sent.tensor(sends), case.run[name][0].numpy())
        assert not {enters, leaves, "tokens"} & sent.parts[0].header["tensors"].keys()


def test_every_byte_is_some_tensors_or_pictures_and_no_two_share_any(case) -> None:
    sent = removals(case.run, case.model, dict.fromkeys(range(case.model.num_blocks), "without-1"))
    spans = {(t["offset"], t["offset"] + t["n"] * int(t["type"][1])) for t in tensors(sent.header)}
    spans |= {(f["offset"], f["offset"] + f["bytes"]) for f in files(sent.header)}
    end = 0
    for start, stop in sorted(spans):
        assert 0 <= start - end < 4
        end = stop
    assert end == len(sent.body)


def test_the_run_and_the_book_say_what_is_shown(case, sent: SentRun) -> None:
    data = sent.header
    assert data["heads"] == case.model.num_heads
    assert data["blocks"] == case.model.num_blocks
    assert data["grid"] == [case.run.sizes["H"], case.run.sizes["W"]]
    assert data["dense"] == DENSE_TOKENS
    names = ["colour", "brightness", "hue", "place"] if case.model.num_blocks == 1 else None
    assert explorer_book(Known.of(case.run, case.model), "en")["headNames"] == names
    assert (data["photo"]["width"], data["photo"]["height"]) == case.photo.size
    with sent.parts[0].picture(data["photo"]) as photo:
        assert photo.size == case.photo.size


def test_words_are_in_the_language_asked_for(case) -> None:
    sent = removals(case.run, case.model, dict.fromkeys(range(case.model.num_blocks), "only-2"))
    assert list(sent.header["removals"]) == [f"block{n} only-2" for n in range(case.model.num_blocks)]
    for lang in LANGS:
        data = explorer_book(Known.of(case.run, case.model), lang)
        assert data["ui"] == ui_words(lang)
        assert data["ui"]["not_evidence"] == NOT_EVIDENCE(lang)
        for own in sent.header["removals"].values():
            words = told(case.run, case.model, own["said"], lang)
            assert len(words) == 2
            assert all(bool(re.search("[\u4e00-\u9fff]", text)) == (lang == "zh") for text in words)


@pytest.mark.parametrize("lang", LANGS)
def test_a_term_comes_with_its_definition(lang: Lang) -> None:
    words = ui_words(lang)
    assert words["mean"] == UI["mean"](lang)
    for name in ("said_effective", "strip_note"):
        assert GLOSSARY["effective tokens"][1](lang) in words[name]
    assert not any("[[" in text for text in words.values())


def test_what_is_said_to_a_finger_speaks_of_no_mouse() -> None:
    mouse = re.compile(r"[Pp]oint|[Cc]lick|Esc|指向|指一|点击")
    finger = [name for name in UI if name.endswith("_touch") and name not in COPY_WORDS]
    assert all(mouse.search(UI[name.removesuffix("_touch")].en) for name in finger)
    assert not [name for name in finger if mouse.search(UI[name].en) or mouse.search(UI[name].zh)]


def test_the_words_have_the_same_places_in_both_languages() -> None:
    for name, text in UI.items():
        assert set(re.findall(r"\{\w*\}", text.en)) == set(re.findall(r"\{\w*\}", text.zh)), name


# Size


def test_a_block_of_64_tokens_and_8_heads_takes_at_most_150_kb_beside_the_photograph() -> None:
    model, picture = load_model("base"), open_sample("china").resize((512, 512))
    run = trace(model, picture)
    assert (run.sizes["HW"], run.sizes["heads"]) == (64, 8)
    attention = sent_run(run, model, picture).parts[0]
    for n in range(model.num_blocks):
        own = [t for name, t in attention.header["tensors"].items() if name.startswith(f"block{n}.")]
        assert sum({t["offset"]: 4 * t["n"] for t in own}.values()) <= 150_000
    assert len(json.dumps(attention.header)) < 50_000


@pytest.fixture(scope="module")
def growing() -> dict[int, tuple[Trace, SentRun]]:
    """The colour model on a square: tokens -> the run and what is sent of it."""
    picture, made = open_sample("astronaut").resize((256, 256)), {}
    for grid in (8, 16, 32, 40):
        model = load_model("colour", grid=grid)
        run = trace(model, picture)
        made[grid * grid] = (run, sent_run(run, model, picture))
    return made


def test_what_travels_grows_with_the_tokens_and_not_with_their_square(
    growing: dict[int, tuple[Trace, SentRun]],
) -> None:
    for tokens, (run, sent) in growing.items():
        attention = sent.parts[0]
        a_token = run.sizes["heads"] * (2 * run.sizes["key_dim"] + run.sizes["d"] + 1) * 4
        pictures = 2 * run.sizes["heads"] * POOLED**2 * 2 if tokens > DENSE_TOKENS else 0
        spare = len(attention.body) - attention.header["photo"]["bytes"] - tokens * a_token - pictures
        assert 0 <= spare < 16, tokens  # to the next multiple of 4
    few, many = (len(json.dumps(growing[tokens][1].header)) for tokens in (64, 1024))
    assert many < few + 500


def test_the_matrix_averaged_down_comes_only_where_it_has_too_many_entries(
    growing: dict[int, tuple[Trace, SentRun]],
) -> None:
    assert ["block0.weights.pooled" in sent.known for _, sent in growing.values()] == [False, False, False, True]
    run, sent = growing[1600]
    for name in ("scores", "weights"):
        assert sent.told(f"block0.{name}.pooled")["shape"] == [4, POOLED, POOLED]
        whole = torch.stack([run.rows(f"block0.{name}", head, slice(None)) for head in range(4)])
        expected = F.adaptive_avg_pool2d(whole, POOLED).numpy()
        shown = sent.tensor(f"block0.{name}.pooled")
        assert np.allclose(shown, expected, rtol=2e-3, atol=1e-6 + 1e-4 * np.abs(expected).max())


def test_the_bound_of_that_is_the_models(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travelling, "DENSE_TOKENS", 5)  # the run has 6
    sent = sent_run(tiny.run, tiny.model, tiny.photo)
    assert sent.header["dense"] == 5
    expected = F.adaptive_avg_pool2d(tiny.run["block3.weights"][0], POOLED)
    assert np.allclose(sent.tensor("block3.weights.pooled"), expected, atol=1e-3)


def test_a_picture_is_written_once() -> None:
    body = Body()
    first, second, other = (body.add_picture(raw, "image/png") for raw in (b"abc", b"abc", b"abd"))
    assert first == second == {"offset": 0, "bytes": 3, "mime": "image/png"}
    assert other["offset"] == 4
    assert body.data.getvalue() == b"abc\0abd"


# Heads taken away


@pytest.mark.parametrize(
    ("removal", "heads", "taken"),
    [
        ("without-1", 4, (0,)),
        ("without-4", 4, (3,)),
        ("only-1", 4, (1, 2, 3)),
        ("only-3", 4, (0, 1, 3)),
        ("only-8", 8, (0, 1, 2, 3, 4, 5, 6)),
        ("without-12", 12, (11,)),
    ],
)
def test_heads_of_a_removal(removal: str, heads: int, taken: tuple[int, ...]) -> None:
    assert heads_of(removal, heads) == taken


@pytest.mark.parametrize(
    "removal",
    ["", "without", "without-", "without-0", "without-5", "without--1", "without-01", "without-1 ", " without-1", "without-1\n",
     "Without-1", "only-1.0", "only-1e0", "both-1", "without-1-2", "only-99999999", "-1", "1"],
)  # fmt: skip
def test_what_is_no_removal(removal: str) -> None:
    assert heads_of(removal, 4) is None


def percent(words: str) -> float:
    found = re.search(r"([\d.]+)%", words)
    assert found
    return float(found[1]) / 100


def shown_size(run: Trace) -> tuple[int, int]:
    height, width = run.sizes["Y"], run.sizes["X"]
    scale = LABELS / max(height, width)
    return round(height * scale), round(width * scale)


@pytest.mark.parametrize("removal", ["without-3", "only-1"])
def test_the_removals_numbers_and_pictures_are_computed(tiny, removal: str) -> None:
    sent = removals(tiny.run, tiny.model, {1: removal})
    ((name, data),) = sent.header["removals"].items()
    assert name == f"block1 {removal}"
    words, moves = (told(tiny.run, tiny.model, data[said]) for said in ("said", "moves"))
    removed = without_heads(tiny.model, tiny.run, 1, heads_of(removal, 4) or ())
    before = tiny.run["block1.output"].double()
    change = removed.output.double() - before
    assert np.allclose(sent.view(data["change"]), change.square().mean(1).sqrt(), atol=1e-5)
    assert data["largest"] == pytest.approx(float(change.square().mean(1).sqrt().max()), rel=1e-4)
    share = float((change.square().sum() / before.square().sum()).sqrt())
    assert percent(words[0]) == pytest.approx(share, abs=6e-4)

    size, names = shown_size(tiny.run), classes_of(150)
    was, now = (segment(scores, size).labels.numpy() for scores in (tiny.run["class_scores"], removed.scores))
    changed = was != now
    assert 0.05 < changed.mean() < 1  # or nothing would be tested
    assert percent(words[1]) == pytest.approx(changed.mean(), abs=6e-4)

    palette = np.array([list(bytes.fromhex(colour[1:])) for colour in names.colours], np.uint8)
    for name, labels, opaque in (("before", was, was >= 0), ("after", now, was >= 0), ("changed", now, changed)):
        with sent.picture(data[name]) as picture:
            tokens = np.asarray(picture.convert("RGBA"))
        assert np.array_equal(tokens[..., 3] > 0, opaque), name
        assert np.array_equal(tokens[opaque][:, :3], palette[labels[opaque]]), name

    pairs, counts = np.unique(np.stack([was[changed], now[changed]]), axis=1, return_counts=True)
    commonest = sorted(counts, reverse=True)[:3]
    assert [percent(move) for move in moves] == [pytest.approx(c / was.size, abs=6e-4) for c in commonest]
    known = {
        f"{names.names[a].en} → {names.names[b].en} {count / was.size:.1%}"
        for (a, b), count in zip(pairs.T, counts, strict=True)
    }
    assert set(moves) <= known
    classes = explorer_book(Known.of(tiny.run, tiny.model), "en")["classes"]
    legend = dict(classes[c] for c in data["legend"])
    present = set(was.flat) | set(now.flat)
    assert len(legend) == min(12, len(present))
    assert legend.items() <= {(names.names[c].en, names.colours[c]) for c in present}


def test_a_model_without_classes_says_so(case) -> None:
    """Where there is a legend and the parameters are random, the browser says that nothing here is evidence."""
    sent = removals(case.run, case.model, {0: "without-1"})
    data = sent.header["removals"]["block0 without-1"]
    segmented = "class_scores" in case.run
    last = told(case.run, case.model, data["said"])[-1]
    assert (last == "This model has no segmentation.") == (not segmented)
    assert {"before", "after", "changed", "moves", "legend"}.issubset(data) == segmented
    assert bool(explorer_book(Known.of(case.run, case.model), "en")["classes"]) == segmented
    assert sent.view(data["change"]).shape == (1, case.run.sizes["H"], case.run.sizes["W"])


def test_more_classes_than_a_palette_holds_are_no_error(varied: Callable[..., Model], tiny) -> None:
    """300 classes: of those from the 256th on the picture says nothing, and nothing breaks."""
    scores = torch.randn(1, 300, 16, 24, generator=torch.Generator().manual_seed(0))
    run = Trace({**tiny.run, "class_scores": scores}, tiny.run.sizes, 0.0, "cpu", False)
    removal = Removal(run["block0.output"], scores.flip(1))
    sent = decode(removals_message(changes_of(run, tiny.model, 0, [("block0 without-1", removal)])))
    data = sent.header["removals"]["block0 without-1"]
    assert data["said"][1]["share"] > 0.9
    with sent.picture(data["after"]) as picture:
        assert picture.size == (320, 213)


def test_an_untrained_networks_output_does_not_depend_on_its_heads(photo: Callable[..., Image.Image]) -> None:
    model, picture = load_model("tiny"), photo(128, 192)
    run = trace(model, picture)
    data = removals(run, model, {2: "only-1"}).header["removals"]["block2 only-1"]
    assert [percent(words) for words in told(run, model, data["said"])] == [0, 0]
    assert data["largest"] == 0
    assert data["moves"] == []


def test_the_run_is_not_changed(tiny) -> None:
    before = {name: tensor.clone() for name, tensor in tiny.run.items()}
    sent_run(tiny.run, tiny.model, tiny.photo)
    removals(tiny.run, tiny.model, {0: "only-1"})
    assert list(tiny.run) == list(before)
    assert all(torch.equal(tiny.run[name], tensor) for name, tensor in before.items())


# The file

MARKUP = '<img src=x onerror="alert(1)">'
NAMES = [
    MARKUP,
    "</title></h1></script><script>alert(1)</script>",
    "a\"b'c&amp;d",
    "two\nlines",
    "\u202egpj.tac",
    "{name} {x}",
    "%s",
]


PARTS = ("payload", "run", "maps", "removals")


class Html(HTMLParser):
    """What a page holds: its tags with their attributes, and the text of each kind of element."""

    VOID = ("meta", "img", "input", "br", "path")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.held: dict[str, str] = {}  # what stands in scripts with an id
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = self.open[-1] if self.open else ""
        self.text[where] = self.text.get(where, "") + data
        if where == "script" and (name := self.tags[-1][1].get("id")):
            self.held[name] = self.held.get(name, "") + data

    @property
    def parts(self) -> dict[str, Payload]:
        """What it holds beside its script: the message, the run in two parts, the runs without heads."""
        found = [a for tag, a in self.tags if tag == "script" and "id" in a]
        assert found == [{"type": "application/octet-stream", "id": name} for name in PARTS]
        return {name: decode(base64.b64decode(self.held[name])) for name in PARTS}


def file_of(
    case, lang: Lang = "en", name: str = "cat.jpg", about: str = "a model", credit: str = "", **asked: Any
) -> str:
    return explorer_html(
        case.run,
        case.model,
        case.photo,
        lang,
        name=name,
        about=about,
        untrained=False,
        credit=credit,
        asked=asked or None,
    )


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of one run without a head: the others take their time."""

    def one(run: Trace, model: Model) -> Iterator[tuple[str, Change]]:
        yield from changes_of(run, model, 0, [("block0 without-1", without_heads(model, run, 0, (0,)))])

    monkeypatch.setattr(file, "_removals", one)


@pytest.mark.parametrize("lang", LANGS)
def test_the_file_fetches_nothing(light: None, tiny, lang: Lang) -> None:
    text = file_of(tiny, lang)
    html = Html(text)
    for tag, attributes in html.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "a"), tag
        assert not {"src", "href", "srcset", "data", "action", "poster"} & attributes.keys(), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    styles, script = html.text["style"], html.text["script"]
    assert "@import" not in styles
    assert not re.findall(r"url\((?!data:)[^)]*\)", styles)
    assert ("url(data:font/woff" in styles) == (lang == "zh")
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts)\b", script)
    assert not re.search(r"\bimport\b\s*[({\"']", script)
    assert set(re.findall(r"https?://[^\s\"'`<>)]+", text)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address
    (policy,) = [a["content"] or "" for tag, a in html.tags if tag == "meta" and a.get("http-equiv")]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy and "*" not in policy


def test_the_file_holds_every_block_and_every_run_without_a_head(case) -> None:
    html = Html(file_of(case))
    parts = html.parts
    data, sent = parts["payload"].header["view"], SentRun((parts["run"], parts["maps"]))
    assert (data["alone"], data["saves"]) == (True, False)
    assert data["differences"] == difference(case.model, case.run)
    heads = range(1, case.model.num_heads + 1)
    names = [f"{kind}-{head}" for kind in ("without", "only") for head in heads]
    expected = [f"block{n} {name}" for n in range(case.model.num_blocks) for name in names]
    assert list(parts["removals"].header["removals"]) == expected
    for n in range(case.model.num_blocks):
        for name in ("query", "key", "value"):
            assert np.array_equal(sent.tensor(f"block{n}.{name}"), case.run[f"block{n}.{name}"][0].numpy())
        assert np.array_equal(sent.tensor(output_of(case.run, n)), case.run[output_of(case.run, n)][0].numpy())
    assert f"{case.run.sizes['H']} × {case.run.sizes['W']} tokens" in html.text["p"]
    assert f"{case.photo.width} × {case.photo.height} image pixels" in html.text["p"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_file_is_in_the_language_asked_for(light: None, tiny, lang: Lang) -> None:
    html = Html(file_of(tiny, lang))
    header = html.parts["payload"].header
    assert html.tags[0][1]["lang"] == header["lang"] == lang
    assert header["book"]["explorer"] == explorer_book(Known.of(tiny.run, tiny.model), lang)
    assert bool(re.search("[\u4e00-\u9fff]", html.text["p"])) == (lang == "zh")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lang", LANGS)
def test_a_name_is_text_and_nothing_else(light: None, tiny, name: str, lang: Lang) -> None:
    plain, html = Html(file_of(tiny, lang)), Html(file_of(tiny, lang, name=name, about=name, credit=f"Photo: {name}"))
    assert html.tags == plain.tags
    for tag in ("title", "h1"):
        assert html.text[tag] == TITLE(lang, name=name)
    assert html.text["p"].count(name) == 2 and f"Photo: {name}" in html.text["p"]
    assert html.text["script"] == plain.text["script"]


def test_names_of_classes_travel_as_data_only(light: None, tiny) -> None:
    model = copy.deepcopy(tiny.model)
    model.class_names = tuple(f"{MARKUP}</script>{c}" for c in range(150))
    text = file_of(SimpleNamespace(run=tiny.run, model=model, photo=tiny.photo))
    assert MARKUP not in text
    parts = Html(text).parts
    classes = parts["payload"].header["book"]["explorer"]["classes"]
    shown = parts["removals"].header["removals"]["block0 without-1"]["legend"]
    legend = [classes[c] for c in shown]
    names = [name.en for name in classes_of(150, model.class_names).names]
    assert legend
    assert {name for name, _ in legend} <= set(names)
    assert all("<img" in name for name, _ in legend)


@pytest.mark.parametrize(
    ("asked", "shown", "kept"),
    [
        ({"block": 3, "head": "mean", "query": 5}, 2, {"block": "3", "head": "mean", "query": "5"}),
        ({"block": "2", "removal": None}, 1, {"block": "2"}),
        ({"block": 5}, 0, {"block": "5"}),
        ({"block": "0"}, 0, {"block": "0"}),
        ({"block": [1], "with": "</script>"}, 0, {"block": "[1]", "with": "</script>"}),
    ],
)
def test_the_file_opens_with_the_view_it_was_saved_from(
    light: None, tiny, asked: dict[str, Any], shown: int, kept: dict[str, str]
) -> None:
    data = Html(file_of(tiny, **asked)).parts["payload"].header["view"]
    assert (data["block"], data["asked"]) == (shown, kept)


# What the browser asks for


class State(dict[str, Any]):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


@pytest.fixture
def take(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], State]:
    """take(wish): the session's state after the browser has asked for this, in block 3 of the run a/b, of 4 heads and 6 tokens."""
    shape = SimpleNamespace(sizes={"heads": 4, "HW": 6, "H": 2, "W": 3})
    outline = SimpleNamespace(known=SimpleNamespace(shape=shape, blocks=4))
    view: Any = SimpleNamespace(outline=outline, run_name="a/b", takes=choices.EVERYWHERE)

    def taken(wish: Any) -> State:
        state = State(block=3, lesson={"wish": wish})
        monkeypatch.setattr(page.st, "session_state", state)
        page.take_wish("lesson", view)
        del state["lesson"]
        return state

    return taken


NOTHING = {"block": None, "removal": "", "run": ""}


def test_a_wish_is_noted(take: Callable[[Any], State]) -> None:
    save = {"block": 1, "head": "mean", "query": 6, "mode": None}
    state = take({"block": 0, "removal": "only-4", "save": save, "run": "a/b"})
    assert state == {
        "block": 3,  # which one the removal is of says nothing of the one on show
        "explorer_wish": {"block": 0, "removal": "only-4", "run": "a/b"},
        "explorer_save": ("a/b", {"block": 1, "head": "mean", "query": 6}),
    }
    assert take({"block": None, "removal": "", "save": None}) == {"block": 3, "explorer_wish": NOTHING}


@pytest.mark.parametrize("wish", [None, 3, "block", [], [1], 1.5, True])
def test_what_is_no_wish_changes_nothing(take: Callable[[Any], State], wish: Any) -> None:
    assert take(wish) == {"block": 3}


@pytest.mark.parametrize("value", [None, -1, 4, 10**30, 1.0, "one", "", [], [0], {}, float("nan"), True])
def test_a_block_there_is_not_is_left_out(take: Callable[[Any], State], value: Any) -> None:
    assert take({"block": value}) == {"block": 3, "explorer_wish": NOTHING}


@pytest.mark.parametrize("value", [None, 1, ["only-1"], {"a": 1}, True, "only-5", "x"])
def test_a_removal_that_is_none_is_left_out(take: Callable[[Any], State], value: Any) -> None:
    assert take({"removal": value}) == {"block": 3, "explorer_wish": NOTHING}


@pytest.mark.parametrize("value", [None, 1, ["a/b"], {}, "another", "a" * 10_000])
def test_a_run_that_is_not_on_show_is_none(take: Callable[[Any], State], value: Any) -> None:
    assert take({"run": value}) == {"block": 3, "explorer_wish": NOTHING}


@pytest.mark.parametrize(
    ("said", "block"),
    [
        (1, 1),
        (4, 4),
        *((nonsense, 3) for nonsense in (None, 0, 5, -1, 10**30, 1.0, "one", [1], {}, float("nan"), True)),
    ],
)
def test_the_block_on_show_as_one_leaves_is_noted(monkeypatch: pytest.MonkeyPatch, said: Any, block: int) -> None:
    state = State(block=3, explorer={"block": said})
    monkeypatch.setattr(page.st, "session_state", state)
    page.take_block("explorer")
    assert state["block"] == block


@pytest.mark.parametrize("save", [None, True, "yes", 1, [], ["block"]])
def test_nothing_is_saved_that_is_no_view(take: Callable[[Any], State], save: Any) -> None:
    assert take({"save": save}) == {"block": 3, "explorer_wish": NOTHING}


def test_of_a_view_to_save_only_what_an_address_has_is_kept(take: Callable[[Any], State]) -> None:
    said = {
        "__class__": 1,
        "link": "x",
        "query": [2],
        "to": 7,
        "removal": 7,
        "block": 9,
        "with": "query",
        "mode": "column",
    }
    assert take({"save": said}).explorer_save == ("a/b", {"mode": "column"})
    assert take({"save": {"with": "query", "pinned": 6}}).explorer_save == ("a/b", {"with": "query", "pinned": 6})


def test_the_file_is_made_in_the_line_for_what_takes_longer_and_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, go_on = open_app("explorer", size="256", lang="zh"), threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr("topformer_viz.server.queue.visitor", lambda: "one")
        threading.Thread(target=QUEUE.run, args=(lambda: go_on.wait(60),), kwargs={"is_long": True}).start()
        wait_for(lambda: bool(QUEUE._jobs))
        app.session_state["explorer_save"] = message(app).header["view"]["run"], {"block": 1}
        app.run()
        assert not app.exception and MINE("zh") in [warning.value for warning in app.warning]
        assert "file" not in message(app).header["view"] and "explorer_save" not in app.session_state
        go_on.set()
    app.session_state["explorer_save"] = message(app).header["view"]["run"], {"block": 1}
    app.run()
    assert not app.exception and MINE("zh") not in [warning.value for warning in app.warning]
    file = message(app).header["view"]["file"]
    assert file["name"] == "topformer-street.html" and HANDED[file["at"]].startswith(b"<!DOCTYPE html>")
