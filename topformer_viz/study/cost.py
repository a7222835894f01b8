"""What one attention module costs as its image grows: multiply-adds, memory, where they cross, its time on this machine.

HW tokens stand for a square image of ``side(HW)`` image pixels a side. The projections' cost grows with HW, that of the two
matrix products with its square.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from topformer_viz.network.images import CELL
from topformer_viz.network.model import ATTN_RATIO, DENSE_TOKENS, KEY_DIM, SIZES, Attention
from topformer_viz.run.inference import full_precision

FLOAT = 4  # bytes of a float32
ATTENTION = ("scores", "weights", "mixed")  # the stages whose time is attention's; all others' is the projections'

GRIDS = (4, 8, 16, 32, 48, 64)  # sides of the token grids that are measured
WARM_UPS, PASSES, LEAST_PASSES = 2, 15, 3
MOST_SECONDS = 1.0  # of one pass; also of all of a size's passes, once there are LEAST_PASSES
MOST_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Numbers:
    """The four numbers that make an attention module, and what follows from them.

    The formulas are those of ``model.Attention``: four bias-free 1x1 convolutions and two matrix products. BatchNorm,
    ReLU6 and softmax are not counted, as in ``costs``.
    """

    C: int
    heads: int
    key_dim: int = KEY_DIM
    attn_ratio: int = ATTN_RATIO

    @property
    def d(self) -> int:
        return self.attn_ratio * self.key_dim

    @property
    def nh_kd(self) -> int:
        return self.heads * self.key_dim

    @property
    def dh(self) -> int:
        return self.heads * self.d

    def projections(self, HW: int) -> int:
        """Multiply-adds of to_q, to_k, to_v and proj."""
        return HW * (self.C * (2 * self.nh_kd + self.dh) + self.dh * self.C)

    def attention(self, HW: int) -> int:
        """Multiply-adds of query @ key and weights @ value."""
        return HW * HW * (self.nh_kd + self.dh)

    def share(self, HW: int) -> float:
        """Attention's share of the module's multiply-adds, 0 to 1."""
        return self.attention(HW) / (self.attention(HW) + self.projections(HW))

    @property
    def crossing(self) -> float:
        """The HW at which projections and attention take as many multiply-adds: 2 C, whatever the other numbers are."""
        return self.projections(1) / self.attention(1)

    def maps_bytes(self, HW: int) -> int:
        """Bytes of query, key, value, mixed, merged, activated and projected; a reshape's view takes none of its own."""
        return HW * (2 * self.nh_kd + 4 * self.dh + self.C) * FLOAT

    def weights_bytes(self, HW: int) -> int:
        """Bytes of the attention weights, heads x HW x HW; the scores take as many."""
        return self.heads * HW * HW * FLOAT

    def matrices_bytes(self, HW: int) -> int:
        """Bytes of scores and attention weights. ``model.Attention`` computes neither above ``DENSE_TOKENS`` tokens."""
        return 2 * self.weights_bytes(HW)

    @property
    def memory_crossing(self) -> float:
        """The HW at which scores and attention weights take as many bytes as the feature maps."""
        return self.maps_bytes(1) / self.matrices_bytes(1)


PUBLISHED = {name: Numbers(sum(size.channels), size.heads) for name, size in SIZES.items()}


def side(HW: float) -> float:
    """Image pixels a side of the square image that has HW tokens."""
    return CELL * math.sqrt(HW)


@dataclass(frozen=True)
class Timing:
    """The fastest of several passes at HW tokens, in milliseconds: what else ran on the machine can only slow one down."""

    HW: int
    projections: float
    attention: float

    @property
    def fused(self) -> bool:
        """Whether a fused kernel took the place of scores, softmax and product."""
        return self.HW > DENSE_TOKENS


@dataclass(frozen=True)
class Measurement:
    """One module's timings, the smallest HW first, and the HW that were left out.

    ``reason`` says why, ``needed`` what the first of them would have taken and ``allowed`` what it may: bytes or seconds.
    """

    timings: tuple[Timing, ...]
    threads: int
    left_out: tuple[int, ...] = ()
    reason: Literal["memory", "time"] | None = None
    needed: float = 0
    allowed: float = 0


def most_bytes(device: torch.device) -> int:
    """What a measurement may take: MOST_BYTES, or a quarter of the memory that is free where that is known and less."""
    try:
        if device.type == "cuda":
            free = torch.cuda.mem_get_info(device)[0]
        else:
            free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, RuntimeError, ValueError):  # not every system counts its free pages
        return MOST_BYTES
    return min(MOST_BYTES, free // 4) if free > 0 else MOST_BYTES


def measure(
    numbers: Numbers,
    device: torch.device,
    allowed: int,
    progress: Callable[[float, int], None] = lambda done, HW: None,
) -> Measurement:
    """Time ``model.Attention`` of these numbers, with random parameters, on ``device`` at each of GRIDS that is allowed.

    A size is left out, with all larger ones, if its feature maps, and scores and weights where they are computed, take
    more than ``allowed`` bytes, or if its pass would take more than MOST_SECONDS, going by the size before it.
    ``progress(done, HW)`` is called before each size, with the share of sizes done: not before each pass, because what
    draws it would take time from the pass.
    """
    module = Attention(numbers.C, numbers.key_dim, numbers.heads, numbers.attn_ratio).eval().to(device)
    sizes = [n * n for n in GRIDS]
    timings: list[Timing] = []
    for i, n in enumerate(GRIDS):
        HW = n * n
        # Above DENSE_TOKENS a fused kernel makes no matrices, where there is one.
        dense = HW <= DENSE_TOKENS or device.type not in ("cpu", "cuda")
        needed = numbers.maps_bytes(HW) + (numbers.matrices_bytes(HW) if dense else 0)
        if needed > allowed:
            return Measurement(tuple(timings), torch.get_num_threads(), tuple(sizes[i:]), "memory", needed, allowed)
        if timings and (seconds := _expected(timings[-1], HW)) > MOST_SECONDS:
            return Measurement(tuple(timings), torch.get_num_threads(), tuple(sizes[i:]), "time", seconds, MOST_SECONDS)
        progress(i / len(sizes), HW)
        x = torch.randn(1, numbers.C, n, n, device=device)
        runs: list[tuple[float, float]] = []
        start = time.perf_counter()
        while len(runs) < WARM_UPS + PASSES:
            if len(runs) >= WARM_UPS + LEAST_PASSES and time.perf_counter() - start > MOST_SECONDS:
                break
            runs.append(time_pass(module, x))
        projections, attention = (min(column) for column in zip(*runs[WARM_UPS:], strict=True))
        timings.append(Timing(HW, projections, attention))
    return Measurement(tuple(timings), torch.get_num_threads())


def _expected(last: Timing, HW: int) -> float:
    """Seconds of a pass at HW tokens, if the projections' time grows with HW and attention's with its square."""
    grown = HW / last.HW
    return (last.projections * grown + last.attention * grown**2) / 1000


@torch.inference_mode()
def time_pass(module: Attention, x: Tensor) -> tuple[float, float]:
    """Milliseconds that projections and attention take in one pass; x is (1, C, H, W) on the module's device.

    ``keep`` is called as soon as a stage is computed, so what passes between two calls is the later one's. Reshapes and
    permutes are the projections'.
    """
    stamps: list[tuple[str, float]] = []

    def keep(name: str, tensor: Tensor) -> Tensor:
        if x.device.type != "cpu":  # a graphics card hands back before it has computed
            getattr(torch, x.device.type).synchronize()
        stamps.append((name, time.perf_counter()))
        return tensor

    with full_precision(x.device):
        module(x, keep)
    spent = [(name, 1000 * (end - start)) for (_, start), (name, end) in pairwise(stamps)]
    attention = sum(ms for name, ms in spent if name in ATTENTION)
    return sum(ms for _, ms in spent) - attention, attention


def measured_crossing(timings: Sequence[Timing]) -> float | None:
    """The HW from which on attention takes longer than the projections, on logs between two sizes; None: not among these."""
    below = [i for i, timing in enumerate(timings) if timing.attention <= timing.projections]
    if not below or below[-1] == len(timings) - 1:
        return None
    a, b = timings[below[-1]], timings[below[-1] + 1]
    gap_a, gap_b = (math.log(timing.attention / timing.projections) for timing in (a, b))
    return a.HW * (b.HW / a.HW) ** (gap_a / (gap_a - gap_b))
