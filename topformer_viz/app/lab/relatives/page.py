"""The lab's part "Relatives": TopFormer's attention beside LeViT's, ViT's and ViT's with RoPE, on the same tokens."""

import inspect
from collections.abc import Callable, Mapping
from html import escape

import streamlit as st
from torch import Tensor

from topformer_viz.app.canvas.linked import KEPT, Pictures
from topformer_viz.app.canvas.markup import axis_css, axis_span, formula_html, note_html
from topformer_viz.app.frame.address import Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.figures.attention import pixels_name
from topformer_viz.figures.diagrams import shape_diagram
from topformer_viz.figures.panel import Group, Panel, Table, Tile
from topformer_viz.figures.scales import ROUNDING, shares
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import numbers, ticks_of
from topformer_viz.network.model import Attention
from topformer_viz.network.relatives import (
    LevitAttention,
    Linear_BN,
    RopeAttention,
    VitAttention,
    multiply_adds,
    parameters,
    places,
    turn,
    unbiased,
)
from topformer_viz.run.measures import effective_tokens
from topformer_viz.run.stages import Stage
from topformer_viz.study.relatives import ROWS, Relative, equivariance, relatives
from topformer_viz.words.numbers import decimal, three_digits
from topformer_viz.words.text import Lang, Text

UNBIASED = "levit with biases 0"

UI = {
    "intro": Text(
        "The same tokens through four attentions: TopFormer's; LeViT's, which it resembles; the plain one of ViT; and ViT's with "
        "rotary position embedding (RoPE), by which vision transformers such as EVA-02 and DINOv3 know position. Of TopFormer's and "
        "LeViT's weights the projections are the same. ViT and RoPE have random weights here: shapes, costs and what they know "
        "of position are real, but **a random network's picture is not a finding.**",
        "同样的 token 送进四种注意力：TopFormer 的；与它相近的 LeViT 的；ViT 的普通注意力；以及 ViT 加上旋转位置编码（RoPE），"
        "EVA-02、DINOv3 等视觉 Transformer 就靠它知道位置。这里 TopFormer 与 LeViT 的投影权重相同；ViT 和 RoPE 的权重是随机的："
        "形状、代价和它们对位置的了解都是真的，但**随机网络的图案不说明规律。**",
    ),
    "block": Text("Block", "模块"),
    "summary": Text("What differs", "区别何在"),
    "table": Text("Four attentions on the tokens of block {block}: {H} × {W} = {HW} pixels, C = {C} channels", "第 {block} 个模块的 token 上的四种注意力：{H} × {W} = {HW} 个像素，C = {C} 个通道"),
    "attention": Text("attention", "注意力"),
    "legend": Text("differs from TopFormer's", "与 TopFormer 不同"),
    "new": Text("a step that TopFormer does not have", "TopFormer 没有的步骤"),
    "missing": Text("no such step here", "这里没有这一步"),
    "design": Text("Design", "设计"),
    "measured": Text("Counted and measured on this picture", "在这张图上数出和测出的"),
    "rounding": Text("{value}: rounding, order is invisible", "{value}：只是舍入误差，看不见顺序"),
    "visible": Text("{value}: order is visible", "{value}：看得见顺序"),
    "with_0": Text("With all biases 0, {value}.", "偏置全为 0 时，{value}。"),
    "counted": Text(
        "Parameters: everything that is learned, normalisations and biases included. Multiply-adds: projections and the two "
        "matrix products, as on the network's page. Shuffled: the pixels of the input are put in a random order, and the "
        "result, `mixed`, back in the old one; what then differs at most, over the largest entry. Effective tokens: exp(entropy) "
        "of a row of weights, the mean over rows and heads.",
        "参数：所有学得的数，包括归一化和偏置。乘加：投影和两个矩阵乘，与“网络”页的数法相同。打乱：把输入的像素按随机顺序排列，"
        "再把结果 `mixed` 排回原来的顺序，看最大相差多少，除以最大的元素。有效 token 数：一行权重的 exp(熵)，对各行、各头取平均。",
    ),
    "weights": Text("The weights, side by side", "权重并排"),
    "picture": Text("The picture", "图片"),
    "pair": Text("at the pair", "这一对"),
    "row": Text("what the pixel reads", "这个像素所读的"),
    "mean": Text("mean of the {heads} heads", "{heads} 个头的平均"),
    "chance": Text("mean of the {heads} heads: random, chance", "{heads} 个头的平均：随机权重，只是偶然"),
    "stages": Text("Stage by stage", "逐个阶段"),
    "diagrams": Text("Shape diagrams: {stage}", "形状图：{stage}"),
    "and": Text(", ", "、"),
    "source": Text("The source that ran", "实际运行的源码"),
    "source_note": Text("The four modules as they ran on this page, read from the running program.", "本页运行的四个模块，直接从正在运行的程序中读出。"),
}  # fmt: skip

NOTHING, LIST, LINEAR = (
    Text("nothing", "无"),
    Text("a list `B HW C`", "列表 `B HW C`"),
    Text("three linear layers, with bias", "三个线性层，带偏置"),
)
BATCH_NORM = Text("BatchNorm after each projection", "每个投影之后 BatchNorm")
LAYER_NORM = Text("LayerNorm before the projections", "投影之前 LayerNorm")
ROOT = Text("√key_dim = {root}", "√key_dim = {root}")

# What is the same for every picture, TopFormer, LeViT, ViT and RoPE in turn.
DESIGN: dict[Text, tuple[Text, Text, Text, Text]] = {
    Text("takes in", "输入"): (Text("a map `B C H W`", "特征图 `B C H W`"), LIST, LIST, LIST),
    Text("normalisation", "归一化"): (BATCH_NORM, BATCH_NORM, LAYER_NORM, LAYER_NORM),
    Text("projections to query, key, value", "到查询、键、值的投影"): (
        Text("three 1×1 convolutions, no bias", "三个 1×1 卷积，无偏置"),
        Text("one fused linear layer, no bias", "合为一个线性层，无偏置"),
        LINEAR,
        LINEAR,
    ),
    Text("scores divided by", "得分除以"): (NOTHING, ROOT, ROOT, ROOT),
    Text("added to the scores", "得分加上"): (
        NOTHING,
        Text("a learned bias for each head and offset", "每个头、每种偏移各有一个学得的偏置"),
        NOTHING,
        NOTHING,
    ),
    Text("activation before the projection", "投影之前的激活"): (
        Text("ReLU6", "ReLU6"),
        Text("hardswish", "hardswish"),
        NOTHING,
        NOTHING,
    ),
    Text("what it knows of position", "对位置的了解"): (
        Text("nothing by itself; convolutions around it bring it in", "本身一无所知；由周围的卷积带进来"),
        Text("how many rows and columns apart two pixels lie, without sign", "两个像素相隔几行几列，不分方向"),
        Text("nothing by itself; added to the tokens before block 1", "本身一无所知；在第 1 个模块之前加到 token 上"),
        Text(
            "the offset of two pixels, with sign: query and key are turned by row and column",
            "两个像素的偏移，分方向：查询和键按行列旋转",
        ),
    ),
}  # fmt: skip
SIZES = {
    "heads": Text("`heads`", "`heads`"),
    "key_dim": Text("`key_dim`", "`key_dim`"),
    "d": Text("`d`", "`d`"),
}
MEASURED = {
    "weights": Text("weights on show", "展示的权重"),
    "parameters": Text("parameters", "参数"),
    "multiply_adds": Text("multiply-adds", "乘加"),
    "shuffled": Text("pixels shuffled", "打乱像素"),
    "effective": Text("effective tokens a row, of {HW}", "每行的有效 token 数，共 {HW}"),
}
SOURCES: dict[str, tuple[Callable[..., object], ...]] = {
    "topformer": (Attention,),
    "levit": (LevitAttention, Linear_BN, places),
    "vit": (VitAttention,),
    "rope": (RopeAttention, turn, places),
}


def takes(view: View) -> Takes:
    """What an address can say of this part of the lab."""
    return dict.fromkeys(KEPT, range(1, view.run.sizes["HW"] + 1))


def show(view: View) -> None:
    """Draw the summary, the stages side by side and the source, for the block that the pages share."""
    lang = view.lang
    st.html(f"<style>{STYLE}</style>")
    st.markdown(UI["intro"](lang), width=PROSE)
    blocks = range(1, view.model.num_blocks + 1)
    if len(blocks) > 1:
        st.segmented_control(UI["block"](lang), blocks, required=True, **pick("block", blocks))
    block = st.session_state.block if len(blocks) > 1 else 1
    found, noticed = _found(view, block - 1)

    st.subheader(UI["summary"](lang), anchor="summary")
    st.html(f'<div class="relatives">{_summary(found, noticed, block, lang)}</div>')
    st.markdown(UI["counted"](lang), width=PROSE)

    st.subheader(UI["weights"](lang), anchor="weights")
    _pictures(view, found)

    st.subheader(UI["stages"](lang), anchor="stages")
    _component(key="relatives", data={"html": _stages(found, lang)}, height="content")

    st.subheader(UI["source"](lang), anchor="source")
    st.markdown(UI["source_note"](lang), width=PROSE)
    for relative in found:
        with st.expander(relative.name(lang)):
            st.code("\n\n".join(inspect.getsource(part).rstrip() for part in SOURCES[relative.slug]), language="python")
    write_address(view, {"part": "relatives", "block": block if len(blocks) > 1 else None}, KEPT)


Found = tuple[tuple[Relative, ...], dict[str, float]]


def _found(view: View, block: int) -> Found:
    """The four on the tokens of a block (from 0), and by slug how much each notices when the pixels are shuffled."""

    def make() -> Found:
        found = relatives(view.model, view.run, block)
        modules = {relative.slug: relative.module for relative in found}
        for module in list(modules.values()):
            if isinstance(module, LevitAttention):
                modules[UNBIASED] = unbiased(module)
        tokens = found[0].run["tokens"]
        return found, {slug: equivariance(module, tokens) for slug, module in modules.items()}

    return view.keep((*view.key, "relatives", block), make)


def mean_weights(relative: Relative) -> Tensor:
    """The mean of the heads' weights, (HW, HW), on the CPU."""
    return relative.run["weights"][0].mean(0).cpu()


def _pictures(view: View, found: tuple[Relative, ...]) -> None:
    """Each one's weights, mean of the heads: the whole matrix, and the row of the pixel pointed at."""
    lang, grid = view.lang, (view.run.sizes["H"], view.run.sizes["W"])
    pictures = Pictures(grid)
    pictures.group(UI["picture"](lang), [pictures.photo("\u00a0")])
    for relative in found:
        weights = mean_weights(relative)
        shown = [pictures.matrix(UI["pair"](lang), weights, shares(weights))]
        shown.append(pictures.row(UI["row"](lang), numbers(weights), shares(weights)))
        random = isinstance(relative.module, VitAttention)
        note = UI["chance" if random else "mean"](lang, heads=relative.run.sizes["heads"])
        pictures.group(relative.name(lang), shown, note)
    middle = (grid[0] // 2) * grid[1] + grid[1] // 2
    start = middle, int(found[0].run["weights"][0, :, middle].mean(0).argmax())
    pictures.show("lab_relatives", UI["weights"](lang), view.photo, lang, start)


# The table


def _summary(found: tuple[Relative, ...], noticed: dict[str, float], block: int, lang: Lang) -> str:
    """One column a relative, a row a property; in the rows of design, what differs from the first column is marked."""
    sizes = found[0].run.sizes
    names = "".join(f'<th scope="col">{escape(relative.name(lang))}</th>' for relative in found)
    roots = [f"{relative.run.sizes['key_dim'] ** 0.5:.3g}" for relative in found]
    design = [
        _row(
            label(lang),
            found,
            [note_html(word(lang, root=root), lang) for word, root in zip(words, roots, strict=True)],
            lang,
        )
        for label, words in DESIGN.items()
    ]
    for at, (axis, label) in enumerate(SIZES.items(), 3):
        cells = [axis_span(axis, str(relative.run.sizes[axis])) for relative in found]
        notes = [relative.heads_note if axis == "heads" else None for relative in found]
        design.insert(at, _row(label(lang), found, cells, lang, notes))
    measured = [
        _row(
            label(lang, **sizes),
            found,
            [_small(*_measured(relative, name, noticed, lang)) for relative in found],
            lang,
            marked=False,
        )
        for name, label in MEASURED.items()
    ]
    bodies = "".join(
        f'<tbody><tr class="group"><th colspan="{1 + len(found)}" scope="rowgroup">{UI[name](lang)}</th></tr>{"".join(rows)}</tbody>'
        for name, rows in (("design", design), ("measured", measured))
    )
    return (
        f'<p class="legend"><b class="differs"><i>≠</i></b> {escape(UI["legend"](lang))}</p>'
        f"<table><caption>{escape(UI['table'](lang, block=block, **sizes))}</caption>"
        f'<thead><tr><th scope="col">{UI["attention"](lang)}</th>{names}</tr></thead>{bodies}</table>'
    )


def _row(
    label: str,
    found: tuple[Relative, ...],
    cells: list[str],
    lang: Lang,
    notes: list[Text | None] | None = None,
    marked: bool = True,
) -> str:
    parts = [f'<tr><th scope="row">{note_html(label, lang)}</th>']
    for relative, cell, note in zip(found, cells, notes or [None] * len(found), strict=True):
        differs = marked and cell != cells[0]
        shown = f"<b><i>≠</i> {cell}</b>" if differs else cell
        small = f"<small>{escape(note(lang))}</small>" if note else ""
        mark = ' class="differs"' if differs else ""
        parts.append(f'<td{mark} data-name="{escape(relative.name(lang))}"><div>{shown}{small}</div></td>')
    return "".join(parts) + "</tr>"


def _small(value: str, note: str) -> str:
    return escape(value) + (f"<small>{escape(note)}</small>" if note else "")


def _measured(relative: Relative, name: str, noticed: dict[str, float], lang: Lang) -> tuple[str, str]:
    """What was measured of a relative, and a note to it or ""."""
    if name == "weights":
        return relative.weights(lang), ""
    if name == "parameters":
        return f"{parameters(relative.module):,}", ""
    if name == "multiply_adds":
        return f"{multiply_adds(relative.module, relative.run.sizes['HW']):,}", ""
    if name == "effective":
        return decimal(float(effective_tokens(relative.run["weights"]).mean())), ""
    note = ""
    if isinstance(relative.module, LevitAttention):
        note = UI["with_0"](lang, value=_noticed(noticed[UNBIASED], lang))
    return _noticed(noticed[relative.slug], lang), note


def _noticed(value: float, lang: Lang) -> str:
    return UI["rounding" if value < ROUNDING else "visible"](lang, value=three_digits(value) if value else "0")


# The stages


def _stages(found: tuple[Relative, ...], lang: Lang) -> str:
    """A row a stage, a cell a relative, and below each row its diagrams, which open together."""
    parts = [
        '<p class="legend">'
        f'<b class="differs"><i>≠</i></b> {escape(UI["legend"](lang))} &emsp; <b class="differs"><i>+</i></b> {escape(UI["new"](lang))}'
        f" &emsp; <b>–</b> {escape(UI['missing'](lang))}</p>"
    ]
    for names in ROWS:
        stages = [
            next((relative.stages[name] for name in names if name in relative.stages), None) for relative in found
        ]
        cells = [_cell(relative, stage, stages[0], lang) for relative, stage in zip(found, stages, strict=True)]
        diagrams: dict[str, list[str]] = {}  # the relatives' names by what is drawn, which may be the same for several
        for relative, stage in zip(found, stages, strict=True):
            if stage:
                diagrams.setdefault(_diagram(relative, stage, lang), []).append(relative.name(lang))
        figures = [
            f'<figure><figcaption>{escape(UI["and"](lang).join(who))}</figcaption><div tabindex="0">{svg}</div></figure>'
            for svg, who in diagrams.items()
        ]
        parts.append(
            f'<section><div class="cells">{"".join(cells)}</div>'
            f"<details><summary>{escape(UI['diagrams'](lang, stage=names[0].removesuffix('_map')))}</summary>"
            f'<div class="diagrams">{"".join(figures)}</div></details></section>'
        )
    return "".join(parts)


def mark(stage: Stage | None, own: Stage | None) -> str:
    """What sets a relative's ``stage`` apart from TopFormer's ``own``: "–", "+", "≠", or nothing."""
    if stage is None:
        return "–"
    if own is None:
        return "+"
    return "" if (stage.formula, stage.steps) == (own.formula, own.steps) else "≠"


def _cell(relative: Relative, stage: Stage | None, own: Stage | None, lang: Lang) -> str:
    sign, name = mark(stage, own), f'<p class="who">{escape(relative.name(lang))}</p>'
    if stage is None:
        return f'<div class="missing">{name}<p title="{escape(UI["missing"](lang))}">–</p></div>'
    sizes = relative.run.sizes
    shape = " · ".join(axis_span(axis, f"{axis} {sizes[axis]}") for axis in stage.axes)
    shown = f"<i>{sign}</i> " if sign else ""
    note = (
        f'<p class="note">{note_html(stage.note(lang, **sizes), lang)}</p>'
        if sign and relative.slug != "topformer"
        else ""
    )
    return (
        f"<div{' class=differs' if sign else ''}>{name}<h4>{shown}{escape(stage.title(lang))} <code>{stage.name}</code></h4>"
        f'<p class="formula">{formula_html(stage.formula)}</p><p class="shape">{shape}</p>{note}</div>'
    )


def _diagram(relative: Relative, stage: Stage, lang: Lang) -> str:
    return shape_diagram(stage, stage.name, list(stage.sources), relative.run.sizes, lang, relative.axes_of)


# Figures

FIGURES = {
    "weights": Text("The weights of the four, side by side", "四种注意力的权重并排"),
    "numbers": Text("What differs, and the numbers", "区别与数字"),
    "title": Text("Four attentions on the same tokens: the weights", "同样的 token，四种注意力：权重"),
    "matrices": Text("all weights, mean of the heads", "全部权重，各头平均"),
    "rows": Text("what {pixel} reads", "{pixel}读什么"),
    "random": Text("{name} (random)", "{name}（随机）"),
    "quantity": Text("weight", "权重"),
    "unit": Text("A weight is a share of a row, without unit.", "权重是占一行的份额，没有单位。"),
    "root": Text("Colour grows with the square root; each attention has its own scale.", "颜色随平方根变化；每种注意力各用自己的标尺。"),
    "chance": Text("ViT and RoPE have random weights: what they show is chance, not a finding.", "ViT 和 RoPE 的权重是随机的：图案只是偶然，不说明规律。"),
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [
        Offer("weights", FIGURES["weights"], lambda asked: _weights_panel(view, asked)),
        Offer("numbers", FIGURES["numbers"], lambda asked: _numbers_panel(view, asked)),
    ]


def _block(view: View, asked: Mapping[str, str]) -> int:
    return one_of(asked, "block", range(1, view.model.num_blocks + 1), 1) - 1


def _weights_panel(view: View, asked: Mapping[str, str]) -> Panel:
    """Each one's matrix and what one pixel reads in it."""
    lang, grid, block = view.lang, view.subject.grid, _block(view, asked)
    found, _ = _found(view, block)
    middle = (grid[0] // 2) * grid[1] + grid[1] // 2
    pixel = one_of(asked, "pixel", range(1, grid[0] * grid[1] + 1), middle + 1) - 1
    n, ticks = view.run.sizes["HW"], ticks_of(view.subject, "HW")
    shape = view.photo.height / view.photo.width
    matrices, rows = [], []
    for relative in found:
        weights = mean_weights(relative)
        random = isinstance(relative.module, VitAttention)
        name = FIGURES["random"](lang, name=relative.name(lang)) if random else relative.name(lang)
        scale = shares(weights, quantity=FIGURES["quantity"](lang))
        axes = PANEL["query"](lang, size=n), PANEL["key"](lang, size=n)
        matrices.append(Tile(numbers(weights), 1.0, scale, name, *axes, (ticks, ticks)))
        row = numbers(weights[pixel].reshape(grid))
        rows.append(Tile(row, shape, scale, name, under=view.subject.picture, marks=(divmod(pixel, grid[1]),)))
    groups = (
        Group(tuple(matrices), FIGURES["matrices"](lang)),
        Group(tuple(rows), FIGURES["rows"](lang, pixel=pixels_name(view.subject, [pixel]))),
    )
    said = [PANEL["matrix"](lang), FIGURES["unit"](lang), FIGURES["root"](lang), FIGURES["chance"](lang)]
    return Panel(
        f"block{block + 1}-relatives-pixel{pixel + 1}", FIGURES["title"](lang), view.subject.short(block),
        view.subject.caption(said, block), groups=groups,
    )  # fmt: skip


def _numbers_panel(view: View, asked: Mapping[str, str]) -> Panel:
    """The page's table."""
    lang, block = view.lang, _block(view, asked)
    found, noticed = _found(view, block)
    sizes = found[0].run.sizes
    roots = [f"{relative.run.sizes['key_dim'] ** 0.5:.3g}" for relative in found]
    design = [
        (label(lang), *(word(lang, root=root) for word, root in zip(words, roots, strict=True)))
        for label, words in DESIGN.items()
    ]
    for at, (axis, label) in enumerate(SIZES.items(), 3):
        design.insert(at, (label(lang), *(str(relative.run.sizes[axis]) for relative in found)))
    measured = [
        (label(lang, **sizes), *(" ".join(_measured(relative, name, noticed, lang)).strip() for relative in found))
        for name, label in MEASURED.items()
    ]
    rows = tuple(tuple(cell.replace("`", "") for cell in row) for row in (*design, *measured))
    parts = {0: UI["design"](lang), len(design): UI["measured"](lang)}
    table = Table((UI["attention"](lang), *(relative.name(lang) for relative in found)), rows, parts=parts, words=True)
    said = [UI["counted"](lang).replace("`", ""), FIGURES["chance"](lang)]
    return Panel(
        f"block{block + 1}-relatives-numbers", UI["table"](lang, block=block + 1, **sizes),
        view.subject.short(block), view.subject.caption(said, block), tables=(table,),
    )  # fmt: skip


# What was open stays open when another block is chosen.
SCRIPT = """
export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".relatives");
  if (root.shown === data.html) return;
  const open = [...root.querySelectorAll("details")].map((row) => row.open);
  root.innerHTML = root.shown = data.html;
  root.querySelectorAll("details").forEach((row, i) => (row.open = open[i] ?? false));
}
"""

STYLE = (
    f".relatives {{{axis_css()}}}"
    + """
.relatives { --paper: light-dark(#fdfcfa, #15161a); --panel: light-dark(#f4f2ee, #1f2127); --ink: currentColor; --mono: ui-monospace, monospace;
  --quiet: color-mix(in srgb, currentColor 68%, transparent); --faint: color-mix(in srgb, currentColor 18%, transparent);
  --marked: light-dark(#f7f0fc, #2e2539); }
.relatives :is(h4, p, figure) { margin: 0; padding: 0; }
.relatives .axis { font-weight: 600; }
.relatives .legend { font-size: 0.88rem; margin: 0 0 0.9rem; }
.relatives i { font-style: normal; font-weight: 700; }
.relatives b.differs { background: var(--marked); padding: 0 0.4em; border-radius: 3px; }
.relatives table { width: 100%; table-layout: fixed; border-collapse: collapse; margin: 0 0 0.6rem; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
.relatives caption { caption-side: top; text-align: left; font-weight: 600; padding: 0 0 0.4rem; color: inherit; }
.relatives :is(th, td) { border: 0; border-bottom: 1px solid var(--faint); padding: 6px 10px; text-align: left; vertical-align: top; line-height: 1.35; overflow-wrap: break-word; }
.relatives th { font-weight: 500; padding-left: 0; }
.relatives thead th { border-bottom: 2px solid currentColor; font-weight: 650; padding-left: 10px; }
.relatives thead th:first-child { padding-left: 0; width: 18%; }
.relatives th[scope="rowgroup"] { padding-top: 14px; font-weight: 650; }
.relatives td.differs { background: var(--marked); }
.relatives td b { font-weight: 600; }
.relatives small { display: block; font-size: 0.8rem; line-height: 1.35; padding-top: 3px; font-weight: 400; }
.relatives section { border-top: 1px solid var(--faint); padding: 0.9rem 0; }
.relatives .cells { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 0.8rem; }
.relatives .cells > div { padding: 0.5rem 0.7rem; border-radius: 6px; border: 1px solid var(--faint); min-width: 0; }
.relatives .cells > .differs { background: var(--marked); border-left: 4px solid currentColor; }
.relatives .cells > .missing { border-style: dashed; text-align: center; }
.relatives .cells > .missing .who { text-align: left; }
.relatives .who { font-size: 0.78rem; font-weight: 600; color: var(--quiet); }
.relatives h4 { font-size: 0.98rem; font-weight: 500; line-height: 1.35; letter-spacing: 0; }
.relatives .differs h4 { font-weight: 700; }
.relatives h4 code { font-family: var(--mono); font-size: 0.8rem; background: none; padding: 0; color: var(--quiet); font-weight: 500; }
.relatives .formula { font: 0.84rem/1.6 var(--mono); overflow-wrap: anywhere; padding: 0.25rem 0; }
.relatives .shape { font-size: 0.84rem; line-height: 1.5; font-variant-numeric: tabular-nums; }
.relatives .note { font-size: 0.84rem; line-height: 1.45; padding-top: 0.3rem; }
.relatives summary { cursor: pointer; font-size: 0.88rem; padding: 0.5rem 0 0; }
.relatives .diagrams { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem 1.2rem; padding-top: 0.6rem; }
.relatives figcaption { font-size: 0.84rem; font-weight: 600; }
.relatives figure > div { overflow-x: auto; }
.relatives .diagram { display: block; max-width: 100%; height: auto; font-family: inherit; }
.relatives .diagram .link { fill: none; stroke-width: 2.5; opacity: 0.8; }
.relatives .diagram .ring { fill: var(--paper); stroke-width: 2; }
.relatives .diagram .sum { font-size: 12px; fill: var(--ink); }
.relatives .diagram .aside { font-size: 12px; fill: var(--quiet); }
.relatives .diagram :is(.aside, .op) { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.relatives .diagram .op { font-size: 13px; font-weight: 600; fill: var(--ink); }
.relatives .diagram .arrow { fill: none; stroke: var(--quiet); stroke-width: 1.5; }
.relatives .diagram .name { font: 600 13px var(--mono); fill: var(--ink); }
.relatives .diagram .sheet { fill: var(--panel); stroke: var(--quiet); stroke-width: 0.8; }
.relatives .diagram .edge { fill: none; stroke-width: 3; stroke-linecap: round; }
.relatives .diagram .edge-label { font-size: 12px; font-weight: 600; }
.relatives .diagram .chip rect { fill: var(--paper); stroke-width: 1.3; }
.relatives .diagram .chip text { font-size: 13px; font-weight: 600; }
@media (max-width: 1100px) {
  .relatives .cells { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (max-width: 760px) {
  .relatives .cells { grid-template-columns: minmax(0, 1fr); }
  .relatives .missing { display: none; }
  /* The relatives of each row stand below one another, each under its name. */
  .relatives thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .relatives :is(table, caption, tbody, tr, th, td) { display: block; }
  .relatives th { padding: 12px 0 3px; border: 0; font-weight: 650; }
  .relatives .group th { font-size: 1.05rem; border-bottom: 2px solid currentColor; }
  .relatives td { display: grid; grid-template-columns: 7.2rem minmax(0, 1fr); padding: 4px 8px; }
  .relatives td::before { content: attr(data-name); color: var(--quiet); }
}
"""
)

# The stages as a component, because ``st.html`` strips the diagrams' SVG.
_component = st.components.v2.component(
    "topformer_relatives", html='<div class="relatives"></div>', css=STYLE, js=SCRIPT
)
