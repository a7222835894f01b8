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

from topformer_viz.app.canvas.wire import Body, Part
from topformer_viz.app.explorer.words import CHANCE, MOVES, NO_SEGMENTATION, OUTPUT, PIXELS, UI
from topformer_viz.network.classes import ClassSet, classes_of
from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.network.model import DENSE_TOKENS, TopFormer
from topformer_viz.run.measures import Measures, pooled
from topformer_viz.run.segmentation import Removal, segment
from topformer_viz.run.tracing import Trace
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import Lang

MAX_TOKENS = 4096  # on the explorer's page and in its file; pages that hold whole matrices have a lower bound
POOLED = 128  # cells a side of the matrix's picture where there are too many pixels for a cell each
LABELS = 320  # longest side, in pixels, of the segmentations shown
UNCHANGED = 255  # stands for "the same class as before" in a picture of what changed
MOVED = 3  # changes of class named
SEEN = 0.0005  # share of the pixels below which a change would be called 0.0%


@dataclass(frozen=True)
class Shown:
    """A block and what was measured of it: ``difference`` from the plain forward pass, runs without heads by name."""

    measures: Measures
    difference: float | None  # None: not measured yet
    removals: Mapping[str, Removal]


def heads_of(removal: str, heads: int) -> tuple[int, ...] | None:
    """The heads, from 0, that "without-2" or "only-1" (counted from 1) take away; None where it says nothing sensible."""
    match = re.fullmatch(r"(without|only)-([1-9]\d?)", removal)
    if match is None or not 1 <= (head := int(match[2])) <= heads:
        return None
    return (head - 1,) if match[1] == "without" else tuple(h for h in range(heads) if h != head - 1)


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
        "ui": {name: text(lang) for name, text in UI.items()},
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
            name: _removal(run, model, n, removal, lang, untrained, body) for name, removal in shown.removals.items()
        },
    }
    if run.sizes["HW"] > DENSE_TOKENS:
        data["pooled"] = {
            name: body.add(picture[None])
            for name, picture in zip(("scores", "weights"), pooled(run, n, POOLED), strict=True)
        }
    return data


def _removal(
    run: Trace, model: Model, n: int, removal: Removal, lang: Lang, untrained: bool, body: Body
) -> dict[str, Any]:
    """What became of the block's output and, where there is one, of the segmentation: numbers, words, pictures."""
    change, relative = change_of(run, model, n, removal)
    data: dict[str, Any] = {
        "change": body.add(change, exact=True),
        "largest": float(change.max()),
        "words": [OUTPUT(lang, share=f"{relative:.1%}")],
    }
    if removal.scores is None or not isinstance(model, TopFormer):
        data["words"].append(NO_SEGMENTATION(lang))
        return data
    names = classes_of(removal.scores.shape[1], model.class_names)
    was, now = both_labels(run, removal.scores)
    changed = was != now
    data["words"].append(PIXELS(lang, share=f"{float(changed.float().mean()):.1%}"))
    if untrained:
        data["words"].append(CHANCE(lang))
    data["moves"] = moves(was, now, names, lang)
    data["before"] = _labels(was, names, body)
    data["after"] = _labels(now, names, body)
    data["changed"] = _labels(torch.where(changed, now, UNCHANGED), names, body)
    data["legend"] = [[names.names[c](lang), names.colours[c]] for c in commonest(was, now, names)]
    return data


def change_of(run: Trace, model: Model, n: int, removal: Removal) -> tuple[Tensor, float]:
    """How much block ``n``'s output changed: root mean square over the channels (1, 1, H, W), and as a share of its size."""
    before = run[f"block{n}.output" if isinstance(model, TopFormer) else f"block{n}.residual"]
    change = removal.output - before
    return change.square().mean(1, keepdim=True).sqrt(), float(change.norm() / before.norm().clamp(min=1e-12))


def both_labels(run: Trace, scores: Tensor) -> tuple[Tensor, Tensor]:
    """The best classes of the run and of other ``scores``, at most LABELS pixels on the longest side."""
    height, width = run.sizes["Y"], run.sizes["X"]
    scale = LABELS / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return segment(run["class_scores"], size).labels, segment(scores, size).labels


def commonest(was: Tensor, now: Tensor, names: ClassSet) -> list[int]:
    """The classes present in either, the commonest first: a dozen at most."""
    present = torch.bincount(torch.cat([was.flatten(), now.flatten()]), minlength=len(names.names))
    return [c for c in present.argsort(descending=True).tolist() if present[c]][:12]


def moves(was: Tensor, now: Tensor, names: ClassSet, lang: Lang) -> list[str]:
    """The commonest changes of class, with their share of all pixels."""
    changed = was != now
    pairs, counts = torch.stack([was[changed], now[changed]]).unique(dim=1, return_counts=True)
    return [
        MOVES(
            lang, old=names.names[pairs[0, i]](lang), new=names.names[pairs[1, i]](lang), share=f"{float(counts[i]) / was.numel():.1%}"
        )
        for i in counts.argsort(descending=True)[:MOVED].tolist()
        if counts[i] >= SEEN * was.numel()
    ]  # fmt: skip


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
    """Everything the explorer shows on its own, but for where the visitor stands."""
    body = Body()
    data = explorer_data(run, model, blocks, lang, untrained, body)
    return body.part({"lang": lang, "explorer": data, "photo": body.add_photo(photo)})
