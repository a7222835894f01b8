"""Numbers as colours: the scales of panels on matplotlib's colour maps."""

from functools import cache

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, LogNorm, Normalize, PowerNorm

from topformer_viz.figures.look import MAPS
from topformer_viz.figures.panel import Scale


def coloured(values: np.ndarray, scale: Scale, map: str = MAPS[0]) -> np.ndarray:
    """Numbers as colours (rows, cols, 4) uint8, ``map`` of MAPS; transparent where there is no number."""
    low, high = scale.ends
    return colours(map_of(scale, map))(_norm(scale)(np.clip(np.ma.masked_invalid(values), low, high)), bytes=True)


@cache
def colours(name: str) -> Colormap:
    """A colour map of 256 shades, however many a matplotlibrc has the maps made of."""
    return matplotlib.colormaps[name].resampled(256)


def map_of(scale: Scale, map: str = MAPS[0]) -> str:
    """The name of its colour map: ``map``, where its middle is no place of its own."""
    return "RdBu_r" if scale.diverging else map


def _norm(scale: Scale) -> Normalize:
    low, high = scale.ends
    if scale.root:
        return PowerNorm(0.5, low, high)
    return LogNorm(low, high) if scale.log else Normalize(low, high)
