"""What the network would say after each block, in the lesson: it comes once somebody looks at a block's output."""

import gzip
from typing import Any

import numpy as np
import pytest
from decoding import Payload, decode
from opening import HANDED, book_of, forge, message, open_app
from streamlit.testing.v1 import AppTest

from topformer_viz.app.canvas.lens import LENS_WORDS
from topformer_viz.app.lesson.lens import lens_message
from topformer_viz.run.whole import Seen
from topformer_viz.server.store import STORE
from topformer_viz.words.text import LANGS


def lens(app: AppTest) -> Payload:
    (address,) = message(app).header["body"]
    return decode(gzip.decompress(HANDED[address]))


def look(app: AppTest, run: Any = None) -> None:
    """As the browser does at a block's output."""
    forge(app, {"lesson": {"lens": message(app).header["view"]["run"] if run is None else run}})


def test_it_travels_as_the_run_says_it(tiny) -> None:
    sent, seen = decode(gzip.decompress(lens_message(tiny.run, tiny.model))), Seen(tiny.run, tiny.model)
    told = sent.header["lens"]
    assert np.array_equal(sent.view(told["labels"]), np.stack(seen.lens))
    assert told["changes"] == [seen[f"lens block{n}"] for n in range(4)]


@pytest.mark.parametrize("lang", LANGS)
def test_it_comes_when_it_is_asked_for_and_stays_through_a_change_of_language(lang: str) -> None:
    STORE.clear()
    app = open_app("lesson", lang=lang, size="256", sample="street", stage="output")
    assert message(app).header["body"] == []  # the first paint waits for nothing of it
    said = book_of(app)["ui"]
    assert {name: said[name] for name in LENS_WORDS} == {name: text(lang) for name, text in LENS_WORDS.items()}  # type: ignore[arg-type]
    look(app)
    came = lens(app).header["lens"]
    assert came["labels"]["shape"] == [5, 160, 240] and len(came["changes"]) == 4
    app.run()
    assert lens(app).header["lens"] == came


def test_who_comes_later_has_it_at_once() -> None:
    first = open_app("lesson", size="256", sample="street")
    look(first)
    assert message(open_app("lesson", size="256", sample="street")).header["body"] == message(first).header["body"]


@pytest.mark.parametrize("model", ["colour", "everyday"])
def test_of_another_run_or_of_no_segmentation_nothing_comes(model: str) -> None:
    STORE.clear()
    app = open_app("lesson", size="256", model=model)
    look(app, "another" if model == "everyday" else None)
    assert message(app).header["body"] == []
