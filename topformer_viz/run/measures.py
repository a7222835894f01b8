"""What is measured of one block's attention, a few queries at a time, so that memory grows with HW and not its square.

Below that, what is shown of a run's feature maps: averaged down, and as their strength.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from topformer_viz.network.colour import Model
from topformer_viz.run.inference import full_precision
from topformer_viz.run.tracing import Trace

MEAN = 0  # in the place of a head's number, from 1: the mean of all
CHUNK = 2**20  # entries of scores held at once, all heads together
PYRAMID_CHANNELS = 6  # channels shown of each pyramid level
PYRAMID_CELLS = 48  # longest side, in cells, of a drawn pyramid level: finer levels are averaged down to it


@dataclass(frozen=True)
class Measures:
    """Numbers of a block's heads, all float32 on the CPU.

    ``log_sum_exp`` (heads, HW): of each row of scores. The others (heads,): ``effective``, exp(entropy) of a row, and
    ``distance``, the mean Euclidean distance read across, both in tokens and means over the rows; ``low`` and ``high``,
    the smallest and largest score; ``top``, the largest weight.
    """

    log_sum_exp: Tensor
    effective: Tensor
    distance: Tensor
    low: Tensor
    high: Tensor
    top: Tensor


@torch.inference_mode()
def measure(run: Trace, block: int) -> Measures:
    """The measures of ``block``, from 0, in this run."""
    heads, H, W, HW = (run.sizes[axis] for axis in ("heads", "H", "W", "HW"))
    rows = torch.empty(6, heads, HW)
    for queries in _chunks(run):
        scores, weights = _rows(run, f"block{block}", queries)
        apart = distances((H, W), queries).float().to(weights.device)
        measured = (
            scores.logsumexp(-1), effective_tokens(weights), (weights * apart).sum(-1),
            scores.amin(-1), scores.amax(-1), weights.amax(-1),
        )  # fmt: skip
        rows[:, :, queries] = torch.stack(measured).cpu()
    log_sum_exp, effective, distance, low, high, top = rows
    return Measures(log_sum_exp, effective.mean(-1), distance.mean(-1), low.amin(-1), high.amax(-1), top.amax(-1))


@torch.inference_mode()
def pooled(run: Trace, block: int, cells: int) -> tuple[Tensor, Tensor]:
    """The scores and the weights of ``block``, from 0, averaged down: (heads, cells, cells) each, float32 on the CPU.

    The cells are those of ``adaptive_avg_pool2d`` on the whole matrices.
    """
    rows = torch.empty(2, run.sizes["heads"], run.sizes["HW"], cells)
    for queries in _chunks(run):
        for matrix, whole in zip(rows, _rows(run, f"block{block}", queries), strict=True):
            matrix[:, queries] = F.adaptive_avg_pool1d(whole, cells).cpu()
    scores, weights = (F.adaptive_avg_pool2d(matrix, cells) for matrix in rows)  # keys are cells by now: queries too
    return scores, weights


@torch.inference_mode()
def difference(model: Model, run: Trace) -> list[float]:
    """How far the attention on show is from a plain forward pass of ``model``, which made ``run``: one number per block.

    On show are softmax(query @ key) of the run, as the browser computes them. The plain pass is the model's own code in
    eval mode, nothing folded, where the model lies; its weights are compared or, where it makes none, its mixed
    values. The number is the largest absolute difference.
    """
    largest: list[float] = []

    def keep(name: str, tensor: Tensor) -> Tensor:
        block, _, stage = name.partition(".")
        if stage == "weights" or (stage == "mixed" and f"{block}.weights" not in run):
            largest.append(_difference(run, block, stage, tensor))
        return tensor

    device = next(model.parameters()).device
    # In training mode the model's own BatchNorm statistics would move.
    plain = copy.deepcopy(model).eval() if model.training else model
    with full_precision(device):
        plain(run["image"].to(device).contiguous(), keep)
    return largest


def _difference(run: Trace, block: str, stage: str, plain: Tensor) -> float:
    """The largest difference between a block's ``plain`` "weights" or "mixed" and those on show."""
    largest = torch.empty(run.sizes["HW"])  # of each query
    for queries in _chunks(run):
        shown = _scores(run, block, queries).softmax(dim=-1)
        if stage == "mixed":
            shown = shown @ run[f"{block}.value"][0]
        largest[queries] = (shown - plain[0, :, queries].to(shown.device)).abs().amax((0, 2)).cpu()
    return float(largest.amax())


def _chunks(run: Trace) -> Iterator[slice]:
    """All queries, so few at a time that their rows in all heads are at most ``CHUNK`` entries (but one query at least)."""
    heads, HW = run.sizes["heads"], run.sizes["HW"]
    step = max(1, CHUNK // (heads * HW))
    return (slice(first, min(first + step, HW)) for first in range(0, HW, step))


def _scores(run: Trace, block: str, queries: slice) -> Tensor:
    """Rows of all heads' scores from the run's query and key: (heads, queries, HW)."""
    return run[f"{block}.query"][0, :, queries] @ run[f"{block}.key"][0]


def _rows(run: Trace, block: str, queries: slice) -> tuple[Tensor, Tensor]:
    """Rows of all heads' scores and weights, (heads, queries, HW) each: the stored ones, or computed where none are."""
    if f"{block}.weights" in run:
        return run[f"{block}.scores"][0, :, queries], run[f"{block}.weights"][0, :, queries]
    scores = _scores(run, block, queries)
    return scores, scores.softmax(dim=-1)


def effective_tokens(weights: Tensor) -> Tensor:
    """exp(entropy) of each row of ``weights`` (..., HW): (...), in tokens."""
    return torch.special.entr(weights).sum(-1).exp()


def distances(grid: tuple[int, int], queries: slice = slice(None)) -> Tensor:
    """How far the tokens ``queries`` of a grid (H, W) are from all its tokens: float64 (queries, HW), in tokens."""
    place = torch.cartesian_prod(*(torch.arange(side, dtype=torch.float64) for side in grid))
    return torch.cdist(place[queries], place)


def shrink(tensor: Tensor, longest: int) -> Tensor:
    """(..., h, w) averaged down to at most ``longest`` cells a side; a smaller one as it is."""
    h, w = tensor.shape[-2:]
    scale = min(1.0, longest / max(h, w))
    return F.adaptive_avg_pool2d(tensor, (max(1, round(h * scale)), max(1, round(w * scale)))) if scale < 1 else tensor


def pyramid_level(run: Trace, n: int) -> Tensor:
    """What is shown of a pyramid level: its first channels, (1, PYRAMID_CHANNELS, h, w) averaged down to PYRAMID_CELLS a side."""
    return shrink(run[f"pyramid{n}"][:, :PYRAMID_CHANNELS], PYRAMID_CELLS)


def strength(tensor: Tensor) -> Tensor:
    """Root mean square over the channels, (1, C, H, W) to (1, 1, H, W), averaged down to at most PYRAMID_CELLS."""
    power = tensor.float().square().mean(1, keepdim=True)
    return shrink(power, PYRAMID_CELLS).sqrt()


def by_level(tokens: Tensor, channels: Sequence[int]) -> Tensor:
    """The strength of each level's part of the channels, (1, 4, H, W)."""
    return torch.cat([strength(part) for part in tokens.split(list(channels), dim=1)], dim=1)


def popularity(weights: Tensor) -> Tensor:
    """How much each token is read, (1, heads, HW) of weights (1, heads, HW, HW): 1 is uniform."""
    return weights.mean(2) * weights.shape[-1]


def cosines(tokens: Tensor, asking: Sequence[int]) -> Tensor:
    """Cosine similarity of all tokens of (1, C, H, W) with those that ask, the mean over these: (HW,), on the CPU.

    With a token of length 0 it is 0.
    """
    unit = F.normalize(tokens[0].flatten(1).double().cpu(), dim=0, eps=1e-300)
    return (unit[:, list(asking)].mean(1) @ unit).float()


class OnMostLike(NamedTuple):
    """``share`` of a line of weights that lies on as many ``tokens``; ``uniform``: if all weights were the same."""

    tokens: int
    share: float
    uniform: float


def on_most_like(line: Tensor, likeness: Tensor, asking: Sequence[int]) -> OnMostLike | None:
    """What of a row or column of weights (HW,) lies on the tokens most like those that ask, which are left out: a tenth of all.

    ``likeness`` (HW,) as ``cosines`` gives it. None where no other token is.
    """
    alone = set(asking)
    others = [j for j in likeness.argsort(descending=True, stable=True).tolist() if j not in alone]
    first = others[: math.ceil(len(line) / 10)]
    if not first:
        return None
    total = float(line.sum()) or 1.0  # a column that no row gives a weight
    return OnMostLike(len(first), float(line[first].sum()) / total, len(first) / len(line))


def added(run: Trace, n: int) -> float:
    """The size of what block ``n``'s attention adds, as a part of the feature map's own: root mean squares."""
    return float(run[f"block{n}.projected"].square().mean().sqrt() / run[f"block{n}.tokens"].square().mean().sqrt())
