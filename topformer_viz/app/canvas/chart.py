"""A figure's charts as plotly, which answers the pointer: the page shows what the file holds."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

from topformer_viz.figures.panel import Axis, Chart, Series
from topformer_viz.words.text import Lang, Text

SAVE = Text("Save as PNG", "保存为 PNG")
DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
MARKERS = {"o": "circle", "s": "square", "D": "diamond", "x": "x-thin"}


def config(lang: Lang) -> dict[str, Any]:
    """Plotly's own button in the visitor's language, and no logo."""
    words = {"Download plot as a PNG": SAVE(lang)}
    return {"displaylogo": False, "locale": lang, "locales": {lang: {"dictionary": words, "format": {}}}}


def plotted(charts: Sequence[Chart], hover: str, height: int = 380) -> go.Figure:
    """The charts side by side, with one key below them. ``hover``: what is said of a marker, as a template of plotly's.

    Colours of text, grid and background are the theme's, light or dark.
    """
    figure = make_subplots(
        1, len(charts), horizontal_spacing=0.14, subplot_titles=[chart.title for chart in charts],
        specs=[[{"secondary_y": chart.right is not None} for chart in charts]],
    )  # fmt: skip
    named: set[str] = set()
    for column, chart in enumerate(charts, 1):
        for series in chart.series:
            figure.add_scatter(
                x=series.x, y=series.y, name=series.name, legendgroup=series.name, showlegend=series.name not in named,
                row=1, col=column, secondary_y=series.right, **_look(series, hover),
            )  # fmt: skip
            named.add(series.name)
        figure.update_xaxes(row=1, col=column, **_axis(chart.across))
        said = "" if column > 1 and chart.up.name == charts[0].up.name else chart.up.name
        figure.update_yaxes(row=1, col=column, secondary_y=False, **_axis(chart.up) | {"title": said})
        if chart.right:
            figure.update_yaxes(row=1, col=column, secondary_y=True, showgrid=False, **_axis(chart.right))
        if chart.shape == 1:  # a plane, which stays one whatever the screen's width
            across = next(figure.select_xaxes(row=1, col=column))
            figure.update_yaxes(row=1, col=column, scaleanchor=across.plotly_name.replace("axis", ""))
    figure.update_layout(
        height=height, margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "yanchor": "top", "y": -0.25, "x": 0},
    )  # fmt: skip
    return figure


def _look(series: Series, hover: str) -> dict[str, Any]:
    """A line without markers is there to compare with: it says nothing by itself."""
    look: dict[str, Any] = {"mode": "+".join([*["lines"] * bool(series.dash), *["markers"] * bool(series.marker)])}
    if series.dash:
        width = 1 if series.dash in (":", "-.") else 2.5
        look["line"] = {"color": series.colour, "width": width, "dash": DASHES[series.dash]}
    if not series.marker:
        return look | {"hoverinfo": "skip"}
    symbol = MARKERS[series.marker] + ("-open" if series.hollow and series.marker != "x" else "")
    outline = {"width": 1.5, "color": series.colour}
    look["marker"] = {"symbol": symbol, "size": 7, "color": series.colour, "line": outline}
    return look | {"hovertemplate": hover}


def _axis(axis: Axis) -> dict[str, Any]:
    if axis.log:
        own: dict[str, Any] = {"type": "log", "dtick": 1, "exponentformat": "power"}
        own["range"] = [math.log10(axis.low), math.log10(axis.high)]
    else:
        own = {"range": [axis.low, axis.high], "nticks": 5}
    if axis.ticks is not None:
        ticks = {"tickvals": list(axis.ticks), "ticktext": [text.replace("\n", "<br>") for text in axis.ticks.values()]}
        own |= ticks | {"tickangle": 0}
    return own | {"title": axis.name, "fixedrange": True}
