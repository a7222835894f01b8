"""What travels to the browser, put together again as it does that: a run's tensors and answers, and a book filled with them."""

import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from decoding import Payload, decode
from PIL import Image

from topformer_viz import Trace
from topformer_viz.app.canvas.book import packed
from topformer_viz.app.canvas.travelling import travels
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.network.colour import Model
from topformer_viz.run.walk import Known
from topformer_viz.words.live import Answers, key_of, say
from topformer_viz.words.text import Lang


@dataclass(frozen=True)
class SentRun:
    """A run's parts, read as run.js reads them: its attention's, and that of its other maps where it came."""

    parts: tuple[Payload, ...]

    @property
    def header(self) -> dict[str, Any]:
        """What it says beside its tensors."""
        return self.parts[0].header

    @property
    def answers(self) -> Answers:
        return self.header["answers"]

    @property
    def recipes(self) -> dict[str, dict[str, Any]]:
        return self.parts[-1].header.get("recipes", {})

    @cached_property
    def known(self) -> dict[str, tuple[Payload, dict[str, Any]]]:
        """Every tensor that travels: the part that has it, and what that says of it."""
        return {name: (part, told) for part in self.parts for name, told in part.header["tensors"].items()}

    def told(self, name: str) -> dict[str, Any]:
        """What a part says of a tensor that travels."""
        return self.known[name][1]

    def tensor(self, name: str) -> np.ndarray:
        """One by name, float32 without its batch axis: as it travels, or made of others as its recipe says."""
        if name in self.known:
            part, told = self.known[name]
            return part.view(told)
        ((way, source),) = self.recipes[name].items()
        return getattr(self, f"_{way}")(source)

    def weights(self, block: int) -> np.ndarray:
        """Every head's whole matrix, of query and key in double precision: (heads, HW, HW)."""
        query, key = (self.tensor(f"block{block}.{name}").astype(np.float64) for name in ("query", "key"))
        scores = query @ key
        rows = np.exp(scores - scores.max(-1, keepdims=True))
        return rows / rows.sum(-1, keepdims=True)

    def _mix(self, block: int) -> np.ndarray:
        return (self.weights(block) @ self.tensor(f"block{block}.value")).astype(np.float32)

    def _merge(self, source: str) -> np.ndarray:
        return self.tensor(source).transpose(0, 2, 1).reshape(-1, *self.header["grid"])

    def _relu6(self, source: str) -> np.ndarray:
        return self.tensor(source).clip(0, 6)

    def _add(self, sources: list[str]) -> np.ndarray:
        first, *rest = map(self.tensor, sources)
        return sum(rest, first)

    def _enter(self, source: str) -> np.ndarray:
        return self.tensor(source)


def filled(part: Any, answers: Answers, block: int) -> Any:
    """A part of a book with its places filled, for a block from 0; as book.js does it."""
    if isinstance(part, list):
        return [told for each in part if (told := filled(each, answers, block)) is not None]
    if not isinstance(part, dict):
        return part
    if part.get("live") and part.get("of"):
        answer = _answer(part, answers, block)
        return say(answer, part["texts"]) if answer is not None and "texts" in part else answer
    if "places" in part:
        text = part["text"]
        for name, place in part["places"].items():
            text = text.replace(f"{{{name}}}", filled(place, answers, block))
        return text
    if "question" in part:
        return _asked(part, answers, block)
    return {name: filled(value, answers, block) for name, value in part.items()}


def _answer(place: dict[str, Any], answers: Answers, block: int) -> Any:
    return answers[key_of(place["live"], place["of"].replace("{block}", f"block{block}"))]


def _asked(question: dict[str, Any], answers: Answers, block: int) -> dict[str, Any] | None:
    answer, texts = _answer(question["question"], answers, block), question["question"]["texts"]
    if answer is None:
        return None
    options = [
        {"text": say(option["text"], texts), "correct": option["right"], "reason": say(option["reason"], texts)}
        for option in answer["options"]
    ]
    given = [say(answer["given"], texts)]
    return {
        "kind": question["kind"],
        "live": True,
        "prompt": question["prompt"],
        "given": given,
        "options": options,
    }


@dataclass(frozen=True)
class Lesson:
    """The lesson on one block of a run, from 0, in the language of its book."""

    run: SentRun
    book: dict[str, Any]
    block: int

    @cached_property
    def steps(self) -> dict[str, dict[str, Any]]:
        """The stages by name, with what the run answers in their places."""
        told = [filled(self.book["steps"][n], self.run.answers, self.block) for n in self.book["blocks"][self.block]]
        return {step["stage"]: step for step in told}

    def name(self, step: dict[str, Any]) -> str:
        """What the run calls a step's tensor."""
        return step["tensor"].replace("{block}", f"block{self.block}")

    def tensor(self, step: dict[str, Any]) -> np.ndarray:
        return self.run.tensor(self.name(step))


def unpacked(data: bytes) -> dict[str, Any]:
    """A book as the browser reads it."""
    return json.loads(gzip.decompress(data))


def sent(run: Trace, model: Model, photo: Image.Image) -> SentRun:
    return SentRun(tuple(map(decode, travels(run, model, photo, "a run"))))


def book_of(run: Trace, model: Model, lang: Lang) -> dict[str, Any]:
    """The lesson's."""
    return unpacked(packed(lesson_book(Known.of(run, model), lang)))


def lesson(run: Trace, model: Model, photo: Image.Image, block: int = 0, lang: Lang = "en") -> Lesson:
    return Lesson(sent(run, model, photo), book_of(run, model, lang), block)
