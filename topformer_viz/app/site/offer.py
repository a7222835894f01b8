"""The lesson without a server among what can be saved of a page: with the image and the model on show, opening on this view."""

from collections.abc import Callable
from urllib.parse import urlencode

from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.frame.choices import EVERYWHERE
from topformer_viz.app.frame.offer import Asked, Bundle, File
from topformer_viz.app.frame.view import View
from topformer_viz.figures.look import Look
from topformer_viz.network.model import TopFormer
from topformer_viz.words.text import Text

TITLE = Text("The lesson as one file, for any browser (HTML)", "单个文件的讲解，任何浏览器都能打开（HTML）")
ABOUT = Text(
    "The one file holds this image, the network and all its pages: it runs without a server and without the internet, also on images dropped on it.",
    "这个文件包含这张图片、网络和各个页面：不需要服务器，也不需要联网，还能运行拖进去的图片。",
)


def bundles(page: str) -> Callable[[View], list[Bundle]]:
    """What a page of the app offers: the file, which opens on the same page."""

    def offered(view: View) -> list[Bundle]:
        def make(asked: Asked, look: Look) -> File:
            from topformer_viz.app.site.file import (  # fonts are cut there
                Brought,
                Contents,
                checkpoint_of,
                lossless,
                single_html,
            )

            sample, model, own = view.sample, view.link["model"], view.model
            contents = Contents(
                (view.lang,), model, sample or next(iter(EVERYWHERE["sample"].options)),
                None if sample else Brought(lossless(view.photo), ""),
                Brought(checkpoint_of(own), view.about) if model == OWN and isinstance(own, TopFormer) else None,
                _address(page, view, asked),
            )  # fmt: skip
            return File(f"{view.stem}-lesson.html", single_html(contents).encode(), "text/html")

        return [Bundle("site", TITLE, make, ABOUT, slow=True)]

    return offered


def _address(page: str, view: View, asked: Asked) -> str:
    """The view on show: what its address says beyond what is so by itself, and beyond the choices that the file brings along."""
    said = {
        name: value
        for name, value in asked.items()
        if (name == "block" or name not in EVERYWHERE) and value is not None and value != view.takes[name].default
    }
    return f"{page}?{urlencode(said)}"
