"""The explorer's figures: what pixels read, the matrix, two views side by side, what hangs on a head, the heads in numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from topformer_viz.app.explorer.page import removal_of
from topformer_viz.app.explorer.payload import both_labels, change_of, commonest, heads_of, moves
from topformer_viz.app.explorer.words import NO_SEGMENTATION, OUTPUT, PIXELS
from topformer_viz.app.explorer.words import UI as WORDS
from topformer_viz.app.frame.address import one_of
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View
from topformer_viz.figures.attention import attention_panel, attention_scale, line, pixels_name, region
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.stages import stage_panel
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import Subject, class_picture, numbers
from topformer_viz.network.classes import classes_of
from topformer_viz.network.model import TopFormer
from topformer_viz.words.numbers import signed_digits
from topformer_viz.words.text import Lang, Text

UI = {
    "attention": Text("What the pixel reads, in every head", "这个像素读什么（每个头）"),
    "matrix": Text("The whole matrix", "整个矩阵"),
    "against": Text("Two views side by side", "两个视图并排"),
    "removal": Text("What hangs on the head", "这个头有多重要"),
    "measures": Text("The heads in numbers", "用数字看各头"),
    "against_title": Text("A beside B", "A 与 B 并排"),
    "view": Text("{block}, {head}, {pixels}", "{block}，{head}，{pixels}"),
    "difference": Text("difference A − B (no unit)", "差 A − B（无单位）"),
    "removal_title": Text("What changes without {head}", "去掉{head}后的变化"),
    "removal_only": Text("What changes with {head} alone", "只留{head}后的变化"),
    "without": Text("segmentation without it", "去掉之后的分割"),
    "alone": Text("segmentation with it alone", "只留它的分割"),
    "before": Text("segmentation as it ran", "原样的分割"),
    "changed": Text("pixels that change class", "改变类别的像素"),
    "output": Text("change of the block's output", "模块输出的变化"),
    "rms": Text("root mean square over the channels (no unit)", "各通道的均方根（无单位）"),
    "measures_title": Text("The attention heads of block {block}, measured", "第 {block} 个模块的各头，测量值"),
    "head": Text("head", "头"),
    "effective": Text("effective tokens, of {n}", "有效 token 数，共 {n}"),
    "distance": Text("mean distance (tokens)", "平均距离（token）"),
    "top": Text("largest weight", "最大的权重"),
    "range": Text("scores (no unit)", "得分（无单位）"),
    "measured": Text(
        "Effective tokens: over how many pixels a row spreads, the exponential of its entropy. Distance: how far it reads, in pixels of the token grid. Both are means over all rows; a full bar is the column's largest.",
        "有效 token 数：一行分散在多少个像素上，即熵的指数。距离：读得多远，以 token 网格的像素为单位。两者都是各行的平均；满条是该列的最大值。",
    ),
    "moves": Text("Most often: {moves}.", "最多的是：{moves}。"),
    "classes": Text("Classes: {set}.", "类别：{set}。"),
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of the page; every figure follows the address."""

    def attention(asked: Mapping[str, str]) -> Panel:
        place = _Place.of(view.subject, asked)
        return attention_panel(
            view.subject, place.block, place.query, mode=place.mode, values=place.values, to=place.to,
            log=asked.get("colour") == "log", each=asked.get("scale") == "each",
        )  # fmt: skip

    def matrix(asked: Mapping[str, str]) -> Panel:
        place = _Place.of(view.subject, asked)
        panel = stage_panel(view.subject, place.block, place.values, place.head)
        return _logarithmic(panel, view.lang) if asked.get("colour") == "log" and place.values == "weights" else panel

    return [
        Offer("attention", UI["attention"], attention),
        Offer("matrix", UI["matrix"], matrix),
        Offer("against", UI["against"], lambda asked: _against(view.subject, asked)),
        Offer("removal", UI["removal"], lambda asked: _without(view, asked)),
        Offer("measures", UI["measures"], lambda asked: _numbers(view, asked)),
    ]


def _logarithmic(panel: Panel, lang: Lang) -> Panel:
    """The same panel of weights, its colours over four powers of ten."""

    def of(tile: Tile) -> Tile:
        assert tile.scale
        return replace(tile, scale=replace(tile.scale, low=1e-4 * tile.scale.high, log=True))

    groups = tuple(replace(group, tiles=tuple(map(of, group.tiles))) for group in panel.groups)
    caption = (" " if lang == "en" else "").join((PANEL["log"](lang), panel.caption))
    return replace(panel, name=f"{panel.name}-log", caption=caption, groups=groups)


@dataclass(frozen=True)
class _Place:
    """The view on show; block, head (None: the mean), pixels from 0."""

    block: int
    head: int | None
    query: int
    to: int | None
    mode: str
    values: str

    @classmethod
    def of(cls, subject: Subject, asked: Mapping[str, str]) -> "_Place":
        (rows, columns), run = subject.grid, subject.run
        pixels = range(1, rows * columns + 1)
        middle = (rows // 2) * columns + columns // 2
        to = one_of(asked, "to", pixels, None)
        return cls(
            block=one_of(asked, "block", range(1, subject.model.num_blocks + 1), 1) - 1,
            head=None if asked.get("head") == "mean" else one_of(asked, "head", range(1, run.sizes["heads"] + 1), 1) - 1,
            query=one_of(asked, "query", pixels, middle + 1) - 1,
            to=None if to is None else to - 1,
            mode=one_of(asked, "mode", ("row", "column"), "row"),
            values=one_of(asked, "values", ("weights", "scores"), "weights"),
        )  # fmt: skip


def _against(subject: Subject, asked: Mapping[str, str]) -> Panel:
    """A, the view on show; B, what the address compares it with (or the mean of the heads); and their difference."""
    run, lang, grid, place = subject.run, subject.lang, subject.grid, _Place.of(subject, asked)
    kind, _, which = asked.get("with", "").partition("-")
    pixels = region(grid, place.query, place.to)
    block, head, others = place.block, place.head, pixels
    if kind == "query":
        others = [one_of(asked, "pinned", range(1, run.sizes["HW"] + 1), place.query + 1) - 1]
    elif kind == "block":
        block = one_of({"block": which}, "block", range(1, subject.model.num_blocks + 1), place.block + 1) - 1
    else:
        head = one_of({"head": which}, "head", range(1, run.sizes["heads"] + 1), 0) - 1
        head = None if head < 0 else head
    a = line(run, place.block, place.head, pixels, place.mode, place.values).reshape(grid)
    b = line(run, block, head, others, place.mode, place.values).reshape(grid)
    log = asked.get("colour") == "log"
    both = attention_scale(torch.stack([a, b]), place.values, log, lang)
    scales = [attention_scale(t, place.values, log, lang) if asked.get("scale") == "each" else both for t in (a, b)]
    end = float((a - b).abs().max())
    apart = Scale(-end, end, UI["difference"](lang)) if end else Scale(0.0, 0.0, UI["difference"](lang))

    def named(letter: str, b: int, h: int | None, who: list[int]) -> str:
        head = PANEL["mean"](lang) if h is None else subject.head(h)
        block = PANEL["block"](lang, block=b + 1)
        pixel = WORDS["pixel_short"](lang, i=who[0] + 1) if len(who) == 1 else pixels_name(subject, who)
        return f"{letter}: {UI['view'](lang, block=block, head=head, pixels=pixel)}"

    def marks(who: list[int]) -> tuple[tuple[int, int], ...]:
        return tuple(divmod(pixel, grid[1]) for pixel in who)

    shape = subject.photo.height / subject.photo.width
    tiles = (
        Tile(numbers(a), shape, scales[0], named("A", place.block, place.head, pixels), under=subject.picture, marks=marks(pixels)),
        Tile(numbers(b), shape, scales[1], named("B", block, head, others), under=subject.picture, marks=marks(others)),
        Tile(numbers(a - b), shape, apart, "A − B", under=subject.picture),
    )  # fmt: skip
    said = [
        WORDS["row_title" if place.mode == "row" else "col_title"](lang) + ("." if lang == "en" else "。"),
        WORDS["apart"](lang, value=f"{end:.3g}"),
    ]
    if place.values == "weights" and place.mode == "row":
        said.append(WORDS["moved"](lang, share=f"{float((a - b).abs().sum()) / 2:.1%}"))
    stem = (
        f"block{place.block + 1}-pixel{place.query + 1}-against-{re.sub('[^a-z0-9]+', '', f'{kind}{which}') or 'mean'}"
    )
    about = subject.short(None)
    return Panel(stem, UI["against_title"](lang), about, subject.caption(said, None), groups=(Group(tiles, across=3),))


def _without(view: View, asked: Mapping[str, str]) -> Panel:
    """The run without the head that the address names, or without the one on show."""
    subject, place, lang = view.subject, _Place.of(view.subject, asked), view.lang
    run, model, heads = view.run, view.model, view.run.sizes["heads"]
    removal = asked.get("removal", "")
    if heads_of(removal, heads) is None:
        removal = f"without-{(place.head or 0) + 1}"
    gone = heads_of(removal, heads)
    assert gone is not None
    named = subject.head(int(removal.rpartition("-")[2]) - 1)
    only = removal.startswith("only")
    result = removal_of(view, place.block, gone)
    change, share = change_of(run, model, place.block, result)
    shape = view.photo.height / view.photo.width
    scale = Scale(0.0, float(change.max()), UI["rms"](lang))
    tiles = [Tile(numbers(change[0, 0]), shape, scale, UI["output"](lang), under=subject.picture)]
    said = [OUTPUT(lang, share=f"{share:.1%}")]
    legend: tuple[tuple[str, str], ...] = ()
    if result.scores is None or not isinstance(model, TopFormer):
        said.append(NO_SEGMENTATION(lang))
    else:
        names = classes_of(result.scores.shape[1], model.class_names)
        was, now = both_labels(run, result.scores)
        changed = was != now
        said.append(PIXELS(lang, share=f"{float(changed.float().mean()):.1%}"))
        if told := moves(was, now, names, lang):
            said.append(UI["moves"](lang, moves=WORDS["semicolon"](lang).join(told)))
        pictures = {"before": was, "alone" if only else "without": now}
        for name, labels in pictures.items():
            tiles.append(Tile(class_picture(labels, names), shape, title=UI[name](lang), crisp=True))
        grey = Image.fromarray(subject.picture).convert("L").resize(was.shape[::-1])  # type: ignore[arg-type]
        paper = np.repeat(np.asarray(grey)[..., None], 3, -1)
        sparse = np.where(changed.numpy()[..., None], class_picture(now, names), paper)
        tiles.append(Tile(sparse, shape, title=UI["changed"](lang), crisp=True))
        legend = tuple((names.names[c](lang), names.colours[c]) for c in commonest(was, now, names))
        if model.class_names is None:
            said.append(UI["classes"](lang, set=names.title(lang)))  # says of a guess that it is one
    title = UI["removal_only" if only else "removal_title"](lang, head=named)
    return Panel(
        f"block{place.block + 1}-{removal}", title, subject.short(place.block), subject.caption(said, place.block),
        groups=(Group(tuple(tiles)),), legend=legend,
    )  # fmt: skip


def _numbers(view: View, asked: Mapping[str, str]) -> Panel:
    """Effective tokens, distance, largest weight and scores of every head of the block."""
    subject, place, lang = view.subject, _Place.of(view.subject, asked), view.lang
    measures = view.measures(place.block)
    effective, distance, top, low, high = (
        getattr(measures, name).tolist() for name in ("effective", "distance", "top", "low", "high")
    )
    rows, bars = [], []
    for h in range(view.run.sizes["heads"]):
        span = f"{signed_digits(low[h])} … {signed_digits(high[h])}"
        rows.append((subject.head(h), f"{effective[h]:.1f}", f"{distance[h]:.2f}", signed_digits(top[h]), span))
        bars.append((effective[h] / max(effective), distance[h] / (max(distance) or 1.0), None, None))
    columns = tuple(
        UI[name](lang, n=view.run.sizes["HW"]) for name in ("head", "effective", "distance", "top", "range")
    )
    return Panel(
        f"block{place.block + 1}-heads", UI["measures_title"](lang, block=place.block + 1), subject.short(place.block),
        subject.caption([UI["measured"](lang)], place.block), tables=(Table(columns, tuple(rows), bars=tuple(bars)),),
    )  # fmt: skip
