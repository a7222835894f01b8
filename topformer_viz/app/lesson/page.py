"""The lesson's component: one scene and the current stage, drawn in the browser without a build step."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import streamlit as st

from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS
from topformer_viz.app.explorer import page
from topformer_viz.app.frame.address import Parameter, Takes, complete, words
from topformer_viz.app.frame.view import View, part
from topformer_viz.app.lesson.links import LINKS
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.app.lesson.script import LESSON_CSS, LESSON_HTML, LESSON_JS
from topformer_viz.app.lesson.words import UI

_component = component(
    "lesson",
    html=LESSON_HTML,
    css=CANVAS_CSS + LESSON_CSS,
    js=f"{CANVAS_JS}\n{LESSON_JS}\nexport default mount(Lesson);\n",
)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the lesson, and of its guest; of no head the lesson shows all."""
    guest, once = page.takes(view, said), Parameter(("1",))
    stages = Parameter(view.outline.stages, view.outline.stages[0])
    return {**guest, "head": replace(guest["head"], default=None), "stage": stages, "quiz": once, "present": once}


@part
def show(view: View) -> None:
    """The lesson on the current run. The browser has every block of it; it asks for what the explorer, its guest, wishes."""
    asked = {
        **{name: view.asked.get(name) for name in ("stage", "head")},
        **{mode: mode in view.asked for mode in ("quiz", "present")},
    }
    # While presenting the page's own words are hidden.
    warned = [
        UI[what](view.lang) for what, holds in (("random", view.untrained), ("unlike", view.outline.unlike)) if holds
    ]
    header = {
        "lang": view.lang, "asked": asked, "start": "image", "link": view.link, "about": [view.about, *warned, view.name],
        "run": view.bodies(maps=True), "book": view.book("lesson", lambda: lesson_book(view.outline.known, view.lang)),
        "view": page.settings_of(view),
    }  # fmt: skip
    _component(
        header, key="lesson", on_block_change=partial(page.take_block, "lesson"),
        on_wish_change=partial(page.take_wish, "lesson", view), on_follow_change=partial(_follow, view), height="content",
    )  # fmt: skip
    if followed := st.session_state.pop("followed", None):
        page_name, said = followed
        st.session_state.led = page_name == "lab"
        st.switch_page(f"pages/{page_name}.py", query_params=said)


def _follow(view: View) -> None:
    """Note where the link leads that was followed: the browser says its stage, its place among the stage's, the head or 0, the block."""
    said = words(st.session_state.lesson.get("follow"))
    links, heads = LINKS.get(stage := said.get("stage", ""), ()), view.outline.run.sizes["heads"]
    can = {"n": Parameter(range(len(links))), "head": Parameter(range(heads + 1), 0), "block": view.takes["block"]}
    n, head, block = complete(said, can).values()
    if n is not None:
        st.session_state.block = block
        st.session_state.followed = links[n].page, links[n].address(stage, head)
