"""Where a figure is going: its format, width, colours and type."""

from dataclasses import dataclass
from typing import Literal

from topformer_viz.words.misspelt import known

Format = Literal["png", "svg", "pdf"]
FORMATS: tuple[Format, ...] = ("png", "svg", "pdf")
MIME = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}


@dataclass(frozen=True)
class Width:
    """A place in a document: its width, the height there is at most, the size of running type, and how many times as high as
    wide the content should come out, None for as large as there is room."""

    inches: float
    most: float
    type: float
    wanted: float | None = None


# A column and the whole width of a two-column page (as journals print them), and a slide of 16 : 9.
WIDTHS = {"column": Width(3.5, 9.0, 7, 1.0), "page": Width(7.2, 9.0, 8, 0.85), "slide": Width(40 / 3, 7.5, 15)}


@dataclass(frozen=True)
class Theme:
    """Colours of paper and ink; ``paper`` None lets what lies behind show through."""

    paper: str | None
    ink: str
    quiet: str
    line: str
    panel: str
    dark: bool = False


LEAST_TYPE = 6.5  # points: journals print none smaller
SMALLEST = 1.3  # inches: a labelled tile on a slide should be no narrower
# Query, key and value (Okabe and Ito, 2008), on light and on dark: canvas.css has the same.
STRANDS = ({"q": "#0072b2", "k": "#c75000", "v": "#008a64"}, {"q": "#56b4e9", "k": "#f08a4b", "v": "#3cc79d"})
THEMES = {
    "white": Theme("#ffffff", "#1d1c22", "#5c5b63", "#b9b8bf", "#f4f2ee"),
    "dark": Theme("#15161a", "#eceaf1", "#a9a8b2", "#4d4f58", "#1f2127", dark=True),
    "transparent": Theme(None, "#1d1c22", "#5c5b63", "#b9b8bf", "#f4f2ee"),
}


# With serifs or without; or in the type of the document that an SVG is set into (PNG and PDF, which hold their own type, are
# without serifs then).
FONTS = ("sans", "serif", "document")
# matplotlib's maps for what grows from less to more: lighter from stop to stop, also for the colour-blind and in grey.
MAPS = ("viridis", "cividis", "magma", "gray")


@dataclass(frozen=True)
class Look:
    """How a panel is drawn: ``width`` of WIDTHS, ``theme`` of THEMES; ``bare`` leaves title and caption to the author;
    ``font`` of FONTS; ``map`` of MAPS, for the scales that have no middle.

    ValueError for another width, theme, font or map.
    """

    width: str = "page"
    theme: str = "white"
    bare: bool = False
    font: str = FONTS[0]
    map: str = MAPS[0]

    def __post_init__(self) -> None:
        known("width", self.width, WIDTHS)
        known("theme", self.theme, THEMES)
        known("font", self.font, FONTS)
        known("map", self.map, MAPS)
