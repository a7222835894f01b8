"""Many images on this machine: one after another, or each in a process."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import torch

from topformer_viz.figures.order import Order
from topformer_viz.terminal.export.files import Jobs, Tell, write
from topformer_viz.terminal.export.picture import one_thread


def here(jobs: Jobs, order: Order, tell: Tell) -> Iterator[str]:
    """Every image in this process; what went wrong with each, "" if nothing."""
    for image, place in jobs:
        with one_thread():  # as the workers have
            complaint = write(image, place, order, tell)
        yield complaint


def apart(jobs: Jobs, order: Order, workers: int, tell: Tell) -> Iterator[str]:
    """Every image in one of several processes; what went wrong with each, in the images' order."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker) as pool:
        try:
            with _workers_ignore_interrupts():
                waiting = [pool.submit(_work, image, place, order) for image, place in jobs]
            for future, (image, place) in zip(waiting, jobs, strict=True):
                try:
                    files, complaint = future.result()
                except BrokenProcessPool:  # one process that ends takes the others along
                    files, complaint = _alone(image, place, order)
                for file in files:
                    tell(file)
                yield complaint
        except BaseException:  # above all Ctrl-C
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _alone(image: str, place: str, order: Order) -> tuple[list[object], str]:
    """One image in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _start_worker) as pool:
        with _workers_ignore_interrupts():
            future = pool.submit(_work, image, place, order)
        try:
            return future.result()
        except BrokenProcessPool:
            return [], f"{image}: the process at work on it was ended, perhaps for want of memory"


def _work(image: str, place: str, order: Order) -> tuple[list[object], str]:
    files: list[object] = []
    return files, write(image, place, order, files.append)


def _start_worker() -> None:
    """One thread a process; and no process outlives the one that started it, however that one ends."""
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _workers_ignore_interrupts() -> Iterator[None]:
    """What is started meanwhile leaves Ctrl-C to this process, which ends them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def cores() -> int:
    """How many of the machine's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
