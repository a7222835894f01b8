"""Is a head's matrix of attention weights a covariance matrix? What tells the two apart, measured on one run.

Covariance and correlation are those of the block's tokens, tokens as variables and channels as samples, so that all
three are tables of HW x HW. All in float64.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

NOTHING = 1e-6  # relative to the largest: imaginary parts and asymmetries below it are rounding of float32
SYMMETRIC = 1e-12  # relative to the largest: below it the asymmetry is rounding of float64
MIXED = 0.01  # a walk has forgotten its start when its total variation distance from the limit is below this
LONGEST = 10_000  # steps for which a walk is followed


def covariance(tokens: Tensor) -> Tensor:
    """Covariance of the tokens of (1, C, H, W) over their C channels: (HW, HW)."""
    return torch.atleast_2d(torch.cov(tokens[0].flatten(1).T.double().cpu()))


def correlation(tokens: Tensor) -> Tensor:
    """The same of tokens brought to variance 1: (HW, HW). A token that is the same in all channels has variance 0: its entries are 0."""
    table = covariance(tokens)
    deviation = table.diagonal().sqrt()
    scale = torch.where(deviation > 0, 1 / deviation, 0.0)
    return table * scale * scale[:, None]


@dataclass(frozen=True)
class Checked:
    """What was measured of a table (HW, HW).

    ``asymmetry``: max |M - M^T| / max |M|. ``rows``, ``columns``: least and largest sum. ``negative``: share of the
    entries. ``eigenvalues``: complex128 (HW,), the largest first. ``turning``: the share of them that are complex.
    """

    asymmetry: float
    rows: tuple[float, float]
    columns: tuple[float, float]
    negative: float
    eigenvalues: Tensor
    turning: float


def check(table: Tensor) -> Checked:
    """Measure a table (HW, HW), float64."""
    largest = table.abs().amax().clamp(min=1e-300)
    asymmetry = float((table - table.T).abs().amax() / largest)
    eigenvalues = _eigenvalues(table, asymmetry)
    eigenvalues = eigenvalues[eigenvalues.abs().argsort(descending=True)]
    turning = eigenvalues.imag.abs() > NOTHING * eigenvalues[0].abs()
    return Checked(
        asymmetry=asymmetry,
        rows=_ends(table.sum(1)),
        columns=_ends(table.sum(0)),
        negative=float((table < 0).double().mean()),
        eigenvalues=eigenvalues,
        turning=float(turning.double().mean()),
    )


def _eigenvalues(table: Tensor, asymmetry: float) -> Tensor:
    if asymmetry < SYMMETRIC:
        return torch.linalg.eigvalsh((table + table.T) / 2).to(torch.complex128)
    try:
        return torch.linalg.eigvals(table)
    except torch.linalg.LinAlgError:
        # LAPACK's iteration may not converge where rows are nearly equal, as on an image of one colour; a change far
        # below float32's rounding, which the weights have anyway, lets it.
        noise = torch.rand(table.shape, dtype=table.dtype, generator=torch.Generator().manual_seed(0)) - 0.5
        return torch.linalg.eigvals(table + 1e-12 * float(table.abs().amax()) * noise)


def _ends(values: Tensor) -> tuple[float, float]:
    return float(values.amin()), float(values.amax())


@dataclass(frozen=True)
class Walk:
    """A walk over the tokens that steps from i to j with probability A_ij, begun at a token drawn uniformly.

    ``first`` and ``limit``, (HW,): where it is after one step (the mean of A's rows) and in the long run. ``steps``
    until it is within ``MIXED`` of the limit, None if not within ``LONGEST``. ``left``: max |limit A - limit|.
    """

    first: Tensor
    limit: Tensor
    steps: int | None
    left: float


def walk(weights: Tensor) -> Walk:
    """Follow the walk with the weights (HW, HW), whose rows sum to 1."""
    matrix = weights.double()
    matrix = matrix / matrix.sum(1, keepdim=True)  # float32's rows miss 1 by a hair, which a long walk would feel
    start = torch.full((len(matrix),), 1 / len(matrix), dtype=torch.float64)
    far = matrix
    for _ in range(40):  # 2^40 steps
        far = far @ far
        far = far / far.sum(1, keepdim=True)
    limit = start @ far
    left = float((limit @ matrix - limit).abs().amax())
    steps, at = None, start
    for n in range(LONGEST if left < NOTHING else 0):  # a walk to and fro may begin where it stands after 2^40 steps
        if float((at - limit).abs().sum()) / 2 < MIXED:
            steps = n
            break
        at = at @ matrix
    return Walk(start @ matrix, limit, steps, left)
