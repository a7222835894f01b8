"""What each part of the network costs: parameters, and multiply-adds at a given image size."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from topformer_viz.model import SIZES, TopFormer


@dataclass(frozen=True)
class Published:
    """What the paper's table 1 says of a size at 512 x 512 with ADE20K's 150 classes (batch 4 x 8): mIoU in percent."""

    params: float
    gflops: float
    miou: float


PUBLISHED = {
    "tiny": Published(1.4e6, 0.6, 34.6),
    "small": Published(3.1e6, 1.2, 37.0),
    "base": Published(5.1e6, 1.8, 39.2),
}


@dataclass(frozen=True)
class Cost:
    """Parameters and multiply-adds of one part, named as in a trace: "pyramid2", "block0", "injected1", "class_scores"."""

    part: str
    params: int
    multiply_adds: int


@cache
def costs(size: str, classes: int | None, height: int, width: int) -> tuple[Cost, ...]:
    """Each part's cost for one image of height x width pixels, counted without computing anything.

    Convolutions and matrix products are counted, as the authors do; BatchNorm, activations, pooling, resizing and
    softmax are not. The stem counts with the first pyramid level.
    """
    with torch.device("meta"):
        model, image = TopFormer(size, classes).eval(), torch.empty(1, 3, height, width)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    counted = counter.get_flop_counts()

    def cost(part: str, *modules: str) -> Cost:
        flops = sum(sum(counted.get(f"TopFormer.{name}", {}).values()) for name in modules)
        params = sum(p.numel() for name in modules for p in model.get_submodule(name).parameters())
        return Cost(part, params, flops // 2)  # one multiply-add is counted as two operations

    def parts() -> Iterator[Cost]:
        levels = SIZES[size].levels
        for n, (before, level) in enumerate(zip((-1, *levels), levels, strict=False)):
            layers = [f"backbone.tpm.layer{i + 1}" for i in range(before + 1, level + 1)]
            yield cost(f"pyramid{n}", *(["backbone.tpm.stem"] if n == 0 else []), *layers)
        for n in range(model.num_blocks):
            yield cost(f"block{n}", f"backbone.trans.transformer_blocks.{n}")
        if classes is not None:
            for n in (1, 2, 3):
                yield cost(f"injected{n}", f"backbone.SIM.{n}")
            yield cost("class_scores", "decode_head")

    return tuple(parts())
