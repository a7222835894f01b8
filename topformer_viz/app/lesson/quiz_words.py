"""The words of the quiz: its questions, answers and reasons."""

from topformer_viz.words.text import Text, in_sequence

# The shape

GIVEN = Text("`{name}`: `{shape}`", "`{name}`：`{shape}`")
GIVEN_IMAGE = Text(
    "One colour image, {X} image pixels wide and {Y} high, as a tensor.",
    "一张彩色图片，宽 {X}、高 {Y} 图像像素，写成张量。",
)
LEVEL_IS = Text(
    "This level has {channels} channels, and 1/{share} of the image's rows and columns (rounded up).",
    "这个层级有 {channels} 个通道，行数和列数是图片的 1/{share}（向上取整）。",
)
GRID_IS = Text(
    "Every level is averaged down to the token grid: `H {H}`, `W {W}`.",
    "每个层级都取平均，缩到 token 网格的大小：`H {H}`、`W {W}`。",
)
WIDTHS_ARE = Text(
    "A token has `C {C}` channels when it enters and leaves. `heads {heads}`; per head, query and key have "
    "`key_dim {key_dim}` features, values `d {d}`.",
    "token 进出时有 `C {C}` 个通道。`heads {heads}`；每个头里，查询和键有 `key_dim {key_dim}` 个特征，值有 `d {d}` 个。",
)
SIZES_ARE = Text("Sizes: {sizes}.", "大小：{sizes}。")
PERMUTES = Text("[[permute]] swaps the last two axes.", "[[permute]] 交换最后两个轴。")
MLP_IS = Text(
    "The first 1×1 convolution doubles the channels, the last one halves them again.",
    "第一个 1×1 卷积把通道数加倍，最后一个再减半。",
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
    "This shape has no `heads` axis. Each of the {heads} heads keeps a result of its own.",
    "这个形状里没有 `heads` 轴了：{heads} 个头各自保留自己的结果。",
)
SWAPPED = Text("The right axes, but the last two are swapped.", "轴是对的，但最后两个轴的次序反了。")
DROPPED = Text(
    "That would be one number for each row. {operation} keeps all {size} entries of a row.",
    "那样每行只剩一个数。经过这个运算（{operation}），每行的 {size} 个元素都会保留。",
)
STACKED = Text(
    "That would be stacking. Adding goes entry by entry, so there are no more channels than before.",
    "那是拼接。相加是逐元素的，通道不会变多。",
)
LEVEL = Text("That is the size of `{level}`, the level before.", "那是前一个层级 `{level}` 的大小。")
GRID = Text(
    "`{source}` has that many rows and columns. Here {rows} × {columns} are left.",
    "`{source}` 才有这么多行和列。这里只剩 {rows} × {columns}。",
)
CHANNELS = Text(
    "`{source}` has that many channels. Here there are {channels}.", "`{source}` 才有这么多通道。这里是 {channels} 个。"
)
ITSELF = Text("That is `{source}` itself, before this stage.", "这是 `{source}` 本身，还没有经过这一步。")
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
    "Which head has the most peaked rows: which spreads them over the fewest tokens?",
    "哪个头的行最集中，也就是把一行权重分给最少的 token？",
)
SCORES_VARY = Text(
    "Standard deviation of the scores within a row, mean over the rows: {heads}.",
    "一行得分的标准差（各行取平均）：{heads}。",
)
SCORES_OF_HEAD = Text("head {n}: {value:.2f}", "头 {n}：{value:.2f}")
NAMED_HEAD = Text("{head} ({name})", "{head}（{name}）")
THIS_HEAD = Text(
    "{head}: {value:.1f} effective tokens of {HW}. The further apart the scores of a row, the more softmax gives to the largest.",
    "{head}：有效 token 数 {value:.1f}，共 {HW} 个。一行得分相差越大，softmax 给最大者的权重就越多。",
)
NOT_THIS_HEAD = Text(
    "{head}: {value:.1f} effective tokens of {HW}. {best}: {best_value:.1f} effective tokens of {HW}.",
    "{head}：有效 token 数 {value:.1f}，共 {HW} 个。{best}：有效 token 数 {best_value:.1f}，共 {HW} 个。",
)

SCALE = Text(
    "If the scores were divided by √key_dim = √{key_dim} before the softmax, over how many tokens would a row spread?",
    "如果在 softmax 之前把得分除以 √key_dim = √{key_dim}，一行权重会分散到多少个 token 上？",
)
MORE, FEWER, AS_MANY = Text("more", "更多"), Text("fewer", "更少"), Text("as many", "一样多")
SPREADS_OVER = Text(
    "A row of this block's attention weights spreads over {effective:.1f} [[effective tokens]] of {HW}, on average.",
    "这个块的注意力权重，平均每行的[[effective tokens|有效 token 数]]是 {effective:.1f}，共 {HW} 个。",
)
SCALED = Text(
    "Smaller differences between scores give flatter rows: {plain:.1f} effective tokens as it is, {scaled:.1f} with the division.",
    "得分之间的差变小，行就变得分散：现在的有效 token 数是 {plain:.1f}，除以之后是 {scaled:.1f}。",
)
FLAT_ALREADY = Text(
    "The rows are uniform already, so they cannot get flatter: {plain:.1f} effective tokens as it is, {scaled:.1f} with the division.",
    "每一行已经是均匀的，不可能更分散：现在的有效 token 数是 {plain:.1f}，除以之后是 {scaled:.1f}。",
)

SUMS = Text("Which sums of a head's matrix are 1?", "在一个头的矩阵里，哪些和等于 1？")
SCORES_GO = Text(
    "The scores go from {low:signed} to {high:signed}. [[softmax|Softmax]] is taken over their last axis, the keys.",
    "得分在 {low:signed} 到 {high:signed} 之间。[[softmax]] 沿最后一个轴（键）计算。",
)
ROWS = Text("each row's", "每一行的和")
COLUMNS = Text("each column's", "每一列的和")
BOTH = Text("both", "行和列都是")
SUMS_ARE = Text(
    "Softmax runs along each row, so each row sums to {rows:.2f}. The columns' sums go from {low:.2f} to {high:.2f}.",
    "softmax 沿每一行计算，所以每行之和是 {rows:.2f}。各列之和在 {low:.2f} 到 {high:.2f} 之间。",
)
ALL_EQUAL = Text(
    "Scores that hardly differ make every attention weight 1/HW, so that here the columns sum to 1 as well.",
    "得分几乎没有差别，每个注意力权重都是 1/HW，所以这里各列之和也是 1。",
)

ALIKE = Text(
    "Each token now takes a weighted mean of all tokens' values. Do the tokens become more alike?",
    "每个 token 现在取所有 token 的值的加权平均。token 之间会更相似吗？",
)
MORE_ALIKE = Text("more alike", "更相似")
LESS_ALIKE = Text("less alike", "更不相似")
AS_ALIKE = Text("as alike as before", "和以前一样")
VARIES = Text(
    "Means over many tokens differ less than the tokens themselves: the standard deviation over the tokens falls from {value:.3g} "
    "in `value` to {mixed:.3g} in `mixed`.",
    "对许多 token 取平均，得到的结果之间差别更小：各 token 之间的标准差从 `value` 的 {value:.3g} 降到 `mixed` 的 {mixed:.3g}。",
)

ZEROS = Text(
    "[[ReLU6]] sets every negative entry to 0. How many entries are 0 afterwards?",
    "[[ReLU6]] 把负的元素都变成 0。之后有多少元素为 0？",
)
QUARTILES = Text(
    "Of the entries of `merged` a quarter are below {first:signed}, half below {second:signed}, three quarters below {third:signed}.",
    "`merged` 的元素中，四分之一小于 {first:signed}，一半小于 {second:signed}，四分之三小于 {third:signed}。",
)
QUARTERS = (
    Text("up to a quarter", "不到四分之一"),
    Text("a quarter to a half", "四分之一到一半"),
    Text("a half to three quarters", "一半到四分之三"),
    Text("more than three quarters", "超过四分之三"),
)
ZEROS_ARE = Text(
    "As many as are not above 0 before: {share:.0%} of the entries.",
    "之前不大于 0 的都变成 0：占全部元素的 {share:.0%}。",
)

BRANCH = Text("What does the attention branch output here?", "注意力分支在这里输出什么？")
GAIN_AND_BIAS = Text(
    "The last operation is [[BatchNorm]]. Of its channels here, the gain γ goes from {low:signed} to {high:signed}, the bias from "
    "{least:signed} to {most:signed}.",
    "最后一个运算是 [[BatchNorm]]。这里各通道的增益 γ 在 {low:signed} 到 {high:signed} 之间，偏置在 {least:signed} 到 {most:signed} 之间。",
)
NOTHING = Text("exactly 0 everywhere", "处处恰好为 0")
HALF = Text("0 for half of the entries, because of ReLU6", "一半元素为 0，因为有 ReLU6")
SOMETHING = Text("hardly any entry is 0", "几乎没有元素为 0")
BRANCH_IS = Text(
    "{share:.0%} of the entries are 0; the largest is {largest:.3g} in size. ReLU6 comes before the projection, which mixes "
    "the channels once more.",
    "{share:.0%} 的元素为 0，绝对值最大的是 {largest:.3g}。ReLU6 在投影之前，投影又把各通道混合起来。",
)
BRANCH_IS_ZERO = Text(
    "Gain and bias are 0 here, so all that comes out is 0. Untrained networks (default init) start like this.",
    "这里增益和偏置都是 0，所以输出全是 0。未训练（默认初始化）的网络就是这样开始的。",
)

SUMS_ARE_1 = in_sequence(SUMS_ARE, ALL_EQUAL)

# Each question of NUMBERS: what is asked, and the texts of its answer's sayings.
LIVE: dict[str, tuple[Text, dict[str, Text]]] = {
    "focused": (
        FOCUSED,
        {
            "scores_vary": SCORES_VARY,
            "scores_of_head": SCORES_OF_HEAD,
            "this_head": THIS_HEAD,
            "not_this_head": NOT_THIS_HEAD,
        },
    ),
    "scale": (
        SCALE,
        {
            "spreads_over": SPREADS_OVER,
            "scaled": SCALED,
            "flat_already": FLAT_ALREADY,
            "more": MORE,
            "fewer": FEWER,
            "as_many": AS_MANY,
        },
    ),
    "sums": (
        SUMS,
        {
            "scores_go": SCORES_GO,
            "sums_are": SUMS_ARE,
            "sums_are_1": SUMS_ARE_1,
            "rows": ROWS,
            "columns": COLUMNS,
            "both": BOTH,
        },
    ),
    "alike": (
        ALIKE,
        {
            "spreads_over": SPREADS_OVER,
            "varies": VARIES,
            "more_alike": MORE_ALIKE,
            "less_alike": LESS_ALIKE,
            "as_alike": AS_ALIKE,
        },
    ),
    "become_zero": (
        ZEROS,
        {
            "quartiles": QUARTILES,
            "zeros_are": ZEROS_ARE,
            **{f"quarter{n}": text for n, text in enumerate(QUARTERS, start=1)},
        },
    ),
    "branch": (
        BRANCH,
        {
            "gain_and_bias": GAIN_AND_BIAS,
            "branch_is": BRANCH_IS,
            "branch_is_zero": BRANCH_IS_ZERO,
            "nothing": NOTHING,
            "half": HALF,
            "something": SOMETHING,
        },
    ),
}
# Of these the texts of options, which begin with a capital.
OPTIONS = {
    "more", "fewer", "as_many", "rows", "columns", "both", "more_alike", "less_alike", "as_alike", "nothing", "half", "something",
    "quarter1", "quarter2", "quarter3", "quarter4",
}  # fmt: skip
