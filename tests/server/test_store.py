"""What the server keeps: bounded in bytes, shared, and gone with those who asked for it."""

import io
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.runtime import media_file_manager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from topformer_viz.server import store as module
from topformer_viz.server.store import FullError, Store, size_of


@dataclass
class Pair:
    one: object
    other: object


def _as(monkeypatch: pytest.MonkeyPatch, session: str) -> None:
    monkeypatch.setattr(module, "_session", lambda: session)


def test_sizes_count_each_piece_of_memory_once() -> None:
    tensor = torch.zeros(10, 10)
    assert size_of(tensor) == size_of({"a": tensor, "b": (tensor.T, [tensor[0]])}) == 400
    assert size_of(Pair(np.zeros(5), {"x": b"abc"})) == 40 + 3
    assert size_of(Image.new("RGB", (4, 5))) == 60
    assert size_of(io.BytesIO(b"12345")) == 5
    assert size_of(torch.nn.Linear(3, 2)) == 4 * 8
    assert size_of(None) == size_of(3) == 0


def test_a_value_is_made_once(tiny) -> None:  # type: ignore[no-untyped-def]
    store, made = Store(), []

    def make() -> object:
        made.append(1)
        return tiny.run

    assert store.get(("run",), make) is store.get(("run",), make) is tiny.run
    assert len(made) == 1
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tiny.run.values()}
    assert 0 <= store.bytes - sum(storages.values()) < 100  # a few letters beside the tensors


def test_of_whole_runs_only_the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "LARGE", 50)
    store = Store(max_bytes=1000, max_large_bytes=150)
    for n in range(3):
        store.get((f"view{n}",), lambda: b"x" * 40)
        store.get((f"run{n}",), lambda: b"x" * 70)
    assert [store.has((f"run{n}",)) for n in range(3)] == [False, True, True]
    assert all(store.has((f"view{n}",)) for n in range(3))
    store.get(("huge",), lambda: b"x" * 400)
    assert [store.has((name,)) for name in ("run2", "huge", "view0")] == [False, True, True]


def test_the_least_recently_used_goes_first_and_own_things_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL", 0)
    store = Store(max_bytes=100, max_own_bytes=100)
    store.hold(("own",), b"x" * 90)
    for key in ("a", "b"):
        store.get((key,), lambda: b"x" * 40)
    store.find(("a",))
    store.get(("c",), lambda: b"x" * 40)
    assert [store.find((key,)) is not None for key in ("own", "a", "b", "c")] == [True, True, False, True]
    store.get(("large",), lambda: b"x" * 1000)  # kept nevertheless: it is on show
    assert store.find(("large",)) and not store.find(("a",)) and store.find(("own",))


def test_own_things_are_refused_where_there_is_no_room() -> None:
    store = Store(max_own_bytes=100)
    store.hold(("a",), b"x" * 60)
    with pytest.raises(FullError):
        store.hold(("b",), b"x" * 60)
    store.hold(("a",), b"x" * 90)  # in place of what it was
    store.release("a")
    store.hold(("b",), b"x" * 60)
    assert all(FullError.text(lang) for lang in ("en", "zh"))


def test_what_belongs_to_nobody_who_is_there_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    _as(monkeypatch, "A")
    store.get(("shared",), lambda: b"1")
    store.get(("A's",), lambda: b"2")
    store.hold(("picture",), b"3")
    _as(monkeypatch, "B")
    store.get(("shared",), lambda: b"4")
    store.sweep({"A", "B"}.__contains__)
    assert store.bytes == 3
    store.sweep({"B"}.__contains__)
    with store._lock:
        assert set(store._entries) == {("shared",), ("picture",)}  # a picture outlives a broken connection
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.GRACE + 1)
    store.sweep({"B"}.__contains__)
    with store._lock:
        assert set(store._entries) == {("shared",)}
    store.sweep(set[str]().__contains__)
    assert store.bytes == 0


def test_who_comes_back_in_time_finds_own_things(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    _as(monkeypatch, "A")
    store.hold(("picture",), b"3")
    now = module.time.monotonic()
    for later, there in ((100, set[str]()), (140, {"A"}), (250, set[str]()), (280, {"A"})):
        monkeypatch.setattr(module.time, "monotonic", lambda later=later: now + later)
        store.sweep(there.__contains__)
        assert store.find(("picture",)) == b"3"


def test_a_picture_of_two_stays_until_both_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    for session in "AB":
        _as(monkeypatch, session)
        store.hold(("own", "picture"), b"3")
        store.get(("picture", "run"), lambda: b"4")
    store.release("picture")
    assert store.bytes == 2
    store.release("picture")
    _as(monkeypatch, "A")
    store.release("picture")
    assert store.bytes == 0


def test_what_was_handed_out_goes_with_who_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    files = MediaFileManager(MemoryMediaFileStorage("/media"))
    monkeypatch.setattr(module.runtime, "exists", lambda: True)
    monkeypatch.setattr(module.runtime, "get_instance", lambda: SimpleNamespace(media_file_mgr=files))
    monkeypatch.setattr(Store, "_sweep_on", lambda self: None)
    store = Store()
    addresses = {}
    for session in ("A", "B"):
        _as(monkeypatch, session)
        monkeypatch.setattr(media_file_manager, "_get_session_id", lambda session=session: session)
        store.get(("shared",), lambda: b"1")
        addresses[session] = files.add(session.encode() * 100, "application/octet-stream", "topformer run")
    kept = files._storage._files_by_id  # type: ignore[attr-defined]
    store.sweep({"A", "B"}.__contains__)
    assert len(kept) == 2
    store.sweep({"B"}.__contains__)
    assert [file.content for file in kept.values()] == [b"B" * 100]
    store.sweep(set[str]().__contains__)
    assert not kept
