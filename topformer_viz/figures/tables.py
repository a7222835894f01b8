"""Tables: rows under their columns, with bars beside the numbers."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from topformer_viz.figures.look import LEAST_TYPE
from topformer_viz.figures.panel import Table
from topformer_viz.figures.paper import Box, Field, Paper, heading, space, stacked, words
from topformer_viz.figures.typeset import longest, wrapped

BAR = "#4a90c4"  # 3 : 1 on the light and on the dark paper


class Columns(NamedTuple):
    """How much of the width columns take with what follows them, how wide their words are, the length of the longest bar,
    where the last column ends, and the size of the type: that of running type, ``line`` high, times ``share``, or less where
    words would not fit."""

    taken: list[float]
    widths: list[float]
    bar: float
    right: float
    size: float
    line: float
    share: float

    def places(self, x: float) -> list[float]:
        """Where each column begins, the first one at ``x``."""
        return list(accumulate(self.taken[:-1], initial=x))

    def high(self, lines: int) -> float:
        """The height of so many lines of words."""
        return lines * 1.3 * self.line * self.size / 0.9 / self.share


def table(content: Table, paper: Paper, room: float, share: float) -> Box:
    """A table over the room in type of ``share`` of its size. Where it is too wide, words are wrapped and type gets smaller;
    what still has no room follows as a table of the further columns. Many columns of words are told in a column, row by row."""
    if content.words and len(content.columns) > 3 and paper.look.width == "column":
        return _told(content, paper, room)
    fitting = _fitting(content, paper, room)
    if fitting < len(content.columns):
        first, rest = _part(content, range(1, fitting)), _part(content, range(fitting, len(content.columns)))
        return stacked(table(first, paper, room, share), table(replace(rest, title=""), paper, room, share))
    columns = _columns(content, paper, room, share)
    line, theme = columns.line, paper.theme

    def rule(colour: str, width: float) -> Box:
        return Box(paint=lambda x, y: paper.strokes((x, x + columns.right), (y, y), colour, width))

    names = _row(content.columns, content, columns, paper, "bold", foot=True)
    parts = [heading(content.title, paper, room), names, space(0.25 * line), rule(theme.ink, 0.9)]
    for n, row in enumerate(content.rows):
        if n in content.parts:
            said = wrapped(content.parts[n], columns.size * paper.type, columns.right, "bold")
            colour = paper.axis_colour("heads")
            parts += [
                space(0.5 * line),
                words(said, paper, columns.size, colour, "bold", first=line, step=1.35 * line),
            ]
        is_sum = n in content.sums
        parts += [
            space(0.25 * line),
            _bars(content.bars[n] if content.bars else (), columns, paper),
            _row(row, content, columns, paper, "bold" if is_sum else "normal"),
            space(0.25 * line),
            rule(theme.ink if is_sum else theme.line, 0.5),
        ]
    return stacked(*parts, space(0.9 * line))


def _told(content: Table, paper: Paper, room: float) -> Box:
    """A table of words as running text: under each row's name what every column has to say."""
    line, points = paper.line, paper.points(0.9)
    step = 1.3 * points / 72
    parts = [heading(content.title, paper, room)]
    for n, (name, *cells) in enumerate(content.rows):
        if n in content.parts:
            said = wrapped(content.parts[n], points, room, "bold")
            parts += [
                space(0.4 * line),
                words(said, paper, 0.9, paper.axis_colour("heads"), "bold", first=line, step=step),
            ]
        told = " · ".join(f"{column} – {cell}" for column, cell in zip(content.columns[1:], cells, strict=True))
        parts += [
            space(0.25 * line),
            words(wrapped(name, points, room, "bold"), paper, 0.9, weight="bold", first=line, step=step),
            words(wrapped(told, points, room), paper, 0.9, first=line, step=step),
        ]
    return stacked(*parts, space(0.9 * line))


def _fitting(content: Table, paper: Paper, room: float) -> int:
    """How many columns have room in the smallest type, two at least."""
    points, line = LEAST_TYPE, LEAST_TYPE / 0.9 / 72
    taken = 0.0
    for c in range(len(content.columns)):
        bar = 4.5 * line if c and any(row[c - 1] is not None for row in content.bars) else 0.0
        taken += (1.3 * line if c else 0.0) + _wide(content, c, points, False) + bar
        if taken > room and c > 1:
            return c
    return len(content.columns)


def _part(content: Table, which: Sequence[int]) -> Table:
    """The first column and those numbered."""
    columns, rows = ([tuple(row[c] for c in (0, *which)) for row in part] for part in ([content.columns], content.rows))
    bars = tuple(tuple(row[c - 1] for c in which) for row in content.bars)
    return replace(content, columns=columns[0], rows=tuple(rows), bars=bars)


def _columns(table: Table, paper: Paper, room: float, share: float) -> Columns:
    points = max(0.9 * share * paper.type, LEAST_TYPE)
    size, line, count = points / paper.type, points / 0.9 / 72, len(table.columns)
    share, gap = size / 0.9, 1.3 * line
    has_bar = [False, *(any(row[c] is not None for row in table.bars) for c in range(count - 1))]
    broad, least = ([_wide(table, c, points, whole) for c in range(count)] for whole in (True, False))
    left = room - gap * (count - 1) - (4 * line + 0.5 * line) * sum(has_bar)
    widths = broad
    if sum(least) > left:  # not even the longest words fit: smaller type
        size = points * (left / sum(least)) / paper.type
        widths = [width * left / sum(least) for width in least]
    elif sum(broad) > left:
        give = max(0.0, min(1.0, (left - sum(least)) / max(1e-9, sum(broad) - sum(least))))
        widths = [a + (b - a) * give for a, b in zip(least, broad, strict=True)]
    spare = room - sum(widths) - gap * (count - 1)
    bar = min(12 * line, spare / sum(has_bar) - 0.5 * line) if any(has_bar) else 0.0
    taken = [
        width + (bar + 0.5 * line if with_bar else 0.0) + gap for width, with_bar in zip(widths, has_bar, strict=True)
    ]
    return Columns(taken, widths, bar, sum(taken) - gap, size, line, share)


def _wide(table: Table, c: int, points: float, whole: bool) -> float:
    """Width of column c: of its longest line or, not ``whole``, its longest word; numbers stay on one line."""
    weight = "bold" if c == 0 and table.sums else "normal"
    numbers = c > 0 and not table.words
    cells = [longest(row[c], points, weight, whole or (numbers and len(row[c]) < 20)) for row in table.rows]
    found = 1.01 * max(*cells, longest(table.columns[c], points, "bold", whole))
    # Chinese can be broken anywhere, which a few characters a line should not be.
    return found if whole else max(found, min(_wide(table, c, points, True), (4 if c else 7) * points / 72))


def _row(cells: Sequence[str], table: Table, columns: Columns, paper: Paper, weight: str, foot: bool = False) -> Box:
    """Numbers stand on one line with their row's end, headings (``foot``) on that of their rule."""
    size, step = columns.size, columns.high(1)
    parts = [
        wrapped(cell, size * paper.type, width + 0.01, weight)
        for cell, width in zip(cells, columns.widths, strict=True)
    ]
    high = columns.high(max(1, *map(len, parts)))

    def paint(x: float, y: float) -> None:
        for c, (lines, place, width) in enumerate(zip(parts, columns.places(x), columns.widths, strict=True)):
            top = y + (high - step * len(lines) if foot else 0.0)
            left = c == 0 or table.words
            for n, said in enumerate(lines):
                baseline = top + (n + 0.78) * step
                if left:
                    paper.text(place, baseline, said, size, weight=weight)
                else:
                    paper.text(place + width, baseline, said, size, align="right", weight=weight)

    return Box((high,), paint)


def _bars(shares: Sequence[float | None], columns: Columns, paper: Paper) -> Box:
    """A row's bars, after the numbers of all columns but the first; the row itself gives the room."""
    line = columns.line

    def paint(x: float, y: float) -> None:
        places = columns.places(x)
        for c, share in enumerate(shares, 1):
            if share is not None:
                left = places[c] + columns.widths[c] + 0.5 * line
                paper.frame(Field(left, y + 0.25 * line, columns.bar * share, 0.75 * line), BAR, 0.0, BAR)

    return Box(paint=paint)
