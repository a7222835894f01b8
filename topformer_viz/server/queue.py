"""One queue for everything that is computed: a thread works, sessions wait in line and see their place.

However many visitors, one computation runs at a time. The rest of the machine goes on answering those who look at what
is there already; two computations side by side would only slow each other down.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

BOUND = 16  # waiting computations from which on a server takes no new visitors (serve.py)
LOOK = 0.5  # seconds between two looks at one's place in line


class Queue:
    """First come, first served, by a single thread."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._line: list[Future[Any]] = []
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "queue", self._begin)
        self._thread: threading.Thread | None = None

    def _begin(self) -> None:
        self._thread = threading.current_thread()

    @property
    def waiting(self) -> int:
        """How many computations are in line, with the one at work."""
        return len(self._line)

    def is_full(self) -> bool:
        """Whether as many wait as a visitor should have to wait for."""
        return self.waiting >= self.bound

    def run(self, task: Callable[[], T], show: Callable[[int], object] = lambda before: None) -> T:
        """What ``task`` returns or raises, once its turn has come.

        Meanwhile ``show`` is told twice a second how many are before it. If it raises, as Streamlit's calls do
        when the visitor has left or chosen anew, the place in line is given up; a computation at work is finished, and
        nobody waits for it. Called within a task it runs at once.
        """
        if threading.current_thread() is self._thread:
            return task()
        with self._lock:
            future = self._worker.submit(task)
            self._line.append(future)
        future.add_done_callback(self._leave)
        try:
            while True:
                try:
                    return future.result(LOOK)
                except TimeoutError:
                    if future.done():  # the task's own
                        raise
                show(self._before(future))
        finally:
            future.cancel()

    def _before(self, future: Future[Any]) -> int:
        with self._lock:
            return self._line.index(future) if future in self._line else 0

    def _leave(self, future: Future[Any]) -> None:
        with self._lock:
            self._line.remove(future)


QUEUE = Queue(BOUND)
