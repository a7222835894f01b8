"""The bundled Chinese font, Noto Sans SC (SIL Open Font License 1.1), and parts of it.

Three files. The ttf, in topformer_viz/assets/fonts, is for figures; it has what names are likely to hold: GB2312 (6,763
Chinese characters, kana, full-width forms) and the traditional characters of Big5's first level. For browsers, in static/,
the same as woff2; and a small woff2 of just the project's own words, since every visitor loads that one and the other only
who meets a further character.

    python -m topformer_viz.terminal.fonts                   # the small file again, after new words: a test tells
    python -m topformer_viz.terminal.fonts NotoSansSC.ttf    # all three, from the whole font

The whole font is on npm, in @expo-google-fonts/noto-sans-sc 0.4.3, file 400Regular/NotoSansSC_400Regular.ttf. Writing
woff2 needs brotli (requirements-dev.txt).
"""

import io
import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]

from topformer_viz.paths import FONTS, PACKAGE, ROOT

FONT = FONTS / "noto-sans-sc.ttf"
NAMES = ROOT / "static" / "noto-sans-sc.woff2"
WORDS = ROOT / "static" / "noto-sans-sc-words.woff2"
FAMILY = "Noto Sans SC bundled"  # no font of the machine has this name, and so none can take its place
logging.getLogger("fontTools").setLevel(logging.ERROR)  # it minds fonts' dates and tells every table
# Of a codec's two bytes: all of GB2312, Big5's first level.
CODES = {"gb2312": (range(0xA1, 0xF8), range(0xA1, 0xFF)), "big5": (range(0xA4, 0xC7), range(0x40, 0xFF))}


@cache
def own_characters() -> frozenset[str]:
    """Every Chinese character, full-width form and the like in the sources of the app and the package."""
    sources = [*ROOT.glob("app.py"), *(ROOT / "pages").glob("*.py")]
    sources += [path for kind in ("py", "js", "json") for path in PACKAGE.rglob(f"*.{kind}")]
    return frozenset(c for source in sources for c in source.read_text("utf-8") if "\u2e80" <= c <= "\uffef")


@cache
def bundled_characters() -> frozenset[str]:
    """What the ttf is to have: the characters of CODES, those of the project's words, CJK punctuation and full-width forms."""
    found = {*own_characters(), *map(chr, range(0x3000, 0x3040)), *map(chr, range(0xFF01, 0xFF60))}
    for codec, (first, second) in CODES.items():
        found |= {c for a in first for b in second for c in bytes((a, b)).decode(codec, "ignore") if c > "\x7f"}
    return frozenset(found)


def part(font: str | Path | io.BytesIO, characters: Iterable[int], flavor: str | None = None, face: int = 0) -> bytes:
    """A font of no more than these characters, as ttf, "woff" or "woff2", without the tables of ligatures, kerning and
    vertical type, which nothing here uses; ``face`` of those in the file. The same arguments give the same bytes."""
    options = subset.Options(flavor=flavor, notdef_outline=True, recalc_timestamp=False, legacy_kern=True)
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "BASE", "VORG", "vhea", "vmtx"]
    options.font_number = face
    with subset.load_font(font, options) as whole:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=characters)
        subsetter.subset(whole)
        whole.flavor = flavor
        out = io.BytesIO()
        subset.save_font(whole, out, options)
    return out.getvalue()
