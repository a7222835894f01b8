"""The page "What does each head look at?": the findings that come with the weights, as sentences and tables."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from topformer_viz.app.frame.address import Takes
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.app.heads.figures import loaded
from topformer_viz.app.heads.table import STOPS, bar, card, grey
from topformer_viz.app.heads.words import NETWORKS, UI
from topformer_viz.network.classes import classes_of
from topformer_viz.network.facts import facts
from topformer_viz.study import heads as findings
from topformer_viz.study.heads import Findings, FindingsError
from topformer_viz.words.text import Lang

_HERE = Path(__file__).parent
_SCRIPT = (_HERE / "heads.js").read_text("utf-8")
_RAMP = ", ".join(f"#{stop}" for stop in STOPS)
_STYLE = f".heads-bar {{ --ramp: {_RAMP}; }}\n" + (_HERE / "heads.css").read_text("utf-8")


def takes(view: View) -> Takes:
    """What an address can say of the page; without findings nothing."""
    try:
        found = loaded(findings.FILE).networks
    except FindingsError:
        return {}
    heads = next(iter(found.values())).heads
    slugs = [slug for slug in NETWORKS if slug in found]
    return {"network": slugs, "block": range(1, len(heads) + 1), "head": range(1, len(heads[0]) + 1)}


def show(view: View) -> None:
    """Draw the page; what the visitor chose elsewhere plays no part in it."""
    lang = view.lang
    st.html(f"<style>{_STYLE}</style>")
    st.html(f"<script>\n{_SCRIPT}</script>", unsafe_allow_javascript=True)
    st.subheader(UI["title"](lang), anchor="heads")
    try:
        found = loaded(findings.FILE)
    except FindingsError:
        write_address(view)
        st.info(UI["missing"](lang, file=findings.FILE.name))
        return
    network = next(iter(found.networks.values()))
    st.markdown(
        UI["measured"](
            lang, pictures=network.pictures, least=network.tokens[0], most=network.tokens[2],
            labelled=f"{network.labelled:.0%}",
        ),
        width=PROSE,
    )  # fmt: skip
    st.markdown(UI["how"](lang), width=PROSE)
    _tables(view, found)
    st.subheader(UI["proof"](lang), anchor="proof")
    st.markdown(UI["shows"](lang), width=PROSE)
    known = facts()
    st.markdown(
        UI["silenced"](
            lang, pictures=known.val, whole=f"{known.mean_iou:.3f}", attention=f"{known.without['attention']:.3f}",
            blocks=f"{known.without['blocks']:.3f}",
        ),
        width=PROSE,
    )  # fmt: skip


@st.fragment
def _tables(view: View, found: Findings) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    state, lang = st.session_state, view.lang
    if "findings_network" not in state:
        state.findings_network = view.asked.get("network", next(iter(NETWORKS)))
        state.findings_head = view.asked.get("head", 1)
    names = classes_of(len(found.classes), found.classes).names
    slugs = [slug for slug in NETWORKS if slug in found.networks]
    heads = found.networks[slugs[0]].heads
    with st.container(horizontal=True, gap="large"):
        slug = _choose("findings_network", "network", slugs, lang, lambda slug: NETWORKS[slug][0](lang))
        block = _choose("block", "block", range(1, len(heads) + 1), lang) - 1
    network = found.networks[slug]
    st.html(f'<p class="heads-note">{escape(NETWORKS[slug][1](lang))}</p>{bar(lang)}')
    cards = "".join(card(network, block, head, names, lang) for head in range(len(heads[block])))
    st.html(f'<div class="heads">{cards}</div>{grey(network, names, lang)}')
    st.subheader(UI["beside"](lang), anchor="beside")
    st.markdown(UI["beside_note"](lang), width=PROSE)
    head = _choose("findings_head", "head", range(1, len(heads[block]) + 1), lang) - 1
    cards = "".join(card(found.networks[s], block, head, names, lang, NETWORKS[s][0](lang)) for s in slugs)
    st.html(f'<div class="heads beside">{cards}</div>')
    write_address(view, {"network": slug, "block": block + 1, "head": head + 1})


def _choose(name: str, label: str, options: Sequence[Any], lang: Lang, shown: Any = str) -> Any:
    """A control for the choice ``name`` of the session, and what is chosen."""
    st.segmented_control(UI[label](lang), options, format_func=shown, required=True, **pick(name, options))
    return st.session_state[name]
