"""Models with varied weights, pictures and recorded runs that several test files share; and a browser."""

import gc
import os
import re

# Several tests run at a time, beside a server and a browser: more threads only get in each other's way. Before torch comes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np
import pytest
import torch
from golden.golden_weights import golden_tensor
from PIL import Image
from torch import Tensor, nn

from topformer_viz import Trace, load_model, trace
from topformer_viz.network.model import TopFormer
from topformer_viz.terminal import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "launcher" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def pytest_collection_finish() -> None:
    """The garbage collector passes over what is here by now, PyTorch and the like: that took a tenth of the time."""
    gc.freeze()


PATIENCE = 90_000  # ms for a page to open: beside other tests on a busy machine half a minute was once too short
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


# In a browser


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with chromium.serve() as address:
        yield address


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Chromium keeps Streamlit's scripts, fetched and compiled: that halves the work of opening a page."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(
    scope="module"
)  # not longer: Playwright runs an event loop in this thread, which other tests may not bear
def launcher() -> "Iterator[tuple[BrowserType, dict[str, Any]]]":
    from playwright.sync_api import sync_playwright

    path = chromium.find_chromium()
    if path is None:
        reason = f"no Chromium or Chrome found: run `playwright install chromium`, or set {chromium.VARIABLE} to one"
        pytest.fail(reason) if os.environ.get("TOPFORMER_VIZ_NEEDS_BROWSER") else pytest.skip(reason)
    with sync_playwright() as playwright:
        yield playwright.chromium, {"executable_path": path, "args": chromium.FLAGS}


@pytest.fixture(scope="module")
def browser(launcher: "tuple[BrowserType, dict[str, Any]]") -> "Iterator[Browser]":
    """For contexts of a test's own."""
    with launcher[0].launch(**launcher[1]) as browser:
        yield browser


@pytest.fixture(scope="module")
def context(launcher: "tuple[BrowserType, dict[str, Any]]", profile: Path) -> "Iterator[BrowserContext]":
    """The context that tests share."""
    with launcher[0].launch_persistent_context(profile, **launcher[1]) as context:
        yield context


@pytest.fixture
def visit(request: pytest.FixtureRequest, context: "BrowserContext") -> "Iterator[Callable[..., Page]]":
    """visit(query, width=1440, height=900, script="", **options): open the app, or a file:// address.

    The page finds nothing that another test left behind; with options other than the media's (as of ``emulate_media``)
    it is in a context of its own. ``script`` runs before the page's own. At the end, see that nothing complained and
    nothing left the machine.
    """
    faults: list[str] = []
    pages: list[Page] = []
    contexts: list[BrowserContext] = []

    def open_page(query: str = "", width: int = 1440, height: int = 900, script: str = "", **options: Any) -> "Page":
        media = {name: options.pop(name) for name in ("color_scheme", "reduced_motion") if name in options}
        if options:
            contexts.append(request.getfixturevalue("browser").new_context(**options))
        page = (contexts[-1] if options else context).new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(**media)
        page.add_init_script(script)
        # Opened cold, a page of several makes Streamlit look for itself below the page's own address first. And what the server
        # handed out is gone for a moment where another session's run ends: scripts ask for it again, and a page says when they
        # did so in vain (component.js); pictures don't.
        page.on(
            "console",
            lambda m: (
                faults.append(f"console: {m.text} {m.location.get('url', '')}")
                if m.type == "error" and not re.search("/_stcore/|/media/", m.location.get("url", ""))
                else None
            ),
        )
        page.on(
            "response",
            lambda r: (
                faults.append(f"{r.status}: {r.url}")
                if r.status >= 400 and r.request.resource_type == "image"
                else None
            ),
        )
        page.on("pageerror", lambda e: faults.append(f"page: {e}"))
        page.on(
            "request",
            lambda r: (
                faults.append(f"outside: {r.url}") if urlparse(r.url).hostname not in ("127.0.0.1", None) else None
            ),
        )
        page.goto(query if "://" in query else f"{request.getfixturevalue('server')}/{query}", timeout=PATIENCE)
        first = (".component h2", ".explorer .card", ".js-plotly-plot", ".heads-overview", ".starts", ".reference")
        page.locator(", ".join(f"{part}:visible" for part in first)).first.wait_for(timeout=PATIENCE)
        return page

    yield open_page
    for page in pages:
        if not page.is_closed():
            page.evaluate("localStorage.clear()")
            page.close()
    for own in contexts:
        own.close()
    context.clear_cookies()
    assert not faults, faults
