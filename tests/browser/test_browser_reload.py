"""After a reload one's own picture is gone: the page says so, and nothing that belonged to it is taken for another's."""

import pytest
from browsing import Open, explorer, noise, put_in, query_of, says, shown, stage
from playwright.sync_api import Page, expect

from topformer_viz.app.frame.address import GONE
from topformer_viz.app.frame.words import UI
from topformer_viz.words.names import CARRIED
from topformer_viz.words.text import Lang


def bring(page: Page, lang: Lang) -> None:
    """Put in one's own picture: 8 x 12 tokens, as the first sample's."""
    put_in(page, noise(384, 256))
    expect(page.get_by_test_id("stPopoverButton").first).to_contain_text(UI["own"](lang), timeout=20_000)
    expect(page.locator(".run-line")).to_contain_text("384 × 256", timeout=20_000)
    page.keyboard.press("Escape")
    page.wait_for_function("location.search.includes('sample=own')")


def is_said(page: Page, lang: Lang) -> None:
    expect(page.locator(".st-key-refused p[role=status]")).to_have_text(GONE["sample"](lang), timeout=20_000)
    expect(page.locator(".run-line")).to_contain_text("960 × 640")


@pytest.mark.parametrize("lang", ["zh"])
def test_in_the_explorer(visit: Open, lang: Lang) -> None:
    page = visit(f"explorer?model=colour&lang={lang}")
    bring(page, lang)
    explorer(page).locator(".photo").click(position={"x": 5, "y": 5})
    explorer(page).locator(".photo").press("3")
    explorer(page).locator(".removal button").nth(1).click()
    says(page, head=2, query=0)
    page.wait_for_function(
        "['query=1&', 'head=3', 'removal=without-3'].every((part) => location.search.includes(part))"
    )
    page.reload()
    is_said(page, lang)
    says(page, head=0, query=54)
    page.wait_for_function("location.search.includes('query=55')")
    assert {"removal", "lock"}.isdisjoint(query_of(page))
    # Nor does an address that says nothing at all bring the old state back.
    explorer(page).locator(".photo").click(position={"x": 5, "y": 5})
    explorer(page).locator(".photo").press("2")
    page.wait_for_function("location.search.includes('head=2')")
    bring(page, lang)
    page.wait_for_function("location.search.includes('head=2')")
    page.goto(f"{page.url.partition('?')[0]}?model=colour&lang={lang}")
    says(page, head=0, query=54)
    page.get_by_role("button", name=UI["close"](lang)).wait_for(state="detached")


def test_in_the_lesson_the_step_stays_and_the_head_goes(visit: Open) -> None:
    page = visit("lesson?model=colour&stage=mixed&lang=en")
    bring(page, "en")
    page.locator(".heads button").nth(3).click()
    page.wait_for_function("location.search.includes('head=3')")
    page.reload()
    is_said(page, "en")
    assert stage(page) == "mixed"
    expect(page.locator(".heads button[aria-pressed=true]")).to_have_text("All")
    page.locator(".heads button").nth(3).click()
    bring(page, "en")
    page.goto(f"{page.url.partition('?')[0]}?model=colour&lang=en")
    shown(page)
    assert stage(page) == "mixed"
    expect(page.locator(".heads button[aria-pressed=true]")).to_have_text("All")
    assert "head" not in query_of(page)


def test_in_the_lab(visit: Open) -> None:
    page = visit("lesson?model=colour&lang=en")
    bring(page, "en")
    page.get_by_role("link", name="Lab").click()
    panels = page.locator(".panels")
    expect(panels).to_have_attribute("data-one", "54", timeout=20_000)
    page.locator(".panels .groups").focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("location.search.includes('token=43')")
    page.reload()
    is_said(page, "en")
    expect(panels).to_have_attribute("data-one", "54", timeout=20_000)
    page.wait_for_function("!location.search.includes('token') && location.search.includes('sample=street')")


def test_what_was_answered_about_one_picture_is_asked_anew_about_another(visit: Open) -> None:
    page = visit("lesson?model=colour&stage=weights&quiz=1&sample=cat&lang=en")
    while page.locator(".quiz .options button").first.is_visible():
        page.locator(".quiz .options button").first.click()
        page.locator(".onward button:visible").first.click()
    expect(page.locator(".score")).to_be_visible()
    page.goto(f"{page.url.partition('?')[0]}?model=colour&stage=weights&quiz=1&sample=street&lang=en")
    shown(page)
    expect(page.locator(".score")).to_be_hidden()  # nothing is answered about this one yet
    expect(page.locator(".quiz .options button").first).to_be_visible()


def test_a_held_token_and_a_head_stay_from_page_to_page(visit: Open) -> None:
    page = visit("explorer?size=256&lang=en")
    explorer(page).locator(".photo").click(position={"x": 5, "y": 5})
    explorer(page).locator(".photo").press("3")
    says(page, head=2, query=0, locked=True)
    page.wait_for_function("location.search.includes('head=3')")
    page.get_by_role("link", name=UI["lesson"]("en"), exact=True).click()
    expect(page.locator(".lesson .heads button[aria-pressed=true]")).to_have_text("3", timeout=20_000)
    page.locator('.node[data-name="weights"]').click()
    says(page, head=2, query=0, locked=True)
    page.locator(".lesson > .toolbar .heads button").nth(2).click()
    says(page, head=1)
    page.get_by_role("link", name=UI["lab"]("en"), exact=True).click()
    page.locator(".panels").wait_for(timeout=20_000)
    page.wait_for_function("location.search.includes('token=1&')")
    page.get_by_role("link", name=UI["explorer"]("en"), exact=True).click()
    says(page, head=1, query=0, locked=True)


@pytest.mark.parametrize("lang", ["en"])
def test_on_another_image_the_head_is_said_to_stay_and_the_token_is_let_go(visit: Open, lang: Lang) -> None:
    page = visit(f"explorer?model=colour&query=1&lock=1&head=3&removal=without-3&lang={lang}")
    says(page, head=2, query=0, locked=True)
    expect(explorer(page).locator(".carried")).to_have_text("")
    bring(page, lang)
    said = CARRIED(lang, block=1, head="head 3 (hue)")
    expect(explorer(page).locator(".carried")).to_have_text(said)
    says(page, head=2, query=54, locked=False)
    page.wait_for_function("!['query=1&', '&lock=', 'removal'].some((part) => location.search.includes(part))")
    page.get_by_role("link", name=UI["lesson"](lang), exact=True).click()
    expect(page.locator(".lesson .heads button[aria-pressed=true]")).to_have_text("3 hue", timeout=20_000)
