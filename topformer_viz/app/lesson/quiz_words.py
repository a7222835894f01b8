"""The words of the quiz: its questions, answers and reasons."""

from topformer_viz.words.text import Text

# The shape

GIVEN = Text("`{name}`: `{shape}`", "`{name}`：`{shape}`")
GIVEN_PICTURE = Text(
    "A colour picture, {X} tokens wide and {Y} high, as a tensor.",
    "一张彩色图片，宽 {X} token、高 {Y} token，写成张量。",
)
NEXT = Text("Next: {operations}. Which shape comes out?", "接下来：{operations}。得到的形状是什么？")

STAYS = Text("{operation}: the shape stays as it was.", "{operation}：形状不变。")
SUMMED = Text(
    "`{axis}`, the last axis of `{left}` and the third of `{right}`, is summed over. The others remain.",
    "`{left}` 的最后一个轴与 `{right}` 的第三个轴都是 `{axis}`：它被求和消去，其余的轴留下。",
)
GIVES = Text("{operation}: `{shape}`.", "{operation}：`{shape}`。")
BECOMES = Text("`{before}` becomes `{after}`.", "`{before}` 变成 `{after}`。")
ADDS_UP = Text("The channels are stacked: {sum}.", "通道拼在一起：{sum}。")
MADE_OF = Text("`{whole}` = `{a}` × `{b}` = {n} × {m} = {size}.", "`{whole}` = `{a}` × `{b}` = {n} × {m} = {size}。")

STOPPED = Text("That is what {done} leaves. Still to come: {missing}.", "这只是 {done} 的结果，后面还有 {missing}。")
KEPT = Text(
    "Here `{axis}` is still there. A matrix product sums over it.", "这里 `{axis}` 还在。矩阵乘会对它求和，把它消去。"
)
OTHER_SUM = Text(
    "That is the product the other way round, summed over `{axis}`.", "这是反过来相乘的结果，被求和的变成了 `{axis}`。"
)
HEADS_LOST = Text(
    "Here the heads are gone. Each of the {heads} heads keeps a result of its own.",
    "这里头不见了。{heads} 个头各自保留自己的结果。",
)
SWAPPED = Text("The right axes, but the last two are swapped.", "轴是对的，但最后两个轴的次序反了。")
DROPPED = Text(
    "That would be one number for each row. {operation} keeps all {size} entries of a row.",
    "那是每行只剩一个数。{operation}会保留每行的 {size} 个元素。",
)
STACKED = Text(
    "That would be stacking. Adding goes entry by entry, so there are no more channels than before.",
    "那是拼接。相加是逐元素的，通道不会变多。",
)
LEVEL = Text("That is as large as `{level}`, the level before.", "那是上一层 `{level}` 的大小。")
GRID = Text(
    "`{source}` has that many rows and columns. Here {rows} × {columns} are left.",
    "`{source}` 才有这么多行和列。这里只剩 {rows} × {columns}。",
)
CHANNELS = Text(
    "`{source}` has that many channels. Here there are {channels}.", "`{source}` 才有这么多通道。这里是 {channels} 个。"
)
ITSELF = Text("That is `{source}` itself, before this step.", "这是 `{source}` 本身，还没有经过这一步。")
OTHER_AXIS = Text(
    "`{other}` would be: {other_meaning}. Here it is `{axis}`: {meaning}.",
    "`{other}` 是：{other_meaning}。这里应当是 `{axis}`：{meaning}。",
)
JOINED = Text(
    "Here `{a}` and `{b}` are one axis, `{whole}`. In the result they are two: {n} × {m}.",
    "这里 `{a}` 和 `{b}` 合成了一个轴 `{whole}`。结果里它们是两个轴：{n} × {m}。",
)
SPLIT = Text(
    "Here `{a}` and `{b}` are two axes. In the result they are one: `{whole}` = {n} × {m} = {size}.",
    "这里 `{a}` 和 `{b}` 是两个轴。结果里它们合成一个：`{whole}` = {n} × {m} = {size}。",
)
LISTED = Text(
    "That would be a list of tokens. Here they still lie on their grid.",
    "那是排成一列的 token。这里 token 仍排在网格上。",
)
CHANNELS_LAST = Text(
    "The right axes, but PyTorch puts the channels before rows and columns.",
    "轴是对的，但 PyTorch 把通道放在行和列之前。",
)


# The run on show

FOCUSED = Text(
    "Which head is the most focused: which spreads a row over the fewest tokens?",
    "哪个头最集中，也就是把一行权重分给最少的 token？",
)
FURTHEST = Text(
    "Which head looks furthest: in which is the token that is read furthest from the one that asks, on average?",
    "哪个头看得最远，也就是平均而言，被读的 token 离提问的 token 最远？",
)
EFFECTIVE = Text(
    "{value:.1f} effective tokens of {HW} in a row, on average", "平均每行有效 token 数 {value:.1f}，共 {HW} 个"
)
DISTANCE = Text("{value:.2f} tokens away, on average", "平均距离 {value:.2f} 格")
HEAD = Text("Head {n}", "头 {n}")
NAMED_HEAD = Text("Head {n} ({name})", "头 {n}（{name}）")
THIS_HEAD = Text("{head}: {number}.", "{head}：{number}。")
NOT_THIS_HEAD = Text("{head}: {number}. {best}: {best_number}.", "{head}：{number}。{best}：{best_number}。")

SCALE = Text(
    "If the scores were divided by √key_dim = √{key_dim} before the softmax, over how many tokens would a row spread?",
    "如果在 softmax 之前把得分除以 √key_dim = √{key_dim}，一行权重会分散到多少个 token 上？",
)
MORE, FEWER, AS_MANY = Text("more", "更多"), Text("fewer", "更少"), Text("as many", "一样多")
SCALED = Text(
    "Effective tokens in a row, on average: {plain:.1f} as it is, {scaled:.1f} with the division.",
    "平均每行的有效 token 数：现在是 {plain:.1f}，除以之后是 {scaled:.1f}。",
)

SUMS = Text("Which sums of a head's table are 1?", "一个头的表里，哪些和等于 1？")
ROWS = Text("each row's", "每一行的和")
COLUMNS = Text("each column's", "每一列的和")
BOTH = Text("both", "行和列都是")
SUMS_ARE = Text(
    "Softmax runs along the rows, so each row sums to {rows:.2f}. The columns' sums go from {low:.2f} to {high:.2f}.",
    "softmax 沿每一行做，所以每行之和是 {rows:.2f}。各列之和在 {low:.2f} 到 {high:.2f} 之间。",
)

ALIKE = Text(
    "Each token now takes a weighted mean of all tokens' values. Do the tokens become more alike?",
    "每个 token 现在取所有 token 的值的加权平均。token 之间会更相似吗？",
)
MORE_ALIKE = Text("more alike", "更相似")
LESS_ALIKE = Text("less alike", "更不相似")
AS_ALIKE = Text("as alike as before", "和以前一样")
SPREADS = Text(
    "From token to token a value varies by {value:.3g} (standard deviation), a mixed feature by {mixed:.3g}.",
    "在 token 之间，值的标准差是 {value:.3g}，混合后的特征是 {mixed:.3g}。",
)

ZEROS = Text("ReLU6 cuts off what is negative. How many entries are 0 now?", "ReLU6 截去负数。现在有多少元素为 0？")
QUARTERS = (
    Text("up to a quarter", "不到四分之一"),
    Text("a quarter to a half", "四分之一到一半"),
    Text("a half to three quarters", "一半到四分之三"),
    Text("more than three quarters", "超过四分之三"),
)
ZEROS_ARE = Text("{share:.0%} of the entries are 0.", "{share:.0%} 的元素为 0。")

BRANCH = Text("What does the attention branch put out here?", "注意力分支在这里输出什么？")
NOTHING = Text("exactly 0 everywhere", "处处恰好为 0")
HALF = Text("0 for half of the entries, because of ReLU6", "一半元素为 0，因为有 ReLU6")
SOMETHING = Text("hardly any entry is 0", "几乎没有元素为 0")
BRANCH_IS = Text(
    "{share:.0%} of the entries are 0; the largest is {largest:.3g} in size.",
    "{share:.0%} 的元素为 0，绝对值最大的是 {largest:.3g}。",
)
BRANCH_GAIN = Text(
    "As built, the gain of the projection's BatchNorm is 0, and so is all that comes out of it.",
    "刚建好时，投影的 BatchNorm 增益为 0，所以它的输出全是 0。",
)

ADDED = Text(
    "How large is what attention adds, beside the map that came in (root mean square)?",
    "与输入的特征图相比，注意力加上去的部分有多大（按均方根）？",
)
PARTS = (
    Text("nothing at all is added", "什么也没加"),
    Text("less than half as large", "不到一半"),
    Text("half as large to as large", "一半到一样大"),
    Text("larger", "更大"),
)
ADDED_IS = Text(
    "Root mean square of the map that came in: {tokens:.3g}; of what is added: {added:.3g}, {share:.0%} of it.",
    "输入的均方根是 {tokens:.3g}，加上去的是 {added:.3g}，为前者的 {share:.0%}。",
)
