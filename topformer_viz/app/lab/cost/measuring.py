"""Measuring on this machine: the button, the progress and what it found. Kept for all visitors; it has its turn like all that is computed."""

import streamlit as st
import torch

from topformer_viz.app.canvas.markup import formula_html
from topformer_viz.app.canvas.table import table_html
from topformer_viz.app.frame.view import PROSE
from topformer_viz.app.frame.words import DEVICES
from topformer_viz.app.frame.words import UI as FRAME
from topformer_viz.app.lab.cost.table import times_table
from topformer_viz.app.lab.cost.words import UI
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.network.pauses import pause
from topformer_viz.run.inference import best_device
from topformer_viz.server import visitors
from topformer_viz.server.queue import QUEUE, BusyError
from topformer_viz.study.cost import (
    GRIDS,
    MOST_BYTES,
    PASSES,
    WARM_UPS,
    Measurement,
    Numbers,
    measure,
    measured_crossing,
    most_bytes,
    side,
)
from topformer_viz.words.numbers import bytes_text, tokens_text
from topformer_viz.words.text import Lang, listed, sentences

STRANGERS_BYTES = 250_000_000  # that a measurement may take on a server for strangers


@st.cache_resource(max_entries=16, show_spinner=False)
def kept_of(numbers: Numbers, device: str) -> list[Measurement]:
    """The last measurement of these numbers on the device, if there is one; a list because it is put in from outside.

    Measuring itself is not cached: it draws its progress, which Streamlit does not allow within a cached function.
    """
    return []


def measured_now(numbers: Numbers, lang: Lang) -> Measurement | None:
    """The button, the progress while it measures, and what was measured, if anything; hands that on."""
    device = best_device()
    kept = kept_of(numbers, str(device))
    sizes = listed(lang, (f"{n * n:,}" for n in GRIDS))
    st.markdown(UI["measured_intro"](lang, sizes=sizes, passes=PASSES, warm=WARM_UPS), width=PROSE)
    if st.button(UI["measure"](lang), key="cost_measure"):
        try:
            kept[:] = [_measure(numbers, device, lang)]
        except BusyError as error:
            st.info(error.text(lang))
    if not kept:
        return None
    st.markdown(sentences(lang, found_by(kept[0], numbers, device, lang)), width=PROSE)
    if not kept[0].timings:
        return None
    st.html(table_html(times_table(kept[0], lang), formula_html), width=PROSE)
    return kept[0]


def _measure(numbers: Numbers, device: torch.device, lang: Lang) -> Measurement:
    bar, reached = st.progress(0.0), [(0.0, GRIDS[0] ** 2)]

    def note(done: float, HW: int) -> None:
        reached.append((done, HW))
        pause()

    def show(before: int) -> None:
        done, HW = reached[-1]
        running = UI["running"](lang, HW=f"{HW:,}", passes=WARM_UPS + PASSES)
        bar.progress(done, FRAME["in_line"](lang, place=before + 1) if before else running)

    try:
        return QUEUE.run(lambda: measure(numbers, device, min(most_bytes(device), _most()), note), show, is_long=True)
    finally:
        bar.empty()


def _most() -> int:
    return STRANGERS_BYTES if visitors.STRANGERS else MOST_BYTES


def found_by(measured: Measurement, numbers: Numbers, device: torch.device, lang: Lang) -> list[str]:
    """Where it was measured, where attention's time passes the projections', and which sizes were left out and why."""
    found, count = [], tokens_text(numbers.crossing)
    if measured.timings:
        cpu = UI["threads"](lang, threads=measured.threads)
        found.append(UI["on"](lang, device=cpu if device.type == "cpu" else DEVICES[device.type]))
        crossing, last = measured_crossing(measured.timings), measured.timings[-1]
        if crossing is not None:
            found.append(UI["crossed"](lang, HW=f"{crossing:,.0f}", side=f"{side(crossing):,.0f}", count=count))
        elif last.attention <= last.projections:
            found.append(UI["still_shorter"](lang, HW=f"{last.HW:,}", count=count))
        else:
            found.append(UI["longer"](lang, count=count))
        if last.fused:
            found.append(UI["fused_note"](lang, dense=f"{DENSE_TOKENS:,}"))
    if measured.reason:
        memory = measured.reason == "memory"
        needed, allowed = (
            bytes_text(amount) if memory else f"{amount:.1f}" for amount in (measured.needed, measured.allowed)
        )
        found.append(
            UI[f"left_out_{measured.reason}"](
                lang, sizes=listed(lang, (f"{HW:,}" for HW in measured.left_out)),
                first=f"{measured.left_out[0]:,}", needed=needed, allowed=allowed, most=bytes_text(_most()),
            )
        )  # fmt: skip
    return found
