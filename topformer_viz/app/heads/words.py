"""The words of the page about the heads."""

from topformer_viz.words.names import AS_BUILT, BLOCK, HEAD, REINITIALISED, TRAINED
from topformer_viz.words.text import Text

NETWORKS: dict[str, tuple[Text, Text]] = {
    "trained": (
        TRAINED,
        Text(
            "The bundled weights, trained on other street photographs.",
            "本项目自带的权重，用另外的街景照片训练。",
        ),
    ),
    "built": (
        AS_BUILT,
        Text(
            "Random weights, as the network is built. Nothing was learned.",
            "随机权重，网络刚建好的样子。没有任何东西是学来的。",
        ),
    ),
    "reinitialised": (
        REINITIALISED,
        Text(
            "Random weights, drawn again as the authors' initialiser does, with every BatchNorm gain at 1. Where a class "
            "stands out here, this one draw did it: the intervals are over pictures, not over draws.",
            "随机权重，按作者的初始化方法重新抽取，所有 BatchNorm 的增益都为 1。这里若有哪一类突出，只是这一次抽取的结果："
            "区间反映的是图片之间的差异，不是不同抽取之间的差异。",
        ),
    ),
}


UI = {
    "title": Text("What does each head look at?", "每个头在看什么？"),
    "missing": Text(
        "The findings are not here: {file} is missing or holds none. It comes with the trained weights; the rest of the "
        "app works without it.",
        "没有找到测量结果：{file} 不存在，或其中没有结果。它随训练好的权重一起提供；没有它，应用的其他部分照常工作。",
    ),
    "measured": Text(
        "Measured on {pictures} photographs of streets that were kept out of training, each on its grid of {least} to "
        "{most} tokens. People labelled their pixels by class (data sets CamVid and LabelMeFacade); {labelled} of the area "
        "carries a label, and the rest is left out. A token counts towards every class in its square, by area.",
        "测量用了 {pictures} 张没有参加训练的街景照片，每张的网格有 {least} 到 {most} 个 token。照片的 token 由人标注了类别"
        "（数据集 CamVid 和 LabelMeFacade）；{labelled} 的面积有标注，其余不计。一个 token 按面积计入它那一格里的每个类别。",
    ),
    "how": Text(
        "**How to read a table.** A row is the class that reads, a column the class that is read. The number is the share of "
        "the row's attention that falls on the column, divided by the share it would get if every token were read alike: "
        "1 is chance, 2 twice as much, 0.5 half. In brackets are 95% intervals over the pictures. Photographs from one "
        "drive resemble each other, so the true uncertainty is somewhat larger. The sentence over a table is made from its "
        "numbers, by a fixed rule.",
        "**怎样读表。** 行是在读的类别，列是被读的类别。表中的数是：这一行的注意力落在这一列上的比重，除以所有 token 被同等读取时"
        "应占的比重。1 是随机水平，2 是两倍，0.5 是一半。括号里是对图片而言的 95% 区间。同一次行车拍下的照片彼此相似，"
        "所以真实的不确定性要再大一些。表格上方的那句话按固定的规则由这些数得出。",
    ),
    "network": Text("Network", "网络"),
    "block": BLOCK,
    "head": HEAD,
    "head_n": Text("Head {n}", "第 {n} 个头"),
    "reads": Text("reads ↓, is read →", "读 ↓，被读 →"),
    "every": Text("every token", "全部方格"),
    "effective": Text(
        "Effective tokens <b>{value}</b> ({low} to {high}) of {all}",
        "有效 token 数 <b>{value}</b>（{low} 到 {high}），共 {all}",
    ),
    "distance": Text(
        "Mean distance <b>{value}</b> tokens ({low} to {high}), {all} if uniform",
        "平均距离 <b>{value}</b> 个 token（{low} 到 {high}），均匀时为 {all}",
    ),
    "table": Text("Head {n}: how many times chance each class reads each", "第 {n} 个头：各类读各类是随机水平的多少倍"),
    "hint": Text(
        "Point at a cell, or step through them with the arrow keys, to read its interval.",
        "把指针移到格子上，或用方向键逐格移动，可以读出它的区间。",
    ),
    "cell": Text(
        "{query} reads {key}: {value} times chance ({low} to {high}). {share} of its attention, {chance} if uniform; "
        "{pictures} pictures.",
        "{query}读{key}：随机水平的 {value} 倍（{low} 到 {high}）。占其注意力的 {share}，均匀时为 {chance}；{pictures} 张图片。",
    ),
    "never": Text("{query} and {key} are never in one picture.", "{query}与{key}从未出现在同一张图片里。"),
    "grey_cell": Text("Too little to go by.", "数据太少，不足为凭。"),
    "grey": Text(
        "Grey: a class in fewer than {pictures} pictures or on less than {area} of the area, or a pair that meets in fewer "
        "than {pictures}. Such numbers are shown, but no sentence rests on them, and “every class” does not ask them. {which}",
        "灰色：出现在不足 {pictures} 张图片里、或面积不到 {area} 的类别，以及同时出现在不足 {pictures} 张图片里的一对类别。"
        "这些数照样列出，但没有一句话以它们为据，“每一类”也不包括它们。{which}",
    ),
    "grey_class": Text(
        "Here: {name}, {pictures} pictures, {area} of the area.",
        "这里是：{name}，{pictures} 张图片，面积的 {area}。",
    ),
    "bar": Text("times chance", "随机水平的倍数"),
    "less": Text("less", "更少"),
    "more": Text("more", "更多"),
    "beside": Text("The same head in three networks", "同一个头，三个网络"),
    "beside_note": Text(
        "The head in the same place of each: trained, as built, and as the authors' initialiser leaves it. What an untrained "
        "network shows as well need not have come from training.",
        "三个网络里同一位置的头：训练过的、刚建好的，以及按作者的初始化方法得到的。未训练的网络也有的偏好，未必是训练带来的。",
    ),
    "proof": Text("What this shows, and what it does not", "这说明什么，不说明什么"),
    "shows": Text(
        "It shows where the weights fall, on average over many pictures. It does not show what a head is for. A weight says "
        "how much of a token's value is taken, not what that value holds, nor what the projection and the MLP make of it; and "
        "the residual hands every token on unread. Tokens have seen their surroundings in the pyramid's convolutions, so one "
        "that lies on a road also knows the cars beside it. A class may be read for its place or its brightness rather "
        "than for what it is: the sky is high and light. And an average hides the pictures in which a head does otherwise. To "
        "prove a purpose one would have to change the weights and watch what becomes of the output.",
        "它说明，在许多图片上平均来看，权重落在哪里；它不说明一个头有什么用。权重只说取走了某个 token 的值的多少，"
        "不说这个值里有什么，也不说投影和 MLP 把它变成什么；而残差会把每个 token 原样传下去，谁也不用读。"
        "token 在金字塔的卷积里已经看过周围，所以道路上的 token 也知道旁边有车。一个类别被读，可能是因为它的位置或亮度，"
        "而不是因为它是什么：天空在上方，也亮。平均还会掩盖那些表现不同的图片。要证明一个头的用途，就得改动权重，再看输出怎样变化。",
    ),
    "silenced": Text(
        "That was done for all heads together: on the {pictures} photographs mIoU is {whole}; with all attention silenced it "
        "is {attention}, and without the four blocks {blocks}. The differences say how much of the segmentation rests on "
        "attention in this small network: a head's preference may be clear and yet decide little.",
        "对全部的头一起做过这件事：在 {pictures} 张照片上 mIoU 为 {whole}；关掉全部注意力后为 {attention}，去掉四个模块后为 {blocks}。"
        "这些差别说明，在这个小网络里分割有多少要靠注意力：一个头的偏好可以很鲜明，起的作用却很小。",
    ),
}  # fmt: skip


FIGURES = {
    "head": Text("The head's preferences", "这个头的偏好"),
    "beside": UI["beside"],
    "block": Text("All heads of the block", "这个模块的各头"),
    "title": Text("Which class reads which: block {block}, head {head}", "哪一类读哪一类：第 {block} 个模块，第 {head} 个头"),
    "block_title": Text("Which class reads which: block {block}", "哪一类读哪一类：第 {block} 个模块"),
    "about": Text("TopFormer tiny, {network}", "TopFormer tiny，{network}"),
    "three": Text("TopFormer tiny, three networks", "TopFormer tiny，三个网络"),
    "spread": Text("{name}\n{value} effective tokens of {all}", "{name}\n有效 token 数 {value}，共 {all}"),
    "down": Text("the class that reads", "在读的类别"),
    "across": Text("the class that is read", "被读的类别"),
    "quantity": Text("times chance (no unit)", "随机水平的倍数（无单位）"),
    "meaning": Text(
        "Number: the share of the row's attention that falls on the column, over the share it would get if every token were "
        "read alike; 1 is chance. Colours end at a quarter and at four times. Grey numbers rest on too little.",
        "数字：这一行的注意力落在这一列上的份额，除以所有 token 被同等读取时的份额；1 为随机水平。颜色到四分之一和四倍为止。"
        "灰色的数字数据太少。",
    ),
    "measured": Text(
        "Measured on {pictures} street photographs that were kept out of training.", "在 {pictures} 张没有参加训练的街景照片上测得。"
    ),
    "random": Text("{networks}: random weights; what they show is chance, not a finding.", "{networks}：权重随机，图案只是偶然，不说明规律。"),
    "and": Text(" and ", "和"),
}  # fmt: skip
