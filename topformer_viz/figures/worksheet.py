"""The example as a worksheet of two A4 pages with blanks, and the same pages solved: PDF.

Places and lengths are in millimetres from the page's top left corner, font sizes in points.
"""

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from topformer_viz.figures.drawing import drawing, font
from topformer_viz.run.stages import STAGES
from topformer_viz.study.by_hand import ASKED, LARGEST, Example, four, power, written
from topformer_viz.words.text import Lang, Text

WIDTH, HEIGHT, MARGIN = 210, 297, 15
MM = 1 / 25.4  # inches

INK, QUIET, SOLVED, GIVEN, LINE = "#1d1c22", "#5c5b63", "#1f4fa3", "#efede8", "#8b8a92"

UI = {
    "title": Text("TopFormer's attention by hand", "手算 TopFormer 的注意力"),
    "solutions": Text("TopFormer's attention by hand: solutions", "手算 TopFormer 的注意力：答案"),
    "name": Text("Name", "姓名"),
    "date": Text("Date", "日期"),
    "sizes": Text(
        "{H} × {W} tokens, C = {C}, heads = {heads} (h), key_dim = {key_dim}, d = {d}, nh_kd = {nh_kd}, dh = {dh}. Indices from 0. The numbers are random.",
        "{H} × {W} 个 token，C = {C}，heads = {heads}（h），key_dim = {key_dim}，d = {d}，nh_kd = {nh_kd}，dh = {dh}。下标从 0 开始。数都是随机的。",
    ),
    "how": Text(
        "Grey boxes are given, white ones are yours. BatchNorm (BN) changes nothing here: it is the identity.",
        "灰格是已知数，白格由你来填。BatchNorm（BN）在这里是恒等映射，什么也不改变。",
    ),
    "solved": Text(
        "Grey boxes are given, blue numbers are the solutions. BatchNorm (BN) changes nothing here: it is the identity.",
        "灰格是已知数，蓝色的数是答案。BatchNorm（BN）在这里是恒等映射，什么也不改变。",
    ),
    "given": Text("Given", "已知"),
    "channel": Text("tokens, channel {n}", "tokens，通道 {n}"),
    "token": Text("the tokens' numbers", "token 的编号"),
    "powers": Text("powers of e", "e 的幂"),
    "sum": Text("sum", "总和"),
    "foot": Text(
        "TopFormer's attention, stage by stage · sheet no. {seed} · page {page} of {pages}",
        "TopFormer 的注意力，逐步讲解 · 题号 {seed} · 第 {page} 页，共 {pages} 页",
    ),
    "o": Text("P_o: one row for each channel of the result", "P_o：结果的每个通道对应一行"),
    "head": Text("{name}, rows of head 0", "{name}，头 0 的行"),
}
STEPS = {
    "query": Text(
        "Head 0: row c of P_q times the {C} channels of token i, added up.", "头 0：P_q 的第 c 行与 token i 的 {C} 个通道逐个相乘，再相加。"
    ),
    "key": Text(
        "The same with P_k, but transposed: each column is a token.", "换成 P_k，做法相同，只是转置过来：每一列是一个 token。"
    ),
    "value": Text(
        "Head 0: row f of P_v times the channels of token j. Only tokens {tokens} are left for you.",
        "头 0：P_v 的第 f 行与 token j 的各通道相乘再相加。只需计算 token {tokens}。",
    ),
    "scores": Text(
        "From here on only for tokens i = {tokens}: the query of i times the key of j, added up. No division by √key_dim.",
        "从这里起只算 token i = {tokens}：i 的查询与 j 的键逐个相乘，再相加。不除以 √key_dim。",
    ),
    "weights": Text(
        "Look up e to each score, add up the row, divide each by the sum: three decimals. From here on last digits may differ.",
        "先查表得到以得分为指数的 e 的幂，并求出一行的总和；再把每个幂除以总和，保留三位小数。从这里起末位可能略有不同。",
    ),
    "mixed": Text(
        "Each attention weight times feature f of that token's value, added up: two decimals.",
        "这一行的每个注意力权重乘以对应 token 的值的第 f 个特征，再相加，保留两位小数。",
    ),
    "merged": Text("Both heads side by side. Head 1 is done for you.", "把两个头并排放好。头 1 已经替你算好。"),
    "activated": Text("Below 0 becomes 0, above 6 becomes 6.", "小于 0 的变成 0，大于 6 的变成 6。"),
    "projected": Text("A row of P_o times a row of activated, added up.", "P_o 的一行与 activated 的一行逐个相乘，再相加。"),
    "residual": Text("Add the token's own row of tokens, channel by channel.", "逐通道加上这个 token 在 tokens 里原来的数。"),
}  # fmt: skip
# Formulas that lead to a step: a map and the reshape are one step on paper.
FORMULAS = {step: (f"{step}_map", step) if step in ("query", "key", "value") else (step,) for step in STEPS}


@dataclass(frozen=True)
class Table:
    """Boxes from (x, y) on; ``blank(row, column)`` says which are left for the student."""

    x: float
    y: float
    title: str
    numbers: Sequence[Sequence[str]]
    blank: Callable[[int, int], bool] = lambda row, column: False
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    corner: str = ""
    width: float = 14
    height: float = 7


@dataclass
class Page:
    """One A4 page that is being drawn."""

    solved: bool
    figure: Figure = field(default_factory=lambda: Figure(figsize=(WIDTH * MM, HEIGHT * MM)))
    axes: Axes = field(init=False)

    def __post_init__(self) -> None:
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        self.axes.set_axis_off()

    def text(self, x: float, y: float, text: str, size: float = 9, colour: str = INK, align: str = "left") -> None:
        # Not "center", so that numbers of a row share a baseline.
        self.axes.text(x, y, text, color=colour, ha=align, va="baseline", fontproperties=font(text, size))

    def line(self, x: float, y: float, width: float) -> None:
        self.axes.add_line(Line2D([x, x + width], [y, y], color=LINE, linewidth=0.6))

    def table(self, table: Table) -> None:
        t = table
        self.text(t.x, t.y - (5.2 if t.columns else 1.5), t.title, 8, QUIET)
        self.text(t.x - 1.8, t.y - 1.5, t.corner, 7, QUIET, "right")
        for c, label in enumerate(t.columns):
            self.text(t.x + (c + 0.5) * t.width, t.y - 1.5, label, 7, QUIET, "center")
        for r, row in enumerate(t.numbers):
            baseline = t.y + (r + 0.5) * t.height + 1.15
            if t.rows:
                self.text(t.x - 1.8, baseline, t.rows[r], 7, QUIET, "right")
            for c, number in enumerate(row):
                x, y, blank = t.x + c * t.width, t.y + r * t.height, t.blank(r, c)
                colour = "white" if blank else GIVEN
                self.axes.add_patch(
                    Rectangle((x, y), t.width, t.height, facecolor=colour, edgecolor=LINE, linewidth=0.6)
                )
                if self.solved or not blank:
                    self.text(x + t.width / 2, baseline, number, 9, SOLVED if blank else INK, "center")

    def step(self, y: float, name: str, words: str, lang: Lang, x: float = MARGIN, below: bool = False) -> None:
        """A step's heading, its instruction, and its formulas: at the right margin, or ``below``."""
        number = list(STEPS).index(name) + 1
        formulas = ";   ".join(mathtext(STAGES[stage].formula) for stage in FORMULAS[name])
        self.text(x, y, f"{number}  {STAGES[name].title(lang)}", 11)
        self.text(x, y + 5, words, 8.5)
        if below:
            self.text(x, y + 10, formulas, 8, QUIET)
        else:
            self.text(WIDTH - MARGIN, y, formulas, 8, QUIET, "right")


def mathtext(formula: str) -> str:
    """A stage's formula with its ``_{...}`` as matplotlib's subscripts."""
    return re.sub(
        r"_\{([^{}]*)\}",
        lambda match: f"$_{{\\mathrm{{{match[1].replace(' ', '~').replace('_', chr(92) + '_')}}}}}$",
        formula,
    )


def pages(example: Example, lang: Lang, solved: bool) -> list[Figure]:
    """The sheet's pages: with blanks, or with the numbers in them where ``solved``."""
    with drawing():
        made = [_first(example, lang, solved), _second(example, lang, solved)]
        for n, page in enumerate(made, 1):
            foot = UI["foot"](lang, seed=example.seed, page=n, pages=len(made))
            page.text(WIDTH / 2, HEIGHT - 9, foot, 7.5, QUIET, "center")
    return [page.figure for page in made]


def worksheet(example: Example, lang: Lang, solved: bool) -> bytes:
    """The same as a PDF, its text as text; the same bytes whenever it is made and whatever matplotlib's settings are."""
    out = io.BytesIO()
    title = UI["solutions" if solved else "title"](lang)
    with drawing(), PdfPages(out, metadata={"Title": title, "CreationDate": None}) as pdf:
        for figure in pages(example, lang, solved):
            pdf.savefig(figure)
    return out.getvalue()


def _numbers(example: Example, name: str, *first: int) -> list[list[str]]:
    """A tensor's numbers as rows, at ``first`` along its first axes."""
    rows, columns = example.tensor(name).shape[-2:]
    return [[example.number(name, (*first, r, c)) for c in range(columns)] for r in range(rows)]


def _tokens(example: Example, name: str) -> list[list[str]]:
    """A feature map's numbers at the asked tokens: one row per token, one column per channel."""
    W, channels = example.run.sizes["W"], len(example.tensor(name))
    return [[example.number(name, (c, *divmod(i, W))) for c in range(channels)] for i in ASKED]


def _counted(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def _every(row: int, column: int) -> bool:
    return True


def _asked(example: Example, name: str, lang: Lang) -> str:
    """A step's instruction."""
    tokens = (" and " if lang == "en" else "、").join(map(str, ASKED))
    return STEPS[name](lang, tokens=tokens, **example.run.sizes)


def _first(example: Example, lang: Lang, solved: bool) -> Page:
    """What is given, then query, key and value of head 0."""
    page, sizes = Page(solved), example.run.sizes
    HW, C, W, key_dim, d = (sizes[axis] for axis in ("HW", "C", "W", "key_dim", "d"))
    page.text(MARGIN, 20, UI["solutions" if solved else "title"](lang), 14)
    for start, width, word in () if solved else ((118, 42, "name"), (173, 22, "date")):
        page.text(start - 1.5, 20, UI[word](lang), 8.5, QUIET, "right")
        page.line(start, 20.5, width)
    page.text(MARGIN, 28, UI["sizes"](lang, **sizes), 8.5)
    page.text(MARGIN, 33, UI["solved" if solved else "how"](lang), 8.5)

    page.text(MARGIN, 43, UI["given"](lang), 11)
    given = partial(Table, width=8, height=6.5)
    for n in range(C):
        channel = _numbers(example, "tokens", n)
        page.table(given(MARGIN + 44 * n, 50.5, UI["channel"](lang, n=n), channel))
    ids = [[str(row * W + column) for column in range(W)] for row in range(sizes["H"])]
    page.table(given(MARGIN + 44 * C, 50.5, UI["token"](lang), ids))
    for n, (name, size) in enumerate((("P_q", key_dim), ("P_k", key_dim), ("P_v", d))):
        rows, title = _numbers(example, name)[:size], UI["head"](lang, name=name)
        page.table(given(MARGIN + 4 + 44 * n, 76, title, rows, rows=_counted(size), columns=_counted(C)))

    tokens, x = _counted(HW), MARGIN + 6
    for y, name in ((112, "query"), (179, "key"), (218, "value")):
        page.step(y, name, _asked(example, name, lang), lang)
    query, key, value = (_numbers(example, name, 0) for name in ("query", "key", "value"))
    page.table(Table(x, 127, "query", query, _every, tokens, _counted(key_dim), "i \\ c"))
    page.table(Table(x, 194, "key", key, _every, _counted(key_dim), tokens, "c \\ j"))
    page.table(Table(x, 233, "value", value, lambda row, column: row in ASKED, tokens, _counted(d), "j \\ f"))
    return page


def _second(example: Example, lang: Lang, solved: bool) -> Page:
    """From the scores to the residual, for the asked tokens; head 1's mixed values are given."""
    page, sizes = Page(solved), example.run.sizes
    C, HW, d, dh = (sizes[axis] for axis in ("C", "HW", "d", "dh"))
    tokens, others, channels, x = list(map(str, ASKED)), _counted(HW), _counted(dh), MARGIN + 6

    def rows(name: str) -> list[list[str]]:
        return [_numbers(example, name, 0)[i] for i in ASKED]

    for y, name in ((40, "scores"), (77, "weights"), (114, "mixed"), (151, "merged"), (187, "activated")):
        page.step(y, name, _asked(example, name, lang), lang)
    largest = LARGEST["scores"]
    scores = range(-largest, largest + 1)
    powers = [[written(score, 0) for score in scores], [power(score) for score in scores]]
    page.table(Table(x, 18, UI["powers"](lang), powers, rows=("s", "$e^s$"), width=18, height=6))
    page.table(Table(x, 54, "scores", rows("scores"), _every, tokens, others, "i \\ j"))

    exps = [[math.exp(score) for score in example.tensor("scores")[0, i].tolist()] for i in ASKED]
    sums = [[*map(four, row), four(sum(row))] for row in exps]
    page.table(Table(x, 91, "$e^{scores}$", sums, _every, tokens, [*others, UI["sum"](lang)], "i \\ j"))
    page.table(Table(127, 91, "weights", rows("weights"), _every, tokens, others, "i \\ j", 11.25))
    page.table(Table(x, 128, "mixed", rows("mixed"), _every, tokens, _counted(d), "i \\ f", 15))

    merged, activated = _tokens(example, "merged"), _tokens(example, "activated")
    page.table(Table(x, 165, "merged", merged, lambda row, column: column < d, tokens, channels, "i", 15))
    page.table(Table(x, 201, "activated", activated, _every, tokens, channels, "i", 15))
    matrix = _numbers(example, "P_o")
    page.table(Table(x, 225.5, UI["o"](lang), matrix, rows=_counted(C), columns=channels, width=15, height=6))
    for left, name in ((MARGIN, "projected"), (WIDTH / 2, "residual")):
        page.step(252, name, _asked(example, name, lang), lang, left, below=True)
        page.table(Table(left + 6, 269, "", _tokens(example, name), _every, tokens, _counted(C), "i", 15, 6))
    return page
