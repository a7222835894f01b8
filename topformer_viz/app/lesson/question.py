"""A question of the quiz and its answers."""

from dataclasses import dataclass

OPTIONS = 4  # at most, the right one among them


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
