"""A figure's table as HTML: the page shows what the file holds.

A cell's text may be more than a figure can show: what makes HTML of it colours axes or sets code, and a line break puts
what follows into small type.
"""

from collections.abc import Callable, Collection, Sequence
from html import escape
from pathlib import Path

from topformer_viz.app.canvas.markup import axis_css
from topformer_viz.figures.panel import Table

Markup = Callable[[str], str]  # a cell's text -> its HTML
TABLE_CSS = f".panel-table {{{axis_css()}}}\n" + Path(__file__).with_suffix(".css").read_text("utf-8")


def table_html(
    table: Table, markup: Markup | Sequence[Markup] = escape, left: int = 1, faint: Collection[int] = ()
) -> str:
    """The table under its title, to be styled by TABLE_CSS.

    ``markup``: one for all cells, headings too, or one a column. ``left``: so many columns are words, and set from the left; all of a
    table of words. ``faint`` numbers the rows in which nothing happens.
    """
    columns = [markup] * len(table.columns) if callable(markup) else markup
    heads = list(map(markup if callable(markup) else escape, table.columns))
    barred = (False, *(any(bar is not None for bar in column) for column in zip(*table.bars, strict=True)))
    words = len(table.columns) if table.words else left
    body = []
    for n, row in enumerate(table.rows):
        if n in table.parts:
            part = f'<th colspan="{len(row)}" scope="rowgroup">{escape(table.parts[n])}</th>'
            body.append(f"{'</tbody><tbody>' if n else ''}<tr>{part}</tr>")
        cells = [_small(text, form) for text, form in zip(row, columns, strict=True)]
        for c in [c for c, some in enumerate(barred) if some]:
            cells[c] += f'<i class="bar" style="--share:{table.bars[n][c - 1] or 0:.4f}"></i>'
        body.append(_row("td", cells, words, "sum" if n in table.sums else "faint" if n in faint else ""))
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    return (
        f'<div class="panel-table{" words" if table.words else ""}"><table>{caption}'
        f"<thead>{_row('th', heads, words)}</thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _row(tag: str, cells: Sequence[str], words: int, kind: str = "") -> str:
    """A row of HTML cells, the first ``words`` of them set from the left; the first one names the row."""
    parts = []
    for c, cell in enumerate(cells):
        name, scope = ("th", f' scope="{"row" if tag == "td" else "col"}"') if c == 0 or tag == "th" else (tag, "")
        parts.append(f"<{name}{scope}{_class('word' if c < words else '')}>{cell}</{name}>")
    return f"<tr{_class(kind)}>{''.join(parts)}</tr>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _small(text: str, to_html: Markup) -> str:
    first, *notes = text.split("\n")
    return to_html(first) + "".join(f"<small>{to_html(note)}</small>" for note in notes)
