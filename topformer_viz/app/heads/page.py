"""The page "What does each head look at?": the findings that come with the weights, as sentences and tables."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from topformer_viz.app.frame.address import Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.figures.colours import RDBU_R, luminance
from topformer_viz.figures.panel import Group, Panel, Scale, Tile
from topformer_viz.network.classes import classes_of
from topformer_viz.network.facts import facts
from topformer_viz.study import heads as findings
from topformer_viz.study.heads import (
    MIN_AREA,
    MIN_PICTURES,
    Estimate,
    Findings,
    FindingsError,
    NetworkFinding,
    as_asking,
    as_read,
    sentence,
)
from topformer_viz.words.numbers import decimal, times
from topformer_viz.words.text import Lang, Text

STOPS = RDBU_R.split()  # blue is less, red more
REACH = 2  # log2 of the ratio at which colour ends: a quarter, and four times

NETWORKS: dict[str, tuple[Text, Text]] = {
    "trained": (
        Text("Trained", "训练过"),
        Text(
            "The bundled weights, trained on other street photographs.",
            "本项目自带的权重，用另外的街景照片训练。",
        ),
    ),
    "built": (
        Text("As built", "刚建好"),
        Text(
            "Random weights, as the network is built. Nothing was learned.",
            "随机权重，网络刚建好的样子。没有任何东西是学来的。",
        ),
    ),
    "reinitialised": (
        Text("Re-initialised", "重新初始化"),
        Text(
            "Random weights, drawn again as the authors' initialiser does, with every BatchNorm gain at 1. Where a class "
            "stands out here, this one draw did it: the intervals are over pictures, not over draws.",
            "随机权重，按作者的初始化方法重新抽取，所有 BatchNorm 的增益都为 1。这里若有哪一类突出，只是这一次抽取的结果："
            "区间反映的是图片之间的差异，不是不同抽取之间的差异。",
        ),
    ),
}

UI = {
    "title": Text("What does each head look at?", "每个头在看什么？"),
    "missing": Text(
        "The findings are not here: {file} is missing or holds none. It comes with the trained weights; the rest of the "
        "app works without it.",
        "没有找到测量结果：{file} 不存在，或其中没有结果。它随训练好的权重一起提供；没有它，应用的其他部分照常工作。",
    ),
    "measured": Text(
        "Measured on {pictures} photographs of streets that were kept out of training, each on its grid of {least} to "
        "{most} tokens. People labelled their pixels by class (data sets CamVid and LabelMeFacade); {labelled} of the area "
        "carries a label, and the rest is left out. A token counts towards every class in its square, by area.",
        "测量用了 {pictures} 张没有参加训练的街景照片，每张的网格有 {least} 到 {most} 个 token。照片的像素由人标注了类别"
        "（数据集 CamVid 和 LabelMeFacade）；{labelled} 的面积有标注，其余不计。一个 token 按面积计入它那一格里的每个类别。",
    ),
    "how": Text(
        "**How to read a table.** A row is the class that reads, a column the class that is read. The number is the share of "
        "the row's attention that falls on the column, divided by the share it would get if every token were read alike: "
        "1 is chance, 2 twice as much, 0.5 half. In brackets are 95% intervals over the pictures. Photographs from one "
        "drive resemble each other, so the true uncertainty is somewhat larger. The sentence over a table is made from its "
        "numbers, by a fixed rule.",
        "**怎样读表。** 行是在读的类别，列是被读的类别。表中的数是：这一行的注意力落在这一列上的比重，除以所有 token 被同等读取时"
        "应占的比重。1 是随机水平，2 是两倍，0.5 是一半。括号里是对图片而言的 95% 区间。同一次行车拍下的照片彼此相似，"
        "所以真实的不确定性要再大一些。表格上方的那句话按固定的规则由这些数得出。",
    ),
    "network": Text("Network", "网络"),
    "block": Text("Block", "模块"),
    "head": Text("Head", "头"),
    "head_n": Text("Head {n}", "第 {n} 个头"),
    "reads": Text("reads ↓, is read →", "读 ↓，被读 →"),
    "every": Text("every token", "全部方格"),
    "effective": Text(
        "Effective tokens <b>{value}</b> ({low} to {high}) of {all}",
        "有效 token 数 <b>{value}</b>（{low} 到 {high}），共 {all}",
    ),
    "distance": Text(
        "Mean distance <b>{value}</b> tokens ({low} to {high}), {all} if uniform",
        "平均距离 <b>{value}</b> 个 token（{low} 到 {high}），均匀时为 {all}",
    ),
    "table": Text("Head {n}: how many times chance each class reads each", "第 {n} 个头：各类读各类是随机水平的多少倍"),
    "hint": Text(
        "Point at a cell, or step through them with the arrow keys, to read its interval.",
        "把指针移到格子上，或用方向键逐格移动，可以读出它的区间。",
    ),
    "cell": Text(
        "{query} reads {key}: {value} times chance ({low} to {high}). {share} of its attention, {chance} if uniform; "
        "{pictures} pictures.",
        "{query}读{key}：随机水平的 {value} 倍（{low} 到 {high}）。占其注意力的 {share}，均匀时为 {chance}；{pictures} 张图片。",
    ),
    "never": Text("{query} and {key} are never in one picture.", "{query}与{key}从未出现在同一张图片里。"),
    "grey_cell": Text("Too little to go by.", "数据太少，不足为凭。"),
    "grey": Text(
        "Grey: a class in fewer than {pictures} pictures or on less than {area} of the area, or a pair that meets in fewer "
        "than {pictures}. Such numbers are shown, but no sentence rests on them, and “every class” does not ask them. {which}",
        "灰色：出现在不足 {pictures} 张图片里、或面积不到 {area} 的类别，以及同时出现在不足 {pictures} 张图片里的一对类别。"
        "这些数照样列出，但没有一句话以它们为据，“每一类”也不包括它们。{which}",
    ),
    "grey_class": Text(
        "Here: {name}, {pictures} pictures, {area} of the area.",
        "这里是：{name}，{pictures} 张图片，面积的 {area}。",
    ),
    "bar": Text("times chance", "随机水平的倍数"),
    "less": Text("less", "更少"),
    "more": Text("more", "更多"),
    "beside": Text("The same head in three networks", "同一个头，三个网络"),
    "beside_note": Text(
        "The head in the same place of each: trained, as built, and as the authors' initialiser leaves it. What an untrained "
        "network shows as well need not have come from training.",
        "三个网络里同一位置的头：训练过的、刚建好的，以及按作者的初始化方法得到的。未训练的网络也有的偏好，未必是训练带来的。",
    ),
    "proof": Text("What this shows, and what it does not", "这说明什么，不说明什么"),
    "shows": Text(
        "It shows where the weights fall, on average over many pictures. It does not show what a head is for. A weight says "
        "how much of a token's value is taken, not what that value holds, nor what the projection and the MLP make of it; and "
        "the residual hands every token on unread. Tokens have seen their surroundings in the pyramid's convolutions, so one "
        "that lies on a road also knows the cars beside it. A class may be read for its place or its brightness rather "
        "than for what it is: the sky is high and light. And an average hides the pictures in which a head does otherwise. To "
        "prove a purpose one would have to change the weights and watch what becomes of the output.",
        "它说明，在许多图片上平均来看，权重落在哪里；它不说明一个头有什么用。权重只说取走了某个 token 的值的多少，"
        "不说这个值里有什么，也不说投影和 MLP 把它变成什么；而残差会把每个 token 原样传下去，谁也不用读。"
        "token 在金字塔的卷积里已经看过周围，所以道路上的 token 也知道旁边有车。一个类别被读，可能是因为它的位置或亮度，"
        "而不是因为它是什么：天空在上方，也亮。平均还会掩盖那些表现不同的图片。要证明一个头的用途，就得改动权重，再看输出怎样变化。",
    ),
    "silenced": Text(
        "That was done for all heads together: on the {pictures} photographs mIoU is {whole}; with all attention silenced it "
        "is {attention}, and without the four blocks {blocks}. The differences say how much of the segmentation rests on "
        "attention in this small network: a head's preference may be clear and yet decide little.",
        "对全部的头一起做过这件事：在 {pictures} 张照片上 mIoU 为 {whole}；关掉全部注意力后为 {attention}，去掉四个模块后为 {blocks}。"
        "这些差别说明，在这个小网络里分割有多少要靠注意力：一个头的偏好可以很鲜明，起的作用却很小。",
    ),
}  # fmt: skip


def takes(view: View) -> Takes:
    """What an address can say of the page; without findings nothing."""
    try:
        found = _findings(findings.FILE).networks
    except FindingsError:
        return {}
    heads = next(iter(found.values())).heads
    slugs = [slug for slug in NETWORKS if slug in found]
    return {"network": slugs, "block": range(1, len(heads) + 1), "head": range(1, len(heads[0]) + 1)}


def show(view: View) -> None:
    """Draw the page; what the visitor chose elsewhere plays no part in it."""
    lang = view.lang
    st.html(f"<style>{STYLE}</style>")
    st.html(f"<script>{SCRIPT}</script>", unsafe_allow_javascript=True)
    st.subheader(UI["title"](lang), anchor="heads")
    try:
        found = _findings(findings.FILE)
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


@st.cache_resource(max_entries=4, show_spinner=False)
def _findings(path: Path) -> Findings:
    return findings.load(path)


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
    st.html(f'<p class="heads-note">{escape(NETWORKS[slug][1](lang))}</p>{_bar(lang)}')
    cards = "".join(_card(network, block, head, names, lang) for head in range(len(heads[block])))
    st.html(f'<div class="heads">{cards}</div>{_grey(network, names, lang)}')
    st.subheader(UI["beside"](lang), anchor="beside")
    st.markdown(UI["beside_note"](lang), width=PROSE)
    head = _choose("findings_head", "head", range(1, len(heads[block]) + 1), lang) - 1
    cards = "".join(_card(found.networks[s], block, head, names, lang, NETWORKS[s][0](lang)) for s in slugs)
    st.html(f'<div class="heads beside">{cards}</div>')
    write_address(view, {"network": slug, "block": block + 1, "head": head + 1})


def _choose(name: str, label: str, options: Sequence[Any], lang: Lang, shown: Any = str) -> Any:
    """A control for the choice ``name`` of the session, and what is chosen."""
    st.segmented_control(UI[label](lang), options, format_func=shown, required=True, **pick(name, options))
    return st.session_state[name]


def _card(
    network: NetworkFinding, block: int, head: int, names: Sequence[Text], lang: Lang, title: str | None = None
) -> str:
    """One head: its sentence, its two figures and its table."""
    finding = network.heads[block][head]
    title = title or UI["head_n"](lang, n=head + 1)
    figures = "".join(
        "<li>"
        + UI[name](
            lang, value=decimal(figure.value), low=decimal(figure.low), high=decimal(figure.high), all=decimal(of)
        )
        + "</li>"
        for name, figure, of in (
            ("effective", finding.effective, network.tokens[1]),
            ("distance", finding.distance, network.distance),
        )
    )
    return (
        f'<section><p class="which">{escape(title)}</p><h3>{escape(sentence(finding, network, names, lang))}</h3>'
        f'<ul>{figures}</ul><div class="box">{_table(network, block, head, names, lang)}'
        f'<p class="hint">{UI["hint"](lang)}</p></div></section>'
    )


def _table(network: NetworkFinding, block: int, head: int, names: Sequence[Text], lang: Lang) -> str:
    """Who reads whom, and in the last row how much every token reads of each class."""
    finding = network.heads[block][head]

    def header(scope: str, k: int) -> str:
        grey = "" if network.supported(k) else ' class="grey"'
        return f'<th scope="{scope}"{grey}><span>{escape(names[k](lang))}</span></th>'

    top = "".join(header("col", k) for k in range(len(names)))
    rows = [
        header("row", c) + "".join(_cell(network, finding.ratio[c][k], c, k, names, lang) for k in range(len(names)))
        for c in range(len(names))
    ]
    every = "".join(_cell(network, finding.read[k], None, k, names, lang) for k in range(len(names)))
    rows.append(f'<th scope="row"><span>{UI["every"](lang)}</span></th>{every}')
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    # One stop of the Tab key a table: the arrow keys lead on from its first cell.
    body = body.replace('tabindex="-1"', 'tabindex="0"', 1)
    return (
        f'<table role="grid" lang="{lang}" aria-label="{escape(UI["table"](lang, n=head + 1))}">'
        f'<thead><tr><td class="corner">{UI["reads"](lang)}</td>{top}</tr></thead><tbody>{body}</tbody></table>'
    )


def _cell(
    network: NetworkFinding, ratio: Estimate | None, c: int | None, k: int, names: Sequence[Text], lang: Lang
) -> str:
    """A number on its colour and, for whoever points at it or comes by keyboard, what it means."""
    query = as_asking(UI["every"] if c is None else names[c], lang)
    key = as_read(names[k], lang)
    if ratio is None:
        return f'<td tabindex="-1" class="grey"><b>–</b><span class="tip">{escape(UI["never"](lang, query=query, key=key))}</span></td>'
    chance = network.chance[-1 if c is None else c][k] or 0.0
    tip = UI["cell"](
        lang, query=query, key=key, value=times(ratio.value), low=times(ratio.low), high=times(ratio.high),
        share=f"{ratio.value * chance:.1%}", chance=f"{chance:.1%}", pictures=network.together[k if c is None else c][k],
    )  # fmt: skip
    if network.supported(k) if c is None else network.supported(c, k):
        paper, ink = colours(ratio.value)
        look, number = f'style="background:{paper}"', f'<b style="color:{ink}">{times(ratio.value)}</b>'
    else:
        look, number = 'class="grey"', f"<b>{times(ratio.value)}</b>"
        tip = f"{tip} {UI['grey_cell'](lang)}"
    return f'<td tabindex="-1" {look}>{number}<span class="tip">{escape(tip)}</span></td>'


def colours(ratio: float) -> tuple[str, str]:
    """Paper and ink of a cell, "#rrggbb": blue under 1, white at 1, red over 1, by log2; ink stands out by 4.5 : 1."""
    place = max(-REACH, min(math.log2(ratio) if ratio > 0 else -REACH, REACH))
    place = (place / REACH + 1) / 2 * (len(STOPS) - 1)
    left = min(int(place), len(STOPS) - 2)
    ends = [[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in STOPS[left : left + 2]]
    paper = [round(a + (b - a) * (place - left)) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{x:02x}" for x in paper), "#000000" if luminance(paper) > 0.179 else "#ffffff"


def _bar(lang: Lang) -> str:
    """The colour bar, from a quarter of chance to four times."""
    ticks = "".join(f"<span>{tick}</span>" for tick in ("≤ ¼", "½", "1", "2", "≥ 4"))
    return (
        f'<div class="heads-bar"><span>{UI["less"](lang)}</span><div><div class="ramp"></div>'
        f'<div class="ticks">{ticks}</div></div><span>{UI["more"](lang)}</span><span>({UI["bar"](lang)})</span></div>'
    )


def _grey(network: NetworkFinding, names: Sequence[Text], lang: Lang) -> str:
    """What grey means, and which classes are."""
    space = " " if lang == "en" else ""
    which = space.join(
        UI["grey_class"](lang, name=name(lang), pictures=network.together[k][k], area=f"{network.area(k):.1%}")
        for k, name in enumerate(names)
        if not network.supported(k)
    )
    text = UI["grey"](lang, pictures=MIN_PICTURES, area=f"{MIN_AREA:.1%}", which=which)
    return f'<p class="heads-note">{escape(text.strip())}</p>'


SCRIPT = """
if (!window.headsKeys) {
  window.headsKeys = true;  // the page's scripts run again with every rerun
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  document.addEventListener("keydown", (event) => {
    const move = moves[event.key], cell = event.target.closest?.(".heads tbody td");
    if (!move || !cell) return;
    event.preventDefault();
    const rows = cell.closest("tbody").rows, row = rows[cell.parentElement.sectionRowIndex + move[0]];
    row?.cells[cell.cellIndex + move[1]]?.focus();
  });
  document.addEventListener("focusin", (event) => {
    const cell = event.target.closest?.(".heads tbody td");
    if (!cell) return;
    for (const other of cell.closest("tbody").querySelectorAll('td[tabindex="0"]')) other.tabIndex = -1;
    cell.tabIndex = 0;
  });
}
"""
# Figures

FIGURES = {
    "head": Text("The head's preferences", "这个头的偏好"),
    "beside": Text("The same head in three networks", "同一个头，三个网络"),
    "block": Text("All heads of the block", "这个模块的各头"),
    "title": Text("Which class reads which: block {block}, head {head}", "哪一类读哪一类：第 {block} 个模块，第 {head} 个头"),
    "block_title": Text("Which class reads which: block {block}", "哪一类读哪一类：第 {block} 个模块"),
    "about": Text("TopFormer tiny, {network}", "TopFormer tiny，{network}"),
    "three": Text("TopFormer tiny, three networks", "TopFormer tiny，三个网络"),
    "spread": Text("{name}\n{value} effective tokens of {all}", "{name}\n有效 token 数 {value}，共 {all}"),
    "down": Text("the class that reads", "在读的类别"),
    "across": Text("the class that is read", "被读的类别"),
    "quantity": Text("times chance (no unit)", "随机水平的倍数（无单位）"),
    "meaning": Text(
        "Number: the share of the row's attention that falls on the column, over the share it would get if every token were "
        "read alike; 1 is chance. Colours end at a quarter and at four times. Grey numbers rest on too little.",
        "数字：这一行的注意力落在这一列上的份额，除以所有 token 被同等读取时的份额；1 为随机水平。颜色到四分之一和四倍为止。"
        "灰色的数字数据太少。",
    ),
    "measured": Text(
        "Measured on {pictures} street photographs that were kept out of training.", "在 {pictures} 张没有参加训练的街景照片上测得。"
    ),
    "random": Text("{networks}: random weights; what they show is chance, not a finding.", "{networks}：权重随机，图案只是偶然，不说明规律。"),
    "and": Text(" and ", "和"),
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of the page; without findings nothing."""
    try:
        found = _findings(findings.FILE)
    except FindingsError:
        return []
    kinds = ("head", "beside", "block")
    return [Offer(kind, FIGURES[kind], partial(_preferences, view.lang, found, kind)) for kind in kinds]


def _preferences(lang: Lang, found: Findings, kind: str, asked: Mapping[str, str]) -> Panel:
    """The tables of the "head" on show, of the same head "beside" in three networks, or of all heads of the "block"."""
    names = classes_of(len(found.classes), found.classes).names
    slugs = [slug for slug in NETWORKS if slug in found.networks]
    slug = one_of(asked, "network", slugs, slugs[0])
    network = found.networks[slug]
    block = one_of(asked, "block", range(1, len(network.heads) + 1), 1) - 1
    heads = range(len(network.heads[block]))
    head = one_of(asked, "head", range(1, len(heads) + 1), 1) - 1
    shown = {"head": [(slug, head)], "beside": [(s, head) for s in slugs], "block": [(slug, h) for h in heads]}[kind]
    tiles = []
    for which, h in shown:
        of = found.networks[which]
        name = NETWORKS[which][0](lang) if kind == "beside" else UI["head_n"](lang, n=h + 1)
        spread = decimal(of.heads[block][h].effective.value)
        title = FIGURES["spread"](lang, name=name, value=spread, all=decimal(of.tokens[1]))
        tiles.append(_tile(of, block, h, names, title, lang))
    said = [FIGURES["meaning"](lang), FIGURES["measured"](lang, pictures=network.pictures)]
    if kind == "head":
        said.insert(0, sentence(network.heads[block][head], network, names, lang))
    if random := [NETWORKS[which][0](lang) for which in dict(shown) if which != "trained"]:
        said.append(FIGURES["random"](lang, networks=FIGURES["and"](lang).join(random)))
    title = FIGURES["block_title" if kind == "block" else "title"](lang, block=block + 1, head=head + 1)
    about = FIGURES["three" if kind == "beside" else "about"](lang, network=NETWORKS[slug][0](lang))
    stem = f"preferences-{'three' if kind == 'beside' else slug}-block{block + 1}"
    return Panel(
        stem if kind == "block" else f"{stem}-head{head + 1}", title, about, ("" if lang == "zh" else " ").join(said),
        groups=(Group(tuple(tiles), size=0.8 if kind == "head" else 1.0),),
    )  # fmt: skip


def _tile(network: NetworkFinding, block: int, head: int, names: Sequence[Text], title: str, lang: Lang) -> Tile:
    """A head's table as a picture with its numbers; what rests on too little has no colour."""
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


STYLE = (
    """
.heads { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.8rem 2.6rem; }
.heads.beside { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.8rem 1.8rem; }
@media (max-width: 900px) { .heads, .heads.beside { grid-template-columns: minmax(0, 1fr); } }
.heads section { display: flex; flex-direction: column; border-top: 1px solid color-mix(in srgb, currentColor 18%, transparent); padding-top: 0.7rem; }
.heads .which { margin: 0; font-size: 0.86rem; opacity: 0.75; }
.heads h3 { margin: 0 0 0.3rem; padding: 0; font-size: 1.12rem; font-weight: 650; line-height: 1.35; letter-spacing: 0; }
.heads ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1.4rem; margin: 0 0 0.6rem; padding: 0; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
.heads li { margin: 0; padding: 0; font-size: inherit; }
.heads .box { position: relative; margin-top: auto; padding-bottom: 4.6em; font-size: 0.82rem; line-height: 1.4; }
.heads table { width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 1px; font-size: 0.82rem; font-variant-numeric: tabular-nums; margin: 0; }
.heads :is(th, td) { border: 0; padding: 0; height: 1.75rem; text-align: center; }
.heads th { font-weight: 500; }
.heads th[scope="row"] { text-align: left; padding-right: 4px; line-height: 1.1; }
.heads th[scope="col"] { vertical-align: bottom; padding-bottom: 4px; }
.heads th[scope="col"] span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; display: inline-block; }
.heads table[lang="zh"] th[scope="col"] span { transform: none; }
.heads .corner { width: 6.6rem; text-align: left; vertical-align: bottom; padding-bottom: 4px; font-size: 0.76rem; opacity: 0.75; }
.heads tbody tr:last-child :is(th, td) { border-top: 5px solid transparent; background-clip: padding-box; }
.heads td b { font-weight: 400; }
.heads .grey :is(b, span:not(.tip)) { opacity: 0.7; font-style: italic; }
.heads td.grey { background: color-mix(in srgb, currentColor 9%, transparent); }
.heads tbody td { cursor: default; }
.heads tbody td:focus-visible { outline: 2px solid currentColor; outline-offset: 1px; }
.heads .hint, .heads .tip { position: absolute; left: 0; right: 0; bottom: 0; height: 4.2em; margin: 0; font-size: 0.82rem; text-align: left; }
.heads .hint { opacity: 0.7; }
.heads .tip { display: none; }
.heads td:is(:hover, :focus) .tip { display: block; }
.heads .box:has(tbody td:hover) td:focus:not(:hover) .tip, .heads .box:has(tbody td:is(:hover, :focus)) .hint { display: none; }
.heads.beside :is(.box, table, .tip, .hint) { font-size: 0.76rem; }
.heads.beside .corner { width: 5rem; font-size: 0.7rem; }
.heads.beside .box { padding-bottom: 6em; }
.heads.beside :is(.tip, .hint) { height: 5.6em; }
@media (max-width: 640px) {
  .heads .box { padding-bottom: 6em; }
  .heads :is(.tip, .hint) { height: 5.6em; }
  .heads .corner, .heads.beside .corner { width: 5.2rem; }
  .heads table { font-size: 0.76rem; }
}
.heads-note { margin: 0.6rem 0 0; font-size: 0.9rem; max-width: 880px; opacity: 0.85; }
.heads-bar { display: flex; align-items: flex-start; gap: 0.6rem; margin: 0.6rem 0 0; font-size: 0.82rem; line-height: 1; }
.heads-bar > div { width: 15rem; }
.heads-bar .ramp { height: 0.8rem; outline: 1px solid color-mix(in srgb, currentColor 25%, transparent); background: linear-gradient(to right, RAMP); }
.heads-bar .ticks { display: flex; justify-content: space-between; margin-top: 0.3rem; font-variant-numeric: tabular-nums; }
.heads-bar .ticks span { width: 2.2rem; text-align: center; white-space: nowrap; }
.heads-bar .ticks span:first-child { text-align: left; }
.heads-bar .ticks span:last-child { text-align: right; }
"""
).replace("RAMP", ", ".join(f"#{stop}" for stop in STOPS))
