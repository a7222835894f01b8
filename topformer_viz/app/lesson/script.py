"""The lesson's page, style and script, for the app and for the lesson that needs no server.

quiz.js asks before a stage is shown, present.js shows it to a class, search.js finds it, scene.js and painter.js draw,
stopping.js shows what the network would say after a block;
lesson.js, which comes last, has them all.
"""

from pathlib import Path

from topformer_viz.app.canvas.lens import LENS_CSS, LENS_JS
from topformer_viz.app.canvas.wire import SCENE_JS, scripts
from topformer_viz.app.explorer.script import EXPLORER_CSS, EXPLORER_HTML, EXPLORER_JS

_HERE = Path(__file__).parent
LESSON_HTML = (_HERE / "lesson.html").read_text("utf-8").replace("<!-- explorer -->", EXPLORER_HTML)
LESSON_CSS = (_HERE / "lesson.css").read_text("utf-8") + LENS_CSS + EXPLORER_CSS
OWN_JS = scripts(_HERE, "quiz.js", "present.js", "search.js", "scene.js", "painter.js", "stopping.js", "lesson.js")
LESSON_JS = SCENE_JS + LENS_JS + EXPLORER_JS + OWN_JS  # with those of the explorer, its guest
