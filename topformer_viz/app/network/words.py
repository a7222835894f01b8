"""The words of the network page."""

from topformer_viz.words.names import MEAN_OF_HEADS, TOPFORMER
from topformer_viz.words.text import Text

UI: dict[str, Text] = {
    "scene": Text("The network from photograph to segmentation", "从照片到分割结果的整个网络"),
    "scene_note": Text(
        "Small pictures: this run's tensors. Maps show the root mean square over their channels, and beside each level its first "
        "channels; blocks show the mean of their heads' attention.",
        "小图都是这次运行的张量：特征图显示各通道的均方根，每层旁边是它的前几个通道；模块显示各头注意力的平均。",
    ),
    "part": Text("Part {at} of {of}", "第 {at} 部分，共 {of} 部分"),
    "previous": Text("← Previous", "← 上一部分"),
    "next": Text("Next →", "下一部分 →"),
    "cost": Text(
        "{params} parameters · {adds} million multiply-adds, {share}% of the network's",
        "{params} 个参数 · {adds} 百万次乘加，占整个网络的 {share}%",
    ),
    "walk": Text("Walk through block {n}, step by step →", "逐步走过第 {n} 个模块 →"),
    "dropped": Text("dropped", "丢弃"),
    "gate": Text("gate", "门控"),
    "cell": Text("row {r}, column {c}", "第 {r} 行第 {c} 列"),
    "channel": Text("channel {c}", "通道 {c}"),
    "strength": Text("root mean square over all channels", "全部通道的均方根"),
    "part_of": Text("the 1/{scale} level's {channels} channels", "1/{scale} 层的 {channels} 个通道"),
    "mean": Text("mean attention of the heads (colour grows with the square root)", "各头注意力的平均（颜色随平方根变化）"),
    "mean_axes": Text("rows: who reads; columns: who is read", "行：谁在读；列：谁被读"),
    "read": Text("how much each square is read, mean of the heads; 1 is average", "每个方格被读的多少，各头平均；1 为平均水平"),
    "off": Text("What does the segmentation owe to it?", "分割结果在多大程度上靠它？"),
    "whole": Text("as it is", "原样"),
    "level_at": Text("the pyramid's 1/{scale} level", "金字塔的 1/{scale} 层"),
    "gate_map": Text("its gate, mean over channels", "它的门控，各通道平均"),
    "part_map": Text("its part of the blocks' output", "模块输出中属于它的那一份"),
    "injected_at": Text("after injection, 1/{scale}", "注入之后，1/{scale}"),
    "opacity": Text("Opacity", "不透明度"),
    "unsure": Text("Hatch where it is less than 50% sure", "把握不足 50% 的地方加斜纹"),
    "class": Text("Class", "类别"),
    "share": Text("here", "本图占比"),
    "iou": Text("IoU (validation)", "IoU（验证集）"),
    "legend": Text("{set}. Press a class to see it alone, again to see all.", "{set}。点选一个类别可单独查看，再点一次恢复全部。"),
    "iou_words": Text(" IoU: intersection over union with the labels; 1 is perfect.", "IoU：与标注的交并比，1 为完全一致。"),
    "here": Text("{name}, {sure} sure", "{name}，把握 {sure}"),
    "arrows": Text("Arrow keys move a point over the picture.", "方向键可在图上移动一个点。"),
}  # fmt: skip
PAGE = {
    "speed": Text(
        "Segmented in {ms} ms on this machine: {rate} pictures of this size a second.",
        "在这台机器上分割用时 {ms} 毫秒：每秒约 {rate} 张这样大小的图。",
    ),
    "no_network": Text(
        "The colour model is one attention module: it has no pyramid, no injection and no segmentation. Choose a TopFormer under "
        "Model.",
        "颜色模型只是一个注意力模块：没有金字塔、没有注入，也没有分割。请在“模型”里选择 TopFormer。",
    ),
    "no_injection": Text(
        "This checkpoint is an ImageNet backbone: it ends with its last block and has no injection and no segmentation.",
        "这个权重文件是 ImageNet 主干网络：到最后一个模块为止，没有注入，也没有分割。",
    ),
    "numbers": Text("In numbers", "用数字说话"),
    "ours": Text("this network, {w} × {h} pixels, {classes} classes", "这个网络，{w} × {h} 像素，{classes} 类"),
    "same": Text("the same, 512 × 512 pixels, 150 classes", "同一网络，512 × 512 像素，150 类"),
    "published": Text("published (the authors' README, ADE20K)", "作者公布（README，ADE20K）"),
    "on_streets": Text("(streets, validation)", "（街景，验证集）"),
    "counted": Text(
        "Counted: convolutions and matrix products of one forward pass. The published “GFLOPs” are multiply-adds too, rounded up. "
        "Scores on different pictures and classes cannot be compared.",
        "计入的是一次前向计算中的卷积和矩阵乘法。公布的“GFLOPs”同样是乘加次数，并向上取整。图片和类别不同，得分不能相比。",
    ),
}
COLUMNS = {
    "": TOPFORMER,
    "params": Text("parameters", "参数量"),
    "adds": Text("multiply-adds", "乘加次数"),
    "miou": Text("mIoU", "mIoU"),
}


PARTS = {
    "pooled_title": Text("Pooled to the token grid", "池化到特征网格"),
    "pooled_short": Text("pooled", "池化"),
    "pooled": Text(
        "Each level is averaged down to the same {H} × {W} grid, one cell for 64 × 64 pixels, and all four are stacked along the "
        "channels: `C` = {C}. From here on every square carries what all four levels know of it.",
        "每一层都平均池化到同一个 {H} × {W} 的网格（每格对应 64 × 64 个像素），再沿通道拼接：`C` = {C}。"
        "从这里起，每个方格都带着四层对它的了解。",
    ),
    "block": Text(
        "Every [[token|square]] of the {H} × {W} grid reads every other. The first picture is the mean of the {heads} heads' "
        "attention, one row for each square that reads; the others show how much each square is read. A head's [[effective tokens]] "
        "say over how many squares it spreads. What is read is added to the map (its size, beside the map's own: {share}); then "
        "an MLP follows, two 1×1 convolutions with a 3×3 between them. Which class reads which, over many pictures, stands under Heads.",
        "{H} × {W} 网格上的每个[[token|方格]]都去读其他所有方格。第一幅图是 {heads} 个头的注意力的平均，每一行对应一个在读的方格；"
        "其余各图显示每个方格被读的多少。一个头的[[effective tokens|有效 token 数]]说明它分散在多少个方格上。读到的内容加回特征图"
        "（与特征图本身的大小之比：{share}），随后是 MLP：两个 1×1 卷积，中间一个 3×3。各类别之间谁读谁（对许多图片平均），见“各头”页面。",
    ),
    "block_title": Text("Block {n}", "第 {n} 个模块"),
    "level_title": Text("Pyramid, level at 1/{scale}", "金字塔 1/{scale} 层"),
    "injection_title": Text("Injection at 1/{scale}", "在 1/{scale} 处注入"),
    "injection": Text(
        "{note} The gate here lets {gate} through on average.",
        "{note}这里的门控平均放行 {gate}。",
    ),
    "split_title": Text("Split again", "重新拆分"),
    "split": Text(
        "The last block's {C} channels are dealt out again to the levels they came from: {parts}. The first part, of the finest "
        "level, is dropped: nothing reads it. The other three go back to their levels.",
        "最后一个模块的 {C} 个通道按来源重新分给各层：{parts}。第一份属于最细的一层，被丢弃，没有谁用它；其余三份各回各层。",
    ),
    "scores_note": Text(
        "{note} Shown: the scores of the classes that win most pixels here.",
        "{note}这里显示赢得像素最多的几个类别的得分。",
    ),
    "segmentation_title": Text("Segmentation", "分割结果"),
    "segmentation_note": Text(
        "The class scores brought up to the picture's size; each pixel takes its best class. “Sure” is that class's "
        "probability after a softmax over the {classes} classes. On average this picture's pixels are {sure} sure.",
        "把类别得分放大到图像尺寸，每个像素取得分最高的类别。“把握”是该类别在 {classes} 个类别的 softmax 中的概率。"
        "这张图的像素平均把握为 {sure}。",
    ),
    "attention_off": Text(
        "without this block's attention: {changed} of the pixels change class",
        "去掉这个模块的注意力：{changed} 的像素改变类别",
    ),
    "rest": Text("the rarest classes", "其余最少的类别"),
    "on_val": Text("mIoU, validation: {before} → {after}", "验证集 mIoU：{before} → {after}"),
    "chance": Text("Chance, not a finding", "偶然，不说明规律"),
    "chance_why": Text(
        "This network was never trained: its weights are random numbers, so the classes it names mean nothing, and neither does "
        "what changes when parts of it are silenced. Choose the streets model to see a segmentation that was learned.",
        "这个网络从未训练过，权重是随机数：它给出的类别毫无意义，关掉某些部分后发生的变化也一样。要看学来的分割，请选择街景模型。",
    ),
    "owed": Text("What the blocks contribute", "四个模块贡献了什么"),
    "owed_here": Text(
        "Silence all attention, and {attention} of this picture's pixels change class; take the four blocks out altogether, and "
        "{blocks} do. Open a block to see where.",
        "关掉全部注意力，这张图有 {attention} 的像素改变类别；把四个模块整个去掉，则有 {blocks}。打开一个模块可以看到在哪里。",
    ),
    "owed_val": Text(
        "On the {val} validation photographs mIoU is {whole}; without any attention {attention}, without the four blocks {blocks}. "
        "So attention alone is worth {own} here, the whole blocks, with their MLPs, {owed}.",
        "在 {val} 张验证照片上 mIoU 为 {whole}；没有注意力时为 {attention}，没有四个模块时为 {blocks}。"
        "也就是说，单是注意力值 {own}，整个模块（连同 MLP）值 {owed}。",
    ),
    "fails": Text("Where it fails", "它在哪里失败"),
    "fails_how": Text(
        "Worst on the validation photographs, by IoU: {worst}. What is thin, small or far away is lost first: one class score "
        "stands for 8 × 8 pixels, one token for 64 × 64.",
        "在验证照片上最差的（IoU）：{worst}。细的、小的、远的东西最先丢失：一个类别得分对应 8 × 8 个像素，一个 token 对应 64 × 64 个。",
    ),
    "off_note": Text(
        "Coloured are the pixels that change, in their new class; point at one to read both. The rest of the network was not trained to do without, so this shows what it relies on, not what a network without it "
        "could learn.",
        "着色的是改变了类别的像素，颜色是新的类别；指向它可读出前后两个类别。网络的其余部分并没有为缺少它而训练过，所以这显示的是网络依赖什么，而不是没有它的网络能学到什么。",
    ),
    "head": Text("head {h}: {spread} effective tokens of {HW}", "头 {h}：有效 token {spread}，共 {HW} 个"),
}
OFF = {
    "attention": Text(
        "without any attention: {changed} of the pixels change class", "去掉全部注意力：{changed} 的像素改变类别"
    ),
    "blocks": Text(
        "without the four blocks: {changed} of the pixels change class", "去掉四个模块：{changed} 的像素改变类别"
    ),
}


FIGURES = {
    "segmentation": Text("The segmentation", "分割结果"),
    "part": Text("The part that is open", "打开的部分"),
    "costs": Text("What each part costs", "各部分的代价"),
    "segmentation_title": Text("Segmentation, {set}", "分割结果：{set}"),
    "class": Text("{name} {share}", "{name} {share}"),
    "laid": Text("laid over the picture", "叠在图片上"),
    "sure": Text("how sure it is", "把握"),
    "sure_quantity": Text("probability of the best class", "得分最高的类别的概率"),
    "rest": Text("and {n} more, {share} together", "另有 {n} 类，共 {share}"),
    "shares": Text("Shares are of the picture's pixels.", "百分比指占图像像素的份额。"),
    "iou": Text("mIoU of these weights on {val} validation photographs: {miou}.", "这组权重在 {val} 张验证照片上的 mIoU：{miou}。"),
    "strength": Text("strength", "强度"),
    "strength_quantity": Text("root mean square over the channels (no unit)", "各通道的均方根（无单位）"),
    "channels": Text("the first {n} channels", "前 {n} 个通道"),
    "channel_quantity": Text("{stage} (no unit)", "{stage}（无单位）"),
    "shrunk": Text("What is finer than {cells} cells is averaged down.", "比 {cells} 格更细的先取平均。"),
    "mean": Text("mean attention of the {heads} heads", "{heads} 个头的注意力的平均"),
    "mean_quantity": Text("weight (share of a row, no unit)", "权重（占一行的份额，无单位）"),
    "root": Text("In the matrix colour grows with the square root.", "矩阵的颜色随平方根变化。"),
    "read": Text("how much each square is read", "每个方格被读的多少"),
    "read_quantity": Text("times the average (no unit)", "平均水平的倍数（无单位）"),
    "all": MEAN_OF_HEADS,
    "added": Text("What attention adds has {share} of the size of the map it is added to.", "注意力加上去的部分，大小是原特征图的 {share}。"),
    "passes": Text("Injected is level × gate + part, each through a convolution of its own. The gate lets {share} through on average.", "注入 = 该层 × 门控 + 那一份，各自先经过一个卷积。门控平均放行 {share}。"),
    "gate": Text("gate (share let through)", "门控（放行的份额）"),
    "local": Text("the level", "该层"),
    "global": UI["part_map"],
    "injected": Text("after injection", "注入之后"),
    "gate_title": Text("its gate, mean over channels", "门控，各通道平均"),
    "score_quantity": Text("class score (no unit)", "类别得分（无单位）"),
    "scores_note": Text("The classes that win most pixels here.", "赢得像素最多的几个类别。"),
    "costs_title": Text("What each part of the network costs", "网络各部分的代价"),
    "part_column": Text("part", "部分"),
    "params": COLUMNS["params"],
    "adds": Text("million multiply-adds", "百万次乘加"),
    "share": Text("share of them", "占乘加"),
    "total": Text("the whole network", "整个网络"),
    "counted": Text("Counted: convolutions and matrix products of one forward pass; BatchNorm, activations, pooling, resizing and softmax are not. A full bar is the column's largest.", "计入一次前向计算中的卷积和矩阵乘法，不计 BatchNorm、激活、池化、缩放和 softmax。满条是该列的最大值。"),
}  # fmt: skip
