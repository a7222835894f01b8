"""Does an image look like the streets that the bundled checkpoint knows?

The mean of the last block's output over the token grid sums an image up in C numbers. Its Mahalanobis distance from
those of the training images (P. C. Mahalanobis, 1936) says how unusual they are together. It is a simple test: an
image of something else can pass it, and ``card.py`` measures how often a street does not.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import torch as safetensors
from torch import Tensor

from topformer_viz.network.weights import STREETS
from topformer_viz.run.tracing import Trace

FILE = STREETS.with_name("likeness.safetensors")
SHRINKAGE = 0.1  # part of the covariance's off-diagonal that is given up, as images are few beside C squared


def summary(run: Trace) -> Tensor:
    """The last block's output, averaged over the grid: float64 (C,), on the CPU."""
    name = max(name for name in run if name.endswith(".output"))
    return run[name][0].mean((1, 2)).double().cpu()


def fit(summaries: Iterable[Tensor]) -> dict[str, Tensor]:
    """Mean (C,) and whitening matrix (C, C) of summaries; the latter's rows turn a difference into unit variance."""
    all_of_them = torch.stack(list(summaries))
    covariance = torch.cov(all_of_them.T)
    variances = covariance.diag().clamp(min=1e-12)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * variances.diag()
    whiten = torch.linalg.cholesky(torch.linalg.inv(covariance)).T
    return {"mean": all_of_them.mean(0).float(), "whiten": whiten.contiguous().float()}


def distance(fitted: dict[str, Tensor], run: Trace) -> float:
    """How far the run's summary lies from the mean, in standard deviations (root mean square over C directions)."""
    off = fitted["whiten"].double() @ (summary(run) - fitted["mean"].double())
    return float(off.square().mean().sqrt())


def save(fitted: dict[str, Tensor], file: Path = FILE) -> None:
    file.write_bytes(safetensors.save(fitted))


def load(file: Path = FILE) -> dict[str, Tensor]:
    return safetensors.load_file(file)
