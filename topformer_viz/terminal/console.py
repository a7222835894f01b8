"""The terminal: printing that costs nothing but its words where a stream fails, the images that arguments mean, complaints."""

import argparse
import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from glob import glob, has_magic
from pathlib import Path
from typing import Any, TextIO, TypeAlias, cast

from topformer_viz.network.images import suffixes


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


def printable(text: str) -> str:
    """One line without control characters; names on disk need not be text.

    Where Python takes names for ASCII (LC_ALL=C), their bytes mostly are UTF-8 all the same.
    """
    known = text.encode("utf-8", sys.getfilesystemencodeerrors()).decode("utf-8", "replace")
    text = re.sub(r"\s+", " ", known)
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", "\ufffd", text)


# What is handed over


def pictures(arguments: Iterable[str]) -> tuple[list[str], list[str]]:
    """The files that ``arguments`` mean, each once, in their order; and a sentence for every argument that means none.

    An argument is a file, whatever its name (one that is not there is left for its reader to complain of); a folder,
    for the images in it; or a pattern with ``*``, ``?``, ``[abc]``, or ``**`` for folders within folders, since
    Windows' shells leave those to programs. Capitals of an ending play no part.
    """
    found: dict[str, str] = {}
    complaints = []
    for argument in arguments:
        try:
            files = _files(argument)
        except OSError as error:
            complaints.append(f"{argument}: {error.strerror}")
            continue
        if not files:
            what = "there is no image in this folder" if os.path.isdir(argument) else "no image has such a name"
            complaints.append(f"{argument}: {what}")
        for file in files:
            found.setdefault(os.path.normcase(os.path.abspath(file)), file)
    return list(found.values()), complaints


def _files(argument: str) -> list[str]:
    if os.path.isdir(argument):
        return _pictures_in(argument)
    if os.path.exists(argument) or not has_magic(argument):
        return [argument]
    stem, end = os.path.splitext(argument)
    if end[1:].isalnum():
        end = "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in end)
    matches = sorted(glob(stem + end, recursive=True))
    return [file for match in matches for file in (_pictures_in(match) if os.path.isdir(match) else [match])]


def _pictures_in(folder: str) -> list[str]:
    """By their endings; without hidden ones, such as the notes that macOS leaves beside files."""
    ends = suffixes()
    return sorted(
        str(file)
        for file in Path(folder).iterdir()
        if file.suffix.lower() in ends and file.is_file() and not file.name.startswith(".")
    )


# Commands


# What a command's ``add`` adds its parser to.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def complain(sentences: Sequence[str]) -> int:
    """Say what could not be done; returns the exit status for it."""
    for sentence in sentences:
        print(f"topformer-viz: {sentence}", file=sys.stderr)
    return 1
