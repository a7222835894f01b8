"""A visitor of the app without a browser: it gets the page, opens the WebSocket, and asks as Streamlit's page asks."""

import asyncio
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from topformer_viz.terminal.bench.protocol import ClassroomError, PageStoppedError, Tab

PATIENCE = 60.0  # seconds until a visitor gives up


@dataclass
class Visitor:
    """One person's tab on the server at ``address``; used by one task at a time."""

    address: str
    received: int = 0  # bytes that came over the WebSocket
    tab: Tab = field(default_factory=Tab)
    _cookie: str = ""
    _query: str = ""
    _socket: ClientConnection = field(init=False)
    _heard: asyncio.Queue[ForwardMsg | Exception] = field(default_factory=asyncio.Queue)
    _listening: asyncio.Task[None] = field(init=False)

    async def open(self, place: str = "") -> None:
        """Get the page at ``place``, such as "lesson?size=256", and connect; done when the script has run."""
        await self._http("GET", f"/{place}")
        await self._http("GET", "/_stcore/health")
        await self._http("GET", "/_stcore/host-config")
        token = self._cookie.partition("=")[2]
        self._socket = await connect(
            f"ws{self.address.removeprefix('http')}/_stcore/stream", origin=self.address,  # type: ignore[arg-type]
            subprotocols=["streamlit", token], additional_headers={"Cookie": self._cookie},  # type: ignore[list-item]
            max_size=None, open_timeout=PATIENCE, ping_interval=None,
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen())
        self.tab.name, _, self._query = place.partition("?")
        await self._rerun()
        await self._answer({})

    async def close(self) -> None:
        if hasattr(self, "_socket"):
            await self._socket.close()
            await self._listening

    async def click(self) -> None:
        """The trivial page's button."""
        button = self.tab.widgets["None"]
        await self._rerun(button.fragment, WidgetState(id=button.id, trigger_value=True))
        await self._answer({})

    async def ask_lesson(self, event: str, value: object, block: int) -> None:
        """A trigger of the lesson's component, which brings ``block``."""
        lesson = self.tab.widgets["lesson"]
        trigger = json.dumps([{"event": event, "value": value}])
        events = f"$$STREAMLIT_INTERNAL_KEY_{lesson.id}__events"
        await self._rerun(lesson.fragment, WidgetState(id=events, json_trigger_value=trigger))
        await self._answer({"block": block})

    async def choose(self, key: str, option: int, wanted: dict[str, Any]) -> None:
        """One of a row of pills."""
        widget = self.tab.widgets[key]
        self.tab.set_words(widget.id, [widget.options[option]])
        await self._rerun(widget.fragment)
        await self._answer(wanted)

    async def upload(self, picture: bytes) -> None:
        """A picture in place of the last one: the page empties its uploader, which is a run of its own, sends the file
        and runs again."""
        uploader, urls, sending = self.tab.widgets["upload"], await self._file_urls(), []
        if before := self.tab.values.get(uploader.id):
            self.tab.values[uploader.id] = WidgetState(id=uploader.id)
            self.tab.values[uploader.id].file_uploader_state_value.SetInParent()
            await self._rerun(uploader.fragment)
            [old] = before.file_uploader_state_value.uploaded_file_info
            sending.append(self._http("DELETE", urlsplit(old.file_urls.delete_url).path))
        sending.append(self._put(urlsplit(urls.upload_url).path, picture))
        await asyncio.gather(*sending)
        value = WidgetState(id=uploader.id)
        info = value.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = "photo.jpg", len(picture), urls.file_id
        info.file_urls.CopyFrom(urls)
        self.tab.values[uploader.id] = value
        await self._rerun(uploader.fragment)
        await self._answer({"run": sha256(picture).hexdigest()})

    # ------------------------------------------------------------ what travels

    async def _file_urls(self) -> FileURLs:
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

    async def _put(self, path: str, picture: bytes) -> None:
        """Send a file to its place, as a form's only field."""
        bound = uuid4().hex
        head = f'--{bound}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = head.encode() + picture + f"\r\n--{bound}--\r\n".encode()
        await self._http("PUT", path, body, f"multipart/form-data; boundary={bound}")

    async def _rerun(self, fragment: str = "", *triggers: WidgetState) -> None:
        while not self._heard.empty():
            await self._next()  # came before, so it is no answer to this; what the page complained of counts now
        message = self.tab.asks(self._query, fragment, triggers)
        context = message.rerun_script.context_info
        context.timezone, context.locale, context.url, context.color_scheme = "UTC", "en-US", self.address, "light"
        await self._socket.send(message.SerializeToString())

    async def _answer(self, wanted: dict[str, Any]) -> None:
        """Read until a run has ended and the lesson shows what is ``wanted``, see Tab.shows.

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
                self.received += len(raw)
                message = ForwardMsg.FromString(raw)
                self.tab.take(message)
                self._heard.put_nowait(message)
            except Exception as error:
                self._heard.put_nowait(error)
                if not isinstance(error, ClassroomError) or isinstance(error, PageStoppedError):
                    break
        await self._socket.close(reason="the page has stopped")

    async def _http(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> None:
        """A request as the page makes it, cookie and XSRF token included. ClassroomError where the server refuses it."""
        host = urlsplit(self.address).netloc
        token = self._cookie.partition("=")[2]
        head = [
            f"{method} {path} HTTP/1.1", f"Host: {host}", f"Origin: {self.address}", "Connection: close",
            f"Content-Length: {len(body)}", f"Content-Type: {kind}", f"Cookie: {self._cookie}", f"X-Xsrftoken: {token}",
        ]  # fmt: skip
        name, port = host.split(":")
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(name, int(port))
            writer.write("\r\n".join([*head, "", ""]).encode() + body)
            answer = (await reader.read()).decode("latin-1")
            writer.close()
        lines = answer.partition("\r\n\r\n")[0].split("\r\n")
        if not lines[0].partition(" ")[2].startswith("2"):
            raise ClassroomError(f"{method}: {lines[0]}")
        for line in lines:
            if line.lower().startswith("set-cookie:"):
                self._cookie = line.partition(":")[2].partition(";")[0].strip()
