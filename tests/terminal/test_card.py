"""The bundled weights, what was measured of them, and the card that says it."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from topformer_viz import Trace, load_model, trace
from topformer_viz.__main__ import main
from topformer_viz.network import weights
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.facts import FILE, facts
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run.segmentation import SILENCED, without
from topformer_viz.study import likeness
from topformer_viz.study.heads import NetworkFinding, sentence
from topformer_viz.terminal.training import card as module
from topformer_viz.terminal.training import score as scoring
from topformer_viz.terminal.training.card import CARD, card, evaluate, write
from topformer_viz.terminal.training.data import IGNORE, NONE_OF, Photographs
from topformer_viz.terminal.training.score import Score, as_shown

NAMES = CLASS_SETS["everyday"].names
CLASSES = [name.en for name in NAMES]
NETWORKS = ["trained", "built", "reinitialised"]


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """What everyday.json holds; a number that JSON does not know is a mistake."""

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    return json.loads(FILE.read_text("utf-8"), parse_constant=refuse)


# What is shipped


def test_the_weights_are_small_and_their_classes_named() -> None:
    assert weights.EVERYDAY.stat().st_size <= 3_000_000
    with safe_open(weights.EVERYDAY, "pt") as file:
        dtypes = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118
        assert json.loads(file.metadata()["classes"]) == CLASSES
    assert dtypes == {torch.float16}
    model = load_model("everyday")
    assert isinstance(model, TopFormer)
    assert (model.size, model.classes, model.class_names) == ("tiny", 14, tuple(CLASSES))
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


def test_the_terms_lie_beside_them() -> None:
    terms = (weights.EVERYDAY.parent / "LICENSE.txt").read_text("utf-8")
    sources = ("CamVid", "LabelMeFacade", "MSRC", "PASCAL VOC", "SBD", "COCO", "Clothing Co-Parsing", "EfficientNet")
    assert "research" in terms
    assert all(source in terms and source in CARD.read_text("utf-8") for source in sources)


def test_how_they_were_trained_is_the_same_in_both_files(known: dict[str, Any]) -> None:
    with safe_open(weights.EVERYDAY, "pt") as file:
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
    assert len(score["iou"]) == len(known["streets"]) == len(known["partly"]) == 14
    told = [name for name, iou in zip(CLASSES, known["partly"], strict=True) if iou is not None]
    assert told == ["person", "vehicle", "bicycle", "animal"]
    assert score["mean_iou"] == pytest.approx(np.mean(score["iou"]), abs=1e-4)
    assert all(0 <= value <= 1 for value in [*score["iou"], score["accuracy"], *known["without"].values()])
    assert list(known["without"]) == list(SILENCED)
    assert all(0 < far for far in known["far"]) and 0 < known["rarely"] <= 2 * module.BEYOND + 0.01
    assert list(known["networks"]) == NETWORKS
    for content in known["networks"].values():
        network = NetworkFinding.from_json(content)
        assert network.pictures == known["val"] + known["val_partly"]
        assert [len(block) for block in network.heads] == [4] * 4
        assert all(len(head.ratio) == len(head.read) == 14 for block in network.heads for head in block)


# The card


def rows(text: str) -> list[list[str]]:
    """The cells of every line of a table."""
    return [line[1:-1].split("|") for line in re.sub(" *\\| *", "|", text).splitlines() if line.startswith("|")]


def test_the_card_says_every_number(known: dict[str, Any]) -> None:
    text = card(known)
    score, training = known["score"], known["training"]
    assert not re.search(r"\bnan\b|None|[{}]", text)
    assert f"(mIoU) **{score['mean_iou']:.3f}**, pixel accuracy {score['accuracy']:.3f}, where all is" in text
    assert (
        f"{known['train']:,} photographs trained it; {known['val']} that are labelled everywhere, and {known['val_partly']} of"
        in text
    )
    assert f"--steps {training['steps']} --seed {training['seed']} " in text
    assert f"{training['seconds'] / 3600:.1f} hours on {training['on']}" in text
    worth = score["mean_iou"] - known["without"]["attention"]
    assert f"attention is worth **{worth:.3f}**" in text
    streets = [iou for name, iou in zip(CLASSES, known["streets"], strict=True) if name in module.STREET_CLASSES]
    assert len(streets) == 8 and f"on images of streets **{np.mean(streets):.3f}**" in text
    assert f"14 classes of image pixels apart: {', '.join(CLASSES)} (" in text
    output, entering = known["far"]
    assert f"by more than {output:.2f} unlike (1 − cosine similarity) the nearest of 128 that stand for" in text
    assert f"lies more than {entering:.2f} standard deviations" in text
    assert f"training images'; {known['rarely']:.1%} of val's images are so" in text
    assert "(LICENSE.txt)" in text


def test_the_card_lists_classes_from_best_to_worst(known: dict[str, Any]) -> None:
    text = card(known)
    table = rows(text[text.index("| class | IoU |") : text.index("mIoU with a part set to 0")])[2:]
    found = [(name, float(iou)) for name, iou, *_ in table]
    for column, group in ((2, "streets"), (3, "partly")):
        told = [float(row[column]) if row[column] else None for row in table]
        ious = dict(zip(CLASSES, known[group], strict=True))
        if group == "streets":
            ious = {name: iou if name in module.STREET_CLASSES else None for name, iou in ious.items()}
        for (name, _), value in zip(found, told, strict=True):
            assert (value is None) == (ious[name] is None)
            assert value is None or value == pytest.approx(ious[name], abs=0.0051)
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
    monkeypatch.setattr(module, "FILE", tmp_path / "everyday.json")
    monkeypatch.setattr(module, "CARD", tmp_path / "README.md")
    assert write(known)[:2] == [tmp_path / "everyday.json", tmp_path / "README.md"]
    assert json.loads((tmp_path / "everyday.json").read_text("utf-8")) == known
    assert (tmp_path / "README.md").read_text("utf-8") == card(known)
    assert (FILE.name, CARD.name, FILE.parent) == ("everyday.json", "README.md", CARD.parent)


# Measuring


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Tensor]]:
    """What would be written to likeness.safetensors."""
    kept: list[dict[str, Tensor]] = []
    monkeypatch.setattr(likeness, "save", lambda fitted, *_: kept.append(fitted))
    return kept


@pytest.fixture
def made(tmp_path: Path, fitted: list[dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch) -> Photographs:
    """Scenes in small, labelled at random with all classes; of one only some, and where others are not; what is written goes
    elsewhere."""
    folder = tmp_path / "data"
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    street = open_sample("street").resize((480, 360))
    for seed, stem in enumerate(["a", "b", "c", "camvid_d", "coco_e"]):
        labels = np.random.default_rng(seed).permutation(16).reshape(4, 4).repeat(18, 0).repeat(24, 1)
        labels = np.where(labels > 13, IGNORE if stem != "coco_e" else NONE_OF, labels).astype(np.uint8)
        Image.fromarray(labels).save(folder / "labels" / f"{stem}.png")
        part = street.crop((seed * 90, seed * 60, seed * 90 + 120, seed * 60 + 90))
        part.resize((96, 72)).save(folder / "images" / f"{stem}.png")
    splits = {"classes": CLASSES, "train": ["a", "b"], "val": ["c", "camvid_d", "coco_e"], "partly_labelled": ["coco"]}
    splits |= {"negative": {"folder": "labels", "absent": {"coco": ["person", "animal"]}}}
    (folder / "splits.json").write_text(json.dumps(splits))
    with safe_open(weights.EVERYDAY, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    training = {"steps": 9, "seed": 1, "seconds": 9000, "on": "a test"}
    metadata = {"classes": json.dumps(CLASSES), "training": json.dumps(training)}
    save_file(state, tmp_path / "own.safetensors", metadata=metadata)
    monkeypatch.setattr(weights, "EVERYDAY", tmp_path / "own.safetensors")
    monkeypatch.setattr(module, "EVERYDAY", tmp_path / "own.safetensors")
    monkeypatch.setattr(module, "FILE", tmp_path / "everyday.json")
    monkeypatch.setattr(module, "CARD", tmp_path / "README.md")
    monkeypatch.setattr(scoring, "SHORT_SIDE", 128)
    monkeypatch.setattr(module, "best_device", lambda: torch.device("cpu"))
    return Photographs(folder)


def test_what_is_measured_is_what_the_network_does_on_val(made: Photographs, fitted: list[dict[str, Tensor]]) -> None:
    found = evaluate(made)
    model = load_model("everyday")
    assert isinstance(model, TopFormer)
    runs = {stem: trace(model, as_shown(made.picture(stem))) for stem in [*made.train, *made.val]}
    assert runs["c"].sizes["H"] == 2
    scores = {
        (stem, part): Score.of(without(model, runs[stem], names), made.labels(stem), made.absent(stem))
        for stem in made.val
        for part, names in {"whole": (), **SILENCED}.items()
    }
    wholly = {part: scores["c", part] + scores["camvid_d", part] for part in ("whole", *SILENCED)}
    whole = wholly.pop("whole")
    assert found["score"]["mean_iou"] == pytest.approx(whole.mean_iou, abs=1e-3)
    assert found["score"]["accuracy"] == pytest.approx(whole.accuracy, abs=1e-3)
    assert found["score"]["iou"] == pytest.approx(whole.iou, abs=1e-3)
    assert found["streets"] == pytest.approx(scores["camvid_d", "whole"].iou, abs=1e-3)
    partly = scores["coco_e", "whole"].iou
    expected = [partly[c] if CLASSES[c] in ("person", "animal") else None for c in range(14)]
    assert found["partly"] == [None if iou is None else pytest.approx(iou, abs=1e-3) for iou in expected]
    assert found["without"] == pytest.approx({part: score.mean_iou for part, score in wholly.items()}, abs=1e-3)
    assert len({*found["without"].values(), found["score"]["mean_iou"]}) > 3
    (own,) = fitted
    assert len(own["typical"]) == sum(
        runs[stem].sizes["H"] * runs[stem].sizes["W"] for stem in made.train
    )  # fewer than TYPICAL
    assert max(likeness.distances(own, runs[stem])[0] for stem in made.train) < 1e-3
    distances = np.array([likeness.distances(own, runs[stem]) for stem in made.val])
    assert found["far"] == pytest.approx(np.quantile(distances, 1 - module.BEYOND, axis=0), abs=0.0051)
    assert found["rarely"] == pytest.approx((distances > found["far"]).any(1).mean(), abs=1e-3)
    assert (found["classes"], found["train"], found["val"], found["val_partly"]) == (CLASSES, 2, 2, 1)
    assert found["training"] == {"steps": 9, "seed": 1, "seconds": 9000, "on": "a test"}
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
    assert capsys.readouterr().out.split()[:2] == [str(tmp_path / "everyday.json"), str(tmp_path / "README.md")]
    found = json.loads((tmp_path / "everyday.json").read_text("utf-8"))
    assert found["training"]["on"] == "a test"
    assert (tmp_path / "README.md").read_text("utf-8") == card(found)
    assert "2.5 hours on a test" in (tmp_path / "README.md").read_text("utf-8")


def test_evaluate_needs_every_class_in_val(
    made: Photographs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON has no number for a score that was not measured."""
    for stem in made.val:
        path = made.folder / "labels" / f"{stem}.png"
        Image.open(path).point([0 if n == 7 else n for n in range(256)]).save(path)
    assert main(["evaluate", "--data", str(made.folder)]) == 1
    assert capsys.readouterr().err == (
        f"topformer-viz: without an image pixel in val's wholly labelled images: {CLASSES[7]}. The card needs a score of every class\n"
    )
    assert not (tmp_path / "everyday.json").exists()


def test_evaluate_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(tmp_path)]) == 1
    assert "splits.json must list" in capsys.readouterr().err


def test_the_rows_that_the_page_shows_are_the_networks(known: dict[str, Any]) -> None:
    """On samples that it does not call unlike what it learned."""
    model, fitted = load_model("everyday"), likeness.load()
    shown = [(b, h, one) for b, block in enumerate(known["shown"]) for h, one in enumerate(block)]
    assert len(shown) == 16
    runs = {one["sample"]: trace(model, as_shown(open_sample(one["sample"]))) for _, _, one in shown if one}
    assert runs and not any(likeness.unlike(fitted, run, known["far"]) for run in runs.values())
    for b, h, one in shown:
        if one:
            row = runs[one["sample"]][f"block{b}.weights"][0, h, one["token"]]
            assert one["weights"] == pytest.approx(row.tolist(), rel=2e-3, abs=1e-5)
            assert one["grid"] == [runs[one["sample"]].sizes[axis] for axis in ("H", "W")]


# How unlike the everyday


def run_of(tokens: list[list[list[float]]], output: list[list[list[float]]]) -> Trace:
    """A run of which no more is known than what enters the blocks and what leaves them, (C, H, W)."""
    enters, leaves = torch.tensor([tokens]), torch.tensor([output])
    return Trace({"tokens": enters, "block2.output": leaves * 9, "block3.output": leaves}, {}, 0.0, "cpu", False)


def test_each_token_is_compared_with_the_typical_one_most_like_it() -> None:
    """By hand: cosines of 3/5 and 4/5 with the axes, whatever the lengths; one opposite to both is nearer to neither."""
    fitted = {"typical": torch.tensor([[1.0, 0.0], [0.0, 2.0]]), "mean": torch.zeros(2), "whiten": torch.eye(2)}

    def unlike(output: list[list[list[float]]]) -> float:
        return likeness.distances(fitted, run_of(output, output))[0]

    assert unlike([[[3.0]], [[4.0]]]) == pytest.approx(0.2)
    assert unlike([[[3.0, 70.0]], [[4.0, 0.0]]]) == pytest.approx(0.1)
    assert unlike([[[-3.0]], [[-4.0]]]) == pytest.approx(1.6)


def test_the_mean_of_what_enters_is_compared_with_the_training_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: two channels of standard deviations 1 and 10 that vary apart; (3, 40) lies 3 and 4 of them away."""
    monkeypatch.setattr(likeness, "SHRINKAGE", 0.0)
    corners = torch.tensor([[1.0, 10.0], [1.0, -10.0], [-1.0, 10.0], [-1.0, -10.0]]).double() * 0.75**0.5
    fitted = likeness.fit((F.normalize(torch.ones(1, 2)), corner + 5) for corner in corners)
    run = run_of([[[2.0, 14.0]], [[5.0, 85.0]]], [[[1.0]], [[1.0]]])  # the mean over two tokens is (8, 45)
    assert likeness.distances(fitted, run) == pytest.approx((0.0, (12.5) ** 0.5), abs=2e-3)
    assert not likeness.unlike(fitted, run, (0.1, 4.0))
    assert likeness.unlike(fitted, run, (0.1, 3.0)) and likeness.unlike(fitted, run, (-0.1, 4.0))


def test_typical_tokens_stand_where_the_tokens_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bundles of directions, of unequal number: each has a typical token, along its mean."""
    monkeypatch.setattr(likeness, "TYPICAL", 3)
    random, bundles = torch.Generator().manual_seed(1), torch.eye(4)[:3]
    images = [
        F.normalize(bundles[[k]] + 0.1 * torch.randn(n, 4, generator=random), dim=1) for k, n in enumerate((30, 40, 50))
    ]
    typical = likeness.fit((image, image.mean(0).double()) for image in images)["typical"]
    assert typical.dtype == torch.float16 and typical.shape == (3, 4)
    means = torch.stack([F.normalize(image.mean(0), dim=0) for image in images])
    assert torch.allclose((means @ typical.float().T).amax(1), torch.ones(3), atol=1e-3)
    assert sorted((means @ typical.float().T).argmax(1).tolist()) == [0, 1, 2]


def test_the_shipped_likeness_fits_the_shipped_weights(known: dict[str, Any]) -> None:
    """Streets, dogs and bedrooms are near, noise, a drawing, a rocket by night and flat colours far."""
    fitted, model = likeness.load(), load_model("everyday")
    shapes = {name: tuple(tensor.shape) for name, tensor in fitted.items()}
    assert shapes == {"typical": (128, 208), "mean": (208,), "whiten": (208, 208)}
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8))
    flat = [Image.new("RGB", (512, 512), colour) for colour in ("white", "black", "red")]
    near, far = ("street", "dog", "bedroom"), ("card", "rocket")
    images = [*map(open_sample, (*near, *far)), noise, *flat]
    found = [likeness.unlike(fitted, trace(model, as_shown(image)), known["far"]) for image in images]
    assert found == [False] * 3 + [True] * 6
