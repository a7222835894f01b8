"""Loading checkpoints, refusing what is none, the authors' initialiser, and batch statistics."""

import argparse
import copy
import copyreg
import gzip
import io
import json
import os
import pickle
import shlex
import subprocess
import sys
import tarfile
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import torch
from golden.golden_weights import golden_image, golden_state
from safetensors.torch import save_file
from torch import Tensor, nn

from topformer_viz import load_model, trace
from topformer_viz.network import torchfile, unpickle, weights
from topformer_viz.network.classes import CLASS_SETS, classes_of
from topformer_viz.network.colour import ColourModel
from topformer_viz.network.initialise import reinitialised, with_batch_statistics
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import SIZES, TopFormer
from topformer_viz.network.refusals import CONVERT, CheckpointError
from topformer_viz.network.samples import open_sample
from topformer_viz.network.weights import load_checkpoint


@pytest.fixture(scope="module")
def state(golden: Path) -> dict[str, Tensor]:
    """The golden checkpoint."""
    return {name: torch.from_numpy(a) for name, a in golden_state(golden / "tiny_keys.json").items()}


@pytest.fixture(scope="module")
def backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The golden backbone as ImageNet training saves it: no prefix, no injection, no head."""
    bare = {name.removeprefix("backbone."): t for name, t in state.items() if name.startswith("backbone.")}
    return {name: tensor for name, tensor in bare.items() if not name.startswith("SIM.")}


def save(path: Path, content: object) -> Path:
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    return path


def saved(content: object, **options: Any) -> bytes:
    """The bytes torch.save writes."""
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def rezipped(data: bytes, change: Callable[[bytes], bytes], deflated: tuple[str, ...] = ()) -> bytes:
    """The zip file with every record's content put through ``change``, and those compressed that end with a name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)), zipfile.ZIP_DEFLATED if name.endswith(deflated) else None)
    return stream.getvalue()


def same(model: TopFormer, state: dict[str, Tensor], prefix: str = "") -> bool:
    """Whether the model's tensors are those of ``state``, whose names lack ``prefix``."""
    loaded = model.state_dict()
    return all(torch.equal(loaded[prefix + name], tensor) for name, tensor in state.items())


def refusal(source: Path | bytes) -> str:
    """What loading the file, or a file of these bytes, is refused with, in English."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(source, "the file") if isinstance(source, bytes) else load_model(source)
    text = caught.value.text
    assert str(caught.value) == text.en
    assert all(("the file" if isinstance(source, bytes) else source.name) in words for words in (text.en, text.zh))
    assert text.zh != text.en
    return text.en


# Names


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_names(size: str) -> None:
    model = load_model(size)
    assert isinstance(model, TopFormer)
    assert (model.size, model.classes, model.training) == (size, 150, False)


def test_colour_by_name() -> None:
    model = load_model("colour", grid=12)
    assert isinstance(model, ColourModel)
    assert (model.grid, model.training) == (12, False)
    with pytest.raises(ValueError, match="8 to 64"):
        load_model("colour", grid=65)


def test_seeds() -> None:
    random = torch.get_rng_state()
    first, again, other = (load_model("tiny", seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(again[name], tensor) for name, tensor in first.items())
    kernels = [name for name, tensor in first.items() if tensor.ndim == 4]
    assert not any(torch.equal(other[name], first[name]) for name in kernels)


# Files


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("as_string", [False, True])
def test_golden_checkpoint(
    tmp_path: Path,
    golden: Path,
    state: dict[str, Tensor],
    agree: Callable[..., None],
    suffix: str,
    as_string: bool,
) -> None:
    content = state if suffix == ".safetensors" else {"state_dict": state, "meta": {"epoch": 1}}
    path = save(tmp_path / f"tiny{suffix}", content)
    model = load_model(str(path) if as_string else path)
    assert (model.size, model.classes, model.training) == ("tiny", 150, False)
    with np.load(golden / "tiny_97x130_150cls.npz") as arrays:
        image = torch.from_numpy(golden_image(97, 130))
        agree(model(image), arrays["seg_logits"])
        agree(trace(model, image)["class_scores"], arrays["seg_logits"])


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "state_dict_ema"])
@pytest.mark.parametrize("prefixed", [False, True])
def test_imagenet_backbone(
    tmp_path: Path,
    golden: Path,
    backbone: dict[str, Tensor],
    agree: Callable[..., None],
    wrapper: str | None,
    prefixed: bool,
) -> None:
    content = {f"backbone.{name}": t for name, t in backbone.items()} if prefixed else backbone
    model = load_model(save(tmp_path / "backbone.pth", {wrapper: content} if wrapper else content))
    assert (model.size, model.classes) == ("tiny", None)
    run = trace(model, torch.from_numpy(golden_image(128, 192)))
    with np.load(golden / "tiny_128x192_150cls.npz") as arrays:
        agree(run["tokens"], arrays["tokens"])
        agree(run["block3.output"], arrays["block3.block_out"])


def test_imagenet_backbone_in_safetensors(tmp_path: Path, backbone: dict[str, Tensor]) -> None:
    model = load_model(save(tmp_path / "backbone.safetensors", backbone))
    loaded = model.state_dict()
    assert all(torch.equal(loaded[f"backbone.{name}"], tensor) for name, tensor in backbone.items())


@pytest.mark.parametrize(("size", "classes"), [("tiny", 2), ("small", 19), ("base", 150), ("base", None)])
def test_size_and_classes_are_read_off_the_checkpoint(
    tmp_path: Path, varied: Callable[..., TopFormer], size: str, classes: int | None
) -> None:
    expected = varied(size, classes).state_dict()
    model = load_model(save(tmp_path / "model.safetensors", expected))
    assert (model.size, model.classes) == (size, classes)
    loaded = model.state_dict()
    assert list(loaded) == list(expected)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())


# The authors' Cityscapes configurations: tiny's fuse is dense, base injects 128 channels. Then others that are legal.
HEADS = [("tiny", 128, False), ("base", 128, False), ("small", 40, True), ("tiny", 1, True), ("base", 512, True)]


@pytest.mark.parametrize(("size", "injected", "depthwise"), HEADS)
def test_width_and_kind_of_the_head_are_read_off_the_checkpoint(size: str, injected: int, depthwise: bool) -> None:
    spec = replace(SIZES[size], injected=injected, depthwise_fuse=depthwise)
    expected = TopFormer(spec, 19).eval()
    model = load_checkpoint(saved({"state_dict": expected.state_dict()}), "cityscapes.pth")
    assert (model.spec, model.size, model.classes) == (spec, size, 19)
    assert same(model, expected.state_dict())
    run = trace(model, torch.from_numpy(golden_image(128, 192)))
    assert run.sizes["M"] == injected
    assert torch.equal(
        expected.state_dict()["decode_head.linear_fuse.conv.weight"], model.decode_head.linear_fuse.conv.weight
    )


@pytest.mark.parametrize("channels", [64, 2000])
def test_a_head_of_no_legal_width_is_misshapen(state: dict[str, Tensor], channels: int) -> None:
    odd = {"decode_head.linear_fuse.conv.weight": torch.zeros(channels, 3 if channels == 64 else 1, 1, 1)}
    assert "1 misshapen: decode_head.linear_fuse.conv.weight" in refusal(saved({**state, **odd}))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_other_float_types_load_as_float32(
    tmp_path: Path, state: dict[str, Tensor], dtype: torch.dtype, suffix: str
) -> None:
    saved = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}
    for name, tensor in load_model(save(tmp_path / f"other{suffix}", saved)).state_dict().items():
        if tensor.is_floating_point():
            assert tensor.dtype == torch.float32
            assert torch.equal(tensor, saved[name].float())


def test_step_counters_may_be_missing(tmp_path: Path, state: dict[str, Tensor]) -> None:
    saved = {name: t for name, t in state.items() if not name.endswith("num_batches_tracked")}
    assert len(saved) < len(state)
    loaded = load_model(save(tmp_path / "without.safetensors", saved)).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in saved.items())


def test_content_decides_not_the_suffix(tmp_path: Path, state: dict[str, Tensor]) -> None:
    (tmp_path / "a.safetensors").write_bytes(saved(state))
    save_file(state, tmp_path / "b.pth")
    for name in ("a.safetensors", "b.pth"):
        assert same(load_model(tmp_path / name), state)


def test_loading_leaves_the_random_state(state: dict[str, Tensor]) -> None:
    random = torch.get_rng_state()
    load_checkpoint(saved(state), "tiny.pth")
    assert torch.equal(torch.get_rng_state(), random)


def test_from_memory(state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr("io.open", None)
    model = load_checkpoint(saved(state), "no such file")
    assert (model.size, model.classes, model.training) == ("tiny", 150, False)
    assert same(model, state)


# Names of classes

EIGHT = ["road", "道路", "sky", "car", "tree", "person", "sign", "building"]


def named(path: Path, state: dict[str, Tensor], metadata: dict[str, str] | None) -> TopFormer:
    save_file(state, path, metadata=metadata)
    model = load_model(path)
    assert isinstance(model, TopFormer)
    return model


def test_everyday(tmp_path: Path, varied: Callable[..., TopFormer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by name from any folder; float16 without step counters, the classes' names in the metadata."""
    half = {name: t.half() for name, t in varied("tiny", 8).state_dict().items() if t.is_floating_point()}
    assert weights.EVERYDAY.parts[-3:] == ("assets", "weights", "everyday.safetensors")
    assert (weights.EVERYDAY.parents[3] / "pyproject.toml").is_file()
    monkeypatch.setattr(weights, "EVERYDAY", tmp_path / "everyday.safetensors")
    with pytest.raises(FileNotFoundError, match="everyday"):
        load_model("everyday")
    save_file(half, weights.EVERYDAY, metadata={"classes": json.dumps(EIGHT)})
    model = load_model("everyday")
    assert (model.size, model.classes, model.class_names, model.training) == ("tiny", 8, tuple(EIGHT), False)
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert same(model, {name: t.float() for name, t in half.items()})


def test_no_names(tmp_path: Path, varied: Callable[..., TopFormer], state: dict[str, Tensor]) -> None:
    assert varied("tiny").class_names is None
    assert named(tmp_path / "none.safetensors", state, None).class_names is None
    assert named(tmp_path / "other.safetensors", state, {"format": "pt"}).class_names is None
    assert load_checkpoint(saved(state), "bare.pth").class_names is None


MALFORMED: list[object] = ["road", 8, None, [], ["road"], [*EIGHT, "ninth"], dict.fromkeys(EIGHT)]
MALFORMED += [[*EIGHT[:7], other] for other in (None, 8, ["x"])]


@pytest.mark.parametrize("classes", ["", "road", "{", "\0", "[" * 100_000, *map(json.dumps, MALFORMED)])
def test_malformed_names_are_ignored(tmp_path: Path, varied: Callable[..., TopFormer], classes: str) -> None:
    model = named(tmp_path / "odd.safetensors", varied("tiny", 8).state_dict(), {"classes": classes})
    assert model.class_names is None


@pytest.mark.parametrize("kind", [list, tuple])
def test_names_where_mmcv_keeps_them(varied: Callable[..., TopFormer], kind: type) -> None:
    state = varied("tiny", 8).state_dict()
    model = load_checkpoint(saved({"meta": {"CLASSES": kind(EIGHT)}, "state_dict": state}), "mmseg.pth")
    assert model.class_names == tuple(EIGHT)


PLACES: dict[str, Callable[[object], dict[str, object]]] = {
    "mmengine": lambda names: {"meta": {"dataset_meta": {"classes": names, "palette": [[0, 0, 0]]}, "epoch": 3}},
    "mmengine, large": lambda names: {"meta": {"dataset_meta": {"CLASSES": names}}},
    "mmcv": lambda names: {"meta": {"CLASSES": names}},
    "mmcv, small": lambda names: {"meta": {"classes": names}},
    "a script of one's own": lambda names: {"classes": names},
    "after another set": lambda names: {"meta": {"dataset_meta": {"classes": ["one"]}, "CLASSES": names}},
}


@pytest.mark.parametrize("place", PLACES)
def test_names_in_a_file_always_win(varied: Callable[..., TopFormer], place: str) -> None:
    """Also over those of the published set that has as many."""
    names = tuple(f"thing {n}" for n in range(19))
    data = saved({**PLACES[place](names), "state_dict": varied("tiny", 19).state_dict()})
    model = load_checkpoint(data, "epoch_3.pth")
    assert model.class_names == names
    assert [name.en for name in classes_of(19, model.class_names).names] == list(names)


def test_the_networks_that_come_with_the_app_name_their_classes() -> None:
    """Those of ADE20K, which the authors' 150 are: nothing is guessed."""
    model = load_model("base")
    assert isinstance(model, TopFormer)
    assert classes_of(150, model.class_names) is CLASS_SETS["ade20k"]


@pytest.mark.parametrize(
    "meta", [None, [], {}, {"CLASSES": None}, {"CLASSES": EIGHT[1:]}, {"CLASSES": [*range(8)]}, {"dataset_meta": None}]
)
def test_malformed_names_of_mmcv_are_ignored(varied: Callable[..., TopFormer], meta: object) -> None:
    state = varied("tiny", 8).state_dict()
    assert load_checkpoint(saved({"meta": meta, "state_dict": state}), "mmseg.pth").class_names is None


# What published files hold beside the network


@pytest.mark.parametrize("classes", [150, 19, 59, 60, 171])
def test_published_datasets(varied: Callable[..., TopFormer], classes: int) -> None:
    """ADE20K, Cityscapes, Pascal Context without and with background, COCO-Stuff, each as mmcv saves it."""
    state = varied("tiny", classes).state_dict()
    meta = {"iter": 80_000, "mmcv_version": "1.3.13", "config": "dict(type='SyncBN')", "PALETTE": [[0, 1, 2]]}
    model = load_checkpoint(saved({"meta": meta, "state_dict": state, "optimizer": {"state": {}}}), "iter_80000.pth")
    assert (model.size, model.classes) == ("tiny", classes)
    assert same(model, state)


CLASSIFIERS: dict[str, dict[str, Tensor]] = {
    "linear": {"head.weight": torch.zeros(1000, 208), "head.bias": torch.zeros(1000)},
    "the authors'": {
        **{f"head.bn.{name}": torch.zeros(208) for name in ("weight", "bias", "running_mean", "running_var")},
        "head.bn.num_batches_tracked": torch.tensor(1),
        **{"head.l.weight": torch.zeros(1000, 208), "head.l.bias": torch.zeros(1000)},
    },
    "none": {},
}


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_imagenet_classifiers_are_dropped(backbone: dict[str, Tensor], classifier: str, parallel: bool) -> None:
    """As timm saves them: the moving average beside the weights, and the script's arguments."""
    content = {("module." if parallel else "") + k: t for k, t in {**backbone, **CLASSIFIERS[classifier]}.items()}
    last = {name: torch.zeros_like(tensor) for name, tensor in content.items()}
    arguments = argparse.Namespace(model="topformer", opt="rmsproptf", lr=0.064, ratio=[0.75, 4 / 3], drop_block=None)
    file = saved(
        {"arch": "topformer", "args": arguments, "state_dict": last, "state_dict_ema": content, "metric": 66.2}
    )
    model = load_checkpoint(file, "topformer-T-224-66.2.pth")
    assert (model.size, model.classes) == ("tiny", None)
    assert same(model, backbone, "backbone.")


@pytest.mark.parametrize("parallel", [False, True])
def test_auxiliary_heads_are_ignored(state: dict[str, Tensor], parallel: bool) -> None:
    content = {
        **state,
        "auxiliary_head.conv_seg.weight": torch.zeros(150, 64, 1, 1),
        "auxiliary_head.0.x": torch.ones(1),
    }
    file = saved({"state_dict": {("module." if parallel else "") + k: t for k, t in content.items()}})
    assert same(load_checkpoint(file, "aux.pth"), state)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_moving_average_of_mmcv_is_left_out(state: dict[str, Tensor], prefix: str) -> None:
    """Its hook registers each under a name without dots, beside the weights."""
    average = {f"ema_{name.replace('.', '_')}": torch.zeros_like(tensor) for name, tensor in state.items()}
    file = saved({"state_dict": {f"{prefix}{name}": tensor for name, tensor in {**average, **state}.items()}})
    assert same(load_checkpoint(file, "iter_160000.pth"), state)


PREFIXES = ["_orig_mod.", "model.", "model._orig_mod.", "module.", "_orig_mod.module.", "net.", "segmentor.student."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_of_wrappers_are_taken_off(state: dict[str, Tensor], backbone: dict[str, Tensor], prefix: str) -> None:
    """With what else a wrapper held: a loss's weights, an average of the network."""
    more = {"criterion.weight": torch.ones(150), f"ema_{prefix}backbone.tpm.stem.0.c.weight": torch.zeros(1)}
    wrapped = {
        **(more if prefix != "_orig_mod." else {}),
        **{f"{prefix}{name}": tensor for name, tensor in state.items()},
    }
    assert same(load_checkpoint(saved({"state_dict": wrapped}), "last.ckpt"), state)
    bare = {f"{prefix}{name}": tensor for name, tensor in backbone.items()}
    assert same(load_checkpoint(saved(bare), "backbone.pt"), backbone, "backbone.")


def test_a_part_that_was_compiled(state: dict[str, Tensor]) -> None:
    compiled = {name.replace("backbone.", "backbone._orig_mod."): tensor for name, tensor in state.items()}
    assert same(load_checkpoint(saved(compiled), "compiled.pt"), state)


@pytest.mark.parametrize("wrapper", ["model_state_dict", "net", "ema"])
def test_the_network_is_found_beside_other_tensors(state: dict[str, Tensor], wrapper: str) -> None:
    beside = {"loss": torch.tensor(0.3), "optimizer_state_dict": {"state": {0: torch.ones(2)}}, "epoch": 3}
    assert same(load_checkpoint(saved({**beside, wrapper: state}), "checkpoint.pt"), state)


def test_a_head_beside_a_decode_head_is_unexpected(state: dict[str, Tensor]) -> None:
    assert "1 unexpected: head.weight" in refusal(saved({**state, "head.weight": torch.zeros(1)}))


def test_a_prefix_of_some_keys_is_kept(state: dict[str, Tensor]) -> None:
    assert "1 unexpected: module.x" in refusal(saved({**state, "module.x": torch.zeros(1)}))


NOTES = {
    "namespace": argparse.Namespace(lr=0.1, nested=argparse.Namespace(epochs=3)),
    "scalar": np.float64(0.373),
    "small scalar": np.int32(7),
    "bool": np.bool_(True),
    "dtype": np.dtype("float32"),
    "array": np.arange(450).reshape(150, 3),
    "set": {1, 2},
    "size": torch.Size([2, 3]),
    "device": torch.device("cuda:0"),
    "torch dtype": torch.float16,
}


@pytest.mark.parametrize("note", NOTES)
def test_notes_of_training_scripts_are_let_pass(state: dict[str, Tensor], note: str) -> None:
    assert same(load_checkpoint(saved({"meta": {"x": NOTES[note]}, "state_dict": state}), "best.pth"), state)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_every_pickle_protocol_is_read(state: dict[str, Tensor], protocol: int, zipped: bool) -> None:
    notes = {
        **NOTES,
        "frozen": frozenset("ab"),
        "bytes": b"x" * 300,
        "large": 2**2000,
        "words": "路" * 300,
        "list": [1.5, None],
    }
    content = {"meta": {**notes, "CLASSES": tuple(map(str, range(150)))}, "state_dict": state}
    file = saved(content, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    model = load_checkpoint(file, "protocol.pth")
    assert same(model, state)
    assert model.class_names == tuple(map(str, range(150)))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_long_configuration_beside_the_weights_is_read(state: dict[str, Tensor], zipped: bool) -> None:
    config = "\n".join(f"model.layer{n} = dict(type='SyncBN', note='配置')" for n in range(40_000))
    assert len(config) > 500_000
    file = saved({"meta": {"config": config}, "state_dict": state}, _use_new_zipfile_serialization=zipped)
    assert same(load_checkpoint(file, "long.pth"), state)


def test_a_long_header_of_safetensors_is_read(state: dict[str, Tensor], tmp_path: Path) -> None:
    assert same(named(tmp_path / "long.safetensors", state, {"config": "x" * 600_000}), state)


def test_notes_in_the_old_format_are_let_pass(state: dict[str, Tensor]) -> None:
    file = saved({"meta": NOTES, "state_dict": state}, _use_new_zipfile_serialization=False)
    assert same(load_checkpoint(file, "best.pth"), state)


@pytest.mark.parametrize("note", ["scalar", "dtype", "array"])
def test_notes_of_numpy_1_are_let_pass(state: dict[str, Tensor], note: str) -> None:
    """NumPy 1 wrote the same but for the name of its core."""
    file = saved({"note": NOTES[note], "state_dict": state})
    old = rezipped(file, lambda content: content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    assert same(load_checkpoint(old, "best.pth"), state)


def test_notes_are_not_made() -> None:
    """Not even NumPy sees what a file says of its types."""
    file = saved({"weight": torch.zeros(1), "x": np.dtype("float32"), "y": argparse.Namespace(a=1)})
    content, _ = torchfile.read(file, "notes.pth")
    assert (content["x"], content["y"]) == (None, None)


# What is no checkpoint


@pytest.mark.parametrize("source", ["nowhere.pth", "large", ""])
def test_a_missing_path_is_told_with_the_names_there_are(source: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*colour, everyday, tiny, small, base"):
        load_model(source)


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path)


def test_missing_unexpected_and_misshapen_keys_are_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    lost = [name for name in state if name.startswith("decode_head.linear_fuse.bn.") and "num" not in name]
    changed = {name: tensor for name, tensor in state.items() if name not in lost}
    changed["backbone.extra"] = torch.zeros(1)
    changed["backbone.tpm.stem.0.c.weight"] = torch.zeros(16, 3, 5, 5)
    message = refusal(save(tmp_path / "changed.pth", {"state_dict": changed}))
    assert "does not fit TopFormer tiny" in message
    assert f"4 missing: {', '.join(lost[:3])}, …" in message
    assert lost[3] not in message
    assert "1 unexpected: backbone.extra" in message
    assert "1 misshapen: backbone.tpm.stem.0.c.weight (16, 3, 5, 5) ≠ (16, 3, 3, 3)" in message


def test_another_network_is_told_by_counts(tmp_path: Path) -> None:
    message = refusal(save(tmp_path / "other.pth", nn.Linear(2, 3).state_dict()))
    assert "missing: " in message
    assert "2 unexpected: weight, bias" in message
    assert len(message) < 500


class Hostile:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("plain_pickle", [False, True])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pt"])
def test_code_in_a_file_is_not_run(tmp_path: Path, state: dict[str, Tensor], suffix: str, plain_pickle: bool) -> None:
    proof, path = tmp_path / "ran", tmp_path / f"hostile{suffix}"
    content = {"state_dict": {**state, "x": Hostile(proof)}}
    if plain_pickle:
        path.write_bytes(pickle.dumps({"x": Hostile(proof)}))
    else:
        torch.save(content, path)
    message = refusal(path)
    assert (
        "is a plain pickle" in message if plain_pickle else f"would have to run {os.mkdir.__module__}.mkdir" in message
    )
    assert not proof.exists()
    data = io.BytesIO(path.read_bytes())
    pickle.load(data) if plain_pickle else torch.load(data, weights_only=False)
    assert proof.exists()  # it would have


class Network(nn.Module):
    """A whole module, as torch.save(model) pickles it: with its class."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.kept = state

    def state_dict(self, *args: object, **kwargs: object) -> dict[str, Tensor]:  # type: ignore[override]
        return self.kept


@pytest.mark.parametrize("wrap", ["beside", "module", "module in a dict"])
def test_the_command_converts_a_refused_file(
    tmp_path: Path, state: dict[str, Tensor], wrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, bias = "decode_head.conv_seg.weight", "backbone.SIM.{}.global_act.bn.bias"
    # What .safetensors does not take as it is: numbers out of order, and two names for the same ones.
    state = {**state, kernel: state[kernel].transpose(0, 1).contiguous().transpose(0, 1)}
    state[bias.format(1)] = state[bias.format(2)]
    names = [f"物 {n}" for n in range(150)]
    content = {
        "beside": {"epoch": 3, "path": PurePosixPath("runs/1"), "state_dict": state, "meta": {"CLASSES": names}},
        "module": Network(state),
        "module in a dict": {"model": Network(state), "date": "today", "meta": {"dataset_meta": {"classes": names}}},
    }[wrap]
    old, new = save(tmp_path / "old file.pth", content), tmp_path / "new file.safetensors"
    message = refusal(old)
    what = "pathlib.PurePosixPath" if wrap == "beside" else f"{Network.__module__}.Network"
    assert f"would have to run {what}" in message
    assert message.endswith(CONVERT)
    command = CONVERT.replace("OLD.pth", shlex.quote(str(old))).replace("NEW.safetensors", shlex.quote(str(new)))
    umask = os.umask(0o027)
    if wrap == "beside":  # as it is typed; once, as PyTorch takes seconds to import
        command = command.replace("python ", f"{shlex.quote(sys.executable)} ", 1)
        subprocess.run(command, shell=True, check=True)
    else:
        _, option, code, *arguments = shlex.split(command)
        monkeypatch.setattr(sys, "argv", [option, *arguments])
        exec(code, {})
    os.umask(umask)
    assert new.stat().st_mode & 0o777 == 0o640
    model = load_model(new)
    assert same(model, state)
    assert model.class_names == (None if wrap == "module" else tuple(names))


def test_the_refusal_names_the_package_that_the_conversion_needs(
    state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What mmengine leaves beside the weights, and pathlib, which comes with Python."""
    module = types.ModuleType("mmengine.config")
    module.Config = type("Config", (), {"__module__": "mmengine.config"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mmengine", types.ModuleType("mmengine"))
    monkeypatch.setitem(sys.modules, "mmengine.config", module)
    told = refusal(saved({"state_dict": state, "cfg": module.Config()}))
    assert "would have to run mmengine.config.Config" in told
    assert "where mmengine must be installed" in told
    assert "must be installed" not in refusal(saved({"state_dict": state, "path": PurePosixPath("a")}))


def test_histories_of_mmengine_are_let_pass(state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message hub stands in every file that it writes."""
    name = "mmengine.logging.history_buffer"
    module = types.ModuleType(name)
    made = type("HistoryBuffer", (), {"__module__": name})
    module.HistoryBuffer = made  # type: ignore[attr-defined]
    for part in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    monkeypatch.setitem(sys.modules, name, module)
    buffer = made()
    buffer.history, buffer.most = np.arange(9.0), 1_000_000
    hub = {"log_scalars": OrderedDict(loss=buffer), "runtime_info": OrderedDict(epoch=3), "resumed_keys": OrderedDict()}
    assert same(load_checkpoint(saved({"message_hub": hub, "state_dict": state}), "epoch_3.pth"), state)


def test_what_fills_the_memory_is_not_made(state: dict[str, Tensor]) -> None:
    """PyTorch would make a bytearray of any length that a few bytes ask for."""
    for zipped in (True, False):
        file = saved({"state_dict": state, "x": bytearray(b"x")}, _use_new_zipfile_serialization=zipped)
        assert torch.load(io.BytesIO(file), weights_only=True)
        assert torchfile.read(file, "a.pth")[0]["x"] is None
        assert same(load_checkpoint(file, "a.pth"), state)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64, torch.uint8, torch.bool])
def test_floats_are_asked_for(state: dict[str, Tensor], dtype: torch.dtype) -> None:
    name = "decode_head.conv_seg.bias"
    message = refusal(saved({**state, name: torch.ones(150).to(dtype)}))
    assert f"1 not of floating-point numbers: {name} {dtype}" in message


def test_messages_stay_short_and_printable(state: dict[str, Tensor]) -> None:
    message = refusal(saved({**state, "\ud800" + "x" * 10_000: torch.zeros(1), "": torch.zeros(1)}))
    assert len(message) < 500
    message.encode()


# Bounds


def test_old_format(state: dict[str, Tensor]) -> None:
    """PyTorch before 1.6 wrote no zip file."""
    assert same(load_checkpoint(saved(state, _use_new_zipfile_serialization=False), "old.pth"), state)


def test_too_heavy_files_are_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "heavy.pth"
    with path.open("wb") as file:
        file.truncate(weights.MAX_CHECKPOINT_BYTES + 1)
    monkeypatch.setattr(Path, "read_bytes", None)
    assert "larger than 100 MB" in refusal(path)


def test_the_most_that_is_read(state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(state)
    monkeypatch.setattr(weights, "MAX_CHECKPOINT_BYTES", len(file))
    load_checkpoint(file, "just.pth")
    monkeypatch.setattr(weights, "MAX_CHECKPOINT_BYTES", len(file) - 1)
    assert "is larger than" in refusal(file)


@pytest.mark.parametrize("which", [("",), ("version",)], ids=["all", "one"])
def test_compressed_records_are_refused(state: dict[str, Tensor], which: tuple[str, ...]) -> None:
    file = rezipped(saved(state), lambda content: content, which)
    assert torch.load(io.BytesIO(file), weights_only=True)  # PyTorch would take it
    assert "compressed" in refusal(file)


def test_records_that_share_their_bytes_are_refused(state: dict[str, Tensor]) -> None:
    """Each within the file, together far more than it."""
    stream = io.BytesIO(saved(state))
    with zipfile.ZipFile(stream, "a") as archive:
        largest = max(archive.filelist, key=lambda record: record.file_size)
        for n in range(5000, 5030):
            twin = copy.copy(largest)
            twin.filename = f"archive/data/{n}"
            archive.filelist.append(twin)
        archive.writestr("archive/more", b"")  # so that the list is written again
    assert "claims to be more" in refusal(stream.getvalue())


def test_pytorch_reads_what_was_checked(state: dict[str, Tensor]) -> None:
    """A file may show one zip archive to Python's reader and another to PyTorch's."""
    shown, hidden = saved(state), saved({name: torch.zeros_like(tensor) for name, tensor in state.items()})
    assert len(shown) == len(hidden)
    both = hidden[: hidden.rindex(b"PK\6\6") if b"PK\6\6" in hidden else hidden.rindex(b"PK\5\6")] + shown
    direct = torch.load(io.BytesIO(both), weights_only=True)
    assert not any(tensor.any() for tensor in direct.values())
    assert same(load_checkpoint(both, "two.pth"), state)


def test_a_record_is_read_under_one_name_only() -> None:
    """To PyTorch's reader, a and A are the same record, each to be read again."""
    file = saved({"weight": torch.zeros(4)})
    named = rezipped(file, lambda content: content.replace(b"X\1\0\0\0000q", b"X\1\0\0\0aq"))
    letters = named.replace(b"archive/data/0", b"archive/data/A")
    assert torch.load(io.BytesIO(letters), weights_only=True)["weight"].numel() == 4
    assert "cannot be read as a checkpoint" in refusal(letters)


def test_repeated_numbers_are_refused(state: dict[str, Tensor]) -> None:
    """A stride of 0 makes a tensor of any size from one number."""
    name = "decode_head.conv_seg.bias"
    assert "claims to be more" in refusal(saved({**state, name: torch.zeros(1).expand(10**12)}))
    assert same(load_checkpoint(saved({**state, name: torch.zeros(1).expand(150)}), "0.pth"), {name: torch.zeros(150)})


def test_too_many_classes_are_refused(state: dict[str, Tensor]) -> None:
    classes = weights.MAX_CLASSES + 1
    many = {"decode_head.conv_seg.weight": torch.zeros(classes, 128, 1, 1)}
    assert "1 misshapen: decode_head.conv_seg.weight (1025, 128, 1, 1) ≠ (150, 1" in refusal(saved({**state, **many}))


@pytest.mark.parametrize("zipped", [True, False])
def test_an_endless_index_is_refused(state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch, zipped: bool) -> None:
    file = saved(state, _use_new_zipfile_serialization=zipped)
    monkeypatch.setattr(unpickle, "MAX_INDEX_BYTES", 10_000)
    assert "besides the numbers of its tensors it holds too much" in refusal(file)


@pytest.mark.parametrize("claim", [2**63, 10**12, 10**6, 0])
def test_a_header_that_claims_too_much_is_refused(claim: int) -> None:
    file = claim.to_bytes(8, "little") + b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' + bytes(4)
    message = refusal(file)
    assert ("cannot be read: it ends before" if claim else "cannot be read as a checkpoint") in message


def test_offsets_beyond_the_file_are_refused() -> None:
    header = b'{"x":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    assert "cannot be read: it ends before" in refusal(len(header).to_bytes(8, "little") + header + bytes(4))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"PK\x03\x04 no zip",
        b"\x80\x02}q\x00.",
        b"\xff" * 999,
    ],
    ids=["empty", "one byte", "text", "zip header", "pickled empty dict", "noise"],
)
def test_other_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_cut_off_files_are_refused(tmp_path: Path, state: dict[str, Tensor], suffix: str) -> None:
    whole = save(tmp_path / f"whole{suffix}", state).read_bytes()
    for size in (7, 100, len(whole) // 2, len(whole) - 1):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(whole[:size])
        assert ("neither a .pth" if size == 7 and suffix != ".pth" else "it ends before") in refusal(path)


def test_cut_off_files_of_the_old_format_are_refused(state: dict[str, Tensor]) -> None:
    whole = saved(state, _use_new_zipfile_serialization=False)
    assert all("it ends before" in refusal(whole[:size]) for size in (1000, len(whole) - 1))


# What it says it is, and what a file is not called


def packed(how: str, data: bytes) -> bytes:
    """The checkpoint in an archive of this kind."""
    stream = io.BytesIO()
    if how.startswith("zip"):
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if how == "zip" else zipfile.ZIP_STORED) as archive:
            archive.writestr("weights/topformer-T.pth", data)
    elif how == "gz":
        stream.write(gzip.compress(data, 1))
    else:
        with tarfile.open(fileobj=stream, mode="w:" if how == "tar" else "w:xz") as tar:
            member = tarfile.TarInfo("topformer-T.pth")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.parametrize("how", ["zip", "zip, stored", "gz", "tar", "tar.xz"])
def test_archives_are_to_be_unpacked(how: str) -> None:
    """What a shared drive hands over."""
    message = refusal(packed(how, saved({"weight": torch.zeros(9)})))
    assert "is an archive of files; please unpack it" in message
    assert "damaged" not in message


KINDS = {
    b"": "it is empty",
    b" \n": "it is empty",
    b"<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning": "it is a web page",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:": "pointer of Git LFS",
    pickle.dumps({"a": 1}, 2): "a plain pickle",
    pickle.dumps({"a": 1}, 4): "a plain pickle",
    b"\x89HDF\r\n\x1a\n": "neither a .pth file",
}


@pytest.mark.parametrize("start", KINDS)
def test_other_files_are_called_what_they_are(start: bytes) -> None:
    message = refusal(start)
    assert KINDS[start] in message
    assert "damaged" not in message and "{" not in message


def test_what_the_reader_does_not_know_is_not_called_damaged(state: dict[str, Tensor]) -> None:
    """Numbers that stand for globals, which Python lets a program register; and numbers that begin with their large end."""
    copyreg.add_extension(PurePosixPath.__module__, "PurePosixPath", 240)
    registered = saved({"state_dict": state, "path": PurePosixPath("a")})
    copyreg.remove_extension(PurePosixPath.__module__, "PurePosixPath", 240)
    turned = rezipped(saved(state), lambda content: b"big" if content == b"little" else content)
    for data, what in ((registered, "the pickle operation EXT1"), (turned, "numbers in another byte order")):
        message = refusal(data)
        assert f"it holds {what}" in message and message.endswith(CONVERT)
        assert "damaged" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no tensors"),
        ({"state_dict": {}}, "no tensors"),
        ({"epoch": 3, "name": "tiny"}, "no tensors"),
        ([torch.zeros(1)], "holds a list"),
        (torch.zeros(1), "holds a Tensor"),
        (None, "holds a NoneType"),
        ({3: torch.zeros(1)}, "1 unexpected: 3"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, content: object, message: str) -> None:
    assert message in refusal(save(tmp_path / "content.pth", content))


# The authors' initialiser


def effective(model: nn.Module) -> Tensor:
    """Effective tokens, exp of a row's entropy, on a picture of 64 tokens: mean by block and head (4, heads)."""
    run = trace(model, to_tensor(open_sample("china").resize((512, 512))))
    rows = torch.stack([run[f"block{n}.weights"] for n in range(4)])
    return torch.special.entr(rows).sum(-1).exp().mean((1, 3))


@pytest.mark.parametrize(("size", "classes"), [("tiny", 150), ("base", None)])
def test_reinitialised_is_as_the_authors_begin(
    varied: Callable[..., TopFormer], size: str, classes: int | None
) -> None:
    model = varied(size, classes)
    before, random = {name: tensor.clone() for name, tensor in model.state_dict().items()}, torch.get_rng_state()
    model = copy.deepcopy(model).train()
    made = reinitialised(model)
    assert torch.equal(torch.get_rng_state(), random)
    assert same(model, before)
    assert model.training and not made.training
    assert (made.size, made.classes) == (size, classes)
    for name, module in made.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all() and (module.bias == 0).all()
            assert (module.running_mean == 0).all() and (module.running_var == 1).all()
            assert module.num_batches_tracked == 0
        if isinstance(module, nn.Conv2d):
            out, inp, k, _ = module.weight.shape
            variance = 2 / (k * k * out // module.groups)
            if name == "decode_head.conv_seg":
                variance = 0.01**2
            if name == "decode_head.linear_fuse.conv":  # depthwise in tiny
                variance = 2 / out
            numbers = module.weight.numel()
            assert abs(float(module.weight.mean())) < 5 * (variance / numbers) ** 0.5, name
            assert float(module.weight.square().mean()) == pytest.approx(variance, rel=5 * (2 / numbers) ** 0.5), name
            assert module.bias is None or (module.bias == 0).all()


def test_reinitialised_by_seed() -> None:
    model = load_model("tiny")
    first, again, other = (reinitialised(model, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(again[name], tensor) for name, tensor in first.items())
    assert not any(torch.equal(other[name], tensor) for name, tensor in first.items() if tensor.ndim == 4)


@pytest.mark.parametrize("size", ["tiny", "base"])
def test_reinitialised_rows_are_one_hot(size: str) -> None:
    """1.0 effective tokens of 64, and an attention branch that is not 0 any more."""
    made = reinitialised(load_model(size))
    assert effective(made).mean(1).max() < 1.1
    assert effective(load_model(size)).min() > 63.9
    assert all((block.attn.proj[1].bn.weight == 1).all() for block in made.backbone.trans.transformer_blocks)


# Batch statistics


@pytest.mark.parametrize(("size", "classes"), [("tiny", 150), ("small", None), ("base", 19)])
def test_batch_statistics_are_those_of_training(
    varied: Callable[..., TopFormer], agree: Callable[..., None], size: str, classes: int | None
) -> None:
    """In float64, as in float32 the rounding of either grows from one BatchNorm to the next."""
    model = copy.deepcopy(varied(size, classes)).double()
    image = torch.from_numpy(golden_image(128, 192)).double()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    measured = with_batch_statistics(model, image)
    agree(measured(image), copy.deepcopy(model).train()(image), 1e-8)
    assert not measured.training
    assert not any(module._forward_pre_hooks for module in measured.modules())
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    for old, new in zip(model.parameters(), measured.parameters(), strict=True):
        assert torch.equal(old, new)


def test_batch_statistics_of_small_kernels(varied: Callable[..., TopFormer], agree: Callable[..., None]) -> None:
    """Weight decay leaves kernels small, and BatchNorm makes up for it: a small spread is no rounding."""
    model = copy.deepcopy(varied("tiny")).double()
    for block in model.backbone.trans.transformer_blocks:
        block.attn.to_q.c.weight.mul_(1e-3)
    image = torch.from_numpy(golden_image(128, 192)).double()
    agree(with_batch_statistics(model, image)(image), copy.deepcopy(model).train()(image), 1e-8)


def test_batch_statistics_as_built(agree: Callable[..., None]) -> None:
    model, image = load_model("tiny").train(), to_tensor(open_sample("china").resize((512, 512)))
    with torch.inference_mode():
        measured = with_batch_statistics(model, image)
    agree(measured(image), copy.deepcopy(model)(image))
    agree(trace(measured, image)["class_scores"], measured(image))
    assert model.training


def test_batch_statistics_of_one_token(varied: Callable[..., TopFormer], agree: Callable[..., None]) -> None:
    """A single value has no spread to divide by: its rounding must not be blown up into a picture."""
    image = torch.from_numpy(golden_image(64, 64))
    measured = with_batch_statistics(varied("tiny"), image)
    agree(trace(measured, image)["class_scores"], measured(image), 1e-2)


def test_batch_statistics_wake_an_untrained_network() -> None:
    """Effective tokens, exp of a row's entropy: all 64 as built, few with the picture's own statistics."""
    model, image = load_model("tiny"), to_tensor(open_sample("china").resize((512, 512)))
    assert torch.allclose(effective(model), torch.tensor(64.0), atol=0.05)
    awake = effective(with_batch_statistics(model, image))
    assert awake.min() > 2
    assert awake.max() < 30
