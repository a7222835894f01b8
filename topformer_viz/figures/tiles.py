"""Groups of tiles, laid out: tiles in lines, each with its title, its cells, its numbers and its ticks."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import numpy as np

from topformer_viz.figures.colours import luminance
from topformer_viz.figures.legends import colour_bar
from topformer_viz.figures.look import LEAST_TYPE
from topformer_viz.figures.panel import Group, Tile
from topformer_viz.figures.paper import Box, Field, Paper, highest, space, stacked
from topformer_viz.figures.shades import coloured
from topformer_viz.figures.typeset import measured, wrapped

LABEL = 0.8  # of running type: the size of labels at ticks


class Pictures(NamedTuple):
    """A group's tiles, laid out: each is ``side`` wide; ``tight``, the more the worse, where words or numbers have too little
    room."""

    box: Box
    side: float
    tight: float


class Grid(NamedTuple):
    """``many`` tiles in a line, each ``side`` wide after the ``left`` that its labels take: from ``start`` on one every
    ``pitch``, lines ``gap`` apart."""

    many: int
    side: float
    left: float
    start: float
    pitch: float
    gap: float

    def place(self, x: float, n: int) -> float:
        """Where the n-th tile of a line that begins at ``x`` stands."""
        return x + self.start + n * self.pitch + self.left

    @property
    def beneath(self) -> float:
        """Room for what stands under a tile."""
        return self.pitch - self.left - self.gap


def pictures(
    group: Group, paper: Paper, room: float, share: float, across: int, bars: bool, named: bool = True
) -> Pictures:
    """A group's tiles over ``share`` of the room, ``across`` in a line where the group does not say it itself, with ``bars``
    under the tiles whose colours they explain; ``named``, they say what they measure."""
    tiles, grid = group.tiles, _grid(group, paper, room, share, across, bars and named)
    tight = max(_tight(tile, paper, grid) for tile in tiles)
    if tight and tiles[0].named and (group.across or 1) > 1:  # its labels must all stand: fewer in a line
        return pictures(replace(group, across=grid.many - 1), paper, room, share, across, bars, named)
    titles = [
        [
            line
            for part in tile.title.split("\n")
            for line in wrapped(part, paper.points(0.9), grid.beneath + 0.7 * grid.gap)
        ]
        for tile in tiles
    ]
    most = max(map(len, titles))
    above = 1.25 * paper.line * most + (0.25 * paper.line if most else 0)
    rows: list[Box] = []
    for first in range(0, len(tiles), grid.many):
        row = slice(first, first + grid.many)
        rows += [space(grid.gap)] if first else []
        rows.append(_row(tiles[row], titles[row], paper, grid, above))
        if bars:
            rows.append(_bars(tiles[row], paper, grid, named))
    return Pictures(stacked(*rows), max(grid.side, 1e-3), tight)  # where there is no room at all


def _grid(group: Group, paper: Paper, room: float, share: float, across: int, bars: bool) -> Grid:
    line, tiles = paper.line, group.tiles
    left = max(1.5 * line if tile.down else 0.0 for tile in tiles)
    left += max((_labels(tile, paper) + 0.6 * line for tile in tiles if tile.ticks[0]), default=0.0)
    # Small tiles stand close together.
    close = not (tiles[0].down or any(tile.title for tile in tiles))
    gap = (0.35 if close else 0.9) * line if len(tiles) > 1 else 0.0
    if group.natural:
        columns = tiles[0].values.shape[1]
        cell = share * max(_widest(tile, paper.points(0.85)) + 0.9 * line for tile in tiles)
        side = min(cell, room / columns) * columns
        many = max(1, min(len(tiles), int((room - left + gap) / (left + side + gap))))
        return Grid(many, side, left, 0.0, left + side + gap, gap)
    wide = room * share
    own = wide * group.size
    many = group.across or min(across, len(tiles))
    gap = min(gap, 0.3 * wide * group.size / many)
    side = max((own - many * left - (many - 1) * gap) / many, 0.01)
    start = (room - own) / 2
    pitch = left + side + gap if many > 1 else room - start + gap  # one alone has all the room that follows
    if bars:  # their words keep their room when tiles get smaller
        pitch = max(pitch, min(room / many, left + gap + 15 * line))
        start = max(0.0, room - many * pitch + gap) / 2
    return Grid(many, side, left, start, pitch, gap)


def _row(tiles: Sequence[Tile], titles: Sequence[Sequence[str]], paper: Paper, grid: Grid, above: float) -> Box:
    """A line of tiles, their titles ending at one height."""
    high = max(grid.side * tile.shape for tile in tiles)
    below = max(_below(tile, paper, grid.side) for tile in tiles)

    def paint(x: float, y: float) -> None:
        for n, (tile, title) in enumerate(zip(tiles, titles, strict=True)):
            left = grid.place(x, n)
            for up, line in enumerate(reversed(title)):
                paper.text(left, y + above - (0.35 + 1.25 * up) * paper.line, line, 0.9)
            _paint(tile, paper, Field(left, y + above, grid.side, grid.side * tile.shape))

    return Box((above + high + below,), paint)


def _bars(tiles: Sequence[Tile], paper: Paper, grid: Grid, named: bool) -> Box:
    """Each scale's bar under its run of neighbouring tiles."""
    placed = []
    for scale, run in groupby(enumerate(tiles), key=lambda pair: pair[1].scale):
        spots = [n for n, _ in run]
        if scale and scale.quantity:
            first, last = (grid.place(paper.margin, n) for n in (spots[0], spots[-1]))
            room = last + (grid.beneath if named else grid.side) - first
            placed.append((spots[0], colour_bar(scale, paper, room, beside=False, named=named)))

    def paint(x: float, y: float) -> None:
        for n, bar in placed:
            bar.paint(grid.place(x, n), y)

    return Box(highest(bar for _, bar in placed), paint)


# One tile: ``w`` and ``h`` are its width and height as drawn


def _widest(tile: Tile, size: float) -> float:
    """Width in inches of the widest of a tile's numbers at ``size`` points."""
    return max(measured(number, size) for row in tile.numbers for number in row)


def _labels(tile: Tile, paper: Paper) -> float:
    """Width of the labels on a tile's left."""
    return max((measured(label, paper.points(LABEL)) for label in tile.ticks[0].values()), default=0.0)


def _below(tile: Tile, paper: Paper, w: float) -> float:
    """Height of the labels and the axis's name under a tile."""
    line = paper.line
    high = 1.3 * line if tile.ticks[1] else 0.0
    if _upright(tile, paper, w):
        high = 0.6 * line + max(measured(label, paper.points(LABEL)) for label in tile.ticks[1].values())
    return high + (1.4 * line if tile.across else 0.0)


def _tight(tile: Tile, paper: Paper, grid: Grid) -> float:
    """How bad it is: labels that must all stand have too little room, or numbers or an axis's name have none."""
    w, h = grid.side, grid.side * tile.shape
    least = paper.points(LABEL) / 72
    crowded = tile.named and least > min(h / len(tile.ticks[0]), w / len(tile.ticks[1]))
    names = _down_fits(tile, paper, h) and measured(tile.across, paper.points(0.9)) <= grid.pitch
    return 10.0 * crowded + 3.0 * (not names) + 3.0 * (bool(tile.numbers) and not _number_size(tile, paper, w, h))


def _down_fits(tile: Tile, paper: Paper, h: float) -> bool:
    """Whether the name of the upward axis has room beside a tile."""
    return measured(tile.down, paper.points(0.9)) <= 1.3 * h


def _number_size(tile: Tile, paper: Paper, w: float, h: float) -> float:
    """The size of the numbers in a tile's cells in points, 0 where they have no room."""
    rows, cols = tile.values.shape[:2]
    points = 72 * min(0.88 * w / cols / _widest(tile, 72), 0.75 * h / rows)
    return min(paper.points(0.85), points) if points >= LEAST_TYPE else 0.0


def _upright(tile: Tile, paper: Paper, w: float) -> bool:
    """Whether the labels under a tile must be turned, for each to have its place."""
    labels = tile.ticks[1].values()
    return tile.named and max(measured(label, paper.points(LABEL)) for label in labels) > 0.92 * w / len(labels)


def _paint(tile: Tile, paper: Paper, field: Field) -> None:
    if tile.under is not None:
        grey = np.repeat(tile.under.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
        paper.image(grey, field, smooth=True)
    colours = tile.values if tile.scale is None else coloured(tile.values, tile.scale, paper.look.map)
    paper.image(colours, field, tile.scale is None and not tile.crisp, alpha=None if tile.under is None else 0.62)
    _paint_grid(tile, paper, field)
    if tile.numbers:
        _paint_numbers(tile, colours, paper, field)
    _paint_ticks_down(tile, paper, field)
    _paint_ticks_across(tile, paper, field)
    _paint_names(tile, paper, field)


def _paint_grid(tile: Tile, paper: Paper, field: Field) -> None:
    """The grid over a tile, its frame, and frames around the marked cells."""
    x, y, w, h = field
    rows, cols = tile.lines or tile.values.shape[:2]
    if tile.lines:
        for colour, width in (("#00000059", 1.0), ("#ffffffbf", 0.5)):
            for n in range(1, rows):
                paper.strokes((x, x + w), (y + n * h / rows,) * 2, colour, width)
            for n in range(1, cols):
                paper.strokes((x + n * w / cols,) * 2, (y, y + h), colour, width)
    paper.frame(field, paper.theme.quiet, 0.5)
    for row, column in tile.marks:
        cell = Field(x + column * w / cols, y + row * h / rows, w / cols, h / rows)
        for colour, width in (("#000000", 2.2), ("#ffffff", 1.1)):
            paper.frame(cell, colour, width)


def _paint_numbers(tile: Tile, colours: np.ndarray, paper: Paper, field: Field) -> None:
    """Each cell's number in the middle of it, in black or white, whichever stands out; none where they have no room."""
    x, y, w, h = field
    rows, cols = tile.values.shape[:2]
    size = _number_size(tile, paper, w, h) / paper.type
    for r, row in enumerate(tile.numbers if size else ()):
        for c, number in enumerate(row):
            colour = colours[r, c]
            ink = "#000000" if luminance(colour[:3]) > 0.179 else "#ffffff"
            if len(colour) == 4 and not colour[3]:
                ink = paper.theme.quiet
            place = x + (c + 0.5) * w / cols, y + (r + 0.5) * h / rows + 0.36 * size * paper.line
            paper.text(*place, number, size, ink, "center")


def _paint_ticks_down(tile: Tile, paper: Paper, field: Field) -> None:
    """Tick marks everywhere on the left, labels as close as they have room."""
    line, colour = paper.line, paper.theme.quiet
    free = -math.inf
    for at, label in tile.ticks[0].items():
        place = field.y + at / tile.values.shape[0] * field.h
        paper.strokes((field.x - 0.3 * line, field.x), (place, place), colour, 0.6)
        if tile.named or place - free >= 0.95 * line:
            paper.text(field.x - 0.45 * line, place + 0.28 * line, label, LABEL, colour, "right")
            free = place


def _paint_ticks_across(tile: Tile, paper: Paper, field: Field) -> None:
    """The same underneath, upright if need be."""
    line, colour = paper.line, paper.theme.quiet
    foot, free, upright = field.y + field.h, -math.inf, _upright(tile, paper, field.w)
    for at, label in tile.ticks[1].items():
        place, half = field.x + at / tile.values.shape[1] * field.w, measured(label, paper.points(LABEL)) / 2
        paper.strokes((place, place), (foot, foot + 0.3 * line), colour, 0.6)
        if upright:
            paper.text(place + 0.28 * line, foot + 0.45 * line, label, LABEL, colour, "right", turn=True)
        elif place - half >= free:
            paper.text(place, foot + 1.15 * line, label, LABEL, colour, "center")
            free = place + half + 0.4 * line


def _paint_names(tile: Tile, paper: Paper, field: Field) -> None:
    """The axes' names, where they have room."""
    (x, y, w, h), line, colour = field, paper.line, paper.theme.quiet
    if tile.across and measured(tile.across, paper.points(0.9)) <= 1.3 * w + _labels(tile, paper):
        half = measured(tile.across, paper.points(0.9)) / 2  # of its name, which stays on the sheet
        middle = max(half, min(x + w / 2, paper.width.inches - 0.5 * line - half))
        foot = y + h + _below(tile, paper, w) - 0.3 * line
        paper.text(middle, foot, tile.across, 0.9, colour, "center")
    if tile.down and _down_fits(tile, paper, h):
        left = x - _labels(tile, paper) - 0.9 * line
        paper.text(left, y + h / 2, tile.down, 0.9, colour, "center", turn=True)
