"""The front door's page, style and script, for the app and for the lesson that needs no server."""

from pathlib import Path

from topformer_viz.app.canvas.wire import RUN_JS, scripts

_HERE = Path(__file__).parent
DOOR_HTML = (_HERE / "door.html").read_text("utf-8")
DOOR_CSS = (_HERE / "door.css").read_text("utf-8")
OWN_JS = scripts(_HERE, "door.js")
DOOR_JS = RUN_JS + OWN_JS
