"""The network's input: an image's sides, and the image as a tensor."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from topformer_viz.network.images import CELL

# Per channel (R, G, B), for values in 0..1: the ImageNet statistics TopFormer was trained with. They are
# torchvision's (https://pytorch.org/vision/stable/models.html); times 255 they are `img_norm_cfg` in
# https://github.com/hustvl/TopFormer.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def network_size(width: int, height: int, short_side: int = 512, max_tokens: int | None = None) -> tuple[int, int]:
    """The (width, height) in pixels, both multiples of 64, at which an image is fed to the network.

    ``width``, ``height``: the image's own size in pixels; its proportions are kept to the nearest
    multiple of 64. ``short_side``: the wanted short side in pixels, rounded to a multiple of 64.
    ``max_tokens``: the most tokens wanted, of 64 x 64 pixels each; to keep to it, the whole is reduced in steps of 64
    of the short side, and if one row of tokens is still too many, the row is cut.

    Raises ValueError if any of them is less than 1.
    """
    if min(width, height, short_side, 1 if max_tokens is None else max_tokens) < 1:
        raise ValueError("width, height, short_side and max_tokens must be at least 1")
    small, large = sorted((width, height))

    def along(short: int) -> int:
        return (2 * short * large + small) // (2 * small)  # tokens on the long side, rounded; never less than short

    short = max(1, (short_side + CELL // 2) // CELL)
    long = along(short)
    if max_tokens is not None:
        while short > 1 and short * long > max_tokens:
            short -= 1
            long = along(short)
        long = min(long, max_tokens // short)
    return (long * CELL, short * CELL) if width >= height else (short * CELL, long * CELL)


def to_tensor(image: Image.Image) -> Tensor:
    """The network's input, float32 (1, 3, H, W): ``image`` (mode "RGB", H x W pixels) / 255, less MEAN, by STD.

    Raises ValueError if the image is of another mode.
    """
    if image.mode != "RGB":
        raise ValueError(f'the image must be of mode "RGB", not "{image.mode}"')
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return pixels.contiguous().float().div_(255).sub_(mean).div_(std)
