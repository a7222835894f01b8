"""A stage's panel: its maps, by the kind its declaration names, or the diagram of its shape."""

from collections.abc import Sequence
from functools import partial

import torch

from topformer_viz.figures.attention import how_coloured, quantity
from topformer_viz.figures.diagrams import NARROW, shape_diagram
from topformer_viz.figures.panel import Group, Panel, Scale, Tile
from topformer_viz.figures.scales import COLOURS, SCALES, attention_scales
from topformer_viz.figures.subject import UI, Subject, numbers, ticks_of
from topformer_viz.network.colour import CHANNELS, ColourModel
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.run.measures import PYRAMID_CELLS, PYRAMID_CHANNELS, pooled, pyramid_level
from topformer_viz.run.stages import axes_of, stage_of
from topformer_viz.run.walk import declared_of, sources_of, walk
from topformer_viz.words.misspelt import known, unknown
from topformer_viz.words.names import CHANNEL_NAMES

GROUPED = {"nh_kd", "dh"}  # axes that hold the heads one after another
POOLED = 256  # cells per side of a matrix that is too large to be stored
Made = tuple[tuple[Group, ...], list[str]]


def stage_panel(
    subject: Subject, block: int, stage: str, head: int | None = None, *, colour: str = COLOURS[0], scale: str = SCALES[0]
) -> Panel:  # fmt: skip
    """A stage's maps: ``stage`` as ``walk`` names it, ``block`` and ``head`` from 0, None for all heads.

    ``colour`` and ``scale``, as ``attention_scales`` takes them, are those of the matrices. ValueError for a stage, block
    or head that this run does not have, and for another colour or scale.
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
    how: list[str] = []
    if view == "matrix":
        groups, said = _matrix(subject, name, chosen, colour, scale)
        how = [word for word, usual in ((colour, COLOURS[0]), (scale, SCALES[0])) if word != usual]
    else:
        groups, said = {
            "photo": _photo, "pyramid": _pyramid, "maps": _maps, "rows": _rows, "columns": _columns, "overlay": _overlay,
        }[view](subject, name, chosen)  # fmt: skip
    shape = " × ".join(f"{axis} {run.sizes[axis]}" for axis in axes_of(name))
    title = stage_of(name).title(lang)
    if view != "pyramid" and name in run:
        said = [UI["tensor"](lang, stage=stage, shape=shape), *said]
    where = "" if own_block is None else f"block{block + 1}-"
    which = f"-head{head + 1}" if head is not None else ""
    return Panel(
        "-".join([f"{where}{stage}{which}", *how]), f"{title} ({stage})" if lang == "en" else f"{title}（{stage}）",
        subject.short(own_block, head if per_head else None), subject.caption(said, own_block, head), groups=groups,
    )  # fmt: skip


def shape_panel(subject: Subject, block: int, stage: str) -> Panel:
    """What a stage does to the shapes, as the lesson draws it; ValueError for a stage or block that the run does not have."""
    subject.must_have(block)
    run, lang = subject.run, subject.lang
    known("stage", stage, walk(run, block))
    name = walk(run, block)[stage]
    declared = declared_of(run, name, block)
    made = partial(shape_diagram, declared, name, sources_of(run, name, block), run.sizes, lang)
    narrow = made(gap=NARROW) if len(declared.steps) > 1 else ""  # of three tensors in a line
    title = UI["shape_title"](lang, stage=stage)
    own_block = block if declared.in_block else None
    where = "" if own_block is None else f"block{block + 1}-"
    kinds = [f"shape_{step.operation}" for step in declared.steps]
    caption = subject.caption([UI[kind](lang) for kind in kinds if kind in UI], own_block)
    return Panel(f"{where}{stage}-shape", title, subject.short(own_block), caption, diagram=made(), upright=narrow)


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
    return UI["tokens" if axis == "HW" else "axis"](subject.lang, axis=axis, size=subject.run.sizes[axis])


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


def _matrix(subject: Subject, name: str, heads: Sequence[int], colour: str, scale: str) -> Made:
    run, lang, n = subject.run, subject.lang, subject.run.sizes["HW"]
    block, _, stage = name.partition(".")
    said = [UI["matrix"](lang)]
    if stage == "weights" and n <= DENSE_TOKENS:  # the sums of averages are others
        said.append(UI["rows_sum"](lang))
    if n > DENSE_TOKENS:
        scores, weights = pooled(run, int(block.removeprefix("block")), POOLED)
        matrices = weights if stage == "weights" else scores
        said.append(UI["averaged"](lang, side=POOLED))
    else:
        matrices = run[name][0]
        said.append(UI["ticks"](lang))
    scales = attention_scales([matrices[head] for head in heads], stage, quantity(stage, lang), colour, scale)
    said += how_coloured(stage, colour, scale if len(heads) > 1 else "", lang)
    step = n / matrices.shape[-1]
    ticks = {at / step: label for at, label in ticks_of(subject, "HW").items()}
    tiles = tuple(
        Tile(
            numbers(matrices[head]),
            1.0,
            own,
            subject.head(head),
            UI["query"](lang, size=n),
            UI["key"](lang, size=n),
            (ticks, ticks),
        )
        for head, own in zip(heads, scales, strict=True)
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
