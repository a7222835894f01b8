"""The command ``site``: the lesson that needs no server, as a folder for any web host or as one file."""

import argparse
from functools import partial
from pathlib import Path

from topformer_viz.app.site.file import Contents, single_html, write_site
from topformer_viz.terminal.console import Commands
from topformer_viz.words.text import LANGS


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "site", help="write the lesson as web pages that need no server: they run the network in the browser"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="a folder of files for any web host; made if need be")
    parser.add_argument("--single", type=Path, metavar="FILE.html", help="one file that holds everything")
    parser.add_argument("--lang", choices=(*LANGS, "both"), default="both", help="its languages (default both)")
    parser.set_defaults(run=partial(run, parser))


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not (options.out or options.single):
        parser.error("say where to: --out DIR, --single FILE.html, or both")
    contents = Contents(tuple(LANGS) if options.lang == "both" else (options.lang,))
    if options.out:
        for file in write_site(options.out, contents):
            print(file)
    if options.single:
        options.single.parent.mkdir(parents=True, exist_ok=True)
        options.single.write_text(single_html(contents), "utf-8")
        print(options.single)
    return 0
