"""TopFormer's attention's relatives: LeViT's, ViT's, and ViT's with rotary position embedding; their parameters and costs.

The modules are written to be read beside ``model.Attention``: the same input, the same names for the same things, every
teachable tensor through ``keep``.

- LeViT: B. Graham et al., "LeViT: a Vision Transformer in ConvNet's Clothing for Faster Inference", ICCV 2021 (authors'
  code Apache 2.0; attributes carry its names).
- ViT: A. Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021 (authors' code Apache 2.0).
- RoPE: J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021 (arXiv 2104.09864); axial, in two
  dimensions, as in B. Heo et al., "Rotary Position Embedding for Vision Transformer", ECCV 2024.
"""

import copy

import torch
from torch import Tensor, nn

from topformer_viz.network.model import Attention, Keep, ignore

ROPE_BASE = 100.0  # Heo et al.: the slowest of their angles grows by nearly 1/100 per token
LAYER_NORM_EPS = 1e-6  # ViT's
SEED = 0


class Linear_BN(nn.Sequential):
    """A linear layer without bias, then BatchNorm over batch and tokens: (B, HW, inp) to (B, HW, out)."""

    def __init__(self, inp: int, out: int, bn_weight: float = 1.0) -> None:
        super().__init__()
        self.c = nn.Linear(inp, out, bias=False)
        self.bn = nn.BatchNorm1d(out)
        nn.init.constant_(self.bn.weight, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c(x)
        return self.bn(x.flatten(0, 1)).reshape_as(x)


class LevitAttention(nn.Module):
    """LeViT's attention: (B, C, H, W) in, (B, C, H, W) out, on a ``grid`` (H, W) fixed when it is built.

    One projection holds, for each head in turn, the rows of q, k and v. Scores are scaled, and to each is added a learned
    bias that depends on the head and on how many rows and columns the two tokens lie apart.
    """

    def __init__(self, dim: int, key_dim: int, num_heads: int, attn_ratio: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.d = attn_ratio * key_dim
        self.dh = num_heads * self.d
        self.qkv_dim = 2 * key_dim + self.d
        self.qkv = Linear_BN(dim, num_heads * self.qkv_dim)
        self.proj = nn.Sequential(nn.Hardswish(), Linear_BN(self.dh, dim, bn_weight=0.0))
        row, column = places(grid)
        # Numbered as the authors do, in order of first appearance: token 0 meets every offset, in the order of the tokens.
        offset = (row[:, None] - row).abs() * grid[1] + (column[:, None] - column).abs()
        self.attention_biases = nn.Parameter(torch.zeros(num_heads, len(row)))
        self.offset: Tensor
        self.register_buffer("offset", offset, persistent=False)  # (HW, HW)

    def forward(self, x: Tensor, keep: Keep = ignore) -> Tensor:
        B, C, H, W = x.shape
        heads, key_dim, d, HW = self.num_heads, self.key_dim, self.d, H * W
        keep("tokens", x)  # (B, C, H, W)
        listed = x.reshape(B, C, HW)  # (B, C, HW)
        listed = keep("listed", listed.permute(0, 2, 1))  # (B, HW, C)

        qkv_list = keep("qkv_list", self.qkv(listed))  # (B, HW, nh_qkv)
        qkv = keep("qkv", qkv_list.reshape(B, HW, heads, self.qkv_dim))  # (B, HW, heads, qkv_dim)
        query, key, value = qkv.split((key_dim, key_dim, d), dim=-1)  # (B, HW, heads, key_dim) twice, (B, HW, heads, d)
        query = keep("query", query.permute(0, 2, 1, 3))  # (B, heads, HW, key_dim)
        key = keep("key", key.permute(0, 2, 3, 1))  # (B, heads, key_dim, HW)
        value = keep("value", value.permute(0, 2, 1, 3))  # (B, heads, HW, d)

        products = keep("products", query @ key)  # (B, heads, HW, HW)
        bias = keep("bias", self.attention_biases[:, self.offset].expand(B, -1, -1, -1))  # (B, heads, HW, HW)
        scores = keep("scores", products * key_dim**-0.5 + bias)  # (B, heads, HW, HW)
        weights = keep("weights", scores.softmax(dim=-1))  # (B, heads, HW, HW), each row sums to 1
        mixed = keep("mixed", weights @ value)  # (B, heads, HW, d)

        merged = mixed.permute(0, 2, 1, 3)  # (B, HW, heads, d)
        merged = keep("merged", merged.reshape(B, HW, self.dh))  # (B, HW, dh)
        activated = keep("activated", self.proj[0](merged))  # (B, HW, dh)
        projected = keep("projected_list", self.proj[1](activated))  # (B, HW, C)
        return keep("projected", projected.permute(0, 2, 1).reshape(B, C, H, W))  # (B, C, H, W)


class VitAttention(nn.Module):
    """Multi-head attention as in ViT, after its LayerNorm: (B, C, H, W) in, (B, C, H, W) out.

    Query, key and value are equally wide: d = key_dim = C / heads. Linear layers have a bias, scores are scaled, nothing
    is activated. ValueError where the heads do not divide C.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide {dim} channels")
        self.num_heads = num_heads
        self.key_dim = self.d = dim // num_heads
        self.norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, keep: Keep = ignore) -> Tensor:
        B, C, H, W = x.shape
        heads, key_dim, d, HW = self.num_heads, self.key_dim, self.d, H * W
        keep("tokens", x)  # (B, C, H, W)
        listed = x.reshape(B, C, HW)  # (B, C, HW)
        listed = keep("listed", listed.permute(0, 2, 1))  # (B, HW, C)
        normed = keep("normed", self.norm(listed))  # (B, HW, C)

        query_list = keep("query_list", self.to_q(normed))  # (B, HW, nh_kd)
        query = query_list.reshape(B, HW, heads, key_dim)  # (B, HW, heads, key_dim)
        query = keep("query", query.permute(0, 2, 1, 3))  # (B, heads, HW, key_dim)

        key_list = keep("key_list", self.to_k(normed))  # (B, HW, nh_kd)
        key = key_list.reshape(B, HW, heads, key_dim)  # (B, HW, heads, key_dim)
        key = keep("key", key.permute(0, 2, 3, 1))  # (B, heads, key_dim, HW)

        value_list = keep("value_list", self.to_v(normed))  # (B, HW, dh)
        value = value_list.reshape(B, HW, heads, d)  # (B, HW, heads, d)
        value = keep("value", value.permute(0, 2, 1, 3))  # (B, heads, HW, d)

        query, key = self.placed(query, key, (H, W), keep)  # (B, heads, HW, key_dim), (B, heads, key_dim, HW)
        products = keep("products", query @ key)  # (B, heads, HW, HW)
        scores = keep("scores", products * key_dim**-0.5)  # (B, heads, HW, HW)
        weights = keep("weights", scores.softmax(dim=-1))  # (B, heads, HW, HW), each row sums to 1
        mixed = keep("mixed", weights @ value)  # (B, heads, HW, d)

        merged = mixed.permute(0, 2, 1, 3)  # (B, HW, heads, d)
        merged = keep("merged", merged.reshape(B, HW, C))  # (B, HW, dh)
        projected = keep("projected_list", self.proj(merged))  # (B, HW, C)
        return keep("projected", projected.permute(0, 2, 1).reshape(B, C, H, W))  # (B, C, H, W)

    def placed(self, query: Tensor, key: Tensor, grid: tuple[int, int], keep: Keep) -> tuple[Tensor, Tensor]:
        """Query and key as they are: plain attention knows nothing of place. ViT adds it to the tokens, once, at the start."""
        return query, key


class RopeAttention(VitAttention):
    """ViT's attention with axial rotary position embedding: query and key are turned by their token's row and column.

    A product of two turned vectors depends on the angle between them, so on the tokens' offset and not on where they lie.
    The first half of the turned features turns with the row, the second with the column; in each half, pair t turns by
    ROPE_BASE ** (-t / pairs) radians per token. Features come in groups of four; where key_dim is no multiple of 4, the rest stays.
    """

    def placed(self, query: Tensor, key: Tensor, grid: tuple[int, int], keep: Keep) -> tuple[Tensor, Tensor]:
        angles = self.angles(grid).to(query.device)  # (HW, turned / 2)
        query = keep("rotated_query", turn(query, angles))  # (B, heads, HW, key_dim)
        key = keep("rotated_key", turn(key.mT, angles).mT)  # (B, heads, key_dim, HW)
        return query, key

    def angles(self, grid: tuple[int, int]) -> Tensor:
        """By how much each pair of features is turned at each token: (HW, 2 * (key_dim // 4)), in radians."""
        pairs = self.key_dim // 4  # of each of the two halves
        speed = ROPE_BASE ** (-torch.arange(pairs) / pairs)  # (pairs,), in radians per token
        return torch.cat([place[:, None] * speed for place in places(grid)], dim=1)


def turn(x: Tensor, angles: Tensor) -> Tensor:
    """Turn the features' pairs (0, 1), (2, 3), ... of x (..., HW, key_dim), one for each column of ``angles`` (HW, pairs)."""
    turned = 2 * angles.shape[1]
    a, b = x[..., 0:turned:2], x[..., 1:turned:2]  # (..., HW, pairs)
    cos, sin = angles.cos(), angles.sin()
    pairs = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)  # (..., HW, pairs, 2)
    return torch.cat([pairs.flatten(-2), x[..., turned:]], dim=-1)


def places(grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Row and column of each token of a grid (H, W), in the order of the list: (HW,) each, integers."""
    H, W = grid
    return torch.arange(H).repeat_interleave(W), torch.arange(W).repeat(H)


class Residual(nn.Module):
    """What a ``Block`` does around an attention: its output is added to its input."""

    def __init__(self, attn: nn.Module) -> None:
        super().__init__()
        self.attn = attn

    def forward(self, x: Tensor, keep: Keep = ignore) -> Tensor:
        return keep("residual", x + self.attn(x, keep))  # (B, C, H, W)


def nearest_heads(dim: int, heads: int, multiple: int = 1) -> int:
    """The count nearest to ``heads``, the smaller of two, that divides ``dim`` into widths that are multiples of ``multiple``.

    ValueError where there is none: where ``multiple`` does not divide ``dim``.
    """
    fitting = [n for n in range(1, dim + 1) if dim % (n * multiple) == 0]
    if not fitting:
        raise ValueError(f"no number of heads divides {dim} channels into multiples of {multiple}")
    return min(fitting, key=lambda n: abs(n - heads))


def taken_over(attention: Attention, grid: tuple[int, int], seed: int = SEED) -> LevitAttention:
    """LeViT's attention with TopFormer's own parameters; its biases, which TopFormer lacks, drawn from N(0, 1) by ``seed``."""
    heads, key_dim, d = attention.num_heads, attention.key_dim, attention.d
    levit = LevitAttention(attention.to_q.c.in_channels, key_dim, heads, d // key_dim, grid)
    own, state = attention.state_dict(), levit.state_dict()
    for name in ("c.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
        parts = [
            own[f"to_{x}.{name}"].reshape(heads, rows, -1) for x, rows in (("q", key_dim), ("k", key_dim), ("v", d))
        ]
        state[f"qkv.{name}"] = torch.cat(parts, dim=1).reshape_as(state[f"qkv.{name}"])
        state[f"proj.1.{name}"] = own[f"proj.1.{name}"].reshape_as(state[f"proj.1.{name}"])
    random = torch.Generator().manual_seed(seed)
    state["attention_biases"] = torch.randn(state["attention_biases"].shape, generator=random)
    levit.load_state_dict(state)
    return levit.eval()


@torch.no_grad()
def unbiased(levit: LevitAttention) -> LevitAttention:
    """A copy whose biases are 0, as LeViT is built."""
    levit = copy.deepcopy(levit)
    levit.attention_biases.zero_()
    return levit


@torch.no_grad()
def draw(attention: VitAttention, seed: int = SEED) -> None:
    """Draw the parameters anew by ``seed``, as ``torch.nn.MultiheadAttention`` does at its start: biases 0.

    Its three input projections are one matrix (3C, C), drawn as a whole. The head count plays no part.
    """
    random = torch.Generator().manual_seed(seed)
    C = attention.proj.in_features
    rows = nn.init.xavier_uniform_(torch.empty(3 * C, C), generator=random).chunk(3)
    inputs = (attention.to_q, attention.to_k, attention.to_v)
    for layer, weight in zip(inputs, rows, strict=True):
        layer.weight.copy_(weight)
    nn.init.kaiming_uniform_(attention.proj.weight, a=5**0.5, generator=random)
    for layer in (*inputs, attention.proj):
        layer.bias.zero_()


def parameters(attention: nn.Module) -> int:
    """How many parameters: matrices, biases, the normalisations' gains and shifts, LeViT's attention biases."""
    return sum(parameter.numel() for parameter in attention.parameters())


def multiply_adds(attention: nn.Module, HW: int) -> int:
    """Multiply-adds on ``HW`` tokens, counted as in costs.py: projections and the two matrix products, nothing else."""
    projections = sum(x.weight.numel() for x in attention.modules() if isinstance(x, (nn.Conv2d, nn.Linear)))
    heads, key_dim, d = (int(getattr(attention, name)) for name in ("num_heads", "key_dim", "d"))
    return projections * HW + heads * HW**2 * (key_dim + d)  # query @ key, weights @ value
