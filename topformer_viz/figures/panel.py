"""What a figure is made of, before it is drawn: tiles, charts and tables, their axes and scales, and the words around them.

A panel is a title, groups of tiles and a caption. A tile is two-dimensional: numbers on a scale, or colours. Words say
model, block, head and image, so that a figure still says what it is when it has left the app. sheet.py draws panels.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Dash = Literal["", "-", "--", ":", "-."]


@dataclass(frozen=True)
class Scale:
    """The numbers at the ends of a colour bar and what they measure, unit included; 0 in the middle where ``signed``.

    Colour grows with the number, with its logarithm (``log``: what is smaller than ``low`` counts as ``low``) or, from 0 up,
    with its square ``root``. A logarithmic scale from 1 / x to x has 1 in its middle. ``centred`` on 0 is a difference's
    scale, even if it is 0 everywhere.
    """

    low: float
    high: float
    quantity: str
    log: bool = False
    root: bool = False
    centred: bool = False

    @property
    def signed(self) -> bool:
        return self.centred or (self.low < 0 < self.high and not self.log)

    @property
    def diverging(self) -> bool:
        """Whether the middle is a place of its own: 0, or a ratio of 1."""
        return self.signed or (self.log and math.isclose(self.low * self.high, 1))

    @property
    def ends(self) -> tuple[float, float]:
        """Values at the ends of the colours: the same on both sides of a 0 in the middle; never an empty interval."""
        if self.signed:
            end = max(-self.low, self.high) or 1e-6
            return -end, end
        return (self.low, self.high) if self.high > self.low else (self.low, self.low + 1e-6 + abs(self.low) * 1e-3)


@dataclass(frozen=True)
class Tile:
    """One map or photograph: ``values`` (rows, cols) on ``scale``, or colours (rows, cols, 3) uint8 without one.

    ``down`` and ``across`` name its axes; ``ticks`` are positions, in cells, with their labels, (down, across). ``shape`` is
    height / width as drawn. ``under`` (rows, cols, 3) shows through in grey; ``lines`` draws a grid of (rows, columns)
    over it; ``marks`` are cells, (row, column) of the grid, with a frame. ``numbers`` are written into the cells, row by
    row. ``crisp`` colours stand for classes and are not blended; with ``named`` every tick has its label, upright if need be.
    """

    values: Array
    shape: float
    scale: Scale | None = None
    title: str = ""
    down: str = ""
    across: str = ""
    ticks: tuple[Mapping[float, str], Mapping[float, str]] = ({}, {})
    under: Array | None = None
    lines: tuple[int, int] | None = None
    marks: tuple[tuple[int, int], ...] = ()
    numbers: tuple[tuple[str, ...], ...] = ()
    crisp: bool = False
    named: bool = False


@dataclass(frozen=True)
class Group:
    """Tiles that belong together, ``across`` of them in a line (None: as many as suit the figure's width).

    Together they take ``size`` of the figure's width; ``natural`` ones are as large as the numbers in their cells need.
    """

    tiles: tuple[Tile, ...]
    title: str = ""
    across: int | None = None
    size: float = 1.0
    natural: bool = False


@dataclass(frozen=True)
class Axis:
    """A chart's axis: its name with the unit, its ends, and its ticks by place (None: round numbers)."""

    name: str
    low: float
    high: float
    log: bool = False
    ticks: Mapping[float, str] | None = None


@dataclass(frozen=True)
class Series:
    """Points of a chart, joined by a line where it has a ``dash``, marked where it has a ``marker``.

    ``hollow`` markers are outlines. ``right``: heights are those of the chart's right axis.
    """

    name: str
    colour: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    dash: Dash = ""
    marker: str = ""
    hollow: bool = False
    right: bool = False


@dataclass(frozen=True)
class Chart:
    """Series over an axis across and one up; ``shape`` is height / width. Series of one name stand in the key once."""

    series: tuple[Series, ...]
    across: Axis
    up: Axis
    title: str = ""
    shape: float = 0.62
    right: Axis | None = None


@dataclass(frozen=True)
class Table:
    """Words and numbers in rows under ``columns``; the first column is the rows' names.

    ``bars``: of each row and each column but the first a share of the longest bar, None for none. ``sums`` numbers the
    rows that are set off, ``parts`` gives headings by the row that they precede. ``words`` rather than numbers are set
    from the left.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    bars: tuple[tuple[float | None, ...], ...] = ()
    sums: tuple[int, ...] = ()
    parts: Mapping[int, str] = field(default_factory=dict)
    words: bool = False


@dataclass(frozen=True)
class Panel:
    """A figure to be: ``name`` is its file's stem, ``about`` says model, block, head and image in short.

    Content is ``groups`` of tiles, then ``charts``, then ``tables``; or a ``diagram`` (SVG as diagrams.py makes it).
    A diagram that is too wide for one column has a narrower, ``upright`` one, and the tiles that its <image> elements name are its
    ``pictures``. ``legend`` names colours, "#rrggbb".
    """

    name: str
    title: str
    about: str
    caption: str
    groups: tuple[Group, ...] = field(default=(), repr=False)
    diagram: str = field(default="", repr=False)
    legend: tuple[tuple[str, str], ...] = ()
    charts: tuple[Chart, ...] = field(default=(), repr=False)
    tables: tuple[Table, ...] = field(default=(), repr=False)
    upright: str = field(default="", repr=False)
    pictures: Mapping[str, Tile] = field(default_factory=dict, repr=False)

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        from topformer_viz import Look, save  # only here: it brings matplotlib along

        return save(self, "svg", Look()).decode()
