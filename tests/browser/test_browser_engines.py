"""The app in Firefox and WebKitGTK: the first page and the explorer open, paint and answer, and nothing complains.

Skipped where such a browser is missing; where TOPFORMER_VIZ_NEEDS_ENGINES is set, that is a failure instead.
"""

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from browsing import line, run_of
from engines import Engine, firefox, wait_for, webkit

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
    run = run_of("street", "streets")
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
