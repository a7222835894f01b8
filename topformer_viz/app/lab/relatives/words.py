"""What the lab's part on relatives says, on the page and in its figures."""

from topformer_viz.words.names import BLOCK, MEAN_OF_SO_MANY, RANDOM, SHARE_OF_A_ROW, WEIGHT
from topformer_viz.words.text import Text

UI = {
    "intro": Text(
        "The same tokens through four attentions: TopFormer's; LeViT's, which it resembles; the plain one of ViT; and ViT's with "
        "rotary position embedding (RoPE), by which vision transformers such as EVA-02 and DINOv3 know position. Of TopFormer's and "
        "LeViT's weights the projections are the same. ViT and RoPE have random weights here: shapes, costs and what they know "
        "of position are real, but **a random network's picture is not a finding.**",
        "同样的 token 送进四种注意力：TopFormer 的；与它相近的 LeViT 的；ViT 的普通注意力；以及 ViT 加上旋转位置编码（RoPE），"
        "EVA-02、DINOv3 等视觉 Transformer 就靠它知道位置。这里 TopFormer 与 LeViT 的投影权重相同；ViT 和 RoPE 的权重是随机的："
        "形状、代价和它们对位置的了解都是真的，但**随机网络的图案不说明规律。**",
    ),
    "block": BLOCK,
    "summary": Text("What differs", "区别何在"),
    "table": Text("Four attentions on the tokens of block {block}: {H} × {W} = {HW} tokens, C = {C} channels", "第 {block} 个模块的 token 上的四种注意力：{H} × {W} = {HW} 个 token，C = {C} 个通道"),
    "attention": Text("attention", "注意力"),
    "legend": Text("differs from TopFormer's", "与 TopFormer 不同"),
    "new": Text("a step that TopFormer does not have", "TopFormer 没有的步骤"),
    "missing": Text("no such step here", "这里没有这一步"),
    "design": Text("Design", "设计"),
    "measured": Text("Counted and measured on this picture", "在这张图上数出和测出的"),
    "rounding": Text("{value}: rounding, order is invisible", "{value}：只是舍入误差，看不见顺序"),
    "visible": Text("{value}: order is visible", "{value}：看得见顺序"),
    "with_0": Text("With all biases 0, {value}.", "偏置全为 0 时，{value}。"),
    "counted": Text(
        "Parameters: everything that is learned, normalisations and biases included. Multiply-adds: projections and the two "
        "matrix products, as on the network's page. Shuffled: the tokens of the input are put in a random order, and the "
        "result, `mixed`, back in the old one; what then differs at most, over the largest entry. Effective tokens: exp(entropy) "
        "of a row of weights, the mean over rows and heads.",
        "参数：所有学得的数，包括归一化和偏置。乘加：投影和两个矩阵乘，与“网络”页的数法相同。打乱：把输入的 token 按随机顺序排列，"
        "再把结果 `mixed` 排回原来的顺序，看最大相差多少，除以最大的元素。有效 token 数：一行权重的 exp(熵)，对各行、各头取平均。",
    ),
    "weights": Text("The weights, side by side", "权重并排"),
    "picture": Text("The picture", "图片"),
    "pair": Text("at the pair", "这一对"),
    "row": Text("what the token reads", "这个 token 所读的"),
    "mean": MEAN_OF_SO_MANY,
    "chance": Text("mean of the {heads} heads: random, chance", "{heads} 个头的平均：随机权重，只是偶然"),
    "stages": Text("Stage by stage", "逐个阶段"),
    "diagrams": Text("Shape diagrams: {stage}", "形状图：{stage}"),
    "and": Text(", ", "、"),
    "source": Text("The source that ran", "实际运行的源码"),
    "source_note": Text("The four modules as they ran on this page, read from the running program.", "本页运行的四个模块，直接从正在运行的程序中读出。"),
}  # fmt: skip

NOTHING, LIST, LINEAR = (
    Text("nothing", "无"),
    Text("a list `B HW C`", "列表 `B HW C`"),
    Text("three linear layers, with bias", "三个线性层，带偏置"),
)
BATCH_NORM = Text("BatchNorm after each projection", "每个投影之后 BatchNorm")
LAYER_NORM = Text("LayerNorm before the projections", "投影之前 LayerNorm")
ROOT = Text("√key_dim = {root}", "√key_dim = {root}")

# What is the same for every picture, TopFormer, LeViT, ViT and RoPE in turn.
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
        Text("a learned bias for each head and offset", "每个头、每种偏移各有一个学得的偏置"),
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
        Text("nothing by itself; convolutions around it bring it in", "本身一无所知；由周围的卷积带进来"),
        Text("how many rows and columns apart two tokens lie, without sign", "两个 token 相隔几行几列，不分方向"),
        Text("nothing by itself; added to the tokens before block 1", "本身一无所知；在第 1 个模块之前加到 token 上"),
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
    "weights": Text("weights on show", "展示的权重"),
    "parameters": Text("parameters", "参数"),
    "multiply_adds": Text("multiply-adds", "乘加"),
    "shuffled": Text("tokens shuffled", "打乱 token"),
    "effective": Text("effective tokens a row, of {HW}", "每行的有效 token 数，共 {HW}"),
}

FIGURES = {
    "weights": Text("The weights of the four, side by side", "四种注意力的权重并排"),
    "numbers": Text("What differs, and the numbers", "区别与数字"),
    "title": Text("Four attentions on the same tokens: the weights", "同样的 token，四种注意力：权重"),
    "matrices": Text("all weights, mean of the heads", "全部权重，各头平均"),
    "rows": Text("what {token} reads", "{token}读什么"),
    "random": RANDOM,
    "quantity": WEIGHT,
    "unit": SHARE_OF_A_ROW,
    "root": Text("Colour grows with the square root; each attention has its own scale.", "颜色随平方根变化；每种注意力各用自己的标尺。"),
    "chance": Text("ViT and RoPE have random weights: what they show is chance, not a finding.", "ViT 和 RoPE 的权重是随机的：图案只是偶然，不说明规律。"),
}  # fmt: skip
