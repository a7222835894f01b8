"""The lab's part on other attentions as figures: the weights of the four, and what differs, in words and numbers."""

import re
from dataclasses import replace

from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.relatives.words import APART, COSTS, DESIGN, FIGURES, MEASURED, SEES, SIZES, UI
from topformer_viz.figures.attention import tokens_name
from topformer_viz.figures.panel import Group, Panel, Table, Tile
from topformer_viz.figures.scales import ROUNDING, shares
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import numbers, ticks_of
from topformer_viz.network.relatives import LevitAttention, VitAttention, multiply_adds, parameters, unbiased
from topformer_viz.run.measures import effective_tokens
from topformer_viz.study.relatives import Relative, equivariance, relatives
from topformer_viz.words.numbers import decimal, three_digits, times
from topformer_viz.words.text import Lang, sentences

UNBIASED = "levit with biases 0"


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [
        Offer("weights", FIGURES["weights"], lambda asked: weights(view, asked["block"] - 1, asked["token"] - 1)),
        Offer("numbers", FIGURES["numbers"], lambda asked: summary(view, asked["block"] - 1)),
    ]


def middle(view: View) -> int:
    """The token in the middle of the image, from 0."""
    rows, columns = view.subject.grid
    return (rows // 2) * columns + columns // 2


Found = tuple[tuple[Relative, ...], dict[str, float]]


def found(view: View, block: int) -> Found:
    """The four on the tokens of a block (from 0), and by slug how much each notices when the tokens are shuffled.

    Of what they computed the attention weights are kept, which are all that is shown.
    """

    def make() -> Found:
        found = relatives(view.model, view.run, block)
        modules = {relative.slug: relative.module for relative in found}
        for module in list(modules.values()):
            if isinstance(module, LevitAttention):
                modules[UNBIASED] = unbiased(module)
        tokens = found[0].run["tokens"]
        weights = (replace(one.run, tensors={"weights": one.run["weights"]}) for one in found)
        four = tuple(replace(one, run=run) for one, run in zip(found, weights, strict=True))
        return four, {slug: equivariance(module, tokens) for slug, module in modules.items()}

    return view.keep((*view.key, "relatives", block), make)


def weights(view: View, block: int, token: int) -> Panel:
    """Each one's matrix, the mean of its heads, and what one token reads in it; both from 0."""
    lang, subject, n = view.lang, view.subject, view.run.sizes["HW"]
    ticks, shape = ticks_of(subject, "HW"), view.photo.height / view.photo.width
    axes = PANEL["query"](lang, size=n), PANEL["key"](lang, size=n)
    matrices, rows = [], []
    for relative in found(view, block)[0]:
        mean = relative.run["weights"][0].mean(0).cpu()
        random = isinstance(relative.module, VitAttention)
        name = FIGURES["random"](lang, name=relative.name(lang)) if random else relative.name(lang)
        scale = shares(mean, quantity=FIGURES["quantity"](lang))
        matrices.append(Tile(numbers(mean), 1.0, scale, name, *axes, (ticks, ticks)))
        row, place = numbers(mean[token].reshape(subject.grid)), divmod(token, subject.grid[1])
        rows.append(Tile(row, shape, scale, name, under=subject.picture, marks=(place,)))
    groups = (
        Group(tuple(matrices), FIGURES["matrices"](lang)),
        Group(tuple(rows), FIGURES["rows"](lang, token=tokens_name(subject, [token]))),
    )
    said = [PANEL["matrix"](lang), FIGURES["unit"](lang), FIGURES["root"](lang), FIGURES["random_note"](lang)]
    return Panel(
        f"block{block + 1}-relatives-token{token + 1}", FIGURES["title"](lang), subject.short(block),
        subject.caption(said, block), groups=groups,
    )  # fmt: skip


def summary(view: View, block: int) -> Panel:
    """What differs, in words and numbers."""
    lang, table = view.lang, summary_table(view, block)
    rows = tuple(
        tuple(re.sub("`|\n", lambda mark: " " * (mark[0] == "\n"), cell) for cell in row) for row in table.rows
    )
    said = [UI["counted"](lang).replace("`", ""), FIGURES["random_note"](lang)]
    return Panel(
        f"block{block + 1}-relatives-numbers", table.title, view.subject.short(block),
        view.subject.caption(said, block), tables=(replace(table, title="", rows=rows),),
    )  # fmt: skip


def summary_table(view: View, block: int) -> Table:
    """One column per relative, one row per property, with `code` and, below a line break, notes."""
    lang, (four, noticed) = view.lang, found(view, block)
    sizes = four[0].run.sizes
    roots = [f"{relative.run.sizes['key_dim'] ** 0.5:.3g}" for relative in four]
    design = [
        (label(lang), *(word(lang, root=root) for word, root in zip(words, roots, strict=True)))
        for label, words in DESIGN.items()
    ]
    design[3:3] = [(label(lang), *(_size(relative, axis, lang) for relative in four)) for axis, label in SIZES.items()]
    measured = [
        (label(lang, **sizes), *(_measured(relative, name, noticed, lang) for relative in four))
        for name, label in MEASURED.items()
    ]
    parts = {0: UI["design"](lang), len(design): UI["measured"](lang)}
    columns = UI["attention"](lang), *(relative.name(lang) for relative in four)
    title = UI["table"](lang, block=block + 1, **sizes)
    return Table(columns, (*design, *measured), title, parts=parts, words=True)


def in_short(view: View, block: int) -> list[str]:
    """What sets each of the others apart from TopFormer's, in a line: in words, in order's trace and in cost."""
    lang, ((own, *others), noticed) = view.lang, found(view, block)
    HW = own.run.sizes["HW"]

    def line(relative: Relative) -> str:
        ratio = multiply_adds(relative.module, HW) / multiply_adds(own.module, HW)
        sees = SEES[noticed[relative.slug] >= ROUNDING](lang)
        return sentences(lang, [APART[relative.slug](lang), sees, COSTS(lang, ratio=times(ratio))])

    return [line(relative) for relative in others]


def differing(table: Table) -> set[tuple[int, int]]:
    """Row and column of the summary's cells, in the rows of design, that are not as in TopFormer's column."""
    design = list(table.parts)[1]
    return {
        (n, c)
        for n, (_, own, *others) in enumerate(table.rows[:design])
        for c, cell in enumerate(others, 2)
        if cell.split("\n")[0] != own
    }


def _size(relative: Relative, axis: str, lang: Lang) -> str:
    """A size, for the heads with a note on it."""
    note = relative.heads_note if axis == "heads" else None
    return str(relative.run.sizes[axis]) + (f"\n{note(lang)}" if note else "")


def _measured(relative: Relative, name: str, noticed: dict[str, float], lang: Lang) -> str:
    """What was measured of a relative, with a note to it or without."""
    if name == "weights":
        return relative.weights(lang)
    if name == "parameters":
        return f"{parameters(relative.module):,}"
    if name == "multiply_adds":
        return f"{multiply_adds(relative.module, relative.run.sizes['HW']):,}"
    if name == "effective":
        return decimal(float(effective_tokens(relative.run["weights"]).mean()))
    said = _noticed(noticed[relative.slug], lang)
    if isinstance(relative.module, LevitAttention):
        said += "\n" + UI["with_0"](lang, value=_noticed(noticed[UNBIASED], lang))
    return said


def _noticed(value: float, lang: Lang) -> str:
    return UI["rounding" if value < ROUNDING else "visible"](lang, value=three_digits(value) if value else "0")
