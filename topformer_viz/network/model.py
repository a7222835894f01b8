"""TopFormer (Zhang et al., CVPR 2022, arXiv 2204.05525) in one file, to be read from top to bottom.

The attributes carry the names of the authors' code (github.com/hustvl/TopFormer), so that published
checkpoints load. Every tensor worth teaching passes through ``keep(name, tensor)``, which hands it back
unchanged: a plain forward pass ignores it, ``topformer_viz.trace`` records it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Keep = Callable[[str, Tensor], Tensor]

DENSE_TOKENS = 1_024  # above it attention makes no HW x HW tensor: they soon take gigabytes


def ignore(name: str, tensor: Tensor) -> Tensor:
    """The ``keep`` of a plain forward pass: records nothing."""
    return tensor


def under(prefix: str, keep: Keep) -> Keep:
    """``keep`` with every name put under ``prefix``: "scores" becomes "block0.scores"."""
    return lambda name, tensor: keep(f"{prefix}.{name}", tensor)


@dataclass(frozen=True)
class Size:
    """What tells tiny, small and base apart, and what else a checkpoint may set: the last two are those of ADE20K.

    ``residuals`` lists the inverted residuals as (kernel, expand, out channels, stride); ``levels`` are the
    0-based ones whose outputs form the token pyramid; ``injected`` is the width M of the injected maps;
    ``depthwise_fuse``: whether the head's first convolution leaves each of these channels to itself.
    """

    name: str
    residuals: tuple[tuple[int, int, int, int], ...]
    levels: tuple[int, int, int, int]
    heads: int
    injected: int
    depthwise_fuse: bool

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the four pyramid levels; their sum is C."""
        return tuple(self.residuals[level][2] for level in self.levels)


# fmt: off
SIZES: dict[str, Size] = {size.name: size for size in (
    Size("tiny",
        residuals=((3, 1, 16, 1), (3, 4, 16, 2), (3, 3, 16, 1), (5, 3, 32, 2), (5, 3, 32, 1),
                   (3, 3, 64, 2), (3, 3, 64, 1), (5, 6, 96, 2), (5, 6, 96, 1)),
        levels=(2, 4, 6, 8), heads=4, injected=128, depthwise_fuse=True),
    Size("small",
        residuals=((3, 1, 16, 1), (3, 4, 24, 2), (3, 3, 24, 1), (5, 3, 48, 2), (5, 3, 48, 1),
                   (3, 3, 96, 2), (3, 3, 96, 1), (5, 6, 128, 2), (5, 6, 128, 1), (3, 6, 128, 1)),
        levels=(2, 4, 6, 9), heads=6, injected=192, depthwise_fuse=False),
    Size("base",
        residuals=((3, 1, 16, 1), (3, 4, 32, 2), (3, 3, 32, 1), (5, 3, 64, 2), (5, 3, 64, 1),
                   (3, 3, 128, 2), (3, 3, 128, 1), (5, 6, 160, 2), (5, 6, 160, 1), (3, 6, 160, 1)),
        levels=(2, 4, 6, 9), heads=8, injected=256, depthwise_fuse=False),
)}
# fmt: on

KEY_DIM, ATTN_RATIO, MLP_RATIO, BLOCKS = 16, 2, 2, 4  # the same in every size
STEM_CHANNELS = 16


class Conv2d_BN(nn.Sequential):
    """A convolution without bias, then BatchNorm."""

    def __init__(
        self,
        inp: int,
        out: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        bn_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(inp, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)
        nn.init.constant_(self.bn.weight, bn_weight)


class InvertedResidual(nn.Module):
    """1x1 convolution to ``expand`` times the width, k x k depthwise, 1x1 back; a skip where shapes allow."""

    def __init__(self, inp: int, out: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inp * expand
        widen = [] if expand == 1 else [Conv2d_BN(inp, hidden), nn.ReLU(inplace=True)]
        self.conv = nn.Sequential(
            *widen,
            Conv2d_BN(hidden, hidden, kernel, stride, groups=hidden),
            nn.ReLU(inplace=True),
            Conv2d_BN(hidden, out),
        )
        self.skip = stride == 1 and inp == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.skip else self.conv(x)


class TokenPyramidModule(nn.Module):
    """The convolutional trunk: an image in, its four levels at 1/4, 1/8, 1/16 and 1/32 out."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.levels = size.levels
        self.depth = len(size.residuals)
        self.stem = nn.Sequential(Conv2d_BN(3, STEM_CHANNELS, 3, 2), nn.ReLU(inplace=True))
        inp = STEM_CHANNELS
        for i, (kernel, expand, out, stride) in enumerate(size.residuals, start=1):
            self.add_module(f"layer{i}", InvertedResidual(inp, out, kernel, stride, expand))
            inp = out

    def forward(self, image: Tensor, keep: Keep = ignore) -> list[Tensor]:
        pyramid: list[Tensor] = []
        x = self.stem(image)
        for i in range(self.depth):
            x = self.get_submodule(f"layer{i + 1}")(x)
            if i in self.levels:
                n = len(pyramid)
                pyramid.append(keep(f"pyramid{n}", x))  # (B, C_n, H_n, W_n)
        return pyramid


def pool_pyramid(pyramid: list[Tensor]) -> Tensor:
    """Every level averaged down to the token grid, 1/64 of the image, and concatenated: (B, C, H, W)."""
    h, w = ((side - 1) // 2 + 1 for side in pyramid[-1].shape[-2:])
    return torch.cat([F.adaptive_avg_pool2d(level, (h, w)) for level in pyramid], dim=1)


def fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """``(query @ key).softmax(dim=-1) @ value`` of ``Attention``'s tensors, without making an HW x HW tensor."""
    d = value.shape[-1]
    # PyTorch silently makes HW x HW unless all three are of one width (on CUDA a multiple of 4) and contiguous along
    # it. Zeros change neither query @ key nor the first d features.
    width = -(-max(d, query.shape[-1]) // 4) * 4
    query, key, value = (F.pad(x, (0, width - x.shape[-1])).contiguous() for x in (query, key.mT, value))
    return F.scaled_dot_product_attention(query, key, value, scale=1.0)[..., :d]


class Attention(nn.Module):
    """TopFormer's attention: (B, C, H, W) in, (B, C, H, W) out; every token reads every token.

    ``key_dim`` features per head for query and key, ``d = attn_ratio * key_dim`` for value. The authors' code
    also stores ``scale = key_dim ** -0.5`` and never uses it; here it is left out: scores are not scaled.
    With more than ``DENSE_TOKENS`` tokens neither scores nor weights are made or kept.
    """

    def __init__(self, dim: int, key_dim: int, num_heads: int, attn_ratio: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.nh_kd = num_heads * key_dim
        self.d = attn_ratio * key_dim
        self.dh = num_heads * self.d
        self.to_q = Conv2d_BN(dim, self.nh_kd)
        self.to_k = Conv2d_BN(dim, self.nh_kd)
        self.to_v = Conv2d_BN(dim, self.dh)
        self.proj = nn.Sequential(nn.ReLU6(), Conv2d_BN(self.dh, dim, bn_weight=0.0))

    def forward(self, x: Tensor, keep: Keep = ignore) -> Tensor:
        B, C, H, W = x.shape
        heads, key_dim, d, HW = self.num_heads, self.key_dim, self.d, H * W
        keep("tokens", x)  # (B, C, H, W)

        query_map = keep("query_map", self.to_q(x))  # (B, nh_kd, H, W)
        query = query_map.reshape(B, heads, key_dim, HW)  # (B, heads, key_dim, HW)
        query = keep("query", query.permute(0, 1, 3, 2))  # (B, heads, HW, key_dim)

        key_map = keep("key_map", self.to_k(x))  # (B, nh_kd, H, W)
        key = keep("key", key_map.reshape(B, heads, key_dim, HW))  # (B, heads, key_dim, HW)

        value_map = keep("value_map", self.to_v(x))  # (B, dh, H, W)
        value = value_map.reshape(B, heads, d, HW)  # (B, heads, d, HW)
        value = keep("value", value.permute(0, 1, 3, 2))  # (B, heads, HW, d)

        if HW <= DENSE_TOKENS:
            scores = keep("scores", query @ key)  # (B, heads, HW, HW)
            weights = keep("weights", scores.softmax(dim=-1))  # (B, heads, HW, HW), each row sums to 1
            mixed = keep("mixed", weights @ value)  # (B, heads, HW, d)
        else:
            mixed = keep("mixed", fused(query, key, value))  # (B, heads, HW, d), the same with no HW x HW between

        merged = mixed.permute(0, 1, 3, 2)  # (B, heads, d, HW)
        merged = keep("merged", merged.reshape(B, self.dh, H, W))  # (B, dh, H, W)
        activated = keep("activated", self.proj[0](merged))  # (B, dh, H, W)
        return keep("projected", self.proj[1](activated))  # (B, C, H, W)


class Mlp(nn.Module):
    """1x1 convolution to twice the width, 3x3 depthwise (here position comes in), ReLU6, 1x1 back."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = Conv2d_BN(dim, hidden)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.act = nn.ReLU6()
        self.fc2 = Conv2d_BN(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.dwconv(self.fc1(x))))


class Block(nn.Module):
    """Attention, then an MLP, each added to its own input."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attn = Attention(dim, KEY_DIM, heads, ATTN_RATIO)
        self.mlp = Mlp(dim, MLP_RATIO * dim)

    def forward(self, x: Tensor, keep: Keep = ignore) -> Tensor:
        x = keep("residual", x + self.attn(x, keep))  # (B, C, H, W)
        mlp = keep("mlp", self.mlp(x))  # (B, C, H, W)
        return keep("output", x + mlp)  # (B, C, H, W)


class BasicLayer(nn.Module):
    """The blocks, one after another."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.transformer_blocks = nn.ModuleList(Block(dim, heads) for _ in range(BLOCKS))

    def forward(self, x: Tensor, keep: Keep = ignore) -> Tensor:
        for i, block in enumerate(self.transformer_blocks):
            x = block(x, under(f"block{i}", keep))
        return x


class ConvModule(nn.Module):
    """Convolution without bias, then BatchNorm, under mmcv's names."""

    def __init__(self, inp: int, out: int, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inp, out, 1, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class InjectionMultiSum(nn.Module):
    """Meaning meets detail: the pyramid level, gated by its part of the blocks' output, plus that part."""

    def __init__(self, inp: int, out: int) -> None:
        super().__init__()
        self.local_embedding = ConvModule(inp, out)
        self.global_embedding = ConvModule(inp, out)
        self.global_act = ConvModule(inp, out)

    def forward(self, level: Tensor, part: Tensor, n: int = 0, keep: Keep = ignore) -> Tensor:
        size = level.shape[-2:]
        gate = keep(f"gate{n}", F.hardsigmoid(self.global_act(part)))  # (B, M, H, W), between 0 and 1
        return self.local_embedding(level) * resize(gate, size) + resize(self.global_embedding(part), size)


def resize(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Bilinear, ``align_corners`` off, as the authors do."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


class SimpleHead(nn.Module):
    """Sum of the three injected maps at the finest one's size, fused, classified."""

    def __init__(self, width: int, classes: int, depthwise: bool) -> None:
        super().__init__()
        self.linear_fuse = ConvModule(width, width, groups=width if depthwise else 1)
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, injected: list[Tensor]) -> Tensor:
        size = injected[0].shape[-2:]
        total = injected[0]
        for other in injected[1:]:
            total = total + resize(other, size)  # the authors add in place; here injected1 stays as recorded
        return self.conv_seg(F.relu(self.linear_fuse(total)))


class Backbone(nn.Module):
    """Pyramid, blocks and, unless it is an ImageNet backbone, injection."""

    def __init__(self, size: Size, injection: bool) -> None:
        super().__init__()
        self.channels = size.channels
        self.tpm = TokenPyramidModule(size)
        self.trans = BasicLayer(sum(size.channels), size.heads)
        # The first part, of the 1/4 level, is dropped: its place holds nothing.
        self.SIM = nn.ModuleList([nn.Identity()] if injection else [])
        if injection:
            self.SIM.extend(InjectionMultiSum(c, size.injected) for c in size.channels[1:])

    def forward(self, image: Tensor, keep: Keep = ignore) -> list[Tensor]:
        pyramid = self.tpm(image, keep)
        tokens = keep("tokens", pool_pyramid(pyramid))  # (B, C, H, W)
        output = self.trans(tokens, keep)
        return self.inject(pyramid, output, keep) if self.SIM else [output]

    def inject(self, pyramid: list[Tensor], output: Tensor, keep: Keep = ignore) -> list[Tensor]:
        parts = output.split(self.channels, dim=1)  # (B, C_n, H, W) each; the first goes nowhere
        return [keep(f"injected{n}", self.SIM[n](pyramid[n], parts[n], n, keep)) for n in (1, 2, 3)]  # (B, M, H_n, W_n)


class TopFormer(nn.Module):
    """The whole network: normalised RGB (B, 3, Y, X) in, class scores (B, classes, Y/8, X/8) out.

    ``size`` is a name in ``SIZES``, or a ``Size`` like one of them. With ``classes=None`` it is an ImageNet backbone, without
    injection and head, and returns the last block's output (B, C, Y/64, X/64). ``class_names`` are the classes' names where
    a checkpoint gives them, one per channel of the scores, as it spells them.
    """

    def __init__(self, size: str | Size, classes: int | None = 150) -> None:
        super().__init__()
        if isinstance(size, str) and size not in SIZES:
            raise ValueError(f"no size {size!r}: choose from {', '.join(SIZES)}")
        self.spec = spec = SIZES[size] if isinstance(size, str) else size
        self.size, self.classes = spec.name, classes
        self.class_names: tuple[str, ...] | None = None
        self.num_heads, self.num_blocks = spec.heads, BLOCKS
        self.backbone = Backbone(spec, injection=classes is not None)
        if classes is not None:
            self.decode_head = SimpleHead(spec.injected, classes, spec.depthwise_fuse)

    def token_grid(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) of the token grid for an image of height x width pixels: each side / 64, rounded up."""
        return -(-height // 64), -(-width // 64)

    def forward(self, image: Tensor, keep: Keep = ignore) -> Tensor:
        features = self.backbone(keep("image", image), keep)
        if self.classes is None:
            return features[0]
        return keep("class_scores", self.decode_head(features))  # (B, classes, H_1, W_1)
