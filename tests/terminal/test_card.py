"""The bundled weights, what was measured of them, and the card that says it."""

import json
import re
from dataclasses import asdict
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from topformer_viz import Trace, load_model, trace
from topformer_viz.__main__ import main
from topformer_viz.network import weights
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.facts import FILE, RARELY, facts
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run.segmentation import SILENCED, without
from topformer_viz.study import likeness
from topformer_viz.study.heads import NetworkFinding, sentence
from topformer_viz.terminal.training import card as module
from topformer_viz.terminal.training import score as scoring
from topformer_viz.terminal.training.card import CARD, card, evaluate, write
from topformer_viz.terminal.training.data import IGNORE, Photographs
from topformer_viz.terminal.training.score import Score, as_shown

NAMES = CLASS_SETS["streets"].names
CLASSES = [name.en for name in NAMES]
NETWORKS = ["trained", "built", "reinitialised"]


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """What streets.json holds; a number that JSON does not know is a mistake."""

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    return json.loads(FILE.read_text("utf-8"), parse_constant=refuse)


# What is shipped


def test_the_weights_are_small_and_their_classes_named() -> None:
    assert weights.STREETS.stat().st_size <= 3_000_000
    with safe_open(weights.STREETS, "pt") as file:
        dtypes = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118
        assert json.loads(file.metadata()["classes"]) == CLASSES
    assert dtypes == {torch.float16}
    model = load_model("streets")
    assert isinstance(model, TopFormer)
    assert (model.size, model.classes, model.class_names) == ("tiny", 8, tuple(CLASSES))
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


def test_the_terms_lie_beside_them() -> None:
    terms = (weights.STREETS.parent / "LICENSE.txt").read_text("utf-8")
    assert "research" in terms and "LabelMeFacade" in terms and "CamVid" in terms


def test_how_they_were_trained_is_the_same_in_both_files(known: dict[str, Any]) -> None:
    with safe_open(weights.STREETS, "pt") as file:
        assert json.loads(file.metadata()["training"]) == known["training"]


def test_the_card_is_the_one_its_numbers_give(known: dict[str, Any]) -> None:
    """Where this fails: python -m topformer_viz evaluate --data DIR."""
    assert CARD.read_text("utf-8") == card(known)


# What was measured


def test_facts_are_the_files(known: dict[str, Any]) -> None:
    found = asdict(facts())
    assert found["classes"] == CLASSES
    assert found.keys() >= {"train", "val", "mean_iou", "accuracy", "iou", "without", "far"}
    assert found == {name: {**known, **known["score"]}[name] for name in found}


def test_the_numbers_can_be(known: dict[str, Any]) -> None:
    score = known["score"]
    assert len(score["iou"]) == 8
    assert score["mean_iou"] == pytest.approx(np.mean(score["iou"]), abs=1e-4)
    assert all(0 <= value <= 1 for value in [*score["iou"], score["accuracy"], *known["without"].values()])
    assert list(known["without"]) == list(SILENCED)
    assert known["far"] > 0
    assert list(known["networks"]) == NETWORKS
    for content in known["networks"].values():
        network = NetworkFinding.from_json(content)
        assert network.pictures <= known["val"]
        assert [len(block) for block in network.heads] == [4] * 4
        assert all(len(head.ratio) == len(head.read) == 8 for block in network.heads for head in block)


# The card


def rows(text: str) -> list[list[str]]:
    """The cells of every line of a table."""
    return [line.strip("|").split("|") for line in re.sub(" *\\| *", "|", text).splitlines() if line.startswith("|")]


def test_the_card_says_every_number(known: dict[str, Any]) -> None:
    text = card(known)
    score, training = known["score"], known["training"]
    assert not re.search(r"\bnan\b|None|[{}]", text)
    assert f"(mIoU) **{score['mean_iou']:.3f}**, pixel accuracy {score['accuracy']:.3f}." in text
    assert f"{known['train']:,} photographs trained it, {known['val']} validate it" in text
    assert f"--steps {training['steps']} --seed {training['seed']}\n" in text
    assert f"{training['seconds'] / 60:.0f} minutes on {training['on']}" in text
    assert f"8 classes of image pixels apart: {', '.join(CLASSES)} (" in text
    assert (
        f"further than {known['far']:.2f} standard deviations from the training images', as\n{RARELY:.0%} of val's"
        in text
    )
    assert "(LICENSE.txt)" in text


def test_the_card_lists_classes_from_best_to_worst(known: dict[str, Any]) -> None:
    text = card(known)
    table = text[text.index("| class | IoU |") : text.index("mIoU with a part set to 0")]
    found = [(name, float(iou)) for name, iou in rows(table)[2:]]
    assert sorted(name for name, _ in found) == sorted(CLASSES)
    assert [iou for _, iou in found] == sorted((iou for _, iou in found), reverse=True)
    ious = dict(zip(CLASSES, known["score"]["iou"], strict=True))
    assert all(iou == pytest.approx(ious[name], abs=0.0051) for name, iou in found)
    names = [name for name, _ in found]
    assert f"best at {' and '.join(names[:3])}, worst at {' and '.join(names[-2:])}." in text


def test_the_card_tells_what_each_part_is_worth(known: dict[str, Any]) -> None:
    text = card(known)
    table = text[text.index("| without | mIoU |") : text.index("## What it is not good at")]
    words = [*(f"block {n}'s attention" for n in range(1, 5)), "all attention", "the four blocks"]
    assert rows(table)[2:] == [
        [word, f"{known['without'][part]:.3f}"] for word, part in zip(words, SILENCED, strict=True)
    ]


def test_the_card_tells_what_each_head_looks_at(known: dict[str, Any]) -> None:
    text = card(known)
    heads = text[text.index("## What each head looks at") :]
    networks = [NetworkFinding.from_json(known["networks"][name]) for name in NETWORKS]
    table = rows(heads[: heads.index("<details>")])
    assert table[0] == ["block, head", "trained", "untrained (default init)", "untrained (authors' init)"]
    assert len(table) == 2 + 16
    for n, row in enumerate(table[2:]):
        b, h = divmod(n, 4)
        assert row[0] == f"{b + 1}, {h + 1}"
        for cell, network in zip(row[1:], networks, strict=True):
            head = network.heads[b][h]
            assert cell == f"{sentence(head, network, NAMES, 'en')} ({head.effective.value:.1f} effective tokens)"
    tables = heads[heads.index("<details>") : heads.index("</details>")]
    parts = re.split(r"\nBlock (\d), head (\d): mean distance ([\d.]+) tokens\n", tables)[1:]
    assert len(parts) == 4 * 16
    for b, h, distance, part in zip(*(parts[i::4] for i in range(4)), strict=True):
        head = networks[0].heads[int(b) - 1][int(h) - 1]
        assert float(distance) == pytest.approx(head.distance.value, abs=0.051)
        top, _, *body = rows(part)
        assert top[1:] == [row[0] for row in body] == CLASSES
        for row, ratios in zip(body, head.ratio, strict=True):
            expected = ["–" if r is None else f"{r.value:.2f} ({r.low:.2f}–{r.high:.2f})" for r in ratios]
            assert row[1:] == expected


def test_both_files_are_written(known: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE", tmp_path / "streets.json")
    monkeypatch.setattr(module, "CARD", tmp_path / "README.md")
    assert write(known)[:2] == [tmp_path / "streets.json", tmp_path / "README.md"]
    assert json.loads((tmp_path / "streets.json").read_text("utf-8")) == known
    assert (tmp_path / "README.md").read_text("utf-8") == card(known)
    assert (FILE.name, CARD.name, FILE.parent) == ("streets.json", "README.md", CARD.parent)


# Measuring


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Tensor]]:
    """What would be written to likeness.safetensors."""
    kept: list[dict[str, Tensor]] = []
    monkeypatch.setattr(likeness, "save", lambda fitted, *_: kept.append(fitted))
    return kept


@pytest.fixture
def made(tmp_path: Path, fitted: list[dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch) -> Photographs:
    """Five street scenes in small, labelled at random with all eight classes; what is written goes elsewhere."""
    folder = tmp_path / "data"
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    street = open_sample("street").resize((480, 360))
    for seed, stem in enumerate("abcde"):
        labels = np.random.default_rng(seed).permutation(np.arange(12) % 9).reshape(3, 4).repeat(24, 0).repeat(24, 1)
        labels = np.where(labels == 8, IGNORE, labels).astype(np.uint8)
        Image.fromarray(labels).save(folder / "labels" / f"{stem}.png")
        part = street.crop((seed * 90, seed * 60, seed * 90 + 120, seed * 60 + 90))
        part.resize((96, 72)).save(folder / "images" / f"{stem}.png")
    splits = {"classes": CLASSES, "train": ["a", "b"], "val": ["c", "d", "e"]}
    (folder / "splits.json").write_text(json.dumps(splits))
    with safe_open(weights.STREETS, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    training = {"steps": 9, "seed": 1, "seconds": 90, "on": "a test"}
    metadata = {"classes": json.dumps(CLASSES), "training": json.dumps(training)}
    save_file(state, tmp_path / "own.safetensors", metadata=metadata)
    monkeypatch.setattr(weights, "STREETS", tmp_path / "own.safetensors")
    monkeypatch.setattr(module, "STREETS", tmp_path / "own.safetensors")
    monkeypatch.setattr(module, "FILE", tmp_path / "streets.json")
    monkeypatch.setattr(module, "CARD", tmp_path / "README.md")
    monkeypatch.setattr(scoring, "SHORT_SIDE", 128)
    monkeypatch.setattr(module, "best_device", lambda: torch.device("cpu"))
    return Photographs(folder)


def test_what_is_measured_is_what_the_network_does_on_val(made: Photographs, fitted: list[dict[str, Tensor]]) -> None:
    found = evaluate(made)
    model = load_model("streets")
    assert isinstance(model, TopFormer)
    runs = {stem: trace(model, as_shown(made.picture(stem))) for stem in [*made.train, *made.val]}
    assert runs["c"].sizes["H"] == 2
    counts = {
        part: reduce(add, (Score.of(without(model, runs[stem], names), made.labels(stem)) for stem in made.val))
        for part, names in {"whole": (), **SILENCED}.items()
    }
    whole = counts.pop("whole")
    assert found["score"]["mean_iou"] == pytest.approx(whole.mean_iou, abs=1e-3)
    assert found["score"]["accuracy"] == pytest.approx(whole.accuracy, abs=1e-3)
    assert found["score"]["iou"] == pytest.approx(whole.iou, abs=1e-3)
    assert found["without"] == pytest.approx({part: score.mean_iou for part, score in counts.items()}, abs=1e-3)
    assert len({*found["without"].values(), found["score"]["mean_iou"]}) > 3
    summaries = torch.stack([likeness.summary(runs[stem]) for stem in made.train])
    (own,) = fitted
    assert torch.allclose(own["mean"].double(), summaries.mean(0), atol=1e-4)
    distances = [likeness.distance(own, runs[stem]) for stem in made.val]
    assert found["far"] == pytest.approx(np.quantile(distances, 1 - RARELY), rel=1e-2)
    assert (found["classes"], found["train"], found["val"]) == (CLASSES, 2, 3)
    assert found["training"] == {"steps": 9, "seed": 1, "seconds": 90, "on": "a test"}
    assert list(found["networks"]) == NETWORKS
    assert [len(block) for block in found["shown"]] == [4] * 4
    trained, built, again = (NetworkFinding.from_json(found["networks"][name]) for name in NETWORKS)
    rows = [torch.special.entr(runs[stem]["block0.weights"][0, 1]).sum(-1).exp().mean() for stem in made.val]
    assert trained.heads[0][1].effective.value == pytest.approx(float(torch.stack(rows).mean()), rel=1e-2)
    assert built.heads[0][0].effective.value == pytest.approx(6, abs=0.01)
    assert again.heads[0][0].effective.value < 2


def test_evaluate_writes_what_it_measured(
    made: Photographs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--data", str(made.folder)]) == 0
    assert capsys.readouterr().out.split()[:2] == [str(tmp_path / "streets.json"), str(tmp_path / "README.md")]
    found = json.loads((tmp_path / "streets.json").read_text("utf-8"))
    assert found["training"]["on"] == "a test"
    assert (tmp_path / "README.md").read_text("utf-8") == card(found)
    assert "2 minutes on a test" in (tmp_path / "README.md").read_text("utf-8")


def test_evaluate_needs_every_class_in_val(
    made: Photographs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON has no number for a score that was not measured."""
    for stem in made.val:
        path = made.folder / "labels" / f"{stem}.png"
        Image.open(path).point([0 if n == 7 else n for n in range(256)]).save(path)
    assert main(["evaluate", "--data", str(made.folder)]) == 1
    assert capsys.readouterr().err == (
        f"topformer-viz: without an image pixel in val: {CLASSES[7]}. The card needs a score of every class\n"
    )
    assert not (tmp_path / "streets.json").exists()


def test_evaluate_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(tmp_path)]) == 1
    assert "splits.json must list" in capsys.readouterr().err


def test_the_rows_that_the_page_shows_are_the_networks(known: dict[str, Any]) -> None:
    """On samples that it does not call unlike what it learned."""
    model, fitted = load_model("streets"), likeness.load()
    shown = [(b, h, one) for b, block in enumerate(known["shown"]) for h, one in enumerate(block)]
    assert len(shown) == 16
    runs = {one["sample"]: trace(model, as_shown(open_sample(one["sample"]))) for _, _, one in shown if one}
    assert runs and all(likeness.distance(fitted, run) <= known["far"] for run in runs.values())
    for b, h, one in shown:
        if one:
            row = runs[one["sample"]][f"block{b}.weights"][0, h, one["token"]]
            assert one["weights"] == pytest.approx(row.tolist(), rel=2e-3, abs=1e-5)
            assert one["grid"] == [runs[one["sample"]].sizes[axis] for axis in ("H", "W")]


# How unlike the streets


def run_of(output: list[list[list[float]]]) -> Trace:
    """A run of which no more is known than the last block's output (C, H, W)."""
    tensor = torch.tensor([output])
    return Trace({"block2.output": tensor * 9, "block3.output": tensor}, {}, 0.0, "cpu", False)


def test_a_picture_is_summed_up_by_the_mean_of_its_last_block() -> None:
    run = run_of([[[1.0, 3.0]], [[-2.0, 2.0]]])
    assert likeness.summary(run).tolist() == [2, 0]
    assert likeness.summary(run).dtype == torch.float64


def test_distance_counts_standard_deviations_along_what_varies_together() -> None:
    """By hand from the covariance, nine tenths of whose off-diagonal are kept."""
    random = torch.Generator().manual_seed(0)
    cloud = torch.randn(50, 2, generator=random, dtype=torch.float64) @ torch.tensor([[3.0, 2.5], [0.0, 0.5]]).double()
    fitted = likeness.fit(cloud)
    kept = torch.tensor([[1, 0.9], [0.9, 1]]) * torch.cov(cloud.T)
    for x, y in ((4.0, 3.0), (4.0, -3.0), (0.0, 0.0)):
        off = torch.tensor([x, y], dtype=torch.float64) - cloud.mean(0)
        expected = (off @ torch.linalg.inv(kept.double()) @ off / 2).sqrt()
        found = likeness.distance(fitted, run_of([[[x]], [[y]]]))
        assert found == pytest.approx(float(expected), rel=1e-3)
    along, across = (likeness.distance(fitted, run_of([[[4.0]], [[y]]])) for y in (3.0, -3.0))
    assert across > 2 * along


def test_the_shipped_likeness_fits_the_shipped_weights(known: dict[str, Any]) -> None:
    """A street is near, noise is far, and the file comes back as it was fitted."""
    fitted = likeness.load()
    assert {name: tuple(tensor.shape) for name, tensor in fitted.items()} == {"mean": (208,), "whiten": (208, 208)}
    model = load_model("streets")
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    near, far = (
        likeness.distance(fitted, trace(model, as_shown(picture)))
        for picture in (open_sample("street"), Image.fromarray(noise))
    )
    assert near < known["far"] < far
