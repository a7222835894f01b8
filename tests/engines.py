"""Firefox and WebKitGTK for tests: a page opened, read and pointed at, each over the protocol that the browser itself speaks.

Playwright's builds of them can't be had everywhere; these are the system's (Debian: firefox-esr; webkit2gtk-driver, xvfb).
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlparse

from websockets.sync.client import ClientConnection, connect

SECONDS = 60  # until a browser, or what a test waits for, must be there


class Engine(Protocol):
    """A browser with one page."""

    def open(self, url: str, width: int, height: int) -> None:
        """Show an address in a window with so many pixels inside, or as few as the browser can."""

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, by way of JSON."""

    def point(self, x: float, y: float) -> None:
        """Move the pointer to a place in the window."""

    def faults(self) -> list[str]:
        """What has complained so far, and which requests left the machine."""


def wait_for(engine: Engine, script: str) -> Any:
    """The expression's value once it is true of the page; TimeoutError."""
    deadline = time.monotonic() + SECONDS
    while not (value := engine.evaluate(script)):
        if time.monotonic() > deadline:
            raise TimeoutError(script)
        time.sleep(0.1)
    return value


def outside(url: str) -> bool:
    return urlparse(url).hostname not in ("127.0.0.1", None)


# ---------------------------------------------------------------- Firefox, by WebDriver BiDi


class Firefox:
    """BiDi in a nutshell: numbered commands over a websocket, with events in between."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._count = 0
        self._faults: list[str] = []
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._page = self._send("browsingContext.getTree")["contexts"][0]["context"]

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(SECONDS))).get("id") != self._count:
            self._note(message.get("method"), message.get("params", {}))
        if message["type"] == "error":
            raise RuntimeError(f"{method}: {message['message']}")
        return message["result"]

    def _note(self, event: str | None, params: dict[str, Any]) -> None:
        if event == "log.entryAdded" and params["level"] == "error":
            self._faults.append(f"console: {params['text']}")
        if event == "network.beforeRequestSent" and outside(params["request"]["url"]):
            self._faults.append(f"outside: {params['request']['url']}")

    def open(self, url: str, width: int, height: int) -> None:
        self._send("browsingContext.setViewport", context=self._page, viewport={"width": width, "height": height})
        self._send("browsingContext.navigate", context=self._page, url=url, wait="complete")
        # Where the address is another process's (a file after a server's page), it answers for an empty page in between.
        address = json.dumps(re.split("[?#]", url)[0])  # what follows may be written anew by the page
        wait_for(self, f"location.href.split(/[?#]/)[0] === {address} && document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        told = self._send(
            "script.evaluate", expression=f"JSON.stringify({script})", target={"context": self._page}, awaitPromise=True
        )
        if told["type"] == "exception":
            raise RuntimeError(told["exceptionDetails"]["text"])
        return json.loads(told["result"].get("value", "null"))

    def point(self, x: float, y: float) -> None:
        move = {"type": "pointerMove", "x": round(x), "y": round(y)}
        self._send(
            "input.performActions", context=self._page, actions=[{"type": "pointer", "id": "mouse", "actions": [move]}]
        )

    def faults(self) -> list[str]:
        self._send("session.status")  # what happened before has been told by now
        return self._faults

    def close(self) -> None:
        self._send("browser.close")


@contextmanager
def firefox() -> Iterator[Firefox]:
    """The system's Firefox with a profile of its own; LookupError where there is none."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        raise LookupError("no Firefox found (Debian: apt-get install firefox-esr)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [path, "--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            told, deadline = Path(folder, "WebDriverBiDiServer.json"), time.monotonic() + SECONDS
            while not told.exists() or not told.read_text():
                if time.monotonic() > deadline or process.poll() is not None:
                    raise TimeoutError("Firefox did not start")
                time.sleep(0.1)
            at = json.loads(told.read_text())
            with connect(f"ws://{at['ws_host']}:{at['ws_port']}/session", max_size=None, proxy=None) as socket:
                engine = Firefox(socket)
                yield engine
                engine.close()
            process.wait(SECONDS)
        finally:
            process.kill()
            process.wait()


# ---------------------------------------------------------------- WebKitGTK, by WebDriver


# It tells nobody about its console: so the page notes what it says there, from before its first script runs.
LISTEN = """(() => {
  if (location.href.split("#")[0] !== %s || !document.documentElement) return false;
  if (window.told) return true;
  window.told = [];
  addEventListener("error", (event) => told.push(`page: ${event.message}`));
  addEventListener("unhandledrejection", (event) => told.push(`page: ${event.reason}`));
  addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => told.push(`refused: ${effectiveDirective} ${blockedURI}`));
  const { error } = console;
  console.error = (...words) => (told.push(`console: ${words.join(" ")}`), error.apply(console, words));
  return true;
})()"""


class WebKit:
    """WebKit's own small browser. Of requests it names only those that were answered."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._faults: list[str] = []
        self._opened = False

    def open(self, url: str, width: int, height: int) -> None:
        from selenium.common.exceptions import NoSuchFrameException

        self._look()
        self._driver.set_window_rect(0, 0, width, height)
        inner = self._driver.execute_script("return [innerWidth, innerHeight]")
        self._driver.set_window_rect(0, 0, 2 * width - inner[0], 2 * height - inner[1])
        self._driver.get(url)
        listen = LISTEN % json.dumps(url.split("#")[0])  # what follows may be written anew by the page
        with suppress(NoSuchFrameException):  # the page before may go while it is asked
            wait_for(self, listen)
        wait_for(self, listen)
        self._opened = True

    def evaluate(self, script: str) -> Any:
        return json.loads(self._driver.execute_script(f"return JSON.stringify({script})") or "null")

    def point(self, x: float, y: float) -> None:
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        actions = ActionBuilder(self._driver)
        actions.pointer_action.move_to_location(round(x), round(y))
        actions.perform()

    def _look(self) -> None:
        """Note what has happened in this page, for the next takes it away."""
        if self._opened:
            told, asked = self.evaluate("[told, performance.getEntriesByType('resource').map((entry) => entry.name)]")
            self._faults = [
                *dict.fromkeys([*self._faults, *told, *(f"outside: {url}" for url in asked if outside(url))])
            ]

    def faults(self) -> list[str]:
        self._look()
        return self._faults


@contextmanager
def webkit() -> Iterator[WebKit]:
    """The system's WebKitGTK on a screen that nobody sees; LookupError where one of them is missing."""
    for program, package in (("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")):
        if shutil.which(program) is None:
            raise LookupError(f"no {program} found (Debian: apt-get install {package})")
    from selenium import webdriver
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    options = Options()
    options.page_load_strategy = "none"  # there is something to do before the page has loaded
    with _screen() as display:
        service = Service(shutil.which("WebKitWebDriver"), env={**os.environ, "DISPLAY": display})
        driver = webdriver.WebKitGTK(options=options, service=service)
        try:
            yield WebKit(driver)
        finally:
            driver.quit()


@contextmanager
def _screen() -> Iterator[str]:
    """A screen in memory; its name, as ``DISPLAY`` has it."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        if not number:
            raise TimeoutError("Xvfb did not start")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait()
