"""The lab's page through AppTest: its parts, its switches, and what the pictures are sent."""

import json
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from decoding import Payload, components, decode
from opening import HANDED, markup, open_app
from PIL import Image
from streamlit.testing.v1 import AppTest

from topformer_viz import load_model, trace
from topformer_viz.app.canvas.linked import CELLS, Pictures
from topformer_viz.app.frame.words import PAGES, UI
from topformer_viz.app.lab.covariance.figures import answer
from topformer_viz.app.lab.covariance.words import UI as COVARIANCE_WORDS
from topformer_viz.app.lab.page import PARTS
from topformer_viz.app.lab.what_if import words as changes
from topformer_viz.app.lab.what_if.settings import EXPERIMENTS, SWITCHES, named, values_of
from topformer_viz.figures.panel import Tile
from topformer_viz.figures.scales import plain, shares, signed
from topformer_viz.figures.subject import numbers
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import open_sample
from topformer_viz.run.tracing import Trace
from topformer_viz.server.store import STORE
from topformer_viz.study.covariance import correlation, covariance, walk
from topformer_viz.study.what_if import Experiment, Setting, experiment, spread
from topformer_viz.words.numbers import relative_change
from topformer_viz.words.text import LANGS, Lang

SAMPLE, SIDE = "coffee", 256  # 4 x 6 tokens


@cache
def run_of(model: str = "everyday") -> tuple[object, Trace]:
    picture = open_sample(SAMPLE)
    made = load_model(model)
    return made, trace(made, picture.resize(network_size(*picture.size, SIDE), Image.Resampling.LANCZOS))


def expected(block: int = 0, **setting: object) -> Experiment:
    return experiment(*run_of(), block, Setting(**setting))  # type: ignore[arg-type]


def open_lab(part: str = "what-if", **query: str) -> AppTest:
    return open_app("lab", **{"part": part, "sample": SAMPLE, "size": str(SIDE)} | query)


def shown(app: AppTest, which: int = 0) -> dict[str, list[np.ndarray | None]]:
    """What a component of pictures shows: group -> the arrays of its pictures."""
    return {
        group["title"]: [taken(app, picture, which=which).get("tensor") for picture in group["pictures"]]
        for group in payload_of(app, which).header["groups"]
    }


def taken(app: AppTest, picture: dict[str, Any], which: int = 0) -> dict[str, np.ndarray]:
    """The arrays that a picture takes of what was handed out, by what it takes them for."""
    body = bodies_of(app, which)[1]
    return {name: body.view(body.header["tensors"][n]) for name, n in picture.get("tensors", {}).items()}


def payload_of(app: AppTest, which: int = 0) -> Payload:
    return decode(components(app)[which].proto.bytes)


def bodies_of(app: AppTest, which: int = 0) -> list[Payload]:
    """Where the message says they are: the photograph, the tensors."""
    return [decode(HANDED[at]) for at in payload_of(app, which).header["body"]]


def address(app: AppTest) -> dict[str, str]:
    """What the page lets the browser write into the address, as JavaScript writes it."""
    (script,) = [str(e.proto.body) for e in app.get("html") if "replaceState" in str(e.proto.body)]
    link = json.loads(re.findall(r"link = new URLSearchParams\((.*?)\);", script)[0])
    return {
        name: str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
        for name, value in link.items()
    }


def title(name: str, lang: Lang = "en") -> str:
    return changes.UI[name](lang)


# The page


def test_the_lab_is_a_page_with_a_name_in_both_languages() -> None:
    assert "lab" in PAGES
    assert UI["lab"]("en") != UI["lab"]("zh")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_by_its_address_and_writes_it(part: str, lang: str) -> None:
    app = open_lab(part, lang=lang)
    assert app.session_state["part"] == part
    assert address(app)["part"] == part and address(app)["lang"] == lang
    own = "".join(str(element.proto.body) for element in app.get("markdown"))
    assert own or part == "by-hand"
    if lang == "zh" and own:
        assert any("\u4e00" <= character <= "\u9fff" for character in own)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_takes_the_colour_model(part: str) -> None:
    open_lab(part, model="colour")


def test_an_unknown_part_is_the_first() -> None:
    assert open_lab("<b>").session_state["part"] == next(iter(PARTS))


# What if


def test_without_a_change_the_block_is_shown_as_it_is_and_no_difference() -> None:
    app = open_lab()
    assert changes.UI["nothing"]("en") in markup(app)
    run = run_of()[1]
    pictures = shown(app)
    assert [len(own) for own in pictures.values()] == [1] * 5 and len(components(app)) == 1
    np.testing.assert_allclose(pictures[title("weights")][0], run["block0.weights"][0].mean(0).numpy(), atol=1e-6)
    assert not [
        element
        for element in app.get("html")
        if "changes" in str(element.proto.body) and "<table" in str(element.proto.body)
    ]


def test_the_experiments_are_a_click_each_and_the_address_is_the_switches_own() -> None:
    app = open_lab()
    for name, asked in EXPERIMENTS.items():
        button = app.button(key=f"lab_try_{name}")
        assert button.label == changes.EXPERIMENT_NAMES[name][0]("en")
        button.click().run()
        assert not app.exception
        assert named(asked) == name
        said = {key: value for key, value in address(app).items() if key in SWITCHES}
        assert {key: SWITCHES[key].meant(text) for key, text in said.items()} == {
            key: value for key, value in values_of(asked).items() if value != SWITCHES[key].default
        }
        assert [b.key for b in app.button if b.label.startswith("✓")] == [f"lab_try_{name}"]


@pytest.mark.parametrize("lang", LANGS)
def test_a_verdict_is_computed_from_what_happened(lang: Lang) -> None:
    before = float(spread(run_of()[1]["block0.weights"][0]).mean())
    for query, setting in (({"scaled": "true"}, {"scaled": True}), ({"temperature": "8"}, {"temperature": 8.0})):
        after = float(spread(expected(**setting).after["weights"][0]).mean())
        said = changes.VERDICTS["flatter"](lang, tokens=24, before=f"{before:.1f}", after=f"{after:.1f}")
        assert said in markup(open_lab(lang=lang, **query))
    sums = expected(over="queries").after["weights"][0].mean(0).sum(-1)
    low, high = (f"{float(end):.3g}" for end in (sums.min(), sums.max()))
    assert changes.VERDICTS["axis"](lang, low=low, high=high) in markup(open_lab(lang=lang, over="queries"))
    query = relative_change(expected(unpermuted=("query",)).relative_change("query"))
    assert query in markup(open_lab(lang=lang, unpermuted="query"))
    assert changes.VERDICTS["narrow"](lang, d=16, own=32) in markup(open_lab(lang=lang, ratio="1"))


def test_a_verdict_does_not_claim_what_an_untrained_network_does_not_show() -> None:
    # Untrained, all rows are uniform and the attention branch adds 0.
    said = markup(open_lab(model="tiny", scaled="true"))
    assert "As flat as before" in said and changes.VERDICTS["output zero"]("en") in said
    assert changes.VERDICTS["axis hidden"]("en") in markup(open_lab(model="tiny", over="queries"))


@pytest.mark.parametrize("model", ["colour", "base"])
@pytest.mark.parametrize("lang", LANGS)
def test_every_model_has_a_verdict_on_each_of_its_experiments(model: str, lang: Lang) -> None:
    app = open_lab(model=model, lang=lang)
    tried = [button for button in app.button if str(button.key).startswith("lab_try_")]
    assert len(tried) >= 5
    for key in [button.key for button in tried]:
        app.button(key=key).click().run()
        assert not app.exception, key
        assert changes.UI["nothing"](lang) not in markup(app)
        assert not re.search(
            r"\{\w+\}|\bnan\b|\binf\b", re.sub("<(style|script)>.*?</(style|script)>", "", markup(app), flags=re.S)
        ), key


def test_what_does_not_change_is_folded() -> None:
    app = open_lab(ratio="1")
    assert [*shown(app)] == [title("entering"), title("mixed"), title("output")]
    assert [*shown(app, 1)] == [title("weights"), title("effective")]
    names = f"{title('weights')}, {title('effective')}"
    assert changes.UI["same"]("en", names=names) in [fold.label for fold in app.expander]


@pytest.mark.parametrize(
    ("query", "opened"),
    [
        ({}, False),
        ({"scaled": "true"}, False),
        ({"tokens": "shuffled", "draw": "7"}, False),
        ({"scaled": "true", "tokens": "half"}, True),
        ({"temperature": "2"}, True),
    ],
)
def test_all_switches_are_open_where_the_address_asks_for_no_experiment(query: dict[str, str], opened: bool) -> None:
    (switches,) = [fold for fold in open_lab(**query).expander if fold.label == changes.UI["all_switches"]("en")]
    assert switches.proto.expanded is opened


def test_the_pictures_are_the_experiments() -> None:
    app = open_lab(scaled="true", temperature="2", block="2", head="3")
    done = expected(1, scaled=True, temperature=2.0)
    before, after, difference = shown(app)[title("weights")]
    for array, tensor in ((before, done.before["weights"]), (after, done.after["weights"])):
        np.testing.assert_allclose(array, tensor[0, 2].numpy(), atol=1e-6)
    np.testing.assert_allclose(difference, after - before, atol=1e-6)
    before, after, difference = shown(app)[title("output")]
    changed = (done.after["output"] - done.before["output"])[0].square().mean(0).sqrt()
    np.testing.assert_allclose(difference, changed.numpy(), atol=1e-6)
    np.testing.assert_allclose(after, done.after["output"][0].square().mean(0).sqrt().numpy(), atol=1e-6)
    effective = torch.special.entr(done.after["weights"][0, 2].double()).sum(-1).exp()
    np.testing.assert_allclose(shown(app)[title("effective")][1].ravel(), effective.numpy(), rtol=1e-4)


def test_shuffled_tokens_are_shown_where_they_went_and_compared_in_place() -> None:
    app = open_lab(tokens="shuffled", draw="7")
    done = expected(tokens="shuffled", draw=7)
    payload = payload_of(app)
    weights = next(group for group in payload.header["groups"] if group["title"] == title("weights"))
    assert weights["pictures"][1]["order"] == done.order.tolist()
    assert weights["pictures"][2]["order"] is None
    before, after, difference = shown(app)[title("weights")]
    np.testing.assert_allclose(after, before[np.ix_(done.order, done.order)], atol=1e-6)
    assert np.abs(difference).max() < 1e-6
    low, high = weights["pictures"][2]["range"]
    assert high == -low == pytest.approx(1e-5 * done.before["weights"][0].mean(0).max().item())
    assert high > 3 * np.abs(difference).max()  # rounding stays pale
    assert np.abs(shown(app)[title("output")][2]).max() > 0.01
    before, after, difference = (picture.ravel() for picture in shown(app)[title("mixed")])
    np.testing.assert_allclose(after, before[done.order], atol=1e-5)
    assert difference.max() < 1e-5
    assert "rounding, no more" in markup(app) and "3×3 convolution" in markup(app)


def test_what_the_shuffle_alone_does_is_said_beside_other_changes() -> None:
    assert "rounding, no more" in markup(open_lab(tokens="shuffled", scaled="true"))


def test_the_order_matters_where_the_permute_is_missing_and_the_page_says_so() -> None:
    app = open_lab(tokens="shuffled", unpermuted="query.value")
    assert "even attention depends on the order" in markup(app)


def test_dropped_tokens_are_holes() -> None:
    app = open_lab(tokens="half")
    done = expected(tokens="half")
    _, after, _ = shown(app)[title("weights")]
    assert np.isnan(after[~done.kept.numpy()]).all() and np.isfinite(after[np.ix_(done.kept, done.kept)]).all()
    (tokens,) = [g for g in payload_of(app).header["groups"] if g["title"] == title("entering")]
    assert tokens["pictures"][1]["hidden"] == (~done.kept).nonzero()[:, 0].tolist()


@pytest.mark.parametrize(("query", "said"), [({"heads": "2"}, "FRESH"), ({"ratio": "3"}, "PARTLY")])
@pytest.mark.parametrize("lang", LANGS)
def test_fresh_weights_are_called_fresh(query: dict[str, str], said: str, lang: Lang) -> None:
    (warning,) = [w for w in open_lab(lang=lang, **query).warning if "to_v" in w.value]
    assert warning.value.startswith(getattr(changes, said)(lang, layers="")[:5]) or "proj" in warning.value


def test_a_narrower_value_is_not_called_fresh() -> None:
    app = open_lab(ratio="1")
    assert not [w for w in app.warning if "to_v" in w.value]
    assert "attn_ratio 1: d = 16" in markup(app)


def test_every_switch_goes_into_the_address_and_comes_back() -> None:
    query = {
        "scaled": "true", "temperature": "0.5", "over": "queries", "unpermuted": "query.merged", "activation": "after",
        "ratio": "1", "heads": "2", "key_dim": "8", "tokens": "quarter", "draw": "3", "block": "3", "head": "2",
    }  # fmt: skip
    assert query.items() <= address(open_lab(**query)).items()
    assert "temperature" not in address(open_lab())


@pytest.mark.parametrize("value", ["", "-1", "9", "nan", "1e9", "<b>", "key", "９", "x" * 3000])
def test_nonsense_in_the_address_changes_nothing(value: str) -> None:
    names = ("scaled", "temperature", "over", "unpermuted", "activation", "ratio", "heads", "key_dim", "tokens")
    assert changes.UI["nothing"]("en") in markup(open_lab(**dict.fromkeys(names, value)))


def test_several_switches_and_reset() -> None:
    app = open_lab()
    (toggle,) = [t for t in app.toggle if t.label == title("scaled")]
    toggle.set_value(True).run()
    (over,) = [s for s in app.selectbox if s.label == title("over")]
    over.set_value("queries").run()
    done = expected(scaled=True, over="queries")
    after = shown(app)[title("weights")][1]
    np.testing.assert_allclose(after, done.after["weights"][0].mean(0).numpy(), atol=1e-6)
    np.testing.assert_allclose(after.sum(0), 1, atol=1e-5)
    assert "Divided by √key_dim = 4" in markup(app) and "wrong axis" in markup(app)
    (reset,) = [b for b in app.button if b.label == title("reset")]
    reset.click().run()
    assert not app.exception and changes.UI["nothing"]("en") in markup(app)


def test_sizes_of_one_model_are_not_taken_over_to_another() -> None:
    app = open_lab(heads="2")
    app.session_state["model"] = "base"
    app.run()
    assert not app.exception
    assert "heads = 2, key_dim = 16" in markup(app)
    app.session_state["lab_heads"] = 0
    app.run()
    assert changes.UI["nothing"]("en") in markup(app)


@pytest.mark.parametrize("part", ["what-if", "covariance", "relatives"])
def test_a_picture_too_long_for_whole_matrices_gets_a_sentence(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_lab(part, model="colour")
    monkeypatch.setattr("topformer_viz.server.store.session", lambda: "test session id")
    STORE.hold("own", "long", Image.new("RGB", (1700, 100), (90, 120, 40)))
    app.session_state["own"] = "long"
    app.session_state["picture"] = "own"
    app.run()
    assert not app.exception and "1,088 tokens" in app.warning[0].value


def test_a_shuffle_is_told_from_a_reshape_gone_wrong() -> None:
    # The projection is 0 as built, so that only what comes before it can move.
    said = markup(open_lab(model="tiny", unpermuted="merged", tokens="shuffled"))
    assert "rounding, no more" not in said and "Tokens shuffled" in said


def test_a_row_that_reads_nothing_has_no_effective_tokens() -> None:
    weights = torch.tensor([[0.0, 0.0], [0.5, 0.5]])
    assert spread(weights).isnan().tolist() == [True, False]


# A covariance matrix?


@pytest.mark.parametrize("head", ["2", ""])
def test_the_three_tables_are_those_of_the_run(head: str) -> None:
    app = open_lab("covariance", block="2", head=head)
    _, run = run_of()
    weights, tokens = run["block1.weights"][0].double(), run["block1.tokens"]
    weights = weights[1] if head else weights.mean(0)
    tables = {"weights": weights, "covariance": covariance(tokens), "correlation": correlation(tokens)}
    for name, table in tables.items():
        (array,) = shown(app)[COVARIANCE_WORDS[name]("en")]
        np.testing.assert_allclose(array, table.numpy(), atol=1e-5)
    (limit,) = shown(app, 1)[COVARIANCE_WORDS["limit"]("en")]
    np.testing.assert_allclose(limit.ravel(), walk(weights).limit.numpy(), atol=1e-6)


@pytest.mark.parametrize("lang", LANGS)
def test_the_checklist_is_measured(lang: Lang) -> None:
    from topformer_viz.study.covariance import check

    app = open_lab("covariance", block="1", lang=lang)
    _, run = run_of()
    checked = check(run["block0.weights"][0].double().mean(0))
    for item in ("symmetric", "rows", "columns", "negative", "turning"):
        assert answer(checked, item, lang) in markup(app).replace("&#x27;", "'")
    assert answer(checked, "rows", lang) == COVARIANCE_WORDS["yes"](lang)
    assert answer(checked, "symmetric", lang) != COVARIANCE_WORDS["yes"](lang)


# Basics


@pytest.mark.parametrize("question", ["colour", "place"])
def test_the_basics_show_the_colour_models_run_on_the_card(question: str) -> None:
    app = open_lab("basics", question=question)
    pictures = [taken(app, group["pictures"][0]) for group in payload_of(app).header["groups"]]
    scores, weights, result = (pictures[n]["tensor"] for n in (1, 2, 4))
    exp = np.exp(scores - scores.max(1, keepdims=True))
    np.testing.assert_allclose(weights, exp / exp.sum(1, keepdims=True), atol=0.01)
    terms = pictures[3]
    np.testing.assert_allclose(weights @ terms["read"], terms["mixed"], atol=1e-3)
    np.testing.assert_allclose(result, terms["mixed"], atol=1e-6)


# What travels


@pytest.mark.parametrize(
    ("part", "query"),
    [
        ("basics", {}),
        ("by-hand", {}),
        ("covariance", {}),
        ("relatives", {}),
        ("what-if", {"tokens": "shuffled", "size": "1024"}),
    ],
)
def test_messages_are_small_and_what_is_large_is_the_same_in_both_languages(part: str, query: dict[str, str]) -> None:
    said = []
    for lang in LANGS:
        sent = [decode(found.proto.bytes) for found in components(open_lab(part, lang=lang, **query))]
        assert sent and all(len(json.dumps(one.header)) < 20_000 and not one.body for one in sent)
        said.append([one.header for one in sent])
    for en, zh in zip(*said, strict=True):
        assert en != zh and en.get("body") == zh.get("body")
        assert all(at in HANDED for at in (*en.get("body", ()), *([en["book"], zh["book"]] if "book" in en else ())))


def test_another_experiment_sends_the_photograph_no_second_time() -> None:
    before, after = (payload_of(open_lab(**query)).header["body"] for query in ({}, {"scaled": "true"}))
    assert before[0] == after[0] and before[1] != after[1]


def test_large_bodies_that_hardly_differ_have_addresses_of_their_own() -> None:
    def page() -> None:
        import streamlit as st

        from topformer_viz.app.canvas.bodies import hand_out

        before, after = b"a" * 300_000, b"a" * 900_000
        st.session_state.at = [hand_out(before + one + after, "image/png", "a place") for one in (b"b", b"c")]

    app = AppTest.from_function(page)
    app.run()
    first, second = app.session_state["at"]
    assert first != second


# Pictures


def test_large_matrices_travel_averaged() -> None:
    pictures = Pictures((10, 30))
    values = torch.rand(300, 300, generator=torch.Generator().manual_seed(0))
    picture = pictures.tile("m", Tile(numbers(values), 1.0, shares(values)))
    tensor = pictures.tensors[picture["tensors"]["tensor"]]
    assert picture["step"] == 2 and tensor["shape"] == [150, 150]
    payload = decode(pictures.body.message({"t": tensor}))
    np.testing.assert_allclose(payload.view(tensor)[3, 4], values[6:8, 8:10].mean(), rtol=1e-6)
    assert CELLS < 300


def test_tensors_travel_in_the_order_of_their_axes() -> None:
    pictures = Pictures((2, 3))
    values = torch.arange(36.0).reshape(6, 6).T
    pictures.tile("m", Tile(numbers(values), 1.0, plain(values)))
    (tensor,) = pictures.tensors
    payload = decode(pictures.body.message({"t": tensor}))
    assert tensor["strides"] == [6, 1]
    np.testing.assert_array_equal(payload.view(tensor), values.numpy())


def test_scales_leave_out_what_is_not_there() -> None:
    values = torch.tensor([-1.0, 3.0, torch.nan])
    nothing = signed(torch.full((2,), torch.nan))
    ends = [(scale.low, scale.high) for scale in (plain(values), signed(values), shares(values), nothing)]
    assert ends == [(-1, 3), (-3, 3), (0, 3), (0, 0)]
    assert nothing.diverging and nothing.ends[0] < 0 < nothing.ends[1]  # its colour is that of 0
