"""Files for strangers: once, to who asked for them, not for long, and bounded in bytes."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from topformer_viz.server import files as module
from topformer_viz.server.files import WAIT, Files
from topformer_viz.server.queue import BusyError

ANNE, BERT = "a" * 32, "b" * 32


def fetch(
    files: Files, address: str, visitor: str = "", method: str = "GET"
) -> tuple[int, dict[str, str], list[bytes]]:
    """Status, headers and the pieces of the body, as a browser with the visitor's cookie gets them."""
    sent: list[MutableMapping[str, Any]] = []
    cookie = [(b"cookie", f"topformer_viz={visitor}".encode())] if visitor else []
    scope = {"type": "http", "method": method, "path": f"/a/base/{address}", "headers": cookie, "query_string": b""}

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(files(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, [message["body"] for message in sent[1:] if message["body"]]


def test_a_file_comes_in_pieces_once_and_to_who_asked_for_it() -> None:
    files, data = Files(), bytes(range(256)) * 3000
    address = files.keep(ANNE, "streets 街景.npz", data, "application/zip")
    assert fetch(files, address, BERT)[0] == fetch(files, address)[0] == fetch(files, "files/other", ANNE)[0] == 404
    status, headers, pieces = fetch(files, address, ANNE)
    assert (status, b"".join(pieces)) == (200, data) and max(map(len, pieces)) == module.PIECE
    assert headers["content-length"] == str(len(data)) and headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"] == "attachment; filename*=utf-8''streets%20%E8%A1%97%E6%99%AF.npz"
    assert fetch(files, address, ANNE)[0] == 404 and files.held == 0
    by_address = files.keep("192.0.2.7", "x", b"1", "text/plain")  # who takes no cookies
    assert fetch(files, by_address)[2] == [b"1"]


def test_what_breaks_off_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    address = files.keep(ANNE, "x", b"1" * 10, "text/plain")

    async def broken(data: bytes) -> Any:
        assert files.held == 10  # it counts while it is on its way
        raise OSError
        yield b""

    monkeypatch.setattr(module, "_pieces", broken)
    with pytest.raises((OSError, ExceptionGroup)):
        fetch(files, address, ANNE)
    assert files.held == 0


def test_all_and_each_visitor_have_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    monkeypatch.setattr(module, "SHARE", 60)
    files = Files()
    first = files.keep(ANNE, "x", b"1" * 60, "text/plain")
    second = files.keep(ANNE, "x", b"2" * 60, "text/plain")  # in place of the one that nobody fetched
    assert files.held == 60 and fetch(files, first, ANNE)[0] == 404
    files.must_have_room(ANNE, 0)  # nothing goes without need
    assert files.held == 60
    files._files[second.removeprefix("files/")].on_its_way = True
    for visitor, size in ((ANNE, 1), (BERT, 41)):
        with pytest.raises(BusyError) as full:
            files.must_have_room(visitor, size)
        assert all(full.value.text(lang) for lang in ("en", "zh"))
    files.keep(BERT, "x", b"3" * 40, "text/plain")
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + WAIT + 1)
    files.keep("somebody", "x", b"4" * 40, "text/plain")  # Bert's waited in vain
    assert files.held == 100


def test_what_waited_in_vain_is_gone_and_only_who_fetches_it_uses_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    address = files.keep(ANNE, "x", b"1", "text/plain")
    assert fetch(files, address, ANNE, "HEAD")[0] == 405
    late, now = files.keep(ANNE, "x", b"22", "text/plain"), module.time.monotonic()
    assert fetch(files, address, ANNE)[0] == 200 and files.held == 2
    monkeypatch.setattr(module.time, "monotonic", lambda: now + WAIT + 1)
    assert fetch(files, late, ANNE)[0] == 404
    files.forget_late()
    assert files.held == 0
