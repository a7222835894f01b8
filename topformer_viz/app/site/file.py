"""The lesson without a server: one HTML file that holds everything, or a folder of files for any web host.

Both are the app's own pages with its words for every grid (books.py), the network in JavaScript and WebAssembly, and the weights as
they are. Nothing is built with other tools, and nothing is fetched from elsewhere: a content policy forbids it.
"""

import base64
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import torch as safetensors

from topformer_viz.app.canvas.lens import LENS_JS
from topformer_viz.app.canvas.linked_script import LINKED_CSS, LINKED_HTML, LINKED_JS
from topformer_viz.app.canvas.theme import theme_css
from topformer_viz.app.canvas.wire import CANVAS_CSS, DRAWING_JS, RUN_JS, SCENE_JS, bare, scripts
from topformer_viz.app.door.script import DOOR_CSS, DOOR_HTML
from topformer_viz.app.door.script import OWN_JS as DOOR_JS
from topformer_viz.app.explorer.script import EXPLORER_CSS, EXPLORER_HTML
from topformer_viz.app.explorer.script import OWN_JS as EXPLORER_JS
from topformer_viz.app.lesson.script import LESSON_CSS, LESSON_HTML
from topformer_viz.app.lesson.script import OWN_JS as LESSON_JS
from topformer_viz.app.network.script import NETWORK_CSS, NETWORK_HTML
from topformer_viz.app.network.script import OWN_JS as NETWORK_JS
from topformer_viz.app.site.books import all_books
from topformer_viz.app.site.words import COMMAND, words
from topformer_viz.network.choices import MODELS
from topformer_viz.network.facts import facts
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import SAMPLES, draw_test_card
from topformer_viz.network.weights import EVERYDAY
from topformer_viz.paths import ICON, NETWORK, PACKAGE
from topformer_viz.paths import SAMPLES as SAMPLE_FILES
from topformer_viz.run.declared import DECLARED_JS
from topformer_viz.study import likeness
from topformer_viz.words.text import LANGS, Lang

_HERE = Path(__file__).parent
SITE_HTML, SITE_CSS = ((_HERE / f"site.{kind}").read_text("utf-8") for kind in ("html", "css"))
BASICS_HTML = (
    '<div class="component basics"><div class="prose"><div class="intro"></div><div class="steps"></div><div class="try"></div></div>'
    f'<div class="choice questions" role="group"></div></div>{LINKED_HTML}<div class="component prose more"></div>'
)
BASICS_CSS = (
    LINKED_CSS
    + ".prose { max-width: 880px; } .prose p, .prose ol { margin: 0 0 10px; } .questions { margin: 0 0 12px; }"
)
CALM_CSS = '.component[aria-busy="true"] { opacity: 1; }'  # what is at work is said at the foot of the page
PAGES = {
    "door": (DOOR_HTML, DOOR_CSS),
    "lesson": (LESSON_HTML, LESSON_CSS),
    "explorer": (EXPLORER_HTML, EXPLORER_CSS),
    "network": (NETWORK_HTML, NETWORK_CSS),
    "basics": (BASICS_HTML, BASICS_CSS),
}
# What runs the network, and what shows it. A page's own names stay within it: some have a class of the same name.
WORKER_JS = DECLARED_JS + scripts(
    PACKAGE, "words/plain.js", *(f"network/{name}.js" for name in (
        "tensors", "kernels", "model", "refusals", "random", "weights", "initialise", "colour", "images", "input", "classes",
    )),
    *(f"run/{name}.js" for name in (
        "pausing", "reading", "exponential", "asking", "walk", "measures", "questions", "numbers", "segmentation", "whole",
    )),
    "study/likeness.js", "app/canvas/travelling.js", "app/network/travelling.js", "app/lesson/lens.js", "app/explorer/change.js", "app/site/worker.js",
)  # fmt: skip


def _within(name: str, script: str) -> str:
    return f"const {name} = (() => {{\n{script}\nreturn {name};\n}})();\n"


PAGE_JS = "\n".join((
    DRAWING_JS, SCENE_JS, RUN_JS, LENS_JS, EXPLORER_JS, _within("Door", DOOR_JS), _within("Lesson", LESSON_JS), _within("Network", NETWORK_JS),
    _within("Linked", LINKED_JS), scripts(PACKAGE, "words/plain.js", "network/images.js", "network/classes.js", "network/costs.js"), scripts(_HERE, "basics.js", "books.js", "engine.js", "pages.js", "top.js", "brings.js", "site.js", "main.js"),
))  # fmt: skip
# In the file nothing is ever fetched; a site fetches its own files.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob:; style-src 'unsafe-inline'; img-src blob: data:; "
    "media-src blob:; font-src data:; connect-src {fetched}; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Brought:
    """A picture or checkpoint of somebody's that the lesson begins with; ``name`` and ``credit`` may be anybody's words."""

    data: bytes
    name: str
    credit: str = ""


@dataclass(frozen=True)
class Contents:
    """What a lesson holds, and what it begins with: one of its samples, or a ``picture``; one of MODELS, or a ``checkpoint``, which
    then takes the place of the bundled weights; and the view that ``at`` names, as its address has it behind "#"."""

    langs: Sequence[Lang] = tuple(LANGS)
    model: str = next(iter(MODELS))
    sample: str = next(iter(SAMPLES))
    picture: Brought | None = None
    checkpoint: Brought | None = None
    at: str = "door"


def single_html(contents: Contents) -> str:
    """The lesson as one file."""
    parts = parts_of(contents)
    inside = "\n".join(
        f'<script type="application/octet-stream" id="{name}">{base64.b64encode(data).decode()}</script>'
        for name, data in parts.items()
    )
    return _page(contents, list(parts), inside, "'none'")


def write_site(folder: Path, contents: Contents) -> list[Path]:
    """The lesson as files in ``folder``, which is made if need be; the files, index.html first."""
    parts = parts_of(contents)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "index.html": _page(contents, list(parts), "", "'self'").encode(),
        **parts,
        "LICENSE.txt": terms().encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def parts_of(contents: Contents) -> dict[str, bytes]:
    """What the page reads, by name: scripts, weights, words and pictures; what can be packed well is, and its name says so."""
    parts = {
        "worker.js.gz": _packed(bare(WORKER_JS).encode()),
        "kernels.wasm": (NETWORK / "kernels.wasm").read_bytes(),
        **{f"books-{lang}.gz": _packed(all_books(lang).encode()) for lang in contents.langs},
        **{f"sample-{slug}": _sample(slug) for slug in SAMPLES},
    }
    if contents.picture:
        parts["picture"] = contents.picture.data
    if contents.checkpoint:
        parts["checkpoint.halves.gz"] = _packed(_apart(contents.checkpoint.data))
    else:
        parts["weights.halves.gz"] = _packed(_apart(EVERYDAY.read_bytes()))
        parts["likeness.gz"] = _packed(likeness.FILE.read_bytes())
    return parts


def checkpoint_of(model: TopFormer) -> bytes:
    """The model as a .safetensors file: its numbers as float16 where that loses nothing, its classes' names if it has any."""
    state = model.state_dict()
    whole = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}  # without the step counters
    small = {name: tensor.half() for name, tensor in whole.items()}
    exact = all(torch.equal(small[name].float(), tensor) for name, tensor in whole.items())
    stored = {name: tensor.contiguous().cpu() for name, tensor in (small if exact else whole).items()}
    return safetensors.save(stored, {"classes": json.dumps(model.class_names)} if model.class_names else None)


def lossless(photo: Image.Image) -> bytes:
    """A picture as a file from which a browser reads the same image pixels."""
    out = io.BytesIO()
    photo.save(out, "WEBP", lossless=True, method=4)
    return out.getvalue()


def _sample(slug: str) -> bytes:
    file = SAMPLES[slug].file
    return lossless(draw_test_card()) if file is None else (SAMPLE_FILES / file).read_bytes()


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def _apart(data: bytes) -> bytes:
    """Every second byte, then those between. Of float16 numbers one byte varies little, and by itself packs better: a fourteenth."""
    return data[::2] + data[1::2]


def terms() -> str:
    """The terms of the weights and of the samples, as their folders state them."""
    files = (EVERYDAY.with_name("LICENSE.txt"), SAMPLE_FILES / "CREDITS.md", SAMPLE_FILES / "LICENSE.panoramax.txt")
    return "\n\n".join(file.read_text("utf-8").strip() for file in files)


def _page(contents: Contents, parts: Sequence[str], inside: str, fetched: str) -> str:
    """index.html: words, styles and scripts; ``inside`` are the parts that it holds itself."""
    said = {lang: words(lang) for lang in contents.langs}
    models = [slug for slug, choice in MODELS.items() if not (contents.checkpoint and choice.source == "everyday")]
    about: dict[str, Any] = {
        "langs": list(contents.langs), "samples": list(SAMPLES), "sample": contents.sample, "models": models, "model": contents.model,
        "at": contents.at, "parts": list(parts),
        "picture": _named(contents.picture), "checkpoint": _named(contents.checkpoint), "command": COMMAND, "far": facts().far,
    }  # fmt: skip
    lang, everything = contents.langs[0], json.dumps([said, about], ensure_ascii=False)
    templates = "\n".join(
        f'<template id="page-{name}"><style>{css}</style>{html}</template>' for name, (html, css) in PAGES.items()
    )
    # English words need none of the Chinese font's glyphs, though what search finds has words of both.
    shown = (
        everything + "".join(map(all_books, contents.langs))
        if "zh" in contents.langs
        else str([about["picture"], about["checkpoint"]])
    )
    body = SITE_HTML.replace("<!-- terms -->", escape(terms()))
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}" data-address="fragment">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(fetched=fetched)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{_icon()}\n<title>{escape(said[lang]["ui"]["title"])}</title>\n'
        f"<style>\n{theme_css(shown)}{SITE_CSS}</style>\n</head>\n<body>\n{body}"
        f'<template id="canvas"><style>{CANVAS_CSS}{CALM_CSS}</style></template>\n{templates}\n'
        f"{_json('about', about)}\n{_json('words', said)}\n"
        f'{inside}\n<script type="module">\n{bare(PAGE_JS)}\n</script>\n</body>\n</html>\n'
    )


def _icon() -> str:
    """The app's icon; a browser asks the server for one where the page names none."""
    return f'<link rel="icon" type="image/png" href="data:image/png;base64,{base64.b64encode(ICON.read_bytes()).decode()}">'


def _named(brought: Brought | None) -> dict[str, str] | None:
    return {"name": brought.name, "credit": brought.credit} if brought else None


def _json(name: str, value: Mapping[Any, Any]) -> str:
    """A script element that holds data; no text in it ends the element."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{data}</script>'
