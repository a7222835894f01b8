"""Names that several rooms say."""

from topformer_viz.words.text import Text

BLOCK = Text("Block", "块")
HEAD = Text("Head", "头")
HEAD_N = Text("head {n}", "头 {n}")
MEAN = Text("mean", "平均")
MEAN_OF_HEADS = Text("mean of the heads", "各头平均")
MEAN_OF_SO_MANY = Text("mean of the {heads} heads", "{heads} 个头的平均")
TOKEN = Text("token {i} (row {r}, column {c})", "token {i}（第 {r} 行第 {c} 列）")
WEIGHT = Text("attention weight", "注意力权重")
SHARE_OF_A_ROW = Text(
    "An attention weight is a share of its row, without a unit.", "注意力权重是占一行的份额，没有单位。"
)

TOPFORMER = Text("TopFormer {size}", "TopFormer {size}")
TRAINED = Text("Trained", "已训练")
AS_BUILT = Text("Untrained (default init)", "未训练（默认初始化）")
REINITIALISED = Text("Untrained (authors' init)", "未训练（作者的初始化）")
RANDOM = Text("{name} (random)", "{name}（随机）")
# Said wherever a map of an untrained network stands.
NOT_EVIDENCE = Text(
    "Random parameters: this map is not evidence of anything learned.", "参数随机：这幅图不能当作结论。"
)

# Said when another image or model comes into a view.
CARRIED = Text(
    "Still chosen from before: block {block}, {head}. Tokens that were held there have been let go.",
    "沿用之前的选择：块 {block}、{head}。之前固定的 token 已放开。",
)

COPY_LINK = Text("Copy link to this view", "复制此视图的链接")
UPLOAD_STAYS = Text(
    "Your own image cannot travel in a link: whoever opens it sees the default sample.",
    "你自己的图片无法随链接传递：打开链接的人看到的是默认示例。",
)

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
