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
    from topformer_viz import attention_costs as cost  # noqa: F401
    from topformer_viz import by_hand as by_hand
    from topformer_viz import covariance as covariance
    from topformer_viz import what_if as what_if
    from topformer_viz.figures import Look as Look
    from topformer_viz.figures import save as save
    from topformer_viz.images import ImageError as ImageError
    from topformer_viz.images import network_size as network_size
    from topformer_viz.images import open_image as open_image
    from topformer_viz.images import open_sample as open_sample
    from topformer_viz.model import SIZES as SIZES
    from topformer_viz.model import Attention as Attention
    from topformer_viz.panels import Subject as Subject
    from topformer_viz.panels import stage_panel as stage_panel
    from topformer_viz.stages import STAGES as STAGES
    from topformer_viz.tracing import Trace as Trace
    from topformer_viz.tracing import npz as npz
    from topformer_viz.tracing import trace as trace
    from topformer_viz.weights import load_model as load_model
    from topformer_viz.what_if import Setting as Setting
    from topformer_viz.what_if import experiment as experiment

__version__ = "0.1.0"

# Where each name lives, and the modules that are names themselves.
_HOMES = {
    "STAGES": "stages", "Trace": "tracing", "trace": "tracing", "npz": "tracing", "load_model": "weights",
    "SIZES": "model", "Attention": "model", "ImageError": "images", "network_size": "images", "open_image": "images",
    "open_sample": "images", "Subject": "panels", "stage_panel": "panels", "Look": "figures", "save": "figures",
    "Setting": "what_if", "experiment": "what_if",
}  # fmt: skip
_STUDIES = {"what_if": "what_if", "by_hand": "by_hand", "covariance": "covariance", "cost": "attention_costs"}
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
