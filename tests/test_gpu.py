"""On a graphics card: the same numbers, within its memory, on every page.

What only the place of tensors decides is also tried on a card made of the CPU (pretend_card.py); the rest needs one.
"""

import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from golden.golden_weights import golden_image
from opening import open_app
from pretend_card import pretended
from sending import sent as sent_run
from test_model import GOLDEN_RUNS, stage_name
from test_page_figures import PAGES as FIGURES
from test_page_figures import made, view
from test_pages import PAGES
from test_train import CLASSES, COLOURS, add

from topformer_viz import load_model, trace
from topformer_viz.app.frame import compute
from topformer_viz.app.frame.compute import Computed
from topformer_viz.app.lab.page import PARTS
from topformer_viz.figures.look import Look
from topformer_viz.figures.sheet import save
from topformer_viz.figures.stages import stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.network.model import SIZES, TopFormer
from topformer_viz.run.inference import best_device
from topformer_viz.run.measures import difference, measure, pooled
from topformer_viz.run.segmentation import without_heads
from topformer_viz.run.tracing import block_of, npz, trace_block
from topformer_viz.server.store import STORE
from topformer_viz.study.what_if import Setting, experiment
from topformer_viz.terminal.bench import forward
from topformer_viz.terminal.training import train
from topformer_viz.terminal.training.data import Photographs

NO_CARD = None if torch.cuda.is_available() else "no CUDA device here"
needs_card = pytest.mark.skipif(NO_CARD is not None, reason=str(NO_CARD))
CUDA = torch.device("cuda")


@pytest.fixture(params=["pretended", pytest.param("real", marks=needs_card)])
def card(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """The device that the app computes on, in turn."""
    STORE.clear()
    if request.param == "real":
        yield CUDA
    else:
        with pretended() as device:
            monkeypatch.setattr(compute, "best_device", lambda: device)
            yield device
    STORE.clear()


# Where tensors lie


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_run_of_the_card(card: torch.device, page: str | None) -> None:
    open_app(page, size="256")


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_lab_shows_a_run_of_the_card(card: torch.device, part: str) -> None:
    open_app("lab", size="256", part=part)


@pytest.mark.parametrize("page", FIGURES)
def test_every_page_saves_figures_of_a_run_of_the_card(card: torch.device, page: str) -> None:
    on_cpu = view("everyday", "en")
    computed = Computed(on_cpu.model, trace(on_cpu.model, on_cpu.photo, device=card), on_cpu.photo)
    on_card = replace(on_cpu, key=(on_cpu.photo.size, f"everyday on {card}", *on_cpu.key[2:]), compute=lambda: computed)
    made(page, on_card, {})


CHANGES = [
    Setting(scaled=True, tokens="shuffled"),
    Setting(tokens="half", over="queries"),
    Setting(heads=2, key_dim=8),
    Setting(unpermuted=("query",), ratio=1),
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_changes_compute_on_the_card_what_they_do_on_the_cpu(
    card: torch.device, varied: Callable[..., TopFormer], photo: Callable, agree: Callable, change: Setting
) -> None:
    model = varied("tiny")
    here, there = (trace(model, photo(256, 256), device=device) for device in (torch.device("cpu"), card))
    expected, done = (experiment(model, run, 1, change) for run in (here, there))
    for name, tensor in expected.after.items():
        agree(done.after[name].cpu().clamp(min=-1e9), tensor.clamp(min=-1e9))  # tokens taken out score minus infinity
        assert done.relative_change(name) == pytest.approx(
            expected.relative_change(name), rel=1e-2, abs=1e-4, nan_ok=True
        )


def test_what_travels_of_a_run_of_the_card_is_what_travels_of_one_of_the_cpu(
    card: torch.device, varied: Callable[..., TopFormer], photo: Callable, agree: Callable
) -> None:
    model, picture = varied("tiny"), photo(128, 192)
    here, there = (
        sent_run(trace(model, picture, device=device), model, picture) for device in (torch.device("cpu"), card)
    )
    assert here.known.keys() == there.known.keys() and here.recipes == there.recipes
    for name in (*here.known, *here.recipes):
        tolerance = 1e-3 if name.endswith(".shown") else 1e-4  # these are float16
        agree(*(torch.from_numpy(run.tensor(name).copy()) for run in (there, here)), tolerance)
    assert here.answers.keys() == there.answers.keys()
    for key, answer in here.answers.items():
        if key.startswith(("range", "mean ", "shown_range")):
            assert there.answers[key] == pytest.approx(answer, rel=1e-3, abs=1e-3)


def test_a_run_of_the_card_is_drawn_written_and_measured(
    card: torch.device, varied: Callable[..., TopFormer], photo: Callable, agree: Callable
) -> None:
    model, picture = varied("tiny"), photo(128, 192)
    run = trace(model, picture, device=card)
    subject = Subject(run, model, picture, "tiny", "noise.png", untrained=True, lang="en")
    for stage in ("tokens", "query", "weights", "projected"):
        save(stage_panel(subject, block=0, stage=stage), "png", Look())
    with np.load(io.BytesIO(npz(run))) as numbers:
        agree(torch.from_numpy(numbers["block3.weights"]), run["block3.weights"].cpu())
    assert max(difference(model, run)) < 1e-4
    assert measure(run, 0).effective.min() >= 1
    pooled(run, 0, 2)
    removed = without_heads(model, run, 0, (1,))
    agree(removed.scores.cpu(), without_heads(model, trace(model, picture), 0, (1,)).scores)
    assert repr(run) and run._repr_html_()


# What only a card can tell


@needs_card
@pytest.mark.parametrize("dense", [True, False], ids=["matrices", "fused"])
@pytest.mark.parametrize("file", GOLDEN_RUNS)
def test_golden_runs_on_the_card(
    golden: Path, varied: Callable, agree: Callable, file: str, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not dense:
        monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", 0)
    run = trace(varied("tiny"), torch.from_numpy(golden_image(*GOLDEN_RUNS[file])), device=CUDA)
    assert run.device.startswith("cuda") and not run.fell_back
    with np.load(golden / f"{file}.npz") as arrays:
        for array in arrays.files:
            if stage_name(array) in run:
                agree(run[stage_name(array)].cpu(), arrays[array])


@needs_card
@pytest.mark.parametrize("size", SIZES)
def test_every_size_computes_on_the_card_what_it_does_on_the_cpu(
    size: str, varied: Callable, photo: Callable, agree: Callable
) -> None:
    here, there = (trace(varied(size), photo(512, 768), device=device) for device in (torch.device("cpu"), CUDA))
    assert list(here) == list(there)
    for name, tensor in here.items():
        agree(there[name].cpu(), tensor)


@needs_card
def test_4096_tokens_make_no_matrix(varied: Callable) -> None:
    """The attention of all heads stays below the room that a single head's HW x HW would take."""
    block = block_of(varied("tiny"), 0, CUDA)
    tokens = torch.randn(1, 208, 64, 64, device=CUDA)
    trace_block(block, tokens)  # what the first call sets up is not counted
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run = trace_block(block, tokens)
    assert "scores" not in run and "weights" not in run
    assert torch.cuda.max_memory_allocated() - before < 4096**2 * 4


@needs_card
def test_a_picture_of_4096_tokens_is_traced(photo: Callable) -> None:
    run = trace(load_model("everyday"), photo(4096, 4096), device=CUDA)
    assert run.sizes["HW"] == 4096 and not run.fell_back


@needs_card
def test_where_the_cards_memory_ends_the_cpu_takes_over(varied: Callable, photo: Callable, agree: Callable) -> None:
    model, picture = varied("base"), photo(1024, 1024)
    expected = trace(model, picture)
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(CUDA).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 40_000_000) / whole)
    try:
        run = trace(model, picture, device=CUDA)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert run.fell_back and run.device == "cpu"
    agree(run["class_scores"], expected["class_scores"])
    again = trace(model, picture, device=CUDA)
    assert not again.fell_back  # the card is of use again
    agree(again["class_scores"].cpu(), expected["class_scores"])


@needs_card
def test_twenty_steps_of_training(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for part in ("images", "labels"):
        (data / part).mkdir(parents=True)
    stems = ["a", "b", "c", "d", "y", "z"]
    for seed, stem in enumerate(stems):
        labels = np.random.default_rng(seed).integers(0, 3, (8, 8)).repeat(64, 0).repeat(64, 1).astype(np.uint8)
        add(data, stem, COLOURS[labels], labels)
    (data / "splits.json").write_text(json.dumps({"classes": CLASSES, "train": stems[:4], "val": stems[4:]}), "utf-8")
    assert best_device().type == "cuda"
    score = train.train(Photographs(data), tmp_path / "out.safetensors", steps=20, seed=0)
    assert 0 <= score.mean_iou <= 1
    model = load_model(tmp_path / "out.safetensors")
    assert isinstance(model, TopFormer) and model.class_names == tuple(CLASSES)


@needs_card
def test_forward_times_on_the_card_and_on_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    [table] = forward.measure(quick=True)
    with capsys.disabled():
        print("", torch.cuda.get_device_name(), os.cpu_count(), *table.columns, *table.rows, sep="\n")
    assert [row[0] for row in table.rows] == ["tiny", "tiny, cuda"]
