"""The lab's part "Cost": what projections and attention cost as a picture grows, where they meet, and their time here.

Formulas and measuring are ``attention_costs``, the two plots ``plots``. Measurements are kept for all visitors; one runs
at a time.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import streamlit as st
import torch

from topformer_viz.app.canvas.chart import config
from topformer_viz.app.canvas.linked import KEPT
from topformer_viz.app.canvas.markup import axis_css, formula_html
from topformer_viz.app.frame.address import OWN, Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.frame.words import DEVICES
from topformer_viz.app.lab.cost import plots
from topformer_viz.figures.panel import Axis, Chart, Dash, Panel, Series, Table
from topformer_viz.network.costs import costs
from topformer_viz.network.images import CELL
from topformer_viz.network.model import BLOCKS, DENSE_TOKENS
from topformer_viz.run.fast import best_device
from topformer_viz.study.cost import (
    GRIDS,
    MOST_BYTES,
    PASSES,
    PUBLISHED,
    WARM_UPS,
    Measurement,
    Numbers,
    measure,
    measured_crossing,
    most_bytes,
    side,
)
from topformer_viz.words.numbers import bytes_text, three_digits, tokens_text
from topformer_viz.words.text import Lang, Text

CLASSES = 150  # of the whole network that the module is set against: ADE20K's, as published
SMALL = 64  # the tokens of 512 x 512, at which TopFormer was published
LITTLE = 0.25  # attention's share below which it is said not to be what is paid for
TABLE = (64, 256, 1024, 4096, 16384)
CHOICES = (*PUBLISHED, OWN)
# The reader's own numbers: name of the setting -> what it is called, its bounds, where it starts.
BASE = PUBLISHED["base"]
OWN_NUMBERS = {
    "cost_c": ("C", range(16, 1025), BASE.C),
    "cost_heads": ("heads", range(1, 17), BASE.heads),
    "cost_key": ("key_dim", range(1, 65), BASE.key_dim),
    "cost_ratio": ("attn_ratio", range(1, 5), BASE.attn_ratio),
}

UI = {
    "title": Text("What does it cost?", "代价有多大？"),
    "intro": Text(
        "An attention module does two kinds of work. The **projections** (`to_q`, `to_k`, `to_v`, `proj`) take each token by "
        "itself: twice the tokens, twice the work. **Attention** proper is two matrix products, query @ key and weights @ value, "
        "in which every token meets every token: twice the tokens, four times the work. Which of the two a picture mostly "
        "pays for depends on its size. Counted are multiply-adds, one multiplication with its addition; BatchNorm, ReLU6 and "
        "softmax are left out, as is usual.",
        "一个注意力模块做两类工作。**投影**（`to_q`、`to_k`、`to_v`、`proj`）逐个处理 token：token 多一倍，计算量多一倍。"
        "**注意力**本身是两次矩阵乘法，query @ key 和 weights @ value，每个 token 都与所有 token 相遇：token 多一倍，"
        "计算量变成四倍。一张图片主要为哪一类付出代价，取决于它有多大。这里数的是乘加次数，一次乘法连同一次加法算一次；"
        "按照惯例，BatchNorm、ReLU6 和 softmax 不计入。",
    ),
    "module": Text("The module of", "哪个模块"),
    OWN: Text("own numbers", "自己的数字"),
    "late": Text(
        "**“Quadratic” is not what 512 × 512 pays for.** There, at HW = {HW}, attention takes {share} of the module's "
        "multiply-adds; the projections take the rest. The two meet at HW = {crossing}, in a picture about {side} pixels square.",
        "**512 × 512 时，主要开销并不是平方项**。此时 HW = {HW}，注意力只占模块乘加次数的 {share}，其余都是投影的。"
        "两者在 HW = {crossing} 处相等，也就是边长约 {side} 像素的正方形图片。",
    ),
    "early": Text(
        "**With these numbers the quadratic part is the larger one at 512 × 512 already.** There, at HW = {HW}, attention takes "
        "{share} of the module's multiply-adds. The two meet at HW = {crossing}, in a picture about {side} pixels square.",
        "**用这组数字，平方的部分在 512 × 512 时就已经更大**。此时 HW = {HW}，注意力占模块乘加次数的 {share}。"
        "两者在 HW = {crossing} 处相等，也就是边长约 {side} 像素的正方形图片。",
    ),
    "near": Text(
        "**With these numbers 512 × 512 pays for both.** There, at HW = {HW}, attention takes {share} of the module's "
        "multiply-adds. The two meet at HW = {crossing}, in a picture about {side} pixels square.",
        "**用这组数字，512 × 512 的代价两者都有份**。此时 HW = {HW}，注意力占模块乘加次数的 {share}。"
        "两者在 HW = {crossing} 处相等，也就是边长约 {side} 像素的正方形图片。",
    ),
    "yours": Text("Your picture, which a TopFormer cuts into HW = {HW}, gives attention a share of {share}.", "你的图片会被 TopFormer 切成 HW = {HW}，注意力占 {share}。"),
    "whole": Text(
        "Of all multiply-adds of TopFormer {size} on your picture (with {classes} classes), its {blocks} attention modules take "
        "{modules}, and the matrix products in them {products}.",
        "TopFormer {size}（{classes} 个类别）处理你的图片时，{blocks} 个注意力模块占全部乘加次数的 {modules}，"
        "其中的矩阵乘法占 {products}。",
    ),
    "adds": Text("Multiply-adds of one module", "一个模块的乘加次数"),
    "memory": Text("Memory of one module, float32", "一个模块的内存，float32"),
    "adds_alt": Text(
        "Two lines on log axes against the side of a square picture: projections grow with HW, attention with its square. They "
        "cross at HW = {HW}, {side} pixels.",
        "对数坐标上的两条线，横轴是正方形图片的边长：投影随 HW 增长，注意力随 HW 的平方增长，两者在 HW = {HW}、{side} 像素处相交。",
    ),
    "memory_alt": Text(
        "Two lines on log axes against the side of a square picture: the maps grow with HW, scores and weights with its square. "
        "They cross at HW = {HW}, {side} pixels.",
        "对数坐标上的两条线，横轴是正方形图片的边长：特征随 HW 增长，得分和权重随 HW 的平方增长，两者在 HW = {HW}、{side} 像素处相交。",
    ),
    "adds_note": Text(
        "Measured points are laid over the lines (right axis): dots for projections, squares for attention, open where a fused "
        "kernel computes it. The right axis is shifted so that the dots lie about their line; the further a point is above its "
        "line, the longer each multiply-add took.",
        "实测的点叠加在线上（右轴）：圆点是投影，方块是注意力，空心表示由融合算子计算。右轴经过平移，使圆点大致落在自己的线上；"
        "点比自己的线高得越多，每次乘加用的时间就越长。",
    ),
    "memory_note": Text(
        "Maps: query, key, value, mixed, merged, activated and projected, which all stand in memory when the module ends, as do "
        "scores and weights. Above {dense} tokens the module of this project makes neither scores nor weights; the line says "
        "what they would take.",
        "特征指 query、key、value、mixed、merged、activated 和 projected，模块结束时它们都还在内存里，得分和权重也是。"
        "超过 {dense} 个 token 时，本项目的模块既不生成得分也不生成权重；这条线表示假如生成会占多少。",
    ),
    "measured": Text("Measured on this machine", "在这台机器上实测"),
    "measured_intro": Text(
        "A count is not a time. The button runs the module itself, with these numbers and random weights (how long it takes does "
        "not depend on their values), at HW = {sizes}. Times are the fastest of {passes} passes, after {warm} to warm up. Scores, "
        "softmax and mixing count as attention; all the rest, with reshapes and permutes, as projections. Other work on the "
        "machine disturbs the clock: where a point stands out, measure again.",
        "计数不等于时间。按下按钮，就会用这组数字和随机权重（耗时与权重的取值无关）真正运行这个模块，HW 依次取 {sizes}。"
        "先预热 {warm} 次，再取 {passes} 次中最快的一次。得分、softmax 和混合的时间算作注意力，其余都算作投影，包括 reshape 和 permute。"
        "机器上的其他工作会干扰计时：如果某个点明显偏离，就再测一次。",
    ),
    "measure": Text("Measure on this machine", "在这台机器上测量"),
    "running": Text("HW = {HW}: timing {passes} passes", "HW = {HW}：正在测量 {passes} 次前向"),
    "busy": Text(
        "Another measurement is running on this machine; two at once would disturb each other. Please try again in a moment.",
        "这台机器上正在进行另一次测量，同时测两个会互相干扰。请稍后再试。",
    ),
    "on": Text("Measured on {device}.", "测量所用：{device}。"),
    "threads": Text("CPU, threads: {threads}", "CPU，线程数 {threads}"),
    "crossed": Text(
        "Attention's time passes the projections' at about HW = {HW}, in a picture about {side} pixels square (on logs between "
        "the sizes measured). The count says {count}. Time also has in it what the count leaves out: softmax, reading and "
        "writing memory, starting each operation.",
        "注意力的时间在 HW 约为 {HW} 处超过投影，也就是边长约 {side} 像素的正方形图片（在实测的两个大小之间按对数插值）。"
        "按计数应是 {count}。时间里还有计数没有算进去的东西：softmax、读写内存、启动每个运算。",
    ),
    "still_shorter": Text(
        "Up to HW = {HW} attention takes less time than the projections; the crossing is not among the sizes measured. The "
        "count says {count}.",
        "到 HW = {HW} 为止，注意力用的时间都比投影少，交点不在实测的范围内。按计数应是 {count}。",
    ),
    "longer": Text(
        "Attention takes longer than the projections at every size measured, so the crossing is not among them. The count says "
        "{count}.",
        "在实测的每个大小上，注意力用的时间都比投影多，交点不在实测的范围内。按计数应是 {count}。",
    ),
    "left_out_memory": Text(
        "Left out: HW = {sizes}. At {first} tokens maps, scores and weights could take {needed}, and a measurement may take "
        "{allowed} here (at most {most}, and at most a quarter of the free memory).",
        "没有测量：HW = {sizes}。{first} 个 token 时，特征、得分和权重可能占 {needed}，而这里一次测量最多可用 {allowed}"
        "（不超过 {most}，也不超过空闲内存的四分之一）。",
    ),
    "left_out_time": Text(
        "Left out: HW = {sizes}. Going by the size before it, one pass of {first} tokens would take about {needed} seconds; the "
        "limit is {allowed}.",
        "没有测量：HW = {sizes}。按前一个大小推算，{first} 个 token 的一次前向约需 {needed} 秒，而上限是 {allowed} 秒。",
    ),
    "fused_note": Text(
        "Above {dense} tokens (open squares) a fused kernel computes attention without a matrix of HW × HW.",
        "超过 {dense} 个 token 时（空心方块），由融合算子计算注意力，不生成 HW × HW 的矩阵。",
    ),
    "fused": Text("{ms} (fused)", "{ms}（融合）"),
    "why": Text("Why they meet there", "为什么在那里相等"),
    "why_adds": Text("Multiply-adds a token", "每个 token 的乘加次数"),
    "why_adds_note": Text(
        "nh_kd + dh stands on both sides and cancels. More heads, a larger key_dim or attn_ratio make both kinds of work "
        "dearer by the same factor; where they meet is moved by C alone. A token covers {cell} × {cell} pixels, so the "
        "square picture has {cell} × √HW pixels a side.",
        "nh_kd + dh 在两边都有，可以约去。头更多、key_dim 或 attn_ratio 更大，两类工作都按同样的倍数变贵；"
        "只有 C 能移动相等的位置。一个 token 覆盖 {cell} × {cell} 像素，所以正方形图片的边长是 {cell} × √HW 像素。",
    ),
    "why_memory": Text("Numbers kept a token", "每个 token 存下的数"),
    "why_memory_note": Text(
        "Memory meets earlier than work: scores and weights hold one number for a pair of tokens in each head, however much "
        "work it was to make.",
        "内存比计算量更早相等：每个头里，每对 token 在得分和权重中各占一个数，不管算出它用了多少次乘加。",
    ),
    "why_memory_late": Text(
        "With these numbers memory meets no earlier than work: a head has many features next to C, so its maps outweigh its two "
        "matrices for longer.",
        "用这组数字，内存并不比计算量更早相等：与 C 相比，每个头的特征很多，要到更大的图片，两个矩阵才会超过它们。",
    ),
    "work": Text("work", "工作"),
    "kept": Text("kept", "存下的"),
    "formula": Text("formula", "公式"),
    "value": Text("here", "这里"),
    "projections": Text("projections", "投影"),
    "attention": Text("attention", "注意力"),
    "maps": Text("maps", "特征"),
    "matrices": Text("scores and weights", "得分和权重"),
    "equal": Text("equal at", "相等处"),
    "pixels": Text("side of the square picture", "正方形图片的边长"),
    "px": Text("{side} px", "{side} 像素"),
    "table": Text("From a small picture to a very large one", "从小图到很大的图"),
    "table_caption": Text("One module of {name}", "{name} 的一个模块"),
    "table_side": Text("square picture, px", "正方形图片，像素"),
    "table_projections": Text("projections, million multiply-adds", "投影，百万次乘加"),
    "table_attention": Text("attention, million multiply-adds", "注意力，百万次乘加"),
    "table_share": Text("attention's share", "注意力所占"),
    "table_weights": Text("the weights, heads × HW × HW, float32", "权重，heads × HW × HW，float32"),
    "ms_projections": Text("projections, ms", "投影，毫秒"),
    "ms_attention": Text("attention, ms", "注意力，毫秒"),
    "name": Text("TopFormer {size}", "TopFormer {size}"),
    "name_own": Text(
        "C = {C}, heads = {heads}, key_dim = {key_dim}, attn_ratio = {ratio}",
        "C = {C}，heads = {heads}，key_dim = {key_dim}，attn_ratio = {ratio}",
    ),
}  # fmt: skip

_measuring = threading.Lock()


def takes(view: View) -> Takes:
    """What an address can say of this part of the lab."""
    return {"cost": CHOICES, **{name: allowed for name, (_, allowed, _) in OWN_NUMBERS.items()}}


def show(view: View) -> None:
    """Draw this part of the lab."""
    state = st.session_state
    if "cost" not in state:
        state.cost = view.asked.get("cost", "base")
        for name, (_, _, default) in OWN_NUMBERS.items():
            state[name] = view.asked.get(name, default)
    st.html(f"<style>.cost {{ {axis_css()} }}{STYLE}</style>")
    st.subheader(UI["title"](view.lang), anchor="cost")
    st.markdown(UI["intro"](view.lang), width=PROSE)
    _cost(view)


@part
def _cost(view: View) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang = view.lang
    name = st.segmented_control(
        UI["module"](lang), CHOICES, format_func=lambda name: UI[OWN](lang) if name == OWN else name, required=True,
        **pick("cost", CHOICES),
    )  # fmt: skip
    own = _own_numbers() if name == OWN else {}
    write_address(view, {"part": "cost", "cost": name} | own, KEPT)
    numbers = Numbers(*own.values()) if own else PUBLISHED[name]
    HW = -(-view.photo.height // CELL) * -(-view.photo.width // CELL)
    st.markdown(_join(_sentences(numbers, HW, lang), lang), width=PROSE)
    if not own:
        st.markdown(_whole(name, HW, view), width=PROSE)

    drawn = st.container()  # filled after the button, whose measurement it shows
    st.subheader(UI["measured"](lang), anchor="cost-measured")
    with st.container():  # of its own, so that the progress does not push what follows about
        measured = _measured(numbers, lang)
    with drawn:
        _plots(numbers, HW, measured, lang)

    st.subheader(UI["why"](lang), anchor="cost-why")
    for column, derived in zip(st.columns(2, gap="large"), (_why_adds, _why_memory), strict=True):
        column.html(f'<div class="cost">{derived(numbers, lang)}</div>')
    st.subheader(UI["table"](lang), anchor="cost-table")
    st.html(f'<div class="cost prose">{_by_size(numbers, _name(name, numbers, lang), lang)}</div>')


def _own_numbers() -> dict[str, int]:
    """The reader's own C, heads, key_dim and attn_ratio, by the names of their settings."""
    with st.container(horizontal=True, gap="medium"):
        return {
            name: st.number_input(label, allowed[0], allowed[-1], width=130, **pick(name))
            for name, (label, allowed, _) in OWN_NUMBERS.items()
        }


def _name(name: str, numbers: Numbers, lang: Lang) -> str:
    if name != OWN:
        return UI["name"](lang, size=name)
    return UI["name_own"](lang, C=numbers.C, heads=numbers.heads, key_dim=numbers.key_dim, ratio=numbers.attn_ratio)


def _join(sentences: list[str], lang: Lang) -> str:
    return ("" if lang == "zh" else " ").join(sentences)


def _sentences(numbers: Numbers, HW: int, lang: Lang) -> list[str]:
    """What 512 x 512 pays for, where the two meet, and the picture's own share."""
    share = numbers.share(SMALL)
    said = UI["late" if share < LITTLE else "early" if share > 0.5 else "near"](
        lang, HW=SMALL, share=f"{share:.1%}", crossing=tokens_text(numbers.crossing),
        side=f"{side(numbers.crossing):,.0f}",
    )  # fmt: skip
    return [said] if HW == SMALL else [said, UI["yours"](lang, HW=HW, share=f"{numbers.share(HW):.1%}")]


def _whole(name: str, HW: int, view: View) -> str:
    """The share of the attention modules in the whole network's multiply-adds on the picture."""
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
    figures = {
        "adds": (plots.multiply_adds(numbers, HW, lang, measured), numbers.crossing),
        "memory": (plots.memory(numbers, HW, lang), numbers.memory_crossing),
    }
    for column, (name, (figure, crossing)) in zip(st.columns(2, gap="large"), figures.items(), strict=True):
        with column:
            st.markdown(f"**{UI[name](lang)}**")
            alt = UI[f"{name}_alt"](lang, HW=tokens_text(crossing), side=f"{side(crossing):,.0f}")
            st.plotly_chart(figure, theme="streamlit", key=f"cost_{name}", config=config(lang), alt=alt)
            if notes[name]:
                st.caption(notes[name])


# Measuring


@st.cache_resource(max_entries=16, show_spinner=False)
def _kept(numbers: Numbers, device: str) -> list[Measurement]:
    """The last measurement of these numbers on the device, if there is one; a list because it is put in from outside.

    Measuring itself is not cached: it draws its progress, which Streamlit does not allow within a cached function.
    """
    return []


def _measured(numbers: Numbers, lang: Lang) -> Measurement | None:
    """The button, the progress while it measures, and what was measured, if anything; hands that on."""
    device = best_device()
    kept = _kept(numbers, str(device))
    sizes = ", ".join(f"{n * n:,}" for n in GRIDS)
    st.markdown(
        UI["measured_intro"](lang, sizes="、".join(sizes.split(", ")) if lang == "zh" else sizes, passes=PASSES, warm=WARM_UPS),
        width=PROSE,
    )  # fmt: skip
    if st.button(UI["measure"](lang), key="cost_measure"):
        if _measuring.acquire(blocking=False):
            try:
                kept[:] = [_measure(numbers, device, lang)]
            finally:
                _measuring.release()
        else:
            st.info(UI["busy"](lang))
    if not kept:
        return None
    st.markdown(_join(_found(kept[0], numbers, device, lang), lang), width=PROSE)
    if not kept[0].timings:
        return None
    st.html(f'<div class="cost prose">{_times(kept[0], lang)}</div>')
    return kept[0]


def _measure(numbers: Numbers, device: torch.device, lang: Lang) -> Measurement:
    bar = st.progress(0.0)

    def progress(done: float, HW: int) -> None:
        bar.progress(done, UI["running"](lang, HW=f"{HW:,}", passes=WARM_UPS + PASSES))

    measurement = measure(numbers, device, most_bytes(device), progress)
    bar.empty()
    return measurement


def _found(measured: Measurement, numbers: Numbers, device: torch.device, lang: Lang) -> list[str]:
    """Where it was measured, where attention's time passes the projections', and which sizes were left out and why."""
    found, count = [], tokens_text(numbers.crossing)
    if measured.timings:
        cpu = UI["threads"](lang, threads=measured.threads)
        found.append(UI["on"](lang, device=cpu if device.type == "cpu" else DEVICES[device.type]))
        crossing, last = measured_crossing(measured.timings), measured.timings[-1]
        if crossing is not None:
            found.append(UI["crossed"](lang, HW=f"{crossing:,.0f}", side=f"{side(crossing):,.0f}", count=count))
        elif last.attention <= last.projections:
            found.append(UI["still_shorter"](lang, HW=f"{last.HW:,}", count=count))
        else:
            found.append(UI["longer"](lang, count=count))
        if last.fused:
            found.append(UI["fused_note"](lang, dense=f"{DENSE_TOKENS:,}"))
    if measured.reason:
        memory = measured.reason == "memory"
        needed, allowed = (
            bytes_text(amount) if memory else f"{amount:.1f}" for amount in (measured.needed, measured.allowed)
        )
        found.append(
            UI[f"left_out_{measured.reason}"](
                lang, sizes=("、" if lang == "zh" else ", ").join(f"{HW:,}" for HW in measured.left_out),
                first=f"{measured.left_out[0]:,}", needed=needed, allowed=allowed, most=bytes_text(MOST_BYTES),
            )
        )  # fmt: skip
    return found


# Figures

FIGURES = {
    "adds": Text("Multiply-adds as the picture grows", "图片变大时的乘加次数"),
    "memory": Text("Memory as the picture grows", "图片变大时的内存"),
    "table": Text("From a small picture to a very large one", "从小图到很大的图"),
    "title": Text("{what}, {name}", "{what}，{name}"),
    "measured": Text("{name}, measured", "{name}，实测"),
    "fused": Text("{name}, measured, fused kernel", "{name}，实测，融合算子"),
    "counted": Text("Counted from the module's formulas; a token covers {cell} × {cell} pixels.", "按模块的公式计数；一个 token 覆盖 {cell} × {cell} 像素。"),
}  # fmt: skip


DASHES: tuple[Dash, Dash] = ("-", "--")


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [Offer(name, FIGURES[name], partial(_figure, view, name)) for name in ("adds", "memory", "table")]


def _figure(view: View, kind: str, asked: Mapping[str, str]) -> Panel:
    """The multiply-adds, the memory or the table of the module that the address names."""
    lang = view.lang
    name = one_of(asked, "cost", CHOICES, "base")
    own = {n: one_of(asked, n, allowed, default) for n, (_, allowed, default) in OWN_NUMBERS.items()}
    numbers = Numbers(*own.values()) if name == OWN else PUBLISHED[name]
    HW = -(-view.photo.height // CELL) * -(-view.photo.width // CELL)
    module = _name(name, numbers, lang)
    said = [part.replace("**", "") for part in _sentences(numbers, HW, lang)]
    content: dict[str, Any] = {}
    if kind == "table":
        columns, rows = _sizes(numbers, lang)
        content["tables"] = (Table(tuple(columns), tuple(rows)),)
        what = UI["table"](lang)
    elif kind == "adds":
        kept = _kept(numbers, str(best_device()))
        measured = kept[0] if kept and kept[0].timings else None
        content["charts"] = (_adds_chart(numbers, HW, measured, lang),)
        if measured:
            said += [_found(measured, numbers, best_device(), lang)[0], UI["adds_note"](lang)]
        what = UI["adds"](lang)
    else:
        content["charts"] = (_memory_chart(numbers, HW, lang),)
        said.append(UI["memory_note"](lang, dense=f"{DENSE_TOKENS:,}"))
        what = UI["memory"](lang)
    said.append(FIGURES["counted"](lang, cell=CELL))
    stem = "-".join(map(str, (numbers.C, numbers.heads, numbers.key_dim, numbers.attn_ratio))) if name == OWN else name
    return Panel(f"cost-{kind}-{stem}", what, module, _join(said, lang), **content)


def _adds_chart(numbers: Numbers, HW: int, measured: Measurement | None, lang: Lang) -> Chart:
    """Multiply-adds of projections and attention; milliseconds laid over, as on the page."""
    lines = [("projections", numbers.projections, plots.LINEAR), ("attention", numbers.attention, plots.SQUARE)]
    chart = _chart(lines, numbers.crossing, HW, "adds", lang)
    if measured is None:
        return chart
    ms = plots.ms_per_add(numbers, measured)
    series = list(chart.series)
    for name, _, colour in lines:
        for fused in (False, True):
            timings = [timing for timing in measured.timings if timing.fused == fused]
            words = FIGURES["fused" if fused else "measured"](lang, name=plots.WORDS[name](lang))
            x, y = [side(timing.HW) for timing in timings], [getattr(timing, name) for timing in timings]
            if timings:
                marker = "o" if name == "projections" else "s"
                series.append(Series(words, colour, tuple(x), tuple(y), marker=marker, hollow=fused, right=True))
    right = Axis(plots.WORDS["ms"](lang), chart.up.low * ms, chart.up.high * ms, log=True)
    return replace(chart, series=tuple(series), right=right)


def _memory_chart(numbers: Numbers, HW: int, lang: Lang) -> Chart:
    """Bytes of the maps and of scores and weights."""
    lines = [("maps", numbers.maps_bytes, plots.LINEAR), ("matrices", numbers.matrices_bytes, plots.SQUARE)]
    chart = _chart(lines, numbers.memory_crossing, HW, "bytes", lang)
    ticks = {at: unit for at, unit in plots.BYTES.items() if chart.up.low <= at <= chart.up.high}
    return replace(chart, up=replace(chart.up, ticks=ticks))


def _chart(
    lines: Sequence[tuple[str, Callable[[int], int], str]], crossing: float, HW: int, amount: str, lang: Lang
) -> Chart:
    """Two amounts against the side of a square picture, where they cross, and your picture."""
    words, sizes = plots.WORDS, [n * n for n in range(plots.SMALLEST, plots.LARGEST + 1)]
    places = tuple(side(tokens) for tokens in sizes)
    series = [
        Series(words[name](lang), colour, places, tuple(cost(n) for n in sizes), dash)
        for (name, cost, colour), dash in zip(lines, DASHES, strict=True)
    ]
    low, high = min(s.y[0] for s in series) / 2, max(s.y[-1] for s in series) * 2
    if sizes[0] <= crossing <= sizes[-1]:
        said = words["crossing"](lang, HW=tokens_text(crossing), side=f"{side(crossing):,.0f}").replace("<br>", ", ")
        height = lines[0][1](1) * crossing
        series.append(Series(said, plots.CROSSING, (side(crossing),), (height,), marker="D"))
    marks: list[tuple[int, str, Dash]] = [(HW, words["yours"](lang, HW=f"{HW:,}"), ":")]
    if HW != plots.REFERENCE**2:
        pixels = f"{side(plots.REFERENCE**2):.0f}"
        marks.append((plots.REFERENCE**2, f"{pixels} × {pixels}", "-."))
    for tokens, said, dash in marks:
        if sizes[0] <= tokens <= sizes[-1]:
            series.append(Series(said, plots.MARK, (side(tokens),) * 2, (low, high), dash))
    ticks = {side(n * n): f"{side(n * n):,.0f}\n{n * n:,}" for n in plots.TICKS}
    across = Axis(words["side"](lang), places[0] * 0.9, places[-1] * 1.1, log=True, ticks=ticks)
    return Chart(tuple(series), across, Axis(words[amount](lang), low, high, log=True))


# HTML


def _table(caption: str, columns: list[str], rows: Sequence[tuple[str, ...]], strong: tuple[int, ...] = ()) -> str:
    """A table of plain words and of formulas, whose axis names are coloured; ``strong`` numbers the rows that are sums."""
    head = "".join(f'<th scope="col">{formula_html(column)}</th>' for column in columns)
    body = "".join(
        f"<tr{' class=strong' if n in strong else ''}>"
        f'<th scope="row">{formula_html(first)}</th>{"".join(f"<td>{formula_html(cell)}</td>" for cell in cells)}</tr>'
        for n, (first, *cells) in enumerate(rows)
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _why_adds(numbers: Numbers, lang: Lang) -> str:
    """The derivation of HW = 2 C, every line with the numbers put in."""
    C, nh_kd, dh = numbers.C, numbers.nh_kd, numbers.dh
    rows = [
        ("to_q", "C × nh_kd", f"{C} × {nh_kd} = {C * nh_kd:,}"),
        ("to_k", "C × nh_kd", f"{C} × {nh_kd} = {C * nh_kd:,}"),
        ("to_v", "C × dh", f"{C} × {dh} = {C * dh:,}"),
        ("proj", "dh × C", f"{dh} × {C} = {dh * C:,}"),
        (UI["projections"](lang), "2 × C × (nh_kd + dh)", f"{numbers.projections(1):,}"),
        ("query @ key", "HW × nh_kd", f"{nh_kd} × HW"),
        ("weights @ value", "HW × dh", f"{dh} × HW"),
        (UI["attention"](lang), "HW × (nh_kd + dh)", f"{numbers.attention(1):,} × HW"),
        (UI["equal"](lang), "HW = 2 × C", tokens_text(numbers.crossing)),
        (UI["pixels"](lang), f"{CELL} × √HW", UI["px"](lang, side=f"{side(numbers.crossing):,.0f}")),
    ]
    columns = [UI["work"](lang), UI["formula"](lang), UI["value"](lang)]
    note = escape(UI["why_adds_note"](lang, cell=CELL))
    return _table(UI["why_adds"](lang), columns, rows, (4, 7, 8)) + f"<p>{note}</p>"


def _why_memory(numbers: Numbers, lang: Lang) -> str:
    """The same of the numbers that stand in memory."""
    C, heads, nh_kd, dh = numbers.C, numbers.heads, numbers.nh_kd, numbers.dh
    rows = [
        ("query, key", "2 × nh_kd", f"2 × {nh_kd} = {2 * nh_kd:,}"),
        ("value", "dh", f"{dh:,}"),
        ("mixed, merged, activated", "3 × dh", f"3 × {dh} = {3 * dh:,}"),
        ("projected", "C", f"{C:,}"),
        (UI["maps"](lang), "2 × nh_kd + 4 × dh + C", f"{2 * nh_kd + 4 * dh + C:,}"),
        ("scores", "heads × HW", f"{heads} × HW"),
        ("weights", "heads × HW", f"{heads} × HW"),
        (UI["matrices"](lang), "2 × heads × HW", f"{2 * heads} × HW"),
        (UI["equal"](lang), "HW = (2 × nh_kd + 4 × dh + C) / (2 × heads)", tokens_text(numbers.memory_crossing)),
        (UI["pixels"](lang), f"{CELL} × √HW", UI["px"](lang, side=f"{side(numbers.memory_crossing):,.0f}")),
    ]
    columns = [UI["kept"](lang), UI["formula"](lang), UI["value"](lang)]
    note = "why_memory_note" if numbers.memory_crossing < numbers.crossing else "why_memory_late"
    return _table(UI["why_memory"](lang), columns, rows, (4, 7, 8)) + f"<p>{escape(UI[note](lang))}</p>"


def _by_size(numbers: Numbers, name: str, lang: Lang) -> str:
    return _table(UI["table_caption"](lang, name=name), *_sizes(numbers, lang))


def _sizes(numbers: Numbers, lang: Lang) -> tuple[list[str], list[tuple[str, ...]]]:
    """Columns and rows of the table of sizes."""
    rows: list[tuple[str, ...]] = [
        (
            f"{HW:,}", f"{side(HW):,.0f}", three_digits(numbers.projections(HW) / 1e6), three_digits(numbers.attention(HW) / 1e6),
            f"{numbers.share(HW):.1%}", bytes_text(numbers.weights_bytes(HW)),
        )
        for HW in TABLE
    ]  # fmt: skip
    columns = ["HW", *(UI[f"table_{c}"](lang) for c in ("side", "projections", "attention", "share", "weights"))]
    return columns, rows


def _times(measured: Measurement, lang: Lang) -> str:
    rows = []
    for timing in measured.timings:
        attention = three_digits(timing.attention)
        if timing.fused:
            attention = UI["fused"](lang, ms=attention)
        rows.append((f"{timing.HW:,}", f"{side(timing.HW):,.0f}", three_digits(timing.projections), attention))
    columns = ["HW", UI["table_side"](lang), UI["ms_projections"](lang), UI["ms_attention"](lang)]
    return _table(UI["measured"](lang), columns, rows)


STYLE = """
.cost { --faint: color-mix(in srgb, currentColor 18%, transparent); }
.cost table { width: 100%; border-collapse: collapse; margin: 0 0 0.6rem; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
.cost caption { caption-side: top; text-align: left; font-weight: 600; padding: 0 0 0.4rem; color: inherit; }
.cost :is(th, td) { border: 0; border-bottom: 1px solid var(--faint); padding: 4px 10px 4px 0; text-align: right; vertical-align: bottom; line-height: 1.35; }
.cost :is(th:first-child, td:first-child) { text-align: left; }
.cost :is(th, td):last-child { padding-right: 0; }
.cost.prose { max-width: PROSEpx; }
.cost td:last-child { white-space: nowrap; }
.cost th { font-weight: 400; }
.cost thead th { border-bottom: 2px solid currentColor; font-weight: 600; }
.cost .strong :is(th, td) { font-weight: 650; border-bottom: 2px solid var(--faint); }
.cost p { margin: 0 0 1rem; font-size: 0.9rem; line-height: 1.5; max-width: 90ch; }
/* plotly's words in the page's own colour, for Streamlit draws them in a faint grey. */
:is(.st-key-cost_adds, .st-key-cost_memory) svg text:not(.hoverlayer text) { fill: currentColor !important; }
@media (max-width: 760px) {
  .cost table { font-size: 0.8rem; }
  .cost :is(th, td) { padding-right: 6px; }
}
""".replace("PROSE", str(PROSE))
