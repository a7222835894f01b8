"""What the lab's part on the basics says, on the page and in its figure."""

from topformer_viz.words.text import Text

UI = {
    "intro": Text(
        "Attention in two minutes. The picture is cut into squares, here {rows} × {columns} = {tokens} of them. Each square makes three short lists of "
        "numbers out of what it sees: a query **q**, what it asks; a key **k**, what it answers to; a value **v**, what it hands over.",
        "两分钟看懂注意力。图片被切成方格，这里是 {rows} × {columns} = {tokens} 个。每个方格根据自己看到的内容生成三小串数字："
        "查询 **q**，它要问什么；键 **k**，它能回应什么；值 **v**，它交出什么。",
    ),
    "steps": Text(
        "1. **q times k.** One square asks: its q is multiplied with the k of every square, number by number, and summed. A high score means that "
        "the answer fits the question.\n"
        "2. **That gives a.** Softmax turns the scores into weights a: none is negative, and together they make 1.\n"
        "3. **a times v gives the result.** The square takes from every v as much as a says. The result is a weighted mean of what it read.",
        "1. **q 乘 k**。一个方格提问：它的 q 与每个方格的 k 逐个相乘再求和，得到得分。得分高，说明回应与提问相符。\n"
        "2. **得到 a**。softmax 把得分变成权重 a：没有负数，加起来是 1。\n"
        "3. **a 乘 v，得到结果**。这个方格按 a 的比例从每个 v 中各取一份。结果就是它所读内容的加权平均。",
    ),
    "try": Text(
        "Point at a square of the card to let it ask; click to keep it. The model is made by hand, not learned: squares ask for what "
        "is like them. Its value holds the square's colour, so the result can be seen as a colour. The picture and the model chosen above play no part here.",
        "指向测试卡的一个方格，让它提问；点一下把它固定住。这个模型是手工设定的，不是学来的：每个方格寻找与自己相似的方格。"
        "它的值里存着方格的颜色，所以结果可以当作颜色来看。上面选择的图片和模型在这里不起作用。",
    ),
    "question": Text("They ask for", "问的是"),
    "title": Text("From q and k to a, from a and v to the result", "从 q 和 k 到 a，从 a 和 v 到结果"),
    "card": Text("Who asks", "谁在问"),
    "card_note": Text("the solid frame; the dashed one is asked", "实线框；虚线框是被问的"),
    "scores": Text("q · k", "q · k"),
    "scores_note": Text("its score with every square; 0 is the best match", "它与每个方格的得分，0 表示最相符"),
    "weights": Text("a = softmax(q · k)", "a = softmax(q · k)"),
    "weights_note": Text("its weight on every square; all make 1", "它对每个方格的权重，合计为 1"),
    "sum": Text("a × v", "a × v"),
    "sum_note": Text("what it reads most, with v's colour", "它读得最多的方格，以及 v 的颜色"),
    "result": Text("The result", "结果"),
    "result_note": Text("of every square, as a colour", "每个方格的结果，显示为颜色"),
    "asked": Text("of the square asked", "被问的方格"),
    "more": Text(
        "That is all of it. TopFormer does this with several heads at once, each with a q, k and v of its own, and makes q, k and v with "
        "weights that were learned. The lesson shows every step of it on your picture; “By hand” lets you do the sums yourself.",
        "全部内容就是这些。TopFormer 让几个头同时这样做，每个头有自己的 q、k、v，而生成 q、k、v 的权重是学来的。"
        "课程会在你的图片上展示每一步；“手算”让你自己算一遍。",
    ),
}  # fmt: skip

FIGURES = {
    "pictures": Text("From q and k to the result", "从 q 和 k 到结果"),
    "about": Text("Colour, made by hand · they ask for {question} · the test card", "颜色（手工设定）· 问的是{question} · 测试卡"),
    "model": Text("The colour model, made by hand", "手工设定的颜色模型"),
    "score": Text("score q · k (no unit)", "得分 q · k（无单位）"),
    "weight": Text("weight a (share, no unit)", "权重 a（份额，无单位）"),
    "root": Text("Colour of the weights grows with the square root.", "权重的颜色随平方根变化。"),
    "result": Text("The result of every square, as a colour: the mean of the colours it reads, by its weights.", "每个方格的结果显示为颜色：它所读颜色按权重的平均。"),
}  # fmt: skip
