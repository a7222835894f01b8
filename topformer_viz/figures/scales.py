"""Colour scales for maps that are to be compared: one over all their numbers. NaN stands for no number."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from topformer_viz.figures.panel import Scale
from topformer_viz.words.misspelt import known

# How maps of attention are coloured, in figures and on the screen; the first of each is the default.
COLOURS = ("root", "linear", "log")  # colour grows with the attention weight's square root, the weight, its logarithm
SCALES = ("each", "all")  # every map from 0 to its own maximum, or all that stand together to the largest of them
ROUNDING = 1e-5  # relative differences up to this are float32's rounding
LEAST = 1e-4  # of the largest weight: where a logarithmic scale begins


def shares(*values: Tensor, quantity: str = "", colour: str = COLOURS[0]) -> Scale:
    """For attention weights, from 0 to the largest of all ``values``, or on "log" from LEAST of it on.

    ValueError for a ``colour`` that is none of COLOURS.
    """
    known("colour", colour, COLOURS)
    high = _range(*values)[1]
    return Scale(LEAST * high if colour == "log" else 0.0, high, quantity, log=colour == "log", root=colour == "root")


def attention_scales(maps: Sequence[Tensor], values: str, quantity: str, colour: str, scale: str) -> list[Scale]:
    """A scale for each of ``maps`` of "weights" (``shares``) or "scores": from the smallest to the largest, or about 0 where
    the maps together have both signs, so that a colour's sign is the same in all of them.

    ValueError for a ``colour`` that is none of COLOURS or a ``scale`` that is none of SCALES.
    """
    known("scale", scale, SCALES)
    together = [maps] * len(maps) if scale == "all" else [[one] for one in maps]
    if values == "scores":
        known("colour", colour, COLOURS)
        kind = signed if plain(*maps).signed else plain
        return [kind(*each, quantity=quantity) for each in together]
    return [shares(*each, quantity=quantity, colour=colour) for each in together]


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
