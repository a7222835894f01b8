"""Names that several rooms say."""

from topformer_viz.words.text import Text

QUESTION_NAMES = {
    "colour": Text("colour", "颜色"),
    "brightness": Text("brightness", "明度"),
    "hue": Text("hue", "色相"),
    "place": Text("place", "位置"),
}


CHANNEL_NAMES = {
    "red": Text("red", "红"),
    "green": Text("green", "绿"),
    "blue": Text("blue", "蓝"),
    "L": Text("lightness L", "明度 L"),
    "a": Text("green–red a", "绿–红 a"),
    "b": Text("blue–yellow b", "蓝–黄 b"),
    "hue_x": Text("hue, x", "色相 x"),
    "hue_y": Text("hue, y", "色相 y"),
    "row": Text("row", "行"),
    "column": Text("column", "列"),
    **{f"{name} squared": Text(f"|{text.en}|²", f"|{text.zh}|²") for name, text in QUESTION_NAMES.items()},
    "one": Text("1", "1"),
}
