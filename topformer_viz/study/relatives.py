"""TopFormer's attention and its relatives on the same tokens: their stages, and what can be measured of them.

The modules themselves, and whose they are, are in ``network/relatives.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from topformer_viz.network.colour import Model
from topformer_viz.network.model import Attention, Block
from topformer_viz.network.relatives import SEED, Residual, RopeAttention, VitAttention, draw, nearest_heads, taken_over
from topformer_viz.run.inference import full_precision
from topformer_viz.run.stages import STAGES, Stage, Step
from topformer_viz.run.tracing import Trace, block_of, trace_block
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import Text


@torch.inference_mode()
def equivariance(attention: nn.Module, tokens: Tensor, seed: int = SEED) -> float:
    """How much ``attention`` notices when the tokens of ``tokens`` (1, C, H, W) are shuffled; rounding where it does not.

    The shuffled tokens' "mixed", put back in order, against the straight ones': the largest difference, over the
    largest entry. Measured before the projection, which works on each token by itself and, before any training, gives 0.
    """
    order = torch.randperm(tokens.shape[2] * tokens.shape[3], generator=torch.Generator().manual_seed(seed))
    shuffled = tokens.flatten(2)[..., order].reshape(tokens.shape)
    found: dict[str, Tensor] = {}
    with full_precision(tokens.device):
        attention(tokens, found.setdefault)
        straight = found["mixed"][:, :, order]
        found.clear()
        attention(shuffled, found.setdefault)
    largest = float(straight.abs().amax())
    return float((found["mixed"] - straight).abs().amax()) / largest if largest else 0.0


# Stages


def _as(name: str, steps: tuple[Step, ...], formula: str, note: Text, sources: tuple[str, ...] = ()) -> Stage:
    """TopFormer's stage ``name``, made in another way."""
    own = STAGES[name]
    return replace(own, steps=steps, formula=formula, note=note, sources=sources or own.sources, trap=None)


def _by_name(*stages: Stage) -> dict[str, Stage]:
    return {stage.name: stage for stage in stages}


# fmt: off
TOKENS = Stage(
    "tokens", STAGES["tokens"].title, (), (Step("enter", "B C H W"),), "tokens = x", view="maps",
    note=Text("The same map for all four.", "四者的输入是同一张特征图。"))
TOPFORMER: dict[str, Stage] = _by_name(TOKENS, *(STAGES[name] for name in (
    "query_map", "query", "key_map", "key", "value_map", "value", "scores", "weights", "mixed", "merged", "activated",
    "projected", "residual")))

LISTED = Stage(
    "listed", Text("The map as a list", "特征图铺成列表"), ("tokens",), (Step("reshape", "B C HW"), Step("permute", "B HW C")),
    "listed_{i, :} = tokens_{:, i}", view="rows",
    note=Text(
        "One row per token. In the real network the tokens stay a list from block to block.",
        "一行一个 token。在真实的网络里，token 从一个块到下一个块一直是列表。"))
PRODUCTS = Stage(
    "products", Text("Products", "点积"), ("query", "key"), (Step("matmul", "B heads HW HW"),),
    "products_{hij} = Σ_{c} query_{hic} · key_{hcj}", view="matrix",
    note=Text("In TopFormer these are the scores already.", "在 TopFormer 里，这就已经是得分。"))
MERGED = _as(
    "merged", (Step("permute", "B HW heads d"), Step("reshape", "B HW dh")), "merged_{i, (h·d + f)} = mixed_{hif}",
    Text("The heads side by side in each token's row.", "各头在每个 token 的那一行里并排。"))
FOLDED = _as(
    "projected", (Step("permute", "B C HW"), Step("reshape", "B C H W")), "projected_{:, i} = projected_list_{i, :}",
    Text("Folded into a map again, to be compared with TopFormer's.", "重新折成特征图，以便与 TopFormer 的比较。"),
    ("projected_list",))

LEVIT: dict[str, Stage] = _by_name(
    TOKENS,
    LISTED,
    Stage(
        "qkv_list", Text("Query, key and value in one", "查询、键、值合为一体"), ("listed",), (Step("linear_bn", "B HW nh_qkv"),),
        "qkv_list_{i} = BN(P_{qkv} · listed_{i}),  P_{qkv}: nh_qkv × C", view="rows",
        note=Text(
            "One projection instead of three: for each head in turn, its rows of query, key and value.",
            "一个投影代替三个：依次是每个头的查询、键、值各行。")),
    Stage(
        "qkv", Text("Split among the heads", "分给各头"), ("qkv_list",), (Step("reshape", "B HW heads qkv_dim"),),
        "qkv_{i, h, n} = qkv_list_{i, (h·qkv_dim + n)}", view="rows",
        note=Text(
            "In each head a token has 2 × {key_dim} + {d} = {qkv_dim} features, not yet told apart.",
            "在每个头里，一个 token 有 2 × {key_dim} + {d} = {qkv_dim} 个特征，还连在一起。")),
    _as(
        "query",
        (Step("split", "B HW heads key_dim"), Step("permute", "B heads HW key_dim")),
        "query_{hic} = qkv_{i, h, c}",
        Text("The first {key_dim} of each head's {qkv_dim} features.", "每个头 {qkv_dim} 个特征中的前 {key_dim} 个。"), ("qkv",)),
    _as(
        "key",
        (Step("split", "B HW heads key_dim"), Step("permute", "B heads key_dim HW")),
        "key_{hcj} = qkv_{j, h, (key_dim + c)}",
        Text("The next {key_dim}, laid transposed by the permute.", "接下来的 {key_dim} 个，由 permute 转置。"), ("qkv",)),
    _as(
        "value", (Step("split", "B HW heads d"), Step("permute", "B heads HW d")),
        "value_{hjf} = qkv_{j, h, (2·key_dim + f)}",
        Text("The last {d}: wider than the query, as in TopFormer.", "最后 {d} 个：与 TopFormer 一样，比查询宽。"), ("qkv",)),
    PRODUCTS,
    Stage(
        "bias", Text("Attention bias", "注意力偏置"), (), (Step("look_up", "B heads HW HW"),),
        "bias_{hij} = attention_biases_{h, (|Δrow|·W + |Δcolumn|)}", view="matrix",
        note=Text(
            "In each head one learned number for each offset of two tokens, {HW} offsets on this grid, whatever the image shows.",
            "每个头对两个 token 的每种偏移各学一个数；这个网格上有 {HW} 种偏移，与图片内容无关。")),
    _as(
        "scores", (Step("scale_bias", "B heads HW HW"),), "scores_{hij} = products_{hij} / √key_dim + bias_{hij}",
        Text("Divided by √key_dim, then shifted by the bias of the offset.", "先缩放，再加上这一偏移的偏置。"), ("products", "bias")),
    STAGES["weights"],
    STAGES["mixed"],
    MERGED,
    _as(
        "activated", (Step("hardswish", "B HW dh"),), "activated = merged · min(max(merged + 3, 0), 6) / 6",
        Text(
            "Hardswish: 0 below −3, the value itself above 3, smooth between.",
            "Hardswish：−3 以下为 0，3 以上保持原值，中间平滑过渡。")),
    Stage(
        "projected_list", Text("Projection, as a list", "投影（列表）"), ("activated",), (Step("linear_bn", "B HW C"),),
        "projected_list_{i} = BN(P_{o} · activated_{i}),  P_{o}: C × dh", view="rows",
        note=Text("TopFormer's projection, written for a list.", "TopFormer 的投影，只是写成作用于列表。")),
    FOLDED,
    STAGES["residual"],
)


def _linear(name: str, letter: str, title: Text, width: str) -> Stage:
    return Stage(
        f"{name}_list", title, ("normed",), (Step("linear", f"B HW {width}"),),
        f"{name}_list_{{i}} = P_{{{letter}}} · normed_{{i}} + b_{{{letter}}},  P_{{{letter}}}: {width} × C", view="rows",
        note=Text("A linear layer with a bias and no BatchNorm.", "带偏置的线性层，没有 BatchNorm。"), strand=letter)


VIT: dict[str, Stage] = _by_name(
    TOKENS,
    LISTED,
    Stage(
        "normed", Text("LayerNorm", "LayerNorm"), ("listed",), (Step("layer_norm", "B HW C"),),
        "normed_{i} = gain · (listed_{i} − mean_{i}) / √(variance_{i} + ε) + shift", view="rows",
        note=Text(
            "Before everything else, each token's own {C} channels are brought to mean 0 and variance 1.",
            "先把每个 token 自己的 {C} 个通道归一化成均值 0、方差 1，再做其他一切。")),
    _linear("query", "q", Text("Query, still a list", "查询（仍是列表）"), "nh_kd"),
    _as(
        "query", (Step("reshape", "B HW heads key_dim"), Step("permute", "B heads HW key_dim")),
        "query_{hic} = query_list_{i, (h·key_dim + c)}",
        Text("{heads} heads share the C = {C} channels: {key_dim} features each.", "{heads} 个头分 C = {C} 个通道：各 {key_dim} 个特征。"),
        ("query_list",)),
    _linear("key", "k", Text("Key, still a list", "键（仍是列表）"), "nh_kd"),
    _as(
        "key", (Step("reshape", "B HW heads key_dim"), Step("permute", "B heads key_dim HW")),
        "key_{hcj} = key_list_{j, (h·key_dim + c)}",
        Text("Laid transposed by the permute, ready for the product.", "由 permute 转置，正好用来相乘。"), ("key_list",)),
    _linear("value", "v", Text("Value, still a list", "值（仍是列表）"), "dh"),
    _as(
        "value", (Step("reshape", "B HW heads d"), Step("permute", "B heads HW d")),
        "value_{hjf} = value_list_{j, (h·d + f)}",
        Text("As wide as query and key: d = key_dim = {d}.", "与查询、键一样宽：d = key_dim = {d}。"), ("value_list",)),
    PRODUCTS,
    _as(
        "scores", (Step("scale", "B heads HW HW"),), "scores_{hij} = products_{hij} / √key_dim",
        Text("Divided by √key_dim, and nothing added.", "只缩放，不加任何东西。"), ("products",)),
    STAGES["weights"],
    STAGES["mixed"],
    MERGED,
    Stage(
        "projected_list", Text("Projection, as a list", "投影（列表）"), ("merged",), (Step("linear", "B HW C"),),
        "projected_list_{i} = P_{o} · merged_{i} + b_{o},  P_{o}: C × dh", view="rows",
        note=Text("No activation before it: the heads are mixed as they are.", "之前没有激活：各头原样混合。")),
    FOLDED,
    STAGES["residual"],
)


def _rotated(name: str, axes: str, formula: str) -> Stage:
    title = {"query": Text("Query, turned", "旋转后的查询"), "key": Text("Key, turned", "旋转后的键")}[name]
    return Stage(
        f"rotated_{name}", title, (name,), (Step("rotate", axes),), formula, view="rows", strand=name[0],
        note=Text(
            "Pairs of features turn by angles that grow with the token's row (first half) or column (second half). Lengths "
            "stay.",
            "特征两两成对旋转：前一半按 token 所在的行，后一半按列，角度随之增大。长度不变。"))


ROPE: dict[str, Stage] = VIT | _by_name(
    _rotated("query", "B heads HW key_dim", "rotated_query_{hi} = R_{i} · query_{hi}"),
    _rotated("key", "B heads key_dim HW", "rotated_key_{hj} = R_{j} · key_{hj}"),
    replace(
        PRODUCTS, sources=("rotated_query", "rotated_key"),
        formula="products_{hij} = Σ_{c} rotated_query_{hic} · rotated_key_{hcj}",
        note=Text(
            "Only the difference of the two rotations is left, so position enters through the offset alone.",
            "两次旋转只留下二者之差，所以位置只通过偏移起作用。")),
)

# The order in which stages stand side by side; where two names stand together, they are the same step on a map and a list.
ROWS: tuple[tuple[str, ...], ...] = (
    ("tokens",), ("listed",), ("normed",), ("qkv_list",), ("qkv",), ("query_map", "query_list"), ("query",), ("key_map", "key_list"),
    ("key",), ("value_map", "value_list"), ("value",), ("rotated_query",), ("rotated_key",), ("products",), ("bias",),
    ("scores",), ("weights",), ("mixed",), ("merged",), ("activated",), ("projected_list",), ("projected",), ("residual",))
# fmt: on


# The four on one image

TAKEN = Text("TopFormer's own.", "TopFormer 自己的。")
DRAWN_BIASES = Text(
    "Projections and BatchNorm are TopFormer's. The biases are drawn from N(0, 1), not learned.",
    "投影和 BatchNorm 取自 TopFormer。偏置从 N(0, 1) 抽取，不是学到的。",
)
RANDOM = Text(f"Fresh. {NOT_EVIDENCE.en}", f"全新的。{NOT_EVIDENCE.zh}")
RANDOM_SAME = Text(f"The same as ViT's. {NOT_EVIDENCE.en}", f"与 ViT 的相同。{NOT_EVIDENCE.zh}")
OTHER_HEADS = Text(
    "{asked} heads do not divide C = {C}; {heads} is the nearest count that does.",
    "{asked} 个头不能整除 C = {C}；最接近且能整除的是 {heads} 个。",
)
OTHER_FOURS = Text(
    "{asked} heads would not make key_dim a multiple of 4; of C = {C} channels, {heads} is the nearest count that does.",
    "{asked} 个头不能使 key_dim 成为 4 的倍数；对 C = {C} 个通道，最接近且能做到的是 {heads} 个。",
)
PARTLY = Text(
    "{heads} heads, as in ViT: of C = {C} no count makes key_dim a multiple of 4, so {turned} of the {key_dim} features turn and the "
    "rest stay.",
    "与 ViT 一样是 {heads} 个头：C = {C} 时没有哪个头数能使 key_dim 成为 4 的倍数，所以 {key_dim} 个特征中旋转 {turned} 个，其余不动。",
)


@dataclass(frozen=True)
class Relative:
    """One attention, what it computed of the tokens, and the words for both.

    ``run`` holds its stages under their plain names, "residual" included; ``stages`` declares them. ``weights`` says which
    parameters are on show, ``heads_note`` why the head count is not TopFormer's (or what follows from it), where there is a why.
    """

    slug: str
    name: Text
    module: nn.Module
    run: Trace
    stages: Mapping[str, Stage]
    weights: Text
    heads_note: Text | None = None

    def axes_of(self, name: str) -> tuple[str, ...]:
        """Axis names of one of its traced tensors."""
        return self.stages[name].axes


def relatives(model: Model, run: Trace, block: int) -> tuple[Relative, ...]:
    """TopFormer's attention of ``block`` (from 0) of ``model``, LeViT's, ViT's and ViT's with RoPE, on that block's tokens.

    ``run`` is the model's trace, of ``DENSE_TOKENS`` tokens at most. LeViT has the block's own parameters and drawn biases;
    ViT and RoPE have fresh parameters, the same ones, drawn as ``torch.nn.MultiheadAttention`` draws them.
    """
    tokens = run[f"block{block}.tokens"]
    _, C, H, W = tokens.shape
    found = block_of(model, block, tokens.device)
    own = found.attn if isinstance(found, Block) else found
    assert isinstance(own, Attention)
    asked = own.num_heads
    vit = VitAttention(C, nearest_heads(C, asked))
    rope = RopeAttention(C, nearest_heads(C, asked, 1 if C % 4 else 4))
    for attention in (vit, rope):
        draw(attention)
    vit_note = OTHER_HEADS if vit.num_heads != asked else None
    rope_note = PARTLY if rope.key_dim % 4 else OTHER_FOURS if rope.num_heads != asked else None

    def relative(
        slug: str,
        name: Text,
        attention: nn.Module,
        stages: Mapping[str, Stage],
        weights: Text,
        note: Text | None = None,
    ) -> Relative:
        attention = attention.to(tokens.device).eval()
        recorded = trace_block(Residual(attention), tokens, axes=lambda stage: stages[stage].axes)
        sizes = recorded.sizes
        note = note and note.format(asked=asked, turned=sizes["key_dim"] // 4 * 4, **sizes)
        return Relative(slug, name, attention, recorded, stages, weights, note)

    return (
        relative("topformer", Text("TopFormer", "TopFormer"), own, TOPFORMER, TAKEN),
        relative("levit", Text("LeViT", "LeViT"), taken_over(own, (H, W)), LEVIT, DRAWN_BIASES),
        relative("vit", Text("ViT", "ViT"), vit, VIT, RANDOM, vit_note),
        relative("rope", Text("ViT with RoPE", "ViT + RoPE"), rope, ROPE, RANDOM_SAME, rope_note),
    )
