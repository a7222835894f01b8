"""What can be saved of the lab's part about cost, the choices it follows, and what is said of a module's numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

from PIL import Image

from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.frame.address import Parameter
from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.cost.measuring import found_by, kept_of
from topformer_viz.app.lab.cost.table import sizes_table
from topformer_viz.app.lab.cost.words import FIGURES, PLOTS, UI
from topformer_viz.figures.panel import Axis, Chart, Dash, Panel, Series
from topformer_viz.network.images import CELL
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.run.inference import best_device
from topformer_viz.study.cost import PUBLISHED, Measurement, Numbers, side
from topformer_viz.words.numbers import tokens_text
from topformer_viz.words.text import Lang, sentences

# Okabe and Ito's colours, which colour-blind readers tell apart; each has 3 : 1 on the light and on the dark page.
LINEAR, SQUARE, CROSSING, MARK = "#0072b2", "#d55e00", "#009e73", "#8a8a8a"
DASHES: tuple[Dash, Dash] = ("-", "--")
SMALLEST, LARGEST = 4, 128  # sides of the token grid at the chart's ends
TICKS = (4, 8, 16, 32, 64, 128)
BYTES = {10**n: f"{10 ** (n % 3)} {('', 'k', 'M', 'G', 'T')[n // 3]}B" for n in range(15)}
REFERENCE = 8  # side of the token grid of 512 x 512 image pixels
SMALL = 64  # the tokens of 512 x 512 image pixels, at which TopFormer was published
LITTLE = 0.25  # attention's share below which it is said not to be the expensive part
MODULE = Parameter((*PUBLISHED, OWN), "base")
# The reader's own numbers: name of the setting -> what it is called, what it can be.
BASE = PUBLISHED[MODULE.default]
OWN_NUMBERS = {
    "cost_c": ("C", Parameter(range(16, 1025), BASE.C)),
    "cost_heads": ("heads", Parameter(range(1, 17), BASE.heads)),
    "cost_key": ("key_dim", Parameter(range(1, 65), BASE.key_dim)),
    "cost_ratio": ("attn_ratio", Parameter(range(1, 5), BASE.attn_ratio)),
}


def tokens_of(photo: Image.Image) -> int:
    """HW of the image in a TopFormer."""
    return -(-photo.height // CELL) * -(-photo.width // CELL)


def name_of(name: str, numbers: Numbers, lang: Lang) -> str:
    """The module of the choice ``name`` in words."""
    if name != OWN:
        return UI["name"](lang, size=name)
    return UI["name_own"](lang, C=numbers.C, heads=numbers.heads, key_dim=numbers.key_dim, ratio=numbers.attn_ratio)


def sentences_of(numbers: Numbers, HW: int, lang: Lang) -> list[str]:
    """Which part is expensive at 512 x 512, where the two are equal, and attention's share on the visitor's image."""
    share = numbers.share(SMALL)
    said = UI["late" if share < LITTLE else "early" if share > 0.5 else "near"](
        lang, HW=SMALL, share=f"{share:.1%}", crossing=tokens_text(numbers.crossing),
        side=f"{side(numbers.crossing):,.0f}",
    )  # fmt: skip
    return [said] if HW == SMALL else [said, UI["yours"](lang, HW=HW, share=f"{numbers.share(HW):.1%}")]


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [Offer(name, FIGURES[name], partial(_figure, view, name)) for name in ("adds", "memory", "table")]


def _figure(view: View, kind: str, asked: Asked) -> Panel:
    """The multiply-adds, the memory or the table of the module that the address names."""
    lang, name = view.lang, asked["cost"]
    numbers = Numbers(*(asked[own] for own in OWN_NUMBERS)) if name == OWN else PUBLISHED[name]
    HW = tokens_of(view.photo)
    module = name_of(name, numbers, lang)
    said = [part.replace("**", "") for part in sentences_of(numbers, HW, lang)]
    content: dict[str, Any] = {}
    if kind == "table":
        content["tables"] = (sizes_table(numbers, lang),)
        what = UI["table"](lang)
    elif kind == "adds":
        kept = kept_of(numbers, str(best_device()))
        measured = kept[0] if kept and kept[0].timings else None
        content["charts"] = (adds_chart(numbers, HW, measured, lang),)
        if measured:
            said += [found_by(measured, numbers, best_device(), lang)[0], UI["adds_note"](lang)]
        what = UI["adds"](lang)
    else:
        content["charts"] = (memory_chart(numbers, HW, lang),)
        said.append(UI["memory_note"](lang, dense=f"{DENSE_TOKENS:,}"))
        what = UI["memory"](lang)
    said.append(FIGURES["counted"](lang, cell=CELL))
    stem = "-".join(map(str, (numbers.C, numbers.heads, numbers.key_dim, numbers.attn_ratio))) if name == OWN else name
    return Panel(f"cost-{kind}-{stem}", what, module, sentences(lang, said), **content)


def adds_chart(numbers: Numbers, HW: int, measured: Measurement | None, lang: Lang) -> Chart:
    """Multiply-adds of projections and attention, your image of HW tokens marked; milliseconds laid over.

    The right axis has as many decades as the left and is shifted so that the projections' points lie about their line:
    a point lies above its line where a multiply-add takes longer than their median.
    """
    lines = [("projections", numbers.projections, LINEAR), ("attention", numbers.attention, SQUARE)]
    chart = _chart(lines, numbers.crossing, HW, "adds", lang)
    if measured is None:
        return chart
    ms = ms_per_add(numbers, measured)
    series = list(chart.series)
    for name, _, colour in lines:
        for fused in (False, True):
            timings = [timing for timing in measured.timings if timing.fused == fused]
            words = FIGURES["fused" if fused else "measured"](lang, name=PLOTS[name](lang))
            x, y = [side(timing.HW) for timing in timings], [getattr(timing, name) for timing in timings]
            if timings:
                marker = "o" if name == "projections" else "s"
                series.append(Series(words, colour, tuple(x), tuple(y), marker=marker, hollow=fused, right=True))
    right = Axis(PLOTS["ms"](lang), chart.up.low * ms, chart.up.high * ms, log=True)
    return replace(chart, series=tuple(series), right=right)


def memory_chart(numbers: Numbers, HW: int, lang: Lang) -> Chart:
    """Bytes of feature maps and of scores and weights, your image of HW tokens marked."""
    lines = [("maps", numbers.maps_bytes, LINEAR), ("matrices", numbers.matrices_bytes, SQUARE)]
    chart = _chart(lines, numbers.memory_crossing, HW, "bytes", lang)
    ticks = {at: unit for at, unit in BYTES.items() if chart.up.low <= at <= chart.up.high}
    return replace(chart, up=replace(chart.up, ticks=ticks))


def ms_per_add(numbers: Numbers, measured: Measurement) -> float:
    """Milliseconds of one of the projections' multiply-adds: the median over the sizes measured."""
    return median(timing.projections / numbers.projections(timing.HW) for timing in measured.timings)


def _chart(
    lines: Sequence[tuple[str, Callable[[int], int], str]], crossing: float, HW: int, amount: str, lang: Lang
) -> Chart:
    """Two amounts against the side of a square image, where they cross, and your image."""
    sizes = [n * n for n in range(SMALLEST, LARGEST + 1)]
    places = tuple(side(tokens) for tokens in sizes)
    series = [
        Series(PLOTS[name](lang), colour, places, tuple(cost(n) for n in sizes), dash)
        for (name, cost, colour), dash in zip(lines, DASHES, strict=True)
    ]
    low, high = min(s.y[0] for s in series) / 2, max(s.y[-1] for s in series) * 2
    if sizes[0] <= crossing <= sizes[-1]:
        said = PLOTS["crossing"](lang, HW=tokens_text(crossing), side=f"{side(crossing):,.0f}")
        height = lines[0][1](1) * crossing
        series.append(Series(said, CROSSING, (side(crossing),), (height,), marker="D"))
    marks: list[tuple[int, str, Dash]] = [(HW, PLOTS["yours"](lang, HW=f"{HW:,}"), ":")]
    if HW != REFERENCE**2:
        pixels = f"{side(REFERENCE**2):.0f}"
        marks.append((REFERENCE**2, f"{pixels} × {pixels}", "-."))
    for tokens, said, dash in marks:
        if sizes[0] <= tokens <= sizes[-1]:
            series.append(Series(said, MARK, (side(tokens),) * 2, (low, high), dash))
    ticks = {side(n * n): f"{side(n * n):,.0f}\n{n * n:,}" for n in TICKS}
    across = Axis(PLOTS["side"](lang), places[0] * 0.9, places[-1] * 1.1, log=True, ticks=ticks)
    return Chart(tuple(series), across, Axis(PLOTS[amount](lang), low, high, log=True))
