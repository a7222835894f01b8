"""Files made for strangers: each waits for the browser that asked for it, once and not for long, and all together take so many bytes.

At home Streamlit's media route is enough (canvas/bodies.py). It keeps a file for as long as the session shows it: of visitors
with many tabs that would be a few files too many.
"""

import secrets
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from topformer_viz.server.door import cookie_of
from topformer_viz.server.queue import BusyError
from topformer_viz.server.visitors import KNOWN
from topformer_viz.words.text import Text

MAX_BYTES = 256_000_000  # of all files that wait or are on their way
SHARE = 150_000_000  # of these, one visitor's: the numbers of the largest run
WAIT = 60  # seconds for which a file waits
PIECE = 2**18  # bytes sent at a time

FULL = Text(
    "The server has as many files to hand out as its memory allows. Please try again in a minute.",
    "服务器内存中等待下载的文件已达上限，请一分钟后再试。",
)


@dataclass(eq=False)
class _File:
    visitor: str
    name: str
    mime: str
    data: bytes
    made: float = field(default_factory=time.monotonic)
    on_its_way: bool = False

    def is_late(self) -> bool:
        return time.monotonic() - self.made > WAIT


class Files:
    """By a name that nobody can guess; an ASGI application that answers .../files/NAME."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes of all of them."""
        return sum(len(file.data) for file in list(self._files.values()))

    def must_have_room(self, visitor: str, size: int) -> None:
        """``BusyError`` where ``size`` bytes more would be too many, of all or of this visitor."""
        with self._lock:
            self._make_room(visitor, size)

    def keep(self, visitor: str, name: str, data: bytes, mime: str) -> str:
        """The address, relative to the page's, at which the visitor's browser finds the file, once; ``BusyError`` as above."""
        with self._lock:
            self._make_room(visitor, len(data))
            token = secrets.token_urlsafe(16)
            self._files[token] = _File(visitor, name, mime, data)
        return f"files/{token}"

    def forget_late(self) -> None:
        """Let go of what waited in vain."""
        with self._lock:
            self._forget_late()

    def _forget_late(self) -> None:
        self._files = {token: file for token, file in self._files.items() if file.on_its_way or not file.is_late()}

    def _make_room(self, visitor: str, size: int) -> None:
        """Let go of what waited in vain, and of the visitor's own files, oldest first, as far as there is need."""
        self._forget_late()
        waiting = [token for token, file in self._files.items() if file.visitor == visitor and not file.on_its_way]
        while self.held + size > MAX_BYTES or self._held_by(visitor) + size > SHARE:
            if not waiting:
                raise BusyError(FULL)
            del self._files[waiting.pop(0)]

    def _held_by(self, visitor: str) -> int:
        return sum(len(file.data) for file in self._files.values() if file.visitor == visitor)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":  # it is handed out once
            return await PlainTextResponse("", 405, {"Allow": "GET"})(scope, receive, send)
        file = self._taken(scope["path"].rpartition("/")[2], cookie_of(scope))
        if file is None:
            answer: Response = PlainTextResponse(
                "This file is gone: it is handed out once. Please ask for it again.", 404
            )
            return await answer(scope, receive, send)
        headers = {
            "Content-Length": f"{len(file.data)}", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f"attachment; filename*=utf-8''{quote(file.name)}",
        }  # fmt: skip
        answer = StreamingResponse(_pieces(file.data), media_type=file.mime, headers=headers)
        try:
            await answer(scope, receive, send)
        finally:
            with self._lock:
                self._files = {token: other for token, other in self._files.items() if other is not file}

    def _taken(self, token: str, cookie: str) -> _File | None:
        """The file, if it waits for who asks; from now on nobody else gets it."""
        with self._lock:
            file = self._files.get(token)
            if (
                file is None
                or file.on_its_way
                or file.is_late()
                or (KNOWN.fullmatch(file.visitor) and file.visitor != cookie)
            ):
                return None
            file.on_its_way = True
            return file


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    """Each leaves when the connection has taken the one before."""
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


FILES = Files()
