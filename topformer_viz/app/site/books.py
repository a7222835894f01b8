"""The books of a site without a server: of every kind of model, on every token grid that an image can have there.

There is no Python where they are read, so all are made in advance, merged (merging.py) and stored, a file a language; books.js
gives the one that is asked for. The classes of a checkpoint, their names and colours, and what its parts cost, it fills in itself.

Made again, where words, diagrams or shapes have changed: ``python -m topformer_viz.app.site.books``.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import cycle, product
from pathlib import Path
from typing import Any, NamedTuple

import torch

from topformer_viz.app.door.payload import door_book
from topformer_viz.app.explorer.payload import explorer_book
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.app.network.payload import words_book
from topformer_viz.app.site.merging import Key, Merging, as_json, book_at
from topformer_viz.network import classes as words
from topformer_viz.network.choices import FACTS
from topformer_viz.network.classes import CLASS_SETS, classes_of
from topformer_viz.network.colour import MIN_GRID, ColourModel
from topformer_viz.network.images import CELL, MAX_ASPECT, OWN_SIDE
from topformer_viz.network.input import network_size
from topformer_viz.network.model import DENSE_TOKENS, SIZES, TopFormer
from topformer_viz.paths import BOOKS
from topformer_viz.run.tracing import trace
from topformer_viz.run.walk import Known, Shape
from topformer_viz.words.text import LANGS, Lang

SHORT_SIDE = 512  # of the network's input, in image pixels
MAX_TOKENS = 512
COLOUR = "colour"
PAGES: dict[str, Callable[[Known, Lang], dict[str, Any]]] = {
    "lesson": lesson_book,
    "explorer": lambda known, lang: {"explorer": explorer_book(known, lang)},
    "door": door_book,
}
# What the network page can be of: the bundled weights, with what was measured of them; random parameters; a visitor's
# checkpoint; one that is a backbone.
EVERYDAY, UNTRAINED, OWN, BACKBONE = KINDS = ("everyday", "untrained", "own", "backbone")
# M and the number of classes of checkpoints that stand for all: as many and as unlike as it takes to tell them in a text.
HEADS = ((64, 19), (96, 3), (128, 150), (100, 7), (256, 21))
GRID = ("H", "W", "Y", "X")  # what tells grids apart: the colour model can have one grid of two inputs
FILLED = ("set", "classes")  # of the network's book, by books.js; and the costs


class Told(NamedTuple):
    """A book, and which one of its page it is."""

    key: Key
    book: dict[str, Any]


@cache
def cells() -> tuple[tuple[int, int], ...]:
    """(down, across) of every input that images of all proportions become, in cells: the token grids of a TopFormer."""
    longs = range(OWN_SIDE, MAX_ASPECT * OWN_SIDE + 1)
    sizes = {network_size(long, OWN_SIDE, SHORT_SIDE, MAX_TOKENS) for long in longs}
    wide = {(height // CELL, width // CELL) for width, height in sizes}
    return tuple(sorted(wide | {(across, down) for down, across in wide}))


@cache
def _smallest(size: str, classes: int | None) -> Known:
    """What is known of such a network's runs on the smallest input."""
    with torch.random.fork_rng(devices=[]):  # building draws parameters, which nobody needs here
        model = ColourModel(MIN_GRID) if size == COLOUR else TopFormer(size, classes)
    return Known.of(trace(model, torch.zeros(1, 3, CELL, CELL)), model)


def known_of(size: str, input_cells: tuple[int, int], classes: int | None = None) -> Known:
    """The same of an input of so many cells (down, across), without a run; ``size`` is one of SIZES, or COLOUR."""
    known = _smallest(size, classes)
    Y, X = (CELL * n for n in input_cells)
    H, W = ColourModel(MIN_GRID).token_grid(Y, X) if size == COLOUR else input_cells
    sizes = {"Y": Y, "X": X, "H": H, "W": W, "HW": H * W}
    for n in range(4):
        sizes |= {f"H{n}": Y // (4 << n), f"W{n}": X // (4 << n)}
    sizes = {axis: sizes.get(axis, one) for axis, one in known.shape.sizes.items()}
    whole = H * W <= DENSE_TOKENS
    names = (name for name in known.shape.names if whole or not name.endswith((".scores", ".weights")))
    return replace(known, shape=Shape(frozenset(names), sizes))


def told(model: str, page: str, lang: Lang, inputs: Iterable[tuple[int, int]]) -> Iterator[Told]:
    """A page's books of a model, COLOUR or "topformer", on these inputs, without what books.js fills in."""
    for size, each in product([COLOUR] if model == COLOUR else SIZES, inputs):
        known = known_of(size, each)
        yield Told(_key(known, size=size), _as_read(PAGES[page](known, lang)))


def told_of_networks(lang: Lang, inputs: Iterable[tuple[int, int]]) -> Iterator[Told]:
    """The network page's."""
    heads = cycle(HEADS)
    for (name, spec), kind, each in product(SIZES.items(), KINDS, inputs):
        if kind == EVERYDAY and name != "tiny":
            continue
        known, facts = known_of(name, each, None if kind == BACKBONE else 150), FACTS if kind == EVERYDAY else None
        if kind == EVERYDAY:
            known = with_head(known, spec.injected, len(FACTS.classes), FACTS.classes)
        elif kind == OWN:
            known = with_head(known, *next(heads))
        book = _as_read(words_book(known, spec, facts, kind == UNTRAINED, lang))
        yield Told(_key(known, size=name, kind=kind), {part: own for part, own in book.items() if part not in FILLED})


def _as_read(book: dict[str, Any]) -> dict[str, Any]:
    """The book as it is read from JSON, which knows lists but no tuples."""
    read: dict[str, Any] = json.loads(as_json(book))
    return read


def with_head(known: Known, M: int, classes: int, names: Sequence[str] | None = None) -> Known:
    """The same with a head of other sizes, and its classes."""
    shape = replace(known.shape, sizes={**known.shape.sizes, "M": M, "classes": classes})
    return replace(known, classes=classes_of(classes, names), shape=shape)


def _key(known: Known, **names: str) -> Key:
    """Of a book: ``names``, and the sizes that its numbers follow from."""
    sizes = known.shape.sizes
    return names | {axis: sizes[axis] for axis in (*GRID, "HW", "M", "classes") if axis in sizes}


def made(lang: Lang, inputs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """All books on these inputs, as they are stored; ValueError should one of them not come back as it was."""
    merging = Merging(by=("size", "kind", *GRID), times=(*GRID, "HW", "M", "classes"))
    all_of = {
        (model, page): [*told(model, page, lang, inputs)] for model, page in product(("topformer", COLOUR), PAGES)
    }
    all_of["topformer", "network"] = [*told_of_networks(lang, inputs)]
    books: dict[str, dict[str, Any]] = {"topformer": {}, COLOUR: {}}
    for (model, page), each in all_of.items():
        books[model][page] = merging.merged([one.book for one in each], [one.key for one in each])
    whole = merging.whole(books)
    for (model, page), each in all_of.items():
        for key, book in each:
            if book_at(whole, whole["books"][model][page], key) != book:
                raise ValueError(f"the book of {page} at {key} comes back as another")
    grids = {model: sorted({tuple(one.key[axis] for axis in GRID) for one in all_of[model, "door"]}) for model in books}
    return {"lang": lang, "grids": grids, "classes": class_words(lang), "iou": FACTS.iou} | whole


def class_words(lang: Lang) -> dict[str, Any]:
    """What classesOf in classes.js says, and the stored sets."""
    forms = {
        "guess": words.GUESS,
        "one": words.ONE,
        "count": words.COUNT,
        "without": words.WITHOUT_NAMES,
        "named": words.NAMED,
        "number": words.NUMBER,
    }
    sets = {
        slug: {
            "title": known.title(lang), "names": [name(lang) for name in known.names], "colours": known.colours,
            "spelled": [name.en for name in known.names],
        }
        for slug, known in CLASS_SETS.items()
    }  # fmt: skip
    return {name: form(lang) for name, form in forms.items()} | {"sets": sets}


def path_of(lang: Lang) -> Path:
    return BOOKS / f"{lang}.json"


def all_books(lang: Lang) -> str:
    """The stored books of a language: JSON, what ``bookFor`` in books.js takes."""
    return path_of(lang).read_text("utf-8")


def store(lang: Lang) -> None:
    """Make the books of a language and store them, a part per line."""
    books = made(lang, cells())
    rest = [f"{as_json(name)}:{as_json(part)}" for name, part in books.items() if name != "parts"]
    parts = ",\n".join(map(as_json, books["parts"]))
    rest.append(f'"parts":[\n{parts}\n]')
    text = "{" + ",\n".join(rest) + "}\n"
    path_of(lang).write_text(text, "utf-8")
    small = len(gzip.compress(text.encode(), 9))
    print(f"{path_of(lang).name}: {len(text.encode()) / 1000:,.0f} kB, compressed {small / 1000:,.0f} kB")


if __name__ == "__main__":
    for each in LANGS:
        store(each)
