"""The models the app offers, and what it says of each: its name, and whether its picture is a finding."""

from dataclasses import dataclass

from topformer_viz.network.facts import facts
from topformer_viz.network.model import SIZES
from topformer_viz.words.text import Text

FACTS = facts()
STREETS_LABEL = Text(
    "Trained by this project on {pictures} street photographs to tell {classes} classes apart: mIoU {miou} on {val} validation "
    "photographs that it never saw. It knows streets only.",
    "由本项目用 {pictures} 张街景照片训练，区分 {classes} 个类别：在 {val} 张从未见过的验证照片上 mIoU 为 {miou}。它只认得街景。",
)
COLOUR_LABEL = Text(
    "Four heads ask for colour, brightness, hue and place, and each pixel reads those like it. That is what it was made "
    "to do; nothing here was learned.",
    "四个头分别问颜色、明度、色相和位置，每个像素去读与自己相似的像素。它就是为此设定的，没有任何东西是学来的。",
)
BATCH_LABEL = Text(
    "Random weights, BatchNorm statistics measured on this picture: shapes and arithmetic are real, the maps are chance, "
    "not a finding. The projection is still exactly 0.",
    "权重随机，BatchNorm 的统计量取自这张图：形状和运算都是真的，图案只是偶然，不说明规律。投影仍恰好为 0。",
)
BUILT_LABEL = Text(
    "Random weights, BatchNorm statistics still 0 and 1: rows come out near uniform, the projection exactly 0.",
    "权重随机，BatchNorm 的统计量仍是 0 和 1：各行几乎均匀，投影恰好为 0。",
)


@dataclass(frozen=True)
class Choice:
    """A model the app offers: what ``load_model`` is asked for, and whether BatchNorm measures the picture."""

    source: str
    short: Text
    name: Text
    label: Text
    batch_statistics: bool = False


MODELS: dict[str, Choice] = {
    "streets": Choice(
        "streets",
        Text("streets", "街景"),
        Text("TopFormer tiny, trained on streets", "TopFormer tiny，用街景训练"),
        STREETS_LABEL.format(
            pictures=f"{FACTS.train:,}", classes=len(FACTS.classes), miou=f"{FACTS.mean_iou:.2f}", val=FACTS.val
        ),
    ),
    "colour": Choice("colour", Text("colour", "颜色"), Text("Colour, made by hand", "颜色（手工设定）"), COLOUR_LABEL),
}
for _size in SIZES:
    MODELS[f"{_size}-batch"] = Choice(
        _size,
        Text(f"{_size}, measured", f"{_size}（本图统计）"),
        Text(f"TopFormer {_size}, untrained, this picture's statistics", f"TopFormer {_size}，未训练，本图统计量"),
        BATCH_LABEL,
        batch_statistics=True,
    )
    MODELS[_size] = Choice(
        _size,
        Text(f"{_size}, as built", f"{_size}（刚建好）"),
        Text(f"TopFormer {_size}, untrained, as built", f"TopFormer {_size}，未训练，刚建好"),
        BUILT_LABEL,
    )
