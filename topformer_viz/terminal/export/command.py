"""The command ``export``: many images in, files out."""

import argparse
import sys
import unicodedata
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TextIO, cast

from tqdm import tqdm

from topformer_viz.figures.look import FONTS, MAPS, THEMES, WIDTHS, Look
from topformer_viz.figures.order import FORMATS, OVERVIEW, READING, SHAPE, Order, OrderError
from topformer_viz.figures.scales import COLOURS, SCALES
from topformer_viz.network.colour import MAX_GRID, MIN_GRID
from topformer_viz.network.images import MAX_PIXELS
from topformer_viz.terminal.console import Commands, complain, lenient, pictures, printable
from topformer_viz.terminal.export.on_dask import on_cluster
from topformer_viz.terminal.export.picture import check
from topformer_viz.terminal.export.workers import apart, cores, here
from topformer_viz.words.text import LANGS, Lang


@lenient()
def export_all(
    images: Sequence[str], out: str, order: Order, workers: int | None = None, cluster: str | None = None
) -> bool:
    """Write every image's files to OUT/STEM/NAME.EXT (the explorer to OUT/STEM.html) and print their paths.

    On all cores (or ``workers``), no more images in memory than there are workers; or on the Dask cluster whose
    scheduler is at the address ``cluster``, ClusterError where that cannot be. What could not be done is said on
    standard error, one sentence per image, and does not stop the rest. Returns whether all was done. A script that calls
    this needs the usual ``if __name__ == "__main__"``: the workers import it.
    """
    jobs = list(zip(images, (str(Path(out) / stem) for stem in stems(images)), strict=True))
    workers = min(workers or cores(), len(jobs))
    good = True

    def tell(text: object, stream: TextIO | None = None) -> None:
        with tqdm.external_write_mode():
            print(printable(str(text)), file=stream)

    if cluster is not None:
        complaints = on_cluster(jobs, order, cluster, tell)
    elif workers > 1:
        complaints = apart(jobs, order, workers, tell)
    else:
        complaints = here(jobs, order, tell)
    with tqdm(total=len(jobs), unit="image", disable=None) as bar:
        for complaint in complaints:
            if complaint:
                good = False
                tell(f"topformer-viz: {complaint}", sys.stderr)
            bar.update()
    return good


def stems(images: Sequence[str]) -> list[str]:
    """A name for each image's folder: its stem, with a number behind it where that is taken, on any file system."""
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


MAX_SIZE = 8192  # image pixels: a larger short side has more tokens than anything here shows


def _numbers(text: str) -> tuple[int, ...]:
    """ "1,3", counted from 1, as (0, 2)."""
    return tuple(int(number) - 1 for number in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _formats(text: str) -> tuple[str, ...]:
    words = _words(text)
    if unknown := set(words) - set(FORMATS):
        raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}: choose from {', '.join(FORMATS)}")
    return words


_numbers.__name__ = "list of numbers from 1"  # argparse names the type in its complaints


def add(commands: Commands) -> None:
    parser = commands.add_parser("export", help="write figures, animations, numbers and explorers of images as files")
    parser.add_argument(
        "image", nargs="+",
        help=f"images of up to {MAX_PIXELS // 1_000_000} megapixels, folders of them, or patterns such as photos/*.jpg",
    )  # fmt: skip
    parser.add_argument(
        "--out", required=True, help="the folder for the files, OUT/IMAGE/FIGURE.FORMAT; made if need be"
    )
    parser.add_argument(
        "--model", default="everyday", help="everyday, colour, tiny, small, base, tiny-batch, small-batch, base-batch "
        "(BatchNorm with each image's statistics) or a checkpoint's path (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=int, default=512, help="short side of the network's input, in image pixels (default %(default)s)"
    )
    parser.add_argument(
        "--grid", type=int, default=MIN_GRID,
        help=f"tokens on the short side of the colour model's grid, {MIN_GRID} to {MAX_GRID} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--blocks", default="1", help="blocks, from 1, such as 1,3; or all (default 1)")
    parser.add_argument("--heads", type=_numbers, help="heads, from 1, a figure each (default: all in one figure)")
    parser.add_argument(
        "--stages", type=_words,
        help=f"stages, such as scores,weights; with {SHAPE} behind the name what happens to the shape; {OVERVIEW}: the whole block; {READING}: "
        "what --token reads, over the photograph (default: all of the lesson, without shapes)",
    )  # fmt: skip
    parser.add_argument(
        "--token", type=int, help=f"the token whose {READING} is drawn, from 1, row by row (default: the middle one)"
    )
    parser.add_argument(
        "--colour", choices=COLOURS, default=COLOURS[0],
        help="of maps of attention weights: grows with the weight's square root, the weight, or its logarithm (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--scale", choices=SCALES, default=SCALES[0],
        help="of maps of attention: each has a colour scale of its own, or all in a figure have one (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--lang", choices=tuple(LANGS), default="en", help="language of the words (default en)")
    parser.add_argument(
        "--format", type=_formats, default=("svg",),
        help="one or more of png, svg, pdf (the figures), gif (the lesson animated), zip (the whole lesson), html (the "
        "explorer, one file that works offline, OUT/IMAGE.html), lesson (all of it as one file that runs the network in the browser, at a short side "
        "of 512), npz (numbers: of the whole run, or of --stages in "
        "--blocks); default svg",
    )  # fmt: skip
    parser.add_argument("--theme", choices=tuple(THEMES), default="white", help="of the figures (default white)")
    parser.add_argument("--width", choices=tuple(WIDTHS), default="page", help="of the figures (default page)")
    parser.add_argument(
        "--dots", type=int, choices=(1, 2, 4), default=1, help="PNG's dots per inch, in units of 96 (default 1)"
    )
    parser.add_argument(
        "--font", choices=FONTS, default=FONTS[0],
        help="type of the figures: without serifs, with serifs, or for SVG that of the document around it; PNG and PDF hold their "
        "own and are without serifs then (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--map", choices=MAPS, default=MAPS[0], help="colour map of the figures (default %(default)s)")
    parser.add_argument("--bare", action="store_true", help="figures without title and caption")
    parser.add_argument(
        "--dask", metavar="ADDRESS",
        help="spread the images over the Dask cluster whose scheduler is at ADDRESS, such as tcp://host:8786, instead of "
        "this machine's cores; its machines have this project installed, and the files are written here. Only a cluster "
        "you trust: what it sends back may run code. Needs pip install -e '.[dask]'",
    )  # fmt: skip
    parser.set_defaults(run=partial(run, parser))


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    order = _order(parser, options)
    try:
        check(order)
    except OrderError as error:
        parser.error(str(error))
    images, complaints = pictures(options.image)
    status = complain(complaints) if complaints else 0
    return status if not images or export_all(images, options.out, order, cluster=options.dask) else 1


def _order(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Order:
    if not 64 <= options.size <= MAX_SIZE:
        parser.error(f"--size must be from 64 to {MAX_SIZE:,}")
    if not MIN_GRID <= options.grid <= MAX_GRID:
        parser.error(f"--grid must be from {MIN_GRID} to {MAX_GRID}")
    try:
        blocks = None if options.blocks == "all" else _numbers(options.blocks)
    except ValueError:
        parser.error("--blocks must be all, or numbers from 1, such as 1,3")
    return Order(
        options.model, options.size, options.grid, blocks, options.heads, options.stages, options.format,
        cast(Lang, options.lang), Look(options.width, options.theme, options.bare, options.font, options.map), options.dots,
        None if options.token is None else options.token - 1, options.colour, options.scale,
    )  # fmt: skip
