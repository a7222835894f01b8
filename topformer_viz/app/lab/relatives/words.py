"""What the lab's part on relatives says, on the page and in its figures."""

from topformer_viz.words.names import BLOCK, MEAN_OF_SO_MANY, NOT_EVIDENCE, RANDOM, SHARE_OF_A_ROW, WEIGHT
from topformer_viz.words.text import Text

UI = {
    "intro": Text(
        "The same tokens through four attentions. LeViT has TopFormer's own projections here; ViT and ViT with rotary position embedding "
        "(RoPE, as in EVA-02 and DINOv3) have random parameters, so their maps are not evidence of anything learned.",
        "同样的 token 送进四种注意力。这里的 LeViT 用的是 TopFormer 自己的投影；ViT 和加上旋转位置编码的 ViT（RoPE，EVA-02、DINOv3 用的就是它）"
        "参数随机，它们的注意力图不能当作结论。",
    ),
    "block": BLOCK,
    "summary": Text("What differs from TopFormer", "与 TopFormer 有何不同"),
    "all_differences": Text("Every difference, with its numbers", "全部区别与数值"),
    "table": Text("Four attentions on the tokens of block {block}: {H} × {W} = {HW} tokens, C = {C} channels", "块 {block} 的 token 上的四种注意力：{H} × {W} = {HW} 个 token，C = {C} 个通道"),
    "attention": Text("attention", "注意力"),
    "legend": Text("differs from TopFormer's", "与 TopFormer 不同"),
    "new": Text("a stage that TopFormer does not have", "TopFormer 没有的步骤"),
    "missing": Text("no such stage here", "这里没有这一步"),
    "design": Text("Design", "设计"),
    "measured": Text("Counted and measured on this image", "在这张图上数出和测出的"),
    "rounding": Text("{value}: rounding, order is invisible", "{value}：只是舍入误差，看不见顺序"),
    "visible": Text("{value}: order is visible", "{value}：看得见顺序"),
    "with_0": Text("With all biases 0, {value}.", "偏置全为 0 时，{value}。"),
    "counted": Text(
        "Parameters: everything that is learned, normalisations and biases included. Multiply-adds: projections and the two "
        "matrix products, as on the Network page. Shuffled: the tokens of the input are put in a random order, and the "
        "result, `mixed`, back in the old one; the number is the largest difference over the largest entry. Effective tokens: exp(entropy) "
        "of a row of attention weights, the mean over rows and heads.",
        "参数：所有学到的数，包括归一化和偏置。乘加：投影和两次矩阵乘法，与“网络”页的数法相同。打乱：把输入的 token 按随机顺序排列，"
        "再把结果 `mixed` 排回原来的顺序，取最大的差，除以最大的元素。有效 token 数：一行注意力权重的 exp(熵)，对各行、各头取平均。",
    ),
    "weights": Text("The attention weights, side by side", "注意力权重并排"),
    "picture": Text("The image", "图片"),
    "pair": Text("at the pair", "这一对"),
    "row": Text("what the token reads", "这个 token 所读的"),
    "mean": MEAN_OF_SO_MANY,
    "random": Text(f"{MEAN_OF_SO_MANY.en}. {NOT_EVIDENCE.en}", f"{MEAN_OF_SO_MANY.zh}。{NOT_EVIDENCE.zh}"),
    "stages": Text("Stage by stage", "逐个步骤"),
    "diagrams": Text("Shape diagrams: {stage}", "形状图：{stage}"),
    "and": Text(", ", "、"),
    "source": Text("The source that ran", "实际运行的源码"),
    "source_note": Text("The four modules as they ran on this page, read from the running program.", "本页运行的四个注意力模块，直接从正在运行的程序中读出。"),
}  # fmt: skip
# What sets each apart from TopFormer's, in a line.
APART = {
    "levit": Text(
        "**LeViT** divides scores by √key_dim and adds a learned bias for how far apart two tokens lie; hardswish replaces ReLU6.",
        "**LeViT** 把得分除以 √key_dim，再按两个 token 相隔多远加上学到的偏置；ReLU6 换成了 hardswish。",
    ),
    "vit": Text(
        "**ViT** divides scores by √key_dim, makes values no wider than keys, normalises with LayerNorm and has no activation.",
        "**ViT** 把得分除以 √key_dim，值和键一样宽，用 LayerNorm 归一化，没有激活函数。",
    ),
    "rope": Text(
        "**ViT with RoPE** is ViT, but turns query and key by the token's row and column before they meet.",
        "**ViT + RoPE** 就是 ViT，只是在查询与键相乘之前，先按 token 的行和列旋转它们。",
    ),
}
SEES = {
    True: Text("It notices when tokens are shuffled;", "打乱 token，它能察觉；"),
    False: Text("Like TopFormer, it does not notice when tokens are shuffled;", "和 TopFormer 一样，打乱 token 它察觉不到；"),
}  # fmt: skip
COSTS = Text("it takes {ratio} times TopFormer's multiply-adds.", "乘加次数是 TopFormer 的 {ratio} 倍。")

NOTHING, LIST, LINEAR = (
    Text("nothing", "无"),
    Text("a list `B HW C`", "列表 `B HW C`"),
    Text("three linear layers, with bias", "三个线性层，带偏置"),
)
BATCH_NORM = Text("BatchNorm after each projection", "每个投影之后 BatchNorm")
LAYER_NORM = Text("LayerNorm before the projections", "投影之前 LayerNorm")
ROOT = Text("√key_dim = {root}", "√key_dim = {root}")

# What is the same for every image, TopFormer, LeViT, ViT and RoPE in turn.
DESIGN: dict[Text, tuple[Text, Text, Text, Text]] = {
    Text("takes in", "输入"): (Text("a map `B C H W`", "特征图 `B C H W`"), LIST, LIST, LIST),
    Text("normalisation", "归一化"): (BATCH_NORM, BATCH_NORM, LAYER_NORM, LAYER_NORM),
    Text("projections to query, key, value", "到查询、键、值的投影"): (
        Text("three 1×1 convolutions, no bias", "三个 1×1 卷积，无偏置"),
        Text("one fused linear layer, no bias", "合为一个线性层，无偏置"),
        LINEAR,
        LINEAR,
    ),
    Text("scores divided by", "得分除以"): (NOTHING, ROOT, ROOT, ROOT),
    Text("added to the scores", "得分加上"): (
        NOTHING,
        Text("a learned bias for each head and offset", "每个头、每种偏移各有一个学到的偏置"),
        NOTHING,
        NOTHING,
    ),
    Text("activation before the projection", "投影之前的激活"): (
        Text("ReLU6", "ReLU6"),
        Text("hardswish", "hardswish"),
        NOTHING,
        NOTHING,
    ),
    Text("what it knows of position", "对位置的了解"): (
        Text("nothing by itself; the convolutions around it bring it in", "本身一无所知；由周围的卷积带进来"),
        Text("how many rows and columns apart two tokens lie, without sign", "两个 token 相隔几行几列，不分方向"),
        Text("nothing by itself; added to the tokens before block 1", "本身一无所知；在块 1 之前加到 token 上"),
        Text(
            "the offset of two tokens, with sign: query and key are turned by row and column",
            "两个 token 的偏移，分方向：查询和键按行列旋转",
        ),
    ),
}  # fmt: skip
SIZES = {
    "heads": Text("`heads`", "`heads`"),
    "key_dim": Text("`key_dim`", "`key_dim`"),
    "d": Text("`d`", "`d`"),
}
MEASURED = {
    "weights": Text("parameters on show", "展示的参数"),
    "parameters": Text("parameters", "参数"),
    "multiply_adds": Text("multiply-adds", "乘加"),
    "shuffled": Text("tokens shuffled", "打乱 token"),
    "effective": Text("effective tokens per row, of {HW}", "每行的有效 token 数，共 {HW} 个"),
}

FIGURES = {
    "weights": Text("The attention weights of the four, side by side", "四种注意力的权重并排"),
    "numbers": Text("What differs, and the numbers", "区别与数字"),
    "title": Text("Four attentions on the same tokens: their attention weights", "同样的 token，四种注意力：注意力权重"),
    "matrices": Text("all attention weights, mean of the heads", "全部注意力权重，各头平均"),
    "rows": Text("what {token} reads", "读什么 · {token}"),
    "random": RANDOM,
    "quantity": WEIGHT,
    "unit": SHARE_OF_A_ROW,
    "root": Text("Colour grows with the square root; each attention has its own colour scale.", "颜色随平方根变化；每种注意力各用自己的色标。"),
    "random_note": Text(f"ViT, RoPE: {NOT_EVIDENCE.en}", f"ViT、RoPE：{NOT_EVIDENCE.zh}"),
}  # fmt: skip
