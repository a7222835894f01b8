"""The shape diagram of a stage: tensors before and after as drawn stacks, and where each axis goes.

A tensor is a stack of sheets: the second axis counts the sheets, the third runs down a sheet, the last along
it. Beside it each axis is a chip with its size. Lines lead from chip to chip: one that splits is a reshape, two
that cross a permute, one that ends in a ring is summed over. Pure SVG, so it is sharp at any size.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from topformer_viz.run.stages import COMPOSITE, OPERATIONS, Stage, axes_of
from topformer_viz.words.text import Lang, Text

CHIP_WIDTH, CHIP_HEIGHT, CHIP_GAP = 108, 24, 7
GAP, NARROW = 104, 64  # between one tensor's chips and the next's, where the lines run; the latter in a column
SHEET_MIN, SHEET_MAX = 26, 74
STACK_ROOM = 120  # height kept for the drawn stack above the chips
MARGIN = 24
OP_ROOM = 116  # least height kept above a tensor that has its operation's name over it
OP_LINE = 18  # between the lines of an operation's name
SUMMED = Text("summed over", "求和消去")


@dataclass(frozen=True)
class Tensor:
    """One drawn tensor: its name, its axes, its upper left corner, and the room kept for its stack of sheets."""

    name: str
    axes: tuple[str, ...]
    x: float
    y: float
    room: float = STACK_ROOM

    def chip(self, i: int) -> tuple[float, float]:
        """Left edge and middle height of the i-th axis's chip."""
        return self.x, self.y + self.room + i * (CHIP_HEIGHT + CHIP_GAP) + CHIP_HEIGHT / 2

    @property
    def height(self) -> float:
        return self.room + len(self.axes) * (CHIP_HEIGHT + CHIP_GAP)


@dataclass(frozen=True)
class Link:
    """Axis ``a`` of the tensor before becomes axis ``b`` of the one after; ``b`` None: it is summed over."""

    source: int
    a: int
    b: int | None


def links(operation: str, before: list[tuple[str, ...]], after: tuple[str, ...]) -> list[Link]:
    """Where each axis goes, from the names alone.

    >>> links("reshape", [("B", "nh_kd", "H", "W")], ("B", "heads", "key_dim", "HW"))[1:3]
    [Link(source=0, a=1, b=1), Link(source=0, a=1, b=2)]
    """
    found: list[Link] = []
    if operation == "matmul":
        left = before[0]
        rows, columns = len(left) - 2, len(left) - 1
        batch = [Link(s, i, i) for s in (0, 1) for i in range(rows)]
        return [*batch, Link(0, rows, rows), Link(0, columns, None), Link(1, rows, None), Link(1, columns, columns)]
    for s, axes in enumerate(before):
        for a, axis in enumerate(axes):
            targets = [b for b, name in enumerate(after) if _base(name) == _base(axis)]
            if len(targets) > 1:  # HW twice: the one in the same place
                targets = [b for b in targets if b == a]
            targets += [b for b, name in enumerate(after) if axis in COMPOSITE.get(name, ())]
            targets += [b for b, name in enumerate(after) if name in COMPOSITE.get(axis, ())]
            if not targets and len(axes) == len(after):  # a convolution: every channel feeds every channel
                targets = [a]
            found += [Link(s, a, b) for b in targets]
    return found


def shape_diagram(
    stage: Stage, name: str, sources: list[str], sizes: dict[str, int], lang: Lang,
    axes_of: Callable[[str], tuple[str, ...]] = axes_of, gap: float = GAP,
) -> str:  # fmt: skip
    """SVG of what ``stage`` does to the shapes; ``name`` and ``sources`` are traced names, ``sizes`` axis sizes; tensors
    stand a ``gap`` apart."""
    numbered = axes_of(name)
    columns: list[list[Tensor]] = []
    first: list[Tensor] = []
    many = len(sources) > 2  # the pyramid's levels: chips alone, and without the batch axis, to save room
    y = 30.0
    for source in sources:
        axes = axes_of(source)[1:] if many else axes_of(source)
        first.append(Tensor(source.split(".")[-1], axes, MARGIN, y, 0 if many else STACK_ROOM))
        y += first[-1].height + 34
    if first:
        columns.append(first)
    bottom = y
    for i, step in enumerate(stage.steps):
        last = i == len(stage.steps) - 1
        axes = numbered if last else tuple(step.axes.split())
        x = MARGIN + len(columns) * (CHIP_WIDTH + gap)
        tensor = Tensor(name.split(".")[-1] if last else "", axes, x, 30.0)
        if columns and len(columns[-1]) > 1:  # centred between the two it is made from
            tensor = Tensor(tensor.name, axes, x, max((bottom - 34 - tensor.height) / 2 + 15, OP_ROOM))
        bottom = max(bottom, tensor.y + tensor.height + 34)
        columns.append([tensor])
    width = 2 * MARGIN + len(columns) * CHIP_WIDTH + (len(columns) - 1) * gap
    height = bottom - 34 + 12
    parts: list[str] = []
    for i, step in enumerate(stage.steps):
        at = i + 1 if first else i
        if at == 0:
            continue
        before, (after,) = columns[at - 1], columns[at]
        parts += _lines(step.operation, before, after, lang, gap)
    for column in columns:
        for tensor in column:
            parts.append(_tensor(tensor, sizes))
    shapes = "; ".join(f"{t.name} ({', '.join(f'{a} {sizes[a]}' for a in t.axes)})" for c in columns for t in c)
    steps = " · ".join(OPERATIONS[step.operation](lang) for step in stage.steps)
    return (
        f'<svg class="diagram" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'style="min-width:{0.64 * width:.0f}px" xmlns="http://www.w3.org/2000/svg" aria-label="{escape(f"{shapes}: {steps}")}">{"".join(parts)}</svg>'
    )


def _base(axis: str) -> str:
    """The axis without its level: H0 -> H."""
    return axis.rstrip("0123456789")


def _colour(axis: str) -> str:
    return f"var(--axis-{_base(axis)})"


def _lines(operation: str, before: list[Tensor], after: Tensor, lang: Lang, gap: float) -> list[str]:
    parts = []
    summed: list[tuple[float, float, str]] = []
    for link in links(operation, [t.axes for t in before], after.axes):
        tensor = before[link.source]
        x, y = tensor.chip(link.a)
        x += CHIP_WIDTH
        colour = _colour(tensor.axes[link.a])
        if link.b is None:
            summed.append((x, y, colour))
            continue
        x2, y2 = after.chip(link.b)
        middle = (x + x2) / 2
        a, b = _base(tensor.axes[link.a]), _base(after.axes[link.b])
        renamed = a != b and a not in COMPOSITE.get(b, ()) and b not in COMPOSITE.get(a, ())
        dash = ' stroke-dasharray="3 4"' if renamed else ""
        parts.append(
            f'<path class="link" d="M{x:g} {y:g}C{middle:g} {y:g} {middle:g} {y2:g} {x2:g} {y2:g}" '
            f'stroke="{colour}"{dash}/>'
        )
    left = before[0].x + CHIP_WIDTH
    centre = left + gap / 2
    if summed:
        ring_y = sum(y for _, y, _ in summed) / len(summed)
        ring_x = left + 0.34 * gap
        for x, y, colour in summed:
            parts.append(
                f'<path class="link" d="M{x:g} {y:g}Q{ring_x:g} {y:g} {ring_x:g} {ring_y:g}" stroke="{colour}"/>'
            )
        parts.append(f'<circle class="ring" cx="{ring_x:g}" cy="{ring_y:g}" r="9" stroke="{summed[0][2]}"/>')
        parts.append(f'<text class="sum" x="{ring_x:g}" y="{ring_y + 4:g}" text-anchor="middle">Σ</text>')
        parts.append(
            f'<text class="aside" x="{centre:g}" y="{ring_y + 26:g}" text-anchor="middle">{escape(SUMMED(lang))}</text>'
        )
    words = _wrap(OPERATIONS[operation](lang), 13)
    if len(before) > 1:  # above the one tensor that several become; between them run the lines
        x, lowest, arrow = after.x + CHIP_WIDTH / 2, after.y - 60, "v14m-5 -6l5 6l5 -6"
    else:
        x, lowest, arrow = centre, after.y + STACK_ROOM / 2 - 6, "m-22 0h44m-6 -5l6 5l-6 5"
    for i, line in enumerate(words):
        y = lowest - OP_LINE * (len(words) - 1 - i)
        parts.append(f'<text class="op" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(line)}</text>')
    parts.append(f'<path class="arrow" d="M{x:g} {lowest + 12:g}{arrow}"/>')
    return parts


def _wrap(text: str, width: int) -> list[str]:
    """Lines broken at spaces, at most ``width`` wide, where a Chinese character counts as two."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}".strip()
        if sum(2 if character > "\u2e80" else 1 for character in joined) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = joined
    return lines


def _side(size: int) -> float:
    """Drawn length of an axis: grows with the logarithm of its size, within bounds that stay readable."""
    return min(SHEET_MAX, SHEET_MIN + 8.5 * math.log2(max(size, 1)))


def _tensor(tensor: Tensor, sizes: dict[str, int]) -> str:
    """Name, stack of sheets (where there is room for it) and chips."""
    parts = [
        f'<text class="name" x="{tensor.x + CHIP_WIDTH / 2:g}" y="{tensor.y - 14:g}" text-anchor="middle">'
        f"{escape(tensor.name)}</text>"
    ]
    if tensor.room:
        parts += _stack(tensor, sizes)
    for i, axis in enumerate(tensor.axes):
        x, y = tensor.chip(i)
        colour = _colour(axis)
        parts.append(
            f'<g class="chip"><rect x="{x:g}" y="{y - CHIP_HEIGHT / 2:g}" width="{CHIP_WIDTH}" height="{CHIP_HEIGHT}" '
            f'rx="{CHIP_HEIGHT / 2}" stroke="{colour}"/>'
            f'<text x="{x + 11:g}" y="{y + 4.5:g}" fill="{colour}">{escape(axis)}</text>'
            f'<text class="size" x="{x + CHIP_WIDTH - 11:g}" y="{y + 4.5:g}" text-anchor="end" fill="{colour}">'
            f"{sizes[axis]}</text></g>"
        )
    return f'<g class="tensor">{"".join(parts)}</g>'


def _stack(tensor: Tensor, sizes: dict[str, int]) -> list[str]:
    """The tensor as sheets, its last three axes written on their edges."""
    count, down, along = tensor.axes[-3:]
    w, h = _side(sizes[along]), _side(sizes[down])
    sheets, shift = min(sizes[count], 5), 5.0
    back = (sheets - 1) * shift
    x0 = tensor.x + (CHIP_WIDTH - w - back) / 2
    y0 = tensor.y + tensor.room - 22 - h
    parts = [
        f'<rect class="sheet" x="{x0 + i * shift:g}" y="{y0 - i * shift:g}" width="{w:g}" height="{h:g}" rx="2"/>'
        for i in reversed(range(sheets))
    ]
    edges = (
        (count, f"M{x0:g} {y0:g}l{back:g} {-back:g}", x0 + back / 2 - 5, y0 - back / 2 - 3, "end"),
        (down, f"M{x0:g} {y0:g}v{h:g}", x0 - 6, y0 + h / 2 + 4, "end"),
        (along, f"M{x0:g} {y0 + h:g}h{w:g}", x0 + w / 2, y0 + h + 13, "middle"),
    )
    for axis, line, x, y, anchor in edges:
        parts.append(
            f'<path class="edge" d="{line}" stroke="{_colour(axis)}"/>'
            f'<text class="edge-label" x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{_colour(axis)}">'
            f"{sizes[axis]}</text>"
        )
    return parts
