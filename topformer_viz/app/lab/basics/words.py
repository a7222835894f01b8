"""What the lab's part on the basics says, on the page and in its figure."""

from topformer_viz.words.text import Text

START = 21  # a red token of the card asks first

UI = {
    "intro": Text(
        "The sums of the front page, small enough to follow: a test card of {rows} × {columns} = {tokens} tokens, and a model designed by hand "
        "whose queries and keys compare what one can see.",
        "首页上的计算，小到可以逐项跟着看：一张 {rows} × {columns} = {tokens} 个 token 的测试卡，和一个手工设定的模型，它的查询和键比较的正是看得见的东西。",
    ),
    "steps": Text(
        "1. **q · k is the score.** The query q of one token is multiplied with the key k of every token, number by number, and summed. Here q and k are "
        "chosen so that the sum is minus a squared distance, −|difference|²: 0 is the largest it can be, a perfect match, and the more two tokens differ, "
        "the further it falls below 0.\n"
        "2. **softmax makes weights a.** None is negative, and together they sum to 1.\n"
        "3. **a × v is the result.** The token takes from every value v as much as a says: a weighted mean of what it reads.",
        "1. **q · k 是得分**。一个 token 的查询 q 与每个 token 的键 k 逐个相乘再相加。这里的 q 和 k 特意设定成让这个和等于负的平方距离 −|差|²："
        "0 是可能的最大值，表示完全相符；两个 token 差别越大，得分比 0 低得越多。\n"
        "2. **softmax 得到权重 a**。没有负数，合计为 1。\n"
        "3. **a × v 是结果**。这个 token 按 a 的比例从每个值 v 中各取一份：所读内容的加权平均。",
    ),
    "try": Text(
        "Point at a token of the card to let it ask; click to keep it. Nothing here was learned: tokens read those like them. "
        "A value holds its token's colour, so the result can be seen as a colour. The image and the model chosen above play no part here.",
        "指向测试卡上的一个 token，让它提问；点击可以固定它。这里没有任何东西是学来的：token 读与自己相似的 token。"
        "值里存着 token 的颜色，所以结果可以当作颜色来看。上面选择的图片和模型在这里不起作用。",
    ),
    "question": Text("They compare", "比较的是"),
    "title": Text("The sums on a test card", "测试卡上的计算"),
    "card": Text("Who asks", "谁在问"),
    "card_note": Text("the solid frame; the dashed one is asked", "实线框；虚线框是被问的"),
    "scores": Text("q · k", "q · k"),
    "scores_note": Text("minus a squared distance, so 0 is the largest: a perfect match", "负的平方距离，所以 0 最大，表示完全相符"),
    "weights": Text("a = softmax(q · k)", "a = softmax(q · k)"),
    "weights_note": Text("its weight on every token; they sum to 1", "它对每个 token 的权重，合计为 1"),
    "sum": Text("a × v", "a × v"),
    "sum_note": Text("the tokens it reads most, with v's colour", "它读得最多的 token，以及 v 的颜色"),
    "result": Text("The result", "结果"),
    "result_note": Text("of every token, as a colour", "每个 token 的结果，显示为颜色"),
    "asked": Text("of the token asked", "被问的 token 的"),
    "more": Text(
        "TopFormer does the same in several heads at once, each with a q, k and v of its own, and its projections to q, k and v are learned. The lesson "
        "shows every stage of it on your image; “By hand” lets you do the sums yourself.",
        "TopFormer 在几个头里同时做同样的事，每个头有自己的 q、k、v，得到 q、k、v 的投影是学来的。“逐步讲解”在你的图片上展示每一步；“手算”让你自己算一遍。",
    ),
}  # fmt: skip

FIGURES = {
    "pictures": Text("From q and k to the result", "从 q 和 k 到结果"),
    "about": Text("Colour, designed by hand · they compare {question} · the test card", "颜色（手工设定）· 比较的是{question} · 测试卡"),
    "model": Text("The colour model, designed by hand", "手工设定的颜色模型"),
    "score": Text("score q · k (no unit)", "得分 q · k（无单位）"),
    "weight": Text("attention weight a (share, no unit)", "注意力权重 a（份额，无单位）"),
    "root": Text("Colour of the weights grows with the square root.", "权重的颜色随平方根变化。"),
    "result": Text("The result of every token, as a colour: the mean of the colours it reads, by its weights.", "每个 token 的结果显示为颜色：它所读颜色按权重的平均。"),
}  # fmt: skip
