"""What opens on the network page: every part of the forward pass, with its words, its shape and its cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from topformer_viz.app.canvas.markup import axis_span, formula_html, note_html, shape_html
from topformer_viz.app.network.words import PARTS
from topformer_viz.network.costs import Cost
from topformer_viz.network.model import TopFormer
from topformer_viz.run.stages import STAGES, axes_of
from topformer_viz.run.tracing import Trace
from topformer_viz.words.text import Lang


@dataclass(frozen=True)
class Part:
    """One thing to open: its name as in the address bar, words, shape (HTML and bare) and the cost rows that are its own."""

    name: str
    short: str
    title: str
    note: str
    shape: str
    sizes: str
    formula: str = ""
    costs: tuple[str, ...] = ()


def parts_of(run: Trace, model: TopFormer, header: Mapping[str, Any], lang: Lang) -> list[Part]:
    """Everything that opens, in the order of computation; the words have numbers of the payload's ``header`` in them."""
    backbone = _backbone(run.sizes, header["blocks"], lang)
    return backbone if model.classes is None else backbone + _head(run.sizes, model, header, lang)


def summed(counted: Sequence[Cost], parts: Sequence[Part]) -> dict[str, list[int]]:
    """Parameters and multiply-adds of each part that costs, and of "all"."""

    def total(own: Sequence[Cost]) -> list[int]:
        return [sum(cost.params for cost in own), sum(cost.multiply_adds for cost in own)]

    sums = {part.name: total([cost for cost in counted if cost.part in part.costs]) for part in parts if part.costs}
    return sums | {"all": total(counted)}


def _part(
    sizes: Mapping[str, int], lang: Lang, name: str, title: str, words: str, traced: str, short: str = "",
    formula: str = "", cost: bool = False,
) -> Part:  # fmt: skip
    """A part whose shape is that of the tensor ``traced``; ``cost``: whether the layers before that are its own."""
    shape = " × ".join(str(sizes[axis]) for axis in axes_of(traced)[1:])
    return Part(
        name, short or title, title, note_html(words, lang), shape_html(traced, dict(sizes), lang), shape, formula_html(formula, lang),
        (traced.replace(".output", ""),) if cost else (),
    )  # fmt: skip


def _backbone(sizes: Mapping[str, int], blocks: Sequence[Mapping[str, Any]], lang: Lang) -> list[Part]:
    """The image, the pyramid, the tokens and the blocks."""
    part, image, level = partial(_part, sizes, lang), STAGES["image"], STAGES["pyramid{n}"].note(lang, **sizes)
    return [
        part("image", image.title(lang), image.note(lang, **sizes), "image", formula=image.formula),
        *(
            part(f"pyramid{n}", PARTS["level_title"](lang, scale=4 << n), level, f"pyramid{n}", f"1/{4 << n}", cost=True)
            for n in range(4)
        ),
        part(
            "tokens", PARTS["pooled_title"](lang), PARTS["pooled"](lang, **sizes), "tokens", PARTS["pooled_short"](lang),
            STAGES["tokens"].formula,
        ),
        *(
            part(
                f"block{n}", PARTS["block_title"](lang, n=n), PARTS["block"](lang, **sizes, share=f"{block['share']:.1%}"),
                f"block{n - 1}.output", cost=True,
            )
            for n, block in enumerate(blocks, start=1)
        ),
    ]  # fmt: skip


def _head(sizes: Mapping[str, int], model: TopFormer, header: Mapping[str, Any], lang: Lang) -> list[Part]:
    """What follows the last block: the split, the injections, the class scores and the segmentation."""
    part, injected, scores = partial(_part, sizes, lang), STAGES["injected{n}"], STAGES["class_scores"]
    widths = " + ".join(str(c) for c in model.backbone.channels)
    split = PARTS["split"](lang, **sizes, parts=widths)
    parts = [part("split", PARTS["split_title"](lang), split, f"block{model.num_blocks - 1}.output")]
    for n, injection in enumerate(header["injections"], start=1):
        words = PARTS["injection"](lang, note=injected.note(lang, **sizes), gate=f"{injection['mean']:.1%}")
        title, formula = PARTS["injection_title"](lang, scale=4 << n), injected.formula.replace("_{n}", f"_{{{n}}}")
        parts.append(part(f"injected{n}", title, words, f"injected{n}", f"1/{4 << n}", formula, cost=True))
    words = PARTS["scores_note"](lang, note=scores.note(lang, **sizes))
    parts.append(part("class_scores", scores.title(lang), words, "class_scores", formula=scores.formula, cost=True))
    words = PARTS["segmentation_note"](lang, classes=sizes["classes"], sure=f"{header['mean_sure']:.1%}")
    shape = " · ".join(axis_span(axis, f"{axis} {sizes[axis]}", lang) for axis in ("Y", "X"))
    title = PARTS["segmentation_title"](lang)
    return [
        *parts, Part("segmentation", title, title, note_html(words, lang), shape, f"{sizes['Y']} × {sizes['X']}"),
    ]  # fmt: skip
