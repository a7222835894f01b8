"""The command ``export``: pictures in, files out. What is asked for, one picture's files, and many pictures on all cores
or on a Dask cluster."""

import asyncio
import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

import torch
from PIL import Image
from tqdm import tqdm

from topformer_viz.app.explorer.file import explorer_html
from topformer_viz.app.explorer.payload import MAX_TOKENS
from topformer_viz.app.lesson.takeaway import lesson_zip
from topformer_viz.console import lenient
from topformer_viz.figures.animation import gif
from topformer_viz.figures.look import FORMATS as FIGURES
from topformer_viz.figures.order import OVERVIEW, SHAPE, Order, OrderError, _from_1
from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.sheet import save
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.network.begin import with_batch_statistics
from topformer_viz.network.choices import MODELS
from topformer_viz.network.colour import MIN_GRID, Model
from topformer_viz.network.images import ImageError, open_image
from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.model import DENSE_TOKENS, SIZES
from topformer_viz.network.weights import load_checkpoint, load_model
from topformer_viz.run.tracing import TooLargeError, Trace, npz, trace
from topformer_viz.run.walk import walk
from topformer_viz.words.misspelt import known

MATRICES = ("scores", "weights")  # the stages that a run of many tokens does not have
ANSWER_SECONDS = 5  # how long a Dask scheduler may take to answer


class ClusterError(RuntimeError):
    """Dask is not installed, or no scheduler with workers is at the address, or the cluster went away; the message says."""


def check(order: Order) -> None:
    """OrderError if the model has no such stage, block or head; and what ``load_model`` raises."""
    model = _model(order.model, MIN_GRID)  # how many tokens there are in the end, each picture's run tells
    stages = list(walk(trace(model, Image.new("RGB", (128, 128))), 0))
    for stage in order.stages or ():
        if stage != OVERVIEW and stage.removesuffix(SHAPE) not in stages:
            raise OrderError(
                f"no stage {stage!r}: choose from {', '.join(stages)}, each also with {SHAPE} behind it, or {OVERVIEW}"
            )
    for what, asked, count in (("block", order.blocks, model.num_blocks), ("head", order.heads, model.num_heads)):
        if any(not 0 <= n < count for n in asked or ()):
            raise OrderError(f"no {what} {_from_1(asked)}: this model has {what}s {_from_1(range(count))}")


def export_image(data: bytes, name: str, order: Order) -> Iterator[tuple[str, bytes]]:
    """The files made of one picture, one after another: what follows its stem in each one's path, and the bytes.

    ``data`` is an image file, ``name`` what figures call it. The same arguments give the same bytes, wherever it runs.
    Raises ImageError, TooLargeError, OrderError where the run has more tokens than the stages asked for may have, and
    ValueError for a stage, block or head that it never has.
    """
    subject = _subject(data, name, order)
    blocks = range(subject.model.num_blocks) if order.blocks is None else order.blocks
    heads: Sequence[int | None] = (None,) if order.heads is None else order.heads
    have = walk(subject.run, 0)
    for block in blocks:
        for head in heads:
            subject.must_have(block, head)
    for stage in order.stages or ():
        if stage.removesuffix(SHAPE) not in MATRICES:
            known("stage", stage.removesuffix(SHAPE), (*have, OVERVIEW))
    if missing := [stage for stage in order.stages or () if stage.removesuffix(SHAPE) not in (*have, OVERVIEW)]:
        raise OrderError(
            f"at {subject.run.sizes['HW']:,} tokens there is no {', '.join(missing)}: matrices are stored of up to "
            f"{DENSE_TOKENS:,}; ask for a smaller size"
        )
    figures = [format for format in FIGURES if format in order.formats]
    if figures:
        for panel in _panels(subject, blocks, heads, order.stages):
            for format in figures:
                yield f"/{panel.name}.{format}", save(panel, format, order.look, order.scale)
    for block in blocks:
        for head in heads:
            view = f"block{block + 1}" + ("" if head is None else f"-head{head + 1}")
            if "gif" in order.formats:
                yield f"/{view}-lesson.gif", gif(subject, block, head, order.look)
            if "zip" in order.formats:
                only = Order(
                    order.model, order.size, order.grid, (block,), None if head is None else (head,),
                    formats=("zip",), lang=order.lang, look=order.look,
                )  # fmt: skip
                command, trained = (
                    only.command(name if name[0] != "-" else f"./{name}", "lesson"),
                    order.model == "streets",
                )
                yield (
                    f"/{view}-lesson.zip",
                    lesson_zip(subject, block, head, order.look, command, trained=trained),
                )
    if "html" in order.formats:
        page = explorer_html(
            subject.run, subject.model, subject.photo, order.lang, name=name, about=subject.about,
            untrained=subject.untrained,
        )  # fmt: skip
        yield ".html", page.encode()
    if "npz" in order.formats:
        names = None if order.stages is None else _traced(subject.run, blocks, order.stages)
        about = {"model": subject.about, "picture": name, "pixels": list(subject.photo.size)}
        yield "/trace.npz", npz(subject.run, names, about)


@lenient()
def export_all(
    images: Sequence[str], out: str, order: Order, workers: int | None = None, cluster: str | None = None
) -> bool:
    """Write every picture's files to OUT/STEM/NAME.EXT (the explorer to OUT/STEM.html) and print their paths.

    On all cores (or ``workers``), no more pictures in memory than there are workers; or on the Dask cluster whose
    scheduler is at the address ``cluster``, ClusterError where that cannot be. What could not be done is said on
    standard error, a sentence a picture, and does not stop the rest. Returns whether all was done. A script that calls
    this needs the usual ``if __name__ == "__main__"``: the workers import it.
    """
    jobs = list(zip(images, (str(Path(out) / stem) for stem in stems(images)), strict=True))
    workers = min(workers or _cores(), len(jobs))
    good = True

    def tell(text: object, stream: TextIO | None = None) -> None:
        with tqdm.external_write_mode():
            print(_printable(str(text)), file=stream)

    if cluster is not None:
        complaints = _on_cluster(jobs, order, cluster, tell)
    elif workers > 1:
        complaints = _apart(jobs, order, workers, tell)
    else:
        complaints = _here(jobs, order, tell)
    with tqdm(total=len(jobs), unit="picture", disable=None) as bar:
        for complaint in complaints:
            if complaint:
                good = False
                tell(f"topformer-viz: {complaint}", sys.stderr)
            bar.update()
    return good


def stems(images: Sequence[str]) -> list[str]:
    """A name for each picture's folder: its stem, with a number behind it where that is taken, on any file system."""
    found: list[str] = []
    taken: set[str] = set()
    for image in images:
        own = stem = Path(image).stem.strip(". ") or "picture"
        n = 1
        while {unicodedata.normalize("NFC", name).casefold() for name in (stem, f"{stem}.html")} & taken:
            n += 1
            stem = f"{own}-{n}"
        taken |= {unicodedata.normalize("NFC", name).casefold() for name in (stem, f"{stem}.html")}
        found.append(stem)
    return found


Tell = Callable[[object], None]
Jobs = Sequence[tuple[str, str]]


def _here(jobs: Jobs, order: Order, tell: Tell) -> Iterator[str]:
    for image, place in jobs:
        with _one_thread():  # as the workers have
            complaint = _write(image, place, order, tell)
        yield complaint


def _apart(jobs: Jobs, order: Order, workers: int, tell: Tell) -> Iterator[str]:
    """Every picture in one of several processes; what each of them says, in the pictures' order."""
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
    """One picture in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _start_worker) as pool:
        with _workers_ignore_interrupts():
            future = pool.submit(_work, image, place, order)
        try:
            return future.result()
        except BrokenProcessPool:
            return [], f"{image}: the process at work on it was ended, perhaps for want of memory"


def _work(image: str, place: str, order: Order) -> tuple[list[object], str]:
    files: list[object] = []
    return files, _write(image, place, order, files.append)


def _write(image: str, place: str, order: Order, tell: Tell) -> str:
    """Write one picture's files and tell each; returns what went wrong, in a sentence, "" if nothing."""
    try:
        for end, content in export_image(Path(image).read_bytes(), _printable(Path(image).name), order):
            tell(_put(place, end, content))
    except Exception as error:  # whatever it is, the other pictures come out
        return _complaint(image, error)
    return ""


def _put(place: str, end: str, content: bytes) -> Path:
    file = Path(f"{place}{end}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def _complaint(image: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or image}: {error.strerror or error}"
    if isinstance(error, ImageError | TooLargeError | OrderError):
        return f"{image}: {error}"
    return f"{image}: {type(error).__name__}: {error}"


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


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _printable(text: str) -> str:
    """One line without control characters; names on disk need not be text.

    Where Python takes names for ASCII (LC_ALL=C), their bytes mostly are UTF-8 all the same.
    """
    known = text.encode("utf-8", sys.getfilesystemencodeerrors()).decode("utf-8", "replace")
    text = re.sub(r"\s+", " ", known)
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", "\ufffd", text)


# On a Dask cluster: the workers share no disk with this process, so a picture travels as bytes, and so do its files


Made = tuple[list[tuple[str, bytes]], str]  # files, and what went wrong


def _on_cluster(jobs: Jobs, order: Order, address: str, tell: Tell) -> Iterator[str]:
    """Every picture on a worker of the cluster, its files written here; what is said of each, in the pictures' order.

    On their way are at most two pictures for each of the cluster's threads.
    """
    ahead = 2 * _threads_at(address)
    from dask import config
    from distributed import Client, KilledWorker

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it would say comes below, in a sentence
    with (
        config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}),  # pictures are meant to travel
        Client(address, timeout=ANSWER_SECONDS, set_as_default=False) as client,
    ):
        # A task of its own: workers hand it on to each other, and it is made again where the one that had it is gone.
        checkpoint = None if order.model in MODELS else client.submit(bytes, Path(order.model).read_bytes())

        def send(image: str) -> Any:
            """A future of Made, or the complaint that the picture cannot be read."""
            try:
                data = Path(image).read_bytes()
            except OSError as error:
                return _complaint(image, error)
            return client.submit(_make, image, _printable(Path(image).name), data, order, checkpoint, pure=False)

        waiting = deque(send(image) for image, _ in jobs[:ahead])
        for n, (image, place) in enumerate(jobs):
            sent = waiting.popleft()
            files: list[tuple[str, bytes]] = []
            try:
                files, complaint = ([], sent) if isinstance(sent, str) else sent.result()
                for end, content in files:
                    tell(_put(place, end, content))
            except KilledWorker:
                complaint = f"{image}: the workers at work on it were ended, perhaps for want of memory"
            except Exception as error:
                if client.status != "running":
                    raise ClusterError(f"the Dask cluster at {address} went away") from error
                complaint = _complaint(image, error)
            waiting.extend(send(image) for image, _ in jobs[n + ahead : n + ahead + 1])
            yield complaint


def _threads_at(address: str) -> int:
    """How many threads all workers of the scheduler at ``address`` have together; ClusterError if there are none."""
    try:
        from distributed import rpc
    except ImportError as error:
        raise ClusterError("--dask needs Dask: pip install -e '.[dask]'") from error

    async def identity() -> dict[str, Any]:
        async with rpc(address, timeout=ANSWER_SECONDS) as scheduler:
            return await asyncio.wait_for(scheduler.identity(), ANSWER_SECONDS)

    try:
        found = asyncio.run(identity())
    except Exception as error:  # a wrong address, or something else that listens there, raises nearly anything
        raise ClusterError(f"no Dask scheduler answers at {address}: {str(error) or type(error).__name__}") from error
    if not found.get("total_threads"):
        raise ClusterError(f"the Dask {found['type'].lower()} at {address} has no workers")
    return int(found["total_threads"])


def _make(image: str, name: str, data: bytes, order: Order, checkpoint: bytes | None) -> Made:
    """On a worker: what ``_write`` does, with files in memory."""
    torch.set_num_threads(1)  # for good: other tasks run beside this one
    files: list[tuple[str, bytes]] = []
    try:
        files.extend(export_image(data, name, replace(order, checkpoint=checkpoint)))
    except Exception as error:
        return files, _complaint(image, error)
    return files, ""


# One picture


@lru_cache(maxsize=1)
def _model(model: str, grid: int, checkpoint: bytes | None = None) -> Model:
    if checkpoint is not None:
        return load_checkpoint(checkpoint, Path(model).name)
    choice = MODELS.get(model)
    return load_model(choice.source if choice else model, grid=grid)


def _subject(data: bytes, name: str, order: Order) -> Subject:
    picture = open_image(data)
    photo = picture.resize(network_size(*picture.size, order.size, MAX_TOKENS), Image.Resampling.LANCZOS)
    choice, model = MODELS.get(order.model), _model(order.model, order.grid, order.checkpoint)
    with _one_thread():  # the last digit of a sum depends on how many share it
        image = to_tensor(photo)
        if choice and choice.batch_statistics:
            model = with_batch_statistics(model, image)
        run = trace(model, image)
    if run.sizes["HW"] > MAX_TOKENS:
        raise TooLargeError(
            f"{run.sizes['HW']:,} tokens, more than the {MAX_TOKENS:,} that figures show; take a smaller grid"
        )
    about = choice.name(order.lang) if choice else Path(order.model).name
    untrained = bool(choice and choice.source in SIZES)
    return Subject(run, model, photo, about, name, untrained, order.lang)


def _panels(
    subject: Subject, blocks: Iterable[int], heads: Sequence[int | None], stages: Sequence[str] | None
) -> Iterator[Panel]:
    """Each figure once: not every stage depends on block and head."""
    made = set()
    for block in blocks:
        for stage in stages or walk(subject.run, block):
            for head in heads:
                if stage == OVERVIEW:
                    panel = overview_panel(subject, block, head)
                elif stage.endswith(SHAPE):
                    panel = shape_panel(subject, block, stage.removesuffix(SHAPE))
                else:
                    panel = stage_panel(subject, block, stage, head)
                if panel.name not in made:
                    made.add(panel.name)
                    yield panel


def _traced(run: Trace, blocks: Iterable[int], stages: Iterable[str]) -> list[str]:
    """Traced names of these stages, each once, all of the pyramid's levels."""
    names = [walk(run, block)[stage.removesuffix(SHAPE)] for block in blocks for stage in stages if stage != OVERVIEW]
    levels = [[f"pyramid{n}" for n in range(4)] if name.startswith("pyramid") else [name] for name in names]
    return list(dict.fromkeys(name for level in levels for name in level))


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
