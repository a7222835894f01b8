"""One queue for everything that is computed: visitors wait in line, see their place, and are served in turn.

However many visitors, one computation is at work at a time: two side by side would only slow each other down, and the
rest of the machine goes on answering those who look at what is there already. Long ones come in pieces (``pause``), between
which it is others' turn.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import streamlit as st
import torch

from topformer_viz.network.pauses import PAUSE
from topformer_viz.server.visitors import is_there, session, visitor
from topformer_viz.words.text import Text

T = TypeVar("T")

BOUND = 16  # waiting visitors from which on a server takes no new ones (serve.py)
LOOK = 0.5  # seconds between two looks at one's place in line
STARTED = 4  # computations that may have begun: one at work, the others between two pieces
HELD = 500_000_000  # bytes that these may hold meanwhile
LONG = 8  # visitors who may wait for something long, a file or a measurement
IN_A_ROW = 4  # views after which a piece of that has its turn

MINE = Text(
    "Something that takes longer, a file or a measurement, is being made for you already. Please ask again when that is done.",
    "你要的另一项耗时较长的内容（文件或测量）正在进行，请等它完成后再试。",
)
BUSY = Text(
    "{waiting} visitors already wait for something that takes longer, such as a file. Please try again in a minute.",
    "已有 {waiting} 位访客在等待文件等耗时较长的内容，请一分钟后再试。",
)


class BusyError(Exception):
    """No place in line for something long; ``text`` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(text("en"))
        self.text = text


class LeftError(Exception):
    """Ends a computation that nobody waits for any more."""


@dataclass(eq=False)
class _Job:
    task: Callable[[], Any]
    visitor: str
    is_long: bool
    holds: int  # bytes, between two pieces
    ready: int  # the turn since which it might have had one: its first in line, or the one after its visitor's last
    future: Future[Any] = field(default_factory=Future)
    started: bool = False
    left: bool = False  # nobody waits for it


class Queue:
    """Visitors in turn, of each one view and one thing that takes longer at a time; views go first."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._change = threading.Condition()
        self._jobs: list[_Job] = []  # in the order they came, with the one at work
        self._at_work: _Job | None = None
        self._turns = self._views_in_a_row = 0
        self._threads = ThreadPoolExecutor(STARTED, "queue", self._begin)
        self._here = threading.local()

    def begin(self) -> None:
        """Start the threads that compute, on all cores but one; else they start when they are needed."""
        all_there = threading.Barrier(STARTED)
        for thread in [self._threads.submit(all_there.wait) for _ in range(STARTED)]:
            thread.result()

    def _begin(self) -> None:
        torch.get_num_threads()  # else the thread's first computation would set it back
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
        PAUSE.set(self._pause)

    @property
    def waiting(self) -> int:
        """How many visitors wait for a view, or have one computed."""
        with self._change:
            return len({job.visitor for job in self._jobs if not job.is_long})

    def is_full(self) -> bool:
        """Whether as many wait as a visitor should have to wait for."""
        return self.waiting >= self.bound

    def run(
        self, task: Callable[[], T], show: Callable[[int], object] = lambda before: None, is_long: bool = False, holds: int = 0
    ) -> T:  # fmt: skip
        """What ``task`` returns or raises, once its turn has come.

        Meanwhile ``show`` is told twice a second how many turns are before it. If it raises, as Streamlit's calls do
        when the visitor has chosen anew, or the visitor has left, the place in line is given up; a computation at work ends at its next
        ``pause``. ``is_long``: it takes many seconds, such as a file; ``BusyError`` where the visitor has such a thing in the making, or
        too many wait. ``holds``: bytes that it keeps between two pieces. Called within a task it runs at once.
        """
        if getattr(self._here, "job", None):
            return task()
        who = session()
        with self._change:
            job = _Job(task, visitor(), is_long, holds, self._turns)
            if is_long:
                self._refuse(job)
            self._jobs.append(job)
            self._hand_on()
        try:
            while True:
                try:
                    return job.future.result(LOOK)
                except TimeoutError:
                    if job.future.done():  # meanwhile, or the error is the task's own
                        return cast(T, job.future.result())
                if not is_there(who):
                    st.stop()
                show(self._before(job))
        finally:
            with self._change:
                job.left = True
                if not job.started:
                    self._jobs.remove(job)
            del job  # its error's traceback leads here: a ring that would keep all tensors of a task that failed

    def _refuse(self, job: _Job) -> None:
        waiting = {other.visitor for other in self._jobs if other.is_long and not other.left}
        if job.visitor in waiting:
            raise BusyError(MINE)
        if len(waiting) >= LONG:
            raise BusyError(BUSY.format(waiting=len(waiting)))

    def _before(self, job: _Job) -> int:
        """How many turns are before the job's first."""
        with self._change:
            if job.started:
                return 0
            line = [other for other in self._jobs if other.is_long == job.is_long and not other.started]
            own = _line_of(job.visitor, line).index(job)
            turns = 1 if self._at_work else 0
            for other in {other.visitor for other in line} - {job.visitor}:
                first = _first(other, line) < _first(job.visitor, line)
                turns += min(len(_line_of(other, line)), own + first)
            return turns + own

    # ---- all below: with the lock

    def _hand_on(self) -> None:
        """Give the turn, where nobody has it, to whom it belongs."""
        if self._at_work or (job := self._next()) is None:
            return
        self._at_work = job
        self._turns += 1
        for own in _line_of(job.visitor, self._jobs):
            own.ready = self._turns + 1  # behind who comes while this one is at work
        self._views_in_a_row = 0 if job.is_long else self._views_in_a_row + 1
        if job.started:
            self._change.notify_all()
        else:
            job.started = True
            self._threads.submit(self._work)

    def _next(self) -> _Job | None:
        ready = [job for job in self._jobs if self._can_go_on(job)]
        files = [job for job in ready if job.is_long]
        if files and self._views_in_a_row >= IN_A_ROW:
            ready = files
        # Stable: of those who are ready since the same turn, and so of one visitor's, who came first.
        return min(ready, key=lambda job: (job.is_long, job.ready), default=None)

    def _can_go_on(self, job: _Job) -> bool:
        """Whether a job may have the turn: one that has begun, or that may begin beside those."""
        if job.started:
            return True
        begun = [other for other in self._jobs if other.started]
        alike = [other for other in begun if other.is_long == job.is_long]
        if (job.is_long and alike) or any(other.visitor == job.visitor for other in alike):
            return False
        if not job.is_long and len(alike) >= STARTED - 1:  # a thread is left for what takes longer
            return False
        return not begun or sum(other.holds for other in begun) + job.holds <= HELD

    # ---- in the threads that compute

    def _work(self) -> None:
        """Do the job whose turn it is. Not given to the thread: what a thread was given is kept by an error's traceback."""
        job = self._at_work
        assert job
        self._here.job = job
        result, error = None, None
        try:
            result = job.task()
        except BaseException as raised:
            error = raised
        self._here.job = None
        with self._change:
            self._jobs.remove(job)
            self._at_work = None
            self._hand_on()
        if error is None:
            job.future.set_result(result)
        elif not job.left:
            job.future.set_exception(error)
        del error, job  # a ring likewise

    def _pause(self) -> None:
        """Let others come between, as many as have a turn before this one has it again; ``LeftError`` where nobody waits for it."""
        job: _Job = self._here.job
        with self._change:
            self._at_work = None
            self._hand_on()
            self._change.wait_for(lambda: self._at_work is job)
        if job.left:
            raise LeftError


def _line_of(who: str, line: list[_Job]) -> list[_Job]:
    """A visitor's own part of the line."""
    return [job for job in line if job.visitor == who]


def _first(who: str, line: list[_Job]) -> tuple[int, int]:
    """Which visitor's has the smallest comes first: since when its first job is ready, and where in line that stands."""
    return next((job.ready, n) for n, job in enumerate(line) if job.visitor == who)


QUEUE = Queue(BOUND)
