"""Loading checkpoints, refusing what is none, and batch statistics."""

import copy
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from golden.golden_weights import golden_image, golden_state
from safetensors.torch import save_file
from torch import Tensor, nn

from topformer_viz import load_model, trace
from topformer_viz.colour import ColourModel
from topformer_viz.images import open_sample, to_tensor
from topformer_viz.model import TopFormer
from topformer_viz.weights import CheckpointError, with_batch_statistics


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


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_model(path)
    assert path.name in str(caught.value) or "does not fit" in str(caught.value)
    return str(caught.value)


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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_load_as_float32(tmp_path: Path, state: dict[str, Tensor], dtype: torch.dtype) -> None:
    saved = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}
    for name, tensor in load_model(save(tmp_path / "half.pth", {"state_dict": saved})).state_dict().items():
        if tensor.is_floating_point():
            assert tensor.dtype == torch.float32
            assert torch.equal(tensor, saved[name].float())


def test_step_counters_may_be_missing(tmp_path: Path, state: dict[str, Tensor]) -> None:
    saved = {name: t for name, t in state.items() if not name.endswith("num_batches_tracked")}
    assert len(saved) < len(state)
    loaded = load_model(save(tmp_path / "without.safetensors", saved)).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in saved.items())


# What is no checkpoint


@pytest.mark.parametrize("source", ["nowhere.pth", "large", ""])
def test_a_missing_path_is_told_with_the_names_there_are(source: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*colour, tiny, small, base"):
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
    assert "1 misshapen: backbone.tpm.stem.0.c.weight (16, 3, 5, 5) instead of (16, 3, 3, 3)" in message


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
    assert "cannot be read" in refusal(path)
    assert not proof.exists()
    data = io.BytesIO(path.read_bytes())
    pickle.load(data) if plain_pickle else torch.load(data, weights_only=False)
    assert proof.exists()  # it would have


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
        refusal(path)


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

    def effective(model: nn.Module) -> Tensor:
        run = trace(model, image)
        weights = torch.stack([run[f"block{n}.weights"] for n in range(4)])
        return torch.special.entr(weights).sum(-1).exp().mean(-1)

    assert torch.allclose(effective(model), torch.tensor(64.0), atol=0.05)
    awake = effective(with_batch_statistics(model, image))
    assert awake.min() > 2
    assert awake.max() < 30
