"""The queue for everything that is computed: visitors in turn, one at work, with a place that can be seen and given up."""

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest
import torch
from serving import wait_for

from topformer_viz.network.pauses import pause
from topformer_viz.server import queue as module
from topformer_viz.server.queue import HELD, IN_A_ROW, LONG, BusyError, LeftError, Queue
from topformer_viz.server.start import _start

_visitor = threading.local()


class GoneError(Exception):
    """What Streamlit's calls raise when the visitor has chosen anew."""


@pytest.fixture(autouse=True)
def _visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread's visitor is whom ``ask`` names."""
    monkeypatch.setattr(module, "visitor", lambda: getattr(_visitor, "name", ""))


@pytest.fixture
def busy() -> Iterator[tuple[Queue, threading.Event]]:
    """A queue that is at work until the event is set, for somebody whom no test names."""
    queue, done, begun = Queue(3), threading.Event(), threading.Event()

    def task() -> bool:
        begun.set()
        return done.wait(60)

    ask(queue, "somebody", task)
    assert begun.wait(60)
    yield queue, done
    done.set()


def ask(queue: Queue, visitor: str, task: Callable[[], object], **how: bool | int) -> threading.Thread:
    """A session of the visitor's that waits for the task; comes back once it stands in line."""
    before = len(queue._jobs)

    def session() -> None:
        _visitor.name = visitor
        queue.run(task, **how)  # type: ignore[arg-type]

    thread = threading.Thread(target=session)
    thread.start()
    wait_for(lambda: len(queue._jobs) > before or not thread.is_alive())
    return thread


def finish(done: threading.Event, *threads: threading.Thread) -> None:
    done.set()
    for thread in threads:
        thread.join(60)


def test_a_task_gives_what_it_returns_or_raises() -> None:
    queue = Queue(1)
    assert queue.run(lambda: 7) == 7
    for error in (KeyError, TimeoutError):
        with pytest.raises(error):
            queue.run(_raising(error))
    assert queue.run(lambda: queue.run(lambda: 8)) == 8  # from within it does not wait for itself
    assert queue.waiting == 0 and not queue.is_full()


def _raising(error: type[Exception]) -> Callable[[], None]:
    def task() -> None:
        raise error

    return task


def test_who_waits_sees_the_place_and_it_shrinks(busy: tuple[Queue, threading.Event]) -> None:
    queue, done = busy
    seen: list[int] = []

    def show(before: int) -> None:
        seen.append(before)
        if len(seen) == 2:
            done.set()

    assert queue.run(lambda: "mine", show) == "mine"
    assert seen[:2] == [1, 1] and set(seen[2:]) <= {0, 1}


def test_visitors_are_served_in_turn_and_each_counts_once(busy: tuple[Queue, threading.Event]) -> None:
    """However many tabs one has: the other waits for one of them, not for all."""
    queue, done = busy
    served: list[str] = []
    names = ["A"] * 17 + ["B", "C", "B"]
    threads = [ask(queue, name, lambda name=name: served.append(name)) for name in names]  # type: ignore[misc]
    assert queue.waiting == 4 and queue.is_full()  # A, B, C and the one at work
    finish(done, *threads)
    assert served == ["A", "B", "C", "A", "B", *["A"] * 15]
    assert queue.waiting == 0


def test_nobody_new_comes_before_who_waits() -> None:
    """However many strangers come, each with a cookie of its own, one after another."""
    queue, done, served = Queue(3), threading.Event(), list[str]()
    _visitor.name = "Anne"
    queue.run(lambda: None)  # she has had a turn before

    def stranger(n: int) -> None:
        served.append(f"stranger {n}")
        if n < 5:
            threads.append(ask(queue, f"stranger {n + 1}", lambda: stranger(n + 1)))

    threads = [ask(queue, "somebody", lambda: done.wait(60))]
    threads += [ask(queue, "stranger 1", lambda: stranger(1)), ask(queue, "Anne", lambda: served.append("Anne"))]
    done.set()
    wait_for(lambda: len(served) == 6)
    for thread in threads:
        thread.join(60)
    assert served[:2] == ["stranger 1", "Anne"]


def test_a_place_in_line_counts_turns_not_sessions(busy: tuple[Queue, threading.Event]) -> None:
    queue, done = busy
    threads = [ask(queue, name, lambda: None) for name in ["A"] * 9 + ["B"]]
    told: list[int] = []

    def show(before: int) -> None:
        told.append(before)
        done.set()

    _visitor.name = "C"
    queue.run(lambda: None, show)
    assert told[0] == 3  # the one at work, A once, and B
    finish(done, *threads)


def test_who_chose_anew_is_not_computed_for(busy: tuple[Queue, threading.Event]) -> None:
    queue, done = busy
    ran = []

    def gone(before: int) -> None:
        raise GoneError

    with pytest.raises(GoneError):
        queue.run(lambda: ran.append(1), gone)
    assert queue.waiting == 1  # the one at work
    done.set()
    assert queue.run(lambda: "next") == "next" and not ran


def test_work_of_who_has_left_ends_at_its_next_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's thread ends, too: nobody is told anything any more."""
    queue, here, pieces = Queue(3), [True], []
    ended = threading.Event()
    monkeypatch.setattr(module, "LOOK", 0.01)
    monkeypatch.setattr(module, "is_there", lambda session: here[0])
    monkeypatch.setattr(module.st, "stop", _raising(GoneError))

    def task() -> None:
        try:
            while True:
                pieces.append(1)
                time.sleep(0.001)
                pause()
        except LeftError:
            ended.set()
            raise

    def leave(before: int) -> None:
        here[0] = not pieces

    with pytest.raises(GoneError):
        queue.run(task, leave)
    assert ended.wait(60)
    here[0] = True
    assert queue.run(lambda: len(pieces)) == len(pieces)


def test_between_two_pieces_of_one_visitors_work_others_come() -> None:
    queue, go_on, seen = Queue(9), threading.Event(), []

    def long() -> None:
        for n in range(3):
            seen.append(f"piece {n}")
            go_on.wait(60)
            pause()

    threads = [ask(queue, "A", long)]
    wait_for(lambda: bool(seen))
    threads += [ask(queue, name, lambda name=name: seen.append(name)) for name in "BCA"]  # type: ignore[misc]
    finish(go_on, *threads)
    assert seen == ["piece 0", "B", "C", "piece 1", "piece 2", "A"]  # of one visitor one thing at a time


def test_a_file_is_made_while_views_are_and_they_go_first(busy: tuple[Queue, threading.Event]) -> None:
    queue, done = busy
    seen: list[str] = []

    def file() -> None:
        for _ in range(2):
            seen.append("file")
            pause()

    threads = [ask(queue, "A", file, is_long=True)]
    names = [*"ABCDEFGH"]
    threads += [ask(queue, name, lambda name=name: seen.append(name)) for name in names]  # type: ignore[misc]
    assert queue.waiting == 1 + len(names)  # the file is none
    finish(done, *threads)
    turns = iter(names)
    first, second = seen.index("file"), seen.index("file", seen.index("file") + 1)
    assert [name for name in seen if name != "file"] == list(turns)
    assert first == IN_A_ROW - 1 and second == first + IN_A_ROW + 1  # the one at work was a view, too


def test_one_file_a_visitor_and_no_more_than_so_many(busy: tuple[Queue, threading.Event]) -> None:
    queue, done = busy
    threads = [ask(queue, f"{n}", lambda: None, is_long=True) for n in range(LONG)]
    _visitor.name = "0"
    with pytest.raises(BusyError) as mine:
        queue.run(lambda: None, is_long=True)
    _visitor.name = "new"
    with pytest.raises(BusyError, match=f"{LONG} visitors already") as busy_:
        queue.run(lambda: None, is_long=True)
    assert mine.value.text == module.MINE and all(busy_.value.text(lang) for lang in ("en", "zh"))
    finish(done, *threads)
    assert queue.run(lambda: "a file", is_long=True) == "a file"


def test_what_would_hold_too_much_begins_after_what_holds_it_now() -> None:
    queue, go_on, begun, seen = Queue(9), threading.Event(), threading.Event(), []

    def holding(name: str) -> Callable[[], None]:
        def task() -> None:
            seen.append(name)
            begun.set()
            go_on.wait(60)
            pause()
            seen.append(f"{name} done")

        return task

    threads = [ask(queue, "A", holding("large"), holds=HELD)]
    assert begun.wait(60)
    threads += [ask(queue, "B", holding("large too"), holds=HELD // 2), ask(queue, "C", holding("small"))]
    finish(go_on, *threads)
    assert seen.index("small") < seen.index("large done") < seen.index("large too")


def test_sessions_own_threads_leave_the_cores_to_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    monkeypatch.setattr(module.os, "cpu_count", lambda: 4)
    queue = Queue(1)
    monkeypatch.setattr("topformer_viz.server.start.QUEUE", queue)
    torch.set_num_threads(3)
    _start.__wrapped__()
    thread = threading.Thread(target=lambda: counted.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert counted == [1]
    for _ in range(9):  # whichever of its threads it is
        queue.run(lambda: torch.ones(500, 500).exp())
        assert queue.run(torch.get_num_threads) == 3


class Tensors:
    """What a task has in hand."""


@pytest.mark.parametrize("error", [LeftError, ValueError])
def test_what_a_task_had_in_hand_goes_with_its_error(error: type[Exception]) -> None:
    queue, kept = Queue(1), list[weakref.ref[Tensors]]()

    def task() -> None:
        tensors = Tensors()
        kept.append(weakref.ref(tensors))
        raise error

    gc.collect()
    gc.disable()  # which would find rings, much later
    try:
        with contextlib.suppress(error):  # pytest.raises would keep it
            queue.run(task)
        wait_for(lambda: kept[0]() is None)
    finally:
        gc.enable()
