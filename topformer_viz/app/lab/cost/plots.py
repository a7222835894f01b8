"""The lab's charts of cost as plotly, with words beside lines and marks instead of a key."""

import math
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]

from topformer_viz.app.canvas.chart import plotted
from topformer_viz.app.lab.cost.figures import DASHES, LARGEST, SMALLEST
from topformer_viz.figures.panel import Chart
from topformer_viz.network.images import CELL

HEIGHT, FONT = 430, 13
# By a series' dash, the point its words stand beside, and where: under the flat line and on the left of the steep one,
# below the crossing on the right, where neither line runs, and in two rows over the marks of your image and another.
BESIDE: dict[str, tuple[int, dict[str, Any]]] = {
    "-": (-1, {"xanchor": "right", "xshift": -8, "yanchor": "top", "yshift": -44}),
    "--": (LARGEST // 2 - SMALLEST, {"xanchor": "right", "xshift": -8, "yanchor": "bottom", "yshift": 6}),
    "": (0, {"xanchor": "left", "xshift": 8, "yanchor": "top", "yshift": -6, "align": "left"}),
    ":": (-1, {"yanchor": "bottom", "yshift": 22}),
    "-.": (-1, {"yanchor": "bottom", "yshift": 2}),
}


def plot(chart: Chart, unit: str) -> go.Figure:
    """A chart of figures.py, to be pointed at; ``unit`` is that of its lines' heights."""
    figure = plotted([chart], "HW = %{customdata:,}<br>%{y:.3g} ms", HEIGHT)
    figure.update_layout(showlegend=False, dragmode=False, margin_t=62)
    figure.update_traces(marker_size=9, cliponaxis=False)
    for series, trace in zip(chart.series, figure.data, strict=True):
        trace.customdata = [round((x / CELL) ** 2) for x in series.x]
        if series.right:
            continue
        if series.dash in DASHES:
            said = f"{series.name}: %{{y:.3s}}{unit}<br>%{{x:,.0f}} px, HW = %{{customdata:,}}<extra></extra>"
            trace.update(hoverinfo="all", hovertemplate=said)
        elif series.marker:
            trace.update(hoverinfo="skip", hovertemplate=None)
        n, place = BESIDE[series.dash]
        figure.add_annotation(  # whose place on log axes plotly takes as logarithms
            x=math.log10(series.x[n]), y=math.log10(series.y[n]), showarrow=False, font={"size": FONT},
            text=series.name.replace(", ", "<br>") if series.marker else series.name, **place,
        )  # fmt: skip
    return figure
