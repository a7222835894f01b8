"""The words of the page about the heads."""

from topformer_viz.words.names import AS_BUILT, BLOCK, HEAD, REINITIALISED, TRAINED
from topformer_viz.words.text import Text

NETWORKS: dict[str, tuple[Text, Text]] = {
    "trained": (
        TRAINED,
        Text(
            "The bundled checkpoint, trained on other images.",
            "本项目自带的权重文件，用另外的图片训练。",
        ),
    ),
    "built": (
        AS_BUILT,
        Text(
            "Random parameters, as PyTorch and TopFormer draw them. Nothing was learned.",
            "随机参数，由 PyTorch 和 TopFormer 的默认初始化抽取。没有任何东西是学来的。",
        ),
    ),
    "reinitialised": (
        REINITIALISED,
        Text(
            "Random parameters, drawn again as the authors' initialiser does, with every BatchNorm [[gain]] at 1. Where a class "
            "stands out here, this one random seed did it: the intervals are over images, not over seeds.",
            "随机参数，按作者的初始化方法重新抽取，所有 BatchNorm 的[[gain|增益]]都为 1。这里若有哪一类突出，只是这一个随机种子的结果："
            "区间反映的是图片之间的差异，不是随机种子之间的差异。",
        ),
    ),
}


UI = {
    "title": Text("What does each head look at?", "每个头在看什么？"),
    "missing": Text(
        "The findings are not here: {file} is missing or holds none. It comes with the bundled checkpoint; the rest of the "
        "app works without it.",
        "没有找到测量结果：{file} 不存在，或其中没有结果。它随自带的权重文件一起提供；没有它，应用的其他部分照常工作。",
    ),
    "purpose": Text(
        "Which classes the tokens of one class read, in each [[head]] of the trained network, measured on {images} labelled "
        "images that it never saw in training. The number: how many times as much attention as if the head read all tokens equally.",
        "在训练好的网络里，每个[[head|头]]让哪一类 token 去读哪一类，在训练中从未见过的 {images} 张有标注的图片上测得。"
        "数字的意思是：得到的注意力是平均读取所有 token 时的多少倍。",
    ),
    "overview": Text("What each head does", "每个头在做什么"),
    "seen": Text(
        "What the token in row {row}, column {column} of {sample} reads: at most {most}",
        "{sample}：第 {row} 行第 {column} 列的 token 读什么，最大 {most}",
    ),
    "maximum": Text("attention weight, up to each map's own maximum; square-root scale", "注意力权重，上限是每幅图自己的最大值；平方根色标"),
    "unseen": Text("No sample shows it.", "没有样图能表现这一点。"),
    "pictures": Text(
        "The numbers are over all {images} images. The map above a sentence is one example: of the app's own samples, the token "
        "(framed) at which it shows most clearly. The brighter a place, the more that token reads there.",
        "句中的数来自全部 {images} 张图片。句子上方的图只是一个例子：应用自带的样图里，最能表现这句话的那个 token（带框）。"
        "越亮的地方，这个 token 读得越多。",
    ),
    "clearest": Text(
        "**The clearest preference** is in block {block}, head {head}: {told}, {value} times as much as if uniform ({low} to {high}). "
        "In {many} of {all} heads one class is read at least twice as much as if uniform.",
        "**最鲜明的偏好**在块 {block} 的头 {head}：{told}，是均匀水平的 {value} 倍（{low} 到 {high}）。"
        "{all} 个头中，有 {many} 个把某一类读到均匀水平的两倍以上。",
    ),
    "unclear": Text("**No head** reads one class clearly more than another.", "**没有一个头**明显地多读某一类。"),
    "widely": Text(
        "**Rows are neither one-hot nor uniform:** by head they spread over {low} to {high} [[effective tokens]] of {all}, and reach "
        "{near} to {far} tokens far on average ({distance} if uniform).",
        "**每一行既不是 one-hot，也不均匀：**各个头的[[effective tokens|有效 token 数]]在 {low} 到 {high} 之间（共 {all} 个），"
        "平均读到 {near} 到 {far} 个 token 远（均匀时为 {distance}）。",
    ),
    "spread": Text(
        "**How wide rows are:** by head {low} to {high} [[effective tokens]] of {all}; they reach {near} to {far} tokens far on average "
        "({distance} if uniform).",
        "**每一行有多宽：**各个头的[[effective tokens|有效 token 数]]在 {low} 到 {high} 之间（共 {all} 个），"
        "平均读到 {near} 到 {far} 个 token 远（均匀时为 {distance}）。",
    ),
    "untrained": Text(
        "**Untrained networks** on the same images: {built} of {all} heads are nearly uniform with the default init, {reinitialised} "
        "of {all} nearly one-hot with the authors' init.",
        "**未训练的网络**，在同样的图片上：默认初始化时 {all} 个头中有 {built} 个接近均匀，作者的初始化时有 {reinitialised} 个接近 one-hot。",
    ),
    "matters": Text(
        "**What attention is worth:** on the {images} of these images that are labelled everywhere [[mIoU]] is {whole}; with all attention "
        "switched off it is {attention}, with that of one block alone {least} to {most}, and without the four blocks {blocks}. A clear preference may still decide little.",
        "**注意力值多少：**在其中 {images} 张处处有标注的图片上，[[mIoU]] 是 {whole}；关掉全部注意力后是 {attention}，只关一个块的注意力是 {least} 到 {most}，去掉四个块后是 {blocks}。"
        "偏好鲜明，作用也不一定大。",
    ),
    "tables": Text("All numbers: which class reads which, block by block", "全部数字：逐块查看哪一类读哪一类"),
    "method": Text("How this was measured, and how to read a table", "怎样测量，怎样读表"),
    "measured": Text(
        "Measured on {images} images that were kept out of training, each on its grid of {least} to {most} tokens. People "
        "labelled their image pixels by class (the model card names the data sets), in some images those of a few things only; {labelled} of the area carries a label, and the "
        "rest is left out. A token counts towards every class within its 64 × 64 image pixels, by area.",
        "测量用了 {images} 张没有参加训练的图片，每张的网格有 {least} 到 {most} 个 token。图像像素由人标注了类别"
        "（数据集见模型卡），有些图片只标注了少数几样东西；{labelled} 的面积有标注，其余不计。一个 token 按面积计入它的 64 × 64 个图像像素里的每个类别。",
    ),
    "how": Text(
        "**How to read a table.** A row is the class that reads, a column the class that is read. The number is the share of "
        "the row's attention that falls on the column, divided by the share it would get from uniform rows: "
        "1 is uniform, 2 twice as much, 0.5 half. In brackets are 95% [[bootstrap interval|bootstrap intervals over images]]. Images "
        "from one drive resemble each other, so the true uncertainty is somewhat larger. The sentence over a table is made from its "
        "numbers, by a fixed rule: where nothing more general holds, it names the two classes between which most attention passes beyond uniform.",
        "**怎样读表。**行是在读的类别，列是被读的类别。表中的数是：这一行的注意力落在这一列上的份额，除以每一行都均匀时"
        "应占的份额。1 是均匀水平，2 是两倍，0.5 是一半。括号里是[[bootstrap interval|以图片为单位做自助法]]的 95% 置信区间。"
        "同一次行车拍下的图片彼此相似，所以真实的不确定性要再大一些。表格上方的那句话按固定的规则由这些数得出：若没有更普遍的规律，就说超出均匀水平最多的那一对类别。",
    ),
    "network": Text("Network", "网络"),
    "block": BLOCK,
    "head": HEAD,
    "head_n": Text("Head {n}", "头 {n}"),
    "reads": Text("reads ↓, is read →", "读 ↓，被读 →"),
    "every": Text("every token", "全部 token"),
    "effective": Text(
        "Effective tokens <b>{value}</b> ({low} to {high}) of {all}",
        "有效 token 数 <b>{value}</b>（{low} 到 {high}），共 {all}",
    ),
    "distance": Text(
        "Mean distance <b>{value}</b> tokens ({low} to {high}), {all} if uniform",
        "平均距离 <b>{value}</b> 个 token（{low} 到 {high}），均匀时为 {all}",
    ),
    "table": Text("Head {n}: how many times uniform each class reads each", "头 {n}：各类读各类是均匀水平的多少倍"),
    "hint": Text(
        "Point at a cell, or step through them with the arrow keys, to read its interval.",
        "把指针移到格子上，或用方向键逐格移动，可以读出它的区间。",
    ),
    "hint_touch": Text("Tap a cell to read its interval.", "点按一格，可以读出它的区间。"),
    "cell": Text(
        "{query} reads {key}: {value} times uniform ({low} to {high}). {share} of its attention, {uniform} if uniform; "
        "{images} images.",
        "{query}读{key}：均匀水平的 {value} 倍（{low} 到 {high}）。占其注意力的 {share}，均匀时为 {uniform}；{images} 张图片。",
    ),
    "never": Text("{query} and {key} are never in one image.", "{query}与{key}从未出现在同一张图片里。"),
    "grey_cell": Text("Too few data to rely on.", "数据太少，不足为凭。"),
    "grey": Text(
        "Grey: a class in fewer than {images} images or on less than {area} of the area, or a pair that meets in fewer "
        "than {images}. Such numbers are shown, but no sentence rests on them, and “every class” leaves them out. {which}",
        "灰色：出现在不足 {images} 张图片里、或面积不到 {area} 的类别，以及同时出现在不足 {images} 张图片里的一对类别。"
        "这些数照样列出，但没有一句话以它们为据，“每一类”也不包括它们。{which}",
    ),
    "grey_class": Text(
        "Here: {name}, {images} images, {area} of the area.",
        "这里是：{name}，{images} 张图片，面积的 {area}。",
    ),
    "bar": Text("times uniform", "均匀水平的倍数"),
    "less": Text("less", "更少"),
    "more": Text("more", "更多"),
    "beside": Text("The same head in three networks", "同一个头，三个网络"),
    "beside_note": Text(
        "The head in the same place of each: trained, untrained with the default init, and untrained with the authors' init. What an "
        "untrained network shows as well need not have come from training.",
        "三个网络里同一位置的头：已训练的、默认初始化的，以及作者初始化的。未训练的网络也有的偏好，未必是训练带来的。",
    ),
    "proof": Text("What this shows, and what it does not", "这说明什么，不说明什么"),
    "shows": Text(
        "It shows where the attention weights fall, on average over many images. It does not show what a head is for. A weight says "
        "what share of a token's value is taken, not what it does: not what that value holds, nor what the projection and the MLP make "
        "of it; and the residual connection passes every token on unread. Switch the head off to see.",
        "它说明，在许多图片上平均来看，注意力权重落在哪里；它不说明一个头有什么用。权重只说取走了某个 token 的值的多少，不说它起什么作用："
        "不说这个值里有什么，也不说投影和 MLP 把它变成什么；而残差连接会把每个 token 原样传下去，谁也不用读。要知道它的作用，就把这个头关掉看看。",
    ),
    "caution": Text(
        "Tokens have seen their surroundings in the pyramid's convolutions, so one that lies on a road also carries the cars beside it. "
        "A class may be read for its place or its brightness rather than for what it is: the sky is high and light. And an average "
        "hides the images in which a head does otherwise.",
        "token 在金字塔的卷积里已经看过周围，所以道路上的 token 也带着旁边的车。一个类别被读，可能是因为它的位置或亮度，"
        "而不是因为它是什么：天空在上方，也亮。平均还会掩盖那些表现不同的图片。",
    ),
    "silenced": Text(
        "For all heads together that was done: on the {images} images that are labelled everywhere mIoU is {whole}; with all attention switched off it "
        "is {attention}, and without the four blocks {blocks}. The differences say how much of the segmentation depends on "
        "attention in this small network. One head at a time can be switched off in the Explorer.",
        "对全部的头一起做过这件事：在 {images} 张处处有标注的图片上 mIoU 为 {whole}；关掉全部注意力后为 {attention}，去掉四个块后为 {blocks}。"
        "这些差别说明，在这个小网络里分割有多少要靠注意力。单独关掉一个头，可以在“探索”页面里做。",
    ),
}  # fmt: skip


FIGURES = {
    "head": Text("The head's preferences", "这个头的偏好"),
    "beside": UI["beside"],
    "block": Text("All heads of the block", "这个块的各头"),
    "title": Text("Which class reads which: block {block}, head {head}", "哪一类读哪一类：块 {block}，头 {head}"),
    "block_title": Text("Which class reads which: block {block}", "哪一类读哪一类：块 {block}"),
    "about": Text("TopFormer tiny, {network}", "TopFormer tiny，{network}"),
    "three": Text("TopFormer tiny, three networks", "TopFormer tiny，三个网络"),
    "spread": Text("{name}\n{value} effective tokens of {all}", "{name}\n有效 token 数 {value}，共 {all}"),
    "down": Text("the class that reads", "在读的类别"),
    "across": Text("the class that is read", "被读的类别"),
    "quantity": Text("times uniform (no unit)", "均匀水平的倍数（无单位）"),
    "meaning": Text(
        "Number: the share of the row's attention that falls on the column, divided by the share it would get from uniform rows; "
        "1 is uniform. Colours end at a quarter and at four times. Grey numbers rest on too few data.",
        "数字：这一行的注意力落在这一列上的份额，除以每一行都均匀时的份额；1 为均匀水平。颜色到四分之一和四倍为止。"
        "灰色的数字数据太少。",
    ),
    "measured": Text(
        "Measured on {images} images that were kept out of training.", "在 {images} 张没有参加训练的图片上测得。"
    ),
    "left_out": Text(
        "Left out, as they seldom meet another class: {names}.",
        "很少与别的类别同在一张图里的没有列出：{names}。",
    ),
    "random": Text("{networks}: {said}", "{networks}：{said}"),
    "and": Text(" and ", "和"),
}  # fmt: skip
