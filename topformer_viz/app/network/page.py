"""The page of the whole network: the forward pass as one picture, its costs, and what was published."""

import json
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS, SCENE_JS, SCENE_WORDS, scripts
from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.choices import write_address
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.network.payload import network_payload
from topformer_viz.app.network.words import COLUMNS, PAGE, PARTS, UI
from topformer_viz.figures.panel import Table
from topformer_viz.network.costs import PUBLISHED, costs
from topformer_viz.network.model import TopFormer

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "topformer_network",
    html=(_HERE / "network.html").read_text("utf-8"),
    css=CANVAS_CSS + (_HERE / "network.css").read_text("utf-8"),
    js=CANVAS_JS + SCENE_JS + scripts(_HERE, "scene.js", "pictures.js", "segmentation.js", "network.js"),
)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the page: which part is open, the first at first."""
    model = view.model
    if not isinstance(model, TopFormer):
        return {"part": Parameter(())}
    parts = ["image", *(f"pyramid{n}" for n in range(4)), "tokens", *(f"block{n + 1}" for n in range(model.num_blocks))]
    whole = ("split", *(f"injected{n}" for n in (1, 2, 3)), "class_scores", "segmentation")
    parts += whole if model.classes is not None else ()
    return {"part": Parameter(parts, parts[0])}


def show(view: View) -> None:
    """Draw the page for the current run."""
    lang, model = view.lang, view.model
    if not isinstance(model, TopFormer):
        st.info(PAGE["no_network"](lang))
        write_address(view)
        return
    if model.classes is None:
        st.info(PAGE["no_injection"](lang))
    _picture(view)
    st.caption(PAGE["speed"](lang, ms=f"{view.run.seconds * 1000:.0f}", rate=f"{1 / view.run.seconds:.0f}"))
    st.subheader(PAGE["numbers"](lang), anchor="numbers")
    table = table_html(_numbers(view, model), lambda text: note_html(text, lang))
    note = f'<p class="panel-note">{note_html(PAGE["counted"](lang), lang)}</p>'
    st.html(f"<style>{TABLE_CSS}</style>{table}{note}", width=PROSE)


@part
def _picture(view: View) -> None:
    model = view.model
    assert isinstance(model, TopFormer)
    settings = {
        "asked": view.asked.get("part"),
        "link": view.link,
        "ui": {name: text(view.lang) for name, text in (UI | SCENE_WORDS).items()}
        | {"off_note": PARTS["off_note"](view.lang)},
    }
    payload = view.keep(
        (*view.key, "network", json.dumps(settings)),
        lambda: network_payload(view.run, model, view.photo, view.lang, view.facts, settings, view.untrained),
    )
    _component(key="network", data=payload, on_walk_change=_choose_block, height="content")
    if st.session_state.pop("walking", False):
        st.switch_page("pages/lesson.py", query_params={"stage": "tokens"})


def _choose_block() -> None:
    st.session_state.block = st.session_state.network.walk
    st.session_state.walking = True


def _numbers(view: View, model: TopFormer) -> Table:
    """What this network costs here, what it costs as published, and what the paper says."""
    lang, published = view.lang, PUBLISHED[model.size]

    def row(words: str, classes: int | None, height: int, width: int, miou: str = "") -> tuple[str, ...]:
        parts = costs(model.spec, classes, height, width)
        params, adds = sum(c.params for c in parts), sum(c.multiply_adds for c in parts)
        return words, f"{params:,}", f"{adds / 1e9:.2f} G", miou

    own = PAGE["ours"](lang, w=view.photo.width, h=view.photo.height, classes=model.classes or 0)
    miou = f"{100 * view.facts.mean_iou:.1f}% {PAGE['on_streets'](lang)}" if view.facts else ""
    said = f"{published.params / 1e6:.1f} M", f"{published.gflops} G", f"{published.miou}%"
    rows = (
        row(own, model.classes, view.photo.height, view.photo.width, miou),
        row(PAGE["same"](lang), 150, 512, 512),
        (PAGE["published"](lang), *said),
    )
    return Table(tuple(text(lang, size=model.size) for text in COLUMNS.values()), rows)
