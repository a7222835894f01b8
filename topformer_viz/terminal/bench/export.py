"""The command ``export`` for many pictures, on all cores and by one worker, with plain matplotlib's pace beside it."""

import io
import os
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from topformer_viz.figures.order import Order
from topformer_viz.network.samples import open_sample
from topformer_viz.terminal.bench.table import Cell, Table
from topformer_viz.terminal.export.command import export_all

ORDER = Order(stages=("query", "weights"), formats=("png",))
DPI = 96  # of the export's PNGs, which the plain ones equal


def measure(quick: bool = False) -> list[Table]:
    count = 2 if quick else 24
    with tempfile.TemporaryDirectory() as folder:
        pictures = [Path(folder) / f"{n}.jpg" for n in range(count)]
        for picture in pictures:
            open_sample("china").save(picture, quality=95)
        out = Path(folder) / "plain"
        out.mkdir()
        one = _exported(pictures, Path(folder) / "one", 1)
        cores = _exported(pictures, Path(folder) / "cores", None)
        figures = sorted((Path(folder) / "one").rglob("*.png"))
        start = time.perf_counter()
        for n, figure in enumerate(figures):
            _plain(pictures[n % count], figure, out / f"{n}.png")
        plain = time.perf_counter() - start
    rows: list[tuple[Cell, ...]] = [
        (name, seconds, seconds / len(figures) * 1000, seconds / plain)
        for name, seconds in (("all cores", cores), ("one worker", one), ("plain matplotlib", plain))
    ]
    return [
        Table(
            f"Export of {count} pictures, {len(figures)} figures (PNG)",
            ("", "in all, s", "a figure, ms", "of plain matplotlib"),
            rows,
            f"{', '.join(ORDER.stages or ())} of block 1. All cores ({os.cpu_count()}) includes the start of its workers, which "
            "import torch. The baseline, in one process that has imported all it needs: each time the JPEG is read and "
            "matplotlib saves it, one imshow and nothing else, at a figure's size; no network, no words.",
        )
    ]


def _exported(pictures: list[Path], out: Path, workers: int | None) -> float:
    start = time.perf_counter()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as complaints:
        done = export_all([str(picture) for picture in pictures], str(out), ORDER, workers)
    if not done:
        raise RuntimeError(complaints.getvalue())
    return time.perf_counter() - start


def _plain(picture: Path, like: Path, out: Path) -> None:
    """The picture as PNG, as large as the figure ``like``, by matplotlib alone."""
    with Image.open(like) as figure, Image.open(picture) as photo:
        plain = Figure(figsize=(figure.width / DPI, figure.height / DPI), dpi=DPI)
        axes = plain.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.imshow(photo)
        plain.savefig(out)
