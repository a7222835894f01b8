"""How well a network tells the classes of val's images apart."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.model import TopFormer
from topformer_viz.run.inference import inference_copy, run
from topformer_viz.terminal.training.data import IGNORE, Photographs

SHORT_SIDE = 512  # of images when they are scored: what the app shows them at


@dataclass(frozen=True)
class Score:
    """How well a model does on labelled images, at the labels' full size.

    ``confusion`` counts image pixels, (classes, classes): row the label, column what the model says.
    """

    confusion: Tensor

    @property
    def iou(self) -> list[float]:
        """Intersection over union per class; NaN for a class that neither the labels nor the model has."""
        both = self.confusion.diag().double()
        return (both / (self.confusion.sum(0) + self.confusion.sum(1) - both)).tolist()

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


def confusion(scores: Tensor, labels: Tensor) -> Tensor:
    """How class scores (1, classes, h, w), brought to the labels' size (Y, X), compare with them: see ``Score``."""
    classes = scores.shape[1]
    whole = F.interpolate(scores.cpu(), size=labels.shape, mode="bilinear", align_corners=False).argmax(1)[0]
    known = labels != IGNORE
    pairs = labels[known].long() * classes + whole[known]
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def score(model: TopFormer, data: Photographs, device: torch.device) -> Score:
    """Score on val: every image whole, class scores brought to the labels' own size."""
    fast = inference_copy(model, device)
    total = torch.zeros(len(data.classes), len(data.classes), dtype=torch.int64)
    for stem in tqdm(data.val, desc="scoring on val", unit="image", leave=False):
        found: dict[str, Tensor] = {}
        run(fast, to_tensor(as_shown(data.picture(stem))), lambda name, x, found=found: found.setdefault(name, x))  # type: ignore[misc]
        total += confusion(found["class_scores"], data.labels(stem))
    return Score(total)
