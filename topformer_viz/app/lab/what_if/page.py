"""What if? Switches on the attention of the chosen block, and what each setting does to weights, heads and output."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from topformer_viz.app.canvas.linked import KEPT, Pictures
from topformer_viz.app.canvas.markup import axis_span
from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.frame.address import Parameter, Takes, head_or_mean
from topformer_viz.app.frame.choices import number, option, pick, recall, write_address
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.app.lab.what_if import figures
from topformer_viz.app.lab.what_if.figures import QUANTITIES
from topformer_viz.app.lab.what_if.settings import OWN, SWITCHES, address_of, setting_of
from topformer_viz.app.lab.what_if.words import UI
from topformer_viz.figures.scales import ROUNDING
from topformer_viz.network.model import Attention
from topformer_viz.run.measures import MEAN
from topformer_viz.study.what_if import (
    ACTIVATIONS,
    AXES,
    HEADS,
    KEY_DIMS,
    RATIOS,
    TEMPERATURES,
    TOKENS,
    UNPERMUTED,
    Experiment,
    Setting,
)


def show(view: View) -> None:
    """Draw this part of the lab."""
    st.markdown(UI["intro"](view.lang), width=PROSE)
    recall(view, {f"lab_{name}": name for name in (*SWITCHES, "head")})
    _experiment(view)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of this part of the lab: of heads those that are there before and after the change."""
    sizes = view.run.sizes
    after = SWITCHES["heads"].meant(said.get("heads")) or sizes["heads"]
    return {
        **SWITCHES,
        "head": head_or_mean(min(sizes["heads"], after)),
        **dict.fromkeys(KEPT, Parameter(range(1, sizes["HW"] + 1))),
    }


@part
def _experiment(view: View) -> None:
    """The switches and what they lead to; a change reruns this part alone."""
    lang, run = view.lang, view.run
    switches, results = st.columns((1, 3.2), gap="medium")
    with switches:
        block = st.segmented_control(UI["block"](lang), required=True, **option(view, "block", "block")) - 1
        setting = _switches(view, figures.attention(view, block))
        st.button(UI["reset"](lang), on_click=_reset, disabled=setting == Setting(draw=setting.draw))
    done = figures.changed(view, block, setting)
    with results:
        options = [*range(1, min(run.sizes["heads"], done.after.sizes["heads"]) + 1), MEAN]
        head = st.segmented_control(
            UI["head"](lang), options, format_func=lambda n: str(n) if n else UI["mean"](lang), required=True,
            **pick("lab_head", options, MEAN),
        )  # fmt: skip
        st.markdown("\n\n".join(figures.said(view, block, done)) or UI["nothing"](lang), width=PROSE)
        if note := figures.fresh(done, lang):
            st.warning(note)
        _pictures(view, block, head, done)
    st.subheader(UI["did"](lang), anchor="numbers")
    _tables(view, block, head, done)
    write_address(view, {"part": "what-if", "block": block + 1, "head": head or None, **address_of(done.setting)}, KEPT)


def _switches(view: View, own: Attention) -> Setting:
    """Every switch, and the setting they make."""
    lang = view.lang

    def of(name: str) -> str:
        return UI[name](lang)

    def choose(name: str, options: Sequence[Any], shown: Callable[[Any], str] = of, width: Any = "stretch") -> Any:
        picked = pick(f"lab_{name}", options, SWITCHES[name].default)
        return st.selectbox(of(name), options, format_func=shown, width=width, **picked)

    def size(name: str, options: tuple[int, ...], mine: int) -> int:
        """A size; OWN, in its place among the others, stays the module's own whatever model comes next."""
        values = sorted({OWN, *options} - {mine}, key=lambda n: n or mine)
        return choose(name, values, lambda n: str(n or mine), 84)

    with _row():
        scaled = st.toggle(of("scaled"), **pick("lab_scaled"))
        temperature = choose("temperature", TEMPERATURES, lambda t: f"{t:g}")
    over = choose("over", AXES)
    unpermuted = st.pills(of("unpermuted"), UNPERMUTED, selection_mode="multi", **pick("lab_unpermuted"))
    activation = choose("activation", ACTIVATIONS)
    with _row():
        ratio = size("ratio", RATIOS, own.d // own.key_dim)
        heads = size("heads", HEADS, own.num_heads)
        key_dim = size("key_dim", KEY_DIMS, own.key_dim)
    with _row():
        tokens = choose("tokens", TOKENS)
        draw = st.number_input(of("draw"), help=of("draw_help"), **number(view, "draw", "lab_draw"))
    return setting_of(
        {
            "scaled": scaled, "temperature": temperature, "over": over, "unpermuted": unpermuted, "activation": activation,
            "ratio": ratio, "heads": heads, "key_dim": key_dim, "tokens": tokens, "draw": draw,
        }
    ).of(own)  # fmt: skip


def _row() -> DeltaGenerator:
    """Side by side, on a phone too."""
    return st.container(horizontal=True, vertical_alignment="bottom", gap="small")


def _reset() -> None:
    for name, switch in SWITCHES.items():
        st.session_state[f"lab_{name}"] = switch.default


def _pictures(view: View, block: int, head: int, done: Experiment) -> None:
    """The tokens, then what the figure shows: before, after, difference."""
    lang, (rows, columns), panel = view.lang, view.subject.grid, figures.pictures(view, block, head, done)
    order = done.order if done.setting.tokens == "shuffled" else None
    pictures = Pictures((rows, columns))
    photos = [pictures.photo(UI["was"](lang)), pictures.photo(UI["is"](lang), order, done.kept)]
    pictures.group(UI["entering"](lang), photos, UI["tokens_note"](lang, rows=rows, columns=columns))
    for name, group in zip(QUANTITIES, panel.groups, strict=True):
        shown = [
            pictures.tile(tile.title, tile, own) for tile, own in zip(group.tiles, (None, order, None), strict=True)
        ]
        pictures.group(UI[name](lang), shown, figures.note(done, name, head, lang))
    before = panel.groups[0].tiles[0].values
    here = done.kept.nonzero().flatten().numpy()  # a dropped token has nothing to show
    first = int(here[abs(here - (rows // 2) * columns - columns // 2).argmin()])
    most = int(here[before[first, here].argmax()])
    pictures.show("lab_changes", panel.title, view.photo, lang, (first, most), run=view.run_name)


def _tables(view: View, block: int, head: int, done: Experiment) -> None:
    """Rows and columns of the weights, and how far each stage moved; faint where it did not."""
    of_weights, of_stages = figures.in_numbers(view, block, head, done).tables
    still = {n: "faint" for n, (name, *_) in enumerate(of_stages.rows) if done.largest_change(name) <= ROUNDING}
    stages = table_html(of_stages, (_code, _shape, escape, escape), left=2, classes=still)
    note = f'<p class="note">{escape(figures.numbers_note(view.lang))}</p>'
    st.html(f"<style>{TABLE_CSS}{STYLE}</style>")
    st.html(f'<div class="changes">{table_html(of_weights)}{stages}{note}</div>')


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _shape(text: str) -> str:
    """ "B 1 × HW 24" as the pages say shapes, every axis in its colour."""
    return " · ".join(axis_span(axis.split()[0], axis) for axis in text.split(" × "))


STYLE = """
.changes { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1rem 3rem; align-items: start; }
.changes table { font-size: 0.9rem; }
.changes .note { grid-column: 1 / -1; margin: 0; font-size: 0.84rem; opacity: 0.75; max-width: 110ch; }
@media (max-width: 1180px) { .changes { grid-template-columns: minmax(0, 1fr); } }
"""
