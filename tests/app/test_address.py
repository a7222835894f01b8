"""Addresses from strangers: whatever they say, a page opens at its defaults and repeats, as text, what it has not."""

import html
import re
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Case
from decoding import components, decode
from opening import open_app
from streamlit.testing.v1 import AppTest

from topformer_viz.app.explorer.state import ADDRESS
from topformer_viz.app.frame import address, words
from topformer_viz.app.network import page as network
from topformer_viz.app.network.payload import network_book
from topformer_viz.network.model import SIZES, TopFormer
from topformer_viz.run.walk import Known
from topformer_viz.words.text import LANGS, Lang

EVERYWHERE = ["sample", "model", "size", "grid", "block"]
TOKENS = ["token", "pair"]
# Page (and what has to hold for the parameters to be its own) -> its own parameters.
OWN = {
    "": ["head", "token"],  # the front door
    "lesson": ["stage", "quiz", "present", *ADDRESS],
    "explorer": [*ADDRESS],
    "network": ["part"],
    "heads": ["network", "head"],
    "starts": ["head", "row", "column", "draw", "scale"],
    "reference": [],
    "lab": ["part"],
    "lab part=what-if": [
        "scaled", "temperature", "over", "unpermuted", "activation", "ratio", "heads", "key_dim", "tokens", "draw", "head", *TOKENS,
    ],
    "lab part=basics": ["question", *TOKENS],
    "lab part=by-hand": ["seed"],
    "lab part=covariance": ["head", *TOKENS],
    "lab part=cost": ["cost", "cost_c", "cost_heads", "cost_key", "cost_ratio"],
    "lab part=relatives": TOKENS,
}  # fmt: skip
NASTY = [
    "", "0", "-1", "mine", "1e3", "９", "<img src=x onerror=alert(1)>", "**x** [y](http://z.example) $x$ :red[x]", "nine\u202elives\n\x00\x1b[31m",
    "👩‍👩‍👧", "%FF%00\ufffd", "__proto__", "'\"`${7*7}{{7*7}}", "1 OR 1=1", "../../etc/passwd", "x" * 100_000,
]  # fmt: skip


def open_at(where: str, query: dict[str, str | list[str]]) -> AppTest:
    page, _, setting = where.partition(" ")
    return open_app(page, **{**query, **dict([setting.split("=")] if setting else [])})


def headers(app: AppTest) -> list[dict[str, Any]]:
    return [decode(component.proto.bytes).header for component in components(app)]


def noted(app: AppTest) -> str | None:
    """What the note says, as HTML."""
    notes = [body for element in app.get("html") if 'role="status"' in (body := str(element.proto.body))]
    assert len(notes) <= 1
    return notes[0] if notes else None


def names(note: str | None) -> list[str]:
    return re.findall(r"<bdi>(\w+)=", note or "")


# Every page meets other values in other places, the first and the last in either language.
@pytest.mark.parametrize(
    ("where", "lang"),
    [*zip(OWN, 7 * [*LANGS], strict=False), ("", "zh"), ("lesson", "en"), ("lab part=relatives", "zh")],
)
def test_nonsense_gives_the_defaults_and_a_note(where: str, lang: Lang) -> None:
    given, first = EVERYWHERE + OWN[where], 7 * [*OWN].index(where) + 3 * [*LANGS].index(lang)
    query: dict[str, str | list[str]] = {name: NASTY[(first + n) % len(NASTY)] for n, name in enumerate(given)}
    query["size"] = ["256", str(query["size"])]  # of several the last counts
    app = open_at(where, query | {"lang": lang, "utm_source": "<b>", "embed": "x"})
    state = app.session_state
    chosen = (state.lang, state.picture, state.model, state.size, state.grid, state.block)
    assert chosen == (lang, "street", "everyday", 512, 8, 1)
    note = noted(app)
    assert note and sorted(names(note)) == sorted(given)
    assert note.startswith('<p role="status">' + address.NOTE(lang).partition("{")[0])
    assert set(re.findall("<[^>]*>", note)) == {'<p role="status">', "</p>", "<code>", "</code>", "<bdi>", "</bdi>"}
    assert note.isprintable() and len(html.unescape(note)) < 150 + 90 * len(given)
    if where in ("lesson", "explorer", "network"):
        header = headers(app)[0]
        assert not header.get("view", header)["asked"] and not any((header.get("asked") or {}).values())


@pytest.mark.parametrize(
    ("where", "query", "refused"),  # of a picture of 4 x 6 tokens
    [
        ("lesson", "model=colour block=4 stage=mlp head=4 sample=mine", ["block", "sample", "stage"]),
        (
            "lesson",
            "head=5 query=25 to=24 pinned=24 with=query mode=row removal=only-4 stage=mlp quiz=1",
            ["head", "query"],
        ),
        ("explorer", "head=7 model=small with=head-6 removal=without-7", ["head", "removal"]),
        ("explorer", "model=colour with=query sort=distance grid=9 query=64", ["with"]),
        ("network", "part=injected3 block=4 lang=de", ["lang"]),
        ("network", "part=image model=colour", ["part"]),
        ("heads", "model=colour block=4 head=5 network=built", ["head"]),
        ("starts", "model=colour block=4 head=mean row=5 column=6", ["row"]),
        ("lab", "heads=2 head=3 unpermuted=value.query token=24 pair=25", ["head", "pair"]),
        ("lab", "part=basics token=24 pair=1000 head=99 seed=x", ["pair"]),
    ],
)
def test_what_is_not_here_is_noted_and_nothing_else(where: str, query: str, refused: list[str]) -> None:
    app = open_at(where, {"size": "256", **dict(setting.split("=") for setting in query.split())})
    assert sorted(names(noted(app))) == refused


PLACES = {
    "head": "2", "query": "5", "to": "6", "lock": "1", "pinned": "3", "with": "query", "removal": "only-2", "row": "2", "column": "3",
    "token": "4", "pair": "5",
}  # fmt: skip


@pytest.mark.parametrize(
    ("where", "what", "lang"),
    [
        ("lesson", ["sample"], "en"),
        ("explorer", ["sample", "model"], "zh"),
        ("starts", ["model"], "en"),
        ("lab", ["sample", "model"], "en"),
    ],
)
def test_of_what_was_somebodys_own_and_is_gone_the_note_tells_and_no_place_in_it_is_taken(
    where: str, what: list[str], lang: Lang
) -> None:
    still = {"size": "256", "block": "2", "stage": "scores", "mode": "column", "temperature": "2", "lang": lang}
    app = open_at(where, {**dict.fromkeys(what, "own"), **PLACES, **still})
    note = noted(app)
    assert (
        note
        and html.unescape(note)
        == f'<p role="status">{(" " if lang == "en" else "").join(address.GONE[name](lang) for name in what)}</p>'
    )
    assert {name: value if isinstance(value, str) else value[-1] for name, value in app.query_params.items()} == still
    state = app.session_state
    assert (state.picture, state.model, state.block) == ("street", "everyday", 2)
    if where in ("lesson", "explorer"):
        header = headers(app)[0]
        assert header["view"]["asked"] == {"mode": "column"}
    if where == "lesson":
        assert (header["asked"]["stage"], header["asked"]["head"]) == ("scores", None)
    if where == "lab":
        assert (state.lab_temperature, state.lab_head) == (2.0, 0)  # the mean
    assert noted(app.run()) is None


def test_the_places_in_a_picture_are_parameters_of_some_page() -> None:
    assert set(address.PLACES) == set(PLACES) <= {name for names in OWN.values() for name in names}


def test_the_note_goes_with_the_next_thing_one_does() -> None:
    app = open_app("reference", block="9", lang="zh")
    assert "block=9" in str(noted(app))
    (close,) = (button for button in app.button if button.label == words.UI["close"]("zh"))
    assert noted(close.click().run()) is None
    assert noted(open_app("reference", block="9").run()) is None


def test_a_message_is_read_as_an_address_is() -> None:
    takes = {
        "block": address.Parameter(range(1, 5), 1), "head": address.head_or_mean(4), "bare": address.Parameter({"true": True}),
        "to": address.Parameter(range(1, 7)), "mode": address.Parameter(("row", "column")),
    }  # fmt: skip
    message = {"block": 3, "head": "mean", "bare": True, "to": 2.0, "mode": ["row"], "lock": "1"}
    assert address.heard(message, takes) == {"block": 3, "head": 0, "bare": True}
    assert address.heard({"block": True, "head": "0", "bare": 1, "to": None, "mode": {"row": 1}}, takes) == {}
    for message in (None, 3, "block", ["block", 3], float("nan")):
        assert address.heard(message, takes) == {}


def test_the_server_knows_what_the_scripts_read(tiny: Case) -> None:
    for model in (tiny.model, TopFormer("tiny", None)):
        known = Known.of(tiny.run, model)  # type: ignore[arg-type]
        view: Any = SimpleNamespace(outline=SimpleNamespace(known=known))
        parts = network_book(known, SIZES["tiny"], None, False, "en")["parts"]
        taken = network.takes(view, {})["part"]
        assert [part["name"] for part in parts] == taken.options
        assert taken.default == "image"  # one reads from the beginning
