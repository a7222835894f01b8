"""What the explorer says, as a part of a book, and what a run without some heads brings: maps, segmentations, numbers."""

import io
import re
from collections.abc import Iterable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.canvas.wire import Body
from topformer_viz.app.explorer.change import Change, texts_of
from topformer_viz.app.explorer.words import UI
from topformer_viz.network.classes import ClassSet
from topformer_viz.network.colour import QUESTIONS, ColourModel
from topformer_viz.run.walk import Known
from topformer_viz.words.names import NOT_EVIDENCE, QUESTION_NAMES
from topformer_viz.words.text import Lang

MAX_TOKENS = 4096  # on the explorer's page and in its file; pages that hold whole matrices have a lower bound
UNCHANGED = 255  # stands for "the same class as before" on a map of what changed


def heads_of(removal: str, heads: int) -> tuple[int, ...] | None:
    """The heads, from 0, that "without-2" or "only-1" (counted from 1) take away; None where it says nothing sensible."""
    match = re.fullmatch(r"(without|only)-([1-9]\d?)", removal)
    if match is None or not 1 <= (head := int(match[2])) <= heads:
        return None
    return (head - 1,) if match[1] == "without" else tuple(h for h in range(heads) if h != head - 1)


def ui_words(lang: Lang) -> dict[str, str]:
    """What the explorer says, by name; as HTML where a term of the glossary is in it."""
    said = {name: text(lang) for name, text in UI.items()} | {"not_evidence": NOT_EVIDENCE(lang)}
    return {name: note_html(text, lang) if "[[" in text else text for name, text in said.items()}


def explorer_book(known: Known, lang: Lang) -> dict[str, Any]:
    """The explorer's part of a book: its words, and those of a run without some heads."""
    classes = known.classes
    return {
        "ui": ui_words(lang),
        "headNames": [QUESTION_NAMES[name](lang) for name in QUESTIONS]
        if issubclass(known.model, ColourModel)
        else None,
        "removal": texts_of(classes, lang),
        "classes": [[name(lang), colour] for name, colour in zip(classes.names, classes.colours, strict=True)]
        if classes
        else [],
    }


def removals_message(changes: Iterable[tuple[str, Change]]) -> bytes:
    """What runs without some heads changed, by "block0 without-1"."""
    body = Body()
    return body.message({"removals": {name: _removal(change, body) for name, change in changes}})


def _removal(change: Change, body: Body) -> dict[str, Any]:
    """What became of the block's output and, where there is one, of the segmentation: numbers and maps."""
    data: dict[str, Any] = {
        "change": body.add(change.output, exact=True), "largest": float(change.output.max()), "said": change.said,
    }  # fmt: skip
    if (labels := change.labels) is None:
        return data
    pictures = {"before": labels.was, "after": labels.now, "changed": labels.now.where(labels.changed, UNCHANGED)}
    return (
        data
        | {"moves": labels.moves, "legend": labels.present}
        | {name: _labels(picture, labels.names, body) for name, picture in pictures.items()}
    )


def _labels(labels: Tensor, names: ClassSet, body: Body) -> dict[str, Any]:
    """Classes as a PNG in their colours; UNCHANGED is transparent."""
    picture = Image.fromarray(labels.clamp(max=UNCHANGED).to(torch.uint8).numpy(), "P")
    palette = [0] * 768
    for c, colour in enumerate(names.colours[:UNCHANGED]):
        palette[3 * c : 3 * c + 3] = bytes.fromhex(colour[1:])
    picture.putpalette(palette)
    out = io.BytesIO()
    picture.save(out, "PNG", transparency=UNCHANGED)
    return body.add_picture(out.getvalue(), "image/png")
