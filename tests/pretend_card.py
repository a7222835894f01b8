"""A graphics card made of the CPU: what a tensor on a card must not do fails here as it would there.

Tensors on "cpu:0" stand for those on a card, plain "cpu" for main memory. They compute alike, but NumPy cannot read one of the
card, and no operation takes tensors of both, but for what PyTorch allows: single numbers, indices, shapes, copies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

CARD = torch.device("cpu:0")
_PLACE = Tensor.device.__get__  # type: ignore[attr-defined]
_READ_BY_NUMPY = (Tensor.numpy, Tensor.__array__)
_OF_BOTH = (Tensor.__getitem__, Tensor.__setitem__, Tensor.reshape_as, Tensor.copy_)
_to = Tensor.to


class OnCard(Tensor):
    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func == _PLACE:
            return CARD
        if func in _READ_BY_NUMPY:
            raise TypeError("can't convert a tensor on the card to NumPy: Tensor.cpu() copies it to main memory first")
        if func is Tensor.cpu:
            with torch._C.DisableTorchFunctionSubclass():
                return args[0].as_subclass(Tensor)
        if func is torch._has_compatible_shallow_copy_type:
            return False  # a module that is sent to another place takes new parameters
        if func not in _OF_BOTH:
            elsewhere = [t for t in _tensors([args, kwargs or {}]) if not isinstance(t, OnCard) and t.ndim]
            if elsewhere:
                raise RuntimeError(f"{func}: expected all tensors on the card, but {tuple(elsewhere[0].shape)} is not")
        return super().__torch_function__(func, types, args, kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copy = self.detach().clone()
        memo[id(self)] = nn.Parameter(copy, self.requires_grad) if isinstance(self, nn.Parameter) else copy
        return memo[id(self)]


def _tensors(nested: Any) -> Iterator[Tensor]:
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, list | tuple):
        for part in nested:
            yield from _tensors(part)
    elif isinstance(nested, dict):
        yield from _tensors(list(nested.values()))


def _moved(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """``Tensor.to``, which also knows the way to the card and back."""
    place = kwargs.get("device", args[0] if args else None)
    place = place.device if isinstance(place, Tensor) else place
    if isinstance(place, str | torch.device) and torch.device(place).type == "cpu":
        if torch.device(place) != CARD:
            tensor = tensor.cpu() if isinstance(tensor, OnCard) else tensor
        elif not isinstance(tensor, OnCard):
            tensor = tensor.as_subclass(OnCard)
    return _to(tensor, *args, **kwargs)


@contextmanager
def pretended() -> Iterator[torch.device]:
    """The card that what is sent there lies on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tensor, "to", _moved)
        torch.__future__.set_overwrite_module_params_on_conversion(True)  # a module's parameters lie where it was sent
        yield CARD
        torch.__future__.set_overwrite_module_params_on_conversion(False)
