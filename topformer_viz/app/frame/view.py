"""What a page is given: the visitor's choices and the run that they lead to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, NamedTuple

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.book import packed
from topformer_viz.app.canvas.travelling import travels
from topformer_viz.app.canvas.wire import BODY, BOOK, OWN
from topformer_viz.app.frame.address import Takes
from topformer_viz.app.frame.compute import Computed, T, file_in_line, in_line
from topformer_viz.figures.subject import Subject
from topformer_viz.network.colour import Model
from topformer_viz.network.facts import Facts
from topformer_viz.run.measures import Measures, measure
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import Known
from topformer_viz.server.store import STORE
from topformer_viz.words.text import Lang


def run_name(key: tuple[Any, ...]) -> str:
    """What the browser calls the run that is cached under ``key``."""
    return "/".join(map(str, key))


BODIES = "bodies"  # in a key: what travels of the run


class Outline(NamedTuple):
    """What is known of a run without its tensors, for what needs no more."""

    run: Trace  # its sizes, seconds and device; no tensor is in it
    known: Known
    stages: tuple[str, ...]  # of the lesson
    unlike: bool  # whether the picture looks like none the model was trained on
    bytes: int  # of the run's tensors


@dataclass(frozen=True)
class View:
    """What the visitor chose and what it gave.

    It outlives its page in Streamlit's memory, and so holds no tensor and no picture: ``model``, ``run`` and ``photo``
    come from the store, and are computed again should they have been let go.
    """

    lang: Lang
    facts: Facts | None  # what was measured of the model: known of the bundled weights only
    untrained: bool  # whether its parameters are random
    link: dict[str, Any]  # the choices that go into the address bar, OWN among them; None takes one out
    key: tuple[Any, ...]  # what the run is cached under
    name: str  # the picture's, in words
    credit: str  # whose picture it is, if it is a sample
    about: str  # the model's name
    outline: Outline
    compute: Callable[[], Computed]
    place: DeltaGenerator | None  # where to say that others are before this visitor
    takes: Takes = field(default_factory=dict)  # what the page's address can say
    asked: Mapping[str, Any] = field(default_factory=dict)  # by name, what of that it says

    def keep(self, what: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What follows from the run, or from the picture alone: ``make()``, computed once for all who ask for ``what``."""
        return in_line(what, make, self.place, self.lang, self.outline.bytes)

    def file(self, make: Callable[[], bytes], kind: str, name: str) -> str | None:
        """Where the browser finds a file that follows from the run; None where too many wait for theirs, which the page then says."""
        return file_in_line(make, kind, name, self.place, self.lang, self.outline.bytes)

    @property
    def computed(self) -> Computed:
        return self.keep(self.key, self.compute)

    @property
    def model(self) -> Model:
        return self.computed.model

    @property
    def run(self) -> Trace:
        return self.computed.run

    @property
    def photo(self) -> Image.Image:
        return self.computed.photo

    def bodies(self, maps: bool = False) -> list[str]:
        """Where the browser finds the run: what attention is made of, and ``maps``, the stages' others; see travels."""
        parts = self.keep((*self.key, BODIES), lambda: travels(self.run, self.model, self.photo, self.run_name))
        return [hand_out(part, BODY, f"run {n}") for n, part in enumerate(parts[: 2 if maps else 1])]

    def book(self, page: str, make: Callable[[], dict[str, Any]]) -> str:
        """Where the browser finds the page's book; it is made once for all pictures of this shape."""
        # The key's first is the picture's.
        data = STORE.at_once(("book", page, *self.key[1:], self.lang), lambda: packed(make()))
        return hand_out(data, BOOK, f"book {page}")

    def measures(self, block: int) -> Measures:
        """What is measured of a block, from 0."""
        return self.keep((*self.key, "measures", block), lambda: measure(self.run, block))

    @property
    def sample(self) -> str | None:
        """Which sample the picture is; None for a visitor's own."""
        return None if self.link["sample"] == OWN else self.link["sample"]

    @property
    def run_name(self) -> str:
        """The run's, for the browser."""
        return run_name(self.key)

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        return self.sample or "picture"

    @property
    def described(self) -> dict[str, Any]:
        """What ran, for a file of its numbers."""
        return {"model": self.about, "picture": self.name, "image_pixels": list(self.photo.size)}

    @property
    def subject(self) -> Subject:
        """The same for figures."""
        return Subject(self.run, self.model, self.photo, self.about, self.name, self.untrained, self.lang)


def part(draw: Callable[[View], None]) -> Callable[[View], None]:
    """Make of what draws a part of a page one that reruns alone.

    It has its own place to say that others are before this visitor: Streamlit lets it write to none outside.
    """

    @st.fragment
    @wraps(draw)
    def drawn(view: View) -> None:
        draw(replace(view, place=st.empty()))

    return drawn


PROSE = 880  # width of running text in pixels
