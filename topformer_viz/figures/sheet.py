"""Panels drawn with matplotlib, and files of them: PNG, SVG, PDF. Lengths are inches, type sizes points.

Layout is computed, not fitted: words are measured before they are placed, so that nothing is cut off or overlaps. Text
stays text in SVG and PDF; both hold the glyphs they need, so a machine without a Chinese font shows them as well.
"""

import base64
import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from itertools import groupby, product

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LogNorm, Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Patch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D, Transform
from PIL import Image

from topformer_viz.figures import drawing, fonts
from topformer_viz.figures.colours import luminance
from topformer_viz.figures.drawing import LATIN, font, shown
from topformer_viz.figures.look import FORMATS, SMALLEST, STRANDS, THEMES, WIDTHS, Format, Look
from topformer_viz.figures.panel import Axis, Chart, Dash, Group, Panel, Scale, Series, Table, Tile
from topformer_viz.run.stages import AXES
from topformer_viz.words.misspelt import known
from topformer_viz.words.numbers import on_scale
from topformer_viz.words.text import Lang, Text

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
BAR = "#4a90c4"  # of tables; 3 : 1 on the light and on the dark paper
USUAL = frozenset(
    [*range(0x20, 0x250), *range(0x370, 0x400), *range(0x2000, 0x2600)]
)  # Latin, Greek, arrows, mathematics
WITHOUT_FONT = Text(
    "{sign} stands for a character that no font here has: {codes}.", "{sign} 表示这里的字体都没有的字符：{codes}。"
)
MOST_CODES = 6  # of characters that the line above names


def save(panel: Panel, format: Format, look: Look, scale: int = 1) -> bytes:
    """The panel as a file, the same bytes whenever it is made and whatever matplotlib's settings are; a PNG has 96 * ``scale``
    dots an inch. ValueError for a format that is none of FORMATS."""
    return write(draw(panel, look), panel, format, scale)


def write(figure: Figure, panel: Panel, format: Format, scale: int = 1) -> bytes:
    """What ``save`` returns, of a figure that is drawn already."""
    known("format", format, FORMATS)
    out = io.BytesIO()
    fonts_in_pdf = drawing.pdf_font_type("".join(_words(panel)))
    with drawing.drawing(**{"svg.hashsalt": panel.name, "pdf.fonttype": fonts_in_pdf}):
        metadata: dict[str, str | None] = {"Title": panel.title}
        if format == "svg":
            metadata |= {"Date": None, "Creator": None, "Description": panel.caption}
        elif format == "pdf":
            metadata |= {"CreationDate": None, "Producer": None, "Creator": None, "Subject": panel.caption}
        else:
            metadata |= {"Description": panel.caption, "Software": None}
        figure.savefig(out, format=format, dpi=96 * scale if format == "png" else 72, metadata=metadata)
    return _with_fonts(out.getvalue()) if format == "svg" else out.getvalue()


def draw(panel: Panel, look: Look) -> Figure:
    """The panel as a figure of ``look``'s width, as high as what it holds; a slide always fills its 16 : 9."""
    if missing := drawing.without_font("".join(_words(panel))):
        drawing.tell(tuple(missing))
    with drawing.drawing():
        return _Sheet(panel, look, missing).figure


def _words(value: object) -> Iterator[str]:
    """All that is written in a panel or a part of it."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for part in fields(value):
            yield from _words(getattr(value, part.name))
    elif isinstance(value, Mapping):
        yield from _words(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _words(part)


@lru_cache(maxsize=4096)
def measured(text: str, size: float, weight: str = "normal") -> float:
    """Width in inches of one line of text at ``size`` points."""
    text = shown(text)
    with drawing.drawing():
        return text_to_path.get_text_width_height_descent(text, font(text, size, weight), ismath=False)[0] / 72


def wrapped(text: str, size: float, room: float, weight: str = "normal") -> list[str]:
    """Lines of at most ``room`` inches, broken at spaces and, in Chinese, between any two characters but before a full stop."""
    lines = [""]
    # A word with what closes it, or one Chinese character with the punctuation that may not begin a line.
    for word in re.findall(
        r"[（“]*[\u2e80-\u9fff][，。：；、）！？”]*"
        r"|[^\s\u2e80-\u9fff（“]+(?: × [^\s\u2e80-\u9fff（“]+)*[，。：；、）！？”]*|[（“]+|\s+",
        text,
    ):
        while room and len(word) > 1 and measured(word.rstrip(), size, weight) > room:  # a name without a space
            fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or measured(word[:n], size, weight) <= room)
            lines += [word[:fits], ""] if lines[-1].strip() else [""]
            if not lines[-2].strip():
                lines[-2] = word[:fits]
            word = word[fits:]
        if measured(lines[-1] + word.rstrip(), size, weight) <= room or not lines[-1]:
            lines[-1] += word
        else:
            lines[-1] = lines[-1].rstrip()
            lines.append(word.lstrip())
    return [line.rstrip() for line in lines if line.strip()]


class _Sheet:
    """One figure while it is laid out: ``y`` is how far down it is filled."""

    def __init__(self, panel: Panel, look: Look, missing: Sequence[str]) -> None:
        self.panel, self.look, self.missing = panel, look, missing
        self.theme, self.width = THEMES[look.theme], WIDTHS[look.width]
        self.wide: dict[int, float] = {}  # of each group, while it is laid out
        self.margin = 0.012 * self.width.inches + 0.04
        self.room = self.width.inches - 2 * self.margin
        slide = look.width == "slide"
        for smaller in (1.0, 0.8, 0.65):  # on a slide, words give way to pictures
            self.type = self.width.type * smaller
            header, footer = self._header(), self._footer()
            most = self.width.most - header - footer - 2 * self.margin
            self.across, self.beside, share, height = self._fit(most)
            self.wide.clear()
            self._content(share)
            labelled = [self.wide[id(group)] for group in panel.groups if group.tiles[0].down]
            if not slide or min(labelled, default=math.inf) >= SMALLEST:
                break
        total = self.width.most if slide else header + height + footer + 2 * self.margin
        self.figure = Figure(figsize=(self.width.inches, total), facecolor=self.theme.paper or "none")
        FigureCanvasAgg(self.figure)
        # One pair of axes for all, in inches from the upper left corner: 208 of them would take seconds.
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, self.width.inches), ylim=(total, 0), autoscale_on=False)
        self.axes.set_axis_off()
        self.height = total
        self.y = self.margin
        self._words()
        self.y = self.margin + header + (max(0.0, most - height) / 2 if slide else 0)
        self._content(share, draw=True)

    def _fit(self, most: float) -> tuple[int, int, float, float]:
        """How many tiles to set in a line and groups beside one another, over which share of the width, and how high that
        is: at most ``most``."""
        free = max(
            (len(group.tiles) for group in self.panel.groups if group.across is None and not group.natural), default=1
        )
        free = max(free, len(self.panel.charts))
        # On a slide, which is wide, groups may stand side by side.
        groups = min(3, len(self.panel.groups)) if self.width.wanted is None else 1
        found = []
        for self.across, self.beside in product(range(1, free + 1), range(1, max(1, groups) + 1)):
            self.tight = False
            self.wide.clear()
            share, height = 1.0, self._content(1.0)
            for _ in range(12):
                if height <= most:
                    break
                share *= max(0.5, min(0.97, most / height))
                height = self._content(share)
            if self.width.wanted is None:
                sizes = self.wide.values() or [share / self.across]
                cost = -sum(math.log(max(size, 1e-6)) for size in sizes) / len(sizes)
            else:
                gaps = -free % self.across / free if free <= 12 else 0  # a line that is not full
                cost = abs(math.log(max(height / share**2, 1e-6) / (self.width.wanted * self.room))) + 1.5 * gaps
            found.append((cost + 10 * self.tight, self.across, self.beside, share, height))
        return min(found)[1:]

    # ---- words

    def _header(self) -> float:
        if self.look.bare:
            return 0.0
        self.title = wrapped(self.panel.title, self.type * 1.35, self.room, "bold")
        self.about = wrapped(self.panel.about, self.type, self.room)
        return self._lines(self.title, 1.35) + self._lines(self.about, 1.0) + 0.6 * self.type / 72

    def _footer(self) -> float:
        if self.look.bare:
            return 0.0
        self.caption = wrapped(self.panel.caption, self.type * 0.95, self.room)
        if self.missing:
            codes = [drawing.code(c) for c in self.missing]
            codes[MOST_CODES:] = ["…"] * (len(codes) > MOST_CODES)
            lang: Lang = "zh" if self.panel.caption.endswith("。") else "en"
            said = WITHOUT_FONT(lang, sign=drawing.REPLACEMENT, codes=", ".join(codes))
            self.caption += wrapped(said, self.type * 0.95, self.room)
        return self._lines(self.caption, 0.95) + 0.9 * self.type / 72

    def _lines(self, lines: Sequence[str], size: float) -> float:
        return len(lines) * 1.4 * size * self.type / 72

    def _words(self) -> None:
        if self.look.bare:
            return
        y = self.y
        for lines, size, colour, weight in (
            (self.title, 1.35, self.theme.ink, "bold"),
            (self.about, 1.0, self.theme.quiet, "normal"),
        ):
            for line in lines:
                y += 1.4 * size * self.type / 72
                self.text(self.margin, y - 0.35 * size * self.type / 72, line, size, colour, weight=weight)
        y = self.height - self.margin - self._lines(self.caption, 0.95)
        for line in self.caption:
            y += 1.4 * 0.95 * self.type / 72
            self.text(self.margin, y - 0.35 * 0.95 * self.type / 72, line, 0.95, self.theme.quiet)

    def text(
        self, x: float, y: float, text: str, size: float = 1.0, colour: str | None = None, align: str = "left",
        weight: str = "normal", turn: bool = False,
    ) -> None:  # fmt: skip
        """A line whose baseline lies at ``y`` inches from the top; turned, it reads upwards and ``x`` is its baseline's."""
        text = shown(text)
        self.axes.text(
            x, y, text, color=colour or self.theme.ink, ha=align, va="baseline", rotation=90 if turn else 0,
            rotation_mode="anchor", parse_math=False, fontproperties=font(text, size * self.type, weight),
        )  # fmt: skip

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, width: float, dash: Dash = "-") -> None:
        """Straight lines from point to point; ``width`` is for type of 8 points."""
        width *= self.type / 8
        self.axes.add_line(Line2D(x, y, color=colour, linewidth=width, linestyle=dash, solid_capstyle="butt"))

    def frame(self, x: float, y: float, w: float, h: float, colour: str, width: float, fill: str = "none") -> None:
        self.axes.add_artist(  # as a patch it would be measured first
            Rectangle(
                (x, y), w, h, facecolor=fill, edgecolor=colour, linewidth=width * self.type / 8, joinstyle="miter"
            )
        )

    # ---- pictures

    def _content(self, share: float, draw: bool = False) -> float:
        """Lay the content out over ``share`` of the width; returns its height."""
        if self.panel.diagram:
            return self._diagram(share, draw)
        start = y = self.y if draw else 0.0
        by_group = [dict.fromkeys(t.scale for t in g.tiles if t.scale and t.scale.quantity) for g in self.panel.groups]
        scales = list(dict.fromkeys(scale for own in by_group for scale in own))
        own_bars = len(scales) > 1 and (len(by_group) > 1 or any(len(own) > 1 for own in by_group))
        line = self.type / 72
        every = list(zip(self.panel.groups, by_group, strict=True))
        for first in range(0, len(every), self.beside):
            ends = []
            for n, (group, own) in enumerate(every[first : first + self.beside]):
                with self._column(n):
                    end = self._heading(group.title, y, draw, self._axis_colour("heads"))
                    end = self._group(group, share, end, draw, bars=own_bars and len(own) > 1)
                    if own_bars and len(own) == 1:
                        end = self._bar(next(iter(own)), end, draw)
                    ends.append(end)
            y = max(ends) + 0.8 * line
        if not own_bars:
            for scale in scales:
                y = self._bar(scale, y, draw)
        if self.panel.charts:
            y = self._charts(share, y, draw)
        for table in self.panel.tables:
            y = self._table(table, share, y, draw)
        if self.panel.legend:
            y = self._legend([(name, colour) for name, colour in self.panel.legend], y, draw)
        return y - start

    @contextmanager
    def _column(self, n: int) -> Iterator[None]:
        """Lay out in the n-th of ``beside`` columns."""
        margin, room = self.margin, self.room
        gap = 2 * self.type / 72 if self.beside > 1 else 0.0
        self.room = (room - gap * (self.beside - 1)) / self.beside
        self.margin += n * (self.room + gap)
        yield
        self.margin, self.room = margin, room

    def _heading(self, title: str, y: float, draw: bool, colour: str | None = None) -> float:
        """A title over a part of the figure, if there is one; returns where it ends."""
        line = self.type / 72
        if not title:
            return y
        for words in wrapped(title, self.type, self.room, "bold"):
            if draw:
                self.text(self.margin, y + line, words, 1.0, colour, weight="bold")
            y += 1.3 * line
        return y + 0.3 * line

    def _group(self, group: Group, share: float, y: float, draw: bool, bars: bool = False) -> float:
        """A group's tiles in lines, with ``bars`` under the tiles whose colours they explain; returns where it ends."""
        line, room = self.type / 72, self.room * share
        tiles = group.tiles
        left = max(1.5 * line if tile.down else 0.0 for tile in tiles)
        left += max((self._labels(tile) + 0.6 * line for tile in tiles if tile.ticks[0]), default=0.0)
        titled = any(tile.title for tile in tiles)
        # Small tiles stand close together.
        gap = (0.9 if tiles[0].down or titled else 0.35) * line if len(tiles) > 1 else 0.0
        if group.natural:
            cells = share * max(_widest(tile, 0.85 * self.type) + 0.9 * line for tile in tiles)
            cell = min(cells, self.room / tiles[0].values.shape[1])
            w = cell * tiles[0].values.shape[1]
            many = max(1, min(len(tiles), int((self.room - left + gap) / (left + w + gap))))
            x0 = self.margin
        else:
            many = group.across or min(self.across, len(tiles))
            gap = min(gap, 0.3 * room * group.size / many)
            w = max((room * group.size - many * left - (many - 1) * gap) / many, 0.01)
            x0 = self.margin + (self.room - room * group.size) / 2
        pitch = left + w + gap
        if bars and not group.natural:  # the words keep their room when pictures get smaller
            pitch = max(pitch, min(self.room / many, left + gap + 15 * line))
            x0 = self.margin + max(0.0, self.room - many * pitch + gap) / 2
        beneath = pitch - left - gap
        self.wide[id(group)] = max(w, 1e-3)  # where there is no room at all
        titles = [
            [words for part in tile.title.split("\n") for words in wrapped(part, 0.9 * self.type, beneath + 0.7 * gap)]
            for tile in tiles
        ]
        most = max(map(len, titles))
        above = 1.25 * line * most + (0.25 * line if most else 0)
        for first in range(0, len(tiles), many):
            row = tiles[first : first + many]
            places = [x0 + n * pitch + left for n in range(len(row))]
            h = max(w * tile.shape for tile in row)
            below = max(self._below(tile, w) for tile in row)
            self.tight |= any(self._small(tile, w) < 0.7 for tile in row)
            y += gap if first else 0.0
            for tile, x, words in zip(row, places, titles[first:], strict=False):
                for up, part in enumerate(reversed(words)):
                    if draw:
                        self.text(x, y + above - (0.35 + 1.25 * up) * line, part, 0.9)
                if draw:
                    self._tile(tile, x, y + above, w, w * tile.shape)
            y += above + h + below
            if bars:
                y = self._bars_under(row, places, beneath, y, draw)
        return y

    def _bars_under(self, row: Sequence[Tile], places: Sequence[float], w: float, y: float, draw: bool) -> float:
        """Each scale's bar under its run of neighbouring tiles; returns where the lowest ends."""
        ends = [y]
        for scale, run in groupby(zip(row, places, strict=True), key=lambda pair: pair[0].scale):
            spots = [x for _, x in run]
            if scale and scale.quantity:
                ends.append(self._bar(scale, y, draw, spots[0], spots[-1] + w - spots[0]))
        return max(ends)

    def _labels(self, tile: Tile) -> float:
        """Width of the labels on a tile's left."""
        return max((measured(label, 0.8 * self.type) for label in tile.ticks[0].values()), default=0.0)

    def _below(self, tile: Tile, w: float) -> float:
        """Height of the labels and the axis's name under a tile."""
        line = self.type / 72
        high = 1.3 * line if tile.ticks[1] else 0.0
        if self._upright(tile, w):
            high = 0.6 * line + max(measured(label, 0.8 * self.type) for label in tile.ticks[1].values())
        return high + (1.4 * line if tile.across else 0.0)

    def _small(self, tile: Tile, w: float) -> float:
        """The size of the labels beside a tile: smaller where each must have its place and there is little."""
        if not tile.named:
            return 0.8
        return min(0.8, 72 / self.type * min(w * tile.shape / len(tile.ticks[0]), w / len(tile.ticks[1])))

    def _upright(self, tile: Tile, w: float) -> bool:
        """Whether the labels under a tile must be turned, for each to have its place."""
        labels = tile.ticks[1].values()
        return tile.named and max(measured(label, 0.8 * self.type) for label in labels) > 0.92 * w / len(labels)

    def _tile(self, tile: Tile, x: float, y: float, w: float, h: float) -> None:
        if tile.under is not None:
            grey = np.repeat(tile.under.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
            self._image(grey, x, y, w, h, smooth=True)
        colours = tile.values if tile.scale is None else _coloured(tile.values, tile.scale)
        smooth = tile.scale is None and not tile.crisp
        self._image(colours, x, y, w, h, smooth, alpha=None if tile.under is None else 0.62)
        rows, cols = tile.lines or tile.values.shape[:2]
        if tile.lines:
            for colour, width in (("#00000059", 1.0), ("#ffffffbf", 0.5)):
                for n in range(1, rows):
                    self.line((x, x + w), (y + n * h / rows,) * 2, colour, width)
                for n in range(1, cols):
                    self.line((x + n * w / cols,) * 2, (y, y + h), colour, width)
        self.frame(x, y, w, h, self.theme.quiet, 0.5)
        for row, column in tile.marks:
            for colour, width in (("#000000", 2.2), ("#ffffff", 1.1)):
                self.frame(x + column * w / cols, y + row * h / rows, w / cols, h / rows, colour, width)
        if tile.numbers:
            self._numbers(tile, colours, x, y, w, h)
        self._ticks(tile, x, y, w, h)

    def _numbers(self, tile: Tile, colours: np.ndarray, x: float, y: float, w: float, h: float) -> None:
        """Each cell's number in the middle of it, in black or white, whichever stands out."""
        rows, cols = tile.values.shape[:2]
        points = 72 * min(0.88 * w / cols / _widest(tile, 72), 0.62 * h / rows)
        size = min(0.85, points / self.type)
        for r, row in enumerate(tile.numbers):
            for c, number in enumerate(row):
                colour = colours[r, c]
                ink = "#000000" if luminance(colour[:3]) > 0.179 else "#ffffff"
                if len(colour) == 4 and not colour[3]:
                    ink = self.theme.quiet
                place = x + (c + 0.5) * w / cols, y + (r + 0.5) * h / rows + 0.36 * size * self.type / 72
                self.text(*place, number, size, ink, "center")

    def _image(
        self, colours: np.ndarray, x: float, y: float, w: float, h: float, smooth: bool, alpha: float | None = None
    ) -> None:
        """Cells as whole blocks of pixels, at least 300 an inch, so that no viewer can blur them; photographs as they are."""
        if smooth:  # a photograph: 200 an inch are enough
            most = (max(1, round(200 * w)), max(1, round(200 * h)))
            if most[0] < colours.shape[1]:
                colours = np.asarray(Image.fromarray(colours).resize(most, Image.Resampling.LANCZOS))
        else:
            times = [max(1, math.ceil(300 * side / n)) for side, n in ((h, colours.shape[0]), (w, colours.shape[1]))]
            colours = colours.repeat(times[0], 0).repeat(times[1], 1)
        self.axes.imshow(colours, extent=(x, x + w, y + h, y), aspect="auto", interpolation="none", alpha=alpha)

    def _ticks(self, tile: Tile, x: float, y: float, w: float, h: float) -> None:
        """Tick marks everywhere, labels as close as they have room; then the axes' names."""
        line, size, colour = self.type / 72, self._small(tile, w), self.theme.quiet
        rows, cols = tile.values.shape[:2]
        down, across = tile.ticks
        free = -math.inf
        for at, label in down.items():
            place = y + at / rows * h
            self.line((x - 0.3 * line, x), (place, place), colour, 0.6)
            if tile.named or place - free >= 0.95 * line:
                self.text(x - 0.45 * line, place + 0.28 * line, label, size, colour, "right")
                free = place
        free = -math.inf
        upright = self._upright(tile, w)
        for at, label in across.items():
            place, half = x + at / cols * w, measured(label, size * self.type) / 2
            self.line((place, place), (y + h, y + h + 0.3 * line), colour, 0.6)
            if upright:
                self.text(place + 0.28 * line, y + h + 0.45 * line, label, size, colour, "right", turn=True)
            elif place - half >= free:
                self.text(place, y + h + 1.15 * line, label, size, colour, "center")
                free = place + half + 0.4 * line
        if tile.across:
            half = measured(tile.across, 0.9 * self.type) / 2  # of its name, which stays on the sheet
            middle = max(half, min(x + w / 2, self.width.inches - 0.5 * self.type / 72 - half))
            self.text(middle, y + h + self._below(tile, w) - 0.3 * line, tile.across, 0.9, colour, "center")
        if tile.down:
            fitting = min(0.9, 0.9 * 1.15 * h / measured(tile.down, 0.9 * self.type))
            self.text(x - self._labels(tile) - 0.9 * line, y + h / 2, tile.down, fitting, colour, "center", turn=True)

    def _bar(self, scale: Scale, y: float, draw: bool, x: float | None = None, room: float | None = None) -> float:
        """A colour bar with its ends, its middle and what it measures: over the whole width, or under tiles over ``room``."""
        line, high = self.type / 72, 0.7 * self.type / 72
        wide = min(self.room * 0.42, 26 * line) if room is None else min(room, 26 * line)
        beside = self.room - wide - 0.8 * line if room is None else 0.0
        x, room = self.margin if x is None else x, self.room if room is None else room
        if measured(scale.quantity, 0.95 * self.type) > beside:  # above the bar instead
            for words in wrapped(scale.quantity, 0.95 * self.type, room):
                if draw:
                    self.text(x, y + 1.1 * line, words, 0.95)
                y += 1.3 * line
            beside = 0.0
        if draw:
            low, top = scale.ends
            shades = np.geomspace(low, top, 256) if scale.log else np.linspace(low, top, 256)
            middle = math.sqrt(low * top) if scale.log else (low + top) / 2
            if scale.root:
                shades, middle = np.linspace(0, math.sqrt(top), 256) ** 2, top / 4
            top_edge = y + 0.4 * line
            self._image(_coloured(shades[None], scale), x, top_edge, wide, high, smooth=False)
            self.frame(x, top_edge, wide, high, self.theme.quiet, 0.5)
            said = [on_scale(value, top) for value in (low, middle, top)]
            if scale.low == scale.high:  # one number, such as the 0 of a projection that has not been trained
                only = on_scale(scale.low, scale.low)
                said = ["", only, ""] if scale.signed else [only, "", ""]
            elif scale.log:  # numbers of all sizes
                said = [on_scale(value, value) for value in (low, middle, top)]
            widths = [measured(text, 0.85 * self.type) for text in said]
            size = min(0.85, 0.85 * (wide - 0.4 * line) / max(widths[0] + widths[2], 1e-9))
            crowded = widths[1] / 2 + max(widths[0], widths[2]) + 0.3 * line > wide / 2
            for place, text, align in ((0.0, said[0], "left"), (0.5, said[1], "center"), (1.0, said[2], "right")):
                if not (crowded and align == "center"):
                    self.text(x + place * wide, y + high + 1.5 * line, text, size, self.theme.quiet, align)
            if beside:
                self.text(x + wide + 0.8 * line, y + 0.4 * line + high * 0.85, scale.quantity, 0.95)
        return y + high + 2.0 * line

    def _legend(
        self, named: Sequence[tuple[str, str | Series]], y: float, draw: bool, x0: float | None = None,
        room: float | None = None,
    ) -> float:  # fmt: skip
        """Names beside their colour, or a series' line and marker, in lines over ``room`` from ``x0``; returns where it ends."""
        line = self.type / 72
        x0, room = self.margin if x0 is None else x0, self.room if room is None else room
        x, y = x0, y + 0.4 * line
        for name, sign in named:
            wide_sign = 0.9 * line if isinstance(sign, str) else 2.4 * line if sign.dash else 0.9 * line
            parts = wrapped(name, self.type * 0.9, room - wide_sign - 0.4 * line)
            wide = max(measured(part, self.type * 0.9) for part in parts) + wide_sign + 1.7 * line
            if x + wide - 1.3 * line > x0 + room and x > x0:
                x, y = x0, y + 1.5 * line
            if draw and isinstance(sign, str):
                self.frame(x, y + 0.1 * line, wide_sign, 0.9 * line, self.theme.quiet, 0.4, sign)
            elif draw and isinstance(sign, Series):
                self._series(sign, [x, x + wide_sign], [y + 0.55 * line] * 2, middle=True)
            for n, part in enumerate(parts):
                if draw:
                    self.text(x + wide_sign + 0.4 * line, y + (0.85 + 1.3 * n) * line, part, 0.9)
            y += 1.3 * (len(parts) - 1) * line
            x += wide
        return y + 1.6 * line

    # ---- charts

    def _charts(self, share: float, y: float, draw: bool) -> float:
        """The charts side by side, as many in a line as there are tiles; returns where they end."""
        line, many = self.type / 72, min(self.across, len(self.panel.charts))
        gap = 1.5 * line
        w = (self.room * share - (many - 1) * gap) / many
        x0 = self.margin + self.room * (1 - share) / 2
        for first in range(0, len(self.panel.charts), many):
            row = self.panel.charts[first : first + many]
            # Their frames begin and end at the same height.
            heads = max(self._chart_head(chart, 0.0, 0.0, w, False) for chart in row)
            ends = []
            for n, chart in enumerate(row):
                x = x0 + n * (w + gap)
                if draw:
                    self._chart_head(chart, x, y, w, True)
                ends.append(self._chart(chart, x, y + heads, w, draw))
            y = max(ends) + 0.8 * line
        return y

    def _chart_head(self, chart: Chart, x: float, y: float, w: float, draw: bool) -> float:
        """A chart's title and the key to its series; returns how high they are."""
        line, start = self.type / 72, y
        for words in wrapped(chart.title, self.type, w, "bold"):
            if draw:
                self.text(x, y + line, words, 1.0, weight="bold")
            y += 1.3 * line
        named = {series.name: series for series in chart.series if series.name}
        return self._legend(list(named.items()), y, draw, x, w) - start

    def _chart(self, chart: Chart, x: float, y: float, w: float, draw: bool) -> float:
        """Frame, axes and series; returns where the axis's name ends."""
        line, size, quiet = self.type / 72, 0.8, self.theme.quiet
        along, upward = _ticks_of(chart.across), _ticks_of(chart.up)
        beside = _ticks_of(chart.right) if chart.right else {}

        def widest(ticks: Mapping[float, str]) -> float:
            return max((measured(label, size * self.type) for label in ticks.values()), default=0.0)

        last = max(
            (measured(part, size * self.type) for label in along.values() for part in label.split("\n")),
            default=0.0,
        )
        left = widest(upward) + 2.2 * line
        right = widest(beside) + 2.2 * line if chart.right else last / 2
        rows = max((label.count("\n") + 1 for label in along.values()), default=1)
        w = w - left - right
        h = w * chart.shape
        x += left
        name = wrapped(chart.across.name, 0.9 * self.type, w + right)
        end = y + h + (0.4 + 1.1 * rows + 1.3 * len(name)) * line
        if not draw:
            return end
        across, up, beyond = (_along(axis) for axis in (chart.across, chart.up, chart.right or chart.up))
        for at, label in upward.items():
            place = y + h * (1 - up(at))
            self.line((x, x + w), (place, place), self.theme.line, 0.4)
            self.text(x - 0.4 * line, place + 0.28 * line, label, size, quiet, "right")
        free = -math.inf
        for at, label in along.items():
            place = x + w * across(at)
            half = max(measured(part, size * self.type) for part in label.split("\n")) / 2
            self.line((place, place), (y, y + h), self.theme.line, 0.4)
            if place - half >= free:
                for n, part in enumerate(label.split("\n")):
                    self.text(place, y + h + (1.1 + 1.1 * n) * line, part, size, quiet, "center")
                free = place + half + 0.4 * line
        for at, label in beside.items():
            place = y + h * (1 - beyond(at))
            self.line((x + w, x + w + 0.3 * line), (place, place), quiet, 0.6)
            self.text(x + w + 0.5 * line, place + 0.28 * line, label, size, quiet)
        if chart.right:
            fitting = min(0.9, h / measured(chart.right.name, self.type))
            self.text(x + w + right - 0.2 * line, y + h / 2, chart.right.name, fitting, quiet, "center", turn=True)
        self.frame(x, y, w, h, quiet, 0.6)
        for n, part in enumerate(name):
            self.text(x + w / 2, end - (0.3 + 1.3 * (len(name) - 1 - n)) * line, part, 0.9, quiet, "center")
        fitting = min(0.9, h / measured(chart.up.name, self.type))
        self.text(x - left + 0.8 * line, y + h / 2, chart.up.name, fitting, quiet, "center", turn=True)
        for series in chart.series:
            height = beyond if series.right else up
            self._series(series, [x + w * across(at) for at in series.x], [y + h * (1 - height(at)) for at in series.y])
        return end

    def _series(self, series: Series, x: Sequence[float], y: Sequence[float], middle: bool = False) -> None:
        """A line and markers through places in inches; in a key (``middle``) one marker in the line's middle."""
        if series.dash:
            self.line(x, y, series.colour, 1.6, series.dash)
        if series.marker:
            size = self.type * 0.62
            x, y = ([sum(x) / len(x)], y[:1]) if middle else (x, y)
            fill = "none" if series.hollow else series.colour
            self.axes.add_line(
                Line2D(
                    x, y, linestyle="none", marker=series.marker, markersize=size, markerfacecolor=fill,
                    markeredgecolor=series.colour, markeredgewidth=0.14 * size,
                )
            )  # fmt: skip

    # ---- tables

    def _table(self, table: Table, share: float, y: float, draw: bool) -> float:
        """Rows under their columns; where they are too wide words are wrapped; returns where it ends."""
        y = self._heading(table.title, y, draw)
        size = 0.9 * share
        points, line, room = size * self.type, share * self.type / 72, self.room
        gap = 1.3 * line
        count = len(table.columns)
        has_bar = [
            any(row[c - 1] is not None for row in table.bars) if c and table.bars else False for c in range(count)
        ]

        def wide(c: int, whole: bool) -> float:
            """Of column c: its longest line or, not ``whole``, its longest word; numbers stay on one line."""
            weight = "bold" if c == 0 and table.sums else "normal"
            numbers = c > 0 and not table.words
            cells = [_longest(row[c], points, weight, whole or (numbers and len(row[c]) < 20)) for row in table.rows]
            found = 1.01 * max(*cells, _longest(table.columns[c], points, "bold", whole))
            # Chinese can be broken anywhere, which a few characters a line should not be.
            return found if whole else max(found, min(wide(c, True), (4 if c else 7) * points / 72))

        broad, least = ([wide(c, whole) for c in range(count)] for whole in (True, False))
        left = room - gap * (count - 1) - (4 * line + 0.5 * line) * sum(has_bar)
        if sum(broad) > left:
            give = max(0.0, min(1.0, (left - sum(least)) / max(1e-9, sum(broad) - sum(least))))
            if sum(least) > left:  # not even the longest words fit: smaller type
                points *= left / sum(least)
                least = [width * left / sum(least) for width in least]
                size = points / self.type
                broad, give = least, 0.0
            widths = [a + (b - a) * give for a, b in zip(least, broad, strict=True)]
        else:
            widths = broad
        spare = room - sum(widths) - gap * (count - 1)
        bar = min(12 * line, spare / sum(has_bar) - 0.5 * line) if any(has_bar) else 0.0
        places, x = [], self.margin
        for width, with_bar in zip(widths, has_bar, strict=True):
            places.append(x)
            x += width + (bar + 0.5 * line if with_bar else 0.0) + gap
        right = x - gap

        def row_of(cells: Sequence[str], y: float, weight: str, foot: bool) -> float:
            parts = [wrapped(cell, points, width + 0.01, weight) for cell, width in zip(cells, widths, strict=True)]
            high = max(1, *map(len, parts)) * 1.3 * line * size / 0.9 / share
            step = 1.3 * line * size / 0.9 / share
            for c, lines in enumerate(parts):
                # Numbers stand on one line with their row's end, headings on that of their rule.
                top = y + (high - step * len(lines) if foot else 0.0)
                for n, words in enumerate(lines):
                    if draw and (c == 0 or table.words):
                        self.text(places[c], top + (n + 0.78) * step, words, size, weight=weight)
                    elif draw:
                        self.text(
                            places[c] + widths[c], top + (n + 0.78) * step, words, size, align="right", weight=weight
                        )
            return y + high

        y = row_of(table.columns, y, "bold", foot=True) + 0.25 * line
        if draw:
            self.line((self.margin, right), (y, y), self.theme.ink, 0.9)
        for n, row in enumerate(table.rows):
            if n in table.parts:
                y += 0.5 * line
                for words in wrapped(table.parts[n], points, right - self.margin, "bold"):
                    if draw:
                        self.text(self.margin, y + 1.0 * line, words, size, self._axis_colour("heads"), weight="bold")
                    y += 1.35 * line
            start = y + 0.25 * line
            y = row_of(row, start, "bold" if n in table.sums else "normal", foot=False) + 0.25 * line
            for c, value in enumerate(table.bars[n] if table.bars else (), 1):
                if draw and value is not None:
                    high = 0.75 * line
                    self.frame(
                        places[c] + widths[c] + 0.5 * line, start + 0.25 * line, bar * value, high, BAR, 0.0, BAR
                    )
            if draw:
                self.line((self.margin, right), (y, y), self.theme.ink if n in table.sums else self.theme.line, 0.5)
        return y + 0.9 * line

    def _axis_colour(self, axis: str) -> str:
        known = AXES[axis.rstrip("0123456789") if axis not in AXES else axis]
        return known.dark if self.theme.dark else known.light

    # ---- shape diagrams

    def _diagram(self, share: float, draw: bool) -> float:
        """The lesson's own SVG, drawn again: boxes, lines and words at their places, in the theme's colours."""
        upright = self.panel.upright and self.look.width == "column"
        root = ET.fromstring(self.panel.upright if upright else self.panel.diagram)
        width, height = float(root.get("width", "")), float(root.get("height", ""))
        # As large as there is room, but no type larger than a title's.
        wide = min(self.room * share, width * self.type * 1.25 / 13 / 72)
        high = wide * height / width
        if draw:
            x = self.margin + (self.room - wide) / 2
            place = Affine2D().scale(wide / width).translate(x, self.y) + self.axes.transData
            for element in root.iter():
                self._element(element, place, 72 * wide / width)
        return high

    def _element(self, element: ET.Element, place: Transform, points: float) -> None:
        """One of the drawing's marks; ``points`` are those of its own unit."""
        kind, shape = element.get("class", ""), element.tag.rpartition("}")[2]
        at = {name: float(element.get(name, "0")) for name in ("x", "y", "width", "height", "rx", "cx", "cy", "r")}
        stroke = self._stroke(element.get("stroke", ""), kind)
        paper = self.theme.paper or "#ffffff"
        patch: Patch | None = None
        if shape == "path":
            family, _, strand = kind.partition(" ")
            wide = {"link": 2.5, "edge": 3.0, "arrow": 1.5, "around": 2.0, "ribbon": 20.0}[family]
            if family == "ribbon":
                stroke = STRANDS[self.theme.dark].get(strand, self.theme.quiet)
            dashes = (0, (3 / wide * 1.2, 4 / wide * 1.2)) if element.get("stroke-dasharray") else "-"
            patch = PathPatch(
                _path(element.get("d", "")), fill=False, edgecolor=stroke, linewidth=wide * points, linestyle=dashes,
                alpha={"link": 0.8, "ribbon": 0.25}.get(family, 1), zorder=-1 if family == "ribbon" else 1, capstyle="round" if kind == "edge" else "butt",
            )  # fmt: skip
        elif shape == "rect" and kind == "sheet":
            patch = Rectangle(
                (at["x"], at["y"]), at["width"], at["height"], facecolor=self.theme.panel, edgecolor=self.theme.quiet,
                linewidth=0.8 * points,
            )  # fmt: skip
        elif shape == "rect":
            patch = FancyBboxPatch(
                (at["x"], at["y"]), at["width"], at["height"], boxstyle=f"round,pad=0,rounding_size={at['rx']}",
                facecolor=self.theme.paper or "none", edgecolor=stroke, linewidth=1.3 * points,
            )  # fmt: skip
        elif shape == "circle":
            patch = Circle(
                (at["cx"], at["cy"]), at["r"], facecolor=paper, edgecolor=stroke, linewidth=2 * points, zorder=3
            )
        elif shape == "image":
            self._picture(self.panel.pictures[element.get("href", "")], at, place)
        if patch is not None:
            patch.set_transform(place)
            self.axes.add_patch(patch)
        elif shape == "text":
            size = 12 if kind in ("sum", "aside", "edge-label") else 13
            align = {"middle": "center", "end": "right"}.get(element.get("text-anchor", ""), "left")
            weight = "normal" if kind in ("sum", "aside") else "bold"
            text = shown(element.text or "")
            words = self.axes.text(
                at["x"], at["y"], text, color=self._stroke(element.get("fill", ""), kind), ha=align,
                va="baseline", zorder=4, parse_math=False, transform=place,
                fontproperties=font(text, size * points * 0.86, weight),
            )  # fmt: skip
            if kind in ("aside", "op") and self.theme.paper:
                words.set_bbox({"facecolor": paper, "edgecolor": "none", "pad": 0.6 * points})

    def _picture(self, tile: Tile, at: Mapping[str, float], place: Transform) -> None:
        """A tile in a drawing, at a place given in the drawing's own units."""
        colours = tile.values if tile.scale is None else _coloured(tile.values, tile.scale)
        to_sheet = place - self.axes.transData
        (x, y), (right, low) = to_sheet.transform([(at["x"], at["y"]), (at["x"] + at["width"], at["y"] + at["height"])])
        self._image(colours, x, y, right - x, low - y, smooth=tile.scale is None)
        self.frame(x, y, right - x, low - y, self.theme.quiet, 0.5)

    def _stroke(self, colour: str, kind: str) -> str:
        """The colour of a "var(--axis-NAME)", or the one of this kind of mark."""
        if found := re.fullmatch(r"var\(--axis-(\w+)\)", colour):
            return self._axis_colour(found[1])
        return self.theme.quiet if kind in ("aside", "arrow", "around", "sign") else self.theme.ink


def _widest(tile: Tile, size: float) -> float:
    """Width in inches of the widest of a tile's numbers at ``size`` points."""
    return max(measured(number, size) for row in tile.numbers for number in row)


def _longest(text: str, size: float, weight: str, whole: bool) -> float:
    """Width of a text on one line, or of the longest of its words, which cannot be broken."""
    parts = [text] if whole else wrapped(text, size, 0.0, weight)
    return max((measured(part, size, weight) for part in parts), default=0.0)


def _ticks_of(axis: Axis) -> dict[float, str]:
    """An axis's own ticks, or powers of ten, or round numbers."""
    if axis.ticks is not None:
        return dict(axis.ticks)
    if axis.log:
        powers = range(math.ceil(math.log10(axis.low)), math.floor(math.log10(axis.high)) + 1)
        return {10.0**n: "10" + str(n).translate(RAISED) for n in powers}
    places = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(axis.low, axis.high)
    return {at: on_scale(at, max(abs(axis.low), abs(axis.high))) for at in places if axis.low <= at <= axis.high}


def _along(axis: Axis) -> Callable[[float], float]:
    """How far along an axis a number lies, 0 to 1."""
    if axis.log:
        return lambda at: math.log(at / axis.low) / math.log(axis.high / axis.low)
    return lambda at: (at - axis.low) / (axis.high - axis.low)


def _norm(scale: Scale) -> Normalize:
    low, high = scale.ends
    if scale.root:
        return PowerNorm(0.5, low, high)
    return LogNorm(low, high) if scale.log else Normalize(low, high)


def map_of(scale: Scale) -> str:
    """The name of its colour map."""
    return "RdBu_r" if scale.diverging else "viridis"


@cache
def colours(name: str) -> Colormap:
    """A colour map of 256 shades, however many a matplotlibrc has the maps made of."""
    return matplotlib.colormaps[name].resampled(256)


def _coloured(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Numbers as colours (rows, cols, 4) uint8; transparent where there is no number."""
    low, high = scale.ends
    return colours(map_of(scale))(_norm(scale)(np.clip(np.ma.masked_invalid(values), low, high)), bytes=True)


def _path(d: str) -> Path:
    """A path of the diagrams' M, C, Q, h, v, l (letters in capitals are absolute) for matplotlib."""
    places: list[tuple[float, float]] = []
    codes: list[int] = []
    x = y = 0.0
    for letter, rest in re.findall(r"([MCQLhvlm])([^A-Za-z]*)", d.replace("e-", "E-")):
        numbers = [float(n) for n in re.findall(r"-?\d*\.?\d+(?:E-\d+)?", rest)]
        if letter == "h":
            points = [(x + n, y) for n in numbers]
        elif letter == "v":
            points = [(x, y + n) for n in numbers]
        else:
            points = []
            pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
            for dx, dy in pairs:
                if letter.islower():
                    x, y = x + dx, y + dy
                    points.append((x, y))
                else:
                    points.append((dx, dy))
        code = {"M": Path.MOVETO, "m": Path.MOVETO, "C": Path.CURVE4, "Q": Path.CURVE3}.get(letter, Path.LINETO)
        places += points
        codes += [int(code)] * len(points)
        x, y = places[-1]
    return Path(np.array(places), codes)


def _with_fonts(svg: bytes) -> bytes:
    """The SVG with the glyphs of its own words inside, as WOFF: it looks the same wherever it is opened."""
    text = svg.decode()
    used = sorted(set("".join(ET.fromstring(svg).itertext())) - {"\n"})
    wanted: dict[tuple[str, str], set[int]] = {}
    for c in used:
        if family := drawing.family_of(c):
            wanted.setdefault((family, "normal"), set()).add(ord(c))
        if "font-weight: 700" in text and drawing.has(LATIN, c, "bold"):  # matplotlib's word for bold
            wanted.setdefault((LATIN, "bold"), set()).add(ord(c))
    faces = [
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; "
        f"src: url(data:font/woff;base64,{_glyphs(family, weight, frozenset(characters))}) format('woff'); }}"
        for (family, weight), characters in wanted.items()
    ]
    return re.sub(r"(<style type=\"text/css\">)", r"\1" + "\n".join(faces), text, count=1).encode()


@lru_cache(maxsize=256)
def _glyphs(family: str, weight: str, characters: frozenset[int]) -> str:
    """A WOFF of these characters, in base64."""
    near = io.BytesIO(_near(family, weight, characters - _usual(family)))
    return base64.b64encode(fonts.part(near, characters, "woff")).decode()


@cache
def _usual(family: str) -> frozenset[int]:
    """The characters that figures mostly use."""
    return frozenset(map(ord, fonts.own_characters())) if family == drawing.CHINESE else USUAL


@lru_cache(maxsize=16)
def _near(family: str, weight: str, further: frozenset[int]) -> bytes:
    """A font of the usual characters and a few further ones, such as those of a name: taking a few glyphs out of it is
    faster than out of the whole, and the figures of a picture share it."""
    file = drawing.file_of(family, weight)
    return fonts.part(file.path, _usual(family) | further, face=file.face_index)
