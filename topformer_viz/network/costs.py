"""What each part of the network costs: parameters, and multiply-adds at a given image size."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from topformer_viz.network.model import Attention, Size, TopFormer

SAME_SIZE = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6)  # what they give is as large as what they get, and is not counted


@dataclass(frozen=True)
class Published:
    """What the authors' README says of a size at 512 x 512 with ADE20K's 150 classes (batch 4 x 8): mIoU in percent."""

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
def costs(size: str | Size, classes: int | None, height: int, width: int) -> tuple[Cost, ...]:
    """Each part's cost for one image of height x width image pixels, counted without computing anything; ``size`` and
    ``classes`` as ``TopFormer`` takes them.

    Convolutions and matrix products are counted, as the authors do; BatchNorm, activations, pooling, resizing and
    softmax are not. The stem counts with the first pyramid level.
    """
    # It has no parameters, and its convolutions only say the size of what they would give. All else runs on the CPU: on the
    # meta device a few operations load a compiler of 80 MB.
    with torch.device("meta"):
        model = TopFormer(size, classes).eval()
    adds: dict[str, int] = {}

    def count(name: str, module: nn.Module) -> None:
        def convolution(x: Tensor) -> Tensor:
            """What has the size of the convolution's result."""
            conv: Any = module
            h, w = (
                (side + 2 * pad - kernel) // stride + 1
                for side, pad, kernel, stride in zip(
                    x.shape[-2:], conv.padding, conv.kernel_size, conv.stride, strict=True
                )
            )
            adds[name] = conv.weight.numel() * h * w
            return torch.zeros(()).expand(1, conv.out_channels, h, w)

        def products(attn: Any, inputs: tuple[Tensor, ...], out: Tensor) -> None:
            tokens = out.shape[-2] * out.shape[-1]
            adds[name] = attn.num_heads * tokens**2 * (attn.key_dim + attn.d)  # query @ key, weights @ value

        if isinstance(module, nn.Conv2d):
            object.__setattr__(module, "forward", convolution)
        elif isinstance(module, SAME_SIZE):
            object.__setattr__(module, "forward", lambda x: x)
        elif isinstance(module, Attention):
            module.register_forward_hook(products)

    for name, module in model.named_modules():
        count(name, module)
    with torch.no_grad():
        model(torch.zeros(()).expand(1, 3, height, width))

    def cost(part: str, *modules: str) -> Cost:
        own = sum(n for name, n in adds.items() if f"{name}.".startswith(tuple(f"{m}." for m in modules)))
        params = sum(p.numel() for name in modules for p in model.get_submodule(name).parameters())
        return Cost(part, params, own)

    def parts() -> Iterator[Cost]:
        levels = model.spec.levels
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
