"""A lesson as it is sent to the browser, with the explorer as its guest."""

from typing import Any

from PIL import Image

from topformer_viz import Trace
from topformer_viz.app.canvas.wire import Body
from topformer_viz.app.explorer.payload import Shown, explorer_data
from topformer_viz.app.lesson.payload import lesson_part
from topformer_viz.network.colour import Model
from topformer_viz.run.measures import measure
from topformer_viz.words.text import Lang

SETTINGS = {"asked": {"stage": None}, "ui": {"block": "</script>"}}
GUEST = {"run": "a run", "asked": {}}


def message(
    run: Trace, model: Model, picture: Image.Image, block: int, lang: Lang, settings: dict[str, Any] | None = None
) -> bytes:
    """The lesson on ``block``, from 0."""

    def guest(body: Body) -> dict[str, Any]:
        shown = {block: Shown(measure(run, block), 0.0, {})}
        return explorer_data(run, model, shown, lang, False, body)

    part = lesson_part(run, model, picture, block, lang, guest)
    return part.message(settings or SETTINGS | {"view": GUEST})
