"""What is computed for a view: in the queue, kept in the store."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from topformer_viz.app.canvas.bodies import hand_out_file
from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.frame.words import OVERFLOWS, SAID, UI
from topformer_viz.network.choices import Choice
from topformer_viz.network.colour import Model
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.network.weights import CheckpointError, load_model, showable
from topformer_viz.run.inference import best_device
from topformer_viz.run.tracing import Trace, trace
from topformer_viz.server.queue import QUEUE, BusyError
from topformer_viz.server.store import STORE
from topformer_viz.study import likeness
from topformer_viz.words.text import Lang

STATISTICS_BYTES = 200  # an image pixel, while the statistics are measured: base at 1024 takes 197

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Computed(NamedTuple):
    """A model, its trace on a picture, and the picture as the network saw it; shared, so read-only."""

    model: Model
    run: Trace
    photo: Image.Image


def own_picture(digest: str) -> Image.Image:
    return STORE.find(("own", digest))


def own_model(digest: str) -> TopFormer:
    return STORE.find(("own_model", digest))


@lru_cache(maxsize=8)
def shared_model(source: str, grid: int) -> Model:
    """A shared model, on the CPU; what runs on a graphics card is the trace's own copy."""
    return load_model(source, grid=grid)


bundled_likeness = cache(likeness.load)
shared_sample = cache(open_sample)


def compute(key: tuple[Any, ...], choice: Choice) -> Computed:
    """``key``: the picture's slug or digest, the model's, the network's input size (width, height), the colour model's grid."""
    picture_key, model_key, size, grid = key
    picture = shared_sample(picture_key) if picture_key in SAMPLES else own_picture(picture_key)
    model = own_model(model_key) if choice.source == OWN else shared_model(choice.source, grid)
    photo = picture.resize(size, Image.Resampling.LANCZOS)
    image: torch.Tensor = to_tensor(photo)
    if choice.batch_statistics:
        model = with_batch_statistics(model, image)
    # The colour model stays on the CPU: it takes milliseconds there, and MPS pools only to divisors of a size.
    device = torch.device("cpu") if choice.source == "colour" else best_device()
    run = trace(model, image, device=device)
    if choice.source == OWN and not showable(run.values()):
        raise CheckpointError(OVERFLOWS)
    return Computed(model, run, photo)


def held_by(choice: Choice, size: tuple[int, int]) -> int:
    """Bytes that ``compute`` holds where it pauses, as it does while it measures an image's statistics."""
    return STATISTICS_BYTES * size[0] * size[1] if choice.batch_statistics else 0


def in_line(
    what: tuple[Any, ...], make: Callable[[], T], place: DeltaGenerator | None, lang: Lang, holds: int = 0
) -> T:
    """What the store has of ``what``, or makes; while others are before this visitor, ``place`` says so. ``holds``: see ``Queue.run``."""
    with saying_place(partial(_say_at, place), lang) as show:
        return STORE.get(what, make, show, holds)


def file_in_line(
    make: Callable[[], bytes], kind: str, name: str, place: DeltaGenerator | None, lang: Lang, holds: int
) -> str | None:
    """The address of a file, which is made in the line for files; None where it could not be: then ``place`` says why."""
    try:
        with saying_place(partial(_say_at, place), lang) as show:
            data = QUEUE.run(make, show, is_long=True, holds=holds)
        return hand_out_file(data, kind, name, "file")
    except BusyError as error:
        problem = error.text
    except Exception:  # whatever it is, the page stays
        _log.exception("no file %r could be made", name)
        problem = SAID["failed"]
    if place:
        place.warning(problem(lang))
    return None


def _say_at(place: DeltaGenerator | None, words: str) -> None:
    if place:
        place.info(words) if words else place.empty()


@contextmanager
def saying_place(say: Callable[[str], object], lang: Lang) -> Iterator[Callable[[int], None]]:
    """What a queue may ``show`` (see ``Queue.run``): ``say`` is told the place in line, and "" where nobody is before this visitor."""
    said = ""

    def show(before: int) -> None:
        nonlocal said
        say(said := UI["in_line"](lang, place=before + 1) if before else "")

    try:
        yield show
    finally:
        if said:
            say("")
