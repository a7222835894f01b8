"""The explorer's page, style and script, for the app and for its file."""

from pathlib import Path

from topformer_viz.app.canvas.wire import RUN_JS, scripts
from topformer_viz.app.explorer.state import ADDRESS_JS

_HERE = Path(__file__).parent
EXPLORER_HTML = (_HERE / "explorer.html").read_text("utf-8")
EXPLORER_CSS = (_HERE / "explorer.css").read_text("utf-8")
# One script; the explorer comes after its parts, the page that has it last.
PARTS = (
    "state.js", "words.js", "pointer.js", "toolbar.js", "pictures.js", "sum.js", "beside.js", "similarity.js",
    "removal.js", "explorer.js", "page.js",
)  # fmt: skip
OWN_JS = ADDRESS_JS + scripts(_HERE, *PARTS)
EXPLORER_JS = RUN_JS + OWN_JS
