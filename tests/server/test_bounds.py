"""The door of the server for strangers: the cookie, uploads in reasonable time and number, answers in pieces.

Most of it runs in a loop whose clock leaps over what nobody does: minutes take no time.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from serving import uvicorn_with, wait_for
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from topformer_viz.server import answers, uploads
from topformer_viz.server.answers import Answers
from topformer_viz.server.door import Cookie, Shares, Who
from topformer_viz.server.uploads import Uploads
from topformer_viz.server.visitors import COOKIE, KNOWN

VISITOR, OTHER = "a" * 32, "b" * 32
UPLOAD = "/_stcore/upload_file/session/file"


class Leaping(asyncio.SelectorEventLoop):
    """Where all wait for a time, it is that time."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__()

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        times = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        if times and not self._ready:  # type: ignore[attr-defined]
            self.now = max(self.now, min(times))
        super()._run_once()  # type: ignore[misc]


def leap(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=Leaping) as runner:
        return runner.run(work)


class Knock:
    """One request at an ASGI app, as uvicorn has them; afterwards what was answered, and when."""

    def __init__(
        self, path: str = "/", visitor: str = "", method: str = "GET", scheme: str = "http", address: str = "192.0.2.1",
        body: Sequence[tuple[float, bytes]] = (), takes: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        headers = [(b"cookie", f"{COOKIE}={visitor}".encode())] if visitor else []
        self.scope: Scope = {
            "type": "http", "method": method, "path": path, "scheme": scheme, "headers": headers, "query_string": b"",
            "client": (address, 50_000), "app": None, "root_path": "",
        }  # fmt: skip
        self.body, self.takes = iter(body), takes
        self.transport = SimpleNamespace(abort=self.abort)
        self.messages: list[Message] = []
        self.aborted = False
        self.seconds = 0.0

    def abort(self) -> None:
        self.aborted = True

    async def receive(self) -> Message:
        wait, data = next(self.body, (0.0, b""))
        await asyncio.sleep(wait)
        return {"type": "http.request", "body": data, "more_body": bool(data)}

    async def send(self, message: Message) -> None:
        if self.takes:
            await self.takes(len(message.get("body", b"")))
        self.messages.append(message)

    async def at(self, app: ASGIApp) -> "Knock":
        start = asyncio.get_running_loop().time()
        await app(self.scope, self.receive, self.send)
        self.seconds = asyncio.get_running_loop().time() - start
        return self

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    def header(self, name: str) -> str:
        return dict(self.messages[0]["headers"]).get(name.lower().encode(), b"").decode()

    @property
    def content(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])


def test_a_share_is_bounded_for_a_visitor_an_address_and_all() -> None:
    shares = Shares(2, 3, 4)
    ann, ben, far, farther = Who("a", "1"), Who("b", "1"), Who("c", "2"), Who("d", "3")
    assert shares.take(ann, 2)
    assert not shares.take(ann, 1)  # the visitor's
    assert shares.take(ben, 1)
    assert not shares.take(ben, 1)  # the address's
    assert shares.take(far, 1)
    assert not shares.take(farther, 1)  # all
    shares.give_back(ann, 2)
    assert shares.take(ben, 1) and shares.take(farther, 1)
    for who, amount in ((ben, 2), (far, 1), (farther, 1)):
        shares.give_back(who, amount)
    assert not shares._used


def test_a_browser_without_a_cookie_is_given_one() -> None:
    async def page(scope: Scope, receive: Any, send: Any) -> None:
        await Response("x")(scope, receive, send)

    def given(**request: str) -> str:
        return leap(Knock(**request).at(Cookie(page))).header("Set-Cookie")  # type: ignore[arg-type]

    first, second = given(), given(path="/base/explorer", visitor="forged")
    value, *attributes = first.split("; ")
    assert KNOWN.fullmatch(value.removeprefix(f"{COOKIE}="))
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax"]
    assert second and second != first
    assert given(scheme="https").endswith("; Secure")
    assert not given(visitor=VISITOR)
    assert not given(path="/static/js/index.js") and not given(path="/app/static/manifest.json")


def receiver(status: int = 200) -> ASGIApp:
    """Takes an upload whole, behind the bounds."""

    async def put(request: Request) -> Response:
        return Response(str(len(await request.body())), status)

    routes = [Route(f"{base}/_stcore/upload_file/{{session}}/{{file}}", put, methods=["PUT"]) for base in ("", "/base")]
    return Starlette(routes=routes, middleware=[Middleware(Uploads)])


def upload(body: Sequence[tuple[float, bytes]] = ((0, b"x"),), visitor: str = VISITOR, **request: str) -> Knock:
    return Knock(request.pop("path", UPLOAD), visitor, "PUT", body=body, **request)  # type: ignore[arg-type]


@pytest.mark.parametrize("base", ["", "/base"])
def test_an_upload_takes_the_cookie(base: str) -> None:
    assert leap(upload(path=base + UPLOAD).at(receiver())).status == 200
    for visitor in ("", "forged"):
        assert leap(upload(path=base + UPLOAD, visitor=visitor).at(receiver())).status == 403


@pytest.mark.parametrize(
    ("body", "status", "seconds"),
    [
        ([(1, bytes(30_000))] * 167, 200, 167),  # a photograph over a bad Wi-Fi
        ([(7, b"x")] * 1000, 408, 21),
        ([(0, bytes(1_000_000)), (3600, b"x")], 408, 70),
        ([(1, bytes(21_000))] * 1000, 408, 300),
    ],
    ids=["slow", "trickle", "silent", "endless"],
)
def test_an_upload_has_its_time(body: list[tuple[float, bytes]], status: int, seconds: float) -> None:
    done = leap(upload(body).at(receiver()))
    assert done.status == status
    assert done.seconds <= seconds
    assert status == 200 or done.header("Connection") == "close"


def test_a_visitor_and_an_address_upload_a_few_at_once() -> None:
    """The cookie can be forged, the address not; who waits for the end of nothing keeps nobody else out."""

    async def attack() -> tuple[list[int], list[int], int, int]:
        app = receiver()

        async def status(visitor: str, address: str, wait: float = 10) -> int:
            return (await upload([(wait, b"x")], visitor, address=address).at(app)).status

        open_of_one = [asyncio.create_task(status(VISITOR, "192.0.2.1")) for _ in range(10)]
        await asyncio.sleep(1)
        neighbour = await status(OTHER, "192.0.2.1", 0)
        forged = [asyncio.create_task(status(f"{n:032x}", "192.0.2.1")) for n in range(600)]
        await asyncio.sleep(1)
        elsewhere = await status(OTHER, "192.0.2.2", 0)
        return await asyncio.gather(*open_of_one), await asyncio.gather(*forged), neighbour, elsewhere

    of_one, forged, neighbour, elsewhere = leap(attack())
    assert sorted(of_one) == [200] * 4 + [429] * 6
    assert sorted(forged) == [200] * 96 + [429] * 504
    assert neighbour == elsewhere == 200


def test_what_comes_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "BYTES", (30, 55, 65))

    async def attack() -> None:
        app = receiver()
        assert (await upload([(0, bytes(20))] * 2).at(app)).status == 503  # the visitor's, as it comes
        held = [asyncio.create_task(upload([(0, bytes(25)), (5, b"x")], v).at(app)) for v in (VISITOR, OTHER)]
        await asyncio.sleep(1)
        assert (await upload([(0, bytes(10))], "c" * 32).at(app)).status == 503  # the address's
        assert (await upload([(0, bytes(5))], "c" * 32, address="192.0.2.2").at(app)).status == 200
        assert (await upload([(0, bytes(20))], "c" * 32, address="192.0.2.2").at(app)).status == 503  # all
        assert [knock.status for knock in await asyncio.gather(*held)] == [200, 200]
        assert (await upload([(0, bytes(30))]).at(app)).status == 200  # all is given back

    leap(attack())


def test_files_that_no_page_takes_go_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("")
    monkeypatch.setattr(uploads, "UNTAKEN", 100)
    monkeypatch.setattr(uploads.runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=manager))
    app = receiver(204)

    def bring(session: str, file: str) -> list[tuple[str, str]]:
        manager.add_file(session, UploadedFileRec(file, "x.png", "image/png", bytes(40)))
        assert leap(upload(path=f"/_stcore/upload_file/{session}/{file}").at(app)).status == 204
        return [(session, file) for session, files in manager.file_storage.items() for file in files]

    bring("one", "1"), bring("two", "2")
    manager.remove_file("one", "1")  # its page took it
    assert bring("one", "3") == [("one", "3"), ("two", "2")]
    assert bring("one", "4") == [("one", "3"), ("one", "4")]


def test_who_leaves_in_an_upload_is_no_error() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    knock = upload()
    knock.receive = gone  # type: ignore[method-assign]
    assert not leap(knock.at(receiver())).messages


def answering(body: bytes, status: int = 200, **headers: str) -> Answers:
    """Answers with the whole body in one message, as Streamlit does."""

    async def whole(scope: Scope, receive: Any, send: Any) -> None:
        await Response(body, status, headers)(scope, receive, send)

    return Answers(whole)


def test_a_large_answer_leaves_in_pieces_and_a_small_one_as_it_is() -> None:
    body = bytes(range(256)) * 40_000
    knock = leap(Knock("/media/x").at(answering(body, 206, Range="bytes 0-1/2")))
    assert knock.status == 206 and knock.header("Range") == "bytes 0-1/2"
    assert knock.header("Content-Length") == str(len(body))
    assert knock.content == body
    assert max(len(message["body"]) for message in knock.messages[1:]) == answers.PIECE
    assert [message["more_body"] for message in knock.messages[1:]] == [True] * (len(knock.messages) - 2) + [False]
    small = bytes(answers.PIECE)
    assert leap(Knock("/media/x").at(answering(small))).messages[1]["body"] is small
    assert len(leap(Knock("/media/x", method="HEAD").at(answering(body))).messages) == 2


@pytest.mark.parametrize(
    ("takes", "seconds"),  # for each piece
    [(3600, 30), (29, 60), (0.02, 7)],
    ids=["reads nothing", "reads by drops", "reads"],
)
def test_a_reader_has_its_time(takes: float, seconds: float) -> None:
    body = bytes(20_000_000)
    knock = leap(Knock("/media/x", takes=lambda size: asyncio.sleep(takes if size else 0)).at(answering(body)))
    assert knock.seconds <= seconds
    assert knock.aborted == (len(knock.content) < len(body)) == (takes > 1)


def in_pieces(body: bytes) -> Answers:
    """Answers with the body in many messages, as files made for strangers leave."""

    async def pieces(scope: Scope, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        for at in range(0, len(body), answers.PIECE):
            more = at + answers.PIECE < len(body)
            await send({"type": "http.response.body", "body": body[at : at + answers.PIECE], "more_body": more})

    return Answers(pieces)


@pytest.mark.parametrize("made", [answering, in_pieces])
def test_a_large_answer_has_an_end_however_it_is_made_and_read(made: Callable[[bytes], Answers]) -> None:
    app = made(bytes(100_000_000))
    knock = leap(Knock("/media/x", takes=lambda size: asyncio.sleep(size / 25_000)).at(app))
    assert knock.aborted
    assert answers.LONGEST <= knock.seconds + answers.PIECE / 25_000 <= answers.LONGEST + answers.PATIENCE


def test_what_is_held_for_readers_is_bounded() -> None:
    async def attack() -> None:
        app = answering(bytes(60_000_000))

        def ask(visitor: str, address: str) -> "asyncio.Task[Knock]":
            knock = Knock("/media/x", visitor, address=address, takes=lambda size: asyncio.sleep(3600 if size else 0))
            return asyncio.create_task(knock.at(app))

        asked = [ask(VISITOR, "192.0.2.1") for _ in range(3)] + [ask(f"{n:032x}", "192.0.2.1") for n in range(3)]
        asked += [ask(f"{n:032x}", "192.0.2.2") for n in range(3, 6)]
        await asyncio.sleep(1)
        small = await Knock("/media/x").at(answering(bytes(answers.LARGE)))
        assert small.status == 200
        done = await asyncio.gather(*asked)
        assert [knock.status for knock in done] == [200, 200, 503, 200, 200, 503, 200, 200, 503]
        assert (await Knock("/media/x").at(app)).status == 200  # all is given back

    leap(attack())


def test_what_is_saved_is_not_compressed_for_each_reader() -> None:
    seen: list[dict[bytes, bytes]] = []

    async def look(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(dict(scope["headers"]))
        await Response("x")(scope, receive, send)

    for path in ("/media/x", "/lesson"):
        knock = Knock(path)
        knock.scope["headers"] += [(b"accept-encoding", b"gzip"), (b"range", b"bytes=1-")]
        leap(knock.at(Answers(look)))
    assert seen == [{b"range": b"bytes=1-"}, {b"accept-encoding": b"gzip", b"range": b"bytes=1-"}]


# Through uvicorn, as Streamlit runs it


def test_who_reads_nothing_holds_little_and_is_let_go(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answers, "HELD", (10**9,) * 3)
    monkeypatch.setattr(answers, "PATIENCE", 2.0)
    body = bytes(30_000_000)

    async def give(request: Request) -> Response:
        return Response(body)

    app = Starlette(routes=[Route("/media/x", give)], middleware=[Middleware(Cookie), Middleware(Answers)])
    with uvicorn_with(app) as (port, server):
        readers = []
        for _ in range(20):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", port))
            reader.sendall(b"GET /media/x HTTP/1.1\r\nHost: x\r\n\r\n")
            readers.append(reader)
        wait_for(lambda: len(server.server_state.tasks) == 20)
        wait_for(lambda: all(protocol.flow.write_paused for protocol in server.server_state.connections))  # type: ignore[union-attr]
        buffered = [each.transport.get_write_buffer_size() for each in server.server_state.connections]
        assert len(buffered) == 20
        assert max(buffered) <= 3 * answers.PIECE
        wait_for(lambda: not server.server_state.connections and not server.server_state.tasks)
        for reader in readers:
            reader.close()
    assert not [record for record in caplog.records if record.levelname != "INFO"]
