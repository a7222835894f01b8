"""Train TopFormer tiny to tell classes of image pixels apart: ``python -m topformer_viz train --data DIR --out FILE``.

The start (``begin``) matters more than anything else.
"""

import json
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
from tqdm import tqdm

from topformer_viz.network.initialise import begin
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import TopFormer
from topformer_viz.network.weights import load_model
from topformer_viz.run.inference import best_device, inference_copy, run
from topformer_viz.run.measures import effective_tokens
from topformer_viz.terminal.training.crops import Crops, crop_grid
from topformer_viz.terminal.training.data import IGNORE, DataError, Photographs, notes, pixels_of_val
from topformer_viz.terminal.training.score import Score, as_shown, score

MAX_RATE, WEIGHT_DECAY, WARM_UP = 2e-3, 0.05, 0.1
SCORE_EVERY = 600  # steps between scores on val, and between saved states


def loss_of(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus one minus the soft intersection over union, averaged over the classes in the batch.

    scores (B, classes, h, w), labels (B, Y, X) int64. The second part asks for what the score counts, and lets
    rare classes weigh as much as frequent ones.
    """
    scores = F.interpolate(scores, size=labels.shape[-2:], mode="bilinear", align_corners=False)
    known = labels != IGNORE
    if not known.any():
        return scores.sum() * 0
    truth = F.one_hot(labels.where(known, 0), scores.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    sure = scores.softmax(1) * known[:, None]
    both = (sure * truth).sum((0, 2, 3))
    either = (sure + truth).sum((0, 2, 3)) - both
    present = truth.sum((0, 2, 3)) > 0
    overlap = (both / either.clamp(min=1))[present].mean()
    return F.cross_entropy(scores, labels, ignore_index=IGNORE) + (1 - overlap)


def spread(model: TopFormer, data: Photographs, device: torch.device, pictures: int = 24) -> list[float]:
    """Mean effective tokens per block, exp(entropy) of the weights' rows, on some of val: what to watch for peaks."""
    fast = inference_copy(model, device)
    found: dict[str, list[Tensor]] = {}

    def keep(name: str, x: Tensor) -> Tensor:
        if name.endswith(".weights"):
            found.setdefault(name, []).append(effective_tokens(x).mean())
        return x

    for stem in data.val[:: max(1, len(data.val) // pictures)]:
        run(fast, to_tensor(as_shown(data.picture(stem))), keep)
    return [float(torch.stack(values).mean()) for values in found.values()]


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
                f"{self.file} is of a run with --steps {saved['steps']} --seed {saved['seed']} on {saved['classes']}; "
                "finish that one, or delete it"
            )
        return saved["step"], saved["seconds"]

    def save(self, step: int, seconds: float) -> None:
        """Write it anew, whole or not at all."""
        states = {name: part.state_dict() for name, part in self.parts.items()}
        part = self.file.with_name(f"{self.file.name}.part")
        torch.save({**states, "step": step, "seconds": seconds, **self.asked}, part)
        os.replace(part, self.file)


def train(data: Photographs, out: Path, *, steps: int, seed: int) -> Score:
    """Train, write the parameters to ``out``, and return their score on val.

    The state is saved beside ``out`` as it goes: the same call after an interruption goes on from there, with the
    crops it would have seen. Nothing of val is trained on or chosen by.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise DataError(f"{out} cannot be written: name a file in a folder that is there")
    val = pixels_of_val(data)  # what it lacks is better told now than at the first score
    device = best_device()
    crops = Crops(data, device)
    for note in notes(data.classes, crops.pixels, val):
        print(f"topformer-viz: {note}", file=sys.stderr)
    model = begin(len(data.classes), seed).to(device)
    optimizer = torch.optim.AdamW(_decayed(model), lr=MAX_RATE)
    warm_up = WARM_UP if steps > 10 else 0.3  # the schedule divides by 0 where warming up takes just one step
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, MAX_RATE, total_steps=steps, pct_start=warm_up)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    asked = {"steps": steps, "seed": seed, "classes": data.classes}
    unfinished, start = Unfinished(out.with_name(f"{out.name}.unfinished.pt"), parts, asked), time.monotonic()
    first, before = unfinished.take_up(device)
    progress = tqdm(range(first, steps), initial=first, total=steps, desc="training", unit="step", smoothing=0.05)
    recent, told = 0.0, ""
    for step in progress:
        model.train()
        draw = seed * 1_000_003 + step
        pictures, labels = crops.batch(crop_grid(step, steps, draw), draw)
        loss = loss_of(model(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        value = loss.item()
        recent = value if step == first else 0.98 * recent + 0.02 * value
        if (step + 1) % SCORE_EVERY == 0 and step + 1 < steps:
            unfinished.save(step + 1, before + time.monotonic() - start)
            rows = ", ".join(f"{tokens:.0f}" for tokens in spread(model, data, device))
            told = f"val mIoU {score(model, data, device).mean_iou:.3f}"
            progress.write(f"step {step + 1}: loss {recent:.3f}, {told}, effective tokens by block {rows}")
        progress.set_postfix_str(f"loss {recent:.3f} {told}", refresh=False)
    seconds = round(before + time.monotonic() - start)
    save(model, data.classes, out, {"steps": steps, "seed": seed, "seconds": seconds, "on": _hardware(device)})
    written = load_model(out)  # what the file gives back: float16 has rounded it
    assert isinstance(written, TopFormer)
    final = score(written, data, device)
    unfinished.file.unlink(missing_ok=True)
    return final
