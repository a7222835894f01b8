"""The models the app offers, and what it says of each: its name, and whether its maps are evidence of anything learned."""

from dataclasses import dataclass

from topformer_viz.network.facts import facts
from topformer_viz.network.model import SIZES
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import Text

FACTS = facts()
EVERYDAY_LABEL = Text(
    "Trained by this project on {images} images, {classes} classes; mean overlap with the labels (mIoU) {miou} on {val} images it never saw.",
    "由本项目用 {images} 张图片训练，区分 {classes} 个类别；在 {val} 张从未见过的图片上，与标注的平均重合度（mIoU）为 {miou}。",
)
COLOUR_LABEL = Text(
    "Four heads ask for colour, brightness, hue and place, and each token reads the tokens most like it. It was designed by "
    "hand to do that; nothing here was learned.",
    "四个头分别问颜色、明度、色相和位置，每个 token 读与自己相似的 token。这是手工设计的，没有经过任何训练。",
)
BATCH_LABEL = Text(
    "{not_evidence} Shapes and arithmetic are real. BatchNorm uses this image's own statistics, which makes the rows uneven; "
    "the attention branch still adds exactly 0.",
    "{not_evidence}形状和运算都是真的。BatchNorm 用的是本图的统计量，所以各行不均匀；注意力分支加上的仍恰好是 0。",
).format(not_evidence=NOT_EVIDENCE)
BUILT_LABEL = Text(
    "{not_evidence} Shapes and arithmetic are real. BatchNorm's stored statistics are still mean 0 and variance 1, which makes "
    "the rows nearly uniform; the attention branch adds exactly 0.",
    "{not_evidence}形状和运算都是真的。BatchNorm 存储的统计量仍是均值 0、方差 1，所以各行几乎均匀；注意力分支加上的恰好是 0。",
).format(not_evidence=NOT_EVIDENCE)


@dataclass(frozen=True)
class Choice:
    """A model the app offers: what ``load_model`` is asked for, and whether BatchNorm takes the image's own statistics."""

    source: str
    short: Text
    name: Text
    label: Text
    batch_statistics: bool = False


MODELS: dict[str, Choice] = {
    "everyday": Choice(
        "everyday",
        Text("everyday", "日常"),
        Text("TopFormer tiny, trained on everyday images", "TopFormer tiny，用日常图片训练"),
        EVERYDAY_LABEL.format(
            images=f"{FACTS.train:,}", classes=len(FACTS.classes), miou=f"{FACTS.mean_iou:.2f}", val=FACTS.val
        ),
    ),
    "colour": Choice("colour", Text("colour", "颜色"), Text("Colour, hand-designed", "颜色（手工设计）"), COLOUR_LABEL),
}
for _size in SIZES:
    MODELS[f"{_size}-batch"] = Choice(
        _size,
        Text(f"{_size}, image statistics", f"{_size}（本图统计量）"),
        Text(f"TopFormer {_size}, untrained, this image's statistics", f"TopFormer {_size}，未训练，本图的统计量"),
        BATCH_LABEL,
        batch_statistics=True,
    )
    MODELS[_size] = Choice(
        _size,
        Text(f"{_size}, default init", f"{_size}（默认初始化）"),
        Text(f"TopFormer {_size}, untrained (default init)", f"TopFormer {_size}，未训练（默认初始化）"),
        BUILT_LABEL,
    )
