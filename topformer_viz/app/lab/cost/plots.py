"""The lab's plots of cost against the picture's size, as plotly figures: two lines on log axes and where they cross.

A figure sets the colours of its lines only; text, grid and background are the theme's, light or dark.
"""

import math
from collections.abc import Callable
from statistics import median

import plotly.graph_objects as go  # type: ignore[import-untyped]

from topformer_viz.app.lab.cost.words import PLOTS
from topformer_viz.study.cost import Measurement, Numbers, side
from topformer_viz.words.numbers import tokens_text
from topformer_viz.words.text import Lang

# Okabe and Ito's colours, which colour-blind readers tell apart; each has 3 : 1 on the light and on the dark page.
LINEAR, SQUARE, CROSSING, MARK = "#0072b2", "#d55e00", "#009e73", "#8a8a8a"
DASHES = {LINEAR: "solid", SQUARE: "dash"}
SMALLEST, LARGEST = 4, 128  # sides of the token grid at the plot's ends
TICKS = (4, 8, 16, 32, 64, 128)
BYTES = {10**n: f"{10 ** (n % 3)} {('', 'k', 'M', 'G', 'T')[n // 3]}B" for n in range(15)}
REFERENCE = 8  # side of the token grid of 512 x 512 pixels
HEIGHT, FONT = 430, 13


def multiply_adds(numbers: Numbers, HW: int, lang: Lang, measured: Measurement | None = None) -> go.Figure:
    """Multiply-adds of projections and attention, your picture of HW tokens marked; milliseconds laid over.

    The right axis has as many decades as the left and is shifted so that the projections' points lie about their line:
    a point lies above its line where a multiply-add takes longer than their median.
    """
    figure = _against_size(
        [("projections", numbers.projections, LINEAR), ("attention", numbers.attention, SQUARE)],
        numbers.crossing, HW, "adds", lang,
    )  # fmt: skip
    figure.update_yaxes(exponentformat="power", dtick=1)
    if measured is None:
        return figure
    shift = math.log10(ms_per_add(numbers, measured))
    low, high = figure.layout.yaxis.range
    figure.update_layout(
        yaxis2={
            "overlaying": "y", "side": "right", "type": "log", "range": [low + shift, high + shift], "dtick": 1,
            "exponentformat": "power", "showgrid": False, "fixedrange": True, "title": {"text": PLOTS["ms"](lang)},
        },
    )  # fmt: skip
    fused = f" · {PLOTS['fused'](lang)}"
    for name, colour, symbol in (("projections", LINEAR, "circle"), ("attention", SQUARE, "square")):
        figure.add_scatter(
            x=[side(timing.HW) for timing in measured.timings],
            y=[getattr(timing, name) for timing in measured.timings],
            customdata=[f"HW = {timing.HW:,}{fused if timing.fused else ''}" for timing in measured.timings],
            mode="markers", yaxis="y2", cliponaxis=False, name=PLOTS[name](lang),
            marker={
                "color": colour, "size": 9, "line": {"width": 2, "color": colour},
                "symbol": [f"{symbol}-open" if timing.fused else symbol for timing in measured.timings],
            },
            hovertemplate="%{customdata}<br>%{y:.3g} ms",
        )  # fmt: skip
    return figure


def memory(numbers: Numbers, HW: int, lang: Lang) -> go.Figure:
    """Bytes of the maps and of scores and weights, your picture of HW tokens marked."""
    figure = _against_size(
        [("maps", numbers.maps_bytes, LINEAR), ("matrices", numbers.matrices_bytes, SQUARE)],
        numbers.memory_crossing, HW, "bytes", lang,
    )  # fmt: skip
    figure.update_yaxes(tickvals=list(BYTES), ticktext=list(BYTES.values()))
    return figure


def ms_per_add(numbers: Numbers, measured: Measurement) -> float:
    """Milliseconds of one of the projections' multiply-adds: the median over the sizes measured."""
    return median(timing.projections / numbers.projections(timing.HW) for timing in measured.timings)


def _against_size(
    lines: list[tuple[str, Callable[[int], int], str]], crossing: float, HW: int, amount: str, lang: Lang
) -> go.Figure:
    """Two amounts against the side of a square picture, both axes logarithmic."""
    sizes = [n * n for n in range(SMALLEST, LARGEST + 1)]
    figure, unit = go.Figure(), "B" if amount == "bytes" else ""
    for name, cost, colour in lines:
        figure.add_scatter(
            x=[side(tokens) for tokens in sizes], y=[cost(tokens) for tokens in sizes], customdata=sizes, mode="lines",
            name=PLOTS[name](lang), line={"color": colour, "width": 2.5, "dash": DASHES[colour]},
            hovertemplate=f"{PLOTS[name](lang)}: %{{y:.3s}}{unit}<br>%{{x:,.0f}} px, HW = %{{customdata:,}}<extra></extra>",
        )  # fmt: skip
    amounts = [cost(tokens) for _, cost, _ in lines for tokens in (sizes[0], sizes[-1])]
    low, high = math.log10(min(amounts)) - 0.3, math.log10(max(amounts)) + 0.3
    figure.update_layout(
        showlegend=False, dragmode=False, height=HEIGHT, margin={"l": 8, "r": 8, "t": 62, "b": 8}, hovermode="closest",
        xaxis={
            "type": "log", "range": [math.log10(side(SMALLEST**2)) - 0.04, math.log10(side(LARGEST**2)) + 0.04],
            "tickvals": [side(n * n) for n in TICKS], "ticktext": [f"{side(n * n):,.0f}<br>{n * n:,}" for n in TICKS],
            "title": {"text": PLOTS["side"](lang)}, "fixedrange": True, "automargin": True, "tickangle": 0,
        },
        yaxis={
            "type": "log", "range": [low, high], "title": {"text": PLOTS[amount](lang)}, "fixedrange": True,
            "automargin": True,
        },
    )  # fmt: skip
    # Each line's name stands near its upper end: under the flat one's, and on the left of the steep one.
    for (name, cost, _), n, down in zip(lines, (LARGEST, LARGEST // 2), (44, -6), strict=True):
        _label(figure, n * n, cost(n * n), PLOTS[name](lang), "right", down)
    if SMALLEST**2 <= crossing <= LARGEST**2:
        cost = lines[0][1]
        height = cost(1) * crossing
        figure.add_scatter(
            x=[side(crossing)], y=[height], mode="markers", hoverinfo="skip",
            marker={"color": CROSSING, "size": 12, "symbol": "diamond"}, name="crossing",
        )  # fmt: skip
        words = PLOTS["crossing"](lang, HW=tokens_text(crossing), side=f"{side(crossing):,.0f}")
        _label(figure, crossing, height, words, "left", 6)  # below on the right, where neither line runs
    _mark(figure, HW, PLOTS["yours"](lang, HW=f"{HW:,}"), 1)
    if HW != REFERENCE**2:
        _mark(figure, REFERENCE**2, f"{side(REFERENCE**2):.0f} × {side(REFERENCE**2):.0f}", 0)
    return figure


def _label(figure: go.Figure, HW: float, amount: float, words: str, anchor: str, down: int) -> None:
    """Words beside a point, ``down`` pixels under it or, if that is below 0, over it.

    On log axes plotly takes an annotation's place as logarithms.
    """
    figure.add_annotation(
        x=math.log10(side(HW)), y=math.log10(amount), text=words, showarrow=False, font={"size": FONT},
        align=anchor, xanchor=anchor, yanchor="top" if down > 0 else "bottom", yshift=-down,
        xshift=8 if anchor == "left" else -8,
    )  # fmt: skip


def _mark(figure: go.Figure, HW: int, words: str, row: int) -> None:
    """An upright line at HW tokens, its words above the plot in the given row."""
    figure.add_vline(x=side(HW), line={"color": MARK, "width": 1.5, "dash": "dot"}, layer="below")
    figure.add_annotation(
        x=math.log10(side(HW)), y=1, yref="paper", text=words, showarrow=False, font={"size": FONT}, yanchor="bottom",
        yshift=2 + 20 * row,
    )  # fmt: skip
