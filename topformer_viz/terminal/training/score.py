"""How well a network tells the classes of val's images apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from topformer_viz.network.input import network_size
from topformer_viz.network.model import BLOCKS, TopFormer
from topformer_viz.run.measures import effective_tokens
from topformer_viz.run.segmentation import SILENCED, without
from topformer_viz.run.tracing import trace
from topformer_viz.terminal.training.data import NONE_OF, Photographs

SHORT_SIDE = 512  # of images when they are scored: what the app shows them at


@dataclass(frozen=True)
class Score:
    """How well a model does on labelled images, at the labels' full size.

    ``confusion`` counts image pixels, (classes, classes): row the label, column what the model says. ``astray``, (classes,):
    those that the model gives to a class to which they surely do not belong (``NONE_OF``).
    """

    confusion: Tensor
    astray: Tensor

    @classmethod
    def none(cls, classes: int) -> "Score":
        """Of no image: what others are added to."""
        return cls(torch.zeros(classes, classes, dtype=torch.int64), torch.zeros(classes, dtype=torch.int64))

    @classmethod
    def of(cls, scores: Tensor, labels: Tensor, absent: Sequence[int] = ()) -> "Score":
        """How class scores (1, classes, h, w), brought to the labels' size (Y, X), compare with them.

        ``absent``: the classes of which an image pixel labelled ``NONE_OF`` is surely none.
        """
        classes = scores.shape[1]
        whole = F.interpolate(scores.cpu(), size=labels.shape, mode="bilinear", align_corners=False).argmax(1)[0]
        known = labels < classes
        pairs = labels[known].long() * classes + whole[known]
        astray = torch.zeros(classes, dtype=torch.int64)
        astray[list(absent)] = torch.bincount(whole[labels == NONE_OF], minlength=classes)[list(absent)]
        return cls(torch.bincount(pairs, minlength=classes**2).view(classes, classes), astray)

    def __add__(self, other: "Score") -> "Score":
        return Score(self.confusion + other.confusion, self.astray + other.astray)

    @property
    def iou(self) -> list[float]:
        """Intersection over union per class; NaN for a class that neither the labels nor the model has."""
        both = self.confusion.diag().double()
        return (both / (self.confusion.sum(0) + self.confusion.sum(1) - both + self.astray)).tolist()

    @property
    def mean_iou(self) -> float:
        return float(np.nanmean(self.iou))

    @property
    def accuracy(self) -> float:
        """Share of the labelled image pixels that are right."""
        return float(self.confusion.diag().sum() / self.confusion.sum())


def as_shown(picture: Image.Image) -> Image.Image:
    """The image at the size that the app gives the network."""
    return picture.resize(network_size(*picture.size, SHORT_SIDE), Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class Watched:
    """What is watched on val: the scores of images labelled ``wholly``, ``silenced`` (the same with all attention set to 0)
    and ``partly``, None where there are none; ``effective`` tokens of a row, the mean by block.
    """

    wholly: Score | None
    silenced: Score | None
    partly: Score | None
    effective: list[float]


def watch(model: TopFormer, data: Photographs, device: torch.device, stems: Sequence[str]) -> Watched:
    """Every image whole, at the size that is shown; the two kinds of labels apart."""
    found: dict[str, list[Score]] = {"wholly": [], "silenced": [], "partly": []}
    rows = []
    for stem in tqdm(stems, desc="scoring on val", unit="image", leave=False):
        run, labels = trace(model, as_shown(data.picture(stem)), device=device), data.labels(stem)
        rows.append([float(effective_tokens(run[f"block{n}.weights"]).mean()) for n in range(BLOCKS)])
        kind = "partly" if data.partly(stem) else "wholly"
        found[kind].append(Score.of(run["class_scores"], labels, data.absent(stem)))
        if kind == "wholly":
            found["silenced"].append(Score.of(without(model, run, SILENCED["attention"]), labels))
    totals = {kind: reduce(add, scores) if scores else None for kind, scores in found.items()}
    return Watched(**totals, effective=np.mean(rows, axis=0).tolist())
