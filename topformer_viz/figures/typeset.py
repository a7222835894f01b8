"""How wide words are and where their lines break: widths in inches, sizes in points."""

import re
from functools import lru_cache

from matplotlib.textpath import text_to_path

from topformer_viz.figures import drawing
from topformer_viz.figures.drawing import font, shown


def measured(text: str, size: float, weight: str = "normal") -> float:
    """Width in inches of one line of text at ``size`` points."""
    return _measured(text, size, weight, drawing.families())


@lru_cache(maxsize=4096)
def _measured(text: str, size: float, weight: str, families: tuple[str, ...]) -> float:
    """The same: ``families`` are those in use."""
    text = shown(text)
    with drawing.drawing():
        return text_to_path.get_text_width_height_descent(text, font(text, size, weight), ismath=False)[0] / 72


def wrapped(text: str, size: float, room: float, weight: str = "normal") -> list[str]:
    """Lines of at most ``room`` inches, broken at spaces and, in Chinese, between any two characters but before a full stop."""
    lines = [""]
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
            word = word[fits:]
        if measured(lines[-1] + word.rstrip(), size, weight) <= room or not lines[-1]:
            lines[-1] += word
        else:
            lines[-1] = lines[-1].rstrip()
            lines.append(word.lstrip())
    return [line.rstrip() for line in lines if line.strip()]


def longest(text: str, size: float, weight: str, whole: bool) -> float:
    """Width of a text on one line, or of the longest of its words, which cannot be broken."""
    parts = [text] if whole else wrapped(text, size, 0.0, weight)
    return max((measured(part, size, weight) for part in parts), default=0.0)
