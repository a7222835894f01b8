"""The front door: what attention is, in one screen, on the image that is chosen.

The browser has the run's queries, keys and values and makes every map of them itself (canvas/attention.js): pointing asks
nothing of the server.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS
from topformer_viz.app.door.payload import door_book
from topformer_viz.app.door.script import DOOR_CSS, DOOR_HTML, DOOR_JS
from topformer_viz.app.door.words import UI
from topformer_viz.app.frame.address import Parameter, Takes, heard
from topformer_viz.app.frame.top_bar import picture_choice
from topformer_viz.app.frame.view import View
from topformer_viz.words.plain import as_markdown
from topformer_viz.words.text import Lang

_component = component(
    "door", html=DOOR_HTML, css=CANVAS_CSS + DOOR_CSS, js=f"{CANVAS_JS}\n{DOOR_JS}\nexport default mount(Door);\n"
)
# What is measured of the model, and how long it took, comes before anybody here can know what that means.
QUIET = ".model-words, .run-line { display: none; }"
LESSONS = ("stage", "quiz", "present")  # what only a link to the lesson says: it once stood at this address
# Where the door opens, from 1: the third block's second head, seen from the token three quarters down in the middle. On the
# default photograph that is a piece of road, and the four heads of the bundled weights read four things one can name from
# there: trees, the skyline with its roofs, the house, the road itself. Most other tokens, and the first two blocks, show
# less of a difference.
BLOCK, HEAD, DOWN = 3, 2, 0.75
PAGES = ("lesson", "explorer")  # where the door's links lead
PICTURE = "picture"  # what its button asks for in their place


def leads_to_the_lesson(asked: Iterable[str]) -> bool:
    """Whether an address of this page, by its parameters' names, means the lesson."""
    return any(name in LESSONS for name in asked)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the door: what is pointed at, and where."""
    sizes, blocks = view.outline.run.sizes, view.outline.known.blocks
    start = int(DOWN * sizes["H"]) * sizes["W"] + sizes["W"] // 2 + 1
    return {
        "block": Parameter(range(1, blocks + 1), min(BLOCK, blocks)),
        "head": Parameter(range(1, sizes["heads"] + 1), min(HEAD, sizes["heads"])),
        "token": Parameter(range(1, sizes["HW"] + 1), start),
    }


def show(view: View) -> None:
    """Draw the door, and do what its links and its button ask for."""
    st.html(f"<style>{QUIET}</style>")
    if (wish := st.session_state.pop("door_wish", {})).get("go") in PAGES:
        _go(view, **wish)
    if wish.get("go") == PICTURE:
        st.dialog(UI["own"](view.lang))(_choose_picture)(view.lang, _picture())
    start = {name: view.takes[name].default for name in ("head", "token")}
    block = view.asked.get("block", view.takes["block"].default)
    data = door_book(view.outline.known, view.lang) | {
        "badge": _caution(view), "run": view.bodies(), "link": view.link, "block": block - 1, "start": _from_zero(start), "asked": _from_zero(view.asked),
    }  # fmt: skip
    _component(data, key="door", on_wish_change=partial(_take_wish, _wishes(view)), height="content")


def _caution(view: View) -> str:
    """What to know before one reads the maps; where the image is unlike all it learned from, the page has said so already."""
    if view.untrained:
        return UI["random"](view.lang)
    if not view.facts or view.sample or view.outline.unlike:
        return ""
    return UI["few"](view.lang, classes=len(view.facts.classes))


def _from_zero(place: Mapping[str, Any]) -> dict[str, Any]:
    """A head and a token, from 1, as the browser counts them; as far as there are any."""
    return {name: place[name] - 1 for name in ("head", "token") if name in place}


# ------------------------------------------------------------ what the browser asks for


def _wishes(view: View) -> Takes:
    """What the browser can ask for: to go on to a page, with where in the lesson and what is pointed at; or the picture choice."""
    return {**takes(view, {}), "go": Parameter((*PAGES, PICTURE)), "stage": Parameter(view.outline.stages)}


def _take_wish(can: Takes) -> None:
    """Note what the visitor asks for."""
    st.session_state.door_wish = heard(st.session_state.door.get("wish"), can)


def _go(view: View, go: str, **place: str | int) -> None:
    """Open another page at the place that the door shows."""
    if "block" in place:
        st.session_state.block = place["block"]
    if "token" in place:
        place["query"] = place.pop("token")
    said = {name: str(value) for name, value in (view.link | place).items() if value is not None}
    st.switch_page(f"pages/{go}.py", query_params={**said, "lang": view.lang})


def _picture() -> tuple[str, str | None]:
    """Which image is chosen."""
    return st.session_state.picture, st.session_state.get("own")


def _choose_picture(lang: Lang, before: tuple[str, str | None]) -> None:
    """The picture choice in a dialog, which closes when another is chosen."""
    picture_choice(lang, "door_")
    if problem := st.session_state.get("problem"):
        st.error(as_markdown(problem(lang)))
    if _picture() != before:
        st.rerun()
