"""One image in, its files out, in memory; and whether a model has what is asked for."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from PIL import Image

from topformer_viz.app.explorer.file import explorer_html
from topformer_viz.app.explorer.payload import MAX_TOKENS
from topformer_viz.app.lesson.takeaway import lesson_zip
from topformer_viz.app.site.file import Brought, Contents, checkpoint_of, lossless, single_html
from topformer_viz.figures.animation import gif
from topformer_viz.figures.attention import middle_token, reading_panel, reading_row
from topformer_viz.figures.look import FORMATS as FIGURES
from topformer_viz.figures.order import OVERVIEW, READING, SHAPE, Order, OrderError, from_1
from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.sheet import save
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.network.choices import MODELS
from topformer_viz.network.colour import MIN_GRID, Model
from topformer_viz.network.images import open_image
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.model import DENSE_TOKENS, SIZES, TopFormer
from topformer_viz.network.weights import load_checkpoint, load_model
from topformer_viz.run.tracing import TooLargeError, Trace, npz, trace
from topformer_viz.run.walk import walk
from topformer_viz.words.misspelt import known

MATRICES = ("scores", "weights")  # the stages that a run of many tokens does not have


def check(order: Order) -> None:
    """OrderError if the model has no such stage, block or head; and what ``load_model`` raises."""
    model = _model(order.model, MIN_GRID)  # how many tokens there are in the end, each image's run tells
    stages = list(walk(trace(model, Image.new("RGB", (128, 128))), 0))
    for stage in order.stages or ():
        if stage not in (OVERVIEW, READING) and stage.removesuffix(SHAPE) not in stages:
            raise OrderError(
                f"no stage {stage!r}: choose from {', '.join(stages)}, each also with {SHAPE} behind it, {OVERVIEW} or {READING}"
            )
    for what, asked, count in (("block", order.blocks, model.num_blocks), ("head", order.heads, model.num_heads)):
        if any(not 0 <= n < count for n in asked or ()):
            raise OrderError(f"no {what} {from_1(asked)}: this model has {what}s {from_1(range(count))}")


def export_image(data: bytes, name: str, order: Order) -> Iterator[tuple[str, bytes]]:
    """The files made of one image, one after another: what follows its stem in each one's path, and the bytes.

    ``data`` is an image file, ``name`` what figures call it. The same arguments give the same bytes, wherever it runs.
    Raises ImageError, TooLargeError, OrderError where the run has more tokens than the stages asked for may have or has no
    such token, and ValueError for a stage, block or head that it never has.
    """
    subject = _subject(data, name, order)
    blocks = range(subject.model.num_blocks) if order.blocks is None else order.blocks
    heads: Sequence[int | None] = (None,) if order.heads is None else order.heads
    _must_have(subject, blocks, heads, order)
    if figures := [format for format in FIGURES if format in order.formats]:
        for panel in _panels(subject, blocks, heads, order):
            for format in figures:
                yield f"/{panel.name}.{format}", save(panel, format, order.look, order.dots)
    for block in blocks:
        for head in heads:
            view = f"/block{block + 1}" + ("" if head is None else f"-head{head + 1}")
            if "gif" in order.formats:
                yield f"{view}-lesson.gif", gif(subject, block, head, order.look)
            if "zip" in order.formats:
                yield f"{view}-lesson.zip", _lesson(subject, block, head, order)
    if "html" in order.formats:
        page = explorer_html(
            subject.run, subject.model, subject.photo, order.lang, name=name, about=subject.about,
            untrained=subject.untrained,
        )  # fmt: skip
        yield ".html", page.encode()
    if "lesson" in order.formats:
        yield "/lesson.html", _lesson_file(subject, name, order).encode()
    if "npz" in order.formats:
        names = None if order.stages is None else _traced(subject.run, blocks, order.stages)
        about = {"model": subject.about, "picture": name, "image_pixels": list(subject.photo.size)}
        yield "/trace.npz", npz(subject.run, names, about)


def _lesson_file(subject: Subject, name: str, order: Order) -> str:
    """The lesson without a server, beginning with this image and model."""
    own = subject.model if order.model not in MODELS and isinstance(subject.model, TopFormer) else None
    return single_html(
        Contents(
            (order.lang,), order.model, picture=Brought(lossless(subject.photo), name),
            checkpoint=Brought(checkpoint_of(own), subject.about) if own else None, at="lesson",
        )
    )  # fmt: skip


def _must_have(subject: Subject, blocks: Iterable[int], heads: Iterable[int | None], order: Order) -> None:
    """Raises as ``export_image`` does where this run does not have what is asked for."""
    for block in blocks:
        for head in heads:
            subject.must_have(block, head)
    stages, count = order.stages or (), subject.run.sizes["HW"]
    if order.token is not None and not 0 <= order.token < count:
        raise OrderError(f"no token {order.token + 1:,}: this image has tokens 1 to {count:,}")
    have = (*walk(subject.run, 0), OVERVIEW, READING)
    for stage in stages:
        if stage.removesuffix(SHAPE) not in MATRICES:
            known("stage", stage.removesuffix(SHAPE), have)
    if missing := [stage for stage in stages if stage.removesuffix(SHAPE) not in have]:
        raise OrderError(
            f"at {count:,} tokens there is no {', '.join(missing)}: matrices are stored of up to "
            f"{DENSE_TOKENS:,}; ask for a smaller size"
        )


def _lesson(subject: Subject, block: int, head: int | None, order: Order) -> bytes:
    """The lesson of one block and head as a zip file, with the command that makes it."""
    only = replace(
        order, blocks=(block,), heads=None if head is None else (head,), stages=None, formats=("zip",), dots=1
    )
    command = only.command(subject.name if subject.name[0] != "-" else f"./{subject.name}", "lesson")
    return lesson_zip(subject, block, head, order.look, command, trained=order.model == "everyday")


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
    with one_thread():  # the last digit of a sum depends on how many share it
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


def _panels(subject: Subject, blocks: Iterable[int], heads: Sequence[int | None], order: Order) -> Iterator[Panel]:
    """Each figure once: not every stage depends on block and head."""
    made = set()
    for block in blocks:
        for stage in order.stages or walk(subject.run, block):
            for head in heads:
                panel = _panel(subject, block, stage, head, order)
                if panel.name not in made:
                    made.add(panel.name)
                    yield panel


def _panel(subject: Subject, block: int, stage: str, head: int | None, order: Order) -> Panel:
    if stage == OVERVIEW:
        return overview_panel(subject, block, head)
    if stage.endswith(SHAPE):
        return shape_panel(subject, block, stage.removesuffix(SHAPE))
    if stage != READING:
        return stage_panel(subject, block, stage, head, colour=order.colour, scale=order.scale)
    token = middle_token(subject.grid) if order.token is None else order.token
    if head is None:
        return reading_row(subject, block, token, colour=order.colour, scale=order.scale)
    return reading_panel(subject, block, head, token, colour=order.colour)


def _traced(run: Trace, blocks: Iterable[int], stages: Iterable[str]) -> list[str]:
    """Traced names of these stages, each once, all of the pyramid's levels; of READING the attention weights."""
    names = [
        walk(run, block)["weights" if stage == READING else stage.removesuffix(SHAPE)]
        for block in blocks
        for stage in stages
        if stage != OVERVIEW
    ]
    levels = [[f"pyramid{n}" for n in range(4)] if name.startswith("pyramid") else [name] for name in names]
    return list(dict.fromkeys(name for level in levels for name in level))


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
