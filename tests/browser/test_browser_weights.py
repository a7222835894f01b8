"""Checkpoints in the browser: what Python opens opens to the same parameters, and what it refuses is refused with the same words."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.torch
import torch
from engine import array, arrays, give_image, give_state, open_engine
from golden.golden_weights import golden_image, golden_state
from handing import host
from test_hostile_checkpoints import NAMES, SMALL, gate, saved
from test_weights import CLASSIFIERS, EIGHT, HEADS, KINDS, MALFORMED, PREFIXES
from torch import Tensor

from topformer_viz import load_model
from topformer_viz.network import refusals, weights
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.model import SIZES, TopFormer
from topformer_viz.network.refusals import CheckpointError
from topformer_viz.network.torchfile import _MAGIC
from topformer_viz.network.weights import EVERYDAY, load_checkpoint
from topformer_viz.words.text import Text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPENED = """async ([bytes, name]) => {
  const state = await loadCheckpoint(await bytesOf(bytes), name, kernels.wasm), { spec, classes, classNames, tensors } = state;
  const sum = (bits) => bits.reduce((sum, bits, i) => (sum + Math.imul(bits, Math.imul(i, 2654435761) | 1)) >>> 0, 0);
  const told = Object.entries(tensors).map(([name, { data, shape }]) => [name, shape, sum(new Uint32Array(data.buffer, data.byteOffset, data.length))]);
  return { spec, classes, classNames, tensors: told };
}"""
# The file of this start and of ``states.numbers``, which are sent once.
NAMED = """async (start) => {
  const bytes = await new Blob([await bytesOf(start), states.numbers]).arrayBuffer();
  return readCheckpoint(new Uint8Array(bytes), "the file").classNames;
}"""
REFUSED = """async ([files, name]) => Promise.all(files.map(async (file) => {
  try {
    await loadCheckpoint(await bytesOf(file), name, new PlainKernels());
  } catch (error) {
    return error instanceof CheckpointError ? [error.reason, error.values] : [String(error), {}];
  }
}))"""


hand = host().hand


@pytest.fixture(scope="module")
def page(browser: "Browser") -> "Iterator[Page]":
    page = open_engine(browser)
    yield page
    page.close()


@pytest.fixture(scope="module")
def state(golden: Path) -> dict[str, Tensor]:
    """The golden checkpoint."""
    return {name: torch.from_numpy(a) for name, a in golden_state(golden / "tiny_keys.json").items()}


def file(content: dict[str, Tensor], about: dict[str, str] | None = None) -> bytes:
    return safetensors.torch.save({name: tensor.contiguous() for name, tensor in content.items()}, about)


def opens_alike(page: "Page", data: bytes) -> TopFormer:
    """The browser's state of the file is Python's model of it, to the bit."""
    model, opened = load_checkpoint(data, "the file"), page.evaluate(OPENED, [hand(data), "the file"])
    spec = {name: value for name, value in opened["spec"].items() if name in ("name", "heads", "injected")}
    assert spec == {name: getattr(model.spec, name) for name in spec}
    assert opened["spec"]["depthwiseFuse"] == model.spec.depthwise_fuse
    assert [opened["spec"]["residuals"], opened["spec"]["levels"]] == json.loads(
        json.dumps([model.spec.residuals, model.spec.levels])
    )
    assert (opened["classes"], opened["classNames"]) == (model.classes, model.class_names and list(model.class_names))
    parameters = [(name, t) for name, t in model.state_dict().items() if not name.endswith("num_batches_tracked")]
    assert opened["tensors"] == [[name, list(t.shape), bits_of(t)] for name, t in parameters]
    return model


def bits_of(tensor: Tensor) -> int:
    """One number of all bits, each float's times an odd number of its place's own, so that megabytes need not travel."""
    bits = tensor.contiguous().numpy().view(np.uint32).ravel()
    places = np.arange(len(bits), dtype=np.uint32) * np.uint32(2654435761) | np.uint32(1)
    return int((bits * places).sum(dtype=np.uint32))


# What opens


def test_every_size_and_number_of_classes(page: "Page", varied: Callable[..., TopFormer]) -> None:
    for size, classes in (("tiny", 2), ("small", 19), ("base", None)):
        model = opens_alike(page, file(varied(size, classes).state_dict()))
        assert (model.size, model.classes) == (size, classes)


def test_the_bundled_network(page: "Page") -> None:
    assert opens_alike(page, EVERYDAY.read_bytes()).class_names is not None


FLOATS = [
    torch.float64, torch.float16, torch.bfloat16,
    torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz,
]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_type_of_floats(page: "Page", state: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Also every number that 8 or 16 bits hold."""
    opens_alike(page, file({name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}))
    if dtype.itemsize < 8:
        bits = torch.arange(2 ** (8 * dtype.itemsize)).to(torch.uint8 if dtype.itemsize == 1 else torch.uint16)
        kind = {"F8_E4M3": "float8_e4m3fn", "F16": "float16", "BF16": "bfloat16"}
        kind |= {name: f"float8_{name[3:].lower()}" for name in ("F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")}
        (name,) = [name for name, long in kind.items() if f"torch.{long}" == str(dtype)]
        read = page.evaluate(
            "async ([dtype, path]) => { const bytes = await bytesOf(path); return sent(tensorOf(numbersOf({ dtype, bytes }), [bytes.length / DTYPES[dtype].size])); }",
            [name, hand(bits.numpy().tobytes())],
        )
        assert torch.equal(array(*read)[0].nan_to_num(1e30), bits.view(dtype).float().nan_to_num(1e30))


@pytest.mark.parametrize(("size", "injected", "depthwise"), HEADS[:3])
def test_width_and_kind_of_the_head(page: "Page", size: str, injected: int, depthwise: bool) -> None:
    """And it runs: Cityscapes' heads differ from those of ADE20K."""
    expected = TopFormer(replace(SIZES[size], injected=injected, depthwise_fuse=depthwise), 19).eval()
    assert opens_alike(page, file(expected.state_dict())).spec == expected.spec


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_of_wrappers(page: "Page", state: dict[str, Tensor], prefix: str) -> None:
    more = {"criterion.weight": torch.ones(150), f"ema_{prefix}backbone.tpm.stem.0.c.weight": torch.zeros(1)}
    wrapped = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    opens_alike(page, file({**(more if prefix != "_orig_mod." else {}), **wrapped}))


@pytest.mark.parametrize("beside", ["classifier", "the authors' classifier", "auxiliary", "average", "nothing"])
def test_what_lies_beside_the_network_is_left_out(page: "Page", state: dict[str, Tensor], beside: str) -> None:
    backbone = {name.removeprefix("backbone."): t for name, t in state.items() if name.startswith("backbone.")}
    backbone = {name: t for name, t in backbone.items() if not name.startswith("SIM.")}
    content = {
        "classifier": {**backbone, **CLASSIFIERS["linear"]},
        "the authors' classifier": {**backbone, **CLASSIFIERS["the authors'"]},
        "auxiliary": {**state, "auxiliary_head.conv_seg.weight": torch.zeros(150, 64, 1, 1)},
        "average": {**state, **{f"ema_{name.replace('.', '_')}": torch.zeros(1) for name in state}},
        "nothing": {name: t for name, t in state.items() if not name.endswith("num_batches_tracked")},
    }[beside]
    opens_alike(page, file(content))


CLASSES = [
    "",
    "road",
    "{",
    "\0",
    "[" * 100_000,
    *map(json.dumps, MALFORMED),
    json.dumps(EIGHT),
    json.dumps(["路" * 200] * 8),
]


def test_names_of_classes(page: "Page", varied: Callable[..., TopFormer]) -> None:
    """What is no list of as many names is passed over."""
    tensors = varied("tiny", 8).state_dict()
    whole = file(tensors)
    numbers = len(whole) - 8 - int.from_bytes(whole[:8], "little")
    page.evaluate("async (path) => void (states.numbers = await bytesOf(path))", hand(whole[-numbers:]))
    for about in (None, {"format": "pt"}, *({"classes": classes} for classes in CLASSES)):
        data = file(tensors, about)
        assert data.endswith(whole[-numbers:])
        names = page.evaluate(NAMED, hand(data[:-numbers]))
        expected = load_checkpoint(data, "the file").class_names
        assert names == (expected and list(expected))


# What is refused


def worded(reason: str, values: dict[str, Any]) -> Text:
    """The sentence that Python says with these values in its places."""
    filled = dict(values)
    if "kind" in filled:
        filled["kind"] = refusals.KINDS[filled["kind"]]
    if "what" in filled:
        filled["what"] = getattr(refusals, filled["what"])
    if "told" in filled:
        told = [refusals.MISFITS[kind].format(**said) for kind, said in filled["told"]]
        filled["told"] = Text("; ".join(text.en for text in told), "；".join(text.zh for text in told))
    message: Text = getattr(refusals, reason)
    if "{convert}" in message.en:
        filled["convert"] = refusals.TO_CONVERT.format(command=refusals.CONVERT)
    return message.format(**filled)


def refused(page: "Page", *files: bytes, name: str = "a.safetensors") -> list[Text]:
    return [worded(*told) for told in page.evaluate(REFUSED, [[hand(data) for data in files], name])]


def refusal(data: bytes, name: str = "a.safetensors") -> Text:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(data, name)
    return caught.value.text


def refused_alike(page: "Page", data: bytes, name: str = "a.safetensors") -> Text:
    (said,) = refused(page, data, name=name)
    assert said == refusal(data, name)
    return said


def raw(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A .safetensors file of this header, which says that it has this length."""
    words = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(words) if length is None else length).to_bytes(8, "little") + words + data


def tensor_of(shape: object, *place: object, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(place)}


DAMAGED = {
    "no tensors": raw({}),
    "only metadata": raw({"__metadata__": {"a": "b"}}),
    "longer than the file": raw({}, length=10**6),
    "longer than any file": raw({}, length=2**64 - 1),
    "as long as a terabyte": raw({"a": tensor_of([2], 0, 8)}, bytes(8), 2**40),
    "a giant header": raw(b"{" + b" " * 4_000_000 + b"}"),
    "no JSON": raw(b"{not json}"),
    "no text": raw(b'{"\xff": 1}'),
    "half of it": raw(b'{"a":{"dtype":"F32","shape":[2],"data'),
    "no object": raw({"a": 3}),
    "a list": raw({"a": [1, 2, 3]}),
    "a deep list": raw(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "no type": raw({"a": {"shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    "another type": raw({"a": tensor_of([1], 0, 4, dtype="F31")}, bytes(4)),
    "toString as a type": raw({"a": tensor_of([1], 0, 4, dtype="toString")}, bytes(4)),
    "a side below 0": raw({"a": tensor_of([-1], 0, 4)}, bytes(4)),
    "a broken side": raw({"a": tensor_of([0.5], 0, 2)}, bytes(2)),
    "a word as a side": raw({"a": tensor_of(["1"], 0, 4)}, bytes(4)),
    "no shape": raw({"a": tensor_of(None, 0, 4)}, bytes(4)),
    "three places": raw({"a": tensor_of([1], 0, 4, 8)}, bytes(8)),
    "no places": raw({"a": {"dtype": "F32", "shape": [1], "data_offsets": None}}, bytes(4)),
    "backwards": raw({"a": tensor_of([1], 4, 0)}, bytes(4)),
    "too large a shape": raw({"a": tensor_of([2**62, 2**62], 0, 4)}, bytes(4)),
    "less than its shape": raw({"a": tensor_of([3], 0, 8)}, bytes(8)),
    "overlapping": raw({"a": tensor_of([2], 0, 8), "b": tensor_of([2], 4, 12)}, bytes(12)),
    "twice the same": raw({"a": tensor_of([2], 0, 8), "b": tensor_of([2], 0, 8)}, bytes(8)),
    "a gap": raw({"a": tensor_of([1], 0, 4), "b": tensor_of([1], 8, 12)}, bytes(12)),
    "beyond the end": raw({"a": tensor_of([100], 0, 400)}, bytes(8)),
    "far beyond the end": raw({"a": tensor_of([2**40], 0, 2**42)}, bytes(8)),
    "more bytes than tensors": raw({"a": tensor_of([1], 0, 4)}, bytes(12)),
    "metadata of numbers": raw({"__metadata__": {"classes": 3}, "a": tensor_of([1], 0, 4)}, bytes(4)),
    "metadata of words": raw({"__metadata__": "words", "a": tensor_of([1], 0, 4)}, bytes(4)),
    "a list of metadata": raw({"__metadata__": ["words"], "a": tensor_of([1], 0, 4)}, bytes(4)),
    "no metadata": raw({"__metadata__": None, "a": tensor_of([1], 0, 4)}, bytes(4)),
    "one unknown tensor": raw({"a": tensor_of([1], 0, 4)}, bytes(4)),
    "a tensor of nothing": raw({"__proto__": tensor_of([0, 3], 0, 0)}),
    "a number": raw({"constructor": tensor_of([], 0, 4)}, bytes(4)),
}


@pytest.mark.parametrize("trick", DAMAGED)
def test_a_crafted_file(page: "Page", trick: str) -> None:
    refused_alike(page, DAMAGED[trick])


def test_any_damage(page: "Page") -> None:
    """The same bytes, with some more or fewer somewhere; two unknown names come in any order from Python."""
    whole, dice = safetensors.torch.save(SMALL, {"classes": "[]"}), random.Random(1)
    files = []
    for _ in range(400):
        at = dice.randrange(len(whole))
        files.append(whole[:at] + dice.randbytes(dice.randrange(4)) + whole[at + dice.randrange(4) :])
    said = {
        data: [sorted(one.en.split(" ")) for one in (js, refusal(data))]
        for data, js in zip(files, refused(page, *files), strict=True)
    }
    said = {data: [[word.strip(",") for word in one] for one in pair] for data, pair in said.items()}
    assert not {data: pair for data, pair in said.items() if sorted(pair[0]) != sorted(pair[1])}


@pytest.mark.parametrize("start", [start for start in KINDS if not start.startswith(b"PK")])
def test_other_files_are_called_what_python_calls_them(page: "Page", start: bytes) -> None:
    refused_alike(page, start)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_torch_are_for_python(page: "Page", state: dict[str, Tensor], zipped: bool) -> None:
    (said,) = refused(page, saved({"state_dict": state}, zipped), name="tiny.pth")
    assert said.en.startswith(
        "tiny.pth is not opened: it holds a pickle, as torch.save writes it, which is not read here."
    )
    assert said.en.endswith(refusals.CONVERT)


def test_the_old_formats_mark_is_pythons(page: "Page") -> None:
    source = page.evaluate("String(readFile)")
    assert f'"{_MAGIC}"' in source


def misfits(state: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    lost = [name for name in state if name.startswith("decode_head.linear_fuse.bn.") and "num" not in name]
    stem = "backbone.tpm.stem.0.c.weight"
    return {
        "missing": {name: tensor for name, tensor in state.items() if name not in lost},
        "unexpected": {**state, "backbone.extra": torch.zeros(1)},
        "misshapen": {**state, stem: torch.zeros(16, 3, 5, 5), "decode_head.conv_seg.bias": torch.zeros(3)},
        "flat": {**state, "decode_head.conv_seg.bias": torch.tensor(1.0)},
        "mistyped": {**state, stem: state[stem].to(torch.int64), "decode_head.conv_seg.bias": torch.ones(150, dtype=torch.bool)},
        "complex": {**state, "decode_head.conv_seg.bias": torch.ones(150, dtype=torch.complex64)},
        "all at once": {**{n: t for n, t in state.items() if n not in lost}, "x\u202e\nname" * 40: torch.zeros(1), stem: torch.zeros(1)},
        "another network": {"weight": torch.zeros(2)},
        "a head beside": {**state, "head.weight": torch.zeros(1)},
        "a prefix of some": {**state, "module.x": torch.zeros(1)},
        "an odd head": {**state, "decode_head.linear_fuse.conv.weight": torch.zeros(64, 3, 1, 1)},
        "a wide head": {**state, "decode_head.linear_fuse.conv.weight": torch.zeros(2000, 1, 1, 1)},
        "many classes": {**state, "decode_head.conv_seg.weight": torch.zeros(2000, 128, 1, 1)},
    }  # fmt: skip


@pytest.mark.parametrize("kind", misfits({"backbone.tpm.stem.0.c.weight": torch.zeros(1)}))
def test_what_does_not_fit_is_named(page: "Page", state: dict[str, Tensor], kind: str) -> None:
    assert "does not fit TopFormer" in refused_alike(page, file(misfits(state)[kind])).en


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
def test_parameters_that_are_not_finite(page: "Page", number: float) -> None:
    model = load_model("tiny")
    assert isinstance(model, TopFormer)
    with torch.no_grad():
        gate(model)[0].fill_(number)
    assert "NaN" in refused_alike(page, file(model.state_dict())).en


def test_parameters_that_overflow(page: "Page") -> None:
    model = load_model("tiny")
    assert isinstance(model, TopFormer)
    with torch.no_grad():
        gate(model).mul_(1e30)
    assert "1e+15" in refused_alike(page, file(model.state_dict())).en
    with torch.no_grad():
        gate(model).mul_(1e-27)
    opens_alike(page, file(model.state_dict()))


def test_float64_beyond_float32_is_not_finite(page: "Page", state: dict[str, Tensor]) -> None:
    content = {**state, "decode_head.conv_seg.bias": torch.full((150,), 1e300, dtype=torch.float64)}
    assert "NaN" in refused_alike(page, file(content)).en


def test_the_noise_is_pythons(page: "Page", agree: Callable[..., None]) -> None:
    noise = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    agree(array(*page.evaluate("sent(tensorOf(new Generator(0).normal(3 * 128 * 128), [3, 128, 128]))")), noise, 1e-5)


def test_a_file_that_is_too_large(page: "Page") -> None:
    """By its length alone: nothing of it is read."""
    data = bytes(weights.MAX_CHECKPOINT_BYTES + 1)
    told = page.evaluate(
        "(length) => { try { readCheckpoint(new Uint8Array(length), 'big'); } catch (error) { return [error.reason, error.values]; } }",
        len(data),
    )
    assert worded(*told) == refusal(data, "big")


@pytest.mark.parametrize("name", [name for name in NAMES if "\ud800" not in name])
def test_a_files_name_is_one_short_line(page: "Page", name: str) -> None:
    refused_alike(page, b"", name)


# Networks to begin with


@pytest.mark.parametrize(("size", "seed"), [("tiny", 0), ("small", 1)])
def test_untrained_is_as_pytorch_draws(page: "Page", agree: Callable[..., None], size: str, seed: int) -> None:
    model = load_model(size, seed=seed)
    assert isinstance(model, TopFormer)
    told = page.evaluate(
        """([size, seed]) => {
      const { spec, classes, tensors } = untrained(size, seed);
      return [spec.name, classes, allSent(Object.fromEntries(Object.entries(tensors).map(([name, { data, shape }]) => [name, tensorOf(data, shape)])))];
    }""",
        [size, seed],
    )
    tensors = {name: tensor[0] for name, tensor in arrays(told[2]).items()}
    expected = {name: t for name, t in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert told[:2] == [size, 150] and list(tensors) == list(expected)
    for name, tensor in expected.items():
        agree(tensors[name], tensor, 1e-7)  # a processor without fused multiply-add rounds twice


MEASURED = """async (kind) => {
  const before = JSON.stringify(Object.values(states.it.tensors).map(({ data }) => data[0])), state = await withBatchStatistics(states.it, images.it, kernels[kind]);
  const norms = Object.entries(state.tensors).filter(([name]) => name.includes("running")).map(([name, { data, shape }]) => [name, tensorOf(data, shape)]);
  const scores = await new TopFormer(state, kernels[kind]).forward(images.it);
  return [allSent(Object.fromEntries(norms)), sent(scores), before === JSON.stringify(Object.values(states.it.tensors).map(({ data }) => data[0]))];
}"""


@pytest.mark.parametrize(("start", "kind"), [("varied", "wasm"), ("untrained", "plain")])
def test_batch_statistics_in_the_browser(
    page: "Page", varied: Callable[..., TopFormer], agree: Callable[..., None], start: str, kind: str
) -> None:
    """Beside Python's in float64, as in float32 the rounding of either grows from one BatchNorm to the next."""
    model = varied("tiny") if start == "varied" else load_model("tiny")
    assert isinstance(model, TopFormer)
    image = torch.from_numpy(golden_image(256, 384))
    give_state(page, "it", model.state_dict())
    give_image(page, "it", image)
    expected = with_batch_statistics(copy.deepcopy(model).double(), image.double())
    norms, scores, kept = page.evaluate(MEASURED, kind)
    for name, tensor in arrays(norms).items():
        agree(tensor[0], expected.state_dict()[name].float(), 1e-3)
    agree(array(*scores), expected(image.double()).float(), 1e-3)
    assert kept


def test_a_channel_that_is_constant_keeps_its_variance(page: "Page", varied: Callable[..., TopFormer]) -> None:
    image = torch.from_numpy(golden_image(64, 64))  # one token
    give_state(page, "it", varied("tiny").state_dict())
    give_image(page, "it", image)
    norms, _, _ = page.evaluate(MEASURED, "wasm")
    expected = with_batch_statistics(varied("tiny"), image).state_dict()
    of_one = {name: tensor for name, tensor in arrays(norms).items() if "attn" in name and name.endswith("var")}
    assert len(of_one) == 16
    for name, tensor in of_one.items():
        assert (tensor == 1).all() and (expected[name] == 1).all(), name
