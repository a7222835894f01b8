"""A figure's table as HTML: the page shows what the file holds.

What makes HTML of a cell's text may colour axes or set code; a line break in it puts what follows into small type.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from topformer_viz.app.canvas.markup import TIP_CSS, axis_css
from topformer_viz.figures.panel import Table

Markup = Callable[[str], str]  # a cell's text -> its HTML
NONE: Mapping[Any, str] = MappingProxyType({})
TABLE_CSS = f".panel-table {{{axis_css()}}}\n" + Path(__file__).with_suffix(".css").read_text("utf-8") + TIP_CSS


def table_html(
    table: Table, markup: Markup | Sequence[Markup] = escape, left: int = 1, classes: Mapping[Any, str] = NONE
) -> str:
    """The table under its title, to be styled by TABLE_CSS.

    ``markup``: one for all cells, headings too, or one a column. ``left``: so many columns are words, and set from the
    left; all of a table of words. ``classes``, for the page's own style: of rows by number, of cells by (row, column).
    """
    if callable(markup):
        columns, heads = [markup] * len(table.columns), list(map(markup, table.columns))
    else:
        columns, heads = list(markup), list(map(escape, table.columns))
    words = len(columns) if table.words else left
    kinds = ["word" if c < words else "" for c in range(len(columns))]
    barred = (False, *(any(bar is not None for bar in column) for column in zip(*table.bars, strict=True)))
    body = []
    for n, row in enumerate(table.rows):
        if n in table.parts:
            part = _element("th", escape(table.parts[n]), scope="rowgroup", colspan=str(len(row)))
            body.append(("</tbody><tbody>" if n else "") + _element("tr", part))
        cells = [_small(text, to_html) for text, to_html in zip(row, columns, strict=True)]
        for c in [c for c, some in enumerate(barred) if some]:
            cells[c] += f'<i class="bar" style="--share:{table.bars[n][c - 1] or 0:.4f}"></i>'
        named = _element("th", cells[0], scope="row", kind=kinds[0])
        values = (
            _element("td", cells[c], data_column=table.columns[c], kind=f"{kinds[c]} {classes.get((n, c), '')}".strip())
            for c in range(1, len(row))
        )
        body.append(_element("tr", named + "".join(values), kind="sum" if n in table.sums else classes.get(n, "")))
    head = "".join(_element("th", name, scope="col", kind=kind) for name, kind in zip(heads, kinds, strict=True))
    caption = _element("caption", escape(table.title)) if table.title else ""
    html = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return _element("div", html, kind=f"panel-table{' words' if table.words else ''}")


def _element(tag: str, html: str, kind: str = "", **attributes: str) -> str:
    """``kind`` is its class."""
    given = {"class": kind} if kind else {}
    said = (f' {name.replace("_", "-")}="{escape(value)}"' for name, value in (given | attributes).items())
    return f"<{tag}{''.join(said)}>{html}</{tag}>"


def _small(text: str, to_html: Markup) -> str:
    first, *notes = text.split("\n")
    return to_html(first) + "".join(f"<small>{to_html(note)}</small>" for note in notes)
