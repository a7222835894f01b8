"""Train TopFormer tiny to tell classes of image pixels apart: ``python -m topformer_viz train --data DIR --out FILE``.

The start (``begin``) matters more than anything else.
"""

import copy
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import torch as safetensors
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn
from tqdm import tqdm

from topformer_viz.network.initialise import begin
from topformer_viz.network.model import BLOCKS, TopFormer
from topformer_viz.network.weights import load_model
from topformer_viz.run.inference import best_device
from topformer_viz.terminal.training.crops import Crops, crop_grid
from topformer_viz.terminal.training.data import NONE_OF, DataError, Photographs, notes, pixels_of
from topformer_viz.terminal.training.score import Watched, watch

MAX_RATE, WEIGHT_DECAY, WARM_UP = 2e-3, 0.05, 0.1
SAVE_EVERY, SCORE_EVERY = 100, 600  # steps between saved states, and between scores on some of val
WATCHED = 105  # images of val, at most, that are scored on the way
MEMORY = 1000  # steps over which parameters are averaged, once there were ten times as many
STATISTICS, WHOLE = 60, (8, 11)  # batches from which the average's BatchNorm statistics come, and their crops' grid


def loss_of(scores: Tensor, labels: Tensor, absent: Tensor) -> Tensor:
    """Cross-entropy plus one minus the soft intersection over union, averaged over the classes in the batch.

    scores (B, classes, h, w), labels (B, Y, X) int64, absent (B, classes) bool. Where a label is ``NONE_OF``, the cross-entropy
    is that of "none of the classes that are absent there", whose probability is 1 minus theirs. The second part asks for
    what the score counts, and lets rare classes weigh as much as frequent ones.
    """
    classes = scores.shape[1]
    scores = F.interpolate(scores, size=labels.shape[-2:], mode="bilinear", align_corners=False)
    known, none = labels < classes, labels == NONE_OF
    if not (known | none).any():
        return scores.sum() * 0
    log = scores.log_softmax(1)
    sure = log.exp()
    excluded = none[:, None] & absent[:, :, None, None]
    truth = F.one_hot(labels.where(known, classes), classes + 1)[..., :classes].permute(0, 3, 1, 2).to(sure.dtype)
    wrong = (sure * excluded).sum(1)
    lost = -(log * truth).sum() - torch.log1p(-wrong.clamp(max=1 - 1e-6))[none].sum()
    both = (sure * truth).sum((0, 2, 3))
    either = (sure * (known[:, None] | excluded)).sum((0, 2, 3)) + truth.sum((0, 2, 3)) - both
    present = truth.sum((0, 2, 3)) > 0
    overlap = (both / either.clamp(min=1))[present].mean() if present.any() else both.sum()
    return lost / (known | none).sum() + (1 - overlap)


class Retelling(nn.Module):
    """From the blocks' output to what the teacher computes there; not part of the network, and left behind at the end."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.tell = nn.Conv2d(width, channels, 1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, output: Tensor, taught: Tensor) -> Tensor:
        """The loss: one minus the mean cosine similarity, token by token; (B, C, H, W) and (B, channels, H, W)."""
        return 1 - F.cosine_similarity(self.tell(output), self.norm(taught), dim=1).mean()


def average(mean: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
    """The moving average of a parameter after one more step, over a tenth of the ``steps`` so far, but ``MEMORY`` at most."""
    return mean.lerp(now, max(1 / MEMORY, 9 / (10 + int(steps))))


def averaged(mean: AveragedModel, crops: Crops, batches: int) -> TopFormer:
    """The averaged network, its BatchNorm statistics computed anew: they belong to its own parameters, not to a mean of others'."""
    model = copy.deepcopy(mean.module)
    update_bn((crops.batch(WHOLE, seed, hide=False).pictures for seed in range(batches)), model)
    return model.eval()  # type: ignore[return-value]


def save(model: TopFormer, classes: list[str], out: Path, training: dict[str, object]) -> None:
    """Parameters and statistics as float16; the class names and how it was trained in the file's metadata."""
    state = {k: v.half().contiguous().cpu() for k, v in model.state_dict().items() if v.is_floating_point()}
    part = out.with_name(f"{out.name}.part")
    metadata = {"classes": json.dumps(classes), "training": json.dumps(training)}
    part.write_bytes(safetensors.save(state, metadata))  # save_file would let nobody else read it, whatever the umask
    os.replace(part, out)


def _hardware(device: torch.device) -> str:
    """What a training ran on, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} {platform.machine()} CPU cores" if device.type == "cpu" else "Apple GPU (MPS)"


def _decayed(model: nn.Module) -> Iterator[dict[str, object]]:
    """Parameter groups: those of convolutions decay, gains and biases don't."""
    yield {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY}
    yield {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0}


@dataclass(frozen=True)
class Unfinished:
    """A run's state in a file, saved as it goes. ``parts`` have a state of their own; ``asked`` tells which run it is."""

    file: Path
    parts: dict[str, Any]
    asked: dict[str, Any]  # steps, seed, classes

    def take_up(self, device: torch.device) -> tuple[int, float]:
        """Bring the parts to where they were saved: the step to go on with, and the seconds so far; 0 without a file.

        ``DataError`` where the file is damaged or of another run.
        """
        if not self.file.is_file():
            return 0, 0.0
        try:
            saved = torch.load(self.file, map_location=device, weights_only=True)
            if same := {name: saved[name] for name in self.asked} == self.asked:
                for name, part in self.parts.items():
                    part.load_state_dict(saved[name])
        except Exception as error:  # a damaged file can make the reader raise nearly anything
            raise DataError(f"{self.file} is damaged; delete it to begin anew") from error
        if not same:
            raise DataError(
                f"{self.file} is of another run: --steps {saved['steps']} --seed {saved['seed']} on {saved['classes']}; "
                "finish that one, or delete it"
            )
        return saved["step"], saved["seconds"]

    def save(self, step: int, seconds: float) -> None:
        """Write it anew, whole or not at all."""
        states = {name: part.state_dict() for name, part in self.parts.items()}
        part = self.file.with_name(f"{self.file.name}.part")
        torch.save({**states, "step": step, "seconds": seconds, **self.asked}, part)
        os.replace(part, self.file)


def train(
    data: Photographs, out: Path, *, steps: int, seed: int, trunk: str | None = None, teacher: Path | None = None
) -> Watched:
    """Train, write the parameters to ``out``, and return their score on val.

    ``trunk``: a network as ``load_model`` names it, whose token pyramid is taken over to begin with. ``teacher``: see ``Crops``;
    the blocks' output learns to tell what it computes.

    The state is saved beside ``out`` as it goes: the same call after an interruption goes on from there, with the
    crops it would have seen. Nothing of val is trained on or chosen by.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise DataError(f"{out} cannot be written: name a file in a folder that is there")
    val = pixels_of(data, data.val)  # what it lacks is better told now than at the first score
    device = best_device()
    crops = Crops(data, device, teacher)
    for note in notes(data.classes, crops.pixels, val):
        print(f"topformer-viz: {note}", file=sys.stderr)
    model = begin(len(data.classes), seed).to(device)
    retelling = Retelling(sum(model.backbone.channels), len(crops.taught[0])).to(device) if teacher else None
    learning = nn.ModuleList(filter(None, [model, retelling]))
    optimizer = torch.optim.AdamW(_decayed(learning), lr=MAX_RATE)
    warm_up = WARM_UP if steps > 10 else 0.3  # the schedule divides by 0 where warming up takes just one step
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, MAX_RATE, total_steps=steps, pct_start=warm_up)
    mean = AveragedModel(model, avg_fn=average)
    parts = {"learning": learning, "average": mean, "optimizer": optimizer, "schedule": schedule}
    asked = {"steps": steps, "seed": seed, "classes": data.classes, "trunk": trunk, "taught": bool(teacher)}
    unfinished, start = Unfinished(out.with_name(f"{out.name}.unfinished.pt"), parts, asked), time.monotonic()
    first, before = unfinished.take_up(device)
    if trunk and not first:
        _take_over(model, trunk)
    progress = tqdm(range(first, steps), initial=first, total=steps, desc="training", unit="step", smoothing=0.05)
    recent = 0.0
    for step in progress:
        model.train()
        draw = seed * 1_000_003 + step
        batch = crops.batch(crop_grid(step, steps, draw), draw)
        found: dict[str, Tensor] = {}
        scores = model(batch.pictures, lambda name, x, found=found: found.setdefault(name, x))
        loss = loss_of(scores, batch.labels, batch.absent)
        if retelling and batch.taught is not None:
            loss = loss + retelling(found[f"block{BLOCKS - 1}.output"], batch.taught)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learning.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        mean.update_parameters(model)
        value = loss.item()
        recent = value if step == first else 0.98 * recent + 0.02 * value
        if (step + 1) % SAVE_EVERY == 0 and step + 1 < steps:
            unfinished.save(step + 1, before + time.monotonic() - start)
        if (step + 1) % SCORE_EVERY == 0 and step + 1 < steps:
            now = averaged(mean, crops, STATISTICS)
            told = said(watch(now, data, device, data.val[:: math.ceil(len(data.val) / WATCHED)]), data)
            progress.write(f"step {step + 1}: loss {recent:.3f}, {told}")
        progress.set_postfix_str(f"loss {recent:.3f}", refresh=False)
    seconds = round(before + time.monotonic() - start)
    training = {"steps": steps, "seed": seed, "seconds": seconds, "on": _hardware(device)}
    save(averaged(mean, crops, STATISTICS), data.classes, out, training)
    written = load_model(out)  # what the file gives back: float16 has rounded it
    assert isinstance(written, TopFormer)
    final = watch(written, data, device, data.val)
    unfinished.file.unlink(missing_ok=True)
    return final


def _take_over(model: TopFormer, trunk: str) -> None:
    """Begin with the token pyramid of the network ``trunk``, as ``load_model`` names it."""
    other = load_model(trunk)
    if not isinstance(other, TopFormer) or other.size != model.size:
        raise DataError(f"{trunk} is no TopFormer tiny: its token pyramid does not fit")
    model.backbone.tpm.load_state_dict(other.backbone.tpm.state_dict())


def said(watched: Watched, data: Photographs) -> str:
    """What was watched on val, in words."""
    parts = []
    if watched.wholly and watched.silenced:
        parts.append(f"val mIoU {watched.wholly.mean_iou:.4f}, pixel accuracy {watched.wholly.accuracy:.4f}")
        parts.append(f"mIoU with attention silenced {watched.silenced.mean_iou:.4f}")
    if watched.partly:
        some = {name for stem in data.val if data.partly(stem) for name in data.absent(stem)} or set(
            range(len(data.classes))
        )
        iou = ", ".join(f"{data.classes[c]} {watched.partly.iou[c]:.3f}" for c in sorted(some))
        parts.append(f"IoU where only some things are labelled: {iou}")
    rows = ", ".join(f"{tokens:.0f}" for tokens in watched.effective)
    return "; ".join([*parts, f"effective tokens by block {rows}"])
