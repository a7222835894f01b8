"""The bundled font made again: ``python -m topformer_viz.terminal.fonts``; figures/fonts.py says from what."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from topformer_viz.figures.fonts import FAMILY, FONT, NAMES, WORDS, bundled_characters, own_characters, part
from topformer_viz.terminal.console import lenient


def _named(ttf: bytes) -> bytes:
    """The same font under FAMILY."""
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
