"""What can be saved of the page about the three starts, and the tables that the page shows too."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from topformer_viz.app.frame.address import one_of
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.starts.readings import (
    Which,
    all_readings,
    grid_of,
    head_words,
    which_words,
)
from topformer_viz.app.starts.words import FIGURES, READOUTS, STARTS, STATISTICS, UI
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.network.model import BLOCKS
from topformer_viz.study.starts import DRAWS, HEADS, MEAN, SIZE, BlockReading, kind
from topformer_viz.words.numbers import decimal, three_digits
from topformer_viz.words.text import Lang, sentences

SPANS = ("effective", "scaled", "spread")  # readouts told from the lowest head to the highest


def figures(view: View) -> list[Offer]:
    """What can be saved of the page."""
    makers: dict[str, Callable[[View, Mapping[str, str]], Panel]] = {
        "matrices": partial(_side_by_side, "matrices"),
        "maps": partial(_side_by_side, "maps"),
        "numbers": _in_numbers,
        "peaked": _peaks,
    }
    return [Offer(name, FIGURES[name], partial(maker, view)) for name, maker in makers.items()]


@dataclass(frozen=True)
class _Asked:
    """The page's settings as the address has them; ``block`` and ``query`` from 0."""

    block: int
    head: int
    query: int
    draw: int
    scale: str

    @classmethod
    def of(cls, view: View, asked: Mapping[str, str]) -> "_Asked":
        row, column = (
            one_of(asked, name, range(1, side + 1), side // 2 + 1)
            for name, side in zip(("row", "column"), grid_of(view.photo), strict=True)
        )
        return cls(
            one_of(asked, "block", range(1, BLOCKS + 1), 1) - 1,
            MEAN if asked.get("head") == "mean" else one_of(asked, "head", range(1, HEADS + 1), 1),
            (row - 1) * grid_of(view.photo)[1] + column - 1,
            one_of(asked, "draw", range(1, DRAWS + 1), 1),
            one_of(asked, "scale", ("whole", "each"), "whole"),
        )


def _panel(view: View, asked: _Asked, name: str, title: str, said: Sequence[str], **content: Any) -> Panel:
    lang, (rows, columns) = view.lang, grid_of(view.photo)
    of = PANEL["on"](
        lang, model=FIGURES["model"](lang, size=SIZE), picture=view.name, width=view.photo.width,
        height=view.photo.height, rows=rows, columns=columns,
    )  # fmt: skip
    caption = sentences(lang, [*said, of, FIGURES["drawn"](lang, draw=asked.draw), FIGURES["chance"](lang)])
    return Panel(name, title, FIGURES["about"](lang, size=SIZE, name=view.name), caption, **content)


def _stem(asked: _Asked) -> str:
    return f"block{asked.block + 1}-{'mean' if asked.head == MEAN else f'head{asked.head}'}-draw{asked.draw}"


def _side_by_side(wanted: str, view: View, parameters: Mapping[str, str]) -> Panel:
    """Of each start the matrix, or what one token reads, with stored statistics and with the picture's own."""
    lang, asked, grid = view.lang, _Asked.of(view, parameters), grid_of(view.photo)
    runs = all_readings(view, asked.draw)
    shape, tokens = view.photo.height / view.photo.width, grid[0] * grid[1]
    whole = Scale(0.0, 1.0, FIGURES["quantity"](lang), root=True)
    ends = ({0.5: "1", tokens - 0.5: str(tokens)},) * 2
    axes = PANEL["query"](lang, size=tokens), PANEL["key"](lang, size=tokens)
    groups = []
    for statistics, (name, _) in STATISTICS.items():
        matrices, maps = [], []
        for start, (words, _) in STARTS.items():
            matrix = runs[start, statistics][asked.block].matrix(asked.head)
            reads = matrix[asked.query].reshape(grid)
            scales = [whole] * 2
            if asked.scale == "each":
                scales = [replace(whole, high=float(values.amax())) for values in (matrix, reads)]
            title = words(lang) if start == "trained" else FIGURES["random"](lang, name=words(lang))
            matrices.append(Tile(matrix.numpy(), 1.0, scales[0], title, *axes, ends))
            maps.append(
                Tile(
                    reads.numpy(), shape, scales[1], title, under=view.subject.picture,
                    marks=(divmod(asked.query, grid[1]),),
                )
            )  # fmt: skip
        groups.append(Group(tuple(matrices if wanted == "matrices" else maps), name(lang), 3))
    said = [FIGURES["unit"](lang), FIGURES["root"](lang)] + ([FIGURES["each"](lang)] if asked.scale == "each" else [])
    what = FIGURES["weights" if wanted == "matrices" else "reads"](lang)
    title = FIGURES["title"](lang, block=asked.block + 1, head=head_words(asked.head, lang), what=what)
    stem = f"starts-{wanted}-{_stem(asked)}-token{asked.query + 1}{'-each' if asked.scale == 'each' else ''}"
    return _panel(view, asked, stem, title, said, groups=tuple(groups))


def _in_numbers(view: View, parameters: Mapping[str, str]) -> Panel:
    """Every readout of the six runs."""
    lang, asked = view.lang, _Asked.of(view, parameters)
    chosen = {which: blocks[asked.block] for which, blocks in all_readings(view, asked.draw).items()}
    title = UI["numbers"](lang, block=asked.block + 1, head=head_words(asked.head, lang))
    table = numbers(chosen, asked.head, lang)
    return _panel(view, asked, f"starts-numbers-{_stem(asked)}", title, [UI["numbers_note"](lang)], tables=(table,))


def _peaks(view: View, parameters: Mapping[str, str]) -> Panel:
    """How many tokens rows are spread over."""
    lang, asked = view.lang, _Asked.of(view, parameters)
    table = peaks(all_readings(view, asked.draw), lang)
    tokens = math.prod(grid_of(view.photo))
    said = [UI["peaked_note"](lang, blocks=BLOCKS, heads=HEADS, tokens=tokens)]
    return _panel(view, asked, f"starts-peaked-draw{asked.draw}", UI["peaked"](lang), said, tables=(table,))


# Tables, which the page shows too


def numbers(chosen: Mapping[Which, BlockReading], head: int, lang: Lang) -> Table:
    """Every readout of a block in the six runs, a column a start."""
    tokens = chosen["built", "stored"].weights.shape[-1]
    rows = [
        (label(lang, tokens=tokens), *(_readout(chosen[start, statistics], name, head, lang) for start in STARTS))
        for statistics in STATISTICS
        for name, label in READOUTS.items()
    ]
    parts = {n * len(READOUTS): name(lang) for n, (name, _) in enumerate(STATISTICS.values())}
    columns = (UI["start"](lang), *(name(lang) for name, _ in STARTS.values()))
    return Table(columns, tuple(rows), parts=parts)


def peaks(runs: Mapping[Which, Sequence[BlockReading]], lang: Lang) -> Table:
    """How many tokens rows are spread over, from the lowest to the highest head of each network."""
    tokens = runs["built", "stored"][0].weights.shape[-1]
    columns = (UI["network"](lang), *(READOUTS[name](lang, tokens=tokens) for name in SPANS))
    rows = tuple((which_words(which, lang), *_spans(blocks, lang)) for which, blocks in runs.items())
    return Table(columns, rows)


def _readout(reading: BlockReading, name: str, head: int, lang: Lang) -> str:
    value = reading.of(name, head)
    if name == "favourites" and kind(reading, head) == "uniform":
        return "–"  # where all are read alike, rounding picks the favourite
    if value == 0:
        return UI["exactly"](lang)
    if name in ("effective", "scaled"):
        return decimal(value)
    return f"{value:.1%}" if name == "changed" else three_digits(value)


def _spans(blocks: Sequence[BlockReading], lang: Lang) -> list[str]:
    """The lowest and the highest head's number, of each of SPANS."""
    cells = []
    for name in SPANS:
        form = three_digits if name == "spread" else decimal
        values = [value for block in blocks for value in getattr(block, name)]
        low, high = form(min(values)), form(max(values))
        cells.append(low if low == high else UI["span"](lang, low=low, high=high))
    return cells
