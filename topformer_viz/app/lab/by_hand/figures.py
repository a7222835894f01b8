"""What can be saved of the lab's part by hand."""

from functools import partial

from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.by_hand.payload import example_of, title_of
from topformer_viz.app.lab.by_hand.words import FIGURES
from topformer_viz.figures.panel import Group, Panel, Scale, Tile
from topformer_viz.figures.subject import numbers
from topformer_viz.study.by_hand import MATRICES, Example, axes
from topformer_viz.words.text import Lang

SHEETS = {
    "query": ("tokens", "P_q", "query_map", "query"),
    "key": ("tokens", "P_k", "key_map", "key"),
    "value": ("tokens", "P_v", "value_map", "value"),
    "scores": ("scores", "weights"),
    "output": ("mixed", "merged", "activated", "P_o", "projected", "residual"),
}


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [Offer(name, FIGURES[name], partial(_tables, view.lang, name)) for name in SHEETS]


def _tables(lang: Lang, sheet: str, asked: Asked) -> Panel:
    """Some tensors of the example, every number written down."""
    example = example_of(seed := asked["seed"])
    sizes = example.run.sizes
    title = FIGURES["title"](lang, part=FIGURES[sheet](lang))
    groups = tuple(_group(example, name, lang) for name in SHEETS[sheet])
    about = FIGURES["about"](lang, seed=seed, **sizes)
    return Panel(f"by-hand-{seed}-{sheet}", title, about, FIGURES["caption"](lang, **sizes), groups=groups)


def _group(example: Example, name: str, lang: Lang) -> Group:
    """A tensor's tables, one for each index along its first axis; a matrix is one table."""
    tensor, named = example.tensor(name), axes(name)
    end = float(tensor.abs().max()) or 1.0
    scale = Scale(-end, end, "")
    tiles = []
    for n, values in enumerate(tensor[None] if name in MATRICES else tensor):
        rows, columns = values.shape
        at, title = ((), "") if name in MATRICES else ((n,), f"{named[0]} {n}")
        shown = tuple(tuple(example.number(name, (*at, r, c)) for c in range(columns)) for r in range(rows))
        tiles.append(Tile(numbers(values), 0.8 * rows / columns, scale, title, numbers=shown))
    shape = " · ".join(f"{axis} {size}" for axis, size in zip(named, tensor.shape, strict=True))
    title = FIGURES["tensor"](lang, title=title_of(name)(lang), name=name, shape=shape)
    return Group(tuple(tiles), title, natural=True)
