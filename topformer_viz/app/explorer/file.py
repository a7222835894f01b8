"""The explorer as one HTML file that needs no server and no internet: all blocks, and each run without a head."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from PIL import Image

from topformer_viz.app.canvas.theme import theme_css
from topformer_viz.app.canvas.travelling import travels
from topformer_viz.app.canvas.wire import CANVAS_CSS, DRAWING_JS, header_of, message
from topformer_viz.app.explorer.change import Change, changes_of
from topformer_viz.app.explorer.payload import explorer_book, heads_of, removals_message
from topformer_viz.app.explorer.script import EXPLORER_CSS, EXPLORER_HTML, EXPLORER_JS
from topformer_viz.app.explorer.words import ABOUT, ALONE, TITLE
from topformer_viz.network.colour import Model
from topformer_viz.run.measures import difference
from topformer_viz.run.segmentation import without_heads
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import Known
from topformer_viz.words.text import Lang

START_JS = """
const inside = (id) => decode(Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0)));
const explorer = new Explorer(document);
explorer.show({ ...inside("payload"), run: new Run([inside("run"), inside("maps")]), ...inside("removals") });
matchMedia("(prefers-color-scheme: dark)").onchange = () => explorer.settle({});
"""
# Nothing is ever fetched; what the file itself holds may run.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:; font-src data:; "
    "connect-src blob:"
)
PAGE_CSS = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 24px clamp(14px, 3vw, 48px) 60px; background: var(--st-background-color); color: var(--st-text-color); font-family: var(--st-font); }
main { max-width: 1500px; margin: 0 auto; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
.about { margin: 0 0 4px; font-size: 15px; opacity: 0.8; }
.alone { margin: 0 0 18px; font-size: 15px; }
"""


def explorer_html(
    run: Trace, model: Model, photo: Image.Image, lang: Lang, *, name: str, about: str, untrained: bool,
    credit: str = "", asked: dict[str, Any] | None = None,
) -> str:  # fmt: skip
    """The file's text. The image's ``name`` and ``credit`` and the model's, ``about``, may be anybody's words: they are escaped.

    ``asked``: the view it opens with, as the explorer's address spells it ({"block": 2, "query": 28, ...}, from 1).
    """
    asked = {name: str(value) for name, value in (asked or {}).items() if value is not None}
    block = next((n for n in range(model.num_blocks) if asked.get("block") == str(n + 1)), 0)
    view = {"block": block, "asked": asked, "untrained": untrained, "differences": difference(model, run)}
    parts = file_parts(run, model, photo, lang, view, _removals(run, model))
    words = ABOUT(
        lang, model=about, width=photo.width, height=photo.height, rows=run.sizes["H"], columns=run.sizes["W"]
    )
    return page_html(parts, TITLE(lang, name=name), f"{words} {credit}".strip(), lang)


def file_parts(
    run: Trace, model: Model, photo: Image.Image, lang: Lang, view: Mapping[str, Any], removals: Iterable[tuple[str, Change]]
) -> dict[str, bytes]:  # fmt: skip
    """What the file holds: the explorer's message with its book, the run in two parts, and what was computed without some heads."""
    settings = {"run": "file", "alone": True, "saves": False} | dict(view)
    book = {"explorer": explorer_book(Known.of(run, model), lang)}
    attention, maps = travels(run, model, photo, "file")
    return {
        "payload": message({"lang": lang, "book": book, "view": settings}),
        "run": attention,
        "maps": maps,
        "removals": removals_message(removals),
    }


def page_html(parts: Mapping[str, bytes], title: str, about: str, lang: Lang) -> str:
    """An explorer as a page that stands alone, of its message, its run and its removals; ``title`` and ``about`` are plain text."""
    alone = ALONE(lang)
    said = title + about + alone + header_of(parts["payload"])
    inside = "\n".join(
        f'<script type="application/octet-stream" id="{name}">{base64.b64encode(part).decode()}</script>'
        for name, part in parts.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>\n{theme_css(said)}{PAGE_CSS}{CANVAS_CSS}{EXPLORER_CSS}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(title)}</h1>\n<p class="about">{escape(about)}</p>\n<p class="alone">{escape(alone)}</p>\n'
        f'{EXPLORER_HTML}</main>\n{inside}\n<script type="module">\n{DRAWING_JS}\n{EXPLORER_JS}\n{START_JS}</script>\n</body>\n</html>\n'
    )


def _removals(run: Trace, model: Model) -> Iterator[tuple[str, Change]]:
    """What changes without each head of each block, and with it alone."""
    heads = run.sizes["heads"]
    names = [f"{kind}-{h + 1}" for kind in ("without", "only") for h in range(heads)] if heads > 1 else []
    for n in range(model.num_blocks):
        removals = ((name, without_heads(model, run, n, heads_of(name, heads) or ())) for name in names)
        for name, change in changes_of(run, model, n, removals):
            yield f"block{n} {name}", change
