"""Batches of crops to train on."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from topformer_viz.network.images import CELL
from topformer_viz.network.input import MEAN, STD
from topformer_viz.terminal.training.data import IGNORE, DataError, Photographs, kind, pixels

# Crops in tokens (rows, columns): small ones first, as a batch holds more of them, at the end the grids that are shown.
CROPS = (
    ((4, 4), (4, 6), (6, 4)),
    ((6, 6), (6, 8), (8, 6)),
    ((8, 8), (8, 11), (8, 12), (11, 8)),
)
PHASES = (0.25, 0.55)  # parts of the training at which the next size of crops begins
EARLIER = 0.25  # then this share of batches still takes an earlier size
BATCH_TOKENS = 440  # a batch has as many crops as fit, so that every step costs the same
SCALES = (0.7, 2.1)  # pixels of the crop per image pixel; an image of short side 360 is shown at 1.42
BALANCED = 0.5  # share of crops that are centred on a class drawn by rarity
RAREST = 0.003  # share of the labelled area below which a class grows no likelier to be drawn
HIDING, HIDDEN = 0.5, 0.2  # share of crops in which tokens are hidden, and share of their tokens
PER_LABEL = 4  # pixels of the crop, each way, to a label: the class scores lie 8 apart


@dataclass(frozen=True)
class Batch:
    """Crops to learn from, of ``rows`` x ``columns`` tokens.

    ``pictures``: normalised, (n, 3, 64 rows, 64 columns); ``labels``: int64 (n, 16 rows, 16 columns), ``NONE_OF`` and
    ``IGNORE`` among them; ``absent``: bool (n, classes), what ``NONE_OF`` speaks of; ``taught``: what the teacher computes
    there, (n, channels, rows, columns), if there is one.
    """

    pictures: Tensor
    labels: Tensor
    absent: Tensor
    taught: Tensor | None


class _Pool:
    """Images to draw classes from: those that are labelled everywhere, or those of which only some things are.

    Classes come by rarity, the images that show one by kinds, and a kind by the square root of its number: small ones are seen, too.
    """

    def __init__(self, pixels_of: Tensor, kinds: Sequence[str], images: Tensor) -> None:
        """``pixels_of`` (all images, classes); ``images``: those of this pool."""
        counts = pixels_of[images]
        share = counts.sum(0) / counts.sum().clamp(min=1)
        self.rarity = torch.where(share > 0, share.clamp(min=RAREST).rsqrt(), 0.0)
        self.holding = [images[column > 0] for column in counts.T]
        self.chances = []
        for holding in self.holding:
            own = [kinds[n] for n in holding]
            number = Counter(own)
            self.chances.append(torch.tensor([number[kind] ** -0.5 for kind in own]))

    def draw(self, random: torch.Generator) -> tuple[int, int]:
        """A class, and an image that shows it."""
        c = int(torch.multinomial(self.rarity, 1, generator=random))
        return c, int(self.holding[c][torch.multinomial(self.chances[c], 1, generator=random)])


class Crops:
    """Batches of augmented crops of the training images, all of which are held in memory, decoded.

    ``teacher``: a folder of STEM.npy, float16 (channels, y, x), for each image of train: what another network computes of
    it, its cells spread over the whole image.
    """

    def __init__(self, data: Photographs, device: torch.device, teacher: Path | None = None) -> None:
        self.device = device
        self.pictures: list[Tensor] = []  # uint8 (3, Y, X)
        self.labels: list[Tensor] = []  # uint8 (Y, X)
        self.taught: list[Tensor] = []  # float16 (channels, y, x)
        self.absent = torch.zeros(len(data.train), len(data.classes), dtype=torch.bool)
        counts = []
        for n, stem in enumerate(tqdm(data.train, desc="reading", unit="image", leave=False)):
            picture, labels = data.example(stem)
            self.pictures.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous())
            self.labels.append(labels)
            self.absent[n, data.absent(stem)] = True
            counts.append(pixels(labels))
            if teacher:
                self.taught.append(_taught(teacher / f"{stem}.npy"))
        if len(channels := {len(taught) for taught in self.taught}) > 1:
            raise DataError(f"the teacher's files differ in their channels: {', '.join(map(str, sorted(channels)))}")
        self.pixels = torch.stack(counts).sum(0)  # as ``pixels`` counts, of all images
        partly = torch.tensor([data.partly(stem) for stem in data.train])
        kinds = [kind(stem) for stem in data.train]
        pixels_of = torch.stack(counts)[:, : len(data.classes)].double()
        pools = (_Pool(pixels_of, kinds, among.nonzero().flatten()) for among in (~partly, partly))
        self.pools = [pool for pool in pools if pool.rarity.any()]

    def batch(self, tokens: tuple[int, int], seed: int, hide: bool = True) -> Batch:
        """Crops of ``tokens`` (rows, columns), in some of them parts hidden; the same by seed."""
        random = torch.Generator().manual_seed(seed)
        crops = [self._crop(tokens, random) for _ in range(max(2, BATCH_TOKENS // (tokens[0] * tokens[1])))]
        pictures, labels, absent, *taught = (torch.stack(parts).to(self.device) for parts in zip(*crops, strict=True))
        mean, std = (torch.tensor(values, device=self.device).view(1, 3, 1, 1) for values in (MEAN, STD))
        pictures = (pictures - mean) / std
        pictures = _hide(pictures, random) if hide else pictures
        return Batch(
            pictures.contiguous(memory_format=torch.channels_last), labels, absent, taught[0] if taught else None
        )

    def _crop(self, tokens: tuple[int, int], random: torch.Generator) -> tuple[Tensor, ...]:
        """A turned, flipped, scaled and recoloured cut-out of one image, values 0..1; then as ``Batch`` lists them."""

        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand((), generator=random))

        around, index = None, int(torch.randint(len(self.pictures), (), generator=random))
        if uniform(0, 1) < BALANCED:
            around, index = self.pools[int(torch.randint(len(self.pools), (), generator=random))].draw(random)
        picture, labels = self.pictures[index], self.labels[index]
        Y, X = labels.shape
        h, w = tokens[0] * CELL, tokens[1] * CELL
        scale = max(math.exp(uniform(math.log(SCALES[0]), math.log(SCALES[1]))), 0.9 * max(h / Y, w / X))
        y, x = uniform(0, Y), uniform(0, X)
        if around is not None:
            spots = (labels == around).nonzero()
            spot = spots[torch.randint(len(spots), (), generator=random)]
            y = float(spot[0]) + uniform(-0.25, 0.25) * h / scale
            x = float(spot[1]) + uniform(-0.25, 0.25) * w / scale
        # The cut-out stays within the image where it fits into it.
        y = min(max(y, h / scale / 2), Y - h / scale / 2) if h / scale < Y else Y / 2
        x = min(max(x, w / scale / 2), X - w / scale / 2) if w / scale < X else X / 2
        turn, flip = math.radians(uniform(-6, 6)), -1.0 if uniform(0, 1) < 0.5 else 1.0
        # From the crop's pixels, -1..1 both ways, to the image's: scale, turn, flip, shift.
        rows, columns = h / scale / 2, w / scale / 2
        theta = torch.tensor(
            [
                [flip * columns * math.cos(turn) * 2 / X, -rows * math.sin(turn) * 2 / X, 2 * x / X - 1],
                [flip * columns * math.sin(turn) * 2 / Y, rows * math.cos(turn) * 2 / Y, 2 * y / Y - 1],
            ]
        )[None]
        crop = _sampled(picture[None].float() / 255, theta, (h, w), padding_mode="reflection")
        known = labels[None, None].float() - IGNORE  # so that 0, what lies outside, is "nothing known"
        target = _sampled(known, theta, (h // PER_LABEL, w // PER_LABEL), mode="nearest")[0].long() + IGNORE
        taught = [
            _sampled(x[None].float(), theta, tokens, padding_mode="reflection") for x in self.taught[index : index + 1]
        ]
        return self._recolour(crop, uniform), target, self.absent[index], *taught

    @staticmethod
    def _recolour(crop: Tensor, uniform) -> Tensor:  # type: ignore[no-untyped-def]
        """Brightness, contrast, saturation, a cast of colour, and sometimes grey."""
        grey = crop.mean(0, keepdim=True)
        saturation = 0.0 if uniform(0, 1) < 0.05 else uniform(0.5, 1.5)
        crop = grey + saturation * (crop - grey)
        crop = crop.mean() + uniform(0.6, 1.5) * (crop - crop.mean())
        cast = torch.tensor([uniform(0.88, 1.12) for _ in range(3)]).view(3, 1, 1)
        return (crop * cast * uniform(0.65, 1.4)).clamp(0, 1)


def _sampled(x: Tensor, theta: Tensor, size: tuple[int, int], **how: str) -> Tensor:
    """The cut-out of ``x`` (1, channels, Y, X) that ``theta`` describes, at ``size``."""
    grid = F.affine_grid(theta, [1, 1, *size], align_corners=False)
    return F.grid_sample(x, grid, align_corners=False, **how)[0]


def _hide(pictures: Tensor, random: torch.Generator) -> Tensor:
    """In some crops, some tokens show their mean colour alone: what lies there only the others can tell."""
    n, _, h, w = pictures.shape
    size = (n, 1, h // CELL, w // CELL)
    hidden = (torch.rand(size, generator=random) < HIDDEN) & (torch.rand(n, 1, 1, 1, generator=random) < HIDING)
    hidden, mean = (
        F.interpolate(x, (h, w)) for x in (hidden.float().to(pictures.device), F.avg_pool2d(pictures, CELL))
    )
    return torch.where(hidden > 0, mean, pictures)


def _taught(path: Path) -> Tensor:
    """What the teacher computes of an image, float16 (channels, y, x)."""
    try:
        taught = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is missing or damaged: the teacher's folder needs one for each image of train"
        ) from error
    if taught.dtype != np.float16 or taught.ndim != 3:
        raise DataError(f"{path} must hold float16 (channels, y, x)")
    return torch.from_numpy(taught)


def crop_grid(step: int, steps: int, seed: int) -> tuple[int, int]:
    """The grid of this step's crops: larger as training goes on, now and then an earlier size."""
    random = torch.Generator().manual_seed(seed)
    phase = sum(step >= part * steps for part in PHASES)
    if phase and float(torch.rand((), generator=random)) < EARLIER:
        phase = int(torch.randint(phase, (), generator=random))
    sizes = CROPS[phase]
    return sizes[int(torch.randint(len(sizes), (), generator=random))]
