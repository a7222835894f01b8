"""Where long work may stop for a moment, so that others come between or it ends: what happens there is up to who runs it."""

from collections.abc import Callable
from contextvars import ContextVar

PAUSE: ContextVar[Callable[[], object]] = ContextVar("pause", default=lambda: None)


def pause() -> None:
    """Between two pieces of work of some seconds at most; nothing happens unless whoever runs it has set PAUSE. It may raise."""
    PAUSE.get()()
