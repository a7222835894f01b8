"""What was measured of the bundled network, as the app quotes it; ``card.py`` measures it."""

import json
from dataclasses import dataclass
from functools import cache

from topformer_viz.paths import WEIGHTS

FILE = WEIGHTS / "everyday.json"


@dataclass(frozen=True)
class Facts:
    """``train`` and ``val`` count images, val's those that are labelled everywhere; ``iou`` is by class, ``mean_iou`` and
    ``accuracy`` over their labelled image pixels.

    ``without``: mIoU when parts of the network are silenced, by the names in card.py. ``far``: the two distances
    (likeness.py) beyond either of which an image is called unlike what the network learned from, as the share ``rarely``
    of val's images is.
    """

    classes: list[str]
    train: int
    val: int
    mean_iou: float
    accuracy: float
    iou: list[float]
    without: dict[str, float]
    far: list[float]
    rarely: float


@cache
def facts() -> Facts:
    """The facts in everyday.json."""
    content = json.loads(FILE.read_text("utf-8"))
    kept = {name: content[name] for name in ("classes", "train", "val", "without", "far", "rarely")}
    return Facts(**kept, **content["score"])
