"""The lesson's component: one scene and the current stage, drawn in the browser without a build step.

quiz.js asks before a stage is shown, present.js shows it to a class, search.js finds it, scene.js and painter.js draw;
lesson.js, which comes last, has them all.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS, SCENE_JS, Part, scripts
from topformer_viz.app.explorer import page
from topformer_viz.app.explorer.file import EXPLORER_CSS, EXPLORER_HTML, EXPLORER_JS
from topformer_viz.app.explorer.page import Wanted, guest_data, settings_of, take_wish, wanted_of
from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.view import View, part
from topformer_viz.app.lesson.links import LINKS
from topformer_viz.app.lesson.payload import lesson_part
from topformer_viz.app.lesson.search import search_data
from topformer_viz.app.lesson.words import UI
from topformer_viz.server.store import STORE

_HERE = Path(__file__).parent
LESSON_HTML = (_HERE / "lesson.html").read_text("utf-8").replace("<!-- explorer -->", EXPLORER_HTML)
LESSON_JS = scripts(_HERE, "quiz.js", "present.js", "search.js", "scene.js", "painter.js", "lesson.js")
_component = st.components.v2.component(
    "topformer_lesson",
    html=LESSON_HTML,
    css=CANVAS_CSS + (_HERE / "lesson.css").read_text("utf-8") + EXPLORER_CSS,
    js=CANVAS_JS + SCENE_JS + EXPLORER_JS + LESSON_JS,
)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the lesson, and of its guest; of no head the lesson shows all."""
    guest, once = page.takes(view, said), Parameter(("1",))
    stages = Parameter(view.outline.stages, view.outline.stages[0])
    return {**guest, "head": replace(guest["head"], default=None), "stage": stages, "quiz": once, "present": once}


@part
def show(view: View) -> None:
    """The lesson on the current run; choosing a block reruns this part alone."""
    block = _block(view)
    asked = {
        **{name: view.asked.get(name) for name in ("stage", "head")},
        **{mode: mode in view.asked for mode in ("quiz", "present")},
    }
    # While presenting the page's own words are hidden.
    warned = [
        UI[what](view.lang) for what, holds in (("random", view.untrained), ("unlike", view.outline.unlike)) if holds
    ]
    settings = {
        "asked": asked,
        "start": "image",
        "block": block,
        "blocks": view.outline.blocks,
        "link": view.link,
        "search": search_data(view.lang),
        "about": [view.about, *warned, view.name],
        "ui": {name: text(view.lang) for name, text in UI.items()},
    }
    wanted = wanted_of(view)
    key = (*view.key, "lesson", view.lang)
    first = not STORE.has((*key, *wanted))
    lesson = view.keep((*key, *wanted), partial(_part, view, wanted))
    payload = lesson.message(settings | {"view": settings_of(view)})
    _component(
        key="lesson", data=payload, on_block_change=_choose_block, on_wish_change=partial(take_wish, "lesson"),
        on_follow_change=_follow, height="content",
    )  # fmt: skip
    if followed := st.session_state.pop("followed", None):
        page_name, said = followed
        st.session_state.led = page_name == "lab"
        st.switch_page(f"pages/{page_name}.py", query_params=said)
    if first:  # the other blocks come next, and the run is at hand now
        for n in range(view.outline.blocks):
            other = (n, None, "", wanted[3])
            STORE.prepare((*key, *other), partial(_part, view, other))


def _part(view: View, wanted: Wanted) -> Part:
    """One block's lesson, with the explorer as its guest."""
    model, run, photo = view.computed
    return lesson_part(run, model, photo, wanted[0], view.lang, partial(guest_data, view, wanted))


def _choose_block() -> None:
    st.session_state.block = st.session_state.lesson.block


def _follow() -> None:
    """Note where the link leads that the browser says was followed: its stage, its place among the stage's, the head or 0."""
    match st.session_state.lesson.follow:
        case [str(stage), int(n), int(head)] if 0 <= n < len(LINKS.get(stage, ())) and head >= 0:
            link = LINKS[stage][n]
            st.session_state.followed = link.page, link.address(stage, head)


def _block(view: View) -> int:
    """The block on show, from 1."""
    return min(st.session_state.block, view.outline.blocks)
