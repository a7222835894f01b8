"""What the lab's part "What if?" says, on the page and in its figures."""

from topformer_viz.words.names import BLOCK, HEAD, HEAD_N, MEAN, MEAN_OF_HEADS, NOT_EVIDENCE, WEIGHT
from topformer_viz.words.text import Text

UI = {
    "intro": Text(
        "Change the attention of one block and run it again on your image. Say what you expect, then try it.",
        "改动一个块的注意力，在你的图片上再运行一次。先说说你的预期，再试一试。",
    ),
    "all_switches": Text("All switches", "全部开关"),
    "chosen": Text("✓ {name}", "✓ {name}"),
    "block": BLOCK,
    "head": HEAD,
    "mean": MEAN,
    "scaled": Text("Divide by √key_dim", "除以 √key_dim"),
    "temperature": Text("Temperature", "温度"),
    "over": Text("Softmax along", "softmax 的方向"),
    "keys": Text("keys: each row", "键（每一行）"),
    "queries": Text("queries: each column", "查询（每一列）"),
    "unpermuted": Text("Reshape without permute", "只 reshape，不 permute"),
    "activation": Text("ReLU6", "ReLU6"),
    "before": Text("before the projection", "投影之前"),
    "after": Text("after it", "投影之后"),
    "ratio": Text("attn_ratio", "attn_ratio"),
    "heads": Text("Heads", "头数"),
    "key_dim": Text("key_dim", "key_dim"),
    "tokens": Text("Tokens", "token"),
    "in place": Text("in place", "原位"),
    "shuffled": Text("shuffled", "打乱"),
    "quarter": Text("¼ dropped", "拿掉 ¼"),
    "half": Text("½ dropped", "拿掉 ½"),
    "draw": Text("Random seed", "随机种子"),
    "draw_help": Text(
        "Decides the order of shuffled tokens, which tokens are dropped, and fresh parameters.",
        "决定打乱的顺序、拿掉哪些 token，以及随机的新参数。",
    ),
    "reset": Text("Reset", "全部复原"),
    "nothing": Text(
        "Nothing is changed yet: this is the block as it is.", "还没有改动任何东西：这就是原来的块。"
    ),
    "entering": Text("The tokens", "输入的 token"),
    "weights": Text("Attention weights", "注意力权重"),
    "effective": Text("Effective tokens", "有效 token 数"),
    "mixed": Text("Per-head output", "每个头的输出"),
    "output": Text("The block's output", "块的输出"),
    "head_n": HEAD_N,
    "all_heads": MEAN_OF_HEADS,
    "all_rms": Text("all heads", "全部的头"),
    "weights_note": Text("{head}; a row is what one token reads", "{head}；一行是一个 token 读到的"),
    "effective_note": Text(
        "of each row, {head}: 1 is one token alone, {tokens} is all of them equally",
        "每一行的，{head}：1 表示只读一个 token，{tokens} 表示平均地读全部",
    ),
    "mixed_note": Text("{head}; root mean square over the features", "{head}；各特征的均方根"),
    "output_note": Text("root mean square over the channels", "各通道的均方根"),
    "tokens_note": Text("{rows} × {columns} tokens of the token grid", "token 网格的 {rows} × {columns} 个 token"),
    "as_is": Text("as it is", "原样"),
    "was": Text("before", "改动前"),
    "is": Text("after", "改动后"),
    "difference": Text("difference", "差"),
    "distance": Text("size of the difference", "差的大小"),
    "in_place": Text("difference, put back in place", "归位后的差"),
    "distance_in_place": Text("its size, put back in place", "归位后差的大小"),
    "same": Text("Did not change: {names}", "没有变化：{names}"),
    "did": Text("What it did, in numbers", "各项数值"),
    "rows_table": Text("Rows and columns of the attention weights: {head}", "注意力权重的行与列：{head}"),
    "stages_table": Text("How much each stage changed", "每个步骤变了多少"),
    "measure": Text("measured", "测量"),
    "stage": Text("stage", "步骤"),
    "shape": Text("shape", "形状"),
    "relative": Text("‖difference‖ / ‖before‖", "‖差‖ / ‖改动前‖"),
    "largest": Text("largest |difference| / largest |before|", "最大 |差| / 最大 |改动前|"),
    "effective_row": Text("effective tokens per row, of {tokens}", "每行的有效 token 数，共 {tokens} 个"),
    "row_sums": Text("sum of a row, smallest to largest", "行和，最小到最大"),
    "column_sums": Text("sum of a column, smallest to largest", "列和，最小到最大"),
    "rounding": Text("{value}: rounding", "{value}，舍入误差"),
    "incomparable": Text("another shape", "形状不同"),
    "from_zero": Text("all was 0 before", "改动前全为 0"),
    "infinite": Text("not finite", "有无穷大"),
    "table_note": Text(
        "Differences are taken token by token, over the tokens kept, each put back in its own place. A difference below {rounding} of the "
        "largest entry is float32's rounding. Effective tokens are counted after each row is brought to the sum 1.",
        "差是逐 token 取的：每个 token 先归位，只算留下的 token。小于最大元素 {rounding} 的差是 float32 的舍入误差。计算有效 token 数之前，先把每一行化为和为 1。",
    ),
    "title": Text("The block before and after the change", "改动前后的块"),
}  # fmt: skip

# The named experiments: what each is called, and what to expect of it.
EXPERIMENT_NAMES = {
    "scale": (
        Text("Scale it", "缩放得分"),
        Text("Scores ÷ √key_dim: are the rows flatter, or more peaked?", "得分除以 √key_dim：每一行更分散，还是更集中？"),
    ),
    "heat": (
        Text("Heat it", "升高温度"),
        Text("Scores ÷ {temperature}: how many tokens does a row read now?", "得分除以 {temperature}：一行现在读多少个 token？"),
    ),
    "axis": (
        Text("Wrong axis", "弄错轴"),
        Text("Softmax down the columns: does anything stop you?", "softmax 沿着列做：会有什么提醒你吗？"),
    ),
    "permute": (
        Text("Forget the permute", "忘了 permute"),
        Text("The query is only reshaped: is its shape still right?", "查询只做 reshape：形状还对吗？"),
    ),
    "shuffle": (
        Text("Shuffle the tokens", "打乱 token"),
        Text("Shuffled, then put back in place: what has changed?", "打乱，算完再归位：什么变了？"),
    ),
    "narrow": (
        Text("Narrow the values", "收窄值"),
        Text("Values as narrow as keys: do attention weights change?", "值和键一样窄：注意力权重会变吗？"),
    ),
}  # fmt: skip
# What came of it, by what was found.
VERDICTS = {
    "flatter": Text(
        "**Flatter.** On average a row now has {after} effective tokens, of {tokens}; before it had {before}.",
        "**更分散**。现在平均每行的有效 token 数是 {after}（共 {tokens} 个），之前是 {before}。",
    ),
    "as flat": Text(
        "**As flat as before.** On average a row has {after} effective tokens, of {tokens}, before and after.",
        "**和之前一样**。改动前后，平均每行的有效 token 数都是 {after}（共 {tokens} 个）。",
    ),
    "axis": Text(
        "**Nothing stops you: the shapes are right.** But rows no longer sum to 1: their sums go from {low} to {high}.",
        "**什么提醒也没有：形状都对**。但各行之和不再是 1，而是从 {low} 到 {high}。",
    ),
    "axis hidden": Text(
        "**Nothing stops you, and here the sums do not show it either:** to three digits the rows still sum to 1.",
        "**什么提醒也没有，这里从行和也看不出来**：保留三位数字，各行之和仍然是 1。",
    ),
    "permute": Text(
        "**The shape is right, the numbers are not.** The query changed by {query}, the attention weights by {weights}.",
        "**形状对，数值不对**。查询变了 {query}，注意力权重变了 {weights}。",
    ),
    "permute hidden": Text(
        "**The shape is right, and here the attention weights do not show the mistake.** The query changed by {query}.",
        "**形状对，而且这里从注意力权重看不出错误**。查询变了 {query}。",
    ),
    "narrow": Text(
        "**No: not one attention weight changed.** But each head hands over {d} features per token instead of {own}.",
        "**不变：没有一个注意力权重变了**。但每个头为每个 token 交出的特征从 {own} 个变成 {d} 个。",
    ),
    "weights": Text("The attention weights changed by {weights}.", "注意力权重变了 {weights}。"),
    "weights same": Text("The attention weights did not change.", "注意力权重没有变。"),
    "output": Text("The block's output changed by {output}.", "块的输出变了 {output}。"),
    "output same": Text("The block's output did not change.", "块的输出没有变。"),
    "output zero": Text(
        "The block's output did not change: in this untrained network the attention branch adds exactly 0.",
        "块的输出没有变：在这个未训练的网络里，注意力分支加上的恰好是 0。",
    ),
}  # fmt: skip

FRESH = Text(
    "Fresh random parameters in {layers}: with other sizes the block's own do not fit. They are drawn as the authors' initialiser draws "
    f"them, with this image's statistics in BatchNorm. Shapes and arithmetic are real. {NOT_EVIDENCE.en}",
    "{layers} 换成了随机的新参数：尺寸变了，原来的参数放不进去。新参数按作者的初始化方法抽取，BatchNorm 用本图的统计量。"
    f"形状和运算都是真的。{NOT_EVIDENCE.zh}",
)
PARTLY = Text(
    "The features added to the value, in {layers}, have fresh random parameters; its old features and all other layers keep their own. "
    "What the new features add is not evidence of anything learned.",
    "值新增的特征（在 {layers} 中）用的是随机的新参数；原有的特征和其余各层保留自己的参数。新增的部分不能当作结论。",
)
EXPLAINED: dict[str, Text] = {
    "scaled": Text(
        "**Divided by √key_dim = {root}.** Smaller scores lie closer together, so softmax spreads each row over more tokens. TopFormer "
        "leaves this out; the gain and bias of BatchNorm on query and key can learn it.",
        "**除以 √key_dim = {root}**。得分变小，彼此更接近，softmax 就把每一行分给更多 token。TopFormer 没有这一步；查询和键的 BatchNorm "
        "的增益和偏置可以学到它。",
    ),
    "temperature": Text(
        "**Temperature {temperature}.** Scores are divided by it before softmax: above 1 rows become flatter, below 1 more peaked.",
        "**温度 {temperature}**。softmax 之前，得分先除以它：大于 1，每一行更分散；小于 1，更集中。",
    ),
    "over": Text(
        "**Softmax along the wrong axis.** Now each column sums to 1: every token hands out one unit of attention to those who ask, and nothing "
        "makes a token's own row sum to 1. Shapes are the same, and no error is raised.",
        "**softmax 用错了轴**。现在每一列之和为 1：每个 token 把一份注意力分给来问的 token，而没有什么保证每一行之和为 1。形状不变，也不报错。",
    ),
    "unpermuted": Text(
        "**Reshape without permute ({stages}).** The shape is the one it should be, but the numbers are read in the wrong order: heads stay "
        "apart, and within each head tokens and features are mixed up. What counts as one token is now made of pieces of several, and the order "
        "of the tokens matters where it should not: shuffle them and see.",
        "**只 reshape，不 permute（{stages}）**。形状没有错，但数值的读取顺序错了：各头仍然分开，而在每个头里，token 和特征混在一起。"
        "于是算作一个 token 的，其实是几个 token 的碎片；本来无关紧要的 token 顺序也有了影响：打乱试试看。",
    ),
    "activation": Text(
        "**ReLU6 after the projection.** The heads are now mixed first and cut off afterwards, so the branch can only add numbers from 0 to 6, "
        "never take anything away.",
        "**ReLU6 放到投影之后**。先混合各头，再截断，所以这个分支只能加上 0 到 6 之间的数，不能减。",
    ),
    "narrow": Text(
        "**attn_ratio {ratio}: d = {d}.** Of each head's {own} value features the first {d} stay, with their own "
        "parameters; the rest never reach the projection. In ViT, too, the value is only as wide as the key.",
        "**attn_ratio {ratio}：d = {d}**。每个头的 {own} 个值特征只留下前 {d} 个，参数不变；其余的到不了投影。在 ViT 里，值也只和键一样宽。",
    ),
    "wide": Text(
        "**attn_ratio {ratio}: d = {d}.** Each head's value is wider: {own} features as before, and {more} new ones. Scores and attention weights "
        "do not depend on it: the value plays no part in them.",
        "**attn_ratio {ratio}：d = {d}**。每个头的值变宽：原来的 {own} 个特征，加上 {more} 个新的。得分和注意力权重与它无关：值不参与它们的计算。",
    ),
    "sizes": Text(
        "**heads = {heads}, key_dim = {key_dim}.** So nh_kd (heads × key_dim) = {nh_kd} and dh (heads × d) = {dh}. What changes comes both from the "
        "sizes and from the fresh parameters.",
        "**heads = {heads}，key_dim = {key_dim}**。于是 nh_kd（heads × key_dim）= {nh_kd}，dh（heads × d）= {dh}。变化既来自尺寸，也来自新的随机参数。",
    ),
    "shuffled": Text(
        "**Tokens shuffled.** Attention does not know where a token lies. Put back in order, its output differs from that of the same "
        "module unshuffled by at most {attention} of its largest entry: rounding, no more.",
        "**打乱 token**。注意力不知道 token 的位置。归位之后，它的输出与不打乱的同一个注意力模块相比，最多只差最大元素的 {attention}：仅是舍入误差。",
    ),
    "order matters": Text(
        "**Tokens shuffled.** With the reshape gone wrong, even attention depends on the order. Put back in order, its output differs from that "
        "of the same module unshuffled by up to {attention} of its largest entry.",
        "**打乱 token**。reshape 出了错，连注意力也依赖 token 的顺序。归位之后，它的输出与不打乱的同一个注意力模块相比，相差可达最大元素的 {attention}。",
    ),
    "order hidden": Text(
        "**Tokens shuffled.** The reshape gone wrong makes attention depend on the order, but these tokens resemble one another so much that it "
        "hardly shows. Put back in order, its output differs from that of the same module unshuffled by at most {attention} of its largest entry.",
        "**打乱 token**。reshape 出了错，注意力便依赖 token 的顺序，但这里各 token 太相似，几乎看不出来。归位之后，它的输出与不打乱的同一个注意力模块相比，"
        "最多只差最大元素的 {attention}。",
    ),
    "output": Text(
        "The MLP's 3×3 convolution reads a token's neighbours, and these are others now: after it the block's output differs by up to {output} of its "
        "largest entry.",
        "MLP 里的 3×3 卷积要读相邻的 token，而现在邻居不同了：经过它之后，块的输出相差可达最大元素的 {output}。",
    ),
    "no MLP": Text(
        "This model has no MLP; choose a TopFormer to see where order comes in.",
        "这个模型没有 MLP；选一个 TopFormer，就能看到顺序从哪里起作用。",
    ),
    "dropped": Text(
        "**{gone} of {tokens} tokens dropped.** They neither read nor are they read: all attention goes to the {left} that are left. "
        "Nothing in attention needs a full grid.",
        "**拿掉了 {tokens} 个 token 中的 {gone} 个**。它们不读别的 token，也不被读：注意力全部归剩下的 {left} 个。注意力并不需要完整的网格。",
    ),
}  # fmt: skip

FIGURES = {
    "pictures": Text("Before, after and difference", "改动前、改动后与差"),
    "numbers": UI["did"],
    "weight": WEIGHT,
    "tokens": Text("tokens", "token 数"),
    "rms": Text("root mean square", "均方根"),
    "apart": Text("after − before", "后 − 前"),
    "size": Text("of the difference", "差的均方根"),
    "units": Text("Attention weights are shares of a row; they and root mean squares have no unit.", "注意力权重是占一行的份额；注意力权重和均方根都没有单位。"),
    "root": Text("For attention weights, colour grows with the square root.", "注意力权重的颜色随平方根变化。"),
}  # fmt: skip
