"""The classes' names and colours: what is stored, and what a checkpoint's own names give."""

import ast
import itertools
import json
import re
import sys
from pathlib import Path

import pytest
import torch

from topformer_viz.network import classes
from topformer_viz.network.classes import CLASS_SETS, LONGEST_NAME, ClassSet, classes_of
from topformer_viz.network.colour import oklab
from topformer_viz.words.text import Text

COUNTS = {
    "everyday": 14,
    "ade20k": 150,
    "cityscapes": 19,
    "pascal-context-59": 59,
    "pascal-context-60": 60,
    "coco-stuff": 171,
}
# As mmsegmentation publishes them: Cityscapes whole, of the longer sets places from start to end.
CITYSCAPES = (
    "road, sidewalk, building, wall, fence, pole, traffic light, traffic sign, vegetation, terrain, "
    "sky, person, rider, car, truck, bus, train, motorcycle, bicycle"
)
PLACES = [
    ("everyday", 0, "sky", "天空", "#74c9fa"),
    ("everyday", 3, "pavement", "人行道", "#ffd4cf"),
    ("everyday", 10, "animal", "动物", "#6e131a"),
    ("everyday", 13, "street furniture", "街道设施", "#f3ff9f"),
    ("ade20k", 0, "wall", "墙", "#787878"),
    ("ade20k", 7, "bed", "床", "#cc05ff"),
    ("ade20k", 30, "armchair", "扶手椅", "#08ffd6"),
    ("ade20k", 58, "screen door", "纱门", "#00adff"),
    ("ade20k", 75, "swivel chair", "转椅", "#0a00ff"),
    ("ade20k", 122, "tank", "储罐", "#00ffeb"),
    ("ade20k", 149, "flag", "旗帜", "#5c00ff"),
    ("cityscapes", 0, "road", "道路", "#804080"),
    ("cityscapes", 9, "terrain", "自然地面", "#98fb98"),
    ("cityscapes", 18, "bicycle", "自行车", "#770b20"),
    ("pascal-context-60", 0, "background", "背景", "#787878"),
    ("pascal-context-60", 1, "aeroplane", "飞机", "#b47878"),
    ("pascal-context-60", 2, "bag", "包", "#06e6e6"),
    ("pascal-context-60", 36, "mouse", "鼠标", "#e0ff08"),
    ("pascal-context-60", 59, "wood", "木材", "#1f00ff"),
    ("pascal-context-59", 0, "aeroplane", "飞机", "#b47878"),
    ("pascal-context-59", 58, "wood", "木材", "#1f00ff"),
    ("coco-stuff", 0, "person", "人", "#00c040"),
    ("coco-stuff", 79, "toothbrush", "牙刷", "#c0a000"),
    ("coco-stuff", 80, "banner", "横幅", "#00c000"),
    ("coco-stuff", 100, "door-stuff", "门", "#006000"),
    ("coco-stuff", 130, "plant-other", "其他植物", "#8060c0"),
    ("coco-stuff", 170, "wood", "木材", "#404000"),
]
# Light of the three primaries as people see it who lack one kind of cone: Machado et al., A Physiologically-based
# Model for Simulation of Color Vision Deficiency, IEEE TVCG 2009, severity 1.0.
VISIONS = {
    "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def english(slug: str) -> list[str]:
    return [name.en for name in CLASS_SETS[slug].names]


def rgb(colours: tuple[str, ...]) -> torch.Tensor:
    """(N, 3) sRGB in 0..1, float64."""
    values = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
    return torch.tensor(values, dtype=torch.float64) / 255


def lab(srgb: torch.Tensor) -> torch.Tensor:
    """(N, 3) Oklab of (N, 3) sRGB."""
    return oklab(srgb.T[None, :, :, None])[0, :, :, 0].T


def apart(colours: tuple[str, ...], vision: str = "usual") -> torch.Tensor:
    """(N, N) Oklab distances between the colours, infinite from each to itself."""
    srgb = rgb(colours)
    light = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    light = (light @ torch.tensor(VISIONS[vision], dtype=torch.float64).T).clamp(0, 1)
    seen = lab(torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))
    return torch.cdist(seen, seen).fill_diagonal_(torch.inf)


def test_counts() -> None:
    assert {slug: len(known.names) for slug, known in CLASS_SETS.items()} == COUNTS
    assert all(str(COUNTS[slug]) in known.title(lang) for slug, known in CLASS_SETS.items() for lang in ("en", "zh"))


@pytest.mark.parametrize(("slug", "index", "en", "zh", "colour"), PLACES)
def test_order(slug: str, index: int, en: str, zh: str, colour: str) -> None:
    known = CLASS_SETS[slug]
    assert (known.names[index], known.colours[index]) == (Text(en, zh), colour)


def test_whole_orders() -> None:
    assert ", ".join(english("cityscapes")) == CITYSCAPES
    assert english("pascal-context-59") == sorted(english("pascal-context-59"), key=str.lower)
    assert english("coco-stuff")[80:] == sorted(english("coco-stuff")[80:], key=lambda name: name.replace(" ", ""))
    assert CLASS_SETS["pascal-context-60"].names[1:] == CLASS_SETS["pascal-context-59"].names
    assert CLASS_SETS["pascal-context-60"].colours[1:] == CLASS_SETS["pascal-context-59"].colours


@pytest.mark.parametrize("slug", COUNTS)
def test_names_and_colours(slug: str) -> None:
    known = CLASS_SETS[slug]
    for lang in ("en", "zh"):
        names = [name(lang) for name in known.names]
        assert sorted(set(names)) == sorted(names), "two classes of one name"
        assert all(name == name.strip() and "_" not in name for name in names)
        assert max(map(len, names)) <= LONGEST_NAME
    assert all(re.search("[\u4e00-\u9fff]", name.zh) for name in known.names)
    assert not any(re.search("[\u4e00-\u9fff]", name.en) for name in known.names)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in known.colours)


def test_one_class_a_line() -> None:
    text = Path(classes.__file__).with_name("classes.json").read_text("utf-8")
    rows = [row for rows in json.loads(text).values() for row in rows]
    assert [json.loads(line.strip().rstrip(",")) for line in text.splitlines() if line.startswith("    [")] == rows


@pytest.mark.parametrize("vision", VISIONS)
def test_the_streets_colours_can_be_told_apart(vision: str) -> None:
    """Laid half transparent over a photograph about half of the distance is left; the legend and the pointer name every class."""
    colours = CLASS_SETS["everyday"].colours
    assert apart(colours, vision).min() > (0.12 if vision == "usual" else 0.085)
    lightness = lab(rgb(colours))[:, 0].sort().values
    assert lightness.diff().min() > 0.05


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="1 names, but 2 colours"):
        ClassSet(Text("a", "一"), (Text("b", "二"),), ("#000000", "#ffffff"))


@pytest.mark.parametrize("slug", COUNTS)
def test_the_names_of_a_known_set(slug: str) -> None:
    assert classes_of(COUNTS[slug], english(slug)) is CLASS_SETS[slug]
    assert (
        classes_of(COUNTS[slug], [f" {name.upper()}".replace(" ", "_") for name in english(slug)]) is CLASS_SETS[slug]
    )


@pytest.mark.parametrize(
    ("slug", "published"),
    [
        ("ade20k", {"bed ", "crt screen"}),
        ("pascal-context-59", {"pottedplant", "tvmonitor"}),
        ("coco-stuff", {"tv", "playingfield", "waterdrops"}),
    ],
)
def test_published_spellings(slug: str, published: set[str]) -> None:
    """What mmsegmentation's own checkpoints carry where this project spells otherwise."""
    ours = {"".join(name.split()).replace("/", "").lower(): name for name in english(slug)}
    theirs = {ours["".join(name.split())]: name for name in published}
    assert classes_of(COUNTS[slug], [theirs.get(name, name) for name in english(slug)]) is CLASS_SETS[slug]


@pytest.mark.parametrize("slug", COUNTS)
def test_other_names_in_the_same_number(slug: str) -> None:
    """Not even the same names in another order are the set."""
    names = english(slug)[::-1]
    found = classes_of(len(names), names)
    assert [name.en for name in found.names] == [name.zh for name in found.names] == names
    assert found.title.en == f"{len(names)} classes named by the file"


@pytest.mark.parametrize("slug", [slug for slug in COUNTS if slug != "everyday"])
def test_a_known_count_is_a_guess_and_called_one(slug: str) -> None:
    found, known = classes_of(COUNTS[slug]), CLASS_SETS[slug]
    assert (found.names, found.colours) == (known.names, known.colours)
    assert found.title.en == f"{known.title.en} (guessed from their number)"
    assert found.title.zh == f"{known.title.zh}（按类别数推测）"


@pytest.mark.parametrize("count", [1, 2, 8, 20, 151])
def test_nothing_known(count: int) -> None:
    found = classes_of(count)
    assert found.names == tuple(Text(f"class {n}", f"第 {n} 类") for n in range(1, count + 1))
    assert found.title.en == ("1 class without names" if count == 1 else f"{count} classes without names")
    assert found == classes_of(count)


def test_strangers_names() -> None:
    given = ["猫", "", " \n\t", "a\nb", "x" * 99, "y" * 39 + " z", "\u202egnp", "{lang} <b>", "\ud800", "猫"]
    cut, number = "x" * LONGEST_NAME, (("class 2", "第 2 类"), ("class 3", "第 3 类"), ("class 9", "第 9 类"))
    shown = ["猫", number[0], number[1], "a b", cut, "y" * 39, "gnp", "{lang} <b>", number[2], "猫"]
    found = classes_of(len(given), given)
    assert found.names == tuple(Text(*name) if isinstance(name, tuple) else Text(name, name) for name in shown)
    assert len(set(found.colours)) == len(given)


@pytest.mark.parametrize(("count", "names"), [(2, ["a"]), (1, ["a", "b"]), (8, []), (150, ["wall"])])
def test_names_and_count_disagree(count: int, names: list[str]) -> None:
    with pytest.raises(ValueError, match=f"names {len(names)} class.*of {count}$"):
        classes_of(count, names)


@pytest.mark.parametrize("count", [1, 2, 16, 64, 300])
def test_generated_colours(count: int) -> None:
    colours = classes_of(count, [f"thing {i}" for i in range(count)]).colours
    assert colours == classes_of(count, [f"other {i}" for i in range(count)]).colours
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    assert len(set(colours)) == count
    distances = apart(colours)
    assert all(distances[i, j] > 0.15 for i, j in itertools.pairwise(range(count)))
    assert count > 16 or distances.min() > 0.06
    lightness = torch.tensor([classes._LIGHTNESSES[i % 5] for i in range(count)], dtype=torch.float64)
    assert (lab(rgb(colours))[:, 0] - lightness).abs().max() < 0.005


def test_imports_no_more_than_it_needs() -> None:
    tree = ast.walk(ast.parse(Path(classes.__file__).read_text("utf-8")))
    imports = [node for node in tree if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {getattr(node, "module", None) or alias.name for node in imports for alias in node.names}
    assert {name for name in modules if name.split(".")[0] not in sys.stdlib_module_names} == {
        "topformer_viz.words.plain",
        "topformer_viz.words.text",
    }
