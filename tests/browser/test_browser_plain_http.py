"""The app over plain http under a name in the network, as students' devices open it: no page there has a clipboard or a camera."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import Open, explorer, shown
from playwright.sync_api import BrowserType, Locator, Page, expect

from topformer_viz.app.canvas.wire import COPY_WORDS
from topformer_viz.app.frame.words import UI
from topformer_viz.terminal.chromium import serve
from topformer_viz.words.text import Lang

NAME = "school.test"  # a name that no machine outside has (RFC 6761)


@pytest.fixture(scope="module")
def enter(launcher: tuple[BrowserType, dict[str, Any]]) -> Iterator[Callable[[str], Page]]:
    """enter(query): the app as a device in the network has it."""
    kind, options = launcher
    args = [*options["args"], f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_BROWSER_SERVER_ADDRESS", NAME)  # else the server takes it for a foreign site's page
        with serve() as address, kind.launch(**{**options, "args": args}) as browser:

            def open_page(query: str) -> Page:
                page = browser.new_context().new_page()
                page.goto(f"{address.replace('127.0.0.1', NAME)}/{query}")
                page.locator(".run-line").wait_for(timeout=30_000)
                assert page.evaluate("[isSecureContext, navigator.clipboard, navigator.mediaDevices]") == [
                    False,
                    None,
                    None,
                ]
                return page

            yield open_page


def is_copied_by_keys(page: Page, field: Locator, link: str) -> None:
    """The field is selected, so that the keys that are named copy the link."""
    expect(field).to_be_focused()
    assert field.input_value() == link
    page.keyboard.press("Control+C")
    page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), { className: 'pasted' }))")
    pasted = page.locator("textarea.pasted")
    pasted.evaluate("(field) => field.closest('body').querySelector('dialog[open]')?.close()")
    pasted.focus()
    page.keyboard.press("Control+V")
    expect(pasted).to_have_value(link)


@pytest.mark.parametrize(("lang", "keys"), [("zh", "按 Ctrl+C 复制")])
def test_a_link_that_the_page_cannot_copy_is_selected_and_the_keys_are_named(
    enter: Callable[[str], Page], lang: Lang, keys: str
) -> None:
    page = enter(f"lesson?model=colour&stage=key&lang={lang}")
    shown(page)
    said = page.locator(".lesson > .toolbar .link-said")
    page.locator(".lesson > .toolbar .link-button").click()
    expect(said).to_contain_text(keys)
    is_copied_by_keys(page, said.locator("input"), page.url)
    page.locator(".lesson .next").click()
    expect(said).to_be_empty()

    page = enter(f"explorer?model=colour&query=7&lang={lang}")
    explorer(page).locator(".link-button").click()
    expect(explorer(page).locator(".link-said")).to_contain_text(keys)
    is_copied_by_keys(page, explorer(page).locator(".link-said input"), page.url)
    page.context.close()


def test_the_dialog_too_and_its_code_is_of_the_name_in_the_network(enter: Callable[[str], Page]) -> None:
    page = enter("reference?model=colour&lang=en")
    page.locator(".open-share").click()
    expect(page.locator(".share .code svg")).to_be_visible()
    page.locator(".share .copy").click()
    expect(page.locator(".share .said")).to_have_text(COPY_WORDS["by_keys"]("en", keys="Ctrl+C"))
    link = page.locator(".share .link")
    assert link.input_value() == page.url and NAME in page.url
    expect(link).to_be_focused()
    assert link.evaluate("(field) => [field.selectionStart, field.selectionEnd]") == [0, len(page.url)]


def test_a_finger_and_a_mac_are_told_their_own_way(visit: Open) -> None:
    gone = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
    for options, said in (
        ({"has_touch": True, "is_mobile": True}, "Press and hold the selected address to copy it."),
        ({"locale": "en"}, "Press ⌘C to copy the selected address."),
    ):
        mac = gone + "Object.defineProperty(navigator, 'platform', { value: 'MacIntel' });"
        page = visit("lesson?model=colour&lang=en", script=mac, **options)
        page.locator(".lesson > .toolbar .link-button").click()
        expect(page.locator(".lesson > .toolbar .link-said")).to_have_text(said)


@pytest.mark.parametrize("lang", ["en"])
def test_the_camera_is_offered_where_browsers_ask_for_it_and_nowhere_else(
    enter: Callable[[str], Page], visit: Open, lang: Lang
) -> None:
    query = f"lesson?model=colour&lang={lang}"
    for page, offered in ((visit(query), True), (enter(query), False)):
        page.get_by_test_id("stPopoverButton").first.click()
        texts = [UI[name](lang) for name in (("camera", "no_camera") if offered else ("no_camera", "camera"))]
        expect(page.get_by_text(texts[0], exact=True)).to_be_visible()
        expect(page.get_by_text(texts[1], exact=True)).to_have_count(0)
