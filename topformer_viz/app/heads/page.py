"""The page "What does each head look at?": the findings that come with the weights, as sentences and tables."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.choices import option, write_address
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.app.heads.figures import loaded
from topformer_viz.app.heads.table import STOPS, bar, card, grey
from topformer_viz.app.heads.words import NETWORKS, UI
from topformer_viz.network.classes import classes_of
from topformer_viz.network.facts import facts
from topformer_viz.study import heads as findings
from topformer_viz.study.heads import Findings, FindingsError

_HERE = Path(__file__).parent
_SCRIPT = (_HERE / "heads.js").read_text("utf-8")
_RAMP = ", ".join(f"#{stop}" for stop in STOPS)
_STYLE = f".heads-bar {{ --ramp: {_RAMP}; }}\n" + (_HERE / "heads.css").read_text("utf-8")


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the page; without findings nothing."""
    try:
        found = loaded(findings.FILE).networks
    except FindingsError:
        return {}
    heads = next(iter(found.values())).heads
    slugs = [slug for slug in NETWORKS if slug in found]
    return {
        "network": Parameter(slugs, slugs[0]), "block": Parameter(range(1, len(heads) + 1), 1),
        "head": Parameter(range(1, len(heads[0]) + 1), 1),
    }  # fmt: skip


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
    lang = view.lang
    names = classes_of(len(found.classes), found.classes).names
    with st.container(horizontal=True, gap="large"):
        slug = _choose(view, "network", "findings_network", lambda slug: NETWORKS[slug][0](lang))
        block = _choose(view, "block", "block") - 1
    network = found.networks[slug]
    st.html(f'<p class="heads-note">{escape(NETWORKS[slug][1](lang))}</p>{bar(lang)}')
    cards = "".join(card(network, block, head, names, lang) for head in range(len(network.heads[block])))
    st.html(f'<div class="heads">{cards}</div>{grey(network, names, lang)}')
    st.subheader(UI["beside"](lang), anchor="beside")
    st.markdown(UI["beside_note"](lang), width=PROSE)
    head = _choose(view, "head", "findings_head") - 1
    slugs = view.takes["network"].options
    cards = "".join(card(found.networks[s], block, head, names, lang, NETWORKS[s][0](lang)) for s in slugs)
    st.html(f'<div class="heads beside">{cards}</div>')
    write_address(view, {"network": slug, "block": block + 1, "head": head + 1})


def _choose(view: View, name: str, key: str, shown: Any = str) -> Any:
    """A control for the parameter ``name`` of the address, and what is chosen."""
    return st.segmented_control(UI[name](view.lang), format_func=shown, required=True, **option(view, name, key))
