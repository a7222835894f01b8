"""A browser as a slower machine would run it: all its processes on one core, or each only a part of the time."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser

SLICE = 0.005  # seconds that a slowed process runs at a stretch, less than a frame
CAN_PIN = hasattr(os, "sched_setaffinity")  # Linux


def processes(browser: Browser) -> list[int]:
    """The ids of a Chromium's processes, its pages' among them."""
    session = browser.new_browser_cdp_session()
    told = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return [process["id"] for process in told]


@contextmanager
def on_one_core(ids: Sequence[int]) -> Iterator[None]:
    """All threads of these processes share one core; afterwards they may use those that we may."""
    cores = os.sched_getaffinity(0)
    _pin(ids, {min(cores)})
    try:
        yield
    finally:
        _pin(ids, cores)


def _pin(ids: Sequence[int], cores: set[int]) -> None:
    for process in ids:
        with suppress(FileNotFoundError):  # it has ended
            for thread in list(Path(f"/proc/{process}/task").iterdir()):
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), cores)


@contextmanager
def slowed(ids: Sequence[int], times: float) -> Iterator[None]:
    """Of so many parts of the time these processes run for one; for the others they are stopped, with all their threads."""
    over = threading.Event()

    def send(what: signal.Signals) -> None:
        for process in ids:
            with suppress(ProcessLookupError):  # it has ended
                os.kill(process, what)

    def pulse() -> None:
        owed = 0.0  # seconds of standstill; what is late by some is made up for by the next
        while not over.is_set():
            start = time.perf_counter()
            time.sleep(SLICE)
            stopped = time.perf_counter()
            owed += (times - 1) * (stopped - start)
            send(signal.SIGSTOP)
            time.sleep(max(0.0, owed))
            send(signal.SIGCONT)
            owed -= time.perf_counter() - stopped

    pulsing = threading.Thread(target=pulse)
    pulsing.start()
    try:
        yield
    finally:
        over.set()
        pulsing.join()
