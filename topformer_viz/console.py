"""The terminal: printing that costs nothing but its words where a stream fails."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO, cast


class Lenient:
    """A stream of text that takes everything: what ``stream`` has no character for comes out as ``\\uXXXX``.

    Where ``stream`` fails, as a full disk does or a pipe whose reader has gone, the rest of the words is lost, and
    ``lost`` says why. In all else it is ``stream``.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self.lost is None:
            try:
                self._write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        if self.lost is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def _lose(self, error: OSError) -> None:
        self.lost = error
        # What still waits in the stream's buffer goes nowhere, or the interpreter complains of it when it ends.
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def lenient() -> Iterator[Lenient]:
    """Within, standard output and standard error are ``Lenient``, also where the process has none; yields the former.

    On leaving, all that was printed has been handed on, or is lost.
    """
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        out, err = Lenient(sys.stdout or nowhere), Lenient(sys.stderr or nowhere)
        with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, err)):
            try:
                yield out
            finally:
                out.flush()
                err.flush()


def reader_left(error: OSError) -> bool:
    """Whether a stream ended because nobody reads it any longer, as ``| head`` does: no fault."""
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)
