"""A book filled in Chromium by the scripts themselves, without a server, beside the same filled in Python: leaf by leaf."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from sending import book_of, filled
from sending import sent as sent_run

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas.travelling import travels
from topformer_viz.app.canvas.wire import CANVAS_JS, RUN_JS
from topformer_viz.network.colour import Model
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.words.live import FORMATS
from topformer_viz.words.text import LANGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Keep a run, from its parts in base64, and say how many blocks it has.
RUN = """(parts) => {
  window.run = new Run(parts.map((part) => decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0)))));
  return run.blocks;
}"""
FILL = """(text) => {
  const book = JSON.parse(text), of = (b) => filled(book.blocks[b].map((n) => book.steps[n]), run, b);
  return JSON.stringify(book.blocks.map((_, b) => of(b)));
}"""
TENSOR = """(name) => {
  const { data, shape, strides } = run.tensor(name), plain = tensorOf(data, shape).strides;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength), text = [];
  for (let at = 0; at < bytes.length; at += 4096) text.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
  return [btoa(text.join("")), shape, strides.join() === plain.join()];
}"""
WRITTEN = """([bytes, form]) => {
  const values = new Float64Array(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)).buffer);
  return Array.from(values, (value) => written(value, form));
}"""


def everyday(sample: str) -> tuple[Model, Image.Image]:
    return load_model("everyday"), smaller(sample)


def smaller(sample: str) -> Image.Image:
    picture = open_sample(sample)
    return picture.resize(network_size(*picture.size, 256, 96), Image.Resampling.LANCZOS)


def as_built(name: str) -> tuple[Model, Image.Image]:
    return load_model(name), smaller("card")


def colour(grid: int = 9) -> tuple[Model, Image.Image]:
    return load_model("colour", grid=grid), open_sample("cat")


def with_statistics(name: str) -> tuple[Model, Image.Image]:
    model, photo = load_model(name), smaller("coffee")
    return with_batch_statistics(model, trace(model, photo)["image"]), photo


RUNS: dict[str, Callable[[], tuple[Model, Image.Image]]] = {
    **{f"everyday, {sample}": lambda sample=sample: everyday(sample) for sample in [*SAMPLES][:4]},
    "tiny, untrained": lambda: as_built("tiny"),
    "small, untrained": lambda: as_built("small"),
    "base, batch": lambda: with_statistics("base"),
    "colour": colour,
    "colour, finer": lambda: colour(20),
}


@pytest.fixture(scope="module")
def blank(browser: "Browser") -> "Iterator[Page]":
    page = browser.new_page()
    page.add_script_tag(content=CANVAS_JS + RUN_JS)
    yield page
    page.close()


def load(page: "Page", run: Trace, model: Model, photo: Image.Image) -> None:
    parts = [base64.b64encode(part).decode() for part in travels(run, model, photo, "a run")]
    assert page.evaluate(RUN, parts) == model.num_blocks


def leaves(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every word and number by where it stands."""
    if isinstance(part, dict | list):
        yield path, (type(part), len(part))
        for name, own in part.items() if isinstance(part, dict) else enumerate(part):
            yield from leaves(own, f"{path}/{name}")
    else:
        yield path, part


def see_that_both_fill_alike(page: "Page", run: Trace, model: Model, photo: Image.Image) -> None:
    load(page, run, model, photo)
    answers = sent_run(run, model, photo).answers
    for lang in LANGS:
        book = book_of(run, model, lang)
        shown = json.loads(page.evaluate(FILL, json.dumps(book)))
        told = [filled([book["steps"][n] for n in numbers], answers, b) for b, numbers in enumerate(book["blocks"])]
        theirs, ours = dict(leaves(shown)), dict(leaves(told))
        assert len(ours) > 500
        assert {path: (theirs.get(path), leaf) for path, leaf in ours.items() if theirs.get(path) != leaf} == {}
        assert theirs.keys() == ours.keys()


@pytest.mark.parametrize("name", RUNS)
def test_words_and_numbers_are_pythons(blank: "Page", name: str) -> None:
    model, photo = RUNS[name]()
    see_that_both_fill_alike(blank, trace(model, photo), model, photo)


def test_so_they_are_of_every_kind_of_network(blank: "Page", case) -> None:
    see_that_both_fill_alike(blank, case.run, case.model, case.photo)


def test_what_is_made_of_other_tensors_is_pytorchs(blank: "Page", case, agree: Callable[..., None]) -> None:
    load(blank, case.run, case.model, case.photo)
    recipes = sent_run(case.run, case.model, case.photo).recipes
    assert {way for recipe in recipes.values() for way in recipe} >= {"mix", "merge", "relu6", "add"}
    for name, recipe in recipes.items():
        raw, shape, plain = blank.evaluate(TENSOR, name)
        expected = case.run[name]
        assert shape == list(expected.shape[1:]) and plain, name
        made = torch.from_numpy(np.frombuffer(base64.b64decode(raw), "<f4").reshape(1, *shape).copy())
        agree(made, expected)
        if recipe.keys() & {"add", "enter"}:
            assert torch.equal(made, expected), name


def test_what_nobody_answers_or_a_text_lacks_is_an_error(blank: "Page", tiny) -> None:
    load(blank, tiny.run, tiny.model, tiny.photo)
    for call, said in (
        ('filled({live: "nobody", of: "{block}"}, run, 1)', "no run answers nobody block1"),
        ('filled({live: "toString", of: "x"}, run, 1)', "no run answers toString x"),
        ('run.tensor("block0.scores")', "the run has no block0.scores"),
        ('sayAnswer({say: "a", x: 1}, {a: "{value}"})', "a does not say its value"),
        ('sayAnswer({say: "b", x: 1}, {a: "{x}"})', "no text for b"),
        ('sayAnswer({say: "a", x: 1}, {a: "{x:e}"})', "no form e"),
        ('sayAnswer({say: "a", x: null}, {a: "{x:.1f}"})', "null is no number"),
        ('sayAnswer({say: "m", x: 3}, {m: "{x:name}"})', "no text for name3"),
    ):
        assert said in blank.evaluate(f"() => {{ try {{ return String({call}); }} catch (e) {{ return e.message; }} }}")


# Numbers


def values() -> np.ndarray:
    """Of every size; in the middle between two that can be written; and what is no number."""
    rng = np.random.default_rng(0)
    sizes = rng.standard_normal(4000) * 10 ** rng.uniform(-14, 14, 4000)
    single = sizes.astype(np.float32).astype(np.float64)
    halves = (np.arange(-400, 400) + 0.5)[:, None] * 2.0 ** -np.arange(0, 10)
    thousands = (np.arange(1, 400) * 10 + 5)[:, None] * 10.0 ** np.arange(0, 6)  # 1245 is in the middle of three digits
    near = np.array(
        [0.15, 0.25, 0.35, 0.45, 1.005, 2.675, 0.125, 1.125, 9.995, 99.95, 999.5, 0.9995, 9.5e-5, 9.995e-5, 0.0005]
    )
    far = np.array([0.0, 1e21, 1e22, 1e23, 123456789e15, 1e300, 1.7e308, 5e-324, 1e-300, 2.0**53 + 1, np.nan, np.inf])
    some = np.concatenate([sizes, single, halves.ravel(), thousands.ravel(), near, near / 100, far])
    return np.concatenate([some, -some, np.nextafter(halves.ravel(), 9e9)])


@pytest.mark.parametrize("form", [".0%", ".1%", ".1f", ".2f", ".3g", ".2g", "signed"])
def test_a_number_is_written_as_python_writes_it(blank: "Page", form: str) -> None:
    numbers = values()
    theirs = blank.evaluate(WRITTEN, [base64.b64encode(numbers.tobytes()).decode(), form])
    ours = [FORMATS[form](value) if form in FORMATS else format(value, form) for value in numbers.tolist()]
    wrong = [(value, their, our) for value, their, our in zip(numbers, theirs, ours, strict=True) if their != our]
    assert not wrong, (len(wrong), wrong[:10])


def test_a_whole_number_without_a_form_is_written_as_it_is(blank: "Page") -> None:
    numbers = [0, 1, 96, 4096, -3, 10**15]
    assert [blank.evaluate("(value) => written(value, '')", n) for n in numbers] == list(map(str, numbers))
