"""From `streamlit run` to the first painted page, the door or the lesson, beside the same for a trivial one that imports torch."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser

from topformer_viz.terminal.bench.pages import DOOR_READY, LESSON_READY, TRIVIAL_READY, WINDOW, trivial_script
from topformer_viz.terminal.bench.table import Cell, Goal, Table
from topformer_viz.terminal.bench.timing import ratio
from topformer_viz.terminal.chromium import APP, open_browser, serve

MOST = 1.3  # times the trivial page
SHARED = ("import streamlit", "import torch")  # by the trivial page
# Run by a fresh process, in the order in which the app needs them. What a step has imported, no later one pays for.
STEPS = {
    "import streamlit": "import streamlit.web.bootstrap",
    "import torch": "import torch; torch.set_num_threads(1)",
    "import the lesson": "import topformer_viz.app.frame.page, topformer_viz.app.lesson.page, topformer_viz.app.lesson.figures",
    "the sample picture": (
        "from topformer_viz.network.input import network_size; from topformer_viz.network.samples import SAMPLES, open_sample; "
        "picture = open_sample(next(iter(SAMPLES))); "
        "picture = picture.resize(network_size(*picture.size, 512, 512))"
    ),
    "the bundled weights": "from topformer_viz.network.weights import load_model; model = load_model('everyday')",
    "the first traced pass": "from topformer_viz.run.tracing import trace; run = trace(model, picture)",
    "what travels of it": "from topformer_viz.app.canvas.travelling import travels; travels(run, model, picture, 'run')",
    "the book": (
        "from topformer_viz.app.canvas.book import packed; from topformer_viz.app.lesson.payload import lesson_book; "
        "from topformer_viz.run.walk import Known; packed(lesson_book(Known.of(run, model), 'en'))"
    ),
}
SCRIPT = """
import json, sys, time
took = []
for step in json.loads(sys.argv[1]):
    start = time.perf_counter()
    exec(step)
    took.append(time.perf_counter() - start)
print(json.dumps(took))
"""


def measure(quick: bool = False) -> list[Table]:
    rounds = 1 if quick else 9
    with trivial_script() as script, open_browser() as browser:
        pages = {
            "trivial page": (script, "", TRIVIAL_READY), "front door": (APP, "", DOOR_READY),
            "lesson": (APP, "/lesson", LESSON_READY),
        }  # fmt: skip
        times: dict[str, list[float]] = {name: [] for name in pages}
        for i in range(rounds + (not quick)):
            for name, page in pages.items():
                seconds = _first_paint(browser, *page)
                if i or quick:  # the first round warms up
                    times[name].append(seconds)
    of_trivial = {name: ratio(taken, times["trivial page"]) for name, taken in times.items()}
    rows: list[tuple[Cell, ...]] = [(name, statistics.median(taken), of_trivial[name]) for name, taken in times.items()]
    return [
        Table(
            "From `streamlit run` to the first painted page",
            ("", "seconds", "of the trivial page"),
            rows,
            f"Medians of {rounds} rounds in turns, the ratio within each; the start of the server included, that of the browser "
            "not. The baseline is a page with a button that imports torch.",
            tuple(
                Goal(f"The {name}'s start, times the trivial page's", of_trivial[name], MOST)
                for name in ("front door", "lesson")
            ),
        ),
        _where(1 if quick else 5),
    ]


def _first_paint(browser: Browser, script: Path, path: str, ready: str) -> float:
    start = time.perf_counter()
    with serve(script) as address:
        context = browser.new_context(viewport=WINDOW)
        page = context.new_page()
        page.goto(f"{address}{path}", wait_until="commit")
        page.wait_for_function(ready, polling="raf", timeout=120_000)
        seconds = time.perf_counter() - start
        context.close()
    return seconds


def _where(rounds: int) -> Table:
    """What the server has to do for the first lesson, a step at a time, without server and browser."""
    taken = []
    for _ in range(rounds):
        command = [sys.executable, "-c", SCRIPT, json.dumps(list(STEPS.values()))]
        done = subprocess.run(command, cwd=APP.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        taken.append(json.loads(done.stdout))
    rows: list[tuple[Cell, ...]] = [
        (name, statistics.median(seconds) * 1000, "yes" if name in SHARED else "no")
        for name, seconds in zip(STEPS, zip(*taken, strict=True), strict=True)
    ]
    return Table(
        "Where a start's time goes",
        ("", "ms", "the trivial page's too"),
        rows,
        f"Medians of {rounds} fresh processes on one thread, each step once, in this order. Not in it: at an address below the first page's "
        "Streamlit's page first asks there for the server's health, in vain, and then where it is.",
    )
