"""The lesson without a server in Firefox and WebKitGTK: the one file from disk and from a web host, and the folder from a host. A photograph
that is dropped runs as in the app, all pages show it, nothing complains and nobody is asked for anything.

Skipped where such a browser is missing; where TOPFORMER_VIZ_NEEDS_ENGINES is set, that is a failure instead.
"""

import base64
import functools
import http.server
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from browsing import line
from engines import Engine, wait_for
from test_browser_engines import COLOURS, FIND, engine  # noqa: F401
from test_browser_site import DROP, TENSOR, model_of, run_of

from topformer_viz import Trace, open_sample
from topformer_viz.app.site.file import Contents, single_html, write_site
from topformer_viz.app.site.words import words

pytestmark = pytest.mark.browser
ROOT = "document.querySelector('.site').dataset"
ALLOWED = "'wasm-unsafe-eval' "  # what the policy says of WebAssembly


class Host(http.server.SimpleHTTPRequestHandler):
    """A plain host of files, which notes what was asked for."""

    asked: ClassVar[list[str]] = []

    def log_message(self, *told: Any) -> None:
        self.asked.append(self.path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    html = single_html(Contents(("en",)))
    (folder / "lesson.html").write_text(html, "utf-8")
    assert ALLOWED in html
    (folder / "plain.html").write_text(html.replace(ALLOWED, ""), "utf-8")
    without = html.replace("<body>", "<body><script>delete window.Worker;</script>", 1)
    (folder / "noWorker.html").write_text(without, "utf-8")
    write_site(folder / "folder", Contents(("en",)))
    return folder


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Host, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def dropped() -> tuple[bytes, Trace]:
    """A photograph of one's own, without loss, so that all browsers decode the same image pixels; and the app's run of it."""
    photo = open_sample("crossing").resize((600, 400))
    out = io.BytesIO()
    photo.save(out, "PNG")
    return out.getvalue(), run_of(model_of("everyday"), photo)[1]


def drop(page: Engine, data: bytes, name: str, kind: str) -> None:
    page.evaluate(f"({DROP})({json.dumps([base64.b64encode(data).decode(), name, kind])})")


def settled(page: Engine) -> None:
    wait_for(page, f"['ready', 'error'].includes({ROOT}.state)")


def tensor(page: Engine, name: str) -> np.ndarray:
    _, shape, data = page.evaluate(f"({TENSOR})({json.dumps(name)})")
    return np.frombuffer(base64.b64decode(data), "<f4").reshape(shape)


def paints(page: Engine, selector: str, colours: int) -> None:
    wait_for(page, f"{COLOURS.format(FIND.format(selector))} > {colours}")


def see_the_numbers(page: Engine, run: Trace) -> None:
    for name in ("image", "tokens", "block0.weights", "block3.output", "class_scores"):
        values, expected = tensor(page, name), run[name][0].numpy()
        assert values.shape == expected.shape, name
        assert (np.abs(values - expected) <= 1e-4 * np.maximum(1, np.abs(expected))).all(), name


def every_page_shows_it(engine: Engine, run: Trace) -> None:  # noqa: F811
    engine.evaluate("location.hash = 'lesson?stage=mixed'")
    paints(engine, "canvas.picture", 100)

    engine.evaluate("location.hash = 'explorer?block=3&head=2&removal=without-2'")
    explorer = FIND.format(".explorer")
    wait_for(engine, f"{explorer}?.dataset.block === '2'")
    token = int(engine.evaluate(f"{explorer}.dataset.query"))
    row = [float(value) for value in engine.evaluate(f"{explorer}.dataset.row").split()]
    assert np.allclose(row, line(run, 2, 1, [token], "row", "weights")[: len(row)], atol=1e-4)
    paints(engine, ".explorer .map img.grey", 50)
    wait_for(engine, f"/\\d/.test({FIND.format('.badge .equal')}?.textContent)")
    paints(engine, ".removal .result .view img", 50)

    engine.evaluate("location.hash = 'network?part=segmentation'")
    paints(engine, ".network .pictures canvas", 10)


@pytest.mark.parametrize("way", ["the file from disk", "the folder from a host"])
def test_a_photograph_that_is_dropped_is_on_every_page(
    engine: Engine,  # noqa: F811
    folder: Path,
    host: str,
    dropped: tuple[bytes, Trace],
    way: str,
) -> None:
    ways = {
        "the file from disk": (folder / "lesson.html").as_uri(),
        "the folder from a host": f"{host}/folder/",
    }
    before = len(Host.asked)
    engine.open(f"{ways[way]}#door", 1440, 900)
    settled(engine)
    data, run = dropped
    drop(engine, data, "photo.png", "image/png")
    own = words("en")["ui"]["own"]
    wait_for(engine, f"document.querySelector('.pictures summary').textContent.includes({json.dumps(own)})")
    wait_for(engine, f"{ROOT}.state === 'ready' && location.hash.includes('sample=own')")
    assert engine.evaluate(f"{ROOT}.engine") == "wasm"
    see_the_numbers(engine, run)

    if way == "the file from disk":
        every_page_shows_it(engine, run)
    assert engine.faults() == []
    assert {path.split("/")[1] for path in Host.asked[before:]} <= {"folder"}


def test_where_webassembly_is_forbidden_the_same_loops_run_in_javascript(engine: Engine, folder: Path) -> None:  # noqa: F811
    engine.open(f"{(folder / 'plain.html').as_uri()}#explorer?sample=cat", 390, 844)
    settled(engine)
    assert engine.evaluate(f"{ROOT}.engine") == "plain"
    see_the_numbers(engine, run_of(model_of("everyday"), open_sample("cat"))[1])


def test_a_browser_that_cannot_run_it_says_so(engine: Engine, folder: Path) -> None:  # noqa: F811
    engine.open((folder / "noWorker.html").as_uri(), 390, 844)
    settled(engine)
    assert engine.evaluate("document.querySelector('.problem').textContent") == words("en")["ui"]["cannot"]
    assert engine.evaluate("document.querySelector('.problem').checkVisibility()")
