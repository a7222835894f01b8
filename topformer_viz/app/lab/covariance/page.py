"""Is it a covariance matrix? A head's weights beside covariance and correlation of the same tokens, and a random walk."""

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]
import streamlit as st
import torch
from plotly.subplots import make_subplots  # type: ignore[import-untyped]
from torch import Tensor

from topformer_viz.app.canvas.chart import config
from topformer_viz.app.canvas.linked import KEPT, Pictures, off_rounding, plain, scale_of, shares, signed
from topformer_viz.app.frame.address import Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.figures.panel import Axis, Chart, Group, Panel, Series, Table, Tile
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import numbers, ticks_of
from topformer_viz.study import covariance as measured
from topformer_viz.words.numbers import signed_digits, three_digits
from topformer_viz.words.text import Lang, Text

MEAN = 0  # in the place of a head: the mean of all
TABLES = ("weights", "covariance", "correlation")
ITEMS = ("symmetric", "rows", "columns", "negative", "turning", "largest")

UI = {
    "intro": Text(
        "The weights A of a head are often likened to a covariance matrix. Both are tables of HW × HW = {HW} × {HW} that say how much pixel i "
        "has to do with pixel j. Here A stands beside the covariance and the correlation of the very tokens that entered the "
        "block: pixels as variables, the {C} channels as samples.",
        "一个头的权重 A 常被说成类似协方差矩阵。两者都是 HW × HW = {HW} × {HW} 的表，说的都是像素 i 与像素 j 有多大关系。"
        "这里把 A 与进入模块的同一批 token 的协方差、相关系数放在一起：像素是变量，{C} 个通道是样本。",
    ),
    "block": Text("Block", "模块"),
    "head": Text("Head", "头"),
    "mean": Text("mean", "平均"),
    "title": Text("Weights, covariance and correlation side by side", "权重、协方差与相关系数并排"),
    "tokens": Text("The picture", "图片"),
    "tokens_note": Text("{rows} × {columns} pixels of the token grid", "特征网格的 {rows} × {columns} 个像素"),
    "weights": Text("Weights A", "权重 A"),
    "weights_note": Text("row i: what pixel i reads", "第 i 行：像素 i 所读的"),
    "covariance": Text("Covariance", "协方差"),
    "covariance_note": Text("of pixels i and j over the channels", "像素 i 与 j 在各通道上的协方差"),
    "correlation": Text("Correlation", "相关系数"),
    "correlation_note": Text("the same, each pixel brought to variance 1", "同上，每个像素的方差化为 1"),
    "value": Text("at the pair", "这一对"),
    "check": Text("A checklist, measured here", "逐项检查（就在这里测量）"),
    "property": Text("property", "性质"),
    "symmetric": Text("symmetric?", "对称吗？"),
    "rows": Text("do rows sum to 1?", "行和为 1 吗？"),
    "columns": Text("do columns sum to 1?", "列和为 1 吗？"),
    "negative": Text("negative entries?", "有负数吗？"),
    "turning": Text("complex eigenvalues?", "有复特征值吗？"),
    "largest": Text("largest |eigenvalue|", "最大的 |特征值|"),
    "yes": Text("yes", "是"),
    "no": Text("no", "否"),
    "some": Text("yes: {share}", "有：{share}"),
    "none": Text("none", "没有"),
    "asymmetry": Text("no: |M − Mᵀ| up to {share} of the largest entry", "否：|M − Mᵀ| 最大为最大元素的 {share}"),
    "sums": Text("no: {low} … {high}", "否：{low} … {high}"),
    "verdict": Text(
        "A covariance matrix is symmetric with eigenvalues on the real axis from 0 up. A is none of this as a rule: query and key have weights of "
        "their own, so i may read j while j ignores i. What A does have, rows that sum to 1 and nothing negative, makes it the "
        "transition matrix of a Markov chain.",
        "协方差矩阵是对称的，特征值都在实轴上，不小于 0。A 一般都不是这样：查询和键各有自己的权重，所以 i 可以读 j，而 j 不理会 i。"
        "A 所具有的是行和为 1、没有负数，这使它成为马尔可夫链的转移矩阵。",
    ),
    "eigenvalues": Text("Eigenvalues in the complex plane", "复平面上的特征值"),
    "real": Text("real part", "实部"),
    "imaginary": Text("imaginary part", "虚部"),
    "all_of_them": Text("all", "全部"),
    "near": Text("without A's largest", "除去 A 最大的"),
    "circle": Text("|λ| = 1", "|λ| = 1"),
    "plane_note": Text(
        "A's all lie within the circle |λ| = 1, because rows sum to 1; one of them is 1. Those off the real axis come in pairs, above and "
        "below. Correlation's, divided by HW to fit in, lie on the axis.",
        "行和为 1，所以 A 的特征值都在圆 |λ| = 1 之内，其中一个是 1。不在实轴上的总是上下成对。相关系数矩阵的特征值（除以 HW 以便画下）都在实轴上。",
    ),
    "over_hw": Text("correlation, ÷ HW", "相关系数，÷ HW"),
    "walk": Text("A walk over the picture", "在图片上随机游走"),
    "walk_note": Text(
        "Stand on a pixel; step to pixel j with probability A[i, j], the weight with which i reads j; and again. From a pixel drawn evenly, one step leads to "
        "the mean of A's rows; in the long run the walk has the limit π = πA.",
        "站在一个像素上，以概率 A[i, j]（i 读 j 的权重）走到像素 j，如此反复。从所有像素等可能地出发，一步之后的分布就是各行的平均；"
        "长久走下去，分布趋于极限 π = πA。",
    ),
    "walk_title": Text("The walk on the picture", "图片上的游走"),
    "first": Text("after one step", "一步之后"),
    "first_note": Text("the mean of A's rows: who is read", "A 各行的平均：谁被读"),
    "limit": Text("in the long run", "长久之后"),
    "limit_note": Text("the limit π", "极限 π"),
    "ratio": Text("limit less first step", "极限减去第一步"),
    "ratio_note": Text("who is read by those who are read", "被“被读者”所读的"),
    "steps": Text(
        "The start is {start} away from the limit (total variation); after {steps} steps it is less than {mixed}. The second eigenvalue, "
        "|λ₂| = {second}, says how fast it goes in the end: what is left shrinks to about so much with each step. The limit has {effective} effective pixels, "
        "exp(entropy), of {tokens}.",
        "起点与极限相差 {start}（全变差距离），{steps} 步之后相差不到 {mixed}。第二大的特征值 |λ₂| = {second} 说明最终有多快："
        "剩下的差距每一步大约缩小到这个倍数。极限的有效像素数（熵取指数）是 {effective}，共 {tokens} 个。",
    ),
    "one_step": Text(
        "The start is {start} away from the limit (total variation); after {steps} step it is less than {mixed}: |λ₂| = {second}. The limit has "
        "{effective} effective pixels, exp(entropy), of {tokens}.",
        "起点与极限相差 {start}（全变差距离），{steps} 步之后已不到 {mixed}：|λ₂| = {second}。极限的有效像素数（熵取指数）是 {effective}，共 {tokens} 个。",
    ),
    "uniform": Text(
        "The walk begins within {mixed} of its limit (total variation): here all pixels are read nearly alike.", "游走一开始与极限就相差不到 {mixed}（全变差距离）：这里每个像素被读得几乎一样多。"
    ),
    "unsettled": Text(
        "Within {longest} steps the walk does not come within {mixed} of one limit. On show is where it stands after very many.",
        "{longest} 步之内，游走没有接近某一个极限到 {mixed} 以内。图中是走了非常多步之后的分布。",
    ),
    "running": Text("Finding the eigenvalues…", "正在计算特征值……"),
    "head_n": Text("head {n}", "第 {n} 个头"),
    "all_heads": Text("mean of the heads", "各头平均"),
}  # fmt: skip

# Okabe and Ito's blue and vermilion: told apart by the colour-blind, and by the marks' shapes as well.
COLOURS = {"weights": "#0072b2", "correlation": "#d55e00"}


def takes(view: View) -> Takes:
    """What an address can say of this part of the lab."""
    sizes = view.run.sizes
    return {"head": range(1, sizes["heads"] + 1), **dict.fromkeys(KEPT, range(1, sizes["HW"] + 1))}


def show(view: View) -> None:
    """Draw this part of the lab."""
    sizes = view.run.sizes
    st.markdown(UI["intro"](view.lang, HW=sizes["HW"], C=sizes["C"]), width=PROSE)
    if "lab_head" not in st.session_state:
        st.session_state.lab_head = view.asked.get("head", MEAN)
    _compare(view)


@part
def _compare(view: View) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang, run = view.lang, view.run
    with st.container(horizontal=True, gap="medium"):
        blocks = range(1, view.model.num_blocks + 1)
        block = st.segmented_control(UI["block"](lang), blocks, required=True, **pick("block", blocks))
        options = [*range(1, run.sizes["heads"] + 1), MEAN]
        head = st.segmented_control(
            UI["head"](lang), options, format_func=lambda n: str(n) if n else UI["mean"](lang), required=True,
            **pick("lab_head", options, MEAN),
        )  # fmt: skip
    with st.spinner(UI["running"](lang)):
        tables, checks, walk = _measured(view, block - 1, head)
    _tables(view, tables)
    left, right = st.columns((5, 4), gap="large")
    with left:
        st.subheader(UI["check"](lang), anchor="checklist")
        st.html(f"<style>{STYLE}</style>{_checklist(checks, lang)}")
        st.markdown(UI["verdict"](lang))
    with right:
        st.subheader(UI["eigenvalues"](lang), anchor="eigenvalues")
        st.plotly_chart(plane(checks, run.sizes["HW"], lang), config=config(lang))
        st.caption(UI["plane_note"](lang))
    st.subheader(UI["walk"](lang), anchor="walk")
    st.markdown(UI["walk_note"](lang), width=PROSE)
    _walk(view, walk, checks["weights"])
    write_address(view, {"part": "covariance", "block": block, "head": head or None}, KEPT)


Measured = tuple[dict[str, Tensor], dict[str, measured.Checked], measured.Walk]


def _measured(view: View, block: int, head: int) -> Measured:
    """The three tables (HW, HW) of a block (from 0), what is measured of each, and the walk with the weights."""

    def make() -> Measured:
        weights = view.run[f"block{block}.weights"][0].double().cpu()
        tokens = view.run[f"block{block}.tokens"]
        tables = {
            "weights": weights.mean(0) if head == MEAN else weights[head - 1],
            "covariance": measured.covariance(tokens),
            "correlation": measured.correlation(tokens),
        }
        return tables, {name: measured.check(table) for name, table in tables.items()}, measured.walk(tables["weights"])

    return view.keep((*view.key, "covariance", block, head), make)


def _tables(view: View, tables: dict[str, Tensor]) -> None:
    """The picture and the three tables, linked."""
    lang, grid = view.lang, (view.run.sizes["H"], view.run.sizes["W"])
    pictures = Pictures(grid)
    note = UI["tokens_note"](lang, rows=grid[0], columns=grid[1])
    pictures.group(UI["tokens"](lang), [pictures.photo("\u00a0")], note)
    for name, scale in zip(TABLES, (shares, plain, signed), strict=True):
        table = tables[name]
        pictures.group(
            UI[name](lang), [pictures.matrix(UI["value"](lang), table, scale(table))], UI[f"{name}_note"](lang)
        )
    middle = (grid[0] // 2) * grid[1] + grid[1] // 2
    start = middle, int(tables["weights"][middle].argmax())
    pictures.show("lab_covariance", UI["title"](lang), view.photo, lang, start)


def _walk(view: View, walk: measured.Walk, checked: measured.Checked) -> None:
    """Where the walk is after a step and in the long run, and how soon."""
    lang, grid = view.lang, (view.run.sizes["H"], view.run.sizes["W"])
    st.markdown(_settling(walk, checked, lang), width=PROSE)
    pictures = Pictures(grid)
    pictures.group(UI["tokens"](lang), [pictures.photo("\u00a0")])
    both = {"first": walk.first, "limit": walk.limit}
    for name, values in both.items():
        picture = pictures.map(UI["value"](lang), values, shares(*both.values()))
        pictures.group(UI[name](lang), [picture], UI[f"{name}_note"](lang))
    change = walk.limit - walk.first
    pictures.group(
        UI["ratio"](lang),
        [pictures.map(UI["value"](lang), change, off_rounding(signed(change), walk.limit))],
        UI["ratio_note"](lang),
    )
    most, least = int(walk.limit.argmax()), int(walk.limit.argmin())
    pictures.show("lab_walk", UI["walk_title"](lang), view.photo, lang, (most, least), kept=())


def _settling(walk: measured.Walk, checked: measured.Checked, lang: Lang) -> str:
    """How soon the walk has its limit, in words."""
    tokens = len(walk.limit)
    second = float(checked.eigenvalues[1:2].abs().sum())
    words = {
        "steps": walk.steps, "mixed": f"{measured.MIXED:.0%}", "longest": f"{measured.LONGEST:,}", "tokens": tokens,
        "start": f"{float((walk.limit - 1 / tokens).abs().sum()) / 2:.1%}",
        "second": f"{second:.2f}" if second < 0.995 else f"{second:.5f}",  # 1.00 would never settle
        "effective": f"{float(torch.special.entr(walk.limit).sum().exp()):.0f}",
    }  # fmt: skip
    kind = {None: "unsettled", 0: "uniform", 1: "one_step"}.get(walk.steps, "steps")
    return UI[kind](lang, **words)


def plane(checks: dict[str, measured.Checked], tokens: int, lang: Lang) -> go.Figure:
    """The eigenvalues of the weights and of the correlation, the latter divided by HW: all of them, and those near 0."""
    figure = make_subplots(1, 2, horizontal_spacing=0.14, subplot_titles=(UI["all_of_them"](lang), UI["near"](lang)))
    circle = torch.linspace(0, 2 * torch.pi, 181)
    line = {"color": "#808080", "width": 1, "dash": "dot"}
    figure.add_scatter(
        x=circle.cos().tolist(), y=circle.sin().tolist(), mode="lines", name=UI["circle"](lang), hoverinfo="skip",
        line=line, row=1, col=1,
    )  # fmt: skip
    for name, label, symbol, scale in (
        ("correlation", "over_hw", "x-thin", tokens),
        ("weights", "weights", "circle-open", 1),
    ):
        values = checks[name].eigenvalues / scale
        marker = {"symbol": symbol, "size": 7, "color": COLOURS[name], "line": {"width": 1.5, "color": COLOURS[name]}}
        for column in (1, 2):
            figure.add_scatter(
                x=values.real.tolist(), y=values.imag.tolist(), mode="markers", name=UI[label](lang), marker=marker,
                legendgroup=name, showlegend=column == 1, hovertemplate="%{x:.4f} %{y:+.4f} i", row=1, col=column,
            )  # fmt: skip
    for column, end in enumerate(ends(checks, tokens), 1):
        figure.update_xaxes(title=UI["real"](lang), range=[-end, end], nticks=5, row=1, col=column)
        figure.update_yaxes(
            range=[-end, end], nticks=5, scaleanchor=f"x{column if column > 1 else ''}", row=1, col=column
        )
    figure.update_yaxes(title=UI["imaginary"](lang), row=1, col=1)
    figure.update_xaxes(fixedrange=True).update_yaxes(fixedrange=True)
    figure.update_layout(
        height=380, margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "yanchor": "top", "y": -0.25, "x": 0},
    )  # fmt: skip
    return figure


def ends(checks: dict[str, measured.Checked], tokens: int) -> tuple[float, float]:
    """How far from 0 the two planes reach: that of all eigenvalues, and that of those near 0."""
    others = torch.cat([checks["weights"].eigenvalues[1:], checks["correlation"].eigenvalues / tokens])
    return 1.12, 1.2 * float(others.abs().amax())


def _checklist(checks: dict[str, measured.Checked], lang: Lang) -> str:
    head = "".join(f'<th scope="col">{escape(UI[name](lang))}</th>' for name in ("property", *TABLES))
    body = "".join(
        f'<tr><th scope="row">{escape(UI[item](lang))}</th>'
        + "".join(f"<td>{escape(answer(checks[name], item, lang))}</td>" for name in TABLES)
        + "</tr>"
        for item in ITEMS
    )
    return f'<div class="covariance"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def answer(checked: measured.Checked, item: str, lang: Lang) -> str:
    """One cell of the checklist, in words and numbers."""
    if item == "symmetric":
        if checked.asymmetry <= measured.NOTHING:
            return UI["yes"](lang)
        return UI["asymmetry"](lang, share=_percent(checked.asymmetry))
    if item in ("rows", "columns"):
        low, high = getattr(checked, item)
        if max(abs(low - 1), abs(high - 1)) <= 1e-4:
            return UI["yes"](lang)
        return UI["sums"](lang, low=signed_digits(low), high=signed_digits(high))
    if item == "largest":
        return f"{float(checked.eigenvalues[0].abs()):.3g}"
    share = checked.negative if item == "negative" else checked.turning
    return UI["some"](lang, share=_percent(share)) if share else UI["none"](lang)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else three_digits(share)


# Figures

FIGURES = {
    "tables": Text("Weights, covariance and correlation", "权重、协方差与相关系数"),
    "eigenvalues": Text("Eigenvalues in the complex plane", "复平面上的特征值"),
    "checklist": Text("The checklist", "逐项检查"),
    "walk": Text("The walk on the picture", "图片上的游走"),
    "weights": Text("weight", "权重"),
    "covariance": Text("covariance", "协方差"),
    "correlation": Text("correlation", "相关系数"),
    "units": Text("None of the three has a unit.", "三者都没有单位。"),
    "share": Text("probability (no unit)", "概率（无单位）"),
    "change": Text("difference", "差"),
    "root": Text("Colour of A grows with the square root.", "A 的颜色随平方根变化。"),
    "root_walk": Text("Colour of the probabilities grows with the square root.", "概率的颜色随平方根变化。"),
    "tokens": Text("Covariance and correlation are those of the block's tokens: pixels as variables, the {C} channels as samples.", "协方差和相关系数是模块输入的：像素是变量，{C} 个通道是样本。"),
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab; nothing where the run holds no whole matrices."""
    makers = {
        "tables": _tables_panel, "checklist": _checklist_panel, "eigenvalues": _eigenvalues_panel, "walk": _walk_panel,
    }  # fmt: skip
    return [Offer(name, FIGURES[name], partial(maker, view)) for name, maker in makers.items()]


def _asked(view: View, asked: Mapping[str, str]) -> tuple[int, int, Measured]:
    """Block, from 0, and head, from 1 or MEAN, as the address has them, with what is measured of them."""
    block = one_of(asked, "block", range(1, view.model.num_blocks + 1), 1) - 1
    head = one_of(asked, "head", range(1, view.run.sizes["heads"] + 1), MEAN)
    return block, head, _measured(view, block, head)


def _panel(view: View, block: int, head: int, name: str, title: str, said: list[str], **content: Any) -> Panel:
    chosen = head - 1 if head else None
    stem = f"block{block + 1}-{f'head{head}' if head else 'mean'}-{name}"
    return Panel(stem, title, view.subject.short(block, chosen), view.subject.caption(said, block, chosen), **content)


def _tables_panel(view: View, asked: Mapping[str, str]) -> Panel:
    """The picture and the three tables."""
    lang = view.lang
    block, head, (tables, _, _) = _asked(view, asked)
    n, ticks = view.run.sizes["HW"], ticks_of(view.subject, "HW")
    of = UI["head_n"](lang, n=head) if head else UI["all_heads"](lang)
    titles = {name: UI[name](lang) for name in TABLES} | {"weights": f"{UI['weights'](lang)}\n{of}"}
    tiles = [
        Tile(
            numbers(table := tables[name]), 1.0, scale_of(scale(table), FIGURES[name](lang)), titles[name],
            PANEL["pixels"](lang, size=n), PANEL["pixels"](lang, size=n), (ticks, ticks),
        )
        for name, scale in zip(TABLES, (shares, plain, signed), strict=True)
    ]  # fmt: skip
    said = [
        FIGURES["tokens"](lang, C=view.run.sizes["C"]),
        FIGURES["units"](lang),
        PANEL["ticks"](lang),
        FIGURES["root"](lang),
    ]
    return _panel(view, block, head, "covariance", UI["title"](lang), said, groups=(Group(tuple(tiles)),))


def _eigenvalues_panel(view: View, asked: Mapping[str, str]) -> Panel:
    """The eigenvalues in the complex plane, all and those near 0."""
    lang = view.lang
    block, head, (_, checks, _) = _asked(view, asked)
    circle = torch.linspace(0, 2 * torch.pi, 181)
    ring = Series(UI["circle"](lang), "#808080", tuple(circle.cos().tolist()), tuple(circle.sin().tolist()), ":")
    charts = []
    tokens = view.run.sizes["HW"]
    for title, end in zip(("all_of_them", "near"), ends(checks, tokens), strict=True):
        end = end or 1.0  # where all of those near 0 are exactly 0
        series = [ring] if title == "all_of_them" else []
        for name, label, marker, scale in (("correlation", "over_hw", "x", tokens), ("weights", "weights", "o", 1)):
            values = checks[name].eigenvalues / scale
            values = values[(values.real.abs() <= end) & (values.imag.abs() <= end)]
            x, y = tuple(values.real.tolist()), tuple(values.imag.tolist())
            series.append(Series(UI[label](lang), COLOURS[name], x, y, marker=marker, hollow=True))
        across, up = (Axis(UI[part](lang), -end, end) for part in ("real", "imaginary"))
        charts.append(Chart(tuple(series), across, up, UI[title](lang), shape=1.0))
    title, said = UI["eigenvalues"](lang), [UI["plane_note"](lang)]
    return _panel(view, block, head, "eigenvalues", title, said, charts=tuple(charts))


def _checklist_panel(view: View, asked: Mapping[str, str]) -> Panel:
    """What tells the weights from a covariance matrix."""
    lang = view.lang
    block, head, (_, checks, _) = _asked(view, asked)
    rows = tuple((UI[item](lang), *(answer(checks[name], item, lang) for name in TABLES)) for item in ITEMS)
    table = Table(tuple(UI[name](lang) for name in ("property", *TABLES)), rows, words=True)
    return _panel(view, block, head, "checklist", UI["check"](lang), [UI["verdict"](lang)], tables=(table,))


def _walk_panel(view: View, asked: Mapping[str, str]) -> Panel:
    """Where the walk is after a step and in the long run."""
    lang, grid, subject = view.lang, view.subject.grid, view.subject
    block, head, (_, checks, walk) = _asked(view, asked)
    change, shape = walk.limit - walk.first, view.photo.height / view.photo.width
    shared = scale_of(shares(walk.first, walk.limit), FIGURES["share"](lang))
    apart = scale_of(off_rounding(signed(change), walk.limit), FIGURES["change"](lang))
    tiles = [
        Tile(numbers(values.reshape(grid)), shape, scale, UI[name](lang), under=subject.picture)
        for name, values, scale in (
            ("first", walk.first, shared), ("limit", walk.limit, shared), ("ratio", change, apart),
        )
    ]  # fmt: skip
    said = [UI["walk_note"](lang), _settling(walk, checks["weights"], lang), FIGURES["root_walk"](lang)]
    return _panel(view, block, head, "walk", UI["walk_title"](lang), said, groups=(Group(tuple(tiles), across=3),))


STYLE = """
.covariance { overflow-x: auto; --faint: color-mix(in srgb, currentColor 18%, transparent); }
.covariance table { width: 100%; border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
.covariance :is(th, td) { border: 0; border-bottom: 1px solid var(--faint); padding: 6px 14px 6px 0; text-align: left; vertical-align: baseline; line-height: 1.35; }
.covariance th { font-weight: 500; }
.covariance thead th { border-bottom: 2px solid currentColor; font-weight: 600; }
"""
