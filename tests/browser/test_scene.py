"""The lesson's scene, drawn in Chromium without a server: each stage where its sources put it, and a new one too."""

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from novelty import Doubling, declared
from PIL import Image
from playwright.sync_api import expect

from topformer_viz import Trace, trace
from topformer_viz.app.canvas.travelling import travels
from topformer_viz.app.canvas.wire import CANVAS_JS
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.app.lesson.script import LESSON_HTML, LESSON_JS
from topformer_viz.network.colour import Model
from topformer_viz.run.stages import OPERATIONS
from topformer_viz.run.walk import Known

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The columns from left to right, each from top to bottom, and what joins their stages.
COLUMNS = [
    ["image"], ["pyramid"], ["tokens"], ["query_map", "key_map", "value_map"], ["query", "key", "value"], ["scores"],
    ["weights"], ["mixed"], ["merged"], ["activated"], ["projected"], ["residual"], ["mlp"], ["output"],
]  # fmt: skip
EDGES = [
    "image pyramid", "pyramid tokens", "tokens query_map", "tokens key_map", "tokens value_map", "query_map query",
    "key_map key", "value_map value", "query scores", "key scores", "scores weights", "weights mixed", "value mixed",
    "mixed merged", "merged activated", "activated projected", "projected residual", "residual mlp", "mlp output",
]  # fmt: skip
DRAW = """([html, message, book, ...parts]) => {
  const root = document.body, bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  root.innerHTML = html;
  writeAddress = () => {}; // this page has no address of its own
  const lesson = new Lesson(root);
  lesson.show({ ...message, book, run: new Run(parts.map((part) => decode(bytes(part)))) });
}"""


@pytest.fixture(scope="module")
def blank(browser: "Browser") -> "Iterator[Page]":
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_script_tag(content=f"{CANVAS_JS}\n{LESSON_JS}")
    yield page
    page.close()


def draw(page: "Page", run: Trace, model: Model, photo: Image.Image, block: int = 0) -> None:
    """The lesson on that block, all of it, as the component shows it."""
    view = {"run": "a run", "block": block, "asked": {}, "alone": False, "saves": False, "differences": None}
    message: dict[str, Any] = {"lang": "en", "asked": {}, "start": "image", "link": {}, "about": [], "view": view}
    parts = [base64.b64encode(part).decode() for part in travels(run, model, photo, "a run")]
    page.evaluate(DRAW, [LESSON_HTML, message, lesson_book(Known.of(run, model), "en"), *parts])


def columns(page: "Page") -> list[list[str]]:
    """The scene's nodes, by where they stand."""
    boxes = "(nodes) => nodes.map((n) => { const box = n.querySelector('.node-name').getBoundingClientRect(); return [n.dataset.name, Math.round(box.x + box.width / 2), box.y]; })"
    found: dict[int, list[tuple[float, str]]] = {}
    for name, x, y in page.locator(".node").evaluate_all(boxes):
        found.setdefault(x, []).append((y, name))
    return [[name for _, name in sorted(found[x])] for x in sorted(found)]


def lit_by(page: "Page", kind: str) -> list[str]:
    return page.locator(kind).evaluate_all("(paths) => paths.map((path) => path.dataset.ends)")


def test_every_stage_stands_where_its_sources_put_it(blank: "Page", tiny) -> None:
    draw(blank, tiny.run, tiny.model, tiny.photo)
    assert columns(blank) == COLUMNS
    assert lit_by(blank, ".ribbon") == EDGES
    assert lit_by(blank, ".arc") == ["residual", "output"]
    assert blank.locator(".sign text").all_text_contents() == ["×", "σ", "×", "+", "+"]
    assert blank.locator(".sign title").all_text_contents()[1] == OPERATIONS["softmax"].en
    assert not blank.locator(".ribbon.broken, .from").count()


def test_on_a_phone_the_strands_lie_closer(blank: "Page", tiny) -> None:
    high = "(svg) => svg.viewBox.baseVal.height"
    draw(blank, tiny.run, tiny.model, tiny.photo)
    wide = blank.locator(".scene").evaluate(high)
    blank.set_viewport_size({"width": 390, "height": 844})
    expect(blank.locator(".node-shape")).to_have_count(0)
    assert columns(blank) == COLUMNS
    assert blank.locator(".scene").evaluate(high) < wide
    blank.set_viewport_size({"width": 1440, "height": 900})
    expect(blank.locator(".node-shape")).to_have_count(sum(len(column) for column in COLUMNS))
    assert blank.locator(".scene").evaluate(high) == wide


def test_the_way_to_a_later_block_is_broken(blank: "Page", tiny) -> None:
    draw(blank, tiny.run, tiny.model, tiny.photo, block=2)
    assert columns(blank) == COLUMNS
    assert lit_by(blank, ".ribbon") == ["" if edge == "pyramid tokens" else edge for edge in EDGES]
    assert lit_by(blank, ".ribbon.broken") == [""]
    assert blank.locator(".from").text_content() == "Block 2 →"


def test_the_colour_models_tokens_come_from_the_picture(blank: "Page", colour) -> None:
    draw(blank, colour.run, colour.model, colour.photo)
    assert columns(blank) == [column for column in COLUMNS if column[0] not in ("pyramid", "mlp", "output")]
    assert lit_by(blank, ".ribbon")[:2] == ["image tokens", "tokens query_map"]
    assert lit_by(blank, ".arc") == ["residual"]


def test_a_new_stage_finds_its_place(blank: "Page", colour) -> None:
    """One declaration and one ``keep`` line: see novelty.py."""
    model = Doubling().eval().requires_grad_(False)
    with declared():
        draw(blank, trace(model, colour.photo), model, colour.photo)
    stages = [column for column in COLUMNS if column[0] not in ("pyramid", "mlp", "output")]
    assert columns(blank) == [*stages[:-1], ["doubled"], ["residual"]]
    assert lit_by(blank, ".ribbon")[-2:] == ["projected doubled", "doubled residual"]
    blank.locator('.node[data-name="doubled"]').click()
    assert blank.locator("h2").first.inner_text() == "Doubled doubled"
    assert 'keep("doubled"' in blank.locator(".code .marked").inner_text()
    assert blank.locator(".ribbon.lit").count() == 2


def test_two_of_one_column_and_strand_stand_below_each_other(blank: "Page") -> None:
    step = {"operation": "", "strand": "", "axes": []}
    steps = [
        {"stage": "a", "sources": [], **step}, {"stage": "b", "sources": ["a"], **step},
        {"stage": "c", "sources": ["a"], **step}, {"stage": "d", "sources": ["b", "c"], **step},
    ]  # fmt: skip
    placed = blank.evaluate("(steps) => layout(steps).map(({ name, column, y }) => [name, column, y])", steps)
    assert placed == [["a", 0, 193], ["b", 1, 193], ["c", 1, 292], ["d", 2, 193]]
