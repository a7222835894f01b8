"""Train TopFormer tiny to tell classes of pixels apart: ``python -m topformer_viz train --data DIR --out FILE``.

The start matters more than anything else. The network as built is kept (the projection's BatchNorm gain is 0, so the
attention joins in gently), and the gains of to_q's and to_k's BatchNorm begin at key_dim ** -0.25 each: together
that is the 1 / sqrt(key_dim) by which TopFormer does not divide its scores. Rows start out soft, and stay readable.
"""

import io
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import torch as safetensors
from torch import Tensor, nn
from tqdm import tqdm

from topformer_viz.network.begin import begin
from topformer_viz.network.images import CELL, ImageError, open_image, upright
from topformer_viz.network.input import MEAN, STD, network_size, to_tensor
from topformer_viz.network.model import TopFormer
from topformer_viz.network.weights import load_model
from topformer_viz.run.fast import best_device, inference_copy, run

IGNORE = 255  # the label of pixels that belong to no class
# What a PNG file can be, by the byte of its head that says so.
PNG_KINDS = {0: "grey", 2: "in colour", 3: "palette", 4: "grey with transparency", 6: "in colour with transparency"}
SHORT_SIDE = 512  # of pictures when they are scored: what the app shows them at
# Crops in token-grid cells (rows, columns): small ones first, as they are cheap, at the end the grids that are shown.
CROPS = (
    ((4, 4), (4, 6), (6, 4)),
    ((6, 6), (6, 8), (8, 6)),
    ((8, 8), (8, 11), (11, 8)),
)
PHASES = (0.35, 0.65)  # parts of the training at which the next size of crops begins
EARLIER = 0.25  # then this share of batches still takes an earlier size
BATCH_CELLS = 440  # a batch has as many crops as fit, so that every step costs the same
SCALES = (0.7, 2.1)  # crop pixels per picture pixel; a picture of short side 360 is shown at 1.42
BALANCED = 0.5  # share of crops that are centred on a class drawn by rarity
MAX_RATE, WEIGHT_DECAY, WARM_UP = 2e-3, 0.05, 0.1
SCORE_EVERY = 600  # steps between scores on val, and between saved states


class DataError(ValueError):
    """The folder is not laid out as ``Photographs`` needs it."""


class Photographs:
    """A folder of labelled photographs.

    splits.json: {"classes": [name, ...], "train": [stem, ...], "val": [stem, ...]}; images/STEM.webp (or .png,
    .jpg), read as the app reads uploads: upright, in sRGB; labels/STEM.png, uint8 class index a pixel, 255 where it
    belongs to none, of the upright photograph's size. ``DataError`` says what is missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.classes: list[str]
        self.train: list[str]
        self.val: list[str]
        self.classes, self.train, self.val = _lists(self.folder / "splits.json")
        if both := set(self.train) & set(self.val):
            raise DataError(f"splits.json has pictures in train and in val: {', '.join(sorted(both)[:3])}")
        if not (self.train and self.val) or not 1 < len(self.classes) < IGNORE:
            raise DataError("splits.json needs pictures in train and in val, and 2 to 254 classes")
        if twice := [name for name in self.classes if self.classes.count(name) > 1]:
            raise DataError(f"splits.json names the class {twice[0]} twice")

    def picture(self, stem: str) -> Image.Image:
        """The photograph, mode "RGB"."""
        path = self._file("images", stem, ("webp", "png", "jpg"))
        try:
            return open_image(path.read_bytes())
        except ImageError as error:
            raise DataError(f"images/{path.name}: {error}") from error

    def labels(self, stem: str) -> Tensor:
        """Class index a pixel, uint8 (Y, X)."""
        path = self._file("labels", stem, ("png",))
        data = path.read_bytes()
        try:
            image = Image.open(io.BytesIO(data), formats=["PNG"])
            image.load()
        except Exception as error:  # Pillow's readers raise nearly any type on a damaged file
            raise DataError(f"labels/{path.name} is damaged, or no PNG file") from error
        depth, kind = data[24], PNG_KINDS.get(data[25], "of another kind")
        if kind != "palette" and (kind, depth) != ("grey", 8):  # Pillow stretches grey of fewer bits to 0 to 255
            raise DataError(
                f"labels/{path.name} must be a grey picture of 8 bits a pixel, or one with a palette, and is {kind}, {depth} "
                f"bit{'s' * (depth > 1)} a channel; a pixel's value is the number of its class, from 0, or {IGNORE} for none"
            )
        labels = torch.from_numpy(np.array(upright(image)))
        if (wrong := labels[(labels >= len(self.classes)) & (labels != IGNORE)]).numel():
            raise DataError(
                f"labels/{path.name} has a class {int(wrong[0])}, but splits.json names {len(self.classes)}, from 0"
            )
        return labels

    def example(self, stem: str) -> tuple[Image.Image, Tensor]:
        """The photograph and its labels; ``DataError`` unless they are of one size."""
        picture, labels = self.picture(stem), self.labels(stem)
        if picture.size != (size := (labels.shape[1], labels.shape[0])):
            turned = "; the picture counts as its EXIF orientation turns it" if picture.size == size[::-1] else ""
            width, height = picture.size
            raise DataError(
                f"{stem} and its labels differ in size: {width} × {height} and {size[0]} × {size[1]} pixels{turned}"
            )
        return picture, labels

    def _file(self, folder: str, stem: str, ends: tuple[str, ...]) -> Path:
        paths = [self.folder / folder / f"{stem}.{case}" for end in ends for case in (end, end.upper())]
        for path in paths:
            if path.is_file():
                return path
        *others, last = (f".{end}" for end in ends)
        names = f"{', '.join(others)} or {last}" if others else last
        raise DataError(f"there is no {folder}/{stem}{names} in {self.folder}")


def _lists(splits: Path) -> list[list[str]]:
    """Classes, train and val, as splits.json names them; ``DataError`` says what is wrong with it."""

    def refusal(why: str) -> DataError:
        return DataError(f"{splits} must list classes, train and val, as the README says: {why}")

    try:
        content = json.loads(splits.read_bytes())  # in UTF-8, 16 or 32, with a byte-order mark or without
    except OSError as error:
        raise refusal(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise refusal("it is not in UTF-8") from error
    except json.JSONDecodeError as error:
        raise refusal(f"in line {error.lineno}, column {error.colno} it is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number or a nest without end
        raise refusal(f"it is not JSON of any use: {error}") from error
    if not isinstance(content, dict):
        raise refusal("it is not an object in braces")
    if missing := [name for name in ("classes", "train", "val") if name not in content]:
        raise refusal(f"it lacks {' and '.join(missing)}")
    lists = [content[name] for name in ("classes", "train", "val")]
    if not all(isinstance(names, list) and all(isinstance(name, str) and name for name in names) for names in lists):
        raise DataError("splits.json needs classes, train and val to be lists of names")
    return lists


def pixels(labels: Tensor) -> Tensor:
    """How many pixels carry each number, int64 (256,): first the classes, at ``IGNORE`` those without one."""
    return torch.bincount(labels.flatten().long(), minlength=IGNORE + 1)


def pixels_of_val(data: Photographs) -> Tensor:
    """``pixels`` of all of val, (256,); ``DataError`` where one of its pictures, or their labels, cannot be used."""
    return torch.stack([pixels(data.example(stem)[1]) for stem in data.val]).sum(0)


def without_pixels(classes: list[str], counts: Tensor) -> list[str]:
    """The classes that no pixel carries; ``counts`` (256,) as ``pixels`` has them."""
    return [name for name, count in zip(classes, counts.tolist(), strict=False) if not count]


def notes(classes: list[str], train: Tensor, val: Tensor) -> list[str]:
    """Which classes have no pixel in train or val, and what comes of it, in sentences; counts (256,) as ``pixels``.

    Raises ``DataError`` where that leaves nothing to tell apart, or nothing to score.
    """
    unseen, unscored = without_pixels(classes, train), without_pixels(classes, val)
    if len(unseen) >= len(classes) - 1:
        seen = [name for name in classes if name not in unseen]
        found = f"every labelled pixel of train is {seen[0]}" if seen else "no pixel of train belongs to a class"
        mask = f"; {IGNORE} means none: in a mask drawn in 0 and {IGNORE}, write 1 for the second class"
        raise DataError(f"there is nothing to tell apart: {found}{mask * bool(train[IGNORE])}")
    if len(unscored) == len(classes):
        raise DataError("there is nothing to score: no pixel of val belongs to a class")
    said = []
    if unseen:
        said.append(
            f"without a pixel in train: {', '.join(unseen)}. The network cannot learn what it never sees; "
            "where val has it, its IoU is 0"
        )
    if unscored:
        said.append(
            f"without a pixel in val: {', '.join(unscored)}. Its IoU cannot be measured: the mean leaves it out, "
            "or counts it as 0 once the network predicts it anywhere"
        )
    return said


class Crops:
    """Batches of augmented crops of the train pictures, all of which are held in memory, decoded."""

    def __init__(self, data: Photographs, device: torch.device) -> None:
        self.device = device
        self.pictures: list[Tensor] = []  # uint8 (3, Y, X)
        self.labels: list[Tensor] = []  # uint8 (Y, X)
        counts = []
        for stem in tqdm(data.train, desc="reading", unit="picture", leave=False):
            picture, labels = data.example(stem)
            self.pictures.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous())
            self.labels.append(labels)
            counts.append(pixels(labels))
        self.pixels = torch.stack(counts).sum(0)  # as ``pixels`` counts, of all pictures
        pixels_of = torch.stack(counts)[:, : len(data.classes)].double()  # (pictures, classes)
        share = pixels_of.sum(0) / pixels_of.sum()
        self.rarity = torch.where(share > 0, share.clamp(min=1e-9).rsqrt(), 0.0)
        self.holding = [pixels_of[:, c].nonzero().flatten() for c in range(len(data.classes))]

    def batch(self, cells: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
        """Normalised crops (n, 3, 64 rows, 64 columns) and their labels at half that size, int64; the same by seed."""
        random = torch.Generator().manual_seed(seed)
        crops = [self._crop(cells, random) for _ in range(max(2, BATCH_CELLS // (cells[0] * cells[1])))]
        pictures, labels = (torch.stack(parts).to(self.device) for parts in zip(*crops, strict=True))
        mean, std = (torch.tensor(values, device=self.device).view(1, 3, 1, 1) for values in (MEAN, STD))
        return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last), labels

    def _crop(self, cells: tuple[int, int], random: torch.Generator) -> tuple[Tensor, Tensor]:
        """A turned, flipped, scaled and recoloured cut-out of one picture, values 0..1, and its labels."""

        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand((), generator=random))

        around: int | None = None
        if uniform(0, 1) < BALANCED:
            around = int(torch.multinomial(self.rarity, 1, generator=random))
        candidates = torch.arange(len(self.pictures)) if around is None else self.holding[around]
        index = int(candidates[torch.randint(len(candidates), (), generator=random)])
        picture, labels = self.pictures[index], self.labels[index]
        Y, X = labels.shape
        h, w = cells[0] * CELL, cells[1] * CELL
        scale = max(math.exp(uniform(math.log(SCALES[0]), math.log(SCALES[1]))), 0.9 * max(h / Y, w / X))
        y, x = uniform(0, Y), uniform(0, X)
        if around is not None:
            spots = (labels == around).nonzero()
            spot = spots[torch.randint(len(spots), (), generator=random)]
            y = float(spot[0]) + uniform(-0.25, 0.25) * h / scale
            x = float(spot[1]) + uniform(-0.25, 0.25) * w / scale
        # The cut-out stays within the picture where it fits into it.
        y = min(max(y, h / scale / 2), Y - h / scale / 2) if h / scale < Y else Y / 2
        x = min(max(x, w / scale / 2), X - w / scale / 2) if w / scale < X else X / 2
        turn, flip = math.radians(uniform(-6, 6)), -1.0 if uniform(0, 1) < 0.5 else 1.0
        # From the crop's pixels, -1..1 both ways, to the picture's: scale, turn, flip, shift.
        rows, columns = h / scale / 2, w / scale / 2
        theta = torch.tensor(
            [
                [flip * columns * math.cos(turn) * 2 / X, -rows * math.sin(turn) * 2 / X, 2 * x / X - 1],
                [flip * columns * math.sin(turn) * 2 / Y, rows * math.cos(turn) * 2 / Y, 2 * y / Y - 1],
            ]
        )[None]
        grid = F.affine_grid(theta, [1, 1, h, w], align_corners=False)
        crop = F.grid_sample(picture[None].float() / 255, grid, padding_mode="reflection", align_corners=False)[0]
        grid = F.affine_grid(theta, [1, 1, h // 2, w // 2], align_corners=False)
        known = labels[None, None].float() - IGNORE  # so that 0, what lies outside, is "no class"
        target = F.grid_sample(known, grid, mode="nearest", align_corners=False)[0, 0].long() + IGNORE
        return self._recolour(crop, uniform), target

    @staticmethod
    def _recolour(crop: Tensor, uniform) -> Tensor:  # type: ignore[no-untyped-def]
        """Brightness, contrast, saturation, a cast of colour, and sometimes grey."""
        grey = crop.mean(0, keepdim=True)
        saturation = 0.0 if uniform(0, 1) < 0.05 else uniform(0.5, 1.5)
        crop = grey + saturation * (crop - grey)
        crop = crop.mean() + uniform(0.6, 1.5) * (crop - crop.mean())
        cast = torch.tensor([uniform(0.88, 1.12) for _ in range(3)]).view(3, 1, 1)
        return (crop * cast * uniform(0.65, 1.4)).clamp(0, 1)


def crop_cells(step: int, steps: int, seed: int) -> tuple[int, int]:
    """The grid of this step's crops: larger as training goes on, now and then an earlier size."""
    random = torch.Generator().manual_seed(seed)
    phase = sum(step >= part * steps for part in PHASES)
    if phase and float(torch.rand((), generator=random)) < EARLIER:
        phase = int(torch.randint(phase, (), generator=random))
    sizes = CROPS[phase]
    return sizes[int(torch.randint(len(sizes), (), generator=random))]


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


@dataclass(frozen=True)
class Score:
    """How well a model does on labelled pictures, at the labels' full size.

    ``confusion`` counts pixels, (classes, classes): row the label, column what the model says.
    """

    confusion: Tensor

    @property
    def iou(self) -> list[float]:
        """Intersection over union a class; NaN for a class that neither the labels nor the model has."""
        both = self.confusion.diag().double()
        return (both / (self.confusion.sum(0) + self.confusion.sum(1) - both)).tolist()

    @property
    def mean_iou(self) -> float:
        return float(np.nanmean(self.iou))

    @property
    def accuracy(self) -> float:
        """Share of the labelled pixels that are right."""
        return float(self.confusion.diag().sum() / self.confusion.sum())


def as_shown(picture: Image.Image) -> Image.Image:
    """The picture at the size that the app gives the network."""
    return picture.resize(network_size(*picture.size, SHORT_SIDE), Image.Resampling.LANCZOS)


def confusion(scores: Tensor, labels: Tensor) -> Tensor:
    """How class scores (1, classes, h, w), brought to the labels' size (Y, X), compare with them: see ``Score``."""
    classes = scores.shape[1]
    whole = F.interpolate(scores.cpu(), size=labels.shape, mode="bilinear", align_corners=False).argmax(1)[0]
    known = labels != IGNORE
    pairs = labels[known].long() * classes + whole[known]
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def score(model: TopFormer, data: Photographs, device: torch.device) -> Score:
    """Score on val: every picture whole, class scores brought to the labels' own size."""
    fast = inference_copy(model, device)
    total = torch.zeros(len(data.classes), len(data.classes), dtype=torch.int64)
    for stem in tqdm(data.val, desc="scoring on val", unit="picture", leave=False):
        found: dict[str, Tensor] = {}
        run(fast, to_tensor(as_shown(data.picture(stem))), lambda name, x, found=found: found.setdefault(name, x))  # type: ignore[misc]
        total += confusion(found["class_scores"], data.labels(stem))
    return Score(total)


def spread(model: TopFormer, data: Photographs, device: torch.device, pictures: int = 24) -> list[float]:
    """Mean effective tokens a block, exp(entropy) of the weights' rows, on some of val: what to watch for peaks."""
    fast = inference_copy(model, device)
    found: dict[str, list[Tensor]] = {}

    def keep(name: str, x: Tensor) -> Tensor:
        if name.endswith(".weights"):
            found.setdefault(name, []).append(torch.special.entr(x).sum(-1).exp().mean())
        return x

    for stem in data.val[:: max(1, len(data.val) // pictures)]:
        run(fast, to_tensor(as_shown(data.picture(stem))), keep)
    return [float(torch.stack(values).mean()) for values in found.values()]


def save(model: TopFormer, classes: list[str], out: Path, training: dict[str, object]) -> None:
    """Weights and statistics as float16; the class names and how it was trained in the file's metadata."""
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
    """Parameter groups: weights of convolutions decay, gains and biases don't."""
    yield {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY}
    yield {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0}


def train(data: Photographs, out: Path, *, steps: int, seed: int) -> Score:
    """Train, write the weights to ``out``, and return their score on val.

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
    resumable = {"model": model, "optimizer": optimizer, "schedule": schedule}
    unfinished = out.with_name(f"{out.name}.unfinished.pt")
    first, before, start = 0, 0.0, time.monotonic()
    if unfinished.is_file():
        try:
            saved = torch.load(unfinished, map_location=device, weights_only=True)
            same = (saved["steps"], saved["seed"], saved["classes"]) == (steps, seed, data.classes)
            if same:
                for name, part in resumable.items():
                    part.load_state_dict(saved[name])  # type: ignore[attr-defined]
        except Exception as error:  # a damaged file can make the reader raise nearly anything
            raise DataError(f"{unfinished} is damaged; delete it to begin anew") from error
        if not same:
            raise DataError(
                f"{unfinished} is of a run with --steps {saved['steps']} --seed {saved['seed']} on {saved['classes']}; "
                "finish that one, or delete it"
            )
        first, before = saved["step"], saved["seconds"]
    progress = tqdm(range(first, steps), initial=first, total=steps, desc="training", unit="step", smoothing=0.05)
    recent, told = 0.0, ""
    for step in progress:
        model.train()
        draw = seed * 1_000_003 + step
        pictures, labels = crops.batch(crop_cells(step, steps, draw), draw)
        loss = loss_of(model(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        value = loss.item()
        recent = value if step == first else 0.98 * recent + 0.02 * value
        if (step + 1) % SCORE_EVERY == 0 and step + 1 < steps:
            saved = {name: part.state_dict() for name, part in resumable.items()}  # type: ignore[attr-defined]
            part = unfinished.with_name(f"{unfinished.name}.part")
            so_far = {"step": step + 1, "seconds": before + time.monotonic() - start}
            torch.save({**saved, **so_far, "steps": steps, "seed": seed, "classes": data.classes}, part)
            os.replace(part, unfinished)
            rows = ", ".join(f"{tokens:.0f}" for tokens in spread(model, data, device))
            told = f"val mIoU {score(model, data, device).mean_iou:.3f}"
            progress.write(f"step {step + 1}: loss {recent:.3f}, {told}, effective tokens by block {rows}")
        progress.set_postfix_str(f"loss {recent:.3f} {told}", refresh=False)
    seconds = round(before + time.monotonic() - start)
    save(model, data.classes, out, {"steps": steps, "seed": seed, "seconds": seconds, "on": _hardware(device)})
    written = load_model(out)  # what the file gives back: float16 has rounded it
    assert isinstance(written, TopFormer)
    final = score(written, data, device)
    unfinished.unlink(missing_ok=True)
    return final
