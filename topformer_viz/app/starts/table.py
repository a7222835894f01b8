"""A figure's table as HTML."""

from html import escape
from itertools import pairwise

from topformer_viz.figures.panel import Table


def table_html(table: Table, caption: str) -> str:
    """The table under its caption; each of its parts is a <tbody> that begins with its heading."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    bodies = []
    for first, end in pairwise(sorted({0, *table.parts, len(table.rows)})):
        rows = [
            f'<tr><th scope="row">{escape(name)}</th>{_cells(cells)}</tr>' for name, *cells in table.rows[first:end]
        ]
        if first in table.parts:
            rows.insert(
                0, f'<tr><th colspan="{len(table.columns)}" scope="rowgroup">{escape(table.parts[first])}</th></tr>'
            )
        bodies.append(f"<tbody>{''.join(rows)}</tbody>")
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>{''.join(bodies)}</table>"


def _cells(cells: list[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)
