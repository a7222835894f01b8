"""The page "What does each head look at?": the findings that come with the weights, in a minute and in full.

First what each head does, each with an image that shows it, and what attention is worth; all tables, how they were made and what they prove are folded.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from topformer_viz.app.canvas.fold import fold, follow_anchors
from topformer_viz.app.canvas.markup import TIP_CSS, note_html
from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.choices import option, write_address
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.app.heads.figures import loaded
from topformer_viz.app.heads.table import STOPS, bar, card, grey, overview, weights_bar
from topformer_viz.app.heads.words import NETWORKS, UI
from topformer_viz.figures.colours import VIRIDIS
from topformer_viz.network.classes import classes_of
from topformer_viz.network.facts import facts
from topformer_viz.network.model import BLOCKS
from topformer_viz.study import heads as findings
from topformer_viz.study.heads import Findings, FindingsError, telling
from topformer_viz.words.numbers import decimal, times
from topformer_viz.words.text import Lang, Text

_HERE = Path(__file__).parent
_SCRIPT = (_HERE / "heads.js").read_text("utf-8")
_RAMP, _WEIGHTS = (", ".join(f"#{stop}" for stop in stops) for stops in (STOPS, VIRIDIS.split()))
_STYLE = f"{TIP_CSS}.heads-bar {{ --ramp: {_RAMP}; }}\n.heads-bar.weights {{ --ramp: {_WEIGHTS}; }}\n" + (
    _HERE / "heads.css"
).read_text("utf-8")


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
    st.subheader(UI["title"](lang), anchor="heads")
    try:
        found = loaded(findings.FILE)
    except FindingsError:
        write_address(view)
        st.info(UI["missing"](lang, file=findings.FILE.name))
        return
    names = classes_of(len(found.classes), found.classes).names
    network = next(iter(found.networks.values()))
    purpose = note_html(UI["purpose"](lang, images=network.pictures), lang)
    worth, pictures = UI["matters"](lang, **_without()), UI["pictures"](lang, images=network.pictures)
    said = "".join(f"<li>{note_html(line, lang)}</li>" for line in summary(found, names, lang))
    st.html(
        f'<p class="heads-lead">{purpose}</p><p class="heads-lead">{note_html(worth, lang)}</p>'
        f"{overview(network, found.shown, names, lang)}{weights_bar(lang)}"
        f'<p class="heads-note">{note_html(pictures, lang)}</p><ul class="heads-said">{said}</ul>'
    )
    _tables(view, found)
    with fold("method", UI["method"](lang)):
        least, _, most = network.tokens
        measured = UI["measured"](
            lang, images=network.pictures, least=least, most=most, labelled=f"{network.labelled:.0%}"
        )
        _paragraphs(lang, measured, UI["how"](lang))
    with fold("proof", UI["proof"](lang)):
        silenced = UI["silenced"](lang, **_without())
        _paragraphs(lang, UI["shows"](lang), UI["caution"](lang), silenced)
    follow_anchors()
    st.html(f"<script>\n{_SCRIPT}</script>", unsafe_allow_javascript=True)


def _paragraphs(lang: Lang, *notes: str) -> None:
    st.html("".join(f"<p>{note_html(note, lang)}</p>" for note in notes), width=PROSE)


def _without() -> dict[str, str]:
    """mIoU of the whole network, without any attention, without one block's, from the least on, and without the blocks; and on
    how many images."""
    known = facts()
    one = sorted(known.without[f"block{block}.projected"] for block in range(BLOCKS))
    miou = {
        "whole": known.mean_iou,
        "attention": known.without["attention"],
        "least": one[0],
        "most": one[-1],
        "blocks": known.without["blocks"],
    }
    return {"images": f"{known.val}", **{name: f"{value:.3f}" for name, value in miou.items()}}


def summary(found: Findings, names: Sequence[Text], lang: Lang) -> list[str]:
    """The most telling numbers of all, as notes; of the trained network, and how the untrained ones differ."""
    told = {
        slug: [[telling(head, network) for head in block] for block in network.heads]
        for slug, network in found.networks.items()
    }
    network, heads = found.networks["trained"], [head for block in found.networks["trained"].heads for head in block]
    every = len(heads)
    ratios = [
        (one.estimate.low, b, h, one)
        for b, block in enumerate(told["trained"], 1)
        for h, one in enumerate(block, 1)
        if one.what in ("key", "more")
    ]
    said = []
    if ratios:
        _, block, head, one = max(ratios, key=lambda found: found[0])
        value, low, high = map(times, one.estimate)
        many = sum(ratio[3].estimate.value >= 2 for ratio in ratios)
        said.append(
            UI["clearest"](
                lang, block=block, head=head, told=one.in_short(names, lang), value=value, low=low, high=high, many=many, all=every,
            )
        )  # fmt: skip
    else:
        said.append(UI["unclear"](lang))
    spread, reach = ([getattr(head, name).value for head in heads] for name in ("effective", "distance"))
    between = not {"one-hot", "uniform"} & {one.what for block in told["trained"] for one in block}
    said.append(
        UI["widely" if between else "spread"](
            lang, low=decimal(min(spread)), high=decimal(max(spread)), all=decimal(network.tokens[1]), near=decimal(min(reach)),
            far=decimal(max(reach)), distance=decimal(network.distance),
        )
    )  # fmt: skip
    if {"built", "reinitialised"} <= told.keys():
        count = {
            slug: sum(one.what == what for block in told[slug] for one in block)
            for slug, what in (("built", "uniform"), ("reinitialised", "one-hot"))
        }
        said.append(UI["untrained"](lang, all=every, **count))
    return said


@st.fragment
def _tables(view: View, found: Findings) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang = view.lang
    names = classes_of(len(found.classes), found.classes).names
    # A link to other tables than the first shows them.
    asked = {name: view.asked.get(name, view.takes[name].default) for name in ("network", "block", "head")}
    with fold(
        "tables", UI["tables"](lang), any(asked[name] != view.takes[name].default for name in ("network", "block"))
    ):
        with st.container(horizontal=True, gap="medium"):
            slug = _choose(view, "network", "findings_network", lambda slug: NETWORKS[slug][0](lang))
            block = _choose(view, "block", "block") - 1
        network = found.networks[slug]
        st.html(f'<p class="heads-note">{note_html(NETWORKS[slug][1](lang), lang)}</p>{bar(lang)}')
        cards = "".join(card(network, block, head, names, lang) for head in range(len(network.heads[block])))
        st.html(f'<div class="heads">{cards}</div>{grey(network, names, lang)}')
    with fold("beside", UI["beside"](lang), asked["head"] != view.takes["head"].default):
        st.markdown(UI["beside_note"](lang), width=PROSE)
        head = _choose(view, "head", "findings_head") - 1
        slugs = view.takes["network"].options
        cards = "".join(card(found.networks[s], block, head, names, lang, NETWORKS[s][0](lang)) for s in slugs)
        st.html(f'{bar(lang)}<div class="heads beside">{cards}</div>')
        write_address(view, {"network": slug, "block": block + 1, "head": head + 1})


def _choose(view: View, name: str, key: str, shown: Any = str) -> Any:
    """A control for the parameter ``name`` of the address, and what is chosen."""
    return st.segmented_control(UI[name](view.lang), format_func=shown, required=True, **option(view, name, key))
