"""What the page of the whole network shows, read as the browser reads it: what travels of a run, and the book with its answers."""

import gzip
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
from decoding import Payload, decode
from PIL import Image
from torch import Tensor

from topformer_viz import Trace
from topformer_viz.app.canvas import book
from topformer_viz.app.network.payload import network_book
from topformer_viz.app.network.travelling import whole_message
from topformer_viz.network.facts import Facts
from topformer_viz.network.model import TopFormer
from topformer_viz.run.walk import Known
from topformer_viz.words.live import Answers, in_words
from topformer_viz.words.text import Lang


@dataclass(frozen=True)
class Whole(Payload):
    """A run, what travels of it, and what the page says."""

    model: TopFormer
    photo: Image.Image
    run: Trace
    said: dict[str, Any]

    def told(self, name: str) -> dict[str, Any]:
        return self.header["tensors"][name]

    def tensor(self, name: str) -> np.ndarray:
        return self.view(self.told(name))

    def near(self, name: str, expected: Tensor | np.ndarray) -> bool:
        """Whether a tensor has the expected shape, and values as near as float16 and another order of sums can be."""
        expected, actual = np.asarray(expected, np.float32), self.tensor(name)
        assert actual.shape == expected.shape
        return np.allclose(actual, expected, rtol=2e-3, atol=1e-6 + 1e-4 * np.abs(expected).max())

    @property
    def parts(self) -> dict[str, dict[str, str]]:
        return {part["name"]: part for part in self.said["parts"]}


def show(
    model: TopFormer,
    photo: Image.Image,
    run: Trace,
    lang: Lang = "en",
    facts: Facts | None = None,
    untrained: bool = False,
) -> Whole:
    travelled = decode(gzip.decompress(whole_message(run, model, photo, "a run")))
    said = filled_book(Known.of(run, model), travelled.header["answers"], lang, facts, untrained)
    return Whole(travelled.header, travelled.body, model, photo, run, said)


def filled_book(
    known: Known, answers: Answers, lang: Lang, facts: Facts | None = None, untrained: bool = False
) -> dict[str, Any]:
    """The book, every place in it filled by Python as it is made."""

    def place(live: Any, lang: Lang) -> Any:
        return in_words(live, lang, answers, 0) if live.texts else answers[live.key(0)]

    def text(words: Any, lang: Lang, markup: Any) -> str:
        return markup(words(lang, answers, 0) if words.places else words.text(lang))

    assert known.spec
    with mock.patch.multiple(book, place=place, text=text):
        return network_book(known, known.spec, facts, untrained, lang)
