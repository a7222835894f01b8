"""Models with varied weights, pictures and recorded runs that several test files share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from golden.golden_weights import golden_tensor
from PIL import Image
from torch import Tensor, nn

from topformer_viz import Trace, load_model, trace
from topformer_viz.model import TopFormer

# Name of a case -> size of the network, classes, (height, width) of the picture.
CASES: dict[str, tuple[str, int | None, tuple[int, int]]] = {
    "tiny": ("tiny", 150, (128, 192)),
    "base, odd sides": ("base", 19, (97, 130)),
    "small, one token": ("small", 2, (33, 50)),
    "backbone": ("tiny", None, (192, 128)),
    "colour": ("colour", None, (50, 70)),
}


@dataclass(frozen=True)
class Case:
    """A model, the picture it was shown, and the recorded run."""

    model: nn.Module
    photo: Image.Image
    run: Trace


@cache
def _model(size: str, classes: int | None = 150) -> TopFormer:
    model = TopFormer(size, classes)
    state = model.state_dict()
    filled = {name: torch.from_numpy(golden_tensor(name, tuple(t.shape))) for name, t in state.items()}
    model.load_state_dict(filled)
    return model.eval().requires_grad_(False)


@cache
def _photo(height: int, width: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng((seed, height, width))
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@cache
def _case(name: str) -> Case:
    size, classes, sides = CASES[name]
    model = load_model("colour") if size == "colour" else _model(size, classes)
    photo = _photo(*sides)
    return Case(model, photo, trace(model, photo))


def _agree(actual: Tensor, expected: Tensor | np.ndarray, tolerance: float = 1e-4) -> None:
    actual, expected = actual.detach(), torch.as_tensor(expected).detach()
    assert actual.shape == expected.shape
    excess = (actual - expected).abs() / expected.abs().clamp(min=1)
    assert not excess.isnan().any()
    assert float(excess.max()) <= tolerance


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of the golden runs."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def varied() -> Callable[..., TopFormer]:
    """varied(size, classes=150): a network whose every weight and statistic is set. Shared: leave it so."""
    return _model


@pytest.fixture(scope="session")
def photo() -> Callable[..., Image.Image]:
    """photo(height, width, seed=0): a picture of noise."""
    return _photo


@pytest.fixture(scope="session")
def agree() -> Callable[..., None]:
    """agree(actual, expected, tolerance=1e-4): they differ by at most tolerance * max(1, |expected|)."""
    return _agree


@pytest.fixture(scope="session", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each network and shape of ``CASES`` in turn."""
    return _case(request.param)


@pytest.fixture(scope="session")
def tiny() -> Case:
    return _case("tiny")


@pytest.fixture(scope="session")
def colour() -> Case:
    return _case("colour")
