"""Strangers' pictures, decoded in a process of their own.

Decoders are large programs in C that meet bytes made by anyone. Here one that hangs, crashes or eats memory takes only
its own process along, and the visitor gets one sentence. `read_picture` is all the server calls; the other process
(server/decoder.py, which says how the two talk) starts with the first picture and stays for the next. What comes back
from it is checked like any stranger's word, and nothing in it is run.
"""

import atexit
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from typing import IO

from PIL import Image

from topformer_viz.network.images import MAX_BYTES, OWN_PIXELS, ImageError
from topformer_viz.paths import ROOT
from topformer_viz.server import visitors
from topformer_viz.server.decoder import SECONDS
from topformer_viz.server.turns import Turns

WAIT = 15  # seconds for which one may wait for those before it
REST = 4  # times what a picture took, for which its visitor's next one waits
START = 60  # seconds after which a process that has not started never will

# One heap for all threads, and large blocks go back to the system when they are freed: this process lives long, and is
# to be as small after a large picture as before (names of glibc's; others ignore them).
_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "4000000",
    "MALLOC_TRIM_THRESHOLD_": "32000000",
    "OPENBLAS_NUM_THREADS": "1",
}


def read_picture(data: bytes) -> Image.Image:
    """``open_image(data, reduced=True)``, in the other process, one picture at a time; from any thread.

    Visitors are served in turn, and after a picture its visitor rests for REST times what it took: however many files,
    and however slow, one visitor takes at most 1 / (1 + REST) of the time, and another one waits for one of them at
    most. Where no strangers are expected nobody rests.

    Raises ImageError as that does, and where the picture takes longer than SECONDS, needs more than MAX_MEMORY, would
    wait longer than WAIT for its turn, or has a visitor who has left meanwhile.
    """
    if len(data) > MAX_BYTES:
        raise ImageError("too heavy")
    return _reader.read(data, visitors.visitor(), visitors.session())


class _Reader:
    """The server's end: the process, replaced when it was killed or died."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, data: bytes, visitor: str, session: str) -> Image.Image:
        try:
            with self._turns.take(visitor, WAIT, lambda: visitors.is_there(session)) as turn:
                if self._process is None or self._process.poll() is not None:
                    self._start()
                began = time.monotonic()
                try:
                    return self._ask(data)
                finally:
                    turn.rest = REST * (time.monotonic() - began) if visitors.STRANGERS else 0
        except TimeoutError as error:
            raise ImageError("busy") from error

    def _start(self) -> None:
        self._end()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "topformer_viz.server.decoder"],
                cwd=ROOT,
                env=os.environ | _ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            with _Alarm(self._process, START):
                _exactly(self._process.stdout, 1)  # type: ignore[arg-type]  # it is ready
        except (OSError, EOFError) as error:  # a machine without memory, or without processes, to spare
            self._end()
            logging.getLogger(__name__).error("the process that reads pictures does not start: %r", error)
            raise ImageError("busy") from error

    def _ask(self, data: bytes) -> Image.Image:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            with _Alarm(process, SECONDS) as alarm:
                process.stdin.write(len(data).to_bytes(8, "little"))
                process.stdin.write(data)
                process.stdin.flush()
                return _receive(process.stdout)
        except ImageError as error:
            if error.reason == "too much memory":  # after which nobody knows what its libraries left behind
                self._end()
            raise
        except Exception as error:  # it died, or spoke nonsense
            status = self._end()
            if alarm.rang:
                raise ImageError("too slow", seconds=SECONDS) from error
            # Killed, and not from here: so by a system short of memory.
            raise ImageError("too much memory" if status == -9 else "damaged") from error
        finally:
            if alarm.rang:  # just when the answer came
                self._end()

    def _end(self) -> int | None:
        """End the process, if there is one; its exit status, below 0 where a signal ended it."""
        process, self._process = self._process, None
        if process is None:
            return None
        # Closes the pipes, and waits. What of a picture has not gone out yet cannot, where the process died.
        with contextlib.suppress(OSError), process:
            status = process.poll()
            process.kill()
        return process.returncode if status is None else status


class _Alarm:
    """Kills a process after so many seconds, unless its block ends before; ``rang`` tells."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.rang = False
        self._process = process
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def _ring(self) -> None:
        self.rang = True
        self._process.kill()

    def __enter__(self) -> "_Alarm":
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        self._timer.join()  # it may be ringing right now


def _receive(source: IO[bytes]) -> Image.Image:
    """The picture that the other process sends; raises the ImageError it sends, and others where it makes no sense."""
    header = json.loads(_exactly(source, int.from_bytes(_exactly(source, 4), "little")))
    if "reason" in header:
        raise ImageError(str(header["reason"]), **{name: int(value) for name, value in header["values"].items()})
    width, height = map(int, header["size"])
    if not (0 < width and 0 < height and width * height <= OWN_PIXELS):
        raise ValueError(f"a picture of {width} x {height} pixels")
    return Image.frombytes("RGB", (width, height), _exactly(source, 3 * width * height))


def _exactly(source: IO[bytes], count: int) -> bytes:
    """The next ``count`` bytes, of which there can't be more than a picture's."""
    if count > 3 * OWN_PIXELS:
        raise ValueError(f"{count} bytes")
    data = source.read(count)
    if len(data) != count:
        raise EOFError
    return data


_reader = _Reader()
atexit.register(_reader._end)
