"""From class scores to labels, and the network run again without some of its parts."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from topformer_viz import load_model, trace
from topformer_viz.images import to_tensor
from topformer_viz.model import BLOCKS, TopFormer
from topformer_viz.segmentation import CHUNK, SILENCED, segment, without


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
