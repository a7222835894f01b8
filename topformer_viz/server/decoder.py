"""The process that decodes strangers' pictures for server/reader.py; it imports neither PyTorch nor Streamlit.

To it: 8 bytes, the file's length, and the file. Back: 4 bytes, the length of a JSON header, the header and, where it
has a ``size``, 3 bytes per pixel. Lengths are little-endian.
"""

import contextlib
import faulthandler
import json
import os
import sys
from pathlib import Path
from typing import IO

from PIL import Image

from topformer_viz.network.images import MAX_MEMORY, MAX_PIXELS, ImageError, open_image

SECONDS = 4  # that one picture may take


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


if __name__ == "__main__":
    serve()
