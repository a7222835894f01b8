"""The bar above every page: what it offers, what it hands out, and what it makes of nonsense."""

import io
import json
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
from decoding import decode
from opening import HANDED, ROOT, open_app
from PIL import Image
from sending import unpacked
from serving import wait_for
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from topformer_viz.app.frame import saving
from topformer_viz.app.frame import sharing as link
from topformer_viz.app.frame.saving import OPTIONS, SAID
from topformer_viz.app.frame.sharing import is_loopback, own_address, qr_code
from topformer_viz.app.frame.words import PAGES, UI
from topformer_viz.figures.look import Look
from topformer_viz.figures.subject import Subject
from topformer_viz.server.queue import MINE, QUEUE
from topformer_viz.words.text import LANGS, Lang


def bar(app: AppTest) -> dict[str, Any]:
    """The bar's message with its book; it is small whatever it hands out."""
    (found,) = [c for c in app.get("bidi_component") if c.proto.component_name == "topformer_saving"]
    sent = decode(found.proto.bytes)
    assert not sent.body and len(found.proto.bytes) < 20_000
    return unpacked(HANDED[sent.header["book"]]) | sent.header


def ask(app: AppTest, kind: str, view: dict[str, str] | None = None, **wish: Any) -> tuple[dict[str, Any], bytes]:
    """The answer to a wish, and its file's bytes."""
    app.session_state["saving_wish"] = {"id": "1", "kind": kind, "view": view or {}, **wish}
    answer = bar(app.run())["answer"]
    assert not app.exception, app.exception
    assert (answer["id"], answer["kind"]) == ("1", kind)
    if "at" not in answer:
        return answer, b""
    data = HANDED[answer["at"]]
    assert answer["bytes"] == len(data)
    return answer, data


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_the_bar(page: str, lang: Lang) -> None:
    header = bar(open_app(page, lang=lang, size="256"))
    assert header["lang"] == lang and header["travels"]
    assert bool(header["offers"]) == (page != "reference")
    titles = [offer["title"] for offer in header["offers"]]
    assert len(set(titles)) == len(titles)
    more = {"lesson": ["lesson", "animation", "numbers"]}.get(page, [])
    file = ["site"] if page in ("lesson", "explorer", "network") else []  # as far as the file has the page, too
    assert [bundle["name"] for bundle in header["bundles"]] == [*more, *file, "trace"]
    assert "answer" not in header


@pytest.mark.parametrize("lang", LANGS)
def test_a_figure_follows_the_view_and_comes_once(lang: Lang) -> None:
    app = open_app(lang=lang, size="256")
    view = {"stage": "weights", "block": "3", "head": "2"}
    answer, data = ask(
        app, "figure", view, figure="picture", format="svg", width="column", theme="dark", font="serif", map="magma"
    )
    assert b"DejaVu Serif" in data
    assert answer["name"] == "street-block3-weights-head2.svg" and answer["at"].endswith(".svg")
    text = "".join(ET.fromstring(data).itertext())
    assert {"en": "head 2", "zh": "头 2"}[lang] in text
    assert "answer" not in bar(app.run())
    answer, data = ask(app, "figure", view, figure="picture", format="png4", width="slide", bare=True)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (5120, 2880)
    answer, data = ask(app, "preview", view, figure="overview", width="column")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.width == 336
    assert answer["size"]


@pytest.mark.parametrize(
    ("view", "wish"),
    [
        ({"stage": "<b>", "block": "0", "head": "-1"}, {}),
        ({"stage": "nothing", "block": "9", "head": "1e3"}, {"figure": 7, "format": "exe", "width": [], "theme": None}),
        ({"stage": "image", "head": "4"}, {"figure": "shapes"}),
    ],
)
def test_nonsense_gives_the_defaults(view: dict[str, str], wish: dict[str, Any]) -> None:
    answer, data = ask(open_app(size="256"), "figure", view, **wish)
    assert answer["name"].startswith("street-image") and answer["name"].endswith(".png")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.width == round(7.2 * 192)


def test_the_numbers_are_those_of_the_run() -> None:
    app = open_app(size="256")
    answer, data = ask(app, "numbers", {"stage": "weights", "block": "2"})
    assert answer["name"] == "street-block2-weights.npz"
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        assert list(arrays["block1.weights.axes"]) == ["B", "heads", "HW", "HW"]
        assert np.allclose(arrays["block1.weights"].sum(-1), 1, atol=1e-5)
    with np.load(io.BytesIO(ask(app, "trace")[1]), allow_pickle=False) as arrays:
        assert {"image", "block3.output", "class_scores"} <= set(arrays.files)


def test_the_lesson_and_the_animation_are_of_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def note(kind: str) -> Callable[..., bytes]:
        def made(subject: Subject, block: int, head: int | None, look: Look, *words: str, **more: Any) -> bytes:
            asked[kind] = (subject.lang, block, head, look, *words)
            return kind.encode()

        return made

    monkeypatch.setattr("topformer_viz.app.lesson.takeaway.lesson_zip", note("lesson"))
    monkeypatch.setattr("topformer_viz.figures.animation.gif", note("animation"))
    app = open_app(size="256", lang="zh")
    answer, data = ask(app, "lesson", {"block": "2", "head": "1"}, theme="dark")
    assert (answer["name"], data) == ("street-block2.zip", b"lesson") and answer["at"].endswith(".zip")
    look = Look("page", "dark")
    command = "python -m topformer_viz export topformer_viz/assets/samples/street.jpg --out lesson --model everyday --size 256 --blocks 2"
    assert asked["lesson"][:4] == ("zh", 1, 0, look) and asked["lesson"][4].startswith(command)
    answer, data = ask(app, "animation", {"block": "4"})
    assert (answer["name"], data) == ("street-block4.gif", b"animation") and answer["at"].endswith(".gif")
    assert asked["animation"] == ("zh", 3, None, Look())


@pytest.mark.parametrize(
    ("kind", "is_long", "mine"),
    [("preview", False, "en"), ("figure", False, "zh"), ("trace", True, "en"), ("animation", True, "zh")],
)
def test_everything_waits_its_turn_and_says_its_place(
    kind: str, is_long: bool, mine: Lang, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the queue at work for two others, the visitor is told to be third, then second; then it is made as ever."""
    monkeypatch.setattr("topformer_viz.server.queue.LOOK", 0.05)
    monkeypatch.setattr("topformer_viz.server.queue.visitor", lambda: threading.current_thread().name)
    monkeypatch.setattr("topformer_viz.figures.animation.gif", lambda *_, **__: b"animation")
    app = open_app(size="256", lang=mine)
    _, before = ask(app, kind)
    turns, said = threading.Semaphore(0), []

    def note(place: DeltaGenerator, words: str) -> None:
        say(place, words)
        if words and words not in said:
            turns.release()  # one of the two is done
        said.append(words)

    say = saving._say
    monkeypatch.setattr(saving, "_say", note)
    for _ in range(2):
        other = partial(QUEUE.run, lambda: turns.acquire(timeout=60), is_long=is_long)
        threading.Thread(target=other).start()
    wait_for(lambda: len(QUEUE._jobs) == 2)
    answer, after = ask(app, kind)
    assert after == before, answer
    places = list(dict.fromkeys(said))
    assert places == [UI["in_line"](mine, place=3), UI["in_line"](mine, place=2), ""]


def test_a_visitors_second_file_is_refused_in_words_until_the_first_is_made() -> None:
    app, go_on = open_app(size="256", lang="zh"), threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("topformer_viz.server.queue.visitor", lambda: "one")
        threading.Thread(target=partial(QUEUE.run, lambda: go_on.wait(60), is_long=True)).start()
        wait_for(lambda: bool(QUEUE._jobs))
        app.session_state["saving_wish"] = {"id": "1", "kind": "trace", "view": {}, "page": "/"}
        assert bar(app.run())["answer"]["problem"] == MINE("zh")
        go_on.set()
    assert ask(app, "trace")[0]["name"] == "street.npz" and not app.exception


def test_nobody_waits_for_what_was_wished_on_a_page_that_was_left() -> None:
    app = open_app(size="256")
    app.session_state["saving_wish"] = {"id": "1", "kind": "trace", "view": {}, "page": "/network"}
    assert "answer" not in bar(app.run()) and "saving_wish" not in app.session_state
    assert ask(app, "trace", page="/")[0]["name"] == "street.npz"


def test_what_fails_is_said_and_the_bar_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("topformer_viz.figures.animation.gif", fail)
    app = open_app(size="256")
    answer, _ = ask(app, "animation", {})
    assert answer["problem"] == SAID["failed"]("en")
    assert "answer" not in bar(app.run())


@pytest.mark.parametrize(
    "wish",
    [
        None, "figure", {"kind": "figure"}, {"kind": "rm", "id": "1"}, {"kind": "trace", "id": [4]}, {"kind": "trace", "id": "é"},
        {"kind": "trace", "id": "9" * 100}, {"kind": ["trace"], "id": "1"},
    ],
)  # fmt: skip
def test_what_is_no_wish_is_left_out(monkeypatch: pytest.MonkeyPatch, wish: object) -> None:
    assert taken(monkeypatch, wish) is None


def test_of_a_wish_what_makes_no_sense_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wish = {
        "id": "1.5", "kind": "trace", "page": ["/"], "figure": {"a": 1}, "link": 7, "format": "exe", "theme": "dark", "bare": "yes",
        "view": {"head": 2, "query": [1], "mode": None, "lock": "1"},
    }  # fmt: skip
    view = {"head": "2", "lock": "1"}
    assert taken(monkeypatch, wish) == {"id": "1.5", "kind": "trace", "link": "7", "theme": "dark", "view": view}
    assert taken(monkeypatch, {"id": "1", "kind": "figure", "bare": True, "view": "all"}) == {
        "id": "1", "kind": "figure", "bare": True, "view": {},
    }  # fmt: skip


def taken(monkeypatch: pytest.MonkeyPatch, wish: object) -> dict[str, Any] | None:
    """What is noted of a wish."""
    state = SimpleNamespace(saving={"wish": wish}, saving_wish=None)
    monkeypatch.setattr("streamlit.session_state", state)
    saving._take_wish(["figure", "trace"])
    return state.saving_wish


@pytest.mark.parametrize("lang", LANGS)
def test_a_code_is_drawn_for_web_addresses_only(lang: Lang) -> None:
    svg = ET.fromstring(qr_code("http://192.0.2.7:8501/?stage=weights&head=2", lang)["svg"])
    assert svg.tag.endswith("svg")
    for wrong in (None, 7, "", "javascript:alert(1)", "http://", "ftp://a", "http://a/" + "b" * 2000, "http://[::1"):
        assert qr_code(wrong, lang).keys() == {"problem"}


def test_a_machine_means_itself_by_these_names() -> None:
    assert all(map(is_loopback, ("localhost", "app.localhost", "127.0.0.1", "127.8.0.1", "::1")))
    assert not any(map(is_loopback, (None, "", "0.0.0.0", "::", "192.0.2.7", "localhost.example", "school.test")))


@pytest.mark.parametrize(
    ("url", "bound", "host"),
    [
        ("http://localhost:8501/", None, "192.0.2.7"), ("http://127.0.0.1:8501/lab", "0.0.0.0", "192.0.2.7"),
        ("http://localhost:8501/", "127.0.0.1", ""), ("http://[::1]:8501/", "::1", ""), ("http://127.0.0.1/", "127.0.0.2", ""),
        ("http://school.test/", None, ""), (None, None, ""),
    ],
)  # fmt: skip
def test_the_address_to_share_is_one_that_others_reach(
    monkeypatch: pytest.MonkeyPatch, url: str | None, bound: str | None, host: str
) -> None:
    monkeypatch.setattr(link, "own_address", lambda: "192.0.2.7")
    monkeypatch.setattr("streamlit.context", SimpleNamespace(url=url))
    monkeypatch.setattr("streamlit.get_option", lambda name: bound if name == "server.address" else None)
    assert link.host() == host
    monkeypatch.setattr(link.visitors, "STRANGERS", True)
    assert link.host() == ""


def test_the_own_address_is_one_or_none() -> None:
    assert own_address().count(".") in (0, 3)


def test_every_option_is_in_the_bars_markup() -> None:
    html = (ROOT / "topformer_viz" / "app" / "frame" / "saving.html").read_text("utf-8")
    assert all(f'class="{name}"' in html for name in OPTIONS)


def test_the_lesson_without_a_server_begins_with_the_view_on_show() -> None:
    view = {"stage": "weights", "block": "3", "head": "2"}
    answer, data = ask(open_app(sample="cat", model="tiny"), "site", view)
    assert answer["name"] == "cat-lesson.html" and len(data) < 5_000_000
    (told,) = re.findall(r'id="about">(.*?)</script>', data.decode())
    about = json.loads(told)
    assert (about["sample"], about["model"], about["langs"], about["picture"]) == ("cat", "tiny", ["en"], None)
    page, _, said = about["at"].partition("?")
    assert page == "lesson" and dict(parse_qsl(said)) == view
