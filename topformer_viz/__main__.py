"""The command line, ``python -m topformer_viz``: shapes, export, bench, train, evaluate."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PIL import Image

from topformer_viz.card import evaluate, write
from topformer_viz.explorer.file import explorer_html
from topformer_viz.explorer.payload import MAX_TOKENS
from topformer_viz.images import MAX_PIXELS, ImageError, network_size, open_image
from topformer_viz.model import DENSE_TOKENS, SIZES
from topformer_viz.text import LANGS, Lang
from topformer_viz.tracing import TooLargeError, best_device, summary, trace
from topformer_viz.train import DataError, Photographs, train
from topformer_viz.weights import CheckpointError, load_model


def shapes(image: str, model: str, as_json: bool) -> None:
    """Print every stage of one image's run, at the image's own size."""
    run = trace(load_model(model), open_image(Path(image).read_bytes()))
    rows = summary(run)
    if as_json:
        # JSON knows no NaN and no infinity.
        finite = [
            {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()} for row in rows
        ]
        print(json.dumps(finite, indent=1))
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


def export(image: str, out: str, model: str, size: int, lang: Lang) -> Path:
    """Write one image's explorer as an HTML file into the folder ``out``, which is made if need be; returns its path."""
    from topformer_viz.session import MODELS  # only here: it brings Streamlit along

    source = Path(image)
    picture = open_image(source.read_bytes())
    photo = picture.resize(network_size(*picture.size, size, MAX_TOKENS), Image.Resampling.LANCZOS)
    network = load_model(model)
    about = MODELS[model].name(lang) if model in MODELS else Path(model).name
    run = trace(network, photo, device=best_device())
    name = source.name.encode("utf-8", "replace").decode()  # names on disk need not be text
    html = explorer_html(run, network, photo, lang, name=name, about=about, untrained=model in SIZES)
    file = Path(out) / f"{source.stem}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(html, "utf-8")
    return file


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 where it could not be done, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="topformer-viz", description="TopFormer's attention, stage by stage.")
    commands = parser.add_subparsers(dest="command", required=True)
    shapes_parser = commands.add_parser("shapes", help="print every stage's name, axes, shape, bytes, min, max, mean")
    shapes_parser.add_argument("image", help=f"a picture of up to {MAX_PIXELS // 1_000_000} megapixels")
    shapes_parser.add_argument(
        "--model", default="streets", help="streets, colour, tiny, small, base or a checkpoint's path"
    )
    shapes_parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    export_parser = commands.add_parser("export", help="write one image's attention explorer as a file for any browser")
    export_parser.add_argument("image", help=f"a picture of up to {MAX_PIXELS // 1_000_000} megapixels")
    export_parser.add_argument("--out", required=True, help="the folder to write to; made if need be")
    export_parser.add_argument(
        "--format",
        choices=("html",),
        default="html",
        help="html: one file that works offline, nothing else needed (default)",
    )
    export_parser.add_argument(
        "--model", default="streets", help="streets, colour, tiny, small, base or a checkpoint's path"
    )
    export_parser.add_argument(
        "--size", type=int, default=512, help="short side of the network's input, in pixels (default %(default)s)"
    )
    export_parser.add_argument("--lang", choices=tuple(LANGS), default="en", help="language of the file (default en)")
    bench_parser = commands.add_parser("bench", help="measure, beside a baseline in the same run")
    bench_parser.add_argument(
        "what", nargs="?", choices=("forward", "app", "explorer"), default="forward",
        help="forward: the network, traced and plain (default); app, explorer: the pages in Chromium (need requirements-dev.txt)",
    )  # fmt: skip
    train_parser = commands.add_parser("train", help="train TopFormer tiny to segment labelled photographs")
    train_parser.add_argument(
        "--data", required=True, help="folder of splits.json, images/ and labels/ (see the README)"
    )
    train_parser.add_argument("--out", required=True, help="the .safetensors file to write")
    train_parser.add_argument("--steps", type=int, default=4200, help="optimiser steps (default %(default)s)")
    train_parser.add_argument("--seed", type=int, default=0, help="draws the first weights and every crop (default 0)")
    evaluate_parser = commands.add_parser("evaluate", help="measure the bundled weights on val and write their card")
    evaluate_parser.add_argument("--data", required=True, help="the folder they were trained on")
    options = parser.parse_args(arguments)
    if options.command == "train" and (options.steps < 1 or not 0 <= options.seed < 2**31):
        parser.error("--steps must be at least 1, and --seed from 0 to 2147483647")
    if options.command == "export" and options.size < 64:
        parser.error("--size must be at least 64")
    if options.command == "bench":
        from topformer_viz import bench  # only here: it needs what only developers install

        {"forward": bench.forward, "app": bench.app, "explorer": bench.explorer}[options.what]()
        return 0
    try:
        if options.command == "shapes":
            shapes(options.image, options.model, options.json)
        elif options.command == "export":
            print(export(options.image, options.out, options.model, options.size, cast(Lang, options.lang)))
        elif options.command == "train":
            result = train(Photographs(options.data), Path(options.out), steps=options.steps, seed=options.seed)
            print(f"val mIoU {result.mean_iou:.4f}, pixel accuracy {result.accuracy:.4f}")
        else:
            print(*write(evaluate(Photographs(options.data))), sep="\n")
    except (OSError, ImageError, CheckpointError, DataError, TooLargeError) as error:
        print(f"topformer-viz: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
