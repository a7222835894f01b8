"""What each part costs, against the same sums done by hand."""

import math
from dataclasses import replace

import pytest

from topformer_viz.network.costs import PUBLISHED, Cost, costs
from topformer_viz.network.model import ATTN_RATIO, BLOCKS, KEY_DIM, MLP_RATIO, SIZES, STEM_CHANNELS, TopFormer

PARAMS = {"tiny": 1_389_654, "small": 3_034_662, "base": 5_062_646}
GIGA = {"tiny": 0.53, "small": 1.11, "base": 1.75}
WHOLE_CELLS = [(512, 512), (128, 192), (64, 640)]  # sides that every stride divides

Sums = dict[str, tuple[int, int]]


def found(size: str, classes: int | None, height: int, width: int) -> Sums:
    return {cost.part: (cost.params, cost.multiply_adds) for cost in costs(size, classes, height, width)}


def conv(inp: int, out: int, pixels: int, kernel: int = 1, groups: int = 1) -> tuple[int, int]:
    """Parameters and multiply-adds of a convolution without bias and its BatchNorm's gain and bias."""
    weights = inp // groups * out * kernel**2
    return weights + 2 * out, weights * pixels


def added(*costs: tuple[int, int]) -> tuple[int, int]:
    params, multiply_adds = (sum(column) for column in zip(*costs, strict=True))
    return params, multiply_adds


def block(size: str, tokens: int) -> tuple[int, int]:
    """Four projections, two matrix products and the MLP, whose depthwise convolution has a bias and no BatchNorm."""
    spec = SIZES[size]
    C, nh_kd, d = sum(spec.channels), spec.heads * KEY_DIM, ATTN_RATIO * KEY_DIM
    dh, hidden = spec.heads * d, MLP_RATIO * C
    return added(
        conv(C, nh_kd, tokens),
        conv(C, nh_kd, tokens),
        conv(C, dh, tokens),
        (0, spec.heads * tokens * tokens * KEY_DIM),
        (0, spec.heads * tokens * tokens * d),
        conv(dh, C, tokens),
        conv(C, hidden, tokens),
        (hidden * 9 + hidden, hidden * 9 * tokens),
        conv(hidden, C, tokens),
    )


def by_hand(size: str, classes: int | None, height: int, width: int) -> Sums:
    spec, pixels = SIZES[size], height * width // 4
    tokens = height * width // 64**2
    layers, inp = [conv(3, STEM_CHANNELS, pixels, 3)], STEM_CHANNELS
    sums: Sums = {}
    for i, (kernel, expand, out, stride) in enumerate(spec.residuals):
        hidden = inp * expand
        if expand > 1:
            layers.append(conv(inp, hidden, pixels))
        pixels //= stride**2
        layers += [conv(hidden, hidden, pixels, kernel, groups=hidden), conv(hidden, out, pixels)]
        inp = out
        if i in spec.levels:
            sums[f"pyramid{len(sums)}"], layers = added(*layers), []
    sums |= {f"block{n}": block(size, tokens) for n in range(BLOCKS)}
    if classes is None:
        return sums
    M, shown = spec.injected, height * width // 8**2
    for n in (1, 2, 3):
        C_n = spec.channels[n]
        local = conv(C_n, M, height * width // (4 << n) ** 2)
        sums[f"injected{n}"] = added(local, conv(C_n, M, tokens), conv(C_n, M, tokens))
    fuse = conv(M, M, shown, groups=M if spec.depthwise_fuse else 1)
    sums["class_scores"] = added(fuse, (M * classes + classes, M * classes * shown))
    return sums


@pytest.mark.parametrize("sides", WHOLE_CELLS, ids=str)
@pytest.mark.parametrize("classes", [19, None], ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_every_part_costs_what_it_costs_by_hand(size: str, classes: int | None, sides: tuple[int, int]) -> None:
    actual = found(size, classes, *sides)
    assert actual == by_hand(size, classes, *sides)
    assert list(actual) == list(by_hand(size, classes, *sides))


@pytest.mark.parametrize("size", SIZES)
def test_the_parts_are_the_whole_network(size: str) -> None:
    sums = found(size, 150, 512, 512).values()
    assert sum(params for params, _ in sums) == PARAMS[size]
    assert sum(p.numel() for p in TopFormer(size).parameters()) == PARAMS[size]
    assert round(sum(adds for _, adds in sums) / 1e9, 2) == GIGA[size]


@pytest.mark.parametrize("size", SIZES)
def test_the_published_figures_are_ours_rounded_up(size: str) -> None:
    """Which also says that the authors' GFLOPs are multiply-adds."""
    parts = costs(size, 150, 512, 512)
    params, adds = (sum(getattr(cost, name) for cost in parts) for name in ("params", "multiply_adds"))
    assert PUBLISHED[size].params == pytest.approx(math.ceil(params / 1e5) * 1e5)
    assert PUBLISHED[size].gflops == pytest.approx(math.ceil(adds / 1e8) / 10)
    assert [PUBLISHED[s].miou for s in SIZES] == [34.6, 37.0, 39.2]


def test_a_backbone_is_the_rest_without_injection_and_head() -> None:
    whole, backbone = costs("small", 150, 128, 192), costs("small", None, 128, 192)
    assert backbone == whole[: len(backbone)]
    assert [cost.part for cost in whole[len(backbone) :]] == ["injected1", "injected2", "injected3", "class_scores"]


def test_convolutions_grow_with_the_pixels_and_attention_with_their_square() -> None:
    small, large = found("base", 150, 256, 256), found("base", 150, 1024, 1024)
    for part, (params, adds) in large.items():
        assert params == small[part][0]
        if not part.startswith("block"):
            assert adds == 16 * small[part][1], part
    matrices = SIZES["base"].heads * (KEY_DIM + ATTN_RATIO * KEY_DIM)
    excess = large["block0"][1] - 16 * small["block0"][1]
    assert excess == matrices * (256**2 - 16 * 16**2)


def test_attention_costs_as_much_as_its_projections_at_768_tokens_in_base() -> None:
    """As the lesson says: 294,912 multiply-adds a token for the projections, 384 a token for each of the others."""
    one, two = (found("base", 150, 64, 64 * n)["block0"][1] for n in (1, 2))
    matrices = (two - 2 * one) // 2
    assert matrices == 384
    C = sum(SIZES["base"].channels)
    mlp = C * 2 * C * 2 + 2 * C * 9
    assert one - matrices - mlp == 294_912 == 384 * 768


def test_only_the_head_depends_on_the_classes() -> None:
    few, many = found("tiny", 8, 192, 128), found("tiny", 171, 192, 128)
    assert {part for part in few if few[part] != many[part]} == {"class_scores"}


def test_a_head_of_another_width_costs_what_it_holds() -> None:
    """As the authors' Cityscapes configuration of tiny has it, and a narrower one."""
    for injected in (128, 40):
        spec = replace(SIZES["tiny"], injected=injected, depthwise_fuse=False)
        parts = {cost.part: cost for cost in costs(spec, 19, 128, 192)}
        assert sum(cost.params for cost in parts.values()) == sum(p.numel() for p in TopFormer(spec, 19).parameters())
        pixels = 128 * 192 // 8**2
        assert parts["class_scores"].multiply_adds == (injected * injected + injected * 19) * pixels


def test_a_side_that_is_no_multiple_of_the_stride_is_rounded_up() -> None:
    assert [cost.multiply_adds for cost in costs("tiny", 19, 97, 130)] == [
        cost.multiply_adds for cost in costs("tiny", 19, 98, 129)
    ]
    assert costs("tiny", 19, 97, 130)[4] == Cost("block0", *block("tiny", 2 * 3))
