"""What a run without some heads changed: its block's output and, where the model has one, the segmentation."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from topformer_viz.app.explorer.words import REMOVAL
from topformer_viz.network.classes import ClassSet, classes_of
from topformer_viz.network.colour import Model
from topformer_viz.network.model import TopFormer
from topformer_viz.run.segmentation import Removal, segment, without_heads
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import output_of
from topformer_viz.words.live import NAME, Answer, texts_in
from topformer_viz.words.text import Lang

LABELS = 320  # longest side, in image pixels, of the segmentations shown
MOVED = 3  # changes of class named
SEEN = 0.0005  # share of the image pixels below which a change would be called 0.0%


class Labels(NamedTuple):
    """The best class of every image pixel before and after, (height, width), at most LABELS of them on the longest side."""

    names: ClassSet
    was: Tensor
    now: Tensor

    @property
    def changed(self) -> Tensor:
        return self.was != self.now

    @property
    def present(self) -> list[int]:
        """The classes present in either, the commonest first: a dozen at most."""
        counts = torch.bincount(torch.cat([self.was.flatten(), self.now.flatten()]), minlength=len(self.names.names))
        return [c for c in counts.argsort(descending=True).tolist() if counts[c]][:12]

    def legend(self, lang: Lang) -> list[tuple[str, str]]:
        """Name and colour of each."""
        return [(self.names.names[c](lang), self.names.colours[c]) for c in self.present]

    @property
    def moves(self) -> list[Answer]:
        """The commonest changes of class, with their share of all image pixels."""
        names, pixels = len(self.names.names), self.was.numel()
        pairs, counts = (self.was * names + self.now)[self.changed].unique(return_counts=True)
        return [
            {
                "say": "moves",
                "old": int(pairs[i]) // names,
                "new": int(pairs[i]) % names,
                "share": float(counts[i]) / pixels,
            }
            for i in counts.argsort(descending=True)[:MOVED].tolist()
            if counts[i] >= SEEN * pixels
        ]


class Change(NamedTuple):
    """``output``: how much the block's changed, root mean square over the channels (1, 1, H, W); ``share``: of its size."""

    output: Tensor
    share: float
    labels: Labels | None  # None: the model has no segmentation

    @property
    def said(self) -> list[Answer]:
        """Both in a sentence each."""
        output = {"say": "output", "share": self.share}
        if self.labels is None:
            return [output, {"say": "no_segmentation"}]
        return [output, {"say": "image_pixels", "share": float(self.labels.changed.float().mean())}]


def texts_of(classes: ClassSet | None, lang: Lang) -> dict[str, str]:
    """The texts of what a change says, for a model with these classes."""
    names = classes.names if classes else ()
    return texts_in(REMOVAL | {f"{NAME}{c}": name for c, name in enumerate(names)}, lang)


def changes_of(
    run: Trace, model: Model, n: int, removals: Iterable[tuple[str, Removal]]
) -> Iterator[tuple[str, Change]]:
    """What each of the ``removals`` changed in block ``n`` and after it; each is let go before the next is made."""
    before = run[output_of(run, n)]
    scale = LABELS / max(run.sizes["Y"], run.sizes["X"])
    size = (max(1, round(run.sizes["Y"] * scale)), max(1, round(run.sizes["X"] * scale)))
    was = segment(run["class_scores"], size).labels if "class_scores" in run else None
    for name, removal in removals:
        change, labels = removal.output - before, None
        if was is not None and removal.scores is not None and isinstance(model, TopFormer):
            names = classes_of(removal.scores.shape[1], model.class_names)
            labels = Labels(names, was, segment(removal.scores, size).labels)
        share = float(change.norm() / before.norm().clamp(min=1e-12))
        yield name, Change(change.square().mean(1, keepdim=True).sqrt(), share, labels)


def change_of(run: Trace, model: Model, n: int, heads: Collection[int]) -> Change:
    """What changes without these ``heads`` of block ``n``, all from 0."""
    ((_, change),) = changes_of(run, model, n, [("", without_heads(model, run, n, heads))])
    return change
