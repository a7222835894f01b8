"""What every page shares: the top bar, the choices, and the run they lead to.

Session state holds choices, under keys of their own: Streamlit forgets a widget's value on a page that does not draw it.
Pictures, weights, runs and what follows from them live in the store (keeping.py), keyed by what they depend on.
The browser owns the address bar: the components write it, the choices are read from it when a session starts, and the
bar's wishes bring it along.
"""

import hashlib
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial, wraps
from typing import Any, NamedTuple, TypeVar, cast

import streamlit as st
import torch
from PIL import Image
from starlette.formparsers import MultiPartParser
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from topformer_viz import address
from topformer_viz.figures.subject import Subject
from topformer_viz.network.begin import with_batch_statistics
from topformer_viz.network.choices import FACTS, MODELS, Choice
from topformer_viz.network.classes import classes_of
from topformer_viz.network.colour import MAX_GRID, MIN_GRID, Model
from topformer_viz.network.facts import RARELY, Facts
from topformer_viz.network.images import MAX_BYTES, ImageError
from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.model import SIZES, TopFormer
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.network.weights import MAX_CHECKPOINT_BYTES, CheckpointError, load_checkpoint, load_model, showable
from topformer_viz.paths import ICON
from topformer_viz.run.fast import best_device
from topformer_viz.run.tracing import Trace, trace
from topformer_viz.run.walk import walk
from topformer_viz.saving import OWN, Offer, one_of
from topformer_viz.saving.bar import bar, is_loopback, parts
from topformer_viz.server.queue import QUEUE
from topformer_viz.server.reader import read_picture
from topformer_viz.server.start import start
from topformer_viz.server.store import STORE, FullError
from topformer_viz.study import likeness
from topformer_viz.words.plain import as_markdown
from topformer_viz.words.text import LANGS, Lang, Text

SIDES = (256, 512, 768, 1024)  # short side of the network's input, in pixels
GRIDS = (8, 12, 16, 20, 32, 64)  # cells on the colour model's short side
MAX_TOKENS = 512  # bound of the pages that show whole matrices; a larger picture is given a smaller short side
EVERYWHERE: address.Takes = {
    "lang": LANGS, "sample": SAMPLES, "model": MODELS, "size": SIDES, "grid": range(MIN_GRID, MAX_GRID + 1), "block": range(1, 5),
}  # fmt: skip
# Streamlit's form parser would write the larger ones into a temporary file; uploads stay off the disk.
MultiPartParser.spool_max_size = 2 * MAX_CHECKPOINT_BYTES
PAGES = ("explorer", "lab", "network", "heads", "starts", "reference")

UNLIKE = Text(
    "This does not look like a street to the network: its last block's output lies further from that of the training "
    "pictures than {usual} of the validation photographs' do. These weights know streets only, so take the maps and classes here "
    "with care.",
    "在网络看来这不像街景：它最后一个模块的输出与训练图片的差距，超过了 {usual} 的验证照片。这组权重只认得街景，"
    "请谨慎看待这里的图案和类别。",
)
OWN_LABEL = Text(
    "The checkpoint you opened: TopFormer {size}, {classes}. It stays in this session's memory.",
    "你打开的权重文件：TopFormer {size}，{classes}。它只保存在本次会话的内存里。",
)
OVERFLOWS = Text(
    "On this picture the checkpoint you opened computes numbers that are infinite, no numbers at all (NaN) or too large to be "
    "shown, so another model is shown instead.",
    "在这张图片上，你打开的权重文件算出的数里有无穷大、非数（NaN），或大得无法显示，因此改为显示另一个模型。",
)
BACKBONE = Text("an ImageNet backbone without segmentation", "没有分割部分的 ImageNet 主干网络")
UI = {
    "title": Text("TopFormer's attention", "TopFormer 的注意力"),
    "lesson": Text("Lesson", "课程"),
    "explorer": Text("Explorer", "探索"),
    "lab": Text("Lab", "实验室"),
    "network": Text("Network", "网络"),
    "heads": Text("Heads", "各头"),
    "starts": Text("Starts", "起点"),
    "reference": Text("Reference", "参考"),
    "picture": Text("Picture", "图片"),
    "own": Text("your own", "你的图片"),
    "own_picture": Text("your own picture", "你的图片"),
    "named": Text("{name}.", "{name}。"),
    "chosen": Text("{what}: {value}", "{what}：{value}"),
    "samples": Text("A sample", "示例"),
    "upload": Text("Or your own picture", "或使用你自己的图片"),
    "upload_help": Text(
        "JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP or TIFF, up to 40 megapixels (WebP: 25). It stays in this session's memory.",
        "JPEG、PNG、WebP、AVIF、HEIC、GIF、BMP 或 TIFF，最多 4000 万像素（WebP 为 2500 万）。图片只保存在本次会话的内存里。",
    ),
    "camera": Text("Use the camera", "使用摄像头"),
    "no_camera": Text(
        "No camera here: browsers offer it over HTTPS only, or on the machine that runs this app (localhost).",
        "这里无法使用摄像头：浏览器只在 HTTPS 下，或在运行本应用的机器上（localhost）才提供摄像头。",
    ),
    "camera_label": Text("Take a picture", "拍一张照片"),
    "model": Text("Model", "模型"),
    "size": Text("Size", "尺寸"),
    "grid": Text("Grid", "网格"),
    "side_label": Text("Short side of the network's input, in pixels", "网络输入的短边（像素）"),
    "grid_label": Text("Cells on the picture's short side", "图片短边上的格数"),
    "own_model": Text("Your own checkpoint", "你自己的权重文件"),
    "open_model": Text("Or a checkpoint of your own", "或打开你自己的权重文件"),
    "open_model_help": Text(
        "A TopFormer checkpoint, .pth or .safetensors, up to {megabytes} MB. Only tensors are read from it, never code. It "
        "stays in this session's memory.",
        "TopFormer 的权重文件，.pth 或 .safetensors，最大 {megabytes} MB。只读取其中的张量，从不运行代码。"
        "文件只保存在本次会话的内存里。",
    ).format(megabytes=MAX_CHECKPOINT_BYTES // 1_000_000),
    "choose_file": Text("Choose a file", "选择文件"),
    "limit": Text("up to {megabytes} MB", "最大 {megabytes} MB"),
    "take": Text("Take the picture", "拍照"),
    "again": Text("Take another", "重拍"),
    "allow": Text("Allow the camera in your browser to go on.", "请先在浏览器中允许使用摄像头。"),
    "language": Text("Language", "语言"),
    "close": Text("Close", "关闭"),
    "running": Text("Running the network…", "正在运行网络……"),
    "in_line": Text(
        "Many are asking at once. You are number {place} in line; this page goes on by itself when your turn comes.",
        "现在提出请求的人很多，你排在第 {place} 位。轮到你时，本页会自动继续。",
    ),
    "resized": Text(
        "{w0} × {h0} → {w} × {h} pixels (width × height), {rows} rows × {columns} columns of tokens",
        "{w0} × {h0} → {w} × {h} 像素（宽 × 高），{rows} 行 × {columns} 列 token",
    ),
    "shortened": Text(
        "short side reduced to {side}: this page shows at most {tokens} tokens",
        "短边已减小到 {side}：本页最多显示 {tokens} 个 token",
    ),
    "ran": Text("Forward pass on {device}: {ms} ms", "在 {device} 上前向计算：{ms} 毫秒"),
    "fell_back": Text(
        "the graphics card ran out of memory, so this ran on the CPU", "显存不足，改在 CPU 上运行"
    ),
}  # fmt: skip
DEVICES = {"cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU (MPS)"}


T = TypeVar("T")


class Computed(NamedTuple):
    """A model, its trace on a picture, and the picture as the network saw it; shared, so read-only."""

    model: Model
    run: Trace
    photo: Image.Image


class Outline(NamedTuple):
    """What is known of a run without its tensors, for what needs no more."""

    run: Trace  # its sizes, seconds and device; no tensor is in it
    blocks: int
    stages: tuple[str, ...]  # of the lesson
    unlike: bool  # whether the picture looks like none the model was trained on


@dataclass(frozen=True)
class View:
    """What the visitor chose and what it gave.

    It outlives its page in Streamlit's memory, and so holds no tensor and no picture: ``model``, ``run`` and ``photo``
    come from the store, and are computed again should they have been let go.
    """

    lang: Lang
    facts: Facts | None  # what was measured of the model: known of the bundled weights only
    untrained: bool  # whether its weights are random
    link: dict[str, Any]  # the choices that go into the address bar, OWN among them; None takes one out
    key: tuple[Any, ...]  # what the run is cached under
    name: str  # the picture's, in words
    credit: str  # whose picture it is, if it is a sample
    about: str  # the model's name
    outline: Outline
    compute: Callable[[], Computed]
    place: DeltaGenerator | None  # where to say that others are before this visitor
    asked: Mapping[str, Any] = field(default_factory=dict)  # by name, what the address asks for of what the page has

    def keep(self, what: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What follows from the run, or from the picture alone: ``make()``, computed once for all who ask for ``what``."""
        return _in_line(what, make, self.place, self.lang)

    @property
    def computed(self) -> Computed:
        return self.keep(self.key, self.compute)

    @property
    def model(self) -> Model:
        return self.computed.model

    @property
    def run(self) -> Trace:
        return self.computed.run

    @property
    def photo(self) -> Image.Image:
        return self.computed.photo

    @property
    def sample(self) -> str | None:
        """Which sample the picture is; None for a visitor's own."""
        return None if self.link["sample"] == OWN else self.link["sample"]

    @property
    def subject(self) -> Subject:
        """The same for figures."""
        return Subject(self.run, self.model, self.photo, self.about, self.name, self.untrained, self.lang)


def part(draw: Callable[[View], None]) -> Callable[[View], None]:
    """Make of what draws a part of a page one that reruns alone.

    It has its own place to say that others are before this visitor: Streamlit lets it write to none outside.
    """

    @st.fragment
    @wraps(draw)
    def drawn(view: View) -> None:
        draw(replace(view, place=st.empty()))

    return drawn


def open_page(
    max_tokens: int = MAX_TOKENS, figures: Callable[[View], Sequence[Offer]] = lambda view: (), walks: bool = False,
    takes: Callable[[View], address.Takes] = lambda view: {},
) -> View:  # fmt: skip
    """Start a page: its settings, the top bar with every choice, the run for them, and the bar that hands it out.

    ``max_tokens``: how many tokens the page can show of the colour model; a TopFormer's are MAX_TOKENS at most.
    ``figures``: what can be saved of the page; ``walks``: it shows one stage of the lesson. ``takes``: what its address
    may say of a view, beside what every page's may; a new visitor hears of what it says otherwise.
    """
    start()
    st.set_page_config(page_title="TopFormer's attention", page_icon=str(ICON), layout="wide")
    _restore_choices()
    lang = cast(Lang, st.session_state.lang)
    st.html(f"<style>{STYLE}{_widget_words(lang)}</style>")
    _top_bar(lang)
    choice = _choice()
    # Each has its own place, used or not: what moved down would be built anew in the browser.
    place_of_refused, place_of_problem, place_in_line = st.empty(), st.empty(), st.empty()
    if problem := st.session_state.get("problem"):
        place_of_problem.error(as_markdown(problem(lang)))
    digest, picture = _picture()
    # Of the TopFormers every page shows the same run.
    max_tokens = max_tokens if choice.source == "colour" else MAX_TOKENS
    grid = _grid(picture, max_tokens) if choice.source == "colour" else MIN_GRID
    size = network_size(*picture.size, st.session_state.size, MAX_TOKENS)
    key = (digest, _model_key(), size, grid)
    compute = partial(_compute, key, choice)
    streets = choice.source == "streets"

    def outlined() -> Outline:
        model, run, _ = STORE.get(key, compute)
        unlike = streets and likeness.distance(_streets(), run) > FACTS.far
        return Outline(replace(run, tensors={}), model.num_blocks, tuple(walk(run, 0)), unlike)

    with st.spinner(UI["running"](lang)):
        try:
            outline = _in_line((*key, "outline"), outlined, place_in_line, lang)
        except CheckpointError as error:
            st.session_state.problem, st.session_state.model = error.text, next(iter(MODELS))
            st.rerun()
    about = " · ".join(_about(outline.run, size, picture, max_tokens, lang))
    sample = SAMPLES.get(st.session_state.picture)
    name, credit = (sample.name(lang), sample.credit(lang)) if sample else (UI["own_picture"](lang), "")
    view = View(
        lang, FACTS if streets else None, choice.source in SIZES, _link(), key, name, credit, choice.name(lang),
        outline, compute, place_in_line,
    )  # fmt: skip
    possible = {**EVERYWHERE, "block": range(1, outline.blocks + 1), **takes(view)}
    asked, refused = address.read(st.query_params, possible)
    view = replace(view, asked=asked)
    # Gone with the next run of the page, which its button brings.
    gone = st.session_state.get("gone", [])
    if st.session_state.pop("arrived", False) and (refused or gone):
        with place_of_refused.container(horizontal=True, vertical_alignment="center", key="refused"):
            st.html(address.note(refused, gone, lang))
            st.button(UI["close"](lang), type="tertiary")
    with st.container(horizontal=True, vertical_alignment="top", key="subject"):
        st.html(
            f'<p class="model-label"><strong>{html.escape(UI["named"](lang, name=choice.name(lang)))}</strong> <span class="model-words">{html.escape(choice.label(lang))}</span></p>'
            f'<p class="run-line">{html.escape(about)}</p>'
        )
        bar(view, figures(view), walks)
    place_of_warning = st.empty()
    if outline.unlike:
        place_of_warning.warning(UNLIKE(lang, usual=f"{1 - RARELY:.0%}"))
    return view


def _choice() -> Choice:
    """The chosen model; the visitor's own is described from what it holds."""
    state = st.session_state
    if state.model != OWN:
        return MODELS[state.model]
    model = _own_model(state.own_model)
    classes = classes_of(model.classes, model.class_names).title if model.classes else BACKBONE
    label = Text(*(OWN_LABEL(lang, size=model.size, classes=classes(lang)) for lang in ("en", "zh")))
    return Choice(OWN, UI["own_model"], UI["own_model"], label)


def _model_key() -> str:
    """What the chosen model's runs are cached under."""
    return st.session_state.own_model if st.session_state.model == OWN else st.session_state.model


def _link() -> dict[str, Any]:
    """The choices as they stand in an address; None for what has no place there."""
    state = st.session_state
    colour = state.model == "colour"
    return {
        "sample": state.picture,
        "model": state.model,
        "size": None if colour else state.size,
        "grid": state.grid if colour else None,
    }


def _restore_choices() -> None:
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


def _top_bar(lang: Lang) -> None:
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
        with st.popover(UI["chosen"](lang, what=UI["model"](lang), value=_choice().short(lang))):
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


def _own_picture(digest: str) -> Image.Image:
    return STORE.find(("own", digest))


def _own_model(digest: str) -> TopFormer:
    return STORE.find(("own_model", digest))


def _picture() -> tuple[str, Image.Image]:
    """The chosen picture and the name its runs are cached under."""
    if st.session_state.picture == OWN:
        return st.session_state.own, _own_picture(st.session_state.own)
    return st.session_state.picture, _sample(st.session_state.picture)


def _grid(picture: Image.Image, max_tokens: int) -> int:
    """The chosen number of cells on the short side, less where the tokens would be too many."""
    ratio = max(picture.size) / min(picture.size)
    fitting = [cells for cells in range(MIN_GRID, st.session_state.grid + 1) if cells * cells * ratio <= max_tokens]
    return max(fitting, default=MIN_GRID)


@lru_cache(maxsize=8)
def _model(source: str, grid: int) -> Model:
    """A shared model, on the CPU; what runs on a graphics card is the trace's own copy."""
    return load_model(source, grid=grid)


_streets = cache(likeness.load)
_sample = cache(open_sample)


def _compute(key: tuple[Any, ...], choice: Choice) -> Computed:
    """``key``: the picture's slug or digest, the model's, the network's input size (width, height), the colour model's grid."""
    picture_key, model_key, size, grid = key
    picture = _sample(picture_key) if picture_key in SAMPLES else _own_picture(picture_key)
    model = _own_model(model_key) if choice.source == OWN else _model(choice.source, grid)
    photo = picture.resize(size, Image.Resampling.LANCZOS)
    image: torch.Tensor = to_tensor(photo)
    if choice.batch_statistics:
        model = with_batch_statistics(model, image)
    # The colour model stays on the CPU: it takes milliseconds there, and MPS pools only to divisors of a size.
    device = torch.device("cpu") if choice.source == "colour" else best_device()
    run = trace(model, image, device=device)
    if choice.source == OWN and not showable(run.values()):
        raise CheckpointError(OVERFLOWS)
    return Computed(model, run, photo)


def _in_line(what: tuple[Any, ...], make: Callable[[], T], place: DeltaGenerator | None, lang: Lang) -> T:
    """What the store has of ``what``, or makes; while others are before this visitor, ``place`` says so."""
    said = False

    def show(before: int) -> None:
        nonlocal said
        if place is None:
            return
        if before:
            place.info(UI["in_line"](lang, place=before + 1))
        else:
            place.empty()
        said = before > 0

    try:
        return STORE.get(what, make, show)
    finally:
        if said and place:
            place.empty()


def _about(run: Trace, shown: tuple[int, int], picture: Image.Image, max_tokens: int, lang: Lang) -> list[str]:
    """What ran, where, on how many pixels, and how long it took."""
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
    for key, limit in (("upload", MAX_BYTES), ("checkpoint", MAX_CHECKPOINT_BYTES)):
        words[f".st-key-{key} {uploader} > div > span"] = UI["limit"](lang, megabytes=limit // 1_000_000)
    return "".join(
        f"{place} {{ font-size: 0; }} {place} > * {{ display: none; }}"
        f"{place}::after {{ font-size: 0.875rem; content: {json.dumps(said, ensure_ascii=False)}; }}"
        for place, said in words.items()
    )


STYLE = """
.stMainBlockContainer { padding: 1.1rem clamp(1rem, 3vw, 3rem) 4rem; max-width: 1640px; margin: 0 auto; }
/* Streamlit's header lies over the top bar: only its buttons take clicks. */
.stAppHeader { background: transparent; }
.stAppHeader, .stAppHeader * { pointer-events: none; }
.stAppHeader :is(button, button *) { pointer-events: auto; }
.brand { font-size: 1.2rem; font-weight: 700; letter-spacing: -0.01em; white-space: nowrap; }
.st-key-topbar { padding-right: 2.5rem; row-gap: 0.25rem; }
/* Firefox rounds these buttons to less than their words, which then would end in an ellipsis. */
[data-testid="stPopoverButton"] [data-testid="stMarkdownContainer"] { overflow: visible; }
@media (max-width: 1390px) {
  .st-key-topbar { gap: 0.35rem; }
  .st-key-topbar button { padding-left: 0.5rem; padding-right: 0.4rem; }
  .brand { font-size: 1rem; }
}
@media (max-width: 640px) {
  .brand { font-size: 0.92rem; }
  .st-key-topbar [data-testid="stPageLink"] a { padding-left: 0.3rem; padding-right: 0.3rem; }
}
.model-label { margin: 0; font-size: 0.95rem; max-width: 180ch; }
.stMarkdown table { display: block; overflow-x: auto; }
.st-key-subject > :first-child { flex: 1 1 0; min-width: 0; }
.st-key-subject > :last-child { flex: none; width: auto; }
.st-key-subject { flex-wrap: nowrap; }
@media (max-width: 640px) { .st-key-subject { flex-wrap: wrap; gap: 0.6rem; } .st-key-subject > :first-child { flex-basis: 100%; } }
.st-key-refused { flex-wrap: nowrap; padding: 0.4rem 0.9rem; border-radius: 0.5rem; background: color-mix(in srgb, currentColor 8%, transparent); }
.st-key-refused > :first-child { flex: 1 1 0; min-width: 0; }
.st-key-refused p { margin: 0; font-size: 0.95rem; }
.st-key-refused code { overflow: clip; overflow-wrap: anywhere; }
.run-line { margin: 0; font-size: 0.82rem; opacity: 0.7; font-variant-numeric: tabular-nums; }
/* While the lesson asks a question, the answer stands nowhere else. */
.asking .model-words { visibility: hidden; }
/* While the lesson presents (lesson/present.js) it has the window for itself. */
.presenting :is(.stAppHeader, .st-key-topbar, .st-key-subject, .st-key-refused, .stAlert) { display: none; }
.presenting .stMain { overflow: hidden; }
/* Streamlit shows no focus on these two. */
.stMain:focus-visible, [data-testid="stPageLink-NavLink"]:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation-duration: 0.01ms !important; animation-iteration-count: 1 !important; transition-duration: 0.01ms !important; transition-delay: 0s !important; scroll-behavior: auto !important; }
}
"""
