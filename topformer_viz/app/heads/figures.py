"""What can be saved of the page about the heads, and the findings it rests on."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.heads.table import REACH
from topformer_viz.app.heads.words import FIGURES, NETWORKS, UI
from topformer_viz.figures.panel import Group, Panel, Scale, Tile
from topformer_viz.network.classes import classes_of
from topformer_viz.study import heads as findings
from topformer_viz.study.heads import Findings, FindingsError, NetworkFinding, sentence
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.numbers import decimal, times
from topformer_viz.words.text import Lang, Text, listed, sentences


@st.cache_resource(max_entries=4, show_spinner=False)
def loaded(path: Path) -> Findings:
    """The findings in a file, which all visitors share; FindingsError where there are none."""
    return findings.load(path)


def figures(view: View) -> list[Offer]:
    """What can be saved of the page; without findings nothing."""
    try:
        found = loaded(findings.FILE)
    except FindingsError:
        return []
    kinds = ("head", "beside", "block")
    return [Offer(kind, FIGURES[kind], partial(_preferences, view.lang, found, kind)) for kind in kinds]


def _preferences(lang: Lang, found: Findings, kind: str, asked: Asked) -> Panel:
    """The tables of the "head" on show, of the same head "beside" in three networks, or of all heads of the "block"."""
    names = classes_of(len(found.classes), found.classes).names
    slugs = [slug for slug in NETWORKS if slug in found.networks]
    slug, block, head = asked["network"], asked["block"] - 1, asked["head"] - 1
    network = found.networks[slug]
    heads = range(len(network.heads[block]))
    shown = {"head": [(slug, head)], "beside": [(s, head) for s in slugs], "block": [(slug, h) for h in heads]}[kind]
    tiles = []
    for which, h in shown:
        of = found.networks[which]
        name = NETWORKS[which][0](lang) if kind == "beside" else UI["head_n"](lang, n=h + 1)
        spread = decimal(of.heads[block][h].effective.value)
        title = FIGURES["spread"](lang, name=name, value=spread, all=decimal(of.tokens[1]))
        tiles.append(_tile(of, block, h, names, title, 0.72 if kind == "head" else 1.0, lang))
    said = [FIGURES["meaning"](lang), FIGURES["measured"](lang, images=network.pictures)]
    if left_out := [name(lang) for k, name in enumerate(names) if k not in _meeting(network)]:
        said.append(FIGURES["left_out"](lang, names=listed(lang, left_out)))
    if kind == "head":
        said.insert(0, sentence(network.heads[block][head], network, names, lang))
    if random := [NETWORKS[which][0](lang) for which in dict(shown) if which != "trained"]:
        said.append(FIGURES["random"](lang, networks=FIGURES["and"](lang).join(random), said=NOT_EVIDENCE(lang)))
    title = FIGURES["block_title" if kind == "block" else "title"](lang, block=block + 1, head=head + 1)
    about = FIGURES["three" if kind == "beside" else "about"](lang, network=NETWORKS[slug][0](lang))
    stem = f"preferences-{'three' if kind == 'beside' else slug}-block{block + 1}"
    return Panel(
        stem if kind == "block" else f"{stem}-head{head + 1}", title, about, sentences(lang, said),
        groups=(Group(tuple(tiles), size=0.8 if kind == "head" else 1.0),),
    )  # fmt: skip


def _meeting(network: NetworkFinding) -> list[int]:
    """The classes that meet another often enough for a number to rest on; a figure has no room for the rest."""
    each = range(len(network.together))
    return [c for c in each if any(network.supported(c, k) for k in each if k != c)]


def _tile(
    network: NetworkFinding, block: int, head: int, names: Sequence[Text], title: str, shape: float, lang: Lang
) -> Tile:
    """A head's table in colour with its numbers; what rests on too little has no colour."""
    finding, meeting = network.heads[block][head], _meeting(network)
    values, shown = [], []
    for c in (*meeting, None):  # None: every token
        cells = [(finding.read if c is None else finding.ratio[c])[k] for k in meeting]
        known = [network.supported(k) if c is None else network.supported(c, k) for k in meeting]
        values.append([cell.value if cell and ok else math.nan for cell, ok in zip(cells, known, strict=True)])
        shown.append(tuple(times(cell.value) if cell else "–" for cell in cells))
    down = [*(names[k](lang) for k in meeting), UI["every"](lang)]
    ticks = [{n + 0.5: name for n, name in enumerate(each)} for each in (down, down[:-1])]
    scale = Scale(2.0**-REACH, 2.0**REACH, FIGURES["quantity"](lang), log=True)
    return Tile(
        np.array(values), shape, scale, title, FIGURES["down"](lang), FIGURES["across"](lang), (ticks[0], ticks[1]),
        numbers=tuple(shown), named=True,
    )  # fmt: skip
