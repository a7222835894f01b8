"""Diagrams drawn again: the SVG of diagrams.py and overview.py, mark for mark, in the theme's colours."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

import numpy as np
from matplotlib.patches import Circle, FancyBboxPatch, Patch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Transform

from topformer_viz.figures.drawing import font, shown
from topformer_viz.figures.look import LEAST_TYPE, STRANDS
from topformer_viz.figures.panel import Panel, Tile
from topformer_viz.figures.paper import Box, Field, Paper
from topformer_viz.figures.shades import coloured

WIDE = {"link": 2.5, "edge": 3.0, "arrow": 1.5, "around": 2.0, "ribbon": 20.0}  # strokes, in the drawing's own units


def diagram(panel: Panel, paper: Paper, room: float, share: float) -> Box:
    """The panel's diagram over ``share`` of the room, or the upright one in a column."""
    upright = panel.upright and paper.look.width == "column"
    root = ET.fromstring(panel.upright if upright else panel.diagram)
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    # As large as there is room, but no type larger than a title's.
    wide = min(room * share, width * paper.type * 1.25 / 13 / 72)

    def paint(x: float, y: float) -> None:
        start = x + (room - wide) / 2
        place = Affine2D().scale(wide / width).translate(start, y) + paper.axes.transData
        for element in root.iter():
            _paint(element, panel.pictures, paper, place, 72 * wide / width)

    return Box((wide * height / width,), paint)


def _paint(element: ET.Element, pictures: Mapping[str, Tile], paper: Paper, place: Transform, points: float) -> None:
    """One of the drawing's marks, at its ``place``; ``points`` are those of the drawing's own unit."""
    shape = element.tag.rpartition("}")[2]
    if shape == "text":
        _paint_text(element, paper, place, points)
    elif shape == "image":
        _paint_picture(pictures[element.get("href", "")], _field(element), paper, place)
    elif made := {"path": _line, "rect": _rectangle, "circle": _circle}.get(shape):
        patch = made(element, paper, points)
        patch.set_transform(place)
        paper.axes.add_patch(patch)


def _number(element: ET.Element, name: str) -> float:
    return float(element.get(name, "0"))


def _field(element: ET.Element) -> Field:
    return Field(*(_number(element, name) for name in ("x", "y", "width", "height")))


def _stroke(colour: str | None, kind: str, paper: Paper) -> str:
    """The colour of a "var(--axis-NAME)", or the one of this kind of mark."""
    if found := re.fullmatch(r"var\(--axis-(\w+)\)", colour or ""):
        return paper.axis_colour(found[1])
    return paper.theme.quiet if kind in ("aside", "arrow", "around", "sign") else paper.theme.ink


def _line(element: ET.Element, paper: Paper, points: float) -> Patch:
    kind = element.get("class", "")
    family, _, strand = kind.partition(" ")
    wide, ribbon = WIDE[family], family == "ribbon"
    stroke = _stroke(element.get("stroke"), kind, paper)
    if ribbon:
        stroke = STRANDS[paper.theme.dark].get(strand, paper.theme.quiet)
    dashes = (0, (3 / wide * 1.2, 4 / wide * 1.2)) if element.get("stroke-dasharray") else "-"
    return PathPatch(
        _path(element.get("d", "")), fill=False, edgecolor=stroke, linewidth=wide * points, linestyle=dashes,
        alpha={"link": 0.8, "ribbon": 0.25}.get(family, 1), zorder=-1 if ribbon else 1,
        capstyle="round" if kind == "edge" else "butt",
    )  # fmt: skip


def _rectangle(element: ET.Element, paper: Paper, points: float) -> Patch:
    """A sheet of a stack, or a chip."""
    kind, theme, (x, y, w, h) = element.get("class", ""), paper.theme, _field(element)
    if kind == "sheet":
        return Rectangle((x, y), w, h, facecolor=theme.panel, edgecolor=theme.quiet, linewidth=0.8 * points)
    return FancyBboxPatch(
        (x, y), w, h, boxstyle=f"round,pad=0,rounding_size={_number(element, 'rx')}", facecolor=theme.paper or "none",
        edgecolor=_stroke(element.get("stroke"), kind, paper), linewidth=1.3 * points,
    )  # fmt: skip


def _circle(element: ET.Element, paper: Paper, points: float) -> Patch:
    stroke = _stroke(element.get("stroke"), element.get("class", ""), paper)
    return Circle(
        (_number(element, "cx"), _number(element, "cy")), _number(element, "r"), facecolor=paper.theme.paper or "#ffffff",
        edgecolor=stroke, linewidth=2 * points, zorder=3,
    )  # fmt: skip


def _paint_text(element: ET.Element, paper: Paper, place: Transform, points: float) -> None:
    kind = element.get("class", "")
    size = 0.86 * (12 if kind in ("sum", "aside", "edge-label") else 13)
    if paper.look.width == "column":  # where the wide ones, which would have no room for it, have a narrower form
        size = max(size, LEAST_TYPE / points)
    align = {"middle": "center", "end": "right"}.get(element.get("text-anchor", ""), "left")
    text = shown(element.text or "")
    words = paper.axes.text(
        _number(element, "x"), _number(element, "y"), text, color=_stroke(element.get("fill"), kind, paper), ha=align,
        va="baseline", zorder=4, parse_math=False, transform=place,
        fontproperties=font(text, size * points, "normal" if kind in ("sum", "aside") else "bold"),
    )  # fmt: skip
    if kind in ("aside", "op") and paper.theme.paper:
        words.set_bbox({"facecolor": paper.theme.paper, "edgecolor": "none", "pad": 0.6 * points})


def _paint_picture(tile: Tile, field: Field, paper: Paper, place: Transform) -> None:
    """A tile at a field given in the drawing's own units."""
    x, y, w, h = field
    to_sheet = place - paper.axes.transData
    (left, top), (right, low) = to_sheet.transform([(x, y), (x + w, y + h)])
    on_sheet = Field(left, top, right - left, low - top)
    smooth = tile.scale is None
    paper.image(
        tile.values if tile.scale is None else coloured(tile.values, tile.scale, paper.look.map), on_sheet, smooth
    )
    paper.frame(on_sheet, paper.theme.quiet, 0.5)


def _path(d: str) -> Path:
    """A path of the diagrams' M, C, Q, L, m, h, v, l (letters in capitals are absolute) for matplotlib."""
    places: list[tuple[float, float]] = []
    codes: list[int] = []
    x = y = 0.0
    for letter, rest in re.findall(r"([MCQLhvlm])([^A-Za-z]*)", d.replace("e-", "E-")):
        numbers = [float(n) for n in re.findall(r"-?\d*\.?\d+(?:E-\d+)?", rest)]
        if letter in "hv":
            pairs = [(n, 0.0) if letter == "h" else (0.0, n) for n in numbers]
        else:
            pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        for dx, dy in pairs:
            x, y = (x + dx, y + dy) if letter.islower() else (dx, dy)
            places.append((x, y))
        code = {"M": Path.MOVETO, "m": Path.MOVETO, "C": Path.CURVE4, "Q": Path.CURVE3}.get(letter, Path.LINETO)
        codes += [int(code)] * len(pairs)
    return Path(np.array(places), codes)
