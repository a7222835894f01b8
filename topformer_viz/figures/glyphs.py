"""The glyphs of a figure's own words inside its SVG, so that it looks the same wherever it is opened."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from functools import cache, lru_cache

from topformer_viz.figures import drawing, fonts
from topformer_viz.figures.drawing import LATIN, SERIF

BOLD = "font-weight: 700"  # matplotlib's words for it
USUAL = frozenset(
    [*range(0x20, 0x250), *range(0x370, 0x400), *range(0x2000, 0x2600)]
)  # Latin, Greek, arrows, mathematics


def without_fonts(svg: bytes) -> bytes:
    """The SVG with words that say nothing of their family, and so are set in that of the document around it."""
    return re.sub(r"(<text style=\"[^\"]*?)font-family: [^;\"]*; ", r"\1", svg.decode()).encode()


def with_fonts(svg: bytes) -> bytes:
    """The SVG with the glyphs of its own words inside, as WOFF: it looks the same wherever it is opened."""
    text = svg.decode()
    used = sorted(set("".join(ET.fromstring(svg).itertext())) - {"\n"})
    wanted: dict[tuple[str, str], set[int]] = {}
    for c in used:
        if family := drawing.family_of(c):
            wanted.setdefault((family, "normal"), set()).add(ord(c))
        for family in (LATIN, SERIF) if SERIF in text else (LATIN,):
            if family == SERIF and drawing.has(SERIF, c):
                wanted.setdefault((SERIF, "normal"), set()).add(ord(c))
            if BOLD in text and drawing.has(family, c, "bold"):
                wanted.setdefault((family, "bold"), set()).add(ord(c))
    faces = [
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; "
        f"src: url(data:font/woff;base64,{_glyphs(family, weight, frozenset(characters))}) format('woff'); }}"
        for (family, weight), characters in wanted.items()
    ]
    return re.sub(r"(<style type=\"text/css\">)", r"\1" + "\n".join(faces), text, count=1).encode()


@lru_cache(maxsize=256)
def _glyphs(family: str, weight: str, characters: frozenset[int]) -> str:
    """A WOFF of these characters, in base64."""
    near = io.BytesIO(_near(family, weight, characters - _usual(family)))
    return base64.b64encode(fonts.part(near, characters, "woff")).decode()


@cache
def _usual(family: str) -> frozenset[int]:
    """The characters that figures mostly use."""
    return frozenset(map(ord, fonts.own_characters())) if family == drawing.CHINESE else USUAL


@lru_cache(maxsize=16)
def _near(family: str, weight: str, further: frozenset[int]) -> bytes:
    """A font of the usual characters and a few further ones, such as those of a name: taking a few glyphs out of it is
    faster than out of the whole, and the figures of an image share it."""
    file = drawing.file_of(family, weight)
    return fonts.part(file.path, _usual(family) | further, face=file.face_index)
