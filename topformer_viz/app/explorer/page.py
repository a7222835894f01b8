"""The attention explorer in the app: a page of its own, and a guest in the lesson's stages scores and weights."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS, Body
from topformer_viz.app.explorer.file import EXPLORER_CSS, EXPLORER_HTML, EXPLORER_JS, explorer_html
from topformer_viz.app.explorer.payload import Shown, explorer_data, explorer_part, heads_of
from topformer_viz.app.explorer.state import ADDRESS, parameters
from topformer_viz.app.explorer.words import SAVING
from topformer_viz.app.frame.address import Takes
from topformer_viz.app.frame.view import View, part
from topformer_viz.run.measures import difference
from topformer_viz.run.segmentation import Removal, without_heads
from topformer_viz.server.store import STORE


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the explorer."""
    return parameters(view.outline.run.sizes, view.outline.blocks, said)


_component = st.components.v2.component(
    "topformer_explorer",
    html=EXPLORER_HTML,
    css=CANVAS_CSS + EXPLORER_CSS,
    js=f"{CANVAS_JS}\n{EXPLORER_JS}\nexport default mount(ExplorerPage);\n",
)
# Block on show, the one it is compared with, both from 0; removal, such as "only-2"; whether the untouched pass is asked for.
Wanted = tuple[int, int | None, str, bool]


@part
def show(view: View) -> None:
    """Draw the page; another block, or a run without a head, reruns this part alone."""
    wanted = (*wanted_of(view)[:3], True)
    explorer = view.keep(
        (*view.key, "explorer", view.lang, *wanted),
        lambda: explorer_part(
            view.run, view.model, view.photo, shown_of(view, *wanted), view.lang, view.untrained
        ),
    )  # fmt: skip
    body, settings = explorer.body(), settings_of(view) | {"saves": True}
    if asked := st.session_state.pop("explorer_save", None):
        with st.spinner(SAVING(view.lang)):
            html = explorer_html(
                view.run, view.model, view.photo, view.lang, name=view.name, about=view.about,
                untrained=view.untrained, credit=view.credit, asked=asked,
            )  # fmt: skip
        # Handed to the visitor as a download, once an id.
        file = {"name": f"topformer-{view.sample or 'picture'}.html", "id": uuid4().hex}
        settings["file"] = file | body.add_picture(html.encode(), "text/html")
    payload = explorer.message({"link": view.link, "view": settings}, body)
    _component(
        key="explorer", data=payload, height="content",
        on_wish_change=partial(take_wish, "explorer"), on_lesson_change=_take_lesson,
    )  # fmt: skip
    if place := st.session_state.pop("explorer_lesson", None):
        st.switch_page("pages/lesson.py", query_params=place)


def _take_lesson() -> None:
    """Note where in the lesson the visitor wants to go: to a stage, with what the address says of the explorer."""
    place = getattr(st.session_state.explorer, "lesson", None)
    if isinstance(place, dict):
        known = {name: str(value) for name, value in place.items() if name in (*ADDRESS, "stage") and value is not None}
        st.session_state.explorer_lesson = known


def guest_data(view: View, wanted: Wanted, body: Body) -> dict[str, Any]:
    """The explorer's part of the lesson's header."""
    return explorer_data(view.run, view.model, shown_of(view, *wanted), view.lang, view.untrained, body)


def settings_of(view: View) -> dict[str, Any]:
    """What the visitor looks at: the header's "view"."""
    asked = {name: str(view.asked[name]) for name in ADDRESS if name in view.asked}
    return {
        "run": view.run_name, "block": wanted_of(view)[0], "asked": asked, "alone": False, "saves": False,
        "answer": st.session_state.get("explorer", {}).get("number", 0),
    }  # fmt: skip


def wanted_of(view: View) -> Wanted:
    """What the session asks for.

    The untouched pass takes longer than the run itself: it comes when the explorer is on screen and asks for it.
    """
    wish, blocks = st.session_state.get("explorer", {}), view.outline.blocks
    other, removal = wish.get("with"), wish.get("removal", "")
    return (
        min(st.session_state.block, blocks) - 1,
        other if other is not None and other < blocks else None,
        removal if heads_of(removal, view.outline.run.sizes["heads"]) else "",
        wish.get("run") == view.run_name or STORE.has((*view.key, "difference")),
    )


def shown_of(view: View, block: int, other: int | None, removal: str, checked: bool) -> dict[int, Shown]:
    """The block on show, and the one it is compared with."""
    differences: list[float] | None = None
    if checked:
        differences = view.keep((*view.key, "difference"), lambda: difference(view.model, view.run))
    shown = {}
    for n in dict.fromkeys((block, block if other is None else other)):
        removals = {}
        if n == block and (heads := heads_of(removal, view.run.sizes["heads"])):
            removals[removal] = removal_of(view, n, heads)
        shown[n] = Shown(view.measures(n), differences[n] if differences else None, removals)
    return shown


def take_wish(component: str) -> None:
    """Note what the browser asks for: {run, block, with, removal, save, number}, blocks from 0; what makes no sense is left out.

    ``number``: the browser's count of its wishes, which goes back with the answer.
    """
    state, wish = st.session_state, getattr(st.session_state[component], "wish", None)
    if not isinstance(wish, dict):
        return
    blocks = {name: wish.get(name) for name in ("block", "with")}
    known = {name: n for name, n in blocks.items() if isinstance(n, int) and 0 <= n < 4}
    if "block" in known:
        state.block = known["block"] + 1
    removal = wish.get("removal")
    number, run = wish.get("number"), wish.get("run")
    state.explorer = {
        "with": known.get("with"),
        "removal": removal if isinstance(removal, str) else "",
        "number": number if isinstance(number, int) else 0,
        "run": run if isinstance(run, str) else "",
    }
    save = wish.get("save")
    if isinstance(save, dict):
        state.explorer_save = {name: value for name, value in save.items() if name in (*ADDRESS, "block")}


def removal_of(view: View, block: int, heads: tuple[int, ...]) -> Removal:
    return view.keep((*view.key, "removal", block, heads), lambda: without_heads(view.model, view.run, block, heads))
