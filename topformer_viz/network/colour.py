"""A network with a meaning before any training: TopFormer's attention over a grid of average colours.

Its parameters are fixed by the formulas below. Each of its four heads asks one question, and each token reads the
tokens whose answer is like its own. It was designed to do that; nothing in it is learned.

With linear q and k on plain RGB each row would peak at the most saturated colours, at the hull, and not at a
colour's own kind. So each token carries, beside the features u of a question, their squared length |u|^2 and a 1.
Then minus the squared distance is a plain dot product of two linear maps of the tokens:

    score_ij = -b |u_i - u_j|^2 = (2b u_i, -b, -b |u_i|^2) . (u_j, |u_j|^2, 1)

which is 0, the largest it can be, where j is i.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from topformer_viz.network.input import MEAN, STD
from topformer_viz.network.model import Attention, Conv2d_BN, Keep, TopFormer, ignore, under

# Channels of a token: the ten features (which are also what each head's value hands on), then the squared lengths.
# Lightness and place are measured from the middle.
FEATURES = ("red", "green", "blue", "L", "a", "b", "hue_x", "hue_y", "row", "column")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "colour": ("L", "a", "b"),
    "brightness": ("L",),
    "hue": ("hue_x", "hue_y"),
    "place": ("row", "column"),
}
# b above, one per head: a token at distance 1 / sqrt(b) is read exp(-1) times as much as the token itself.
SHARPNESS = {"colour": 400.0, "brightness": 600.0, "hue": 40.0, "place": 120.0}
CHANNELS = (*FEATURES, *(f"{question} squared" for question in QUESTIONS), "one")
KEY_DIM = 5  # three features, their squared length and 1
MIN_GRID, MAX_GRID = 8, 64
GREY = 0.04  # Oklab chroma below which a colour counts as nearly grey, and its hue fades out


def oklab(rgb: Tensor) -> Tensor:
    """sRGB in 0..1 to Oklab, both (B, 3, H, W): distances near those people see (B. Ottosson, 2020)."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    cones = rgb.new_tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    opponents = rgb.new_tensor(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lms = torch.einsum("oc,bchw->bohw", cones, linear).clamp(min=0) ** (1 / 3)
    return torch.einsum("oc,bchw->bohw", opponents, lms)


class ColourModel(nn.Module):
    """One attention module, (B, 3, Y, X) normalised RGB in, (B, 15, H, W) out.

    ``grid`` is the number of tokens along the image's short side, 8 to 64 (ValueError otherwise).
    """

    def __init__(self, grid: int = 8) -> None:
        super().__init__()
        if not MIN_GRID <= grid <= MAX_GRID:
            raise ValueError(f"the colour model's grid is {MIN_GRID} to {MAX_GRID} tokens, not {grid}")
        self.grid, self.num_heads, self.num_blocks = grid, len(QUESTIONS), 1
        self.attn = Attention(len(CHANNELS), KEY_DIM, self.num_heads, attn_ratio=2)
        self._set_weights()

    @torch.no_grad()
    def _set_weights(self) -> None:
        for layer in self.modules():
            if isinstance(layer, Conv2d_BN):
                layer.c.weight.zero_()
                layer.bn.weight.fill_(1.0)
                # BatchNorm divides by sqrt(var + eps): by exactly 1
                layer.bn.running_var.fill_(1.0 - layer.bn.eps)  # type: ignore[union-attr]
        channel = {name: i for i, name in enumerate(CHANNELS)}
        to_q, to_k, to_v = (layer.c.weight for layer in (self.attn.to_q, self.attn.to_k, self.attn.to_v))
        proj = self.attn.proj.get_parameter("1.c.weight")
        for head, (question, features) in enumerate(QUESTIONS.items()):
            b, row = SHARPNESS[question], head * KEY_DIM
            for i, feature in enumerate(features):
                to_q[row + i, channel[feature]] = 2 * b
                to_k[row + i, channel[feature]] = 1
            row += len(features)
            to_q[row, channel["one"]] = -b
            to_k[row, channel[f"{question} squared"]] = 1
            to_q[row + 1, channel[f"{question} squared"]] = -b
            to_k[row + 1, channel["one"]] = 1
            for i in range(len(FEATURES)):  # value: what a token hands on is its ten features
                to_v[head * self.attn.d + i, i] = 1
                proj[i, head * self.attn.d + i] = 1 / self.num_heads  # the heads' mean comes back

    def token_grid(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) of the grid for an image of height x width pixels; what a token covers is nearly as wide as high."""
        scale = self.grid / min(height, width)
        return round(height * scale), round(width * scale)

    def lift(self, image: Tensor) -> Tensor:
        """Average colour, its features and their squared lengths for each token: (B, 3, Y, X) to (B, 15, H, W)."""
        B, _, Y, X = image.shape
        H, W = self.token_grid(Y, X)
        means = F.adaptive_avg_pool2d(image, (H, W))
        mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        rgb = (means * std + mean).clamp(0, 1)
        lab = oklab(rgb) - rgb.new_tensor([0.5, 0, 0]).view(1, 3, 1, 1)  # small numbers keep float32 exact
        hue = lab[:, 1:] / (lab[:, 1:].square().sum(1, keepdim=True) + GREY**2).sqrt()
        unit = 2 * min(H, W)  # twice the short side, so that place lies in the same range as colour
        row = (torch.arange(H, device=image.device, dtype=image.dtype) - (H - 1) / 2) / unit
        column = (torch.arange(W, device=image.device, dtype=image.dtype) - (W - 1) / 2) / unit
        place = torch.stack(torch.meshgrid(row, column, indexing="ij")).expand(B, 2, H, W)
        features = torch.cat([rgb, lab, hue, place], dim=1)
        lengths = [
            features[:, [FEATURES.index(name) for name in names]].square().sum(1, keepdim=True)
            for names in QUESTIONS.values()
        ]
        return torch.cat([features, *lengths, torch.ones_like(lengths[0])], dim=1)

    def forward(self, image: Tensor, keep: Keep = ignore) -> Tensor:
        tokens = keep("tokens", self.lift(keep("image", image)))  # (B, C, H, W)
        keep = under("block0", keep)
        return keep("residual", tokens + self.attn(tokens, keep))  # (B, C, H, W)


Model = TopFormer | ColourModel
