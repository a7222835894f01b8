"""What the lab's part on covariance says, on the page and in its figures."""

from topformer_viz.words.names import BLOCK, HEAD, HEAD_N, MEAN, MEAN_OF_HEADS, WEIGHT
from topformer_viz.words.text import Text

UI = {
    "intro": Text(
        "A head's matrix of attention weights, A, is often compared to a covariance matrix. In general it is not one, as the checklist below shows. Both are tables of HW × HW = {HW} × {HW} that say "
        "how much token i has to do with token j. Here A is compared with the covariance and the correlation of the tokens that entered the "
        "block: tokens as variables, the {C} channels as samples.",
        "一个头的注意力权重矩阵 A，常被说成类似协方差矩阵。一般说来它并不是，见下面的逐项检查。两者都是 HW × HW = {HW} × {HW} 的表，说的都是 token i 与 token j 有多大关系。"
        "这里把 A 与进入这个块的 token 的协方差、相关系数作比较：token 是变量，{C} 个通道是样本。",
    ),
    "block": BLOCK,
    "head": HEAD,
    "mean": MEAN,
    "title": Text("Attention weights, covariance and correlation side by side", "注意力权重、协方差与相关系数并排"),
    "tokens": Text("The image", "图片"),
    "tokens_note": Text("{rows} × {columns} tokens of the token grid", "token 网格的 {rows} × {columns} 个 token"),
    "weights": Text("Attention weights A", "注意力权重 A"),
    "weights_note": Text("row i: what token i reads", "第 i 行：token i 所读的"),
    "covariance": Text("Covariance", "协方差"),
    "covariance_note": Text("of tokens i and j over the channels", "token i 与 j 在各通道上的协方差"),
    "correlation": Text("Correlation", "相关系数"),
    "correlation_note": Text("covariance after each token is brought to variance 1", "每个 token 的方差化为 1 之后的协方差"),
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
        "A covariance matrix is symmetric, and its eigenvalues are real and not negative. The matrix A has neither property in general: query and "
        "key have parameters of their own, so i may read j while j ignores i. What A does have are rows that sum to 1 and no negative entry, "
        "which make it the transition matrix of a Markov chain.",
        "协方差矩阵是对称的，特征值都是不小于 0 的实数。矩阵 A 一般两条都不满足：查询和键各有自己的参数，所以 i 可以读 j，而 j 不理会 i。"
        "A 具有的是行和为 1、没有负元素，这使它成为马尔可夫链的转移矩阵。",
    ),
    "eigenvalues": Text("Eigenvalues in the complex plane", "复平面上的特征值"),
    "real": Text("real part", "实部"),
    "imaginary": Text("imaginary part", "虚部"),
    "all_of_them": Text("all", "全部"),
    "near": Text("without A's largest", "除去 A 最大的那个"),
    "circle": Text("|λ| = 1", "|λ| = 1"),
    "plane_note": Text(
        "No entry of A is negative and each row sums to 1, so every eigenvalue of A lies within or on the circle |λ| = 1, and one is exactly 1. "
        "Complex ones come in conjugate pairs, because the entries are real. The correlation's, divided by HW to fit in, lie on the real axis.",
        "A 没有负元素，每行之和为 1，所以 A 的特征值都在圆 |λ| = 1 之内或圆上，其中一个恰好是 1。元素都是实数，所以复特征值以共轭成对出现。"
        "相关系数矩阵的特征值（除以 HW 以便画下）都在实轴上。",
    ),
    "over_hw": Text("correlation, ÷ HW", "相关系数，÷ HW"),
    "walk": Text("A walk over the image", "在图片上随机游走"),
    "walk_note": Text(
        "Start on a token i, step to token j with probability A[i, j], the attention weight with which i reads j, and repeat. From a token drawn "
        "uniformly, the distribution after one step is the mean of A's rows. The walk never ends, but its distribution settles on a limit, π = πA.",
        "从 token i 出发，以概率 A[i, j]（i 读 j 的注意力权重）走到 token j，如此反复。如果起点是均匀随机的，一步之后的分布就是 A 各行的平均。"
        "游走不会结束，但它的分布会稳定到极限 π = πA。",
    ),
    "walk_title": Text("The walk on the image", "图片上的游走"),
    "first": Text("after one step", "一步之后"),
    "first_note": Text("the mean of A's rows: who is read", "A 各行的平均：谁被读"),
    "limit": Text("in the long run", "长久之后"),
    "limit_note": Text("the limit π", "极限 π"),
    "ratio": Text("limit minus first step", "极限减去第一步"),
    "ratio_note": Text("above 0: read by tokens that are themselves much read", "大于 0：读它的 token 自己也常被读"),
    "steps": Text(
        "The start is {start} away from the limit (total variation: half the sum of the absolute differences); after {steps} steps less than "
        "{mixed} is left. The second largest eigenvalue, |λ₂| = {second}, decides how fast it converges in the end: each step multiplies what is "
        "left by about that much. The limit has {effective} effective tokens, exp(entropy), of {tokens}.",
        "起点与极限相差 {start}（全变差距离：各差的绝对值之和的一半），{steps} 步之后相差不到 {mixed}。第二大的特征值 |λ₂| = {second} 决定最终收敛的快慢："
        "每一步把剩下的差距大约乘以这个数。极限的有效 token 数（熵取指数）是 {effective}，共 {tokens} 个。",
    ),
    "one_step": Text(
        "The start is {start} away from the limit (total variation: half the sum of the absolute differences); after {steps} step less than {mixed} "
        "is left: |λ₂| = {second}. The limit has "
        "{effective} effective tokens, exp(entropy), of {tokens}.",
        "起点与极限相差 {start}（全变差距离：各差的绝对值之和的一半），{steps} 步之后已不到 {mixed}：|λ₂| = {second}。极限的有效 token 数（熵取指数）是 {effective}，共 {tokens} 个。",
    ),
    "uniform": Text(
        "The walk begins within {mixed} of its limit (total variation): here all tokens are read almost equally.", "游走一开始与极限就相差不到 {mixed}（全变差距离）：这里每个 token 被读得几乎一样多。"
    ),
    "unsettled": Text(
        "Within {longest} steps the walk does not come within {mixed} of one limit. Shown is its distribution after very many.",
        "{longest} 步之内，游走没有接近某一个极限到 {mixed} 以内。图中是走了非常多步之后的分布。",
    ),
    "running": Text("Finding the eigenvalues…", "正在计算特征值……"),
    "head_n": HEAD_N,
    "all_heads": MEAN_OF_HEADS,
}  # fmt: skip

FIGURES = {
    "tables": Text("Attention weights, covariance and correlation", "注意力权重、协方差与相关系数"),
    "eigenvalues": Text("Eigenvalues in the complex plane", "复平面上的特征值"),
    "checklist": Text("The checklist", "逐项检查"),
    "walk": Text("The walk on the image", "图片上的游走"),
    "weights": WEIGHT,
    "covariance": Text("covariance", "协方差"),
    "correlation": Text("correlation", "相关系数"),
    "units": Text("None of the three has a unit.", "三者都没有单位。"),
    "share": Text("probability (no unit)", "概率（无单位）"),
    "change": Text("difference", "差"),
    "root": Text("Colour of A grows with the square root.", "A 的颜色随平方根变化。"),
    "root_walk": Text("Colour of the probabilities grows with the square root.", "概率的颜色随平方根变化。"),
    "tokens": Text("Covariance and correlation are those of the block's tokens: tokens as variables, the {C} channels as samples.", "协方差和相关系数取自进入这个块的 token：token 是变量，{C} 个通道是样本。"),
}  # fmt: skip
