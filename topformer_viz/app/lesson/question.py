"""A question of the quiz and its answers; and one that only a run can complete."""

from collections.abc import Mapping
from dataclasses import dataclass

from topformer_viz.words.live import Answers, key_of, say, texts_in
from topformer_viz.words.text import Lang, Text


@dataclass(frozen=True)
class Option:
    """One answer, and the reason why it is right or wrong."""

    text: str
    correct: bool
    reason: str


@dataclass(frozen=True)
class Question:
    """What is asked: ``kind`` names it within its stage, ``given`` holds the facts from which one can work out the answer.

    ``live``: whether the answer comes from the run and the block on show, and may be another in the next.
    """

    kind: str
    given: tuple[str, ...]
    prompt: str
    options: tuple[Option, ...]
    live: bool


@dataclass(frozen=True)
class LiveQuestion:
    """A question that the run answers: ``kind`` is its function's name in NUMBERS, ``texts`` are those of its answer's sayings."""

    kind: str
    prompt: Text
    texts: Mapping[str, Text]

    def filled(self, lang: Lang, answers: Answers, block: int) -> Question | None:
        """The question as it is asked of a block, from 0; None where the run gives no clear answer."""
        answer = answers[key_of(self.kind, f"block{block}")]
        if answer is None:
            return None
        texts = texts_in(self.texts, lang)
        options = tuple(
            Option(say(option["text"], texts), option["right"], say(option["reason"], texts))
            for option in answer["options"]
        )
        return Question(self.kind, (say(answer["given"], texts),), self.prompt(lang), options, live=True)
