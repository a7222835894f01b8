"""What each page offers to save: its panels follow the address, survive nonsense, and hold the numbers of the run."""

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import streamlit as st
import torch.nn.functional as F
from layout import boxes, meet
from PIL import Image

from topformer_viz.app.canvas.lens import LENS_WORDS
from topformer_viz.app.frame import address
from topformer_viz.app.frame.compute import Computed
from topformer_viz.app.frame.page import possible
from topformer_viz.app.frame.view import Outline, View
from topformer_viz.app.heads import figures as heads
from topformer_viz.app.lab.basics import figures as basics
from topformer_viz.app.lab.by_hand.payload import example_of
from topformer_viz.app.lab.what_if import figures as changes
from topformer_viz.app.starts.readings import all_readings
from topformer_viz.figures import drawing, look
from topformer_viz.figures.look import Look
from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.scales import COLOURS
from topformer_viz.figures.sheet import draw
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.figures.subject import class_picture
from topformer_viz.network.choices import FACTS, MODELS
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.facts import FILE
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.samples import open_sample
from topformer_viz.network.weights import load_model
from topformer_viz.run.tracing import trace
from topformer_viz.run.walk import Known, walk
from topformer_viz.run.whole import Seen
from topformer_viz.study.cost import PUBLISHED, side
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.numbers import times

PAGES = {
    "door": "door", "explorer": "explorer", "network": "network", "heads": "heads", "starts": "starts", "what-if": "lab.what_if",
    "basics": "lab.basics", "by-hand": "lab.by_hand", "covariance": "lab.covariance", "cost": "lab.cost",
    "relatives": "lab.relatives",
}  # fmt: skip
ABOUT_THE_RUN = ("door", "explorer", "network", "what-if", "covariance", "relatives")
NONSENSE = dict.fromkeys(("block", "head", "query", "to", "pinned", "mode", "values", "colour", "scale", "with", "removal", "part", "network", "row", "column", "draw", "scaled", "temperature", "over", "unpermuted", "activation", "ratio", "heads", "key_dim", "tokens", "question", "token", "seed", "cost", "cost_c", "cost_heads"), "九-∞")  # fmt: skip


@cache
def view(name: str, lang: str) -> View:
    """The street through a model, at half the app's size."""
    choice = MODELS[name]
    model, picture = load_model(choice.source), open_sample("street")
    photo = picture.resize(network_size(*picture.size, 256, 96), Image.Resampling.LANCZOS)
    if choice.batch_statistics:
        model = with_batch_statistics(model, to_tensor(photo))
    facts = FACTS if name == "everyday" else None
    link = {"sample": "street", "model": name}
    run = trace(model, photo)
    computed, outline = Computed(model, run, photo), Outline(run, Known.of(run, model), tuple(walk(run, 0)), False, 0)
    return View(
        lang, facts, name == "tiny-batch", link, (photo.size, name, photo.size, 8), "街道" if lang == "zh" else "Street",  # type: ignore[arg-type]
        "", choice.name(lang), outline, lambda: computed, st.empty(),
    )  # fmt: skip


def panels(page: str, name: str, lang: str, **asked: str) -> dict[str, Panel]:
    return made(page, view(name, lang), asked)


def made(page: str, view: View, said: Mapping[str, str]) -> dict[str, Panel]:
    """The panels of a page whose address says so much."""
    controls, figures = (import_module(f"topformer_viz.app.{PAGES[page]}.{part}") for part in ("page", "figures"))
    asked = address.complete(said, possible(view, controls.takes(view, said)))
    return {offer.name: offer.make(asked) for offer in figures.figures(view)}


def words(panel: Panel) -> Iterator[str]:
    """Every word of a panel."""
    yield from (panel.title, panel.about, panel.caption, *(name for name, _ in panel.legend))
    for group in panel.groups:
        yield group.title
        for tile in group.tiles:
            yield from (tile.title, tile.down, tile.across, tile.scale.quantity if tile.scale else "")
    for chart in panel.charts:
        yield from (chart.title, chart.across.name, chart.up.name, *(series.name for series in chart.series))
    for table in panel.tables:
        yield from (table.title, *table.columns, *table.parts.values(), *(cell for row in table.rows for cell in row))


@pytest.mark.parametrize(
    ("name", "lang"), [("everyday", "en"), ("everyday", "zh"), ("colour", "en"), ("tiny-batch", "zh")]
)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_figures(page: str, name: str, lang: str) -> None:
    made = panels(page, name, lang)
    assert made or (page, name) == ("network", "colour")
    if page != "starts" or lang == "en":
        odd = panels(page, name, lang, **NONSENSE)
        assert {offer: panel.name for offer, panel in odd.items()} == {offer: p.name for offer, p in made.items()}
    for panel in made.values():
        assert panel.title and panel.about and len(panel.caption) > 40
        assert re.fullmatch(r"[a-z0-9._-]+", panel.name), panel.name
        assert panel.groups or panel.charts or panel.tables or panel.diagram
        chinese = re.search(r"[\u4e00-\u9fff]", " ".join(words(panel)))
        assert bool(chinese) == (lang == "zh"), chinese
        for text in words(panel):
            assert not re.search(r"\*\*|`|<\w|\{\w", text), text
            bundled = (drawing.LATIN, drawing.CHINESE)
            assert not {c for c in text if drawing.family_of(c) not in bundled and c != "\n"}, text
        if page in ABOUT_THE_RUN and name == "tiny-batch":
            assert NOT_EVIDENCE("zh") in panel.caption
    assert len({panel.name for panel in made.values()}) == len(made) or page == "network"


DRAWN = [
    ("explorer", "reading", "column", "zh"), ("explorer", "row", "column", "en"), ("explorer", "measures", "column", "zh"), ("explorer", "similarity", "column", "zh"), ("explorer", "removal", "slide", "en"), ("explorer", "against", "page", "zh"),
    ("network", "segmentation", "column", "en"), ("network", "lens", "page", "zh"), ("network", "network", "page", "zh"), ("network", "costs", "slide", "zh"), ("heads", "beside", "column", "en"),
    ("heads", "block", "slide", "zh"), ("heads", "block", "column", "en"), ("heads", "head", "slide", "en"), ("starts", "matrices", "slide", "en"), ("starts", "numbers", "column", "zh"),
    ("what-if", "pictures", "column", "en"), ("what-if", "numbers", "slide", "zh"), ("by-hand", "output", "column", "zh"),
    ("covariance", "eigenvalues", "column", "en"), ("covariance", "tables", "column", "zh"), ("cost", "memory", "column", "zh"),
    ("relatives", "numbers", "column", "en"), ("relatives", "weights", "slide", "zh"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "offer", "width", "lang"), DRAWN)
def test_nothing_is_cut_off_or_overlaps(page: str, offer: str, width: str, lang: str) -> None:
    with drawing.drawing():
        figure = draw(panels(page, "everyday", lang)[offer], Look(width, "dark"))
        found = boxes(figure)
    assert figure.get_size_inches()[1] <= look.WIDTHS[width].most + 1e-6
    for n, (text, box) in enumerate(found):
        assert box[0] >= 0 and box[1] >= 0 and box[2] <= figure.bbox.x1 and box[3] <= figure.bbox.y1, (
            f"cut off: {text!r}"
        )
        for other, place in found[:n]:
            assert not meet(box, place), f"{text!r} lies over {other!r}"


@pytest.mark.parametrize(("name", "lang"), [("everyday", "en"), ("colour", "zh")])
def test_no_type_is_too_small_for_print_in_one_column(name: str, lang: str) -> None:
    subject = view(name, lang).subject
    made = [panel for page in PAGES for panel in panels(page, name, lang).values()]
    made += [show(subject, 0, stage) for stage in walk(subject.run, 0) for show in (stage_panel, shape_panel)]
    for panel in (*made, overview_panel(subject, 0)):
        figure = draw(panel, Look("column"))
        sizes = {text.get_text(): text.get_fontproperties().get_size_in_points() for text in figure.axes[0].texts}
        assert min(sizes.values()) >= 6.5 - 1e-9, (panel.name, min(sizes, key=sizes.__getitem__))
        assert figure.get_size_inches()[1] <= look.WIDTHS["column"].most + 1e-6, panel.name


# They follow the address, and their numbers are the run's


def test_the_explorer_s_follow_the_view() -> None:
    run = view("everyday", "en").run
    grid, weights, scores = (run.sizes["H"], run.sizes["W"]), run["block2.weights"][0], run["block2.scores"][0]
    made = panels(
        "explorer", "everyday", "en", block="3", head="2", query="5", mode="column", values="scores", scale="all"
    )
    assert np.allclose(made["attention"].groups[0].tiles[2].values, scores[1, :, 4].reshape(grid))
    assert np.array_equal(made["matrix"].groups[0].tiles[0].values, scores[1])
    assert np.allclose(made["reading"].groups[0].tiles[0].values, scores[1, :, 4].reshape(grid))
    assert len({tile.scale for tile in made["row"].groups[0].tiles}) == 1
    pinned = panels("explorer", "everyday", "en", block="3", head="2", query="5", pinned="9", **{"with": "query"})
    a, b, difference = (tile.values for tile in pinned["against"].groups[0].tiles)
    assert np.allclose(a, weights[1, 4].reshape(grid)) and np.allclose(b, weights[1, 8].reshape(grid))
    assert np.allclose(difference, a - b)
    other = panels("explorer", "everyday", "en", block="3", head="mean", query="5", **{"with": "block-1"})["against"]
    assert np.allclose(other.groups[0].tiles[1].values, run["block0.weights"][0, :, 4].mean(0).reshape(grid))
    mean = panels("explorer", "everyday", "en", block="3", head="2", query="5")["against"]
    assert np.allclose(mean.groups[0].tiles[1].values, weights[:, 4].mean(0).reshape(grid))
    names = {panel["against"].name for panel in (made, pinned)} | {other.name}
    assert len(names) == 3
    titles = [panel.title for panel in (made["against"], pinned["against"], other)]
    assert titles == [
        "Head 2 of block 3 beside mean of the heads of block 3",
        "Token 5 in head 2 of block 3 beside token 9 in head 2 of block 3",
        "Mean of the heads of block 3 beside mean of the heads of block 1",
    ]


@pytest.mark.parametrize("colour", COLOURS)
def test_the_explorer_s_maps_are_coloured_as_the_address_says(colour: str) -> None:
    made = panels("explorer", "everyday", "en", block="3", head="2", query="5", colour=colour)
    for name in ("reading", "row", "attention", "matrix", "against", "similarity"):
        scales = [tile.scale for tile in made[name].groups[0].tiles if tile.scale and not tile.scale.centred]
        assert scales and all((s.root, s.log) == (colour == "root", colour == "log") for s in scales if not s.signed)
        assert {"root": "square root", "linear": "in proportion", "log": "logarithm"}[colour] in made[name].caption


@pytest.mark.parametrize(("name", "leaves"), [("everyday", "block0.output"), ("colour", "block0.residual")])
def test_likeness_stands_on_both_sides_of_what_is_read(name: str, leaves: str) -> None:
    run = view(name, "en").run
    ends = [run[end][0].flatten(1).T.double() for end in ("block0.tokens", leaves)]
    likeness = [F.cosine_similarity(tokens[4], tokens, dim=-1).numpy() for tokens in ends]
    for mode, own in (("row", run["block0.weights"][0, 1, 4]), ("column", run["block0.weights"][0, 1, :, 4])):
        panel = panels("explorer", name, "en", block="1", head="2", query="5", mode=mode)["similarity"]
        tiles = panel.groups[0].tiles
        for tile, expected in zip(tiles, (likeness[0], own.numpy(), likeness[1]), strict=True):
            assert np.allclose(tile.values.ravel(), expected, atol=1e-6)
        assert [tile.scale.ends for tile in (tiles[0], tiles[2])] == [(-1, 1)] * 2  # type: ignore[union-attr]
        others = [j for j in np.argsort(-likeness[0], kind="stable") if j != 4]
        first = others[: math.ceil(len(own) / 10)]
        share = float(own[first].sum() / own.sum())
        assert f"{share:.1%} " in panel.caption and f"{len(first) / len(own):.1%} there" in panel.caption


def test_a_removal_is_the_one_asked_for() -> None:
    without, only = (
        panels("explorer", "everyday", "en", block="4", head="1", removal=removal)["removal"]
        for removal in ("without-3", "only-3")
    )
    assert "head 3" in without.title and "alone" in only.title and without.name != only.name
    assert without.groups[0].tiles[0].scale.high != only.groups[0].tiles[0].scale.high  # type: ignore[union-attr]
    assert len(without.groups[0].tiles) == 4 and without.legend


def test_the_network_s_part_is_the_open_one() -> None:
    asked = ("image", "pyramid0", "tokens", "block2", "split", "injected1", "class_scores", "segmentation")
    made = {part: panels("network", "everyday", "en", part=part)["part"] for part in asked}
    assert len({panel.name for panel in made.values()}) == len(asked)
    run = view("everyday", "en").run
    mean = made["block2"].groups[0].tiles[0].values
    assert np.allclose(mean, run["block1.weights"][0].mean(0), atol=1e-6)
    costs = panels("network", "everyday", "en")["costs"].tables[0]
    *parts, total = (int(row[1].replace(",", "")) for row in costs.rows)
    assert sum(parts) == total


def test_the_segmentation_s_colours_are_its_classes() -> None:
    panel = panels("network", "everyday", "en")["segmentation"]
    colours = {tuple(bytes.fromhex(colour[1:])) for _, colour in panel.legend}
    drawn = {tuple(colour) for colour in panel.groups[0].tiles[1].values.reshape(-1, 3).tolist()}
    assert drawn == colours


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_lens_says_what_each_block_changes(lang: str) -> None:
    panel, seen = (
        panels("network", "everyday", lang)["lens"],
        Seen(view("everyday", lang).run, view("everyday", lang).model),
    )
    tiles = panel.groups[0].tiles
    assert len(tiles) == 5 and len({tile.title for tile in tiles}) == 5
    names = CLASS_SETS["everyday"]
    assert all(np.array_equal(t.values, class_picture(own, names)) for t, own in zip(tiles, seen.lens, strict=True))
    drawn = {tuple(colour) for tile in tiles for colour in tile.values.reshape(-1, 3).tolist()}
    assert drawn == {tuple(bytes.fromhex(colour[1:])) for _, colour in panel.legend}
    for n in range(4):
        told = seen[f"lens block{n}"]
        first = told["classes"][0]
        shares = {part: f"{first[part]:.1%}" for part in ("before", "after")}
        assert f"{told['share']:.1%}" in panel.caption
        assert LENS_WORDS["lens_class"](lang, name=names.names[first["class"]](lang), **shares) in panel.caption


def test_the_heads_table_is_the_page_s() -> None:
    found = heads.loaded(FILE)
    own = panels("heads", "everyday", "en", network="trained", block="3", head="2")["head"].groups[0].tiles[0]
    ratio = found.networks["trained"].heads[2][1].ratio
    assert own.numbers[0][0] == times(ratio[0][0].value)  # type: ignore[union-attr]
    built = panels("heads", "everyday", "en", network="built", block="3", head="2")
    assert NOT_EVIDENCE("en") in built["head"].caption and built["head"].name != built["block"].name


def test_starts_follow_the_view() -> None:
    made = panels("starts", "everyday", "en", block="2", head="3", row="1", column="2", draw="2", scale="each")
    runs = all_readings(view("everyday", "en"), 2)
    matrix = runs["trained", "stored"][1].matrix(3)
    assert np.array_equal(made["matrices"].groups[0].tiles[2].values, matrix)
    assert made["maps"].groups[1].tiles[2].marks == ((0, 1),)
    assert NOT_EVIDENCE("en") in made["maps"].caption and "Random seed 2" in made["matrices"].caption
    assert "random" in made["matrices"].groups[0].tiles[0].title


def test_what_if_shows_what_changed() -> None:
    same = panels("what-if", "everyday", "en")["pictures"]
    for group in same.groups:
        assert not np.nan_to_num(group.tiles[2].values).any()
    scaled = panels("what-if", "everyday", "en", block="2", head="3", scaled="true", tokens="shuffled")["pictures"]
    before, after, difference = (tile.values for tile in scaled.groups[0].tiles)
    run = view("everyday", "en").run
    assert np.array_equal(before, run["block1.weights"][0, 2])
    done = changes.changed(view("everyday", "en"), 1, changes.Setting(scaled=True, tokens="shuffled"))
    assert np.allclose(after, done.after["weights"][0, 2])
    assert np.allclose(difference, done.back("weights")[0, 2] - run["block1.weights"][0, 2])
    assert "√key_dim" in scaled.caption and scaled.name != same.name


def test_covariance_tables_and_plane() -> None:
    made = panels("covariance", "everyday", "en", block="2", head="1")
    assert np.allclose(made["tables"].groups[0].tiles[0].values, view("everyday", "en").run["block1.weights"][0, 0])
    correlation = made["tables"].groups[0].tiles[2].values
    assert np.allclose(np.diag(correlation), 1)
    (ring, theirs, own), _ = (chart.series for chart in made["eigenvalues"].charts)
    assert len(own.x) == len(theirs.x) == len(correlation)
    assert max(own.x) == pytest.approx(1, abs=1e-5) and ring.dash == ":"


@pytest.mark.parametrize("name", ["tiny", "base"])
def test_cost_crosses_where_it_says(name: str) -> None:
    chart = panels("cost", "everyday", "en", cost=name)["adds"].charts[0]
    projections, attention, crossing = chart.series[:3]
    numbers = PUBLISHED[name]
    assert crossing.x[0] == side(numbers.crossing)
    for line in (projections, attention):
        assert np.interp(crossing.x[0], line.x, line.y) == pytest.approx(crossing.y[0], rel=1e-2)
    assert (projections.dash, attention.dash) == ("-", "--") and projections.colour != attention.colour


def test_by_hand_writes_every_number() -> None:
    panel = panels("by-hand", "everyday", "en", seed="7")["scores"]
    example = example_of(7)
    for group, name in zip(panel.groups, ("scores", "weights"), strict=True):
        for h, tile in enumerate(group.tiles):
            assert np.array_equal(tile.values, example.run[name][0, h])
            assert tile.numbers[5][4] == example.number(name, (h, 5, 4))


def test_basics_shows_the_card_s_own_numbers() -> None:
    tiles = panels("basics", "everyday", "en", question="place", token="3")["pictures"].groups[0].tiles
    run, _ = basics.card()
    head = list(basics.QUESTIONS).index("place")
    assert np.allclose(tiles[1].values.ravel(), run["block0.scores"][0, head, 2])
    assert np.allclose(tiles[2].values.ravel(), run["block0.weights"][0, head, 2])


def test_relatives_share_the_tokens() -> None:
    made = panels("relatives", "everyday", "en", block="1", token="4")
    own = view("everyday", "en").run["block0.weights"][0].mean(0)
    assert np.allclose(made["weights"].groups[0].tiles[0].values, own, atol=1e-6)
    assert np.allclose(made["weights"].groups[1].tiles[0].values.ravel(), own[3], atol=1e-6)
    assert "random" in made["weights"].groups[0].tiles[2].title
    assert len(made["numbers"].tables[0].rows[0]) == 5
