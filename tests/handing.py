"""Bytes for a page in a browser, from a host on this machine: as an argument of a script ten megabytes take ten seconds."""

from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


BLANK = b"<!doctype html><title>blank</title>"


class Host:
    """Answers with a blank page, and once with each thing that was handed to it."""

    def __init__(self) -> None:
        self._handed: dict[str, bytes] = {}
        self._number = count()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = BLANK if self.path == "/" else host._handed.pop(self.path, None)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Type", "text/html" if self.path == "/" else "application/octet-stream")
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self, browser: "Browser") -> "Page":
        """A blank page of this host's."""
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{self._server.server_port}/")
        return page

    def hand(self, data: bytes) -> str:
        """The path at which a page of this host's finds ``data``, once."""
        path = f"/{next(self._number)}"
        self._handed[path] = data
        return path


@cache
def host() -> Host:
    """The one of all tests, as long as they run."""
    return Host()
