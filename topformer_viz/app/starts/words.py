"""The words of the page Initialisation."""

import math

from topformer_viz.network.model import KEY_DIM
from topformer_viz.words.names import (
    AS_BUILT,
    BLOCK,
    HEAD,
    HEAD_N,
    MEAN,
    MEAN_OF_SO_MANY,
    NOT_EVIDENCE,
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
        Text("small random convolutions; the projection's gain is 0", "卷积参数随机而且小；投影的增益为 0"),
    ),
    "reinitialised": (
        REINITIALISED,
        Text(
            "convolutions drawn from N(0, 2 / fan_out); every gain is 1", "卷积参数抽自 N(0, 2 / fan_out)；增益全部为 1"
        ),
    ),
    "trained": (
        TRAINED,
        Text("the bundled checkpoint, learned from everyday images", "自带的权重文件，从日常图片中学来"),
    ),
}
STATISTICS: dict[str, tuple[Text, Text]] = {
    "stored": (
        Text("Stored statistics", "存储的统计量"),
        Text(
            "Each BatchNorm uses the mean and variance that it stores, as in [[eval mode]]; in the untrained networks these are still "
            "0 and 1, so nothing is normalised.",
            "每个 BatchNorm 使用自己存储的均值和方差（[[eval mode|eval 模式]]）；未训练的网络里存的还是 0 和 1，所以什么也没有归一化。",
        ),
    ),
    "own": (
        Text("This image's statistics", "本图的统计量"),
        Text(
            "Each BatchNorm uses the mean and variance of its own input, as training mode would on this one image.",
            "每个 BatchNorm 使用自己输入的均值和方差，相当于训练模式下只输入这一张图片。",
        ),
    ),
}


UI = {
    "title": Text("One image, three initialisations", "一张图片，三种初始化"),
    "intro": Text(
        "What does attention look like before training, and what does training add? The same image runs through three networks, all "
        "TopFormer {size}, that differ only in their parameters; each runs with the statistics that its [[BatchNorm|BatchNorms]] store, "
        "and with this image's. The model chosen above plays no part. Two of the three are untrained. **{not_evidence}**",
        "训练之前的注意力是什么样？训练又带来了什么？同一张图片送进三个网络，都是 TopFormer {size}，只有参数不同；"
        "每个网络用 [[BatchNorm]] 存储的统计量运行一次，再用本图的统计量运行一次。上面所选的模型在这里不起作用。"
        "三个网络中有两个未训练。**{not_evidence}**",
    ).format(size="{size}", not_evidence=NOT_EVIDENCE),
    "summary": Text(
        "On this image, {blocks} blocks with {heads} heads each: what rows are like, and their [[effective tokens]] of {tokens}",
        "在这张图片上，{blocks} 个块、每块 {heads} 个头：每一行是什么样，[[effective tokens|有效 token 数]]是多少（共 {tokens} 个）",
    ),
    "adds": Text("attention's share of the output (stored)", "注意力在输出中的份额（存储的）"),
    "rows": Text("{kinds}\n{span} effective tokens", "{kinds}\n有效 token 数 {span}"),
    "running": Text("Running the three networks, twice each…", "正在运行三个网络，每个两次……"),
    "block": BLOCK,
    "head": HEAD,
    "mean": MEAN,
    "row": Text("Query's row", "查询的行"),
    "column": Text("Query's column", "查询的列"),
    "draw": Text("Random seed", "随机种子"),
    "scale": Text("Colour scale", "色标"),
    "all": Text("0 to 1 for all", "都是 0 到 1"),
    "each": Text("each to its own maximum", "各到自己的最大值"),
    "mean_note": Text(
        "Maps show the mean of the {heads} heads' attention weights; numbers are means of what each head has.",
        "图中是 {heads} 个头的注意力权重的平均；数字是各头数值的平均。",
    ),
    "in_numbers": Text("This block and head in numbers", "这个块、这个头的各项数值"),
    "numbers": Text("Block {block}, {head}, in numbers", "块 {block}，{head}：各项数值"),
    "head_n": HEAD_N,
    "head_mean": MEAN_OF_SO_MANY,
    "start": Text("initialisation", "初始化"),
    "numbers_note": Text(
        "[[rms]]: root mean square. Attention's share: rms(output − (x + mlp(x))) / rms(output), where x + mlp(x) is the same block "
        "without its attention.",
        "[[rms]]：均方根。注意力的份额：rms(output − (x + mlp(x))) / rms(output)，其中 x + mlp(x) 是同一个块去掉注意力的结果。",
    ),
    "exactly": Text("exactly 0", "恰好为 0"),
    "all_bar": Text(
        "Attention weight, in the same colours in every map; a uniform row is {uniform} everywhere. Colour grows with the square "
        "root.",
        "注意力权重，各图用同样的颜色；均匀的一行处处是 {uniform}。颜色随平方根变化。",
    ),
    "each_bar": Text(
        "Attention weight, in each map up to its own maximum, which stands below it. Colour grows with the square root.",
        "注意力权重，每幅图的颜色到它自己的最大值为止，最大值写在图的下方。颜色随平方根变化。",
    ),
    "maximum": Text("maximum", "最大值"),
    "random": Text("random", "随机"),
    "is_read": Text("is read →", "被读 →"),
    "reads": Text("reads →", "读 →"),  # set vertically, so that the arrow points down
    "matrix": Text("0 … {top}", "0 … {top}"),
    "map_alt": Text("{which}: {words}", "{which}：{words}"),
    "matrix_alt": Text(
        "{which}: the attention weights as {tokens} × {tokens} cells, a row for each token that reads, a column for each "
        "that is read, from 0 to {top}. {sentence}",
        "{which}：注意力权重，{tokens} × {tokens} 格，每行是一个在读的 token，每列是一个被读的 token，从 0 到 {top}。{sentence}",
    ),
    "map": Text(
        "What the token in row {row}, column {column} reads: at most {top}, in row {top_row}, column {top_column}.",
        "第 {row} 行第 {column} 列的 token 读了什么：最多是 {top}，在第 {top_row} 行第 {top_column} 列。",
    ),
    "map_even": Text(
        "What the token in row {row}, column {column} reads: every token equally, {top} of each.",
        "第 {row} 行第 {column} 列的 token 读了什么：每个 token 读得一样多，各读 {top}。",
    ),
    "peaked": Text("How peaked are the rows, in all blocks and heads?", "全部块和头里，每一行有多集中？"),
    "peaked_note": Text(
        "All {blocks} blocks and {heads} heads on this image, the lowest and the highest. Effective tokens are the "
        "exponential of a row's entropy, here a head's mean over its rows: 1 is one-hot, {tokens} is uniform.",
        "这张图片上全部 {blocks} 个块、{heads} 个头，最低的和最高的。有效 token 数是一行的熵取指数，这里是每个头各行的平均："
        "1 表示 one-hot，{tokens} 表示均匀。",
    ),
    "network": Text("network", "网络"),
    "span": Text("{low} to {high}", "{low} 到 {high}"),
    "or": Text(" or ", "或"),
    "starts": Text("What the three initialisations are", "三种初始化各是什么"),
    "statistics": Text("Stored statistics, or this image's", "存储的统计量，还是本图的统计量"),
    "finding": Text("What of this is evidence, and what is random?", "哪些能当作结论，哪些只是随机？"),
}  # fmt: skip


READOUTS = {
    "effective": Text("effective tokens per row, of {tokens}", "每行的有效 token 数，共 {tokens}"),
    "scaled": Text(
        "the same if scores were divided by √key_dim = {root}", "同上，假如得分除以 √key_dim = {root}"
    ).format(root=ROOT),
    "deviation": Text("standard deviation of a row's scores", "一行得分的标准差"),
    "favourites": Text("number of distinct tokens that are some row's largest", "成为某一行最大值的不同 token 个数"),
    "largest": Text("largest |projected|", "|projected| 的最大值"),
    "projected": Text("rms(projected)", "rms(projected)"),
    "changed": Text("attention's share of the output", "注意力在输出中的份额"),
    "grown": Text("rms(output) / rms(x)", "rms(output) / rms(x)"),
}


# What rows are like, in a word.
KINDS = {
    "uniform": Text("uniform", "均匀"),
    "one-hot": Text("nearly one-hot", "接近 one-hot"),
    "peaked": Text("peaked", "集中"),
    "flat": Text("flat", "分散"),
}
SAYS = {
    "uniform": Text("Every row is uniform: each token reads all {tokens} equally.", "每一行都均匀：每个 token 把全部 {tokens} 个 token 读得一样多。"),
    "one-hot": Text(
        "Every row is nearly one-hot: each token reads about one, and over all {tokens} rows only {favourites} distinct tokens are the "
        "largest.",
        "每一行都接近 one-hot：每个 token 几乎只读一个，全部 {tokens} 行的最大值只落在 {favourites} 个不同的 token 上。",
    ),
    "one-hot mean": Text("Every row of every head is nearly one-hot: each token reads about one.", "每个头的每一行都接近 one-hot：每个 token 几乎只读一个。"),
    "peaked": Text(
        "Rows are peaked: on average one token has {share} of a row's weight.",
        "每一行都很集中：平均来看，一行的权重有 {share} 落在一个 token 上。",
    ),
    "flat": Text(
        "Rows are flat: the weight is spread over about {effective} of {tokens} tokens.",
        "每一行都分散：权重大约分散在 {effective} 个 token 上（共 {tokens} 个）。",
    ),
    "nothing": Text(
        "Attention adds exactly 0: none of this reaches the block's output.",
        "注意力加上去的恰好为 0：这些都到不了块的输出。",
    ),
    "something": Text("Attention's share of the block's output is {changed}.", "注意力在块的输出中的份额是 {changed}。"),
}  # fmt: skip


EXPLAINED: dict[str, tuple[Text, ...]] = {
    "starts": (
        Text(
            "**{name}.** PyTorch draws a convolution's parameters small, and TopFormer starts the BatchNorm after the projection with a "
            "[[gain]] of 0; its bias starts at 0 too. Whatever the attention weights say, `projected` is then exactly 0, and the block "
            "computes x + mlp(x). That is not zero, and because the MLP still works it is not the identity either. There is attention "
            "to look at, but it reaches nothing until training moves that gain away from 0.",
            "**{name}。**PyTorch 抽取的卷积参数很小，而 TopFormer 把投影之后的 BatchNorm 的[[gain|增益]]设为 0，它的偏置也从 0 开始。"
            "于是不管注意力权重是什么样，`projected` 都恰好为 0，块算的是 x + mlp(x)。它不是零；因为 MLP 照常工作，它也不是恒等映射。"
            "这里有注意力可看，但在训练让这个增益离开 0 之前，它什么也影响不到。",
        ).format(name=AS_BUILT),
        Text(
            "**{name}.** The authors' code then runs an initialiser over the backbone. It draws every convolution again "
            "from N(0, 2 / [[fan_out]]) and sets biases to 0 and the gain of every BatchNorm2d to 1. The projection's is one of them: its "
            "0 is erased, and random attention is added at full strength. The published configurations use [[SyncBN]], which is "
            "not a BatchNorm2d, so there the initialiser skips it and the 0 stays; and then they load ImageNet checkpoints, "
            "which replace all of this anyway.",
            "**{name}。**作者的代码接着对主干网络运行一个初始化方法：每个卷积从 N(0, 2 / [[fan_out]]) 重新抽取，偏置设为 0，"
            "每个 BatchNorm2d 的增益设为 1。投影的 BatchNorm 也在其中：它的 0 被抹掉，随机的注意力以全部强度加了进来。"
            "公开的配置用的是 [[SyncBN]]，它不是 BatchNorm2d，初始化方法会跳过它，0 得以保留；而且这些配置随后会载入 ImageNet 权重文件，"
            "把这一切都换掉。",
        ).format(name=REINITIALISED),
        Text(
            "**{name}.** Training began with the default init, with the projection's gain at 0, so that attention came in gradually. The "
            "gains of `to_q` and `to_k` began at key_dim^(−1/4) each, which together makes up for the missing 1/√key_dim: rows "
            "started flat.",
            "**{name}。**训练从默认初始化开始，投影的增益是 0，所以注意力是逐渐加入的。`to_q` 和 `to_k` 的增益都从 key_dim^(−1/4) 开始，"
            "两者合起来补上了缺少的 1/√key_dim：每一行一开始都是分散的。",
        ).format(name=TRAINED),
    ),
    "statistics": (
        Text(
            "**Stored.** A network that never saw an image stores mean 0 and variance 1, so BatchNorm normalises nothing and "
            "the sizes of the random numbers show. With the default init, values shrink from layer to layer until all scores are nearly "
            "equal: every row is uniform. With the authors' init, they grow until one score outweighs all others: every row is nearly "
            "[[one-hot]], which dividing by √key_dim hardly changes. Both come from the size of the numbers, not from the image.",
            "**存储的。**没有见过图片的网络存的是均值 0、方差 1，所以 BatchNorm 什么也没有归一化，随机数是大是小，会直接显露出来。"
            "默认初始化时，数值逐层变小，直到所有得分几乎相等：每一行都均匀。作者的初始化时，数值逐层变大，直到一个得分压倒其余所有："
            "每一行都接近 [[one-hot]]，除以 √key_dim 也几乎没有改变。二者都来自数值的大小，与图片无关。",
        ),
        Text(
            "**This image's.** Now each channel is divided by its own [[standard deviation]]. Queries and keys of an untrained network "
            "get standard deviation 1, whatever the seed, so a score, the sum of `key_dim` = {key_dim} products, has a standard deviation "
            "of about √{key_dim} = {root}, and that makes rows peaked. Divided by √key_dim, which TopFormer leaves out, it would be about "
            "1, and rows would be flat. The size of `projected` is settled too, by BatchNorm's gains and biases alone: on any image its "
            "[[rms]] is 1 where gains are 1 and biases 0. One image is not a batch, though: trained parameters are used to the statistics "
            "of many, and with one image's statistics the same head reads differently.",
            "**本图的。**现在每个通道都除以自己的[[standard deviation|标准差]]。不管随机种子是多少，未训练的网络的查询和键的标准差都成了 1；"
            "得分是 `key_dim` = {key_dim} 个乘积之和，标准差就约为 √{key_dim} = {root}，每一行因此变得集中。假如除以 TopFormer 省去的 √key_dim，"
            "标准差约为 1，每一行就会分散。`projected` 的大小也随之确定，只取决于 BatchNorm 的增益和偏置：增益为 1、偏置为 0 时，"
            "不管哪张图片，它的 [[rms]] 都是 1。不过一张图片不等于一批：训练好的参数适应的是许多图片的统计量，换成一张图片的统计量，"
            "同一个头读的就不同了。",
        ).format(key_dim=KEY_DIM, root=ROOT),
    ),
    "finding": (
        Text(
            "**True for any seed:** the exact 0 with the default init; uniform or nearly one-hot rows with stored statistics, peaked ones "
            "with this image's. Choose another random seed above: these numbers hardly change, and each is explained by how the "
            "parameters were drawn.",
            "**不管哪个种子都成立：**默认初始化时恰好为 0；用存储的统计量时每一行均匀或接近 one-hot，用本图的统计量时集中。"
            "在上面换一个随机种子，这些数字几乎不变，而且都能由参数的抽取方法解释。",
        ),
        Text(
            "**Random:** which tokens a head of an untrained network reads. Another seed gives another map. What seems to make sense in "
            "one comes from the image: parts of it that look alike give similar tokens, and with any parameters these are read much "
            "the same. Nor are vertical stripes a sign of learning: where scores are large, nearly all tokens of an untrained network "
            "read the same few (the table counts them).",
            "**随机：**未训练的网络的头读哪些 token。换一个种子，图就变了。其中看似有意义的地方来自图片本身：样子相近的地方，"
            "token 也相近，不管参数是什么，读起来都差不多。竖条纹也不说明学到了什么：得分很大时，未训练的网络里几乎所有 token 都读同样几个"
            "（表中数出了有几个）。",
        ),
        Text(
            "**Evidence at most:** the trained column, and it is one image and one training. What its heads read over many "
            "labelled images, and how sure that is, is on the page Attention heads.",
            "**至多能算证据的：**已训练的那一列，而它也只是一张图片、一次训练。各头在许多有标注的图片上读什么、有多可靠，见“注意力头”页面。",
        ),
    ),
}  # fmt: skip


FIGURES = {
    "matrices": Text("The attention weights of the three", "三者的注意力权重"),
    "maps": Text("What the marked token reads in the three", "三者中标出的 token 读什么"),
    "numbers": Text("The block in numbers", "这个块的各项数值"),
    "peaked": Text("How peaked the rows are", "每一行有多集中"),
    "title": Text("Three initialisations, block {block}, {head}: {what}", "三种初始化：块 {block}，{head}，{what}"),
    "about": Text("TopFormer {size}, three initialisations · {name}", "TopFormer {size}，三种初始化 · {name}"),
    "model": TOPFORMER,
    "random": RANDOM,
    "weights": Text("attention weights", "注意力权重"),
    "reads": Text("what the marked token reads", "标出的 token 读什么"),
    "quantity": WEIGHT,
    "unit": SHARE_OF_A_ROW,
    "root": Text("Colour grows with the square root.", "颜色随平方根变化。"),
    "each": Text("Every map has its own colour scale, up to its maximum.", "每幅图各用自己的色标，到它的最大值为止。"),
    "drawn": Text("Random seed {draw}.", "随机种子 {draw}。"),
    "not_evidence": Text("The two untrained networks: {said}", "两个未训练的网络：{said}").format(said=NOT_EVIDENCE),
}  # fmt: skip
