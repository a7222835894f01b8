"""The bundled Chinese font, Noto Sans SC (SIL Open Font License 1.1), and parts of it.

Three files. The ttf, for figures, in topformer_viz/assets/fonts, has what names are likely to hold: GB2312 (6,763 Chinese characters, kana,
full-width forms) and the traditional characters of Big5's first level. For browsers, in static/, the same as woff2; and a small
woff2 of just the project's own words, since every visitor loads that one and the other only who meets a further character.

    python -m topformer_viz.fonts                   # the small file again, after new words: a test tells
    python -m topformer_viz.fonts NotoSansSC.ttf    # all three, from the whole font

The whole font is on npm, in @expo-google-fonts/noto-sans-sc 0.4.3, file 400Regular/NotoSansSC_400Regular.ttf. Writing
woff2 needs brotli (requirements-dev.txt).
"""

import io
import logging
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]

from topformer_viz.console import lenient
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


def _named(ttf: bytes) -> bytes:
    """The same font under FAMILY."""
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    with TTFont(io.BytesIO(ttf), recalcTimestamp=False) as font:
        for record in list(font["name"].names):
            if record.nameID in (16, 17, 21, 22, 25):  # other ways to say the family
                font["name"].removeNames(record.nameID)
        for number, name in ((1, FAMILY), (2, "Regular"), (4, FAMILY), (6, FAMILY.replace(" ", "") + "-Regular")):
            font["name"].setName(name, number, 3, 1, 0x409)
        out = io.BytesIO()
        font.save(out)
    return out.getvalue()


def _made(whole: str | None) -> Iterator[tuple[Path, bytes]]:
    if whole:
        yield FONT, _named(part(whole, map(ord, bundled_characters())))
        yield NAMES, part(FONT, map(ord, bundled_characters()), "woff2")
    yield WORDS, part(FONT, map(ord, own_characters()), "woff2")


def main(whole: str | None = None) -> None:
    """Write the fonts and tell of each."""
    for path, content in _made(whole):
        path.write_bytes(content)
        print(f"{path.name}: {len(content) / 1000:,.0f} kB")


if __name__ == "__main__":
    with lenient():
        main(*sys.argv[1:])
