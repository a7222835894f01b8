"""The attention explorer's words in both languages.

Of those a visitor reads where there is no mouse, ``name_touch`` stands for ``name``.
"""

from topformer_viz.app.canvas.wire import COPY_WORDS
from topformer_viz.words.names import BLOCK, CARRIED, COPY_LINK, HEAD, HEAD_N, TOKEN, UPLOAD_STAYS, WEIGHT
from topformer_viz.words.text import Text

# Where there is [[a term]], the browser is sent HTML with the glossary's definition.
UI: dict[str, Text] = {
    "carried": CARRIED,
    "semicolon": Text("; ", "；"),
    # the toolbar
    "block": BLOCK,
    "block_n": Text("block {n}", "块 {n}"),
    "head": HEAD,
    "head_n": HEAD_N,
    "head_named": Text("head {n} ({name})", "头 {n}（{name}）"),
    "mean": Text("the mean of all heads", "各头的平均"),
    "mean_short": Text("Mean", "平均"),
    "direction": Text("Direction", "方向"),
    "row": Text("what it reads", "它读谁"),
    "row_title": Text("A row of the matrix: one query, all keys", "矩阵的一行：一个查询，全部键"),
    "col": Text("who reads it", "谁读它"),
    "col_title": Text("A column of the matrix: one key, all queries", "矩阵的一列：一个键，全部查询"),
    "values": Text("Show", "显示"),
    "scores": Text("scores", "得分"),
    "scores_title": Text("Before softmax", "softmax 之前"),
    "weights": Text("attention weights", "注意力权重"),
    "weights_title": Text("After softmax", "softmax 之后"),
    "display": Text("Colour scale, comparison, saving", "色标、对比与保存"),
    "colour": Text("Colour scale", "色标"),
    "root": Text("square root", "平方根"),
    "root_title": Text("Colour grows with the square root of the weight: small weights can be seen", "颜色随权重的平方根变化：小的权重也看得见"),
    "linear": Text("linear", "线性"),
    "linear_title": Text("Colour grows with the weight itself", "颜色随权重本身变化"),
    "log": Text("logarithmic", "对数"),
    "log_title": Text("Four powers of ten below the largest", "最大值以下四个数量级"),
    "only_linear": Text("Scores can be negative: they have no square root and no logarithm", "得分可以是负数，没有平方根，也没有对数"),
    "scale": Text("It ends at", "上限"),
    "each": Text("each map's own maximum", "每幅图自己的最大值"),
    "each_title": Text("Every map uses all the colours; its maximum is written beside it", "每幅图都用满全部颜色；最大值写在旁边"),
    "all": Text("one for all heads", "各头共用"),
    "all_title": Text("Heads can be compared by colour", "可以按颜色比较各个头"),
    "cells": Text("Cells", "格"),
    "sharp": Text("sharp", "清晰"),
    "smooth": Text("smooth", "平滑"),
    "smooth_title": Text("Interpolated between the cells; the numbers stay those of the cells", "在格与格之间插值；数值仍是各格的"),
    "compare": Text("Compare with", "对比"),
    "nothing": Text("nothing", "无"),
    "this_token": Text("this token (held while you choose others)", "这个 token（固定住，再选别的）"),
    "pinned": Text("{token}", "{token}"),
    "select": Text("Select a region", "选取区域"),
    "free": Text("Let go (Esc)", "放开（Esc）"),
    "free_touch": Text("Let go", "放开"),
    "save": Text("Save as one HTML file", "保存为单个 HTML 文件"),
    "copy_link": COPY_LINK,
    **COPY_WORDS,
    "upload_stays": UPLOAD_STAYS,
    # the maps
    "token": TOKEN,
    "token_short": Text("token {i}", "token {i}"),
    "region": Text(
        "the region of {n} tokens (rows {row}, columns {column})", "{n} 个 token 的区域（第 {row} 行，第 {column} 列）"
    ),
    "region_short": Text("the region of {n} tokens", "{n} 个 token 的区域"),
    "photo_label": Text(
        "The image and its token grid. Arrow keys move the query, Shift and arrows the other token, digits choose a head, "
        "0 the mean, square brackets the block, Enter holds the query, Escape lets go.",
        "图片与 token 网格。方向键移动查询，Shift 加方向键移动另一个 token，数字键选头，0 为平均，方括号换块，Enter 固定查询，Esc 放开。",
    ),
    "photo": Text("Point at a token", "指一个 token"),
    "photo_touch": Text("Tap a token", "点一个 token"),
    "hint": Text(
        "Point, click to hold, drag for a region. Keys: arrows, digits for heads, [ ] for blocks.",
        "指向一个 token，点击固定，拖动选区域。按键：方向键，数字键选头，[ ] 换块。",
    ),
    "hint_locked": Text(
        "Held: pointing now chooses the other token. Click it again or press Esc to let go.",
        "已固定：现在指向的是另一个 token。再点一次或按 Esc 放开。",
    ),
    "hint_touch": Text(
        "Tap to hold a token, slide sideways to move on. “Select a region” lets a finger take several.",
        "点一下固定，横向滑动可以移动。打开“选取区域”后，手指可以选多个 token。",
    ),
    "hint_locked_touch": Text(
        "Held. Tap another token here, or the other token on the map. Tap this one again to let go.",
        "已固定。可以在这里点别的 token，或在下面的图上点另一个 token；再点一次放开。",
    ),
    "row_weights": Text("What {tokens} reads: {head}", "读什么 · {tokens} · {head}"),
    "column_weights": Text("Who reads {tokens}: {head}", "谁读它 · {tokens} · {head}"),
    "row_scores": Text("Scores of {tokens} with every key: {head}", "与每个键的得分 · {tokens} · {head}"),
    "column_scores": Text("Scores of every query with {tokens}: {head}", "与每个查询的得分 · {tokens} · {head}"),
    "matrix": Text("All {values}: {head}", "全部{values} · {head}"),
    "matrix_label": Text("The matrix, {n} queries by {n} keys, {head}", "矩阵：{n} 个查询 × {n} 个键，{head}"),
    "axes": Text(
        "Down: the {n} [[query|queries]] i; across: the {n} [[key|keys]] j. A tick where a row of the token grid begins.",
        "纵向：{n} 个[[query|查询]] i；横向：{n} 个[[key|键]] j。刻度标出 token 网格每一行的开头。",
    ),
    "averaged": Text("Averaged down to {side} × {side} cells.", "平均到 {side} × {side} 格。"),
    "legend_root": Text("Square-root scale {whose}. The tick marks half of the maximum.", "平方根色标，{whose}。刻度标出最大值的一半。"),
    "legend_linear": Text("Linear scale {whose}.", "线性色标，{whose}。"),
    "legend_log": Text("Logarithmic scale {whose}.", "对数色标，{whose}。"),
    "own_map": Text("up to this map's own maximum", "上限是这幅图自己的最大值"),
    "own_matrix": Text("up to this matrix's own maximum", "上限是这个矩阵自己的最大值"),
    "all_maps": Text("for the maps of all heads; this map's own maximum is {high}", "各头的图共用；这幅图自己的最大值是 {high}"),
    "all_matrices": Text("for the matrices of all heads; this matrix's own maximum is {high}", "各头的矩阵共用；这个矩阵自己的最大值是 {high}"),
    "both": Text("for A and B", "A、B 共用"),
    "legend_difference": Text("red: more in A; blue: more in B", "红：A 更多；蓝：B 更多"),
    "up_to": Text("maximum {high}", "最大值 {high}"),
    "strip": Text("Every head, the same token", "同一个 token，每个头"),
    "strip_note": Text(
        "[[effective tokens|Effective tokens]]: over how many tokens a row is spread. Distance: in tokens of the grid.",
        "[[effective tokens|有效 token 数]]：一行分散在多少个 token 上。距离：以网格的 token 为单位。",
    ),
    "card": Text(
        "Mean of all rows: {effective} of {n} effective tokens, mean distance {distance}",
        "各行平均：有效 token 数 {effective}（共 {n}），平均距离 {distance}",
    ),
    "sort": Text("Sort by", "排序"),
    "in_order": Text("number", "编号"),
    "by_effective": Text("effective tokens (mean of all rows)", "有效 token 数（各行平均）"),
    "by_distance": Text("mean distance (mean of all rows)", "平均距离（各行平均）"),
    # what the maps say
    "said_row_weights": Text(
        "In {head}, {tokens} reads {other} most: {value}.", "{head}：{tokens}读得最多的是 {other}，{value}。"
    ),
    "said_column_weights": Text(
        "In {head}, of all tokens it is {other} that reads {tokens} most: {value}.", "{head}：读 {tokens}最多的是 {other}，{value}。"
    ),
    "said_row_scores": Text(
        "In {head}, the highest score of {tokens} is with {other}: {value}.",
        "{head}：{tokens}得分最高的键是 {other}，{value}。",
    ),
    "said_column_scores": Text(
        "In {head}, the highest score with {tokens} is that of {other}: {value}.",
        "{head}：与 {tokens}得分最高的查询是 {other}，{value}。",
    ),
    "said_effective": Text(
        "The row is spread over {effective} [[effective tokens]] of {n}.", "这一行的[[effective tokens|有效 token 数]]是 {effective}（共 {n} 个）。"
    ),
    "said_distance": Text("Mean distance: {distance} tokens.", "平均距离：{distance} 个 token。"),
    "said_total": Text(
        "The attention weights on it sum to {sum}; the average is 1.", "它得到的注意力权重合计 {sum}；平均是 1。"
    ),
    "said_cell": Text("Query {i}, key {j}: {value}.", "查询 {i}，键 {j}：{value}。"),
    "badge": Text(
        "This is what ran: checked against an untouched run, equal to {digits} decimal places.",
        "这就是真实运行的结果：与未经改动的一次运行核对过，到小数点后 {digits} 位都相同。",
    ),
    "badge_how": Text("How is it checked?", "怎么核对的？"),
    "badge_tip": Text(
        "Attention weights made from the query and key that were sent here are compared with those of a forward pass of the model as "
        "written, and this browser's sums with the server's. The larger difference is {difference}, in units of attention weight (of "
        "head output above 1,024 tokens).",
        "用传到这里的查询和键算出的注意力权重，与原始模型一次前向传播得到的注意力权重相比；浏览器求的和，与服务器的和相比。"
        "较大的差别是 {difference}，单位为注意力权重（超过 1,024 个 token 时为头的输出）。",
    ),
    # side by side
    "against": Text("Side by side", "并排对比"),
    "view_of": Text("block {block}, {head}, {tokens}", "块 {block}，{head}，{tokens}"),
    "apart": Text("Largest difference: {value}.", "最大差别：{value}。"),
    "moved": Text(
        "To turn B into A, {share} of the attention would have to move.", "要把 B 变成 A，需要挪动 {share} 的注意力。"
    ),
    # likeness
    "similarity": Text("Likeness of the tokens: in the block's input and in its output", "token 的相似度：块的输入与块的输出"),
    "similarity_words": Text(
        "Likeness here is the [[cosine similarity]] of two tokens, over all channels. Attention compares tokens otherwise: by the "
        "[[query]] of one and the [[key]] of the other, which it makes of the input. The output is the input plus what the block adds.",
        "这里的相似度是两个 token 在全部通道上的[[cosine similarity|余弦相似度]]。注意力用另一种方式比较 token：用一个 token 的[[query|查询]]"
        "和另一个的[[key|键]]，二者都由输入算出。输出等于输入加上这个块添加的内容。",
    ),
    "similarity_enters": Text("Likeness in the block's input", "块的输入中的相似度"),
    "similarity_leaves": Text("Likeness in the block's output", "块的输出中的相似度"),
    "similarity_scale": Text("cosine similarity", "余弦相似度"),
    "similarity_row": Text(
        "Of the attention weights of {tokens} in {head}, {share} fall on the top {k} of the other tokens by likeness in the block's "
        "input; uniform weights would put {uniform} there.",
        "{head}：按块的输入中的相似度排序，{tokens}的注意力权重有 {share} 落在其他 token 的前 {k} 名上；均匀水平是 {uniform}。",
    ),
    "similarity_column": Text(
        "Of the attention weights on {tokens} in {head}, {share} come from the top {k} of the other tokens by likeness in the block's "
        "input; uniform weights would put {uniform} there.",
        "{head}：按块的输入中的相似度排序，{tokens}得到的注意力权重有 {share} 来自其他 token 的前 {k} 名；均匀水平是 {uniform}。",
    ),
    "similarity_of": Text(
        "With {other}: likeness {before} in the input, {after} in the output; attention weight {weight}.",
        "与 {other}：输入中的相似度 {before}，输出中的相似度 {after}；注意力权重 {weight}。",
    ),
    # the arithmetic
    "sum": Text("How one attention weight comes about: {head}, {i} reads {j}", "一个注意力权重怎么算出来：{head}，{i}读 {j}"),
    "sum_of_mean": Text("How one number of the mean comes about: {i} reads {j}", "平均图里的一个数怎么算出来：{i}读 {j}"),
    "sum_hint": Text(
        "Point at a term: what it comes from lights up. The other token is the one you point at, or else the strongest. Each row of "
        "bars has its own scale: ± at its end is what a full bar stands for. Numbers are rounded here and computed in full.",
        "指向任何一项，它的来源就会亮起。另一个 token 是你指向的那个，否则是最强的那个。每一行条形各有上限：行末的 ± 是满条的值。"
        "这里的数字经过舍入，计算时没有舍入。",
    ),
    "sum_hint_touch": Text(
        "Tap a term: what it comes from lights up. The other token is the one you tapped on the map, or else the strongest. Each row "
        "of bars has its own scale: ± at its end is what a full bar stands for. Numbers are rounded here and computed in full.",
        "点任何一项，它的来源就会亮起。另一个 token 是你在图上点的那个，否则是最强的那个。每一行条形各有上限：行末的 ± 是满条的值。"
        "这里的数字经过舍入，计算时没有舍入。",
    ),
    "sum_mean": Text(
        "The mean has no query and no key of its own: every head computes its own number, and these are averaged. Choose a head to "
        "see how its number comes about.",
        "平均没有自己的查询和键：每个头各算一个数，再取平均。选一个头，看它的数怎么算出来。",
    ),
    "sum_region": Text(
        "The map shows the mean over the region of {n} tokens. This is the arithmetic of one of them, {token}.",
        "图上是 {n} 个 token 的区域的平均。下面是其中一个的算术：{token}。",
    ),
    "lessons": Text("Step by step in the lesson:", "在逐步讲解里一步步看："),
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
    "removal": Text("What depends on this head?", "哪些结果依赖这个头？"),
    "removal_words": Text(
        "The network runs again with this head's output set to 0 (or that of all other heads). Everything else stays as it is: this "
        "shows what the network relies on for this image, not what a network trained without the head could do.",
        "把这个头（或其余各头）的输出设为 0，网络重新运行一遍，其余部分都不变。所以这里显示的是网络在这张图片上依赖什么，"
        "而不是没有这个头的网络经过训练能做到什么。",
    ),
    "removal_mean": Text("Choose a head, then remove it.", "选一个头，再把它去掉。"),
    "as_it_ran": Text("unchanged", "原样"),
    "without": Text("remove {head}", "去掉{head}"),
    "only": Text("keep only {head}", "只留{head}"),
    "removal_output": Text("Change of the block's output", "块的输出的变化"),
    "removal_scale": Text("root mean square over the channels", "各通道的均方根"),
    "removal_before": Text("Segmentation, unchanged", "原样的分割"),
    "removal_after": Text("Segmentation without this head", "去掉这个头之后的分割"),
    "removal_only": Text("Segmentation with this head only", "只留这个头的分割"),
    "removal_changed": Text("Image pixels that change class", "改变类别的图像像素"),
}  # fmt: skip

# What a run without some heads says (change.py); classes have names of their own.
REMOVAL: dict[str, Text] = {
    "output": Text(
        "The block's output changes by {share:.1%} of its size (root mean square).",
        "块的输出的变化是它自身大小的 {share:.1%}（均方根）。",
    ),
    "image_pixels": Text("{share:.1%} of the image pixels change class.", "{share:.1%} 的图像像素改变类别。"),
    "no_segmentation": Text("This model has no segmentation.", "这个模型没有分割结果。"),
    "moves": Text("{old:name} → {new:name} {share:.1%}", "{old:name} → {new:name} {share:.1%}"),
}
SAVING = Text("Writing the file…", "正在写文件……")
TITLE = Text("TopFormer's attention: {name}", "TopFormer 的注意力：{name}")
ABOUT = Text(
    "{model}. {width} × {height} image pixels, {rows} × {columns} tokens.",
    "{model}。{width} × {height} 图像像素，{rows} × {columns} 个 token。",
)
ALONE = Text(
    "Point at a token, or tap one, to see what it reads. Everything here was computed by the network on this image; the file needs "
    "neither a server nor the internet.",
    "指向或点一个 token，看它读什么。这里的一切都是网络在这张图片上算出来的；这个文件不需要服务器，也不需要联网。",
)

# What the figures that can be saved say.
FIGURES: dict[str, Text] = {
    "attention": Text("What the token reads, in every head", "这个 token 读什么（每个头）"),
    "matrix": Text("The whole matrix", "整个矩阵"),
    "against": Text("Two views side by side", "两个视图并排"),
    "similarity": Text("Likeness of the token to all others", "这个 token 与其他 token 的相似度"),
    "similarity_title": Text("Likeness of {tokens} to all others", "{tokens}与其他 token 的相似度"),
    "similarity_scale": Text("cosine similarity (no unit)", "余弦相似度（无单位）"),
    "removal": Text("What depends on the head", "哪些结果依赖这个头"),
    "measures": Text("The heads in numbers", "各头的各项数值"),
    "view": Text("{block}, {head}, {tokens}", "{block}，{head}，{tokens}"),
    "difference": Text("difference A − B (no unit)", "差 A − B（无单位）"),
    "removal_title": Text("What changes without {head}", "变化：去掉{head}"),
    "removal_only": Text("What changes with {head} alone", "变化：只留{head}"),
    "without": Text("segmentation without this head", "去掉这个头之后的分割"),
    "only": Text("segmentation with this head only", "只留这个头的分割"),
    "before": Text("segmentation, unchanged", "原样的分割"),
    "changed": Text("image pixels that change class", "改变类别的图像像素"),
    "output": Text("change of the block's output", "块的输出的变化"),
    "rms": Text("root mean square over the channels (no unit)", "各通道的均方根（无单位）"),
    "measures_title": Text("The attention heads of block {block}, measured", "块 {block} 的各头，测量值"),
    "head": Text("head", "头"),
    "effective": Text("effective tokens, of {n}", "有效 token 数，共 {n}"),
    "distance": Text("mean distance (tokens)", "平均距离（token）"),
    "top": Text("largest attention weight", "最大的注意力权重"),
    "range": Text("scores (no unit)", "得分（无单位）"),
    "measured": Text(
        "Effective tokens: over how many tokens a row is spread, the exponential of its entropy. Distance: how far it reads, in tokens of the grid. Both are means over all rows; a full bar is the column's largest.",
        "有效 token 数：一行分散在多少个 token 上，即熵的指数。距离：读得多远，以网格的 token 为单位。两者都是各行的平均；满条是该列的最大值。",
    ),
    "moves": Text("Most often: {moves}.", "最多的是：{moves}。"),
    "classes": Text("Classes: {set}.", "类别：{set}。"),
}  # fmt: skip
