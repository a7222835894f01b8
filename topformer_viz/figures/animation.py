"""The lesson as an animated GIF: a query walks over the photograph and the heads follow, then the stages build up.

Every frame is drawn from a panel, as a slide, and has a strip beneath it. While the query walks, only the maps and the
strip change; they are set into the one drawn frame as cells of flat colour.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from topformer_viz.figures.drawing import drawing
from topformer_viz.figures.look import THEMES, Look
from topformer_viz.figures.panel import Group, Panel, Scale, Tile
from topformer_viz.figures.shades import colours, map_of
from topformer_viz.figures.sheet import draw
from topformer_viz.figures.stages import stage_panel
from topformer_viz.figures.subject import Subject, numbers
from topformer_viz.network.pauses import pause
from topformer_viz.run.walk import walk
from topformer_viz.words.text import Text

WIDTH, HEIGHT, STRIP = 960, 540, 64  # of a slide and of the strip beneath it, in image pixels
STEPS = 48  # tokens that the query visits at most
STEP, STAY, END = 140, 1500, 3000  # milliseconds: a step of the query, a stage, the last stage
LEVELS = (
    96  # of a GIF's 256 colours: those of the colour map; the last is the transparent one, the rest are the drawing's
)
CLEAR = 255
Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom, in image pixels

TITLE = Text("What each token reads", "每个 token 读什么")
WALKING = Text(
    "The frame moves from token to token. Each head's map is that token's row of the attention weights; beneath, the same rows as strips. Every map's colours go from 0 to its own maximum and grow with the square root of the weight.",
    "方框逐个 token 移动。每个头的图是这个 token 的那一行注意力权重，下方把同样的行排成横条。每幅图的颜色都从 0 到它自己的最大值，随权重的平方根变化。",
)


def gif(subject: Subject, block: int, head: int | None, look: Look) -> bytes:
    """The animation of ``block``, of one ``head`` or None for all (from 0); of ``look`` its width does not count.

    960 × 604 image pixels, at most STEPS steps of the query, then every stage that the run has. All numbers are the run's. The
    same arguments give the same bytes. ValueError for a block or head that the model does not have.
    """
    subject.must_have(block, head)
    look = replace(look, width="slide", theme="white" if THEMES[look.theme].paper is None else look.theme)
    frames = list(_walking(subject, block, head, look))
    durations = [STEP] * len(frames)
    frames += _building(subject, block, head, look)
    durations += [STAY] * (len(frames) - len(durations) - 1) + [END]
    out = io.BytesIO()
    frames[0].save(
        out,
        "GIF",
        save_all=True,
        append_images=_one_by_one(frames[1:]),
        duration=durations,
        loop=0,
        optimize=False,
        disposal=1,
    )
    return out.getvalue()


def _one_by_one(frames: Iterable[Image.Image]) -> Iterator[Image.Image]:
    for frame in frames:
        pause()
        yield frame


def path(rows: int, columns: int, steps: int = STEPS) -> list[int]:
    """Tokens of the grid, as flat indices: to and fro in rows spread over the photograph, at most ``steps`` in all."""
    across = _spread(columns, 16)
    down = _spread(rows, max(1, steps // len(across)))
    return [row * columns + c for n, row in enumerate(down) for c in (across if n % 2 == 0 else across[::-1])]


def _spread(n: int, most: int) -> list[int]:
    """At most ``most`` of 0 to n - 1, evenly."""
    many = min(n, most)
    return [(2 * i + 1) * n // (2 * many) for i in range(many)]


def _walking(subject: Subject, block: int, head: int | None, look: Look) -> Iterator[Image.Image]:
    """One drawing, and the changes of every step: what stays is transparent, which keeps the file small."""
    rows, columns = subject.grid
    queries = path(rows, columns)
    heads = range(subject.run.sizes["heads"]) if head is None else [head]
    weights = np.stack([numbers(subject.run.rows(f"block{block}.weights", h, queries)) for h in heads], 1)
    shades = (np.sqrt(weights / weights.max(-1, keepdims=True)) * (LEVELS - 1)).round().astype(np.uint8)
    shape = subject.photo.height / subject.photo.width
    lines = (rows, columns) if max(rows, columns) <= 32 else None  # finer ones would hide it
    photo = Tile(subject.picture, shape, title=subject.name, lines=lines)
    blank = np.zeros((rows, columns), np.float32)
    maps = [Tile(blank, shape, Scale(0.0, 1.0, ""), subject.head(h)) for h in heads]
    across = max(2, (len(maps) + 2) // 2) if shape > 0.4 else None  # in two lines, but for wide photographs
    panel = Panel(
        "", TITLE(subject.lang), subject.short(block, head), subject.caption([WALKING(subject.lang)], block, head),
        groups=(Group((photo, *maps), across=across),),
    )  # fmt: skip
    drawn, boxes = _drawn(panel, look)
    base, palette = _indexed(np.concatenate([drawn, _strip(look)]), boxes[:1], maps[0].scale, look.map)
    black, white = (int(np.abs(palette.astype(int) - ink).sum(1).argmin()) for ink in (0, 255))
    line = (STRIP - 14) // len(heads)
    last = None
    for query, row in zip(queries, shades, strict=True):
        pause()
        frame = base.copy()
        for n, (box, cells) in enumerate(zip(boxes[1:], row, strict=True)):
            _fill(frame, box, cells.reshape(rows, columns))
            _fill(frame, (8, HEIGHT + n * line, WIDTH - 8, HEIGHT + (n + 1) * line - 2), cells[None])
        for box in boxes:
            _frame(frame, _cell(box, divmod(query, columns), (rows, columns)), black, white)
        yield _image(frame if last is None else np.where(frame == last, CLEAR, frame), palette)
        last = frame


def _building(subject: Subject, block: int, head: int | None, look: Look) -> Iterator[Image.Image]:
    steps = walk(subject.run, block)
    room = (WIDTH - 16) // len(steps)
    strip = _strip(look)
    for n, stage in enumerate(steps):
        pause()
        panel = stage_panel(subject, block, stage, head)
        tiles = [tile for group in panel.groups for tile in group.tiles]
        drawn, boxes = _drawn(panel, look)
        left, top, right, bottom = boxes[0]
        small = Image.fromarray(drawn[top:bottom, left:right])
        small.thumbnail((room - 6, STRIP - 14))
        x, y = 8 + n * room + (room - small.width) // 2, (STRIP - 10 - small.height) // 2
        strip[y : y + small.height, x : x + small.width] = np.asarray(small)
        whole = np.concatenate([drawn, strip])
        whole[-6:-3, 8 + n * room + 3 : 8 + (n + 1) * room - 3] = _colour(THEMES[look.theme].ink)
        photographs = [
            box for box, tile in zip(boxes, tiles, strict=False) if tile.scale is None or tile.under is not None
        ]
        yield _image(*_indexed(whole, photographs, tiles[0].scale, look.map))


# Drawing


def _drawn(panel: Panel, look: Look) -> tuple[Pixels, list[Box]]:
    """The panel as an image (HEIGHT, WIDTH, 3), and where its tiles lie in it, each once."""
    figure = draw(panel, look)
    pause()
    inch = WIDTH / figure.get_figwidth()
    figure.set_dpi(inch)
    boxes: dict[Box, None] = {}
    for image in figure.axes[0].images:
        left, right, bottom, top = image.get_extent()
        right, bottom = max(right, left + 1 / inch), max(bottom, top + 1 / inch)  # an image pixel at least
        boxes[round(left * inch), round(top * inch), round(right * inch), round(bottom * inch)] = None
    return _rendered(figure), list(boxes)


def _rendered(figure: Figure) -> Pixels:
    with drawing():
        figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())[:HEIGHT, :WIDTH, :3]  # type: ignore[attr-defined]


def _strip(look: Look) -> Pixels:
    return np.full((STRIP, WIDTH, 3), _colour(THEMES[look.theme].paper or "#ffffff"))


def _colour(name: str) -> Pixels:
    """ "#rrggbb" as three numbers."""
    return np.frombuffer(bytes.fromhex(name[1:]), np.uint8)


def _indexed(drawn: Pixels, photographs: Sequence[Box], scale: Scale | None, map: str) -> tuple[Pixels, Pixels]:
    """The drawing as indices into a palette of CLEAR colours that begins with the scale's and the paper's; only photographs are dithered."""
    levels = drawn[0, :1]  # the paper
    if scale:
        levels = np.concatenate([colours(map_of(scale, map))(np.linspace(0, 1, LEVELS), bytes=True)[:, :3], levels])
    pause()
    image = Image.fromarray(drawn)
    own = image.quantize(CLEAR - len(levels), Image.Quantize.MEDIANCUT, kmeans=1).getpalette()
    palette = np.concatenate([levels, np.array(own, np.uint8).reshape(-1, 3)])
    with_palette = Image.new("P", (1, 1))
    with_palette.putpalette(palette.tobytes())
    indices = np.array(image.quantize(palette=with_palette, dither=Image.Dither.NONE))
    indices[(drawn == drawn[0, 0]).all(-1)] = len(levels) - 1  # the search for the nearest colour is not exact
    for left, top, right, bottom in photographs:
        pause()
        part = image.crop((left, top, right, bottom))
        dithered = part.quantize(palette=with_palette, dither=Image.Dither.FLOYDSTEINBERG)
        indices[top:bottom, left:right] = np.array(dithered)
    return indices, palette


def _image(indices: Pixels, palette: Pixels) -> Image.Image:
    image = Image.fromarray(indices).convert("P")
    image.putpalette(palette.tobytes())
    image.info["transparency"] = CLEAR
    return image


def _fill(frame: Pixels, box: Box, cells: Pixels) -> None:
    """Set cells (rows, columns) into the box, each in flat colour (of many in one image pixel, one)."""
    left, top, right, bottom = box
    down, across = np.arange(bottom - top), np.arange(right - left)
    rows = down * cells.shape[0] // max(1, bottom - top)
    columns = across * cells.shape[1] // max(1, right - left)
    frame[top:bottom, left:right] = cells[rows[:, None], columns]


def _cell(box: Box, place: tuple[int, int], grid: tuple[int, int]) -> Box:
    (left, top, right, bottom), (row, column), (rows, columns) = box, place, grid
    x, y = (right - left) / columns, (bottom - top) / rows
    return (
        round(left + column * x), round(top + row * y), round(left + (column + 1) * x), round(top + (row + 1) * y),
    )  # fmt: skip


def _frame(frame: Pixels, box: Box, outer: int, inner: int) -> None:
    """A frame around the box: two image pixels outside, one inside, in two colours, so that it shows on any image."""
    left, top, right, bottom = box
    for grown, colour in ((3, outer), (2, inner), (1, inner), (0, outer)):
        x0, y0, x1, y1 = max(0, left - grown), max(0, top - grown), right + grown, bottom + grown
        frame[[y0, y1 - 1], x0:x1] = colour
        frame[y0:y1, [x0, x1 - 1]] = colour
