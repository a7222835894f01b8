"""What the front door says."""

from topformer_viz.words.text import Text

UI = {
    "lesson": Text("Start the lesson", "开始逐步讲解"),
}
