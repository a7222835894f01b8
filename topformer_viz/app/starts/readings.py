"""The six runs of an image, kept for all who ask, and what is said of them on the page and in figures."""

from PIL import Image

from topformer_viz.app.frame.view import View
from topformer_viz.app.starts.words import SAYS, STARTS, STATISTICS, UI
from topformer_viz.network.images import CELL
from topformer_viz.network.initialise import reinitialised, with_batch_statistics
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import TopFormer
from topformer_viz.network.weights import load_model
from topformer_viz.run.measures import MEAN
from topformer_viz.study.starts import HEADS, SIZE, BlockReading, kind, read
from topformer_viz.words.text import Lang, sentences

Which = tuple[str, str]  # initialisation and statistics


def sentence(reading: BlockReading, head: int, lang: Lang) -> str:
    """What the rows of ``head`` are like, and what the attention does to the block's output."""
    rows = kind(reading, head)
    says = SAYS["one-hot mean" if rows == "one-hot" and head == MEAN else rows](
        lang, tokens=reading.weights.shape[-1], favourites=f"{reading.of('favourites', head):.0f}",
        share=f"{reading.of('peak', head):.0%}", effective=f"{reading.of('effective', head):.0f}",
    )  # fmt: skip
    does = "something" if reading.largest else "nothing"
    return sentences(lang, (says, SAYS[does](lang, changed=f"{reading.changed:.1%}")))


def grid_of(photo: Image.Image) -> tuple[int, int]:
    """Rows and columns of the token grid."""
    return photo.height // CELL, photo.width // CELL


def all_readings(view: View, draw: int) -> dict[Which, tuple[BlockReading, ...]]:
    """The six runs; of the trained parameters there is one only."""
    runs: dict[Which, tuple[BlockReading, ...]] = {}
    for start in STARTS:
        both = _readings(view, start, 1 if start == "trained" else draw)
        runs |= {(start, statistics): blocks for statistics, blocks in both.items()}
    return runs


def _readings(view: View, start: str, draw: int) -> dict[str, tuple[BlockReading, ...]]:
    """The two runs of one initialisation on the image, by statistics."""

    def make() -> dict[str, tuple[BlockReading, ...]]:
        model = load_model("everyday" if start == "trained" else SIZE, seed=draw - 1)
        if start == "reinitialised":
            assert isinstance(model, TopFormer)
            model = reinitialised(model, seed=draw - 1)
        image = to_tensor(view.photo)
        return {"stored": read(model, image), "own": read(with_batch_statistics(model, image), image)}

    image, _, size, _ = view.key
    return view.keep(("readings", image, size, start, draw), make)


def which_words(which: Which, lang: Lang) -> str:
    """A run by its initialisation and its statistics: "Trained · Stored statistics"."""
    start, statistics = which
    return f"{STARTS[start][0](lang)} · {STATISTICS[statistics][0](lang)}"


def head_words(head: int, lang: Lang) -> str:
    """What ``head`` is called within a sentence."""
    return UI["head_mean"](lang, heads=HEADS) if head == MEAN else UI["head_n"](lang, n=head)
