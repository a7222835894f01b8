"""Measurements, each beside its baseline in the same run: the forward pass, and the page in Chromium."""

import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from topformer_viz.images import open_sample, to_tensor
from topformer_viz.model import SIZES
from topformer_viz.tracing import Model, best_device, inference_copy, run, trace
from topformer_viz.weights import load_model

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
