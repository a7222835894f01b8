"""Two visitors of one server: nothing that one brings reaches the other, and what strangers write stays text."""

import gzip
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlparse

import pytest
import safetensors.torch
from browsing import noise, query_of, shown
from playwright.sync_api import Browser, Page, Request, WebSocket, expect
from streamlit import config

from topformer_viz import load_model
from topformer_viz.app.canvas.wire import Body
from topformer_viz.app.frame import choices, words
from topformer_viz.app.lab.basics.words import START
from topformer_viz.network.images import open_image
from topformer_viz.network.input import network_size

NAME = "<img src=x onerror=alert(1)>\u202e\ngnp.png"
MARKUP = "<img src=x onerror=alert(3)>"
QUAGGA = "Quagga <img src=y onerror=alert(2)> {n}"


@dataclass
class Visitor:
    """A browser of one's own; what went over its connection, and what it asked for."""

    page: Page
    frames: list[bytes] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def addresses(self) -> set[str]:
        """Where it was told to fetch what is large."""
        return {request.url for request in self.requests if "/media/" in request.url and "/static/" not in request.url}

    def heard(self, marks: dict[str, bytes]) -> list[str]:
        everything = [*self.frames, self.page.locator("body").inner_html().encode()]
        for address in self.addresses:
            body = self.page.context.request.get(address, headers={"Range": "bytes=0-"}).body()
            everything.append(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
        return [name for name, mark in marks.items() if any(mark in frame for frame in everything)]


def file_name(address: str) -> str:
    return urlparse(address).path.rsplit("/", 1)[-1]


def enter(browser: Browser) -> Visitor:
    visitor = Visitor(browser.new_context(viewport={"width": 1440, "height": 900}).new_page())

    def listen(socket: WebSocket) -> None:
        for event in ("framereceived", "framesent"):
            socket.on(event, lambda data: visitor.frames.append(data.encode() if isinstance(data, str) else data))  # type: ignore[call-overload]

    def look(request: Request) -> None:
        visitor.requests.append(request)
        if urlparse(request.url).hostname not in ("127.0.0.1", None):
            visitor.faults.append(f"outside: {request.url}")

    visitor.page.on("websocket", listen)
    visitor.page.on("request", look)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(f"page: {error}"))
    visitor.page.on("dialog", lambda dialog: (visitor.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    return visitor


def checkpoint() -> bytes:
    state = {name: t.half() if t.is_floating_point() else t for name, t in load_model("everyday").state_dict().items()}
    return safetensors.torch.save(state, {"classes": json.dumps([QUAGGA.format(n=n) for n in range(14)])})


def bring(page: Page, popover: int, name: str, data: bytes) -> None:
    page.get_by_test_id("stPopoverButton").nth(popover).click()
    page.locator("input[type=file]").last.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


@pytest.fixture
def visitors(browser: Browser) -> Iterator[tuple[Visitor, Visitor]]:
    both = enter(browser), enter(browser)
    yield both
    for visitor in both:
        visitor.page.context.close()
        assert not visitor.faults, visitor.faults


def test_what_one_visitor_brings_stays_with_that_visitor(visitors: tuple[Visitor, Visitor], server: str) -> None:
    one, other = visitors
    picture, weights = noise(320, 256), checkpoint()
    photo = open_image(picture)
    photo = photo.resize(network_size(*photo.size, 512, choices.MAX_TOKENS), 1)
    body = Body()
    body.add_photo(photo)
    marks = {
        "picture": hashlib.sha256(picture).hexdigest().encode(), "weights": hashlib.sha256(weights).hexdigest().encode(),
        "pixels": body.data.getvalue(), "class": b"Quagga", "name": b"onerror=alert(1)",
    }  # fmt: skip
    one.page.goto(f"{server}/lesson?lang=en")
    shown(one.page)
    one.page.wait_for_load_state("networkidle")
    samples = {file_name(address) for address in one.addresses}  # everybody's
    bring(one.page, 0, NAME, picture)
    expect(one.page.locator("[data-testid=stPopoverButton]").first).to_contain_text("your own", timeout=20_000)
    expect(one.page.get_by_test_id("stFileChipName")).to_contain_text("<img")
    one.page.keyboard.press("Escape")
    bring(one.page, 1, "quagga.safetensors", weights)
    expect(one.page.locator(".model-label")).to_contain_text("The checkpoint you opened", timeout=20_000)
    for _ in range(200):  # until its own run is here
        if one.heard({"weights": marks["weights"]}):
            break
        one.page.wait_for_timeout(100)
    one.page.keyboard.press("Escape")
    one.page.get_by_role("link", name=words.UI["network"]("en")).click()
    one.page.locator('.node[data-name="segmentation"]').click()
    expect(one.page.locator(".network")).to_contain_text("Quagga <img src=y onerror=alert(2)>", timeout=20_000)
    assert one.page.locator("img[src=x], img[src=y]").count() == 0
    assert one.heard(marks) == [*marks], "else the search below finds nothing anywhere"
    (put, *_) = (request for request in one.requests if request.method == "PUT")
    marks["session"] = urlparse(put.url).path.split("/")[-2].encode()

    # The other comes with a link that asks for all of it, and with values of every kind.
    wanted = {"sample": "own", "model": "own", "size": "own", "stage": MARKUP, "head": "9" * 30_000, "block": "9"}
    other.page.goto(f"{server}/lesson?{urlencode(wanted | {'lang': 'en'})}")
    shown(other.page)
    note = other.page.locator(".st-key-refused p[role=status]")
    expect(note).to_contain_text(f"stage={MARKUP}. That part is ignored.")
    expect(note).to_contain_text("The image in this address was somebody's own and is gone")
    expect(other.page.locator(".run-line")).to_contain_text("960 × 640")
    assert query_of(other.page) == {
        "sample": "street", "model": "everyday", "size": "512", "stage": "image", "block": "1", "lang": "en",
    }  # fmt: skip
    other.page.locator(".lesson").evaluate("(lesson) => { lesson.dataset.same = 'yes'; }")
    other.page.locator(".st-key-refused").get_by_role("button", name=words.UI["close"]("en")).click()
    expect(other.page.locator(".st-key-refused")).to_have_count(0)
    expect(other.page.locator(".lesson")).to_have_attribute("data-same", "yes")
    other.page.get_by_test_id("stPopoverButton").first.click()
    expect(other.page.get_by_role("radio", name="Street")).to_be_visible()
    assert other.page.get_by_role("radio", name=words.UI["own"]("en"), exact=True).count() == 0
    assert other.page.locator("img[src=x], img[src=y]").count() == 0

    # Whatever the first one's browser has asked for gives the other nothing, nor do the server's own pages. What is large lies at
    # addresses that follow from what is in it: who knows one, may have it, but the other is told none of them.
    asked = {
        request.url for request in one.requests if request.url.startswith(server) and "/static/" not in request.url
    } - one.addresses
    own = {name for name in map(file_name, one.addresses) if name.endswith(".bin")} - samples
    assert own and not [name for name in own if any(name.encode() in frame for frame in other.frames)]
    assert not own & {file_name(address) for address in other.addresses}
    picture_id = marks["picture"].decode()
    guesses = (
        "_stcore/metrics",
        f"media/{picture_id}.png",
        f"media/{picture_id}.jpg",
        f"_stcore/message?hash={picture_id}",
    )
    ask = other.page.context.request
    for url in asked | {f"{server}/{guess}" for guess in guesses}:
        got = ask.get(url).body()
        assert not [name for name, mark in marks.items() if mark in got], url
    assert other.heard(marks) == []

    # Nor can it put anything there, or take it away, from a page that has no token of this server's.
    token = {"X-Xsrftoken": "2|0|0|0"}
    for method, headers in itertools.product(("PUT", "DELETE"), ({}, token)):
        assert ask.fetch(put.url, method=method, headers=headers).status == 403
    assert config.get_option("server.enableXsrfProtection")
    one.page.get_by_role("link", name=words.UI["lesson"]("en")).click()
    shown(one.page)
    expect(one.page.locator(".run-line")).to_contain_text("320 × 256")

    # The lab's script reads two of its parameters itself: it takes what the server takes.
    other.page.goto(f"{server}/lab?part=basics&token=0x5&pair=7&lang=zh")
    expect(other.page.locator(".panels")).to_have_attribute("data-one", str(START), timeout=20_000)
    expect(other.page.locator(".st-key-refused p[role=status]")).to_contain_text("：token=0x5。")
    other.page.wait_for_function("!location.search.includes('token') && !location.search.includes('pair')")
