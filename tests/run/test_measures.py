"""What is measured of a block a few queries at a time: the same as of whole matrices, and never HW x HW at once."""

import copy
import math
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from topformer_viz import Trace, load_model, trace
from topformer_viz.network.model import Attention
from topformer_viz.run import measures
from topformer_viz.run.measures import (
    Measures,
    cosines,
    difference,
    distances,
    effective_tokens,
    measure,
    on_most_like,
    pooled,
)
from topformer_viz.run.tracing import NotStoredError
from topformer_viz.run.walk import output_of

BY_HEAD = ("effective", "distance", "low", "high", "top")


@pytest.fixture(params=["stored", "stored, by rows", "not stored", "not stored, by rows"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, case) -> Trace:
    """The run of ``case``, with or without its matrices, to be measured in one go or query by query."""
    if request.param.endswith("by rows"):
        monkeypatch.setattr(measures, "CHUNK", 1)
    if request.param.startswith("stored"):
        return case.run
    monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", 0)
    return trace(case.model, case.photo)


@pytest.fixture(scope="module")
def many(photo: Callable[..., Image.Image]) -> tuple[torch.nn.Module, Trace]:
    """The colour model and its run of 64 x 64 tokens."""
    model = load_model("colour", grid=64)
    return model, trace(model, photo(64, 64))


def tampered(run: Trace, name: str, change: Callable[[Tensor], Tensor]) -> Trace:
    return replace(run, tensors={**run.tensors, name: change(run[name])})


# The numbers


def test_measures_are_those_of_the_whole_matrices(case, run: Trace, agree: Callable[..., None]) -> None:
    tokens = list(product(range(run.sizes["H"]), range(run.sizes["W"])))
    apart = torch.tensor([[math.dist(a, b) for b in tokens] for a in tokens], dtype=torch.float64)
    for block in range(case.model.num_blocks):
        scores = case.run[f"block{block}.scores"][0].double()
        weights = scores.softmax(-1)
        information = torch.where(weights > 0, -weights * weights.log(), 0.0)
        found = measure(run, block)
        agree(found.log_sum_exp, scores.exp().sum(-1).log())
        agree(found.effective, information.sum(-1).exp().mean(-1))
        agree(found.distance, (weights * apart).sum(-1).mean(-1))
        agree(found.low, scores.flatten(1).min(-1)[0])
        agree(found.high, scores.flatten(1).max(-1)[0])
        agree(found.top, weights.flatten(1).max(-1)[0])


def test_measures_are_float32_by_head(case, run: Trace) -> None:
    found = measure(run, 0)
    assert [field.name for field in fields(Measures)] == ["log_sum_exp", *BY_HEAD]
    assert found.log_sum_exp.shape == (case.model.num_heads, run.sizes["HW"])
    for name in BY_HEAD:
        assert getattr(found, name).shape == (case.model.num_heads,)
        assert getattr(found, name).dtype == torch.float32


def test_what_is_stored_is_what_is_measured(tiny) -> None:
    one_hot = tampered(tiny.run, "block1.weights", lambda weights: torch.eye(6).expand_as(weights))
    assert measure(one_hot, 1).effective.tolist() == measure(one_hot, 1).top.tolist() == [1] * 4
    assert measure(one_hot, 1).distance.tolist() == [0] * 4
    assert torch.equal(pooled(one_hot, 1, 6)[1], torch.eye(6).expand(4, 6, 6))


@pytest.mark.parametrize("cells", [1, 2, 4, 5, 9])
def test_pooled_is_the_whole_matrix_averaged_down(case, run: Trace, agree: Callable[..., None], cells: int) -> None:
    for block in range(case.model.num_blocks):
        for found, name in zip(pooled(run, block, cells), ("scores", "weights"), strict=True):
            agree(found, F.adaptive_avg_pool2d(case.run[f"block{block}.{name}"][0], cells), 1e-5)


def test_effective_tokens() -> None:
    rows = torch.tensor([[1.0, 0, 0, 0], [0.5, 0, 0.5, 0], [0.25, 0.25, 0.25, 0.25]])
    assert effective_tokens(rows).tolist() == pytest.approx([1, 2, 4])


def test_distances() -> None:
    apart = distances((40, 30))
    assert torch.equal(apart, apart.T)
    assert (apart.diagonal() == 0).all()
    assert float(apart[0, 3 * 30 + 4]) == 5
    assert torch.equal(distances((40, 30), slice(7, 9)), apart[7:9])


# The difference to a plain forward pass


def test_difference_of_an_honest_run(case, run: Trace) -> None:
    found = difference(case.model, run)
    assert len(found) == case.model.num_blocks
    assert max(found) < 1e-4


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(("case_name", "block"), [("tiny", 0), ("tiny", 2), ("colour", 0)])
def test_difference_sees_another_query(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, case_name: str, block: int, stored: bool
) -> None:
    case = request.getfixturevalue(case_name)
    if not stored:
        monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", 0)
    run = trace(case.model, case.photo)
    monkeypatch.setattr(measures, "CHUNK", 1)

    def differences(factor: float) -> list[float]:
        query = run[f"block{block}.query"].clone()
        query[0, 1, 2] *= factor  # of one head, one token
        return difference(case.model, tampered(run, f"block{block}.query", lambda _: query))

    found = differences(-1)
    assert found[block] > 1e-2
    assert all(value < 1e-4 for n, value in enumerate(found) if n != block)
    assert math.isnan(differences(math.nan)[block])


def test_difference_sees_another_model(tiny) -> None:
    model = copy.deepcopy(tiny.model)
    with torch.no_grad():
        model.backbone.trans.transformer_blocks[1].attn.to_k.bn.weight.mul_(2)
    found = difference(model, tiny.run)
    assert found[0] < 1e-4
    assert found[1] > 1e-2


@pytest.mark.parametrize("training", [False, True])
def test_difference_is_of_the_model_in_eval_mode_and_leaves_it_alone(tiny, training: bool) -> None:
    model = copy.deepcopy(tiny.model).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert max(difference(model, tiny.run)) < 1e-4
    assert all(module.training == training for module in model.modules())
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())


def test_difference_runs_nothing_folded(monkeypatch: pytest.MonkeyPatch, tiny) -> None:
    monkeypatch.setattr(
        "topformer_viz.run.tracing.inference_copy", lambda *_: pytest.fail("an inference copy was made")
    )
    assert max(difference(tiny.model, tiny.run)) < 1e-4


# Nothing of size HW x HW


class Largest(TorchDispatchMode):
    """Watches every tensor that is computed; ``entries`` is the number of float32 that the largest one has room for."""

    entries = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_iter(out):
            if isinstance(tensor, Tensor):
                self.entries = max(self.entries, tensor.untyped_storage().nbytes() // 4)
        return out


def test_a_matrix_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", 2048)
    with Largest() as largest:
        trace(load_model("colour", grid=40), Image.new("RGB", (64, 64)))
    assert largest.entries == 4 * 1600**2
    query = torch.zeros(1, 4, 1600, 16)
    with Largest() as largest:  # PyTorch's own, unless its inputs are as it likes them
        F.scaled_dot_product_attention(query, query, torch.zeros(1, 4, 1600, 32))
    assert largest.entries >= 4 * 1600**2


@pytest.mark.parametrize("inference", [True, False])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("key_dim", "attn_ratio"), [(16, 2), (5, 2), (8, 1)])
def test_attention_over_4096_tokens(
    key_dim: int, attn_ratio: int, memory_format: torch.memory_format, inference: bool
) -> None:
    attention = Attention(12, key_dim, 2, attn_ratio).eval().to(memory_format=memory_format)  # type: ignore[call-overload]
    x = torch.randn(1, 12, 64, 64).to(memory_format=memory_format)
    with torch.inference_mode(inference), Largest() as largest:
        attention(x)
    assert 0 < largest.entries < 4096**2


def test_a_run_of_4096_tokens_and_its_measures(many: tuple[Any, Trace], agree: Callable[..., None]) -> None:
    model, run = many
    with Largest() as largest:
        trace(model, run["image"])
        found, (scores, weights) = measure(run, 0), pooled(run, 0, 64)
        assert max(difference(model, run)) < 1e-4
    assert 0 < largest.entries < 4096**2
    assert run.sizes["HW"] == 4096
    with pytest.raises(NotStoredError):
        run["block0.weights"]
    for head in range(4):
        rows = run.rows("block0.scores", head, slice(64, 128)).double()  # the second row of cells
        agree(found.log_sum_exp[head, 64:128], rows.logsumexp(-1))
        agree(scores[head, 1], rows.view(64, 64, 64).mean((0, 2)))
        agree(weights[head, 1], rows.softmax(-1).view(64, 64, 64).mean((0, 2)))
        assert found.low[head] <= rows.min() <= rows.max() <= found.high[head]
    shifted = tampered(run, "block0.query", lambda query: query.roll(1, dims=2))
    assert difference(model, shifted)[0] > 1e-2


# Likeness


def test_likeness_is_torchs_cosine_similarity(case) -> None:
    for name in ("block0.tokens", output_of(case.run, case.model.num_blocks - 1)):
        tokens = case.run[name][0].flatten(1).T.double()
        expected = F.cosine_similarity(tokens[:, None], tokens[None], dim=-1)
        for asking in ([0], [len(tokens) - 1], [0, len(tokens) // 2]):
            found = cosines(case.run[name], asking)
            assert torch.allclose(found.double(), expected[asking].mean(0), atol=1e-6), (name, asking)


def test_a_token_of_length_0_is_like_none() -> None:
    tokens = torch.randn(1, 5, 2, 3, generator=torch.Generator().manual_seed(0))
    tokens[..., 1, 0] = 0
    assert not cosines(tokens, [3]).any()
    assert cosines(tokens, [0])[3] == 0
    assert cosines(1e-30 * tokens, [0])[0] == pytest.approx(1)  # however short it is


@pytest.mark.parametrize(("asking", "first"), [([4], [2, 9]), ([2], [4, 9]), ([2, 4], [9, 0])])
def test_what_lies_on_the_tokens_most_like_it(asking: list[int], first: list[int]) -> None:
    """A tenth of all, the one that asks left out; of equals the first."""
    likeness = torch.zeros(11)
    likeness[[4, 2, 9]] = torch.tensor([1.0, 0.9, 0.8])
    weights = torch.arange(1.0, 12) / 66
    found = on_most_like(weights, likeness, asking)
    assert found == (2, pytest.approx(float(weights[first].sum())), 2 / 11)
    assert on_most_like(3 * weights, likeness, asking) == (2, pytest.approx(found.share), 2 / 11)


def test_of_one_token_nothing_lies_on_others_and_of_no_weights_none() -> None:
    assert on_most_like(torch.ones(1), torch.ones(1), [0]) is None
    assert on_most_like(torch.zeros(4), torch.ones(4), [0]) == (1, 0, 0.25)
