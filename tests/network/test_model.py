"""The network against the authors' own: golden runs, checkpoint keys, sizes."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from golden.golden_weights import golden_image
from torch import Tensor

from topformer_viz import trace
from topformer_viz.network.model import SIZES, Attention, Mlp, TopFormer, fused
from topformer_viz.run.source_code import source_of

GOLDEN_RUNS = {"tiny_128x192_150cls": (128, 192), "tiny_97x130_150cls": (97, 130)}
BLOCK_ARRAYS = {
    "x": "tokens", "q": "query", "k": "key", "v": "value", "logits": "scores", "attn": "weights",
    "heads": "mixed", "out": "projected", "block_out": "output",
}  # fmt: skip


def stage_name(array: str) -> str:
    """The trace's name of a golden array."""
    if array.startswith("block"):
        block, short = array.split(".")
        return f"{block}.{BLOCK_ARRAYS[short]}"
    return array.replace("tpm", "pyramid").replace("sim", "injected").replace("seg_logits", "class_scores")


def plain(model: TopFormer, image: Tensor) -> dict[str, Tensor]:
    """What the model's own forward pass computes: nothing folded, no private copy."""
    kept: dict[str, Tensor] = {}

    def keep(name: str, tensor: Tensor) -> Tensor:
        kept[name] = tensor.clone()
        return tensor

    with torch.no_grad():
        model(image, keep)
    return kept


@pytest.mark.parametrize("run", [plain, trace])
@pytest.mark.parametrize("file", GOLDEN_RUNS)
def test_golden_run(
    golden: Path, varied: Callable[..., TopFormer], agree: Callable[..., None], file: str, run: Callable
) -> None:
    tensors = run(varied("tiny"), torch.from_numpy(golden_image(*GOLDEN_RUNS[file])))
    with np.load(golden / f"{file}.npz") as arrays:
        assert len(arrays.files) == 4 + 1 + 4 * len(BLOCK_ARRAYS) + 3 + 1
        for array in arrays.files:
            agree(tensors[stage_name(array)], arrays[array])


@pytest.mark.parametrize("file", GOLDEN_RUNS)
def test_golden_scores_without_recording(
    golden: Path, varied: Callable[..., TopFormer], agree: Callable[..., None], file: str
) -> None:
    with np.load(golden / f"{file}.npz") as arrays:
        agree(varied("tiny")(torch.from_numpy(golden_image(*GOLDEN_RUNS[file]))), arrays["seg_logits"])


@pytest.mark.parametrize("run", [plain, trace])
@pytest.mark.parametrize("file", GOLDEN_RUNS)
def test_golden_run_without_matrices(
    monkeypatch: pytest.MonkeyPatch,
    golden: Path,
    varied: Callable[..., TopFormer],
    agree: Callable[..., None],
    file: str,
    run: Callable,
) -> None:
    """The same runs as if their tokens were too many for HW x HW tensors."""
    monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", 0)
    tensors = run(varied("tiny"), torch.from_numpy(golden_image(*GOLDEN_RUNS[file])))
    with np.load(golden / f"{file}.npz") as arrays:
        stored = [array for array in arrays.files if stage_name(array) in tensors]
        assert len(stored) == len(arrays.files) - 4 * 2
        for array in stored:
            agree(tensors[stage_name(array)], arrays[array])


@pytest.mark.parametrize(("key_dim", "d"), [(16, 32), (5, 10), (8, 8), (12, 6), (3, 7)])
def test_fused_is_softmax_of_the_scores_times_value(agree: Callable[..., None], key_dim: int, d: int) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(1, 3, 50, key_dim), torch.randn(1, 3, key_dim, 50), torch.randn(1, 3, 50, d)
    agree(fused(query, key, value), (query @ key).softmax(dim=-1) @ value, 1e-5)


@pytest.mark.parametrize(
    ("stage", "code"), [("scores", "query @ key"), ("weights", "scores.softmax(dim=-1)"), ("mixed", "weights @ value")]
)
def test_the_lines_shown_are_the_papers(stage: str, code: str) -> None:
    source = source_of(TopFormer, f"block0.{stage}")
    assert [source.text.splitlines()[i].partition("  #")[0].strip() for i in source.marked] == [
        f'{stage} = keep("{stage}", {code})'
    ]


def test_keys_are_those_of_a_published_checkpoint(golden: Path) -> None:
    expected = json.loads((golden / "tiny_keys.json").read_text())
    state = TopFormer("tiny").state_dict()
    assert list(state) == list(expected)
    assert {name: list(tensor.shape) for name, tensor in state.items()} == expected


@pytest.mark.parametrize(
    ("size", "count", "channels", "heads"),
    [("tiny", 1_389_654, 208, 4), ("small", 3_034_662, 296, 6), ("base", 5_062_646, 384, 8)],
)
def test_size(size: str, count: int, channels: int, heads: int) -> None:
    with torch.device("meta"):
        model = TopFormer(size)
    assert sum(p.numel() for p in model.parameters()) == count
    assert sum(SIZES[size].channels) == channels
    for block in model.backbone.trans.transformer_blocks:
        attn = block.attn
        assert (attn.num_heads, attn.key_dim, attn.d) == (heads, 16, 32)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("classes", "sides"),
    [(2, (64, 64)), (19, (97, 130)), (150, (2, 2)), (19, (33, 200)), (150, (128, 192)), (None, (65, 129))],
)
def test_folded_copy_computes_what_the_model_does(
    varied: Callable[..., TopFormer],
    agree: Callable[..., None],
    size: str,
    classes: int | None,
    sides: tuple[int, int],
) -> None:
    model, image = varied(size, classes), torch.from_numpy(golden_image(*sides))
    expected, run = plain(model, image), trace(model, image)
    assert list(run) == list(expected)
    for name, tensor in run.items():
        agree(tensor, expected[name])
    h, w = model.token_grid(*sides)
    assert run["tokens"].shape == (1, sum(SIZES[size].channels), h, w)
    if classes is None:
        agree(run["block3.output"], model(image))
    else:
        assert run["class_scores"].shape[:2] == (1, classes)
        agree(run["class_scores"], model(image))


def test_attention_does_not_see_the_order_of_pixels(agree: Callable[..., None]) -> None:
    torch.manual_seed(0)
    attention = Attention(dim=12, key_dim=4, num_heads=3, attn_ratio=2).eval()
    torch.nn.init.ones_(attention.proj[1].bn.weight)
    x, order = torch.randn(1, 12, 4, 5), torch.randperm(20)

    def shuffled(maps: Tensor) -> Tensor:
        return maps.flatten(2)[..., order].unflatten(2, (4, 5))

    with torch.no_grad():
        agree(attention(shuffled(x)), shuffled(attention(x)), 1e-5)


def test_attention_by_hand(agree: Callable[..., None]) -> None:
    """A grid of 2 x 3 pixels, 2 heads, key_dim 2: pixel by pixel with loops, from the weights."""
    torch.manual_seed(0)
    attention = Attention(dim=3, key_dim=2, num_heads=2, attn_ratio=2).eval()
    torch.nn.init.ones_(attention.proj[1].bn.weight)
    torch.nn.init.normal_(attention.to_v.c.weight, std=5)
    x = 3 * torch.randn(1, 3, 2, 3)
    pixels = x[0].flatten(1).T.double()  # BatchNorm's statistics are 0 and 1: its eps is all that it adds
    bn = (1 + 1e-5) ** -0.5
    q, k, v = (
        pixels @ layer.c.weight[:, :, 0, 0].T.double() * bn
        for layer in (attention.to_q, attention.to_k, attention.to_v)
    )
    merged = torch.zeros(6, 8, dtype=torch.float64)
    for head in range(2):
        of_qk, of_v = slice(2 * head, 2 * head + 2), slice(4 * head, 4 * head + 4)
        for i in range(6):
            exps = torch.stack([(q[i, of_qk] @ k[j, of_qk]).exp() for j in range(6)])
            merged[i, of_v] = sum(exps[j] / exps.sum() * v[j, of_v] for j in range(6))
    assert merged.min() < 0
    assert merged.max() > 6, "ReLU6 has nothing to cut"
    out = merged.clamp(0, 6) @ attention.proj[1].c.weight[:, :, 0, 0].T.double() * bn
    with torch.no_grad():
        agree(attention(x), out.T.reshape(1, 3, 2, 3).float(), 1e-5)


def test_mlp_cuts_at_6(agree: Callable[..., None]) -> None:
    torch.manual_seed(0)
    mlp = Mlp(dim=4, hidden=8).eval()
    x = 30 * torch.randn(1, 4, 3, 3)
    with torch.no_grad():
        wide = mlp.dwconv(mlp.fc1(x))
        assert wide.min() < 0
        assert wide.max() > 6
        agree(mlp(x), mlp.fc2(wide.clamp(0, 6)), 1e-6)
