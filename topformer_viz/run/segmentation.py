"""From class scores to a segmentation, and what becomes of it when attention, a head of it, or the blocks after one are taken away."""

from collections.abc import Collection
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from topformer_viz.network.colour import Model
from topformer_viz.network.model import BLOCKS, Keep, TopFormer
from topformer_viz.network.pauses import pause
from topformer_viz.run.inference import inference_copy
from topformer_viz.run.inference import run as forward
from topformer_viz.run.tracing import Trace

# What is taken away, to see what depends on it in the segmentation: traced tensors that are set to 0.
SILENCED = {
    **{f"block{n}.projected": (f"block{n}.projected",) for n in range(BLOCKS)},
    "attention": tuple(f"block{n}.projected" for n in range(BLOCKS)),
    "blocks": tuple(f"block{n}.{branch}" for n in range(BLOCKS) for branch in ("projected", "mlp")),
}
CHUNK = 16  # classes brought to full size at once: 171 of them would take hundreds of megabytes


@dataclass(frozen=True)
class Segmentation:
    """The best class at each image pixel, int64 (Y, X), and its confidence, the probability after softmax, float32 (Y, X)."""

    labels: Tensor
    sure: Tensor


@torch.inference_mode()
def segment(scores: Tensor, size: tuple[int, int]) -> Segmentation:
    """Class scores (1, classes, h, w), brought to ``size`` (Y, X) bilinearly, then the best class of each image pixel."""
    best = torch.full(size, -torch.inf)
    total, labels = best.clone(), torch.zeros(size, dtype=torch.int64)
    for first in range(0, scores.shape[1], CHUNK):
        pause()
        chunk = F.interpolate(scores[:, first : first + CHUNK].cpu(), size=size, mode="bilinear", align_corners=False)[
            0
        ]
        top, index = chunk.max(0)
        labels = torch.where(top > best, index + first, labels)
        best = best.maximum(top)
        total = torch.logaddexp(total, chunk.logsumexp(0))
    return Segmentation(labels, (best - total).exp())


def without(model: TopFormer, run: Trace, names: Collection[str]) -> Tensor:
    """The run's class scores (1, classes, H_1, W_1) had the tensors ``names`` ("block0.projected", ...) been 0."""
    return again(model, run, lambda name, tensor: torch.zeros_like(tensor) if name in names else tensor)


@torch.inference_mode()
def again(model: TopFormer, run: Trace, keep: Keep) -> Tensor:
    """What the run would have returned with ``keep`` at work in its blocks: what it hands back flows on.

    The pyramid and its pooled tokens are the run's own; from there on the network runs again, on the run's device.
    """
    pause()
    fast = inference_copy(model, run["tokens"].device)
    output = fast.get_submodule("backbone").trans(run["tokens"], keep)  # type: ignore[operator]
    return output if model.classes is None else _scores(fast, run, output)


@torch.inference_mode()
def stopped(model: TopFormer, run: Trace, blocks: int) -> Tensor:
    """The class scores (1, classes, H_1, W_1) had the run gone through so many ``blocks`` and no further: none to all.

    No block runs again: what the last of them output is injected and classified. Both were trained on the last block's output alone, so of
    another this is only what they would say; the idea is known as the logit lens (nostalgebraist, 2020).
    """
    pause()
    output = run[f"block{blocks - 1}.output"] if blocks else run["tokens"]
    return _scores(inference_copy(model, output.device), run, output)


def _scores(fast: nn.Module, run: Trace, output: Tensor) -> Tensor:
    """What an inference copy makes of its blocks' output (1, C, H, W): class scores, with the run's own pyramid."""
    pyramid = [run[f"pyramid{n}"] for n in range(4)]
    return fast.get_submodule("decode_head")(fast.get_submodule("backbone").inject(pyramid, output))  # type: ignore[operator]


@dataclass(frozen=True)
class Removal:
    """A run without some of a block's heads: that block's output (1, C, H, W), and the class scores if there are any."""

    output: Tensor
    scores: Tensor | None


def without_heads(model: Model, run: Trace, block: int, heads: Collection[int]) -> Removal:
    """The run again, with what ``heads`` (from 0) of ``block`` (from 0) mixed set to 0; the other heads stay."""
    kept: dict[str, Tensor] = {}

    def silence(name: str, tensor: Tensor) -> Tensor:
        if name == f"block{block}.mixed":
            tensor = tensor.clone()
            tensor[:, list(heads)] = 0
        kept[name] = tensor
        return tensor

    if isinstance(model, TopFormer):
        scores = again(model, run, silence)
        return Removal(kept[f"block{block}.output"], None if model.classes is None else scores)
    pause()
    forward(inference_copy(model, run["image"].device), run["image"], silence)
    return Removal(kept[f"block{block}.residual"], None)
