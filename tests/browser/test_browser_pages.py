"""Heads, Initialisation, Network and Reference in a browser: what one sees first, folds and what points into them, tips."""

import pytest
from browsing import VIEWPORTS, Open
from playwright.sync_api import Locator, Page, expect

from topformer_viz.app.heads.words import UI as HEADS
from topformer_viz.app.starts.words import UI as STARTS
from topformer_viz.run.stages import AXES

FIRST = {
    "heads?lang=en": (".heads-lead", ".heads-overview caption", ".heads-overview img"),
    "starts?lang=en&size=256": (".starts-lead", ".starts.summary table", ".starts .matrix img"),
    "network?lang=en&size=256": (".scene", ".opened h2", ".opened .next"),
}


@pytest.mark.parametrize("address", FIRST)
def test_the_first_screen_has_the_purpose_the_summary_and_the_first_picture(visit: Open, address: str) -> None:
    page = visit(address)
    for part in FIRST[address]:
        first = page.locator(part).first
        first.wait_for(timeout=30_000)
        assert first.bounding_box()["y"] < 880, part  # type: ignore[index]


def fold(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-fold-{name} details")


@pytest.mark.parametrize(
    ("address", "name", "title"),
    [
        ("heads?lang=en", "proof", HEADS["proof"]("en")),
        ("starts?lang=zh&size=256", "about-finding", STARTS["finding"]("zh")),
    ],
)
def test_an_address_opens_the_fold_it_points_into(visit: Open, address: str, name: str, title: str) -> None:
    page = visit(f"{address}#{name}")
    expect(fold(page, name)).to_have_attribute("open", "", timeout=30_000)
    expect(fold(page, name).locator("summary")).to_be_in_viewport(timeout=10_000)
    expect(fold(page, name)).to_contain_text(title)
    assert page.evaluate("location.hash") == f"#{name}"
    assert page.locator("[class*='st-key-fold-'] details[open]").count() == 1


def test_a_fold_opens_by_keyboard_stays_open_and_is_open_on_paper(visit: Open) -> None:
    page = visit("heads?lang=en")
    tables, method = fold(page, "tables"), fold(page, "method")
    tables.locator("summary").focus(timeout=30_000)
    page.keyboard.press("Enter")
    expect(tables).to_have_attribute("open", "")
    tables.get_by_role("radio", name="2", exact=True).click()
    page.wait_for_function("location.search.includes('block=2')")
    expect(tables).to_have_attribute("open", "")
    text = method.get_by_text("How to read a table.")
    expect(text).not_to_be_visible()
    page.emulate_media(media="print")
    expect(text).to_be_visible()
    assert text.bounding_box()["height"] > 10  # type: ignore[index]


def test_on_a_phone_the_numbers_of_a_head_s_table_have_room_and_a_cell_says_what_it_means(visit: Open) -> None:
    page = visit("heads?lang=en", 390, 844)
    fold(page, "tables").locator("summary").click(timeout=30_000)
    table = page.locator(".heads table").first
    cells = "(table) => [...table.querySelectorAll('td b')].map((b) => b.getBoundingClientRect().width - b.parentElement.clientWidth)"
    assert max(table.evaluate(cells)) <= 0
    left = "(table) => table.querySelector('tbody th').getBoundingClientRect().left - table.parentElement.getBoundingClientRect().left"
    assert table.evaluate("(table) => table.parentElement.scrollWidth > table.parentElement.clientWidth + 100")
    table.evaluate("(table) => table.parentElement.scrollTo(100, 0)")
    assert table.evaluate(left) == 0  # the rows keep their names
    table.evaluate("(table) => table.parentElement.scrollTo(0, 0)")
    clips = "(cells) => cells.map((cell) => getComputedStyle(cell).backgroundClip)"
    assert set(table.locator("tbody tr:last-child td").evaluate_all(clips)) == {"padding-box"}  # coloured or grey
    table.locator("tbody td").nth(2).click()
    expect(table.locator("tbody td .says").nth(2)).to_be_visible()
    assert table.locator("xpath=..").evaluate("(box) => getComputedStyle(box).maskImage") == "none"


def test_a_link_shows_its_term_in_the_reference(visit: Open) -> None:
    page = visit("reference?lang=en&size=256#term-fan-out")
    expect(page.locator("#term-fan-out")).to_be_in_viewport(timeout=30_000)
    expect(page.locator("[data-pointed]")).to_have_text("fan_out")


@pytest.mark.parametrize(("width", "height"), VIEWPORTS)
def test_an_axis_says_what_it_is_within_the_window(visit: Open, width: int, height: int) -> None:
    page = visit("network?lang=en&size=256&part=tokens", width, height)
    axes = page.locator(".opened .axis.term")
    axes.first.wait_for(timeout=30_000)
    assert axes.count() >= 4
    for n in range(axes.count()):
        axis = axes.nth(n)
        tip = axis.locator(".tip")
        expect(tip).not_to_be_visible()
        axis.focus()
        expect(tip).to_be_visible()
        box = tip.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["y"] >= 0 and box["y"] + box["height"] <= height
        assert tip.inner_text() in {each.meaning("en") for each in AXES.values()}
        colours = axis.evaluate("(e) => [getComputedStyle(e).color, getComputedStyle(e.querySelector('.tip')).color]")
        assert colours[0] != colours[1]
        axis.evaluate("(e) => e.blur()")


def test_on_a_phone_the_network_says_that_it_scrolls(visit: Open) -> None:
    page = visit("network?lang=en&size=256", 390, 844)
    expect(page.locator(".swipe")).to_be_visible(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
