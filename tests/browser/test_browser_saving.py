"""The bar's dialogs in a browser: a figure seen and saved, the link and its code, by keyboard, and nothing left behind."""

from pathlib import Path

import pytest
from browsing import VIEWPORTS, Open, query_of, shown
from PIL import Image
from playwright.sync_api import Page, expect

from topformer_viz.app.frame.saving import START
from topformer_viz.app.frame.words import SAVING, UI
from topformer_viz.words.text import LANGS, Lang


def fits(page: Page, dialog: str) -> None:
    """Nothing in the open dialog reaches out of it, and it lies within the window."""
    outside = page.locator(f"dialog.{dialog}").evaluate(
        """(dialog) => {
          const box = dialog.getBoundingClientRect();
          const wide = [...dialog.querySelectorAll("*")].filter((e) => e.checkVisibility() && !e.closest("svg"))
            .filter((e) => { const b = e.getBoundingClientRect(); return b.left < box.left - 1 || b.right > box.right + 1; });
          return [box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight, wide.map((e) => e.className || e.tagName)];
        }"""
    )
    assert outside == [False, []]


@pytest.mark.parametrize(("lang", "width", "height"), [*(("en", *size) for size in VIEWPORTS[::2]), ("zh", 390, 844)])
def test_a_figure_is_seen_then_saved(visit: Open, tmp_path: Path, lang: str, width: int, height: int) -> None:
    page = visit(f"lesson?stage=key&block=2&size=256&lang={lang}", width, height)
    shown(page)
    page.locator(".open-save").click()
    preview = page.locator(".save .paper img")
    expect(preview).to_have_js_property("naturalWidth", 691, timeout=20_000)  # 7.2 inches of 96 dots
    fits(page, "save")
    page.locator(".save .theme label").nth(1).click()
    page.locator(".save .width label").nth(0).click()
    expect(preview).to_have_js_property("naturalWidth", 336, timeout=20_000)
    with page.expect_download() as got:
        page.locator(".choices .strong").click()
    assert got.value.suggested_filename == "street-block2-key.png"
    got.value.save_as(tmp_path / "key.png")
    with Image.open(tmp_path / "key.png") as picture:
        assert picture.width == 672
        assert picture.convert("RGB").getpixel((2, 2)) == (0x15, 0x16, 0x1A)
    numbers = page.locator(".bundles button").nth(2)
    with page.expect_download() as got:
        numbers.click()
    assert got.value.suggested_filename == "street-block2-key.npz"
    expect(numbers).to_be_focused()
    # The lesson beneath stays where it is, also where nothing has the focus.
    for nothing in (False, True):
        if nothing:
            page.locator(".save .more .about").click()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("p")
    dialog = page.locator("dialog.save")
    box = dialog.bounding_box()
    assert box
    page.mouse.click(box["x"] + 4, box["y"] + 4)  # its own padding
    expect(dialog).to_be_visible()
    page.mouse.click(box["x"] - 6, box["y"] - 6)
    expect(dialog).to_be_hidden()
    assert query_of(page)["stage"] == "key" and "present" not in query_of(page)


def test_who_is_not_first_hears_the_place_in_line_until_the_turn_comes(visit: Open) -> None:
    first, second = (visit(f"explorer?size=768&sample=china&lang={lang}") for lang in LANGS)
    for page in (first, second):
        page.locator(".open-save").click()
        expect(page.locator(".save .paper img")).to_have_js_property("naturalWidth", 691, timeout=20_000)
    said, stands = second.locator(".save > .said"), second.locator(".open-save").bounding_box()
    with first.expect_download(timeout=90_000) as got:
        for page in (first, second):
            page.locator(".bundles button").last.click()  # the numbers, which take their time
            page.wait_for_timeout(300)
        expect(said).to_have_text(UI["in_line"]("zh", place=2))
        fits(second, "save")
        assert second.locator(".open-save").bounding_box() == stands  # nothing moves beneath
    assert got.value.suggested_filename == "china.npz" and got.value.path().read_bytes().startswith(b"PK")
    expect(said).to_have_text(SAVING["writing"]("zh"), timeout=10_000)


def test_the_link_is_this_views_and_its_code_follows_it(visit: Open) -> None:
    page = visit("lesson?stage=scores&block=3&head=2&size=256&lang=en")
    shown(page)
    page.locator(".open-share").focus()
    page.keyboard.press("Enter")
    link = page.locator(".share .link")
    expect(link).to_be_visible()
    assert all(part in link.input_value() for part in ("stage=scores", "block=3", "head=2", "sample=street"))
    code = page.locator(".share .code svg path").last
    link.fill("http://192.0.2.1:8501/?stage=scores")
    expect(code).to_be_visible()
    expect(page.locator(".share .note")).to_contain_text("students' own devices")
    fits(page, "share")
    before = code.get_attribute("d")
    # Looked at in the same moment: a quick server has drawn the next one by the time it could be asked from here.
    typed = "(link, text) => { link.value = text; link.oninput(); return link.getRootNode().querySelectorAll('.share .code svg').length; }"
    assert link.evaluate(typed, "http://192.0.2.1:8501/?stage=image") == 0, "a code of another address"
    expect(page.locator(".share .code svg path").last).not_to_have_attribute("d", before or "")
    page.keyboard.press("Escape")
    expect(page.locator(".open-share")).to_be_focused()


@pytest.mark.parametrize(("lang", "width", "height"), [("en", *VIEWPORTS[0]), ("zh", *VIEWPORTS[-1])])
def test_of_an_address_that_works_on_this_machine_alone_there_is_no_code(
    visit: Open, lang: Lang, width: int, height: int
) -> None:
    page = visit(f"lesson?model=colour&lang={lang}", width, height)
    shown(page)
    page.locator(".open-share").click()
    note = page.locator(".share .note")
    expect(note).to_have_text(SAVING["alone"](lang, command=START))
    expect(note.locator("code")).to_have_text("streamlit run app.py --server.address 0.0.0.0")
    fits(page, "share")
    for alone in ("http://localhost:8501/", "http://127.9.0.1/?a=b", "http://[::1]:8501/", "http://app.localhost/"):
        page.locator(".share .link").fill(alone)
        expect(note).to_contain_text(START)
    page.wait_for_timeout(500)
    assert not page.locator(".share .code svg").count()
    for elsewhere in ("http://localhost.example/", "http://192.0.2.1:8501/"):
        page.locator(".share .link").fill(elsewhere)
        expect(page.locator(".share .code svg")).to_be_visible()
        expect(note).to_have_text(SAVING["hint"](lang))
