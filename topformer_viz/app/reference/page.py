"""The reference page: every tensor of the run in one table, axes, glossary, credits."""

from html import escape
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.fold import follow_anchors
from topformer_viz.app.canvas.markup import TIP_CSS, axis_css, axis_span, note_html, term_anchor
from topformer_viz.app.frame.choices import write_address
from topformer_viz.app.frame.view import View
from topformer_viz.app.reference.words import UI
from topformer_viz.network.samples import SAMPLES
from topformer_viz.run.stages import AXES, GLOSSARY, stage_of
from topformer_viz.run.tracing import summary

_STYLE = f".reference {{{axis_css()}}}\n{TIP_CSS}" + Path(__file__).with_name("reference.css").read_text("utf-8")


def show(view: View) -> None:
    """Draw the page for the current run."""
    lang = view.lang
    st.html(f"<style>{_STYLE}</style>")
    follow_anchors()
    write_address(view)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader(UI["axis"](lang), anchor="axes")
        _definitions([(f"axis-{name}", axis_span(name), escape(axis.meaning(lang))) for name, axis in AXES.items()])
    with right:
        st.subheader(UI["glossary"](lang), anchor="glossary")
        terms = ((term_anchor(term), escape(word(lang)), text(lang)) for term, (word, text) in GLOSSARY.items())
        _definitions([(anchor, word, note_html(text, lang)) for anchor, word, text in terms])
    st.subheader(UI["tensors"](lang), anchor="tensors")
    st.markdown(UI["tensors_note"](lang))
    _tensors(view)
    st.subheader(UI["credits"](lang), anchor="credits")
    for key in ("paper", "blog", "weights", "relatives", "colours"):
        st.markdown(UI[key](lang))
    pictures = "\n".join(
        UI["picture"](lang, name=sample.name(lang), credit=sample.credit(lang)) for sample in SAMPLES.values()
    )
    st.markdown(f"{UI['pictures'](lang)}\n{pictures}")


def _tensors(view: View) -> None:
    lang = view.lang
    head = "".join(f"<th>{UI[key](lang)}</th>" for key in ("name", "meaning", "axes"))
    head += "".join(f'<th class="number">{UI[key](lang)}</th>' for key in ("bytes", "low", "high", "mean"))
    rows = []
    for row in summary(view.run):
        axes = " · ".join(axis_span(a, f"{a} {n}") for a, n in zip(row["axes"], row["shape"], strict=True))
        numbers = "".join(f'<td class="number">{row[key]:.3g}</td>' for key in ("min", "max", "mean"))
        rows.append(
            f"<tr><td><code>{row['name']}</code></td><td>{stage_of(row['name']).title(lang)}</td><td>{axes}</td>"
            f'<td class="number">{row["bytes"] / 1000:,.1f}</td>{numbers}</tr>'
        )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    st.html(f'<div class="reference sideways" tabindex="0"><p class="swipe">{UI["swipe"](lang)}</p>{table}</div>')


def _definitions(items: list[tuple[str, str, str]]) -> None:
    """Words and what they mean, in HTML; each with what an address calls it after its #."""
    body = "".join(f'<dt id="{anchor}">{word}</dt><dd>{meaning}</dd>' for anchor, word, meaning in items)
    st.html(f'<dl class="reference">{body}</dl>')
