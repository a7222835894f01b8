"""What is to be made of every image, and the command that makes it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from topformer_viz.figures.look import FONTS, MAPS, Look
from topformer_viz.figures.look import FORMATS as FIGURES
from topformer_viz.figures.scales import COLOURS, SCALES
from topformer_viz.network.colour import MIN_GRID
from topformer_viz.words.misspelt import known
from topformer_viz.words.shell import command_line
from topformer_viz.words.text import LANGS, Lang

FORMATS = (*FIGURES, "gif", "html", "lesson", "npz", "zip")
OVERVIEW = "overview"  # instead of a stage: the whole block
READING = "reading"  # likewise: what one token reads, over the photograph
SHAPE = "-shape"  # after a stage's name: the diagram of its shape instead of its maps


class OrderError(ValueError):
    """The model, or the run on this image, does not have what is asked for; the message lists what it has."""


@dataclass(frozen=True)
class Order:
    """What is to be made of every image. ``blocks``, ``heads`` and ``token`` count from 0.

    ``model``: one of the app's, or a checkpoint's path (``checkpoint``: its bytes, where that path is another
    machine's); ``size``: short side of the network's input, in image pixels; ``grid``: tokens on the colour model's short
    side. ``blocks`` None: all. ``heads`` None: all in one figure. ``stages``: names as ``walk`` has them, or followed by
    SHAPE, or OVERVIEW, or READING (of ``token``, None: the middle one); None: all of the walk, without the shapes.
    ``formats`` are of FORMATS; ``look`` and ``dots`` (of PNG, in 96ths of an inch) are those of ``figures.save``;
    ``colour`` and ``scale`` those of attention's maps, as ``attention_scales`` takes them. ValueError for another format,
    language, colour or scale.
    """

    model: str = "everyday"
    size: int = 512
    grid: int = MIN_GRID
    blocks: tuple[int, ...] | None = (0,)
    heads: tuple[int, ...] | None = None
    stages: tuple[str, ...] | None = None
    formats: tuple[str, ...] = ("svg",)
    lang: Lang = "en"
    look: Look = field(default_factory=Look)
    dots: int = 1
    token: int | None = None
    colour: str = COLOURS[0]
    scale: str = SCALES[0]
    checkpoint: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for format in self.formats:
            known("format", format, FORMATS)
        known("language", self.lang, LANGS)
        known("colour", self.colour, COLOURS)
        known("scale", self.scale, SCALES)

    def command(self, image: str, out: str) -> str:
        """The command that makes the same files of ``image`` in the folder ``out``, as ``command_line`` writes it."""
        words = ["python", "-m", "topformer_viz", "export", image, "--out", out, "--model", self.model]
        words += ["--grid", str(self.grid)] if self.model == "colour" else []
        words += ["--size", str(self.size), "--blocks", from_1(self.blocks), "--lang", self.lang]
        words += ["--heads", from_1(self.heads)] if self.heads is not None else []
        words += ["--stages", ",".join(self.stages)] if self.stages is not None else []
        words += ["--format", ",".join(self.formats), "--theme", self.look.theme, "--width", self.look.width]
        words += ["--dots", str(self.dots)] if self.dots > 1 else []
        words += ["--token", str(self.token + 1)] if self.token is not None else []
        words += ["--colour", self.colour] if self.colour != COLOURS[0] else []
        words += ["--scale", self.scale] if self.scale != SCALES[0] else []
        words += ["--bare"] if self.look.bare else []
        words += ["--font", self.look.font] if self.look.font != FONTS[0] else []
        words += ["--map", self.look.map] if self.look.map != MAPS[0] else []
        return command_line(words)


def from_1(numbers: Iterable[int] | None) -> str:
    """Numbers counted from 0 as a terminal counts them; None: all."""
    return "all" if numbers is None else ",".join(str(n + 1) for n in numbers)
