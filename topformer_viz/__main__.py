"""The command line, ``python -m topformer_viz``: shapes, export, screenshots, bench, train, evaluate."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from topformer_viz import bench
from topformer_viz.app.lesson.takeaway import finite
from topformer_viz.card import evaluate, write
from topformer_viz.console import lenient, pictures, reader_left
from topformer_viz.exporting import ClusterError, check, export_all
from topformer_viz.figures.look import THEMES, WIDTHS, Look
from topformer_viz.figures.order import FORMATS, OVERVIEW, SHAPE, Order, OrderError
from topformer_viz.network.colour import MAX_GRID, MIN_GRID
from topformer_viz.network.images import MAX_PIXELS, ImageError, open_image
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.network.weights import CheckpointError, load_model
from topformer_viz.run.tracing import TooLargeError, summary, trace
from topformer_viz.train import DataError, Photographs, train
from topformer_viz.words.text import LANGS, Lang

MAX_SIZE = 8192  # pixels: a larger short side has more tokens than anything here shows


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


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "image", nargs="+",
        help=f"pictures of up to {MAX_PIXELS // 1_000_000} megapixels, folders of them, or patterns such as photos/*.jpg",
    )  # fmt: skip
    parser.add_argument(
        "--out", required=True, help="the folder for the files, OUT/PICTURE/FIGURE.FORMAT; made if need be"
    )
    parser.add_argument(
        "--model", default="streets", help="streets, colour, tiny, small, base, tiny-batch, small-batch, base-batch "
        "(BatchNorm measured on each picture) or a checkpoint's path (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=int, default=512, help="short side of the network's input, in pixels (default %(default)s)"
    )
    parser.add_argument(
        "--grid", type=int, default=MIN_GRID,
        help=f"cells on the short side of the colour model, {MIN_GRID} to {MAX_GRID} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--blocks", default="1", help="blocks, from 1, such as 1,3; or all (default 1)")
    parser.add_argument("--heads", type=_numbers, help="heads, from 1, a figure each (default: all in one figure)")
    parser.add_argument(
        "--stages", type=_words,
        help=f"stages, such as scores,weights; with {SHAPE} behind the name what happens to the shape; {OVERVIEW}: the whole block (default: all of "
        "the lesson, without shapes)",
    )  # fmt: skip
    parser.add_argument("--lang", choices=tuple(LANGS), default="en", help="language of the words (default en)")
    parser.add_argument(
        "--format", type=_formats, default=("svg",),
        help="one or more of png, svg, pdf (the figures), gif (the lesson animated), zip (the whole lesson), html (the "
        "explorer, one file that works offline, OUT/PICTURE.html), npz (numbers: of the whole run, or of --stages in "
        "--blocks); default svg",
    )  # fmt: skip
    parser.add_argument("--theme", choices=tuple(THEMES), default="white", help="of the figures (default white)")
    parser.add_argument("--width", choices=tuple(WIDTHS), default="page", help="of the figures (default page)")
    parser.add_argument(
        "--scale", type=int, choices=(1, 2, 4), default=1, help="PNG's dots an inch, in 96ths (default 1)"
    )
    parser.add_argument("--bare", action="store_true", help="figures without title and caption")
    parser.add_argument(
        "--dask", metavar="ADDRESS",
        help="spread the pictures over the Dask cluster whose scheduler is at ADDRESS, such as tcp://host:8786, instead of "
        "this machine's cores; its machines have this project installed, and the files are written here. Only a cluster "
        "you trust: what it sends back may run code. Needs pip install -e '.[dask]'",
    )  # fmt: skip


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
        cast(Lang, options.lang), Look(options.width, options.theme, options.bare), options.scale,
    )  # fmt: skip


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", choices=("all", *bench.NAMES), default="all",
        help="startup: from `streamlit run` to the first lesson; steps: the lesson's; forward: the network, plain and traced; "
        "explorer: what travels and how it follows the pointer; classroom: many visitors at once; export: many pictures "
        "(default all; all but forward and export need requirements-dev.txt and a Chromium, classroom only the former)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="see whether it runs; the figures mean nothing")
    parser.add_argument("--sessions", type=int, default=40, help="visitors of the classroom (default %(default)s)")
    parser.add_argument(
        "--pictures", type=int, default=0, help="new pictures, one after another, after the class (default none)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures there, with the machine they are of"
    )
    where.add_argument("--from", type=Path, metavar="FILE", dest="source", help="take that JSON instead of measuring")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the document there, as docs/performance.md")


def _bench(options: argparse.Namespace) -> None:
    from topformer_viz.bench import report

    if options.source:
        results = json.loads(options.source.read_text("utf-8"))
        print(report.text(report.from_json(results)))
    else:
        tables = {}
        for name in bench.NAMES if options.what == "all" else (options.what,):
            settings = {"sessions": options.sessions, "pictures": options.pictures} if name == "classroom" else {}
            tables[name] = bench.measure(name, options.quick, **settings)
            print(report.text({name: tables[name]}), end="\n\n", flush=True)
        results = report.to_json(tables)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if options.docs:
        options.docs.write_text(report.document(results), "utf-8")


def _complain(sentences: Sequence[str]) -> int:
    """Say what could not be done; returns the exit status for it."""
    for sentence in sentences:
        print(f"topformer-viz: {sentence}", file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 where it could not be done, with the reason on standard error.

    No stream that fails, or has no letters for a name, keeps a command from its work.
    """
    with lenient() as out:
        status = _run(arguments)
        out.flush()
        if out.lost and not reader_left(out.lost):
            return _complain([f"standard output: {out.lost.strerror or out.lost}"])
        return status


def _run(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="topformer-viz", description="TopFormer's attention, stage by stage.")
    commands = parser.add_subparsers(dest="command", required=True)
    shapes_parser = commands.add_parser("shapes", help="print every stage's name, axes, shape, bytes, min, max, mean")
    shapes_parser.add_argument("image", help=f"a picture of up to {MAX_PIXELS // 1_000_000} megapixels")
    shapes_parser.add_argument(
        "--model", default="streets", help="streets, colour, tiny, small, base or a checkpoint's path"
    )
    shapes_parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    export_parser = commands.add_parser(
        "export", help="write pictures' figures, animations, numbers and explorers as files"
    )
    _add_export(export_parser)
    bench_parser = commands.add_parser("bench", help="measure, beside a baseline in the same run")
    _add_bench(bench_parser)
    pictures_parser = commands.add_parser(
        "screenshots",
        help="take the documents' pictures of the app with the Chromium at hand (needs requirements-dev.txt)",
    )
    pictures_parser.add_argument("--out", default="assets", help="the folder to write to (default %(default)s)")
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
    if options.command == "screenshots":
        from topformer_viz import browser  # only here, likewise

        try:
            for file in browser.screenshots(Path(options.out)):
                print(file)
        except RuntimeError as error:
            return _complain([str(error)])
        return 0
    try:
        if options.command == "bench":
            _bench(options)
        elif options.command == "shapes":
            images, complaints = pictures([options.image])
            if len(images) > 1:
                complaints = [f"{options.image}: these are {len(images)} pictures, and shapes takes one"]
            if complaints:
                return _complain(complaints)
            shapes(images[0], options.model, options.json)
        elif options.command == "export":
            order = _order(export_parser, options)
            try:
                check(order)
            except OrderError as error:
                export_parser.error(str(error))
            images, complaints = pictures(options.image)
            status = _complain(complaints) if complaints else 0
            return status if not images or export_all(images, options.out, order, cluster=options.dask) else 1
        elif options.command == "train":
            result = train(Photographs(options.data), Path(options.out), steps=options.steps, seed=options.seed)
            print(f"val mIoU {result.mean_iou:.4f}, pixel accuracy {result.accuracy:.4f}")
        else:
            print(*write(evaluate(Photographs(options.data))), sep="\n")
    except (OSError, ImageError, CheckpointError, ClusterError, DataError, TooLargeError) as error:
        return _complain([str(error)])
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
