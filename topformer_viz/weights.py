"""A name or a checkpoint in, a model in eval mode out."""

import copy
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from topformer_viz.colour import ColourModel
from topformer_viz.model import SIZES, TopFormer
from topformer_viz.tracing import Model

SHOWN_KEYS = 3  # how many keys of each kind an error names
WRAPPERS = ("state_dict_ema", "state_dict", "model")  # where published files keep their tensors


class CheckpointError(ValueError):
    """The file is no TopFormer checkpoint; the message says why."""


def load_model(source: str | PathLike[str], *, seed: int = 0, grid: int = 8) -> Model:
    """A model in eval mode, on the CPU.

    ``source``: "tiny", "small" or "base" (untrained, as built, 150 classes; ``seed`` draws the weights);
    "colour" (fixed weights; ``grid`` cells on the short side, 8 to 64); or the path of a checkpoint in the
    published layout, .safetensors or .pth. Size and number of classes are read off the checkpoint; an
    ImageNet backbone loads without injection and head. Only tensors are read from a file, never code.

    Raises FileNotFoundError, ``CheckpointError`` if the file does not fit, ValueError for a grid out of range.
    """
    if source == "colour":
        return ColourModel(grid).eval()
    if isinstance(source, str) and source in SIZES:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return TopFormer(source).eval()
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}, and no model of that name: colour, {', '.join(SIZES)}")
    return _from_state(_read(path)).eval()


def _read(path: Path) -> dict[str, Tensor]:
    """The checkpoint's tensors under the segmentation model's names."""
    content: Any
    try:
        if path.suffix.lower() == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can make the reader raise nearly anything
        raise CheckpointError(
            f"{path.name} cannot be read as a checkpoint: only sound .pth and .safetensors files that hold "
            "nothing but tensors are opened"
        ) from error
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if not isinstance(content, dict):
        raise CheckpointError(f"{path.name} holds a {type(content).__name__}, not a dictionary of tensors")
    state = {str(key): value for key, value in content.items() if _is_plain(value)}
    if not state:
        raise CheckpointError(f"{path.name} holds no tensors, neither bare nor under {', '.join(WRAPPERS)}")
    if any(key.startswith("tpm.") for key in state):  # a bare backbone, as ImageNet training saves it
        state = {f"backbone.{key}": value for key, value in state.items()}
    return state


def _is_plain(value: object) -> bool:
    """Whether it is a tensor with numbers of its own in a plain layout: not sparse, nested, quantized or empty-handed."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_meta or value.is_nested)
    )


def _from_state(state: dict[str, Tensor]) -> TopFormer:
    """The model that fits ``state``; ``CheckpointError`` names what does not fit the nearest one."""
    classes: int | None = None
    if any(key.startswith(("decode_head.", "backbone.SIM.")) for key in state):
        seg = state.get("decode_head.conv_seg.weight")
        classes = max(1, seg.shape[0]) if seg is not None and seg.ndim == 4 else 150

    def misfits(size: str) -> dict[str, list[str]]:
        with torch.device("meta"):
            expected = TopFormer(size, classes).state_dict()
        # BatchNorm's step counter plays no part in eval mode; converted files often leave it out.
        missing = [k for k in expected if k not in state and not k.endswith("num_batches_tracked")]
        shapes = [
            f"{k} {tuple(state[k].shape)} instead of {tuple(expected[k].shape)}"
            for k in expected
            if k in state and state[k].shape != expected[k].shape
        ]
        return {"missing": missing, "unexpected": [k for k in state if k not in expected], "misshapen": shapes}

    size, wrong = min(
        ((size, misfits(size)) for size in SIZES), key=lambda pair: sum(len(keys) for keys in pair[1].values())
    )
    if any(wrong.values()):
        told = "; ".join(
            f"{len(keys)} {kind}: {', '.join(keys[:SHOWN_KEYS])}{', …' if len(keys) > SHOWN_KEYS else ''}"
            for kind, keys in wrong.items()
            if keys
        )
        raise CheckpointError(f"the checkpoint does not fit TopFormer {size}: {told}")
    model = TopFormer(size, classes)
    model.load_state_dict(state, strict=False)  # strict but for the step counters, checked above
    return model


@torch.inference_mode(False)
@torch.no_grad()
def with_batch_statistics(model: Model, image: Tensor) -> Model:
    """A copy of ``model`` whose BatchNorms hold the statistics of this one image (1, 3, H, W).

    In eval mode the copy computes what ``model`` would in training mode on this image alone: each BatchNorm
    normalises by the mean and the biased variance of its own input. A channel that is constant over the image,
    up to rounding, has no spread to divide by: its variance stays 1, or rounding errors would be blown up.
    """
    model = copy.deepcopy(model).eval()

    def measure(norm: Any, inputs: tuple[Tensor, ...]) -> None:
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
        constant = variance <= 1e-10 * (1 + mean.square())
        variance = torch.where(constant, 1.0, variance)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    hooks = [m.register_forward_pre_hook(measure) for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    model(image.to(next(model.parameters()).device))
    for hook in hooks:
        hook.remove()
    return model
