"""What if? Named experiments and switches on the attention of the chosen block, and what each setting does to it."""

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
from topformer_viz.app.lab.what_if.settings import (
    OWN,
    SWITCHES,
    address_of,
    experiments_of,
    named,
    setting_of,
    values_of,
)
from topformer_viz.app.lab.what_if.words import EXPERIMENT_NAMES, UI
from topformer_viz.figures.scales import ROUNDING
from topformer_viz.network.model import Attention
from topformer_viz.run.measures import MEAN
from topformer_viz.run.stages import GLOSSARY
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
from topformer_viz.words.text import Lang, listed


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
    """The experiments, the switches and what they lead to; a change reruns this part alone."""
    lang, run = view.lang, view.run
    st.html(f"<style>{TABLE_CSS}{STYLE}</style>")
    experiments, all_switches = st.container(key="experiments"), st.empty()
    choices = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    block = choices.segmented_control(UI["block"](lang), required=True, **option(view, "block", "block")) - 1
    own = figures.attention(view, block)
    with all_switches.expander(UI["all_switches"](lang), expanded=_opened(own)):
        setting = _switches(view, own)
    with experiments:
        _experiments(own, setting, lang)
    done = figures.changed(view, block, setting)
    options = [*range(1, min(run.sizes["heads"], done.after.sizes["heads"]) + 1), MEAN]
    head = choices.segmented_control(
        UI["head"](lang), options, format_func=lambda n: str(n) if n else UI["mean"](lang), required=True,
        **pick("lab_head", options, MEAN),
    )  # fmt: skip
    unchanged = setting == Setting(draw=setting.draw)
    choices.button(UI["reset"](lang), on_click=_set, args=(Setting(),), disabled=unchanged)
    if unchanged:
        st.markdown(UI["nothing"](lang), width=PROSE)
    else:
        with st.container(border=True, key="verdict"):
            tip = GLOSSARY["effective tokens"][1](lang) if named(setting) in ("scale", "heat") else None
            st.markdown(figures.verdict(view, block, head, done), help=tip)
    if named(setting) != "shuffle":  # whose verdict says all there is
        st.markdown("\n\n".join(figures.said(view, block, done)), width=PROSE)
    if note := figures.fresh(done, lang):
        st.warning(note)
    _pictures(view, block, head, done)
    if not unchanged:
        st.subheader(UI["did"](lang), anchor="numbers")
        _tables(view, block, head, done)
    write_address(view, {"part": "what-if", "block": block + 1, "head": head or None, **address_of(done.setting)}, KEPT)


def _experiments(own: Attention, setting: Setting, lang: Lang) -> None:
    """A button for each named experiment and, before it is clicked, a question; the one on show is marked."""
    for name, asked in experiments_of(own).items():
        label, question = EXPERIMENT_NAMES[name]
        chosen = name == named(setting)
        with st.container(key=f"experiment_{name}", gap="xxsmall"):
            st.button(
                UI["chosen"](lang, name=label(lang)) if chosen else label(lang), key=f"lab_try_{name}", width="stretch",
                type="primary" if chosen else "secondary", on_click=_set, args=(asked,),
            )  # fmt: skip
            st.markdown(f":small[{question(lang, temperature=f'{asked.temperature:g}')}]")


def _opened(own: Attention) -> bool:
    """Whether all switches are on show: once the address or the visitor has made what is no named experiment."""
    state = st.session_state
    setting = setting_of({name: state[f"lab_{name}"] for name in SWITCHES}).of(own)
    changed = setting != Setting(draw=setting.draw)
    state.lab_opened = state.get("lab_opened", False) or (changed and named(setting) is None)
    return state.lab_opened


def _switches(view: View, own: Attention) -> Setting:
    """Every switch, and the setting they make."""
    lang = view.lang

    def of(name: str) -> str:
        return UI[name](lang)

    def choose(name: str, options: Sequence[Any], shown: Callable[[Any], str] = of, width: Any = 190) -> Any:
        picked = pick(f"lab_{name}", options, SWITCHES[name].default)
        return st.selectbox(of(name), options, format_func=shown, width=width, **picked)

    def size(name: str, options: tuple[int, ...], mine: int) -> int:
        """A size; OWN, in its place among the others, stays the module's own whatever model comes next."""
        values = sorted({OWN, *options} - {mine}, key=lambda n: n or mine)
        return choose(name, values, lambda n: str(n or mine), 96)

    with _row():
        scaled = st.toggle(of("scaled"), **pick("lab_scaled", (False, True)))
        temperature = choose("temperature", TEMPERATURES, lambda t: f"{t:g}", 96)
        over = choose("over", AXES)
        activation = choose("activation", ACTIVATIONS)
        some = [[], *SWITCHES["unpermuted"].options]
        unpermuted = st.pills(of("unpermuted"), UNPERMUTED, selection_mode="multi", **pick("lab_unpermuted", some))
    with _row():
        ratio = size("ratio", RATIOS, own.d // own.key_dim)
        heads = size("heads", HEADS, own.num_heads)
        key_dim = size("key_dim", KEY_DIMS, own.key_dim)
        tokens = choose("tokens", TOKENS, width=130)
        draw = st.number_input(of("draw"), help=of("draw_help"), width=150, **number(view, "draw", "lab_draw"))
    return setting_of(
        {
            "scaled": scaled, "temperature": temperature, "over": over, "unpermuted": unpermuted, "activation": activation,
            "ratio": ratio, "heads": heads, "key_dim": key_dim, "tokens": tokens, "draw": draw,
        }
    ).of(own)  # fmt: skip


def _row() -> DeltaGenerator:
    """Side by side, on a phone too."""
    return st.container(horizontal=True, vertical_alignment="bottom", gap="small")


def _set(setting: Setting) -> None:
    for name, value in values_of(setting).items():
        st.session_state[f"lab_{name}"] = value


def _pictures(view: View, block: int, head: int, done: Experiment) -> None:
    """The tokens, then before, after and difference of what changed; what did not change is folded.

    Where nothing is changed the block is shown as it is.
    """
    lang, (rows, columns), panel = view.lang, view.subject.grid, figures.pictures(view, block, head, done)
    setting = done.setting
    order = done.order if setting.tokens == "shuffled" else None
    before = panel.groups[0].tiles[0].values
    here = done.kept.nonzero().flatten().numpy()  # a dropped token has nothing to show
    first = int(here[abs(here - (rows // 2) * columns - columns // 2).argmin()])
    start = first, int(here[before[first, here].argmax()])

    def note(name: str) -> str:
        return figures.note(done, name, head, lang)

    pictures, same = Pictures((rows, columns)), Pictures((rows, columns))
    photos = [pictures.photo(UI["as_is" if setting.tokens == "in place" else "was"](lang))]
    if setting.tokens != "in place":
        photos.append(pictures.photo(UI["is"](lang), order, done.kept))
    pictures.group(UI["entering"](lang), photos, UI["tokens_note"](lang, rows=rows, columns=columns))
    changed = {name: figures.differs(group) for name, group in zip(QUANTITIES, panel.groups, strict=True)}
    for (name, differs), group in zip(changed.items(), panel.groups, strict=True):
        if differs:
            orders = (None, order, None)
            shown = [pictures.tile(tile.title, tile, own) for tile, own in zip(group.tiles, orders, strict=True)]
            pictures.group(UI[name](lang), shown, note(name))
        else:
            into = same if any(changed.values()) else pictures
            into.group(UI[name](lang), [into.tile(UI["as_is"](lang), group.tiles[0])], note(name))
    with st.container(width=GROUP * len(pictures.groups)):
        pictures.show("lab_changes", panel.title, view.photo, lang, start, run=view.run_name)
    if same.groups:
        names = listed(lang, (UI[name](lang) for name, differs in changed.items() if not differs))
        with st.expander(UI["same"](lang, names=names)), st.container(width=GROUP * len(same.groups)):
            same.show("lab_same", panel.title, view.photo, lang, start, run=view.run_name)


def _tables(view: View, block: int, head: int, done: Experiment) -> None:
    """Rows and columns of the attention weights, and how much each stage changed; faint where it did not."""
    of_weights, of_stages = figures.in_numbers(view, block, head, done).tables
    still = {n: "faint" for n, (name, *_) in enumerate(of_stages.rows) if done.largest_change(name) <= ROUNDING}
    stages = table_html(of_stages, (_code, _shape, escape, escape), left=2, classes=still)
    note = f'<p class="note">{escape(figures.numbers_note(view.lang))}</p>'
    st.html(f'<div class="changes">{table_html(of_weights)}{stages}{note}</div>')


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _shape(text: str) -> str:
    """ "B 1 × HW 24" as the pages say shapes, every axis in its colour."""
    return " · ".join(axis_span(axis.split()[0], axis) for axis in text.split(" × "))


GROUP = 310  # most width of a group of pictures, in CSS pixels: few of them would fill the screen and more

STYLE = """
.st-key-experiments { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 0.75rem; }
.st-key-experiments p { line-height: 1.35; }
.st-key-verdict { max-width: 880px; }
@media (max-width: 1180px) { .st-key-experiments { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (max-width: 640px) {
  .st-key-experiments { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  /* Once one is chosen, the others' questions give way to its maps. */
  .st-key-experiments:has(button[kind="primary"]) > :not(:has(button[kind="primary"])) [data-testid="stMarkdown"] { display: none; }
}
.changes { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1rem 3rem; align-items: start; }
.changes table { font-size: 0.9rem; }
.changes .faint td { opacity: 0.8; } /* an axis's colour keeps its contrast */
.changes .note { grid-column: 1 / -1; margin: 0; font-size: 0.84rem; opacity: 0.75; max-width: 110ch; }
@media (max-width: 1180px) { .changes { grid-template-columns: minmax(0, 1fr); } }
"""
