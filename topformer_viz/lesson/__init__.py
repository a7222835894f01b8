"""The walkthrough's component: one scene and the current stage, drawn in the browser without a build step."""

from functools import partial
from pathlib import Path

import streamlit as st

from topformer_viz.explorer.file import EXPLORER_CSS, EXPLORER_HTML, EXPLORER_JS
from topformer_viz.explorer.page import guest_data, take_wish
from topformer_viz.lesson.payload import lesson_payload
from topformer_viz.session import View
from topformer_viz.text import Text
from topformer_viz.wire import CANVAS_CSS, CANVAS_JS

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "topformer_lesson",
    html=(_HERE / "lesson.html").read_text("utf-8").replace("<!-- explorer -->", EXPLORER_HTML),
    css=CANVAS_CSS + (_HERE / "lesson.css").read_text("utf-8") + EXPLORER_CSS,
    js="\n".join((CANVAS_JS, EXPLORER_JS, (_HERE / "lesson.js").read_text("utf-8"))),
)

UI: dict[str, Text] = {
    "block": Text("Block", "模块"),
    "head": Text("Head", "头"),
    "all": Text("All", "全部"),
    "all_heads": Text("All heads", "全部的头"),
    "copy_link": Text("Copy link to this view", "复制此视图的链接"),
    "copied": Text("Copied.", "已复制。"),
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
}  # fmt: skip


@st.fragment
def walkthrough(view: View) -> None:
    """The lesson on the current run; choosing a block reruns this part alone."""
    block = min(st.session_state.block, view.model.num_blocks)
    asked = {"stage": st.query_params.get("stage"), "head": _number(st.query_params.get("head"))}
    settings = {
        "asked": asked,
        "start": "image",
        "block": block,
        "blocks": view.model.num_blocks,
        "link": view.link,
        "ui": {name: text(view.lang) for name, text in UI.items()},
    }
    payload = lesson_payload(
        view.run, view.model, view.photo, block - 1, view.lang, settings, partial(guest_data, view)
    )
    _component(
        key="lesson", data=payload, on_block_change=_choose_block, on_wish_change=partial(take_wish, "lesson"),
        height="content",
    )  # fmt: skip


def _choose_block() -> None:
    st.session_state.block = st.session_state.lesson.block


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 4 else None
