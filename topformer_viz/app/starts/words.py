"""The words of the page about the three starts."""

import math

from topformer_viz.network.model import KEY_DIM
from topformer_viz.words.names import (
    AS_BUILT,
    BLOCK,
    HEAD,
    HEAD_N,
    MEAN,
    MEAN_OF_SO_MANY,
    RANDOM,
    REINITIALISED,
    SHARE_OF_A_ROW,
    TOPFORMER,
    TRAINED,
    WEIGHT,
)
from topformer_viz.words.text import Text

ROOT = f"{math.sqrt(KEY_DIM):g}"  # by which TopFormer does not divide its scores

STARTS: dict[str, tuple[Text, Text]] = {
    "built": (
        AS_BUILT,
        Text(
            "Fresh from the constructor: small random convolutions, and a gain of 0 in the projection's BatchNorm.",
            "刚构造出来的网络：卷积权重随机而且小，投影的 BatchNorm 增益为 0。",
        ),
    ),
    "reinitialised": (
        REINITIALISED,
        Text(
            "After the authors' initialiser: each convolution drawn from N(0, 2 / fan_out), each BatchNorm's gain 1, the "
            "projection's too.",
            "经过作者的初始化方法：每个卷积都从 N(0, 2 / fan_out) 重新抽取，每个 BatchNorm 的增益都是 1，投影的也不例外。",
        ),
    ),
    "trained": (
        TRAINED,
        Text("This project's weights, learned from street photographs.", "本项目的权重，从街景照片中学来。"),
    ),
}
STATISTICS: dict[str, tuple[Text, Text]] = {
    "stored": (
        Text("Stored statistics", "存下的统计量"),
        Text(
            "Each BatchNorm uses the mean and variance it has in store, as in eval mode; the random networks still have 0 "
            "and 1 there, so nothing is evened out.",
            "每个 BatchNorm 使用自己存下的均值和方差（eval 模式）；随机网络里存的还是 0 和 1，所以什么也没有归一化。",
        ),
    ),
    "own": (
        Text("This picture's statistics", "本图统计量"),
        Text(
            "Each BatchNorm uses the mean and variance of its own input, as training mode would on this one picture.",
            "每个 BatchNorm 使用自己输入的均值和方差，相当于训练模式下只输入这一张图片。",
        ),
    ),
}


UI = {
    "title": Text("Three starts, side by side", "三种起点，并排比较"),
    "intro": Text(
        "One picture through three networks of the same design, TopFormer tiny, that differ in their weights alone: as built, "
        "re-initialised as the authors' code does it, and trained. Each runs twice: with the statistics its BatchNorms have "
        "stored, and with this picture's own. The model chosen above plays no part here. Two of the three columns are "
        "random numbers: **a random network's picture is not a finding.**",
        "同一张图片送进三个结构相同（TopFormer tiny）、只有权重不同的网络：刚建好的、按作者代码重新初始化的、训练过的。"
        "每个网络运行两次：一次用 BatchNorm 存下的统计量，一次用这张图片自己的统计量。上面所选的模型在这里不起作用。"
        "三列之中有两列是随机数：**随机网络的图案不说明规律。**",
    ),
    "running": Text("Running the three networks, twice each…", "正在运行三个网络，每个两次……"),
    "block": BLOCK,
    "head": HEAD,
    "mean": MEAN,
    "row": Text("Query's row", "查询的行"),
    "column": Text("Query's column", "查询的列"),
    "draw": Text("Random draw", "随机抽取"),
    "scale": Text("Colour scale", "颜色刻度"),
    "whole": Text("0 to 1", "0 到 1"),
    "each": Text("each to its own maximum", "各到自己的最大值"),
    "mean_note": Text(
        "Pictures show the mean of the {heads} heads' weights; numbers are means of what each head has.",
        "图案是 {heads} 个头的权重的平均；数字是各头数值的平均。",
    ),
    "numbers": Text("Block {block}, {head}, in numbers", "第 {block} 个模块，{head}，用数字说话"),
    "head_n": HEAD_N,
    "head_mean": MEAN_OF_SO_MANY,
    "start": Text("start", "起点"),
    "numbers_note": Text(
        "rms: root mean square. The attention's share: the block's output less x + mlp(x), which is the same block without "
        "its attention; rms, over the output's.",
        "均方根记作 rms。注意力的份额：模块的输出减去 x + mlp(x)（同一个模块去掉注意力），取 rms，再除以输出的 rms。",
    ),
    "exactly": Text("exactly 0", "恰好为 0"),
    "whole_bar": Text(
        "Weights, in the same colours in every picture; a uniform row is {uniform} everywhere. Colour grows with the square "
        "root.",
        "权重，所有图案用同样的颜色；均匀的行处处是 {uniform}。颜色随平方根变化。",
    ),
    "each_bar": Text(
        "Weights, in each picture up to its own maximum, which stands below it. Colour grows with the square root.",
        "权重，每幅图案的颜色到它自己的最大值为止，最大值写在图案下方。颜色随平方根变化。",
    ),
    "maximum": Text("maximum", "最大值"),
    "chance": Text("random, not a finding", "随机，不说明规律"),
    "is_read": Text("is read →", "被读 →"),
    "reads": Text("reads →", "读 →"),  # set vertically, so that the arrow points down
    "matrix": Text("0 … {top}", "0 … {top}"),
    "map_alt": Text("{which}: {words}", "{which}：{words}"),
    "matrix_alt": Text(
        "{which}: the weights as a picture of {tokens} × {tokens} cells, a row for each token that reads, a column for each "
        "that is read, from 0 to {top}. {sentence}",
        "{which}：权重矩阵的图案，{tokens} × {tokens} 格，每行是一个在读的 token，每列是一个被读的 token，从 0 到 {top}。{sentence}",
    ),
    "map": Text(
        "What row {row}, column {column} reads: at most {top}, at row {top_row}, column {top_column}.",
        "第 {row} 行第 {column} 列的 token 读了什么：最多是 {top}，在第 {top_row} 行第 {top_column} 列。",
    ),
    "map_even": Text(
        "What row {row}, column {column} reads: every token alike, {top} of each.",
        "第 {row} 行第 {column} 列的 token 读了什么：对所有 token 一视同仁，各读 {top}。",
    ),
    "peaked": Text("How peaked are the rows?", "各行有多尖锐？"),
    "peaked_note": Text(
        "All {blocks} blocks and {heads} heads on this picture, the lowest and the highest. Effective tokens are the "
        "exponential of a row's entropy, here a head's mean over its rows: 1 is one-hot, {tokens} is uniform.",
        "这张图片上全部 {blocks} 个模块、{heads} 个头，最低的和最高的。有效 token 数是一行的熵取指数，这里是每个头各行的平均："
        "1 表示独热，{tokens} 表示均匀。",
    ),
    "network": Text("network", "网络"),
    "span": Text("{low} to {high}", "{low} 到 {high}"),
    "starts": Text("What the three starts are", "三种起点是什么"),
    "statistics": Text("Stored statistics, or the picture's own", "存下的统计量，还是本图统计量"),
    "finding": Text("Which of this is a finding, and which is chance?", "哪些是发现，哪些只是偶然？"),
}  # fmt: skip


READOUTS = {
    "effective": Text("effective tokens a row, of {tokens}", "每行的有效 token 数，共 {tokens}"),
    "scaled": Text(
        "the same if scores were divided by √key_dim = {root}", "同上，假如得分除以 √key_dim = {root}"
    ).format(root=ROOT),
    "spread": Text("standard deviation of a row's scores", "一行得分的标准差"),
    "favourites": Text("different tokens among the rows' favourites", "各行最偏爱的 token，不同的有几个"),
    "largest": Text("largest |projected|", "|projected| 的最大值"),
    "projected": Text("rms(projected)", "rms(projected)"),
    "changed": Text("the attention's share of the output", "注意力在输出中的份额"),
    "grown": Text("rms(output) / rms(x)", "rms(output) / rms(x)"),
}


SAYS = {
    "uniform": Text("Uniform rows: each token reads all {tokens} alike.", "各行均匀：每个 token 对全部 {tokens} 个 token 一视同仁。"),
    "one-hot": Text(
        "One-hot rows: each token reads about one, and all {tokens} together only {favourites} different ones.",
        "各行独热：每个 token 几乎只读一个，全部 {tokens} 个 token 加起来也只读 {favourites} 个不同的。",
    ),
    "one-hot mean": Text("One-hot rows in every head: each token reads about one.", "每个头的各行都是独热：每个 token 几乎只读一个。"),
    "peaked": Text(
        "Peaked rows: on average one token has {share} of a row's weight.",
        "各行尖锐：平均来看，一行的权重有 {share} 落在一个 token 上。",
    ),
    "soft": Text(
        "Soft rows: the weight is spread over about {effective} of {tokens} tokens.",
        "各行平缓：权重大约分散在 {effective} 个 token 上（共 {tokens} 个）。",
    ),
    "nothing": Text(
        "The attention puts out exactly 0: none of this reaches the block's output.",
        "注意力的输出恰好为 0：这些都到不了模块的输出。",
    ),
    "something": Text("The attention's share of the block's output is {changed}.", "注意力在模块输出中的份额是 {changed}。"),
}  # fmt: skip


EXPLAINED: dict[str, tuple[Text, ...]] = {
    "starts": (
        Text(
            "**As built.** PyTorch draws a convolution's weights small, and TopFormer gives the BatchNorm after the projection "
            "a gain of 0. Whatever the attention weights say, `projected` is then exactly 0, and the block computes "
            "x + mlp(x). That is not zero, and because the MLP still works it is not the identity either. There is attention "
            "to look at, but it reaches nothing until training moves that gain away from 0.",
            "**刚建好。** PyTorch 抽取的卷积权重很小，而 TopFormer 把投影之后的 BatchNorm 增益设为 0。于是不管注意力权重是什么样，"
            "`projected` 都恰好为 0，模块算的是 x + mlp(x)。它不是零；因为 MLP 照常工作，它也不是恒等映射。"
            "这里有注意力可看，但在训练让这个增益离开 0 之前，它什么也影响不到。",
        ),
        Text(
            "**Re-initialised.** The authors' code then runs an initialiser over the backbone. It draws every convolution anew "
            "from N(0, 2 / fan_out), makes biases 0 and the weight of every BatchNorm2d 1. The projection's is one of them: its "
            "0 is erased, and random attention is added at full strength. The published configurations use SyncBN, which is "
            "not a BatchNorm2d, so there the initialiser passes it by and the 0 stays; and then they load ImageNet weights, "
            "which replace all of this anyway.",
            "**重新初始化。** 作者的代码接着对主干网络运行一个初始化方法：每个卷积从 N(0, 2 / fan_out) 重新抽取，偏置归零，"
            "每个 BatchNorm2d 的权重设为 1。投影的 BatchNorm 也在其中：它的 0 被抹掉，随机的注意力以全部强度加了进来。"
            "公开的配置用的是 SyncBN，它不是 BatchNorm2d，初始化方法会跳过它，0 得以保留；而且这些配置随后会载入 ImageNet 权重，"
            "把这一切都换掉。",
        ),
        Text(
            "**Trained.** Training began as built, with the projection's gain at 0, so that the attention came in by degrees. The "
            "gains of `to_q` and `to_k` began at key_dim^(−1/4) each, which together makes up for the missing 1/√key_dim: rows "
            "started soft.",
            "**训练过。** 训练从刚建好的网络开始，投影的增益是 0，所以注意力是逐渐加入的。`to_q` 和 `to_k` 的增益都从 key_dim^(−1/4) 开始，"
            "两者合起来补上了缺少的 1/√key_dim：各行一开始是平缓的。",
        ),
    ),
    "statistics": (
        Text(
            "**Stored.** A network that never saw a picture stores mean 0 and variance 1, so BatchNorm evens nothing out and "
            "the sizes of the draw show through. As built, numbers shrink from layer to layer until all scores are nearly "
            "equal: uniform rows. Re-initialised, they grow until one score outweighs all others: one-hot rows, which "
            "dividing by √key_dim hardly softens. Both come from the size of the numbers, not from the picture.",
            "**存下的。** 没有见过图片的网络存的是均值 0、方差 1，所以 BatchNorm 什么也没有归一化，抽到的权重是大是小，会直接显露出来。"
            "刚建好时，数值逐层变小，直到所有得分几乎相等：各行均匀。重新初始化后，数值逐层变大，直到一个得分压倒其余所有："
            "各行独热，除以 √key_dim 也几乎缓和不了。二者都来自数值的大小，与图片无关。",
        ),
        Text(
            "**The picture's own.** Now each channel is divided by its own spread. Queries and keys of a random network get "
            "spread 1, whatever the draw, so a score, the sum of key_dim = {key_dim} products, spreads by about "
            "√{key_dim} = {root}, and that peaks the softmax. Divided by √key_dim, which TopFormer leaves out, it would spread "
            "by about 1, and rows would be soft. The size of `projected` is settled too, by BatchNorm's gains and biases alone: "
            "on any picture its rms is 1 where gains are 1 and biases 0. One picture is not a batch, though: trained "
            "weights are used to the statistics of many, and with one picture's own the same head reads differently.",
            "**本图的。** 现在每个通道都除以自己的标准差。不管怎样抽取，随机网络的查询和键的标准差都成了 1；得分是 key_dim = {key_dim} 个"
            "乘积之和，标准差就约为 √{key_dim} = {root}，softmax 因此变得尖锐。假如除以 TopFormer 省去的 √key_dim，标准差约为 1，"
            "各行就会平缓。`projected` 的大小也随之确定，只取决于 BatchNorm 的增益和偏置：增益为 1、偏置为 0 时，不管哪张图片，"
            "它的 rms 都是 1。不过一张图片不等于一批：训练过的权重适应的是许多图片的统计量，换成一张图片自己的，同一个头读的就不同了。",
        ).format(key_dim=KEY_DIM, root=ROOT),
    ),
    "finding": (
        Text(
            "**True of any draw:** the exact 0 as built; uniform or one-hot rows with stored statistics, peaked ones with the "
            "picture's own. Choose another random draw above: these numbers hardly move, and each is explained by how the "
            "weights were drawn.",
            "**怎样抽取都成立：** 刚建好时恰好为 0；用存下的统计量时各行均匀或独热，用本图统计量时尖锐。在上面换一次随机抽取，"
            "这些数字几乎不变，而且都能由权重的抽取方法解释。",
        ),
        Text(
            "**Chance:** which tokens a random head reads. Another draw gives another picture. What looks like sense in one "
            "comes from the photograph: squares that look alike have like tokens, and any weights read them alike. Nor are "
            "vertical stripes a sign of learning: where scores are large, nearly all tokens of a random network read the same "
            "few (the favourites in the table).",
            "**偶然：** 随机网络的头读哪些 token。换一次抽取，图案就变了。其中看似有意义的地方来自照片本身：样子相近的方格，"
            "token 也相近，用什么权重去读都差不多。竖条纹也不说明学到了什么：得分很大时，随机网络里几乎所有 token 都读同样几个"
            "（见表中最偏爱的 token）。",
        ),
        Text(
            "**A finding at most:** the trained column, and it is one picture and one training. What its heads read over many "
            "labelled photographs, and how sure that is, stands on the page Heads.",
            "**至多算发现：** 训练过的那一列，而它也只是一张图片、一次训练。各头在许多带标注的照片上读什么、有多大把握，见“各头”页面。",
        ),
    ),
}  # fmt: skip


FIGURES = {
    "matrices": Text("The weights of the three starts", "三种起点的权重"),
    "maps": Text("What the marked token reads in the three", "三种起点中标出的 token 读什么"),
    "numbers": Text("The block in numbers", "用数字看这个模块"),
    "peaked": Text("How peaked the rows are", "各行有多尖锐"),
    "title": Text("Three starts, block {block}, {head}: {what}", "三种起点：第 {block} 个模块，{head}，{what}"),
    "about": Text("TopFormer {size}, three starts · {name}", "TopFormer {size}，三种起点 · {name}"),
    "model": TOPFORMER,
    "random": RANDOM,
    "weights": Text("the weights", "权重"),
    "reads": Text("what the marked token reads", "标出的 token 读什么"),
    "quantity": WEIGHT,
    "unit": SHARE_OF_A_ROW,
    "root": Text("Colour grows with the square root.", "颜色随平方根变化。"),
    "each": Text("Every picture has its own scale, up to its maximum.", "每幅图各用自己的标尺，到它的最大值为止。"),
    "drawn": Text("Random draw {draw}.", "第 {draw} 次随机抽取。"),
    "chance": Text(
        "As built and re-initialised are random weights: what they show is chance, not a finding.",
        "刚建好和重新初始化的权重是随机的：图案只是偶然，不说明规律。",
    ),
}  # fmt: skip
