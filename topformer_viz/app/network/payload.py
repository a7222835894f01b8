"""The whole forward pass as bytes for the browser: every part's maps, words, shapes and cost.

Maps are shown as their strength, the root mean square over channels.
"""

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.wire import Body
from topformer_viz.app.network.parts import parts_of, summed
from topformer_viz.app.network.words import OFF, PARTS
from topformer_viz.network.classes import ClassSet, classes_of
from topformer_viz.network.costs import costs
from topformer_viz.network.facts import Facts
from topformer_viz.network.model import TopFormer
from topformer_viz.run.measures import (
    PYRAMID_CELLS,
    added,
    by_level,
    effective_tokens,
    popularity,
    pyramid_level,
    shrink,
    strength,
)
from topformer_viz.run.segmentation import SILENCED, segment, without
from topformer_viz.run.tracing import Trace
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import Lang, listed

MATRIX = 96  # longest side, in cells, of a mean attention matrix
SEGMENTATION = 480  # longest side of the segmentation, in image pixels
COMPARED = 240  # and of those without a part's work
LEGEND = 255  # most classes told apart in one image
SCORES = 8  # class score maps shown
WORST = 3  # classes named that the network finds worst


def network_payload(
    run: Trace,
    model: TopFormer,
    photo: Image.Image,
    lang: Lang,
    facts: Facts | None,
    settings: dict[str, Any],
    untrained: bool = False,
) -> bytes:
    """Everything the page shows of one run; ``facts`` were measured of the model, where it is the bundled one;
    ``untrained`` networks are said to be evidence of nothing.

    ``settings`` goes into the header as it is. A backbone without injection ends with its last block.
    """
    body = Body()
    blocks = [_block(run, n, lang, body) for n in range(model.num_blocks)]
    header: dict[str, Any] = {
        **settings,
        "lang": lang,
        "grid": [run.sizes["H"], run.sizes["W"]],
        "heads": run.sizes["heads"],
        "photo": body.add_photo(photo),
        "levels": [_level(run, n, body) for n in range(4)],
        "tokens": _by_level(run["tokens"], model, body),
        "blocks": blocks,
        "split": _by_level(run[f"block{model.num_blocks - 1}.output"], model, body),
        "parts": [],
        "costs": {},
    }
    if model.classes is not None:
        names = classes_of(model.classes, model.class_names)
        header["injections"] = [_injection(run, n, body) for n in (1, 2, 3)]
        header |= _segmentation(run, model, photo, names, facts, lang, body)
        if untrained:
            header["owed"] = [[PARTS["random"](lang), NOT_EVIDENCE(lang), PARTS["random_why"](lang)]]
    counted = costs(model.spec, model.classes, photo.height, photo.width)
    parts = parts_of(run, model, header, lang)
    header["parts"] = [vars(part) for part in parts]
    header["costs"] = summed(counted, parts)
    return body.message(header)


def _level(run: Trace, n: int, body: Body) -> dict[str, Any]:
    return {
        "strength": body.add(strength(run[f"pyramid{n}"])),
        "channels": body.add(pyramid_level(run, n).contiguous()),
    }


def _by_level(tokens: Tensor, model: TopFormer, body: Body) -> dict[str, Any]:
    """The strength of each level's channels on the token grid, (4, H, W), and how many they are."""
    channels = model.backbone.channels
    return {"maps": body.add(by_level(tokens, channels)), "channels": list(channels)}


def _block(run: Trace, n: int, lang: Lang, body: Body) -> dict[str, Any]:
    weights = run[f"block{n}.weights"].float()
    heads, tokens = weights.shape[1], weights.shape[-1]
    read = popularity(weights)
    size = (run.sizes["H"], run.sizes["W"])
    spread = effective_tokens(weights).mean(-1)[0].tolist()
    mean = weights.mean(1, keepdim=True)
    return {
        "mean": body.add(shrink(mean, MATRIX).contiguous()),
        "read": body.add(read.mean(1).reshape(1, 1, *size)),
        "heads": body.add(read.reshape(1, heads, *size)),
        "names": [
            PARTS["head"](lang, h=h, spread=f"{value:.1f}", HW=tokens) for h, value in enumerate(spread, start=1)
        ],
        "share": added(run, n),
    }


def _injection(run: Trace, n: int, body: Body) -> dict[str, Any]:
    gate = run[f"gate{n}"]
    return {
        "level": n,
        "gate": body.add(gate.mean(1, keepdim=True)),
        "mean": float(gate.mean()),
        "injected": body.add(strength(run[f"injected{n}"])),
    }


def _segmentation(
    run: Trace, model: TopFormer, photo: Image.Image, names: ClassSet, facts: Facts | None, lang: Lang, body: Body
) -> dict[str, Any]:
    """The segmentation, its legend (the classes present, largest first), and the ones with parts taken away."""
    scores = run["class_scores"]
    whole = segment(scores, fit(photo, SEGMENTATION))
    small = segment(scores, fit(photo, COMPARED)).labels
    others = {
        part: segment(without(model, run, silenced), fit(photo, COMPARED)).labels for part, silenced in SILENCED.items()
    }
    changed = {part: f"{float((labels != small).float().mean()):.1%}" for part, labels in others.items()}
    counts = torch.bincount(whole.labels.flatten(), minlength=scores.shape[1])
    present = torch.cat([labels.flatten() for labels in (whole.labels, small, *others.values())]).unique()
    order = sorted(present.tolist(), key=lambda c: -int(counts[c]))[:LEGEND]
    # Of a network with more classes than a byte can tell apart, the rarest here become one.
    index = torch.full((scores.shape[1],), len(order), dtype=torch.uint8)
    index[order] = torch.arange(len(order), dtype=torch.uint8)
    legend = _legend(order, counts, names, facts, lang)
    if len(present) > len(order):
        rest = 1 - float(counts[order].sum()) / whole.labels.numel()
        legend.append({"name": PARTS["rest"](lang), "colour": "#808080", "share": rest, "iou": None})
    shown = [c for c in order if counts[c]][:SCORES]
    return {
        "legend": legend,
        "set": names.title(lang),
        "classes": len(names.names),
        "labels": body.add(index[whole.labels][None, None]),
        "sure": body.add((whole.sure * 255).round().to(torch.uint8)[None, None]),
        "mean_sure": float(whole.sure.mean()),
        "small": body.add(index[small][None, None]),
        "without": [
            {
                "labels": body.add(index[labels][None, None]),
                "text": OFF.get(part, PARTS["attention_off"])(lang, changed=changed[part]),
                "val": ""
                if facts is None
                else PARTS["on_val"](lang, before=f"{facts.mean_iou:.3f}", after=f"{facts.without[part]:.3f}"),
            }
            for part, labels in others.items()
        ],
        "owed": _owed(changed, facts, names, lang),
        "scores": {
            "maps": body.add(shrink(scores[:, shown], PYRAMID_CELLS).contiguous()),
            "names": [names.names[c](lang) for c in shown],
        },
    }


def _legend(order: list[int], counts: Tensor, names: ClassSet, facts: Facts | None, lang: Lang) -> list[dict[str, Any]]:
    """Name, colour, share of the image (by ``counts`` of image pixels) and IoU of the classes in ``order``."""
    pixels = int(counts.sum())
    return [
        {
            "name": names.names[c](lang),
            "colour": names.colours[c],
            "share": float(counts[c]) / pixels,
            "iou": None if facts is None else facts.iou[c],
        }
        for c in order
    ]


def _owed(changed: dict[str, str], facts: Facts | None, names: ClassSet, lang: Lang) -> list[list[str]]:
    """What the blocks contribute and where the network fails: [heading, sentence, ...] each."""
    owed = [PARTS["owed"](lang), PARTS["owed_here"](lang, attention=changed["attention"], blocks=changed["blocks"])]
    if facts is None:
        return [owed]
    owed.append(
        PARTS["owed_val"](
            lang,
            val=facts.val,
            whole=f"{facts.mean_iou:.3f}",
            attention=f"{facts.without['attention']:.3f}",
            blocks=f"{facts.without['blocks']:.3f}",
            owed=f"{facts.mean_iou - facts.without['blocks']:.3f}",
            own=f"{facts.mean_iou - facts.without['attention']:.3f}",
        )
    )
    worst = sorted((iou, name(lang)) for iou, name in zip(facts.iou, names.names, strict=True))[:WORST]
    told = listed(lang, (f"{name} {iou:.2f}" for iou, name in worst))
    return [owed, [PARTS["fails"](lang), PARTS["fails_how"](lang, worst=told)]]


def fit(photo: Image.Image, longest: int) -> tuple[int, int]:
    """(Y, X) of the image brought to ``longest`` image pixels on its longer side."""
    scale = longest / max(photo.size)
    return max(1, round(photo.height * scale)), max(1, round(photo.width * scale))
