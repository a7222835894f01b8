"""What the lab's part on covariance says, on the page and in its figures."""

from topformer_viz.words.names import BLOCK, HEAD, HEAD_N, MEAN, MEAN_OF_HEADS, WEIGHT
from topformer_viz.words.text import Text

UI = {
    "intro": Text(
        "The weights A of a head are often likened to a covariance matrix. Both are tables of HW × HW = {HW} × {HW} that say how much token i "
        "has to do with token j. Here A stands beside the covariance and the correlation of the very tokens that entered the "
        "block: tokens as variables, the {C} channels as samples.",
        "一个头的权重 A 常被说成类似协方差矩阵。两者都是 HW × HW = {HW} × {HW} 的表，说的都是 token i 与 token j 有多大关系。"
        "这里把 A 与进入模块的同一批 token 的协方差、相关系数放在一起：token 是变量，{C} 个通道是样本。",
    ),
    "block": BLOCK,
    "head": HEAD,
    "mean": MEAN,
    "title": Text("Weights, covariance and correlation side by side", "权重、协方差与相关系数并排"),
    "tokens": Text("The picture", "图片"),
    "tokens_note": Text("{rows} × {columns} tokens of the token grid", "特征网格的 {rows} × {columns} 个 token"),
    "weights": Text("Weights A", "权重 A"),
    "weights_note": Text("row i: what token i reads", "第 i 行：token i 所读的"),
    "covariance": Text("Covariance", "协方差"),
    "covariance_note": Text("of tokens i and j over the channels", "token i 与 j 在各通道上的协方差"),
    "correlation": Text("Correlation", "相关系数"),
    "correlation_note": Text("the same, each token brought to variance 1", "同上，每个 token 的方差化为 1"),
    "value": Text("at the pair", "这一对"),
    "check": Text("A checklist, measured here", "逐项检查（就在这里测量）"),
    "property": Text("property", "性质"),
    "symmetric": Text("symmetric?", "对称吗？"),
    "rows": Text("do rows sum to 1?", "行和为 1 吗？"),
    "columns": Text("do columns sum to 1?", "列和为 1 吗？"),
    "negative": Text("negative entries?", "有负数吗？"),
    "turning": Text("complex eigenvalues?", "有复特征值吗？"),
    "largest": Text("largest |eigenvalue|", "最大的 |特征值|"),
    "yes": Text("yes", "是"),
    "no": Text("no", "否"),
    "some": Text("yes: {share}", "有：{share}"),
    "none": Text("none", "没有"),
    "asymmetry": Text("no: |M − Mᵀ| up to {share} of the largest entry", "否：|M − Mᵀ| 最大为最大元素的 {share}"),
    "sums": Text("no: {low} … {high}", "否：{low} … {high}"),
    "verdict": Text(
        "A covariance matrix is symmetric with eigenvalues on the real axis from 0 up. A is none of this as a rule: query and key have weights of "
        "their own, so i may read j while j ignores i. What A does have, rows that sum to 1 and nothing negative, makes it the "
        "transition matrix of a Markov chain.",
        "协方差矩阵是对称的，特征值都在实轴上，不小于 0。A 一般都不是这样：查询和键各有自己的权重，所以 i 可以读 j，而 j 不理会 i。"
        "A 所具有的是行和为 1、没有负数，这使它成为马尔可夫链的转移矩阵。",
    ),
    "eigenvalues": Text("Eigenvalues in the complex plane", "复平面上的特征值"),
    "real": Text("real part", "实部"),
    "imaginary": Text("imaginary part", "虚部"),
    "all_of_them": Text("all", "全部"),
    "near": Text("without A's largest", "除去 A 最大的"),
    "circle": Text("|λ| = 1", "|λ| = 1"),
    "plane_note": Text(
        "A's all lie within the circle |λ| = 1, because rows sum to 1; one of them is 1. Those off the real axis come in pairs, above and "
        "below. Correlation's, divided by HW to fit in, lie on the axis.",
        "行和为 1，所以 A 的特征值都在圆 |λ| = 1 之内，其中一个是 1。不在实轴上的总是上下成对。相关系数矩阵的特征值（除以 HW 以便画下）都在实轴上。",
    ),
    "over_hw": Text("correlation, ÷ HW", "相关系数，÷ HW"),
    "walk": Text("A walk over the picture", "在图片上随机游走"),
    "walk_note": Text(
        "Stand on a token; step to token j with probability A[i, j], the weight with which i reads j; and again. From a token drawn evenly, one step leads to "
        "the mean of A's rows; in the long run the walk has the limit π = πA.",
        "站在一个 token 上，以概率 A[i, j]（i 读 j 的权重）走到 token j，如此反复。从所有 token 等可能地出发，一步之后的分布就是各行的平均；"
        "长久走下去，分布趋于极限 π = πA。",
    ),
    "walk_title": Text("The walk on the picture", "图片上的游走"),
    "first": Text("after one step", "一步之后"),
    "first_note": Text("the mean of A's rows: who is read", "A 各行的平均：谁被读"),
    "limit": Text("in the long run", "长久之后"),
    "limit_note": Text("the limit π", "极限 π"),
    "ratio": Text("limit less first step", "极限减去第一步"),
    "ratio_note": Text("who is read by those who are read", "被“被读者”所读的"),
    "steps": Text(
        "The start is {start} away from the limit (total variation); after {steps} steps it is less than {mixed}. The second eigenvalue, "
        "|λ₂| = {second}, says how fast it goes in the end: what is left shrinks to about so much with each step. The limit has {effective} effective tokens, "
        "exp(entropy), of {tokens}.",
        "起点与极限相差 {start}（全变差距离），{steps} 步之后相差不到 {mixed}。第二大的特征值 |λ₂| = {second} 说明最终有多快："
        "剩下的差距每一步大约缩小到这个倍数。极限的有效 token 数（熵取指数）是 {effective}，共 {tokens} 个。",
    ),
    "one_step": Text(
        "The start is {start} away from the limit (total variation); after {steps} step it is less than {mixed}: |λ₂| = {second}. The limit has "
        "{effective} effective tokens, exp(entropy), of {tokens}.",
        "起点与极限相差 {start}（全变差距离），{steps} 步之后已不到 {mixed}：|λ₂| = {second}。极限的有效 token 数（熵取指数）是 {effective}，共 {tokens} 个。",
    ),
    "uniform": Text(
        "The walk begins within {mixed} of its limit (total variation): here all tokens are read nearly alike.", "游走一开始与极限就相差不到 {mixed}（全变差距离）：这里每个 token 被读得几乎一样多。"
    ),
    "unsettled": Text(
        "Within {longest} steps the walk does not come within {mixed} of one limit. On show is where it stands after very many.",
        "{longest} 步之内，游走没有接近某一个极限到 {mixed} 以内。图中是走了非常多步之后的分布。",
    ),
    "running": Text("Finding the eigenvalues…", "正在计算特征值……"),
    "head_n": HEAD_N,
    "all_heads": MEAN_OF_HEADS,
}  # fmt: skip

FIGURES = {
    "tables": Text("Weights, covariance and correlation", "权重、协方差与相关系数"),
    "eigenvalues": Text("Eigenvalues in the complex plane", "复平面上的特征值"),
    "checklist": Text("The checklist", "逐项检查"),
    "walk": Text("The walk on the picture", "图片上的游走"),
    "weights": WEIGHT,
    "covariance": Text("covariance", "协方差"),
    "correlation": Text("correlation", "相关系数"),
    "units": Text("None of the three has a unit.", "三者都没有单位。"),
    "share": Text("probability (no unit)", "概率（无单位）"),
    "change": Text("difference", "差"),
    "root": Text("Colour of A grows with the square root.", "A 的颜色随平方根变化。"),
    "root_walk": Text("Colour of the probabilities grows with the square root.", "概率的颜色随平方根变化。"),
    "tokens": Text("Covariance and correlation are those of the block's tokens: tokens as variables, the {C} channels as samples.", "协方差和相关系数是模块输入的：token 是变量，{C} 个通道是样本。"),
}  # fmt: skip
