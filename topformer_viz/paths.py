"""Where the project's files lie: those that belong to the package, and those that only a clone of the project has."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
WEIGHTS, SAMPLES, FONTS, BOOKS = (PACKAGE / "assets" / name for name in ("weights", "samples", "fonts", "books"))
NETWORK = PACKAGE / "network"  # with what browsers have of it
ICON = PACKAGE / "assets" / "icon.png"
ROOT = PACKAGE.parent  # of a clone: app.py, pages/, static/, .streamlit/; installed, the folder of all packages
