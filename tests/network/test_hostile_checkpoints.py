"""Files made to hurt: each gives one clear sentence, in bounded time and memory."""

import io
import resource
import signal
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from topformer_viz import load_model, trace
from topformer_viz.network import torchfile, unpickle, weights
from topformer_viz.network.model import TopFormer
from topformer_viz.network.refusals import CheckpointError
from topformer_viz.network.weights import load_checkpoint, showable
from topformer_viz.words.plain import as_markdown, plain

HANGS = 60  # seconds after which a file has hung the reader; each takes a second or less


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise BaseException("the reader hangs")  # what derives from Exception, it would call a damaged file

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANGS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """Memory runs out where the process takes ``more`` bytes than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def refusal(data: bytes, name: str = "a.pth") -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(data, name)
    for said in (caught.value.text.en, caught.value.text.zh):
        assert said.isprintable() and len(said) < 1000
    return caught.value.text.en


def saved(content: object, zipped: bool = True) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


# Crafted pickles: what a few bytes could ask for again and again

WORD = struct.Struct("<I")
ROOM = 500_000
HALF = ROOM // 2
MANY = unpickle.MAX_OPERATIONS // 2
ORDERED = b"ccollections\nOrderedDict\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpuK\1"  # its mark is still open
PAIRS = b"(" + b"".join(b"J" + WORD.pack(n) + b"N" for n in range(HALF // 6)) + b"u"


OLD = saved(0, zipped=False)[:15] + b"\x80\2]." * 2  # the magic number, then what its reader passes over


def zipped(pickled: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\2" + pickled)
        archive.writestr("archive/data/0", bytes(4))
    return stream.getvalue()


def again(start: bytes, unit: bytes) -> bytes:
    """A list of what ``unit`` gives, as often as there is room; ``start`` makes what it goes by."""
    start = b"](" + start
    return start + unit * ((ROOM - len(start)) // len(unit)) + b"e."


def colliding() -> bytes:
    """Whole numbers as keys that have one hash, 0."""
    numbers = (((2**61 - 1) * n).to_bytes(11, "little") for n in range(1, ROOM // 14))
    return b"}(" + b"".join(b"\x8a\x0b" + number + b"N" for number in numbers) + b"u."


CRAFTED = {
    "keys of one hash": (colliding(), "no tensors"),
    "a dictionary copied": (again(b"}" + PAIRS + b"\x85q\1" + ORDERED + b"q\0", b"h\0h\1R"), "cannot be read"),
    "a dictionary made attributes": (again(b"}" + PAIRS + b"q\1" + ORDERED + b")R", b"h\1b"), "holds a list"),
    "words encoded": (
        again(b"c_codecs\nencode\nq\0X" + WORD.pack(HALF) + b"a" * HALF + b"X\6\0\0\0latin1\x86q\1", b"h\0h\1R"),
        "holds a list",
    ),
    "room for numbers": (b"ctorch.storage\nUntypedStorage\n\x8a\6" + (10**12).to_bytes(6, "little") + b"\x85R.", "None"),
    "very many axes": (
        again(REBUILD + b"q\0(" + STORAGE + b"tQK\0(" + b"K\1" * (HALF // 2) + b"tq\5h\5\x89Ntq\1", b"h\0h\1R"),
        "cannot be read",
    ),
    "a storage's long name": (again(STORAGE + b"N" * HALF + b"tq\1", b"h\1Q"), "besides the numbers of its tensors it holds too much"),
    "very many arguments": (
        again(b"ctorch._utils\n_rebuild_parameter\nq\0(" + b"N" * HALF + b"tq\1", b"h\0h\1R"),
        "cannot be read",
    ),
    "tensors": (again(REBUILD + b"q\0(" + STORAGE + b"tQK\0))\x89Ntq\1", b"h\0h\1R"), "holds a list"),
    "a tensor beyond its storage": (
        again(REBUILD + b"(" + STORAGE + b"tQK\0J" + WORD.pack(10**9) + b"\x85K\1\x85\x89NtR", b"0"),
        "cannot be read",
    ),
    "depth": (b")" + b"\x85" * MANY + b".", "holds a tuple"),
    "marks": (b"(" * MANY + b".", "cannot be read"),
    "places far apart": (b"]" + b"".join(b"r" + WORD.pack(2**32 - 1 - n) for n in range(HALF // 5)) + b".", "holds a list"),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
@pytest.mark.parametrize("trick", CRAFTED)
def test_a_crafted_pickle(trick: str) -> None:
    pickled, said = CRAFTED[trick]
    data = zipped(pickled)
    with at_most(400_000_000):
        assert said in refusal(data)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
@pytest.mark.parametrize("form", ["zip", "old"])
@pytest.mark.parametrize("index", ["objects", "words", "one word"])
def test_more_beside_the_tensors_than_is_read(index: str, form: str) -> None:
    """By its number of objects, or by its bytes; and the old format's pickles count together."""
    pickled = {
        "objects": b"(" + b"]" * unpickle.MAX_OPERATIONS + b"l.",
        "words": b"(" + (b"X" + WORD.pack(100) + b"a" * 100) * (unpickle.MAX_INDEX_BYTES // 105 + 1) + b"l.",
        "one word": b"X"
        + WORD.pack(unpickle.MAX_INDEX_BYTES)
        + "\U0001f431".encode() * (unpickle.MAX_INDEX_BYTES // 4)
        + b".",
    }[index]
    data = zipped(pickled) if form == "zip" else OLD + pickled + b"\x80\2]."
    with at_most(400_000_000):
        assert "besides the numbers of its tensors it holds too much" in refusal(data)


def test_a_long_directory_is_not_read() -> None:
    """A few of its entries can take minutes, and a hundred megabytes hold two million."""
    stream = io.BytesIO(saved(load_model("tiny").state_dict()))
    load_checkpoint(stream.getvalue(), "short.pth")
    with zipfile.ZipFile(stream, "a") as archive:
        for n in range(10):
            archive.writestr(f"archive/{n}{'x' * 60_000}", b"")
    assert "besides the numbers of its tensors it holds too much" in refusal(stream.getvalue())


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
@pytest.mark.parametrize("form", ["zip", "old", "safetensors"])
def test_the_largest_file(form: str) -> None:
    content = {"decode_head.conv_seg.weight": torch.zeros(weights.MAX_CHECKPOINT_BYTES // 4 - 1000)}
    data = safetensors.torch.save(content) if form == "safetensors" else saved(content, form == "zip")
    del content
    with at_most(350_000_000):
        assert "1 misshapen" in refusal(data)


def test_claims_of_the_old_format_are_added_up() -> None:
    claim = b"(X\7\0\0\0storagectorch\nByteStorage\nX\1\0\0\0%dX\3\0\0\0cpuJ\0\0\0\x10NtQ"  # 268 million each
    heads = OLD + b"\x80\2](" + b"".join(claim % n for n in range(9)) + b"e."
    assert "it ends before" in refusal(heads + b"\x80\2].")


# Any bytes at all

PIECES = [
    b"]",
    b"}",
    b")",
    b"(",
    b"N",
    b"K\1",
    b"J\0\0\0\x10",
    b"X\1\0\0\0a",
    b"q\1",
    b"h\1",
    b"a",
    b"e",
    b"s",
    b"u",
    b"t",
]
PIECES += [b"\x85", b"\x86", b"\x87", b"R", b"\x81", b"b", b"Q", b"0", b"\x88", b"\x8a\1\xff", ORDERED, REBUILD]
PIECES += [
    STORAGE + b"t",
    STORAGE + b"tQ",
    b"ctorch\nfloat32\n",
    b"ctorch._utils\n_rebuild_tensor_v3\n",
    b"cos\nsystem\n",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_pickle_is_refused(pieces: list[bytes]) -> None:
    refusal(zipped(b"".join(pieces) + b"."))


SMALL = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}
FILES = [saved(SMALL), saved(SMALL, zipped=False), safetensors.torch.save(SMALL, {"classes": "[]"})]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FILES), st.floats(0, 0.999), st.binary(max_size=6), st.integers(0, 6))
def test_a_damaged_file_is_refused(file: bytes, place: float, bytes_: bytes, gone: int) -> None:
    at = int(place * len(file))
    refusal(file[:at] + bytes_ + file[at + gone :])


# What PyTorch reads, this reader reads alike

SHARED = torch.arange(24.0)
READ = {
    **{str(t): torch.arange(4).to(t) for t in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool)},
    "complex": torch.ones(2, dtype=torch.complex64),
    "eight bits": torch.ones(3).to(torch.float8_e4m3fn),
    "transposed": SHARED.reshape(4, 6).T,
    "part": SHARED[5:9],
    "whole": SHARED,
    "parameter": torch.nn.Parameter(torch.ones(2, 2)),
    "number": torch.tensor(3.5),
    "none": torch.empty(0, 3),
}


@pytest.mark.parametrize("form", ["zip", "old"])
def test_reads_what_pytorch_reads(form: str) -> None:
    state = {name: t for name, t in READ.items() if form == "zip" or name != "eight bits"}  # PyTorch itself fails there
    data = saved({"state": state, "epoch": 3, "history": [(1, 2.5, None, True, -1)] * 2, 7: "seven"}, form == "zip")
    content, _ = torchfile.read(data, "a.pth")
    known = torch.load(io.BytesIO(data), weights_only=True)
    assert content["state"].keys() == known["state"].keys()
    for name, tensor in known["state"].items():
        assert content["state"][name].dtype == tensor.dtype
        assert torch.equal(content["state"][name].to(torch.complex128), tensor.to(torch.complex128))
    assert (content["epoch"], content["history"], content["7"]) == (3, known["history"], "seven")


# Weights that compute nothing


def changed(change: Callable[[TopFormer], object]) -> bytes:
    model = load_model("tiny")
    assert isinstance(model, TopFormer)
    with torch.no_grad():
        change(model)
    return saved(model.state_dict())


def gate(model: TopFormer) -> Tensor:
    """What scales the pyramid's first level."""
    return model.backbone.tpm.stem[0].bn.weight


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(number: float) -> None:
    assert "NaN" in refusal(changed(lambda model: gate(model)[0].fill_(number)))


def test_weights_that_overflow_are_refused() -> None:
    assert "holds finite parameters" in refusal(changed(lambda model: gate(model).mul_(1e30)))
    load_checkpoint(changed(lambda model: gate(model).mul_(1e3)), "large.pth")


@pytest.mark.parametrize("number", [torch.nan, -torch.inf, 1e20])
def test_what_can_be_shown(number: float) -> None:
    run = trace(load_model("tiny"), torch.zeros(1, 3, 64, 64))
    assert showable(run.values())
    run.tensors["block3.output"] = torch.full((1, 208, 1, 1), number)
    assert not showable(run.values())


# Names

NAMES = ["a\nb.pth", "\u202egpj.pth", "\ud800.pth", "\x1b[31m.pth", "a\u2028b\0.pth", "x" * 10**5, "\u200f\u2066.pth"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_one_short_line(name: str) -> None:
    assert "neither a .pth" in refusal(b"", name)
    assert "1 unexpected" in refusal(saved({name: torch.zeros(1)}))


def test_plain_text() -> None:
    assert plain("道路 naïve α.pth", 20) == "道路 naïve α.pth"
    assert plain("  a\t\u202eb\n", 20) == "a b"
    assert plain("abcdef", 5) == "abcd…"


def test_markdown_shows_the_text_itself() -> None:
    escaped = as_markdown("![x](http://a.b/c.png) $y$ :red[z] <b> `w` 100 % 道路")
    assert (
        escaped.startswith("\\!\\[x\\]\\(http\\:") and "\\$y\\$ \\:red\\[z\\] \\<b\\> \\`w\\` 100 \\% 道路" in escaped
    )
