"""The visitor's choices: kept in the session, made in the top bar, written into the address."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import streamlit as st
from PIL import Image
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from topformer_viz.app.frame import address
from topformer_viz.app.frame.address import OWN, one_of
from topformer_viz.app.frame.compute import own_model, own_picture, shared_sample
from topformer_viz.app.frame.link import is_loopback, parts
from topformer_viz.app.frame.view import View
from topformer_viz.app.frame.words import BACKBONE, OWN_LABEL, PAGES, UI
from topformer_viz.network.choices import MODELS, Choice
from topformer_viz.network.classes import classes_of
from topformer_viz.network.colour import MAX_GRID, MIN_GRID, Model
from topformer_viz.network.images import MAX_BYTES, ImageError
from topformer_viz.network.samples import SAMPLES
from topformer_viz.network.weights import MAX_CHECKPOINT_BYTES, CheckpointError, load_checkpoint
from topformer_viz.server.queue import QUEUE
from topformer_viz.server.reader import read_picture
from topformer_viz.server.store import STORE, FullError
from topformer_viz.words.text import LANGS, Lang, Text

SIDES = (256, 512, 768, 1024)  # short side of the network's input, in pixels
GRIDS = (8, 12, 16, 20, 32, 64)  # cells on the colour model's short side
MAX_TOKENS = 512  # bound of the pages that show whole matrices; a larger picture is given a smaller short side
EVERYWHERE: address.Takes = {
    "lang": LANGS, "sample": SAMPLES, "model": MODELS, "size": SIDES, "grid": range(MIN_GRID, MAX_GRID + 1), "block": range(1, 5),
}  # fmt: skip


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
    }


def restore_choices() -> None:
    """Defaults at a session's start, from the address bar where it has a valid value; and on every page the same."""
    locale = st.context.locale or "en"
    state = st.session_state
    defaults = {
        "lang": lambda: from_address("lang", "zh" if locale.lower().startswith("zh") else "en"),
        "picture": lambda: from_address("sample", next(iter(SAMPLES))),
        "model": lambda: from_address("model", next(iter(MODELS))),
        "size": lambda: from_address("size", 512),
        "grid": lambda: from_address("grid", GRIDS[0]),
        "block": lambda: from_address("block", 1),
    }
    if "lang" not in state:
        state.arrived, state.gone = True, _let_go_of_what_is_gone()
    for name, default in defaults.items():
        if name not in state:
            state[name] = default()
    state.grid = min(GRIDS, key=lambda cells: abs(cells - state.grid))


def _let_go_of_what_is_gone() -> list[str]:
    """Which of "sample" and "model" the address calls the visitor's own, though none is here when a session starts.

    Of a picture and a checkpoint that are gone the address says nothing more, nor of places in them.
    """
    gone = [name for name in address.GONE if st.query_params.get(name) == OWN]
    if gone:
        places = (*gone, *address.PLACES)
        st.query_params.from_dict({name: value for name, value in st.query_params.items() if name not in places})
    return gone


def from_address(name: str, default: Any) -> Any:
    """What the address the session started with says of a choice that every page has, or ``default``."""
    return one_of(st.query_params, name, EVERYWHERE[name], default)


def pick(name: str, options: Sequence[Any] | None = None, default: Any = None) -> dict[str, Any]:
    """A widget's arguments that tie it to the choice ``name``: its key, its value now, and what takes a new one.

    Streamlit forgets a widget's value on a page that does not draw it, so choices have keys of their own. With
    ``options``, a choice that is none of them becomes ``default``, or the first.
    """
    state, key = st.session_state, f"pick_{name}"
    if options is not None and state.get(name) not in options:
        state[name] = options[0] if default is None else default
    state[key] = state[name]

    def take() -> None:
        state[name] = state[key]

    return {"key": key, "on_change": take}


def write_address(view: View, more: Mapping[str, Any] | None = None, kept: Sequence[str] = ()) -> None:
    """Let the browser write what is on show into the address, as the components do on their own pages.

    ``more``: the page's own settings; None leaves one out. ``kept`` names what the browser itself has written there.
    """
    link = {
        name: value for name, value in (view.link | {"lang": view.lang} | dict(more or {})).items() if value is not None
    }
    script = (
        f"const was = new URLSearchParams(location.search), link = new URLSearchParams({json.dumps(link)});"
        f"for (const name of {json.dumps(list(kept))}) if (was.has(name)) link.set(name, was.get(name));"
        'history.replaceState(history.state, "", "?" + link);'
    )
    st.html(f"<script>{{ {script} }}</script>", unsafe_allow_javascript=True)


def top_bar(lang: Lang) -> None:
    state = st.session_state
    with st.container(horizontal=True, vertical_alignment="center", key="topbar"):
        st.html(f'<span class="brand">{UI["title"](lang)}</span>', width="content")
        st.page_link("app.py", label=UI["lesson"](lang))
        for page in PAGES:
            st.page_link(f"pages/{page}.py", label=UI[page](lang))
        st.space("stretch")
        shown = UI["own"](lang) if state.picture == OWN else SAMPLES[state.picture].name(lang)
        with st.popover(UI["chosen"](lang, what=UI["picture"](lang), value=shown)):
            _picture_choice(lang)
        with st.popover(UI["chosen"](lang, what=UI["model"](lang), value=chosen_model().short(lang))):
            _model_choice(lang)
        colour = state.model == "colour"
        size = "grid" if colour else "size"
        with st.popover(UI["chosen"](lang, what=UI[size](lang), value=state[size])):
            if colour:
                st.segmented_control(UI["grid_label"](lang), GRIDS, required=True, **pick("grid"))
            else:
                st.segmented_control(UI["side_label"](lang), SIDES, required=True, **pick("size"))
        st.segmented_control(
            UI["language"](lang), list(LANGS), format_func=lambda code: LANGS[cast(Lang, code)],
            required=True, label_visibility="collapsed", **pick("lang"),
        )  # fmt: skip


def _model_choice(lang: Lang) -> None:
    state = st.session_state
    own = {OWN: UI["own_model"]} if "own_model" in state else {}
    names = {slug: choice.name for slug, choice in MODELS.items()} | own
    st.radio(UI["model"](lang), list(names), format_func=lambda slug: names[slug](lang), **pick("model"))
    st.file_uploader(
        UI["open_model"](lang), key="checkpoint", help=UI["open_model_help"](lang), on_change=_take_checkpoint,
        max_upload_size=MAX_CHECKPOINT_BYTES // 1_000_000,
    )  # fmt: skip


def _take_checkpoint() -> None:
    """Take the visitor's checkpoint; where it can't be opened, say why and keep the model there was."""
    state = st.session_state
    if (file := _received("checkpoint")) is None:
        return
    data, name = file
    state.problem = None
    try:
        model = QUEUE.run(partial(load_checkpoint, data, name))  # one at a time: the files are large
    except CheckpointError as error:
        state.problem = error.text
        return
    if _hold("own_model", data, model):
        state.model = OWN


def _picture_choice(lang: Lang) -> None:
    state = st.session_state
    state.sample = state.picture
    st.pills(
        UI["samples"](lang), [*SAMPLES, *([OWN] if "own" in state else [])],
        format_func=lambda slug: UI["own"](lang) if slug == OWN else SAMPLES[slug].name(lang),
        key="sample", on_change=_take_sample,
    )  # fmt: skip
    if state.picture != OWN:
        st.caption(SAMPLES[state.picture].credit(lang))
    st.file_uploader(
        UI["upload"](lang), key="upload", help=UI["upload_help"](lang), on_change=_take_file, args=("upload",),
        max_upload_size=MAX_BYTES // 1_000_000,
    )  # fmt: skip
    if not _camera_can_be_asked():
        st.caption(UI["no_camera"](lang))
    elif st.toggle(UI["camera"](lang), key="camera_on"):
        st.camera_input(UI["camera_label"](lang), key="camera", on_change=_take_file, args=("camera",))


def _camera_can_be_asked() -> bool:
    """Whether browsers let this page ask for the camera: they do over HTTPS, and from the machine they run on."""
    at = parts(st.context.url)
    return at.scheme != "http" or is_loopback(at.hostname)


def _take_sample() -> None:
    if st.session_state.sample:
        st.session_state.picture = st.session_state.sample
    st.session_state.problem = None


def _take_file(key: str) -> None:
    """Take the visitor's picture; where it can't be read, say why and keep the last good one."""
    if (file := _received(key)) is None:
        return
    data, _ = file
    try:
        picture = read_picture(data)
    except ImageError as error:
        st.session_state.problem = error.text
        return
    st.session_state.problem = None
    if _hold("own", data, picture):
        st.session_state.picture = OWN


def _received(key: str) -> tuple[bytes, str] | None:
    """The file that has just been put in and its name; None where one was taken out, and the complaint about it goes.

    Streamlit would keep it for as long as the session lasts. What is made of it stays, the file goes.
    """
    file = st.session_state[key]
    if file is None:
        st.session_state.problem = None
    if not isinstance(file, UploadedFile):  # in the next run it is one that was deleted
        return None
    data, context = file.getvalue(), get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
        file.truncate(0)
    return data, file.name


def _hold(name: str, data: bytes, value: Model | Image.Image) -> bool:
    """Keep what the visitor has brought, under its digest in ``name``; where there is no room for it, say so."""
    state, digest = st.session_state, hashlib.sha256(data).hexdigest()
    try:
        STORE.hold((name, digest), value)
    except FullError as error:
        state.problem = error.text
        return False
    if name in state and state[name] != digest:
        STORE.release(state[name])
    state[name] = digest
    return True


def chosen_picture() -> tuple[str, Image.Image]:
    """The chosen picture and the name its runs are cached under."""
    if st.session_state.picture == OWN:
        return st.session_state.own, own_picture(st.session_state.own)
    return st.session_state.picture, shared_sample(st.session_state.picture)


def chosen_grid(picture: Image.Image, max_tokens: int) -> int:
    """The chosen number of cells on the short side, less where the tokens would be too many."""
    ratio = max(picture.size) / min(picture.size)
    fitting = [cells for cells in range(MIN_GRID, st.session_state.grid + 1) if cells * cells * ratio <= max_tokens]
    return max(fitting, default=MIN_GRID)
