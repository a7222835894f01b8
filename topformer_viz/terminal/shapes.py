"""The command ``shapes``: every stage of one image's run, as a table or JSON."""

import argparse
import json
from pathlib import Path

from topformer_viz.app.lesson.takeaway import finite
from topformer_viz.network.images import MAX_PIXELS, open_image
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.network.weights import load_model
from topformer_viz.run.tracing import summary, trace
from topformer_viz.terminal.console import Commands, complain, pictures


def add(commands: Commands) -> None:
    parser = commands.add_parser("shapes", help="print every stage's name, axes, shape, bytes, min, max, mean")
    parser.add_argument("image", help=f"an image of up to {MAX_PIXELS // 1_000_000} megapixels")
    parser.add_argument(
        "--model", default="everyday", help="everyday, colour, tiny, small, base or a checkpoint's path"
    )
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    images, complaints = pictures([options.image])
    if len(images) > 1:
        complaints = [f"{options.image}: these are {len(images)} images, and shapes takes one"]
    if complaints:
        return complain(complaints)
    shapes(images[0], options.model, options.json)
    return 0


def shapes(image: str, model: str, as_json: bool) -> None:
    """Print every stage of one image's run, at the image's own size."""
    run = trace(load_model(model), open_image(Path(image).read_bytes()))
    rows = summary(run)
    if as_json:
        print(json.dumps(finite(rows), indent=1))
        return
    table = [["name", "axes", "shape", "bytes", "min", "max", "mean"]]
    for row in rows:
        shape = " x ".join(str(size) for size in row["shape"])
        numbers = [f"{row[key]:.4g}" for key in ("min", "max", "mean")]
        table.append([row["name"], " ".join(row["axes"]), shape, f"{row['bytes']:,}", *numbers])
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        text = [cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))]
        print("  ".join(text).rstrip())
    if "block0.weights" not in run:
        print(f"{run.sizes['HW']:,} tokens: scores and weights are stored of up to {DENSE_TOKENS:,} only")
