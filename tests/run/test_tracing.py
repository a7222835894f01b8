"""Recording a run: what is recorded, what holds between the stages, and what may go wrong."""

import copy
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from topformer_viz import Trace, load_model, trace
from topformer_viz.network.images import MAX_PIXELS
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import DENSE_TOKENS, TopFormer
from topformer_viz.run import tracing
from topformer_viz.run.stages import axes_of, stage_of
from topformer_viz.run.tracing import MAX_TOKENS, NotStoredError, ShapeError, TooLargeError, check

IN_BLOCK = (
    "tokens", "query_map", "query", "key_map", "key", "value_map", "value", "scores", "weights", "mixed",
    "merged", "activated", "projected", "residual", "mlp", "output",
)  # fmt: skip


def tensor(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def blocks(case) -> list[dict[str, Tensor]]:
    """The tensors of each block by their names within it."""
    prefixes = [f"block{n}." for n in range(case.model.num_blocks)]
    return [{n.removeprefix(p): t for n, t in case.run.items() if n.startswith(p)} for p in prefixes]


# What is recorded


def test_names_stand_in_the_order_of_computation(case) -> None:
    if case.model.num_blocks == 1:
        expected = ["image", "tokens", *(f"block0.{name}" for name in IN_BLOCK[:-2])]
    else:
        expected = ["image", *(f"pyramid{n}" for n in range(4)), "tokens"]
        expected += [f"block{n}.{name}" for n in range(4) for name in IN_BLOCK]
        if case.model.classes:
            expected += [f"{part}{n}" for n in (1, 2, 3) for part in ("gate", "injected")] + ["class_scores"]
    assert list(case.run) == expected
    assert len(case.run) == len(expected)


def test_every_tensor_has_the_axes_of_its_stage(case) -> None:
    sizes = check(case.run.tensors)
    assert sizes == case.run.sizes
    for name, tensor in case.run.items():
        assert [sizes[axis] for axis in axes_of(name)] == list(tensor.shape)
        assert tensor.dtype == torch.float32


@pytest.mark.parametrize(
    ("sides", "grid"), [((128, 192), (2, 3)), ((97, 130), (2, 3)), ((33, 200), (1, 4)), ((2, 2), (1, 1))]
)
def test_sizes(varied: Callable[..., TopFormer], sides: tuple[int, int], grid: tuple[int, int]) -> None:
    run = trace(varied("tiny", 19), tensor(*sides))
    fixed = {
        "B": 1,
        "RGB": 3,
        "C": 208,
        "heads": 4,
        "key_dim": 16,
        "nh_kd": 64,
        "d": 32,
        "dh": 128,
        "M": 128,
        "classes": 19,
    }
    fixed |= {f"C{n}": channels for n, channels in enumerate((16, 32, 64, 96))}
    levels = {f"{axis}{n}": -(-side // 2 ** (n + 2)) for n in range(4) for axis, side in zip("HW", sides, strict=True)}
    moving = {"Y": sides[0], "X": sides[1], "H": grid[0], "W": grid[1], "HW": grid[0] * grid[1]}
    assert run.sizes == fixed | levels | moving


def test_a_name_that_is_not_there_is_told_with_those_that_are(varied: Callable[..., TopFormer]) -> None:
    run = trace(varied("tiny", None), tensor(64, 64))
    for name in ("class_scores", "injected1", "block4.scores"):
        assert name not in run
        with pytest.raises(KeyError, match=f"no '{name}'.*image, pyramid0.*block3.output"):
            run[name]


def test_a_picture_and_its_tensor_give_the_same_run(tiny) -> None:
    again = trace(tiny.model, to_tensor(tiny.photo))
    assert again.tensors.keys() == tiny.run.tensors.keys()
    for name, expected in tiny.run.items():
        assert torch.equal(again[name], expected), name


def test_run_says_where_and_how_long(tiny) -> None:
    assert (tiny.run.device, tiny.run.fell_back) == ("cpu", False)
    assert tiny.run.seconds > 0


# What holds between the stages


def test_identities_of_attention(case, agree: Callable[..., None]) -> None:
    for block in blocks(case):
        heads, HW = case.model.num_heads, block["tokens"][0, 0].numel()

        def rows(maps: Tensor, heads: int = heads) -> Tensor:
            """(1, heads * n, H, W) to (1, heads, HW, n), element by element."""
            n = maps.shape[1] // heads
            return torch.stack([maps[0, h * n : (h + 1) * n].flatten(1).T for h in range(heads)])[None]

        assert torch.equal(block["query"], rows(block["query_map"]))
        assert torch.equal(block["key"], rows(block["key_map"]).mT)
        assert torch.equal(block["value"], rows(block["value_map"]))
        agree(block["scores"], torch.einsum("bhic,bhcj->bhij", block["query"], block["key"]))
        agree(block["weights"], torch.softmax(block["scores"], dim=-1), 1e-6)
        agree(block["weights"].sum(-1), torch.ones(1, heads, HW), 1e-5)
        assert (block["weights"] >= 0).all()
        agree(block["mixed"], torch.einsum("bhij,bhjf->bhif", block["weights"], block["value"]))
        assert torch.equal(rows(block["merged"]), block["mixed"])
        assert torch.equal(block["activated"], block["merged"].clamp(0, 6))
        agree(block["residual"] - block["tokens"], block["projected"])


def test_the_activation_has_something_to_cut(tiny) -> None:
    merged = torch.cat([block["merged"].flatten() for block in blocks(tiny)])
    assert merged.min() < 0


def test_identities_of_the_blocks(case, agree: Callable[..., None]) -> None:
    made = blocks(case)
    assert torch.equal(made[0]["tokens"], case.run["tokens"])
    for before, after in pairwise(made):
        assert torch.equal(after["tokens"], before["output"])
    for block in made:
        if "mlp" in block:
            agree(block["output"] - block["residual"], block["mlp"])


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_as_built_the_branch_is_0_and_the_rows_uniform(size: str) -> None:
    run = trace(load_model(size), tensor(128, 192))
    for n in range(4):
        assert (run[f"block{n}.projected"] == 0).all()
        assert torch.equal(run[f"block{n}.residual"], run[f"block{n}.tokens"])
        weights = run[f"block{n}.weights"]
        assert torch.allclose(weights, torch.tensor(1 / weights.shape[-1]), rtol=0.01)


def test_injected_maps_stay_as_they_were_before_the_sum(tiny, agree: Callable[..., None]) -> None:
    parts = tiny.run["block3.output"].split(tiny.model.backbone.channels, dim=1)
    for n in (1, 2, 3):
        agree(tiny.run[f"injected{n}"], tiny.model.backbone.SIM[n](tiny.run[f"pyramid{n}"], parts[n]))


# Many tokens: no HW x HW matrices

MATRICES = (".scores", ".weights")


@pytest.fixture
def unstored(monkeypatch: pytest.MonkeyPatch, case) -> Trace:
    """The run of ``case``, had its tokens been too many."""
    monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", 0)
    return trace(case.model, case.photo)


def test_without_matrices_all_else_is_the_same(case, unstored: Trace, agree: Callable[..., None]) -> None:
    assert list(unstored) == [name for name in case.run if not name.endswith(MATRICES)]
    assert unstored.sizes == case.run.sizes
    for name, tensor in unstored.items():
        agree(tensor, case.run[name])


@pytest.mark.parametrize(("sides", "tokens"), [((64, 64), 1024), ((64, 66), 1056)])
def test_matrices_are_stored_up_to_the_bound(
    monkeypatch: pytest.MonkeyPatch,
    photo: Callable[..., Image.Image],
    agree: Callable[..., None],
    sides: tuple[int, int],
    tokens: int,
) -> None:
    model, picture = load_model("colour", grid=32), photo(*sides)
    run = trace(model, picture)
    assert run.sizes["HW"] == tokens
    assert ("block0.weights" in run) == ("block0.scores" in run) == (tokens <= DENSE_TOKENS)
    monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", tokens)
    dense = trace(model, picture)
    assert dense["block0.weights"].shape == (1, 4, tokens, tokens)
    for name, tensor in run.items():
        agree(tensor, dense[name])


@pytest.mark.parametrize("name", ["block0.scores", "block0.weights"])
def test_what_is_not_stored_is_told_with_the_call_that_computes_it(
    photo: Callable[..., Image.Image], name: str
) -> None:
    run = trace(load_model("colour", grid=64), photo(64, 64))
    assert name not in run
    assert name not in list(run)
    assert run.get(name) is None
    with pytest.raises(NotStoredError) as caught:
        run[name]
    assert isinstance(caught.value, KeyError)
    assert str(caught.value) == (
        "this run has 4,096 tokens; above 1,024 the HW x HW matrices are not stored: "
        f'trace.rows("{name}", head, queries), of this trace, computes the rows you ask for'
    )
    assert run.rows(name, 3, [4095]).shape == (1, 4096)
    for other in ("block1.scores", "block0.keys"):
        with pytest.raises(KeyError, match=f"no '{other}'") as caught:
            run[other]
        assert not isinstance(caught.value, NotStoredError)


QUERIES = (slice(None), slice(2, 5), slice(-1, None), slice(0, 0), [], [0], range(0, 1))


@pytest.mark.parametrize("queries", QUERIES, ids=str)
def test_rows(case, unstored: Trace, queries) -> None:
    for name in (name for name in case.run if name.endswith(MATRICES)):
        for head in range(case.model.num_heads):
            expected = case.run[name][0, head][queries if isinstance(queries, slice) else list(queries)]
            assert torch.equal(case.run.rows(name, head, queries), expected)
            torch.testing.assert_close(unstored.rows(name, head, queries), expected, rtol=1e-4, atol=1e-4)


def test_rows_come_in_the_order_asked_for_and_from_what_is_stored(tiny) -> None:
    weights = torch.rand_like(tiny.run["block2.weights"])
    run = replace(tiny.run, tensors={**tiny.run.tensors, "block2.weights": weights})
    assert torch.equal(run.rows("block2.weights", 1, [5, 0, 5]), weights[0, 1][[5, 0, 5]])


@pytest.mark.parametrize("name", ["block4.scores", "block0.mixed", "block0.query", "scores", "xblock0.scores", "image"])
def test_rows_are_of_scores_or_weights(tiny, name: str) -> None:
    with pytest.raises(ValueError, match=f"not of '{name}'"):
        tiny.run.rows(name, 0, [0])


@pytest.mark.parametrize(
    ("head", "queries", "message"),
    [
        (4, [0], "head 4 is not one of 0 to 3"),
        (-1, [0], "head -1 is not one of 0 to 3"),
        (0, [0, 6], "query 6 is not one of 0 to 5"),
        (0, [-1], "query -1 is not one of 0 to 5"),
    ],
)
def test_rows_that_are_not_there(tiny, head: int, queries: list[int], message: str) -> None:
    with pytest.raises(IndexError, match=message):
        tiny.run.rows("block0.weights", head, queries)


# The model stays as it is


@pytest.mark.parametrize("training", [False, True])
def test_tracing_does_not_change_the_model(tiny, training: bool) -> None:
    model = copy.deepcopy(tiny.model).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, second = trace(model, tiny.photo), trace(model, tiny.photo)
    assert all(module.training == training for module in model.modules())
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    for name, expected in tiny.run.items():
        assert torch.equal(first[name], expected), name
        assert torch.equal(second[name], expected), name


def test_a_later_run_does_not_change_an_earlier_one(varied: Callable[..., TopFormer]) -> None:
    first = trace(varied("tiny"), tensor(128, 128, seed=1))
    before = {name: value.clone() for name, value in first.items()}
    trace(varied("tiny"), tensor(128, 128, seed=2))
    assert all(torch.equal(first[name], value) for name, value in before.items())


def in_place(model: TopFormer) -> None:
    with torch.no_grad():
        model.backbone.tpm.stem[0].c.weight.mul_(2)


def statistic(model: TopFormer) -> None:
    model.backbone.tpm.stem[0].bn.running_mean.add_(1)


def replaced(model: TopFormer) -> None:
    model.decode_head.conv_seg = nn.Conv2d(128, 150, 1)


def loaded(model: TopFormer) -> None:
    model.load_state_dict({name: value * 1.05 for name, value in model.state_dict().items()})


@pytest.mark.parametrize("edit", [in_place, statistic, replaced, loaded])
def test_an_edited_model_is_traced_as_it_is_now(
    varied: Callable[..., TopFormer], agree: Callable[..., None], edit: Callable[[TopFormer], None]
) -> None:
    model, image = copy.deepcopy(varied("tiny")), tensor(64, 64)
    old = trace(model, image)["class_scores"]
    edit(model)
    new = trace(model, image)["class_scores"]
    assert not torch.allclose(new, old)
    agree(new, model(image))


@pytest.mark.parametrize("workers", [2, 8])
def test_threads_on_one_model(varied: Callable[..., TopFormer], agree: Callable[..., None], workers: int) -> None:
    model = copy.deepcopy(varied("tiny", 19))  # a new one, so that its private copy is made in the race too
    images = [tensor(64 * (1 + n % 3), 128, seed=n) for n in range(3 * workers)]
    with ThreadPoolExecutor(workers) as pool:
        runs = list(pool.map(lambda image: trace(model, image), images))
    for image, run in zip(images, runs, strict=True):
        expected = trace(varied("tiny", 19), image)
        assert list(run) == list(expected)
        for name, value in expected.items():
            agree(run[name], value, 1e-5)


# What may go wrong


def test_a_wrong_shape_is_told_with_the_declaration_and_the_sizes_known() -> None:
    tensors = {"block0.tokens": torch.zeros(1, 208, 2, 3), "block0.query_map": torch.zeros(1, 64, 2, 4)}
    with pytest.raises(ShapeError) as caught:
        check(tensors)
    message = str(caught.value)
    assert message.startswith("block0.query_map is declared (B, nh_kd, H, W) but has shape (1, 64, 2, 4)")
    for known in ("B = 1", "C = 208", "H = 2", "W = 3"):
        assert known in message


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (
            {"block0.scores": (1, 4, 6, 5)},
            r"scores is declared \(B, heads, HW, HW\) but has shape \(1, 4, 6, 5\)",
        ),
        ({"tokens": (208, 2, 3)}, r"tokens is declared \(B, C, H, W\) but has shape \(208, 2, 3\)"),
        (
            {"block0.query_map": (1, 64, 2, 3), "block0.query": (1, 4, 6, 15)},
            "nh_kd = 64 is not heads x key_dim = 4 x 15",
        ),
        ({"tokens": (1, 9, 2, 3), "block0.query": (1, 4, 7, 16)}, "HW = 7 is not H x W = 2 x 3"),
    ],
)
def test_shape_errors(tensors: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        check({name: torch.zeros(shape) for name, shape in tensors.items()})


def test_a_model_that_contradicts_the_declaration_is_refused(varied: Callable[..., TopFormer]) -> None:
    model = copy.deepcopy(varied("tiny"))
    attention = model.backbone.trans.transformer_blocks[2].attn
    attention.num_heads, attention.key_dim, attention.d = 8, 8, 16  # fits its weights, not the other blocks
    with pytest.raises(ShapeError, match=r"block2.query is declared .* but has shape"):
        trace(model, tensor(64, 64))


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(1, 4, 64, 64),
        torch.zeros(1, 3, 64, 64, dtype=torch.int64),
        torch.zeros(1, 3, 64, 64, dtype=torch.uint8),
        torch.zeros(2, 3, 64, 64),
        torch.zeros(3, 64, 64),
        torch.zeros(1, 3, 0, 64),
    ],
    ids=["channels", "int64", "uint8", "batch", "3 axes", "empty"],
)
def test_other_images_are_refused(tiny, image: Tensor) -> None:
    with pytest.raises(ValueError, match="an image is a float tensor"):
        trace(tiny.model, image)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_pictures_of_other_modes_are_taken(tiny, mode: str) -> None:
    picture = tiny.photo.convert(mode)
    expected = trace(tiny.model, picture.convert("RGB"))
    assert torch.equal(trace(tiny.model, picture)["class_scores"], expected["class_scores"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_floats_are_taken(tiny, agree: Callable[..., None], dtype: torch.dtype) -> None:
    agree(
        trace(tiny.model, tensor(64, 64).to(dtype))["tokens"],
        trace(tiny.model, tensor(64, 64))["tokens"],
        0.02,
    )


class BegunError(Exception):
    """The pass began."""


@pytest.mark.parametrize(
    ("model", "sides", "message"),
    [
        ("tiny", (8000, MAX_PIXELS // 8000), None),
        (
            "tiny",
            (8000, MAX_PIXELS // 8000 + 1),
            "has 40,008,000 image pixels, more than the 40,000,000 .*; make the image smaller$",
        ),
        ("base", (20_000, 20_000), "has 400,000,000 image pixels, "),
        ("tiny", (10, 64 * MAX_TOKENS), None),
        ("tiny", (10, 64 * MAX_TOKENS + 1), "has 16,385 tokens here, more than the 16,384 .*; make the image smaller$"),
        ("colour", (64, MAX_TOKENS // 64), None),
        ("colour", (64, MAX_TOKENS // 64 + 1), "has 16,448 tokens here, .*; crop it or choose a coarser grid$"),
    ],
)
def test_too_large_is_said_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch, model: str, sides: tuple[int, int], message: str | None
) -> None:
    def record(*_: object) -> None:
        raise BegunError

    monkeypatch.setattr(tracing, "_record", record)
    huge = torch.zeros(1, 3, 1, 1).expand(1, 3, *sides)  # one number, seen as many
    with pytest.raises(TooLargeError if message else BegunError) as caught:
        trace(load_model(model, grid=64), huge)
    if message:
        assert re.search(rf"^a {sides[1]} x {sides[0]} image {message}", str(caught.value))


class OnTheCard(nn.Module):
    """Says that it lies on a graphics card (here the meta device); ``record`` below computes without one."""

    token_grid, num_blocks, num_heads = TopFormer.token_grid, 4, 4

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, device="meta"))


def trace_on_the_card(monkeypatch: pytest.MonkeyPatch, model: nn.Module, error: Exception) -> tuple[Trace, list[str]]:
    """A trace whose pass on the card ends in ``error``, and the devices that were tried."""
    tried = []
    original = tracing._record

    def record(_: nn.Module, x: Tensor, device: torch.device) -> tuple[dict[str, Tensor], float]:
        tried.append(device.type)
        if device.type != "cpu":
            raise error
        return original(model, x, device)

    monkeypatch.setattr(tracing, "_record", record)
    return trace(OnTheCard(), tensor(64, 64)), tried


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
    ],
)
def test_the_cpu_takes_over_when_the_card_is_out_of_memory(
    monkeypatch: pytest.MonkeyPatch, varied: Callable[..., TopFormer], error: Exception
) -> None:
    model = varied("tiny")
    run, tried = trace_on_the_card(monkeypatch, model, error)
    assert tried == ["meta", "cpu"]
    assert (run.device, run.fell_back) == ("cpu", True)
    assert torch.equal(run["class_scores"], trace(model, tensor(64, 64))["class_scores"])


def test_other_errors_of_the_card_are_raised(monkeypatch: pytest.MonkeyPatch, varied: Callable[..., TopFormer]) -> None:
    with pytest.raises(RuntimeError, match="illegal memory access"):
        trace_on_the_card(monkeypatch, varied("tiny"), RuntimeError("an illegal memory access was encountered"))


def test_running_out_of_memory_on_the_cpu_is_raised(
    monkeypatch: pytest.MonkeyPatch, varied: Callable[..., TopFormer]
) -> None:
    def record(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(tracing, "_record", record)
    with pytest.raises(RuntimeError, match="out of memory"):
        trace(varied("tiny"), tensor(64, 64))


def test_a_model_made_in_inference_mode_can_be_traced() -> None:
    with torch.inference_mode():
        model = load_model("tiny")
    assert stage_of(list(trace(model, tensor(64, 64)))[-1]).name == "class_scores"
