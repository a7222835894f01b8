"""The documents' screenshots of the app."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from topformer_viz.terminal.chromium import need_app, open_browser, serve
from topformer_viz.terminal.console import Commands, complain

# The README's and the documents' screenshots: file, address without the server, width and height, keys pressed.
SCREENSHOTS: dict[str, tuple[str, tuple[int, int], str]] = {
    "door.png": ("?lang=en", (1440, 900), ""),
    "lesson.png": ("lesson?stage=weights&block=3&head=1&lang=en", (1440, 1240), ""),
    "explorer.png": ("explorer?block=4&head=1&query=67&lock=1&lang=en", (1440, 1240), ""),
    "network.png": ("network?lang=en", (1440, 1240), ""),
    "lab.png": ("lab?tokens=shuffled&block=2&lang=en", (1440, 1240), ""),
    "presenting.png": ("lesson?stage=query&block=3&present=1&lang=en", (1280, 720), "PageDown PageDown"),
}


def screenshots(folder: Path) -> Iterator[Path]:
    """Take ``SCREENSHOTS`` into ``folder``, each yielded when it is there.

    RuntimeError where no Chromium is found, FileNotFoundError without a clone.
    """
    need_app()
    with open_browser() as browser, serve() as address:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (place, (width, height), keys) in SCREENSHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            page.goto(f"{address}/{place}")
            page.locator(".component h2:visible, .explorer .card:visible").first.wait_for()
            page.wait_for_timeout(1500)
            for key in keys.split():
                page.keyboard.press(key)
            page.wait_for_timeout(500)
            page.screenshot(path=folder / name)
            page.close()
            yield folder / name


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "screenshots",
        help="take the documents' screenshots of the app with the Chromium at hand (needs requirements-dev.txt)",
    )
    parser.add_argument("--out", default="assets", help="the folder to write to (default %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        for file in screenshots(Path(options.out)):
            print(file)
    except RuntimeError as error:
        return complain([str(error)])
    return 0
