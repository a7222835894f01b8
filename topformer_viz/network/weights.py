"""A name or a checkpoint in, a model in eval mode out."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from topformer_viz.network import refusals
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.colour import ColourModel, Model
from topformer_viz.network.model import SIZES, Size, TopFormer
from topformer_viz.network.refusals import SHOWN_CHARACTERS, WRAPPERS, CheckpointError, cut_in
from topformer_viz.network.torchfile import read
from topformer_viz.paths import WEIGHTS
from topformer_viz.words.text import Text

MAX_CHECKPOINT_BYTES = 100_000_000  # base with an optimiser's state and a moving average takes 80 MB
MAX_CLASSES = MAX_INJECTED = 1_024  # more than any published one: maps of an image as wide as that are kept whole
SHOWN_KEYS = 3  # of each kind, in an error
LARGEST = 1e15  # the pages sum squares of what a network computes; far above that float32 cannot hold them
STEM = "tpm.stem.0.c.weight"  # what every TopFormer has, under whatever prefix
EVERYDAY = WEIGHTS / "everyday.safetensors"


def load_model(source: str | PathLike[str], *, seed: int = 0, grid: int = 8) -> Model:
    """A model in eval mode, on the CPU.

    ``source``: "tiny", "small" or "base" (untrained, default initialisation, ADE20K's 150 classes; ``seed`` draws the parameters); "everyday"
    (tiny, trained on everyday photographs, 14 named classes); "colour" (fixed parameters; ``grid`` tokens along the short
    side, 8 to 64); or the path of a checkpoint as ``load_checkpoint`` takes it.

    Raises FileNotFoundError, ``CheckpointError`` if the file does not fit, ValueError for a grid out of range.
    """
    if source == "colour":
        return ColourModel(grid).eval()
    if isinstance(source, str) and source in SIZES:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            built = TopFormer(source).eval()
        built.class_names = tuple(name.en for name in CLASS_SETS["ade20k"].names)
        return built
    path = EVERYDAY if source == "everyday" else Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint at {path}, and no model of that name: colour, everyday, {', '.join(SIZES)}"
        )
    _check_size(path.stat().st_size, cut_in(path.name))
    return load_checkpoint(path.read_bytes(), path.name)


def load_checkpoint(data: bytes, name: str) -> TopFormer:
    """The model of a checkpoint file's bytes, in eval mode, on the CPU; ``name`` is for messages only.

    The file is in the published layout, .safetensors or what torch.save writes; which of them, its content tells. Size,
    width of the injection, kind of fuse and number of classes are read off it, floating tensors of any type become float32,
    and an ImageNet backbone loads without injection and head. Class names are taken from a "classes" entry in the metadata
    of .safetensors (a JSON list), or from where mmengine, mmcv or the file itself keep them. Only tensors are read, never
    code, and nothing is written to disk.

    Raises ``CheckpointError`` if the file does not fit or has more than MAX_CHECKPOINT_BYTES, and if its parameters, or what
    it computes of noise, are not finite.
    """
    name = cut_in(name)
    _check_size(len(data), name)
    content, named = read(data, name)
    state = _state_of(content, name)
    if sum(tensor.numel() for tensor in state.values()) > len(data):  # a stride of 0 repeats one number for ever
        raise CheckpointError(refusals.OVERCLAIM, name=name)
    model = _fitting(state, name)
    for names in named:
        if isinstance(names, list | tuple) and len(names) == model.classes and all(isinstance(n, str) for n in names):
            model.class_names = tuple(n[:SHOWN_CHARACTERS] for n in names)
            break
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise CheckpointError(refusals.NOT_FINITE, name=name)
    noise = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    computed: dict[str, Tensor] = {}
    with torch.inference_mode():
        model.eval()(noise, lambda stage, tensor: computed.setdefault(stage, tensor))
    if not showable(computed.values()):
        raise CheckpointError(refusals.OVERFLOWS, name=name, largest=f"{LARGEST:.0e}")
    return model


def showable(tensors: Iterable[Tensor]) -> bool:
    """Whether all that a run computed is finite, and not so large that what is measured of it would not be."""
    return all(float(tensor.abs().amax()) < LARGEST for tensor in tensors)


def _check_size(size: int, name: str) -> None:
    if size > MAX_CHECKPOINT_BYTES:
        raise CheckpointError(refusals.TOO_HEAVY, name=name, megabytes=MAX_CHECKPOINT_BYTES // 1_000_000)


def _state_of(content: Any, name: str) -> dict[str, Tensor]:
    """The network's tensors under the segmentation model's names.

    They are looked for under WRAPPERS, then bare, then in whatever else the file holds; what only training needs is left out.
    """
    if not isinstance(content, dict):
        raise CheckpointError(refusals.NO_DICTIONARY, name=name, kind=type(content).__name__)
    places = [content[wrapper] for wrapper in WRAPPERS if wrapper in content] + [content, *content.values()]
    # Each once: a small file can name one large dictionary very often.
    found = {id(place): place for place in places if isinstance(place, dict)}.values()
    states = [{str(k): v for k, v in place.items() if isinstance(v, Tensor)} for place in found]
    state = next((s for s in states if any(key.endswith(STEM) for key in s)), None) or next(filter(None, states), None)
    if state is None:
        raise CheckpointError(refusals.NO_TENSORS, name=name, wrappers=", ".join(WRAPPERS))
    state = {key.replace("_orig_mod.", ""): tensor for key, tensor in state.items()}  # torch.compile's, at any depth
    if prefixes := [key.removesuffix(STEM).removesuffix("backbone.") for key in state if key.endswith(STEM)]:
        # "module." of DataParallel, "model." of Lightning; what has another is no part of the network. The shortest, as
        # averages are kept beside it under longer ones.
        prefix = min(prefixes, key=len)
        state = {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
    dropped = ["auxiliary_head."]  # mmseg's, for training only
    if not any(key.startswith("decode_head.") for key in state):
        dropped.append("head.")  # an ImageNet classifier: the authors' is head.bn and head.l
    state = {
        key: tensor
        for key, tensor in state.items()
        # A name with no dot under "ema_" is a buffer of mmcv's moving average.
        if not (key.startswith(tuple(dropped)) or (key.startswith("ema_") and "." not in key))
    }
    if any(key.startswith("tpm.") for key in state):  # a bare backbone, as ImageNet training saves it
        state = {f"backbone.{key}": tensor for key, tensor in state.items()}
    return state


def _head_of(state: dict[str, Tensor]) -> tuple[int | None, dict[str, Any]]:
    """The number of classes, None for a backbone, and what of ``Size`` the head's tensors tell, where they are legal.

    The authors' Cityscapes configurations differ there from those of ADE20K: tiny's fuse is dense, base injects 128.
    """
    if not any(key.startswith(("decode_head.", "backbone.SIM.")) for key in state):
        return None, {}
    classify, fuse = (state.get(f"decode_head.{name}.weight") for name in ("conv_seg", "linear_fuse.conv"))
    classes, told = 150, {}
    if classify is not None and classify.ndim == 4 and 1 <= classify.shape[0] <= MAX_CLASSES:
        classes = classify.shape[0]
    if (
        fuse is not None
        and fuse.ndim == 4
        and 1 <= fuse.shape[0] <= MAX_INJECTED
        and fuse.shape[1] in (1, fuse.shape[0])
    ):
        told = {"injected": fuse.shape[0], "depthwise_fuse": fuse.shape[1] == 1}
    return classes, told


@lru_cache(16)  # to build three networks takes longer than to compare with them
def _expected(size: Size, classes: int | None) -> dict[str, Tensor]:
    """The tensors of such a network, without their numbers."""
    with torch.device("meta"):
        return TopFormer(size, classes).state_dict()


def _fitting(state: dict[str, Tensor], name: str) -> TopFormer:
    """The model that fits ``state``; ``CheckpointError`` names what does not fit the nearest one."""
    classes, told_by_head = _head_of(state)

    def misfits(size: Size) -> dict[str, list[str]]:
        expected = _expected(size, classes)
        shared = [k for k in expected if k in state]
        return {
            # BatchNorm's step counter plays no part in eval mode; converted files often leave it out.
            "missing": [k for k in expected if k not in state and not k.endswith("num_batches_tracked")],
            "unexpected": [k for k in state if k not in expected],
            "misshapen": [
                f"{k} {tuple(state[k].shape)} ≠ {tuple(expected[k].shape)}"
                for k in shared
                if state[k].shape != expected[k].shape
            ],
            "mistyped": [
                f"{k} {state[k].dtype}"
                for k in shared
                if expected[k].is_floating_point() and not state[k].is_floating_point()
            ],
        }

    size, wrong = min(
        ((size, misfits(size)) for size in (replace(known, **told_by_head) for known in SIZES.values())),
        key=lambda pair: sum(len(keys) for keys in pair[1].values()),
    )
    if any(wrong.values()):
        told = [
            refusals.MISFITS[kind].format(count=len(keys), keys=_shown(keys)) for kind, keys in wrong.items() if keys
        ]
        joined = Text("; ".join(text.en for text in told), "；".join(text.zh for text in told))
        raise CheckpointError(refusals.MISFIT, name=name, size=size.name, told=joined)
    with torch.random.fork_rng(devices=[]):  # building draws parameters, which the file's then replace
        model = TopFormer(size, classes)
    model.load_state_dict(state, strict=False)  # strict but for the step counters, checked above
    return model


def _shown(keys: list[str]) -> str:
    """The first keys, each cut; a stranger's may be of any length and hold what no terminal or browser can show."""
    first = (cut_in(key) for key in keys[:SHOWN_KEYS])
    return ", ".join(first) + (", …" if len(keys) > SHOWN_KEYS else "")
