"""The tables about cost; of two that only the page shows, with a note below, the HTML."""

from html import escape

from topformer_viz.app.canvas.markup import formula_html
from topformer_viz.app.canvas.table import table_html
from topformer_viz.app.lab.cost.words import UI
from topformer_viz.figures.panel import Table
from topformer_viz.network.images import CELL
from topformer_viz.study.cost import Measurement, Numbers, side
from topformer_viz.words.numbers import bytes_text, three_digits, tokens_text
from topformer_viz.words.text import Lang

TABLE = (64, 256, 1024, 4096, 16384)  # HW of the rows


def why_adds(numbers: Numbers, lang: Lang) -> str:
    """The derivation of HW = 2 C, every line with the numbers put in."""
    C, nh_kd, dh = numbers.C, numbers.nh_kd, numbers.dh
    rows = (
        ("to_q", "C × nh_kd", f"{C} × {nh_kd} = {C * nh_kd:,}"),
        ("to_k", "C × nh_kd", f"{C} × {nh_kd} = {C * nh_kd:,}"),
        ("to_v", "C × dh", f"{C} × {dh} = {C * dh:,}"),
        ("proj", "dh × C", f"{dh} × {C} = {dh * C:,}"),
        (UI["projections"](lang), "2 × C × (nh_kd + dh)", f"{numbers.projections(1):,}"),
        ("query @ key", "HW × nh_kd", f"{nh_kd} × HW"),
        ("weights @ value", "HW × dh", f"{dh} × HW"),
        (UI["attention"](lang), "HW × (nh_kd + dh)", f"{numbers.attention(1):,} × HW"),
        (UI["equal"](lang), "HW = 2 × C", tokens_text(numbers.crossing)),
        (UI["pixels"](lang), f"{CELL} × √HW", UI["px"](lang, side=f"{side(numbers.crossing):,.0f}")),
    )
    columns = UI["work"](lang), UI["formula"](lang), UI["value"](lang)
    table = Table(columns, rows, UI["why_adds"](lang), sums=(4, 7, 8))
    return table_html(table, formula_html) + f"<p>{escape(UI['why_adds_note'](lang, cell=CELL))}</p>"


def why_memory(numbers: Numbers, lang: Lang) -> str:
    """The same of the numbers kept in memory."""
    C, heads, nh_kd, dh = numbers.C, numbers.heads, numbers.nh_kd, numbers.dh
    rows = (
        ("query, key", "2 × nh_kd", f"2 × {nh_kd} = {2 * nh_kd:,}"),
        ("value", "dh", f"{dh:,}"),
        ("mixed, merged, activated", "3 × dh", f"3 × {dh} = {3 * dh:,}"),
        ("projected", "C", f"{C:,}"),
        (UI["maps"](lang), "2 × nh_kd + 4 × dh + C", f"{2 * nh_kd + 4 * dh + C:,}"),
        ("scores", "heads × HW", f"{heads} × HW"),
        ("weights", "heads × HW", f"{heads} × HW"),
        (UI["matrices"](lang), "2 × heads × HW", f"{2 * heads} × HW"),
        (UI["equal"](lang), "HW = (2 × nh_kd + 4 × dh + C) / (2 × heads)", tokens_text(numbers.memory_crossing)),
        (UI["pixels"](lang), f"{CELL} × √HW", UI["px"](lang, side=f"{side(numbers.memory_crossing):,.0f}")),
    )
    columns = UI["kept"](lang), UI["formula"](lang), UI["value"](lang)
    note = "why_memory_note" if numbers.memory_crossing < numbers.crossing else "why_memory_late"
    table = Table(columns, rows, UI["why_memory"](lang), sums=(4, 7, 8))
    return table_html(table, formula_html) + f"<p>{escape(UI[note](lang))}</p>"


def sizes_table(numbers: Numbers, lang: Lang) -> Table:
    """What a module costs from a small image to a very large one."""
    columns = ("HW", *(UI[f"table_{c}"](lang) for c in ("side", "projections", "attention", "share", "weights")))
    rows = tuple(
        (
            f"{HW:,}", f"{side(HW):,.0f}", three_digits(numbers.projections(HW) / 1e6), three_digits(numbers.attention(HW) / 1e6),
            f"{numbers.share(HW):.1%}", bytes_text(numbers.weights_bytes(HW)),
        )
        for HW in TABLE
    )  # fmt: skip
    return Table(columns, rows)


def times_table(measured: Measurement, lang: Lang) -> Table:
    """The times of a measurement, by size."""
    columns = ("HW", UI["table_side"](lang), UI["ms_projections"](lang), UI["ms_attention"](lang))
    rows = []
    for timing in measured.timings:
        attention = three_digits(timing.attention)
        if timing.fused:
            attention = UI["fused"](lang, ms=attention)
        rows.append((f"{timing.HW:,}", f"{side(timing.HW):,.0f}", three_digits(timing.projections), attention))
    return Table(columns, tuple(rows), UI["measured"](lang))
