"""The attention explorer's words in both languages."""

from topformer_viz.app.canvas.wire import COPY_WORDS
from topformer_viz.words.names import BLOCK, CARRIED, COPY_LINK, HEAD, HEAD_N, TOKEN, WEIGHT
from topformer_viz.words.text import Text

UI: dict[str, Text] = {
    "carried": CARRIED,
    "semicolon": Text("; ", "；"),
    # the toolbar
    "block": BLOCK,
    "block_n": Text("block {n}", "第 {n} 个模块"),
    "head": HEAD,
    "head_n": HEAD_N,
    "mean": Text("the mean of all heads", "各头的平均"),
    "mean_short": Text("Mean", "平均"),
    "direction": Text("Show", "显示"),
    "row": Text("what it reads", "它读谁"),
    "row_title": Text("A row of the matrix: one query, all keys", "矩阵的一行：一个查询，全部键"),
    "col": Text("who reads it", "谁读它"),
    "col_title": Text("A column of the matrix: one key, all queries", "矩阵的一列：一个键，全部查询"),
    "values": Text("Values", "数值"),
    "scores": Text("scores", "得分"),
    "scores_title": Text("Before softmax", "softmax 之前"),
    "weights": Text("weights", "权重"),
    "weights_title": Text("After softmax", "softmax 之后"),
    "display": Text("Colour, scale, comparison, saving", "颜色、标尺、对比与保存"),
    "colour": Text("Colour", "颜色"),
    "linear": Text("linear", "线性"),
    "log": Text("logarithmic", "对数"),
    "log_title": Text("Four powers of ten below the largest", "最大值以下四个数量级"),
    "log_not": Text("Scores can be negative and have no logarithm", "得分可以是负数，没有对数"),
    "scale": Text("Scale", "标尺"),
    "shared": Text("one for all heads", "各头共用"),
    "shared_title": Text("Heads can be compared by colour", "可以按颜色比较各个头"),
    "each": Text("one each", "各自一个"),
    "each_title": Text("Each head from end to end of the colours", "每个头都用满整条颜色"),
    "cells": Text("Cells", "格子"),
    "sharp": Text("sharp", "清晰"),
    "smooth": Text("smooth", "平滑"),
    "smooth_title": Text("Interpolated between the cells; the numbers stay those of the cells", "在格子之间插值；数值仍是各格的"),
    "compare": Text("Compare with", "对比"),
    "nothing": Text("nothing", "无"),
    "this_token": Text("this token (stays while you point on)", "这个 token（固定住，继续指别处）"),
    "pinned": Text("{token}", "{token}"),
    "select": Text("Select a region", "选取区域"),
    "free": Text("Let go (Esc)", "放开（Esc）"),
    "save": Text("Save as one HTML file", "保存为单个 HTML 文件"),
    "copy_link": COPY_LINK,
    **COPY_WORDS,
    "upload_stays": Text(
        "Your own picture cannot travel in a link: whoever opens it sees the default sample.",
        "你自己的图片无法随链接传递：打开链接的人看到的是默认示例。",
    ),
    # the pictures
    "token": TOKEN,
    "token_short": Text("token {i}", "token {i}"),
    "region": Text(
        "the region of {n} tokens (rows {row}, columns {column})", "{n} 个 token 的区域（第 {row} 行，第 {column} 列）"
    ),
    "region_short": Text("the region of {n} tokens", "{n} 个 token 的区域"),
    "photo_label": Text(
        "The photograph and its token grid. Arrow keys move the query, Shift and arrows the other token, digits choose a head, "
        "0 the mean, square brackets the block, Enter holds the query, Escape lets go.",
        "照片与 token 网格。方向键移动查询，Shift 加方向键移动另一个 token，数字键选头，0 为平均，方括号换模块，Enter 固定查询，Esc 放开。",
    ),
    "photo": Text("Point at a token", "指一个 token"),
    "hint": Text(
        "Point, click to hold, drag for a region. Keys: arrows, digits for heads, [ ] for blocks.",
        "指向一个 token，点击固定，拖动选区域。按键：方向键，数字键选头，[ ] 换模块。",
    ),
    "hint_locked": Text(
        "Held: pointing now chooses the other token. Click it again or press Esc to let go.",
        "已固定：现在指向的是另一个 token。再点一次或按 Esc 放开。",
    ),
    "hint_touch": Text(
        "Tap a token to hold it; slide sideways to move on. For a region, switch on “Select a region” above.",
        "点一个 token 把它固定；横向滑动可以移动。要选区域，先打开上面的“选取区域”。",
    ),
    "hint_locked_touch": Text(
        "Held. Tap another token, or the map beneath for the other one; tap it again to let go.",
        "已固定。可点别的 token，或在下面的图上点另一个 token；再点一次放开。",
    ),
    "row_weights": Text("What {tokens} reads: {head}", "{tokens} 读什么：{head}"),
    "column_weights": Text("Who reads {tokens}: {head}", "谁读 {tokens}：{head}"),
    "row_scores": Text("Scores of {tokens} with every key: {head}", "{tokens} 与每个键的得分：{head}"),
    "column_scores": Text("Scores of every query with {tokens}: {head}", "每个查询与 {tokens} 的得分：{head}"),
    "matrix": Text("All {values}: {head}", "全部{values}：{head}"),
    "matrix_label": Text("The matrix, {n} queries by {n} keys, {head}", "矩阵：{n} 个查询 × {n} 个键，{head}"),
    "axes": Text(
        "Down: the {n} queries i; across: the {n} keys j. A tick where a row of the picture begins.",
        "纵向：{n} 个查询 i；横向：{n} 个键 j。每条刻度是图像一行的开头。",
    ),
    "averaged": Text("Averaged down to {side} × {side} cells.", "平均到 {side} × {side} 格。"),
    "legend_shared": Text("one scale for all heads", "各头共用一个标尺"),
    "legend_each": Text("this head's own scale", "这个头自己的标尺"),
    "legend_mean": Text("the mean's own scale", "平均值自己的标尺"),
    "legend_both": Text("one scale for A and B", "A、B 共用一个标尺"),
    "legend_difference": Text("red: more in A; blue: more in B", "红：A 更多；蓝：B 更多"),
    "up_to": Text("0 … {high}", "0 … {high}"),
    "strip": Text("Every head, the same token", "同一个 token，每个头"),
    "strip_note": Text(
        "Effective tokens: over how many pixels a row spreads, the exponential of its entropy. Distance: in pixels of the token grid.",
        "有效 token 数：一行分散在多少个 token 上，即熵的指数。距离：以 token 为单位。",
    ),
    "card": Text(
        "Mean of all rows: {effective} of {n} effective tokens, mean distance {distance}",
        "各行平均：有效 token {effective}（共 {n}），平均距离 {distance}",
    ),
    "sort": Text("Sort by", "排序"),
    "in_order": Text("number", "编号"),
    "by_effective": Text("effective tokens (mean of all rows)", "有效 token 数（各行平均）"),
    "by_distance": Text("mean distance (mean of all rows)", "平均距离（各行平均）"),
    # what the pictures say
    "said_row_weights": Text(
        "In {head}, {tokens} reads {other} most: {value}.", "在{head}中，{tokens}读得最多的是{other}：{value}。"
    ),
    "said_column_weights": Text(
        "In {head}, of all tokens it is {other} that reads {tokens} most: {value}.", "在{head}中，读{tokens}最多的是{other}：{value}。"
    ),
    "said_row_scores": Text(
        "In {head}, the highest score of {tokens} is with {other}: {value}.",
        "在{head}中，{tokens}得分最高的键是{other}：{value}。",
    ),
    "said_column_scores": Text(
        "In {head}, the highest score with {tokens} is that of {other}: {value}.",
        "在{head}中，与{tokens}得分最高的查询是{other}：{value}。",
    ),
    "said_effective": Text(
        "The row spreads over {effective} effective tokens of {n}.", "这一行分散在 {effective} 个有效 token 上（共 {n} 个）。"
    ),
    "said_distance": Text("Mean distance: {distance} tokens.", "平均距离：{distance} 个 token。"),
    "said_total": Text(
        "All weights on it sum to {sum}; 1 would be average.", "落在它上面的权重合计 {sum}；1 为平均水平。"
    ),
    "said_cell": Text("Cell {i}, {j}: {value}.", "格子：{i}，{j}：{value}。"),
    "badge": Text(
        "What ran: largest difference from the plain forward pass {difference}.", "与真实运行一致：与普通前向计算的最大差别为 {difference}。"
    ),
    "badge_title": Text(
        "The weights made from the query and key that were sent, beside those of a forward pass of the model as written; and "
        "this browser's own sums beside the server's. The larger of the two, in units of weight (of head output above 1,024 tokens).",
        "由传来的查询和键算出的权重，与原始模型前向计算得到的权重相比；以及浏览器求的和与服务器的和相比。取较大者，"
        "单位为权重（超过 1024 个 token 时为头的输出）。",
    ),
    # side by side
    "against": Text("Side by side", "并排对比"),
    "view_of": Text("block {block}, {head}, {tokens}", "第 {block} 个模块，{head}，{tokens}"),
    "apart": Text("Largest difference: {value}.", "最大差别：{value}。"),
    "moved": Text(
        "To turn B into A, {share} of the attention would have to move.", "要把 B 变成 A，需要挪动 {share} 的注意力。"
    ),
    # the arithmetic
    "sum": Text("The arithmetic of one cell: {head}, {i} reads {j}", "一个格子的算术：{head}，{i}读{j}"),
    "sum_hint": Text(
        "Point at a term: what it comes from lights up. The other token is the one you point at, or else the strongest. Each row of "
        "bars has its own scale: ± at its end is what a full bar stands for. Numbers are rounded here and computed in full.",
        "指向任何一项，它的来源就会亮起。另一个 token 是你指向的那个，否则是最强的那个。每一行条形有自己的标尺：行末的 ± 是满条的值。"
        "这里的数字经过舍入，计算时没有舍入。",
    ),
    "sum_mean": Text("A mean has no arithmetic of its own; this is {head}.", "平均值没有自己的算术；这里是{head}。"),
    "sum_region": Text("Of the region, this is {token}.", "区域里取的是{token}。"),
    "q_row": Text("query of token {i}", "token {i} 的查询"),
    "k_row": Text("key of token {j}", "token {j} 的键"),
    "p_row": Text("their products", "逐项相乘"),
    "v_row": Text("value of token {j}", "token {j} 的值"),
    "w_row": Text("times {weight}", "乘以 {weight}"),
    "o_row": Text("sum over all keys: output of token {i}", "对所有键求和：token {i} 的输出"),
    "score": Text("sum of the products = score", "乘积之和 = 得分"),
    "total": Text("the row's sum of exp", "这一行 exp 之和"),
    "weight": WEIGHT,
    "feature": Text("{row}, feature {c}: {value}", "{row}，特征 {c}：{value}"),
    # a head taken away
    "removal": Text("What hangs on a head?", "一个头有多重要？"),
    "removal_words": Text(
        "The network runs again with the head's output set to 0 (or all the others'). All else stays as it is, so this shows what "
        "the network relies on here, not what one without the head could do.",
        "把这个头（或其余各头）的输出设为 0，网络重新运行一遍，其余部分都不变。所以这里显示的是网络在这张图上依赖什么，"
        "而不是没有这个头的网络能做到什么。",
    ),
    "removal_mean": Text("Choose a head to take it away.", "选一个头，再把它去掉。"),
    "as_it_ran": Text("as it ran", "原样"),
    "without": Text("remove {head}", "去掉{head}"),
    "only": Text("keep only {head}", "只留{head}"),
    "removal_output": Text("Change of the block's output", "模块输出的变化"),
    "removal_scale": Text("root mean square over the channels", "各通道的均方根"),
    "removal_before": Text("Segmentation as it ran", "原样的分割"),
    "removal_after": Text("Segmentation without", "去掉之后的分割"),
    "removal_only": Text("Segmentation with this head only", "只留这个头的分割"),
    "removal_changed": Text("Tokens that change class", "改变类别的 token"),
}  # fmt: skip

OUTPUT = Text(
    "The block's output changes by {share} of its size (root mean square).",
    "模块输出的变化是它自身大小的 {share}（均方根）。",
)
IMAGE_PIXELS = Text("{share} of the image pixels change class.", "{share} 的图像像素改变类别。")
CHANCE = Text(
    "These weights are random: the classes, and so their change, are chance.",
    "权重是随机的：类别以及它们的变化都只是偶然。",
)
NO_SEGMENTATION = Text("This model has no segmentation.", "这个模型没有分割结果。")
SAVING = Text("Writing the file…", "正在写文件……")
MOVES = Text("{old} → {new} {share}", "{old} → {new} {share}")
TITLE = Text("TopFormer's attention: {name}", "TopFormer 的注意力：{name}")
ABOUT = Text(
    "{model}. {width} × {height} pixels, {rows} × {columns} tokens.",
    "{model}。{width} × {height} 像素，{rows} × {columns} 个 token。",
)
ALONE = Text(
    "Point at a token to see what it reads. Everything here was computed by the network on this picture; the file needs "
    "neither a server nor the internet.",
    "指向一个 token，看它读什么。这里的一切都是网络在这张图上算出来的；这个文件不需要服务器，也不需要联网。",
)

# What the figures that can be saved say.
FIGURES: dict[str, Text] = {
    "attention": Text("What the token reads, in every head", "这个 token 读什么（每个头）"),
    "matrix": Text("The whole matrix", "整个矩阵"),
    "against": Text("Two views side by side", "两个视图并排"),
    "removal": Text("What hangs on the head", "这个头有多重要"),
    "measures": Text("The heads in numbers", "用数字看各头"),
    "against_title": Text("A beside B", "A 与 B 并排"),
    "view": Text("{block}, {head}, {tokens}", "{block}，{head}，{tokens}"),
    "difference": Text("difference A − B (no unit)", "差 A − B（无单位）"),
    "removal_title": Text("What changes without {head}", "去掉{head}后的变化"),
    "removal_only": Text("What changes with {head} alone", "只留{head}后的变化"),
    "without": Text("segmentation without it", "去掉之后的分割"),
    "only": Text("segmentation with it alone", "只留它的分割"),
    "before": Text("segmentation as it ran", "原样的分割"),
    "changed": Text("tokens that change class", "改变类别的 token"),
    "output": Text("change of the block's output", "模块输出的变化"),
    "rms": Text("root mean square over the channels (no unit)", "各通道的均方根（无单位）"),
    "measures_title": Text("The attention heads of block {block}, measured", "第 {block} 个模块的各头，测量值"),
    "head": Text("head", "头"),
    "effective": Text("effective tokens, of {n}", "有效 token 数，共 {n}"),
    "distance": Text("mean distance (tokens)", "平均距离（token）"),
    "top": Text("largest weight", "最大的权重"),
    "range": Text("scores (no unit)", "得分（无单位）"),
    "measured": Text(
        "Effective tokens: over how many pixels a row spreads, the exponential of its entropy. Distance: how far it reads, in pixels of the token grid. Both are means over all rows; a full bar is the column's largest.",
        "有效 token 数：一行分散在多少个 token 上，即熵的指数。距离：读得多远，以 token 网格的 token 为单位。两者都是各行的平均；满条是该列的最大值。",
    ),
    "moves": Text("Most often: {moves}.", "最多的是：{moves}。"),
    "classes": Text("Classes: {set}.", "类别：{set}。"),
}  # fmt: skip
