"""Figures as drawn: nothing cut off, overlapping or without a glyph, in every width, theme and language; files as promised."""

import io
import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from layout import boxes, meet
from matplotlib.figure import Figure
from PIL import Image

from topformer_viz import trace
from topformer_viz.figures import drawing
from topformer_viz.figures.attention import attention_panel, line, reading_panel, reading_row
from topformer_viz.figures.look import MAPS, THEMES, WIDTHS, Look
from topformer_viz.figures.overview import network_panel
from topformer_viz.figures.panel import Axis, Chart, Group, Panel, Scale, Series, Table, Tile
from topformer_viz.figures.scales import SCALES
from topformer_viz.figures.shades import coloured
from topformer_viz.figures.sheet import draw, save
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.figures.tables import BAR
from topformer_viz.figures.typeset import measured
from topformer_viz.network.model import TopFormer
from topformer_viz.words.numbers import on_scale


@pytest.fixture(scope="module")
def subject(tiny, colour) -> Callable[..., Subject]:
    """subject(lang, of="tiny"): a run of varied weights, or of the colour model, with its words."""

    def make(lang: str, of: str = "tiny") -> Subject:
        case, zh = (tiny if of == "tiny" else colour), lang == "zh"
        about = "TopFormer tiny，未训练，本图统计量" if zh else "TopFormer tiny, untrained, this picture's statistics"
        return Subject(case.run, case.model, case.photo, about, "街道" if zh else "Street", of == "tiny", lang)  # type: ignore[arg-type]

    return make


def tables(subject: Subject) -> Panel:
    """A table too wide for a column, with bars, a sum and headings."""
    zh = subject.lang == "zh"
    long = "去掉全部注意力之后改变类别的 token" if zh else "tokens that change class without any attention"
    rows = tuple((f"{long} {n}", f"{n * 1234:,}", f"{n / 7:.4f}", "−1.2e−5 … 0.334") for n in range(1, 6))
    columns = (
        ("部分", "参数量", "百万次乘加", "得分（无单位）")
        if zh
        else ("part", "parameters", "million multiply-adds", "scores (no unit)")
    )
    bars = tuple((n / 5, (6 - n) / 5, None) for n in range(1, 6))
    table = Table(columns, rows, "各部分" if zh else "By part", bars, (4,), {0: long, 3: long})
    return Panel("tables", long, subject.short(0), subject.caption([], 0), tables=(table,))


def charts(subject: Subject) -> Panel:
    """Two charts with long names, one of them with a second axis."""
    zh = subject.lang == "zh"
    x = tuple(float(n) for n in range(1, 20))
    name = "投影，实测，融合算子" if zh else "projections, measured, fused kernel"
    series = (
        Series("投影" if zh else "projections", "#0072b2", x, tuple(1e3 * n for n in x), "-"),
        Series("注意力" if zh else "attention", "#d55e00", x, tuple(50 * n**3 for n in x), "--"),
        Series(name, "#0072b2", x[::4], tuple(1e-2 * n for n in x[::4]), marker="o", hollow=True, right=True),
    )
    across = Axis(
        "边长，token（第二行：HW）" if zh else "side, tokens (second row: HW)",
        1,
        20,
        log=True,
        ticks={2.0: "2\n4", 10.0: "10\n1,000", 19.0: "19\n1,234,567"},
    )
    up, right = (
        Axis("乘加次数" if zh else "multiply-adds", 10, 1e6, log=True),
        Axis("毫秒" if zh else "ms", 1e-3, 1, log=True),
    )
    plane = Chart(series[:1], Axis("x", -1.1, 20.2), Axis("y", -1e3, 2.1e4), name, shape=1.0)
    return Panel(
        "charts",
        name,
        subject.short(0),
        subject.caption([], 0),
        charts=(Chart(series, across, up, name, right=right), plane),
    )


def cells(subject: Subject) -> Panel:
    """Tables of numbers with names on both sides, and some as large as their numbers need."""
    names = (
        ["天空", "建筑", "道路", "街道设施"]
        if subject.lang == "zh"
        else ["sky", "building", "road", "street furniture"]
    )
    values = np.array([[0.2, 1.0, 4.5, np.nan]] * 4)
    shown = (("0.20", "1.0", "4.5", "–"),) * 4
    ticks = {n + 0.5: name for n, name in enumerate(names)}
    scale = Scale(0.25, 4, "随机水平的倍数" if subject.lang == "zh" else "times chance", log=True)
    tile = Tile(
        values,
        0.7,
        scale,
        "1",
        "在读的" if subject.lang == "zh" else "reads",
        "被读的" if subject.lang == "zh" else "is read",
        (ticks, ticks),
        numbers=shown,
        named=True,
    )
    small = Tile(values[:2, :3], 0.5, Scale(-1, 1, ""), "h 0", numbers=tuple(row[:3] for row in shown[:2]))
    groups = (Group((tile,) * 3, names[3]), Group((small,) * 8, names[3], natural=True))
    return Panel(
        "cells",
        names[3],
        subject.short(0),
        subject.caption([], 0),
        groups=groups,
        legend=tuple((name, "#4a90c4") for name in names),
    )


def scales(subject: Subject) -> Panel:
    """Groups whose tiles have scales of their own, with bars below them."""
    values = np.linspace(-0.00123, 1, 12).reshape(3, 4)
    zh = subject.lang == "zh"
    size, apart = (
        Scale(0, 1, "均方根（无单位）" if zh else "root mean square (no unit)", root=True),
        Scale(-0.00123, 0.001, "差" if zh else "difference"),
    )
    tiles = tuple(
        Tile(values, 0.7, scale, "size of the difference" if not zh else "差的大小") for scale in (size, size, apart)
    )
    return Panel("scales", "S", subject.short(0, 1), subject.caption([], 0, 1), groups=(Group(tiles, "A" * 20, 3),) * 4)


KINDS: dict[str, Callable[[Subject], Panel]] = {
    "image": lambda s: stage_panel(s, 0, "image"),
    "pyramid": lambda s: stage_panel(s, 0, "pyramid"),
    "tokens": lambda s: stage_panel(s, 0, "tokens"),
    "value_map": lambda s: stage_panel(s, 1, "value_map", 2),
    "query": lambda s: stage_panel(s, 0, "query"),
    "key": lambda s: stage_panel(s, 0, "key", 1),
    "weights": lambda s: stage_panel(s, 3, "weights"),
    "mixed": lambda s: stage_panel(s, 0, "mixed", 3),
    "shape": lambda s: shape_panel(s, 0, "scores"),
    "attention": lambda s: attention_panel(s, 0, 4),
    "region": lambda s: attention_panel(s, 1, 0, to=4, mode="column", colour="log"),
    "one scale": lambda s: attention_panel(s, 1, 0, colour="linear", scale="all"),
    "reading": lambda s: reading_panel(s, 0, 2, 4),
    "row": lambda s: reading_row(s, 1, 0, to=4),
    "colour row": lambda s: reading_row(s, 0, 3, values="scores", scale="all"),
    "scores": lambda s: attention_panel(s, 1, 3, values="scores"),
    "tables": tables, "charts": charts, "cells": cells, "scales": scales,
    "colour tokens": lambda s: stage_panel(s, 0, "tokens"),
    "colour weights": lambda s: stage_panel(s, 0, "weights", 2),
}  # fmt: skip
# Every kind in every width; languages and themes take turns, so that each meets each width.
LOOKS = [
    pytest.param(kind, width, tuple(THEMES)[(n + w) % 3], ("en", "zh")[(n + w) % 2], id=f"{kind}, {width}")
    for (n, kind), (w, width) in itertools.product(enumerate(KINDS), enumerate(WIDTHS))
]


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """As files are written."""
    with drawing.drawing():
        yield


@pytest.mark.parametrize(("kind", "width", "theme", "lang"), LOOKS)
def test_words_have_their_place(subject, kind: str, width: str, theme: str, lang: str) -> None:
    panel = KINDS[kind](subject(lang, "colour" if kind.startswith("colour") else "tiny"))
    figure = draw(panel, Look(width, theme))
    wide, high = figure.get_size_inches()
    assert wide == WIDTHS[width].inches and high <= WIDTHS[width].most + 1e-6
    found = boxes(figure)
    assert len(found) > 3
    edge = figure.bbox
    for text, (left, low, right, top) in found:
        assert left >= 0 and low >= 0 and right <= edge.x1 and top <= edge.y1, f"cut off: {text!r}"
    for (one, a), (other, b) in itertools.combinations(found, 2):
        assert not meet(a, b), f"{one!r} lies over {other!r}"
    inside = {number for group in panel.groups for tile in group.tiles for row in tile.numbers for number in row}
    pictures = [image.get_window_extent().extents for image in figure.axes[0].images]
    for text, box in found:
        if text not in inside and not panel.diagram:
            assert not any(meet(box, tuple(picture)) for picture in pictures), f"{text!r} lies on a picture"
    for text in figure.axes[0].texts:
        weight = str(text.get_fontproperties().get_weight())
        missing = {
            c for c in text.get_text() if not (drawing.has(drawing.LATIN, c, weight) or drawing.has(drawing.CHINESE, c))
        }
        assert not missing, f"no glyph for {missing} in {text.get_text()!r}"


def test_bare_has_neither_title_nor_caption(subject) -> None:
    panel = KINDS["attention"](subject("en"))
    said, bare = ({text for text, _ in boxes(draw(panel, Look(bare=b)))} for b in (False, True))
    assert panel.title in said and panel.about in said
    assert bare < said and panel.title not in bare and not any(text in panel.caption for text in bare if len(text) > 12)


@pytest.mark.parametrize("kind", ["weights", "charts"])
def test_vector_files_hold_words(subject, kind: str) -> None:
    panel = KINDS[kind](subject("zh"))
    svg = save(panel, "svg", Look("column"))
    assert svg == save(KINDS[kind](subject("zh")), "svg", Look("column"))
    words = "".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode()))
    assert "未训练" in words and "图像像素" in words
    assert b"@font-face" in svg and b"font/woff" in svg
    pdf = save(panel, "pdf", Look("column"))
    assert pdf.startswith(b"%PDF") and b"/Type3" not in pdf and b"/FontFile2" in pdf and b"/ToUnicode" in pdf


def test_only_what_is_bold_brings_the_bold_face(subject) -> None:
    faces = [
        save(KINDS["weights"](subject("en")), "svg", Look(bare=bare)).count(b"@font-face") for bare in (False, True)
    ]
    assert faces == [2, 1]


def test_a_dollar_is_as_wide_as_a_digit() -> None:
    assert measured("$", 10) == pytest.approx(measured("0", 10))


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_png_has_the_dots_it_promises(subject, scale: int) -> None:
    panel = KINDS["key"](subject("en"))
    with Image.open(io.BytesIO(save(panel, "png", Look("column"), scale))) as picture:
        assert picture.width == round(3.5 * 96 * scale)


def test_paper(subject) -> None:
    panel = KINDS["key"](subject("en"))
    corners = {}
    for theme in THEMES:
        with Image.open(io.BytesIO(save(panel, "png", Look("column", theme)))) as picture:
            corners[theme] = picture.convert("RGBA").getpixel((0, 0))
    assert corners["white"] == (255, 255, 255, 255)
    assert corners["dark"] == (*bytes.fromhex(THEMES["dark"].paper[1:]), 255)  # type: ignore[index]
    assert corners["transparent"][3] == 0  # type: ignore[index]


# What is drawn is what ran


@pytest.mark.parametrize(("stage", "head", "name"), [("weights", 1, "viridis"), ("scores", 1, "RdBu_r")])
def test_a_matrix_can_be_read_back(subject, tiny, stage: str, head: int, name: str) -> None:
    own = tiny.run[f"block0.{stage}"][0, head].numpy()
    panel = stage_panel(subject("en"), 0, stage, head)
    (tile,) = panel.groups[0].tiles
    assert np.array_equal(tile.values, own)
    low, high = tiny.run[f"block0.{stage}"][0, head].aminmax() if stage == "scores" else (torch.tensor(0.0), own.max())
    scale = tile.scale
    assert scale is not None and scale.low <= float(low) + 1e-6 and scale.high >= float(high) - 1e-6
    assert scale.root == (stage == "weights")
    drawn = np.asarray(draw(panel, Look()).axes[0].images[0].get_array())
    rows, cols = own.shape
    at = [((np.arange(n) + 0.5) * side / n).astype(int) for n, side in ((rows, drawn.shape[0]), (cols, drawn.shape[1]))]
    colours = drawn[np.ix_(*at)][..., :3].astype(int)
    table = (matplotlib.colormaps[name](np.linspace(0, 1, 256), bytes=True)[:, :3]).astype(int)
    place = np.abs(colours[..., None, :] - table).sum(-1).argmin(-1) / 255
    bottom, top = scale.ends
    assert np.abs(bottom + (place**2 if scale.root else place) * (top - bottom) - own).max() <= (top - bottom) / 128


def test_a_colour_bar_says_its_ends(subject, tiny) -> None:
    tensor = tiny.run["block0.query"]
    panel = stage_panel(subject("en"), 0, "query")
    scale = panel.groups[0].tiles[0].scale
    assert scale is not None and (scale.low, scale.high) == (float(tensor.min()), float(tensor.max()))
    end = max(-scale.low, scale.high)
    said = {text for text, _ in boxes(draw(panel, Look()))}
    assert {on_scale(-end, end), "0", on_scale(end, end)} <= said


def test_attention_is_the_run_s_own(subject, tiny) -> None:
    weights = tiny.run["block1.weights"][0]
    grid = (tiny.run.sizes["H"], tiny.run.sizes["W"])
    row, column = (attention_panel(subject("en"), 1, 4, mode=mode) for mode in ("row", "column"))
    for h in range(4):
        assert np.allclose(row.groups[0].tiles[1 + h].values, weights[h, 4].reshape(grid))
        assert np.allclose(column.groups[0].tiles[1 + h].values, weights[h, :, 4].reshape(grid))
    part = attention_panel(subject("en"), 1, 0, to=4)
    assert np.allclose(part.groups[0].tiles[5].values, weights[:, [0, 1, 3, 4]].mean((0, 1)).reshape(grid))
    assert len({panel.name for panel in (row, column, part)}) == 3


def test_a_map_goes_up_to_its_own_maximum_unless_one_scale_is_asked_for(subject, tiny) -> None:
    weights = tiny.run["block1.weights"][0, :, 4]
    own, shared = (reading_row(subject("en"), 1, 4, scale=scale) for scale in SCALES)
    ends = [[tile.scale.high for tile in panel.groups[0].tiles] for panel in (own, shared)]  # type: ignore[union-attr]
    assert ends[0] == pytest.approx(weights.amax(-1).tolist()) and ends[1] == pytest.approx([float(weights.max())] * 4)
    said = [[text for text, _ in boxes(draw(panel, Look()))] for panel in (own, shared)]
    for high in ends[0]:  # in numbers, under its own map
        assert on_scale(high, high) in said[0]
    assert said[0].count("0") == 4 and said[1].count("0") == 1
    assert "maximum that stands beside it" in own.caption and "One colour scale for all maps" in shared.caption


def test_one_panel_shows_one_head_over_the_photograph(subject, tiny) -> None:
    panel = reading_panel(subject("en"), 1, 2, 4)
    (tile,) = panel.groups[0].tiles
    grid = subject("en").grid
    assert np.allclose(tile.values, tiny.run["block1.weights"][0, 2, 4].reshape(grid))
    assert tile.under is not None and tile.marks == (divmod(4, grid[1]),) and tile.scale is not None
    assert (
        panel.title == "What token 5 (row 2, column 2) reads: head 3"
        and panel.name == "block2-head3-token5-row-weights"
    )
    mean = reading_panel(subject("zh"), 1, None, 4, colour="log", mode="column")
    expected = line(tiny.run, 1, None, [4], "column", "weights").reshape(grid)
    assert np.allclose(mean.groups[0].tiles[0].values, expected)
    assert (
        mean.title == "谁读 token 5（第 2 行第 2 列）：各头平均"
        and mean.name == "block2-mean-token5-column-weights-log"
    )
    row = reading_row(subject("en"), 1, 4)
    assert row.groups[0].across == len(row.groups[0].tiles) == 4


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 0.8, "w", root=True), {0.0: "0", math.sqrt(0.5): "0.4", 1.0: "0.8"}),
        (Scale(0, 0.8, "w"), {0.0: "0", 0.5: "0.4", 1.0: "0.8"}),
        (Scale(-1, 1, "w"), {0.0: "−1", 0.5: "0", 1.0: "1"}),
    ],
)
def test_a_bar_s_numbers_stand_where_their_colours_are(scale: Scale, ticks: dict[float, str]) -> None:
    tile = Tile(np.zeros((2, 2)), 1.0, scale)
    figure = draw(Panel("bar", "", "", "", groups=(Group((tile,)),)), Look(bare=True))
    (strip,) = [image for image in figure.axes[0].images if image.get_array().shape[0] < 100]
    left, right, *_ = strip.get_extent()
    placed = {text.get_text(): (text.get_position()[0] - left) / (right - left) for text in figure.axes[0].texts}
    assert {said: placed[said] for said in ticks.values()} == pytest.approx({said: at for at, said in ticks.items()})
    drawn = np.asarray(strip.get_array())
    at = drawn[drawn.shape[0] // 2, [min(int(place * drawn.shape[1]), drawn.shape[1] - 1) for place in ticks]]
    numbers = np.array([float(said.replace("−", "-")) for said in ticks.values()])
    assert np.abs(at.astype(int) - coloured(numbers, scale).astype(int)).max() <= 6


def lines(figure: Figure, **style: Any) -> list[Any]:
    return [line for line in figure.axes[0].lines if all(getattr(line, f"get_{k}")() == v for k, v in style.items())]


def test_a_chart_s_points_lie_where_its_axes_say(subject) -> None:
    figure = draw(charts(subject("en")), Look())
    (dashed,) = [line for line in lines(figure, color="#d55e00") if len(line.get_xdata()) > 2]
    x, y = np.asarray(dashed.get_xdata()), np.asarray(dashed.get_ydata())
    # Both axes are logarithmic: a cube is a straight line, 3 decades up for each across, at the frame's own shape.
    across, up = (x[-1] - x[0]) / math.log10(19), -(y[-1] - y[0]) / math.log10(19**3)
    assert np.allclose(np.diff(y) / np.diff(x), (y[-1] - y[0]) / (x[-1] - x[0]))
    assert across * math.log10(20) * 0.62 == pytest.approx(up * math.log10(1e5), rel=1e-6)


def test_a_table_s_bars_are_as_long_as_their_numbers(subject) -> None:
    figure = draw(tables(subject("en")), Look())
    bars = [p for p in figure.axes[0].patches if p.get_facecolor() == matplotlib.colors.to_rgba(BAR)]
    wide = [bar.get_width() for bar in bars]  # type: ignore[attr-defined]
    assert len(wide) == 10 and np.allclose(np.array(wide[::2]) / wide[8], np.arange(1, 6) / 5)


@pytest.mark.parametrize(
    ("value", "scale", "name", "place"),
    [
        (0.25, Scale(0, 1, "", root=True), "viridis", 0.5),
        (0.01, Scale(1e-4, 1, "", log=True), "viridis", 0.5),
        (0.0, Scale(1e-4, 1, "", log=True), "viridis", 0.0),
        (1.0, Scale(0.25, 4, "", log=True), "RdBu_r", 0.5),
        (9.0, Scale(0.25, 4, "", log=True), "RdBu_r", 1.0),
        (0.0, Scale(-1, 3, ""), "RdBu_r", 0.5),
        (0.0, Scale(0, 0, "", centred=True), "RdBu_r", 0.5),
    ],
)
def test_colours_are_those_of_the_scale(value: float, scale: Scale, name: str, place: float) -> None:
    drawn = coloured(np.array([[value]]), scale)[0, 0].astype(int)
    assert np.abs(drawn - np.array(matplotlib.colormaps[name](place, bytes=True)).astype(int)).max() <= 4


@pytest.mark.parametrize("name", MAPS)
def test_the_map_that_is_chosen_colours_tiles_and_bar(subject, name: str) -> None:
    figure = draw(reading_panel(subject("en"), 0, 1, 4), Look("column", map=name))
    tile, strip = figure.axes[0].images[-2:]
    table = {tuple(shade) for shade in matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3].tolist()}
    for image in (tile, strip):
        assert {tuple(colour) for colour in np.asarray(image.get_array())[..., :3].reshape(-1, 3).tolist()} <= table
    signed = draw(stage_panel(subject("en"), 0, "query"), Look("column", map=name)).axes[0].images[0].get_array()
    usual = draw(stage_panel(subject("en"), 0, "query"), Look("column")).axes[0].images[0].get_array()
    assert np.array_equal(np.asarray(signed), np.asarray(usual))


def test_the_bar_of_no_difference_says_0_in_its_middle() -> None:
    tile = Tile(np.zeros((2, 2)), 1.0, Scale(0, 0, "difference", centred=True))
    figure = draw(Panel("nothing", "", "", "", groups=(Group((tile,)),)), Look(bare=True))
    (ramp,) = [image.get_extent() for image in figure.axes[0].images if image.get_array().shape[0] < 100]
    (zero,) = [text for text in figure.axes[0].texts if text.get_text() == "0"]
    assert zero.get_position()[0] == pytest.approx((ramp[0] + ramp[1]) / 2)


@pytest.mark.parametrize("classes", [None, 19])
def test_only_a_network_that_injects_drops_a_level(
    varied: Callable[..., TopFormer], photo, classes: int | None
) -> None:
    model, picture = varied("tiny", classes), photo(128, 192)
    panel = network_panel(Subject(trace(model, picture), model, picture, "", "", False, "en"))
    assert ("is dropped" in panel.caption) == (classes is not None)


def test_scores_of_both_signs_have_their_0_in_one_colour_in_every_head(subject, tiny) -> None:
    scores = tiny.run["block0.scores"][0]
    assert bool((scores[0] < 0).all()) and float(scores.min()) < 0 < float(scores.max())
    scales = [tile.scale for tile in stage_panel(subject("en"), 0, "scores").groups[0].tiles]
    assert all(scale is not None and scale.signed for scale in scales)
    assert [scale.high for scale in scales if scale] == pytest.approx(scores.abs().amax((1, 2)).tolist())
