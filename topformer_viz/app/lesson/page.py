"""The lesson's component: one scene and the current stage, drawn in the browser without a build step."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import streamlit as st

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.wire import BOOK, CANVAS_CSS, CANVAS_JS
from topformer_viz.app.explorer import page
from topformer_viz.app.frame.address import Parameter, Takes, complete, heard, words
from topformer_viz.app.frame.view import View, part
from topformer_viz.app.lesson.lens import lens_message
from topformer_viz.app.lesson.links import LINKS
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.app.lesson.script import LESSON_CSS, LESSON_HTML, LESSON_JS
from topformer_viz.app.lesson.words import UI
from topformer_viz.network.model import TopFormer
from topformer_viz.server.store import STORE

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
    """The lesson on the current run. The browser has every block of it; it asks for what the explorer, its guest, wishes, and for the lens."""
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
        "view": page.settings_of(view), "body": _lens(view),
    }  # fmt: skip
    _component(
        header, key="lesson", on_block_change=partial(page.take_block, "lesson"),
        on_wish_change=partial(page.take_wish, "lesson", view), on_follow_change=partial(_follow, view),
        on_lens_change=partial(_look, view), height="content",
    )  # fmt: skip
    if followed := st.session_state.pop("followed", None):
        page_name, said = followed
        st.session_state.led = page_name == "lab"
        st.switch_page(f"pages/{page_name}.py", query_params=said)


def _lens(view: View) -> list[str]:
    """Where the browser finds the lens, once somebody looks at a block's output."""
    key = (*view.key, "lens")
    if st.session_state.get("lesson_lens") != view.run_name and not STORE.has(key):
        return []

    def make() -> bytes:
        model, run, _ = view.computed
        assert isinstance(model, TopFormer)
        return lens_message(run, model)

    return [hand_out(view.keep(key, make), BOOK, "lens")]


def _look(view: View) -> None:
    """Note that the browser shows a block's output of a run that has a segmentation."""
    can = {"lens": Parameter([view.run_name])}
    if view.outline.known.classes and (said := heard(st.session_state.lesson, can)):
        st.session_state.lesson_lens = said["lens"]


def _follow(view: View) -> None:
    """Note where the link leads that was followed: the browser says its stage, its place among the stage's, the head or 0, the block."""
    said = words(st.session_state.lesson.get("follow"))
    links, heads = LINKS.get(stage := said.get("stage", ""), ()), view.outline.run.sizes["heads"]
    can = {"n": Parameter(range(len(links))), "head": Parameter(range(heads + 1), 0), "block": view.takes["block"]}
    n, head, block = complete(said, can).values()
    if n is not None:
        st.session_state.block = block
        st.session_state.followed = links[n].page, links[n].address(stage, head)
