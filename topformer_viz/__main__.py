"""The command line, ``python -m topformer_viz``: shapes, export, site, screenshots, bench, train, evaluate."""

import argparse
import sys
from collections.abc import Sequence

from topformer_viz.network.images import ImageError
from topformer_viz.network.weights import CheckpointError
from topformer_viz.run.tracing import TooLargeError
from topformer_viz.terminal import screenshots, shapes, site
from topformer_viz.terminal.bench import command as bench
from topformer_viz.terminal.console import complain, lenient, reader_left
from topformer_viz.terminal.export import command as export
from topformer_viz.terminal.export.on_dask import ClusterError
from topformer_viz.terminal.training import command as training
from topformer_viz.terminal.training.data import DataError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 where it could not be done, with the reason on standard error.

    No stream that fails, or has no letters for a name, keeps a command from its work.
    """
    with lenient() as out:
        status = _run(arguments)
        out.flush()
        if out.lost and not reader_left(out.lost):
            return complain([f"standard output: {out.lost.strerror or out.lost}"])
        return status


def _run(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="topformer-viz", description="TopFormer's attention, stage by stage.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (shapes, export, site, bench, screenshots, training):
        command.add(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (OSError, ImageError, CheckpointError, ClusterError, DataError, TooLargeError) as error:
        return complain([str(error)])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
