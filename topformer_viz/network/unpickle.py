"""A checkpoint's pickles, read without running anything that they name."""

import io
import pickletools
import re
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from topformer_viz.network import refusals
from topformer_viz.network.refusals import CheckpointError, cut_in
from topformer_viz.words.text import Text

MAX_INDEX_BYTES = 4_000_000  # of what tells tensors' names and shapes, and stands beside them: base's own takes 0.2 MB
MAX_OPERATIONS = 300_000  # of its pickles: each may make an object; base with an optimiser's state takes a tenth
MAX_AXES = 8  # of a tensor in such a file; what any stands for is written once and may be used again and again

# All that tensors are saved with, and what stands for it here.
_DTYPES = {str(dtype): dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}
_STORAGES = {
    "torch.storage.UntypedStorage": torch.uint8,
    **{
        f"torch.{kind}Storage": dtype
        for kind, dtype in {
            "Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16,
            "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
            "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128,
        }.items()
    },
}  # fmt: skip
# What training scripts put beside them: timm its arguments, mmcv scores and palettes from NumPy (1 and 2), mmengine what
# its losses were, Python its own containers. It becomes None, so that nothing of it is imported, made or run.
_NOTES = (
    "argparse.Namespace",
    "collections.Counter",
    "collections.defaultdict",
    "collections.deque",
    "torch.Size",
    "torch.device",
    "_codecs.encode",
    "copy_reg._reconstructor",
    *(
        f"{builtins}.{kind}"
        for builtins in ("__builtin__", "builtins")
        for kind in ("bool", "bytearray", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "slice", "str", "tuple")
    ),
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy.dtype",
    "numpy.ndarray",
    *(
        f"numpy.{core}.{maker}"
        for core in ("core", "_core")
        for maker in ("multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer")
    ),
)  # fmt: skip


def _tensor(numbers: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    """``torch._utils._rebuild_tensor_v2``, except that numbers outside the storage are an error."""
    if len(size) > MAX_AXES:
        raise ValueError(f"a tensor of {len(size)} axes")
    return numbers.as_strided(size, stride, offset)


def _typed_tensor(
    raw: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], grad: object, hooks: object,
    dtype: torch.dtype, *_: object,
) -> Tensor:  # fmt: skip
    """``torch._utils._rebuild_tensor_v3``."""
    return _tensor(raw.view(dtype), offset, size, stride)


def _parameter(data: Tensor, *_: object) -> Tensor:
    """``torch._utils._rebuild_parameter``, as the tensor it wraps."""
    return data


_GLOBALS: dict[str, Any] = {
    **_DTYPES,
    **_STORAGES,
    **dict.fromkeys(_NOTES),
    "collections.OrderedDict": lambda: {},
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}


class Index(io.BytesIO):
    """The bytes of a file's pickles, which end with ``CheckpointError`` where there is more of them than is read."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name
        self.operations = 0

    def read(self, size: int | None = -1) -> bytes:
        return self._checked(
            super().read(min(MAX_INDEX_BYTES if size is None or size < 0 else size, MAX_INDEX_BYTES + 1))
        )

    def readline(self, size: int | None = -1) -> bytes:
        return self._checked(super().readline(MAX_INDEX_BYTES + 1))

    def _checked(self, found: bytes) -> bytes:
        if self.tell() > MAX_INDEX_BYTES:
            raise CheckpointError(refusals.CROWDED, name=self.name)
        return found


def unpickled(pickled: Index, numbers: Callable[[str, torch.dtype, int], Tensor]) -> Any:
    """What one pickle holds; ``CheckpointError`` if it calls on more than tensors need.

    ``numbers(key, dtype, count)`` gives a storage, 1-D. Python's own reader runs whatever a file names, and PyTorch's
    restricted one still lets a few bytes ask for any amount of time or memory (a bytearray of any length, a large
    dictionary copied over and over). This one knows the operations that Python writes by protocols 1 to 5, imports nothing,
    calls nothing but the functions in ``_GLOBALS``, and takes a bounded time for each operation. Sets and bytes become
    None, which nothing here needs, and keys of dictionaries words, as numbers can be chosen to have one hash.
    """
    stack: list[Any] = []
    below: list[list[Any]] = []  # the stacks under each mark
    memo: dict[int, Any] = {}
    argument: Any
    for operation, argument, _ in pickletools.genops(pickled):
        pickled.operations += 1
        if pickled.operations > MAX_OPERATIONS:
            raise CheckpointError(refusals.CROWDED, name=pickled.name)
        match operation.name:
            case "BINPUT" | "LONG_BINPUT" | "PUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET" | "GET":
                stack.append(memo[argument])
            case (
                "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8" | "UNICODE" | "SHORT_BINSTRING" | "BINSTRING" | "STRING"
                | "BININT" | "BININT1" | "BININT2" | "INT" | "LONG" | "LONG1" | "LONG4" | "BINFLOAT" | "FLOAT" | "NONE"
            ):  # fmt: skip
                stack.append(argument)
            case "SHORT_BINBYTES" | "BINBYTES" | "BINBYTES8" | "BYTEARRAY8" | "EMPTY_SET":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(operation.name == "NEWTRUE")
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "MARK":
                below.append(stack)
                stack = []
            case "POP_MARK":
                stack = below.pop()
            case "POP":
                stack.pop()
            case "TUPLE":
                items, stack = stack, below.pop()
                stack.append(tuple(items))
            case "LIST" | "DICT":
                items, stack = stack, below.pop()
                stack.append([] if operation.name == "LIST" else {})
                _add(stack[-1], items)
            case "FROZENSET":
                stack = below.pop()
                stack.append(None)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(operation.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND":
                item = stack.pop()
                _add(stack[-1], [item])
            case "APPENDS" | "SETITEMS" | "ADDITEMS":
                items, stack = stack, below.pop()
                _add(stack[-1], items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _add(stack[-1], [key, value])
            case "BUILD":  # gives an object its attributes: an ordered dictionary's version, or a note's
                stack.pop()
            case "GLOBAL":
                stack.append(_meant(argument.replace(" ", ".", 1), pickled.name))
            case "STACK_GLOBAL":
                of, module = stack.pop(), stack.pop()
                if not (isinstance(of, str) and isinstance(module, str)):
                    raise ValueError("a global without a name")
                stack.append(_meant(f"{module}.{of}", pickled.name))
            case "REDUCE" | "NEWOBJ" | "NEWOBJ_EX":
                if operation.name == "NEWOBJ_EX":
                    stack.pop()  # arguments by name, which no function here takes
                arguments, function = stack.pop(), stack.pop()
                if len(arguments) > 8:
                    raise ValueError("too many arguments")
                stack.append(function(*arguments) if callable(function) else None)
            case "BINPERSID":
                _, dtype, key, _, count = stack.pop()[:5]  # the sixth is always None
                if not isinstance(key, str):
                    raise ValueError("a storage without a name")
                stack.append(numbers(key, dtype, count))
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case _:
                raise refusals.convertible(
                    refusals.UNKNOWN, pickled.name, what=refusals.OPERATION.format(operation=operation.name)
                )
    raise ValueError("a pickle without an end")


def _meant(what: str, name: str) -> Any:
    """What stands for a global here; ``CheckpointError`` if it is none of those that tensors and notes need."""
    if what in _GLOBALS:
        return _GLOBALS[what]
    top = what.partition(".")[0]
    if own := top in sys.stdlib_module_names:
        # Python 3.13 keeps pathlib's classes in pathlib._local; people know them without.
        what = re.sub(r"(?<=\.)_[a-z]\w*\.", "", what)
    there = own or top in ("torch", "__builtin__", "__main__", "copy_reg")
    shown = cut_in(what)
    raise refusals.convertible(refusals.CODE, name, package="" if there else cut_in(top), what=Text(shown, shown))


def _add(target: Any, items: list[Any]) -> None:
    """Put items into a list, or keys and values in turn into a dictionary; nothing into a note."""
    if isinstance(target, list):
        target += items
    elif isinstance(target, dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        target.update((str(key), value) for key, value in pairs if isinstance(key, str | int))
