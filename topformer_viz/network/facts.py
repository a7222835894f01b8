"""What was measured of the bundled network, as the app quotes it; ``card.py`` measures it."""

import json
from dataclasses import dataclass
from functools import cache

from topformer_viz.paths import WEIGHTS

FILE = WEIGHTS / "streets.json"
RARELY = 0.05  # share of val's images that lie further than ``Facts.far`` from the training images


@dataclass(frozen=True)
class Facts:
    """``train`` and ``val`` count images; ``iou`` is by class, ``mean_iou`` and ``accuracy`` over val's labelled image pixels.

    ``without``: mIoU when parts of the network are silenced, by the names in card.py. ``far``: the distance
    (likeness.py) beyond which an image is called unlike streets.
    """

    classes: list[str]
    train: int
    val: int
    mean_iou: float
    accuracy: float
    iou: list[float]
    without: dict[str, float]
    far: float


@cache
def facts() -> Facts:
    """The facts in streets.json."""
    content = json.loads(FILE.read_text("utf-8"))
    kept = {name: content[name] for name in ("classes", "train", "val", "without", "far")}
    return Facts(**kept, **content["score"])
