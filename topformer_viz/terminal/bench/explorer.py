"""The explorer on one block of made tensors: what travels, from pointer move to painted frame, and the rows' error."""

import statistics
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import Page

from topformer_viz.app.canvas.travelling import attention_message
from topformer_viz.app.canvas.wire import Body, message
from topformer_viz.app.explorer.file import page_html
from topformer_viz.app.explorer.payload import explorer_book, removals_message
from topformer_viz.network.model import DENSE_TOKENS, TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run.measures import measure as measure_block
from topformer_viz.run.numbers import measures_of
from topformer_viz.run.tracing import Trace, check
from topformer_viz.run.walk import Known, shape_of
from topformer_viz.terminal.bench.pages import WINDOW
from topformer_viz.terminal.bench.table import Cell, Table
from topformer_viz.terminal.chromium import open_browser
from topformer_viz.words.live import key_of

# In the page: move the pointer's events on record, from their own time stamp and from their arrival to the paint.
MOVES = """() => {
  window.moves = [];
  window.addEventListener("pointermove", (event) => {
    const arrived = performance.now();
    requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => window.moves.push([performance.now() - event.timeStamp, performance.now() - arrived]);
      painted.port2.postMessage(0);
    });
  }, true);
}"""
NOTHING = "<!DOCTYPE html><body><div class='photo' style='width:440px;height:440px;background:#888'></div>"
TOKENS, HEADS, KEY_DIM, D = (64, 256, 1024, 4096), 8, 16, 32


def measure(quick: bool = False) -> list[Table]:
    moves = 10 if quick else 120
    rows: list[tuple[Cell, ...]] = []
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        page = browser.new_page(viewport=WINDOW)
        blank = Path(folder) / "nothing.html"
        blank.write_text(NOTHING, "utf-8")
        page.goto(blank.as_uri())
        rows.append(("an empty page", None, None, *_moved(page, moves), None))
        for tokens in TOKENS[: 1 if quick else None]:
            run, parts, photo = _made(tokens)
            file = Path(folder) / f"{tokens}.html"
            file.write_text(page_html(parts, f"{tokens}", "", "en"), "utf-8")
            page.goto(file.as_uri())
            page.locator(".card").first.wait_for()
            page.wait_for_timeout(1000)
            sent, matrices = (sum(map(len, parts.values())) - photo) / 1000, HEADS * tokens**2 * 4 / 1000
            rows.append((f"{tokens:,} tokens", sent, matrices, *_moved(page, moves), _off(page, run)))
    return [
        Table(
            "The explorer follows the pointer",
            ("", "payload, kB", "matrices, kB", "move to paint, ms", "95 %, ms", "work, ms", "95 %, ms", "row off by"),
            rows,
            f"One block of {HEADS} heads, made tensors, Chromium, 1440 × 900; medians and 95th percentiles. What travels stands "
            "beside what the matrices would weigh; an empty page is the baseline for the pointer. Work is the part after "
            "the event has arrived. The last column: the largest difference of a row that the browser computed from PyTorch's.",
        )
    ]


def _made(tokens: int) -> tuple[Trace, dict[str, bytes], int]:
    """A run of one block of random tensors, what the explorer's file has of it, and how much of that are tensors."""
    side = round(tokens**0.5)
    generator = torch.Generator().manual_seed(0)
    shapes = {"query": (tokens, KEY_DIM), "key": (KEY_DIM, tokens), "value": (tokens, D)}
    tensors = {f"block0.{name}": torch.randn(1, HEADS, *shape, generator=generator) for name, shape in shapes.items()}
    if tokens <= DENSE_TOKENS:
        tensors["block0.scores"] = tensors["block0.query"] @ tensors["block0.key"]
        tensors["block0.weights"] = tensors["block0.scores"].softmax(-1)
    run = Trace(tensors, check(tensors) | {"H": side, "W": side}, 0.0, "cpu", False)
    measured = measure_block(run, 0)
    photo, answers = open_sample("china").resize((512, 512)), {key_of("measures", "block0"): measures_of(measured)}
    settings = {
        "run": "bench", "block": 0, "asked": {}, "alone": True, "saves": False, "untrained": False, "differences": [0.0],
    }  # fmt: skip
    book = {"explorer": explorer_book(Known(TopFormer, 1, None, shape_of(run)), "en")}
    parts = {
        "payload": message({"lang": "en", "book": book, "view": settings}),
        "run": attention_message(run, [measured], answers, photo, "bench"),
        "maps": message({"tensors": {}, "recipes": {}}),
        "removals": removals_message(()),
    }
    return run, parts, Body().add_photo(photo)["bytes"]


def _moved(page: Page, count: int) -> list[float]:
    """The pointer crosses the photograph: ms from move to painted frame, median and 95 %; the same from its arrival."""
    box = page.locator(".photo").bounding_box()
    assert box
    page.evaluate(MOVES)
    for i in range(count):
        x, y = (0.03 + 0.94 * ((i * step) % 97) / 97 for step in (31, 17))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(20)
    figures = []
    for times in zip(*page.evaluate("window.moves")[count // 6 :], strict=True):
        figures += [float(statistics.median(times)), statistics.quantiles(times, n=20)[-1]]
    return figures


def _off(page: Page, run: Trace) -> float:
    """The largest difference between rows that the page shows (their first 256 numbers) and PyTorch's."""
    root, largest = page.get_by_test_id("explorer"), 0.0
    page.locator(".photo").focus()
    for key in ("ArrowDown", "2", "ArrowLeft", "8", "ArrowUp"):
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        shown = torch.tensor([float(v) for v in (root.get_attribute("data-row") or "").split()])
        head, query = (int(root.get_attribute(f"data-{name}") or 0) for name in ("head", "query"))
        true = run.rows("block0.weights", head, [query])[0, : len(shown)]
        largest = max(largest, float((shown - true).abs().max()))
    return largest
