"""Notes, formulas and code as HTML, every axis name in its own colour.

Colours are CSS variables (``var(--axis-HW)``), so that light and dark share one markup; ``axis_css`` sets them.
"""

import re
from functools import cache
from html import escape

from topformer_viz.run.source_code import Source
from topformer_viz.run.stages import AXES, GLOSSARY, INDICES, axes_of
from topformer_viz.words.text import Lang

# Longest first, so that "HW" is not read as "H"; a level's axis carries its number.
_AXIS = re.compile(r"(?<![A-Za-z_])(" + "|".join(sorted(AXES, key=len, reverse=True)) + r")(\d?)(?![A-Za-z_'])")


def axis_span(axis: str, text: str | None = None) -> str:
    """The axis's name, or ``text`` that stands for it, in the axis's colour."""
    base = axis if axis in AXES else axis.rstrip("0123456789")
    return f'<span class="axis" style="color:var(--axis-{base})">{escape(text or axis)}</span>'


def colour_axes(text: str) -> str:
    """Escaped text with every axis name in it coloured."""
    return _AXIS.sub(lambda match: axis_span(match[1], match[0]), escape(text, quote=False))


def axis_css() -> str:
    """The axis colours as CSS custom properties, one value for light and one for dark."""
    return "".join(f"--axis-{name}:light-dark({axis.light},{axis.dark});" for name, axis in AXES.items())


def note_html(note: str, lang: Lang) -> str:
    """A note's markup: `code` with coloured axes, [[term]] and [[term|shown]] with the glossary's definition."""
    parts = re.split(r"(`[^`]+`|\[\[[^\]]+\]\])", note)
    html = []
    for part in parts:
        if part.startswith("`"):
            html.append(f"<code>{colour_axes(part[1:-1])}</code>")
        elif part.startswith("[["):
            term, _, shown = part[2:-2].partition("|")
            definition = GLOSSARY[term][1](lang)
            html.append(
                f'<span class="term" tabindex="0">{escape(shown or term)}'
                f'<span class="tip" role="tooltip">{escape(definition)}</span></span>'
            )
        else:
            html.append(escape(part, quote=False))
    return "".join(html)


def formula_html(formula: str) -> str:
    """``a_{ij}`` becomes a subscript whose index letters carry their axis's colour; bare axes are coloured too."""

    def subscript(match: re.Match[str]) -> str:
        inner = match[1]
        if len(inner) > 1 and set(inner) - set("'") <= set(INDICES):  # a run of letters: hij
            inner = "".join(axis_span(INDICES[c], c) if c in INDICES else escape(c) for c in inner)
        else:
            inner = re.sub(
                r"(?<![A-Za-z_])([" + "".join(INDICES) + r"])(?![A-Za-z_])|" + _AXIS.pattern,
                lambda m: axis_span(INDICES[m[1]], m[1]) if m[1] else axis_span(m[2], m[2] + m[3]),
                escape(inner, quote=False),
            )
        return f"<sub>{inner}</sub>"

    parts = re.split(r"_\{([^{}]*)\}", formula)
    return "".join(
        subscript(re.match(r"(.*)", part)) if i % 2 else colour_axes(part)  # type: ignore[arg-type]
        for i, part in enumerate(parts)
    )


def shape_html(name: str, sizes: dict[str, int]) -> str:
    """The axes with their sizes: B 1 · heads 4 · HW 64 · key_dim 16."""
    return " · ".join(axis_span(axis, f"{axis} {sizes[axis]}") for axis in axes_of(name))


@cache
def code_html(source: Source) -> str:
    """A method's lines, comments dimmed, axes coloured; the browser marks and numbers them."""
    html = []
    for line in source.text.rstrip("\n").split("\n"):
        code, hash_, comment = line.partition("#")
        shown = colour_axes(code) + (f'<span class="comment">#{colour_axes(comment)}</span>' if hash_ else "")
        html.append(f"<span>{shown or ' '}</span>")
    return "".join(html)
