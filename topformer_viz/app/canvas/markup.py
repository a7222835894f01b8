"""Notes, formulas and code as HTML, every axis name in its own colour.

Colours are CSS variables (``var(--axis-HW)``), so that light and dark share one markup; ``axis_css`` sets them. Where a
language is given, the first of each axis name in a piece of text says what the axis is, as a term of the glossary says
what it means: under the pointer, with the keyboard and by touch. Further ones are coloured only: they would be so many
more stops of the Tab key.
"""

import re
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path

from topformer_viz.run.source_code import Source
from topformer_viz.run.stages import AXES, GLOSSARY, INDICES, axes_of
from topformer_viz.words.text import Lang

# Longest first, so that "HW" is not read as "H"; a level's axis carries its number.
_AXIS = re.compile(r"(?<![A-Za-z_])(" + "|".join(sorted(AXES, key=len, reverse=True)) + r")(\d?)(?![A-Za-z_'])")


TIP_CSS = Path(__file__).with_name("tip.css").read_text("utf-8")  # for terms and axes that say what they are

Span = Callable[[str, str], str]  # an axis, the text that stands for it -> HTML


def axis_span(axis: str, text: str | None = None, lang: Lang | None = None) -> str:
    """The axis's name, or ``text`` that stands for it, in the axis's colour; in ``lang`` it says what the axis is."""
    base = _base(axis)
    colour, shown = f'style="color:var(--axis-{base})"', escape(text or axis)
    if lang is None:
        return f'<span class="axis" {colour}>{shown}</span>'
    return explained(shown, AXES[base].meaning(lang), f'class="axis term" {colour}')


def _base(axis: str) -> str:
    """The axis of AXES that a level's axis is: "H2" -> H."""
    return axis if axis in AXES else axis.rstrip("0123456789")


def explained(shown: str, definition: str, attributes: str = 'class="term"') -> str:
    """HTML that says its definition, under the pointer, with the focus and by touch; TIP_CSS sets it."""
    return f'<span {attributes} tabindex="0">{shown}<span class="tip" role="tooltip">{escape(definition)}</span></span>'


def _spans(lang: Lang | None) -> Span:
    """``axis_span`` for one piece of text, where only the first of each axis says what it is."""
    said: set[str] = set()

    def span(axis: str, text: str) -> str:
        first = _base(axis) not in said
        said.add(_base(axis))
        return axis_span(axis, text, lang if first else None)

    return span


def colour_axes(text: str, span: Span = axis_span) -> str:
    """Escaped text with every axis name in it coloured."""
    return _AXIS.sub(lambda match: span(match[1], match[0]), escape(text, quote=False))


def axis_css() -> str:
    """The axis colours as CSS custom properties, one value for light and one for dark."""
    return "".join(f"--axis-{name}:light-dark({axis.light},{axis.dark});" for name, axis in AXES.items())


def term_anchor(term: str) -> str:
    """Where the reference page explains a term of the GLOSSARY: "1×1 convolution" -> term-1x1-convolution."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower().replace("×", "x"))


def note_html(note: str, lang: Lang | None = None) -> str:
    """A note's markup: `code` with coloured axes, **strong**, [[term]] and [[term|shown]] with the glossary's definition in ``lang``.

    Without ``lang`` nothing explains itself, as in a button.
    """
    parts = re.split(r"(`[^`]+`|\[\[[^\]]+\]\]|\*\*[^*]+\*\*)", note)
    span, html = _spans(lang), []
    for part in parts:
        if part.startswith("`"):
            html.append(f"<code>{colour_axes(part[1:-1], span)}</code>")
        elif part.startswith("[["):
            term, _, shown = part[2:-2].partition("|")
            said = escape(shown or term)
            html.append(explained(said, GLOSSARY[term][1](lang)) if lang else said)
        elif part.startswith("**"):
            html.append(f"<strong>{escape(part[2:-2], quote=False)}</strong>")
        else:
            html.append(escape(part, quote=False))
    return "".join(html)


def bare(note: str) -> str:
    """A note without its markup, for where it is plain text."""
    return re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]+)\]\]|`([^`]+)`|\*\*([^*]+)\*\*", lambda m: m[1] or m[2] or m[3], note)


def formula_html(formula: str, lang: Lang | None = None) -> str:
    """``a_{ij}`` becomes a subscript whose index letters carry their axis's colour; bare axes are coloured too."""
    span = _spans(lang)

    def subscript(inner: str) -> str:
        if len(inner) > 1 and set(inner) - set("'") <= set(INDICES):  # a run of letters: hij
            inner = "".join(axis_span(INDICES[c], c) if c in INDICES else escape(c) for c in inner)
        else:
            inner = re.sub(
                r"(?<![A-Za-z_])([" + "".join(INDICES) + r"])(?![A-Za-z_])|" + _AXIS.pattern,
                lambda m: axis_span(INDICES[m[1]], m[1]) if m[1] else span(m[2], m[2] + m[3]),
                escape(inner, quote=False),
            )
        return f"<sub>{inner}</sub>"

    parts = re.split(r"_\{([^{}]*)\}", formula)
    return "".join(subscript(part) if i % 2 else colour_axes(part, span) for i, part in enumerate(parts))


def shape_html(name: str, sizes: dict[str, int], lang: Lang | None = None) -> str:
    """The axes with their sizes: B 1 · heads 4 · HW 64 · key_dim 16."""
    span = _spans(lang)
    return " · ".join(span(axis, f"{axis} {sizes[axis]}") for axis in axes_of(name))


@cache
def code_html(source: Source) -> str:
    """A method's lines, comments dimmed, axes coloured; the browser marks and numbers them."""
    html = []
    for line in source.text.rstrip("\n").split("\n"):
        code, hash_, comment = line.partition("#")
        shown = colour_axes(code) + (f'<span class="comment">#{colour_axes(comment)}</span>' if hash_ else "")
        html.append(f"<span>{shown or ' '}</span>")
    return "".join(html)
