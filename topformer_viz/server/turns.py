"""Turns at something that serves one at a time, by visitor, so that who sends much stands before nobody but themselves."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LOOK = 0.5  # seconds between two looks whether one who waits is still there


@dataclass(eq=False)
class Turn:
    """One visitor's turn; ``rest`` is to be set in it: the seconds after it for which its visitor gets no other."""

    visitor: str
    ready: float  # since when, or from when on, it may come (time.monotonic)
    rest: float = 0


class Turns:
    """Next is whose turn has been ready for longest: since it was asked for, or since its visitor's last one and its rest.

    So of one visitor's turns one comes at a time, and between two of them one of every other visitor who waits.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._line: list[Turn] = []
        self._taken = False
        self._rests: dict[str, float] = {}  # until when a visitor gets no turn, of those who have to wait

    @contextlib.contextmanager
    def take(self, visitor: str, seconds: float, stays: Callable[[], bool]) -> Iterator[Turn]:
        """The visitor's next turn, for the length of the block; from any thread.

        Raises TimeoutError where it has not come after so many seconds, or ``stays``, which is asked twice a second,
        says that nobody waits for it any more.
        """
        end = time.monotonic() + seconds
        with self._change:
            turn = Turn(visitor, max(time.monotonic(), self._rests.get(visitor, 0)))
            self._line.append(turn)
            try:
                while (before := self._before(turn)) > 0:
                    self._change.wait(min(LOOK, before))
                    if not stays() or time.monotonic() >= end:
                        raise TimeoutError
                self._taken = True
            finally:
                self._line.remove(turn)
                self._change.notify_all()
        try:
            yield turn
        finally:
            with self._change:
                self._taken = False
                self._end(turn)
                self._change.notify_all()

    def _before(self, turn: Turn) -> float:
        """Seconds until the turn can come, as far as that is known; 0 where it has come."""
        if self._taken or turn is not min(self._line, key=lambda other: other.ready):
            return math.inf
        return max(0, turn.ready - time.monotonic())

    def _end(self, turn: Turn) -> None:
        """Let the visitor's other turns be ready only after the rest."""
        now = time.monotonic()
        until = now + turn.rest
        self._rests = {visitor: end for visitor, end in self._rests.items() if end > now} | {turn.visitor: until}
        for other in self._line:
            if other.visitor == turn.visitor:
                other.ready = until
