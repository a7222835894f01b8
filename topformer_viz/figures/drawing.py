"""What every figure is drawn under, whatever a matplotlibrc, a style or the machine says: settings and fonts.

A character is set in DejaVu Sans or Serif, which come with matplotlib, else in the bundled Chinese font, else in a font of the
machine; what no font has shows as REPLACEMENT. So only characters that are not bundled depend on the machine.
"""

import logging
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import matplotlib
import numpy as np
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from matplotlib.font_manager import FontPath, FontProperties, fontManager
from matplotlib.ft2font import FT2Font, LoadFlags
from numpy.typing import NDArray

from topformer_viz.figures import fonts

# Text stays text, and every glyph is as wide as it was measured: hinting would widen a line by up to 8 % in small type.
EXACT: Any = {"text.hinting": "none", "pdf.fonttype": 42, "svg.fonttype": "none"}
LATIN, SERIF, CHINESE = "DejaVu Sans", "DejaVu Serif", fonts.FAMILY
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SETTINGS = threading.RLock()  # matplotlib's are those of the whole process
_inside = False
_first: tuple[str, ...] = ()  # families before all others
_UNREADABLE = (OSError, RuntimeError, ValueError)  # what a font raises that has gone, or is none
_log = logging.getLogger(__name__)


@contextmanager
def drawing(**settings: Any) -> Iterator[None]:
    """Draw, measure and save in here: under matplotlib's defaults, EXACT and ``settings``, one thread at a time."""
    global _inside
    with _SETTINGS:
        if _inside and not settings:
            yield
            return
        _add_bundled()
        before, _inside = _inside, True
        try:
            with matplotlib.rc_context():
                matplotlib.rcdefaults()
                matplotlib.rcParams.update(EXACT | settings)
                yield
        finally:
            _inside = before


@contextmanager
def typeface(name: str) -> Iterator[None]:
    """Measure and set words in this one of ``look.FONTS`` in here, one thread at a time."""
    global _first
    with _SETTINGS:
        before, _first = _first, (SERIF,) if name == "serif" else ()
        try:
            yield
        finally:
            _first = before


def families() -> tuple[str, ...]:
    """The families that come before all others, for now."""
    return _first


def _add_bundled() -> None:
    """Let matplotlib know the bundled font, also for the bold face it does not have; again where it made its list anew."""
    if not any(entry.name == CHINESE for entry in fontManager.ttflist):
        fontManager.addfont(fonts.FONT)
        fontManager.ttflist.append(replace(fontManager.ttflist[-1], weight=700))


def font(text: str, size: float, weight: str = "normal") -> FontProperties:
    """What sets ``text`` in ``size`` points. Of the faces only DejaVu's are bold, so no word beside another one is."""
    bold = weight == "bold" and all(has(LATIN, c, "bold") for c in text)
    names = dict.fromkeys([*_first, LATIN, CHINESE, *filter(None, map(family_of, text))])
    return FontProperties(family=list(names), size=size, weight="bold" if bold else "normal")


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """The text as a figure can show it: REPLACEMENT for each character that no font has; what is not seen by itself,
    such as the choice of an emoji's style, is left out where no font has it."""
    return "".join(c if family_of(c) else " " if c.isspace() else "" if _unseen(c) else REPLACEMENT for c in text)


def without_font(text: str) -> list[str]:
    """The characters for which ``shown`` puts REPLACEMENT, each once."""
    return [c for c in dict.fromkeys(text) if not (family_of(c) or c.isspace() or _unseen(c))]


def _unseen(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cf") or unicodedata.name(c, "").startswith("VARIATION SELECTOR")


@lru_cache(maxsize=4096)
def family_of(c: str) -> str | None:
    """The family in which a character is set; None if no font has it."""
    return next((family for family in (LATIN, CHINESE) if has(family, c)), None) or _machine_s(c)


def has(family: str, c: str, weight: str = "normal") -> bool:
    characters = _characters(family, weight)
    place = int(np.searchsorted(characters, ord(c)))
    return place < len(characters) and int(characters[place]) == ord(c)


def file_of(family: str, weight: str = "normal") -> FontPath:
    """The file of a family that ``font`` names."""
    with drawing():
        return fontManager.findfont(
            FontProperties(family=[family], weight=weight), fallback_to_default=False, rebuild_if_missing=False
        )


@cache
def _characters(family: str, weight: str = "normal") -> NDArray[np.uint32]:
    """The code points that a font has, in order; none of a font that cannot be read."""
    try:
        return np.sort(np.fromiter(_opened(family, weight).get_charmap(), np.uint32))
    except _UNREADABLE:
        return np.zeros(0, np.uint32)


def _opened(family: str, weight: str = "normal") -> FT2Font:
    path = file_of(family, weight)
    return FT2Font(path.path, face_index=path.face_index)


@cache
def _machine_s(c: str) -> str | None:
    """The first family among the machine's own that draws the character, those without serifs first."""
    own = matplotlib.get_data_path()  # there are fonts for mathematics, and one that has a box for everything
    families = {
        entry.name
        for entry in fontManager.ttflist
        if (entry.style, entry.variant, entry.stretch) == ("normal",) * 3
        and entry.weight == 400
        and not entry.fname.startswith(own)
    }
    by_kind = sorted(families, key=lambda name: ("sans" not in name.lower(), name))
    return next((family for family in by_kind if has(family, c) and _draws(family, c)), None)


def _draws(family: str, c: str) -> bool:
    """Whether the character has an outline there: in a font of colours it has none."""
    try:
        opened = _opened(family)
        opened.set_size(10, 72)
        opened.load_char(ord(c), LoadFlags.NO_HINTING)
        return len(opened.get_path()[0]) > 0
    except _UNREADABLE:
        return False


def pdf_font_type(text: str) -> int:
    """42, TrueType; 3 where a font of the machine that sets some of the text has PostScript's outlines: matplotlib would
    declare those TrueType, and some readers then show nothing."""
    families = {family_of(c) for c in text} - {LATIN, CHINESE, None}
    return 3 if any(_is_postscript(family) for family in families if family) else 42


@cache
def _is_postscript(family: str) -> bool:
    file = file_of(family)
    with TTFont(file.path, fontNumber=file.face_index, lazy=True) as font:
        return "glyf" not in font


@cache
def tell(missing: tuple[str, ...]) -> None:
    """Say once, on one line, which characters no font here has."""
    _log.warning("no font here has %s: figures show U+FFFD instead", " ".join(map(code, missing)))


def code(c: str) -> str:
    """ "U+D55C"."""
    return f"U+{ord(c):04X}"
