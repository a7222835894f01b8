"""The lesson on a warm server, beside a trivial page: first open, another block, another stage."""

import statistics

from topformer_viz.terminal.bench.pages import LESSON, LESSON_READY, TRIVIAL_READY, WINDOW, trivial_script
from topformer_viz.terminal.bench.table import Cell, Table
from topformer_viz.terminal.bench.timing import interleaved
from topformer_viz.terminal.chromium import open_browser, serve

# In the page: do something, then wait frame by frame until a condition holds and that frame is painted.
TIMED = """([act, done]) => new Promise((resolve) => {
  const act_ = new Function(act), done_ = new Function("return " + done), start = performance.now();
  act_();
  const look = () => done_() ? requestAnimationFrame(() => resolve(performance.now() - start)) : requestAnimationFrame(look);
  look();
})"""


def measure(quick: bool = False) -> list[Table]:
    rounds = 2 if quick else 15
    with trivial_script() as script, serve() as ours, serve(script) as trivial, open_browser() as browser:

        def opened(address: str, ready: str) -> None:
            context = browser.new_context(viewport=WINDOW)
            page = context.new_page()
            page.goto(address)
            page.wait_for_function(ready, polling="raf")
            context.close()

        opens = interleaved(
            {
                "trivial": lambda: opened(trivial, TRIVIAL_READY),
                "lesson": lambda: opened(f"{ours}/lesson", LESSON_READY),
            },
            rounds=1 if quick else 7,
            warm=0 if quick else 1,
        )
        page = browser.new_page(viewport=WINDOW)
        page.goto(trivial)
        page.wait_for_selector("#n")
        base = []
        for i in range(1, rounds + 1):
            done = f"document.querySelector('#n')?.textContent === '{i}'"
            base.append(page.evaluate(TIMED, ["document.querySelector('.stButton button').click()", done]))
        page.goto(f"{ours}/lesson?model=tiny-batch&stage=weights")
        page.wait_for_function(LESSON_READY)
        blocks = []
        for i in range(rounds):
            button = f"{LESSON}.querySelectorAll('.blocks button')[{(i + 1) % 4}]"
            blocks.append(page.evaluate(TIMED, [f"{button}.click()", f"{button}?.ariaPressed === 'true'"]))
        steps = []
        for _ in range(rounds):
            for button in (".previous", ".next"):
                heading = f"{LESSON}.querySelector('h2').textContent"
                act = f"window.was = {heading}; {LESSON}.querySelector('{button}').click()"
                steps.append(page.evaluate(TIMED, [act, f"{heading} !== window.was"]))
    again = statistics.median(base)
    medians = {
        "first open": (statistics.median(opens["lesson"]) * 1000, statistics.median(opens["trivial"]) * 1000),
        "another block": (statistics.median(blocks), again),
        "another stage": (statistics.median(steps), again),
    }
    rows: list[tuple[Cell, ...]] = [(what, own, other, own / other) for what, (own, other) in medians.items()]
    return [
        Table(
            "A step in the lesson, on a warm server",
            ("", "lesson, ms", "trivial page, ms", "ratio"),
            rows,
            "Medians from click to painted frame in Chromium, 1440 × 900. The baseline is a page with a button and a "
            "number: its first open, and its button. Another block asks the server, another stage the browser alone.",
        )
    ]
