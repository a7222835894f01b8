"""Make the bundled Chinese font: Noto Sans SC with no more glyphs than the project's own words need.

    python -m topformer_viz.fonts NOTO_SANS_SC.woff2

The whole font (SIL Open Font License 1.1) is on npm as @fontsource/noto-sans-sc, file
noto-sans-sc-chinese-simplified-400-normal.woff2. Needs fonttools and brotli (requirements-dev.txt).
"""

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
SUBSET = ROOT / "static" / "noto-sans-sc-subset.woff2"


def own_characters() -> set[str]:
    """Every character beyond Latin-1 in the sources of the app and the package."""
    sources = [ROOT / "app.py", *(ROOT / "pages").glob("*.py")]
    sources += [path for kind in ("py", "js", "json") for path in PACKAGE.rglob(f"*.{kind}")]
    return {c for source in sources for c in source.read_text("utf-8") if "\u2e80" <= c <= "\uffef"}


def main(whole: str) -> None:
    from fontTools import subset  # type: ignore[import-untyped]

    options = subset.Options(flavor="woff2", layout_features=["*"])
    font = subset.load_font(whole, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(own_characters())))
    subsetter.subset(font)
    SUBSET.parent.mkdir(exist_ok=True)
    subset.save_font(font, str(SUBSET), options)
    print(f"{SUBSET.name}: {len(own_characters())} characters, {SUBSET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1])
