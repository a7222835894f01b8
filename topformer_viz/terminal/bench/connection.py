"""HTTP as a browser speaks it: over a connection that stays open from one request to the next."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


class HungUpError(Exception):
    """The server closed the connection before it had said all, or anything."""


@dataclass(frozen=True)
class Answer:
    """What a request gave: the status line after its version, such as "200 OK", headers by name in small letters, the body as it
    came (packed, where a header says so), how many bytes all of it took, and the cookies that it set."""

    status: str
    headers: dict[str, str]
    body: bytes
    bytes: int
    cookies: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        return not self.status.startswith("2")


@dataclass
class Connection:
    """One to the server at ``address``; its requests go one after another, whoever makes them."""

    address: str
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, headers: Sequence[str], body: bytes = b"") -> Answer:
        """Make a request. HungUpError or OSError where no answer comes.

        A server closes what has been silent for a while. As a browser does, it is asked again over a new connection when it
        has closed a used one without a word.
        """
        host = urlsplit(self.address).netloc
        head = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, f"Content-Length: {len(body)}"]
        request = "\r\n".join([*head, "", ""]).encode() + body
        async with self._turn:
            if self._streams is not None:
                with contextlib.suppress(_SilentError, ConnectionError):
                    return await self._exchange(request)
            return await self._exchange(request)

    async def _exchange(self, request: bytes) -> Answer:
        """The request and its answer; whatever keeps it from ending ends the connection."""
        name, _, port = urlsplit(self.address).netloc.partition(":")
        if self._streams is None:
            self._streams = await asyncio.open_connection(name, int(port))
        reader, writer = self._streams
        try:
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").rstrip().split("\r\n")
            said = [(key.lower(), value.strip()) for key, _, value in (line.partition(":") for line in lines)]
            headers, cookies = dict(said), tuple(value for key, value in said if key == "set-cookie")
            if "transfer-encoding" in headers:
                raise NotImplementedError(f"a body in {headers['transfer-encoding']} form")
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        except asyncio.IncompleteReadError as error:
            self.close()
            raise (HungUpError if error.partial else _SilentError)("the server hung up") from error
        except BaseException:
            self.close()
            raise
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status.partition(" ")[2], headers, body, len(head) + len(body), cookies)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class _SilentError(HungUpError):
    """Before it had said anything."""
