"""The attention explorer in the app: a page of its own, and a guest in the lesson's stages scores and weights."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.wire import BODY, CANVAS_CSS, CANVAS_JS
from topformer_viz.app.explorer.change import change_of
from topformer_viz.app.explorer.payload import explorer_book, heads_of, removals_message
from topformer_viz.app.explorer.script import EXPLORER_CSS, EXPLORER_HTML, EXPLORER_JS
from topformer_viz.app.explorer.state import ADDRESS, parameters
from topformer_viz.app.explorer.words import SAVING
from topformer_viz.app.frame.address import Parameter, Takes, complete, heard, read, words
from topformer_viz.app.frame.choices import EVERYWHERE
from topformer_viz.app.frame.view import View, part
from topformer_viz.run.measures import difference
from topformer_viz.server.store import STORE


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the explorer."""
    return parameters(view.outline.known.shape.sizes, view.outline.known.blocks, said)


_component = component(
    "explorer",
    html=EXPLORER_HTML,
    css=CANVAS_CSS + EXPLORER_CSS,
    js=f"{CANVAS_JS}\n{EXPLORER_JS}\nexport default mount(ExplorerPage);\n",
)


@part
def show(view: View) -> None:
    """Draw the page; a run without a head, the untouched pass and the file rerun this part alone."""
    attention, maps = view.bodies(maps=True)
    book = view.book("explorer", lambda: {"explorer": explorer_book(view.outline.known, view.lang)})
    settings: dict[str, Any] = settings_of(view, asks=True) | {"saves": True}
    run, asked = st.session_state.get("explorer_save", ("", {}))
    if run == view.run_name:  # else it was asked for of another image, which nobody waits for any more
        # Only now: what cuts fonts would hold up the app's start.
        from topformer_viz.app.explorer.file import explorer_html

        def make() -> bytes:
            return explorer_html(
                view.run, view.model, view.photo, view.lang, name=view.name, about=view.about,
                untrained=view.untrained, credit=view.credit, asked=asked,
            ).encode()  # fmt: skip

        name = f"topformer-{view.sample or 'picture'}.html"
        with st.spinner(SAVING(view.lang)):
            at = view.file(make, BODY, name)  # as bytes, for as a page it would open on this server's own address
        if at:  # handed out once an id
            settings["file"] = {"name": name, "id": uuid4().hex, "at": at}
    st.session_state.pop("explorer_save", None)  # only now: a rerun may have broken this one off
    # The other maps, which the lesson has, too, come when they are first asked for.
    _component(
        {"lang": view.lang, "link": view.link, "run": [attention], "maps": maps, "book": book, "view": settings}, key="explorer",
        on_wish_change=partial(take_wish, "explorer", view), on_lesson_change=partial(_take_lesson, view),
        on_block_change=partial(take_block, "explorer"), height="content",
    )  # fmt: skip
    if place := st.session_state.pop("explorer_lesson", None):
        st.switch_page("pages/lesson.py", query_params=place)


def _take_lesson(view: View) -> None:
    """Note where in the lesson the visitor wants to go: to a stage, with what the address says of the explorer."""
    said = words(st.session_state.explorer.get("lesson"))
    can = {**takes(view, said), "stage": Parameter(view.outline.stages), "block": view.takes["block"]}
    place = read(said, can)[0]
    if "stage" in place:
        st.session_state.block = place.pop("block", st.session_state.block)
        st.session_state.explorer_lesson = {name: str(value) for name, value in place.items()}


def settings_of(view: View, asks: bool = False) -> dict[str, Any]:
    """What the visitor looks at, and what was computed because the explorer asked for it: the message's "view".

    ``asks``: whether it is on screen, and so asks for the untouched pass, which takes longer than the run itself.
    """
    wish = st.session_state.get("explorer_wish", {})
    asked = {name: str(view.asked[name]) for name in ADDRESS if name in view.asked}
    settings = {
        "run": view.run_name, "block": min(st.session_state.block, view.outline.known.blocks) - 1, "asked": asked, "alone": False,
        "saves": False, "untrained": view.untrained, "differences": None, "removals": None,
    }  # fmt: skip
    if asks or wish.get("run") == view.run_name or STORE.has((*view.key, "difference")):
        settings["differences"] = view.keep((*view.key, "difference"), lambda: difference(view.model, view.run))
    if wish.get("run") == view.run_name and (removal := _removal(view, wish)):
        settings["removals"] = removal
    return settings


def _removal(view: View, wish: Mapping[str, Any]) -> str | None:
    """Where the browser finds the run without the heads that it wishes away; None where its wish makes no sense."""
    name, block = wish["removal"], wish["block"]
    heads = heads_of(name, view.outline.known.shape.sizes["heads"])
    if heads is None or block is None or block >= view.outline.known.blocks:
        return None

    def make() -> bytes:
        return removals_message([(f"block{block} {name}", change_of(view.run, view.model, block, heads))])

    return hand_out(view.keep((*view.key, "removal", block, name), make), BODY, "removal")


def take_wish(component: str, view: View) -> None:
    """Note what the browser asks for: {run, block, removal, save}, the block from 0; what makes no sense is left out."""
    state, wish = st.session_state, st.session_state[component].get("wish")
    if not isinstance(wish, Mapping):
        return
    can = {
        "run": Parameter([view.run_name], ""), "block": Parameter(range(view.outline.known.blocks)),
        "removal": replace(takes(view, {})["removal"], default=""),
    }  # fmt: skip
    state.explorer_wish = complete(words(wish), can)
    if isinstance(save := wish.get("save"), Mapping):
        said = words(save)
        state.explorer_save = view.run_name, read(said, {**takes(view, said), "block": view.takes["block"]})[0]


def take_block(component: str) -> None:
    """Note which block, from 1, the browser shows as its visitor leaves for another page."""
    if said := heard(st.session_state[component], {"block": EVERYWHERE["block"]}):
        st.session_state.block = said["block"]
