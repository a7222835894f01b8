"""The colour model: fixed weights whose scores are minus squared distances."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from topformer_viz import Trace, load_model, trace
from topformer_viz.network.colour import CHANNELS, FEATURES, QUESTIONS, SHARPNESS, ColourModel, oklab

HEADS = list(QUESTIONS)


def features(run: Trace) -> Tensor:
    """(HW, 10) features of each cell, float64."""
    return run["tokens"][0, : len(FEATURES)].flatten(1).T.double()


def flat(*colours: tuple[int, int, int], side: int = 64) -> Image.Image:
    """Upright stripes of equal width, one a colour."""
    image = Image.new("RGB", (side, side))
    for i, colour in enumerate(colours):
        image.paste(colour, (i * side // len(colours), 0, side, side))
    return image


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (1, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
        ((0.02, 0.02, 0.02), ((0.02 / 12.92) ** (1 / 3), 0, 0)),
    ],
)
def test_oklab(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    """Values published for the sRGB primaries, and one on the curve's straight part."""
    actual = oklab(torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1))
    assert torch.allclose(actual.flatten(), torch.tensor(lab, dtype=torch.float64), atol=2e-5)


@pytest.mark.parametrize(
    ("grid", "sides", "seed"), [(8, (64, 64), 0), (8, (40, 97), 1), (20, (200, 120), 2), (32, (32, 64), 3)]
)
def test_scores_are_minus_squared_distances(
    photo: Callable[..., Image.Image], grid: int, sides: tuple[int, int], seed: int
) -> None:
    run = trace(load_model("colour", grid=grid), photo(*sides, seed))
    u = features(run)
    for head, (question, names) in enumerate(QUESTIONS.items()):
        v = u[:, [FEATURES.index(name) for name in names]]
        expected = -SHARPNESS[question] * (v[:, None] - v).square().sum(-1)
        scores = run.rows("block0.scores", head, slice(None))
        # The scores are differences of numbers as large as b |u|^2, of which float32 keeps seven digits.
        rounding = 1e-6 * max(1.0, SHARPNESS[question] * float(v.square().sum(-1).max()))
        assert (scores - expected).abs().max() < rounding
        assert (scores - scores.diagonal()[:, None]).max() < 5e-4, "another pixel than itself is read most"
        assert scores.diagonal().abs().max() < max(5e-4, rounding)


def test_features_of_a_cell(photo: Callable[..., Image.Image]) -> None:
    """Each cell's average colour and its place, straight from the picture."""
    picture = photo(48, 96)
    run = trace(load_model("colour", grid=8), picture)
    means = np.asarray(picture, dtype=np.float64).reshape(8, 6, 16, 6, 3).mean((1, 3)) / 255
    u = features(run).numpy().reshape(8, 16, len(FEATURES))
    assert np.allclose(u[..., :3], means, atol=1e-5)
    lab = oklab(torch.from_numpy(means).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert np.allclose(u[..., 3:6] - lab, [-0.5, 0, 0], atol=1e-5)  # lightness is measured from the middle
    row, column = np.meshgrid((np.arange(8) - 3.5) / 16, (np.arange(16) - 7.5) / 16, indexing="ij")
    assert np.allclose(u[..., 8:], np.stack([row, column], -1))


def test_the_result_is_the_mean_of_what_the_heads_read(colour, agree: Callable[..., None]) -> None:
    run = colour.run
    mean = run["block0.weights"].mean(1) @ features(run).float()
    expected = torch.zeros_like(run["block0.projected"])
    expected[:, : len(FEATURES)] = mean.mT.clamp(0, 6).unflatten(2, expected.shape[2:])
    per_head = (run["block0.weights"] @ features(run).float()).clamp(0, 6).mean(1)
    expected[:, : len(FEATURES)] = per_head.mT.unflatten(2, expected.shape[2:])
    agree(run["block0.projected"], expected)
    assert run["tokens"].shape[1] == len(CHANNELS)


@pytest.mark.parametrize("grid", [8, 9, 33, 64])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (10, 20), (97, 130), (200, 33)])
def test_grid(grid: int, height: int, width: int) -> None:
    h, w = ColourModel(grid).token_grid(height, width)
    assert min(h, w) == grid
    assert abs(h / w - height / width) <= height / width * 0.07  # near squares


@pytest.mark.parametrize(("height", "width", "grid"), [(1, 20, (8, 160)), (20, 1, (160, 8)), (64, 1280, (8, 160))])
def test_grid_of_a_long_picture(height: int, width: int, grid: tuple[int, int]) -> None:
    assert ColourModel(8).token_grid(height, width) == grid


@pytest.mark.parametrize(("height", "width"), [(2, 40), (3, 3), (7, 9)])
def test_pictures_smaller_than_the_grid(photo: Callable[..., Image.Image], height: int, width: int) -> None:
    model = load_model("colour")
    run = trace(model, photo(height, width))
    assert (run.sizes["H"], run.sizes["W"]) == model.token_grid(height, width)
    assert run["block0.residual"].isfinite().all()


@pytest.mark.parametrize("grid", [7, 65, 0, -8])
def test_grid_out_of_range(grid: int) -> None:
    with pytest.raises(ValueError, match=f"8 to 64 tokens, not {grid}"):
        ColourModel(grid)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_hue_fades_in_a_grey_picture(level: int) -> None:
    run = trace(load_model("colour"), flat((level,) * 3))
    assert all(tensor.isfinite().all() for tensor in run.values())
    hue = features(run)[:, [FEATURES.index("hue_x"), FEATURES.index("hue_y")]]
    assert hue.abs().max() < 0.01
    for head in ("colour", "brightness", "hue"):
        assert torch.allclose(run["block0.weights"][0, HEADS.index(head)], torch.tensor(1 / 64), atol=1e-5)


def test_grey_and_saturated_hues_are_apart() -> None:
    run = trace(load_model("colour"), flat((200, 40, 40), (120, 120, 120), (40, 40, 200), (118, 120, 122)))
    weights = run["block0.weights"][0, HEADS.index("hue")][0].view(8, 8)  # what a red cell reads
    red, grey, blue, nearly_grey = (float(weights[:, 2 * i : 2 * i + 2].sum()) for i in range(4))
    assert red > 0.99
    assert max(grey, blue, nearly_grey) < 0.01


def test_each_half_of_two_colours_reads_its_own() -> None:
    run = trace(load_model("colour"), flat((216, 65, 47), (43, 95, 179)))
    weights = run["block0.weights"][0, HEADS.index("colour")].view(8, 8, 8, 8)
    for half in (slice(0, 4), slice(4, 8)):
        assert weights[:, half][..., half].sum((-2, -1)).min() > 0.99


def test_brightness_takes_red_and_its_grey_for_alike() -> None:
    red = (220, 30, 30)
    lightness = oklab(torch.tensor(red, dtype=torch.float64).view(1, 3, 1, 1) / 255)[0, 0, 0, 0]
    greys = torch.arange(256, dtype=torch.float64).view(-1, 1, 1, 1).expand(256, 3, 1, 1) / 255
    grey = int((oklab(greys)[:, 0, 0, 0] - lightness).abs().argmin())
    run = trace(load_model("colour"), flat(red, (grey,) * 3))
    shares = {
        head: float(run["block0.weights"][0, i].view(8, 8, 8, 8)[:, :4, :, 4:].sum((-2, -1)).mean())
        for i, head in enumerate(HEADS)
    }
    assert shares["brightness"] == pytest.approx(0.5, abs=0.01)
    assert shares["colour"] < 0.01
    assert shares["hue"] < 0.01


def test_place_reads_near_tokens_most(colour) -> None:
    weights = colour.run["block0.weights"][0, HEADS.index("place")]
    H, W = colour.run.sizes["H"], colour.run.sizes["W"]
    row, column = (t.flatten() for t in torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij"))
    distance = (row[:, None] - row).square() + (column[:, None] - column).square()
    for read, away in zip(weights, distance, strict=True):
        in_order = read[away.argsort(stable=True)]
        assert (in_order.diff() <= 1e-6).all()
