"""A model made ready for speed, and passes through it."""

import copy
import threading
import time
import weakref
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from topformer_viz.network.model import Conv2d_BN, ConvModule, Keep, ignore


def run(fast: nn.Module, x: Tensor, keep: Keep = ignore) -> float:
    """Pass ``x`` through an inference copy and return the seconds it took."""
    device = next(fast.parameters()).device
    with torch.inference_mode(), full_precision(device):
        x = x.to(device, torch.float32, memory_format=torch.channels_last)
        start = time.perf_counter()
        fast(x, keep)
        if device.type != "cpu":
            getattr(torch, device.type).synchronize()
        return time.perf_counter() - start


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Convolutions in full float32: in TF32 they would be off by 1e-3, and the lesson promises 1e-4."""
    return torch.backends.cudnn.flags(allow_tf32=False) if device.type == "cuda" else nullcontext()


@dataclass
class _Copy:
    """An inference copy and the state of the model it was made from."""

    fast: nn.Module
    state: list[int]


_copies: weakref.WeakKeyDictionary[nn.Module, dict[torch.device, _Copy]] = weakref.WeakKeyDictionary()


_copies_lock = threading.Lock()


def inference_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """``model`` made ready for speed: eval, channels last, BatchNorm folded outside the attention.

    The copy is kept and made again when a parameter or a statistic of ``model`` has changed since (but for edits
    through ``.data``, which leave no trace).
    """
    state = _state(model)
    with _copies_lock:
        made = _copies.setdefault(model, {})
        known = made.get(device)
        if known is None or known.state != state:
            fast = copy.deepcopy(model).to(device, torch.float32).eval().requires_grad_(False)
            for name, module in fast.named_modules():
                if ".attn." in f".{name}.":
                    continue
                if isinstance(module, Conv2d_BN):
                    module.c, module.bn = fuse_conv_bn_eval(module.c, module.bn), nn.Identity()  # type: ignore[assignment]
                elif isinstance(module, ConvModule):
                    module.conv, module.bn = fuse_conv_bn_eval(module.conv, module.bn), nn.Identity()  # type: ignore[assignment]
            fast = fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            known = made[device] = _Copy(fast, state)
        return known.fast


def _state(model: nn.Module) -> list[int]:
    """Every module, and address and version of its tensors: what a change in place or a replacement alters."""
    state = []
    waiting: list[nn.Module | None] = [model]  # by hand: modules() takes longer than all the rest
    while waiting:
        module = waiting.pop()
        state.append(id(module))
        if module is None:
            continue
        waiting.extend(module._modules.values())
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                state += [tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version]
    return state


def best_device() -> torch.device:
    """CUDA, then Apple's MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
