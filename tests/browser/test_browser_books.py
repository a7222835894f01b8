"""bookFor in books.js, in Chromium: it gives the books that Python makes, of all kinds of models, classes and grids; and its twins of Python's."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from topformer_viz.app.canvas.wire import CANVAS_JS, scripts
from topformer_viz.app.network.payload import network_book
from topformer_viz.app.site import books
from topformer_viz.network.choices import FACTS
from topformer_viz.network.classes import CLASS_SETS, _key, classes_of
from topformer_viz.network.costs import costs
from topformer_viz.network.model import SIZES, Size
from topformer_viz.network.weights import MAX_CLASSES
from topformer_viz.paths import PACKAGE
from topformer_viz.words.plain import one_line
from topformer_viz.words.text import LANGS, Lang

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GRIDS = [(8, 8), (7, 56), (8, 12), (16, 8), (7, 60), (5, 100), (100, 5), (8, 37)]
STRANGE = (
    "{n}", "<b onclick='x'>", "$& \\1", "§", "", "  two\n lines\u200b ", "\ud800", "名字", "so many words that no table has room for all of them",
    "__proto__", "constructor", "\U0001f600" * 50,
)  # fmt: skip


class Kind(NamedTuple):
    """What a page of the site can be asked for."""

    model: str
    spec: Size | None = None
    classes: int | None = None
    names: tuple[str, ...] | None = None
    untrained: bool = False


def size(name: str, **other: Any) -> Size:
    return replace(SIZES[name], **other)


KINDS = {
    "everyday": Kind("everyday", SIZES["tiny"], len(FACTS.classes), tuple(FACTS.classes)),
    **{f"{name}, untrained": Kind(name, SIZES[name], 150, None, True) for name in SIZES},
    "colour": Kind("colour"),
    "backbone": Kind("own", SIZES["small"]),
    "Cityscapes": Kind("own", size("tiny", depthwise_fuse=False), 19, tuple(n.en.upper() for n in CLASS_SETS["cityscapes"].names)),
    "base of Cityscapes": Kind("own", size("base", injected=128), 19),
    "one class": Kind("own", size("small", injected=37, depthwise_fuse=True), 1),
    "a class with a name": Kind("own", SIZES["base"], 1, ("wall",)),
    "171 classes": Kind("own", size("tiny", injected=1), 171),
    "8 classes": Kind("own", SIZES["tiny"], 8),
    "strange names": Kind("own", size("base", injected=1024), len(STRANGE), STRANGE),
}  # fmt: skip


@cache
def stored(lang: Lang) -> Any:
    return json.loads(books.all_books(lang))


@pytest.fixture(scope="module")
def blank(browser: "Browser") -> "Iterator[Page]":
    """With the books of both languages, beside the other scripts, whose names are not to be taken twice."""
    page = browser.new_page()
    own = scripts(PACKAGE / "app" / "site", "books.js")
    page.add_script_tag(
        content=f"{CANVAS_JS}\n{scripts(PACKAGE, 'words/plain.js', 'network/classes.js', 'network/costs.js')}\n{own}"
    )
    for lang in LANGS:
        page.evaluate(
            "([lang, text]) => { (globalThis.stored ??= {})[lang] = JSON.parse(text); }", [lang, books.all_books(lang)]
        )
    yield page
    page.close()


def in_javascript(spec: Size | None) -> dict[str, Any] | None:
    """A size as the browser's SIZES has it."""
    if spec is None:
        return None
    told = asdict(spec)
    return told | {"depthwiseFuse": told.pop("depthwise_fuse")}


def python(page: str, kind: Kind, grid: tuple[int, int], lang: Lang) -> Any:
    """The book as the app makes it."""
    known = books.known_of(books.COLOUR if kind.spec is None else kind.spec.name, grid, kind.classes and 150)
    if kind.classes is not None and kind.spec is not None:
        known = replace(books.with_head(known, kind.spec.injected, kind.classes, kind.names), spec=kind.spec)
    if page == "network":
        assert kind.spec is not None
        book = network_book(known, kind.spec, FACTS if kind.model == "everyday" else None, kind.untrained, lang)
    else:
        book = books.PAGES[page](known, lang)
    return json.loads(json.dumps(book)), dict(known.shape.sizes)


def javascript(browser: "Page", page: str, kind: Kind, sizes: dict[str, int], lang: Lang) -> Any:
    asked = {
        "page": page, "model": kind.model, "spec": in_javascript(kind.spec), "classes": kind.classes, "untrained": kind.untrained, "sizes": sizes,
    }  # fmt: skip
    # As text both ways: a lone surrogate goes through no wire.
    names = json.dumps(kind.names)
    text = browser.evaluate(
        "([lang, asked, names]) => JSON.stringify(bookFor(stored[lang], { ...asked, classNames: JSON.parse(names) }))",
        [lang, asked, names],
    )
    return json.loads(text)


@pytest.mark.parametrize("name", KINDS)
def test_the_browser_has_the_books_that_python_makes(blank: "Page", name: str) -> None:
    kind = KINDS[name]
    for page in (*books.PAGES, *(["network"] if kind.spec else [])):
        for lang, grid in zip(LANGS, random.Random(name + page).sample(GRIDS, 2), strict=True):
            made, sizes = python(page, kind, grid, lang)
            assert javascript(blank, page, kind, sizes, lang) == made, (page, grid)


def test_the_lesson_of_the_bundled_weights_on_every_kind_of_grid(blank: "Page") -> None:
    for grid in GRIDS:
        for name in ("everyday", "colour"):
            made, sizes = python("lesson", KINDS[name], grid, "en")
            assert javascript(blank, "lesson", KINDS[name], sizes, "en") == made, (name, grid)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"page": "lesson", "model": "everyday", "sizes": {"H": 3, "W": 3, "Y": 192, "X": 192}}, "no book is of 3 x 3"),
        (
            {"page": "lesson", "model": "colour", "sizes": {"H": 12, "W": 12, "Y": 512, "X": 512}},
            "no book is of 12 x 12",
        ),
        ({"page": "network", "model": "colour", "sizes": {"H": 8, "W": 8, "Y": 512, "X": 512}}, "no network"),
    ],
)
def test_where_there_is_no_book_it_says_so(blank: "Page", asked: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        blank.evaluate("(asked) => bookFor(stored.en, asked)", asked)


# Classes


CLASSES = """([count, names]) => {
  const { title, names: shown, colours } = classesOf(count, JSON.parse(names), stored.zh.classes);
  return JSON.stringify([title, shown, colours]);
}"""


def test_classes_are_pythons_however_many_and_however_named(blank: "Page") -> None:
    cases: list[tuple[int, list[str] | None]] = [(count, None) for count in (*range(1, 180), 512, MAX_CLASSES)]
    for known in CLASS_SETS.values():
        names = [name.en for name in known.names]
        cases += [(len(names), names), (len(names), [name.title().replace(" ", "_") for name in names])]
        cases += [(len(names), names[::-1]), (len(names), [*names[:-1], "ı"])]
    cases += [(len(STRANGE), [*STRANGE]), (8, [f"{n}" for n in range(8)])]
    for count, names in cases:
        made = classes_of(count, names)
        expected = [made.title("zh"), [name("zh") for name in made.names], list(made.colours)]
        assert json.loads(blank.evaluate(CLASSES, [count, json.dumps(names)])) == expected, (count, names)


def test_a_name_too_few_is_an_error(blank: "Page") -> None:
    with pytest.raises(Exception, match="names 1 classes"):
        blank.evaluate(CLASSES, [2, '["one"]'])


def test_every_letter_that_becomes_a_latin_one_does_so_in_the_browser(blank: "Page") -> None:
    """By which a file's names are known as those of a set."""
    letters = [
        chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000
    ]  # beyond these are signs of Chinese alone
    keys = blank.evaluate("(letters) => [...letters].map(classKey)", "".join(letters))
    expected = [_key(letter) for letter in letters]
    latin = [
        (letter, one, other)
        for letter, one, other in zip(letters, keys, expected, strict=True)
        if one.isascii() or other.isascii()
    ]
    # What is no letter or digit to either gives nothing; Unicode's later ones are some to the browser only.
    assert not [(letter, one, other) for letter, one, other in latin if one != other and (one + other).isascii()]
    assert sum(bool(other) for _, _, other in latin) > 60


def test_a_strangers_name_is_on_one_line(blank: "Page") -> None:
    for name in (*STRANGE, "a\u2028b\u00a0c\u3000d\te", "\u202eright", "\ue000 private", "x\u0301"):
        assert json.loads(
            blank.evaluate("(name) => JSON.stringify(oneLine(JSON.parse(name)))", json.dumps(name))
        ) == one_line(name)


# Costs


def test_costs_are_those_that_python_counts(blank: "Page") -> None:
    specs = [
        *SIZES.values(),
        *(
            size(name, injected=injected, depthwise_fuse=fuse)
            for name, injected, fuse in (("tiny", 96, False), ("base", 128, True))
        ),
    ]
    sides = {None: (512, 512), 1: (512, 768), 19: (320, 6400), 150: (97, 130)}  # by number of classes
    asked = [(spec, classes, *side) for spec in specs for classes, side in sides.items()]
    counted = blank.evaluate(
        "(all) => JSON.stringify(all.map((asked) => costs(...asked)))",
        [[in_javascript(spec), *more] for spec, *more in asked],
    )
    assert json.loads(counted) == [[asdict(cost) for cost in costs(*each)] for each in asked]
