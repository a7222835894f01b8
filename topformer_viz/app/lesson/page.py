"""The walkthrough's component: one scene and the current stage, drawn in the browser without a build step.

quiz.js asks before a stage is shown, present.js shows it to a class; lesson.js, which comes last, has both.
"""

from functools import partial
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS, COPY_WORDS, Part
from topformer_viz.app.explorer import page
from topformer_viz.app.explorer.file import EXPLORER_CSS, EXPLORER_HTML, EXPLORER_JS
from topformer_viz.app.explorer.page import Wanted, guest_data, settings_of, take_wish, wanted_of
from topformer_viz.app.frame.address import Takes
from topformer_viz.app.frame.view import View, part
from topformer_viz.app.lesson.payload import lesson_part
from topformer_viz.server.store import STORE
from topformer_viz.words.text import Text

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "topformer_lesson",
    html=(_HERE / "lesson.html").read_text("utf-8").replace("<!-- explorer -->", EXPLORER_HTML),
    css=CANVAS_CSS + (_HERE / "lesson.css").read_text("utf-8") + EXPLORER_CSS,
    js="\n".join(
        (
            CANVAS_JS,
            EXPLORER_JS,
            *((_HERE / name).read_text("utf-8") for name in ("quiz.js", "present.js", "lesson.js")),
        )
    ),
)

UI: dict[str, Text] = {
    "block": Text("Block", "模块"),
    "head": Text("Head", "头"),
    "all": Text("All", "全部"),
    "all_heads": Text("All heads", "全部的头"),
    "copy_link": Text("Copy link to this view", "复制此视图的链接"),
    **COPY_WORDS,
    "upload_stays": Text(
        "Your own picture cannot travel in a link: whoever opens it sees the default sample.",
        "你自己的图片无法随链接传递：打开链接的人看到的是默认示例。",
    ),
    "scene": Text("The block from photograph to output", "从照片到输出的整个模块"),
    "scene_note": Text(
        "Small pictures: this run's tensors. Maps show the root mean square over their channels, matrices head {head}.",
        "小图都是这次运行的张量：特征图显示各通道的均方根，矩阵显示第 {head} 个头。",
    ),
    "step": Text("Step {at} of {of}", "第 {at} 步，共 {of} 步"),
    "previous": Text("← Previous", "← 上一步"),
    "next": Text("Next →", "下一步 →"),
    "trap": Text("Careful.", "当心。"),
    "diagram": Text("What happens to the shape", "形状如何变化"),
    "formula": Text("Formula", "公式"),
    "code": Text("The line that does it, in", "对应的代码，位于"),
    "bytes": Text("{kb} kB", "{kb} kB"),
    "range": Text("min {low}, max {high}, mean {mean}", "最小 {low}，最大 {high}，平均 {mean}"),
    "point": Text("Point at a cell to read its value.", "把指针移到格子上，读出它的值。"),
    "pixel": Text("pixel {i} (row {r}, column {c})", "像素 {i}（第 {r} 行第 {c} 列）"),
    "feature": Text("feature", "特征"),
    "features": Text("features", "个特征"),
    "channels": Text("channels", "个通道"),
    "strength": Text("root mean square over the {d} features", "{d} 个特征的均方根"),
    "predict": Text("Predict first", "先猜后看"),
    "predict_title": Text("A question before each stage", "每一步之前先提一个问题"),
    "score": Text("{right} of {of} right", "答对 {right} / {of}"),
    "reset": Text("Start over", "重新开始"),
    "question": Text("Question {at} of {of}", "第 {at} 题，共 {of} 题"),
    "right": Text("Right.", "答对了。"),
    "wrong": Text("Not quite.", "不对。"),
    "told": Text("The answer:", "答案："),
    "show_stage": Text("Show the stage", "看这一步"),
    "another": Text("Another question", "再来一题"),
    "present": Text("Present (P)", "演示 (P)"),
    "leave": Text("Leave (P)", "退出 (P)"),
    "covered_shape": Text("Shape", "形状"),
    "covered_words": Text("Words", "讲解"),
    "block_of": Text("Block {at} of {of}", "模块 {at} / {of}"),
    "random": Text("random weights: not a finding", "权重随机，不说明规律"),
    "unlike": Text("unlike a street to the network: take with care", "在网络看来不像街景，请谨慎看待"),
    "hints": Text("Page Down, Page Up · ← → · B: black", "Page Down、Page Up · ← → · B：黑屏"),
    "black": Text("The screen is black. Any key brings it back.", "屏幕已变黑，按任意键恢复。"),
}  # fmt: skip


def takes(view: View) -> Takes:
    """What an address can say of the lesson, and of its guest."""
    return {**page.takes(view), "stage": view.outline.stages, "quiz": ("1",), "present": ("1",)}


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
        height="content",
    )  # fmt: skip
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


def _block(view: View) -> int:
    """The block on show, from 1."""
    return min(st.session_state.block, view.outline.blocks)
