"""The page of the whole network: the forward pass as one picture, its costs, and what was published."""

import json
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS
from topformer_viz.app.frame.address import Takes
from topformer_viz.app.frame.choices import write_address
from topformer_viz.app.frame.view import View, part
from topformer_viz.app.network.payload import OFF_NOTE, network_payload
from topformer_viz.network.costs import PUBLISHED, costs
from topformer_viz.network.model import TopFormer
from topformer_viz.words.text import Text

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "topformer_network",
    html=(_HERE / "network.html").read_text("utf-8"),
    css=CANVAS_CSS + (_HERE / "network.css").read_text("utf-8"),
    js=CANVAS_JS + (_HERE / "network.js").read_text("utf-8"),
)

UI: dict[str, Text] = {
    "scene": Text("The network from photograph to segmentation", "从照片到分割结果的整个网络"),
    "scene_note": Text(
        "Small pictures: this run's tensors. Maps show the root mean square over their channels, and beside each level its first "
        "channels; blocks show the mean of their heads' attention.",
        "小图都是这次运行的张量：特征图显示各通道的均方根，每层旁边是它的前几个通道；模块显示各头注意力的平均。",
    ),
    "part": Text("Part {at} of {of}", "第 {at} 部分，共 {of} 部分"),
    "previous": Text("← Previous", "← 上一部分"),
    "next": Text("Next →", "下一部分 →"),
    "cost": Text(
        "{params} parameters · {adds} million multiply-adds, {share}% of the network's",
        "{params} 个参数 · {adds} 百万次乘加，占整个网络的 {share}%",
    ),
    "walk": Text("Walk through block {n}, step by step →", "逐步走过第 {n} 个模块 →"),
    "dropped": Text("dropped", "丢弃"),
    "gate": Text("gate", "门控"),
    "cell": Text("row {r}, column {c}", "第 {r} 行第 {c} 列"),
    "channel": Text("channel {c}", "通道 {c}"),
    "strength": Text("root mean square over all channels", "全部通道的均方根"),
    "part_of": Text("the 1/{scale} level's {channels} channels", "1/{scale} 层的 {channels} 个通道"),
    "mean": Text("mean attention of the heads (colour grows with the square root)", "各头注意力的平均（颜色随平方根变化）"),
    "mean_axes": Text("rows: who reads; columns: who is read", "行：谁在读；列：谁被读"),
    "read": Text("how much each square is read, mean of the heads; 1 is average", "每个方格被读的多少，各头平均；1 为平均水平"),
    "off": Text("What does the segmentation owe to it?", "分割结果在多大程度上靠它？"),
    "whole": Text("as it is", "原样"),
    "level_at": Text("the pyramid's 1/{scale} level", "金字塔的 1/{scale} 层"),
    "gate_map": Text("its gate, mean over channels", "它的门控，各通道平均"),
    "part_map": Text("its part of the blocks' output", "模块输出中属于它的那一份"),
    "injected_at": Text("after injection, 1/{scale}", "注入之后，1/{scale}"),
    "opacity": Text("Opacity", "不透明度"),
    "unsure": Text("Hatch where it is less than 50% sure", "把握不足 50% 的地方加斜纹"),
    "class": Text("Class", "类别"),
    "share": Text("here", "本图占比"),
    "iou": Text("IoU (validation)", "IoU（验证集）"),
    "legend": Text("{set}. Press a class to see it alone, again to see all.", "{set}。点选一个类别可单独查看，再点一次恢复全部。"),
    "iou_words": Text(" IoU: intersection over union with the labels; 1 is perfect.", "IoU：与标注的交并比，1 为完全一致。"),
    "here": Text("{name}, {sure} sure", "{name}，把握 {sure}"),
    "arrows": Text("Arrow keys move a point over the picture.", "方向键可在图上移动一个点。"),
}  # fmt: skip
SPEED = Text(
    "Segmented in {ms} ms on this machine: {rate} pictures of this size a second.",
    "在这台机器上分割用时 {ms} 毫秒：每秒约 {rate} 张这样大小的图。",
)
NO_NETWORK = Text(
    "The colour model is one attention module: it has no pyramid, no injection and no segmentation. Choose a TopFormer under "
    "Model.",
    "颜色模型只是一个注意力模块：没有金字塔、没有注入，也没有分割。请在“模型”里选择 TopFormer。",
)
NO_INJECTION = Text(
    "This checkpoint is an ImageNet backbone: it ends with its last block and has no injection and no segmentation.",
    "这个权重文件是 ImageNet 主干网络：到最后一个模块为止，没有注入，也没有分割。",
)
NUMBERS = Text("In numbers", "用数字说话")
OURS = Text("this network, {w} × {h} pixels, {classes} classes", "这个网络，{w} × {h} 像素，{classes} 类")
SAME = Text("the same, 512 × 512 pixels, 150 classes", "同一网络，512 × 512 像素，150 类")
PUBLISHED_WORDS = Text("published (the authors' README, ADE20K)", "作者公布（README，ADE20K）")
ON_STREETS = Text("(streets, validation)", "（街景，验证集）")
COLUMNS = {
    "": Text("TopFormer {size}", "TopFormer {size}"),
    "params": Text("parameters", "参数量"),
    "adds": Text("multiply-adds", "乘加次数"),
    "miou": Text("mIoU", "mIoU"),
}
COUNTED = Text(
    "Counted: convolutions and matrix products of one forward pass. The published “GFLOPs” are multiply-adds too, rounded up. "
    "Scores on different pictures and classes cannot be compared.",
    "计入的是一次前向计算中的卷积和矩阵乘法。公布的“GFLOPs”同样是乘加次数，并向上取整。图片和类别不同，得分不能相比。",
)


def takes(view: View) -> Takes:
    """What an address can say of the page: which part is open."""
    model = view.model
    if not isinstance(model, TopFormer):
        return {"part": ()}
    parts = ["image", *(f"pyramid{n}" for n in range(4)), "tokens", *(f"block{n + 1}" for n in range(model.num_blocks))]
    whole = ("split", *(f"injected{n}" for n in (1, 2, 3)), "class_scores", "segmentation")
    return {"part": parts if model.classes is None else [*parts, *whole]}


def show(view: View) -> None:
    """Draw the page for the current run."""
    lang, model = view.lang, view.model
    if not isinstance(model, TopFormer):
        st.info(NO_NETWORK(lang))
        write_address(view)
        return
    if model.classes is None:
        st.info(NO_INJECTION(lang))
    _picture(view)
    st.caption(SPEED(lang, ms=f"{view.run.seconds * 1000:.0f}", rate=f"{1 / view.run.seconds:.0f}"))
    st.subheader(NUMBERS(lang), anchor="numbers")
    st.markdown(_numbers(view, model))
    st.caption(COUNTED(lang))


@part
def _picture(view: View) -> None:
    model = view.model
    assert isinstance(model, TopFormer)
    settings = {
        "asked": view.asked.get("part"),
        "link": view.link,
        "ui": {name: text(view.lang) for name, text in UI.items()} | {"off_note": OFF_NOTE(view.lang)},
    }
    payload = view.keep(
        (*view.key, "network", json.dumps(settings)),
        lambda: network_payload(view.run, model, view.photo, view.lang, view.facts, settings, view.untrained),
    )
    _component(key="network", data=payload, on_walk_change=_choose_block, height="content")
    if st.session_state.pop("walking", False):
        st.switch_page("app.py", query_params={"stage": "tokens"})


def _choose_block() -> None:
    st.session_state.block = st.session_state.network.walk
    st.session_state.walking = True


def _numbers(view: View, model: TopFormer) -> str:
    """A table in Markdown: what this network costs here, what it costs as published, and what the paper says."""
    lang, published = view.lang, PUBLISHED[model.size]

    def row(words: str, classes: int | None, height: int, width: int, miou: str = "") -> str:
        parts = costs(model.spec, classes, height, width)
        params, adds = sum(c.params for c in parts), sum(c.multiply_adds for c in parts)
        return f"| {words} | {params:,} | {adds / 1e9:.2f} G | {miou} |"

    head = [text(lang, size=model.size) if text is COLUMNS[""] else text(lang) for text in COLUMNS.values()]
    own = OURS(lang, w=view.photo.width, h=view.photo.height, classes=model.classes or 0)
    miou = f"{100 * view.facts.mean_iou:.1f} % {ON_STREETS(lang)}" if view.facts else ""
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            "|---|--:|--:|--:|",
            row(own, model.classes, view.photo.height, view.photo.width, miou),
            row(SAME(lang), 150, 512, 512),
            f"| {PUBLISHED_WORDS(lang)} | {published.params / 1e6:.1f} M | {published.gflops} G | {published.miou} % |",
        ]
    )
