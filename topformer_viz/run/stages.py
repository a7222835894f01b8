"""What the lesson teaches, declared once: axes, stages, and the words for them in both languages.

Everything else derives from here: shape checks, diagrams, headings, table rows, tests, URL anchors. To add a
stage, add one ``Stage`` here and one ``keep`` line in model.py.

Markup in notes: `axis` or `tensor` in back quotes, [[term]] or [[term|as shown]] for a glossary word. Places in
braces such as {HW} are filled with the sizes of the run on show.
"""

import re
from dataclasses import dataclass
from functools import cache

from topformer_viz.words.misspelt import unknown
from topformer_viz.words.text import Text


@dataclass(frozen=True)
class Axis:
    """A named tensor axis; one colour (on light, on dark) wherever it shows."""

    meaning: Text
    light: str
    dark: str


AXES: dict[str, Axis] = {
    "B": Axis(Text("images in the batch: one here", "批中的图片数：这里是一张"), "#66666f", "#a9a9b4"),
    "RGB": Axis(Text("red, green, blue", "红、绿、蓝"), "#66666f", "#a9a9b4"),
    "Y": Axis(Text("rows of image pixels", "图像像素的行"), "#94640a", "#dfb04c"),
    "X": Axis(Text("columns of image pixels", "图像像素的列"), "#875038", "#d9a284"),
    "C": Axis(Text("channels of the feature map", "特征图的通道"), "#56720f", "#b3cf66"),
    "H": Axis(Text("rows of the token grid", "token 网格的行"), "#94640a", "#dfb04c"),
    "W": Axis(Text("columns of the token grid", "token 网格的列"), "#875038", "#d9a284"),
    "HW": Axis(Text("tokens of the grid, H × W", "网格上的 token 数，H × W"), "#8a5600", "#f0c060"),
    "heads": Axis(Text("attention heads", "注意力头"), "#7d3fb0", "#c9a4f2"),
    "key_dim": Axis(Text("features per head of query and key", "每个头中查询与键的特征数"), "#b3206e", "#f29bc8"),
    "nh_kd": Axis(Text("heads × key_dim", "heads × key_dim"), "#9a2a94", "#e59be2"),
    "d": Axis(Text("features per head of value", "每个头中值的特征数"), "#0f6f68", "#66cfc3"),
    "dh": Axis(Text("heads × d", "heads × d"), "#4257b8", "#a5b5fa"),
    "nh_qkv": Axis(Text("heads × qkv_dim (LeViT)", "heads × qkv_dim（LeViT）"), "#a83a2a", "#f29c88"),
    "qkv_dim": Axis(
        Text(
            "features per head of query, key and value in one (LeViT)", "每个头中查询、键、值合在一起的特征数（LeViT）"
        ),
        "#2b6390",
        "#8cc3ee",
    ),
    "M": Axis(Text("channels of the injected maps", "注入后特征图的通道"), "#2f6d43", "#8fd0a4"),
    "classes": Axis(Text("classes to tell apart", "要区分的类别"), "#66666f", "#a9a9b4"),
}
COMPOSITE: dict[str, tuple[str, str]] = {
    "HW": ("H", "W"),
    "nh_kd": ("heads", "key_dim"),
    "dh": ("heads", "d"),
    "nh_qkv": ("heads", "qkv_dim"),
}
INDICES = {"h": "heads", "i": "HW", "j": "HW", "c": "key_dim", "f": "d"}  # letters in formulas, by axis

OPERATIONS: dict[str, Text] = {
    "normalise": Text("normalise", "归一化"),
    "convolve": Text("convolutions", "卷积"),
    "pool": Text("average pool, concatenate", "平均池化，拼接"),
    "lift": Text("average colours, lifted", "平均颜色并升维"),
    "enter": Text("enters the block", "进入块"),
    "conv": Text("1×1 conv + BN", "1×1 卷积 + BN"),
    "reshape": Text("reshape", "reshape"),
    "permute": Text("permute", "permute"),
    "layer_norm": Text("LayerNorm", "LayerNorm"),
    "linear": Text("linear layer with bias", "线性层 + 偏置"),
    "linear_bn": Text("linear layer + BN", "线性层 + BN"),
    "split": Text("split", "拆分"),
    "rotate": Text("rotate by row and column", "按行列旋转"),
    "look_up": Text("look up by offset", "按偏移查表"),
    "matmul": Text("matrix product", "矩阵乘"),
    "scale": Text("÷ √key_dim", "÷ √key_dim"),
    "scale_bias": Text("÷ √key_dim + bias", "÷ √key_dim + 偏置"),
    "softmax": Text("softmax over keys", "沿键做 softmax"),
    "relu6": Text("ReLU6", "ReLU6"),
    "hardswish": Text("hardswish", "hardswish"),
    "add": Text("add", "相加"),
    "mlp": Text("1×1, 3×3 depthwise, 1×1", "1×1、3×3 逐通道卷积、1×1"),
    "gate": Text("split, 1×1 conv + BN, hard sigmoid", "拆分、1×1 卷积 + BN、硬 sigmoid"),
    "inject": Text("gate, scale, add", "门控、相乘、相加"),
    "classify": Text("sum, fuse, classify", "求和、融合、分类"),
}
SIGNS = {"matmul": "×", "softmax": "σ", "add": "+"}  # where a drawing of the whole walk has no room for words


@dataclass(frozen=True)
class Step:
    """One operation of a stage and the axes it leaves; ``OPERATIONS`` names it."""

    operation: str
    axes: str


@dataclass(frozen=True)
class Stage:
    """One teachable tensor.

    ``name`` is the trace's name without its block ("pyramid{n}" stands for several), ``sources`` the stages it
    is made from by ``steps`` (the last step's axes are the stage's own), ``view`` the kind of drawing that fits,
    ``strand`` q, k or v where it belongs to one, ``walked`` whether the walkthrough stops at it.
    """

    name: str
    title: Text
    sources: tuple[str, ...]
    steps: tuple[Step, ...]
    formula: str
    note: Text
    view: str
    trap: Text | None = None
    strand: str = ""
    in_block: bool = True
    walked: bool = True

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(self.steps[-1].axes.split())


def _stages(*stages: Stage) -> dict[str, Stage]:
    return {stage.name: stage for stage in stages}


# fmt: off
STAGES: dict[str, Stage] = _stages(
    Stage(
        "image", Text("The image", "图片"), (), (Step("normalise", "B RGB Y X"),),
        "image = (RGB / 255 − mean) / std", view="photo", in_block=False,
        note=Text(
            "Attention asks one question for every place of the image: which other places should it take into account? A "
            "place is a [[token]] of the grid drawn here, {H} rows × {W} columns = {HW} tokens. Attention compares these tokens "
            "with one another, not the image pixels. The image that goes in is {X} image pixels wide and {Y} high; each "
            "colour channel is shifted by ImageNet's mean and divided by its standard deviation.",
            "注意力为图片的每个位置回答一个问题：还应该参考哪些位置？一个位置就是图上网格中的一个 [[token]]：{H} 行 × {W} 列 = {HW} 个 "
            "token。注意力比较的是这些 token，而不是图像像素。送入网络的图片宽 {X}、高 {Y} 图像像素；每个颜色通道先减去 ImageNet 的均值，"
            "再除以标准差。"),
        trap=Text(
            "“Attention is quadratic” sounds more expensive than it is here: quadratic in the number of tokens, not of image "
            "pixels. For this image a head's matrix has {HW} × {HW} = {entries} entries.",
            "“注意力的计算开销是平方级的”听起来吓人，在这里却不大：平方的是 token 数，不是图像像素数。对这张图片，"
            "每个头的矩阵有 {HW} × {HW} = {entries} 个元素。")),
    Stage(
        "pyramid{n}", Text("The token pyramid", "token 金字塔"), ("image",), (Step("convolve", "B C{n} H{n} W{n}"),),
        "pyramid_{n} = layers_{n}(image)", view="pyramid", in_block=False,
        note=Text(
            "Convolutions shrink the image step by step. Four levels are kept, at 1/4, 1/8, 1/16 and 1/32 of its size. In a "
            "trained network the fine levels mostly respond to edges and the coarse ones to objects. The authors call this the "
            "[[token pyramid]].",
            "卷积把图片一步步缩小，留下四个层级，分别是原图的 1/4、1/8、1/16 和 1/32。训练之后，细的层级多对边缘有反应，粗的层级多对物体有反应。"
            "作者称它为 [[token pyramid|token 金字塔]]。")),
    Stage(
        "tokens", Text("The map that enters", "输入的特征图"),
        ("pyramid0", "pyramid1", "pyramid2", "pyramid3"), (Step("pool", "B C H W"),),
        "tokens = concat(pool(pyramid_{0}), pool(pyramid_{1}), pool(pyramid_{2}), pool(pyramid_{3}))", view="maps",
        note=Text(
            "This is what the block works on: a feature map of `C` = {C} channels on a grid of `H` × `W` = {H} × {W}, so "
            "{C} numbers per token. {origin}",
            "这是块的输入：一张特征图，`C` = {C} 个通道，网格 `H` × `W` = {H} × {W}，也就是每个 token 有 {C} 个数。{origin}"),
        trap=Text(
            "The authors' source comments this input as “(B, N, C)” and unpacks B, C, H, W on the very next line. "
            "Trust the code, not the comment: the tokens still lie on their grid.",
            "作者的源码在这里注释为“(B, N, C)”，下一行却拆成 B, C, H, W。要相信代码，而不是注释：此时的 token 仍排在网格上。")),
    Stage(
        "query_map", Text("Query, still a map", "查询（仍是特征图）"), ("tokens",), (Step("conv", "B nh_kd H W"),),
        "query_map = BN(P_{q} · tokens),  P_{q}: nh_kd × C", view="maps", strand="q",
        note=Text(
            "Each token forms a question, its [[query]]. The projection that makes it is a [[1×1 convolution]] without bias, then "
            "[[BatchNorm]]: it looks at one token at a time and turns its {C} channels into `heads` × `key_dim` = {heads} × "
            "{key_dim} = {nh_kd} numbers.",
            "每个 token 提出一个问题，这就是它的[[query|查询]]。得到查询的投影是不带偏置的 [[1×1 convolution|1×1 卷积]]，再接 "
            "[[BatchNorm]]：它每次只看一个 token，把 {C} 个通道变成 `heads` × `key_dim` = {heads} × {key_dim} = {nh_kd} 个数。")),
    Stage(
        "query", Text("Query", "查询"), ("query_map",),
        (Step("reshape", "B heads key_dim HW"), Step("permute", "B heads HW key_dim")),
        "query_{hic} = query_map_{(h·key_dim + c), i}", view="rows", strand="q",
        note=Text(
            "The grid is laid out as one long list of `HW` = {HW} tokens, and the channels are split among {heads} "
            "[[head|heads]]. Then the last two axes swap places. Now each row is a token: in every head, each token has "
            "`key_dim` = {key_dim} features.",
            "把网格铺成一列，共 `HW` = {HW} 个 token，并把通道分给 {heads} 个[[head|头]]，然后交换最后两个轴。"
            "现在每一行是一个 token：在每个头里，每个 token 有 `key_dim` = {key_dim} 个特征。"),
        trap=Text(
            "The classic bug: reshape straight to (B, heads, HW, key_dim) and skip the permute. The shape is right and "
            "no error is raised, but within each head tokens and features are mixed up: the same numbers in the wrong places.",
            "经典错误：直接 reshape 成 (B, heads, HW, key_dim) 而省去 permute。形状正确，也不报错，但在每个头里，"
            "token 和特征混在了一起：数还是同样的数，位置却错了。")),
    Stage(
        "key_map", Text("Key, still a map", "键（仍是特征图）"), ("tokens",), (Step("conv", "B nh_kd H W"),),
        "key_map = BN(P_{k} · tokens),  P_{k}: nh_kd × C", view="maps", strand="k",
        note=Text(
            "If the query is what a token asks, the [[key]] is what it answers to. The same tokens go through a second "
            "projection with parameters of its own: {nh_kd} numbers per token, as many as in the query.",
            "如果说查询是 token 的提问，[[key|键]]就是它能回应什么。同样的 token，经过第二个投影（参数是它自己的）：每个 token 得到 "
            "{nh_kd} 个数，与查询一样多。")),
    Stage(
        "key", Text("Key", "键"), ("key_map",), (Step("reshape", "B heads key_dim HW"),),
        "key_{hcj} = key_map_{(h·key_dim + c), j}", view="columns", strand="k",
        note=Text(
            "Only a reshape, no permute: it already lies transposed, `key_dim` × `HW` = {key_dim} × {HW}, ready for "
            "the product. Each column is a token.",
            "只做 reshape，不做 permute。它本来就是转置好的，`key_dim` × `HW` = {key_dim} × {HW}，"
            "正好用来相乘。每一列是一个 token。")),
    Stage(
        "value_map", Text("Value, still a map", "值（仍是特征图）"), ("tokens",), (Step("conv", "B dh H W"),),
        "value_map = BN(P_{v} · tokens),  P_{v}: dh × C", view="maps", strand="v",
        note=Text(
            "The [[value]] is what a token hands over to every token that reads it. It comes from a third projection: `dh` = "
            "`heads` × `d` = {heads} × {d} = {dh} channels.",
            "[[value|值]]是一个 token 被读取时交出的内容。它由第三个投影得到：`dh` = `heads` × `d` = {heads} × {d} = {dh} 个通道。")),
    Stage(
        "value", Text("Value", "值"), ("value_map",),
        (Step("reshape", "B heads d HW"), Step("permute", "B heads HW d")),
        "value_{hjf} = value_map_{(h·d + f), j}", view="rows", strand="v",
        note=Text(
            "Reshaped and permuted like the query, but wider: `d` = {d} features per token, where query and key have `key_dim` = "
            "{key_dim}. "
            "As in LeViT, what is handed over is richer than what is compared.",
            "像查询一样 reshape 再 permute，但更宽：每个 token 有 `d` = {d} 个特征，而查询和键只有 `key_dim` = {key_dim} 个。"
            "与 LeViT 一样，这里扩大了维度：交出的内容比用来比较的更丰富。"),
        trap=Text(
            "In ViT, query, key and value are equally wide, so `d` and `key_dim` are easily taken for the same number. "
            "Here they differ.",
            "在 ViT 里查询、键和值一样宽，所以容易把 `d` 和 `key_dim` 当成同一个数。在这里二者不同。")),
    Stage(
        "scores", Text("Scores", "得分"), ("query", "key"), (Step("matmul", "B heads HW HW"),),
        "scores_{hij} = Σ_{c} query_{hic} · key_{hcj}", view="matrix",
        note=Text(
            "How well does a question match what another token answers to? A score is the dot product of a token's query with "
            "a token's key: `key_dim` = {key_dim} products, summed, so the axis `key_dim` disappears. A table of {HW} × {HW} "
            "remains for each head: row i is the token that asks, column j the token that is asked.",
            "一个问题与另一个 token 能回应的内容有多匹配？得分是一个 token 的查询与一个 token 的键的点积：`key_dim` = {key_dim} 个乘积求和，"
            "所以 `key_dim` 这个轴消失了。每个头剩下一张 {HW} × {HW} 的表：第 i 行是提问的 token，第 j 列是被问的 token。"),
        trap=Text(
            "Not divided by √key_dim. The authors' code stores the scale and never uses it. The learned gain and bias of the "
            "[[BatchNorm]] on query and key can take its place.",
            "没有除以 √key_dim。作者的代码存下了这个缩放系数，却从未使用。查询和键的 [[BatchNorm]] 学到的增益和偏置可以代替它。")),
    Stage(
        "weights", Text("Attention weights", "注意力权重"), ("scores",), (Step("softmax", "B heads HW HW"),),
        "weights_{hij} = exp(scores_{hij}) / Σ_{j'} exp(scores_{hij'})", view="matrix",
        note=Text(
            "[[softmax|Softmax]] turns each row of scores into shares: all entries are between 0 and 1, and each row sums to "
            "1. So each of the `HW` tokens gives every token an attention weight, in a table that resembles a covariance matrix.",
            "[[softmax]] 把每一行得分变成份额：所有元素都在 0 和 1 之间，每行之和为 1。于是 `HW` 个 token 中的每一个，"
            "对每个 token 都有一个注意力权重，这张表类似协方差矩阵。"),
        trap=Text(
            "It only resembles one: it is not symmetric, its rows sum to 1 and its columns need not, and no entry is "
            "negative. It is closer to the transition matrix of a Markov chain. A row says whom a token reads; a "
            "column, who reads it.",
            "只是类似：它不对称，行和为 1 而列和不一定，也没有负数。它更接近马尔可夫链的转移矩阵。"
            "一行说明一个 token 读谁；一列说明谁在读它。")),
    Stage(
        "mixed", Text("Per-head outputs", "每个头的输出"), ("weights", "value"), (Step("matmul", "B heads HW d"),),
        "mixed_{hif} = Σ_{j} weights_{hij} · value_{hjf}", view="overlay",
        note=Text(
            "Each token collects the values of all {HW} tokens, in the proportions of its row of attention weights. The sum "
            "runs over the keys j, so that axis disappears; `d` = {d} mixed features per token remain in each head.",
            "每个 token 按自己那一行的注意力权重，把全部 {HW} 个 token 的值加权求和。求和对键的下标 j 进行，所以这个轴消失了；"
            "每个头里，每个 token 剩下 `d` = {d} 个混合后的特征。")),
    Stage(
        "merged", Text("Heads concatenated", "拼接各头"), ("mixed",),
        (Step("permute", "B heads d HW"), Step("reshape", "B dh H W")),
        "merged_{(h·d + f), i} = mixed_{hif}", view="maps",
        note=Text(
            "Back to the grid: swap the last two axes, then put the {heads} heads one after another, `dh` = {heads} × {d} = "
            "{dh} channels, and fold the list of tokens into the {H} × {W} grid again.",
            "回到网格：交换最后两个轴，再把 {heads} 个头依次排好，`dh` = {heads} × {d} = {dh} 个通道，"
            "并把 token 列表折回 {H} × {W} 的网格。"),
        trap=Text(
            "Permute first, then reshape. The other way round the shape is the same, and so are the numbers, but scrambled.",
            "先 permute，再 reshape。反过来做，形状一样，数也是同样的数，位置却乱了。")),
    Stage(
        "activated", Text("Activation", "激活"), ("merged",), (Step("relu6", "B dh H W"),),
        "activated = min(max(merged, 0), 6)", view="maps",
        note=Text(
            "[[ReLU6]] turns negative entries into 0 and entries above 6 into 6. {zeros} of the entries are 0 now.",
            "[[ReLU6]] 把负的元素变成 0，把大于 6 的变成 6。现在有 {zeros} 的元素为 0。"),
        trap=Text(
            "The activation comes before the output projection: each head goes through it alone, before the heads are mixed. "
            "Most other attention modules have no activation here at all.",
            "激活在输出投影之前：各头先分别经过激活函数，再混合。多数其他注意力模块在这里根本没有激活函数。")),
    Stage(
        "projected", Text("Output projection", "输出投影"), ("activated",), (Step("conv", "B C H W"),),
        "projected = BN(P_{o} · activated),  P_{o}: C × dh", view="maps",
        note=Text(
            "One more 1×1 convolution with BatchNorm mixes the heads and leads from {dh} channels back to `C` = {C}, so "
            "that the result can be added to the input. {largest}",
            "再经过一个带 BatchNorm 的 1×1 卷积，把各头混合，从 {dh} 个通道回到 `C` = {C}，这样才能与输入相加。{largest}"),
        trap=Text(
            "In TopFormer this [[BatchNorm]]'s gain starts at 0, and its bias does too. Until training changes them, the attention "
            "branch outputs exactly 0, and the block becomes x + mlp(x): neither zero nor the identity.",
            "在 TopFormer 里，这个 [[BatchNorm]] 的增益从 0 开始，偏置也从 0 开始。在训练改变它们之前，注意力分支的输出恰好是 0，"
            "整个块变成 x + mlp(x)：既不是零，也不是恒等映射。")),
    Stage(
        "residual", Text("Added to the input", "与输入相加"), ("tokens", "projected"), (Step("add", "B C H W"),),
        "residual = tokens + projected", view="maps",
        note=Text(
            "What attention found is added to the feature map that came in, a [[residual|residual connection]]: the input passes "
            "unchanged, and the branch only learns what to add. {effect}",
            "注意力的结果加到输入的特征图上，这叫[[residual|残差连接]]：输入原样通过，分支只学习要加上什么。{effect}")),
    Stage(
        "mlp", Text("The MLP branch", "MLP 分支"), ("residual",), (Step("mlp", "B C H W"),),
        "mlp = fc2(ReLU6(dwconv_{3×3}(fc1(residual))))", view="maps",
        note=Text(
            "Two 1×1 convolutions, to twice the width and back, work on each token by itself. Between them a 3×3 "
            "[[depthwise convolution]] lets each token see its eight neighbours.",
            "两个 1×1 卷积把宽度加倍再变回来，都是逐 token 的。它们中间有一个 3×3 的 [[depthwise convolution|逐通道卷积]]，"
            "让每个 token 看到周围的八个 token。"),
        trap=Text(
            "Attention alone does not know where a token lies: shuffle the tokens and its output shuffles with them. "
            "Position enters only here and in the pyramid, through convolutions and their zero padding.",
            "注意力本身不知道 token 的位置：打乱 token，输出也跟着打乱。位置信息只从这里和金字塔进来，靠的是卷积和它的零填充。")),
    Stage(
        "output", Text("The block's output", "块的输出"), ("residual", "mlp"), (Step("add", "B C H W"),),
        "output = residual + mlp", view="maps",
        note=Text(
            "The second [[residual|residual connection]] ends the block: a feature map of the same shape as the one that entered. "
            "{onward}",
            "第二个[[residual|残差连接]]，块到此结束：输出的特征图与输入的形状相同。{onward}")),
    Stage(
        "gate{n}", Text("The gate", "门控"), ("output",), (Step("gate", "B M H W"),),
        "gate_{n} = ReLU6(BN(P_{g} · part_{n}) + 3) / 6", view="maps", in_block=False, walked=False,
        note=Text(
            "The last block's output is split along C, one part for each pyramid level; the first part is dropped. Each of the "
            "other three makes a gate between 0 and 1 that says how much of its level's detail may pass.",
            "最后一块的输出沿 C 拆开，每个金字塔层级一份；第一份舍去。其余三份各给出一个 0 到 1 之间的门控，决定这一层级的细节能通过多少。")),
    Stage(
        "injected{n}", Text("Injection", "语义注入"), ("pyramid{n}", "gate{n}", "output"), (Step("inject", "B M H{n} W{n}"),),
        "injected_{n} = local(pyramid_{n}) · gate(part_{n}) + global(part_{n})", view="maps", in_block=False, walked=False,
        note=Text(
            "Meaning meets detail: the pyramid level, multiplied by its gate, plus its part of the blocks' output, both at the "
            "level's own size.",
            "语义与细节汇合：金字塔的这一层级乘以门控，再加上块的输出中属于它的那一份，二者都在这一层级的尺寸上。")),
    Stage(
        "class_scores", Text("Class scores", "类别得分"), ("injected1", "injected2", "injected3"),
        (Step("classify", "B classes H1 W1"),),
        "class_scores = conv_seg(ReLU(linear_fuse(Σ_{n} resize(injected_{n}))))", view="maps", in_block=False, walked=False,
        note=Text(
            "One score for each class at each place of the 1/8 map, before upsampling to the image's size.",
            "在 1/8 的特征图上，每个位置对每个类别有一个得分，之后再上采样到图片的尺寸。")),
)

@dataclass(frozen=True)
class Origin:
    """Where a block's tokens come from: three ways, each with its own operation, formula and words."""

    operation: str
    formula: str
    text: Text


ORIGINS: dict[str, Origin] = {
    "pyramid": Origin("pool", STAGES["tokens"].formula, Text(
        "Every pyramid level is averaged down to this grid, one token for 64 × 64 image pixels, and all four are concatenated "
        "along the channels.",
        "金字塔的每个层级都平均池化到这个网格（一个 token 对应 64 × 64 个图像像素），再沿通道拼接。")),
    "block": Origin("enter", "tokens_{block {this}} = output_{block {previous}}", Text(
        "It is the output of block {previous}.", "它就是块 {previous} 的输出。")),
    "colour": Origin("lift", "tokens = (u, |u_{colour}|², |u_{brightness}|², |u_{hue}|², |u_{place}|², 1)", Text(
        "Here they are hand-designed: each token's average colour as red, green, blue; as lightness L, green to red a, blue "
        "to yellow b (Oklab); its hue as a direction; its row and column. Then the squared length |u|² of each head's "
        "features u, and a 1, which turn “how similar?” into a plain dot product.",
        "这里的数是手工设计的：每个 token 的平均颜色（红、绿、蓝）；Oklab 的明度 L、绿到红 a、蓝到黄 b；用方向表示的色相；"
        "所在的行和列。再加上各头特征 u 的长度平方 |u|²，以及一个 1：有了它们，“有多像？”就成了普通的点积。")),
}

# What the colour model's fixed parameters do, said after a stage's own note.
COLOUR_NOTES: dict[str, Text] = {
    "query_map": Text(
        "Here each head takes its question's features u and makes (2b·u, −b, −b·|u|²), with a fixed sharpness b.",
        "这里每个头取出自己那个问题的特征 u，组成 (2b·u, −b, −b·|u|²)，其中 b 是固定的锐度。"),
    "key_map": Text(
        "Here it is (u, |u|², 1), so that query times key gives −b·|u_i − u_j|².",
        "这里是 (u, |u|², 1)，于是查询乘以键就是 −b·|u_i − u_j|²。"),
    "value_map": Text(
        "Here each head hands on the same ten features: colour in two forms, hue and place.",
        "这里每个头交出同样的十个特征：两种形式的颜色、色相和位置。"),
    "scores": Text(
        "Here a score is minus a squared distance: 0, the largest it can be, where two tokens are the same, and the more "
        "negative the less similar they are. Such scores are symmetric; a trained network's need not be.",
        "这里的得分是距离平方的负数：两个 token 相同时为 0，这是最大值；越不像，得分就越小。这样的得分是对称的；训练得到的网络则不一定。"),
    "residual": Text(
        "The colour model ends here. Choose a TopFormer under Model to see the pyramid before attention and the MLP after it.",
        "颜色模型到此为止。在“模型”里选择 TopFormer，可以看到注意力之前的金字塔和之后的 MLP。"),
}

GLOSSARY: dict[str, tuple[Text, Text]] = {
    "token": (Text("token", "token"), Text(
        "The unit that attention works on: one place of the grid, with its list of numbers. In TopFormer it stands for 64 × 64 "
        "image pixels. Some texts call it a “pixel of the feature map”, or a square.",
        "注意力处理的单位：网格中的一个位置，以及它的一串数。在 TopFormer 里，它对应 64 × 64 个图像像素。有些文章称它为“特征图的像素”或“方格”。")),
    "token pyramid": (Text("token pyramid", "token 金字塔"), Text(
        "Feature maps of the same image at several sizes, its levels, made by a small convolutional network.",
        "由一个小卷积网络得到的、同一张图片在几种尺寸上的特征图，每种尺寸是一个层级。")),
    "query": (Text("query", "查询"), Text(
        "What a token asks of the others: a short vector in each head.", "一个 token 向其他 token 提出的问题：每个头里的一个短向量。")),
    "key": (Text("key", "键"), Text(
        "What a token answers to. A query's dot product with a key says how well they match.",
        "一个 token 能回应什么。查询与键的点积表示二者有多匹配。")),
    "value": (Text("value", "值"), Text(
        "What a token hands over when it is read.", "一个 token 被读取时交出的内容。")),
    "head": (Text("head", "头"), Text(
        "One of several attentions that run side by side, each with its own part of the channels.",
        "并行的几个注意力中的一个，各用一部分通道。")),
    "softmax": (Text("softmax", "softmax"), Text(
        "Turns a row of scores into positive weights that sum to 1: exp of each, divided by the sum of all.",
        "把一行得分变成和为 1 的正的权重：各取 exp，再除以总和。")),
    "BatchNorm": (Text("BatchNorm", "BatchNorm"), Text(
        "Shifts and scales each channel: by the statistics of the batch while training, by stored ones afterwards; "
        "then by a learned gain (γ, “weight” in the code) and bias (β).",
        "对每个通道平移和缩放：训练时用当前批的统计量，之后用存储的统计量；再乘以学到的增益（γ，代码里叫 weight），加上偏置（β）。")),
    "1×1 convolution": (Text("1×1 convolution", "1×1 卷积"), Text(
        "A matrix applied to the channels of each token by itself.", "对每个 token 的通道单独作用的一个矩阵。")),
    "depthwise convolution": (Text("depthwise convolution", "逐通道卷积"), Text(
        "A convolution that treats each channel by itself: it mixes neighbouring tokens, not channels.",
        "对每个通道单独做的卷积：混合相邻的 token，不混合通道。")),
    "ReLU6": (Text("ReLU6", "ReLU6"), Text(
        "Keeps what lies between 0 and 6; anything below becomes 0, anything above 6.", "保留 0 到 6 之间的数；小于 0 的变成 0，大于 6 的变成 6。")),
    "residual": (Text("residual connection", "残差连接"), Text(
        "A branch's result is added to the branch's own input: x + f(x).", "把分支的结果加到分支自己的输入上：x + f(x)。")),
    "reshape": (Text("reshape", "reshape"), Text(
        "Reads the same numbers in the same order under other axes.", "同样的数，同样的顺序，换一组轴来读。")),
    "permute": (Text("permute", "permute"), Text(
        "Swaps axes: which index comes first changes, and no number does.", "交换轴：改变的是下标的先后，数值不变。")),
    "effective tokens": (Text("effective tokens", "有效 token 数"), Text(
        "exp(entropy) of a row of attention weights: over how many tokens it is spread. 1: all of it is on one token; HW: the "
        "same weight on every token.",
        "一行注意力权重的 exp(熵)：它分散在多少个 token 上。1 表示全部集中在一个 token 上；HW 表示对每个 token 的权重都相同。")),
    "cosine similarity": (Text("cosine similarity", "余弦相似度"), Text(
        "The dot product of two lists of numbers, divided by both their lengths: 1 where they point the same way, 0 where they are at "
        "right angles, −1 where they point opposite ways. How long they are does not count.",
        "两列数的点积除以二者的长度：方向相同为 1，互相垂直为 0，方向相反为 −1。长短不计。")),
    "one-hot": (Text("one-hot", "one-hot"), Text(
        "A row in which one entry is 1 and all others are 0: a token that reads one single token.",
        "只有一个元素为 1、其余都为 0 的一行：这个 token 只读一个 token。")),
    "gain": (Text("gain (γ, weight)", "增益（γ，weight）"), Text(
        "The number by which BatchNorm multiplies each channel after normalising it; PyTorch calls it weight. It is learned, as is "
        "the bias (β) that is added then.",
        "BatchNorm 归一化之后乘在每个通道上的数，在 PyTorch 里叫 weight。它和随后加上的偏置（β）都是学来的。")),
    "eval mode": (Text("eval mode", "eval 模式"), Text(
        "How a network runs after training, model.eval(): BatchNorm uses its stored statistics, dropout does nothing.",
        "训练之后的运行方式，model.eval()：BatchNorm 使用存储的统计量，dropout 不起作用。")),
    "SyncBN": (Text("SyncBN", "SyncBN"), Text(
        "BatchNorm for training on several GPUs: its statistics are those of all GPUs' images together. In PyTorch it is a class "
        "of its own, SyncBatchNorm, not a BatchNorm2d.",
        "在多块 GPU 上训练时用的 BatchNorm：统计量取自所有 GPU 上的图片。在 PyTorch 里它是单独的类 SyncBatchNorm，不是 BatchNorm2d。")),
    "fan_out": (Text("fan_out", "fan_out"), Text(
        "How many outputs each input of a layer goes into: for a convolution its output channels times its kernel's area, divided "
        "by the groups.",
        "一层的每个输入会进入多少个输出：对卷积来说，是输出通道数乘以卷积核的面积，再除以分组数。")),
    "hard sigmoid": (Text("hard sigmoid", "硬 sigmoid"), Text(
        "A sigmoid made of straight lines, ReLU6(x + 3) / 6: 0 up to −3, 1 from 3 on.",
        "由直线段组成的 sigmoid，ReLU6(x + 3) / 6：−3 以下为 0，3 以上为 1。")),
    "standard deviation": (Text("standard deviation (σ)", "标准差（σ）"), Text(
        "How far numbers lie from their mean: the root of the mean squared distance.",
        "一组数离它们的平均有多远：距离平方的平均，再开方。")),
    "rms": (Text("rms", "rms（均方根）"), Text(
        "Root mean square: square all numbers, take the mean, then the root. It says how large they are, whatever their signs.",
        "均方根：先平方，再平均，再开方。它说明一组数有多大，与正负无关。")),
    "total variation": (Text("total variation", "全变差"), Text(
        "How far apart two rows of weights are: half the sum of the absolute differences. 0: the same; 1: nothing in common.",
        "两行权重相差多少：各元素之差的绝对值之和的一半。0 表示相同，1 表示毫无重叠。")),
    "mIoU": (Text("mIoU", "mIoU"), Text(
        "Mean intersection over union, the usual mark of a segmentation: for each class the image pixels that both the network and "
        "the label give to it, over those that either does; then the mean over the classes. 1 is perfect.",
        "平均交并比，语义分割的常用指标：对每个类别，网络和标注都判给它的图像像素数，除以至少有一方判给它的；再对各类别平均。1 为完全一致。")),
    "state dict": (Text("state dict", "state dict"), Text(
        "PyTorch's table of a network's numbers: the name of every parameter and of every stored statistic, with its tensor. It is "
        "what a checkpoint holds.",
        "PyTorch 里一个网络的全部数值：每个参数、每个存储的统计量的名称和张量。权重文件里存的就是它。")),
    "fused kernel": (Text("fused kernel", "融合内核"), Text(
        "One program on the GPU that does several operations in one go, so that what lies between them, such as the attention "
        "matrix, is never written to memory.",
        "GPU 上一次完成几个运算的程序：中间结果（例如注意力矩阵）不必写进内存。")),
    "bootstrap interval": (Text("bootstrap interval", "自助法区间"), Text(
        "How sure a mean is: draw as many images again, with replacement, take the mean, and do so many times; 95% of the means lie "
        "in the interval.",
        "一个平均值有多可靠：有放回地重新抽取同样多的图片，求平均，重复许多次；95% 的平均值落在这个区间里。")),
}
# fmt: on


def stage_of(name: str) -> Stage:
    """The declaration behind a trace's name: "block2.scores" -> scores, "pyramid3" -> pyramid{n}; ValueError if none is."""
    short = name.split(".")[-1]
    found = STAGES.get(short) or STAGES.get(re.sub(r"\d+$", "{n}", short))
    if found is None:
        raise unknown("stage", name, STAGES)
    return found


@cache
def axes_of(name: str) -> tuple[str, ...]:
    """Axis names of a traced tensor; levels' own axes carry their number: "pyramid1" -> B C1 H1 W1."""
    level = re.search(r"\d+$", name)
    return tuple(axis.replace("{n}", level[0] if level else "") for axis in stage_of(name).axes)
