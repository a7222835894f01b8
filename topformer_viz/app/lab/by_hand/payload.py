"""The tiny attention as the browser shows it: every number, and what it was computed from."""

import math
from itertools import product
from typing import Any

import streamlit as st

from topformer_viz.app.canvas.markup import axis_span, formula_html
from topformer_viz.app.lab.by_hand.words import TITLES, UI
from topformer_viz.run.stages import STAGES
from topformer_viz.study.by_hand import DIGITS, MATRICES, RULES, Example, axes, computation, draw
from topformer_viz.words.text import Lang, Text

# The tensors as they stand on screen, the strands first, and how many of a tensor's tables stand below one another.
DOWN = {
    "tokens": 3,
    "P_q": 1, "query_map": 2, "query": 1, "P_k": 1, "key_map": 2, "key": 2, "P_v": 1, "value_map": 4, "value": 1,
    "scores": 2, "weights": 2, "mixed": 2, "P_o": 1, "merged": 4, "activated": 4, "projected": 3, "residual": 3,
}  # fmt: skip
STRANDS = tuple(DOWN)[: tuple(DOWN).index("scores")]
ROW_ENDS = "P_o"  # on a wide screen the next tensor begins a new row
START = ("scores", (0, 0, 1))

example_of = st.cache_resource(max_entries=32, show_spinner=False)(draw)


def title_of(name: str) -> Text:
    """What a tensor of the example is called."""
    return TITLES.get(name) or STAGES[name].title


def payload(example: Example, lang: Lang) -> dict[str, Any]:
    """What the browser shows: {tensors, start}; each entry's expression, and its sources as [tensor, flat index]."""
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
        "title": title_of(name)(lang),
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


def _flat(example: Example, name: str, index: tuple[int, ...]) -> int:
    """The entry's place in the tensor read row by row."""
    shape = example.tensor(name).shape
    return sum(n * math.prod(shape[axis + 1 :]) for axis, n in enumerate(index))
