"""The numbers to be computed by hand, what each cell is said to be made of, and the lab's part that shows them."""

import math
import re
from functools import cache, partial
from itertools import product
from typing import Any

import pytest
import torch
from opening import open_app
from streamlit.testing.v1 import AppTest
from torch import Tensor

from topformer_viz.app.lab.by_hand.payload import payload
from topformer_viz.app.lab.by_hand.words import UI
from topformer_viz.run.tracing import trace_block
from topformer_viz.study.by_hand import (
    ASKED,
    DIGITS,
    LARGEST,
    MATRICES,
    RULES,
    Example,
    attention,
    axes,
    computation,
    draw,
)
from topformer_viz.words.text import LANGS, Lang

example = cache(draw)

# How far a shown number may lie from the cell where the numbers before it were rounded: half a unit of the last digit for
# each number that goes in, times the largest factor (values up to 9, weights of P_o up to 1), and for the result.
ROUNDED = {"weights": 0.001, "mixed": 6 * 9 * 0.0005 + 0.005, "projected": 8 * 0.005 + 0.005, "residual": 0.01}


def indices(tensor: Tensor) -> list[tuple[int, ...]]:
    return list(product(*map(range, tensor.shape)))


def test_the_shapes_are_those_of_a_2_by_3_grid_with_2_heads() -> None:
    run = example(1).run
    sizes = {"B": 1, "C": 3, "H": 2, "W": 3, "HW": 6, "heads": 2, "key_dim": 2, "nh_kd": 4, "d": 4, "dh": 8}
    assert run.sizes == sizes
    assert set(RULES) | {"tokens"} == set(run)
    for name in (*run, *MATRICES):
        assert example(1).tensor(name).shape == tuple(sizes[axis] for axis in axes(name))


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_numbers_teach(seed: int) -> None:
    drawn = example(seed)
    for name in (*MATRICES, *drawn.run):
        tensor = drawn.tensor(name)
        if name not in DIGITS:
            assert torch.equal(tensor, tensor.round()), name  # BatchNorm is exactly the identity
        assert float(tensor.abs().max()) <= LARGEST.get(name, math.inf)
    assert all(len(row.unique()) > 1 for row in drawn.tensor("scores").flatten(0, 1))
    assert torch.allclose(drawn.tensor("weights").sum(-1), torch.ones(()))
    asked = drawn.tensor("merged").flatten(1)[:, ASKED]
    assert float(asked[:4].min()) < 0 and float(asked.max()) > 6
    assert float(drawn.tensor("projected").abs().max()) > 0  # the projection's gain is 1


def test_a_seed_is_a_set_of_numbers() -> None:
    again = draw(5)
    assert all(torch.equal(again.tensor(name), example(5).tensor(name)) for name in (*MATRICES, *RULES))
    assert len({tuple(example(seed).tensor("tokens").flatten().tolist()) for seed in range(1, 21)}) == 20


def worth(text: str, names: dict[str, Tensor]) -> float:
    """What an expression as shown comes to."""
    code = text.replace("·", "*").replace("−", "-").replace("^", "**")
    return float(eval(code, {"e": math.e, "min": min, "max": max}, names))


@pytest.mark.parametrize("seed", [1, 2, 3, 77, 999])
def test_every_expression_comes_to_its_cell(seed: int) -> None:
    drawn = example(seed)
    names = {name: drawn.tensor(name) for name in RULES}
    for name, tensor in names.items():
        for index in indices(tensor):
            parts = re.split(" [=≈] ", computation(drawn, name, index).expression)
            assert len(parts) == 3 if name == "weights" else 2
            assert parts[-1] == drawn.number(name, index)
            for part in parts:
                tolerance = ROUNDED.get(name, 0.5 * 10 ** -DIGITS[name] if name in DIGITS else 0)
                assert worth(part, names) == pytest.approx(float(tensor[index]), abs=tolerance + 1e-6), (name, index)


def test_an_expression_reads_as_on_paper() -> None:
    drawn = example(1)
    made = computation(drawn, "weights", (0, 3, 1))
    assert re.fullmatch(r"e\^\S+ / \(e\^\S+( \+ e\^\S+){5}\) ≈ [\d.]+ / [\d.]+ ≈ 0\.\d{3}", made.expression)
    assert made.sources == tuple(("scores", (0, 3, other)) for other in range(6))
    made = computation(drawn, "key", (1, 0, 4))
    assert made.sources == (("key_map", (2, 1, 1)),)
    assert made.expression == f"key_map[2, 1, 1] = {drawn.number('key', (1, 0, 4))}"
    assert computation(drawn, "tokens", (0, 0, 0)).sources == ()


def test_a_cell_depends_on_its_sources_and_on_nothing_else() -> None:
    """With every other tensor held still, another number in one cell changes just the cells that name it as a source."""
    torch.manual_seed(0)
    sizes = example(1).run.sizes
    held: dict[str, Tensor] = {
        name: torch.rand(*(sizes[axis] for axis in axes(name))) + 0.5 for name in (*MATRICES, *RULES, "tokens")
    }  # between 0 and 6, so that ReLU6 cuts nothing, and nowhere 0

    def cell_values(target: str, tensors: dict[str, Tensor]) -> Tensor:
        module = attention({name: tensors[name] for name in MATRICES})
        run = trace_block(module, tensors["tokens"][None], lambda n, t: t if n == target else tensors.get(n, t)[None])
        return run[target][0]

    for target in RULES:
        before = cell_values(target, held)
        made = {index: computation(example(1), target, index).sources for index in indices(before)}
        for source in {name for sources in made.values() for name, _ in sources} | {"tokens"}:
            for at in indices(held[source]):
                other = held[source].clone()
                other[at] += 1.5
                changed = (cell_values(target, held | {source: other}) != before).nonzero()
                assert {tuple(index) for index in changed.tolist()} == {
                    index for index, sources in made.items() if (source, at) in sources
                }, (target, source, at)


# The part of the lab


open_page = partial(open_app, "lab", part="by-hand", sample="cat", size="256")


def seed_of(app: AppTest) -> Any:
    (numbers,) = [box for box in app.number_input if box.key == "pick_hand_seed"]
    return numbers.value


@pytest.mark.parametrize("lang", LANGS)
def test_the_part_in_both_languages(lang: Lang) -> None:
    app = open_page(lang=lang, seed="7")
    assert seed_of(app) == 7
    assert [button.label for button in app.get("download_button")] == [
        UI[name](lang) for name in ("worksheet", "solutions")
    ]
    assert any("2 × 3" in text.value and "BatchNorm" in text.value for text in app.markdown)
    page = " ".join(str(element.proto.body) for element in app.get("html"))
    assert '"part": "by-hand"' in page and '"seed": 7' in page


@pytest.mark.parametrize("seed", ["0", "1000", "<b>"])
def test_a_bad_seed_in_the_address_is_the_first(seed: str) -> None:
    assert seed_of(open_page(lang="en", seed=seed)) == 1


def test_what_travels_is_every_number_and_its_sources() -> None:
    drawn: Example = example(3)
    sent = {tensor["name"]: tensor for tensor in payload(drawn, "en")["tensors"]}
    assert set(sent) == {"tokens", *MATRICES, *RULES}
    for name, tensor in sent.items():
        places = indices(drawn.tensor(name))
        assert tensor["numbers"] == [drawn.number(name, place) for place in places]
        assert len(tensor["slices"]) * tensor["rows"] * tensor["columns"] == len(places) == len(tensor["indices"])
        assert max(map(abs, tensor["levels"])) == 1
        for place, (words, sources) in zip(places, tensor["cells"], strict=True):
            made = computation(drawn, name, place)
            assert words.startswith(made.expression)
            shown = [sent[source]["numbers"][at] for source, at in sources]
            assert shown == [drawn.number(*cell) for cell in made.sources]
