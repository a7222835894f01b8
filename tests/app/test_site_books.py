"""The stored books of a site without a server: they are what the code makes now, of every grid that an image can have there."""

import json
import random
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from topformer_viz import trace
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.app.site import books
from topformer_viz.app.site.merging import Merging, book_at
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.colour import ColourModel, Model
from topformer_viz.network.images import MAX_ASPECT, own_size
from topformer_viz.network.input import network_size
from topformer_viz.network.model import SIZES, TopFormer
from topformer_viz.run.walk import Known
from topformer_viz.words.text import LANGS, Lang

SOME = [
    (8, 8),
    (8, 12),
    (16, 8),
    (7, 60),
    (7, 56),
    (5, 100),
    (100, 5),
]  # square, usual, as wide as a key, with too many colours to keep


@cache
def stored(lang: Lang) -> dict[str, Any]:
    return json.loads(books.all_books(lang))


# Which grids


def test_every_image_that_can_be_opened_has_a_book() -> None:
    rng, found = random.Random(0), set()
    small = [(side, long) for side in range(2, 70) for long in range(side, MAX_ASPECT * side + 1)]
    large = [(side := rng.randint(2, 6000), rng.randint(side, MAX_ASPECT * side)) for _ in range(20_000)]
    for side, long in small + large:
        for size in ((side, long), (long, side)):
            width, height = network_size(*own_size(*size), 512, 512)
            found.add((height // 64, width // 64))
    assert found == set(books.cells())
    assert max(H * W for H, W in found) <= 512


@pytest.mark.parametrize("lang", LANGS)
def test_the_stored_books_are_of_these_grids(lang: Lang) -> None:
    for model, size in (("topformer", "tiny"), ("colour", "colour")):
        known = [books.known_of(size, each).shape.sizes for each in books.cells()]
        assert sorted(stored(lang)["grids"][model]) == sorted([sizes[axis] for axis in "HWYX"] for sizes in known)


# What they say


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("model", "page"), [*((m, p) for m in ("topformer", "colour") for p in books.PAGES), ("topformer", "network")]
)
def test_a_stored_book_is_what_the_code_makes_now(model: str, page: str, lang: Lang) -> None:
    whole, inputs = stored(lang), [*SOME, *random.Random(page).sample(books.cells(), 3)]
    made = books.told_of_networks(lang, inputs) if page == "network" else books.told(model, page, lang, inputs)
    told = [*made]
    assert len(told) >= len(inputs)
    stale = "the stored books are stale: python -m topformer_viz.app.site.books"
    for key, book in told:
        assert book_at(whole, whole["books"][model][page], key) == book, stale
    fixed = {"classes": books.class_words(lang), "iou": books.FACTS.iou, "lang": lang}
    assert {name: whole[name] for name in fixed} == json.loads(json.dumps(fixed)), stale
    assert {*whole["classes"]["sets"]} == {*CLASS_SETS}


def model_of(size: str, classes: int | None) -> Model:
    with torch.random.fork_rng(devices=[]):
        return ColourModel(8) if size == "colour" else TopFormer(size, classes)


@pytest.mark.parametrize(("size", "classes"), [*((size, n) for size in SIZES for n in (None, 150)), ("colour", None)])
@pytest.mark.parametrize("cells", [(1, 1), (3, 2), (2, 7), (1, 20)])
def test_what_is_known_without_a_run_is_what_a_run_says(size: str, classes: int | None, cells: tuple[int, int]) -> None:
    model = model_of(size, classes)
    run = trace(model, torch.zeros(1, 3, *(64 * n for n in cells)))
    assert books.known_of(size, cells, classes) == Known.of(run, model)


def test_of_a_head_of_other_sizes_too() -> None:
    model = TopFormer(replace(SIZES["small"], injected=40, depthwise_fuse=True), 5)
    known = Known.of(trace(model, torch.zeros(1, 3, 128, 192)), model)
    assert books.with_head(books.known_of("small", (2, 3), 150), 40, 5).shape == known.shape


def test_above_1024_tokens_the_colour_lesson_asks_nothing_of_matrices_that_are_not_kept() -> None:
    known = books.known_of("colour", (5, 100))
    assert known.shape.sizes["HW"] == 1280 and "block0.weights" not in known.shape
    asked = [question for step in lesson_book(known, "en")["steps"] for question in step["quiz"]]
    assert asked and all("question" not in each for each in asked)
    near = [
        question for step in lesson_book(books.known_of("colour", (8, 8)), "en")["steps"] for question in step["quiz"]
    ]
    assert any("question" in each for each in near)


# Merging

KEYS = [{"H": H, "W": W, "HW": H * W, "size": size} for H in (2, 3, 8) for W in (2, 5) for size in ("tiny", "base")]


def merged(made: list[Any], keys: list[dict[str, Any]] = KEYS) -> dict[str, Any]:
    merging = Merging(by=("size", "H", "W"), times=("H", "W", "HW"))
    return merging.whole({"page": merging.merged(made, keys)})


def book(H: int, W: int, HW: int, size: str) -> dict[str, Any]:
    """With all that can differ."""
    return {
        "said": f"{HW} tokens of {H} x {W}, {HW**2 * 1000:,} entries § {size}".replace("§", "and"),
        "drawn": f"M{-0.5 * H:g} {W / 7:.3f} {'long' if H > 2 else 'short'}",
        "bytes": 4 * HW * (208 if size == "tiny" else 384),
        "options": ["same"] * (1 + (H == W)),
        "none": None if H == 3 else True,
        "zero": f"{H:03d}",
        "same": {"so": [1.5, False, "it {stays}"]},
    }


def test_every_book_comes_back_as_it_was() -> None:
    made = [book(**key) for key in KEYS]
    whole = json.loads(json.dumps(merged(made)))
    assert [book_at(whole, whole["books"]["page"], key) for key in KEYS] == made


def test_numbers_that_are_multiples_of_a_grids_take_no_table() -> None:
    made = [{"all": HW, "text": f"{HW**2:,} and {64 * H}"} for H, W, HW in ((k["H"], k["W"], k["HW"]) for k in KEYS)]
    whole = merged(made)
    assert [*map(frozenset, whole["values"])] and not any("are" in value for value in whole["values"])
    elsewhere = {"H": 50, "W": 30, "HW": 1500, "size": "small"}
    assert book_at(whole, whole["books"]["page"], elsewhere) == {"all": 1500, "text": "2,250,000 and 3200"}


def test_a_table_goes_by_as_few_entries_as_tell_it() -> None:
    def by(value: Any) -> list[str]:
        (found,) = merged([{"it": value(key)} for key in KEYS])["values"]
        return found.get("by", [])

    assert by(lambda key: {2: 7, 3: 11, 8: 4}[key["H"]]) == ["H"]
    assert by(lambda key: {2: 7, 5: 9}[key["W"]]) == ["W"]
    assert by(lambda key: 1 + (key["size"] == "tiny")) == ["size"]
    assert by(lambda key: int(key["H"] == key["W"])) == ["H", "W"]


def test_what_comes_several_times_is_kept_once() -> None:
    long = {"said": "the same words, time and again, in one place and another"}
    whole = merged([{"one": long, "two": [long, long]} for _ in KEYS])
    assert json.dumps(whole).count("time and again") == 1
    assert book_at(whole, whole["books"]["page"], KEYS[0]) == {"one": long, "two": [long, long]}


@pytest.mark.parametrize("strange", [{"=": [1]}, {"@": 0}, {"?": [0, 1]}, {"#": 0}])
def test_a_book_that_would_be_taken_for_a_sign_is_an_error(strange: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sign"):
        merged([strange for _ in KEYS])
    with pytest.raises(ValueError, match="sign"):
        merged([f"§ {key['H']}" for key in KEYS])
