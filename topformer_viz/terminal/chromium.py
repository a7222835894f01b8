"""For measuring, testing and taking pictures: find a Chromium, and serve a Streamlit app on this machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from topformer_viz.paths import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

APP = ROOT / "app.py"
VARIABLE = "TOPFORMER_VIZ_CHROMIUM"
# Without these Chromium looks for updates and accounts on the network as soon as it starts.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def need_app() -> None:
    """FileNotFoundError, in a sentence, where the package is installed by itself: there is no app to serve."""
    if not APP.is_file():
        raise FileNotFoundError(f"this takes the app, which only a clone of the project has: no {APP}")


def find_chromium() -> str | None:
    """Path of the first Chromium or Chrome: the variable's, Playwright's own, the system's; None without one."""
    from playwright.sync_api import sync_playwright

    named = os.environ.get(VARIABLE)
    if named and Path(named).exists():
        return named
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if own and Path(own).exists():
        return own
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        if found := shutil.which(name):
            return found
    return None


@contextmanager
def open_browser() -> "Iterator[Browser]":
    """The Chromium that is found, without a window; RuntimeError where there is none."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        raise RuntimeError(f"no Chromium or Chrome found: run `playwright install chromium`, or set {VARIABLE} to one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serve(script: Path = APP, seconds: float = 60) -> Iterator[str]:
    """Serve ``script`` on a free local port; yields its address. TimeoutError if it is not up in time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--browser.gatherUsageStats", "false"]
    process = subprocess.Popen(command, cwd=script.parent, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise TimeoutError(f"{script.name} did not start within {seconds:.0f} s") from None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
