"""The whole walk, or the whole network, as one figure: every stage as a small map of its own tensor, in the order the declarations give.

A stage stands one place after the last of its sources; query, key and value run side by side. The drawing is SVG in the
marks that diagram_paint.py knows, with the maps beside it by name.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

import torch

from topformer_viz.figures.panel import Panel, Scale, Tile
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import Subject, numbers
from topformer_viz.run.stages import SIGNS, axes_of, stage_of
from topformer_viz.run.walk import walk, way
from topformer_viz.study.what_if import strength
from topformer_viz.words.text import Text

UI = {
    "title": Text("The block from image to output", "从图片到输出的整个块"),
    "caption": Text(
        "Small maps: feature maps show the root mean square over their channels, matrices show {head}; each has a colour scale of its own.",
        "小图：特征图显示各通道的均方根，矩阵显示{head}；每幅小图各用自己的色标。",
    ),
}
NETWORK = {
    "title": Text("The whole network", "整个网络"),
    "caption": Text(
        "Small maps: the root mean square over the channels, each with a colour scale of its own.",
        "小图：各通道的均方根，每幅各用自己的色标。",
    ),
    "dropped": Text(
        "pyramid0 enters the blocks; its part of their output is dropped.",
        "pyramid0 进入各块，但块的输出中属于它的那一份被丢弃。",
    ),
}
PITCH, LEVEL, SIDE = 92, 104, 66  # from stage to stage along the walk, between the strands, a map's longest side
STRANDS = {"q": -1, "k": 0, "v": 1}


def overview_panel(subject: Subject, block: int, head: int | None = None) -> Panel:
    """All stages of ``block`` and how they hang together; matrices show ``head``, the first for None; ValueError for a
    block or head that the model does not have."""
    subject.must_have(block, head)
    run, lang = subject.run, subject.lang
    stages = walk(run, block)
    sources = way(run, block)
    depth: dict[str, int] = {}
    for stage in stages:
        depth[stage] = 1 + max((depth[source] for source in sources[stage]), default=-1)
    pictures = {stage: _picture(subject, name, head or 0) for stage, name in stages.items()}
    across, down = (
        _drawing(subject, stages, depth, sources, pictures, False),
        _drawing(subject, stages, depth, sources, pictures, True),
    )
    which = f"-head{head + 1}" if head is not None else ""
    caption = subject.caption([UI["caption"](lang, head=subject.head(head or 0))], block)
    return Panel(
        f"block{block + 1}-overview{which}", UI["title"](lang), subject.short(block), caption, diagram=across,
        upright=down, pictures=pictures,
    )  # fmt: skip


def network_panel(subject: Subject) -> Panel:
    """The whole forward pass of a TopFormer: pyramid, blocks, gates, injection, class scores if it has any."""
    run, lang = subject.run, subject.lang
    blocks = [f"block{n}.output" for n in range(subject.model.num_blocks)]
    injecting = [n for n in range(1, 4) if f"injected{n}" in run]
    links = [("image", "pyramid0"), *((f"pyramid{n}", f"pyramid{n + 1}") for n in range(3))]
    links += [(f"pyramid{n}", "tokens") for n in range(4)] + list(pairwise(["tokens", *blocks]))
    for n in injecting:
        links += [(blocks[-1], f"gate{n}"), (f"gate{n}", f"injected{n}"), (f"pyramid{n}", f"injected{n}")]
        links += [(f"injected{n}", "class_scores")] if "class_scores" in run else []
    pictures = {name: _picture(subject, name, 0) for name in dict.fromkeys(name for link in links for name in link)}

    def drawn(place: Mapping[str, tuple[float, float]], upright: bool) -> str:
        spots = {name: (80 + place[name][0] * PITCH, 70 + place[name][1] * LEVEL) for name in pictures}
        marks = [_ribbon(spots[a], spots[b], "", upright and spots[a][1] != spots[b][1]) for a, b in links]
        for name, spot in spots.items():
            said = PANEL["block"](lang, block=blocks.index(name) + 1) if name in blocks else name
            marks += _node(subject, name, name, said, spot, pictures[name].shape)
        width, height = (max(spot[axis] for spot in spots.values()) + 80 for axis in (0, 1))
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}">{"".join(marks)}</svg>'

    diagram, upright = drawn(_along(blocks), False), drawn(_down(blocks), True)
    words = [NETWORK["caption"](lang), *([NETWORK["dropped"](lang)] if "injected1" in subject.run else [])]
    caption = subject.caption(words, None)
    return Panel(
        "network",
        NETWORK["title"](lang),
        subject.short(None),
        caption,
        diagram=diagram,
        upright=upright,
        pictures=pictures,
    )


def _along(blocks: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Where each tensor of the network stands, (across, down), from left to right: a line for each level of the pyramid."""
    last = 6 + len(blocks)
    place: dict[str, tuple[float, float]] = {"image": (0, 0), "tokens": (5, 4), "class_scores": (last + 2.4, 2)}
    place |= {f"pyramid{n}": (n + 1, n) for n in range(4)} | {name: (6 + n, 4) for n, name in enumerate(blocks)}
    return (
        place | {f"gate{n}": (last, n + 0.55) for n in range(4)} | {f"injected{n}": (last + 1.2, n) for n in range(4)}
    )


def _down(blocks: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The same from top to bottom, for a column: pyramid, blocks, gates and injected levels in a line each."""
    place: dict[str, tuple[float, float]] = {"image": (0, 0), "tokens": (1.5, 2), "class_scores": (2, 6)}
    place |= {f"pyramid{n}": (n, 1) for n in range(4)} | {name: (n, 3) for n, name in enumerate(blocks)}
    return place | {f"gate{n}": (n - 0.5, 4) for n in range(4)} | {f"injected{n}": (n, 5) for n in range(4)}


def _node(subject: Subject, name: str, picture: str, said: str, spot: tuple[float, float], shape: float) -> list[str]:
    """A tensor's map with its name over it and its sizes beneath."""
    (x, y), w, h = spot, SIDE / max(1.0, shape), SIDE * min(1.0, shape)
    sizes = " × ".join(str(subject.run.sizes[axis]) for axis in axes_of(name)[1:])
    return [
        f'<image href="{picture}" x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w:g}" height="{h:g}"/>',
        f'<text class="node" x="{x:g}" y="{y - h / 2 - 6:g}" text-anchor="middle">{escape(said)}</text>',
        f'<text class="aside" x="{x:g}" y="{y + h / 2 + 14:g}" text-anchor="middle">{escape(sizes)}</text>',
    ]


def _picture(subject: Subject, name: str, head: int) -> Tile:
    tensor, view, axes = subject.run[name][0], stage_of(name).view, axes_of(name)
    if view == "photo":
        return Tile(subject.picture, subject.photo.height / subject.photo.width)
    if view in ("rows", "columns", "matrix"):
        values = numbers(tensor[head])
        shape = {"rows": 2.2, "columns": 0.45, "matrix": 1.0}[view]
    else:
        grid = subject.grid if "heads" in axes else tuple(tensor.shape[-2:])
        values = numbers(strength(tensor[None], name, head if "heads" in axes else None).reshape(grid))
        shape = values.shape[0] / values.shape[1]
    low, high = (float(x) for x in torch.aminmax(torch.from_numpy(values)))
    return Tile(values, shape, Scale(0.0 if stage_of(name).name == "weights" else low, high, ""))


def _drawing(
    subject: Subject, stages: dict[str, str], depth: dict[str, int], sources: dict[str, list[str]],
    pictures: dict[str, Tile], upright: bool,
) -> str:  # fmt: skip
    """The SVG: the walk from left to right or, ``upright``, from top to bottom."""
    pitch, level = (LEVEL, PITCH * 1.25) if upright else (PITCH, LEVEL)
    length, breadth = 80 + max(depth.values()) * pitch + 80, 2 * level + 130
    place, size = {}, {}
    for stage, name in stages.items():
        along, beside = 80 + depth[stage] * pitch, breadth / 2 + STRANDS.get(stage_of(name).strand, 0) * level
        place[stage] = (beside, along) if upright else (along, beside)
        shape = pictures[stage].shape
        size[stage] = (SIDE / max(1.0, shape), SIDE * min(1.0, shape))
    marks = []
    for stage in stages:
        for source in sources[stage]:
            if depth[stage] - depth[source] > 1 and stage_of(stages[stage]).steps[-1].operation == "add":
                marks.append(_around(place[source], place[stage], size[source], size[stage], breadth, upright))
            else:
                marks.append(_ribbon(place[source], place[stage], _strand(stages[stage], stages[source]), upright))
    for stage, name in stages.items():
        (x, y), (w, h) = place[stage], size[stage]
        marks += _node(subject, name, stage, stage, place[stage], pictures[stage].shape)
        sign = SIGNS.get(stage_of(name).steps[-1].operation)
        if sign:
            sx, sy = (x - w / 2 - 12, y - h / 2 - 10) if upright else (x - w / 2 - 12, y)
            marks.append(
                f'<circle cx="{sx:g}" cy="{sy:g}" r="8" class="sign"/><text class="sum" x="{sx:g}" y="{sy + 4:g}" text-anchor="middle">{sign}</text>'
            )
    width, height = (breadth, length) if upright else (length, breadth)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}">{"".join(marks)}</svg>'


def _strand(*names: str) -> str:
    return next((stage_of(name).strand for name in names if stage_of(name).strand), "")


def _ribbon(a: tuple[float, float], b: tuple[float, float], strand: str, upright: bool) -> str:
    (x1, y1), (x2, y2) = a, b
    start = f"M{x1:g} {y1:g}"
    if (y2 - y1 if upright else x2 - x1) > 2.5 * PITCH:  # straight past what it does not enter, then in
        x1, y1 = (x1, y2 - PITCH) if upright else (x2 - 0.8 * PITCH, y1)
        start += f"L{x1:g} {y1:g}"
    bend = (x1, (y1 + y2) / 2, x2, (y1 + y2) / 2) if upright else ((x1 + x2) / 2, y1, (x1 + x2) / 2, y2)
    curve = " ".join(f"{n:g}" for n in (*bend, x2, y2))
    return f'<path class="ribbon {strand}" d="{start}C{curve}"/>'


def _around(
    a: tuple[float, float],
    b: tuple[float, float],
    of_a: tuple[float, float],
    of_b: tuple[float, float],
    breadth: float,
    upright: bool,
) -> str:
    """A residual's way past the branch, with an arrow's head where it arrives."""
    (x1, y1), (x2, y2) = a, b
    if upright:
        edge, end = breadth - 12, x2 + of_b[0] / 2 + 4
        return f'<path class="around" d="M{x1 + of_a[0] / 2:g} {y1:g}C{edge:g} {y1:g} {edge:g} {y1:g} {edge:g} {y1 + 40:g}L{edge:g} {y2 - 40:g}C{edge:g} {y2:g} {edge:g} {y2:g} {end:g} {y2:g}M{end + 6:g} {y2 - 5:g}L{end:g} {y2:g}L{end + 6:g} {y2 + 5:g}"/>'
    edge, start, end = 12.0, y1 - of_a[1] / 2 - 22, y2 - of_b[1] / 2 - 22
    return f'<path class="around" d="M{x1:g} {start:g}C{x1:g} {edge:g} {x1:g} {edge:g} {x1 + 40:g} {edge:g}L{x2 - 40:g} {edge:g}C{x2:g} {edge:g} {x2:g} {edge:g} {x2:g} {end:g}M{x2 - 5:g} {end - 6:g}L{x2:g} {end:g}L{x2 + 5:g} {end - 6:g}"/>'
