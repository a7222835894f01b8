"""TopFormer's attention on any image, stage by stage.

>>> from topformer_viz import load_model, trace
>>> run = trace(load_model("colour"), picture)  # doctest: +SKIP
>>> run["block0.weights"].shape  # doctest: +SKIP
torch.Size([1, 4, 96, 96])
"""

from topformer_viz.stages import STAGES
from topformer_viz.tracing import Trace, trace
from topformer_viz.weights import load_model

__version__ = "0.1.0"
__all__ = ["STAGES", "Trace", "load_model", "trace"]
