"""The lab's part "By hand": a tiny attention with all its numbers on one screen, and the sheets to print."""

import math
from collections.abc import Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import streamlit as st

from topformer_viz.app.canvas.linked import KEPT
from topformer_viz.app.canvas.markup import axis_span, formula_html
from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS, Body
from topformer_viz.app.frame.address import Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View, part
from topformer_viz.figures.panel import Group, Panel, Scale, Tile
from topformer_viz.figures.subject import numbers
from topformer_viz.run.stages import STAGES
from topformer_viz.study.by_hand import DIGITS, MATRICES, RULES, SEEDS, Example, axes, computation, draw
from topformer_viz.words.text import Lang, Text

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "topformer_hand",
    html=(_HERE / "hand.html").read_text("utf-8"),
    css=CANVAS_CSS + (_HERE / "hand.css").read_text("utf-8"),
    js=CANVAS_JS + (_HERE / "hand.js").read_text("utf-8"),
)

UI = {
    "numbers": Text("Numbers", "第几组数"),
    "worksheet": Text("Worksheet (PDF)", "练习题（PDF）"),
    "solutions": Text("Solutions (PDF)", "答案（PDF）"),
    "about": Text(
        "The real attention module on {H} × {W} pixels: {C} channels, {heads} heads, key_dim {key_dim}, d {d}. Choose a number, by "
        "click or with Tab and the arrow keys, to see what it was made from; indices count from 0, as in the code. Tokens and weights are small "
        "whole numbers drawn at random, so **a pattern here is not a finding.** BatchNorm is left out by making it the identity. "
        "The projection's gain is therefore 1 here; TopFormer builds it as 0, and `projected` would be 0 throughout.",
        "真正的注意力模块，只有 {H} × {W} 个像素：{C} 个通道，{heads} 个头，key_dim 为 {key_dim}，d 为 {d}。点选一个数（也可以用 Tab "
        "和方向键），就能看到它是怎样算出来的；下标和代码一样从 0 开始。输入和权重都是随机抽取的小整数，所以**这里的图案不说明规律**。BatchNorm "
        "设成恒等映射，等于省去；因此投影的增益在这里是 1，而 TopFormer 刚建好时是 0，那样 `projected` 会全是 0。",
    ),
    "given": Text("{value}, drawn at random", "{value}，随机抽取"),
}
TITLES = {
    "P_q": Text("The query's weights", "查询的权重"),
    "P_k": Text("The key's weights", "键的权重"),
    "P_v": Text("The value's weights", "值的权重"),
    "P_o": Text("The projection's weights", "投影的权重"),
}

# The tensors as they stand on screen, the strands first, and how many of a tensor's tables stand below one another.
DOWN = {
    "tokens": 3,
    "P_q": 1, "query_map": 2, "query": 1, "P_k": 1, "key_map": 2, "key": 2, "P_v": 1, "value_map": 4, "value": 1,
    "scores": 2, "weights": 2, "mixed": 2, "P_o": 1, "merged": 4, "activated": 4, "projected": 3, "residual": 3,
}  # fmt: skip
STRANDS = tuple(DOWN)[: tuple(DOWN).index("scores")]
ROW_ENDS = "P_o"  # on a wide screen the next tensor begins a new row
START = ("scores", (0, 0, 1))


def takes(view: View) -> Takes:
    """What an address can say of this part of the lab."""
    return {"seed": SEEDS}


@part
def show(view: View) -> None:
    """Draw this part of the lab; other numbers rerun it alone."""
    lang = view.lang
    if "hand_seed" not in st.session_state:
        st.session_state.hand_seed = view.asked.get("seed", SEEDS[0])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        seed = st.number_input(UI["numbers"](lang), SEEDS[0], SEEDS[-1], width=130, **pick("hand_seed", SEEDS))
        for name in ("worksheet", "solutions"):
            st.download_button(
                UI[name](lang), partial(_sheet, seed, lang, name == "solutions"), f"topformer-{name}-{seed}-{lang}.pdf",
                "application/pdf", on_click="ignore", key=f"hand_{name}",
            )  # fmt: skip
        example = _example(seed)
        st.markdown(f":small[{UI['about'](lang, **example.run.sizes)}]", width="stretch")
    write_address(view, {"part": "by-hand", "seed": seed}, KEPT)
    _component(key="hand", data=Body().message(payload(example, lang)), height="content")


_example = st.cache_resource(max_entries=32, show_spinner=False)(draw)


def _sheet(seed: int, lang: Lang, solved: bool) -> bytes:
    """The PDF, made when it is asked for; so is matplotlib's import, which would hold up the page."""
    from topformer_viz.figures.worksheet import worksheet

    return worksheet(_example(seed), lang, solved)


def payload(example: Example, lang: Lang) -> dict[str, Any]:
    """What the browser shows: {tensors, start}; each cell's expression, and its sources as [tensor, flat index]."""
    start, index = START
    return {"tensors": [_tensor(example, name, lang) for name in DOWN], "start": [start, _flat(example, start, index)]}


def _tensor(example: Example, name: str, lang: Lang) -> dict[str, Any]:
    tensor, named = example.tensor(name), axes(name)
    largest = float(tensor.abs().max())
    indices = list(product(*map(range, tensor.shape)))
    made = [computation(example, name, index) for index in indices]
    given = name not in RULES
    shape = list(zip(named, tensor.shape, strict=True))
    return {
        "name": name,
        "title": (TITLES[name] if name in TITLES else STAGES[name].title)(lang),
        "shape": " · ".join(axis_span(axis, f"{axis} {size}") for axis, size in shape),
        "formula": "" if given else formula_html(STAGES[name].formula),
        "rows": tensor.shape[-2],
        "columns": tensor.shape[-1],
        # A label each: the index along the first axis; a matrix is one table without.
        "slices": [""] if name in MATRICES else [f"<span>{axis_span(named[0], str(n))}</span>" for n in range(len(tensor))],
        "down": DOWN[name],
        "strand": name in STRANDS,
        "last": name == ROW_ENDS,
        "broad": name in DIGITS,
        "numbers": [example.number(name, index) for index in indices],
        "levels": [round(float(tensor[index]) / largest, 3) for index in indices],
        "indices": [
            ", ".join(axis_span(axis, str(n)) for axis, n in zip(named, index, strict=True)) for index in indices
        ],
        "cells": [
            [
                UI["given"](lang, value=cell.expression) if given else cell.expression,
                [[source, _flat(example, source, place)] for source, place in cell.sources],
            ]
            for cell in made
        ],
    }  # fmt: skip


FIGURES = {
    "query": Text("From the tokens to the query", "从输入到查询"),
    "key": Text("From the tokens to the key", "从输入到键"),
    "value": Text("From the tokens to the value", "从输入到值"),
    "scores": Text("Scores and weights", "得分与权重"),
    "output": Text("From the mixed values to the output", "从混合后的值到输出"),
    "title": Text("By hand: {part}", "手算：{part}"),
    "about": Text("attention on {H} × {W} pixels · numbers {seed}", "{H} × {W} 像素上的注意力 · 第 {seed} 组数"),
    "caption": Text(
        "The real attention module on {H} × {W} pixels: {C} channels, {heads} heads, key_dim {key_dim}, d {d}. Tokens and "
        "weights are whole numbers drawn at random: a pattern here is not a finding. BatchNorm is the identity. Indices count "
        "from 0; red is above 0, blue below.",
        "真正的注意力模块，{H} × {W} 个像素：{C} 个通道，{heads} 个头，key_dim 为 {key_dim}，d 为 {d}。输入和权重是随机抽取的整数，"
        "图案不说明规律。BatchNorm 是恒等映射。下标从 0 开始；红色大于 0，蓝色小于 0。",
    ),
}  # fmt: skip
SHEETS = {
    "query": ("tokens", "P_q", "query_map", "query"),
    "key": ("tokens", "P_k", "key_map", "key"),
    "value": ("tokens", "P_v", "value_map", "value"),
    "scores": ("scores", "weights"),
    "output": ("mixed", "merged", "activated", "P_o", "projected", "residual"),
}


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [Offer(name, FIGURES[name], partial(_tables, view.lang, name)) for name in SHEETS]


def _tables(lang: Lang, sheet: str, asked: Mapping[str, str]) -> Panel:
    """Some tensors of the example, every number written down."""
    seed = one_of(asked, "seed", SEEDS, SEEDS[0])
    example = _example(seed)
    groups = []
    for name in SHEETS[sheet]:
        tensor, named = example.tensor(name), axes(name)
        end = float(tensor.abs().max()) or 1.0
        scale = Scale(-end, end, "")
        slices = tensor[None] if name in MATRICES else tensor
        tiles = []
        for n, values in enumerate(slices):
            at = () if name in MATRICES else (n,)
            shown = tuple(
                tuple(example.number(name, (*at, r, c)) for c in range(values.shape[1])) for r in range(values.shape[0])
            )
            title = "" if name in MATRICES else f"{named[0]} {n}"
            tiles.append(Tile(numbers(values), 0.8 * values.shape[0] / values.shape[1], scale, title, numbers=shown))
        words = (TITLES[name] if name in TITLES else STAGES[name].title)(lang)
        shape = " · ".join(f"{axis} {size}" for axis, size in zip(named, tensor.shape, strict=True))
        groups.append(
            Group(
                tuple(tiles),
                f"{words} ({name}): {shape}" if lang == "en" else f"{words}（{name}）：{shape}",
                natural=True,
            )
        )
    sizes = example.run.sizes
    title = FIGURES["title"](lang, part=FIGURES[sheet](lang))
    about = FIGURES["about"](lang, seed=seed, **sizes)
    return Panel(f"by-hand-{seed}-{sheet}", title, about, FIGURES["caption"](lang, **sizes), groups=tuple(groups))


def _flat(example: Example, name: str, index: tuple[int, ...]) -> int:
    """The cell's place in the tensor read row by row."""
    shape = example.tensor(name).shape
    return sum(n * math.prod(shape[axis + 1 :]) for axis, n in enumerate(index))
