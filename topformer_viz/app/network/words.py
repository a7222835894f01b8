"""The words of the network page."""

from topformer_viz.words.names import MEAN_OF_HEADS, TOPFORMER
from topformer_viz.words.text import Text

UI: dict[str, Text] = {
    "scene": Text("The network from image to segmentation", "从图片到分割结果的整个网络"),
    "scene_note": Text(
        "Every thumbnail is a tensor of this run. Feature maps show the root mean square over their channels, and beside each level "
        "its first channels; blocks show the mean of their heads' attention. Choose one to open it below.",
        "每张缩略图都是这次运行的一个张量：特征图显示各通道的均方根，每个层级旁边是它的前几个通道；块显示各头注意力的平均。"
        "选中一个，就在下面打开。",
    ),
    "swipe": Text("The network is wider than the screen: scroll it sideways ↔", "网络比屏幕宽，可以左右滑动 ↔"),
    "part": Text("Part {at} of {of}", "第 {at} 部分，共 {of} 部分"),
    "previous": Text("← Previous", "← 上一部分"),
    "next": Text("Next →", "下一部分 →"),
    "cost": Text(
        "{params} parameters · {adds} million multiply-adds, {share}% of the network's",
        "{params} 个参数 · {adds} 百万次乘加，占整个网络的 {share}%",
    ),
    "walk": Text("Walk through block {n}, stage by stage →", "逐步走过块 {n} →"),
    "dropped": Text("dropped", "丢弃"),
    "gate": Text("gate", "门控"),
    "cell": Text("row {r}, column {c}", "第 {r} 行第 {c} 列"),
    "channel": Text("channel {c}", "通道 {c}"),
    "strength": Text("root mean square over all channels", "全部通道的均方根"),
    "part_of": Text("the 1/{scale} level's {channels} channels", "1/{scale} 层级的 {channels} 个通道"),
    "mean": Text("mean attention of the heads (colour grows with the square root)", "各头注意力的平均（颜色随平方根变化）"),
    "mean_axes": Text("rows: the token that reads; columns: the token that is read", "行：在读的 token；列：被读的 token"),
    "read": Text("how much each token is read, mean of the heads; 1 if uniform", "每个 token 被读的多少，各头平均；均匀时为 1"),
    "off": Text("How much does the segmentation depend on it?", "分割结果在多大程度上依赖它？"),
    "whole": Text("as it is", "原样"),
    "level_at": Text("the pyramid's 1/{scale} level", "金字塔的 1/{scale} 层级"),
    "gate_map": Text("its gate, mean over channels", "它的门控，各通道平均"),
    "part_map": Text("its part of the blocks' output", "块的输出中属于它的那一份"),
    "injected_at": Text("after injection, 1/{scale}", "注入之后，1/{scale}"),
    "opacity": Text("Opacity", "不透明度"),
    "unsure": Text("Hatch where confidence is below 50%", "置信度不足 50% 的地方加斜纹"),
    "class": Text("Class", "类别"),
    "share": Text("share", "本图占比"),
    "iou": Text("IoU (validation)", "IoU（验证集）"),
    "legend": Text("{set}. Press a class to see it alone, again to see all.", "{set}。点选一个类别可单独查看，再点一次恢复全部。"),
    "iou_words": Text(" IoU: intersection over union with the labels; 1 is perfect.", "IoU：与标注的交并比，1 为完全一致。"),
    "here": Text("{name}, confidence {sure}", "{name}，置信度 {sure}"),
}  # fmt: skip
PAGE = {
    "speed": Text(
        "Segmented in {ms} ms on this machine: about {rate} images of this size per second.",
        "在这台机器上分割用时 {ms} 毫秒：每秒约 {rate} 张这样大小的图片。",
    ),
    "no_network": Text(
        "The colour model is one attention module: it has no pyramid, no injection and no segmentation. Choose a TopFormer under "
        "Model.",
        "颜色网络只是一个注意力模块：没有金字塔、没有注入，也没有分割。请在“模型”里选择 TopFormer。",
    ),
    "no_injection": Text(
        "This checkpoint is an ImageNet backbone: it ends with its last block and has no injection and no segmentation.",
        "这个权重文件是 ImageNet 主干网络：到最后一个块为止，没有注入，也没有分割。",
    ),
    "numbers": Text("In numbers", "各项数值"),
    "ours": Text(
        "this network, {w} × {h} image pixels, {classes} classes", "这个网络，{w} × {h} 图像像素，{classes} 类"
    ),
    "same": Text("the same, 512 × 512 image pixels, 150 classes", "同一网络，512 × 512 图像像素，150 类"),
    "published": Text("published (the authors' README, ADE20K)", "作者公布（README，ADE20K）"),
    "on_val_images": Text("(validation)", "（验证集）"),
    "counted": Text(
        "Counted: convolutions and matrix products of one forward pass. The published “GFLOPs” are multiply-adds too, rounded up to "
        "one decimal. [[mIoU]] values on different images and classes cannot be compared.",
        "计入的是一次前向传播中的卷积和矩阵乘法。公布的“GFLOPs”同样是乘加次数，向上取到一位小数。图片和类别不同，[[mIoU]] 不能相比。",
    ),
}
COLUMNS = {
    "": TOPFORMER,
    "params": Text("parameters", "参数量"),
    "adds": Text("multiply-adds", "乘加次数"),
    "miou": Text("[[mIoU]]", "[[mIoU]]"),
}

SHARE = Text("{share:.1%}", "{share:.1%}")

PARTS = {
    "pooled_title": Text("Pooled to the token grid", "池化到 token 网格"),
    "pooled_short": Text("pooled", "池化"),
    "pooled": Text(
        "Each level is averaged down to the same grid of {H} × {W} [[token|tokens]], one for every 64 × 64 image pixels, and all four "
        "are stacked along the channels: `C` = {C}. From here on each token holds the features of all four levels.",
        "每个层级都平均池化到同一个 {H} × {W} 的 [[token]] 网格（每个 token 对应 64 × 64 个图像像素），再沿通道拼接：`C` = {C}。"
        "从这里起，每个 token 都含有四个层级的特征。",
    ),
    "block": Text(
        "Every [[token]] of the {H} × {W} grid reads every token, itself too. The first map is the mean of the {heads} heads' "
        "attention, one row for each token that reads; the others show how much each token is read. A head's [[effective tokens]] "
        "say over how many tokens it spreads. What is read is added to the feature map (its size relative to the feature map's own: "
        "{share}); then an MLP follows, two 1×1 convolutions with a 3×3 between them. Which class reads which, over many images, is "
        "on the page Attention heads.",
        "{H} × {W} 网格上的每个 [[token]] 都读取所有 token，包括它自己。第一幅图是 {heads} 个头的注意力的平均，每一行对应一个在读的 token；"
        "其余各图显示每个 token 被读的多少。一个头的[[effective tokens|有效 token 数]]说明它分散在多少个 token 上。读到的内容加回特征图"
        "（与特征图本身的大小之比：{share}），随后是 MLP：两个 1×1 卷积，中间一个 3×3。各类别之间谁读谁（对许多图片平均），见“注意力头”页面。",
    ),
    "block_title": Text("Block {n}", "块 {n}"),
    "level_title": Text("Pyramid, level at 1/{scale}", "金字塔 1/{scale} 层级"),
    "injection_title": Text("Injection at 1/{scale}", "在 1/{scale} 处注入"),
    "injection": Text(
        "{note} The gate here lets {gate} through on average.",
        "{note}这里的门控平均放行 {gate}。",
    ),
    "split_title": Text("Split again", "重新拆分"),
    "split": Text(
        "The last block's {C} channels are split again by the level they came from: {parts}. The first part, of the finest "
        "level, is dropped: nothing uses it. The other three go back to their levels.",
        "最后一个块的 {C} 个通道按来源重新分给各层级：{parts}。第一份属于最细的层级，被丢弃，没有谁用它；其余三份各回各的层级。",
    ),
    "scores_note": Text(
        "{note} Shown: the scores of the classes that win most image pixels here.",
        "{note}这里显示赢得图像像素最多的几个类别的得分。",
    ),
    "segmentation_title": Text("Segmentation", "分割结果"),
    "segmentation_note": Text(
        "The class scores brought up to the image's size; each image pixel takes the class with the highest score. Its confidence is "
        "that class's probability after a [[softmax]] over the {classes} classes: on average {sure} in this image.",
        "把类别得分放大到图片的尺寸，每个图像像素取得分最高的类别。置信度是该类别在 {classes} 个类别的 [[softmax]] 中的概率："
        "这张图片平均为 {sure}。",
    ),
    "attention_off": Text(
        "without this block's attention: {changed} of the image pixels change class",
        "去掉这个块的注意力：{changed} 的图像像素改变类别",
    ),
    "rest": Text("the rarest classes", "其余最少的类别"),
    "on_val": Text("mIoU, validation: {before} → {after}", "验证集 mIoU：{before} → {after}"),
    "random": Text("An untrained network", "未训练的网络"),
    "random_why": Text(
        "Its parameters are random numbers, so the classes it names mean nothing, and neither does what changes when parts of it are "
        "switched off. Choose the model “everyday” to see a segmentation that was learned.",
        "它的参数是随机数：给出的类别毫无意义，关掉某些部分后发生的变化也一样。要看学来的分割，请选择模型“日常”。",
    ),
    "owed": Text("What the blocks contribute", "四个块贡献了什么"),
    "owed_here": Text(
        "Switch off all attention, and {attention} of the image pixels change class; take the four blocks out altogether, and "
        "{blocks} do. Open a block to see where.",
        "关掉全部注意力，这张图片有 {attention} 的图像像素改变类别；把四个块整个去掉，则有 {blocks}。打开一个块可以看到在哪里。",
    ),
    "owed_val": Text(
        "On the {val} validation images mIoU is {whole}; without any attention {attention}, without the four blocks {blocks}. "
        "So attention alone is worth {own} here, the whole blocks, with their MLPs, {owed}.",
        "在 {val} 张验证图片上 mIoU 为 {whole}；没有注意力时为 {attention}，没有四个块时为 {blocks}。"
        "也就是说，单是注意力值 {own}，整个块（连同 MLP）值 {owed}。",
    ),
    "fails": Text("Where it fails", "它在哪里失败"),
    "fails_how": Text(
        "Worst on the validation images, by IoU: {worst}. What is thin, small or far away is lost first: one class score "
        "covers 8 × 8 image pixels, one token 64 × 64.",
        "在验证图片上最差的（IoU）：{worst}。细的、小的、远的东西最先丢失：一个类别得分对应 8 × 8 个图像像素，一个 token 对应 64 × 64 个。",
    ),
    "off_note": Text(
        "Coloured are the image pixels that change, in their new class; point at one, or tap it, to read both. The rest of the network "
        "was not trained to do without, so this shows what it relies on, not what a network without it could learn.",
        "着色的是改变了类别的图像像素，颜色是新的类别；指向或点按一处，可读出前后两个类别。网络的其余部分并没有为缺少它而训练过，"
        "所以这显示的是网络依赖什么，而不是没有它的网络能学到什么。",
    ),
    "head": Text("head {h}: {spread} effective tokens of {HW}", "头 {h}：有效 token 数 {spread}，共 {HW} 个"),
}
OFF = {
    "attention": Text(
        "without any attention: {changed} of the image pixels change class",
        "去掉全部注意力：{changed} 的图像像素改变类别",
    ),
    "blocks": Text(
        "without the four blocks: {changed} of the image pixels change class",
        "去掉四个块：{changed} 的图像像素改变类别",
    ),
}


FIGURES = {
    "segmentation": Text("The segmentation", "分割结果"),
    "part": Text("The part that is open", "打开的部分"),
    "costs": Text("What each part costs", "各部分的计算开销"),
    "segmentation_title": Text("Segmentation, {set}", "分割结果：{set}"),
    "class": Text("{name} {share}", "{name} {share}"),
    "laid": Text("laid over the image", "叠在图片上"),
    "sure": Text("confidence", "置信度"),
    "sure_quantity": Text("probability of the best class", "得分最高的类别的概率"),
    "rest": Text("and {n} more, {share} together", "另有 {n} 类，共 {share}"),
    "shares": Text("Shares are of the image pixels.", "百分比指占图像像素的份额。"),
    "iou": Text("mIoU of this checkpoint on {val} validation images: {miou}.", "这个权重文件在 {val} 张验证图片上的 mIoU：{miou}。"),
    "strength": Text("strength", "强度"),
    "strength_quantity": Text("root mean square over the channels (no unit)", "各通道的均方根（无单位）"),
    "channels": Text("the first {n} channels", "前 {n} 个通道"),
    "channel_quantity": Text("{stage} (no unit)", "{stage}（无单位）"),
    "shrunk": Text("Maps finer than {cells} cells are averaged down.", "比 {cells} 格更细的图先取平均。"),
    "mean": Text("mean attention of the {heads} heads", "{heads} 个头的注意力的平均"),
    "mean_quantity": Text("attention weight (share of a row, no unit)", "注意力权重（占一行的份额，无单位）"),
    "root": Text("In the matrix colour grows with the square root.", "矩阵的颜色随平方根变化。"),
    "read": Text("how much each token is read", "每个 token 被读的多少"),
    "read_quantity": Text("times uniform (no unit)", "均匀水平的倍数（无单位）"),
    "all": MEAN_OF_HEADS,
    "added": Text("The size of what attention adds is {share} of that of the feature map it is added to.", "注意力加上去的部分，大小是原特征图的 {share}。"),
    "passes": Text("Injected is level × gate + part, each through a convolution of its own. The gate lets {share} through on average.", "注入 = 该层级 × 门控 + 那一份，各自先经过一个卷积。门控平均放行 {share}。"),
    "gate": Text("gate (share let through)", "门控（放行的份额）"),
    "local": Text("the level", "该层级"),
    "global": UI["part_map"],
    "injected": Text("after injection", "注入之后"),
    "gate_title": Text("its gate, mean over channels", "门控，各通道平均"),
    "score_quantity": Text("class score (no unit)", "类别得分（无单位）"),
    "scores_note": Text("The classes that win most image pixels here.", "赢得图像像素最多的几个类别。"),
    "costs_title": Text("What each part of the network costs", "网络各部分的计算开销"),
    "part_column": Text("part", "部分"),
    "params": COLUMNS["params"],
    "adds": Text("million multiply-adds", "百万次乘加"),
    "share": Text("share of them", "占乘加"),
    "total": Text("the whole network", "整个网络"),
    "lens": Text("What the network would say after each block", "网络在每个块之后会给出什么分割"),
    "lens_change": Text("Block {n}: {said}.", "块 {n}：{said}。"),
    "lens_why": Text("Injection and classifier were trained on the last block's output alone: of an earlier one this is what they would say, not what the network decided.", "注入和分类器只在最后一块的输出上训练过：对更早的块，这只是它们会给出的分割，不是网络的决定。"),
    "counted": Text("Counted: convolutions and matrix products of one forward pass; BatchNorm, activations, pooling, resizing and softmax are not. A full bar is the column's largest.", "计入一次前向传播中的卷积和矩阵乘法，不计 BatchNorm、激活、池化、缩放和 softmax。满条是该列的最大值。"),
}  # fmt: skip
