"""TopFormer's attention on any image, stage by stage.

>>> from topformer_viz import load_model, trace
>>> run = trace(load_model("colour"), picture)  # doctest: +SKIP
>>> run["block0.weights"].shape  # doctest: +SKIP
torch.Size([1, 4, 96, 96])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from topformer_viz.stages import STAGES
    from topformer_viz.tracing import Trace, trace
    from topformer_viz.weights import load_model

__version__ = "0.1.0"
__all__ = ["STAGES", "Trace", "load_model", "trace"]


def __getattr__(name: str) -> Any:
    """The names above on first use: PyTorch takes seconds and a hundred megabytes, which not every part needs."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from topformer_viz import stages, tracing, weights

    globals().update(STAGES=stages.STAGES, Trace=tracing.Trace, trace=tracing.trace, load_model=weights.load_model)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
