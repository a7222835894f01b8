"""How much of what a map of attention holds its colours show, over every map of the bundled weights."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from topformer_viz import load_model, trace
from topformer_viz.figures.scales import COLOURS, SCALES, attention_scales
from topformer_viz.figures.shades import coloured, colours
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import SAMPLES, open_sample

LOWEST, MOST = 1 / 12, 0.9  # of the colours, of a map's cells


@pytest.fixture(scope="module")
def blocks() -> list[torch.Tensor]:
    """The attention weights of every sample and block, (heads, HW, HW), at the app's size."""
    model = load_model("everyday")

    def made() -> Iterator[torch.Tensor]:
        for name in SAMPLES:
            picture = open_sample(name)
            photo = picture.resize(network_size(*picture.size, 512, 4096), Image.Resampling.LANCZOS)
            run = trace(model, photo)
            for block in range(model.num_blocks):
                yield run[f"block{block}.weights"][0]

    return list(made())


def share_of_flat_maps(blocks: list[torch.Tensor], colour: str, scale: str) -> float:
    """Of all maps, a map for each token and head, the share that nearly fills the lowest colours, as they are drawn."""
    lowest = {tuple(shade) for shade in colours("viridis")(np.arange(int(256 * LOWEST)), bytes=True).tolist()}
    codes = np.array([int.from_bytes(bytes(shade), "big") for shade in lowest])
    flat = total = 0
    for weights in blocks:
        for maps in weights.unbind(1):  # one token's in every head: what a figure shows together
            scales = attention_scales([*maps], "weights", "", colour, scale)
            drawn = [coloured(shown.numpy()[None], own)[0] for shown, own in zip(maps, scales, strict=True)]
            flat += int((np.isin(np.stack(drawn).view(">u4")[..., 0], codes).mean(-1) >= MOST).sum())
            total += len(drawn)
    return flat / total


def test_the_default_colours_show_what_is_spread(blocks: list[torch.Tensor]) -> None:
    default = share_of_flat_maps(blocks, COLOURS[0], SCALES[0])
    print(f"root, each: {default:.1%}")
    assert default <= 0.08


def test_the_other_colours_show_less(blocks: list[torch.Tensor]) -> None:
    own, shared = (share_of_flat_maps(blocks[:4], "linear", scale) for scale in ("each", "all"))  # of one image
    print(f"linear, each: {own:.1%}; linear, all: {shared:.1%}")
    assert 0.08 < own < shared
