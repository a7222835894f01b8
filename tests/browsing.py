"""What the tests in a browser share: opening, reading and operating the app's pages."""

import io
from collections.abc import Callable
from urllib.parse import parse_qs, urlparse

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.frame.choices import MAX_TOKENS
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import open_sample

VIEWPORTS = [(1440, 900), (1024, 768), (390, 844)]
Open = Callable[..., Page]


def shown(page: Page) -> Locator:
    heading = page.locator(".component h2")
    heading.wait_for(timeout=30_000)
    return heading


def stage(page: Page) -> str:
    return page.locator(".lesson h2 code").inner_text()


def query_of(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def run_of(sample: str, model: str, size: int = 512, max_tokens: int = MAX_TOKENS, grid: int = 8) -> Trace:
    """The run that a page shows of a sample."""
    picture = open_sample(sample)
    sides = network_size(*picture.size, size, max_tokens)
    return trace(load_model(model, grid=grid), picture.resize(sides, Image.Resampling.LANCZOS))


def noise(width: int, height: int) -> bytes:
    """A picture no sample resembles: sharp edges, a gradient, and noise."""
    y, x = np.mgrid[0:height, 0:width]
    tokens = np.stack([x / width * 255, (y // 40 % 2) * 200, np.random.default_rng(3).uniform(0, 255, x.shape)], -1)
    out = io.BytesIO()
    Image.fromarray(tokens.astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


def put_in(page: Page, data: bytes, name: str = "holiday.jpg") -> None:
    page.get_by_test_id("stPopoverButton").first.click()
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})


def overlaps(page: Page, selector: str) -> list[list[str]]:
    """Pairs of elements whose boxes share more than a token in both directions."""
    return page.evaluate(
        """(selector) => {
          const host = [...document.querySelectorAll("*")].find((e) => e.shadowRoot?.querySelector(".component:not(.saving)"));
          const seen = [...(host?.shadowRoot ?? document).querySelectorAll(selector)].filter((e) => e.checkVisibility());
          const boxes = seen.map((e) => [e.textContent, e.getBoundingClientRect()]);
          const found = [];
          boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
            const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
            const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
            if (x > 1 && y > 1) found.push([a, b]);
          }));
          return found;
        }""",
        selector,
    )


def count_messages(page: Page) -> Callable[[], int]:
    """From now on: how many messages the page has sent to the server."""
    page.wait_for_timeout(1000)
    page.evaluate(
        """() => { window.sent = 0; const send = WebSocket.prototype.send;
                   WebSocket.prototype.send = function (...data) { window.sent += 1; return send.apply(this, data); }; }"""
    )
    return lambda: page.evaluate("window.sent")


# The attention explorer


def explorer(page: Page) -> Locator:
    return page.get_by_test_id("explorer")


def says(page: Page, **attributes: object) -> None:
    """Wait until the explorer shows this: says(page, block=2, head="mean", ...)."""
    for name, value in attributes.items():
        expect(explorer(page)).to_have_attribute(f"data-{name}", str(value).lower(), timeout=20_000)


def line(run: Trace, block: int, head: int | str, tokens: list[int], mode: str, values: str) -> np.ndarray:
    """The mean row or column of these tokens in a run's own matrix; ``head`` may be "mean"."""
    heads = range(run.sizes["heads"]) if head == "mean" else [int(head)]
    every = slice(None) if mode == "column" else tokens
    rows = np.mean([run.rows(f"block{block}.{values}", h, every).double().numpy() for h in heads], axis=0)
    return rows[:, tokens].mean(1) if mode == "column" else rows.mean(0)


def agrees(page: Page, run: Trace, largest: float = 1e-4) -> dict[str, str]:
    """See that the row or column which the explorer says it shows is the run's own; returns the attributes."""
    said = explorer(page).evaluate("(box) => ({ ...box.dataset })")
    tokens = [int(token) for token in (said["queries"] or said["query"]).split()]
    expected = line(run, int(said["block"]), said["head"], tokens, said["mode"], said["values"])[:256]
    actual = np.array([float(value) for value in said["row"].split()])
    assert actual.shape == expected.shape
    assert (np.abs(actual - expected) <= largest * np.maximum(1, np.abs(expected))).all(), said
    return said


def point(page: Page, token: int, grid: tuple[int, int], plane: str = ".photo") -> None:
    """Move the pointer to the middle of a token on one of the explorer's pictures."""
    page.mouse.move(*place(page, token, grid, plane))


def place(page: Page, token: int, grid: tuple[int, int], plane: str = ".photo") -> tuple[float, float]:
    box = page.locator(f".explorer {plane}").bounding_box()
    assert box
    rows, columns = grid
    x, y = (token % columns + 0.5) / columns, (token // columns + 0.5) / rows
    return box["x"] + x * box["width"], box["y"] + y * box["height"]
