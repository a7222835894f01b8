"""What a figure shows, before it is drawn: pictures cut from a run, their axes and scales, and the words around them.

A panel is a title, groups of tiles and a caption. A tile is two-dimensional: numbers on a scale, or colours. Words say
model, block, head and picture, so that a figure still says what it is when it has left the app. figures.py draws panels.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from topformer_viz.diagrams import shape_diagram
from topformer_viz.network.classes import ClassSet
from topformer_viz.network.colour import CHANNELS, QUESTIONS, ColourModel, Model
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.run.measures import PYRAMID_CELLS, PYRAMID_CHANNELS, pooled, pyramid_level
from topformer_viz.run.stages import axes_of, stage_of
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import declared_of, sources_of, walk
from topformer_viz.words.misspelt import known, unknown
from topformer_viz.words.names import CHANNEL_NAMES, QUESTION_NAMES
from topformer_viz.words.text import Lang, Text

Array = NDArray[np.generic]
GROUPED = {"nh_kd", "dh"}  # axes that hold the heads one after another
PHOTO_SIDE = 1024  # longest side, in pixels, of a photograph in a figure
Dash = Literal["", "-", "--", ":", "-."]
POOLED = 256  # cells a side of a matrix that is too large to be stored

UI = {
    "head": Text("head {head}", "第 {head} 个头"),
    "named_head": Text("head {head} ({name})", "第 {head} 个头（{name}）"),
    "heads": Text("all {heads} heads", "全部 {heads} 个头"),
    "block": Text("block {block}", "第 {block} 个模块"),
    "axis": Text("{axis} ({size})", "{axis}（{size}）"),
    "query": Text("query i ({size} pixels)", "查询 i（{size} 个像素）"),
    "key": Text("key j ({size} pixels)", "键 j（{size} 个像素）"),
    "pixels": Text("pixels ({size})", "像素（{size}）"),
    "x": Text("x (image pixels)", "x（图像像素）"),
    "y": Text("y (image pixels)", "y（图像像素）"),
    "channels": Text("{n} channels", "{n} 个通道"),
    "features": Text("{n} features", "{n} 个特征"),
    "first": Text("the first {n} channels", "前 {n} 个通道"),
    "own_ranges": Text("Each channel from its smallest to its largest value.", "每个通道从最小值到最大值。"),
    "strength": Text("root mean square over {d} features (no unit)", "{d} 个特征的均方根（无单位）"),
    "quantity": Text("{stage} (no unit)", "{stage}（无单位）"),
    "share": Text("weight (share of a row, no unit)", "权重（占一行的份额，无单位）"),
    "score": Text("score (no unit)", "得分（无单位）"),
    "pixel": Text("pixel {i} (row {r}, column {c})", "像素 {i}（第 {r} 行第 {c} 列）"),
    # captions
    "of": Text("{where} of {model}, on {picture}: {width} × {height} pixels, {rows} × {columns} tokens.", "{model}，{where}；{picture}：{width} × {height} 像素，{rows} × {columns} 个 token。"),
    "on": Text("{model}, on {picture}: {width} × {height} pixels, {rows} × {columns} tokens.", "{model}；{picture}：{width} × {height} 像素，{rows} × {columns} 个 token。"),
    "tensor": Text("Tensor {stage}: {shape}.", "张量 {stage}：{shape}。"),
    "photo": Text("The lines are the token grid.", "图上的线是 token 网格。"),
    "ticks": Text("A tick stands where a row of the picture begins.", "每条刻度是图像一行的开头。"),
    "matrix": Text("Row i: the pixel that asks; column j: the pixel that is read.", "第 i 行是提问的像素，第 j 列是被读的像素。"),
    "rows_sum": Text("Every row sums to 1.", "每一行之和为 1。"),
    "unscaled": Text("Not divided by √key_dim.", "没有除以 √key_dim。"),
    "averaged": Text("Averaged down to {side} × {side} cells.", "平均到 {side} × {side} 格。"),
    "shrunk": Text("Levels finer than {cells} cells are averaged down.", "比 {cells} 格更细的层先取平均。"),
    "overlay": Text("Each head's output, laid over the picture.", "每个头的输出，叠在图片上。"),
    "chance": Text("Random weights: what the picture shows is chance, not a finding.", "权重随机：图案只是偶然，不说明规律。"),
    "shape_title": Text("{stage}: what happens to the shape", "{stage}：形状如何变化"),
    "shape_reshape": Text("Lines that split or join are axes dealt out or laid together.", "线分开或合并，表示轴被拆开或合在一起。"),
    "shape_permute": Text("Lines that cross are axes that swap.", "线交叉，表示轴交换。"),
    "shape_matmul": Text("The lines that end in Σ are the axis that is summed over.", "止于 Σ 的线是被求和消去的轴。"),
    "shape_conv": Text("A dotted line is an axis whose every entry feeds every new one.", "虚线表示旧轴的每一项都参与新轴的每一项。"),
    "attention_title": Text("What {pixel} reads", "{pixel}读什么"),
    "attention_column": Text("Who reads {pixel}", "谁读{pixel}"),
    "query_mark": Text("The frame marks the pixel.", "方框标出这个像素。"),
    "region_mark": Text("The frames mark the region's pixels; shown is the mean over them.", "方框标出区域中的像素，图中是它们的平均。"),
    "region": Text("a region of {n} pixels (rows {rows}, columns {columns})", "{n} 个像素的区域（第 {rows} 行，第 {columns} 列）"),
    "row_sum": Text("In each head the weights sum to 1.", "每个头的权重之和为 1。"),
    "log": Text("Colour grows with the logarithm; less than a ten thousandth of the largest is drawn as that.", "颜色随对数变化；小于最大值万分之一的，按万分之一画。"),
    "each": Text("Every head has a scale of its own.", "每个头各用自己的标尺。"),
    "mean": Text("mean of the heads", "各头平均"),
}  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """The numbers at the ends of a colour bar and what they measure, unit included; 0 in the middle where ``signed``.

    Colour grows with the number, with its logarithm (``log``: what is smaller than ``low`` counts as ``low``) or, from 0 up,
    with its square ``root``. A logarithmic scale from 1 / x to x has 1 in its middle.
    """

    low: float
    high: float
    quantity: str
    log: bool = False
    root: bool = False

    @property
    def signed(self) -> bool:
        return self.low < 0 < self.high and not self.log

    @property
    def diverging(self) -> bool:
        """Whether the middle is a place of its own: 0, or a ratio of 1."""
        return self.signed or (self.log and math.isclose(self.low * self.high, 1))

    @property
    def ends(self) -> tuple[float, float]:
        """Values at the ends of the colours: the same on both sides of a 0 in the middle; never an empty interval."""
        if self.signed:
            end = max(-self.low, self.high)
            return -end, end
        return (self.low, self.high) if self.high > self.low else (self.low, self.low + 1e-6 + abs(self.low) * 1e-3)


@dataclass(frozen=True)
class Tile:
    """One picture: ``values`` (rows, cols) on ``scale``, or colours (rows, cols, 3) uint8 without one.

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
    """A figure to be: ``name`` is its file's stem, ``about`` says model, block, head and picture in short.

    Content is ``groups`` of tiles, then ``charts``, then ``tables``; or a ``diagram`` (SVG as diagrams.py makes it).
    A diagram that is too wide for one column has an ``upright`` one, and the tiles that its <image> elements name are its
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
        from topformer_viz.figures import Look, save  # only here: it brings matplotlib along

        return save(self, "svg", Look()).decode()


@dataclass(frozen=True)
class Subject:
    """A run and what may be said of it: the model's and the picture's name, whether the weights are random."""

    run: Trace
    model: Model = field(repr=False)
    photo: Image.Image
    about: str
    name: str
    untrained: bool
    lang: Lang

    def must_have(self, block: int, head: int | None = None) -> None:
        """ValueError if the model has no such block or head, from 0."""
        known("block", block, range(self.model.num_blocks))
        if head is not None:
            known("head", head, range(self.run.sizes["heads"]))

    @cached_property
    def picture(self) -> Array:
        """The photograph as the network saw it, (rows, cols, 3) uint8, at most PHOTO_SIDE on its longest side."""
        small = self.photo.convert("RGB")
        small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        return np.asarray(small)

    @property
    def grid(self) -> tuple[int, int]:
        return self.run.sizes["H"], self.run.sizes["W"]

    def head(self, head: int) -> str:
        """A head's name, from 0: "head 1", or "head 1 (colour)" where heads have meanings."""
        if isinstance(self.model, ColourModel):
            return UI["named_head"](self.lang, head=head + 1, name=QUESTION_NAMES[tuple(QUESTIONS)[head]](self.lang))
        return UI["head"](self.lang, head=head + 1)

    def where(self, block: int | None, head: int | None = None) -> str:
        """ "block 1, head 2", from 0; "" where neither matters."""
        words = []
        if block is not None and self.model.num_blocks > 1:
            words.append(UI["block"](self.lang, block=block + 1))
        if head is not None:
            words.append(self.head(head))
        return (", " if self.lang == "en" else "，").join(words)

    def short(self, block: int | None, head: int | None = None) -> str:
        """The line under a title."""
        return " · ".join(filter(None, (self.about, self.where(block, head), self.name)))

    def caption(self, sentences: Iterable[str], block: int | None, head: int | None = None) -> str:
        """Sentences, then what ran: model, place, picture, sizes; and that it is chance where the weights are random."""
        where = self.where(block, head)
        rows, columns = self.grid
        of = UI["of" if where else "on"](
            self.lang, where=where, model=self.about, picture=self.name, width=self.photo.width, height=self.photo.height,
            rows=rows, columns=columns,
        )  # fmt: skip
        said = [*sentences, of[0].upper() + of[1:]]
        if self.untrained:
            said.append(UI["chance"](self.lang))
        return (" " if self.lang == "en" else "").join(filter(None, said))


def numbers(tensor: Tensor) -> Array:
    """Of any device, as float32 on the CPU."""
    return tensor.detach().float().cpu().numpy()


def class_picture(labels: Tensor, names: ClassSet) -> Array:
    """Classes (rows, cols) in their colours, (rows, cols, 3) uint8."""
    table = [list(bytes.fromhex(colour[1:])) for colour in names.colours]
    return np.array(table, dtype=np.uint8)[labels.cpu().numpy()]


def stage_panel(subject: Subject, block: int, stage: str, head: int | None = None) -> Panel:
    """A stage's picture: ``stage`` as ``walk`` names it, ``block`` and ``head`` from 0, None for all heads.

    ValueError for a stage, block or head that this run does not have.
    """
    subject.must_have(block, head)
    run, lang = subject.run, subject.lang
    name = walk(run, block).get(stage)
    if name is None and stage in ("scores", "weights"):  # too many tokens to store them: averaged
        name = f"block{block}.{stage}"
    if name is None:
        raise unknown("stage", stage, walk(run, block))
    view = stage_of(name).view
    own_block = block if stage_of(name).in_block else None
    heads = run.sizes["heads"]
    per_head = view in ("rows", "columns", "matrix", "overlay") or axes_of(name)[1] in GROUPED
    if not per_head:
        head = None
    chosen = list(range(heads)) if head is None else [head]
    groups, said = {
        "photo": _photo, "pyramid": _pyramid, "maps": _maps, "rows": _rows, "columns": _columns, "matrix": _matrix,
        "overlay": _overlay,
    }[view](subject, name, chosen)  # fmt: skip
    shape = " × ".join(f"{axis} {run.sizes[axis]}" for axis in axes_of(name))
    title = stage_of(name).title(lang)
    if view != "pyramid" and name in run:
        said = [UI["tensor"](lang, stage=stage, shape=shape), *said]
    where = "" if own_block is None else f"block{block + 1}-"
    which = f"-head{head + 1}" if head is not None else ""
    return Panel(
        f"{where}{stage}{which}", f"{title} ({stage})" if lang == "en" else f"{title}（{stage}）",
        subject.short(own_block, head if per_head else None), subject.caption(said, own_block, head), groups=groups,
    )  # fmt: skip


def shape_panel(subject: Subject, block: int, stage: str) -> Panel:
    """What a stage does to the shapes, as the lesson draws it; ValueError for a stage or block that this run does not have."""
    subject.must_have(block)
    run, lang = subject.run, subject.lang
    known("stage", stage, walk(run, block))
    name = walk(run, block)[stage]
    declared = declared_of(run, name, block)
    diagram = shape_diagram(declared, name, sources_of(run, name, block), run.sizes, lang)
    title = UI["shape_title"](lang, stage=stage)
    own_block = block if declared.in_block else None
    where = "" if own_block is None else f"block{block + 1}-"
    kinds = [f"shape_{step.operation}" for step in declared.steps]
    caption = subject.caption([UI[kind](lang) for kind in kinds if kind in UI], own_block)
    return Panel(f"{where}{stage}-shape", title, subject.short(own_block), caption, diagram=diagram)


def attention_panel(
    subject: Subject, block: int, query: int, *, mode: str = "row", values: str = "weights", to: int | None = None,
    log: bool = False, each: bool = False,
) -> Panel:  # fmt: skip
    """What a pixel (flat index, from 0) reads in every head of ``block``, or with mode "column" who reads it.

    With ``to`` the mean over the rectangle of pixels between the two. ``log``: weights from a ten thousandth of the
    largest on, by their logarithm. ``each``: a scale for every head instead of one for all. ValueError for another mode
    ("row", "column"), other values ("weights", "scores") or a block that the model does not have.
    """
    subject.must_have(block)
    known("mode", mode, ("row", "column"))
    known("values", values, ("weights", "scores"))
    run, lang, grid = subject.run, subject.lang, subject.grid
    heads = run.sizes["heads"]
    pixels = region(grid, query, to)
    maps = torch.stack([line(run, block, h, pixels, mode, values) for h in range(heads)]).reshape(heads, *grid)
    own = list(maps) if each else [maps] * heads
    scales = [attention_scale(part, values, log, lang) for part in own]
    marks = tuple(divmod(pixel, grid[1]) for pixel in pixels)
    shape = subject.photo.height / subject.photo.width
    photo = Tile(subject.picture, shape, title=subject.name, lines=grid, marks=marks)
    laid = [(subject.head(h), maps[h], scales[h]) for h in range(heads)]
    if heads > 1:
        mean = maps.mean(0)
        laid.append((UI["mean"](lang), mean, attention_scale(mean, values, log, lang) if each else scales[0]))
    tiles = tuple(
        Tile(numbers(values_), shape, scale, title, under=subject.picture, marks=marks)
        for title, values_, scale in laid
    )
    who = pixels_name(subject, pixels)
    title = UI["attention_title" if mode == "row" else "attention_column"](lang, pixel=who)
    said = [UI["query_mark" if len(pixels) == 1 else "region_mark"](lang)]
    if values == "weights" and mode == "row":
        said.append(UI["row_sum"](lang))
    if values == "scores":
        said.append(UI["unscaled"](lang))
    if log and values == "weights":
        said.append(UI["log"](lang))
    if each:
        said.append(UI["each"](lang))
    which = str(query + 1) if to is None else f"{query + 1}to{to + 1}"
    how = ("-log" if log and values == "weights" else "") + ("-each" if each else "")
    return Panel(
        f"block{block + 1}-pixel{which}-{mode}-{values}{how}", title, subject.short(block),
        subject.caption(said, block), groups=(Group((photo, *tiles)),),
    )  # fmt: skip


def region(grid: tuple[int, int], one: int, other: int | None = None) -> list[int]:
    """The pixels of the rectangle between two, row by row; flat indices, from 0."""
    (r0, c0), (r1, c1) = divmod(one, grid[1]), divmod(one if other is None else other, grid[1])
    rows, columns = range(min(r0, r1), max(r0, r1) + 1), range(min(c0, c1), max(c0, c1) + 1)
    return [r * grid[1] + c for r in rows for c in columns]


def line(run: Trace, block: int, head: int | None, pixels: Sequence[int], mode: str, values: str) -> Tensor:
    """What ``pixels`` read, or with mode "column" who reads them, their mean: (HW,). ``head`` from 0, None: mean of all."""
    if head is None:
        every = [line(run, block, h, pixels, mode, values) for h in range(run.sizes["heads"])]
        return torch.stack(every).mean(0)
    if mode == "row":
        return run.rows(f"block{block}.{values}", head, pixels).mean(0)
    return run.rows(f"block{block}.{values}", head, slice(None))[:, list(pixels)].mean(1)


def attention_scale(values: Tensor, kind: str, log: bool, lang: Lang) -> Scale:
    """A scale for weights from 0 or, ``log``, over four powers of ten; for scores from the smallest to the largest."""
    low, high = (float(x) for x in torch.aminmax(values))
    if kind == "scores":
        return Scale(low, high, UI["score"](lang))
    return Scale(1e-4 * high if log else 0.0, high, UI["share"](lang), log=log)


def pixels_name(subject: Subject, pixels: Sequence[int]) -> str:
    """ "pixel 36 (row 5, column 4)", or the region's rows and columns."""
    first, last = (divmod(pixel, subject.grid[1]) for pixel in (pixels[0], pixels[-1]))
    if len(pixels) == 1:
        return UI["pixel"](subject.lang, i=pixels[0] + 1, r=first[0] + 1, c=first[1] + 1)
    rows, columns = (f"{a + 1}–{b + 1}" for a, b in zip(first, last, strict=True))
    return UI["region"](subject.lang, n=len(pixels), rows=rows, columns=columns)


# The kinds of picture a stage may have: each gives its groups and what its caption says of them


Made = tuple[tuple[Group, ...], list[str]]


def _photo(subject: Subject, name: str, heads: Sequence[int]) -> Made:
    width, height = subject.photo.size
    ticks = [{side * f: f"{side * f:.0f}" for f in (0, 0.5, 1)} for side in (height, width)]
    scaled = [
        {at * n / side: label for at, label in along.items()}
        for along, n, side in zip(ticks, subject.picture.shape, (height, width), strict=False)
    ]
    tile = Tile(
        subject.picture, height / width, down=UI["y"](subject.lang), across=UI["x"](subject.lang), lines=subject.grid,
        ticks=(scaled[0], scaled[1]),
    )  # fmt: skip
    return (Group((tile,)),), [UI["photo"](subject.lang)]


def _pyramid(subject: Subject, name: str, heads: Sequence[int]) -> Made:
    groups = []
    for n in range(4):
        h, w = subject.run[f"pyramid{n}"].shape[-2:]
        level = pyramid_level(subject.run, n)
        low, high = (float(x) for x in torch.aminmax(level))
        scale = Scale(low, high, UI["quantity"](subject.lang, stage=f"pyramid{n}"))
        sizes = " × ".join(f"{axis} {subject.run.sizes[axis]}" for axis in axes_of(f"pyramid{n}")[1:])
        tiles = tuple(Tile(numbers(channel), h / w, scale) for channel in level[0])
        first = UI["first"](subject.lang, n=len(tiles))
        groups.append(Group(tiles, f"pyramid{n}: {sizes}, {first}", PYRAMID_CHANNELS, (1, 0.88, 0.76, 0.64)[n]))
    return tuple(groups), [UI["shrunk"](subject.lang, cells=PYRAMID_CELLS)]


def _maps(subject: Subject, name: str, heads: Sequence[int]) -> Made:
    tensor, lang, (rows, columns) = subject.run[name][0], subject.lang, subject.grid
    axis, stage, shape = axes_of(name)[1], name.split(".")[-1], rows / columns
    if isinstance(subject.model, ColourModel) and axis == "C":  # each channel is a quantity of its own
        tiles = []
        for channel, which in zip(tensor, CHANNELS, strict=True):
            low, high = (float(x) for x in torch.aminmax(channel))
            tiles.append(
                Tile(
                    numbers(channel),
                    shape,
                    Scale(low, high, ""),
                    f"{CHANNEL_NAMES[which](lang)}\n{low:.2g} … {high:.2g}",
                )
            )
        return (Group(tuple(tiles)),), [UI["own_ranges"](lang)]
    low, high = (float(x) for x in torch.aminmax(tensor))
    scale = Scale(low, high, UI["quantity"](lang, stage=stage))
    if axis not in GROUPED:
        tiles = [Tile(numbers(channel), shape, scale) for channel in tensor]
        return (Group(tuple(tiles), UI["channels"](lang, n=len(tiles))),), []
    per = len(tensor) // subject.run.sizes["heads"]
    groups = tuple(
        Group(
            tuple(Tile(numbers(channel), shape, scale) for channel in tensor[head * per : (head + 1) * per]),
            f"{subject.head(head)}: {UI['channels'](lang, n=per)}",
        )
        for head in heads
    )  # fmt: skip
    return groups, []


def _by_head(subject: Subject, name: str, head: int, shape: float, scale: Scale) -> Tile:
    """A head's own two axes as they lie."""
    down, across = axes_of(name)[2:]
    return Tile(
        numbers(subject.run[name][0, head]), shape, scale, subject.head(head), _axis(subject, down),
        _axis(subject, across), (ticks_of(subject, down), ticks_of(subject, across)),
    )  # fmt: skip


def _axis(subject: Subject, axis: str) -> str:
    return UI["pixels" if axis == "HW" else "axis"](subject.lang, axis=axis, size=subject.run.sizes[axis])


def ticks_of(subject: Subject, axis: str) -> dict[float, str]:
    """Where a row of the picture begins, counted from 1; or an axis's first and last place."""
    n, (_, columns) = subject.run.sizes[axis], subject.grid
    places = range(0, n, columns) if axis == "HW" else sorted({0, n - 1})
    return {place + 0.5: str(place + 1) for place in places}


def _rows(subject: Subject, name: str, heads: Sequence[int]) -> Made:
    low, high = (float(x) for x in torch.aminmax(subject.run[name]))
    scale = Scale(low, high, UI["quantity"](subject.lang, stage=name.split(".")[-1]))
    tiles = tuple(_by_head(subject, name, head, 2.2, scale) for head in heads)
    return (Group(tiles, across=len(tiles), size=min(1.0, len(tiles) * 0.3)),), [UI["ticks"](subject.lang)]


def _columns(subject: Subject, name: str, heads: Sequence[int]) -> Made:
    low, high = (float(x) for x in torch.aminmax(subject.run[name]))
    scale = Scale(low, high, UI["quantity"](subject.lang, stage=name.split(".")[-1]))
    tiles = tuple(_by_head(subject, name, head, 0.2, scale) for head in heads)
    return (Group(tiles),), [UI["ticks"](subject.lang)]


def _matrix(subject: Subject, name: str, heads: Sequence[int]) -> Made:
    run, lang, n = subject.run, subject.lang, subject.run.sizes["HW"]
    block, _, stage = name.partition(".")
    said = [UI["matrix"](lang)]
    if stage == "scores" or n <= DENSE_TOKENS:  # the sums of averages are others
        said.append(UI["rows_sum" if stage == "weights" else "unscaled"](lang))
    if n > DENSE_TOKENS:
        scores, weights = pooled(run, int(block.removeprefix("block")), POOLED)
        matrices = weights if stage == "weights" else scores
        said.append(UI["averaged"](lang, side=POOLED))
    else:
        matrices = run[name][0]
        said.append(UI["ticks"](lang))
    low, high = (float(x) for x in torch.aminmax(matrices))
    weights_scale = Scale(0.0, high, UI["share"](lang))
    scale = weights_scale if stage == "weights" else Scale(low, high, UI["score"](lang))
    step = n / matrices.shape[-1]
    ticks = {at / step: label for at, label in ticks_of(subject, "HW").items()}
    tiles = tuple(
        Tile(
            numbers(matrices[head]),
            1.0,
            scale,
            subject.head(head),
            UI["query"](lang, size=n),
            UI["key"](lang, size=n),
            (ticks, ticks),
        )
        for head in heads
    )
    return (Group(tiles, size=1.0 if len(tiles) > 1 else 0.75),), said


def _overlay(subject: Subject, name: str, heads: Sequence[int]) -> Made:
    tensor, lang, (rows, columns) = subject.run[name][0], subject.lang, subject.grid
    strength = tensor.square().mean(-1).sqrt().reshape(-1, rows, columns)
    scale = Scale(0.0, float(strength[list(heads)].max()), UI["strength"](lang, d=tensor.shape[-1]))
    shape = subject.photo.height / subject.photo.width
    tiles = tuple(
        Tile(numbers(strength[head]), shape, scale, subject.head(head), under=subject.picture) for head in heads
    )
    groups = [Group(tiles)]
    if len(heads) == 1:
        features = tensor[heads[0]].T.reshape(-1, rows, columns)
        low, high = (float(x) for x in torch.aminmax(features))
        own = Scale(low, high, UI["quantity"](lang, stage="mixed"))
        cells = tuple(Tile(numbers(feature), rows / columns, own) for feature in features)
        groups = [Group(tiles, across=1, size=0.6), Group(cells, UI["features"](lang, n=len(cells)))]
    return tuple(groups), [UI["overlay"](lang)]
