"""What adding a stage takes: one declaration, and one ``keep`` line in the model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from torch import Tensor

from topformer_viz import STAGES
from topformer_viz.network.colour import ColourModel
from topformer_viz.network.model import Keep, ignore, under
from topformer_viz.run.stages import Stage, Step
from topformer_viz.words.text import Text

NOVEL = Stage(
    "doubled", Text("Doubled", "加倍"), ("projected",), (Step("linear", "B C H W"),), "doubled = 2 · projected",
    Text("The projection, twice.", "投影的两倍。"), view="maps",
)  # fmt: skip


class Doubling(ColourModel):
    """The colour model, but what attention gives is doubled before it is added."""

    def forward(self, image: Tensor, keep: Keep = ignore) -> Tensor:
        tokens = keep("tokens", self.lift(keep("image", image)))
        keep = under("block0", keep)
        doubled = keep("doubled", 2 * self.attn(tokens, keep))
        return keep("residual", tokens + doubled)


@contextmanager
def declared() -> Iterator[None]:
    """``NOVEL`` among the stages, between the projection and the addition."""
    before = dict(STAGES)
    STAGES.clear()
    for name, stage in before.items():
        if name == "residual":
            STAGES["doubled"], stage = NOVEL, replace(stage, sources=("tokens", "doubled"))
        STAGES[name] = stage
    try:
        yield
    finally:
        STAGES.clear()
        STAGES.update(before)
