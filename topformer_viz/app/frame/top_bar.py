"""The bar at the top of every page: the pages, and the choices of picture, model, size and language."""

import hashlib
from functools import partial
from pathlib import Path
from typing import cast

import streamlit as st
from PIL import Image
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from topformer_viz.app.canvas.wire import OWN, bare
from topformer_viz.app.frame.choices import GRIDS, SIDES, chosen_model, pick
from topformer_viz.app.frame.sharing import is_loopback, parts
from topformer_viz.app.frame.words import PAGES, UI
from topformer_viz.network.choices import MODELS
from topformer_viz.network.colour import Model
from topformer_viz.network.images import MAX_BYTES, ImageError
from topformer_viz.network.samples import SAMPLES
from topformer_viz.network.weights import MAX_CHECKPOINT_BYTES, CheckpointError, load_checkpoint
from topformer_viz.server.queue import QUEUE
from topformer_viz.server.reader import read_picture
from topformer_viz.server.store import STORE, FullError
from topformer_viz.words.text import LANGS, Lang

SCRIPT = bare(Path(__file__).with_name("frame.js").read_text("utf-8"))  # it travels with every run of a page


def top_bar(lang: Lang) -> None:
    state = st.session_state
    with st.container(horizontal=True, vertical_alignment="center", key="topbar"):
        st.html(f'<span class="brand">{UI["title"](lang)}</span>', width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", key="pages"):
            st.page_link("app.py", label=UI["door"](lang))
            for page in PAGES:
                st.page_link(f"pages/{page}.py", label=UI[page](lang))
            st.html(
                f"<script>{SCRIPT}</script>", unsafe_allow_javascript=True
            )  # here, so that it runs when the links stand
        st.space("stretch")
        shown = UI["own"](lang) if state.picture == OWN else SAMPLES[state.picture].name(lang)
        with st.popover(UI["chosen"](lang, what=UI["picture"](lang), value=shown)):
            picture_choice(lang)
        with st.popover(UI["chosen"](lang, what=UI["model"](lang), value=chosen_model().short(lang))):
            _model_choice(lang)
        colour = state.model == "colour"
        size = "grid" if colour else "size"
        with st.popover(UI["chosen"](lang, what=UI[size](lang), value=state[size])):
            if colour:
                st.segmented_control(UI["grid_label"](lang), GRIDS, required=True, **pick("grid", GRIDS))
            else:
                st.segmented_control(UI["side_label"](lang), SIDES, required=True, **pick("size", SIDES))
        st.segmented_control(
            UI["language"](lang), list(LANGS), format_func=lambda code: LANGS[cast(Lang, code)],
            required=True, label_visibility="collapsed", **pick("lang", list(LANGS)),
        )  # fmt: skip


def _model_choice(lang: Lang) -> None:
    state = st.session_state
    own = {OWN: UI["own_model"]} if "own_model" in state else {}
    names = {slug: choice.name for slug, choice in MODELS.items()} | own
    st.radio(UI["model"](lang), list(names), format_func=lambda slug: names[slug](lang), **pick("model", list(names)))
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


def picture_choice(lang: Lang, place: str = "") -> None:
    """A sample, a file or the camera; ``place`` tells one such choice from another on the same page."""
    state, sample, upload, camera = st.session_state, *(f"{place}{name}" for name in ("sample", "upload", "camera"))
    state[sample] = state.picture
    st.pills(
        UI["samples"](lang), [*SAMPLES, *([OWN] if "own" in state else [])],
        format_func=lambda slug: UI["own"](lang) if slug == OWN else SAMPLES[slug].name(lang),
        key=sample, on_change=_take_sample, args=(sample,),
    )  # fmt: skip
    if state.picture != OWN:
        st.caption(SAMPLES[state.picture].credit(lang))
    st.file_uploader(
        UI["upload"](lang), key=upload, help=UI["upload_help"](lang), on_change=_take_file, args=(upload,),
        max_upload_size=MAX_BYTES // 1_000_000,
    )  # fmt: skip
    if not _camera_can_be_asked():
        st.caption(UI["no_camera"](lang))
    elif st.toggle(UI["camera"](lang), key=f"{camera}_on"):
        st.camera_input(UI["camera_label"](lang), key=camera, on_change=_take_file, args=(camera,))


def _camera_can_be_asked() -> bool:
    """Whether browsers let this page ask for the camera: they do over HTTPS, and from the machine they run on."""
    at = parts(st.context.url)
    return at.scheme != "http" or is_loopback(at.hostname)


def _take_sample(key: str) -> None:
    if st.session_state[key]:
        st.session_state.picture = st.session_state[key]
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
        STORE.hold(name, digest, value)
    except FullError as error:
        state.problem = error.text
        return False
    state[name] = digest
    return True
