"""A name or a checkpoint in, a model in eval mode out."""

import copy
import io
import json
import math
import pickletools
import re
import zipfile
from collections.abc import Callable
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from topformer_viz.colour import ColourModel
from topformer_viz.markup import plain
from topformer_viz.model import SIZES, TopFormer
from topformer_viz.text import Text
from topformer_viz.tracing import Model, Trace, trace

MAX_CHECKPOINT_BYTES = 100_000_000  # base with an optimiser's state and a moving average takes 80 MB
MAX_INDEX_BYTES = 500_000  # of what tells tensors' names and shapes; for the same file 0.2 MB
MAX_CLASSES = 1024  # more than any published set; the class scores of a picture are kept whole
SHOWN_KEYS, SHOWN_CHARACTERS = 3, 120  # how many keys of each kind an error names, and how much of any name
LARGEST = 1e15  # the pages sum squares of what a network computes; far above that float32 cannot hold them
WRAPPERS = ("state_dict_ema", "state_dict", "model")  # where published files keep their tensors
STREETS = Path(__file__).resolve().parent.parent / "assets" / "weights" / "streets.safetensors"

# To be run where a file is trusted: it runs what is in it. OLD and NEW stand for the files, so that no stranger's file
# name gets into a command line.
CONVERT = (
    'python -c "import sys, torch, safetensors.torch as st; '
    "c = torch.load(sys.argv[1], 'cpu', weights_only=False); "
    f"c = next((c[k] for k in {WRAPPERS} if isinstance(c, dict) and k in c), c); "
    "c = c if isinstance(c, dict) else c.state_dict(); "
    "st.save_file({k: v.clone().contiguous() for k, v in c.items() if isinstance(v, torch.Tensor)}, sys.argv[2])"
    '" OLD.pth NEW.safetensors'
)

_TOO_HEAVY = Text(
    en="{name} is larger than {megabytes} MB, more than any TopFormer checkpoint; please choose another file, "
    "or save its state dict alone.",
    zh="{name} 超过 {megabytes} MB，比任何 TopFormer 权重文件都大；请换一个文件，或只保存其中的 state dict。",
)
_UNREADABLE = Text(
    en="{name} cannot be read as a checkpoint: it is damaged or cut off, or neither a .pth nor a .safetensors file "
    "of tensors; please download or export it again.",
    zh="无法将 {name} 读作权重文件：文件已损坏或不完整，或者不是由张量组成的 .pth 或 .safetensors 文件；请重新下载或导出。",
)
_OVERCLAIM = Text(
    en="{name} is not opened: what it holds is compressed, or claims to be more than the file has bytes; "
    "please save it again with torch.save or safetensors.",
    zh="未打开 {name}：其中的内容经过压缩，或声称的大小超过文件本身；请用 torch.save 或 safetensors 重新保存。",
)
_CODE = Text(
    en="{name} is not opened: reading it would have to run {what}, which could do anything on this computer. "
    "If you trust the file, convert it on your own computer and open the result: {command}",
    zh="未打开 {name}：读取它需要运行 {what}，而这可能在本机上执行任何操作。"
    "如果信任该文件，请在自己的电脑上用这条命令转换，再打开转换后的文件：{command}",
)
_NO_DICTIONARY = Text(
    en="{name} holds a {kind}, not a dictionary of tensors; please save the model's state dict.",
    zh="{name} 中是 {kind}，而不是张量的字典；请保存模型的 state dict。",
)
_NO_TENSORS = Text(
    en="{name} holds no tensors, neither bare nor under {wrappers}; please save the model's state dict.",
    zh="{name} 中没有张量：最外层没有，{wrappers} 之下也没有；请保存模型的 state dict。",
)
_NOT_FINITE = Text(
    en="{name} holds weights that are infinite or no numbers at all (NaN), so nothing it computes could be shown; its "
    "training may have diverged. Please choose another file.",
    zh="{name} 里有无穷大或非数（NaN）的权重，它算出的任何结果都无法显示，可能是训练发散了。请换一个文件。",
)
_OVERFLOWS = Text(
    en="{name} holds finite weights, but what they compute is not: on a test picture its numbers grow beyond {largest}, "
    "too large to be shown. Please choose another file.",
    zh="{name} 的权重都是有限数，但用它们计算会溢出：在一张测试图上，得到的数超过了 {largest}，无法显示。请换一个文件。",
)
_MISFIT = Text(
    en="{name} does not fit TopFormer {size}: {told}",
    zh="{name} 与 TopFormer {size} 不符：{told}",
)
_MISFITS = {
    "missing": Text(en="{count} missing: {keys}", zh="缺少 {count} 个：{keys}"),
    "unexpected": Text(en="{count} unexpected: {keys}", zh="多余 {count} 个：{keys}"),
    "misshapen": Text(en="{count} misshapen: {keys}", zh="形状不符 {count} 个：{keys}"),
    "mistyped": Text(en="{count} not of floating-point numbers: {keys}", zh="非浮点数 {count} 个：{keys}"),
}


class CheckpointError(ValueError):
    """The file is no TopFormer checkpoint.

    ``text`` says why, and what to do, in both languages; ``str()`` is its English.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def load_model(source: str | PathLike[str], *, seed: int = 0, grid: int = 8) -> Model:
    """A model in eval mode, on the CPU.

    ``source``: "tiny", "small" or "base" (untrained, as built, 150 classes; ``seed`` draws the weights); "streets"
    (tiny, trained on street photographs, 8 named classes); "colour" (fixed weights; ``grid`` cells on the short side,
    8 to 64); or the path of a checkpoint as ``load_checkpoint`` takes it.

    Raises FileNotFoundError, ``CheckpointError`` if the file does not fit, ValueError for a grid out of range.
    """
    if source == "colour":
        return ColourModel(grid).eval()
    if isinstance(source, str) and source in SIZES:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return TopFormer(source).eval()
    path = STREETS if source == "streets" else Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint at {path}, and no model of that name: colour, streets, {', '.join(SIZES)}"
        )
    _check_size(path.stat().st_size, plain(path.name, SHOWN_CHARACTERS))
    return load_checkpoint(path.read_bytes(), path.name)


def load_checkpoint(data: bytes, name: str) -> TopFormer:
    """The model of a checkpoint file's bytes, in eval mode, on the CPU; ``name`` is for messages only.

    The file is in the published layout, .safetensors or what torch.save writes; which of them, its content tells.
    Size and number of classes are read off it, floating tensors of any type become float32, and an ImageNet backbone
    loads without injection and head. Class names are taken from a "classes" entry in the metadata of .safetensors (a
    JSON list), or from where mmcv keeps them. Only tensors are read, never code, and nothing is written to disk.

    Raises ``CheckpointError`` if the file does not fit or has more than MAX_CHECKPOINT_BYTES, and if its weights, or what
    it computes of noise, are not finite.
    """
    name = plain(name, SHOWN_CHARACTERS)
    _check_size(len(data), name)
    try:
        # Where .safetensors begins its JSON, a zip file and PyTorch's old format have other bytes.
        read = _read_safetensors if data[8:9] == b"{" else _read_torch
        content, class_names = read(data, name)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file can make the readers raise nearly anything
        raise CheckpointError(_UNREADABLE.format(name=name)) from error
    state = _state_of(content, name)
    if sum(tensor.numel() for tensor in state.values()) > len(data):  # a stride of 0 repeats one number for ever
        raise CheckpointError(_OVERCLAIM.format(name=name))
    model = _fitting(state, name)
    if isinstance(class_names, list | tuple) and len(class_names) == model.classes:
        if all(isinstance(class_name, str) for class_name in class_names):
            model.class_names = tuple(class_name[:SHOWN_CHARACTERS] for class_name in class_names)
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise CheckpointError(_NOT_FINITE.format(name=name))
    noise = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    if not showable(trace(model.eval(), noise)):
        raise CheckpointError(_OVERFLOWS.format(name=name, largest=f"{LARGEST:.0e}"))
    return model


def showable(run: Trace) -> bool:
    """Whether all that the run computed is finite, and not so large that what is measured of it would not be."""
    return all(float(tensor.abs().amax()) < LARGEST for tensor in run.values())


def _check_size(size: int, name: str) -> None:
    if size > MAX_CHECKPOINT_BYTES:
        raise CheckpointError(_TOO_HEAVY.format(name=name, megabytes=MAX_CHECKPOINT_BYTES // 1_000_000))


def _read_safetensors(data: bytes, name: str) -> tuple[Any, Any]:
    """The file's tensors, and what it gives as names of the classes, which may be anything."""
    header = int.from_bytes(data[:8], "little")  # the length of the JSON that follows
    if header > min(len(data) - 8, MAX_INDEX_BYTES):
        raise CheckpointError(_OVERCLAIM.format(name=name))
    tensors = safetensors.torch.load(data)
    try:
        return tensors, json.loads(json.loads(data[8 : 8 + header])["__metadata__"]["classes"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return tensors, None


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
# What training scripts put beside them: timm its arguments, mmcv scores and palettes from NumPy (1 and 2). It becomes
# None, so that nothing of it is imported, made or run.
_NOTES = (
    "argparse.Namespace",
    "collections.Counter",
    "torch.Size",
    "torch.device",
    "_codecs.encode",
    "__builtin__.set",
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.{maker}" for core in ("core", "_core") for maker in ("scalar", "_reconstruct")),
)
MAX_AXES = 8  # of a tensor in such a file; what any stands for is written once and may be used again and again


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


_GLOBALS: dict[str, Any] = {
    **_DTYPES,
    **_STORAGES,
    **dict.fromkeys(_NOTES),
    "collections.OrderedDict": lambda: {},
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": lambda data, *_: data,
}


class _Directory(io.BytesIO):
    """A zip file that is read up to the end of its directory only if that is short."""

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        if len(found) > MAX_INDEX_BYTES:
            raise ValueError("the directory is too long")
        return found


def _read_torch(data: bytes, name: str) -> tuple[Any, Any]:
    """What torch.save put into the file, and what it gives as names of the classes, which may be anything."""
    content = (_read_zip if data.startswith(b"PK\x03\x04") else _read_old)(data, name)
    meta = content.get("meta") if isinstance(content, dict) else None
    return content, meta.get("CLASSES") if isinstance(meta, dict) else None


def _read_zip(data: bytes, name: str) -> Any:
    """A zip file of one pickle and, for each storage, a record of its bytes."""
    zipfile.ZipFile(_Directory(data)).close()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        records = archive.infolist()
        if any(r.compress_type != zipfile.ZIP_STORED for r in records) or sum(r.file_size for r in records) > len(data):
            raise CheckpointError(_OVERCLAIM.format(name=name))
        (folder,) = (r.filename[:-8] for r in records if re.fullmatch(r"[^/]+/data\.pkl", r.filename))
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("another byte order")

        @cache
        def raw(key: str) -> Tensor:
            return _bytes(archive.read(f"{folder}data/{key}"))

        with archive.open(f"{folder}data.pkl") as index:
            pickled = io.BytesIO(index.read(MAX_INDEX_BYTES))
        return _unpickled(pickled, name, lambda key, dtype, count: raw(key).view(dtype))


def _read_old(data: bytes, name: str) -> Any:
    """As before PyTorch 1.6: five pickles in a row, of which the fourth is the content and the fifth the storages' names,
    then the bytes of each storage behind their count.
    """
    storages: dict[str, Tensor] = {}
    room = len(data)

    def numbers(key: str, dtype: torch.dtype, count: int) -> Tensor:
        """Zeros in their place: they come last in the file."""
        nonlocal room
        if key not in storages:
            room -= count * dtype.itemsize
            if room < 0:
                raise CheckpointError(_OVERCLAIM.format(name=name))
            storages[key] = torch.zeros(count, dtype=dtype)
        return storages[key]

    pickles = io.BytesIO(data[:MAX_INDEX_BYTES])
    *_, content, keys = (_unpickled(pickles, name, numbers) for _ in range(5))
    at = pickles.tell()
    for key in keys:
        storage = storages[key]
        start, at = at + 8, at + 8 + storage.nbytes
        storage.copy_(_bytes(memoryview(data)[start:at]).view(storage.dtype))
    return content


def _bytes(raw: bytes | memoryview) -> Tensor:
    """These bytes as a tensor of uint8."""
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8) if raw else torch.empty(0, dtype=torch.uint8)


def _unpickled(pickled: io.BytesIO, name: str, numbers: Callable[[str, torch.dtype, int], Tensor]) -> Any:
    """What one pickle holds; ``CheckpointError`` if it calls on more than tensors need.

    ``numbers(key, dtype, count)`` gives a storage, 1-D. Python's own reader runs whatever a file names, and PyTorch's
    restricted one still lets a few bytes ask for any amount of time or memory (a bytearray of any length, a large
    dictionary copied over and over). This one knows the operations that torch.save uses, imports nothing, calls nothing
    but the four functions in ``_GLOBALS``, and takes a bounded time for each byte. Keys of dictionaries become words,
    as numbers can be chosen to have one hash.
    """
    stack: list[Any] = []
    below: list[list[Any]] = []  # the stacks under each mark
    memo: dict[int, Any] = {}
    argument: Any
    for operation, argument, _ in pickletools.genops(pickled):
        match operation.name:
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "BINUNICODE" | "SHORT_BINSTRING" | "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "NONE":
                stack.append(argument)
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
            case "TUPLE":
                items, stack = stack, below.pop()
                stack.append(tuple(items))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(operation.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND":
                item = stack.pop()
                _add(stack[-1], [item])
            case "APPENDS" | "SETITEMS":
                items, stack = stack, below.pop()
                _add(stack[-1], items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _add(stack[-1], [key, value])
            case "BUILD":  # gives an object its attributes: an ordered dictionary's version, or a note's
                stack.pop()
            case "GLOBAL":
                what = argument.replace(" ", ".")
                if what not in _GLOBALS:
                    raise CheckpointError(_CODE.format(name=name, what=plain(what, SHOWN_CHARACTERS), command=CONVERT))
                stack.append(_GLOBALS[what])
            case "REDUCE" | "NEWOBJ":
                arguments, function = stack.pop(), stack.pop()
                if len(arguments) > 8:
                    raise ValueError("too many arguments")
                stack.append(function(*arguments) if callable(function) else None)
            case "BINPERSID":
                _, dtype, key, _, count = stack.pop()[:5]  # the sixth is always None
                if not isinstance(key, str):
                    raise ValueError("a storage without a name")
                stack.append(numbers(key, dtype, count))
            case "PROTO":
                pass
            case "STOP":
                return stack.pop()
            case _:
                raise ValueError(operation.name)
    raise ValueError("a pickle without an end")


def _add(target: Any, items: list[Any]) -> None:
    """Put items into a list, or keys and values in turn into a dictionary; nothing into a note."""
    if isinstance(target, list):
        target += items
    elif isinstance(target, dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        target.update((str(key), value) for key, value in pairs if isinstance(key, str | int))


def _state_of(content: Any, name: str) -> dict[str, Tensor]:
    """The network's tensors under the segmentation model's names."""
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if not isinstance(content, dict):
        raise CheckpointError(_NO_DICTIONARY.format(name=name, kind=type(content).__name__))
    state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise CheckpointError(_NO_TENSORS.format(name=name, wrappers=", ".join(WRAPPERS)))
    if all(key.startswith("module.") for key in state):  # saved from within DataParallel
        state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    dropped = ["auxiliary_head."]  # mmseg's, for training only
    if not any(key.startswith("decode_head.") for key in state):
        dropped.append("head.")  # an ImageNet classifier: the authors' is head.bn and head.l
    state = {key: tensor for key, tensor in state.items() if not key.startswith(tuple(dropped))}
    if any(key.startswith("tpm.") for key in state):  # a bare backbone, as ImageNet training saves it
        state = {f"backbone.{key}": tensor for key, tensor in state.items()}
    return state


def _fitting(state: dict[str, Tensor], name: str) -> TopFormer:
    """The model that fits ``state``; ``CheckpointError`` names what does not fit the nearest one."""
    classes: int | None = None
    if any(key.startswith(("decode_head.", "backbone.SIM.")) for key in state):
        seg = state.get("decode_head.conv_seg.weight")
        classes = seg.shape[0] if seg is not None and seg.ndim == 4 and 1 <= seg.shape[0] <= MAX_CLASSES else 150

    def misfits(size: str) -> dict[str, list[str]]:
        with torch.device("meta"):
            expected = TopFormer(size, classes).state_dict()
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
        ((size, misfits(size)) for size in SIZES), key=lambda pair: sum(len(keys) for keys in pair[1].values())
    )
    if any(wrong.values()):
        told = [_MISFITS[kind].format(count=len(keys), keys=_shown(keys)) for kind, keys in wrong.items() if keys]
        raise CheckpointError(
            Text(
                en=_MISFIT("en", name=name, size=size, told="; ".join(text.en for text in told)),
                zh=_MISFIT("zh", name=name, size=size, told="；".join(text.zh for text in told)),
            )
        )
    with torch.random.fork_rng(devices=[]):  # building draws weights, which the file's then replace
        model = TopFormer(size, classes)
    model.load_state_dict(state, strict=False)  # strict but for the step counters, checked above
    return model


def _shown(keys: list[str]) -> str:
    """The first keys, each cut; a stranger's may be of any length and hold what no terminal or browser can show."""
    first = (plain(key, SHOWN_CHARACTERS) for key in keys[:SHOWN_KEYS])
    return ", ".join(first) + (", …" if len(keys) > SHOWN_KEYS else "")


@torch.inference_mode(False)
@torch.no_grad()
def reinitialised(model: TopFormer, seed: int = 0) -> TopFormer:
    """A copy of ``model`` in eval mode with weights drawn anew by ``seed``, as at the start of the authors' training.

    The backbone goes through ``init_weights`` of the authors' topformer.py: each convolution is drawn from
    N(0, 2 / fan_out), fan_out = k * k * out channels // groups, biases become 0, and each BatchNorm2d's weight 1 and
    bias 0, the projection's too, whose 0 is thereby lost. The head is not theirs to initialise: mmseg draws conv_seg
    from N(0, 0.01 squared), bias 0, and mmcv linear_fuse from N(0, 2 / (k * k * out channels)), whatever its groups.
    Running means and variances are a fresh network's, 0 and 1.
    """
    model = copy.deepcopy(model).eval()
    random = torch.Generator().manual_seed(seed)
    heads: dict[nn.Module, float] = {}
    if model.classes is not None:
        fuse = model.decode_head.linear_fuse.conv
        heads = {model.decode_head.conv_seg: 0.01, fuse: math.sqrt(2 / fuse.out_channels)}
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
            module.weight.normal_(0, heads.get(module, math.sqrt(2 / fan_out)), generator=random)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()  # weight 1, bias 0, and the statistics
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
