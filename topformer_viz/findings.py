"""What each head looks at, measured on labelled pictures and put into a sentence.

With A (HW, HW) a head's weights on a picture and F (HW, classes) the share of each token's square that carries each
class, Q^T A F is the attention that falls from class to class, where Q is F and one more column of ones, for every
token alike. Divided by its row's sum it is a share; divided by the share that uniform rows give on the same pictures
it is a ratio, and 1 is chance. Sums run over all pictures before anything is divided.

The uncertainty is over pictures: 95 % intervals by bootstrap (Efron, 1979), pictures drawn with replacement.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from topformer_viz.network.colour import Model
from topformer_viz.network.facts import FILE
from topformer_viz.network.input import to_tensor
from topformer_viz.run.fast import inference_copy, run
from topformer_viz.run.measures import distances, effective_tokens
from topformer_viz.train import IGNORE, Photographs, as_shown
from topformer_viz.words.text import Lang, Text

RESAMPLES, SEED = 1000, 0
INTERVAL = (0.025, 0.975)
DIGITS = 4  # significant ones that are kept in the file

MIN_PICTURES, MIN_AREA = 20, 0.005  # a class or pair in fewer pictures, a class of less area is never named
ONE_HOT = 1.5  # effective tokens under which a head is nearly one-hot
UNIFORM = 0.97  # effective tokens, as part of all, over which it is nearly uniform
LOCAL = 0.75  # mean distance, as part of uniform rows', under which it is local
TELLING = 0.2  # how far from 1 the nearer end of a ratio's interval must be for a class to be named


class FindingsError(ValueError):
    """There are no findings in the file."""


class Estimate(NamedTuple):
    """A number over all pictures, and the ends of its 95 % interval; a list of three in JSON."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class HeadFinding:
    """What one head looks at.

    ``ratio[c][k]``: of the attention of class c's tokens the share on class k, over the share uniform rows would give;
    ``read[k]``: the same of every token's attention. None where the two classes never meet in a picture.
    ``effective``: exp(entropy) of a row, in tokens; ``distance``: the mean Euclidean distance it reads across, in
    tokens. Both are means over the rows of a picture, then over pictures; their intervals take the pictures' grids as
    given (those of their ratios to uniform rows), as the grids are no property of the head.
    """

    effective: Estimate
    distance: Estimate
    ratio: list[list[Estimate | None]]
    read: list[Estimate | None]


@dataclass(frozen=True)
class NetworkFinding:
    """What every head of one network looks at, ``heads[block][head]``, and the pictures it was measured on.

    ``pictures``: their number. ``tokens``: of a picture, the least, the mean and the most. ``labelled``: share of the
    area that belongs to a class. ``distance``: mean distance that uniform rows read across, in tokens.
    ``together[c][k]``: in how many pictures classes c and k both are. ``chance[c][k]``: share of class c's attention
    on class k if rows were uniform (ratio times chance is the head's own share); its last row, every token's, is
    the classes' share of the labelled area.
    """

    pictures: int
    tokens: tuple[int, float, int]
    labelled: float
    distance: float
    together: list[list[int]]
    chance: list[list[float | None]]
    heads: list[list[HeadFinding]]

    def area(self, c: int) -> float:
        """Class c's share of the labelled area."""
        return self.chance[-1][c] or 0.0

    def supported(self, c: int, k: int | None = None) -> bool:
        """Whether class c, or the pair c and k, is in enough pictures and covers enough of them to be named."""
        if k is not None and not self.supported(k):
            return False
        return self.together[c][c if k is None else k] >= MIN_PICTURES and self.area(c) >= MIN_AREA

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "NetworkFinding":
        """The finding that ``measure`` gave as a dictionary."""

        def estimates(values: list[list[float] | None]) -> list[Estimate | None]:
            return [None if value is None else Estimate(*value) for value in values]

        def head(values: dict[str, Any]) -> HeadFinding:
            return HeadFinding(
                effective=Estimate(*values["effective"]),
                distance=Estimate(*values["distance"]),
                ratio=[estimates(row) for row in values["ratio"]],
                read=estimates(values["read"]),
            )

        heads = [[head(values) for values in block] for block in content["heads"]]
        return cls(**{**content, "tokens": tuple(content["tokens"]), "heads": heads})


@dataclass(frozen=True)
class Findings:
    """The findings of several networks on the same pictures: "trained", "built" and "reinitialised"."""

    classes: list[str]
    networks: dict[str, NetworkFinding]


def load(path: Path = FILE) -> Findings:
    """The findings in a JSON file of {"classes": [name, ...], "networks": {name: what ``measure`` gave, ...}, ...}.

    Raises ``FindingsError`` if there is no such file or nothing of the kind in it.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        networks = {name: NetworkFinding.from_json(network) for name, network in dict(content["networks"]).items()}
        return Findings(list(content["classes"]), networks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FindingsError(f"{path.name} holds no findings: {error!r}") from error


# Measuring


def pooled(labels: Tensor, classes: int, grid: tuple[int, int]) -> Tensor:
    """Share of each cell's area that carries each class: uint8 labels (Y, X) to float64 (HW, classes).

    A pixel that a cell's border cuts counts on either side by its area. What is unlabelled counts to no class, so
    that a cell's shares sum to at most 1.
    """
    known = labels != IGNORE
    planes = F.one_hot(labels.where(known, 0).long(), classes).double() * known[..., None]
    rows, columns = (_cover(side, cells) for side, cells in zip(labels.shape, grid, strict=True))
    return torch.einsum("hy,yxc,wx->hwc", rows, planes, columns).flatten(0, 1)


def _cover(pixels: int, cells: int) -> Tensor:
    """Which part of each cell's side each pixel covers, (cells, pixels)."""
    edges = torch.arange(cells + 1, dtype=torch.float64) * pixels / cells
    pixel = torch.arange(pixels)
    inside = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    return inside.clamp(min=0) * cells / pixels


@dataclass(frozen=True)
class Reading:
    """What n attention matrices do on one picture; the last is uniform, to compare with.

    ``mass`` (n, classes + 1, classes): attention from class to class, in the last row from every token; ``effective``
    (n,): mean exp(entropy) of the rows; ``distance`` (n,): mean distance in tokens; ``cells`` (HW, classes): the labels.
    """

    mass: Tensor
    effective: Tensor
    distance: Tensor
    cells: Tensor


def reading(weights: Tensor, cells: Tensor, grid: tuple[int, int]) -> Reading:
    """Measure heads' weights (heads, HW, HW) on a picture with the pooled labels ``cells`` (HW, classes), float64."""
    weights = torch.cat([weights, torch.full_like(weights[:1], 1 / len(cells))])
    asking = torch.cat([cells, torch.ones_like(cells[:, :1])], dim=1)
    return Reading(
        mass=asking.T @ weights @ cells,
        effective=effective_tokens(weights).mean(-1),
        distance=(weights * distances(grid)).sum(-1).mean(-1),
        cells=cells,
    )


def summarise(readings: Sequence[Reading], num_heads: int) -> NetworkFinding:
    """Estimates over the pictures, for blocks of ``num_heads`` heads each."""
    mass, effective, distance = (
        np.stack([getattr(r, name).numpy() for r in readings]) for name in ("mass", "effective", "distance")
    )
    once = np.ones((1, len(readings)))
    drawn = np.random.default_rng(SEED).multinomial(len(readings), once[0] / len(readings), RESAMPLES)
    counts = np.concatenate([once, drawn])  # (1 + resamples, pictures): how often each picture counts
    mass, effective, distance = (np.tensordot(counts, values, 1) for values in (mass, effective, distance))
    with np.errstate(invalid="ignore"):  # 0 / 0 where two classes never meet: NaN, and null in the end
        share = mass / mass.sum(-1, keepdims=True)
        ratio = share / share[:, -1:]
    effective, distance = (
        values / values[:, -1:] * values[0, -1] / len(readings) for values in (effective, distance)
    )  # mean over pictures, in each draw with the mean grid of all of them
    heads = [
        HeadFinding(effective=own[0], distance=own[1], ratio=own[2][:-1], read=own[2][-1])
        for own in zip(*(_estimates(values) for values in (effective, distance, ratio)), strict=True)
    ][:-1]
    cells = [r.cells for r in readings]
    present = np.stack([(c.sum(0) > 0).numpy() for c in cells]).astype(int)
    tokens = [len(c) for c in cells]
    return NetworkFinding(
        pictures=len(readings),
        tokens=(min(tokens), _rounded(float(np.mean(tokens))), max(tokens)),
        labelled=_rounded(float(np.mean([float(c.sum(1).mean()) for c in cells]))),
        distance=_rounded(distance[0, -1]),
        together=(present.T @ present).tolist(),
        chance=[[None if np.isnan(x) else _rounded(x) for x in row] for row in share[0, -1]],
        heads=[heads[i : i + num_heads] for i in range(0, len(heads), num_heads)],
    )


def _estimates(values: np.ndarray) -> Any:
    """Nested lists of estimates from (1 + resamples, ...): first each picture once, then the draws."""
    once, draws = values[0], values[1:]
    # A draw without the two classes' pictures says nothing; where no draw says anything, nor does the number.
    ends = np.nanquantile(np.where(np.isnan(once), 0.0, draws), INTERVAL, axis=0)

    def nested(estimate: np.ndarray) -> Any:
        if estimate.ndim > 1:
            return [nested(part) for part in estimate]
        return None if np.isnan(estimate[0]) else Estimate(*(_rounded(x) for x in estimate))

    return nested(np.moveaxis(np.stack([once, *ends]), 0, -1))


def _rounded(x: float) -> float:
    return float(f"{x:.{DIGITS}g}")


def measure(model: Model, data: Photographs, device: torch.device) -> dict[str, Any]:
    """What every head of ``model`` looks at on ``data``'s val, as JSON takes it: ``NetworkFinding``'s fields by name.

    Pictures are shown as the app shows them; an estimate is [value, low, high] or null. The order of val plays no part.
    """
    fast = inference_copy(model, device)
    readings = []
    for stem in tqdm(sorted(data.val), desc="measuring the heads", unit="picture", leave=False):
        found: list[Tensor] = []

        def keep(name: str, x: Tensor, found: list[Tensor] = found) -> Tensor:
            if name.endswith(".weights"):
                found.append(x[0].cpu().double())
            return x

        image = to_tensor(as_shown(data.picture(stem)))
        grid = model.token_grid(*image.shape[-2:])
        run(fast, image, keep)
        readings.append(reading(torch.cat(found), pooled(data.labels(stem), len(data.classes), grid), grid))
    return asdict(summarise(readings, model.num_heads))


# Saying it

SAYS = {
    "one-hot": Text(
        "Nearly one-hot: each token reads {value} tokens ({low} to {high}).",
        "几乎只看一处：每个 token 只读 {value} 个 token（{low} 到 {high}）。",
    ),
    "uniform": Text(
        "Nearly uniform: {value} of {all} tokens ({low} to {high}).",
        "几乎均匀：{all} 个 token 里读了 {value} 个（{low} 到 {high}）。",
    ),
    "key": Text(
        "Every class reads {key}: {value} times chance ({low} to {high}).",
        "每一类都多读{key}：是随机水平的 {value} 倍（{low} 到 {high}）。",
    ),
    "local": Text(
        "Reads its own neighbourhood: mean distance {value} tokens ({low} to {high}), {all} if uniform.",
        "主要读自己的周围：平均距离 {value} 个 token（{low} 到 {high}），均匀时为 {all} 个。",
    ),
    "more": Text(
        "{query} reads {key} {value} times as much as chance would ({low} to {high}).",
        "{query}读{key}的比重是随机水平的 {value} 倍（{low} 到 {high}）。",
    ),
    "less": Text(
        "{query} reads {key} only {value} times as much as chance would ({low} to {high}).",
        "{query}很少读{key}：只有随机水平的 {value} 倍（{low} 到 {high}）。",
    ),
    "none": Text("No clear preference for any class.", "对各类没有明显的偏好。"),
}
# What is read, where English wants more than the class's name.
READ = {
    "sky": "the sky",
    "building": "buildings",
    "road": "the road",
    "pavement": "the pavement",
    "vehicle": "vehicles",
    "person": "people",
}


def sentence(head: HeadFinding, network: NetworkFinding, names: Sequence[Text], lang: Lang) -> str:
    """The most telling thing about a head of ``network``, with its interval; ``names`` are the classes'.

    The first that holds, every "over" and "under" by the nearer end of the interval:

    1. nearly one-hot: effective tokens under ``ONE_HOT``;
    2. nearly uniform: effective tokens over ``UNIFORM`` of all;
    3. a class that every class reads more than chance, and all tokens together by more than ``TELLING``; of several
       the one that is read most;
    4. local: mean distance under ``LOCAL`` of the distance of uniform rows;
    5. the pair of classes whose ratio is furthest from 1, up or down, by more than ``TELLING``: so avoidance, which
       ends at 0, is told only where no class is read about twice as much as chance would;
    6. no clear preference.

    Classes and pairs without support (``NetworkFinding.supported``) are neither named nor asked.
    """
    if head.effective.high < ONE_HOT:
        return _say("one-hot", head.effective, lang)
    if head.effective.low > UNIFORM * network.tokens[1]:
        return _say("uniform", head.effective, lang, all=decimal(network.tokens[1]))
    classes = [c for c in range(len(names)) if network.supported(c)]
    keys = [
        (estimate, k)
        for k in classes
        if (estimate := head.read[k])
        and estimate.low > 1 + TELLING
        and all(_low(head.ratio[c][k]) > 1 for c in classes)
    ]
    if keys:
        estimate, k = max(keys, key=lambda found: found[0].low)
        return _say("key", estimate, lang, key=as_read(names[k], lang))
    if head.distance.high < LOCAL * network.distance:
        return _say("local", head.distance, lang, all=decimal(network.distance))
    pairs = [
        (max(estimate.low - 1, 1 - estimate.high), estimate, c, k)
        for c in classes
        for k in classes
        if network.supported(c, k) and (estimate := head.ratio[c][k])
    ]
    apart, estimate, c, k = max(pairs, default=(0.0, head.effective, 0, 0))
    if apart <= TELLING:
        return SAYS["none"](lang)
    said = "more" if estimate.low > 1 else "less"
    return _say(said, estimate, lang, query=as_asking(names[c], lang), key=as_read(names[k], lang))


def _say(what: str, estimate: Estimate, lang: Lang, **words: str) -> str:
    shown = times if what in ("key", "more", "less") else decimal
    value, low, high = (shown(x) for x in estimate)
    return SAYS[what](lang, value=value, low=low, high=high, **words)


def _low(estimate: Estimate | None) -> float:
    return estimate.low if estimate else 0.0


def as_asking(name: Text, lang: Lang) -> str:
    """A class's name at a sentence's head."""
    return name(lang)[:1].upper() + name(lang)[1:]


def as_read(name: Text, lang: Lang) -> str:
    """A class's name as what is read: "the sky", "vehicles"."""
    return READ.get(name.en, name.en) if lang == "en" else name.zh


def decimal(x: float) -> str:
    """With one decimal: 63.9."""
    return f"{x:.1f}"


def times(ratio: float) -> str:
    """A ratio with two or three digits: 0.17, 2.3, 12."""
    return f"{ratio:.2f}" if ratio < 0.995 else f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"
