"""What is known of the bundled network: measured by ``python -m topformer_viz evaluate``, kept in topformer_viz/assets/weights.

everyday.json holds the numbers, README.md (the model card) says them in words. The app reads the numbers only.
"""

import json
import math
from functools import reduce
from operator import add, gt
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from safetensors import safe_open
from tqdm import tqdm

from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.facts import FILE
from topformer_viz.network.initialise import reinitialised
from topformer_viz.network.model import BLOCKS, TopFormer
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.network.weights import EVERYDAY, load_model
from topformer_viz.run.inference import best_device
from topformer_viz.run.segmentation import SILENCED, without
from topformer_viz.run.tracing import trace
from topformer_viz.study import heads as findings
from topformer_viz.study import likeness
from topformer_viz.terminal.training import heads as measuring
from topformer_viz.terminal.training.data import DataError, Photographs, kind, pixels_of, without_pixels
from topformer_viz.terminal.training.score import Score, as_shown

CARD = EVERYDAY.with_name("README.md")
BEYOND = 0.025  # share of val's images that each of likeness.py's two distances calls unlike the training images
STREETS = ("camvid", "facade")  # the kinds of images that show streets
STREET_CLASSES = ("sky", "building", "road", "pavement", "vegetation", "vehicle", "person", "street furniture")


def evaluate(data: Photographs) -> dict[str, Any]:
    """Everything everyday.json holds, measured on val: takes a quarter of an hour on two CPU cores."""
    device = best_device()
    model = load_model("everyday")
    assert isinstance(model, TopFormer)
    if data.classes != list(model.class_names or ()):
        raise DataError(f"splits.json names {data.classes}, the bundled network {model.class_names}")
    wholly = [stem for stem in data.val if not data.partly(stem)]
    if unscored := without_pixels(data.classes, pixels_of(data, wholly)):
        raise DataError(
            f"without an image pixel in val's wholly labelled images: {', '.join(unscored)}. The card needs a score of every class"
        )
    runs = (trace(model, as_shown(data.picture(stem)), device=device) for stem in data.train)
    each = tqdm(runs, "fitting", len(data.train), unit="image")
    fitted = likeness.fit((likeness.tokens(run), likeness.summary(run)) for run in each)
    likeness.save(fitted)
    groups = {name: [Score.none(len(data.classes))] for name in ("wholly", "streets", "partly", *SILENCED)}
    distances, absent = [], {c for stem in data.val for c in data.absent(stem)}
    for stem in tqdm(data.val, desc="scoring on val", unit="image"):
        labels = data.labels(stem)
        run = trace(model, as_shown(data.picture(stem)), device=device)
        distances.append(likeness.distances(fitted, run))
        score = Score.of(run["class_scores"], labels, data.absent(stem))
        groups["partly" if data.partly(stem) else "wholly"].append(score)
        if stem in wholly:
            groups["streets"].extend([score] if kind(stem) in STREETS else [])
            for name, names in SILENCED.items():
                groups[name].append(Score.of(without(model, run, names), labels))
    scores = {name: reduce(add, every) for name, every in groups.items()}
    far = [round(most, 2) for most in torch.tensor(distances).quantile(1 - BEYOND, dim=0).tolist()]
    rarely = fmean(any(map(gt, pair, far)) for pair in distances)
    networks = {
        "trained": model,
        "built": load_model("tiny"),
        "reinitialised": reinitialised(load_model("tiny")),  # type: ignore[arg-type]
    }
    found = {name: measuring.measure(network, data, device) for name, network in networks.items()}
    samples = {name: trace(model, as_shown(open_sample(name)), device=device) for name in SAMPLES}
    known = {name: run for name, run in samples.items() if not likeness.unlike(fitted, run, far)}
    with safe_open(EVERYDAY, "pt") as file:
        training = json.loads(file.metadata()["training"])
    return {
        "classes": data.classes,
        "train": len(data.train),
        "val": len(wholly),
        "val_partly": len(data.val) - len(wholly),
        "training": training,
        "score": {
            "mean_iou": round(scores["wholly"].mean_iou, 4),
            "accuracy": round(scores["wholly"].accuracy, 4),
            "iou": _rounded(scores["wholly"].iou),
        },
        "streets": _rounded(scores["streets"].iou),
        "partly": [value if c in absent else None for c, value in enumerate(_rounded(scores["partly"].iou))],
        "without": {name: round(scores[name].mean_iou, 4) for name in SILENCED},
        "far": far,
        "rarely": round(rarely, 4),
        "networks": found,
        "shown": measuring.shown(findings.NetworkFinding.from_json(found["trained"]), known),
    }


def _rounded(iou: list[float]) -> list[float | None]:
    """None for a class that neither the labels nor the model has: JSON has no NaN."""
    return [None if math.isnan(value) else round(value, 4) for value in iou]


def write(facts: dict[str, Any]) -> list[Path]:
    """Write everyday.json and the card; return their paths."""
    FILE.write_text(json.dumps(facts, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    CARD.write_text(card(facts), "utf-8")
    return [FILE, CARD, likeness.FILE]


def card(facts: dict[str, Any]) -> str:
    """The model card in Markdown; every number in it comes from ``facts``."""
    score, training, classes = facts["score"], facts["training"], facts["classes"]
    on_streets = [iou if name in STREET_CLASSES else None for name, iou in zip(classes, facts["streets"], strict=True)]
    each = list(zip(classes, score["iou"], on_streets, facts["partly"], strict=True))
    each.sort(key=lambda row: -row[1])
    rows = "\n".join(f"| {name} | {' | '.join(map(_told, values))} |" for name, *values in each)
    streets = [value for value in on_streets if value is not None]
    parts = {f"block{n}.projected": f"block {n + 1}'s attention" for n in range(BLOCKS)}
    parts |= {"attention": "all attention", "blocks": "the four blocks"}
    without = "\n".join(f"| {words} | {facts['without'][part]:.3f} |" for part, words in parts.items())
    trained = findings.NetworkFinding.from_json(facts["networks"]["trained"])
    effective = [fmean(head.effective.value for head in block) for block in trained.heads]
    return CARD_TEXT.format(
        steps=training["steps"], seed=training["seed"], hours=training["seconds"] / 3600, on=training["on"],
        train=facts["train"], val=facts["val"], partly=facts["val_partly"], count=len(classes), classes=", ".join(classes),
        mean_iou=score["mean_iou"], accuracy=score["accuracy"], streets=fmean(streets), rows=rows, without=without,
        worth=score["mean_iou"] - facts["without"]["attention"], effective=", ".join(f"{value:.1f}" for value in effective),
        tokens=trained.tokens[1], best=" and ".join(name for name, *_ in each[:3]), worst=" and ".join(name for name, *_ in each[-2:]),
        output=facts["far"][0], entering=facts["far"][1], typical=likeness.TYPICAL, rarely=facts["rarely"], heads=_heads(facts),
    )  # fmt: skip


def _told(iou: float | None) -> str:
    return "" if iou is None else f"{iou:.2f}"


def _heads(facts: dict[str, Any]) -> str:
    """For each head: its sentence in the three networks, and the trained one's class-to-class table."""
    names = CLASS_SETS["everyday"].names
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
# everyday: the network that comes with the app

TopFormer tiny, trained by this project to tell {count} classes of image pixels apart: {classes} (the order of the score channels).
`load_model("everyday")` opens it. Made by `python -m topformer_viz evaluate`, like every number here.

For research and teaching: the terms are in [LICENSE.txt](LICENSE.txt), beside this file; the code's licence does not cover the parameters.

## Data

{train:,} photographs trained it; {val} that are labelled everywhere, and {partly} of which only some things are outlined, validate it. They are not shipped.

| kind | source | what | terms |
|---|---|---|---|
| camvid | CamVid (G. Brostow et al., ECCV 2008 and Pattern Recognition Letters 2009), as distributed with SegNet | drives through Cambridge | personal and research use |
| facade | LabelMeFacade (B. Fröhlich, E. Rodner, J. Denzler, ICPR 2010; C.-A. Brust et al., CVPR Workshops 2015) | facades and streets | “non-commercial and research experiments” |
| msrc | MSRC v2 (J. Shotton et al., ECCV 2006; Microsoft Research) | animals, faces, things, landscapes | research |
| voc | PASCAL VOC 2012 (M. Everingham et al., IJCV 2010), labels of SBD (B. Hariharan et al., ICCV 2011) | people, animals, vehicles, furniture; partly labelled | images under Flickr's terms |
| coco, cocop | COCO 2017 (T.-Y. Lin et al., ECCV 2014), those without derivatives left out | the same; partly labelled | a Creative Commons licence each |
| ccp | Clothing Co-Parsing (W. Yang, P. Luo, L. Lin, CVPR 2014) | people; partly labelled | Apache 2.0, the photographs' owners unknown |

Where only some things are outlined the rest counts as unknown; in voc and coco it is known not to be person, vehicle, bicycle or animal, and the loss asks for that. In 317 of these that show the inside of a house
(examples/rooms.txt) it is not sky, road, pavement, grass, water or street furniture either, in 670 taken outdoors (examples/outdoors.txt) not furniture: the images were looked
through for that, those outdoors with the help of the half-trained network.

**The split.** CamVid by whole drives: 0016E5 trains, 0006R0 validates. LabelMeFacade by image name, so one street may be on both sides, and the score flatters a
little there; it has no class for persons. MSRC by the end of each series. VOC's validation has the official, finer outlines.

## Training

```sh
python examples/places.py DATA DIR
python examples/teacher.py DIR TEACHER
python -m topformer_viz train --data DIR --out everyday.safetensors --steps {steps} --seed {seed} --trunk STREETS --teacher TEACHER
```

{hours:.1f} hours on {on}, shared with other work. Blocks, injection and head begin as PyTorch draws them, the BatchNorm gains of to_q and to_k at key_dim^−0.25; the
token pyramid with the parameters of an earlier network of this project, trained on CamVid and LabelMeFacade alone (STREETS). AdamW, one-cycle rate of 2e-3, crops on grids of
4 × 4 to 8 × 12 tokens, half of them centred on a class drawn by rarity; turned, flipped, scaled, recoloured; in half of the crops a fifth of the tokens show their mean colour
only, so that what lies there must be asked of others. Cross-entropy plus soft intersection over union. From the blocks' output a linear layer, left behind in the end, learns
what EfficientNet-Lite0 (M. Tan, Q. V. Le, ICML 2019; trained on ImageNet; Apache 2.0) computes of the whole image at each token's place (TEACHER: examples/teacher.py). Saved as float16 is a moving
average of the parameters, its BatchNorm statistics computed anew. Nothing was trained on val. Four
choices rested on its score, and on photographs nobody had labelled, while the run went on: the rooms came at step 1,500 (walls were called sky), the outdoors at 5,500 (cats and
streets were called furniture); from step 2,100 crops are drawn by kinds of images, from 2,800 as often from the partly labelled as from the others. The commands above do all that
from the first step.

## Score

On val, images at a short side of 512, scored at the labels' full size: mean intersection over union of the {count} classes (mIoU) **{mean_iou:.3f}**, pixel accuracy {accuracy:.3f}, where all is
labelled. Of the eight classes of streets on images of streets **{streets:.3f}**.

| class | IoU | on streets | where some things are outlined |
|---|--:|--:|--:|
{rows}

mIoU with a part set to 0 (the rest was not trained to do without it):

| without | mIoU |
|---|--:|
{without}

So attention is worth **{worth:.3f}**. Its rows spread over {effective} effective tokens, block by block, of {tokens:.0f}.

## What it is not good at

It is best at {best}, worst at {worst}. Thin, small and distant things are lost first. It knows daylight, eye height and what is common in the data above; night, snow, views from
above, drawings and microscopes are beyond it, and there it still gives every image pixel one of its {count} classes. The app warns where the tokens of the last block's
output are, on the mean, by more than {output:.2f} unlike (1 − cosine similarity) the nearest of {typical} that stand for the training images', or the mean of those that enter
the first block lies more than {entering:.2f} standard deviations (root mean square) from the training images'; {rarely:.1%} of val's images are so
(topformer_viz/study/likeness.py). Something else can pass that test. It is not for driving,
surveillance, or any decision about people.

## What each head looks at

Measured on val: labels pooled to the token grid; the share of class c's attention that falls on class c', divided by the share that uniform rows would give; 1 is uniform.
Ranges are 95 % bootstrap intervals over images.

{heads}
"""
