"""How wide words are and where their lines break: widths in inches, sizes in points."""

import re
from functools import lru_cache

from matplotlib.textpath import text_to_path

from topformer_viz.figures import drawing
from topformer_viz.figures.drawing import font, shown

UNIT = text_to_path.FONT_SCALE  # the size in points at which matplotlib measures, whatever the size of the words


def measured(text: str, size: float, weight: str = "normal") -> float:
    """Width in inches of one line of text at ``size`` points."""
    return _measured(text, weight, drawing.families()) * (size / UNIT) / 72


@lru_cache(maxsize=4096)
def _measured(text: str, weight: str, families: tuple[str, ...]) -> float:
    """The same in points at UNIT, as which every size is measured: ``families`` are those in use."""
    text = shown(text)
    with drawing.drawing():
        return text_to_path.get_text_width_height_descent(text, font(text, UNIT, weight), ismath=False)[0]


def wrapped(text: str, size: float, room: float, weight: str = "normal") -> list[str]:
    """Lines of at most ``room`` inches, broken at spaces and, in Chinese, between any two characters but before a full stop."""
    return [*_wrapped(text, size, room, weight, drawing.families())]


@lru_cache(maxsize=4096)  # a figure's layout is tried in many widths, most of which its titles do not mind
def _wrapped(text: str, size: float, room: float, weight: str, families: tuple[str, ...]) -> tuple[str, ...]:
    """The same: ``families`` are those in use."""
    lines, wide = [""], 0.0  # the last one's width, but for kerning between words
    # A word with what closes it, or one Chinese character with the punctuation that may not begin a line.
    for word in re.findall(
        r"[（“]*[\u2e80-\u9fff][，。：；、）！？”]*"
        r"|[^\s\u2e80-\u9fff（“]+(?: × [^\s\u2e80-\u9fff（“]+)*[，。：；、）！？”]*|[（“]+|\s+",
        text,
    ):
        while room and len(word) > 1 and measured(word.rstrip(), size, weight) > room:  # a name without a space
            fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or measured(word[:n], size, weight) <= room)
            lines += [word[:fits], ""] if lines[-1].strip() else [""]
            if not lines[-2].strip():
                lines[-2] = word[:fits]
            word, wide = word[fits:], 0.0
        wide += measured(word, size, weight)
        # Words recur and lines do not: only what comes near the edge is measured as a line.
        if wide <= 0.9 * room or not lines[-1] or measured(lines[-1] + word.rstrip(), size, weight) <= room:
            lines[-1] += word
        else:
            lines[-1] = lines[-1].rstrip()
            lines.append(word.lstrip())
            wide = measured(lines[-1], size, weight)
    return tuple(line.rstrip() for line in lines if line.strip())


def longest(text: str, size: float, weight: str, whole: bool) -> float:
    """Width of a text on one line, or of the longest of its words, which cannot be broken."""
    parts = [text] if whole else wrapped(text, size, 0.0, weight)
    return max((measured(part, size, weight) for part in parts), default=0.0)
