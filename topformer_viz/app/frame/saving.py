"""The bar above every page: figures and bundles as files; the link to the view on show as text and QR code.

The browser sends the address's parameters along with a wish, since it alone knows the view on show. Everything is made in
a queue, whose place in line the dialog says meanwhile; the answer, with the address of what was made, travels back with the
next message, once.
"""

import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from topformer_viz.app.canvas.bodies import hand_out, hand_out_file, must_have_room
from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.wire import CANVAS_CSS, CANVAS_JS, OWN
from topformer_viz.app.frame.address import Parameter, heard, words
from topformer_viz.app.frame.compute import saying_place
from topformer_viz.app.frame.offer import Asked, Bundle, File, Offer
from topformer_viz.app.frame.sharing import host, parts, qr_code
from topformer_viz.app.frame.view import View
from topformer_viz.app.frame.words import SAID, SAVING
from topformer_viz.figures.look import FONTS, MAPS, MIME, Format, Look
from topformer_viz.run.tracing import npz
from topformer_viz.server.queue import QUEUE, BusyError
from topformer_viz.words.text import Lang, Text

_HERE = Path(__file__).parent
_log = logging.getLogger(__name__)
_component = component(
    "saving",
    html=(_HERE / "saving.html").read_text("utf-8"),
    css=CANVAS_CSS + (_HERE / "saving.css").read_text("utf-8"),
    js=f"{CANVAS_JS}\n{(_HERE / 'saving.js').read_text('utf-8')}",
)
START = "streamlit run app.py --server.address 0.0.0.0"  # open to the network, whatever else is set

FORMATS: dict[str, tuple[Format, int]] = {
    "png1": ("png", 1), "png2": ("png", 2), "png4": ("png", 4), "svg": ("svg", 1), "pdf": ("pdf", 1),
}  # fmt: skip
OPTIONS: dict[str, dict[str, Text]] = {
    "format": {
        "png1": Text("PNG 1×", "PNG 1×"), "png2": Text("PNG 2×", "PNG 2×"), "png4": Text("PNG 4×", "PNG 4×"),
        "svg": Text("SVG", "SVG"), "pdf": Text("PDF", "PDF"),
    },
    "width": {
        "column": Text("One column", "单栏"), "page": Text("Two columns", "双栏"), "slide": Text("Slide", "幻灯片"),
    },
    "theme": {
        "white": Text("White", "白色"), "dark": Text("Dark", "深色"), "transparent": Text("Transparent", "透明"),
    },
    "font": {
        "sans": Text("Sans", "无衬线"), "serif": Text("Serif", "衬线"),
        "document": Text("The document's (SVG)", "随文档（SVG）"),
    },
    "map": {
        "viridis": Text("Viridis", "Viridis"), "cividis": Text("Cividis", "Cividis"), "magma": Text("Magma", "Magma"),
        "gray": Text("Grey", "灰度"),
    },
}  # fmt: skip
CHECKED = {"format": "png2", "width": "page", "theme": "white", "font": FONTS[0], "map": MAPS[0]}


@st.fragment
def bar(
    view: View, offers: Sequence[Offer], bundles: Sequence[Bundle], read: Callable[[Mapping[str, str]], Asked]
) -> None:
    """Draw the bar, with what can be saved of the page on show. ``read`` makes sense of an address's parameters."""
    view = replace(view, place=None)  # outside of the bar
    with st.container(key="saving_line"):  # which takes no room
        place = st.empty()
    bundles = [*bundles, _trace(view)]
    wish = st.session_state.get("saving_wish")
    if wish and wish.get("page", here := parts(st.context.url).path or "/") != here:
        wish = None  # its page was left: nobody waits for it
        del st.session_state.saving_wish
    kinds = ("figure", "preview", "code", *(bundle.name for bundle in bundles))
    # What can be saved is another on every page, and what is said of it.
    said = view.book(
        "/".join(("saving", *(offer.name for offer in offers), *kinds)), lambda: _said(offers, bundles, view.lang)
    )
    travels = OWN not in (view.link["sample"], view.link["model"])
    header: dict[str, Any] = {"lang": view.lang, "book": said, "travels": travels, "host": host()}
    if wish:
        try:
            with saying_place(partial(_say, place), view.lang) as show:
                answer = _answer(view, offers, bundles, read, wish, show)
        except BusyError as error:
            answer = {"problem": error.text(view.lang)}
        except Exception:  # whatever it is, the bar and the page stay
            _log.exception("the bar could not answer a wish for %r", wish["kind"])
            answer = {"problem": SAID["failed"](view.lang)}
        header["answer"] = {"id": wish["id"], "kind": wish["kind"]} | answer
    _component(
        header,
        key="saving",
        on_wish_change=partial(_take_wish, kinds),
        width="content",
        height="content",
    )
    # Only now: a rerun may have broken this one off before the answer was sent.
    if wish is not None and st.session_state.get("saving_wish") is wish:
        del st.session_state.saving_wish


def _said(offers: Sequence[Offer], bundles: Sequence[Bundle], lang: Lang) -> dict[str, Any]:
    """All that the bar says, with what can be chosen."""
    return {
        "ui": {name: text(lang) for name, text in SAVING.items()},
        "offers": [{"name": offer.name, "title": offer.title(lang)} for offer in offers],
        "options": {
            name: [[value, text(lang)] for value, text in options.items()] for name, options in OPTIONS.items()
        },
        "checked": CHECKED,
        "bundles": [{"name": bundle.name, "title": bundle.title(lang)} for bundle in bundles],
        "about": " ".join(bundle.about(lang) for bundle in bundles if bundle.about),
        "command": START,
    }


def _say(place: DeltaGenerator, said: str) -> None:
    """Say in the dialog, which is open meanwhile, where in line its wish stands; saving.js hears it."""
    event = f"new CustomEvent('topformer-line', {{ detail: {json.dumps(said)} }})"
    place.html(f"<script>window.dispatchEvent({event});</script>", unsafe_allow_javascript=True)


def _trace(view: View) -> Bundle:
    """All numbers of the run."""

    def make(asked: Asked, look: Look) -> File:
        return File(f"{view.stem}.npz", npz(view.run, None, view.described), "application/zip")

    return Bundle("trace", SAID["trace"], make, SAID["npz"], slow=True, large=True)


def _take_wish(kinds: Sequence[str]) -> None:
    """Note what the browser asks for; what makes no sense is left out."""
    wish = st.session_state.saving.get("wish")
    can = {"kind": Parameter(kinds), "bare": Parameter({"true": True})}
    can |= {name: Parameter([*options]) for name, options in OPTIONS.items()}
    said, known = words(wish), heard(wish, can)
    if "kind" in known and 0 < len(said.get("id", "")) < 100 and said["id"].isascii():
        as_said = {name: said[name] for name in ("id", "page", "figure", "link") if name in said}
        st.session_state.saving_wish = {**as_said, **known, "view": words(wish.get("view"))}


def _answer(
    view: View, offers: Sequence[Offer], bundles: Sequence[Bundle], read: Callable[[Mapping[str, str]], Asked],
    wish: Mapping[str, Any], show: Callable[[int], None],
) -> dict[str, Any]:  # fmt: skip
    """The code, or where the browser finds the file or preview that was asked for; ``show`` is told the place in line."""
    kind = wish["kind"]
    if kind == "code":
        return qr_code(wish.get("link"), view.lang)
    place = wish.get("view")
    asked = read({str(name): str(value) for name, value in place.items()} if isinstance(place, dict) else {})
    look = Look(
        _known(wish, "width"), _known(wish, "theme"), wish.get("bare") is True, _known(wish, "font"), _known(wish, "map")
    )  # fmt: skip
    if kind in ("figure", "preview"):
        offer = next((offer for offer in offers if offer.name == wish.get("figure")), offers[0])
        format = "png1" if kind == "preview" else _known(wish, "format")
        make, is_long = partial(_figure, view, offer, asked, look, format), False
    else:
        bundle = next(bundle for bundle in bundles if bundle.name == kind)
        make, is_long = partial(bundle.make, asked, look), bundle.slow
        if bundle.large:
            must_have_room(view.outline.bytes)
    file = QUEUE.run(make, show, is_long, view.outline.bytes)
    said: dict[str, Any] = {"name": file.name, "bytes": len(file.data)}
    if kind == "preview":
        return said | {"at": hand_out(file.data, file.mime, "preview"), "size": _size(file.data, view.lang)}
    return said | {"at": hand_out_file(file.data, file.mime, file.name, f"saved {kind}")}


def _figure(view: View, offer: Offer, asked: Asked, look: Look, chosen: str) -> File:
    """A figure in the format that was ``chosen``."""
    from topformer_viz.figures.sheet import save  # only now: matplotlib would hold up the app's start

    panel, (format, scale) = offer.make(asked), FORMATS[chosen]
    return File(f"{view.stem}-{panel.name}.{format}", save(panel, format, look, scale), MIME[format])


def _known(wish: Mapping[str, Any], name: str) -> str:
    """One of the bar's own options: the one that was asked for, or that is checked at first."""
    value = wish.get(name)
    return value if isinstance(value, str) and value in OPTIONS[name] else CHECKED[name]


def _size(png: bytes, lang: Lang) -> str:
    """How large a figure is on paper, from a PNG of 96 dots an inch."""
    with Image.open(io.BytesIO(png)) as picture:
        w, h = (side / 96 for side in picture.size)
    return SAID["inches"](lang, w=f"{w:.1f}", h=f"{h:.1f}", wmm=f"{w * 25.4:.0f}", hmm=f"{h * 25.4:.0f}")
