"""What opens on the network page: every part of the forward pass, with its words, its shape and its cost.

Words have places for what only a run can say; figures and the book have them from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from topformer_viz.app.canvas import book
from topformer_viz.app.canvas.markup import axis_span, formula_html, note_html, shape_html
from topformer_viz.app.network.words import OFF, PARTS, SHARE
from topformer_viz.network.costs import Cost
from topformer_viz.network.model import Size
from topformer_viz.run.stages import STAGES, axes_of
from topformer_viz.run.walk import Known
from topformer_viz.words.live import Live, Words
from topformer_viz.words.text import Lang, Text


@dataclass(frozen=True)
class Part:
    """One thing to open: its name as in the address bar, words, the tensor whose shape it has, and the cost rows that are its own.

    The segmentation, which is no traced tensor, has the image's shape.
    """

    name: str
    title: Text
    note: Words
    traced: str | None
    sizes: Mapping[str, int]
    short: Text | None = None
    formula: str = ""
    costs: tuple[str, ...] = ()

    def in_book(self, lang: Lang) -> dict[str, Any]:
        """Words, shape (HTML and bare) and formula as the browser shows them."""
        axes = axes_of(self.traced)[1:] if self.traced else ("Y", "X")
        bare = " · ".join(axis_span(axis, f"{axis} {self.sizes[axis]}", lang) for axis in axes)
        return {
            "name": self.name,
            "short": (self.short or self.title)(lang),
            "title": self.title(lang),
            "note": book.text(self.note, lang, lambda text: note_html(text, lang)),
            "shape": shape_html(self.traced, dict(self.sizes), lang) if self.traced else bare,
            "sizes": " × ".join(str(self.sizes[axis]) for axis in axes),
            "formula": formula_html(self.formula, lang),
        }


def parts_of(known: Known, spec: Size) -> list[Part]:
    """Everything that opens, in the order of computation."""
    backbone = _backbone(known.shape.sizes, known.blocks)
    return backbone if known.classes is None else backbone + _head(known, spec)


def head_name(block: int, head: int, tokens: int) -> Words:
    """What a head is called, with the effective tokens of its own; both from 0."""
    spread = Live("spread", f"block{block}.head{head}", {"spread": Text("{tokens:.1f}", "{tokens:.1f}")})
    return Words(PARTS["head"].format(h=head + 1, HW=tokens, spread="{spread}"), {"spread": spread})


def added_share(block: int) -> Live:
    """How large what a block's attention adds is, beside what it is added to."""
    return Live("added", f"block{block}", {"added": SHARE})


def without_part(part: str) -> Words:
    """What becomes of the segmentation without a part's work, by its name in SILENCED."""
    return Words(OFF.get(part, PARTS["attention_off"]), {"changed": Live("changed", part, {"changed": SHARE})})


def summed(counted: Sequence[Cost], parts: Sequence[Part]) -> dict[str, list[int]]:
    """Parameters and multiply-adds of each part that costs, and of "all"."""

    def total(own: Sequence[Cost]) -> list[int]:
        return [sum(cost.params for cost in own), sum(cost.multiply_adds for cost in own)]

    sums = {part.name: total([cost for cost in counted if cost.part in part.costs]) for part in parts if part.costs}
    return sums | {"all": total(counted)}


def _part(
    sizes: Mapping[str, int], name: str, title: Text, note: Text, traced: str, *, live: Mapping[str, Live] = MappingProxyType({}),
    short: Text | None = None, formula: str = "", cost: bool = False,
) -> Part:  # fmt: skip
    """A part with the shape of the tensor ``traced``; ``live``: what a run says in the note; ``cost``: whether the layers before
    that tensor are its own."""
    costs = (traced.replace(".output", ""),) if cost else ()
    return Part(name, title, Words(note, live), traced, sizes, short, formula, costs)


def _backbone(sizes: Mapping[str, int], blocks: int) -> list[Part]:
    """The image, the pyramid, the tokens and the blocks."""
    part, image, level = partial(_part, sizes), STAGES["image"], STAGES["pyramid{n}"].note.format(**sizes)
    block = PARTS["block"].format(**sizes, share="{share}")
    return [
        part("image", image.title, image.note.format(**sizes), "image", formula=image.formula),
        *(
            part(f"pyramid{n}", PARTS["level_title"].format(scale=4 << n), level, f"pyramid{n}", short=_scale(n), cost=True)
            for n in range(4)
        ),
        part(
            "tokens", PARTS["pooled_title"], PARTS["pooled"].format(**sizes), "tokens", short=PARTS["pooled_short"],
            formula=STAGES["tokens"].formula,
        ),
        *(
            part(
                f"block{n + 1}", PARTS["block_title"].format(n=n + 1), block, f"block{n}.output",
                live={"share": added_share(n)}, cost=True,
            )
            for n in range(blocks)
        ),
    ]  # fmt: skip


def _head(known: Known, spec: Size) -> list[Part]:
    """What follows the last block: the split, the injections, the class scores and the segmentation."""
    sizes, last = known.shape.sizes, f"block{known.blocks - 1}.output"
    part, injected, scores = partial(_part, sizes), STAGES["injected{n}"], STAGES["class_scores"]
    split = PARTS["split"].format(**sizes, parts=" + ".join(str(c) for c in spec.channels))
    passed = PARTS["injection"].format(note=injected.note.format(**sizes), gate="{gate}")
    won = PARTS["scores_note"].format(note=scores.note.format(**sizes))
    return [
        part("split", PARTS["split_title"], split, last),
        *(
            part(
                f"injected{n}", PARTS["injection_title"].format(scale=4 << n), passed, f"injected{n}",
                live={"gate": Live("passes", f"gate{n}", {"passes": SHARE})}, short=_scale(n),
                formula=injected.formula.replace("_{n}", f"_{{{n}}}"), cost=True,
            )
            for n in (1, 2, 3)
        ),
        part("class_scores", scores.title, won, "class_scores", formula=scores.formula, cost=True),
        Part(
            "segmentation", PARTS["segmentation_title"],
            Words(
                PARTS["segmentation_note"].format(classes=sizes["classes"], sure="{sure}"),
                {"sure": Live("sure", "class_scores", {"sure": SHARE})},
            ),
            None, sizes,
        ),
    ]  # fmt: skip


def _scale(n: int) -> Text:
    return Text(f"1/{4 << n}", f"1/{4 << n}")
