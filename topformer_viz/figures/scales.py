"""Colour scales for pictures that are to be compared: one over all their numbers. NaN stands for no number."""

from dataclasses import replace

from torch import Tensor

from topformer_viz.figures.panel import Scale

ROUNDING = 1e-5  # relative differences up to this are float32's rounding


def shares(*values: Tensor, quantity: str = "") -> Scale:
    """For weights, from 0 to the largest of all ``values``; colour grows with the square root."""
    return Scale(0.0, _range(*values)[1], quantity, root=True)


def plain(*values: Tensor, quantity: str = "") -> Scale:
    """From the smallest to the largest of all ``values``; about 0 where they have both signs."""
    return Scale(*_range(*values), quantity)


def signed(*values: Tensor, quantity: str = "") -> Scale:
    """About 0, up to the largest absolute value."""
    low, high = _range(*values)
    largest = max(-low, high)
    return Scale(-largest, largest, quantity, centred=True)


def off_rounding(scale: Scale, whole: Tensor) -> Scale:
    """A difference's scale, wide enough beside the ``whole`` that rounding is not drawn in bright colours."""
    least = ROUNDING * float(whole.abs().amax())
    return replace(scale, low=-least if scale.low < 0 else scale.low, high=least) if 0 < scale.high < least else scale


def _range(*values: Tensor) -> tuple[float, float]:
    """The smallest and the largest number."""
    finite = [value[value.isfinite()] for value in values]
    finite = [value for value in finite if value.numel()]
    if not finite:
        return 0.0, 0.0
    return min(float(v.amin()) for v in finite), max(float(v.amax()) for v in finite)
