"""The lab's part on covariance as figures: the three tables, the checklist, the eigenvalues, the walk."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.covariance.words import FIGURES, UI
from topformer_viz.figures.panel import Axis, Chart, Group, Panel, Series, Table, Tile
from topformer_viz.figures.scales import off_rounding, plain, shares, signed
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import numbers, ticks_of
from topformer_viz.run.measures import MEAN, effective_tokens
from topformer_viz.study import covariance as study
from topformer_viz.words.numbers import signed_digits, three_digits
from topformer_viz.words.text import Lang

TABLES = ("weights", "covariance", "correlation")
ITEMS = ("symmetric", "rows", "columns", "negative", "turning", "largest")
# Okabe and Ito's blue and vermilion: told apart by the colour-blind, and by the marks' shapes as well.
COLOURS = {"weights": "#0072b2", "correlation": "#d55e00"}


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    makers = {"tables": tables, "checklist": checklist, "eigenvalues": eigenvalues, "walk": walk}

    def make(name: str, asked: Asked) -> Panel:
        return makers[name](view, asked["block"] - 1, asked["head"])

    return [Offer(name, FIGURES[name], partial(make, name)) for name in makers]


Measured = tuple[dict[str, Tensor], dict[str, study.Checked], study.Walk]


def measured(view: View, block: int, head: int) -> Measured:
    """The three tables (HW, HW) of a block (from 0), what is measured of each, and the walk with the weights."""

    def make() -> Measured:
        weights = view.run[f"block{block}.weights"][0].double().cpu()
        tokens = view.run[f"block{block}.tokens"]
        tables = {
            "weights": weights.mean(0) if head == MEAN else weights[head - 1],
            "covariance": study.covariance(tokens),
            "correlation": study.correlation(tokens),
        }
        return tables, {name: study.check(table) for name, table in tables.items()}, study.walk(tables["weights"])

    return view.keep((*view.key, "covariance", block, head), make)


def _panel(view: View, block: int, head: int, name: str, title: str, said: list[str], **content: Any) -> Panel:
    """Of a block, from 0, and a head, from 1 or MEAN."""
    chosen = head - 1 if head else None
    stem = f"block{block + 1}-{f'head{head}' if head else 'mean'}-{name}"
    return Panel(stem, title, view.subject.short(block, chosen), view.subject.caption(said, block, chosen), **content)


def tables(view: View, block: int, head: int) -> Panel:
    """The three tables."""
    lang, (found, _, _) = view.lang, measured(view, block, head)
    tokens, ticks = PANEL["tokens"](lang, size=view.run.sizes["HW"]), ticks_of(view.subject, "HW")
    of = UI["head_n"](lang, n=head) if head else UI["all_heads"](lang)
    titles = {name: UI[name](lang) for name in TABLES} | {"weights": f"{UI['weights'](lang)}\n{of}"}
    tiles = [
        Tile(
            numbers(found[name]), 1.0, scale(found[name], quantity=FIGURES[name](lang)), titles[name], tokens, tokens,
            (ticks, ticks),
        )
        for name, scale in zip(TABLES, (shares, plain, signed), strict=True)
    ]  # fmt: skip
    said = [
        FIGURES["tokens"](lang, C=view.run.sizes["C"]), FIGURES["units"](lang), PANEL["ticks"](lang),
        FIGURES["root"](lang),
    ]  # fmt: skip
    return _panel(view, block, head, "covariance", UI["title"](lang), said, groups=(Group(tuple(tiles)),))


def checklist(view: View, block: int, head: int) -> Panel:
    """What tells attention weights from a covariance matrix."""
    lang, (_, checks, _) = view.lang, measured(view, block, head)
    rows = tuple((UI[item](lang), *(answer(checks[name], item, lang) for name in TABLES)) for item in ITEMS)
    table = Table(tuple(UI[name](lang) for name in ("property", *TABLES)), rows, words=True)
    return _panel(view, block, head, "checklist", UI["check"](lang), [UI["verdict"](lang)], tables=(table,))


def answer(checked: study.Checked, item: str, lang: Lang) -> str:
    """One cell of the checklist, in words and numbers."""
    if item == "symmetric":
        if checked.asymmetry <= study.NOTHING:
            return UI["yes"](lang)
        return UI["asymmetry"](lang, share=_percent(checked.asymmetry))
    if item in ("rows", "columns"):
        low, high = getattr(checked, item)
        if max(abs(low - 1), abs(high - 1)) <= 1e-4:
            return UI["yes"](lang)
        return UI["sums"](lang, low=signed_digits(low), high=signed_digits(high))
    if item == "largest":
        return f"{float(checked.eigenvalues[0].abs()):.3g}"
    share = checked.negative if item == "negative" else checked.turning
    return UI["some"](lang, share=_percent(share)) if share else UI["none"](lang)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else three_digits(share)


def eigenvalues(view: View, block: int, head: int) -> Panel:
    """The eigenvalues of the weights and of the correlation, the latter divided by HW: all of them, and those near 0."""
    lang, tokens, (_, checks, _) = view.lang, view.run.sizes["HW"], measured(view, block, head)
    circle = torch.linspace(0, 2 * torch.pi, 181)
    ring = Series(UI["circle"](lang), "#808080", tuple(circle.cos().tolist()), tuple(circle.sin().tolist()), ":")
    charts = []
    for title, end in zip(("all_of_them", "near"), _ends(checks, tokens), strict=True):
        end = end or 1.0  # where all of those near 0 are exactly 0
        series = [ring] if title == "all_of_them" else []
        for name, label, marker, scale in (("correlation", "over_hw", "x", tokens), ("weights", "weights", "o", 1)):
            values = checks[name].eigenvalues / scale
            values = values[(values.real.abs() <= end) & (values.imag.abs() <= end)]
            x, y = tuple(values.real.tolist()), tuple(values.imag.tolist())
            series.append(Series(UI[label](lang), COLOURS[name], x, y, marker=marker, hollow=True))
        across, up = (Axis(UI[part](lang), -end, end) for part in ("real", "imaginary"))
        charts.append(Chart(tuple(series), across, up, UI[title](lang), shape=1.0))
    title, said = UI["eigenvalues"](lang), [UI["plane_note"](lang)]
    return _panel(view, block, head, "eigenvalues", title, said, charts=tuple(charts))


def _ends(checks: dict[str, study.Checked], tokens: int) -> tuple[float, float]:
    """How far from 0 the two planes reach: that of all eigenvalues, and that of those near 0."""
    others = torch.cat([checks["weights"].eigenvalues[1:], checks["correlation"].eigenvalues / tokens])
    return 1.12, 1.2 * float(others.abs().amax())


def walk(view: View, block: int, head: int) -> Panel:
    """Where the walk is after a step and in the long run."""
    lang, subject, (_, checks, found) = view.lang, view.subject, measured(view, block, head)
    change, shape = found.limit - found.first, view.photo.height / view.photo.width
    shared = shares(found.first, found.limit, quantity=FIGURES["share"](lang))
    apart = off_rounding(signed(change, quantity=FIGURES["change"](lang)), found.limit)
    tiles = [
        Tile(numbers(values.reshape(subject.grid)), shape, scale, UI[name](lang), under=subject.picture)
        for name, values, scale in (
            ("first", found.first, shared),
            ("limit", found.limit, shared),
            ("ratio", change, apart),
        )
    ]
    said = [UI["walk_note"](lang), settling(found, checks["weights"], lang), FIGURES["root_walk"](lang)]
    return _panel(view, block, head, "walk", UI["walk_title"](lang), said, groups=(Group(tuple(tiles), across=3),))


def settling(walk: study.Walk, checked: study.Checked, lang: Lang) -> str:
    """How soon the walk has its limit, in words."""
    tokens = len(walk.limit)
    second = float(checked.eigenvalues[1:2].abs().sum())
    words = {
        "steps": walk.steps, "mixed": f"{study.MIXED:.0%}", "longest": f"{study.LONGEST:,}", "tokens": tokens,
        "start": f"{float((walk.limit - 1 / tokens).abs().sum()) / 2:.1%}",
        "second": f"{second:.2f}" if second < 0.995 else f"{second:.5f}",  # 1.00 would never settle
        "effective": f"{float(effective_tokens(walk.limit)):.0f}",
    }  # fmt: skip
    kind = {None: "unsettled", 0: "uniform", 1: "one_step"}.get(walk.steps, "steps")
    return UI[kind](lang, **words)
