"""What each head looks at, measured on labelled images.

With A (HW, HW) a head's weights on an image and F (HW, classes) the share of each token's image pixels that carries each
class, Q^T A F is the attention that falls from class to class, where Q is F and one more column of ones, the same for
every token. Divided by its row's sum it is a share; divided by the share that uniform rows give on the same images it
is a ratio, and 1 is uniform. Sums run over all images before anything is divided.

The uncertainty is over images: 95 % bootstrap intervals (Efron, 1979), images drawn with replacement.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from topformer_viz.network.colour import Model
from topformer_viz.network.input import to_tensor
from topformer_viz.run.inference import inference_copy, run
from topformer_viz.run.measures import distances, effective_tokens
from topformer_viz.run.segmentation import segment
from topformer_viz.run.tracing import Trace
from topformer_viz.study.heads import Estimate, HeadFinding, NetworkFinding, Telling, telling
from topformer_viz.terminal.training.data import Photographs
from topformer_viz.terminal.training.score import as_shown

RESAMPLES, SEED = 1000, 0
INTERVAL = (0.025, 0.975)
DIGITS = 4  # significant ones that are kept in the file


def pooled(labels: Tensor, classes: int, grid: tuple[int, int]) -> Tensor:
    """Share of each token's area that carries each class: uint8 labels (Y, X) to float64 (HW, classes).

    An image pixel that a token's border cuts counts on either side by its area. What carries none counts to no class,
    so that a token's shares sum to at most 1.
    """
    known = labels < classes
    planes = F.one_hot(labels.where(known, 0).long(), classes).double() * known[..., None]
    rows, columns = (_cover(side, tokens) for side, tokens in zip(labels.shape, grid, strict=True))
    return torch.einsum("hy,yxc,wx->hwc", rows, planes, columns).flatten(0, 1)


def _cover(pixels: int, tokens: int) -> Tensor:
    """Which part of each token's side each image pixel covers, (tokens, pixels)."""
    edges = torch.arange(tokens + 1, dtype=torch.float64) * pixels / tokens
    pixel = torch.arange(pixels)
    inside = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    return inside.clamp(min=0) * tokens / pixels


@dataclass(frozen=True)
class Reading:
    """What n attention matrices do on one image; the last is uniform, to compare with.

    ``mass`` (n, classes + 1, classes): attention from class to class, in the last row from every token; ``effective``
    (n,): mean exp(entropy) of the rows; ``distance`` (n,): mean distance in tokens; ``labels`` (HW, classes), pooled.
    """

    mass: Tensor
    effective: Tensor
    distance: Tensor
    labels: Tensor


def reading(weights: Tensor, labels: Tensor, grid: tuple[int, int]) -> Reading:
    """Measure heads' weights (heads, HW, HW) on an image with the pooled ``labels`` (HW, classes), float64."""
    weights = torch.cat([weights, torch.full_like(weights[:1], 1 / len(labels))])
    asking = torch.cat([labels, torch.ones_like(labels[:, :1])], dim=1)
    return Reading(
        mass=asking.T @ weights @ labels,
        effective=effective_tokens(weights).mean(-1),
        distance=(weights * distances(grid)).sum(-1).mean(-1),
        labels=labels,
    )


def summarise(readings: Sequence[Reading], num_heads: int) -> NetworkFinding:
    """Estimates over the images, for blocks of ``num_heads`` heads each."""
    mass, effective, distance = (
        np.stack([getattr(r, name).numpy() for r in readings]) for name in ("mass", "effective", "distance")
    )
    once = np.ones((1, len(readings)))
    drawn = np.random.default_rng(SEED).multinomial(len(readings), once[0] / len(readings), RESAMPLES)
    counts = np.concatenate([once, drawn])  # (1 + resamples, images): how often each image counts
    mass, effective, distance = (np.tensordot(counts, values, 1) for values in (mass, effective, distance))
    with np.errstate(invalid="ignore"):  # 0 / 0 where two classes never meet: NaN, and null in the end
        share = mass / mass.sum(-1, keepdims=True)
        ratio = share / share[:, -1:]
    effective, distance = (
        values / values[:, -1:] * values[0, -1] / len(readings) for values in (effective, distance)
    )  # mean over images, in each draw with the mean grid of all of them
    heads = [
        HeadFinding(effective=own[0], distance=own[1], ratio=own[2][:-1], read=own[2][-1])
        for own in zip(*(_estimates(values) for values in (effective, distance, ratio)), strict=True)
    ][:-1]
    labels = [r.labels for r in readings]
    present = np.stack([(shares.sum(0) > 0).numpy() for shares in labels]).astype(int)
    tokens = [len(shares) for shares in labels]
    return NetworkFinding(
        pictures=len(readings),
        tokens=(min(tokens), _rounded(float(np.mean(tokens))), max(tokens)),
        labelled=_rounded(float(np.mean([float(shares.sum(1).mean()) for shares in labels]))),
        distance=_rounded(distance[0, -1]),
        together=(present.T @ present).tolist(),
        chance=[[None if np.isnan(x) else _rounded(x) for x in row] for row in share[0, -1]],
        heads=[heads[i : i + num_heads] for i in range(0, len(heads), num_heads)],
    )


def _estimates(values: np.ndarray) -> Any:
    """Nested lists of estimates from (1 + resamples, ...): first each image once, then the draws."""
    once, draws = values[0], values[1:]
    # A draw without the two classes' images says nothing; where no draw says anything, nor does the number.
    ends = np.nanquantile(np.where(np.isnan(once), 0.0, draws), INTERVAL, axis=0)

    def nested(estimate: np.ndarray) -> Any:
        if estimate.ndim > 1:
            return [nested(part) for part in estimate]
        return None if np.isnan(estimate[0]) else Estimate(*(_rounded(x) for x in estimate))

    return nested(np.moveaxis(np.stack([once, *ends]), 0, -1))


def _rounded(x: float) -> float:
    return float(f"{x:.{DIGITS}g}")


def measure(model: Model, data: Photographs, device: torch.device) -> dict[str, Any]:
    """What every head of ``model`` looks at on ``data``'s val, as JSON takes it: ``NetworkFinding``'s fields by name.

    Images are shown as the app shows them; an estimate is [value, low, high] or null. The order of val plays no part.
    """
    fast = inference_copy(model, device)
    readings = []
    for stem in tqdm(sorted(data.val), desc="measuring the heads", unit="image", leave=False):
        found: list[Tensor] = []

        def keep(name: str, x: Tensor, found: list[Tensor] = found) -> Tensor:
            if name.endswith(".weights"):
                found.append(x[0].cpu().double())
            return x

        image = to_tensor(as_shown(data.picture(stem)))
        grid = model.token_grid(*image.shape[-2:])
        run(fast, image, keep)
        readings.append(reading(torch.cat(found), pooled(data.labels(stem), len(data.classes), grid), grid))
    return asdict(summarise(readings, model.num_heads))


def shown(network: NetworkFinding, runs: Mapping[str, Trace]) -> list[list[dict[str, Any] | None]]:
    """For every head the token of the samples at which what is told of it shows most clearly, ``Shown``'s fields by name.

    ``runs``: the trained network's, by sample. What lies where is what the network itself says there. Of a preference, the
    token whose row differs most from a uniform one by the share that falls on the class that is read; else the token that
    reads nearest, or least or most evenly. None where no sample has a token to show, or nothing of the class that is read.
    """
    labels = {name: pooled(_said(traced), len(network.together), _grid(traced)) for name, traced in runs.items()}
    return [
        [_clearest(telling(head, network), b, h, runs, labels) for h, head in enumerate(block)]
        for b, block in enumerate(network.heads)
    ]


def _clearest(
    told: Telling, block: int, head: int, runs: Mapping[str, Trace], labels: Mapping[str, Tensor]
) -> dict[str, Any] | None:
    candidates = []
    for name, traced in runs.items():
        weights = traced[f"block{block}.weights"][0, head].double().cpu()
        clear = _clear(told, weights, labels[name], _grid(traced))
        candidates.append((float(clear.max()), name, int(clear.argmax()), weights))
    most, name, token, weights = max(candidates, key=lambda found: found[0])
    if most == -math.inf:
        return None
    return {
        "sample": name,
        "grid": _grid(runs[name]),
        "token": token,
        "weights": [_rounded(float(x)) for x in weights[token]],
    }


def _clear(told: Telling, weights: Tensor, labels: Tensor, grid: tuple[int, int]) -> Tensor:
    """How clearly each token shows what is told, (HW,); -inf where it cannot."""
    effective = effective_tokens(weights)
    if told.what == "one-hot":
        return -effective
    if told.what == "uniform":
        return effective
    if told.what == "local":
        return -(weights * distances(grid)).sum(-1)
    if not told.is_ratio:
        return torch.full_like(effective, -math.inf)
    asking = labels[:, told.k] < 0.5 if told.what == "key" else labels[:, told.c] > 0.5
    more = weights @ labels[:, told.k] - labels[:, told.k].mean()
    apart = -more if told.what == "less" else more
    return apart.where(asking & (apart > 0), -math.inf)


def _said(traced: Trace) -> Tensor:
    """The network's own segmentation, uint8 (Y, X)."""
    return segment(traced["class_scores"], (traced.sizes["Y"], traced.sizes["X"])).labels.byte()


def _grid(traced: Trace) -> tuple[int, int]:
    return traced.sizes["H"], traced.sizes["W"]
