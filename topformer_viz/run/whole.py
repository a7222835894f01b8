"""The numbers of a run that are asked of the whole network: in one table, as in numbers.py, but worked out only where
they are looked at.

Some take the network two to three runs more: its segmentation, and what becomes of it without a part's work, or after fewer blocks.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import torch
from torch import Tensor

from topformer_viz.network.model import TopFormer
from topformer_viz.run.asking import Asked
from topformer_viz.run.measures import added, effective_tokens
from topformer_viz.run.segmentation import SILENCED, Segmentation, segment, stopped, without
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import Known
from topformer_viz.words.live import Answer, key_of

SEGMENTATION = 480  # longest side of the segmentation, in image pixels
COMPARED = 240  # and of those without a part's work, or after fewer blocks
LEGEND = 255  # most classes told apart in one image: the rarest after them become one
SCORES = 8  # classes whose scores are shown
NAMED = 3  # classes named whose share of the image a block changes most
LEAST = 0.0005  # change of a share below which it would be called 0.0%


class Seen(Asked):
    """What a run says of its whole network, and its segmentations; each is worked out once, when it is asked for."""

    model: TopFormer

    def __init__(self, run: Trace, model: TopFormer) -> None:
        super().__init__(run, model, NUMBERS, {})
        self._without: dict[str, Tensor] = {}

    @cached_property
    def whole(self) -> Segmentation:
        return segment(self.trace["class_scores"], self._size(SEGMENTATION))

    @cached_property
    def small(self) -> Tensor:
        """The classes (Y, X), as small as those to be compared with."""
        return segment(self.trace["class_scores"], self._size(COMPARED)).labels

    def without(self, part: str) -> Tensor:
        """The same without a part's work, by its name in SILENCED."""
        if part == "blocks":
            return self.lens[0]  # with nothing added to them, the tokens come out as they came in
        if part not in self._without:
            scores = without(self.model, self.trace, SILENCED[part])
            self._without[part] = segment(scores, self._size(COMPARED)).labels
        return self._without[part]

    @cached_property
    def lens(self) -> list[Tensor]:
        """The same had the network stopped before its blocks, after the first, and so on; after the last it is the segmentation itself."""
        early = (stopped(self.model, self.trace, blocks) for blocks in range(self.model.num_blocks))
        return [*(segment(scores, self._size(COMPARED)).labels for scores in early), self.small]

    @cached_property
    def counts(self) -> Tensor:
        """Image pixels of each class in the segmentation."""
        return torch.bincount(self.whole.labels.flatten(), minlength=self.trace["class_scores"].shape[1])

    @cached_property
    def commonest(self) -> list[int]:
        """The classes of the segmentation, the one with most image pixels first."""
        return _by(self.counts, self.counts.nonzero().flatten())

    @cached_property
    def present(self) -> list[int]:
        """The classes of all these segmentations, in the same order."""
        maps = (self.whole.labels, *(self.without(part) for part in SILENCED), *self.lens)
        return _by(self.counts, torch.cat([labels.flatten() for labels in maps]).unique())

    def _size(self, longest: int) -> tuple[int, int]:
        """(Y, X) of the image brought to ``longest`` image pixels on its longer side."""
        Y, X = (self.trace.sizes[axis] for axis in ("Y", "X"))
        scale = longest / max(Y, X)
        return max(1, round(Y * scale)), max(1, round(X * scale))


def _by(counts: Tensor, classes: Tensor) -> list[int]:
    return sorted(classes.tolist(), key=lambda c: -int(counts[c]))


def _added(seen: Seen, of: str) -> Answer:
    """How large what a block's attention adds is, beside the feature map it is added to."""
    return {"say": "added", "share": added(seen.trace, int(of.removeprefix("block")))}


def _spread(seen: Seen, of: str) -> Answer:
    """Over how many tokens a head spreads, "block0.head0"."""
    block, _, head = of.partition(".head")
    return {"say": "spread", "tokens": float(effective_tokens(seen.trace[f"{block}.weights"][0, int(head)]).mean())}


def _passes(seen: Seen, of: str) -> Answer:
    """What a gate lets through on average."""
    return {"say": "passes", "share": float(seen.trace[of].mean())}


def _changed(seen: Seen, of: str) -> Answer:
    """The share of image pixels that change class without a part's work."""
    return {"say": "changed", "share": float((seen.without(of) != seen.small).float().mean())}


def _lens(seen: Seen, of: str) -> Answer:
    """What changes in the segmentation if the network stops after a block, not before it."""
    block = int(of.removeprefix("block"))
    return changes(seen.lens[block], seen.lens[block + 1], seen.trace["class_scores"].shape[1])


def changes(before: Tensor, after: Tensor, classes: int) -> Answer:
    """From one map (Y, X) of so many ``classes`` to another: the share of image pixels that change class; the classes whose share of
    the image changes most, with both shares; the largest change of another class's.

    >>> changes(torch.tensor([[0, 0, 0, 2]]), torch.tensor([[0, 1, 1, 2]]), 3)
    {'share': 0.5, 'classes': [{'class': 0, 'before': 0.75, 'after': 0.25}, {'class': 1, 'before': 0.0, 'after': 0.5}], 'others': 0.0}
    """
    total = before.numel()
    old, new = (torch.bincount(labels.flatten(), minlength=classes) for labels in (before, after))
    larger = (new - old).abs()
    order = _by(larger, (larger >= LEAST * total).nonzero().flatten())
    named = [{"class": c, "before": int(old[c]) / total, "after": int(new[c]) / total} for c in order[:NAMED]]
    others = max((int(larger[c]) / total for c in order[NAMED:]), default=0.0)
    return {"share": int((before != after).sum()) / total, "classes": named, "others": others}


def _sure(seen: Seen, of: str) -> Answer:
    return {"say": "sure", "share": float(seen.whole.sure.mean())}


def _legend(seen: Seen, of: str) -> Answer:
    """The classes told apart, with the share of the image that each has; where more became one, that comes last, without a class."""
    shares = (seen.counts / seen.counts.sum()).tolist()
    legend = [{"class": c, "share": shares[c]} for c in seen.present[:LEGEND]]
    if rest := seen.present[LEGEND:]:
        legend.append({"class": None, "share": sum(shares[c] for c in rest)})
    return legend


def _winners(seen: Seen, of: str) -> Answer:
    """The classes that win most image pixels."""
    return seen.commonest[:SCORES]


NUMBERS: Mapping[str, Callable[[Seen, str], Answer]] = {
    "added": _added,
    "spread": _spread,
    "passes": _passes,
    "changed": _changed,
    "lens": _lens,
    "sure": _sure,
    "legend": _legend,
    "winners": _winners,
}


def places(known: Known) -> Iterator[str]:
    """The keys of all that is asked of the whole network."""
    return (key_of(name, of) for name, of in _asked(known))


def _asked(known: Known) -> Iterator[tuple[str, str]]:
    """A name of NUMBERS, and of what."""
    for block in range(known.blocks):
        yield "added", f"block{block}"
        yield from (("spread", f"block{block}.head{head}") for head in range(known.shape.sizes["heads"]))
    if known.classes is not None:
        yield from (("passes", f"gate{n}") for n in (1, 2, 3))
        yield from (("changed", part) for part in SILENCED)
        yield from (("lens", f"block{block}") for block in range(known.blocks))
        yield from ((name, "class_scores") for name in ("sure", "legend", "winners"))


def answers_of(seen: Seen, known: Known) -> dict[str, Answer]:
    """What the run says in all these places, by their keys."""
    return {key: seen[key] for key in places(known)}
