"""TopFormer's attention on any image, stage by stage.

>>> from topformer_viz import load_model, trace
>>> run = trace(load_model("colour"), picture)  # doctest: +SKIP
>>> run["block0.weights"].shape  # doctest: +SKIP
torch.Size([1, 4, 96, 96])

This is the package's face: what notebooks and documents need has its name here, in whatever room it lives.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from topformer_viz.app.site.notebook import lesson
    from topformer_viz.figures.attention import attention_panel, reading_panel, reading_row
    from topformer_viz.figures.look import Look
    from topformer_viz.figures.sheet import save
    from topformer_viz.figures.stages import stage_panel
    from topformer_viz.figures.subject import Subject
    from topformer_viz.figures.worksheet import worksheet
    from topformer_viz.network.images import ImageError, open_image
    from topformer_viz.network.input import network_size
    from topformer_viz.network.model import SIZES, Attention
    from topformer_viz.network.samples import open_sample
    from topformer_viz.network.weights import load_model
    from topformer_viz.run.stages import STAGES
    from topformer_viz.run.tracing import Trace, npz, trace
    from topformer_viz.study import by_hand, cost, covariance, what_if
    from topformer_viz.study.what_if import Setting, experiment

__version__ = "0.1.0"

# Where each name lives, and the modules that are names themselves.
_HOMES = {
    "attention_panel": "figures.attention", "reading_panel": "figures.attention", "reading_row": "figures.attention",
    "lesson": "app.site.notebook",
    "Look": "figures.look",
    "save": "figures.sheet",
    "stage_panel": "figures.stages",
    "Subject": "figures.subject",
    "worksheet": "figures.worksheet",
    "ImageError": "network.images", "open_image": "network.images",
    "network_size": "network.input",
    "SIZES": "network.model", "Attention": "network.model",
    "open_sample": "network.samples",
    "load_model": "network.weights",
    "STAGES": "run.stages",
    "Trace": "run.tracing", "npz": "run.tracing", "trace": "run.tracing",
    "Setting": "study.what_if", "experiment": "study.what_if",
}  # fmt: skip
_STUDIES = {
    "by_hand": "study.by_hand",
    "cost": "study.cost",
    "covariance": "study.covariance",
    "what_if": "study.what_if",
}
__all__ = [*_HOMES, *_STUDIES]


def __getattr__(name: str) -> Any:
    """The names above on first use: PyTorch takes seconds and a hundred megabytes, which not every part needs."""
    if name in _STUDIES:
        return import_module(f"{__name__}.{_STUDIES[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
