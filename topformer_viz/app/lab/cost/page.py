"""The lab's part "Cost": what projections and attention cost as an image grows, where they are equal, and their time here.

Formulas and timing are study/cost.py, the two charts figures.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.chart import config
from topformer_viz.app.canvas.linked import KEPT
from topformer_viz.app.canvas.markup import formula_html
from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.frame.address import Takes
from topformer_viz.app.frame.choices import number, option, recall, write_address
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.lab.cost import figures
from topformer_viz.app.lab.cost.figures import MODULE, OWN_NUMBERS, name_of, sentences_of, tokens_of
from topformer_viz.app.lab.cost.measuring import measured_now
from topformer_viz.app.lab.cost.plots import plot
from topformer_viz.app.lab.cost.table import sizes_table, why_adds, why_memory
from topformer_viz.app.lab.cost.words import UI
from topformer_viz.network.costs import costs
from topformer_viz.network.model import BLOCKS, DENSE_TOKENS
from topformer_viz.study.cost import PUBLISHED, Measurement, Numbers, side
from topformer_viz.words.numbers import tokens_text
from topformer_viz.words.text import Lang, sentences

CLASSES = 150  # of the whole network that the module is compared with: ADE20K's, as published

_STYLE = TABLE_CSS + Path(__file__).with_name("cost.css").read_text("utf-8")


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of this part of the lab."""
    return {"cost": MODULE, **{name: parameter for name, (_, parameter) in OWN_NUMBERS.items()}}


def show(view: View) -> None:
    """Draw this part of the lab."""
    recall(view, {name: name for name in OWN_NUMBERS})
    st.html(f"<style>{_STYLE}</style>")
    st.subheader(UI["title"](view.lang), anchor="cost")
    _cost(view)


@part
def _cost(view: View) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang = view.lang
    name = st.segmented_control(
        UI["module"](lang), format_func=lambda name: UI[OWN](lang) if name == OWN else name, required=True,
        **option(view, "cost", "cost"),
    )  # fmt: skip
    own = _own_numbers(view) if name == OWN else {}
    write_address(view, {"part": "cost", "cost": name} | own, KEPT)
    numbers = Numbers(*own.values()) if own else PUBLISHED[name]
    HW = tokens_of(view.photo)
    st.markdown(sentences(lang, sentences_of(numbers, HW, lang)), width=PROSE)
    if not own:
        st.markdown(_whole(name, HW, view), width=PROSE)
    st.markdown(UI["intro"](lang), width=PROSE)

    drawn = st.container()  # filled after the button, whose measurement it shows
    st.subheader(UI["measured"](lang), anchor="cost-measured")
    with st.container():  # of its own, so that the progress does not push what follows about
        measured = measured_now(numbers, lang)
    with drawn:
        _plots(numbers, HW, measured, lang)

    with st.expander(UI["why"](lang)):
        for column, derived in zip(st.columns(2, gap="large"), (why_adds, why_memory), strict=True):
            column.html(f'<div class="cost">{derived(numbers, lang)}</div>')
    with st.expander(UI["table"](lang)):
        table = replace(sizes_table(numbers, lang), title=UI["table_caption"](lang, name=name_of(name, numbers, lang)))
        st.html(table_html(table, formula_html), width=PROSE)


def _own_numbers(view: View) -> dict[str, int]:
    """The reader's own C, heads, key_dim and attn_ratio, by the names of their settings."""
    with st.container(horizontal=True, gap="medium"):
        return {
            name: st.number_input(label, width=130, **number(view, name, name))
            for name, (label, _) in OWN_NUMBERS.items()
        }


def _whole(name: str, HW: int, view: View) -> str:
    """The share of the attention modules in the whole network's multiply-adds on the image."""
    numbers = PUBLISHED[name]
    products = BLOCKS * numbers.attention(HW)
    modules = products + BLOCKS * numbers.projections(HW)
    total = sum(part.multiply_adds for part in costs(name, CLASSES, view.photo.height, view.photo.width))
    return UI["whole"](
        view.lang, size=name, classes=CLASSES, blocks=BLOCKS, modules=f"{modules / total:.1%}",
        products=f"{products / total:.1%}",
    )  # fmt: skip


def _plots(numbers: Numbers, HW: int, measured: Measurement | None, lang: Lang) -> None:
    notes = {
        "adds": UI["adds_note"](lang) if measured else "",
        "memory": UI["memory_note"](lang, dense=f"{DENSE_TOKENS:,}"),
    }
    charts = {
        "adds": (plot(figures.adds_chart(numbers, HW, measured, lang), ""), numbers.crossing),
        "memory": (plot(figures.memory_chart(numbers, HW, lang), "B"), numbers.memory_crossing),
    }
    for column, (name, (figure, crossing)) in zip(st.columns(2, gap="large"), charts.items(), strict=True):
        with column:
            st.markdown(f"**{UI[name](lang)}**")
            alt = UI[f"{name}_alt"](lang, HW=tokens_text(crossing), side=f"{side(crossing):,.0f}")
            st.plotly_chart(figure, theme="streamlit", key=f"cost_{name}", config=config(lang), alt=alt)
            if notes[name]:
                st.caption(notes[name])
