"""The network page's own page, style and script, for the app and for the lesson that needs no server."""

from pathlib import Path

from topformer_viz.app.canvas.lens import LENS_CSS, LENS_JS
from topformer_viz.app.canvas.wire import RUN_JS, SCENE_JS, scripts

_HERE = Path(__file__).parent
NETWORK_HTML = (_HERE / "network.html").read_text("utf-8")
NETWORK_CSS = LENS_CSS + (_HERE / "network.css").read_text("utf-8")
OWN_JS = scripts(_HERE, "scene.js", "pictures.js", "segmentation.js", "network.js")
NETWORK_JS = SCENE_JS + RUN_JS + LENS_JS + OWN_JS
