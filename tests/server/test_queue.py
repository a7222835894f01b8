"""The queue for everything that is computed: one at a time, in order, with a place that can be seen and given up."""

import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from topformer_viz.server.queue import QUEUE, Queue
from topformer_viz.server.start import start


class LeftError(Exception):
    """What Streamlit's calls raise when the visitor has gone."""


@pytest.fixture
def busy() -> Iterator[tuple[Queue, threading.Event]]:
    """A queue whose thread works until the event is set."""
    queue, done, begun = Queue(3), threading.Event(), threading.Event()

    def task() -> bool:
        begun.set()
        return done.wait(60)

    threading.Thread(target=queue.run, args=(task,)).start()
    assert begun.wait(60)
    yield queue, done
    done.set()


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


def test_a_full_queue_says_so_and_is_served_in_order(busy: tuple[Queue, threading.Event]) -> None:
    queue, done = busy
    served: list[int] = []
    waiting = []
    for n in range(3):
        thread = threading.Thread(target=queue.run, args=(lambda n=n: served.append(n),))
        thread.start()
        while queue.waiting < n + 2:
            pass
        waiting.append(thread)
        assert queue.is_full() == (queue.waiting >= 3)
    done.set()
    for thread in waiting:
        thread.join(60)
    assert served == [0, 1, 2]
    assert queue.waiting == 0


def test_who_leaves_the_line_is_not_computed_for(busy: tuple[Queue, threading.Event]) -> None:
    queue, done = busy
    ran = []

    def gone(before: int) -> None:
        raise LeftError

    with pytest.raises(LeftError):
        queue.run(lambda: ran.append(1), gone)
    assert queue.waiting == 1  # the one at work
    done.set()
    assert queue.run(lambda: "next") == "next" and not ran


def test_who_leaves_mid_way_holds_nobody_up() -> None:
    queue, done, finished = Queue(3), threading.Event(), []

    def task() -> None:
        done.wait(60)
        finished.append(1)

    def gone(before: int) -> None:
        done.set()
        raise LeftError

    with pytest.raises(LeftError):
        queue.run(task, gone)
    assert queue.run(lambda: list(finished)) == [1]  # the computation came to its end, then the next one's turn
    assert queue.waiting == 0


def test_sessions_own_threads_leave_the_cores_to_the_queue() -> None:
    counted: list[int] = []
    torch.set_num_threads(3)
    start.__wrapped__()
    thread = threading.Thread(target=lambda: counted.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert counted == [1]
    assert QUEUE.run(torch.get_num_threads) >= 1
