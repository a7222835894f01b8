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
from topformer_viz.words.text import Lang, Text, sentences


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
        tiles.append(_tile(of, block, h, names, title, lang))
    said = [FIGURES["meaning"](lang), FIGURES["measured"](lang, images=network.pictures)]
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


def _tile(network: NetworkFinding, block: int, head: int, names: Sequence[Text], title: str, lang: Lang) -> Tile:
    """A head's table in colour with its numbers; what rests on too little has no colour."""
    finding = network.heads[block][head]
    values, shown = [], []
    for c, row in enumerate([*finding.ratio, finding.read]):
        every = c == len(finding.ratio)
        known = [network.supported(k) if every else network.supported(c, k) for k in range(len(row))]
        values.append([cell.value if cell and ok else math.nan for cell, ok in zip(row, known, strict=True)])
        shown.append(tuple(times(cell.value) if cell else "–" for cell in row))
    down = [*(name(lang) for name in names), UI["every"](lang)]
    ticks = [{n + 0.5: name for n, name in enumerate(each)} for each in (down, down[:-1])]
    scale = Scale(2.0**-REACH, 2.0**REACH, FIGURES["quantity"](lang), log=True)
    return Tile(
        np.array(values), 0.72, scale, title, FIGURES["down"](lang), FIGURES["across"](lang), (ticks[0], ticks[1]),
        numbers=tuple(shown), named=True,
    )  # fmt: skip
