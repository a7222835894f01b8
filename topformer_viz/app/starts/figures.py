"""What can be saved of the page Initialisation, and the tables that the page shows too."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from topformer_viz.app.canvas.markup import bare
from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.starts.readings import (
    Which,
    all_readings,
    grid_of,
    head_words,
    which_words,
)
from topformer_viz.app.starts.words import FIGURES, KINDS, READOUTS, STARTS, STATISTICS, UI
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.network.model import BLOCKS
from topformer_viz.run.measures import MEAN
from topformer_viz.study.starts import HEADS, SIZE, BlockReading, kind
from topformer_viz.words.numbers import decimal, three_digits
from topformer_viz.words.text import Lang, sentences

SPANS = ("effective", "scaled", "deviation")  # readouts told from the lowest head to the highest


def figures(view: View) -> list[Offer]:
    """What can be saved of the page."""
    makers: dict[str, Callable[[View, Asked], Panel]] = {
        "matrices": partial(_side_by_side, "matrices"),
        "maps": partial(_side_by_side, "maps"),
        "numbers": _in_numbers,
        "peaked": _peaks,
    }
    return [Offer(name, FIGURES[name], partial(maker, view)) for name, maker in makers.items()]


@dataclass(frozen=True)
class _Place:
    """The page's settings as the address has them; ``block`` and ``query`` from 0."""

    block: int
    head: int
    query: int
    draw: int
    scale: str

    @classmethod
    def of(cls, view: View, asked: Asked) -> "_Place":
        query = (asked["row"] - 1) * grid_of(view.photo)[1] + asked["column"] - 1
        return cls(asked["block"] - 1, asked["head"], query, asked["draw"], asked["scale"])


def _panel(view: View, place: _Place, name: str, title: str, said: Sequence[str], **content: Any) -> Panel:
    lang, (rows, columns) = view.lang, grid_of(view.photo)
    of = PANEL["on"](
        lang, model=FIGURES["model"](lang, size=SIZE), picture=view.name, width=view.photo.width,
        height=view.photo.height, rows=rows, columns=columns,
    )  # fmt: skip
    caption = sentences(lang, [*said, of, FIGURES["drawn"](lang, draw=place.draw), FIGURES["not_evidence"](lang)])
    return Panel(name, title, FIGURES["about"](lang, size=SIZE, name=view.name), caption, **content)


def _stem(place: _Place) -> str:
    return f"block{place.block + 1}-{'mean' if place.head == MEAN else f'head{place.head}'}-draw{place.draw}"


def _side_by_side(wanted: str, view: View, asked: Asked) -> Panel:
    """Of each initialisation the matrix, or what one token reads, with stored statistics and with the image's."""
    lang, place, grid = view.lang, _Place.of(view, asked), grid_of(view.photo)
    runs = all_readings(view, place.draw)
    shape, tokens = view.photo.height / view.photo.width, grid[0] * grid[1]
    whole = Scale(0.0, 1.0, FIGURES["quantity"](lang), root=True)
    ends = ({0.5: "1", tokens - 0.5: str(tokens)},) * 2
    axes = PANEL["query"](lang, size=tokens), PANEL["key"](lang, size=tokens)
    groups = []
    for statistics, (name, _) in STATISTICS.items():
        matrices, maps = [], []
        for start, (words, _) in STARTS.items():
            matrix = runs[start, statistics][place.block].matrix(place.head)
            reads = matrix[place.query].reshape(grid)
            scales = [whole] * 2
            if place.scale == "each":
                scales = [replace(whole, high=float(values.amax())) for values in (matrix, reads)]
            title = words(lang) if start == "trained" else FIGURES["random"](lang, name=words(lang))
            matrices.append(Tile(matrix.numpy(), 1.0, scales[0], title, *axes, ends))
            maps.append(
                Tile(
                    reads.numpy(), shape, scales[1], title, under=view.subject.picture,
                    marks=(divmod(place.query, grid[1]),),
                )
            )  # fmt: skip
        groups.append(Group(tuple(matrices if wanted == "matrices" else maps), name(lang), 3))
    said = [FIGURES["unit"](lang), FIGURES["root"](lang)] + ([FIGURES["each"](lang)] if place.scale == "each" else [])
    what = FIGURES["weights" if wanted == "matrices" else "reads"](lang)
    title = FIGURES["title"](lang, block=place.block + 1, head=head_words(place.head, lang), what=what)
    stem = f"starts-{wanted}-{_stem(place)}-token{place.query + 1}{'-each' if place.scale == 'each' else ''}"
    return _panel(view, place, stem, title, said, groups=tuple(groups))


def _in_numbers(view: View, asked: Asked) -> Panel:
    """Every readout of the six runs."""
    lang, place = view.lang, _Place.of(view, asked)
    chosen = {which: blocks[place.block] for which, blocks in all_readings(view, place.draw).items()}
    title = UI["numbers"](lang, block=place.block + 1, head=head_words(place.head, lang))
    table = numbers(chosen, place.head, lang)
    return _panel(
        view, place, f"starts-numbers-{_stem(place)}", title, [bare(UI["numbers_note"](lang))], tables=(table,)
    )


def _peaks(view: View, asked: Asked) -> Panel:
    """How many tokens rows are spread over."""
    lang, place = view.lang, _Place.of(view, asked)
    table = peaks(all_readings(view, place.draw), lang)
    tokens = math.prod(grid_of(view.photo))
    said = [UI["peaked_note"](lang, blocks=BLOCKS, heads=HEADS, tokens=tokens)]
    return _panel(view, place, f"starts-peaked-draw{place.draw}", UI["peaked"](lang), said, tables=(table,))


# Tables, which the page shows too


def numbers(chosen: Mapping[Which, BlockReading], head: int, lang: Lang) -> Table:
    """Every readout of a block in the six runs, one column per initialisation."""
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


def in_short(runs: Mapping[Which, Sequence[BlockReading]], lang: Lang) -> Table:
    """The page in four lines: what all rows of the six runs are like, and what attention adds with stored statistics."""
    rows = []
    for start, (name, about) in STARTS.items():
        cells = [_kinds(runs[start, statistics], lang) for statistics in STATISTICS]
        changed = sorted(block.changed for block in runs[start, "stored"])
        adds = _span([f"{share:.1%}" for share in changed], lang) if changed[-1] else UI["exactly"](lang)
        rows.append((f"{name(lang)}\n{about(lang)}", *cells, adds))
    columns = (UI["start"](lang), *(name(lang) for name, _ in STATISTICS.values()), UI["adds"](lang))
    return Table(columns, tuple(rows))


def _kinds(blocks: Sequence[BlockReading], lang: Lang) -> str:
    """What the rows of all heads are like, and over how many tokens they spread."""
    found = {kind(block, head) for block in blocks for head in range(1, HEADS + 1)}
    words = UI["or"](lang).join(text(lang) for name, text in KINDS.items() if name in found)
    values = sorted(value for block in blocks for value in block.effective)
    return UI["rows"](lang, kinds=words, span=_span([decimal(value) for value in values], lang))


def _readout(reading: BlockReading, name: str, head: int, lang: Lang) -> str:
    value = reading.of(name, head)
    if name == "favourites" and kind(reading, head) == "uniform":
        return "–"  # where all are read equally, rounding picks the largest
    if value == 0:
        return UI["exactly"](lang)
    if name in ("effective", "scaled"):
        return decimal(value)
    return f"{value:.1%}" if name == "changed" else three_digits(value)


def _spans(blocks: Sequence[BlockReading], lang: Lang) -> list[str]:
    """The lowest and the highest head's number, of each of SPANS."""
    cells = []
    for name in SPANS:
        form = three_digits if name == "deviation" else decimal
        values = [value for block in blocks for value in getattr(block, name)]
        cells.append(_span([form(value) for value in sorted(values)], lang))
    return cells


def _span(ordered: Sequence[str], lang: Lang) -> str:
    """From the first to the last of numbers in order."""
    low, high = ordered[0], ordered[-1]
    return low if low == high else UI["span"](lang, low=low, high=high)
