"""One image through the same network at three initialisations: what is read of each block."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from topformer_viz.network.colour import Model
from topformer_viz.network.model import KEY_DIM, SIZES
from topformer_viz.run.inference import inference_copy
from topformer_viz.run.measures import MEAN, effective_tokens
from topformer_viz.run.tracing import Trace, trace
from topformer_viz.study.heads import ONE_HOT, UNIFORM

SIZE = "tiny"  # of all three networks: what the bundled weights are
HEADS = SIZES[SIZE].heads
DRAWS = 3  # how many random seeds the untrained networks have
PEAKED = 0.4  # of a row's weight, the largest one's mean share from which rows are called peaked, not flat


@dataclass(frozen=True)
class BlockReading:
    """What the page shows of one block in one run.

    ``weights`` (heads, HW, HW), float16. One number per head, each a mean over its rows but the last: ``effective``,
    exp(entropy) in tokens; ``scaled``, the same of the scores / sqrt(key_dim); ``deviation``, the standard deviation
    of the scores; ``peak``, the largest weight; ``favourites``, how many tokens are the most read one of some row.
    Numbers of the whole block: ``largest``, max |projected|; ``projected``, its root mean square; ``changed``,
    rms(output - (x + mlp(x))) / rms(output), x being the block's tokens; ``grown``, rms(output) / rms(x).
    """

    weights: Tensor
    effective: tuple[float, ...]
    scaled: tuple[float, ...]
    deviation: tuple[float, ...]
    peak: tuple[float, ...]
    favourites: tuple[float, ...]
    largest: float
    projected: float
    changed: float
    grown: float

    def matrix(self, head: int) -> Tensor:
        """The weights of ``head``, counted from 1, or their MEAN; float32 (HW, HW)."""
        return self.weights.float().mean(0) if head == MEAN else self.weights[head - 1].float()

    def of(self, name: str, head: int) -> float:
        """The number ``name`` of ``head``, counted from 1, or the MEAN of all heads'; of the block if it has but one."""
        values = getattr(self, name)
        if isinstance(values, float):
            return values
        return sum(values) / len(values) if head == MEAN else values[head - 1]


def read(model: Model, image: Tensor) -> tuple[BlockReading, ...]:
    """Run ``model``, a TopFormer on the CPU, on the normalised ``image`` (1, 3, Y, X) and measure each of its blocks."""
    run = trace(model, image)
    fast = inference_copy(model, torch.device(run.device))
    mlps = [fast.get_submodule(f"backbone.trans.transformer_blocks.{n}.mlp") for n in range(model.num_blocks)]
    with torch.inference_mode():
        return tuple(_read_block(run, f"block{n}", mlp) for n, mlp in enumerate(mlps))


def _read_block(run: Trace, block: str, mlp: torch.nn.Module) -> BlockReading:
    x, projected, output = (run[f"{block}.{name}"] for name in ("tokens", "projected", "output"))
    scores, weights = run[f"{block}.scores"][0], run[f"{block}.weights"][0]
    scaled = (scores / math.sqrt(KEY_DIM)).softmax(-1)
    without = x + mlp(x)
    return BlockReading(
        weights=weights.half(),
        effective=_by_head(effective_tokens(weights)),
        scaled=_by_head(effective_tokens(scaled)),
        deviation=_by_head(scores.std(-1, correction=0)),
        peak=_by_head(weights.amax(-1)),
        favourites=tuple(float(len(favourite.unique())) for favourite in weights.argmax(-1)),
        largest=float(projected.abs().amax()),
        projected=_rms(projected),
        changed=_rms(output - without) / _rms(output),
        grown=_rms(output) / _rms(x),
    )


def _by_head(rows: Tensor) -> tuple[float, ...]:
    """The means over each head's rows, from (heads, HW)."""
    return tuple(rows.double().mean(-1).tolist())


def _rms(values: Tensor) -> float:
    return float(values.double().square().mean().sqrt())


def kind(reading: BlockReading, head: int) -> str:
    """What the rows of ``head`` are: "uniform", "one-hot", "peaked" or "flat"; for the MEAN, of all heads together."""
    tokens = reading.weights.shape[-1]
    effective = reading.effective if head == MEAN else reading.effective[head - 1 : head]
    if max(effective) < ONE_HOT:
        return "one-hot"
    if min(effective) > UNIFORM * tokens:
        return "uniform"
    return "peaked" if reading.of("peak", head) >= PEAKED else "flat"
