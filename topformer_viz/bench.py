"""Measurements, each beside its baseline in the same run: the forward pass, the page and the explorer in Chromium."""

import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from topformer_viz.explorer.file import page_html
from topformer_viz.explorer.payload import Shown, explorer_payload
from topformer_viz.images import open_sample, to_tensor
from topformer_viz.measures import measure
from topformer_viz.model import DENSE_TOKENS, SIZES
from topformer_viz.tracing import Model, Trace, best_device, check, inference_copy, run, trace
from topformer_viz.weights import load_model
from topformer_viz.wire import Body

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 41


def _machine() -> str:
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {best_device().type}, torch {torch.__version__}"


def forward() -> None:
    """Median forward pass at 512 x 512: as written, the inference copy, and the inference copy traced."""
    print(f"forward pass at 512 x 512, median of {ROUNDS} interleaved rounds, ms ({_machine()})")
    print(f"{'':8}{'as written':>12}{'inference':>12}{'traced':>10}{'faster':>9}{'tracing costs':>15}")
    device = best_device()
    image = to_tensor(open_sample("china").resize((512, 512)))
    for size in SIZES:
        model = load_model(size).to(device)
        x = image.to(device)
        fast = inference_copy(model, device)

        def as_written(model: Model = model, x: torch.Tensor = x) -> None:
            with torch.no_grad():
                model(x)

        times = _interleaved(
            {
                "as written": as_written,
                "inference": partial(run, fast, x),
                "traced": partial(trace, model, x),
            }
        )
        written, plain, traced = (statistics.median(times[name]) * 1000 for name in times)
        # Within a round both saw the same machine: the median of their ratios is steadier than a ratio of medians.
        cost = statistics.median(t / p for t, p in zip(times["traced"], times["inference"], strict=True)) - 1
        print(f"{size:8}{written:12.1f}{plain:12.1f}{traced:10.1f}{written / plain:8.2f}x{cost * 100:14.1f}%")


def _interleaved(tasks: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Each task's seconds, round by round, taken in turns so that a busy moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for i in range(rounds + 2):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            if i >= 2:  # the first two rounds warm up
                times[name].append(time.perf_counter() - start)
    return times


TRIVIAL = """
import streamlit as st
import torch

st.title("A page")


@st.fragment
def part():
    st.session_state.n = st.session_state.get("n", 0)
    if st.button("again"):
        st.session_state.n += 1
    st.markdown(f"<span id='n'>{st.session_state.n}</span>", unsafe_allow_html=True)


part()
"""

# In the page: do something, then wait frame by frame until a condition holds and that frame is painted.
TIMED = """([act, done]) => new Promise((resolve) => {
  const act_ = new Function(act), done_ = new Function("return " + done), start = performance.now();
  act_();
  const look = () => done_() ? requestAnimationFrame(() => resolve(performance.now() - start)) : requestAnimationFrame(look);
  look();
})"""
ROOT = "[...document.querySelectorAll('*')].find((e) => e.shadowRoot?.querySelector('.lesson'))?.shadowRoot"


def app() -> None:
    """The page beside a trivial page that imports torch: first open, another block, another stage."""
    from playwright.sync_api import sync_playwright

    from topformer_viz.browser import FLAGS, find_chromium, serve

    chromium = find_chromium()
    with tempfile.TemporaryDirectory() as folder:
        trivial_script = Path(folder) / "trivial.py"
        trivial_script.write_text(TRIVIAL)
        with serve() as ours, serve(trivial_script) as trivial, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)

            def opened(address: str, ready: str) -> None:
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                page = context.new_page()
                page.goto(address)
                page.wait_for_function(ready, polling="raf")
                context.close()

            lesson_ready = f"{ROOT}?.querySelector('h2')?.textContent"
            times = _interleaved(
                {
                    "trivial": lambda: opened(trivial, "document.querySelector('#n')"),
                    "lesson": lambda: opened(ours, lesson_ready),
                },
                rounds=7,
            )
            print(f"in Chromium {browser.version}, 1440 x 900, medians, ms ({_machine()})")
            _beside(
                "first open, warm server", *(statistics.median(times[name]) * 1000 for name in ("lesson", "trivial"))
            )

            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(trivial)
            page.wait_for_selector("#n")
            base = []
            for i in range(1, 16):
                done = f"document.querySelector('#n')?.textContent === '{i}'"
                base.append(page.evaluate(TIMED, ["document.querySelector('.stButton button').click()", done]))
            page.goto(f"{ours}/?model=tiny-batch&stage=weights")
            page.wait_for_function(lesson_ready)
            blocks = []
            for i in range(15):
                button = f"{ROOT}.querySelectorAll('.blocks button')[{(i + 1) % 4}]"
                done = f"{button}?.ariaPressed === 'true'"
                blocks.append(page.evaluate(TIMED, [f"{button}.click()", done]))
            _beside("another block (fragment)", statistics.median(blocks), statistics.median(base))
            steps = []
            for _ in range(5):
                for button in (".previous", ".next"):
                    act = (
                        f"window.was = {ROOT}.querySelector('h2').textContent; {ROOT}.querySelector('{button}').click()"
                    )
                    steps.append(page.evaluate(TIMED, [act, f"{ROOT}.querySelector('h2').textContent !== window.was"]))
            _beside("another stage (browser alone)", statistics.median(steps), statistics.median(base))
            browser.close()


def _beside(what: str, ours: float, trivial: float) -> None:
    print(f"{what:32}{ours:9.0f}   trivial {trivial:7.0f}   ratio {ours / trivial:5.2f}")


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


def explorer() -> None:
    """One block of made tensors: what travels, from pointer move to painted frame, and the rows beside PyTorch's."""
    from playwright.sync_api import sync_playwright

    from topformer_viz.browser import FLAGS, find_chromium

    chromium = find_chromium()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        print(f"in Chromium {browser.version}, 1440 x 900, {HEADS} heads ({_machine()})")
        print(f"{'':14}{'payload':>12}{'matrices':>12}{'move to paint, ms':>22}{'work, ms':>18}{'row off by':>12}")
        print(f"{'tokens':14}{'kB':>12}{'kB':>12}{'median':>14}{'95 %':>8}{'median':>10}{'95 %':>8}")
        blank = Path(folder) / "nothing.html"
        blank.write_text(NOTHING)
        page.goto(blank.as_uri())
        print(f"{'an empty page':14}{'':24}{_moved(page)}")
        for tokens in TOKENS:
            run, payload, photo = _made(tokens)
            file = Path(folder) / f"{tokens}.html"
            file.write_text(page_html(payload, f"{tokens}", "", "en"))
            page.goto(file.as_uri())
            page.locator(".card").first.wait_for()
            page.wait_for_timeout(1000)
            times = _moved(page)
            sent, matrices = (len(payload) - photo) / 1000, HEADS * tokens**2 * 4 / 1000
            print(f"{tokens:<14,}{sent:12,.0f}{matrices:12,.0f}{times}{_off(page, run):12.1e}")
        browser.close()


def _made(tokens: int) -> tuple[Trace, bytes, int]:
    """A run of one block of random tensors, its payload, and how much of that is the photograph."""
    side = round(tokens**0.5)
    generator = torch.Generator().manual_seed(0)
    shapes = {"query": (tokens, KEY_DIM), "key": (KEY_DIM, tokens), "value": (tokens, D)}
    tensors = {f"block0.{name}": torch.randn(1, HEADS, *shape, generator=generator) for name, shape in shapes.items()}
    if tokens <= DENSE_TOKENS:
        tensors["block0.scores"] = tensors["block0.query"] @ tensors["block0.key"]
        tensors["block0.weights"] = tensors["block0.scores"].softmax(-1)
    run = Trace(tensors, check(tensors) | {"H": side, "W": side}, 0.0, "cpu", False)
    photo = open_sample("china").resize((512, 512))
    settings = {"run": "bench", "block": 0, "asked": {}, "alone": True, "saves": False}
    blocks = {0: Shown(measure(run, 0), 0.0, {})}
    payload = explorer_payload(run, load_model("base"), photo, blocks, "en", False, settings, {})
    return run, payload, Body().add_photo(photo)["bytes"]


def _moved(page: "Page") -> str:
    """The pointer crosses the photograph: times from each move to its painted frame, and from its arrival."""
    box = page.locator(".photo").bounding_box()
    assert box
    page.evaluate(MOVES)
    for i in range(120):
        x, y = (0.03 + 0.94 * ((i * step) % 97) / 97 for step in (31, 17))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(20)
    moves = page.evaluate("window.moves")[20:]
    columns = []
    for times in zip(*moves, strict=True):
        columns += [statistics.median(times), statistics.quantiles(times, n=20)[-1]]
    return f"{columns[0]:14.1f}{columns[1]:8.1f}{columns[2]:10.1f}{columns[3]:8.1f}"


def _off(page: "Page", run: Trace) -> float:
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
