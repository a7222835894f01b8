"""What the front door says."""

from topformer_viz.words.names import BLOCK, HEAD, NOT_EVIDENCE
from topformer_viz.words.text import Text

UI = {
    "title": Text("Attention in two minutes", "两分钟看懂注意力"),
    "cut": Text(
        "The image is cut into a grid of {n} small pieces; each piece is called a token.",
        "图片被切成网格，共 {n} 小块，每一小块叫作一个 token。",
    ),
    "gather": Text(
        "A neural network that is to say what an image shows gathers, for each token, information from all tokens, more from some "
        "than from others: that is attention.",
        "神经网络要说出图片里有什么，就要为每个 token 从所有 token 那里收集信息，从有的多取一些，从有的少取一些：这就是注意力。",
    ),
    "point": Text(
        "Point at a token, and the colours show where its attention goes; click to keep it.",
        "把鼠标指向一个 token，颜色就显示它的注意力去了哪里；点击可以固定它。",
    ),
    "tap": Text(
        "Tap a token, and the colours show where its attention goes.", "轻触一个 token，颜色就显示它的注意力去了哪里。"
    ),
    "photo_label": Text(
        "The image as a grid of tokens, and what the chosen one reads. Arrow keys move to another token; 1 to 9 choose a head.",
        "切成 token 网格的图片，以及所选 token 读到的内容。方向键移到另一个 token；1 到 9 选择头。",
    ),
    # What the colours say, in words.
    "in_head": Text("In head {n}", "在头 {n} 里"),
    "in_question": Text("In head {n}, which asks for {question}", "在头 {n}（问的是{question}）里"),
    "place": Text("row {r}, column {c}", "第 {r} 行第 {c} 列"),
    "most": Text(
        "{where}, this token ({from}) gives {share} of its attention to the token in {to} (dashed frame), more than to any other.",
        "{where}，这个 token（{from}）把 {share} 的注意力分给了{to}的 token（虚线框），比给其他任何 token 的都多。",
    ),
    "itself": Text(
        "{where}, this token ({from}) gives {share} of its attention to itself, more than to any other.",
        "{where}，这个 token（{from}）把 {share} 的注意力留给了自己，比给其他任何 token 的都多。",
    ),
    "even": Text(
        "{where}, this token ({from}) gives every token the same share of its attention: {even}.",
        "{where}，这个 token（{from}）给每个 token 的注意力一样多：{even}。",
    ),
    "compare": Text("Shared evenly, each would get {even}.", "如果平均分，每个 token 得到 {even}。"),
    "legend": Text("of its attention; by the square root, so that small shares show", "占它的注意力；颜色按平方根，小份额也看得见"),
    "up_to": Text("up to {share}", "最多 {share}"),
    "block": BLOCK,
    "heads": HEAD,
    "random": NOT_EVIDENCE,
    "few": Text(
        "This network tells {classes} classes apart, and gives every image pixel one of them, whatever is there.",
        "这个网络只区分 {classes} 个类别，不管图片里是什么，每个图像像素都会得到其中一类。",
    ),
    # The three ways on, and one deeper.
    "ways": Text("Ways on", "接下来"),
    "start": Text("Start the lesson", "开始逐步讲解"),
    "explore": Text("Explore", "自由探索"),
    "own": Text("I have a picture", "用我的图片"),
    "deeper": Text("In the lesson", "逐步讲解"),
    "deeper_label": Text("{word}: more in the lesson", "{word}：在逐步讲解里看更多"),
    # Under the five words.
    "asks": Text("of this token (solid frame)", "这个 token（实线框）的查询"),
    "asked": Text("of the token it reads most (dashed frame)", "它读得最多的 token（虚线框）的键"),
    "own_asked": Text("of the token it reads most: itself", "它读得最多的 token 的键，这里就是它自己"),
    "score": Text("score", "得分"),
    "rank": Text("the highest of its {n}", "是它的 {n} 个得分中最高的"),
    "others": Text("{n} others", "其余 {n} 个"),
    "one_other": Text("1 other", "其余 1 个"),
    "row_label": Text(
        "The row of weights as {n} bars, token by token; the longest stands for {share}.",
        "这一行权重画成 {n} 条，每个 token 一条；最长的一条是 {share}。",
    ),
    "numbers": Text("{count} numbers from {low} to {high}", "{count} 个数，从 {low} 到 {high}"),
    "taken": Text(
        "of the token it reads most: {share} of that, plus its shares of all the others, gives the bars below",
        "它读得最多的 token 的值：取其中 {share}，再加上从其余各个 token 取的份额，合起来是下面这些数",
    ),
    "result": Text("what this token receives: the mixture", "这个 token 得到的混合"),
}  # fmt: skip

# The five words, in the order in which attention uses them: what each is called, and what it is.
WORDS = {
    "query": (Text("Query", "查询"), Text("What this token is looking for, written as {dim} numbers.", "这个 token 在找什么，写成 {dim} 个数。")),
    "key": (Text("Key", "键"), Text(
        "What each token holds out to be matched with a query, as {dim} numbers too: multiply the two number by number and add up, and "
        "you have a score. The higher, the better they match.",
        "每个 token 供查询来匹配的内容，也是 {dim} 个数：与查询逐个相乘再相加，就是得分。得分越高，越匹配。")),
    "row": (Text("Row of weights", "一行权重"), Text(
        "This token's {n} scores, turned into {n} attention weights, shares that sum to 100% (by [[softmax]]): the colours on the image, "
        "and one row of a table with a row for each token.",
        "这个 token 的 {n} 个得分，经 [[softmax]] 变成 {n} 个注意力权重，合计 100%：就是图上的颜色，也是一张表里的一行，每个 token 占一行。")),
    "value": (Text("Value", "值"), Text(
        "What each token hands over when it is read, as {d} numbers: this token takes its share of every one.",
        "每个 token 被读取时交出的内容，是 {d} 个数：这个 token 从每个值里取走相应的份额。")),
    "head": (Text("Head", "头"), Text(
        "The network reads {heads} times at once. Each of these heads has queries, keys and values of its own, and so looks for something "
        "else. Choose one:",
        "网络同时读 {heads} 遍。每一遍叫一个头，各有自己的查询、键和值，所以找的东西也不同。选一个：")),
}  # fmt: skip
ONE_HEAD = Text(
    "One set of queries, keys and values. This model has a single one.", "一套查询、键和值。这个模型只有一个头。"
)

FIGURES = {"reads": Text("What this token reads, in every head", "这个 token 在各头里读什么")}
