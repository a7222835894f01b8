"""What every page shares: the top bar, the choices, and the run they lead to.

Session state holds choices, under keys of their own: Streamlit forgets a widget's value on a page that does not draw it.
Pictures, weights, runs and what follows from them live in the store (server/store.py), keyed by what they depend on.
The browser owns the address bar: the components write it, the choices are read from it when a session starts, and the
bar's wishes bring it along.
"""

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import streamlit as st
from PIL import Image
from starlette.formparsers import MultiPartParser
from streamlit.delta_generator import DeltaGenerator

from topformer_viz.app.canvas.theme import COLOURS
from topformer_viz.app.canvas.travelling import travels
from topformer_viz.app.canvas.wire import bare
from topformer_viz.app.frame import address, route_bar
from topformer_viz.app.frame.choices import (
    EVERYWHERE,
    MAX_TOKENS,
    chosen_grid,
    chosen_model,
    chosen_picture,
    link,
    model_key,
    restore_choices,
)
from topformer_viz.app.frame.compute import bundled_likeness, compute, held_by, in_line
from topformer_viz.app.frame.offer import Bundle, Offer
from topformer_viz.app.frame.saving import bar
from topformer_viz.app.frame.top_bar import top_bar
from topformer_viz.app.frame.view import BODIES, Outline, View, run_name
from topformer_viz.app.frame.words import DEVICES, PAGES, UI, UNLIKE
from topformer_viz.network.choices import FACTS, MODELS, Choice
from topformer_viz.network.colour import MIN_GRID
from topformer_viz.network.images import MAX_BYTES
from topformer_viz.network.input import network_size
from topformer_viz.network.model import SIZES
from topformer_viz.network.samples import SAMPLES
from topformer_viz.network.weights import MAX_CHECKPOINT_BYTES, CheckpointError
from topformer_viz.paths import ICON
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import Known, walk
from topformer_viz.server.start import start
from topformer_viz.server.store import STORE, size_of
from topformer_viz.study import likeness
from topformer_viz.words.plain import as_markdown
from topformer_viz.words.text import Lang

# What components get from Streamlit (canvas.css), for the page itself, by the same names.
_COLOURS = {"ink": "text", "paper": "background", "panel": "secondary-background"}
_THEME = "".join(f"--{name}: light-dark({', '.join(COLOURS[of])}); " for name, of in _COLOURS.items())
# Both travel with every run of a page: without comments and indents.
STYLE = f".stApp {{ {_THEME}}}\n" + re.sub(
    r"(?s)/\*.*?\*/|(?m:^\s+)", "", Path(__file__).with_name("frame.css").read_text("utf-8")
)
RETURNING = bare(Path(__file__).with_name("returning.js").read_text("utf-8"))
# Streamlit's form parser would write the larger ones into a temporary file; uploads stay off the disk.
MultiPartParser.spool_max_size = 2 * MAX_CHECKPOINT_BYTES


def open_page(
    max_tokens: int = MAX_TOKENS, figures: Callable[[View], Sequence[Offer]] = lambda view: (),
    bundles: Callable[[View], Sequence[Bundle]] = lambda view: (),
    takes: Callable[[View, Mapping[str, str]], address.Takes] = lambda view, said: {}, routes: bool = False,
) -> View:  # fmt: skip
    """Start a page: its settings, the top bar with every choice, the run for them, and the bar that hands it out.

    ``max_tokens``: how many tokens the page can show of the colour model; a TopFormer's are MAX_TOKENS at most.
    ``figures``, ``bundles``: what can be saved of the page. ``takes``: what its address may say of a view, beside what every
    page's may; of some parameters it depends on what the address says in others. A new visitor hears of what it says otherwise.
    ``routes``: whether it offers the teaching routes.
    """
    start()
    st.set_page_config(page_title="TopFormer's attention", page_icon=str(ICON), layout="wide")
    restore_choices()
    lang = cast(Lang, st.session_state.lang)
    st.html(f"<style>{STYLE}{_widget_words(lang)}</style>")
    known = rf"/^({'|'.join(PAGES)})(\?.{{0,2000}})?$/"
    st.html(f"<script>{{ const KNOWN = {known}; {RETURNING} }}</script>", unsafe_allow_javascript=True)
    top_bar(lang)
    choice = chosen_model()
    # Each has its own place, used or not: what moved down would be built anew in the browser.
    place_of_refused, place_of_problem, place_in_line = st.empty(), st.empty(), st.empty()
    if problem := st.session_state.get("problem"):
        place_of_problem.error(as_markdown(problem(lang)))
    view, about = _view(choice, max_tokens, place_in_line, lang)
    view = _asked(view, takes(view, st.query_params), place_of_refused)
    with st.container(horizontal=True, vertical_alignment="top", key="subject"):
        name = f"<strong>{html.escape(UI['named'](lang, name=view.about))}</strong>"
        words, about = html.escape(choice.label(lang)), html.escape(about)
        st.html(
            f'<div class="wide"><p class="model-label">{name} <span class="model-words">{words}</span></p><p class="run-line">{about}</p></div>'
            f'<details class="narrow"><summary>{name}</summary><p class="model-words">{words}</p><p>{about}</p></details>'
        )
        if routes or st.session_state.route:
            route_bar.menu(lang)
        bar(view, figures(view), bundles(view), lambda said: address.complete(said, possible(view, takes(view, said))))
    route_bar.bar(lang)
    place_of_warning = st.empty()
    if view.outline.unlike:
        place_of_warning.warning(UNLIKE(lang, usual=f"{1 - FACTS.rarely:.0%}"))
    return view


def _view(choice: Choice, max_tokens: int, place_in_line: DeltaGenerator, lang: Lang) -> tuple[View, str]:
    """Run the chosen model on the chosen picture, unless that has been done; the view, and the line about what ran."""
    digest, picture = chosen_picture()
    # Of the TopFormers every page shows the same run.
    max_tokens = max_tokens if choice.source == "colour" else MAX_TOKENS
    grid = chosen_grid(picture, max_tokens) if choice.source == "colour" else MIN_GRID
    size = network_size(*picture.size, st.session_state.size, MAX_TOKENS)
    key = (digest, model_key(), size, grid)
    run_it = partial(compute, key, choice)
    bundled = choice.source == "everyday"

    def outlined() -> Outline:
        model, run, photo = STORE.get(key, run_it)
        STORE.get((*key, BODIES), partial(travels, run, model, photo, run_name(key)))  # while the run is at hand
        unlike = bundled and likeness.unlike(bundled_likeness(), run, FACTS.far)
        return Outline(replace(run, tensors={}), Known.of(run, model), tuple(walk(run, 0)), unlike, size_of(run))

    with st.spinner(UI["running"](lang)):
        try:
            outline = in_line((*key, "outline"), outlined, place_in_line, lang, held_by(choice, size))
        except CheckpointError as error:
            st.session_state.problem, st.session_state.model = error.text, next(iter(MODELS))
            st.rerun()
    sample = SAMPLES.get(st.session_state.picture)
    name, credit = (sample.name(lang), sample.credit(lang)) if sample else (UI["own_picture"](lang), "")
    view = View(
        lang, FACTS if bundled else None, choice.source in SIZES, link(), key, name, credit, choice.name(lang),
        outline, run_it, place_in_line,
    )  # fmt: skip
    return view, " · ".join(_about(outline.run, size, picture, max_tokens, lang))


def possible(view: View, own: address.Takes) -> address.Takes:
    """What an address can say to a page: what it can to every one, and the page's ``own``."""
    return {**EVERYWHERE, "block": address.Parameter(range(1, view.outline.known.blocks + 1), 1), **own}


def _asked(view: View, own: address.Takes, place_of_refused: DeltaGenerator) -> View:
    """The view with what the address asks for; a new visitor hears of what it asks for in vain."""
    can = possible(view, own)
    asked, refused = address.read(st.query_params, can)
    # Gone with the next run of the page, which its button brings.
    gone = st.session_state.get("gone", [])
    if st.session_state.pop("arrived", False) and (refused or gone):
        with place_of_refused.container(horizontal=True, vertical_alignment="center", key="refused"):
            st.html(address.note(refused, gone, view.lang))
            st.button(UI["close"](view.lang), type="tertiary")
    return replace(view, takes=can, asked=asked)


def _about(run: Trace, shown: tuple[int, int], picture: Image.Image, max_tokens: int, lang: Lang) -> list[str]:
    """What ran, where, on how many image pixels, and how long it took."""
    size = UI["resized"](
        lang, w0=picture.width, h0=picture.height, w=shown[0], h=shown[1], rows=run.sizes["H"],
        columns=run.sizes["W"],
    )  # fmt: skip
    device = DEVICES[run.device.partition(":")[0]]
    about = [size, UI["ran"](lang, device=device, ms=f"{run.seconds * 1000:.0f}")]
    short, asked = min(shown), st.session_state.size
    if st.session_state.model == "colour":
        short, asked = min(run.sizes["H"], run.sizes["W"]), st.session_state.grid
    if short < asked:
        about.append(UI["shortened"](lang, side=short, tokens=f"{max_tokens:,}"))
    if run.fell_back:
        about.append(UI["fell_back"](lang))
    return about


def _widget_words(lang: Lang) -> str:
    """CSS that lets Streamlit's uploaders and camera, which know English only, speak the visitor's language."""
    uploader, camera = '[data-testid^="stFileUploaderDropzone"]', '[data-testid="stCameraInput"]'
    words = {
        f"{uploader} > span p": UI["choose_file"](lang),
        f"{camera}:not(:has(img)) button": UI["take"](lang),
        f"{camera}:has(img) button span": UI["again"](lang),
        f"{camera} p:has(a)": UI["allow"](lang),
    }
    for key, limit in (("upload", MAX_BYTES), ("door_upload", MAX_BYTES), ("checkpoint", MAX_CHECKPOINT_BYTES)):
        words[f".st-key-{key} {uploader} > div > span"] = UI["limit"](lang, megabytes=limit // 1_000_000)
    return "".join(
        f"{place} {{ font-size: 0; & > * {{ display: none; }} "
        f"&::after {{ font-size: 0.875rem; content: {json.dumps(said, ensure_ascii=False)}; }} }}"
        for place, said in words.items()
    )
