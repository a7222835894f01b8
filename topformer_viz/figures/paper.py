"""What a figure is drawn on, and how its pieces are put together: each is measured first and painted later.

Lengths are inches from the upper left corner; sizes of type are shares of the figure's running type, line widths are for
type of 8 points.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

from topformer_viz.figures.drawing import font, shown
from topformer_viz.figures.look import LEAST_TYPE, THEMES, WIDTHS, Look, Theme, Width
from topformer_viz.figures.panel import Dash
from topformer_viz.figures.typeset import wrapped
from topformer_viz.run.stages import AXES


class Field(NamedTuple):
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class Paper:
    """One pair of axes for all of a figure (208 of them would take seconds), its look, and its running type in points."""

    axes: Axes
    look: Look
    type: float

    @property
    def theme(self) -> Theme:
        return THEMES[self.look.theme]

    @property
    def width(self) -> Width:
        return WIDTHS[self.look.width]

    @property
    def margin(self) -> float:
        return 0.012 * self.width.inches + 0.04

    @property
    def room(self) -> float:
        """Between the margins."""
        return self.width.inches - 2 * self.margin

    @property
    def line(self) -> float:
        """The height of running type."""
        return self.type / 72

    def points(self, size: float) -> float:
        """The size of type that is ``size`` times running type, as it is set: never under LEAST_TYPE."""
        return max(size * self.type, LEAST_TYPE)

    def axis_colour(self, axis: str) -> str:
        """The colour of an axis of tensors."""
        colours = AXES[axis.rstrip("0123456789") if axis not in AXES else axis]
        return colours.dark if self.theme.dark else colours.light

    def text(
        self, x: float, y: float, text: str, size: float = 1.0, colour: str | None = None, align: str = "left",
        weight: str = "normal", turn: bool = False,
    ) -> None:  # fmt: skip
        """A line whose baseline lies at ``y``; turned, it reads upwards and ``x`` is its baseline's."""
        text = shown(text)
        self.axes.text(
            x, y, text, color=colour or self.theme.ink, ha=align, va="baseline", rotation=90 if turn else 0,
            rotation_mode="anchor", parse_math=False, fontproperties=font(text, self.points(size), weight),
        )  # fmt: skip

    def strokes(self, x: Sequence[float], y: Sequence[float], colour: str, width: float, dash: Dash = "-") -> None:
        """Straight lines from point to point."""
        width *= self.type / 8
        self.axes.add_line(Line2D(x, y, color=colour, linewidth=width, linestyle=dash, solid_capstyle="butt"))

    def frame(self, field: Field, colour: str, width: float, fill: str = "none") -> None:
        self.axes.add_artist(  # as a patch it would be measured first
            Rectangle(
                field[:2], field.w, field.h, facecolor=fill, edgecolor=colour, linewidth=width * self.type / 8,
                joinstyle="miter",
            )
        )  # fmt: skip

    def image(self, colours: np.ndarray, field: Field, smooth: bool, alpha: float | None = None) -> None:
        """Cells as whole blocks of image pixels, at least 300 per inch, so that no viewer can blur them; photographs as they are."""
        x, y, w, h = field
        if smooth:  # a photograph: 200 an inch are enough
            most = (max(1, round(200 * w)), max(1, round(200 * h)))
            if most[0] < colours.shape[1]:
                colours = np.asarray(Image.fromarray(colours).resize(most, Image.Resampling.LANCZOS))
        else:
            times = [max(1, math.ceil(300 * side / n)) for side, n in ((h, colours.shape[0]), (w, colours.shape[1]))]
            colours = colours.repeat(times[0], 0).repeat(times[1], 1)
        self.axes.imshow(colours, extent=(x, x + w, y + h, y), aspect="auto", interpolation="none", alpha=alpha)


@dataclass(frozen=True)
class Box:
    """A piece of a figure: the steps down it that make its height, and what paints it with its upper left corner at (x, y);
    nothing, where room stays free.

    Steps, not their sum, so that a figure's height does not depend on how its pieces are nested, not even in its last bit:
    the ids in an SVG are made from it.
    """

    steps: tuple[float, ...] = ()
    paint: Callable[[float, float], None] = lambda x, y: None

    @property
    def height(self) -> float:
        *_, height = accumulate(self.steps, initial=0.0)
        return height


def space(height: float) -> Box:
    """Room that stays free."""
    return Box((height,))


def stacked(*boxes: Box) -> Box:
    """Pieces under one another."""

    def paint(x: float, y: float) -> None:
        for box in boxes:
            box.paint(x, y)
            for step in box.steps:
                y += step

    return Box(tuple(step for box in boxes for step in box.steps), paint)


def abreast(boxes: Sequence[Box], pitch: float, start: float = 0.0) -> Box:
    """Pieces beside one another, one every ``pitch`` from ``start`` on."""

    def paint(x: float, y: float) -> None:
        for n, box in enumerate(boxes):
            box.paint(x + start + n * pitch, y)

    return Box(highest(boxes), paint)


def highest(boxes: Iterable[Box]) -> tuple[float, ...]:
    """The steps of the highest piece."""
    return max(boxes, key=lambda box: box.height, default=Box()).steps


def words(
    lines: Sequence[str], paper: Paper, size: float = 1.0, colour: str | None = None, weight: str = "normal", *,
    first: float, step: float,
) -> Box:  # fmt: skip
    """Lines under one another: the first one's baseline lies ``first`` down, each further one's a ``step``."""

    def paint(x: float, y: float) -> None:
        for line in lines:
            paper.text(x, y + first, line, size, colour, weight=weight)
            y += step

    return Box((step,) * len(lines), paint)


def heading(title: str, paper: Paper, room: float, colour: str | None = None) -> Box:
    """A title over a part of the figure, if there is one."""
    if not title:
        return Box()
    line, lines = paper.line, wrapped(title, paper.type, room, "bold")
    return stacked(words(lines, paper, 1.0, colour, "bold", first=line, step=1.3 * line), space(0.3 * line))
