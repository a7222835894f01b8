"""The lesson without a server in a notebook."""

from dataclasses import replace
from html import escape
from pathlib import Path

import torch
from PIL import Image

from topformer_viz.app.site.file import Brought, Contents, checkpoint_of, lossless, single_html
from topformer_viz.network.colour import ColourModel, Model
from topformer_viz.network.input import network_size
from topformer_viz.network.weights import load_model
from topformer_viz.words.text import Lang

HEIGHT = 900  # of the frame that a notebook shows, in pixels


class Lesson:
    """The lesson as one HTML page, ``html``: a notebook shows it; ``save`` writes it as a file that opens by itself."""

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, file: str | Path) -> None:
        Path(file).write_text(self.html, "utf-8")

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html)}" style="width: 100%; height: {HEIGHT}px; border: 0" allow="camera"></iframe>'


def lesson(model: Model, photo: Image.Image, lang: Lang = "en") -> Lesson:
    """The lesson on ``photo`` as ``model`` sees it at a short side of 512, run anew in the browser."""
    picture = photo.convert("RGB").resize(network_size(*photo.size, 512, 512), Image.Resampling.LANCZOS)
    contents = Contents((lang,), picture=Brought(lossless(picture), ""), at="lesson")
    if isinstance(model, ColourModel):
        contents = replace(contents, model="colour")
    elif not _same(model, load_model("everyday")):
        contents = replace(contents, checkpoint=Brought(checkpoint_of(model), model.size))
    return Lesson(single_html(contents))


def _same(one: Model, other: Model) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name].cpu(), theirs[name]) for name in ours)
