"""What a token reads, as a panel: in every head, in one head, in a row of heads."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from topformer_viz.figures.panel import Group, Panel, Tile
from topformer_viz.figures.scales import COLOURS, SCALES, attention_scales
from topformer_viz.figures.subject import UI, Subject, numbers
from topformer_viz.run.tracing import Trace
from topformer_viz.words.misspelt import known
from topformer_viz.words.names import MEAN_OF_HEADS, TOKEN
from topformer_viz.words.text import Lang


def attention_panel(
    subject: Subject, block: int, query: int, *, mode: str = "row", values: str = "weights", to: int | None = None,
    colour: str = COLOURS[0], scale: str = SCALES[0],
) -> Panel:  # fmt: skip
    """The photograph, then what a token (flat index, from 0) reads in every head of ``block`` and in their mean; with mode
    "column" who reads it.

    With ``to`` the mean over the rectangle of tokens between the two. ``colour`` and ``scale`` as ``attention_scales``
    takes them. ValueError for another mode ("row", "column"), other values ("weights", "scores"), another colour or scale,
    or a block that the model does not have.
    """
    asked = _Asked(subject, block, query, to, mode, values, colour, scale)
    heads: list[int | None] = [*asked.heads]
    maps = asked.tiles([*heads, None] if len(heads) > 1 else heads)
    photo = Tile(subject.picture, asked.shape, title=subject.name, lines=subject.grid, marks=asked.marks)
    return asked.panel("", asked.title, (photo, *maps))


def reading_panel(
    subject: Subject, block: int, head: int | None, token: int, *, mode: str = "row", values: str = "weights",
    to: int | None = None, colour: str = COLOURS[0],
) -> Panel:  # fmt: skip
    """One map over the photograph: what a token reads in one ``head`` (from 0; None: in the mean of the heads). All else as
    in ``attention_panel``."""
    asked = _Asked(subject, block, token, to, mode, values, colour, SCALES[0])
    subject.must_have(block, head)
    (tile,) = asked.tiles([head])
    title = UI["in_head"](subject.lang, what=asked.title, head=tile.title)
    which = "mean-" if head is None else f"head{head + 1}-"
    return asked.panel(which, title, (replace(tile, title=""),))


def reading_row(
    subject: Subject, block: int, token: int, *, mode: str = "row", values: str = "weights", to: int | None = None,
    colour: str = COLOURS[0], scale: str = SCALES[0],
) -> Panel:  # fmt: skip
    """What a token reads in every head of ``block``, all in one line over the photograph; all else as in ``attention_panel``."""
    asked = _Asked(subject, block, token, to, mode, values, colour, scale)
    tiles = asked.tiles(asked.heads)
    return asked.panel("heads-", asked.title, tiles, across=len(tiles))


class _Asked(NamedTuple):
    """What the panels above are asked for; ``token`` and ``to`` are opposite corners of the tokens in question."""

    subject: Subject
    block: int
    token: int
    to: int | None
    mode: str
    values: str
    colour: str
    scale: str

    @property
    def heads(self) -> range:
        return range(self.subject.run.sizes["heads"])

    @property
    def tokens(self) -> list[int]:
        return region(self.subject.grid, self.token, self.to)

    @property
    def marks(self) -> tuple[tuple[int, int], ...]:
        return tuple(divmod(token, self.subject.grid[1]) for token in self.tokens)

    @property
    def shape(self) -> float:
        return self.subject.photo.height / self.subject.photo.width

    @property
    def title(self) -> str:
        return UI[f"title_{self.mode}"](self.subject.lang, token=tokens_name(self.subject, self.tokens))

    def tiles(self, heads: Iterable[int | None]) -> tuple[Tile, ...]:
        """The heads' maps over the photograph, each under its name; None: the mean of all heads."""
        subject, lang, heads = self.subject, self.subject.lang, list(heads)
        subject.must_have(self.block)
        known("mode", self.mode, ("row", "column"))
        known("values", self.values, ("weights", "scores"))
        maps = [
            line(subject.run, self.block, head, self.tokens, self.mode, self.values).reshape(subject.grid)
            for head in heads
        ]
        scales = attention_scales(maps, self.values, quantity(self.values, lang), self.colour, self.scale)
        names = [MEAN_OF_HEADS(lang) if head is None else subject.head(head) for head in heads]
        return tuple(
            Tile(numbers(shown), self.shape, scale, name, under=subject.picture, marks=self.marks)
            for shown, scale, name in zip(maps, scales, names, strict=True)
        )

    def panel(self, which: str, title: str, tiles: tuple[Tile, ...], across: int | None = None) -> Panel:
        """The panel, its file named after the block, ``which`` heads, the tokens and how they are shown."""
        subject, maps = self.subject, sum(tile.scale is not None for tile in tiles)
        said = [UI["query_mark" if len(self.tokens) == 1 else "region_mark"](subject.lang)]
        if self.values == "weights" and self.mode == "row":
            said.append(UI["row_sum"](subject.lang))
        said += how_coloured(self.values, self.colour, self.scale if maps > 1 else "", subject.lang)
        tokens = str(self.token + 1) if self.to is None else f"{self.token + 1}to{self.to + 1}"
        how = [name for name, default in ((self.colour, COLOURS[0]), (self.scale, SCALES[0])) if name != default]
        name = "-".join([f"block{self.block + 1}-{which}token{tokens}", self.mode, self.values, *how])
        about, caption = subject.short(self.block), subject.caption(said, self.block)
        return Panel(name, title, about, caption, groups=(Group(tiles, across=across),))


def how_coloured(values: str, colour: str, scale: str, lang: Lang) -> list[str]:
    """Sentences on the colours of maps of "weights" or "scores"; ``scale`` "" where there is one map alone."""
    said = UI["unscaled" if values == "scores" else f"colour_{colour}"](lang)
    return [said, *([UI[f"scale_{scale}"](lang)] if scale else [])]


def quantity(values: str, lang: Lang) -> str:
    """What "weights" or "scores" measure, with the unit."""
    return UI["score" if values == "scores" else "share"](lang)


def middle_token(grid: tuple[int, int]) -> int:
    """The token in the middle of the grid, a flat index from 0: the one that is shown where none is chosen."""
    return grid[0] // 2 * grid[1] + grid[1] // 2


def region(grid: tuple[int, int], one: int, other: int | None = None) -> list[int]:
    """The tokens of the rectangle between two, row by row; flat indices, from 0."""
    (r0, c0), (r1, c1) = divmod(one, grid[1]), divmod(one if other is None else other, grid[1])
    rows, columns = range(min(r0, r1), max(r0, r1) + 1), range(min(c0, c1), max(c0, c1) + 1)
    return [r * grid[1] + c for r in rows for c in columns]


def line(run: Trace, block: int, head: int | None, tokens: Sequence[int], mode: str, values: str) -> Tensor:
    """What ``tokens`` read, or with mode "column" who reads them, their mean: (HW,). ``head`` from 0, None: mean of all."""
    if head is None:
        every = [line(run, block, h, tokens, mode, values) for h in range(run.sizes["heads"])]
        return torch.stack(every).mean(0)
    if mode == "row":
        return run.rows(f"block{block}.{values}", head, tokens).mean(0)
    return run.rows(f"block{block}.{values}", head, slice(None))[:, list(tokens)].mean(1)


def tokens_name(subject: Subject, tokens: Sequence[int]) -> str:
    """ "token 36 (row 5, column 4)", or the region's rows and columns."""
    first, last = (divmod(token, subject.grid[1]) for token in (tokens[0], tokens[-1]))
    if len(tokens) == 1:
        return TOKEN(subject.lang, i=tokens[0] + 1, r=first[0] + 1, c=first[1] + 1)
    rows, columns = (f"{a + 1}–{b + 1}" for a, b in zip(first, last, strict=True))
    return UI["region"](subject.lang, n=len(tokens), rows=rows, columns=columns)
