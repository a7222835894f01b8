"""How large answers leave: in pieces, each when the connection has taken the one before; who doesn't read is let go.

Streamlit hands a file of up to 100 MB to uvicorn whole, which keeps a copy for as long as the visitor does not read it.
"""

import asyncio
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from topformer_viz.server.door import Shares, Who, who_asks

PIECE = 64 * 1024  # bytes; an answer of no more passes as it is
LARGE = 4_000_000  # bytes; what is held in memory to be sent counts from here on
PATIENCE = 30.0  # seconds in which a piece has to leave, and that an answer may wait beside what its bytes are given
LEAST_RATE = 20_000  # bytes a second
LONGEST = 600.0  # seconds that a large one may wait for its reader
HELD = 130_000_000, 260_000_000, 390_000_000  # bytes of large ones under way: to a visitor, to an address, to all


class Answers:
    """Sends large bodies in pieces, bounds how long a reader may take, and the bytes that are held for readers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._held = Shares(*HELD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "HEAD":
            await self.app(scope, receive, send)
            return
        if "/media/" in scope["path"]:  # of what it compresses Streamlit makes a copy for each reader
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        answer = _Answer(self._held, who_asks(scope), scope, receive, send)
        try:
            await self.app(scope, receive, answer.send)
        finally:
            self._held.give_back(answer.who, answer.held)


class _Answer:
    """One answer on its way."""

    def __init__(self, shares: Shares, who: Who, scope: Scope, receive: Receive, send: Send) -> None:
        self.who, self.held = who, 0  # bytes of its share
        self._shares, self._scope, self._receive, self._send = shares, scope, receive, send
        self._start: Message | None = None  # kept back until it is known whether the body is held in memory
        self._small = self._large = self._over = False
        self._sent, self._waited = 0, 0.0  # bytes; seconds, only those for the reader

    async def send(self, message: Message) -> None:
        """Takes the place of the server's send."""
        if message["type"] == "http.response.start":
            length = Headers(raw=message.get("headers", [])).get("content-length")
            self._small = length is not None and int(length) <= PIECE
            self._large = length is not None and int(length) > LARGE
            if self._large:
                self._start = message
                return
        if self._small or message["type"] != "http.response.body":
            await self._send(message)
        elif not self._over:
            await self._send_body(message.get("body", b""), message.get("more_body", False))

    async def _send_body(self, body: bytes, more: bool) -> None:
        if self._start:
            start, self._start = self._start, None
            if len(body) > LARGE:
                if not self._shares.take(self.who, len(body)):
                    self._over = True
                    await PlainTextResponse("Too much is being downloaded at the moment.", 503, {"Retry-After": "30"})(
                        self._scope, self._receive, self._send
                    )
                    return
                self.held = len(body)
            await self._send(start)
        view = memoryview(body)
        for at in range(0, max(len(body), 1), PIECE):
            if not await self._leaves(bytes(view[at : at + PIECE]), more or at + PIECE < len(body)):
                return

    async def _leaves(self, piece: bytes, more: bool) -> bool:
        """Send a piece; False where its reader was too slow, and is let go."""
        clock = asyncio.get_running_loop().time
        patience = min(PATIENCE, PATIENCE + self._sent / LEAST_RATE - self._waited)
        if self._large:
            patience = min(patience, LONGEST - self._waited)
        before = clock()
        try:
            async with asyncio.timeout(patience):
                await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError:
            self._over = True
            # An error here would make uvicorn close the connection when all has been read: that is, never.
            connection: Any = self._receive
            connection.__self__.transport.abort()
            await asyncio.sleep(0)  # by then uvicorn knows
            return False
        self._sent += len(piece)
        self._waited += clock() - before
        return True
