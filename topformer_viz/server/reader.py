"""Strangers' pictures, decoded in a process of their own.

Decoders are large programs in C that meet bytes made by anyone. Here one that hangs, crashes or eats memory takes only
its own process along, and the visitor gets one sentence. `read_picture` is all the server calls; `serve` is the other
process: it imports neither PyTorch nor Streamlit, starts with the first picture and stays for the next.

From the server to it: 8 bytes, the file's length, and the file. Back: 4 bytes, the length of a JSON header, the header
and, where it has a ``size``, 3 bytes per pixel. Lengths are little-endian. What comes back is checked like any stranger's
word, and nothing in it is run.
"""

import atexit
import contextlib
import faulthandler
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from PIL import Image

from topformer_viz.network.images import MAX_BYTES, MAX_MEMORY, MAX_PIXELS, OWN_PIXELS, ImageError, open_image
from topformer_viz.paths import ROOT

SECONDS = 4  # that one picture may take
WAIT = 15  # seconds for which one may wait for those before it
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

    Raises ImageError as that does, and where the picture takes longer than SECONDS, needs more than MAX_MEMORY, or
    would wait longer than WAIT for others.
    """
    if len(data) > MAX_BYTES:
        raise ImageError("too heavy")
    return _reader.read(data)


class _Reader:
    """The server's end: the process, replaced when it was killed or died."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, data: bytes) -> Image.Image:
        if not self._turn.acquire(timeout=WAIT):
            raise ImageError("busy")
        try:
            if self._process is None or self._process.poll() is not None:
                self._start()
            return self._ask(data)
        except ImageError as error:
            if error.reason == "too much memory":  # after which nobody knows what its libraries left behind
                self._end()
            raise
        finally:
            self._turn.release()

    def _start(self) -> None:
        self._end()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "topformer_viz.server.reader"],
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
        except ImageError:
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


def serve() -> None:
    """The other process: answer picture after picture until the server closes the pipe."""
    source, answer = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not speak in between
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice that, some formats before they take memory
    _limit()
    answer.write(b"!")
    answer.flush()
    while length := source.read(8):
        data = source.read(int.from_bytes(length, "little"))
        faulthandler.dump_traceback_later(
            10 * SECONDS, exit=True
        )  # in case the server, which is to kill it, is no more
        try:
            picture = open_image(data, reduced=True)
        except ImageError as error:
            _send(answer, {"reason": error.reason, "values": error.values})
        except MemoryError:
            _send(answer, {"reason": "too much memory", "values": {}})
        else:
            _send(answer, {"size": picture.size}, picture.tobytes())
            del picture
        faulthandler.cancel_dump_traceback_later()
        del data


def _limit() -> None:
    """Let this process have MAX_MEMORY on top of what it has, and leave no file behind when it crashes (Linux)."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        limit = pages * resource.getpagesize() + MAX_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _send(answer: IO[bytes], header: dict[str, object], body: bytes = b"") -> None:
    text = json.dumps(header).encode()
    answer.write(len(text).to_bytes(4, "little") + text + body)
    answer.flush()


_reader = _Reader()
atexit.register(_reader._end)

if __name__ == "__main__":
    serve()
