"""What colours and lines stand for: a scale's colour bar, and names beside their colour or their series' line."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D

from topformer_viz.figures.panel import Array, Scale, Series
from topformer_viz.figures.paper import Box, Field, Paper, stacked, words
from topformer_viz.figures.shades import coloured
from topformer_viz.figures.typeset import measured, wrapped
from topformer_viz.words.numbers import on_scale


def colour_bar(scale: Scale, paper: Paper, room: float, beside: bool = True, named: bool = True) -> Box:
    """A colour bar with its ends, its middle and, ``named``, what it measures: that stands over the bar where it may not
    stand, or has no room, ``beside`` it."""
    line, high = paper.line, 0.7 * paper.type / 72
    wide = min(0.42 * room, 26 * line)
    beside = beside and named and measured(scale.quantity, paper.points(0.95)) <= room - wide - 0.8 * line
    wide = wide if beside else min(room, 26 * line)
    above = wrapped(scale.quantity, paper.points(0.95), room) if named and not beside else []

    def paint(x: float, y: float) -> None:
        strip = Field(x, y + 0.4 * line, wide, high)
        paper.image(coloured(_shades(scale)[None], scale, paper.look.map), strip, smooth=False)
        paper.frame(strip, paper.theme.quiet, 0.5)
        ticks = _ticks(scale)
        left, right = (measured(ticks[n][1], paper.points(0.85)) for n in (0, -1))
        size = min(0.85, 0.85 * (wide - 0.4 * line) / max(left + right, 1e-9))
        for place, text in ticks:
            at, half = place * wide, measured(text, paper.points(0.85)) / 2 + 0.3 * line
            align = {0.0: "left", 1.0: "right"}.get(place, "center")
            paper.strokes((x + at,) * 2, (strip.y + high, strip.y + 1.25 * high), paper.theme.quiet, 0.5)
            if align != "center" or len(ticks) == 1 or (left < at - half and at + half < wide - right):
                paper.text(x + at, y + high + 1.5 * line, text, size, paper.theme.quiet, align)
        if beside:
            paper.text(x + wide + 0.8 * line, y + 0.4 * line + high * 0.85, scale.quantity, 0.95)

    over = words(above, paper, 0.95, first=1.1 * line, step=1.3 * line)
    return stacked(over, Box((high, 2.0 * line), paint))


def _shades(scale: Scale) -> Array:
    """Numbers from one end to the other, a colour each in even steps."""
    low, high = scale.ends
    if scale.root:
        return np.linspace(0, math.sqrt(high), 256) ** 2
    return np.geomspace(low, high, 256) if scale.log else np.linspace(low, high, 256)


def _ticks(scale: Scale) -> tuple[tuple[float, str], ...]:
    """The numbers at a bar's ends and half-way between them, each with its place along the bar, 0 to 1."""
    low, high = scale.ends
    if scale.low == scale.high:  # one number, such as the 0 of a projection that has not been trained
        return ((0.5 if scale.signed else 0.0, on_scale(scale.low, scale.low)),)
    if scale.log:  # numbers of all sizes
        middle = math.sqrt(low * high)
        return (0.0, on_scale(low, low)), (0.5, on_scale(middle, middle)), (1.0, on_scale(high, high))
    place = math.sqrt(0.5) if scale.root else 0.5
    return (0.0, on_scale(low, high)), (place, on_scale((low + high) / 2, high)), (1.0, on_scale(high, high))


def legend(named: Sequence[tuple[str, str | Series]], paper: Paper, room: float) -> Box:
    """Names beside their colour, or a series' line and marker, in lines over the ``room``."""
    line = paper.line
    placed: list[tuple[float, float, float, str | Series, list[str]]] = []
    x, steps = 0.0, [0.4 * line]
    for name, sign in named:
        wide_sign = 2.4 * line if isinstance(sign, Series) and sign.dash else 0.9 * line
        parts = wrapped(name, paper.points(0.9), room - wide_sign - 0.4 * line)
        wide = max(measured(part, paper.points(0.9)) for part in parts) + wide_sign + 1.7 * line
        if x + wide - 1.3 * line > room and x > 0:
            x = 0.0
            steps.append(1.5 * line)
        placed.append((x, sum(steps), wide_sign, sign, parts))
        steps.append(1.3 * (len(parts) - 1) * line)
        x += wide

    def paint(x: float, y: float) -> None:
        for across, down, wide, sign, parts in placed:
            left, top = x + across, y + down
            if isinstance(sign, str):
                paper.frame(Field(left, top + 0.1 * line, wide, 0.9 * line), paper.theme.quiet, 0.4, sign)
            else:
                strung(sign, paper, [left, left + wide], [top + 0.55 * line] * 2, middle=True)
            name = words(parts, paper, 0.9, first=0.85 * line, step=1.3 * line)
            name.paint(left + wide + 0.4 * line, top)

    return Box((*steps, 1.6 * line), paint)


def strung(series: Series, paper: Paper, x: Sequence[float], y: Sequence[float], middle: bool = False) -> None:
    """A series' line and markers through places; in a key (``middle``) one marker in the line's middle."""
    if series.dash:
        paper.strokes(x, y, series.colour, 1.6, series.dash)
    if series.marker:
        size = paper.points(0.62)
        x, y = ([sum(x) / len(x)], y[:1]) if middle else (x, y)
        fill = "none" if series.hollow else series.colour
        paper.axes.add_line(
            Line2D(
                x, y, linestyle="none", marker=series.marker, markersize=size, markerfacecolor=fill,
                markeredgecolor=series.colour, markeredgewidth=0.14 * size,
            )
        )  # fmt: skip
