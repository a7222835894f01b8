"""A visitor of the app without a browser: it gets the page, opens the WebSocket, asks as Streamlit's page asks, and fetches
what the lesson's message names, as arriving.js does."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from topformer_viz.app.canvas.wire import header_of
from topformer_viz.terminal.bench.connection import Answer, Connection, HungUpError
from topformer_viz.terminal.bench.protocol import ClassroomError, PageStoppedError, Tab

PATIENCE = 60.0  # seconds until a visitor gives up
MESSAGES, REST = "messages", "the rest"  # what came over the WebSocket, and over HTTP beside bodies


@dataclass
class Visitor:
    """One person's tab on the server at ``address``; used by one task at a time."""

    address: str
    received: Counter[str] = field(default_factory=Counter)  # bytes, by what came: MESSAGES, a kind of body, REST
    tab: Tab = field(default_factory=Tab)
    cookies: dict[str, str] = field(default_factory=dict)  # the browser's: its tabs may share them
    _query: str = ""
    _socket: ClientConnection = field(init=False)
    _heard: asyncio.Queue[ForwardMsg | Exception] = field(default_factory=asyncio.Queue)
    _listening: asyncio.Task[None] = field(init=False)
    _http: Connection = field(init=False)
    _fetched: dict[str, asyncio.Task[set[int]]] = field(default_factory=dict)  # by address: once in this tab

    def __post_init__(self) -> None:
        self._http = Connection(self.address)

    async def open(self, place: str = "") -> None:
        """Get the page at ``place``, such as "lesson?size=256", and connect; done when the script has run."""
        for path in (f"/{place}", "/_stcore/health", "/_stcore/host-config"):
            await self._request("GET", path)
        self._socket = await connect(
            f"ws{self.address.removeprefix('http')}/_stcore/stream", origin=self.address,  # type: ignore[arg-type]
            subprotocols=["streamlit", self._token], additional_headers={"Cookie": self._cookie},  # type: ignore[list-item]
            max_size=None, open_timeout=PATIENCE, ping_interval=None,
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen())
        self.tab.name, _, self._query = place.partition("?")
        await self._rerun()
        await self._answer({})

    async def close(self) -> None:
        for task in self._fetched.values():
            task.cancel()
        await asyncio.gather(*self._fetched.values(), return_exceptions=True)
        self._http.close()
        if hasattr(self, "_socket"):
            await self._socket.close()
            await self._listening

    async def click(self) -> None:
        """The trivial page's button."""
        button = self.tab.widgets["None"]
        await self._rerun(button.fragment, WidgetState(id=button.id, trigger_value=True))
        await self._answer({})

    async def rerun(self) -> None:
        """The page's script once more, with nothing changed."""
        await self._rerun()
        await self._answer({})

    async def finished(self) -> None:
        """Wait until a run of the script has ended."""
        await self._answer({})

    async def wish(self) -> None:
        """What the explorer asks for when it is first on show with a run: how far that is from the untouched pass."""
        await self.trigger("lesson", {"run": self.tab.shown["run"], "block": None, "removal": "", "save": None})
        await self._answer({"untouched": True})

    async def trigger(self, key: str, wish: dict[str, Any]) -> None:
        """What the page's component of this key asks for; its answer is not waited for."""
        widget = self.tab.widgets[key]
        events = f"$$STREAMLIT_INTERNAL_KEY_{widget.id}__events"
        trigger = json.dumps([{"event": "wish", "value": wish}])
        await self._rerun(widget.fragment, WidgetState(id=events, json_trigger_value=trigger))

    def need_block(self, block: int) -> None:
        """See that the tab can show a block (from 1) of the run on show without asking; ClassroomError where it lacks it."""
        arrived = (self._fetched[at].result() for _, at in self.tab.shown["bodies"])
        if block not in set().union(*arrived):
            raise ClassroomError(f"block {block} of {self.tab.shown['run']} has not come")

    async def choose(self, key: str, option: int, wanted: dict[str, Any]) -> None:
        """One of a row of pills."""
        widget = self.tab.widgets[key]
        self.tab.set_words(widget.id, [widget.options[option]])
        await self._rerun(widget.fragment)
        await self._answer(wanted)

    async def upload(self, picture: bytes) -> None:
        """A picture in place of the last one, and the answer with its run."""
        await self.put_in("upload", picture)
        await self._answer({"run": sha256(picture).hexdigest()})

    async def put_in(self, key: str, picture: bytes) -> None:
        """A file into an uploader, in place of the last one: the page empties its uploader, which is a run of its own, sends the file
        and runs again; that answer is not waited for."""
        uploader, urls, sending = self.tab.widgets[key], await self.file_urls(), []
        if before := self.tab.values.get(uploader.id):
            self.tab.values[uploader.id] = WidgetState(id=uploader.id)
            self.tab.values[uploader.id].file_uploader_state_value.SetInParent()
            await self._rerun(uploader.fragment)
            for old in before.file_uploader_state_value.uploaded_file_info:  # none where the last upload failed
                sending.append(self._request("DELETE", urlsplit(old.file_urls.delete_url).path))
        sending.append(self.put(urlsplit(urls.upload_url).path, picture))
        await asyncio.gather(*sending)
        value = WidgetState(id=uploader.id)
        info = value.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = "photo.jpg", len(picture), urls.file_id
        info.file_urls.CopyFrom(urls)
        self.tab.values[uploader.id] = value
        await self._rerun(uploader.fragment)

    # ------------------------------------------------------------ what travels

    async def file_urls(self) -> FileURLs:
        """Ask where on the server a file has its place."""
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = str(uuid4()), self.tab.session
        request.file_names.append("photo.jpg")
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while (answer := await self._next()).WhichOneof("type") != "file_urls_response":
                pass
        [urls] = answer.file_urls_response.file_urls
        return urls

    async def put(self, path: str, picture: bytes) -> Answer:
        """Send a file to its place, as a form's only field."""
        bound = uuid4().hex
        head = f'--{bound}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = head.encode() + picture + f"\r\n--{bound}--\r\n".encode()
        return await self._request("PUT", path, [f"Content-Type: multipart/form-data; boundary={bound}"], body)

    async def _rerun(self, fragment: str = "", *triggers: WidgetState) -> None:
        while not self._heard.empty():
            await self._next()  # came before, so it is no answer to this; what the page complained of counts now
        message = self.tab.asks(self._query, fragment, triggers)
        context = message.rerun_script.context_info
        context.timezone, context.locale, context.url, context.color_scheme = "UTC", "en-US", self.address, "light"
        await self._socket.send(message.SerializeToString())

    async def _answer(self, wanted: dict[str, Any]) -> None:
        """Read until a run has ended, the lesson shows what is ``wanted``, see Tab.shows, and its bodies have arrived.

        Of runs that a later one overtakes some end and some do not: only the right lesson is the answer. ClassroomError where the
        page complains or no answer comes.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    message = await self._next()
                    if message.WhichOneof("type") != "script_finished":
                        continue
                    if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                        raise ClassroomError("the script does not compile")
                    if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN and self.tab.shows(wanted):
                        for _, address in self.tab.shown.get("bodies", ()):
                            await asyncio.shield(self._fetched[address])  # who gives up waiting does not stop it
                        return
        except TimeoutError:
            raise ClassroomError(f"no answer in {PATIENCE:.0f} s") from None

    async def _next(self) -> ForwardMsg:
        """The next message that nobody has waited for yet. Raises what the page complains of, or why there will be none."""
        heard = await self._heard.get()
        if isinstance(heard, Exception):
            raise heard
        return heard

    async def _listen(self) -> None:
        """Take in what comes when it comes, as the page does, and hand it to who waits for it.

        What the page keeps when it asks for the next run depends on what it has heard by then.
        """
        while True:
            try:
                raw = await self._socket.recv()
                self.received[MESSAGES] += len(raw)
                message = ForwardMsg.FromString(raw)
                self.tab.take(message)
                self._fetch_new()
                self._heard.put_nowait(message)
            except Exception as error:
                self._heard.put_nowait(error)
                if not isinstance(error, ClassroomError) or isinstance(error, PageStoppedError):
                    break
        await self._socket.close(reason="the page has stopped")

    def _fetch_new(self) -> None:
        """Begin to fetch what the lesson's message names and this tab has not; what failed, once more."""
        for kind, at in self.tab.shown.get("bodies", ()):
            known = self._fetched.get(at)
            if known is None or (known.done() and (known.cancelled() or known.exception())):
                self._fetched[at] = asyncio.create_task(self._fetch(kind, at, self.tab.shown["run"]))

    async def _fetch(self, kind: str, at: str, run: str) -> set[int]:
        """Fetch a body; the blocks (from 1) whose attention is in it. ClassroomError where the server refuses it, and where it
        is of another run than ``run``."""
        whole = [] if kind == "book" else ["Range: bytes=0-"]
        answer = await self._request("GET", urljoin(f"/{self.tab.name}", at), whole, kind=kind)
        if kind != "run":
            return set()
        header = json.loads(header_of(answer.body))
        if header["run"] != run:
            raise ClassroomError(f"{at} has {header['run']} instead of {run}")
        return {
            n + 1
            for n in range(header.get("blocks", 0))
            if all(f"block{n}.{part}" in header["tensors"] for part in ("query", "key", "value"))
        }

    async def _request(
        self, method: str, path: str, headers: Sequence[str] = (), body: bytes = b"", kind: str = REST
    ) -> Answer:
        """A request as the page makes it, cookie and XSRF token included. ClassroomError where the server refuses it."""
        own = [f"Origin: {self.address}", "Accept-Encoding: gzip", f"Cookie: {self._cookie}"]
        own.append(f"X-Xsrftoken: {self._token}")
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._http.ask(method, path, [*own, *headers], body)
        except HungUpError as error:
            raise ClassroomError(f"{method} {path}: {error}") from error
        except TimeoutError:
            raise ClassroomError(f"{method} {path}: no answer in {PATIENCE:.0f} s") from None
        self.received[kind] += answer.bytes
        if answer.refused:
            raise ClassroomError(f"{method} {path}: {answer.status}")
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    @property
    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def _token(self) -> str:
        """Streamlit's against forged requests."""
        return self.cookies.get("_streamlit_xsrf", "")
