"""The explorer's figures: what tokens read, the matrix, two views side by side, what a removed head changes, the heads in
numbers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from topformer_viz.app.explorer.change import change_of, texts_of
from topformer_viz.app.explorer.payload import heads_of
from topformer_viz.app.explorer.words import FIGURES, UI
from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.figures.attention import (
    attention_panel,
    how_coloured,
    line,
    quantity,
    reading_panel,
    reading_row,
    region,
    tokens_name,
)  # fmt: skip
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.scales import attention_scales
from topformer_viz.figures.stages import stage_panel
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import Subject, class_picture, numbers
from topformer_viz.run.measures import cosines, on_most_like
from topformer_viz.run.walk import output_of
from topformer_viz.words.live import say
from topformer_viz.words.names import MEAN_OF_HEADS
from topformer_viz.words.numbers import signed_digits
from topformer_viz.words.text import Text, sentences

READING = Text("What the token reads, in this head", "这个 token 读什么（这个头）")
ROW = Text("What the token reads, the heads in a row", "这个 token 读什么（各头排成一行）")
BESIDE = Text("{a} beside {b}", "并排：{a}；{b}")
IN_BLOCK = Text("{head} of {block}", "{block} {head}")
OF_TOKENS = Text("{tokens} in {where}", "{tokens}（{where}）")


def figures(view: View) -> list[Offer]:
    """What can be saved of the page; every figure follows the address."""

    def reading(asked: Asked) -> Panel:
        place = _Place.of(asked)
        return reading_panel(
            view.subject, place.block, place.head, place.query, mode=place.mode, values=place.values, to=place.to,
            colour=place.colour,
        )  # fmt: skip

    def of_all(make: Callable[..., Panel], asked: Asked) -> Panel:
        place = _Place.of(asked)
        return make(
            view.subject, place.block, place.query, mode=place.mode, values=place.values, to=place.to,
            colour=place.colour, scale=place.scale,
        )  # fmt: skip

    def matrix(asked: Asked) -> Panel:
        place = _Place.of(asked)
        return stage_panel(view.subject, place.block, place.values, place.head, colour=place.colour, scale=place.scale)

    return [
        Offer("reading", READING, reading),
        Offer("row", ROW, partial(of_all, reading_row)),
        Offer("attention", FIGURES["attention"], partial(of_all, attention_panel)),
        Offer("matrix", FIGURES["matrix"], matrix),
        Offer("against", FIGURES["against"], lambda asked: _against(view.subject, asked)),
        Offer("similarity", FIGURES["similarity"], lambda asked: _similarity(view.subject, asked)),
        Offer("removal", FIGURES["removal"], lambda asked: _without(view, asked)),
        Offer("measures", FIGURES["measures"], lambda asked: _numbers(view, asked)),
    ]


class _Asking(NamedTuple):
    """A block, a head (None: the mean) and the tokens that ask in it, all from 0."""

    block: int
    head: int | None
    tokens: list[int]


@dataclass(frozen=True)
class _Place:
    """The view on show; block, head (None: the mean), tokens from 0."""

    block: int
    head: int | None
    query: int
    to: int | None
    mode: str
    values: str
    colour: str
    scale: str
    beside: str | None  # what it is compared with, as the address says it
    pinned: int | None
    removal: str | None

    @classmethod
    def of(cls, asked: Asked) -> "_Place":
        query, to, pinned = (asked[name] and asked[name] - 1 for name in ("query", "to", "pinned"))
        return cls(
            asked["block"] - 1, None if asked["head"] == "mean" else asked["head"] - 1, query, to, asked["mode"],
            asked["values"], asked["colour"], asked["scale"], asked["with"], pinned, asked["removal"],
        )  # fmt: skip

    def pair(self, grid: tuple[int, int]) -> tuple[_Asking, _Asking]:
        """A, the view on show; and B, what it is compared with, or else the mean of the heads."""
        a = _Asking(self.block, self.head, region(grid, self.query, self.to))
        kind, _, which = (self.beside or "head-mean").partition("-")
        if kind == "query" and self.pinned is not None:
            return a, a._replace(tokens=[self.pinned])
        if kind == "block":
            return a, a._replace(block=int(which) - 1)
        return a, a._replace(head=None if which == "mean" else int(which) - 1)


def _against(subject: Subject, asked: Asked) -> Panel:
    """Two views side by side, and their difference."""
    lang, grid, place = subject.lang, subject.grid, _Place.of(asked)
    both = place.pair(grid)
    a, b = (line(subject.run, *asking, place.mode, place.values).reshape(grid) for asking in both)
    scales = attention_scales([a, b], place.values, quantity(place.values, lang), place.colour, place.scale)
    end = float((a - b).abs().max())
    shape = subject.photo.height / subject.photo.width
    tiles = [
        Tile(
            numbers(values), shape, scale, f"{letter}: {_named(asking, subject)}", under=subject.picture,
            marks=tuple(divmod(token, grid[1]) for token in asking.tokens),
        )
        for letter, values, scale, asking in zip("AB", (a, b), scales, both, strict=True)
    ]  # fmt: skip
    apart = Scale(-end or 0.0, end, FIGURES["difference"](lang))
    tiles.append(Tile(numbers(a - b), shape, apart, "A − B", under=subject.picture))
    said = [
        UI["row_title" if place.mode == "row" else "col_title"](lang) + ("." if lang == "en" else "。"),
        UI["apart"](lang, value=f"{end:.3g}"),
    ]
    if place.values == "weights" and place.mode == "row":
        said.append(UI["moved"](lang, share=f"{float((a - b).abs().sum()) / 2:.1%}"))
    said += how_coloured(place.values, place.colour, place.scale, lang)
    return Panel(
        f"block{place.block + 1}-token{place.query + 1}-against-{(place.beside or 'mean').replace('-', '')}",
        _beside(*both, subject), subject.short(None), subject.caption(said, None),
        groups=(Group(tuple(tiles), across=3),),
    )  # fmt: skip


def _named(asking: _Asking, subject: Subject) -> str:
    return FIGURES["view"](subject.lang, **_parts(asking, subject))


def _parts(asking: _Asking, subject: Subject) -> dict[str, str]:
    """What says which view it is: block, head and tokens, in words."""
    lang, (block, head, tokens) = subject.lang, asking
    return {
        "block": PANEL["block"](lang, block=block + 1),
        "head": MEAN_OF_HEADS(lang) if head is None else subject.head(head),
        "tokens": UI["token_short"](lang, i=tokens[0] + 1) if len(tokens) == 1 else tokens_name(subject, tokens),
    }


def _beside(a: _Asking, b: _Asking, subject: Subject) -> str:
    """The title: what stands beside what, "head 2 of block 3 beside head 2 of block 1"; tokens where they differ."""
    names = []
    for asking in (a, b):
        parts = _parts(asking, subject)
        where = IN_BLOCK(subject.lang, **parts) if subject.model.num_blocks > 1 else parts["head"]
        names.append(where if a.tokens == b.tokens else OF_TOKENS(subject.lang, where=where, **parts))
    title = BESIDE(subject.lang, a=names[0], b=names[1])
    return title[0].upper() + title[1:]


def _similarity(subject: Subject, asked: Asked) -> Panel:
    """What the tokens read, between their likeness to all tokens where they enter the block and where they leave it."""
    lang, run, place = subject.lang, subject.run, _Place.of(asked)
    reading = reading_panel(
        subject, place.block, place.head, place.query, mode=place.mode, to=place.to, colour=place.colour
    )
    (reads,), tokens = reading.groups[0].tiles, region(subject.grid, place.query, place.to)
    enters, leaves = (
        cosines(run[name], tokens) for name in (f"block{place.block}.tokens", output_of(run, place.block))
    )
    alike = Scale(-1.0, 1.0, FIGURES["similarity_scale"](lang))

    def likeness(values: Tensor, where: str) -> Tile:
        return replace(reads, values=numbers(values.reshape(subject.grid)), scale=alike, title=UI[where](lang))

    tiles = (
        likeness(enters, "similarity_enters"), replace(reads, title=reading.title), likeness(leaves, "similarity_leaves"),
    )  # fmt: skip
    caption, named = reading.caption, tokens_name(subject, tokens)
    weights = line(run, place.block, place.head, tokens, place.mode, "weights")
    if most := on_most_like(weights, enters, tokens):
        head = _parts(_Asking(place.block, place.head, tokens), subject)["head"]
        share, uniform = f"{most.share:.1%}", f"{most.uniform:.1%}"
        said = UI[f"similarity_{place.mode}"](
            lang, tokens=named, head=head, k=most.tokens, share=share, uniform=uniform
        )
        caption = sentences(lang, (said, caption))
    title = FIGURES["similarity_title"](lang, tokens=named)
    return replace(
        reading, name=f"{reading.name}-similarity", title=title, caption=caption, groups=(Group(tiles, across=3),)
    )


def _without(view: View, asked: Asked) -> Panel:
    """The run without the head that the address names, or without the one on show."""
    subject, place, lang = view.subject, _Place.of(asked), view.lang
    removal = place.removal or f"without-{(place.head or 0) + 1}"
    kind, _, head = removal.partition("-")
    gone = heads_of(removal, view.run.sizes["heads"])
    assert gone is not None
    key = (*view.key, "change", place.block, gone)
    change = view.keep(key, lambda: change_of(view.run, view.model, place.block, gone))
    shape = view.photo.height / view.photo.width
    scale = Scale(0.0, float(change.output.max()), FIGURES["rms"](lang))
    tiles = [Tile(numbers(change.output[0, 0]), shape, scale, FIGURES["output"](lang), under=subject.picture)]
    labels = change.labels
    texts = texts_of(labels and labels.names, lang)
    said = [say(answer, texts) for answer in change.said]
    if labels:
        names, was, now = labels
        if told := [say(move, texts) for move in labels.moves]:
            said.append(FIGURES["moves"](lang, moves=UI["semicolon"](lang).join(told)))
        grey = Image.fromarray(subject.picture).convert("L").resize(was.shape[::-1])  # type: ignore[arg-type]
        paper = np.repeat(np.asarray(grey)[..., None], 3, -1)
        after = class_picture(now, names)
        sparse = np.where(labels.changed.numpy()[..., None], after, paper)
        pictures = {"before": class_picture(was, names), kind: after, "changed": sparse}
        tiles += [Tile(array, shape, title=FIGURES[name](lang), crisp=True) for name, array in pictures.items()]
        if subject.model.class_names is None:
            said.append(FIGURES["classes"](lang, set=names.title(lang)))  # says of a guess that it is one
    title = FIGURES["removal_only" if kind == "only" else "removal_title"](lang, head=subject.head(int(head) - 1))
    return Panel(
        f"block{place.block + 1}-{removal}", title, subject.short(place.block), subject.caption(said, place.block),
        groups=(Group(tuple(tiles)),), legend=tuple(labels.legend(lang)) if labels else (),
    )  # fmt: skip


def _numbers(view: View, asked: Asked) -> Panel:
    """Effective tokens, distance, largest weight and scores of every head of the block."""
    subject, place, lang = view.subject, _Place.of(asked), view.lang
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
        FIGURES[name](lang, n=view.run.sizes["HW"]) for name in ("head", "effective", "distance", "top", "range")
    )
    return Panel(
        f"block{place.block + 1}-heads", FIGURES["measures_title"](lang, block=place.block + 1), subject.short(place.block),
        subject.caption([FIGURES["measured"](lang)], place.block), tables=(Table(columns, tuple(rows), bars=tuple(bars)),),
    )  # fmt: skip
