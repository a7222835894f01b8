"""Does an image look like those that the bundled checkpoint learned from?

Two measures, as each misses what the other sees. Where the tokens leave the last block: of the training images' tokens
``TYPICAL`` are kept that stand for all, found by spherical k-means (I. S. Dhillon, D. S. Modha, Machine Learning 42, 2001),
and an image is as unlike them as its tokens, on the mean, are unlike the typical one that is nearest. Where they enter the
first: the mean over the grid sums an image up in C numbers, and its Mahalanobis distance from those of the training images
(P. C. Mahalanobis, 1936) says how unusual they are together; so noise, drawings and flat colours stand out, of which the blocks
make tokens like any other. Something else can pass; ``card.py`` measures how often an image of val does not.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import torch as safetensors
from torch import Tensor

from topformer_viz.network.weights import EVERYDAY
from topformer_viz.run.tracing import Trace

FILE = EVERYDAY.with_name("likeness.safetensors")
TYPICAL = 128
ROUNDS = 20  # of k-means: later ones hardly move a centre
SHRINKAGE = 0.1  # part of the covariance's off-diagonal that is given up, as images are few beside C squared


def tokens(run: Trace) -> Tensor:
    """The tokens of the last block's output, each brought to length 1: float32 (HW, C), on the CPU."""
    name = max(name for name in run if name.endswith(".output"))
    return F.normalize(run[name][0].flatten(1).T.float().cpu(), dim=1)


def summary(run: Trace) -> Tensor:
    """The tokens that enter the first block, averaged over the grid: float64 (C,), on the CPU."""
    return run["tokens"][0].mean((1, 2)).double().cpu()


def fit(images: Iterable[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Of ``tokens`` and ``summary`` of each training image: the typical tokens, and what is usual of the summaries.

    ``typical``: float16 (at most TYPICAL, C), tokens of length 1. ``mean`` (C,) float32 and ``whiten`` (C, C) float16, whose rows turn a
    summary's difference from the mean into numbers of unit variance.
    """
    outputs, summaries = zip(*images, strict=True)
    return {"typical": _typical(torch.cat(outputs)).half(), **_usual(torch.stack(summaries))}


def _typical(every: Tensor) -> Tensor:
    drawn = torch.randperm(len(every), generator=torch.Generator().manual_seed(0))[:TYPICAL]
    typical = every[drawn]
    for _ in range(ROUNDS):
        nearest = (every @ typical.T).argmax(1)
        sums = torch.zeros_like(typical).index_add(0, nearest, every)
        typical = torch.where(sums.any(1, keepdim=True), F.normalize(sums, dim=1), typical)
    return typical


def _usual(summaries: Tensor) -> dict[str, Tensor]:
    covariance = torch.cov(summaries.T)
    variances = covariance.diag().clamp(min=1e-12)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * variances.diag()
    whiten = torch.linalg.cholesky(torch.linalg.inv(covariance)).T
    return {"mean": summaries.mean(0).float(), "whiten": whiten.contiguous().half()}


def distances(fitted: dict[str, Tensor], run: Trace) -> tuple[float, float]:
    """How unlike the training images a run is, where its tokens leave the blocks and where they enter them.

    1 minus the cosine similarity of a token and the typical one most like it, the mean over the run's tokens; and how far
    its summary lies from the mean, in standard deviations (root mean square over C directions).
    """
    typical = F.normalize(fitted["typical"].float(), dim=1)
    off = fitted["whiten"].double() @ (summary(run) - fitted["mean"].double())
    return 1 - float((tokens(run) @ typical.T).amax(1).double().mean()), float(off.square().mean().sqrt())


def unlike(fitted: dict[str, Tensor], run: Trace, far: Sequence[float]) -> bool:
    """Whether either of the run's ``distances`` is more than its own in ``far``."""
    return any(distance > most for distance, most in zip(distances(fitted, run), far, strict=True))


def save(fitted: dict[str, Tensor], file: Path = FILE) -> None:
    file.write_bytes(safetensors.save(fitted))


def load(file: Path = FILE) -> dict[str, Tensor]:
    return safetensors.load_file(file)
