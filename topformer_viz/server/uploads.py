"""What strangers upload: each in reasonable time, a few at once, and all together no more than memory holds."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from topformer_viz.server.door import Shares, Who, cookie_of, who_asks

PLACE = "/_stcore/upload_file/"
PATIENCE = 20.0  # seconds that an upload may take beside what its bytes are given
LEAST_RATE = 20_000  # bytes a second: a photograph of 5 MB gets through a Wi-Fi of 30 kB/s
LONGEST = 300.0  # seconds for any
AT_ONCE = 4, 100, 400  # uploads of a visitor, of an address, of all; a class of 40 sits behind one address
LARGEST = 110_000_000  # bytes of one: server.maxUploadSize, and what stands around the file
BYTES = LARGEST, 2 * LARGEST, 3 * LARGEST  # likewise, of what has come of uploads that are on their way
UNTAKEN = 2 * LARGEST  # bytes of whole files that no page has taken

CLOSE = {"Connection": "close"}  # else who was refused may go on sending


class Uploads:
    """Bounds the time, number and bytes of uploads on their way, and the bytes of files that no page takes.

    What has come counts, not what was announced: who announces much and sends nothing takes nothing from others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._at_once = Shares(*AT_ONCE)
        self._bytes = Shares(*BYTES)
        self._whole: dict[tuple[str, str], None] = {}  # session and file of what has come, oldest first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or PLACE not in scope["path"]:
            await self.app(scope, receive, send)
            return
        who = who_asks(scope)
        if not cookie_of(scope):
            await PlainTextResponse("An upload needs the site's cookie.", 403, CLOSE)(scope, receive, send)
        elif not self._at_once.take(who, 1):
            await PlainTextResponse("Too many uploads at once.", 429, CLOSE)(scope, receive, send)
        else:
            try:
                await self._receive(who, scope, receive, send)
            finally:
                self._at_once.give_back(who, 1)

    async def _receive(self, who: Who, scope: Scope, receive: Receive, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        start, came, left, status = clock(), 0, False, 0

        async def bounded() -> Message:
            nonlocal came, left
            try:
                async with asyncio.timeout_at(start + min(PATIENCE + came / LEAST_RATE, LONGEST)):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The upload was too slow.", CLOSE) from None
            left = message["type"] == "http.disconnect"
            size = len(message.get("body", b""))
            if not self._bytes.take(who, size):
                raise HTTPException(503, "Too much is being uploaded at the moment.", CLOSE)
            came += size
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, bounded, noted)
        except Exception:
            if not left:  # who leaves midway is no error to log
                raise
        finally:
            self._bytes.give_back(who, came)
        if scope["method"] == "PUT" and status == 204:
            session, file = scope["path"].split(PLACE)[1].split("/")
            self._whole[session, file] = None
            self._forget()

    def _forget(self) -> None:
        """The oldest files that no page has taken go, where there are too many bytes of them: a page takes its own at once."""
        manager = runtime.get_instance().uploaded_file_mgr
        assert isinstance(manager, MemoryUploadedFileManager)
        sizes = {place: sum(len(it.data) for it in manager.get_files(place[0], [place[1]])) for place in self._whole}
        self._whole = {place: None for place in self._whole if sizes[place]}
        while sum(sizes[place] for place in self._whole) > UNTAKEN:
            oldest = next(iter(self._whole))
            del self._whole[oldest]
            manager.remove_file(*oldest)
