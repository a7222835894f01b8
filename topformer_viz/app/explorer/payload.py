"""The attention explorer's data as bytes for the browser: query, key and value of the blocks on show, and no matrix.

The browser makes each row of the matrix as softmax(q_i K); for columns it takes each row's log-sum-exp, which comes
along. So what travels grows with HW, not with its square.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.canvas.wire import Body, Part
from topformer_viz.app.explorer.change import Change, changes_of
from topformer_viz.app.explorer.words import UI
from topformer_viz.network.classes import ClassSet
from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.run.measures import Measures, pooled
from topformer_viz.run.segmentation import Removal
from topformer_viz.run.tracing import Trace
from topformer_viz.words.names import NOT_EVIDENCE, QUESTION_NAMES
from topformer_viz.words.text import Lang

MAX_TOKENS = 4096  # on the explorer's page and in its file; pages that hold whole matrices have a lower bound
POOLED = 128  # cells per side of the matrix where it has too many entries for a cell each
UNCHANGED = 255  # stands for "the same class as before" on a map of what changed


@dataclass(frozen=True)
class Shown:
    """A block and what was measured of it: ``difference`` from an untouched forward pass, runs without heads by name."""

    measures: Measures
    difference: float | None  # None: not measured yet
    removals: Mapping[str, Removal]


def heads_of(removal: str, heads: int) -> tuple[int, ...] | None:
    """The heads, from 0, that "without-2" or "only-1" (counted from 1) take away; None where it says nothing sensible."""
    match = re.fullmatch(r"(without|only)-([1-9]\d?)", removal)
    if match is None or not 1 <= (head := int(match[2])) <= heads:
        return None
    return (head - 1,) if match[1] == "without" else tuple(h for h in range(heads) if h != head - 1)


def ui_words(lang: Lang) -> dict[str, str]:
    """What the explorer says, by name; as HTML where a term of the glossary is in it."""
    said = {name: text(lang) for name, text in UI.items()}
    return {name: note_html(text, lang) if "[[" in text else text for name, text in said.items()}


def explorer_data(
    run: Trace,
    model: Model,
    blocks: Mapping[int, Shown],
    lang: Lang,
    untrained: bool,
    body: Body,
) -> dict[str, Any]:
    """The header's part for the explorer: ``blocks`` (from 0) and the words."""
    return {
        "ui": ui_words(lang),
        "heads": run.sizes["heads"],
        "headNames": [QUESTION_NAMES[name](lang) for name in QUESTIONS] if isinstance(model, ColourModel) else None,
        "grid": [run.sizes["H"], run.sizes["W"]],
        "blocks": model.num_blocks,
        "dense": DENSE_TOKENS,
        "known": {n: _block(run, model, n, shown, lang, untrained, body) for n, shown in blocks.items()},
    }


def _block(run: Trace, model: Model, n: int, shown: Shown, lang: Lang, untrained: bool, body: Body) -> dict[str, Any]:
    measures = shown.measures
    data: dict[str, Any] = {
        **{name: body.add(run[f"block{n}.{name}"], exact=True) for name in ("query", "key", "value")},
        "lse": body.add(measures.log_sum_exp[None], exact=True),
        **{name: getattr(measures, name).tolist() for name in ("effective", "distance", "low", "high", "top")},
        "difference": shown.difference,
        "removals": {
            name: _removal(change, lang, untrained, body)
            for name, change in changes_of(run, model, n, shown.removals).items()
        },
    }
    if run.sizes["HW"] > DENSE_TOKENS:
        data["pooled"] = {
            name: body.add(picture[None])
            for name, picture in zip(("scores", "weights"), pooled(run, n, POOLED), strict=True)
        }
    return data


def _removal(change: Change, lang: Lang, untrained: bool, body: Body) -> dict[str, Any]:
    """What became of the block's output and, where there is one, of the segmentation: numbers, words, maps."""
    data: dict[str, Any] = {
        "change": body.add(change.output, exact=True), "largest": float(change.output.max()), "words": change.words(lang),
    }  # fmt: skip
    if (labels := change.labels) is None:
        return data
    if untrained:
        data["words"].append(NOT_EVIDENCE(lang))
    pictures = {"before": labels.was, "after": labels.now, "changed": labels.now.where(labels.changed, UNCHANGED)}
    return (
        data
        | {"moves": labels.moves(lang), "legend": labels.legend(lang)}
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


def explorer_part(
    run: Trace, model: Model, photo: Image.Image, blocks: Mapping[int, Shown], lang: Lang, untrained: bool
) -> Part:
    """Everything the explorer shows on its own, but for what the visitor looks at."""
    body = Body()
    data = explorer_data(run, model, blocks, lang, untrained, body)
    return body.part({"lang": lang, "explorer": data, "photo": body.add_photo(photo)})
