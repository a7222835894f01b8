"""Run a model once and keep every declared tensor of that very forward pass."""

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from topformer_viz.network.colour import ColourModel, Model
from topformer_viz.network.images import MAX_PIXELS
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import DENSE_TOKENS, Attention, Keep, TopFormer, ignore
from topformer_viz.network.pauses import pause
from topformer_viz.run.inference import full_precision, inference_copy, run
from topformer_viz.run.stages import COMPOSITE, axes_of

MAX_TOKENS = 16_384  # attention's time grows with their square
BLOCK = "backbone.trans.transformer_blocks.{}"  # a block's name within the network
ROWS_SHOWN = 60  # tensors that a run lists of itself in a notebook


class ShapeError(ValueError):
    """A tensor does not have the axes its stage declares."""


class TooLargeError(ValueError):
    """The image has too many image pixels for a reasonable memory, or too many tokens for a reasonable time."""


class NotStoredError(KeyError):
    """A run of more than ``DENSE_TOKENS`` tokens has no scores and no weights to hand out whole."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would put it in quotes


@dataclass(frozen=True)
class Trace(Mapping[str, Tensor]):
    """The tensors of one forward pass by name, in the order of computation.

    ``sizes`` maps each axis name to its size, ``seconds`` is the forward pass's time, ``device`` where it ran,
    ``fell_back`` whether the graphics card ran out of memory and the CPU took over, ``axes_of`` declares the axes of
    each name. Treat tensors as read-only.

    Above ``DENSE_TOKENS`` tokens there are no "block{n}.scores" and "block{n}.weights": asking for them raises
    ``NotStoredError``, and ``rows`` computes the rows asked for.
    """

    tensors: dict[str, Tensor]
    sizes: dict[str, int]
    seconds: float
    device: str
    fell_back: bool
    axes_of: Callable[[str], tuple[str, ...]] = axes_of

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self.tensors[name]
        except KeyError:
            if self._block_of(name):
                raise NotStoredError(
                    f"this run has {self.sizes['HW']:,} tokens; above {DENSE_TOKENS:,} the HW x HW matrices are not "
                    f'stored: trace.rows("{name}", head, queries), of this trace, computes the rows you ask for'
                ) from None
            raise KeyError(f"this run has no {name!r}; it has {', '.join(self.tensors)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    @torch.inference_mode()
    def rows(self, name: str, head: int, queries: Sequence[int] | slice) -> Tensor:
        """Rows of one head's "block{n}.scores" or "block{n}.weights": (len(queries), HW), float32, on the run's device.

        ``head`` and the flat token indices ``queries`` count from 0. Where the matrix is not stored, its rows are
        computed from the run's query and key. Raises ValueError for another name, IndexError for a head or a query
        that the run does not have.
        """
        block = self._block_of(name)
        if not block:
            raise ValueError(f'rows are those of a "block{{n}}.scores" or "block{{n}}.weights", not of {name!r}')
        heads, tokens = self.sizes["heads"], self.sizes["HW"]
        if not 0 <= head < heads:
            raise IndexError(f"head {head} is not one of 0 to {heads - 1}")
        indices = range(tokens)[queries] if isinstance(queries, slice) else queries
        if wrong := [query for query in indices if not 0 <= query < tokens]:
            raise IndexError(f"query {wrong[0]} is not one of 0 to {tokens - 1}")
        index = torch.tensor(indices, dtype=torch.int64)
        if name in self.tensors:
            return self.tensors[name][0, head, index]
        scores = self[f"{block}.query"][0, head, index] @ self[f"{block}.key"][0, head]
        return scores.softmax(dim=-1) if name.endswith(".weights") else scores

    def __repr__(self) -> str:
        """A few lines: the run's size, its first and last tensors, and how to get at one."""
        names = list(self)
        shown = names if len(names) <= 5 else [*names[:3], "…", *names[-2:]]
        shapes = ", ".join(f"{name} {tuple(self[name].shape)}" if name in self else name for name in shown)
        sizes = ", ".join(f"{axis} {size}" for axis, size in self.sizes.items() if axis in ("heads", "H", "W", "HW"))
        return (
            f"<Trace: {len(names)} tensors, {sizes}; {1000 * self.seconds:.1f} ms on {self.device}\n  {shapes}\n"
            f'  list(run) names them all, run["{names[-1]}"] is one>'
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: names, axes with their sizes, ranges, at most ``ROWS_SHOWN`` rows."""
        rows = []
        for name, tensor in list(self.items())[:ROWS_SHOWN]:
            axes = " · ".join(f"{axis} {size}" for axis, size in zip(self.axes_of(name), tensor.shape, strict=True))
            ends = "".join(f'<td style="text-align: right">{float(end):.3g}</td>' for end in torch.aminmax(tensor))
            rows.append(
                f'<tr><td style="text-align: left">{name}</td><td style="text-align: left">{axes}</td>{ends}</tr>'
            )
        head = "".join(f"<th>{word}</th>" for word in ("name", "axes", "min", "max"))
        more = f"<p>and {len(self) - ROWS_SHOWN} more</p>" if len(self) > ROWS_SHOWN else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"

    def _block_of(self, name: str) -> str:
        """The block whose scores or weights ``name`` is, "block0"; "" if it is no such name in this run."""
        found = re.fullmatch(r"(block\d+)\.(scores|weights)", name)
        return found[1] if found and f"{found[1]}.query" in self.tensors else ""


def trace(model: Model, image: Image.Image | Tensor, *, device: torch.device | None = None) -> Trace:
    """Run ``model`` on ``image``, on ``device`` (None: where the model lies), and record every stage.

    ``image`` is a PIL picture (used at its own size) or a normalised float tensor (1, 3, H, W). The pass runs in
    eval mode on a private copy of the model that is made for speed: channels last, and BatchNorm folded into
    the convolutions outside the attention, whose stages stay as they are in the paper. ``model`` is not changed.

    Raises ValueError for another tensor, ``TooLargeError`` before computing anything if there are more than
    ``images.MAX_PIXELS`` image pixels or ``MAX_TOKENS`` tokens, and ``ShapeError`` if a tensor contradicts its stage's
    declaration.
    """
    x = to_tensor(image.convert("RGB")) if isinstance(image, Image.Image) else image
    if not isinstance(x, Tensor):
        raise ValueError(f"an image is a PIL picture or a float tensor (1, 3, H, W), not {type(x).__name__}")
    if x.ndim != 4 or x.shape[:2] != (1, 3) or not x.is_floating_point() or 0 in x.shape:
        raise ValueError(f"an image is a float tensor (1, 3, H, W), not {x.dtype} {tuple(x.shape)}")
    _check_size(model, x)
    device = device or next(model.parameters()).device
    fell_back = False
    try:
        tensors, seconds = _record(model, x, device)
    except RuntimeError as error:
        # CUDA raises torch.OutOfMemoryError, MPS a plain RuntimeError that says so.
        if device.type == "cpu" or "out of memory" not in str(error).lower():
            raise
        device, fell_back = torch.device("cpu"), True
        tensors, seconds = _record(model, x, device)
    return Trace(tensors, check(tensors), seconds, str(device), fell_back)


def attention_of(model: Model, n: int) -> Attention:
    """The attention module of block ``n`` (from 0) of the model itself."""
    attention = model.get_submodule(f"{BLOCK.format(n)}.attn" if isinstance(model, TopFormer) else "attn")
    assert isinstance(attention, Attention)
    return attention


def block_of(model: Model, n: int, device: torch.device) -> nn.Module:
    """Block ``n`` (from 0) of the model's inference copy on ``device``: a ``Block``, or the colour model's ``Attention``."""
    name = BLOCK.format(n) if isinstance(model, TopFormer) else "attn"
    return inference_copy(model, device).get_submodule(name)


@torch.inference_mode()
def trace_block(
    block: nn.Module,
    tokens: Tensor,
    change: Keep = ignore,
    axes: Callable[[str], tuple[str, ...]] = axes_of,
) -> Trace:
    """Run one block, or an attention module alone, on ``tokens`` and record its stages under their plain names.

    ``block(tokens, keep)`` is what runs, where the tokens lie. ``change(name, tensor)`` sees each stage first: what it
    hands back is recorded and flows on. Of an ``Attention`` "residual" is recorded too. ``axes`` declares each name's
    axes; ``ShapeError`` where a tensor contradicts them.
    """
    tensors: dict[str, Tensor] = {}

    def keep(name: str, tensor: Tensor) -> Tensor:
        tensors[name] = change(name, tensor)
        return tensors[name]

    with full_precision(tokens.device):
        start = time.perf_counter()
        out = block(tokens, keep)
        if isinstance(block, Attention):
            keep("residual", tokens + out)
        seconds = time.perf_counter() - start
    return Trace(tensors, check(tensors, axes), seconds, str(tokens.device), fell_back=False, axes_of=axes)


def check(tensors: Mapping[str, Tensor], axes_of: Callable[[str], tuple[str, ...]] = axes_of) -> dict[str, int]:
    """Every axis's size, {"C": 208, ...}; ``ShapeError`` where two tensors disagree on one."""
    sizes: dict[str, int] = {}
    for name, tensor in tensors.items():
        axes, shape = axes_of(name), tuple(tensor.shape)
        wrong = len(axes) != len(shape) or any(
            sizes.setdefault(axis, size) != size for axis, size in zip(axes, shape, strict=True)
        )
        if wrong:
            known = ", ".join(f"{axis} = {size}" for axis, size in sizes.items())
            raise ShapeError(f"{name} is declared ({', '.join(axes)}) but has shape {shape}; known: {known}")
    for whole, (a, b) in COMPOSITE.items():
        if {whole, a, b} <= sizes.keys() and sizes[whole] != sizes[a] * sizes[b]:
            raise ShapeError(f"{whole} = {sizes[whole]} is not {a} x {b} = {sizes[a]} x {sizes[b]}")
    return sizes


def _check_size(model: Model, x: Tensor) -> None:
    height, width = x.shape[-2:]
    image_pixels = height * width
    if image_pixels > MAX_PIXELS:
        raise TooLargeError(
            f"a {width} x {height} image has {image_pixels:,} image pixels, more than the {MAX_PIXELS:,} whose feature maps fit in "
            "a reasonable memory; make the image smaller"
        )
    h, w = model.token_grid(height, width)
    if h * w > MAX_TOKENS:
        help_ = "crop it or choose a coarser grid" if isinstance(model, ColourModel) else "make the image smaller"
        raise TooLargeError(
            f"a {width} x {height} image has {h * w:,} tokens here, more than the {MAX_TOKENS:,} whose attention "
            f"takes a reasonable time; {help_}"
        )


def _record(model: nn.Module, x: Tensor, device: torch.device) -> tuple[dict[str, Tensor], float]:
    """One pass with a recorder of its own, so that any number of threads may share a model."""
    tensors: dict[str, Tensor] = {}

    def keep(name: str, tensor: Tensor) -> Tensor:
        tensors[name] = tensor
        return tensor

    return tensors, run(inference_copy(model, device), x, keep)


def summary(run: Trace) -> list[dict[str, Any]]:
    """One row per tensor: name, axes, shape, bytes (as computed, float32), min, max, mean."""
    rows = []
    for name, tensor in run.items():
        low, high = torch.aminmax(tensor)
        rows.append(
            {
                "name": name,
                "axes": list(axes_of(name)),
                "shape": list(tensor.shape),
                "bytes": tensor.numel() * tensor.element_size(),
                "min": float(low),
                "max": float(high),
                "mean": float(tensor.mean()),
            }
        )
    return rows


def npz(run: Trace, names: Sequence[str] | None = None, about: Mapping[str, object] | None = None) -> bytes:
    """The run's numbers as a file that ``numpy.load`` reads: the tensors of these ``names``, None for all of them.

    Each is stored under its name as float32, its axes (an array of words) under "NAME.axes"; "sizes" and "about" are two
    texts, JSON objects of every axis's size and of what the caller says of the run. The same run gives the same bytes.
    Raises KeyError for a name that the run does not have.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

        def write(name: str, array: np.ndarray) -> None:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)

        for name in run if names is None else names:
            pause()  # a tensor at a time, where savez_compressed would write all at once
            write(name, run[name].detach().float().cpu().numpy())
            write(f"{name}.axes", np.array(run.axes_of(name)))
        for name, value in {"sizes": run.sizes, "about": dict(about or {})}.items():
            write(name, np.array(json.dumps(value, ensure_ascii=False)))
    return out.getvalue()
