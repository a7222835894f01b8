"""The lesson on a warm server, beside a trivial page: first open, and what one does in it, from click to painted frame."""

import random
from collections.abc import Callable, Sequence

from playwright.sync_api import Page

from topformer_viz.terminal.bench.pages import LESSON, LESSON_READY, TRIVIAL_READY, WINDOW, trivial_script
from topformer_viz.terminal.bench.table import Cell, Goal, Table
from topformer_viz.terminal.bench.timing import interleaved, percentile
from topformer_viz.terminal.chromium import open_browser, serve
from topformer_viz.words.text import LANGS

FRAME = 1000 / 60  # ms
TRIVIAL = "the trivial page's button"
# In the page: do something at a moment of its own within a frame, then wait frame by frame until a condition holds and that
# frame is painted; how long it took since, in ms.
TIMED = """([act, done, late]) => new Promise((resolve) => {
  const act_ = new Function(act), done_ = new Function("return " + done);
  const painted = (start) => {
    const after = new MessageChannel();
    after.port1.onmessage = () => resolve(performance.now() - start);
    after.port2.postMessage(0);
  };
  requestAnimationFrame(() => setTimeout(() => {
    const start = performance.now(), look = () => requestAnimationFrame(() => (done_() ? painted(start) : look()));
    act_();
    look();
  }, late));
})"""
# A button beside the lesson that changes one text: what a click takes when nothing has to be done.
NOTHING = """() => {
  const button = Object.assign(document.createElement("button"), { id: "nothing", textContent: "0" });
  button.style.cssText = "position: fixed; left: 0; bottom: 0; z-index: 1";
  button.onclick = () => (button.textContent = Number(button.textContent) + 1);
  document.body.append(button);
}"""
CHANGED, BLOCK, BESIDE, STAGE, HEAD = (
    "a changed text", "another block", "a block beside another", "another stage", "another head"
)  # fmt: skip
LANGUAGE = "the other language"
MAP, EXPLORER = "query", "weights"  # stages: one of maps, and one that the explorer shows, as a guest
HEADING, TITLE_OF_B = f"{LESSON}.querySelector('h2')", f"{LESSON}.querySelector('.against .b h3')"
Step = tuple[str, str]  # what to do, and what holds when it is done
# Of each step the n-th, from 0.
STEPS: dict[str, Callable[[int], Step]] = {
    CHANGED: lambda n: ("document.querySelector('#nothing').click()", f"document.querySelector('#nothing').textContent === '{n + 1}'"),
    BLOCK: lambda n: _pressed(f"{LESSON}.querySelectorAll('.blocks button')[{(n + 1) % 4}]"),
    HEAD: lambda n: _pressed(f"{LESSON}.querySelectorAll('.heads button')[{(n + 1) % 5}]"),
    STAGE: lambda n: _differs(HEADING, f"{LESSON}.querySelector('{('.next', '.previous')[n % 2]}').click()"),
    BESIDE: lambda n: _differs(
        TITLE_OF_B,
        f"const menu = {LESSON}.querySelector('.with'); menu.value = 'block-{n % 4 + 1}'; menu.dispatchEvent(new Event('change'))",
    ),
    LANGUAGE: lambda n: (
        f"document.querySelectorAll('.st-key-pick_lang button')[{(n + 1) % 2}].click()",
        f"{LESSON}.querySelector('.lesson').lang === '{list(LANGS)[(n + 1) % 2]}'",
    ),
    TRIVIAL: lambda n: ("document.querySelector('.stButton button').click()", f"document.querySelector('#n')?.textContent === '{n + 1}'"),
}  # fmt: skip


def _pressed(button: str) -> Step:
    return f"{button}.click()", f"{button}?.ariaPressed === 'true'"


def _differs(element: str, act: str) -> Step:
    """Done when an element says something else."""
    return f"window.was = {element}.textContent; {act}", f"{element}.textContent !== window.was"


def measure(quick: bool = False) -> list[Table]:
    rounds = 2 if quick else 40
    with trivial_script() as script, serve() as ours, serve(script) as trivial, open_browser() as browser:

        def opened(address: str, ready: str) -> Page:
            page = browser.new_context(viewport=WINDOW).new_page()
            page.goto(address)
            page.wait_for_function(ready, polling="raf")
            return page

        opens = interleaved(
            {
                "trivial": lambda: opened(trivial, TRIVIAL_READY).context.close(),
                "lesson": lambda: opened(f"{ours}/lesson", LESSON_READY).context.close(),
            },
            rounds=1 if quick else 7,
            warm=0 if quick else 1,
        )
        base = _timed(opened(trivial, TRIVIAL_READY), (TRIVIAL,), rounds)[TRIVIAL]
        page = opened(f"{ours}/lesson?lang={next(iter(LANGS))}&stage={MAP}", LESSON_READY)
        maps = _timed(page, (CHANGED, BLOCK, HEAD, STAGE), rounds) | _timed(page, (LANGUAGE,), rounds)
        page.context.close()
        page = opened(
            f"{ours}/lesson?lang={next(iter(LANGS))}&stage={EXPLORER}", f"{LESSON}?.querySelector('.guest .card')"
        )
        guest = _timed(page, (CHANGED, BLOCK, HEAD), rounds) | _timed(page, (BESIDE,), rounds)
    rows: list[tuple[Cell, ...]] = [("first open", *_ms(opens["lesson"]), *_ms(opens["trivial"]))]
    goals = []
    for where, times in (("", maps), (", in the explorer", guest)):
        rows += [(f"{what}{where}", *_ms(took), *_ms(base)) for what, took in times.items()]
        for which, took, least in zip(("median", "95 %"), _ms(times[BLOCK]), _ms(times[CHANGED]), strict=True):
            goals.append(Goal(f"{BLOCK}{where}, ms to paint beyond {CHANGED}, {which}", max(0.0, took - least), FRAME))
    return [
        Table(
            "A step in the lesson, on a warm server",
            ("", "lesson, ms", "95 %, ms", "trivial page, ms", "95 %, ms"),
            rows,
            f"Medians and 95th percentiles of {rounds} clicks each, and of {len(opens['lesson'])} opens, to the painted frame in Chromium, "
            "1440 × 900; a click comes at any moment within a frame, and the first look at each of four blocks is among those that count. The baseline is a page with a button and a number: its first open, and "
            f"its button, which asks the server. Of ours only {LANGUAGE} does. “{CHANGED.capitalize()}” is a button in the lesson's own page "
            "that changes one text and nothing else, the least that a click takes there; “another block” is painted in the next frame where it takes "
            f"no more than a frame's {FRAME:.1f} ms beyond that.",
            tuple(goals),
        )
    ]


def _timed(page: Page, steps: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each step, in turns so that a busy moment hits all of them."""
    page.evaluate(NOTHING)
    times: dict[str, list[float]] = {step: [] for step in steps}
    draw = random.Random(0)
    for n in range(rounds):
        for step in steps:
            times[step].append(page.evaluate(TIMED, [*STEPS[step](n), draw.uniform(0, FRAME)]) / 1000)
    return times


def _ms(seconds: Sequence[float]) -> tuple[float, float]:
    """Their median and 95th percentile, in ms."""
    return percentile(seconds, 0.5) * 1000, percentile(seconds, 0.95) * 1000
