"""Charts: series of points and lines in a frame, over an axis across and one or two up."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator

from topformer_viz.figures.legends import legend, strung
from topformer_viz.figures.panel import Axis, Chart
from topformer_viz.figures.paper import Box, Field, Paper, abreast, space, stacked, words
from topformer_viz.figures.typeset import measured, wrapped
from topformer_viz.words.numbers import on_scale

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SIZE = 0.8  # of the ticks' labels


def charts(every: Sequence[Chart], paper: Paper, room: float, share: float, across: int) -> Box:
    """Charts side by side over ``share`` of the room, ``across`` in a line."""
    line, many = paper.line, min(across, len(every))
    gap = 1.5 * line
    w = (room * share - (many - 1) * gap) / many
    start = room * (1 - share) / 2
    rows = []
    for first in range(0, len(every), many):
        row = every[first : first + many]
        heads = [_head(chart, paper, w) for chart in row]
        high = max(head.height for head in heads)  # their frames begin and end at the same height
        both = [
            stacked(replace(head, steps=(high,)), _chart(chart, paper, w))
            for head, chart in zip(heads, row, strict=True)
        ]
        rows += [abreast(both, w + gap, start), space(0.8 * line)]
    return stacked(*rows)


def _head(chart: Chart, paper: Paper, room: float) -> Box:
    """A chart's title and the key to its series."""
    named = {series.name: series for series in chart.series if series.name}
    line, lines = paper.line, wrapped(chart.title, paper.type, room, "bold")
    title = words(lines, paper, weight="bold", first=line, step=1.3 * line)
    return stacked(title, legend(list(named.items()), paper, room))


class Ruler(NamedTuple):
    """An axis with its ticks, and how far along it a number lies, 0 to 1."""

    name: str
    ticks: Mapping[float, str]
    along: Callable[[float], float]


def _chart(chart: Chart, paper: Paper, room: float) -> Box:
    """Frame, axes and series."""
    line = paper.line
    across, up = _ruler(chart.across), _ruler(chart.up)
    right = _ruler(chart.right) if chart.right else None
    before = _widest(up, paper) + 2.2 * line
    after = _widest(right, paper) + 2.2 * line if right else _widest(across, paper) / 2
    w = room - before - after
    h = w * chart.shape
    rows = max((label.count("\n") + 1 for label in across.ticks.values()), default=1)
    name = wrapped(across.name, paper.points(0.9), w + after)
    below = (0.4 + 1.1 * rows + 1.3 * len(name)) * line

    def paint(x: float, y: float) -> None:
        field = Field(x + before, y, w, h)
        _paint_up(up, paper, field)
        _paint_across(across, paper, field)
        if right:
            _paint_right(right, paper, field, field.x + w + after - 0.2 * line)
        paper.frame(field, paper.theme.quiet, 0.6)
        for n, part in enumerate(reversed(name)):
            middle, foot = field.x + w / 2, y + h + below - (0.3 + 1.3 * n) * line
            paper.text(middle, foot, part, 0.9, paper.theme.quiet, "center")
        _paint_name(up, paper, field, x + 0.8 * line)
        for series in chart.series:
            height = (right or up) if series.right else up
            places = [field.x + w * across.along(at) for at in series.x]
            strung(series, paper, places, [y + h * (1 - height.along(at)) for at in series.y])

    return Box((h, below), paint)


def _ruler(axis: Axis) -> Ruler:
    if axis.log:
        return Ruler(axis.name, _ticks_of(axis), lambda at: math.log(at / axis.low) / math.log(axis.high / axis.low))
    return Ruler(axis.name, _ticks_of(axis), lambda at: (at - axis.low) / (axis.high - axis.low))


def _ticks_of(axis: Axis) -> Mapping[float, str]:
    """An axis's own ticks, or powers of ten, or round numbers."""
    if axis.ticks is not None:
        return axis.ticks
    if axis.log:
        powers = range(math.ceil(math.log10(axis.low)), math.floor(math.log10(axis.high)) + 1)
        return {10.0**n: "10" + str(n).translate(RAISED) for n in powers}
    places = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(axis.low, axis.high)
    return {at: on_scale(at, max(abs(axis.low), abs(axis.high))) for at in places if axis.low <= at <= axis.high}


def _wide(label: str, paper: Paper) -> float:
    """Width of a tick's label, of its longest line."""
    return max(measured(part, paper.points(SIZE)) for part in label.split("\n"))


def _widest(ruler: Ruler, paper: Paper) -> float:
    return max((_wide(label, paper) for label in ruler.ticks.values()), default=0.0)


def _paint_up(ruler: Ruler, paper: Paper, field: Field) -> None:
    """The left axis's labels, with lines across the field."""
    for at, label in ruler.ticks.items():
        place = field.y + field.h * (1 - ruler.along(at))
        paper.strokes((field.x, field.x + field.w), (place, place), paper.theme.line, 0.4)
        left = field.x - 0.4 * paper.line
        paper.text(left, place + 0.28 * paper.line, label, SIZE, paper.theme.quiet, "right")


def _paint_across(ruler: Ruler, paper: Paper, field: Field) -> None:
    """Lines up the field, labels beneath as close as they have room."""
    line, foot, free = paper.line, field.y + field.h, -math.inf
    for at, label in ruler.ticks.items():
        place, half = field.x + field.w * ruler.along(at), _wide(label, paper) / 2
        paper.strokes((place, place), (field.y, foot), paper.theme.line, 0.4)
        if place - half >= free:
            for n, part in enumerate(label.split("\n"), 1):
                paper.text(place, foot + 1.1 * n * line, part, SIZE, paper.theme.quiet, "center")
            free = place + half + 0.4 * line


def _paint_right(ruler: Ruler, paper: Paper, field: Field, x: float) -> None:
    """The right axis's ticks with their labels, and its name upwards at ``x``."""
    line, right = paper.line, field.x + field.w
    for at, label in ruler.ticks.items():
        place = field.y + field.h * (1 - ruler.along(at))
        paper.strokes((right, right + 0.3 * line), (place, place), paper.theme.quiet, 0.6)
        paper.text(right + 0.5 * line, place + 0.28 * line, label, SIZE, paper.theme.quiet)
    _paint_name(ruler, paper, field, x)


def _paint_name(ruler: Ruler, paper: Paper, field: Field, x: float) -> None:
    """An upward axis's name, as large as there is room."""
    fitting = min(0.9, field.h / measured(ruler.name, paper.type))
    paper.text(x, field.y + field.h / 2, ruler.name, fitting, paper.theme.quiet, "center", turn=True)
