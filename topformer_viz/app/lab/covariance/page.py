"""Is it a covariance matrix? A head's attention weights beside covariance and correlation of the same tokens, and a random walk."""

from collections.abc import Mapping

import streamlit as st

from topformer_viz.app.canvas.chart import config, plotted
from topformer_viz.app.canvas.linked import KEPT, Pictures
from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.frame.address import Parameter, Takes, head_or_mean
from topformer_viz.app.frame.choices import option, write_address
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.lab.covariance import figures
from topformer_viz.app.lab.covariance.figures import TABLES
from topformer_viz.app.lab.covariance.words import UI


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of this part of the lab."""
    sizes = view.run.sizes
    return {"head": head_or_mean(sizes["heads"]), **dict.fromkeys(KEPT, Parameter(range(1, sizes["HW"] + 1)))}


def show(view: View) -> None:
    """Draw this part of the lab."""
    sizes = view.run.sizes
    st.markdown(UI["intro"](view.lang, HW=sizes["HW"], C=sizes["C"]), width=PROSE)
    _compare(view)


@part
def _compare(view: View) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang = view.lang
    with st.container(horizontal=True, gap="medium"):
        block = st.segmented_control(UI["block"](lang), required=True, **option(view, "block", "block"))
        head = st.segmented_control(
            UI["head"](lang), format_func=lambda n: str(n) if n else UI["mean"](lang), required=True,
            **option(view, "head", "lab_head"),
        )  # fmt: skip
    chosen = block - 1, head
    with st.spinner(UI["running"](lang)):
        _, checks, walk = figures.measured(view, *chosen)
    _tables(view, *chosen)
    left, right = st.columns((5, 4), gap="large")
    with left:
        st.subheader(UI["check"](lang), anchor="checklist")
        st.html(f"<style>{TABLE_CSS}</style>{table_html(figures.checklist(view, *chosen).tables[0])}")
        st.markdown(UI["verdict"](lang))
    with right:
        st.subheader(UI["eigenvalues"](lang), anchor="eigenvalues")
        charts = figures.eigenvalues(view, *chosen).charts
        st.plotly_chart(plotted(charts, "%{x:.4f} %{y:+.4f} i"), config=config(lang))
        st.caption(UI["plane_note"](lang))
    st.subheader(UI["walk"](lang), anchor="walk")
    st.markdown(UI["walk_note"](lang), width=PROSE)
    st.markdown(figures.settling(walk, checks["weights"], lang), width=PROSE)
    _walk(view, *chosen)
    write_address(view, {"part": "covariance", "block": block, "head": head or None}, KEPT)


def _tables(view: View, block: int, head: int) -> None:
    """The image and the three tables, linked."""
    lang, (rows, columns) = view.lang, view.subject.grid
    pictures, panel = Pictures((rows, columns)), figures.tables(view, block, head)
    pictures.group(UI["tokens"](lang), [pictures.photo("\u00a0")], UI["tokens_note"](lang, rows=rows, columns=columns))
    for name, tile in zip(TABLES, panel.groups[0].tiles, strict=True):
        pictures.group(UI[name](lang), [pictures.tile(UI["value"](lang), tile)], UI[f"{name}_note"](lang))
    middle = (rows // 2) * columns + columns // 2
    start = middle, int(panel.groups[0].tiles[0].values[middle].argmax())
    pictures.show("lab_covariance", panel.title, view.photo, lang, start, run=view.run_name)


def _walk(view: View, block: int, head: int) -> None:
    """Where the walk is after a step and in the long run, beside the image."""
    lang = view.lang
    pictures, panel = Pictures(view.subject.grid), figures.walk(view, block, head)
    pictures.group(UI["tokens"](lang), [pictures.photo("\u00a0")])
    for name, tile in zip(("first", "limit", "ratio"), panel.groups[0].tiles, strict=True):
        pictures.group(tile.title, [pictures.tile(UI["value"](lang), tile)], UI[f"{name}_note"](lang))
    limit = panel.groups[0].tiles[1].values
    pictures.show("lab_walk", panel.title, view.photo, lang, (int(limit.argmax()), int(limit.argmin())), kept=())
