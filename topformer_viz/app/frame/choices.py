"""The visitor's choices: kept in the session and written into the address; top_bar.py has their widgets."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from PIL import Image

from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.frame import address, route_bar
from topformer_viz.app.frame.address import Parameter
from topformer_viz.app.frame.compute import own_model, own_picture, shared_sample
from topformer_viz.app.frame.view import View
from topformer_viz.app.frame.words import BACKBONE, OWN_LABEL, UI
from topformer_viz.network.choices import MODELS, Choice
from topformer_viz.network.classes import classes_of
from topformer_viz.network.colour import MAX_GRID, MIN_GRID
from topformer_viz.network.samples import SAMPLES
from topformer_viz.server.store import STORE
from topformer_viz.words.text import LANGS, Text

SIDES = (256, 512, 768, 1024)  # short side of the network's input, in image pixels
GRIDS = (8, 12, 16, 20, 32, 64)  # tokens on the colour model's short side
MAX_TOKENS = 512  # bound of the pages that show whole matrices; a larger picture is given a smaller short side
# What every page's address can say; the language is the browser's where it says none.
EVERYWHERE: address.Takes = {
    "lang": Parameter([*LANGS]),
    "sample": Parameter([*SAMPLES], next(iter(SAMPLES))),
    "model": Parameter([*MODELS], next(iter(MODELS))),
    "size": Parameter(SIDES, 512),
    "grid": Parameter(range(MIN_GRID, MAX_GRID + 1), GRIDS[0]),
    "block": Parameter(range(1, 5), 1),
    **route_bar.TAKES,
}


def chosen_model() -> Choice:
    """The chosen model; the visitor's own is described from what it holds."""
    state = st.session_state
    if state.model != OWN:
        return MODELS[state.model]
    model = own_model(state.own_model)
    classes = classes_of(model.classes, model.class_names).title if model.classes else BACKBONE
    label = Text(*(OWN_LABEL(lang, size=model.size, classes=classes(lang)) for lang in ("en", "zh")))
    return Choice(OWN, UI["own_model"], UI["own_model"], label)


def model_key() -> str:
    """What the chosen model's runs are cached under."""
    return st.session_state.own_model if st.session_state.model == OWN else st.session_state.model


def link() -> dict[str, Any]:
    """The choices as they stand in an address; None for what has no place there."""
    state = st.session_state
    colour = state.model == "colour"
    return {
        "sample": state.picture,
        "model": state.model,
        "size": None if colour else state.size,
        "grid": state.grid if colour else None,
        **route_bar.choices(),
    }


def restore_choices() -> None:
    """What the address bar says at a session's start, or defaults; and on every page the same."""
    state = st.session_state
    if "lang" not in state:
        state.arrived, state.gone = True, _let_go_of_what_is_gone()
    for name, parameter in EVERYWHERE.items():
        state.setdefault("picture" if name == "sample" else name, parameter.meant(st.query_params.get(name)))
    state.lang = state.lang or ("zh" if (st.context.locale or "en").lower().startswith("zh") else "en")
    state.grid = min(GRIDS, key=lambda side: abs(side - state.grid))
    for kind in ("own", "own_model"):  # a rerun may have broken off what was to note it here
        if digest := STORE.brought(kind):
            state[kind] = digest


def _let_go_of_what_is_gone() -> list[str]:
    """Which of "sample" and "model" the address calls the visitor's own, though none is here when a session starts.

    Of a picture and a checkpoint that are gone the address says nothing more, nor of places in them.
    """
    gone = [name for name in address.GONE if st.query_params.get(name) == OWN]
    if gone:
        places = (*gone, *address.PLACES)
        st.query_params.from_dict({name: value for name, value in st.query_params.items() if name not in places})
    return gone


def pick(name: str, options: Sequence[Any], default: Any = None) -> dict[str, Any]:
    """A widget's arguments that tie it to the choice ``name``: its key, its value now, and what takes a new one.

    Streamlit forgets a widget's value on a page that does not draw it, so choices have keys of their own. A choice that is
    none of the ``options`` becomes ``default``, or the first; what a browser sends otherwise is not taken, for Streamlit hands
    on a text that it knows nothing of.
    """
    state, key = st.session_state, f"pick_{name}"
    if state.get(name) not in options:
        state[name] = options[0] if default is None else default
    state[key] = state[name]

    def take() -> None:
        if state[key] in options:
            state[name] = state[key]

    return {"key": key, "on_change": take}


def recall(view: View, keys: Mapping[str, str]) -> None:
    """Choices of one page, by their keys: at the session's start what the address says of their parameters, or defaults."""
    for key, name in keys.items():
        st.session_state.setdefault(key, view.asked.get(name, view.takes[name].default))


def option(view: View, name: str, key: str) -> dict[str, Any]:
    """The arguments of a widget that offers all that the address's parameter ``name`` can be, tied to the choice ``key``."""
    recall(view, {key: name})
    options = view.takes[name].options
    return {"options": options, **pick(key, options, view.takes[name].default)}


def number(view: View, name: str, key: str) -> dict[str, Any]:
    """The same for a parameter that is any number of a range."""
    bound = option(view, name, key)
    options = bound.pop("options")
    return {"min_value": options[0], "max_value": options[-1], **bound}


def write_address(view: View, more: Mapping[str, Any] | None = None, kept: Sequence[str] = ()) -> None:
    """Let the browser write what is on show into the address, as the components do on their own pages.

    ``more``: the page's own settings; None leaves one out. ``kept`` names what the browser itself has written there; the
    stage of the lesson that one came ``from`` stays, too.
    """
    kept = (*kept, "from")
    link = {
        name: value for name, value in (view.link | {"lang": view.lang} | dict(more or {})).items() if value is not None
    }
    script = (
        f"const was = new URLSearchParams(location.search), link = new URLSearchParams({json.dumps(link)});"
        f"for (const name of {json.dumps(list(kept))}) if (was.has(name)) link.set(name, was.get(name));"
        'history.replaceState(history.state, "", "?" + link + location.hash);'
    )
    st.html(f"<script>{{ {script} }}</script>", unsafe_allow_javascript=True)


def chosen_picture() -> tuple[str, Image.Image]:
    """The chosen picture and the name its runs are cached under."""
    if st.session_state.picture == OWN:
        return st.session_state.own, own_picture(st.session_state.own)
    return st.session_state.picture, shared_sample(st.session_state.picture)


def chosen_grid(picture: Image.Image, max_tokens: int) -> int:
    """The chosen number of tokens on the short side, less where the tokens would be too many."""
    ratio = max(picture.size) / min(picture.size)
    fitting = [side for side in range(MIN_GRID, st.session_state.grid + 1) if side * side * ratio <= max_tokens]
    return max(fitting, default=MIN_GRID)
