"""What the network would say after each block, on the network page and in the lesson, in Chromium."""

import numpy as np
import pytest
from browsing import VIEWPORTS, Open, count_messages, overlaps, run_of
from playwright.sync_api import Page, expect

from topformer_viz import load_model
from topformer_viz.app.canvas.lens import LENS_WORDS
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.model import TopFormer
from topformer_viz.run.whole import Seen
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import LANGS, Lang

NAMES = CLASS_SETS["everyday"].names
NETWORK, LESSON = "network?size=256&sample=street&part=segmentation", "lesson?size=256&sample=street&stage=output"
DRAWN = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join()"


def seen() -> Seen:
    model = load_model("everyday")
    assert isinstance(model, TopFormer)
    return Seen(run_of("street", "everyday", 256), model)


def captions(lang: Lang) -> list[str]:
    return [LENS_WORDS["lens_before"](lang), *(LENS_WORDS["lens_after"](lang, n=n) for n in range(1, 5))]


def changed(lang: Lang, block: int) -> list[str]:
    """What is said under the map after a block, from 0."""
    told = seen()[f"lens block{block}"]
    classes = [
        LENS_WORDS["lens_class"](
            lang, name=NAMES[own["class"]](lang), before=f"{own['before']:.1%}", after=f"{own['after']:.1%}"
        )
        for own in told["classes"]
    ]
    others = [LENS_WORDS["lens_others"](lang, most=f"{told['others']:.1%}")] if told["others"] else []
    return [LENS_WORDS["lens_changed"](lang, share=f"{told['share']:.1%}"), *classes, *others]


def said(page: Page) -> list[list[str]]:
    """Under each map that has something under it, line by line."""
    return [own.locator("p, li").all_inner_texts() for own in page.locator(".lens .change").all()]


def at(page: Page, map: int, across: float, down: float) -> None:
    box = page.locator(".lens canvas").nth(map).bounding_box()
    assert box
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])


@pytest.mark.parametrize("lang", LANGS)
def test_the_network_page_says_what_every_block_changes(visit: Open, lang: Lang) -> None:
    page = visit(f"{NETWORK}&lang={lang}")
    expect(page.locator(".lens canvas")).to_have_count(5)
    assert page.locator(".lens figcaption").all_inner_texts() == captions(lang)
    assert said(page) == [changed(lang, block) for block in range(4)]
    expect(page.locator(".lens-note")).to_have_text(LENS_WORDS["lens_note"](lang))


@pytest.mark.parametrize("lang", LANGS)
def test_the_lesson_says_what_the_block_on_show_changes_and_asks_but_once(visit: Open, lang: Lang) -> None:
    page = visit(f"{LESSON}&lang={lang}&block=2")
    expect(page.locator(".lens canvas")).to_have_count(5, timeout=20_000)
    assert page.locator(".lens figcaption").all_inner_texts() == captions(lang)
    sent = count_messages(page)
    for block in (1, 0, 3):
        page.locator(".blocks button").nth(block).click()
        expect(page.locator(".lens .current figcaption")).to_have_text(captions(lang)[block + 1])
        assert said(page) == [changed(lang, block)]
    assert sent() == 0
    assert set(page.locator(".lens-keys > span").all_inner_texts()) <= {name(lang) for name in NAMES}
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".stopping")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".lens canvas").first).to_be_visible()
    assert sent() == 0


@pytest.mark.parametrize("address", [NETWORK, LESSON])
def test_what_lies_under_the_pointer_is_the_networks(visit: Open, address: str) -> None:
    page, maps = visit(f"{address}&lang=en"), seen().lens
    page.locator(".lens canvas").nth(2).scroll_into_view_if_needed()
    clear = page.locator(".lens canvas").nth(4).evaluate(DRAWN)
    height, width = maps[0].shape
    for map, y, x in ((0, 120, 25), (2, 80, 60), (3, 105, 190), (4, 20, 120)):
        at(page, map, (x + 0.5) / width, (y + 0.5) / height)
        words = page.locator(":is(.readout, .lens-readout):visible").inner_text()
        around = maps[map][y - 1 : y + 2, x - 1 : x + 2].unique().tolist()
        assert any(words.endswith(NAMES[c].en) for c in around), words
    assert page.locator(".lens canvas").nth(1).evaluate(DRAWN) != clear  # marked on all
    page.mouse.move(5, 5)
    expect(page.locator(":is(.readout, .lens-readout):visible")).to_have_count(0)
    assert page.locator(".lens canvas").nth(4).evaluate(DRAWN) == clear


@pytest.mark.parametrize("address", [NETWORK, LESSON])
def test_the_keyboard_reaches_every_map_and_moves_a_point(visit: Open, address: str) -> None:
    page, maps = visit(f"{address}&lang=en"), seen().lens
    page.locator(".lens canvas").first.focus()
    y, x = maps[0].shape[0] // 2, maps[0].shape[1] // 2
    for map in range(5):
        page.keyboard.press("ArrowLeft")  # which elsewhere turns to what comes before
        x -= round(maps[0].shape[1] / 40)
        was, now = (NAMES[int(maps[n][y, x])].en for n in (max(0, map - 1), map))
        expect(page.locator(":is(.readout, .lens-readout):visible")).to_have_text(
            now if was == now else f"{was} → {now}"
        )
        assert (
            page.evaluate(
                "() => { let e = document.activeElement; while (e.shadowRoot) e = e.shadowRoot.activeElement;"
                " return getComputedStyle(e).outlineStyle + e.closest('figure').querySelector('figcaption').textContent; }"
            )
            == f"solid{captions('en')[map]}"
        )
        page.keyboard.press("Tab")
    expect(page.locator(":is(.readout, .lens-readout):visible")).to_have_count(0)


def test_a_class_that_is_seen_alone_is_so_on_all_maps(visit: Open) -> None:
    page = visit(f"{NETWORK}&lang=en")
    before = [canvas.evaluate(DRAWN) for canvas in page.locator(".lens canvas").all()]
    page.locator(".keys button").first.click()
    alone = [canvas.evaluate(DRAWN) for canvas in page.locator(".lens canvas").all()]
    assert all(np.not_equal(own, other) for own, other in zip(before, alone, strict=True))
    page.locator(".keys button").first.click()
    assert [canvas.evaluate(DRAWN) for canvas in page.locator(".lens canvas").all()] == before


def test_of_an_untrained_network_the_maps_are_evidence_of_nothing(visit: Open) -> None:
    page = visit(f"{LESSON}&lang=en&model=tiny")
    expect(page.locator(".lens canvas")).to_have_count(5, timeout=20_000)
    expect(page.locator(".lens-random")).to_have_text(NOT_EVIDENCE("en"))


@pytest.mark.parametrize("address", [NETWORK, LESSON])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_or_overlaps(visit: Open, address: str, scheme: str) -> None:
    page = visit(f"{address}&lang={'zh' if scheme == 'dark' else 'en'}", color_scheme=scheme)
    expect(page.locator(".lens canvas")).to_have_count(5, timeout=20_000)
    for width, height in VIEWPORTS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not overlaps(page, ".lens figcaption, .lens canvas, .lens .change, .lens-note, .lens-keys")
        for canvas in page.locator(".lens canvas").all():
            box = canvas.bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= width and box["width"] >= 140
