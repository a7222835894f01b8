"""What is known of the bundled network: measured by ``python -m topformer_viz evaluate``, kept in topformer_viz/assets/weights.

streets.json holds the numbers, README.md (the model card) says them in words. The app reads the numbers only.
"""

import json
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from tqdm import tqdm

from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.facts import FILE, RARELY
from topformer_viz.network.initialise import reinitialised
from topformer_viz.network.model import BLOCKS, TopFormer
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.network.weights import STREETS, load_model
from topformer_viz.run.inference import best_device
from topformer_viz.run.segmentation import SILENCED, without
from topformer_viz.run.tracing import trace
from topformer_viz.study import heads as findings
from topformer_viz.study import likeness
from topformer_viz.terminal.training import heads as measuring
from topformer_viz.terminal.training.data import DataError, Photographs, pixels_of_val, without_pixels
from topformer_viz.terminal.training.score import Score, as_shown

CARD = STREETS.with_name("README.md")


def evaluate(data: Photographs) -> dict[str, Any]:
    """Everything streets.json holds, measured on val: takes a few minutes on two CPU cores."""
    device = best_device()
    model = load_model("streets")
    assert isinstance(model, TopFormer)
    if data.classes != list(model.class_names or ()):
        raise DataError(f"splits.json names {data.classes}, the bundled network {model.class_names}")
    if unscored := without_pixels(data.classes, pixels_of_val(data)):
        raise DataError(f"without an image pixel in val: {', '.join(unscored)}. The card needs a score of every class")
    scores: dict[str, list[Score]] = {name: [] for name in ("whole", *SILENCED)}
    runs = (trace(model, as_shown(data.picture(stem)), device=device) for stem in data.train)
    fitted = likeness.fit(likeness.summary(run) for run in tqdm(runs, "fitting", len(data.train), unit="image"))
    likeness.save(fitted)
    distances = []
    for stem in tqdm(data.val, desc="scoring on val", unit="image"):
        labels = data.labels(stem)
        run = trace(model, as_shown(data.picture(stem)), device=device)
        scores["whole"].append(Score.of(run["class_scores"], labels))
        distances.append(likeness.distance(fitted, run))
        for name, names in SILENCED.items():
            scores[name].append(Score.of(without(model, run, names), labels))
    totals = {name: reduce(add, every) for name, every in scores.items()}
    result = totals.pop("whole")
    far = round(float(torch.tensor(distances).quantile(1 - RARELY)), 4)
    networks = {
        "trained": model,
        "built": load_model("tiny"),
        "reinitialised": reinitialised(load_model("tiny")),  # type: ignore[arg-type]
    }
    found = {name: measuring.measure(network, data, device) for name, network in networks.items()}
    samples = {name: trace(model, as_shown(open_sample(name)), device=device) for name in SAMPLES}
    known = {name: run for name, run in samples.items() if likeness.distance(fitted, run) <= far}
    with safe_open(STREETS, "pt") as file:
        training = json.loads(file.metadata()["training"])
    return {
        "classes": data.classes,
        "train": len(data.train),
        "val": len(data.val),
        "training": training,
        "score": {
            "mean_iou": round(result.mean_iou, 4),
            "accuracy": round(result.accuracy, 4),
            "iou": [round(value, 4) for value in result.iou],
        },
        "without": {name: round(score.mean_iou, 4) for name, score in totals.items()},
        "far": far,
        "networks": found,
        "shown": measuring.shown(findings.NetworkFinding.from_json(found["trained"]), known),
    }


def write(facts: dict[str, Any]) -> list[Path]:
    """Write streets.json and the card; return their paths."""
    FILE.write_text(json.dumps(facts, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    CARD.write_text(card(facts), "utf-8")
    return [FILE, CARD, likeness.FILE]


def card(facts: dict[str, Any]) -> str:
    """The model card in Markdown; every number in it comes from ``facts``."""
    score, training, classes = facts["score"], facts["training"], facts["classes"]
    iou = sorted(zip(score["iou"], classes, strict=True), reverse=True)
    rows = "\n".join(f"| {name} | {value:.2f} |" for value, name in iou)
    parts = {f"block{n}.projected": f"block {n + 1}'s attention" for n in range(BLOCKS)}
    parts |= {"attention": "all attention", "blocks": "the four blocks"}
    without = "\n".join(f"| {words} | {facts['without'][part]:.3f} |" for part, words in parts.items())
    return CARD_TEXT.format(
        steps=training["steps"], seed=training["seed"], minutes=training["seconds"] / 60, on=training["on"],
        train=facts["train"], val=facts["val"], count=len(classes), classes=", ".join(classes),
        mean_iou=score["mean_iou"], accuracy=score["accuracy"], rows=rows, without=without,
        best=" and ".join(name for _, name in iou[:3]), worst=" and ".join(name for _, name in iou[-2:]),
        far=facts["far"], rarely=RARELY, heads=_heads(facts),
    )  # fmt: skip


def _heads(facts: dict[str, Any]) -> str:
    """For each head: its sentence in the three networks, and the trained one's class-to-class table."""
    names = CLASS_SETS["streets"].names
    networks = {name: findings.NetworkFinding.from_json(network) for name, network in facts["networks"].items()}
    trained = networks["trained"]
    lines = ["| block, head | trained | untrained (default init) | untrained (authors' init) |", "|---|---|---|---|"]
    tables = []
    for b, block in enumerate(trained.heads):
        for h, head in enumerate(block):
            said = [findings.sentence(n.heads[b][h], n, names, "en") for n in networks.values()]
            tokens = [f"{n.heads[b][h].effective.value:.1f}" for n in networks.values()]
            cells = [f"{s} ({t} effective tokens)" for s, t in zip(said, tokens, strict=True)]
            lines.append(f"| {b + 1}, {h + 1} | {' | '.join(cells)} |")
            tables.append(f"\nBlock {b + 1}, head {h + 1}: mean distance {head.distance.value:.1f} tokens\n")
            tables.append(f"| reads → | {' | '.join(facts['classes'])} |\n|---|{'--:|' * len(names)}")
            for name, row in zip(facts["classes"], head.ratio, strict=True):
                values = ["–" if r is None else f"{r.value:.2f} ({r.low:.2f}–{r.high:.2f})" for r in row]
                tables.append(f"| {name} | {' | '.join(values)} |")
    return "\n".join(
        [
            *lines,
            "",
            "<details><summary>Class-to-class tables of the trained network</summary>",
            *tables,
            "",
            "</details>",
        ]
    )


CARD_TEXT = """\
# streets: the network that comes with the app

TopFormer tiny, trained by this project to tell {count} classes of image pixels apart: {classes} (the order of the score channels).
`load_model("streets")` opens it. Made by `python -m topformer_viz evaluate`, like every number here.

For research and teaching: the terms are in [LICENSE.txt](LICENSE.txt), beside this file; the code's licence does not cover the parameters.

## Data

{train:,} photographs trained it, {val} validate it; none of these is shipped.

| source | what | terms |
|---|---|---|
| LabelMeFacade (B. Fröhlich, E. Rodner, J. Denzler, ICPR 2010; C.-A. Brust et al., CVPR Workshops 2015) | facades and streets, images from LabelMe | “non-commercial and research experiments” |
| CamVid (G. Brostow et al., ECCV 2008 and Pattern Recognition Letters 2009), as distributed with SegNet | drives through Cambridge, one frame a second | research use |

Labels were merged: LabelMeFacade's window and door count as building, its “various” as unlabelled; CamVid's pole, sign and fence are
street furniture, pedestrian and bicyclist are person.

**The split.** CamVid by whole drives: one trains (0016E5), another validates (0006R0). LabelMeFacade by image name, so one street may be on both sides:
the score flatters a little there. Persons and street furniture are labelled in CamVid alone.

## Training

```sh
python -m topformer_viz train --data DIR --out topformer_viz/assets/weights/streets.safetensors --steps {steps} --seed {seed}
```

{minutes:.0f} minutes on {on}, the machine shared with other work, by `train` as it was then: today's draws its crops, and averages, otherwise. From random parameters: PyTorch's default initialisation, the BatchNorm gains of to_q and to_k at key_dim^−0.25. AdamW,
one-cycle rate of 2e-3, crops on grids of 4 × 4 to 8 × 11 tokens, half of them centred on a class drawn by rarity; turned, flipped, scaled, recoloured;
cross-entropy plus soft intersection over union. Saved as float16. Nothing was trained on val; one choice
rested on its score, to leave out a moving average of the parameters.

## Score

On val, images at a short side of 512, scored at the labels' full size: mean intersection over union of the classes (mIoU) **{mean_iou:.3f}**, pixel accuracy {accuracy:.3f}.

| class | IoU |
|---|--:|
{rows}

mIoU with a part set to 0 (the rest was not trained to do without it):

| without | mIoU |
|---|--:|
{without}

## What it is not good at

It is best at {best}, worst at {worst}. Thin, small and distant things are lost first. It knows streets by day, from
eye height; night, rain, snow, indoor scenes and portraits are beyond it, and there it still gives every image pixel one of its
{count} classes. The app warns where an image's summary lies further than {far:.2f} standard deviations from the training images', as
{rarely:.0%} of val's do (topformer_viz/study/likeness.py); something else can pass that test. It is not for driving, surveillance, or any decision about people.

## What each head looks at

Measured on val: labels pooled to the token grid; the share of class c's attention that falls on class c', divided by the share that uniform rows would give; 1 is uniform.
Ranges are 95 % bootstrap intervals over images.

{heads}
"""
