"""What only a run can say: places in texts, declared beside the words, and how a run's answers fill them.

An answer (run/numbers.py) is a number, a list of numbers, or a saying: {"say": the name of a text, ...: the values of its
places}; None where there is nothing to say. In the browser book.js fills places in the same way.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from topformer_viz.words.numbers import signed_digits
from topformer_viz.words.text import Lang, Text

Answer = Any
Answers = Mapping[str, Answer]  # by the key of a place
Markup = Callable[[str], str]  # makes HTML, or nothing else, of a text

HERE = "{block}"  # in the name of a tensor: the block on show, "block0"
JOIN = ","  # the name of what stands between sayings in a list
NAME = "name"  # the form of a number that stands for a text as it is, "name3": names may be anybody's, braces and all
FORMATS: dict[str, Callable[[float], str]] = {"signed": signed_digits}  # beside those of Python's format()
_PLACE = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


@dataclass(frozen=True)
class Live:
    """What the function ``name`` of NUMBERS says of ``of``, a tensor or a block; in words where there are ``texts``."""

    name: str
    of: str
    texts: Mapping[str, Text] = field(default_factory=dict)

    def key(self, block: int) -> str:
        """Under which a run's answers have it, for the block on show (from 0)."""
        return key_of(self.name, self.of.replace(HERE, f"block{block}"))


@dataclass(frozen=True)
class Words:
    """A text with places that a run fills."""

    text: Text
    places: Mapping[str, Live] = field(default_factory=dict)

    def __call__(self, lang: Lang, answers: Answers, block: int) -> str:
        """The text with what the run says in its places."""
        filled = {name: in_words(place, lang, answers, block) for name, place in self.places.items()}
        return self.text(lang, **filled)


def key_of(name: str, of: str) -> str:
    return f"{name} {of}"


def in_words(live: Live, lang: Lang, answers: Answers, block: int) -> str | None:
    """What a run says there; None for nothing. KeyError where nobody has an answer."""
    answer = answers[live.key(block)]
    return None if answer is None else say(answer, texts_in(live.texts, lang))


def texts_in(texts: Mapping[str, Text], lang: Lang, markup: Markup = str) -> dict[str, str]:
    """The texts of sayings in one language, and what stands between several."""
    return {name: markup(text(lang)) for name, text in texts.items()} | {JOIN: ", " if lang == "en" else "、"}


def say(answer: Mapping[str, Answer], texts: Mapping[str, str]) -> str:
    """A saying in words.

    >>> say({"say": "most", "value": 0.125}, {"most": "{value:.1%} of it"})
    '12.5% of it'
    """
    return _PLACE.sub(lambda place: _shown(answer[place[1]], place[2] or "", texts), texts[answer["say"]])


def _shown(value: Answer, form: str, texts: Mapping[str, str]) -> str:
    if isinstance(value, Mapping):
        return say(value, texts)
    if isinstance(value, Sequence):
        between = texts[JOIN] if value and isinstance(value[0], Mapping) else " · "
        return between.join(_shown(each, form, texts) for each in value)
    if form == NAME:
        return texts[f"{NAME}{value}"]
    return FORMATS[form](value) if form in FORMATS else format(value, form)
