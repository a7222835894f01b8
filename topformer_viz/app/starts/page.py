"""The page Initialisation: one image through the network with two untrained sets of parameters and the trained one.

Each of the three runs twice, with the BatchNorm statistics it has stored and with this image's. First all of it in a
table, then the maps of one block and head; the numbers and what explains them are folded. Of the six runs no more is kept
than what the page shows: the attention weights, and a few numbers per block.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from topformer_viz.app.canvas.fold import fold, follow_anchors
from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.frame.address import Parameter, Takes, head_or_mean
from topformer_viz.app.frame.choices import number, option, write_address
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.starts.figures import in_short, numbers, peaks
from topformer_viz.app.starts.maps import STOPS, grey, maps
from topformer_viz.app.starts.readings import all_readings, grid_of, head_words
from topformer_viz.app.starts.words import EXPLAINED, UI
from topformer_viz.network.model import BLOCKS
from topformer_viz.run.measures import MEAN
from topformer_viz.study.starts import DRAWS, HEADS, SIZE

_RAMP = ", ".join(f"#{stop}" for stop in STOPS)
_STYLE = f"{TABLE_CSS}.starts {{ --ramp: {_RAMP}; }}\n" + Path(__file__).with_name("starts.css").read_text("utf-8")


def show(view: View) -> None:
    """Draw the page for the chosen image; the chosen model plays no part in it."""
    lang = view.lang
    # The image comes once, as the background of every map.
    st.html(f"<style>{_STYLE}.starts .photo {{ background-image: url({grey(view.photo)}); }}</style>")
    st.subheader(UI["title"](lang), anchor="starts")
    st.html(f'<p class="starts-lead">{note_html(UI["intro"](lang, size=SIZE), lang)}</p>')
    _compare(view)
    for subject, paragraphs in EXPLAINED.items():
        with fold(f"about-{subject}", UI[subject](lang)):
            st.html("".join(f"<p>{note_html(text(lang), lang)}</p>" for text in paragraphs), width=PROSE)
    follow_anchors()


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the page."""
    row, column = (Parameter(range(1, side + 1), side // 2 + 1) for side in grid_of(view.photo))
    return {
        "block": Parameter(range(1, BLOCKS + 1), 1),
        "head": head_or_mean(HEADS, 1),
        "row": row, "column": column, "draw": Parameter(range(1, DRAWS + 1), 1), "scale": Parameter(("all", "each"), "all"),
    }  # fmt: skip


@part
def _compare(view: View) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang, grid = view.lang, grid_of(view.photo)
    summary = st.empty()
    with st.container(horizontal=True, gap="medium"):
        block = _choose(view, "block", "block")
        head = _choose(view, "head", "starts_head", lambda n: str(n) if n else UI["mean"](lang))
        row, column = (
            st.number_input(UI[name](lang), width=130, **number(view, name, f"starts_{name}"))
            for name in ("row", "column")
        )
        draw = _choose(view, "draw", "starts_draw")
        scale = _choose(view, "scale", "starts_scale", lambda scale: UI[scale](lang))
    with st.spinner(UI["running"](lang)):
        runs = all_readings(view, draw)
    said = note_html(UI["summary"](lang, blocks=BLOCKS, heads=HEADS, tokens=grid[0] * grid[1]), lang)
    summary.html(f'<div class="starts summary"><p>{said}</p>{table_html(in_short(runs, lang))}</div>')
    chosen = {which: blocks[block - 1] for which, blocks in runs.items()}
    if head == MEAN:
        st.caption(UI["mean_note"](lang, heads=HEADS))
    query = (row - 1) * grid[1] + column - 1
    st.html(f'<div class="starts">{maps(chosen, head, grid, query, scale, lang)}</div>')
    with fold("numbers", UI["in_numbers"](lang)):
        caption = UI["numbers"](lang, block=block, head=head_words(head, lang))
        table = table_html(replace(numbers(chosen, head, lang), title=caption))
        note = f'<p class="note">{note_html(UI["numbers_note"](lang), lang)}</p>'
        st.html(f'<div class="starts">{table}{note}</div>')
    with fold("peaked", UI["peaked"](lang)):
        st.markdown(UI["peaked_note"](lang, blocks=BLOCKS, heads=HEADS, tokens=grid[0] * grid[1]), width=PROSE)
        st.html(f'<div class="starts">{table_html(peaks(runs, lang))}</div>')
        settings = {
            "head": "mean" if head == MEAN else head,
            "row": row,
            "column": column,
            "draw": draw,
            "scale": scale,
        }
        write_address(view, {"block": block, **settings})


def _choose(view: View, name: str, key: str, shown: Any = str) -> Any:
    """A control for the parameter ``name`` of the address, and what is chosen."""
    return st.segmented_control(UI[name](view.lang), format_func=shown, required=True, **option(view, name, key))
