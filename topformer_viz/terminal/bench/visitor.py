"""A visitor of the app without a browser: Streamlit's protocol, as the page speaks it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 60.0  # seconds until a visitor gives up


OPENING, PICTURE, CLICK = "opening the page", "new picture", "a click"


class ClassroomError(Exception):
    """What a visitor would have to complain about."""


class PageStoppedError(ClassroomError):
    """The page is told to show a message that it no longer keeps, and hangs up for good."""


@dataclass
class Kept:
    """A large message that the page keeps, so that the server can name it instead of sending it again."""

    run: int  # when it was last shown, in runs that the page has counted
    fragment: str
    shown: dict[str, Any]  # of the lesson, see shown_by


@dataclass(frozen=True)
class Wait:
    """A visitor asked for something and had it after ``seconds``, or had ``fault`` instead."""

    kind: str
    seconds: float
    fault: str = ""


@dataclass(frozen=True)
class Widget:
    """A widget as it came: its id, the fragment that a change reruns ("" for the page) and its options' words."""

    id: str
    fragment: str
    options: tuple[str, ...] = ()


def key_of(widget_id: str) -> str:
    """The key a widget's id ends with, $$ID-<hash>-<key>; "None" where the script gave none."""
    return widget_id.split("-", 2)[-1]


def widget_of(message: ForwardMsg) -> Widget | None:
    """The widget in a message, if it brings one that visitors use."""
    element = message.delta.new_element
    kind = element.WhichOneof("type")
    if kind not in ("bidi_component", "button", "button_group", "file_uploader"):
        return None
    widget = getattr(element, kind)
    options = tuple(option.content for option in widget.options) if kind == "button_group" else ()
    return Widget(widget.id, message.delta.fragment_id, options)


def shown_by(component: BidiComponent) -> dict[str, Any]:
    """What the lesson shows, from the header of its payload (wire.py): block from 1, language, and which run."""
    size = int.from_bytes(component.bytes[:4], "little")
    header = json.loads(component.bytes[4 : 4 + size])
    return {"block": header["block"], "lang": header["lang"], "run": header["view"]["run"]}


def complaint(element: Element) -> str:
    """The words of an exception or error box, "" where it is none."""
    if element.WhichOneof("type") == "exception":
        return f"{element.exception.type}: {element.exception.message}"
    if element.WhichOneof("type") == "alert" and element.alert.format == element.alert.ERROR:
        return element.alert.body
    return ""


@dataclass
class Visitor:
    """One person's tab on the server at ``address``; used by one task at a time."""

    address: str
    received: int = 0  # bytes that came over the WebSocket
    shown: dict[str, Any] = field(default_factory=dict)  # of the lesson, see shown_by
    widgets: dict[str, Widget] = field(default_factory=dict)  # by key
    _values: dict[str, WidgetState] = field(default_factory=dict)
    _kept: dict[str, Kept] = field(default_factory=dict)  # by hash
    _runs: int = 0
    _longest: int = 0  # a kept message that was last shown more runs ago than this is dropped
    _begun: bool = False  # whether a run has begun since the page last asked for one
    _page: str = ""
    _session: str = ""
    _cookie: str = ""
    _query: str = ""
    _socket: ClientConnection = field(init=False)
    _heard: asyncio.Queue[ForwardMsg | Exception] = field(default_factory=asyncio.Queue)
    _listening: asyncio.Task[None] = field(init=False)

    async def open(self, query: str = "") -> None:
        """Get the page and connect; done when the script has run."""
        await self._http("GET", f"/{query}")
        await self._http("GET", "/_stcore/health")
        await self._http("GET", "/_stcore/host-config")
        token = self._cookie.partition("=")[2]
        self._socket = await connect(
            f"ws{self.address.removeprefix('http')}/_stcore/stream", origin=self.address,  # type: ignore[arg-type]
            subprotocols=["streamlit", token], additional_headers={"Cookie": self._cookie},  # type: ignore[list-item]
            max_size=None, open_timeout=PATIENCE, ping_interval=None,
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen())
        self._query = query.removeprefix("?")
        await self._rerun()
        await self._answer({})

    async def close(self) -> None:
        if hasattr(self, "_socket"):
            await self._socket.close()
            await self._listening

    async def click(self) -> None:
        """The trivial page's button."""
        button = self.widgets["None"]
        await self._rerun(button.fragment, WidgetState(id=button.id, trigger_value=True))
        await self._answer({})

    async def ask_lesson(self, event: str, value: object, block: int) -> None:
        """A trigger of the lesson's component, which brings ``block``."""
        lesson = self.widgets["lesson"]
        trigger = json.dumps([{"event": event, "value": value}])
        events = f"$$STREAMLIT_INTERNAL_KEY_{lesson.id}__events"
        await self._rerun(lesson.fragment, WidgetState(id=events, json_trigger_value=trigger))
        await self._answer({"block": block})

    async def choose(self, key: str, option: int, wanted: dict[str, Any]) -> None:
        """One of a row of pills."""
        widget = self.widgets[key]
        self._set_words(widget.id, [widget.options[option]])
        await self._rerun(widget.fragment)
        await self._answer(wanted)

    async def upload(self, picture: bytes) -> None:
        """A picture in place of the last one: the page empties its uploader, which is a run of its own, sends the file
        and runs again."""
        uploader, request = self.widgets["upload"], BackMsg()
        request.file_urls_request.request_id = str(uuid4())
        request.file_urls_request.file_names.append("photo.jpg")
        request.file_urls_request.session_id = self._session
        await self._socket.send(request.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while (message := await self._next()).WhichOneof("type") != "file_urls_response":
                pass
        [urls] = message.file_urls_response.file_urls
        value, sent = WidgetState(id=uploader.id), []
        if before := self._values.get(uploader.id):
            value.file_uploader_state_value.SetInParent()
            self._values[uploader.id] = value
            await self._rerun(uploader.fragment)
            [old] = before.file_uploader_state_value.uploaded_file_info
            sent.append(self._http("DELETE", urlsplit(old.file_urls.delete_url).path))
        bound = uuid4().hex
        head = f'--{bound}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = head.encode() + picture + f"\r\n--{bound}--\r\n".encode()
        sent.append(self._http("PUT", urlsplit(urls.upload_url).path, body, f"multipart/form-data; boundary={bound}"))
        await asyncio.gather(*sent)
        value = WidgetState(id=uploader.id)
        info = value.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = "photo.jpg", len(picture), urls.file_id
        info.file_urls.CopyFrom(urls)
        self._values[uploader.id] = value
        await self._rerun(uploader.fragment)
        await self._answer({"run": sha256(picture).hexdigest()})

    # ------------------------------------------------------------ what travels

    async def _rerun(self, fragment: str = "", *triggers: WidgetState) -> None:
        while not self._heard.empty():
            await self._next()  # came before, so it is no answer to this; what the page complained of counts now
        message = BackMsg()
        state: ClientState = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self._query, self._page, fragment
        state.widget_states.widgets.extend([*self._values.values(), *triggers])
        state.cached_message_hashes.extend(self._kept)
        self._begun = False
        context = state.context_info
        context.timezone, context.locale, context.url, context.color_scheme = "UTC", "en-US", self.address, "light"
        await self._socket.send(message.SerializeToString())

    async def _answer(self, wanted: dict[str, Any]) -> None:
        """Read until a run has ended and the lesson shows what is ``wanted``; a run's name is wanted by its beginning.

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
                    if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN and all(
                        str(self.shown.get(name)).startswith(str(value)) for name, value in wanted.items()
                    ):
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
                self._take(message)
                self._heard.put_nowait(message)
            except Exception as error:
                self._heard.put_nowait(error)
                if not isinstance(error, ClassroomError) or isinstance(error, PageStoppedError):
                    break
        await self._socket.close(reason="the page has stopped")

    def _take(self, message: ForwardMsg) -> None:
        """What the page makes of a message. ClassroomError where it brings an error, PageStoppedError where the page no longer has
        what it names.

        The page counts a run that ends, and drops what was not shown for too long, unless it has asked for another that has not
        begun. A run that was under way when it asked is counted all the same if its beginning, too, comes after that.
        """
        match message.WhichOneof("type"):
            case "new_session":
                self._begun = True
                self._page = message.new_session.page_script_hash
                self._session = message.new_session.initialize.session_id or self._session
                self._longest = message.new_session.config.max_cached_message_age
            case "navigation":
                self._page = message.navigation.page_script_hash
            case "ref_hash":
                if message.ref_hash not in self._kept:
                    raise PageStoppedError("Cached ForwardMsg MISS")
                kept = self._kept[message.ref_hash]
                kept.run = self._runs
                self.shown |= kept.shown
            case "delta":
                self._note(message)
            case "script_finished" if self._begun and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self._runs += 1
                fragments = message.metadata.run.fragment_ids
                self._kept = {
                    name: kept
                    for name, kept in self._kept.items()
                    if (fragments and kept.fragment not in fragments) or self._runs - kept.run <= self._longest
                }

    def _note(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        if fault := complaint(element):
            raise ClassroomError(fault)
        shown = {}
        if widget := widget_of(message):
            self.widgets[key_of(widget.id)] = widget
            if element.WhichOneof("type") == "button_group" and element.button_group.set_value:
                self._set_words(widget.id, element.button_group.raw_values)
            if key_of(widget.id) == "lesson":
                shown = shown_by(element.bidi_component)
                self.shown |= shown
        if message.metadata.cacheable:
            self._kept[message.hash] = Kept(self._runs, message.delta.fragment_id, shown)

    def _set_words(self, widget_id: str, words: Sequence[str]) -> None:
        value = WidgetState(id=widget_id)
        value.string_array_value.data.extend(words)
        self._values[widget_id] = value

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
