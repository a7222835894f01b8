"""What each head looks at, as terminal/training/heads.py measured it on labelled images, and a sentence that says it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from topformer_viz.network.facts import FILE
from topformer_viz.words.numbers import decimal, percent, times
from topformer_viz.words.text import Lang, Text

MIN_PICTURES, MIN_AREA = 20, 0.005  # a class or pair in fewer images, a class of less area is never named
ONE_HOT = 1.5  # effective tokens under which a head is nearly one-hot
UNIFORM = 0.97  # effective tokens, as part of all, over which it is nearly uniform
LOCAL = 0.75  # mean distance, as part of uniform rows', under which it is local
TELLING = 0.2  # how far from 1 the nearer end of a ratio's interval must be for a class to be named


class FindingsError(ValueError):
    """There are no findings in the file."""


class Estimate(NamedTuple):
    """A number over all images, and the ends of its 95 % bootstrap interval over them; a list of three in JSON."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class HeadFinding:
    """What one head looks at.

    ``ratio[c][k]``: of the attention of class c's tokens the share on class k, over the share uniform rows would give;
    ``read[k]``: the same of every token's attention. None where the two classes never meet in an image.
    ``effective``: exp(entropy) of a row, in tokens; ``distance``: the mean Euclidean distance it reads across, in
    tokens. Both are means over the rows of an image, then over images; their intervals take the images' grids as
    given (those of their ratios to uniform rows), as the grids are no property of the head.
    """

    effective: Estimate
    distance: Estimate
    ratio: list[list[Estimate | None]]
    read: list[Estimate | None]


@dataclass(frozen=True)
class NetworkFinding:
    """What every head of one network looks at, ``heads[block][head]``, and the images it was measured on.

    ``pictures``: their number. ``tokens``: of an image, the least, the mean and the most. ``labelled``: share of the
    area that belongs to a class. ``distance``: mean distance that uniform rows read across, in tokens.
    ``together[c][k]``: in how many images classes c and k both are. ``chance[c][k]``: share of class c's attention
    on class k if rows were uniform (ratio times this is the head's own share); its last row, every token's, is
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

    def uniform(self, c: int, k: int) -> float:
        """The share of class c's attention that would fall on class k if rows were uniform."""
        return self.chance[c][k] or 0.0

    def supported(self, c: int, k: int | None = None) -> bool:
        """Whether class c, or the pair c and k, is in enough images and covers enough of them to be named."""
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
class Shown:
    """A token at which what is told of a head shows clearly: its flat index in the ``grid`` (rows, columns) of one of the
    app's samples, and its row of that head's ``weights``, HW numbers."""

    sample: str
    grid: tuple[int, int]
    token: int
    weights: list[float]


@dataclass(frozen=True)
class Findings:
    """The findings of several networks on the same images: "trained", "built" and "reinitialised".

    ``shown[block][head]``: where the trained network's head shows what is told of it; None where no sample does.
    """

    classes: list[str]
    networks: dict[str, NetworkFinding]
    shown: list[list[Shown | None]]


def load(path: Path = FILE) -> Findings:
    """The findings in a JSON file of {"classes": [name, ...], "networks": {name: what ``measure`` gave, ...}, "shown": what
    ``shown`` gave, ...}.

    Raises ``FindingsError`` if there is no such file or nothing of the kind in it.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        networks = {name: NetworkFinding.from_json(network) for name, network in dict(content["networks"]).items()}
        shown = [[one and Shown(**{**one, "grid": tuple(one["grid"])}) for one in block] for block in content["shown"]]
        return Findings(list(content["classes"]), networks, shown)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FindingsError(f"{path.name} holds no findings: {error!r}") from error


# Saying it

SAYS = {
    "one-hot": Text(
        "Nearly one-hot: each token reads about {value} tokens ({low} to {high}).",
        "接近 one-hot：每个 token 大约只读 {value} 个 token（{low} 到 {high}）。",
    ),
    "uniform": Text(
        "Nearly uniform: {value} effective tokens of {all} ({low} to {high}).",
        "接近均匀：有效 token 数 {value}，共 {all}（{low} 到 {high}）。",
    ),
    "key": Text(
        "Every class reads {key}: {value} times uniform ({low} to {high}).",
        "每一类都多读{key}：是均匀水平的 {value} 倍（{low} 到 {high}）。",
    ),
    "local": Text(
        "Reads its own neighbourhood: mean distance {value} tokens ({low} to {high}), {all} if uniform.",
        "主要读自己的周围：平均距离 {value} 个 token（{low} 到 {high}），均匀时为 {all} 个。",
    ),
    "more": Text(
        "{query} gives {share} of its attention to {key}, {value} times as much as if uniform ({low} to {high}).",
        "{query}把 {share} 的注意力给了{key}：是均匀水平的 {value} 倍（{low} 到 {high}）。",
    ),
    "less": Text(
        "{query} reads {key} only {value} times as much as if uniform ({low} to {high}).",
        "{query}很少读{key}：只有均匀水平的 {value} 倍（{low} 到 {high}）。",
    ),
    "none": Text("No clear preference for any class.", "对各类没有明显的偏好。"),
}
# The same without the numbers, for many heads beside one another.
IN_SHORT = {
    "one-hot": Text("nearly one-hot", "接近 one-hot"),
    "uniform": Text("nearly uniform", "接近均匀"),
    "key": Text("every class reads {key}", "每一类都读{key}"),
    "local": Text("reads its own neighbourhood", "读自己的周围"),
    "more": Text("{query} reads {key}", "{query}读{key}"),
    "less": Text("{query} hardly reads {key}", "{query}很少读{key}"),
    "none": Text("no clear preference", "没有明显的偏好"),
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


@dataclass(frozen=True)
class Telling:
    """The most telling thing about a head: one of SAYS, its number, and the classes ``c`` that reads and ``k`` that is read."""

    what: str
    estimate: Estimate
    c: int = 0
    k: int = 0

    @property
    def is_ratio(self) -> bool:
        """Whether the number is a ratio to uniform rows."""
        return self.what in ("key", "more", "less")

    def in_short(self, names: Sequence[Text], lang: Lang) -> str:
        """What it is, without its number."""
        return IN_SHORT[self.what](lang, query=names[self.c](lang), key=as_read(names[self.k], lang))


def telling(head: HeadFinding, network: NetworkFinding) -> Telling:
    """The most telling thing about a head of ``network``.

    The first that holds, every "over" and "under" by the nearer end of the interval:

    1. nearly one-hot: effective tokens under ``ONE_HOT``;
    2. nearly uniform: effective tokens over ``UNIFORM`` of all;
    3. a class that every class reads more than uniform rows would, and all tokens together by more than ``TELLING``; of
       several the one that is read most;
    4. local: mean distance under ``LOCAL`` of the distance of uniform rows;
    5. of the pairs of classes with a ratio over 1 by more than ``TELLING`` the one that takes the most attention beyond
       its share under uniform rows: a high ratio alone may be the tenfold of next to nothing;
    6. of those under 1 by more than ``TELLING`` the one that is furthest;
    7. no clear preference.

    Classes and pairs without support (``NetworkFinding.supported``) are neither named nor asked.
    """
    if head.effective.high < ONE_HOT:
        return Telling("one-hot", head.effective)
    if head.effective.low > UNIFORM * network.tokens[1]:
        return Telling("uniform", head.effective)
    classes = [c for c in range(len(network.together)) if network.supported(c)]
    keys = [
        (estimate, k)
        for k in classes
        if (estimate := head.read[k])
        and estimate.low > 1 + TELLING
        and all(_low(head.ratio[c][k]) > 1 for c in classes)
    ]
    if keys:
        estimate, k = max(keys, key=lambda found: found[0].low)
        return Telling("key", estimate, k=k)
    if head.distance.high < LOCAL * network.distance:
        return Telling("local", head.distance)
    pairs = [
        (estimate, c, k) for c in classes for k in classes if network.supported(c, k) and (estimate := head.ratio[c][k])
    ]
    if more := [pair for pair in pairs if pair[0].low > 1 + TELLING]:
        return Telling("more", *max(more, key=lambda pair: (pair[0].low - 1) * network.uniform(*pair[1:])))
    if less := [pair for pair in pairs if pair[0].high < 1 - TELLING]:
        return Telling("less", *min(less, key=lambda pair: pair[0].high))
    return Telling("none", head.effective)


def sentence(head: HeadFinding, network: NetworkFinding, names: Sequence[Text], lang: Lang) -> str:
    """The most telling thing about a head of ``network``, with its interval; ``names`` are the classes'."""
    told = telling(head, network)
    value, low, high = map(times if told.is_ratio else decimal, told.estimate)
    every = {"uniform": network.tokens[1], "local": network.distance}.get(told.what, 0.0)
    query, key = as_asking(names[told.c], lang), as_read(names[told.k], lang)
    share = percent(told.estimate.value * network.uniform(told.c, told.k)) if told.is_ratio else ""
    return SAYS[told.what](lang, value=value, low=low, high=high, all=decimal(every), query=query, key=key, share=share)


def _low(estimate: Estimate | None) -> float:
    return estimate.low if estimate else 0.0


def as_asking(name: Text, lang: Lang) -> str:
    """A class's name at a sentence's head."""
    return name(lang)[:1].upper() + name(lang)[1:]


def as_read(name: Text, lang: Lang) -> str:
    """A class's name as what is read: "the sky", "vehicles"."""
    return READ.get(name.en, name.en) if lang == "en" else name.zh
