"""Where axes go, and the geometry of the shape diagrams."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from typing import NamedTuple

import pytest

from topformer_viz.figures.diagrams import Link, links, shape_diagram
from topformer_viz.run.stages import OPERATIONS, axes_of, stage_of

SVG = "{http://www.w3.org/2000/svg}"
# lesson.css's font sizes, and about the mean width of a letter in em, of Latin and of Chinese text.
FONT_SIZE = {"sum": 12, "aside": 12, "op": 13, "name": 13, "edge-label": 12, "size": 13, None: 13}
LATIN, CHINESE = 0.57, 1.0


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 0.01 and down > 0.01

    def within(self, other: "Box") -> bool:
        return (
            self.left >= other.left
            and self.top >= other.top
            and self.right <= other.right
            and self.bottom <= other.bottom
        )


def number(element: ET.Element, name: str) -> float:
    return float(element.get(name, ""))


def rectangle(element: ET.Element) -> Box:
    x, y = number(element, "x"), number(element, "y")
    return Box(x, y, x + number(element, "width"), y + number(element, "height"))


def text_box(element: ET.Element) -> Box:
    size = FONT_SIZE[element.get("class")]
    width = size * sum(CHINESE if ord(letter) > 0x2E80 else LATIN for letter in element.text or "")
    left = number(element, "x") - width * {None: 0, "middle": 0.5, "end": 1}[element.get("text-anchor")]
    y = number(element, "y")
    return Box(left, y - 0.75 * size, left + width, y + 0.2 * size)


def sources_of(run, name: str) -> list[str]:
    """The traced tensors that ``name`` was made from."""
    block, _, short = name.rpartition(".")
    if short == "tokens" and block and block != "block0":
        return [f"block{int(block[5:]) - 1}.output"]
    if short == "tokens" and "pyramid0" not in run:
        return ["image"]
    found = []
    for source in stage_of(name).sources:
        places = (f"{block}.{source}", source.replace("{n}", name[-1]), f"block3.{source}")
        found.append(next(place for place in places if place in run))
    return found


def drawn(run, name: str, lang: str = "en", sizes: dict[str, int] | None = None) -> ET.Element:
    return ET.fromstring(shape_diagram(stage_of(name), name, sources_of(run, name), sizes or run.sizes, lang))


# Where axes go

QUERY_MAP, HEADS, MAP = ("B", "nh_kd", "H", "W"), ("B", "heads", "key_dim", "HW"), ("B", "C", "H", "W")


@pytest.mark.parametrize(
    ("operation", "before", "after", "expected"),
    [
        ("reshape", QUERY_MAP, HEADS, [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3)]),
        ("permute", HEADS, ("B", "heads", "HW", "key_dim"), [(0, 0), (1, 1), (2, 3), (3, 2)]),
        ("conv", MAP, QUERY_MAP, [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ("conv", ("B", "dh", "H", "W"), MAP, [(0, 0), (1, 1), (2, 2), (3, 3)]),
        (
            "reshape",
            ("B", "heads", "d", "HW"),
            ("B", "dh", "H", "W"),
            [(0, 0), (1, 1), (2, 1), (3, 2), (3, 3)],
        ),
        ("softmax", ("B", "heads", "HW", "HW"), ("B", "heads", "HW", "HW"), [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ("convolve", ("B", "RGB", "Y", "X"), ("B", "C2", "H2", "W2"), [(0, 0), (1, 1), (2, 2), (3, 3)]),
    ],
)
def test_links_of_one_tensor(
    operation: str, before: tuple[str, ...], after: tuple[str, ...], expected: list[tuple[int, int]]
) -> None:
    assert sorted((link.a, link.b) for link in links(operation, [before], after)) == expected


@pytest.mark.parametrize(
    ("left", "right", "result", "summed"),
    [
        ("B heads HW key_dim", "B heads key_dim HW", "B heads HW HW", "key_dim"),
        ("B heads HW HW", "B heads HW d", "B heads HW d", "HW"),
    ],
)
def test_a_matrix_product_sums_the_inner_axes(left: str, right: str, result: str, summed: str) -> None:
    before = [tuple(left.split()), tuple(right.split())]
    found = links("matmul", before, tuple(result.split()))
    assert {link for link in found if link.b is None} == {Link(0, 3, None), Link(1, 2, None)}
    assert before[0][3] == before[1][2] == summed
    kept = {link for link in found if link.b is not None}
    assert kept == {Link(0, 0, 0), Link(0, 1, 1), Link(1, 0, 0), Link(1, 1, 1), Link(0, 2, 2), Link(1, 3, 3)}


@pytest.mark.parametrize("operation", ["add", "pool"])
def test_links_of_several_tensors_lead_to_their_namesakes(operation: str) -> None:
    before = [("C0", "H0", "W0"), ("C1", "H1", "W1")] if operation == "pool" else [MAP, MAP]
    found = links(operation, before, MAP)
    shift = 1 if operation == "pool" else 0
    assert {(link.source, link.a, link.b) for link in found} == {
        (s, a, a + shift) for s, axes in enumerate(before) for a in range(len(axes))
    }


# Geometry


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_diagrams(case, lang: str) -> None:
    """In every diagram of a run: sound XML, all axes and sizes written, and everything in its place."""
    for name in case.run:
        svg = drawn(case.run, name, lang)
        stage, sources = stage_of(name), sources_of(case.run, name)
        paper = Box(0, 0, number(svg, "width"), number(svg, "height"))
        assert svg.get("viewBox") == f"0 0 {svg.get('width')} {svg.get('height')}"
        chips = [group for group in svg.iter(f"{SVG}g") if group.get("class") == "chip"]
        boxes = [rectangle(chip[0]) for chip in chips]
        written = [(chip[1].text, int(chip[2].text or "")) for chip in chips]

        assert len({box.left for box in boxes}) == len(stage.steps) + bool(sources), name
        assert [size for _, size in written[-case.run[name].ndim :]] == list(case.run[name].shape), name
        for source in sources:
            shown = axes_of(source)[1:] if len(sources) > 2 else axes_of(source)
            assert set(zip(shown, case.run[source].shape[-len(shown) :], strict=True)) <= set(written), name
        for step in stage.steps[:-1]:
            assert {(axis, case.run.sizes[axis]) for axis in step.axes.split()} <= set(written), name
        assert [axis for axis, _ in written[-case.run[name].ndim :]] == list(axes_of(name))
        assert all(case.run.sizes[axis] == size for axis, size in written), name

        for a, b in combinations(boxes, 2):
            assert not a.overlaps(b), name
        assert all(box.within(paper) for box in boxes), name
        for text in svg.iter(f"{SVG}text"):
            assert text_box(text).within(paper), (name, text.text)
        for chip, box in zip(chips, boxes, strict=True):
            axis, size = (text_box(text) for text in chip[1:])
            assert axis.within(box), (name, chip[1].text)
            assert size.within(box), (name, chip[2].text)
            assert not axis.overlaps(size), (name, chip[1].text, chip[2].text)
        for sheet in svg.iter(f"{SVG}rect"):
            assert rectangle(sheet).within(paper), name
            if sheet.get("class") == "sheet":
                assert not any(rectangle(sheet).overlaps(box) for box in boxes), name

        starts = {(box.right, (box.top + box.bottom) / 2) for box in boxes}
        ends = {(box.left, (box.top + box.bottom) / 2) for box in boxes}
        rings = {(number(ring, "cx"), number(ring, "cy")) for ring in svg.iter(f"{SVG}circle")}
        paths = [path for path in svg.iter(f"{SVG}path") if path.get("class") == "link"]
        for path in paths:
            points = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
            assert tuple(points[:2]) in starts, name
            assert tuple(points[-2:]) in ends | rings, name
        assert bool(rings) == (stage.steps[-1].operation == "matmul"), name
        assert bool(paths) == bool(sources), name


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_words_do_not_cover_chips(case, lang: str) -> None:
    for name in case.run:
        svg = drawn(case.run, name, lang)
        boxes = [rectangle(group[0]) for group in svg.iter(f"{SVG}g") if group.get("class") == "chip"]
        for text in svg.iter(f"{SVG}text"):
            if text.get("class") in ("op", "aside", "sum", "name", "edge-label"):
                covered = [box for box in boxes if box.overlaps(text_box(text))]
                assert not covered, (name, text.text)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_operation_is_written(case, lang: str) -> None:
    for name in case.run:
        stage = stage_of(name)
        if stage.sources:
            svg = drawn(case.run, name, lang)
            words = [text.text for text in svg.iter(f"{SVG}text") if text.get("class") == "op"]
            assert " ".join(words) == " ".join(OPERATIONS[step.operation](lang) for step in stage.steps)
            assert name.split(".")[-1] in [t.text for t in svg.iter(f"{SVG}text") if t.get("class") == "name"]
            assert name.split(".")[-1] in (svg.get("aria-label") or "")


def test_the_last_axes_cross_in_a_permute(tiny) -> None:
    """Two lines cross between reshape and permute: their ends stand in the other order than their starts."""
    svg = drawn(tiny.run, "block0.query")
    points = [[float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))] for path in svg.iter(f"{SVG}path")
              if path.get("class") == "link"]  # fmt: skip
    permuted = sorted((p[1], p[-1]) for p in points if p[0] == max(p[0] for p in points))
    assert [b[1] > a[1] for a, b in pairwise(permuted)] == [True, True, False]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_large_sizes_fit(tiny, lang: str) -> None:
    """The numbers of the largest picture that may be traced stay within their chips and the paper."""
    sizes = tiny.run.sizes | {"Y": 4864, "X": 4864, "H": 76, "W": 76, "HW": 5776, "H0": 1216, "W0": 1216}
    for name in tiny.run:
        svg = drawn(tiny.run, name, lang, sizes)
        paper = Box(0, 0, number(svg, "width"), number(svg, "height"))
        for text in svg.iter(f"{SVG}text"):
            assert text_box(text).within(paper), (name, text.text)
        for chip in (group for group in svg.iter(f"{SVG}g") if group.get("class") == "chip"):
            assert not text_box(chip[1]).overlaps(text_box(chip[2])), (name, chip[1].text)
