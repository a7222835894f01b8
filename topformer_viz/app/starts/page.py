"""The page "Three starts, side by side": one picture through the network as built, re-initialised and trained.

Each of the three runs twice, with the BatchNorm statistics it has stored and with this picture's own. Of the six runs
no more is kept than what the page shows: the weights, and a few numbers a block.
"""

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.frame.address import Parameter, Takes, head_or_mean
from topformer_viz.app.frame.choices import number, option, write_address
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.starts.figures import numbers, peaks
from topformer_viz.app.starts.pictures import STOPS, grey, pictures
from topformer_viz.app.starts.readings import all_readings, grid_of, head_words
from topformer_viz.app.starts.words import EXPLAINED, UI
from topformer_viz.network.model import BLOCKS
from topformer_viz.run.measures import MEAN
from topformer_viz.study.starts import DRAWS, HEADS

_RAMP = ", ".join(f"#{stop}" for stop in STOPS)
_STYLE = f"{TABLE_CSS}.starts {{ --ramp: {_RAMP}; }}\n" + Path(__file__).with_name("starts.css").read_text("utf-8")


def show(view: View) -> None:
    """Draw the page for the chosen picture; the chosen model plays no part in it."""
    lang, photo = view.lang, view.photo
    # The photograph comes once, as the background of every map.
    st.html(f"<style>{_STYLE}.starts .photo {{ background-image: url({grey(photo)}); }}</style>")
    st.subheader(UI["title"](lang), anchor="starts")
    st.markdown(UI["intro"](lang), width=PROSE)
    _compare(view)
    for subject, paragraphs in EXPLAINED.items():
        st.subheader(UI[subject](lang), anchor=f"about-{subject}")
        for paragraph in paragraphs:
            st.markdown(paragraph(lang), width=PROSE)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the page."""
    row, column = (Parameter(range(1, side + 1), side // 2 + 1) for side in grid_of(view.photo))
    return {
        "block": Parameter(range(1, BLOCKS + 1), 1),
        "head": head_or_mean(HEADS, 1),
        "row": row, "column": column, "draw": Parameter(range(1, DRAWS + 1), 1), "scale": Parameter(("whole", "each"), "whole"),
    }  # fmt: skip


@part
def _compare(view: View) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang, grid = view.lang, grid_of(view.photo)
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
    chosen = {which: blocks[block - 1] for which, blocks in runs.items()}
    if head == MEAN:
        st.caption(UI["mean_note"](lang, heads=HEADS))
    query = (row - 1) * grid[1] + column - 1
    caption = UI["numbers"](lang, block=block, head=head_words(head, lang))
    table = table_html(replace(numbers(chosen, head, lang), title=caption))
    note = f'<p class="note">{escape(UI["numbers_note"](lang))}</p>'
    st.html(f'<div class="starts">{pictures(chosen, head, grid, query, scale, lang)}{table}{note}</div>')
    st.subheader(UI["peaked"](lang), anchor="peaked")
    st.markdown(UI["peaked_note"](lang, blocks=BLOCKS, heads=HEADS, tokens=grid[0] * grid[1]), width=PROSE)
    st.html(f'<div class="starts">{table_html(replace(peaks(runs, lang), title=UI["peaked"](lang)))}</div>')
    chosen_head = "mean" if head == MEAN else head
    write_address(
        view, {"block": block, "head": chosen_head, "row": row, "column": column, "draw": draw, "scale": scale}
    )


def _choose(view: View, name: str, key: str, shown: Any = str) -> Any:
    """A control for the parameter ``name`` of the address, and what is chosen."""
    return st.segmented_control(UI[name](view.lang), format_func=shown, required=True, **option(view, name, key))
