"""The linked pictures' page, style, script and words, for the app and for the lesson that needs no server."""

from pathlib import Path

from topformer_viz.app.canvas.wire import scripts
from topformer_viz.words.names import TOKEN
from topformer_viz.words.text import Text

_HERE = Path(__file__).parent
LINKED_HTML = (_HERE / "linked.html").read_text("utf-8")
LINKED_CSS = (_HERE / "linked.css").read_text("utf-8")
LINKED_JS = scripts(_HERE, "linked.js")

UI = {
    "token": TOKEN,
    "reads": Text("{i} → {j}", "{i} → {j}"),
    "keys": Text(
        "The image and the maps share the token pointed at. Arrow keys move it; with Shift they move the token it is paired with.",
        "图片和各幅图共用所指的 token。方向键移动它；按住 Shift 移动与它配对的 token。",
    ),
    "averaged": Text("each cell is the mean of {n} × {n} entries", "每格是 {n} × {n} 个元素的平均"),
    "rest": Text("all others together", "其余合计"),
    "none": Text("nothing here", "这里没有"),
    "gone": Text("taken out", "已拿掉"),
    "sum": Text("sum", "合计"),
}  # fmt: skip
