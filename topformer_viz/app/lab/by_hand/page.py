"""The lab's part "By hand": a tiny attention with all its numbers on one screen, and the sheets to print."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.book import packed
from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.linked import KEPT
from topformer_viz.app.canvas.wire import BOOK, CANVAS_CSS, CANVAS_JS
from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.choices import number, write_address
from topformer_viz.app.frame.view import View, part
from topformer_viz.app.lab.by_hand.payload import example_of, payload
from topformer_viz.app.lab.by_hand.words import UI
from topformer_viz.server.queue import QUEUE
from topformer_viz.study.by_hand import SEEDS
from topformer_viz.words.text import Lang

_HERE = Path(__file__).parent
_component = component(
    "hand",
    html=(_HERE / "hand.html").read_text("utf-8"),
    css=CANVAS_CSS + (_HERE / "hand.css").read_text("utf-8"),
    js=CANVAS_JS + (_HERE / "hand.js").read_text("utf-8"),
)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of this part of the lab."""
    return {"seed": Parameter(SEEDS, SEEDS[0])}


@part
def show(view: View) -> None:
    """Draw this part of the lab; other numbers rerun it alone."""
    lang = view.lang
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        seed = st.number_input(UI["numbers"](lang), width=130, **number(view, "seed", "hand_seed"))
        for name in ("worksheet", "solutions"):
            st.download_button(
                UI[name](lang), partial(_sheet, seed, lang, name == "solutions"), f"topformer-{name}-{seed}-{lang}.pdf",
                "application/pdf", on_click="ignore", key=f"hand_{name}",
            )  # fmt: skip
        example = example_of(seed)
        st.markdown(f":small[{UI['about'](lang, **example.run.sizes)}]", width="stretch")
    write_address(view, {"part": "by-hand", "seed": seed}, KEPT)
    book = view.keep(("by hand", seed, lang), lambda: packed(payload(example, lang)))
    _component({"lang": lang, "book": hand_out(book, BOOK, "book by hand")}, key="hand", height="content")


def _sheet(seed: int, lang: Lang, solved: bool) -> bytes:
    """The PDF, made when it is asked for; so is matplotlib's import, which would hold up the page."""
    from topformer_viz.figures.worksheet import worksheet

    return QUEUE.run(lambda: worksheet(example_of(seed), lang, solved))
