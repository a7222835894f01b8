"""What the lab's part "What if?" says, on the page and in its figures."""

from topformer_viz.words.names import BLOCK, HEAD, HEAD_N, MEAN, MEAN_OF_HEADS, WEIGHT
from topformer_viz.words.text import Text

UI = {
    "intro": Text(
        "Change the attention of one block and run it again, on your picture. Several changes at once are allowed. “Before” is what "
        "the block gave, “after” what it gives now; below or beside them stands the difference.",
        "改动一个模块的注意力，再在你的图片上运行一次。可以同时改动几处。“改动前”是原来的结果，“改动后”是现在的结果，旁边或下面是两者之差。",
    ),
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
    "draw": Text("Random draw", "随机抽取"),
    "draw_help": Text(
        "Seeds the order of shuffled tokens, which ones are dropped, and fresh weights.", "决定打乱的顺序、拿掉哪些 token，以及随机的新权重。"
    ),
    "reset": Text("Reset", "全部复原"),
    "nothing": Text(
        "Nothing is changed yet: all differences are exactly 0. Each switch changes one thing.", "还没有改动任何东西：所有的差都恰好为 0。每个开关改动一处。"
    ),
    "entering": Text("The tokens", "输入的 token"),
    "weights": Text("Attention weights", "注意力权重"),
    "effective": Text("Effective tokens", "有效 token 数"),
    "mixed": Text("Per-head output", "每个头的输出"),
    "output": Text("The block's output", "模块的输出"),
    "head_n": HEAD_N,
    "all_heads": MEAN_OF_HEADS,
    "all_rms": Text("all heads", "全部的头"),
    "weights_note": Text("{head}; a row is what one token reads", "{head}；一行是一个 token 读到的"),
    "effective_note": Text("of each row, {head}: 1 reads one token, {tokens} all alike", "每行的，{head}：1 表示只读一个 token，{tokens} 表示一视同仁"),
    "mixed_note": Text("{head}; root mean square over the features", "{head}；各特征的均方根"),
    "output_note": Text("root mean square over the channels", "各通道的均方根"),
    "tokens_note": Text("{rows} × {columns} tokens of the token grid", "特征网格的 {rows} × {columns} 个 token"),
    "was": Text("before", "改动前"),
    "is": Text("after", "改动后"),
    "difference": Text("difference", "差"),
    "distance": Text("size of the difference", "差的大小"),
    "in_place": Text("difference, put back in place", "归位后的差"),
    "distance_in_place": Text("its size, put back in place", "归位后差的大小"),
    "did": Text("What it did, in numbers", "用数字看结果"),
    "rows_table": Text("Rows and columns of the weights: {head}", "权重的行与列：{head}"),
    "stages_table": Text("How far each stage moved", "每个阶段变了多少"),
    "measure": Text("measured", "测量"),
    "stage": Text("stage", "阶段"),
    "shape": Text("shape", "形状"),
    "relative": Text("‖difference‖ / ‖before‖", "‖差‖ / ‖改动前‖"),
    "largest": Text("largest |difference| / largest |before|", "最大 |差| / 最大 |改动前|"),
    "effective_row": Text("effective tokens a row, of {tokens}", "每行的有效 token 数，共 {tokens} 个"),
    "row_sums": Text("sum of a row, least and most", "行和，最小到最大"),
    "column_sums": Text("sum of a column, least and most", "列和，最小到最大"),
    "rounding": Text("{value}: rounding", "{value}，舍入误差"),
    "incomparable": Text("another shape", "形状不同"),
    "from_zero": Text("all was 0 before", "改动前全为 0"),
    "infinite": Text("not finite", "有无穷大"),
    "table_note": Text(
        "Differences are taken token by token, each put back in its own place, over the tokens kept. A difference below {rounding} of the "
        "largest entry is float32's rounding. Effective tokens are those of rows that are first brought to the sum 1.",
        "差是逐 token 取的：每个 token 先归位，只算留下的 token。小于最大元素 {rounding} 的差，是 float32 的舍入误差。有效 token 数先把每一行化为和为 1 再算。",
    ),
    "title": Text("The block before and after the change", "改动前后的模块"),
}  # fmt: skip

FRESH = Text(
    "Fresh random weights in {layers}: with other sizes the block's own do not fit. They are drawn as the authors' initialiser draws "
    "them, BatchNorm measured on this picture. Shapes and arithmetic are real; which token reads which is chance, not a finding.",
    "{layers} 换成了随机的新权重：尺寸变了，原来的权重放不进去。新权重按作者的初始化方法抽取，BatchNorm 的统计量取自这张图。"
    "形状和运算都是真的；哪个 token 读哪个只是偶然，不说明规律。",
)
PARTLY = Text(
    "The value's added features, in {layers}, have fresh random weights; its old features and all other layers keep their own. So what is "
    "added is chance, not a finding.",
    "值新增的特征（在 {layers} 中）用的是随机的新权重；原有的特征和其余各层保留自己的权重。新增的部分只是偶然，不说明规律。",
)
EXPLAINED: dict[str, Text] = {
    "scaled": Text(
        "**Divided by √key_dim = {root}.** Smaller scores lie closer together, so softmax spreads each row over more tokens. TopFormer "
        "leaves this out; the gains of BatchNorm on query and key can learn it.",
        "**除以 √key_dim = {root}**。得分变小，彼此更接近，softmax 就把每一行分给更多 token。TopFormer 没有这一步；query 和 key 的 BatchNorm "
        "增益可以学到它。",
    ),
    "temperature": Text(
        "**Temperature {temperature}.** Scores are divided by it before softmax: above 1 the weights even out, below 1 they sharpen.",
        "**温度 {temperature}**。softmax 之前，得分先除以它：大于 1，权重变平缓；小于 1，变尖锐。",
    ),
    "over": Text(
        "**Softmax along the wrong axis.** Now each column sums to 1: every token hands out one unit of attention to those who ask, and nobody "
        "sees to it that a token's own row sums to 1. Shapes are the same, and no error is raised.",
        "**softmax 用错了轴**。现在每一列之和为 1：每个 token 把一份注意力分给来问的 token，而没有谁保证每一行之和为 1。形状不变，也不报错。",
    ),
    "unpermuted": Text(
        "**Reshape without permute ({stages}).** The shape is the one it should be, but the numbers are read off in the wrong order: heads stay "
        "apart, and within each head tokens and features are mixed up. So a “token” is now a piece of several tokens, and the order of tokens "
        "matters where it should not: shuffle them and see.",
        "**只 reshape，不 permute（{stages}）**。形状没有错，但数字的读取顺序错了：各头仍然分开，而在每个头里，token 和特征被打乱。"
        "于是一个“token”成了几个 token 的碎片，本来无关紧要的 token 顺序也有了影响：打乱试试看。",
    ),
    "activation": Text(
        "**ReLU6 after the projection.** The heads are now mixed first and cut off afterwards, so the branch can only add numbers from 0 to 6, "
        "never take away.",
        "**ReLU6 放到投影之后**。先混合各头，再截断，所以这个分支只能加上 0 到 6 之间的数，不能减。",
    ),
    "narrow": Text(
        "**attn_ratio {ratio}: d = {d}.** As in ViT, the value is now as wide as the key. Of each head's {own} features the first {d} stay, with their own "
        "weights; the rest never reach the projection.",
        "**attn_ratio {ratio}：d = {d}**。像 ViT 那样，值和键一样宽。每个头的 {own} 个特征只留下前 {d} 个，权重不变；其余的到不了投影。",
    ),
    "wide": Text(
        "**attn_ratio {ratio}: d = {d}.** Each head's value is wider: {own} features as before, and {more} new ones. Weights and scores do not "
        "depend on it: the value plays no part in them.",
        "**attn_ratio {ratio}：d = {d}**。每个头的值变宽：原来的 {own} 个特征，加上 {more} 个新的。得分和权重与它无关：值不参与它们的计算。",
    ),
    "sizes": Text(
        "**heads = {heads}, key_dim = {key_dim}.** So nh_kd = {nh_kd} and dh = {dh}. What changes comes from the sizes and from the fresh weights.",
        "**heads = {heads}，key_dim = {key_dim}**。于是 nh_kd = {nh_kd}，dh = {dh}。变化既来自尺寸，也来自新的随机权重。",
    ),
    "shuffled": Text(
        "**Tokens shuffled.** Attention does not know where a token lies: put back in order and set beside the same module "
        "unshuffled, what it gives has moved by {attention} of its largest entry: rounding, no more.",
        "** token 被打乱**。注意力不知道 token 的位置：归位之后，与不打乱的同一个模块相比，它的输出只变了最大元素的 {attention}，仅是舍入误差。",
    ),
    "order matters": Text(
        "**Tokens shuffled.** With the reshape gone wrong even attention depends on the order: put back and set beside the same module "
        "unshuffled, what it gives has moved by {attention} of its largest entry.",
        "** token 被打乱**。reshape 出了错，连注意力也依赖 token 的顺序：归位之后，与不打乱的同一个模块相比，它的输出变了最大元素的 {attention}。",
    ),
    "order hidden": Text(
        "**Tokens shuffled.** The reshape gone wrong makes attention depend on the order, but here the tokens are so alike that it hardly shows: put "
        "back and set beside the same module unshuffled, what it gives has moved by {attention} of its largest entry.",
        "** token 被打乱**。reshape 出了错，注意力便依赖 token 的顺序，但这里各 token 太相似，几乎看不出来：归位之后，与不打乱的同一个模块相比，"
        "它的输出只变了最大元素的 {attention}。",
    ),
    "output": Text(
        "After the MLP, whose 3 × 3 convolution looks at neighbours, the block's output has moved by {output}: other neighbours, other numbers.",
        "MLP 里的 3×3 卷积要看相邻 token，经过它之后，模块的输出变了 {output}：邻居不同，结果就不同。",
    ),
    "no MLP": Text(
        "This model has no MLP; choose a TopFormer to see where the order comes in.",
        "这个模型没有 MLP；选一个 TopFormer，就能看到顺序从哪里进来。",
    ),
    "dropped": Text(
        "**{gone} of {tokens} tokens dropped.** They are neither read nor do they read: all weight goes to the {left} that are left. "
        "Nothing in the attention needs a full grid.",
        "**拿掉了 {tokens} 个 token 中的 {gone} 个**。它们不被读，也不去读：权重全部归剩下的 {left} 个。注意力并不需要完整的网格。",
    ),
}  # fmt: skip

FIGURES = {
    "pictures": Text("Before, after and difference", "改动前、改动后与差"),
    "numbers": Text("What it did, in numbers", "用数字看结果"),
    "weight": WEIGHT,
    "tokens": Text("tokens", "token 数"),
    "rms": Text("root mean square", "均方根"),
    "apart": Text("after − before", "后 − 前"),
    "size": Text("of the difference", "差的均方根"),
    "units": Text("Weights are shares of a row; they and root mean squares have no unit.", "权重是占一行的份额；权重和均方根都没有单位。"),
    "root": Text("In the matrices of weights colour grows with the square root.", "权重矩阵的颜色随平方根变化。"),
}  # fmt: skip
