"""The lesson as one file, opened by Chromium from disk: its size, its start, a further photograph, and its network beside PyTorch."""

import gzip
import io
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page

from topformer_viz.app.site.file import Contents, single_html
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import open_sample
from topformer_viz.network.weights import EVERYDAY, load_model
from topformer_viz.run.tracing import Trace, trace
from topformer_viz.terminal.bench.pages import WINDOW
from topformer_viz.terminal.bench.slowing import CAN_PIN, SLICE, on_one_core, processes, slowed
from topformer_viz.terminal.bench.table import Cell, Goal, Table
from topformer_viz.terminal.bench.timing import percentile, ratio
from topformer_viz.terminal.chromium import open_browser
from topformer_viz.words.text import LANGS, Lang

LESSON = "the lesson as one file"
EMPTY, OURS = "an empty page", "the lesson"
LANGUAGES: dict[str, tuple[tuple[Lang, ...], float]] = {  # and the most MB
    **{lang: ((lang,), 5) for lang in LANGS},
    "both": (tuple(LANGS), 6),
}
MOST_OPEN, MOST_PHOTO, MOST_SLOWED = 1.5, 0.6, 2.0  # seconds
MOST_WASM, MOST_PLAIN = 1.3, 8.0  # times PyTorch's trace
MOST_MEMORY = 100  # MB
TIMES = 4  # slower
ONE_CORE, SLOWER = ", on one core", f", {TIMES} times slower"
PHOTOGRAPHS = ((3464, 3464), (4032, 3024))  # 12 megapixels, as a telephone stores them: on their side, and EXIF says so
ORIENTATION, ON_SIDE = 0x0112, 6
SIDES = ((512, 512), (512, 768))  # height, width
OPENS, DROPS, PASSES, QUICK = (20, 1), (12, 1), (21, 2), (1, 0)  # tries that count, and those before that warm up
# In the page: frame by frame until something holds, and that frame is painted; the seconds since `start`.
PAINTED = """const painted = (start, holds) => new Promise((resolve, reject) => {
  const look = () => requestAnimationFrame(() => {
    if (performance.now() > start + 120000) return reject(new Error("it was not painted"));
    if (!holds()) return look();
    const after = new MessageChannel();
    after.port1.onmessage = () => resolve((performance.now() - start) / 1000);
    after.port2.postMessage(0);
  });
  look();
});"""
# The lesson is there with its picture: its canvas is covered, beside the lines of the tokens' grid.
SHOWN = """const shown = () => {
  const root = document.querySelector(".site"), canvas = root?.querySelector("main > *")?.shadowRoot.querySelector("canvas.picture");
  return root?.dataset.state === "ready" && canvas?.width > 0 && canvas.getContext("2d").getImageData(9, 9, 1, 1).data[3] === 255;
};"""
OPENED = {
    OURS: f"() => {{ {PAINTED} {SHOWN} return painted(0, shown); }}",
    EMPTY: f"() => {{ {PAINTED} return painted(0, () => document.querySelector('canvas')); }}",
}
DROPPED = {
    OURS: f"""async () => {{
      {PAINTED} {SHOWN}
      const start = performance.now();
      if (!(await topformer.open(document.querySelector("#file").files[0]))) throw new Error(document.querySelector(".problem").textContent);
      return painted(start, shown);
    }}""",
    EMPTY: f"""async () => {{
      {PAINTED}
      const start = performance.now(), canvas = document.querySelector("canvas");
      const image = await createImageBitmap(document.querySelector("#file").files[0]);
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      image.close();
      return painted(start, () => true);
    }}""",
}
CHOOSER = "() => document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'file' }))"
# In the worker, whose scripts' names are its own: the last image once more, the kernels' memory in MB, and work that is always the same.
PASS = "async () => (await trace(last.network, last.image)).seconds"
MEMORY = "() => last.network.kernels.memory.byteLength / 1e6"
LOOP = """() => {
  const start = performance.now();
  let sum = 0;
  for (let i = 0; i < 2e7; i++) sum += i % 7;
  return performance.now() - start;
}"""
NOTHING = "<!DOCTYPE html><meta charset='utf-8'><canvas width='512' height='512'></canvas>"
Open = Callable[..., Page]  # (name, what the address says after it)


def measure(quick: bool = False) -> list[Table]:
    with tempfile.TemporaryDirectory() as name, open_browser() as browser:
        folder = Path(name)
        asked: list[str] = []
        sizes = _sizes(folder)
        (folder / f"{EMPTY}.html").write_text(NOTHING, "utf-8")
        (folder / f"{OURS}.html").write_bytes((folder / "both.html").read_bytes())

        def opened(name: str, said: str = "") -> Page:
            return _open(browser, folder / f"{name}.html", said, asked)

        times = _opens(opened, *(QUICK if quick else OPENS))
        shapes = PHOTOGRAPHS[: 1 if quick else None]
        photograph = _photograph(browser, opened, folder, shapes, *(QUICK if quick else DROPS))
        forward = _forward(opened, folder, SIDES[: 1 if quick else None], *(QUICK if quick else PASSES))
    return [sizes, _start(times, asked), photograph, forward]


def _open(browser: Browser, file: Path, said: str, asked: list[str]) -> Page:
    """A file in a new context; what it asks for, itself apart, is noted in ``asked``."""
    page = browser.new_context(viewport=WINDOW).new_page()
    own = file.as_uri()

    def note(url: str) -> None:
        if url.split("#")[0] != own and not url.startswith(("blob:", "data:")):
            asked.append(url)

    page.on("request", lambda request: note(request.url))
    page.goto(own + said, wait_until="commit")
    return page


# ---------------------------------------------------------------- size


def _sizes(folder: Path) -> Table:
    """Each file is written, and stays in ``folder``."""
    rows: list[tuple[Cell, ...]] = []
    goals = []
    weights = EVERYDAY.stat().st_size / 1e6
    for name, (langs, most) in LANGUAGES.items():
        data = single_html(Contents(langs)).encode()
        (folder / f"{name}.html").write_bytes(data)
        rows.append((name, len(data) / 1e6, len(gzip.compress(data)) / 1e6, weights))
        goals.append(Goal(f"{LESSON}, {name}, MB", len(data) / 1e6, most))
    return Table(
        "The lesson as one file",
        ("languages", "MB", "gzipped, MB", "the weights alone, MB"),
        rows,
        "As `python -m topformer_viz site --single` writes it. The baseline is the file of the weights, which it holds with all else; gzipped it is "
        "what travels from a web host.",
        tuple(goals),
    )


# ---------------------------------------------------------------- start


def _opens(opened: Open, rounds: int, warm: int) -> dict[str, list[float]]:
    """Seconds to the painted page, in turns."""
    times: dict[str, list[float]] = {name: [] for name in OPENED}
    for i in range(warm + rounds):
        for name, script in OPENED.items():
            page = opened(name, "#lesson")
            seconds = page.evaluate(script)
            page.context.close()
            if i >= warm:
                times[name].append(seconds)
    return times


def _start(times: Mapping[str, Sequence[float]], asked: Sequence[str]) -> Table:
    rounds = len(times[OURS])
    return Table(
        "The lesson as one file: from double click to the painted lesson",
        ("", "seconds", "95 %, s", "requests"),
        [(name, *_both(taken), len(asked) if name == OURS else None) for name, taken in times.items()],
        f"Medians and 95th percentiles of {rounds} tries in turns, each in a new context of a running Chromium, 1440 × 900, from the start of "
        "the navigation to the painted frame that has the lesson with its picture. The file, with both languages, lies on disk, or rather in the "
        "system's memory of it. The baseline is a page with an empty canvas. Requests are those of all pages of this benchmark, for anything but the file itself.",
        (
            Goal(f"{LESSON}, from double click to paint, s", percentile(times[OURS], 0.5), MOST_OPEN),
            Goal(f"{LESSON}, requests", len(asked), 0),
        ),
    )


# ---------------------------------------------------------------- a further photograph


def _photograph(
    browser: Browser, opened: Open, folder: Path, sizes: Sequence[tuple[int, int]], rounds: int, warm: int
) -> Table:
    pages = {OURS: _ready(opened, "#lesson"), EMPTY: opened(EMPTY)}
    for page in pages.values():
        page.evaluate(CHOOSER)
    ids = processes(browser)
    machines: dict[str, Callable[[], AbstractContextManager[None]]] = {"": nullcontext}
    if CAN_PIN:
        machines[ONE_CORE] = partial(on_one_core, ids)
    machines[SLOWER] = partial(slowed, ids, TIMES)
    rows: list[tuple[Cell, ...]] = []
    goals, weights = [], []
    for size in sizes:
        file = folder / f"{size[0]}.jpg"
        file.write_bytes(_from_telephone(size))
        weights.append(file.stat().st_size / 1e6)
        for page in pages.values():
            page.set_input_files("#file", file)
        times: dict[str, dict[str, list[float]]] = {how: {OURS: [], EMPTY: [], LOOP: []} for how in machines}
        for i in range(warm + rounds):
            for how, machine in machines.items():
                with machine():
                    taken = {name: page.evaluate(DROPPED[name]) for name, page in pages.items()}
                    taken[LOOP] = pages[OURS].workers[0].evaluate(LOOP)
                if i >= warm:
                    for name, seconds in taken.items():
                        times[how][name].append(seconds)
        width, height = network_size(size[1], size[0], 512, 512)
        for how, of in times.items():
            longer = ratio(of[LOOP], times[""][LOOP])
            rows.append((f"{height} × {width}{how}", *_both(of[OURS]), *_both(of[EMPTY]), longer))
        if height == width:
            for how, most in ((ONE_CORE if CAN_PIN else "", MOST_PHOTO), (SLOWER, MOST_SLOWED)):
                what = f"{LESSON}, a further photograph at {height} × {width}{how}, s"
                goals.append(Goal(what, percentile(times[how][OURS], 0.5), most))
    for page in pages.values():
        page.context.close()
    return Table(
        "The lesson as one file: a further photograph of 12 megapixels",
        ("", "drop to paint, s", "95 %, s", "decoded and drawn alone, s", "95 %, s", "a loop in the worker, times as long"),
        rows,
        f"Medians and 95th percentiles of {rounds} tries in turns: in the open lesson, from the file ({' and '.join(f'{weight:.1f}' for weight in weights)} MB of JPEG, on "
        "its side as its EXIF says) to the painted frame with the new picture and its run. The baseline is a page that decodes the file, draws it on a canvas, and nothing else. "
        f"On one core are all of Chromium's processes; {TIMES} times slower they run for {1000 * SLICE:g} ms in {TIMES * 1000 * SLICE:g}, and the last column says what becomes of "
        "a loop in the lesson's worker. Chromium's own throttle (Emulation.setCPUThrottlingRate) would slow the page's main thread alone: it does not reach the "
        "worker, which has most of the work, and asked for the worker itself it refuses.",
        tuple(goals),
    )  # fmt: skip


def _ready(opened: Open, said: str) -> Page:
    """The lesson, when a run is on show."""
    page = opened(OURS, said)
    page.evaluate(OPENED[OURS])
    return page


def _from_telephone(size: tuple[int, int]) -> bytes:
    """A sample as a JPEG so large, on its side, with noise as of a sensor: few MB."""
    photo, noise = open_sample("street").resize(size, Image.Resampling.LANCZOS), Image.effect_noise(size, 12)
    noisy, exif, out = ImageChops.add(photo, noise.convert("RGB"), offset=-128), Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = ON_SIDE
    noisy.save(out, "JPEG", quality=85, exif=exif)
    return out.getvalue()


# ---------------------------------------------------------------- forward pass


def _forward(opened: Open, folder: Path, sides: Sequence[tuple[int, int]], rounds: int, warm: int) -> Table:
    model, threads = load_model("everyday"), torch.get_num_threads()
    pages = {"wasm": _ready(opened, "#lesson"), "plain": _ready(opened, "#lesson?kernels=plain")}
    for name, page in pages.items():
        page.locator(f".site[data-engine={name}]").wait_for()
        page.evaluate(CHOOSER)
    rows: list[tuple[Cell, ...]] = []
    goals = []
    torch.set_num_threads(1)
    try:
        for height, width in sides:
            photo = open_sample("street").resize((width, height))
            file = folder / f"{width}.png"
            photo.save(file)
            for page in pages.values():
                page.set_input_files("#file", file)
                page.evaluate(DROPPED[OURS])
            times, run = _in_turns(pages, partial(trace, model, photo), rounds, warm)
            ratios = {name: ratio(times[name], times["torch"]) for name in pages}
            name = f"{height} × {width}"
            medians = [statistics.median(times[which]) * 1000 for which in ("torch", "wasm", "plain")]
            memory = pages["wasm"].workers[0].evaluate(MEMORY) if (height, width) == sides[-1] else None
            rows.append((name, *medians, ratios["wasm"], ratios["plain"], memory, _held(run)))
            goals.append(Goal(f"{LESSON}, forward pass at {name}, times PyTorch's", ratios["wasm"], MOST_WASM))
            goals.append(Goal(f"{LESSON}, the same in plain JavaScript", ratios["plain"], MOST_PLAIN))
            if memory is not None:
                goals.append(Goal(f"{LESSON}, wasm memory at {name}, MB", memory, MOST_MEMORY))
    finally:
        torch.set_num_threads(threads)
    for page in pages.values():
        page.context.close()
    return Table(
        "The lesson as one file: forward pass on one thread",
        (
            "", "PyTorch's trace, ms", "WebAssembly, ms", "plain JavaScript, ms", "WebAssembly / PyTorch", "plain / PyTorch", "wasm memory, MB",
            "the run's tensors, MB",
        ),
        rows,
        f"Medians of {rounds} rounds in turns, the ratio within each: the lesson's worker with its kernels in WebAssembly and in JavaScript, and `trace` with one thread, all "
        "of the bundled weights on the same picture. Each says itself how long the pass took, warm, all tensors kept. The memory, which never shrinks, stands beside what the tensors that "
        "PyTorch's run keeps take by themselves.",
        tuple(goals),
    )  # fmt: skip


def _in_turns(
    pages: Mapping[str, Page], python: Callable[[], Trace], rounds: int, warm: int
) -> tuple[dict[str, list[float]], Trace]:
    """The passes' seconds as each reports them, and the last run."""
    times: dict[str, list[float]] = {"torch": [], **{name: [] for name in pages}}
    for i in range(warm + rounds):
        run = python()
        taken = {"torch": run.seconds, **{name: page.workers[0].evaluate(PASS) for name, page in pages.items()}}
        if i >= warm:
            for name, seconds in taken.items():
                times[name].append(seconds)
    return times, run


def _held(run: Trace) -> float:
    """MB of a run's tensors; several may be views of one memory."""
    memories = [tensor.untyped_storage() for tensor in run.values()]
    return sum({memory.data_ptr(): memory.nbytes() for memory in memories}.values()) / 1e6


def _both(seconds: Sequence[float]) -> tuple[float, float]:
    """Their median and 95th percentile."""
    return percentile(seconds, 0.5), percentile(seconds, 0.95)
