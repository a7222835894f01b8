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


def _as(monkeypatch: pytest.MonkeyPatch, session: str, visitor: str = "") -> None:
    monkeypatch.setattr(module, "session", lambda: session)
    monkeypatch.setattr(module, "visitor", lambda: visitor or session)


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
    store.hold("own", "1", b"x" * 90)
    for key in ("a", "b"):
        store.get((key,), lambda: b"x" * 40)
    store.find(("a",))
    store.get(("c",), lambda: b"x" * 40)
    assert [store.has(key) for key in (("own", "1"), ("a",), ("b",), ("c",))] == [True, True, False, True]
    store.get(("large",), lambda: b"x" * 1000)  # kept nevertheless: it is on show
    assert store.has(("large",)) and not store.has(("a",)) and store.has(("own", "1"))


def test_own_things_are_refused_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(max_own_bytes=100)
    _as(monkeypatch, "A")
    store.hold("own", "1", b"x" * 60)
    _as(monkeypatch, "B")
    with pytest.raises(FullError) as full:
        store.hold("own", "2", b"x" * 60)
    assert full.value.text == module.FULL and store.brought("own") is None
    _as(monkeypatch, "A")
    store.hold("own", "3", b"x" * 90)  # in place of what it was
    assert store.bytes == 90 and store.brought("own") == "3"
    with pytest.raises(FullError):
        store.hold("own", "4", b"x" * 110)
    assert store.find(("own", "3")) and store.brought("own") == "3"  # what there was stays
    assert all(text(lang) for text in (module.FULL, module.MINE_FULL) for lang in ("en", "zh"))


def test_a_session_holds_one_thing_of_a_kind_whatever_becomes_of_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each upload is kept before the page's next run notes it; runs that are broken off leave nothing behind."""
    store = Store()
    _as(monkeypatch, "A")
    for n in range(20):
        store.hold("own_model", f"{n}", torch.nn.Linear(99, 1))
        store.get((f"{n}", "run"), lambda: b"1234")
    assert store.bytes == 2 * 400 + 4  # a model counts with the copy that runs
    assert store.brought("own_model") == "19" and store.brought("own") is None


def test_one_visitors_tabs_have_a_share_and_leave_the_rest_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARE", 100)
    monkeypatch.setattr(module, "is_there", lambda session: session not in gone)
    gone: set[str] = set()
    store = Store(max_own_bytes=1000)
    for session in ("1", "2"):
        _as(monkeypatch, session, "A")
        store.hold("own", session, b"x" * 45)
    _as(monkeypatch, "3", "A")
    with pytest.raises(FullError) as full:
        store.hold("own", "3", b"x" * 45)
    assert full.value.text == module.MINE_FULL
    gone.add("1")
    store.hold("own", "3", b"x" * 45)  # what a closed tab brought goes first
    assert [store.has(("own", n)) for n in "123"] == [False, True, True]
    _as(monkeypatch, "4", "B")
    store.hold("own", "4", b"x" * 90)


def test_what_belongs_to_nobody_who_is_there_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    _as(monkeypatch, "A")
    store.get(("shared",), lambda: b"1")
    store.get(("A's",), lambda: b"2")
    store.hold("own", "picture", b"3")
    _as(monkeypatch, "B")
    store.get(("shared",), lambda: b"4")
    store.sweep({"A", "B"}.__contains__)
    assert store.bytes == 3
    store.sweep({"B"}.__contains__)
    with store._lock:
        assert set(store._entries) == {("shared",), ("own", "picture")}  # a picture outlives a broken connection
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.GRACE + 1)
    store.sweep({"B"}.__contains__)
    with store._lock:
        assert set(store._entries) == {("shared",)}
    store.sweep(set[str]().__contains__)
    assert store.bytes == 0 and not store._visitors and not store._brought


def test_who_comes_back_in_time_finds_own_things(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    _as(monkeypatch, "A")
    store.hold("own", "picture", b"3")
    now = module.time.monotonic()
    for later, there in ((100, set[str]()), (140, {"A"}), (250, set[str]()), (280, {"A"})):
        monkeypatch.setattr(module.time, "monotonic", lambda later=later: now + later)
        store.sweep(there.__contains__)
        assert store.find(("own", "picture")) == b"3"


def test_a_picture_of_two_stays_until_both_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    for session in "AB":
        _as(monkeypatch, session)
        store.hold("own", "picture", b"3")
        store.get(("picture", "run"), lambda: b"4")
    store.hold("own", "B's next", b"")
    assert store.bytes == 2
    _as(monkeypatch, "A")
    store.hold("own", "A's next", b"")
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
