"""Make the bundled Chinese font: Noto Sans SC with no more glyphs than the project's own words need.

    python -m topformer_viz.fonts NOTO_SANS_SC.woff2

The whole font (SIL Open Font License 1.1) is on npm as @fontsource/noto-sans-sc, file
noto-sans-sc-chinese-simplified-400-normal.woff2. Needs fonttools and brotli (requirements-dev.txt). Browsers take the
woff2; the ttf, of the same glyphs, is what matplotlib reads (topformer_viz/worksheet.py).
"""

import sys
from pathlib import Path

from topformer_viz.console import lenient

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
SUBSET = ROOT / "static" / "noto-sans-sc-subset.woff2"
SUBSET_TTF = SUBSET.with_suffix(".ttf")


def own_characters() -> set[str]:
    """Every character beyond Latin-1 in the sources of the app and the package."""
    sources = [ROOT / "app.py", *(ROOT / "pages").glob("*.py")]
    sources += [path for kind in ("py", "js", "json") for path in PACKAGE.rglob(f"*.{kind}")]
    return {c for source in sources for c in source.read_text("utf-8") if "\u2e80" <= c <= "\uffef"}


def main(whole: str) -> None:
    from fontTools import subset  # type: ignore[import-untyped]

    SUBSET.parent.mkdir(exist_ok=True)
    for path, flavor in ((SUBSET, "woff2"), (SUBSET_TTF, None)):
        options = subset.Options(flavor=flavor, layout_features=["*"])
        font = subset.load_font(whole, options)
        subsetter = subset.Subsetter(options)
        subsetter.populate(text="".join(sorted(own_characters())))
        subsetter.subset(font)
        font.flavor = flavor  # the file it was read from has one
        subset.save_font(font, str(path), options)
        print(f"{path.name}: {len(own_characters())} characters, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    with lenient():
        main(sys.argv[1])
