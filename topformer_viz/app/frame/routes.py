"""The plans of docs/teaching as routes through the app: what a class learns, and the stops with their minutes.

An address carries a route by its minutes and a stop from 1: ``?route=20&stop=3``. The plans have more to say of each
stop; tests/test_teaching.py holds both together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from topformer_viz.words.text import Lang, Text


@dataclass(frozen=True)
class Place:
    """A view of the app: its page, and what the address says there; the language comes with the reader."""

    title: Text
    page: str
    asked: Mapping[str, str]


@dataclass(frozen=True)
class Stop:
    """What is on screen from one minute to another, and what to say there; without places the view of the stop before stays."""

    start: int
    end: int
    places: tuple[Place, ...]
    say: Text


@dataclass(frozen=True)
class Route:
    """``goals``: what students can do afterwards."""

    title: Text
    goals: tuple[Text, ...]
    stops: tuple[Stop, ...]

    @property
    def minutes(self) -> int:
        return self.stops[-1].end

    def address(self, stop: int, place: int, lang: Lang, chosen: Mapping[str, str]) -> str:
        """The address of a place of a stop, both from 1, relative to any page; ``chosen``: the reader's image and model."""
        at = next(n for n in range(stop, 0, -1) if self.stops[n - 1].places)
        found = self.stops[at - 1].places[place - 1]
        asked = {**chosen, **found.asked, "lang": lang, "route": str(self.minutes), "stop": str(stop)}
        return f"{found.page}?{urlencode(asked)}"


def _at(title: Text, page: str, **asked: object) -> Place:
    return Place(title, page, {name.replace("_", "-"): str(value) for name, value in asked.items()})


BASICS = _at(Text("The sums on a test card", "测试卡上的计算"), "lab", part="basics", question="colour")
IMAGE = _at(Text("The image", "图片"), "lesson", stage="image", block=1)
HAND = _at(Text("By hand", "手算"), "lab", part="by-hand", seed=7)
SCORES = _at(Text("Scores", "得分"), "lesson", stage="scores", block=3, head=1)
ROW = _at(Text("A row", "一行"), "explorer", block=3, head=1, query=53, lock=1)
COLUMN = _at(Text("A column", "一列"), "explorer", block=3, head=1, query=15, lock=1, mode="column")
SHUFFLED = _at(Text("The tokens shuffled", "打乱 token"), "lab", part="what-if", block=3, tokens="shuffled")
MIXED = _at(Text("Per-head outputs", "每个头的输出"), "lesson", stage="mixed", block=3)
PRESENTING = _at(
    Text("Questions, on a black screen (B)", "提问，黑屏（按 B）"), "lesson", stage="image", block=1, present=1
)

ROUTES: dict[str, Route] = {
    "20": Route(
        Text("20 minutes: who reads whom", "20 分钟：谁读谁"),
        (
            Text("say in a sentence each what query, key and value of a token are", "各用一句话说出 token 的查询、键、值是什么"),
            Text("give the shape of the scores for an image of a given size, and say which axis asks", "给定图片大小，说出得分的形状，并指出哪个轴是提问的"),
            Text("tell a row of the attention weights from a column, and say which of them sums to 1", "分清注意力权重的行和列，说出哪一个的和是 1"),
            Text("predict what attention does when the tokens are shuffled", "预测打乱 token 之后注意力会怎样"),
        ),
        (
            Stop(0, 4, (BASICS,), Text(
                "A token asks, all answer, it takes a mean. “Which tokens will the red one read?” Then brightness: same token, other question.",
                "一个 token 提问，所有 token 回应，它取加权平均。“红色的 token 会读哪些 token？”再换成明度：还是它，问题变了。")),
            Stop(4, 7, (IMAGE,), Text(
                "Not the image pixels, the tokens of the grid. “How many entries has a table of who reads whom?”",
                "不是图像像素，而是网格上的 token。“写明谁读谁的表，有多少个元素？”")),
            Stop(7, 11, (
                _at(Text("Query, → key, → value", "查询，→ 键，→ 值"), "lesson", stage="query", block=3, head=1),
                _at(Text("Scores with a question", "带问题的得分"), "lesson", stage="scores", block=3, head=1, quiz=1),
            ), Text(
                "For each token: what it asks, what it answers to, what it hands over. Query times key gives a score for each pair.",
                "每个 token 有三样：问什么，回应什么，交出什么。查询乘以键，每一对 token 得到一个得分。")),
            Stop(11, 13, (ROW,), Text(
                "A token on the road. “What does it read?” Guess, then look. A row sums to 1.",
                "路面上的一个 token。“它读谁？”先猜再看。一行之和是 1。")),
            Stop(13, 15, (COLUMN,), Text(
                "The token that was read. “Who else reads it? Does it read them back?” A column need not sum to 1.",
                "刚才被读的那个 token。“还有谁读它？它也读他们吗？”一列之和不一定是 1。")),
            Stop(15, 18, (SHUFFLED,), Text(
                "Before opening it: “I shuffle the tokens and put the result back. What changes?” Vote: nothing, a little, everything.",
                "打开之前先问：“把 token 打乱，算完再放回原位，什么会变？”表决：不变、变一点、全变。")),
            Stop(18, 20, (PRESENTING,), Text("The plan's three questions, on a slip of paper.", "教案里的三个问题，写在小纸条上。")),
        ),
    ),
    "45": Route(
        Text("45 minutes: the module once, from end to end", "45 分钟：把注意力模块从头走到尾"),
        (
            Text("write down the shapes from `tokens` to `residual`", "写出从 `tokens` 到 `residual` 的形状"),
            Text("compute a row of scores and attention weights with a pencil", "用铅笔算出一行得分和注意力权重"),
            Text("say why there is a permute after the reshape, and what happens without", "说出 reshape 之后为什么要 permute，省去会怎样"),
            Text("say what dividing by √key_dim does, and that TopFormer does not do it", "说出除以 √key_dim 起什么作用，并知道 TopFormer 没有这样做"),
            Text("say in which part of a block position comes in", "说出位置信息从块的哪一部分进来"),
        ),
        (
            Stop(0, 4, (BASICS,), Text(
                "q times k gives a, a times v gives the result. “Which tokens will the red one read?”",
                "q 乘 k 得到 a，a 乘 v 得到结果。“红色的 token 会读哪些 token？”")),
            Stop(4, 8, (IMAGE, _at(Text("The map that enters", "输入的特征图"), "lesson", stage="tokens", block=1)), Text(
                "Four levels, averaged down to one grid and stacked. “Add up 16 + 32 + 64 + 96.”",
                "四个层级都平均到同一个网格，再拼起来。“16 + 32 + 64 + 96 是多少？”")),
            Stop(8, 15, (_at(Text("Query, → key, → value", "查询，→ 键，→ 值"), "lesson", stage="query", block=1, quiz=1),), Text(
                "Reshape, permute; the key lies transposed already. “Why is d twice key_dim?” Predict each shape first.",
                "先 reshape，再 permute；键本来就是转置好的。“d 为什么是 key_dim 的两倍？”每个形状先猜。")),
            Stop(15, 23, (HAND,), Text(
                "On paper, head 0, token 4: its query, all six keys, its row of scores. Click the entries when most are done.",
                "在纸上算头 0 的 token 4：它的查询、六个键、一行得分。多数人做完后再点开核对。")),
            Stop(23, 29, (SCORES, ROW, COLUMN), Text(
                "“Which sums to 1?” The token that so many read hardly reads itself. Not symmetric, so no covariance matrix.",
                "“哪一个的和是 1？”那么多 token 都在读它，它却几乎不读自己。不对称，所以不是协方差矩阵。")),
            Stop(29, 33, (
                _at(Text("Divide by √key_dim", "除以 √key_dim"), "lab", part="what-if", block=4, head=1, scaled="true"),
            ), Text(
                "“Scores four times smaller. Do rows get flatter or more peaked?” Vote, then read the numbers.",
                "“得分缩小到四分之一，各行变分散还是变集中？”表决，再读数。")),
            Stop(33, 38, (MIXED,), Text(
                "Attention weights times value; permute and reshape back; ReLU6 before the projection; added to what came in.",
                "注意力权重乘以值；permute，再 reshape 回去；ReLU6 在投影之前；最后加到输入上。")),
            Stop(38, 42, (SHUFFLED,), Text(
                "“What changes when I shuffle and put back?” Attention: rounding. Output: yes, the MLP's 3×3.",
                "“打乱，算完再归位，什么会变？”注意力只差舍入误差；输出变了，因为 MLP 有 3×3 卷积。")),
            Stop(42, 45, (PRESENTING,), Text("The plan's four questions, on paper.", "教案里的四个问题，写在纸上。")),
        ),
    ),
    "90": Route(
        Text("90 minutes: the module, a pencil and the lab", "90 分钟：注意力模块、铅笔和实验室"),
        (
            Text("do what the route of 45 minutes promises", "做到 45 分钟路线的全部目标"),
            Text("test a claim about attention: say what they expect, change one thing, read numbers off", "用实验检验一个关于注意力的说法：先写预期，只改一处，再读数"),
            Text("say what a covariance matrix and a matrix of attention weights have in common and what not", "说出协方差矩阵和注意力权重矩阵哪些相同、哪些不同"),
            Text("say from which size of image attention costs more than its projections", "说出图片多大时，注意力的计算开销才超过投影"),
            Text("tell what a trained network shows from what a random one shows as well", "分清哪些是训练得到的，哪些随机网络也有"),
        ),
        (
            Stop(0, 5, (BASICS,), Text(
                "q times k gives a, a times v gives the result. Let two of them choose tokens.",
                "q 乘 k 得到 a，a 乘 v 得到结果。请两位同学来选 token。")),
            Stop(5, 9, (_at(Text("The whole network", "整个网络"), "network", part="tokens"),), Text(
                "Where the module is: pyramid, pooled grid, four blocks, back into the pyramid.",
                "注意力模块在哪里：金字塔，池化后的网格，四个块，再注入回金字塔。")),
            Stop(9, 20, (_at(Text("The map that enters", "输入的特征图"), "lesson", stage="tokens", block=1, quiz=1),), Text(
                "Shapes, permute, why the key needs none, why the value is wider. A show of hands, then the reveal.",
                "形状，permute，键为什么不需要，值为什么更宽。先举手，再揭晓。")),
            Stop(20, 42, (HAND,), Text(
                "Page 1: query, key, value of head 0; then scores on page 2. At 38 compare by clicking.",
                "第 1 页：头 0 的查询、键、值；再做第 2 页的得分。第 38 分钟起点开核对。")),
            Stop(42, 50, (SCORES, ROW, COLUMN), Text(
                "The same as on paper, with many more tokens. Rows, columns, what sums to 1.",
                "和纸上一样，只是 token 多得多。行、列，什么的和是 1。")),
            Stop(50, 56, (MIXED,), Text(
                "Back to the grid; ReLU6 before the projection; residual; the MLP's 3×3 is where neighbours come in.",
                "回到网格；ReLU6 在投影之前；残差；邻居是从 MLP 的 3×3 卷积进来的。")),
            Stop(56, 59, (_at(Text("Initialisation", "初始化"), "starts", block=1),), Text(
                "“Which column is evidence of anything learned?” Only the trained one.",
                "“哪一列能说明学到了什么？”只有已训练的那一列。")),
            Stop(59, 71, (_at(Text("The lab", "实验室"), "lab", part="what-if", block=3),), Text(
                "Four groups. First write down what you expect, then change one thing, then read off.",
                "分四个组。先写下预期，再改一处，再读数。")),
            Stop(71, 83, (), Text(
                "Three minutes each: what did you expect, what did you see, why?",
                "每组三分钟：预期是什么，看到了什么，为什么？")),
            Stop(83, 90, (PRESENTING,), Text("The plan's five questions; homework.", "教案里的五个问题；布置作业。")),
        ),
    ),
}  # fmt: skip
MOST_STOPS = max(len(route.stops) for route in ROUTES.values())
