"""What the channels of the class scores stand for: names in both languages, and colours.

classes.json holds the facts, one class a line in the order of the channels: English name, Chinese name, colour. The
order, the English names and the colours of the published sets are those of mmsegmentation 0.x (``CLASSES`` and
``PALETTE`` in mmseg/datasets of its release 0.30.0, the same in 0.19.0; Apache-2.0), with which TopFormer's authors
trained: https://github.com/open-mmlab/mmsegmentation. The names are only spelled out ("tvmonitor", "crt screen"), and
a few colours stand for two classes, as published. The Chinese names are this project's, for the sense that the set
means, as its authors define it:

- ADE20K: B. Zhou et al., Scene Parsing through ADE20K Dataset, CVPR 2017 (objectInfo150.txt in
  https://github.com/CSAILVision/sceneparsing gives synonyms: a "tank" is a storage tank, a "pot" a flowerpot);
- Cityscapes: M. Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016;
- Pascal Context: R. Mottaghi et al., The Role of Context for Object Detection and Semantic Segmentation in the Wild,
  CVPR 2014;
- COCO-Stuff: H. Caesar et al., COCO-Stuff: Thing and Stuff Classes in Context, CVPR 2018 (labels.md in
  https://github.com/nightrome/cocostuff describes each).

"everyday" is this project's own set. Its colours differ in lightness, also as the colour-blind see them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from topformer_viz.words.plain import one_line
from topformer_viz.words.text import LANGS, Text

LONGEST_NAME = 40  # characters kept of a name that came with a file

GUESS = Text(
    "{title} (guessed from their number)",
    "{title}（按类别数推测）",
)
ONE, COUNT = Text("{count} class", "{count} 类"), Text("{count} classes", "{count} 类")
WITHOUT_NAMES = Text("{counted} without names", "{counted}，无名称")
NAMED = Text("{counted} named by the file", "{counted}，名称来自文件")
NUMBER = Text("class {n}", "第 {n} 类")
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_LIGHTNESSES = (0.50, 0.64, 0.78, 0.57, 0.71)  # Oklab; five in turn, so that classes of like hue differ in it


@dataclass(frozen=True)
class ClassSet:
    """The classes a network tells apart, in the order of its score channels; ``colours`` are "#rrggbb"."""

    title: Text
    names: tuple[Text, ...]
    colours: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colours):
            raise ValueError(f"{len(self.names)} names, but {len(self.colours)} colours")


_ROWS: dict[str, list[list[str]]] = json.loads(Path(__file__).with_name("classes.json").read_text("utf-8"))


def _stored(slug: str, title: Text, skip: int = 0) -> ClassSet:
    """The classes under ``slug`` in classes.json without the first ``skip``."""
    rows = _ROWS[slug][skip:]
    return ClassSet(title, tuple(Text(en, zh) for en, zh, _ in rows), tuple(colour for _, _, colour in rows))


CLASS_SETS: dict[str, ClassSet] = {
    "everyday": _stored("everyday", Text("Everyday, 14 classes", "日常，14 类")),
    "ade20k": _stored("ade20k", Text("ADE20K, 150 classes", "ADE20K，150 类")),
    "cityscapes": _stored("cityscapes", Text("Cityscapes, 19 classes", "Cityscapes，19 类")),
    # The 60 are the background, then the 59, each with the same colour.
    "pascal-context-59": _stored(
        "pascal-context-60", Text("Pascal Context, 59 classes", "Pascal Context，59 类"), skip=1
    ),
    "pascal-context-60": _stored("pascal-context-60", Text("Pascal Context, 60 classes", "Pascal Context，60 类")),
    "coco-stuff": _stored("coco-stuff", Text("COCO-Stuff, 171 classes", "COCO-Stuff，171 类")),
}


def classes_of(count: int, names: Sequence[str] | None = None) -> ClassSet:
    """The names and colours of ``count`` score channels.

    ``names``: the English names that came with the checkpoint's file, which may be anybody's. Those of a set in
    CLASS_SETS, in its order, give that set; case, spaces and signs don't matter, as "potted plant" is also published
    as "pottedplant". Any others stand as they are in both languages, on one line and cut at LONGEST_NAME characters.
    Without names, ``count`` tells which published set it may be (14 classes need not be ours), and the title calls
    that a guess; classes of which nothing is known are numbered from 1.

    Raises ValueError if there are names, but not ``count`` of them.
    """
    if names is None:
        for slug, known in CLASS_SETS.items():
            if slug != "everyday" and len(known.names) == count:
                return replace(known, title=Text(*(GUESS(lang, title=known.title(lang)) for lang in LANGS)))
        numbered = tuple(_number(i) for i in range(count))
        return ClassSet(WITHOUT_NAMES.format(counted=_count(count)), numbered, _colours(count))
    if len(names) != count:
        raise ValueError(f"the file names {_count(len(names)).en}, but its scores are of {count}")
    keys = [_key(name) for name in names]
    for known in CLASS_SETS.values():
        if keys == [_key(name.en) for name in known.names]:
            return known
    cleaned = (one_line(name)[:LONGEST_NAME].rstrip() for name in names)
    own = tuple(Text(name, name) if name else _number(i) for i, name in enumerate(cleaned))
    return ClassSet(NAMED.format(counted=_count(count)), own, _colours(count))


def _count(count: int) -> Text:
    return (ONE if count == 1 else COUNT).format(count=count)


def _number(index: int) -> Text:
    return NUMBER.format(n=index + 1)


def _key(name: str) -> str:
    """The letters and digits of a name, by which two spellings of it are the same."""
    return "".join(c for c in name.casefold() if c.isalnum())


def _colours(count: int) -> tuple[str, ...]:
    """``count`` colours, the same each time: hues a golden angle apart, so that neighbours are far from alike."""
    return tuple(_oklch(_LIGHTNESSES[i % len(_LIGHTNESSES)], i * _GOLDEN_ANGLE) for i in range(count))


def _oklch(lightness: float, hue: float) -> str:
    """The colour of this Oklab lightness and hue (radians) as sRGB, as strong as sRGB holds but of chroma <= 0.15.

    Oklab and its matrices are B. Ottosson's, 2020 (https://bottosson.github.io/posts/oklab).
    """
    for percent in range(15, -1, -1):
        a, b = percent / 100 * math.cos(hue), percent / 100 * math.sin(hue)
        long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        linear = (
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        )
        if all(0 <= light <= 1 for light in linear):
            break
    curved = (12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055 for x in linear)
    return "#" + "".join(f"{round(255 * x):02x}" for x in curved)
