"""The lens: what the network would say if it stopped after a block. Its words, style and script, for the pages that have one."""

from pathlib import Path

from topformer_viz.app.canvas.wire import scripts
from topformer_viz.words.text import Text

_HERE = Path(__file__).parent
LENS_CSS = (_HERE / "lens.css").read_text("utf-8")
LENS_JS = scripts(_HERE, "labels.js", "lens.js")

LENS_WORDS: dict[str, Text] = {
    "lens": Text("What would the network say if it stopped after a block?", "如果网络在某个块之后就停下，会给出什么分割？"),
    "lens_note": Text(
        "Every block's output, and before them the pooled tokens, through the same injection and classifier. Both were trained on the "
        "last block's output alone: of the others this is what they would say, not what the network decided. Under a map: how many "
        "image pixels change class from the map before it, and the classes whose share of the image changes most.",
        "让每个块的输出（以及第一块之前池化的 token）都通过同样的注入和分类器。二者只在最后一块的输出上训练过：对其余的输出，"
        "这只是它们会给出的分割，不是网络的决定。图下写的是：与前一幅图相比，有多少图像像素改变类别，以及占比变化最大的几个类别。",
    ),
    "lens_before": Text("before the blocks", "各块之前"),
    "lens_after": Text("after block {n}", "块 {n} 之后"),
    "lens_changed": Text("{share} of the image pixels change class", "{share} 的图像像素改变类别"),
    "lens_class": Text("{name} {before}\u00a0→\u00a0{after}", "{name} {before}\u00a0→\u00a0{after}"),
    "lens_others": Text("all others: at most ±{most}", "其他类别：至多 ±{most}"),
    "arrows": Text("Arrow keys move a point over the image.", "方向键可在图上移动一个点。"),
}  # fmt: skip
