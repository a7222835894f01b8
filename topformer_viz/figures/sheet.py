"""Panels drawn with matplotlib, and files of them: PNG, SVG, PDF. Lengths are inches, type sizes points.

Layout is computed, not fitted: words are measured before they are placed, so that nothing is cut off or overlaps. Text
stays text in SVG and PDF; both hold the glyphs they need, so a machine without a Chinese font shows them as well (but for
an SVG in the document's own font).
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import product
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from topformer_viz.figures import drawing
from topformer_viz.figures.charts import charts
from topformer_viz.figures.diagram_paint import diagram
from topformer_viz.figures.glyphs import with_fonts, without_fonts
from topformer_viz.figures.legends import colour_bar, legend
from topformer_viz.figures.look import FONTS, FORMATS, SMALLEST, THEMES, WIDTHS, Format, Look
from topformer_viz.figures.panel import Group, Panel
from topformer_viz.figures.paper import Box, Paper, abreast, heading, space, stacked, words
from topformer_viz.figures.tables import table
from topformer_viz.figures.tiles import pictures
from topformer_viz.figures.typeset import wrapped
from topformer_viz.words.misspelt import known
from topformer_viz.words.text import Lang, Text

WITHOUT_FONT = Text(
    "{sign} stands for a character that no font here has: {codes}.", "{sign} 表示这里的字体都没有的字符：{codes}。"
)
MOST_CODES = 6  # of characters that the line above names


def save(panel: Panel, format: Format, look: Look, scale: int = 1) -> bytes:
    """The panel as a file, the same bytes whenever it is made and whatever matplotlib's settings are; a PNG has 96 * ``scale``
    dots an inch. ValueError for a format that is none of FORMATS."""
    return write(draw(panel, look), panel, format, scale, look.font)


def write(figure: Figure, panel: Panel, format: Format, scale: int = 1, font: str = FONTS[0]) -> bytes:
    """What ``save`` returns, of a figure that is drawn already in ``font``."""
    known("format", format, FORMATS)
    out = io.BytesIO()
    fonts_in_pdf = drawing.pdf_font_type("".join(_said(panel)))
    with drawing.drawing(**{"svg.hashsalt": panel.name, "pdf.fonttype": fonts_in_pdf}):
        metadata: dict[str, str | None] = {"Title": panel.title}
        if format == "svg":
            metadata |= {"Date": None, "Creator": None, "Description": panel.caption}
        elif format == "pdf":
            metadata |= {"CreationDate": None, "Producer": None, "Creator": None, "Subject": panel.caption}
        else:
            metadata |= {"Description": panel.caption, "Software": None}
        figure.savefig(out, format=format, dpi=96 * scale if format == "png" else 72, metadata=metadata)
    if format != "svg":
        return out.getvalue()
    return without_fonts(out.getvalue()) if font == "document" else with_fonts(out.getvalue())


def draw(panel: Panel, look: Look) -> Figure:
    """The panel as a figure of ``look``'s width, as high as what it holds; a slide always fills its 16 : 9."""
    if missing := drawing.without_font("".join(_said(panel))):
        drawing.tell(tuple(missing))
    with drawing.drawing(), drawing.typeface(look.font):
        return _drawn(panel, look, missing)


def _said(value: object) -> Iterator[str]:
    """All that is written in a panel or a part of it."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for part in fields(value):
            yield from _said(getattr(value, part.name))
    elif isinstance(value, Mapping):
        yield from _said(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _said(part)


def _drawn(panel: Panel, look: Look, missing: Sequence[str]) -> Figure:
    width, slide = WIDTHS[look.width], look.width == "slide"
    figure = Figure(figsize=(width.inches, width.most), facecolor=THEMES[look.theme].paper or "none")
    FigureCanvasAgg(figure)
    whole = Paper(figure.add_axes((0, 0, 1, 1)), look, width.type)
    for smaller in (1.0, 0.8, 0.65):  # on a slide, words give way to tiles
        paper = replace(whole, type=width.type * smaller)
        header, caption, footer = Box(), Box(), 0.0
        if not look.bare:
            header, caption = _header(panel, paper), _caption(panel, paper, missing)
            footer = caption.height + 0.9 * paper.type / 72
        most = width.most - header.height - footer - 2 * paper.margin
        content = _fitting(panel, paper, most)
        labelled = [side for group, side in zip(panel.groups, content.sides, strict=True) if group.tiles[0].down]
        if not slide or min(labelled, default=math.inf) >= SMALLEST:
            break
    high = content.box.height
    total = width.most if slide else header.height + high + footer + 2 * paper.margin
    figure.set_figheight(total)
    paper.axes.set(xlim=(0, width.inches), ylim=(total, 0), autoscale_on=False)
    paper.axes.set_axis_off()
    top = paper.margin + header.height + (max(0.0, most - high) / 2 if slide else 0)
    header.paint(paper.margin, paper.margin)
    caption.paint(paper.margin, total - paper.margin - caption.height)
    content.box.paint(paper.margin, top)
    return figure


def _header(panel: Panel, paper: Paper) -> Box:
    title = wrapped(panel.title, paper.type * 1.35, paper.room, "bold")
    about = wrapped(panel.about, paper.type, paper.room)
    return stacked(
        _lines(title, paper, 1.35, paper.theme.ink, "bold"),
        _lines(about, paper, 1.0, paper.theme.quiet),
        space(0.6 * paper.type / 72),
    )


def _caption(panel: Panel, paper: Paper, missing: Sequence[str]) -> Box:
    """The caption, and what characters are ``missing`` in the figure."""
    caption = wrapped(panel.caption, paper.points(0.95), paper.room)
    if missing:
        codes = [drawing.code(c) for c in missing]
        codes[MOST_CODES:] = ["…"] * (len(codes) > MOST_CODES)
        lang: Lang = "zh" if panel.caption.endswith("。") else "en"
        said = WITHOUT_FONT(lang, sign=drawing.REPLACEMENT, codes=", ".join(codes))
        caption += wrapped(said, paper.points(0.95), paper.room)
    return _lines(caption, paper, 0.95, paper.theme.quiet)


def _lines(lines: Sequence[str], paper: Paper, size: float, colour: str, weight: str = "normal") -> Box:
    """Lines of running text, wider apart than those within a figure."""

    def paint(x: float, y: float) -> None:
        for line in lines:
            y += 1.4 * size * paper.type / 72
            paper.text(x, y - 0.35 * size * paper.type / 72, line, size, colour, weight=weight)

    return Box((len(lines) * 1.4 * size * paper.type / 72,), paint)


class Content(NamedTuple):
    """What stands between header and footer, how wide each group's tiles are, and how ``tight`` the tightest are."""

    box: Box
    sides: tuple[float, ...] = ()
    tight: float = 0.0


def _fitting(panel: Panel, paper: Paper, most: float) -> Content:
    """The content, at most ``most`` high, with as many tiles in a line and groups beside one another as suit the width."""
    tiles = [len(group.tiles) for group in panel.groups if group.across is None and not group.natural]
    free = max(max(tiles, default=1), len(panel.charts))
    # On a slide, which is wide, groups may stand side by side.
    groups = min(3, len(panel.groups)) if paper.width.wanted is None else 1
    found = []
    for across, beside in product(range(1, free + 1), range(1, max(1, groups) + 1)):
        share, content = 1.0, _content(panel, paper, 1.0, across, beside)
        for _ in range(12):
            if content.box.height <= most:
                break
            share *= max(0.5, min(0.97, most / content.box.height))
            content = _content(panel, paper, share, across, beside)
        if paper.width.wanted is None:
            sizes = content.sides or [share / across]
            cost = -sum(math.log(max(size, 1e-6)) for size in sizes) / len(sizes)
        else:
            gaps = -free % across / free if free <= 12 else 0  # a line that is not full
            form = max(content.box.height / share**2, 1e-6) / (paper.width.wanted * paper.room)
            cost = abs(math.log(form)) + 1.5 * gaps
        found.append((cost + content.tight, content))
    return min(found, key=lambda pair: pair[0])[1]


def _content(panel: Panel, paper: Paper, share: float, across: int, beside: int) -> Content:
    """The content over ``share`` of the width, ``across`` tiles in a line and ``beside`` groups."""
    room = paper.room
    if panel.diagram:
        return Content(diagram(panel, paper, room, share))
    groups = _groups(panel.groups, paper, share, across, beside)
    parts = [groups.box]
    if panel.charts:
        parts.append(charts(panel.charts, paper, room, share, across))
    parts += [table(each, paper, room, share) for each in panel.tables]
    if panel.legend:
        parts.append(legend(panel.legend, paper, room))
    return groups._replace(box=stacked(*parts))


def _groups(groups: Sequence[Group], paper: Paper, share: float, across: int, beside: int) -> Content:
    """Groups of tiles under their titles, ``beside`` one another; a colour bar stands under the tiles or the group that it
    explains, or under them all. What all tiles measure is said once, at the end."""
    room, line = paper.room, paper.line
    by_group = [dict.fromkeys(t.scale for t in g.tiles if t.scale and t.scale.quantity) for g in groups]
    scales = list(dict.fromkeys(scale for own in by_group for scale in own))
    own_bars = len(scales) > 1 and (len(by_group) > 1 or any(len(own) > 1 for own in by_group))
    names = list(dict.fromkeys(scale.quantity for scale in scales))
    once = own_bars and len(names) == 1
    gap = 2 * line if beside > 1 else 0.0
    column = (room - gap * (beside - 1)) / beside
    laid, boxes = [], []
    for group, own in zip(groups, by_group, strict=True):
        title = heading(group.title, paper, column, paper.axis_colour("heads"))
        tiles = pictures(group, paper, column, share, across, own_bars and len(own) > 1, not once)
        bar = [colour_bar(scale, paper, column, named=not once) for scale in own if own_bars and len(own) == 1]
        laid.append(tiles)
        boxes.append(stacked(title, tiles.box, *bar))
    parts = []
    for first in range(0, len(boxes), beside):
        parts += [abreast(boxes[first : first + beside], column + gap), space(0.8 * line)]
    if not own_bars:
        parts += [colour_bar(scale, paper, room) for scale in scales]
    if once:
        said = wrapped(names[0], paper.points(0.95), room)
        parts += [words(said, paper, 0.95, first=0.3 * line, step=1.3 * line)]
    return Content(
        stacked(*parts), tuple(tiles.side for tiles in laid), max((tiles.tight for tiles in laid), default=0.0)
    )
