"""The page of the whole network: the forward pass as one picture, its costs, and what was published."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.canvas.wire import BOOK, CANVAS_CSS, CANVAS_JS
from topformer_viz.app.frame.address import Parameter, Takes, heard
from topformer_viz.app.frame.choices import write_address
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.network.parts import parts_of
from topformer_viz.app.network.payload import network_book
from topformer_viz.app.network.script import NETWORK_CSS, NETWORK_HTML, NETWORK_JS
from topformer_viz.app.network.travelling import whole_message
from topformer_viz.app.network.words import COLUMNS, PAGE
from topformer_viz.figures.panel import Table
from topformer_viz.network.costs import PUBLISHED, costs
from topformer_viz.network.model import Size, TopFormer

_component = component(
    "network",
    html=NETWORK_HTML,
    css=CANVAS_CSS + NETWORK_CSS,
    js=f"{CANVAS_JS}\n{NETWORK_JS}\nexport default mount(Network);\n",
)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the page: which part is open, the first at first."""
    known = view.outline.known
    if known.spec is None:
        return {"part": Parameter(())}
    parts = [part.name for part in parts_of(known, known.spec)]
    return {"part": Parameter(parts, parts[0])}


def show(view: View) -> None:
    """Draw the page for the current run."""
    lang, known, seconds = view.lang, view.outline.known, view.outline.run.seconds
    if known.spec is None:
        st.info(PAGE["no_network"](lang))
        write_address(view)
        return
    if known.classes is None:
        st.info(PAGE["no_injection"](lang))
    _picture(view)
    st.caption(PAGE["speed"](lang, ms=f"{seconds * 1000:.0f}", rate=f"{1 / seconds:.0f}"))
    st.subheader(PAGE["numbers"](lang), anchor="numbers")
    table = table_html(_numbers(view, known.spec), lambda text: note_html(text, lang))
    note = f'<p class="panel-note">{note_html(PAGE["counted"](lang), lang)}</p>'
    st.html(f"<style>{TABLE_CSS}</style>{table}{note}", width=PROSE)


@part
def _picture(view: View) -> None:
    known, spec = view.outline.known, view.outline.known.spec
    assert spec is not None

    def travels() -> bytes:
        model, run, photo = view.computed
        assert isinstance(model, TopFormer)
        return whole_message(run, model, photo, view.run_name)

    header = {
        "lang": view.lang, "asked": view.asked.get("part"), "link": view.link,
        "run": [hand_out(view.keep((*view.key, "whole"), travels), BOOK, "whole")],
        "book": view.book("network", lambda: network_book(known, spec, view.facts, view.untrained, view.lang)),
    }  # fmt: skip
    _component(header, key="network", on_walk_change=partial(_choose_block, view.takes), height="content")
    if st.session_state.pop("walking", False):
        st.switch_page("pages/lesson.py", query_params={"stage": "tokens"})


def _choose_block(takes: Takes) -> None:
    """Note through which block, from 1, the visitor wants to walk."""
    if said := heard(st.session_state.network, {"walk": takes["block"]}):
        st.session_state.block, st.session_state.walking = said["walk"], True


def _numbers(view: View, spec: Size) -> Table:
    """What this network costs here, what it costs as published, and what the paper says."""
    lang, published, known = view.lang, PUBLISHED[spec.name], view.outline.known
    classes, sizes = len(known.classes.names) if known.classes else None, known.shape.sizes

    def row(words: str, classes: int | None, height: int, width: int, miou: str = "") -> tuple[str, ...]:
        parts = costs(spec, classes, height, width)
        params, adds = sum(c.params for c in parts), sum(c.multiply_adds for c in parts)
        return words, f"{params:,}", f"{adds / 1e9:.2f} G", miou

    own = PAGE["ours"](lang, w=sizes["X"], h=sizes["Y"], classes=classes or 0)
    miou = f"{100 * view.facts.mean_iou:.1f}% {PAGE['on_val_images'](lang)}" if view.facts else ""
    said = f"{published.params / 1e6:.1f} M", f"{published.gflops} G", f"{published.miou}%"
    rows = (
        row(own, classes, sizes["Y"], sizes["X"], miou),
        row(PAGE["same"](lang), 150, 512, 512),
        (PAGE["published"](lang), *said),
    )
    return Table(tuple(text(lang, size=spec.name) for text in COLUMNS.values()), rows)
