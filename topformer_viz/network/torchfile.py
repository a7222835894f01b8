"""What a checkpoint's bytes hold: tensors and names of classes, never code.

A file comes from a stranger, so it is read in bounded time and memory, nothing in it is imported or run, and nothing is
written to disk. One that is not read is told apart: cut off, another kind of file, an archive, or sound but beyond this
reader, for which there is a command that converts it where it is trusted.
"""

import io
import json
import pickletools
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from topformer_viz.words.plain import plain
from topformer_viz.words.text import Text

MAX_INDEX_BYTES = 4_000_000  # of what tells tensors' names and shapes, and stands beside them: base's own takes 0.2 MB
MAX_OPERATIONS = 300_000  # of its pickles: each may make an object; base with an optimiser's state takes a tenth
MAX_DIRECTORY_BYTES = 500_000  # of a zip file's list of records: Python reads its entries slowly
MAX_AXES = 8  # of a tensor in such a file; what any stands for is written once and may be used again and again
SHOWN_CHARACTERS = 120  # of a stranger's name, of a file or of anything in it
WRAPPERS = ("state_dict_ema", "state_dict", "model_state_dict", "model")  # where published files keep their tensors
NAMES = ("classes", "CLASSES")  # under which a file keeps those of its classes

# To be run where a file is trusted: it runs what is in it. OLD and NEW stand for the files, so that no stranger's file
# name gets into a command line; neither sh nor PowerShell finds anything of theirs between the double quotes.
CONVERT = (
    'python -c "import json, sys, torch, safetensors.torch as st; '
    "c = torch.load(sys.argv[1], 'cpu', weights_only=False); "
    "d = c if isinstance(c, dict) else {}; m = d.get('meta') or {}; "
    f"n = next((p[k] for p in (m.get('dataset_meta') or {{}}, m, d) for k in {NAMES} "
    "if isinstance(p.get(k), (list, tuple))), None); "
    f"c = next((d[k] for k in {WRAPPERS} if k in d), c); "
    "c = c if isinstance(c, dict) else c.state_dict(); "
    # Not save_file, whose files nobody but their owner can read.
    "t = {k: v.clone().contiguous() for k, v in c.items() if isinstance(v, torch.Tensor)}; "
    "open(sys.argv[2], 'wb').write(st.save(t, n and {'classes': json.dumps(n)}))"
    '" OLD.pth NEW.safetensors'
)

_TO_CONVERT = Text(
    en="If you trust the file, convert it on your own computer and open the result: {command}",
    zh="如果信任该文件，请在自己的电脑上用这条命令转换，再打开转换后的文件：{command}",
)
_TO_CONVERT_WITH = Text(
    en="If you trust the file, convert it on your own computer, where {package} must be installed, and open the result: "
    "{command}",
    zh="如果信任该文件，请在自己的电脑上（需已安装 {package}）用这条命令转换，再打开转换后的文件：{command}",
)
_CODE = Text(
    en="{name} is not opened: reading it would have to run {what}, which could do anything on this computer. {convert}",
    zh="未打开 {name}：读取它需要运行 {what}，而这可能在本机上执行任何操作。{convert}",
)
_UNKNOWN = Text(
    en="{name} is not opened: it holds {what}, which is not read here. {convert}",
    zh="未打开 {name}：其中有{what}，这里无法读取。{convert}",
)
_OPERATION = Text(en="the pickle operation {operation}", zh="pickle 操作 {operation}")
_BYTE_ORDER = Text(en="numbers in another byte order", zh="字节序不同的数")
_UNREADABLE = Text(
    en="{name} cannot be read as a checkpoint. It may be damaged or cut off: then download or export it again. Or it may be "
    "sound and of a kind that is not known here. {convert}",
    zh="无法将 {name} 读作权重文件。它可能已损坏或不完整：请重新下载或导出。它也可能完好，只是这里不认识这种格式。{convert}",
)
_CUT_OFF = Text(
    en="{name} cannot be read: it ends before all that it announces has come, as after a download that broke off. Please "
    "download or export it again.",
    zh="无法读取 {name}：文件提前结束，内容不完整，例如下载中途断开。请重新下载或导出。",
)
OVERCLAIM = Text(
    en="{name} is not opened: what it holds is compressed, or claims to be more than the file has bytes; "
    "please save it again with torch.save or safetensors.",
    zh="未打开 {name}：其中的内容经过压缩，或声称的大小超过文件本身；请用 torch.save 或 safetensors 重新保存。",
)
_CROWDED = Text(
    en="{name} is not opened: it holds too much beside the numbers of its tensors, a long configuration or history for "
    "instance; please save the model's state dict alone.",
    zh="未打开 {name}：除张量的数值外，其中的内容太多，例如很长的配置或训练记录；请只保存模型的 state dict。",
)
_ARCHIVE = Text(
    en="{name} is an archive of files; please unpack it and open the .pth or .safetensors file inside.",
    zh="{name} 是压缩包；请先解压，再打开其中的 .pth 或 .safetensors 文件。",
)
_FOREIGN = Text(
    en="{name} is neither a .pth file, as torch.save writes it, nor a .safetensors file{kind}.",
    zh="{name} 既不是 torch.save 保存的 .pth 文件，也不是 .safetensors 文件{kind}。",
)
_KINDS = {
    "empty": Text(en=": it is empty", zh="：它是空的"),
    "page": Text(
        en=": it is a web page, which sites hand out in place of a file when they want a sign-in or a confirmation first",
        zh="：它是一个网页，网站要求先登录或确认时，会用网页代替文件",
    ),
    "pointer": Text(
        en=": it is a pointer of Git LFS; “git lfs pull” fetches the file itself",
        zh="：它是 Git LFS 的指针，用 git lfs pull 才能取得文件本身",
    ),
    "pickle": Text(
        en=": it is a plain pickle; please save what is in it with torch.save",
        zh="：它是普通的 pickle；请用 torch.save 保存其中的内容",
    ),
    "other": Text(en="; please choose another file", zh="；请换一个文件"),
}
_ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\xfd7zXZ\0", b"BZh", b"\x28\xb5\x2f\xfd")


class CheckpointError(ValueError):
    """The file is no TopFormer checkpoint.

    ``text`` says why, and what to do, in both languages; ``str()`` is its English.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def read(data: bytes, name: str) -> tuple[Any, list[Any]]:
    """What the file's author put into it, and what it gives as names of the classes, which may be anything.

    ``data``: a .safetensors file, or what torch.save writes, of now or before PyTorch 1.6, by whatever pickle protocol;
    its content tells which. Of the latter, all that is no tensor, container, word or number is None, and keys of
    dictionaries are words. ``name``, a short line, is for messages only.

    Raises ``CheckpointError``.
    """
    try:
        # Where .safetensors begins its JSON, a zip file and PyTorch's old format have other bytes.
        if data[8:9] == b"{":
            return _read_safetensors(data, name)
        if data.startswith(b"PK\x03\x04"):
            content = _read_zip(data, name)
        elif _MAGIC.to_bytes(10, "little") in data[:32] or str(_MAGIC).encode() in data[:32]:
            content = _read_old(data, name)
        elif data.startswith(_ARCHIVES) or data[257:262] == b"ustar":
            raise CheckpointError(_ARCHIVE.format(name=name))
        else:
            raise _told(_FOREIGN, name, kind=_KINDS[_kind(data)])
        return content, list(_names(content))
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file can make the readers raise nearly anything
        raise _told(_UNREADABLE, name) from error


def cut_in(text: str) -> str:
    """A stranger's text as messages show it: one line of at most SHOWN_CHARACTERS."""
    return plain(text, SHOWN_CHARACTERS)


def _told(message: Text, name: str, package: str = "", **what: Text) -> CheckpointError:
    """The error with the way out: the command, and the package that it must find."""
    convert = _TO_CONVERT_WITH if package else _TO_CONVERT
    languages = {}
    for lang in ("en", "zh"):
        way = convert(lang, command=CONVERT, package=package)
        languages[lang] = message(lang, name=name, convert=way, **{key: text(lang) for key, text in what.items()})
    return CheckpointError(Text(**languages))


def _kind(data: bytes) -> str:
    """What a file is that is no checkpoint, as far as it can be told from its start."""
    start = data[:200].strip().lower()
    if not start:
        return "empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "page"
    if start.startswith(b"version https://git-lfs"):
        return "pointer"
    return "pickle" if data[:1] == b"\x80" and data[1:2] <= b"\5" else "other"


def _names(content: Any) -> Iterator[Any]:
    """Where mmengine (``dataset_meta``), mmcv and people's own scripts put names of classes, in this order."""
    meta = content.get("meta") if isinstance(content, dict) else None
    set_ = meta.get("dataset_meta") if isinstance(meta, dict) else None
    for place in (set_, meta, content):
        if isinstance(place, dict):
            yield from (place[key] for key in NAMES if key in place)


def _read_safetensors(data: bytes, name: str) -> tuple[Any, list[Any]]:
    header = int.from_bytes(data[:8], "little")  # the length of the JSON that follows
    if header > len(data) - 8:
        raise CheckpointError(_CUT_OFF.format(name=name))
    if header > MAX_INDEX_BYTES:
        raise CheckpointError(_CROWDED.format(name=name))
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        if "not fully covered" in str(error):  # the header asks for more bytes than follow, or for fewer
            raise CheckpointError(_CUT_OFF.format(name=name)) from error
        raise
    try:
        return tensors, [json.loads(json.loads(data[8 : 8 + header])["__metadata__"]["classes"])]
    except (KeyError, TypeError, ValueError, RecursionError):
        return tensors, []


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


class _Index(io.BytesIO):
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
            raise CheckpointError(_CROWDED.format(name=self.name))
        return found


class _Directory(io.BytesIO):
    """A zip file that is read up to the end of its directory only if that is short."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name_in_messages = name

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        if len(found) > MAX_DIRECTORY_BYTES:
            raise CheckpointError(_CROWDED.format(name=self.name_in_messages))
        return found


def _read_zip(data: bytes, name: str) -> Any:
    """A zip file of one pickle and, for each storage, a record of its bytes."""
    try:
        zipfile.ZipFile(_Directory(data, name)).close()
    except zipfile.BadZipFile as error:  # the directory comes last
        raise CheckpointError(_CUT_OFF.format(name=name)) from error
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        records = archive.infolist()
        folders = [r.filename[:-8] for r in records if re.fullmatch(r"[^/]+/data\.pkl", r.filename)]
        if not folders:
            raise CheckpointError(_ARCHIVE.format(name=name))
        if any(r.compress_type != zipfile.ZIP_STORED for r in records) or sum(r.file_size for r in records) > len(data):
            raise CheckpointError(OVERCLAIM.format(name=name))
        (folder,) = folders
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise _told(_UNKNOWN, name, what=_BYTE_ORDER)

        @cache
        def raw(key: str) -> Tensor:
            return _bytes(archive.read(f"{folder}data/{key}"))

        with archive.open(f"{folder}data.pkl") as index:
            pickled = _Index(index.read(MAX_INDEX_BYTES + 1), name)
        return _unpickled(pickled, lambda key, dtype, count: raw(key).view(dtype))


_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the old format


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
                raise CheckpointError(_CUT_OFF.format(name=name))
            storages[key] = torch.zeros(count, dtype=dtype)
        return storages[key]

    pickles = _Index(data, name)
    *_, content, keys = (_unpickled(pickles, numbers) for _ in range(5))
    at = pickles.tell()
    for key in keys:
        storage = storages[key]
        start, at = at + 8, at + 8 + storage.nbytes
        if at > len(data):
            raise CheckpointError(_CUT_OFF.format(name=name))
        storage.copy_(_bytes(memoryview(data)[start:at]).view(storage.dtype))
    return content


def _bytes(raw: bytes | memoryview) -> Tensor:
    """These bytes as a tensor of uint8."""
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8) if raw else torch.empty(0, dtype=torch.uint8)


def _unpickled(pickled: _Index, numbers: Callable[[str, torch.dtype, int], Tensor]) -> Any:
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
            raise CheckpointError(_CROWDED.format(name=pickled.name))
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
                raise _told(_UNKNOWN, pickled.name, what=_OPERATION.format(operation=operation.name))
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
    raise _told(_CODE, name, package="" if there else cut_in(top), what=Text(shown, shown))


def _add(target: Any, items: list[Any]) -> None:
    """Put items into a list, or keys and values in turn into a dictionary; nothing into a note."""
    if isinstance(target, list):
        target += items
    elif isinstance(target, dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        target.update((str(key), value) for key, value in pairs if isinstance(key, str | int))
