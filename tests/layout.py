"""Where a drawn figure's words are."""

from matplotlib.figure import Figure

BOX = tuple[float, float, float, float]  # left, low, right, high in dots


def boxes(figure: Figure) -> list[tuple[str, BOX]]:
    """Every text with the box of its ink: the box of its line, less what is left free above and below."""
    found = []
    for text in figure.axes[0].texts:
        if text.get_text():
            box = text.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
            upright = text.get_rotation() == 90
            dx, dy = (0.18 * box.width, 0.5) if upright else (0.5, 0.18 * box.height)
            found.append((text.get_text(), (box.x0 + dx, box.y0 + dy, box.x1 - dx, box.y1 - dy)))
    return found


def meet(a: BOX, b: BOX) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
