"""What a run without some heads changed: its block's output and, where the model has one, the segmentation."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from topformer_viz.app.explorer.words import IMAGE_PIXELS, MOVES, NO_SEGMENTATION, OUTPUT
from topformer_viz.network.classes import ClassSet, classes_of
from topformer_viz.network.colour import Model
from topformer_viz.network.model import TopFormer
from topformer_viz.run.segmentation import Removal, segment
from topformer_viz.run.tracing import Trace
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

    def legend(self, lang: Lang) -> list[tuple[str, str]]:
        """Name and colour of the classes present in either, the commonest first: a dozen at most."""
        present = torch.bincount(torch.cat([self.was.flatten(), self.now.flatten()]), minlength=len(self.names.names))
        commonest = [c for c in present.argsort(descending=True).tolist() if present[c]][:12]
        return [(self.names.names[c](lang), self.names.colours[c]) for c in commonest]

    def moves(self, lang: Lang) -> list[str]:
        """The commonest changes of class, with their share of all image pixels."""
        names, pixels = self.names.names, self.was.numel()
        pairs, counts = (self.was * len(names) + self.now)[self.changed].unique(return_counts=True)
        old, new = pairs // len(names), pairs % len(names)
        return [
            MOVES(lang, old=names[old[i]](lang), new=names[new[i]](lang), share=f"{float(counts[i]) / pixels:.1%}")
            for i in counts.argsort(descending=True)[:MOVED].tolist()
            if counts[i] >= SEEN * pixels
        ]


class Change(NamedTuple):
    """``output``: how much the block's changed, root mean square over the channels (1, 1, H, W); ``share``: of its size."""

    output: Tensor
    share: float
    labels: Labels | None  # None: the model has no segmentation

    def words(self, lang: Lang) -> list[str]:
        """Both in a sentence each."""
        said = [OUTPUT(lang, share=f"{self.share:.1%}")]
        if self.labels is None:
            return [*said, NO_SEGMENTATION(lang)]
        return [*said, IMAGE_PIXELS(lang, share=f"{float(self.labels.changed.float().mean()):.1%}")]


def changes_of(run: Trace, model: Model, n: int, removals: Mapping[str, Removal]) -> dict[str, Change]:
    """What each of the ``removals`` changed in block ``n`` and after it."""
    if not removals:
        return {}
    before = run[f"block{n}.output" if isinstance(model, TopFormer) else f"block{n}.residual"]
    scale = LABELS / max(run.sizes["Y"], run.sizes["X"])
    size = (max(1, round(run.sizes["Y"] * scale)), max(1, round(run.sizes["X"] * scale)))
    was = segment(run["class_scores"], size).labels if "class_scores" in run else None
    changes = {}
    for name, removal in removals.items():
        change, labels = removal.output - before, None
        if was is not None and removal.scores is not None and isinstance(model, TopFormer):
            names = classes_of(removal.scores.shape[1], model.class_names)
            labels = Labels(names, was, segment(removal.scores, size).labels)
        share = float(change.norm() / before.norm().clamp(min=1e-12))
        changes[name] = Change(change.square().mean(1, keepdim=True).sqrt(), share, labels)
    return changes
