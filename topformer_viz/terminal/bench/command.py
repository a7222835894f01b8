"""Measurements, each beside its baseline in the same run: ``python -m topformer_viz bench``.

A benchmark is a module of this package with ``measure(quick=False) -> list[Table]``; quick is for tests: it goes all the way,
and its figures mean nothing. All but forward and export need what requirements-dev.txt adds.
"""

import argparse
import importlib
import json
from pathlib import Path
from typing import Any

from topformer_viz.terminal.bench import report
from topformer_viz.terminal.bench.table import Table
from topformer_viz.terminal.chromium import need_app
from topformer_viz.terminal.console import Commands

NAMES = ("startup", "steps", "forward", "explorer", "browser", "classroom", "hostile", "export")
SERVED = {"startup", "steps", "classroom", "hostile"}  # these open the app


def measure(name: str, quick: bool = False, **settings: Any) -> list[Table]:
    """The tables of one benchmark; ``settings`` are its own, such as classroom's ``sessions``."""
    return importlib.import_module(f"{__package__}.{name}").measure(quick, **settings)


def add(commands: Commands) -> None:
    parser = commands.add_parser("bench", help="measure, beside a baseline in the same run")
    parser.add_argument(
        "what", nargs="?", choices=("all", *NAMES), default="all",
        help="startup: from `streamlit run` to the first painted page; steps: the lesson's, from click to paint; forward: the network, plain and traced; "
        "explorer: what travels and how it follows the pointer; browser: the lesson as one file; classroom: many visitors at once; hostile: one who attacks, and another; export: many pictures "
        "(default all; all but forward and export need requirements-dev.txt and a Chromium, classroom and hostile only the former)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="see whether it runs; the figures mean nothing")
    parser.add_argument("--sessions", type=int, default=40, help="visitors of the classroom (default %(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=60,
        help="for which the classroom takes turns, and each attack lasts (default %(default)s)",
    )
    parser.add_argument(
        "--pictures", type=int, default=0, help="new pictures, one after another, after the class (default none)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures there, with the machine they are of"
    )
    where.add_argument("--from", type=Path, metavar="FILE", dest="source", help="take that JSON instead of measuring")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the document there, as docs/performance.md")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.source:
        results = json.loads(options.source.read_text("utf-8"))
        print(report.text(report.from_json(results)))
    else:
        names = NAMES if options.what == "all" else (options.what,)
        if SERVED & set(names):
            need_app()
        tables = {}
        for name in names:
            own = {"classroom": ("sessions", "seconds", "pictures"), "hostile": ("seconds",)}.get(name, ())
            tables[name] = measure(name, options.quick, **{setting: getattr(options, setting) for setting in own})
            print(report.text({name: tables[name]}), end="\n\n", flush=True)
        results = report.to_json(tables)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if options.docs:
        options.docs.write_text(report.document(results), "utf-8")
    return 0
