"""The app in Firefox and WebKitGTK: the first page and the explorer open, paint and answer, images are read as in Python, and nothing
complains.

Skipped where such a browser is missing; where TOPFORMER_VIZ_NEEDS_ENGINES is set, that is a failure instead.
"""

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import line, run_of
from corpus import encode, picture
from engines import Engine, firefox, wait_for, webkit
from PIL import Image

from topformer_viz.app.canvas.wire import scripts
from topformer_viz.network.images import ImageError, open_image
from topformer_viz.paths import NETWORK

pytestmark = pytest.mark.browser
KINDS = {"Firefox": firefox, "WebKitGTK": webkit}
# The first element that a selector finds in a component.
FIND = "[...document.querySelectorAll('*')].map((host) => host.shadowRoot?.querySelector({!r})).find(Boolean)"
# Colours of a picture: a blank one has few.
COLOURS = """((picture) => {{
  const width = picture?.naturalWidth ?? picture?.width, height = picture?.naturalHeight ?? picture?.height;
  if (!width || !height) return 0;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(picture, 0, 0);
  return new Set(new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)).size;
}})({})"""
# Words that end in "…" because their box is too narrow.
CUT = """[...document.querySelectorAll("*")].filter((box) => {
  if (getComputedStyle(box).textOverflow !== "ellipsis" || getComputedStyle(box).overflow === "visible") return false;
  const words = document.createRange();
  words.selectNodeContents(box);
  return words.getBoundingClientRect().width > box.getBoundingClientRect().width + 0.001;
}).map((box) => box.textContent)"""


@pytest.fixture(scope="module", params=KINDS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    opened = KINDS[request.param]()
    try:
        engine = opened.__enter__()
    except LookupError as missing:
        pytest.fail(str(missing)) if os.environ.get("TOPFORMER_VIZ_NEEDS_ENGINES") else pytest.skip(str(missing))
    try:
        yield engine
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture
def visit(engine: Engine, server: str) -> Iterator[Callable[..., Engine]]:
    """visit(query, width=1440, height=900): the app; at the end, see that nothing complained and nothing left the machine."""

    def open_page(query: str, width: int = 1440, height: int = 900) -> Engine:
        engine.open(f"{server}/{query}", width, height)
        return engine

    yield open_page
    assert engine.faults() == []


def whole(page: Engine) -> bool:
    """No words are cut off, and the page is no wider than its window."""
    return page.evaluate(CUT) == [] and page.evaluate("document.querySelector('.stMain').scrollWidth <= innerWidth")


def test_the_first_page_paints(visit: Callable[..., Engine]) -> None:
    page = visit("lesson?stage=mixed&lang=en")
    wait_for(page, f"{COLOURS.format(FIND.format('canvas.picture'))} > 100")
    assert whole(page)


def test_the_explorer_answers_to_pointing_with_the_runs_own_numbers(visit: Callable[..., Engine]) -> None:
    run = run_of("street", "everyday")
    rows, columns = run.sizes["H"], run.sizes["W"]
    page = visit("explorer?block=3&head=2&lang=zh", 390, 844)
    explorer, photo = FIND.format(".explorer"), FIND.format(".explorer .photo")
    wait_for(page, f"{COLOURS.format(FIND.format('.explorer .map img.grey'))} > 50")
    assert page.evaluate(COLOURS.format(FIND.format(".explorer .map img.grey"))) <= 256
    for token in (0, 3 * columns + 5, rows * columns - 1):
        page.evaluate(f"{photo}.scrollIntoView({{ block: 'center' }})")
        left, top, width, height = page.evaluate(
            f"(({{ left, top, width, height }}) => [left, top, width, height])({photo}.getBoundingClientRect())"
        )
        page.point(left + (token % columns + 0.5) / columns * width, top + (token // columns + 0.5) / rows * height)
        wait_for(page, f"{explorer}.dataset.query === '{token}'")
        row = [float(value) for value in page.evaluate(f"{explorer}.dataset.row").split()]
        assert np.allclose(row, line(run, 2, 1, [token], "row", "weights")[: len(row)], atol=1e-4)
        assert page.evaluate(COLOURS.format(FIND.format(".explorer .map canvas"))) > 3
    assert whole(page)


# A page that stands alone decodes the files one after another; its worker, made from a Blob, makes pictures of them and tells
# [width, height, levels] or [reason].
READING = """<!doctype html>
<meta charset="utf-8">
<script>SCRIPTS</script>
<script>
  window.read = {};
  const worker = new Worker(URL.createObjectURL(new Blob([SOURCE], { type: "text/javascript" })));
  worker.onmessage = ({ data: [name, said] }) => (read[name] = said);
  (async () => {
    for (const [name, text] of Object.entries(FILES)) {
      await decodeImage(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))])).then(
        (found) => worker.postMessage([name, found], [found.image]),
        (error) => (read[name] = [error.reason ?? error.message]),
      );
    }
  })();
</script>"""
ANSWERING = """
onmessage = async ({ data: [name, found] }) => {
  const { data, width, height } = await pictureOf(found);
  postMessage([name, [width, height, [...data]]]);
};
"""


def test_a_page_from_a_file_and_its_worker_read_images_nearly_as_python_does(engine: Engine, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha, level = np.mgrid[0:64, 0:64].astype(np.uint8) * 4
    clear = Image.fromarray(np.stack([level, 255 - level, level // 2, alpha], -1))
    waves = np.sin(level / 30.0)[..., None] * 60 + np.sin(alpha / np.array([20.0, 30, 40])[:, None, None]).T * 60 + 127
    image = Image.fromarray(waves.astype(np.uint8))
    files = {format: encode(image, format, exif=exif, lossless=True) for format in ("JPEG", "PNG", "WEBP")}
    files |= {f"clear {format}": encode(clear, format, lossless=True, exact=True) for format in ("PNG", "WEBP")}
    files |= {"GIF": encode(picture(), "GIF"), "BMP": encode(picture(), "BMP")}
    files["reduced"] = encode(image.resize((2600, 1100)), "JPEG", exif=exif, quality=90)
    for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        files[f"half a {format}"] = files[format][: len(files[format]) // 2]
    texts = {name: base64.b64encode(data).decode() for name, data in files.items()}
    source = scripts(NETWORK, "tensors.js", "kernels.js", "images.js")
    page = READING.replace("FILES", json.dumps(texts)).replace("SOURCE", json.dumps(source + ANSWERING))
    (tmp_path / "reading.html").write_text(page.replace("SCRIPTS", source), "utf-8")
    engine.open((tmp_path / "reading.html").as_uri(), 800, 600)
    wait_for(engine, f"Object.keys(read).length === {len(files)}")
    for name, data in files.items():
        told = engine.evaluate(f"read[{name!r}]")
        if name.startswith("half"):
            with pytest.raises(ImageError) as caught:
                open_image(data)
            assert {told[0], caught.value.reason} <= {"damaged", "unreadable"}, name
            continue
        expected = np.asarray(open_image(data, reduced=True)).astype(int)
        assert told[:2] == list(expected.shape[1::-1]), name
        levels = np.array(told[2]).reshape(*expected.shape[:2], 4)
        assert (levels[..., 3] == 255).all()
        assert np.abs(levels[..., :3] - expected).max() <= 1, name
    assert engine.faults() == []
