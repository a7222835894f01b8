"""The network page's book, filled by the browser's own files alone in a blank page: it says what Python says."""

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Open
from conftest import Case
from playwright.sync_api import expect
from whole import Whole, show

from topformer_viz import load_model, trace
from topformer_viz.app.canvas.book import packed
from topformer_viz.app.canvas.wire import CANVAS_JS, RUN_JS
from topformer_viz.app.frame.words import SAVING, UI
from topformer_viz.app.network.payload import network_book
from topformer_viz.app.network.travelling import whole_message
from topformer_viz.network.choices import FACTS
from topformer_viz.network.facts import Facts
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run.walk import Known
from topformer_viz.words.text import LANGS, Lang

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Reads maps and book as they arrive, and fills the book; without some of the answers.
FILLED = """async ([maps, book, gone]) => {
  const response = (bytes) => new Response(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)));
  const run = runOf([await read("run", "a run.gz", response(maps))]);
  for (const key of gone) delete run.answers[key];
  const said = filled(await read("book", "a book.gz", response(book)), run, 0);
  return { said, labels: Array.from(run.tensor("labels").data) };
}"""


@pytest.fixture(scope="module")
def blank(browser: "Browser") -> "Iterator[Page]":
    page = browser.new_page()
    page.add_script_tag(content=CANVAS_JS + RUN_JS)
    yield page
    page.close()


def arrives(
    page: "Page",
    sent: Whole,
    lang: Lang,
    facts: Facts | None = None,
    untrained: bool = False,
    gone: tuple[str, ...] = (),
) -> dict[str, Any]:
    book = network_book(Known.of(sent.run, sent.model), sent.model.spec, facts, untrained, lang)
    bodies = whole_message(sent.run, sent.model, sent.photo, "a run"), packed(book)
    return page.evaluate(FILLED, [*(base64.b64encode(body).decode() for body in bodies), list(gone)])


def leaves(part: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a book that has nothing in it, and where it stands."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else None
    if inner is None:
        yield at, part
    else:
        for name, each in inner:
            yield from leaves(each, f"{at}/{name}")


@pytest.fixture(scope="module")
def street() -> Case:
    model, picture = load_model("everyday"), open_sample("street").resize((192, 128))
    return Case(model, picture, trace(model, picture))


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("facts", [FACTS, None], ids=["measured", "not measured"])
def test_the_browser_says_what_python_says(blank: "Page", street: Case, facts: Facts | None, lang: Lang) -> None:
    assert isinstance(street.model, TopFormer)
    sent = show(street.model, street.photo, street.run, lang, facts)
    assert dict(leaves(arrives(blank, sent, lang, facts)["said"])) == dict(leaves(sent.said))


@pytest.mark.parametrize("untrained", [True, False])
def test_of_an_untrained_network_of_150_classes_too(blank: "Page", tiny: Case, untrained: bool) -> None:
    assert isinstance(tiny.model, TopFormer)
    sent = show(tiny.model, tiny.photo, tiny.run, untrained=untrained)
    came = arrives(blank, sent, "en", untrained=untrained)
    assert dict(leaves(came["said"])) == dict(leaves(sent.said))
    assert came["labels"] == sent.tensor("labels").flatten().tolist()


def test_a_place_without_an_answer_is_an_error(blank: "Page", tiny: Case) -> None:
    assert isinstance(tiny.model, TopFormer)
    sent = show(tiny.model, tiny.photo, tiny.run)
    for key in ("passes gate2", "spread block1.head3", "legend class_scores"):
        with pytest.raises(Exception, match=f"no run answers {key}"):
            arrives(blank, sent, "en", gone=(key,))


# In the app


def test_another_language_brings_a_book_and_no_maps(visit: Open) -> None:
    page = visit("network?size=256&lang=en&part=block2")
    heading = page.locator(".opened h2")
    expect(heading).to_have_text("Block 2")
    brought: list[str] = []
    page.on("request", lambda request: brought.append(request.url) if request.resource_type == "fetch" else None)
    page.get_by_text("中文", exact=True).first.click()
    expect(heading).to_have_text("块 2")
    page.get_by_role("button", name=SAVING["save"]("zh")).wait_for()
    assert len(brought) == 2, brought  # the page's book, and the bar's
    page.get_by_text("English", exact=True).first.click()
    expect(heading).to_have_text("Block 2")
    assert len(brought) == 2


def test_who_comes_back_to_the_page_fetches_nothing_again(visit: Open) -> None:
    page = visit("network?size=256&lang=en")
    page.locator(".opened h2").wait_for()
    with page.expect_response("**/media/*.gz"):  # what that page's bar says
        page.get_by_role("link", name=UI["heads"]("en")).click()
    page.locator(".opened h2").wait_for(state="detached")
    brought: list[str] = []
    page.on("request", lambda request: brought.append(request.url) if request.resource_type == "fetch" else None)
    page.get_by_role("link", name=UI["network"]("en")).click()
    page.locator(".opened h2").wait_for()
    assert not brought, brought
