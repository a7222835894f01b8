"""From class scores to labels, and the network run again without some of its parts."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from topformer_viz import load_model, trace
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import BLOCKS, BasicLayer, TopFormer
from topformer_viz.run.segmentation import CHUNK, SILENCED, again, segment, stopped, without, without_heads


def scores(classes: int, height: int = 9, width: int = 13, spread: float = 3.0) -> Tensor:
    return spread * torch.randn(1, classes, height, width, generator=torch.Generator().manual_seed(classes))


# Class scores to labels


@pytest.mark.parametrize("classes", [1, 8, CHUNK, CHUNK + 1, 20, 150])
def test_it_is_upsampling_argmax_and_softmax(classes: int) -> None:
    size = (70, 101)
    found = segment(scores(classes), size)
    plain = F.interpolate(scores(classes), size=size, mode="bilinear", align_corners=False)[0]
    sure, labels = plain.softmax(0).max(0)
    assert (found.labels.dtype, found.sure.dtype) == (torch.int64, torch.float32)
    assert torch.equal(found.labels, labels)
    assert torch.allclose(found.sure, sure, atol=1e-5)


def test_large_scores_neither_overflow_nor_lose_their_class() -> None:
    found = segment(scores(20, spread=1e4) - 1e6, (9, 13))
    assert torch.equal(found.labels, scores(20).argmax(1)[0])
    assert found.sure.isfinite().all()
    assert (found.sure > 0.99).float().mean() > 0.9


def test_where_all_classes_score_alike_none_is_sure() -> None:
    found = segment(torch.zeros(1, 40, 2, 2), (5, 6))
    assert torch.allclose(found.sure, torch.tensor(1 / 40))


# Parts taken away


def silenced(model: TopFormer, image: Tensor, names: tuple[str, ...]) -> Tensor:
    """The plain network's class scores, with the tensors of these names replaced by 0 on their way."""
    reached = set()

    def keep(name: str, tensor: Tensor) -> Tensor:
        if name in names:
            reached.add(name)
            return torch.zeros_like(tensor)
        return tensor

    with torch.inference_mode():
        found = model(image, keep)
    assert reached == set(names)
    return found


def test_what_is_taken_away_is_each_attention_all_of_it_and_the_blocks(tiny) -> None:
    every = tuple(f"block{n}.projected" for n in range(BLOCKS))
    assert [SILENCED[name] for name in every] == [(name,) for name in every]
    assert SILENCED["attention"] == every
    assert set(SILENCED["blocks"]) == set(every) | {f"block{n}.mlp" for n in range(BLOCKS)}
    assert all(name in tiny.run for names in SILENCED.values() for name in names)


def test_without_nothing_the_scores_are_the_runs_own(tiny, agree: Callable[..., None]) -> None:
    agree(without(tiny.model, tiny.run, ()), tiny.run["class_scores"])


@pytest.mark.parametrize("part", SILENCED)
def test_without_a_part_the_scores_are_those_of_the_network_that_has_0_there(
    tiny, agree: Callable[..., None], part: str
) -> None:
    found = without(tiny.model, tiny.run, SILENCED[part])
    agree(found, silenced(tiny.model, to_tensor(tiny.photo), SILENCED[part]))
    assert not torch.allclose(found, tiny.run["class_scores"], atol=1e-2)


def test_without_attention_it_is_the_network_whose_projections_give_0(tiny, agree: Callable[..., None]) -> None:
    """As every TopFormer is built: the gain and the bias of the projection's BatchNorm are 0."""
    deaf = copy.deepcopy(tiny.model)
    for block in deaf.backbone.trans.transformer_blocks:
        block.attn.proj[1].bn.weight.zero_()
        block.attn.proj[1].bn.bias.zero_()
    expected = trace(deaf, tiny.photo)
    assert not any(expected[name].any() for name in SILENCED["attention"])
    agree(without(tiny.model, tiny.run, SILENCED["attention"]), expected["class_scores"])


def test_a_network_as_built_owes_its_attention_nothing(
    photo: Callable[..., Image.Image], agree: Callable[..., None]
) -> None:
    model = load_model("tiny")
    run = trace(model, photo(128, 192))
    agree(without(model, run, SILENCED["attention"]), run["class_scores"])
    assert not torch.allclose(without(model, run, SILENCED["blocks"]), run["class_scores"])


def test_without_the_blocks_the_pooled_tokens_are_injected(tiny, agree: Callable[..., None]) -> None:
    backbone = tiny.model.backbone
    with torch.inference_mode():
        injected = backbone.inject([tiny.run[f"pyramid{n}"] for n in range(4)], tiny.run["tokens"])
        expected = tiny.model.decode_head(injected)
    agree(without(tiny.model, tiny.run, SILENCED["blocks"]), expected)


def test_unknown_names_change_nothing(tiny) -> None:
    own = without(tiny.model, tiny.run, ())
    assert torch.equal(without(tiny.model, tiny.run, ("block9.projected", "nothing", "")), own)


def test_the_run_and_the_network_stay_as_they_are(tiny) -> None:
    run = {name: tensor.clone() for name, tensor in tiny.run.items()}
    state = {name: tensor.clone() for name, tensor in tiny.model.state_dict().items()}
    for names in SILENCED.values():
        without(tiny.model, tiny.run, names)
    assert list(tiny.run) == list(run)
    assert all(torch.equal(tiny.run[name], tensor) for name, tensor in run.items())
    assert all(torch.equal(tiny.model.state_dict()[name], tensor) for name, tensor in state.items())


# Blocks taken away


def test_stopped_after_the_last_block_the_scores_are_the_runs_own(tiny, agree: Callable[..., None]) -> None:
    agree(stopped(tiny.model, tiny.run, BLOCKS), tiny.run["class_scores"])


@pytest.mark.parametrize("blocks", range(BLOCKS))
def test_stopped_earlier_they_are_those_of_the_network_without_the_later_blocks(
    tiny, agree: Callable[..., None], blocks: int
) -> None:
    cut = copy.deepcopy(tiny.model)
    cut.backbone.trans.transformer_blocks = cut.backbone.trans.transformer_blocks[:blocks]
    found = stopped(tiny.model, tiny.run, blocks)
    with torch.inference_mode():
        agree(found, cut(to_tensor(tiny.photo)))
    assert not torch.allclose(found, stopped(tiny.model, tiny.run, blocks + 1), atol=1e-2)


def test_stopping_runs_no_block_again(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    def runs(*_: object) -> None:
        raise AssertionError("a block ran")

    monkeypatch.setattr(BasicLayer, "forward", runs)
    for blocks in range(BLOCKS + 1):
        stopped(tiny.model, tiny.run, blocks)


# Heads taken away


def headless(case, block: int, heads: tuple[int, ...]) -> tuple[Tensor, Tensor | None]:
    """The plain network's output of a block, and its class scores, with these heads' mixed values 0 on their way."""
    kept = {}

    def keep(name: str, tensor: Tensor) -> Tensor:
        if name == f"block{block}.mixed":
            tensor = torch.stack([t * (h not in heads) for h, t in enumerate(tensor[0])])[None]
        kept[name] = tensor
        return tensor

    with torch.inference_mode():
        case.model(to_tensor(case.photo), keep)
    last = "output" if f"block{block}.output" in kept else "residual"
    return kept[f"block{block}.{last}"], kept.get("class_scores")


@pytest.mark.parametrize("taken", ["none", "first", "all but last", "all"])
def test_without_heads_it_is_the_network_that_has_0_there(case, agree: Callable[..., None], taken: str) -> None:
    every = tuple(range(case.model.num_heads))
    heads = {"none": (), "first": every[:1], "all but last": every[:-1], "all": every}[taken]
    for block in range(case.model.num_blocks):
        removal = without_heads(case.model, case.run, block, heads)
        output, scores = headless(case, block, heads)
        agree(removal.output, output)
        if scores is None:
            assert removal.scores is None
        else:
            agree(removal.scores, scores)


def test_without_no_heads_the_run_is_as_it_was(case, agree: Callable[..., None]) -> None:
    for block in range(case.model.num_blocks):
        removal = without_heads(case.model, case.run, block, ())
        last = "residual" if case.model.num_blocks == 1 else "output"
        agree(removal.output, case.run[f"block{block}.{last}"])
        assert (removal.scores is None) == ("class_scores" not in case.run)
        if removal.scores is not None:
            agree(removal.scores, case.run["class_scores"])


def test_heads_taken_away_are_missed_each_in_its_own_block(tiny) -> None:
    """Or the comparisons above would compare nothing."""
    outputs = [
        without_heads(tiny.model, tiny.run, block, heads).output for block in (0, 3) for heads in ((0,), (1,), (0, 1))
    ]
    for n, output in enumerate(outputs):
        assert not any(torch.allclose(output, other, atol=1e-2) for other in outputs[:n])
    for block in (0, 3):
        removal = without_heads(tiny.model, tiny.run, block, (2,))
        assert not torch.allclose(removal.output, tiny.run[f"block{block}.output"], atol=1e-2)
        assert not torch.allclose(removal.scores, tiny.run["class_scores"], atol=1e-3)


def test_the_colour_models_heads_add_up(colour, agree: Callable[..., None]) -> None:
    """It has no MLP after them: what lacks without each head, one by one, is what all four bring together."""
    tokens, whole = colour.run["tokens"], colour.run["block0.residual"]
    lacking = [whole - without_heads(colour.model, colour.run, 0, (head,)).output for head in range(4)]
    agree(sum(lacking), whole - tokens)
    for head in range(4):
        others = tuple(h for h in range(4) if h != head)
        alone = without_heads(colour.model, colour.run, 0, others).output - tokens
        agree(alone, lacking[head])


def test_keep_of_another_pass_sees_every_stage_and_what_it_gives_back_flows_on(
    tiny, agree: Callable[..., None]
) -> None:
    seen = []
    scores = again(tiny.model, tiny.run, lambda name, tensor: seen.append(name) or tensor)
    agree(scores, tiny.run["class_scores"])
    assert seen == [name for name in tiny.run if name.startswith("block")]


def test_a_backbone_hands_back_its_last_blocks_output(varied: Callable[..., TopFormer], photo, agree) -> None:
    model = varied("tiny", None)
    run = trace(model, photo(128, 192))
    agree(again(model, run, lambda name, tensor: tensor), run["block3.output"])


def test_taking_heads_away_leaves_run_and_network_as_they_are(case) -> None:
    run = {name: tensor.clone() for name, tensor in case.run.items()}
    state = {name: tensor.clone() for name, tensor in case.model.state_dict().items()}
    without_heads(case.model, case.run, 0, (0, 1))
    assert all(torch.equal(case.run[name], tensor) for name, tensor in run.items())
    assert all(torch.equal(case.model.state_dict()[name], tensor) for name, tensor in state.items())
