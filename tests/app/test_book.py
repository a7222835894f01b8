"""Books: every place in them has an answer, and of a picture there is nothing in them."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from sending import book_of, filled
from sending import sent as sent_run

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas import book
from topformer_viz.app.canvas.book import packed
from topformer_viz.app.explorer.payload import explorer_book
from topformer_viz.app.lesson import payload
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.network.colour import Model
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.run.numbers import NUMBERS, answers_of, asked_of, places
from topformer_viz.run.walk import FACTS, PLACES, Known, shape_of
from topformer_viz.words.live import HERE, Live, key_of
from topformer_viz.words.text import LANGS, Lang, Text


def told(made: dict[str, Any], block: int) -> list[dict[str, Any]]:
    """The stages of a block as a book tells them."""
    return [made["steps"][n] for n in made["blocks"][block]]


def lives(part: Any) -> Iterator[dict[str, Any]]:
    """Every place in a part of a book."""
    if isinstance(part, dict) and "live" in part and "of" in part:
        yield part
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for own in inner:
        yield from lives(own)


def numbers(answer: Any) -> Iterator[float]:
    """All that are in an answer."""
    if isinstance(answer, float):
        yield answer
    inner = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ()
    for own in inner:
        yield from numbers(own)


@pytest.mark.parametrize("lang", LANGS)
def test_every_place_in_every_book_has_an_answer_and_is_filled(case, lang: Lang) -> None:
    made, answers = book_of(case.run, case.model, lang), sent_run(case.run, case.model, case.photo).answers
    assert len(made["blocks"]) == case.model.num_blocks
    for block in range(case.model.num_blocks):
        steps = told(made, block)
        found = [key_of(live["live"], live["of"].replace(HERE, f"block{block}")) for live in lives(steps)]
        assert len(found) > 2 * len(steps) and set(found) <= answers.keys()
        said = json.dumps(filled(steps, answers, block), ensure_ascii=False)
        assert '"live": "' not in said and '"places"' not in said and HERE not in said.replace(f'"{HERE}.', "")
        assert not re.search(r"\{\w+:[^{}\"]+\}", said)  # a number's place
    rest = {name: part for name, part in made.items() if name not in ("steps", "blocks")}
    assert not [*lives(rest)]
    assert {step for block in made["blocks"] for step in block} == set(range(len(made["steps"])))


def test_what_is_answered_is_what_the_table_says(case) -> None:
    asked = [*dict.fromkeys(places(shape_of(case.run), case.model.num_blocks))]
    answers = answers_of(case.run, case.model, {})
    assert list(answers) == asked
    later = asked_of(case.run, case.model)
    assert {key: later[key] for key in asked} == answers
    assert {key.partition(" ")[0] for key in asked} <= NUMBERS.keys()
    assert answers_of(case.run, case.model, {asked[0]: "known"})[asked[0]] == "known"


@pytest.mark.parametrize(
    "live", [Live("nobody", HERE), Live("range", f"{HERE}.nothing"), Live("range", "block9.tokens"), Live("zeros", "")]
)
def test_a_place_that_nobody_answers_is_an_error_when_the_book_is_made(
    monkeypatch: pytest.MonkeyPatch, case, live: Live
) -> None:
    monkeypatch.setitem(payload.FACTS, "weights", (*FACTS["weights"], live))
    with pytest.raises(LookupError, match=re.escape(live.name)):
        lesson_book(Known.of(case.run, case.model), "en")


def test_so_it_is_in_a_note_and_in_a_question(monkeypatch: pytest.MonkeyPatch, tiny) -> None:
    known = Known.of(tiny.run, tiny.model)
    with monkeypatch.context() as patch:
        patch.setitem(PLACES, "residual", {"effect": Live("effect", HERE)})
        with pytest.raises(LookupError, match="effect"):
            lesson_book(known, "en")
    pages, asked = [{"quiz": [{"question": {"live": "focused", "of": HERE}}]}], {"focused block0"}
    book.check(pages, 0, asked)
    with pytest.raises(LookupError, match="focused block1"):
        book.check(pages, 1, asked)


def test_a_saying_that_lacks_what_its_text_needs_is_an_error_when_it_is_shown(tiny) -> None:
    steps, answers = told(book_of(tiny.run, tiny.model, "en"), 0), answers_of(tiny.run, tiny.model, {})
    for key in ("effective block0", "zeros block0.activated"):
        less = {name: value for name, value in answers[key].items() if name in ("say", "HW")}
        with pytest.raises(KeyError):
            filled(steps, answers | {key: less}, 0)
        with pytest.raises(KeyError):
            filled(steps, answers | {key: {**answers[key], "say": "something else"}}, 0)
        with pytest.raises(KeyError):
            filled(steps, {name: answer for name, answer in answers.items() if name != key}, 0)


MODELS: dict[str, Callable[[Image.Image], Model]] = {
    "everyday": lambda photo: load_model("everyday"),
    "tiny, untrained": lambda photo: load_model("tiny"),
    "base": lambda photo: load_model("base"),
    "colour": lambda photo: load_model("colour"),
}


def batch(model: Model, photo: Image.Image) -> Model:
    return with_batch_statistics(model, trace(model, photo)["image"])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("lang", LANGS)
def test_pictures_of_one_grid_have_one_book_to_the_byte(
    photo: Callable[..., Image.Image], name: str, lang: Lang
) -> None:
    pictures = [photo(128, 192), photo(128, 192, 1), photo(128, 192).point(lambda v: v // 3)]
    model = MODELS[name](pictures[0])
    runs = [trace(model, picture) for picture in pictures]
    if name == "base":  # as built, and with the statistics of its own picture
        model = batch(model, pictures[0])
        runs.append(trace(model, pictures[0]))
    known = [Known.of(run, model) for run in runs]
    assert all(one == known[0] for one in known[1:])
    first, *others = (packed(lesson_book(one, lang)) for one in known)
    assert all(other == first for other in others)
    answered = [answers_of(run, model, {}) for run in runs]
    assert all(answers != answered[0] for answers in answered[1:])


def test_another_grid_or_model_or_language_has_another_book(photo: Callable[..., Image.Image], tiny) -> None:
    other = trace(tiny.model, photo(192, 128))
    books = [packed(lesson_book(Known.of(run, tiny.model), lang)) for run in (tiny.run, other) for lang in LANGS]
    assert len(set(books)) == 4
    known = Known.of(tiny.run, tiny.model)
    named = replace(known.classes, names=tuple(Text(f"a{n}", f"b{n}") for n in range(150)))  # type: ignore[type-var]
    assert explorer_book(replace(known, classes=named), "en") != explorer_book(known, "en")


def test_a_book_is_made_without_the_run(case) -> None:
    """Of its shape alone; and no number of the run is in it."""
    known = Known.of(case.run, case.model)
    stripped = Trace(dict.fromkeys(case.run), dict(case.run.sizes), 0.0, "cpu", False)  # type: ignore[arg-type]
    assert replace(known, shape=shape_of(stripped)) == known
    assert all(isinstance(size, int) for size in known.shape.sizes.values())
    assert all(isinstance(name, str) for name in known.shape.names)
    text = json.dumps(lesson_book(known, "en"))
    said = {f"{value:.4g}" for value in numbers([*answers_of(case.run, case.model, {}).values()])}
    said = {digits for digits in said if len(re.sub(r"[^1-9]", "", digits)) == 4 and "." in digits}
    assert len(said) > 30
    assert not [digits for digits in said if re.search(rf"(?<![\d.]){re.escape(digits)}(?!\d)", text)]


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_told_once_for_all_blocks_is_the_same_in_each(
    monkeypatch: pytest.MonkeyPatch, case, lang: Lang
) -> None:
    known = Known.of(case.run, case.model)
    once = lesson_book(known, lang)
    monkeypatch.setattr(payload, "OF_ITS_BLOCK", tuple(step["stage"] for step in once["steps"]))
    each = lesson_book(known, lang)
    for block in range(known.blocks):
        assert told(once, block) == told(each, block)
    assert len(each["steps"]) == sum(map(len, each["blocks"])) >= len(once["steps"])
