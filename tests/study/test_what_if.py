"""The lab's changes hold what they claim: each against the plain module, through the same trace."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from topformer_viz.network.model import Attention, Block, TopFormer
from topformer_viz.run.stages import STAGES
from topformer_viz.run.tracing import ShapeError, block_of, trace, trace_block
from topformer_viz.study.what_if import BLOCK_STAGES, DROPPED, TOKENS, Experiment, Setting, experiment, spread, strength

CPU = torch.device("cpu")


@pytest.fixture
def changed(case) -> Callable[..., Experiment]:
    """changed(block=0, **setting): the experiment on a case."""
    return lambda block=0, **setting: experiment(case.model, case.run, block, Setting(**setting))


def attention(model) -> Attention:
    block = block_of(model, 0, CPU)
    return block if isinstance(block, Attention) else block.attn


def apart(a: Tensor, b: Tensor) -> float:
    """The largest difference, relative to the largest entry."""
    assert a.shape == b.shape
    return float((a - b).abs().amax() / b.abs().amax().clamp(min=1e-30))


def test_unchanged_is_the_plain_module_to_the_last_bit(case, changed) -> None:
    for block in range(case.model.num_blocks):
        done = changed(block)
        assert set(done.after) == set(done.before) == {n for n in BLOCK_STAGES if f"block{block}.{n}" in case.run}
        for name, tensor in done.after.items():
            assert torch.equal(tensor, case.run[f"block{block}.{name}"]), name


def test_own_sizes_and_temperature_1_change_nothing(case, changed) -> None:
    attn = attention(case.model)
    done = changed(temperature=1.0, ratio=attn.d // attn.key_dim, heads=attn.num_heads, key_dim=attn.key_dim)
    assert done.setting == Setting() and not done.fresh
    assert all(torch.equal(tensor, done.before[name]) for name, tensor in done.after.items())


def test_before_is_the_run_itself(case, changed) -> None:
    done = changed(scaled=True)
    assert all(tensor is case.run[f"block0.{name}"] for name, tensor in done.before.items())


def test_scaled_divides_the_scores_by_the_root_of_key_dim(case, changed, agree) -> None:
    done = changed(scaled=True)
    root = math.sqrt(case.run.sizes["key_dim"])
    agree(done.after["scores"], case.run["block0.scores"] / root, 1e-6)
    agree(done.after["weights"], (case.run["block0.scores"] / root).softmax(-1), 1e-6)


def test_temperature_is_the_scale_when_it_is_the_root(tiny, agree) -> None:
    scaled, warm = (experiment(tiny.model, tiny.run, 0, s) for s in (Setting(scaled=True), Setting(temperature=4.0)))
    for name in scaled.after:
        agree(scaled.after[name], warm.after[name], 1e-6)


def test_higher_temperature_spreads_every_row_further(case, changed) -> None:
    spreads = [spread(changed(temperature=t).after["weights"]) for t in (0.5, 1.0, 2.0)]
    assert all((a <= b * (1 + 1e-5)).all() for a, b in itertools.pairwise(spreads))


def test_wrong_axis_makes_columns_sum_to_1_and_rows_not(tiny, agree) -> None:
    weights = experiment(tiny.model, tiny.run, 0, Setting(over="queries")).after["weights"]
    agree(weights.sum(-2), torch.ones_like(weights.sum(-2)), 1e-5)
    assert float((weights.sum(-1) - 1).abs().amax()) > 0.01


@pytest.mark.parametrize("tokens", DROPPED)
def test_the_wrong_axis_and_dropped_tokens_go_together(tiny, tokens, agree) -> None:
    done = experiment(tiny.model, tiny.run, 0, Setting(over="queries", tokens=tokens))
    sums = done.after["weights"].sum(-2)
    agree(sums, done.kept.float().expand_as(sums), 1e-5)


@pytest.mark.parametrize("stage", ["query", "value", "merged"])
def test_without_permute_the_shape_is_the_same_and_the_values_are_not(tiny, stage) -> None:
    done = experiment(tiny.model, tiny.run, 0, Setting(unpermuted=(stage,)))
    before, after = done.before[stage], done.after[stage]
    assert before.shape == after.shape and not torch.equal(before, after)
    assert torch.equal(*(t.reshape(1, 4, -1).sort()[0] for t in (before, after)))  # each head keeps its own numbers
    assert apart(done.after["projected"], done.before["projected"]) > 1e-3
    assert torch.equal(done.after["key"], done.before["key"])


def test_activation_after_the_projection_leaves_0_to_6(tiny, agree) -> None:
    done = experiment(tiny.model, tiny.run, 0, Setting(activation="after"))
    assert torch.equal(done.after["activated"], done.after["merged"])
    attn = attention(tiny.model)
    with torch.inference_mode():
        agree(done.after["projected"], attn.proj[1](tiny.run["block0.merged"]).clamp(0, 6), 1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffled_tokens_shuffle_all_that_attention_puts_out(case, seed) -> None:
    for block in range(case.model.num_blocks):
        done = experiment(case.model, case.run, block, Setting(tokens="shuffled", draw=seed))
        for name in ("query", "key", "value", "scores", "weights", "mixed", "merged", "projected", "residual"):
            assert apart(done.back(name), done.before[name]) < 1e-5, name


def test_shuffled_tokens_meet_other_neighbours_in_the_mlp(tiny) -> None:
    done = experiment(tiny.model, tiny.run, 0, Setting(tokens="shuffled"))
    assert not torch.equal(done.order, done.order.sort()[0])
    assert done.largest_change("residual") < 1e-5
    assert done.largest_change("output") > 0.01


def test_without_permute_attention_notices_the_order(tiny) -> None:
    setting = Setting(unpermuted=("query",))
    still = experiment(tiny.model, tiny.run, 0, setting)
    moved = experiment(tiny.model, tiny.run, 0, replace(setting, tokens="shuffled"))
    assert apart(moved.back("projected"), still.after["projected"]) > 1e-3


@pytest.mark.parametrize("tokens", DROPPED)
def test_tokens_that_stay_attend_as_if_they_were_alone(case, tokens, agree) -> None:
    done = experiment(case.model, case.run, 0, Setting(tokens=tokens))
    HW = case.run.sizes["HW"]
    assert int((~done.kept).sum()) == round(HW * DROPPED[tokens])
    alone = case.run["block0.tokens"].flatten(2)[..., done.kept][:, :, None]  # a map of one row
    subset = trace_block(attention(case.model), alone)
    kept = done.kept.nonzero()[:, 0]
    agree(done.after["weights"][:, :, kept][..., kept], subset["weights"], 1e-5)
    agree(done.after["mixed"][:, :, kept], subset["mixed"], 1e-5)
    agree(done.after["projected"].flatten(2)[..., kept], subset["projected"].flatten(2), 1e-5)
    assert float(done.after["weights"][:, :, ~done.kept].abs().sum()) == 0
    assert float(done.after["weights"][..., ~done.kept].abs().sum()) == 0


def test_narrow_values_keep_the_first_features_and_every_weight(tiny, agree) -> None:
    done = experiment(tiny.model, tiny.run, 0, Setting(ratio=1))
    assert done.after["value"].shape[-1] == 16 and done.fresh == ()
    assert torch.equal(done.after["weights"], done.before["weights"])
    agree(done.after["value"], done.before["value"][..., :16], 1e-6)
    agree(done.after["mixed"], done.before["mixed"][..., :16], 1e-6)
    # the projection of the old features with the others at 0
    merged = done.before["mixed"].clone()
    merged[..., 16:] = 0
    with torch.inference_mode():
        expected = attention(tiny.model).proj(merged.permute(0, 1, 3, 2).reshape(done.before["merged"].shape))
    agree(done.after["projected"], expected, 1e-5)


def test_wide_values_keep_the_old_features_and_say_what_is_fresh(tiny, agree) -> None:
    done = experiment(tiny.model, tiny.run, 0, Setting(ratio=3))
    assert done.after["value"].shape[-1] == 48 and done.fresh == done.carried == ("to_v", "proj")
    agree(done.after["value"][..., :32], done.before["value"], 1e-6)
    assert torch.equal(done.after["weights"], done.before["weights"])
    assert float(done.after["value"][..., 32:].std()) > 0.1


@pytest.mark.parametrize("sizes", [{"heads": 2}, {"key_dim": 4}, {"heads": 16, "key_dim": 2, "ratio": 4}])
def test_other_sizes_have_fresh_weights_by_the_draw(case, changed, sizes) -> None:
    done, again, other = (changed(**sizes, draw=draw) for draw in (1, 1, 2))
    assert done.fresh == ("to_q", "to_k", "to_v", "proj") and done.carried == ()
    assert torch.equal(done.after["weights"], again.after["weights"])
    for axis, size in sizes.items():
        if axis != "ratio":
            assert done.after.sizes[axis] == size
    if case.run.sizes["HW"] > 1:  # BatchNorm has measured these tokens
        assert not torch.equal(done.after["query"], other.after["query"])
        assert 0.5 < float(done.after["query_map"].std()) < 1.5
    assert done.after["residual"].shape == done.before["residual"].shape


def test_the_model_is_left_as_it_was(tiny) -> None:
    before = {name: tensor.clone() for name, tensor in tiny.model.state_dict().items()}
    attn = attention(tiny.model)
    for setting in (Setting(ratio=1), Setting(ratio=4), Setting(heads=2, activation="after")):
        experiment(tiny.model, tiny.run, 0, setting)
    assert attention(tiny.model) is attn
    assert all(torch.equal(tensor, before[name]) for name, tensor in tiny.model.state_dict().items())
    assert all(
        torch.equal(t, tiny.run[f"block0.{n}"]) for n, t in experiment(tiny.model, tiny.run, 0, Setting()).after.items()
    )


def test_all_switches_at_once(case, changed) -> None:
    done = changed(
        scaled=True, temperature=2.0, over="queries", unpermuted=("query", "value", "merged"), activation="after",
        ratio=1, heads=2, key_dim=8, tokens="quarter", draw=5,
    )  # fmt: skip
    finite = {name: bool(tensor.isfinite().all()) for name, tensor in done.after.items() if name != "scores"}
    assert all(finite.values()), finite


def test_a_block_runs_through_its_declared_stages(tiny) -> None:
    done = experiment(tiny.model, tiny.run, 2, Setting())
    assert list(done.after) == [name for name in STAGES if name in BLOCK_STAGES]
    wrong = Block(208, 4).eval()
    wrong.attn.key_dim = 8  # the reshape would still succeed
    with pytest.raises((ShapeError, RuntimeError)):
        trace_block(wrong, tiny.run["block0.tokens"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"over": "rows"}, {"activation": "never"}, {"tokens": "lost"}, {"unpermuted": ("key",)}, {"temperature": 0.0},
        {"ratio": -1}, {"heads": 0}, {"key_dim": 1.5},
    ],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match=r"^no \w+( axis)? '\w+': choose from |above 0|a whole number from 1, not"):
        Setting(**wrong)


def test_strength_is_the_root_mean_square(tiny) -> None:
    mixed = tiny.run["block0.mixed"]
    assert torch.allclose(strength(mixed, "mixed", 1), mixed[0, 1].square().mean(-1).sqrt())
    assert torch.allclose(strength(mixed, "mixed"), mixed[0].square().mean((0, 2)).sqrt())
    output = tiny.run["block0.output"]
    assert torch.allclose(strength(output, "output"), output[0].square().mean(0).sqrt().flatten())


def test_changes_are_measured_where_tokens_are(tiny) -> None:
    done = experiment(tiny.model, tiny.run, 0, Setting(tokens="half"))
    before, after = (t.flatten(2)[..., done.kept] for t in (done.before["output"], done.after["output"]))
    assert done.relative_change("output") == pytest.approx(float((after - before).norm() / before.norm()), rel=1e-5)
    assert done.largest_change("output") == pytest.approx(
        float((after - before).abs().amax() / before.abs().amax()), rel=1e-5
    )
    assert math.isnan(experiment(tiny.model, tiny.run, 0, Setting(heads=2)).relative_change("weights"))


def test_every_way_to_place_tokens_is_tried_here() -> None:
    assert set(TOKENS) == {"in place", "shuffled", *DROPPED}
    assert Experiment.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_effective_tokens_are_of_rows_brought_to_sum_1(tiny) -> None:
    weights = experiment(tiny.model, tiny.run, 0, Setting(over="queries")).after["weights"]
    rows = weights / weights.sum(-1, keepdim=True)
    assert torch.allclose(spread(weights), torch.special.entr(rows).sum(-1).exp(), rtol=1e-4)
    assert torch.allclose(spread(3 * weights), spread(weights), rtol=1e-4)


def test_a_change_from_nothing_is_infinite_and_none_is_0(varied, photo) -> None:
    built = TopFormer("tiny", 2).eval()
    run = trace(built, photo(128, 128))
    assert not run["block0.projected"].any()
    assert experiment(built, run, 0, Setting(scaled=True)).relative_change("projected") == 0
    fresh = experiment(built, run, 0, Setting(heads=2))
    assert fresh.relative_change("projected") == fresh.largest_change("projected") == math.inf
