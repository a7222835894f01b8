"""What a token reads in every head, as a panel."""

from collections.abc import Sequence

import torch
from torch import Tensor

from topformer_viz.figures.panel import Group, Panel, Scale, Tile
from topformer_viz.figures.subject import UI, Subject, numbers
from topformer_viz.run.tracing import Trace
from topformer_viz.words.misspelt import known
from topformer_viz.words.text import Lang


def attention_panel(
    subject: Subject, block: int, query: int, *, mode: str = "row", values: str = "weights", to: int | None = None,
    log: bool = False, each: bool = False,
) -> Panel:  # fmt: skip
    """What a token (flat index, from 0) reads in every head of ``block``, or with mode "column" who reads it.

    With ``to`` the mean over the rectangle of tokens between the two. ``log``: weights from a ten thousandth of the
    largest on, by their logarithm. ``each``: a scale for every head instead of one for all. ValueError for another mode
    ("row", "column"), other values ("weights", "scores") or a block that the model does not have.
    """
    subject.must_have(block)
    known("mode", mode, ("row", "column"))
    known("values", values, ("weights", "scores"))
    run, lang, grid = subject.run, subject.lang, subject.grid
    heads = run.sizes["heads"]
    tokens = region(grid, query, to)
    maps = torch.stack([line(run, block, h, tokens, mode, values) for h in range(heads)]).reshape(heads, *grid)
    own = list(maps) if each else [maps] * heads
    scales = [attention_scale(part, values, log, lang) for part in own]
    marks = tuple(divmod(token, grid[1]) for token in tokens)
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
    who = tokens_name(subject, tokens)
    title = UI["attention_title" if mode == "row" else "attention_column"](lang, token=who)
    said = [UI["query_mark" if len(tokens) == 1 else "region_mark"](lang)]
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
        f"block{block + 1}-token{which}-{mode}-{values}{how}", title, subject.short(block),
        subject.caption(said, block), groups=(Group((photo, *tiles)),),
    )  # fmt: skip


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


def attention_scale(values: Tensor, kind: str, log: bool, lang: Lang) -> Scale:
    """A scale for weights from 0 or, ``log``, over four powers of ten; for scores from the smallest to the largest."""
    low, high = (float(x) for x in torch.aminmax(values))
    if kind == "scores":
        return Scale(low, high, UI["score"](lang))
    return Scale(1e-4 * high if log else 0.0, high, UI["share"](lang), log=log)


def tokens_name(subject: Subject, tokens: Sequence[int]) -> str:
    """ "token 36 (row 5, column 4)", or the region's rows and columns."""
    first, last = (divmod(token, subject.grid[1]) for token in (tokens[0], tokens[-1]))
    if len(tokens) == 1:
        return UI["token"](subject.lang, i=tokens[0] + 1, r=first[0] + 1, c=first[1] + 1)
    rows, columns = (f"{a + 1}–{b + 1}" for a, b in zip(first, last, strict=True))
    return UI["region"](subject.lang, n=len(tokens), rows=rows, columns=columns)
