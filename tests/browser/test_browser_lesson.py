"""The lesson as it is read: every stage from its top, the question in view, a way on where something is cut off or tried out."""

from typing import Any

import pytest
from browsing import Open, explorer, noise, put_in, query_of, says, stage
from playwright.sync_api import Page, expect

from topformer_viz.app.lesson.links import LINKS
from topformer_viz.app.lesson.words import UI
from topformer_viz.run.stages import STAGES

PHONE: dict[str, Any] = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}


def seen(page: Page, *parts: str) -> list[tuple[float, float]]:
    """Where parts of the lesson begin and end, in the window."""
    boxes = [page.locator(f".lesson {part}").first.bounding_box() for part in parts]
    return [(box["y"], box["y"] + box["height"]) for box in boxes if box]


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement?.shadowRoot?.activeElement?.className ?? ''")


@pytest.mark.parametrize("phone", [False, True])
def test_a_stage_is_read_from_its_top(visit: Open, phone: bool) -> None:
    page = visit("lesson?stage=tokens&block=2&lang=en", **(PHONE if phone else {}))
    high = 844 if phone else 900
    ((top, _),) = seen(page, ".stage")
    assert top > 100  # nothing has scrolled yet
    after = page.locator(".lesson .after")
    assert after.inner_text() == UI["after"]("en", title=STAGES["query_map"].title.en)
    after.scroll_into_view_if_needed()
    after.click()
    assert stage(page) == "query_map"
    (title, map) = seen(page, "h2", ".picture")
    assert 0 <= title[0] < map[0] < high / 2
    assert focused(page) == "stage"
    page.locator(".lesson .below").scroll_into_view_if_needed()
    page.keyboard.press("ArrowRight")
    assert 0 <= seen(page, "h2")[0][0] < high / 3
    page.locator(".lesson .below").scroll_into_view_if_needed()
    page.locator('.node[data-name="mixed"]').click()
    assert 0 <= seen(page, "h2")[0][0] < high / 3
    # By its key: a click at the scene's end might meet the button that comes there while the scene scrolls.
    page.locator('.node[data-name="output"]').press("Enter")
    assert not after.is_visible() and page.locator(".lesson .before").is_visible()


def test_where_all_is_in_view_nothing_moves_and_presenting_moves_nothing(visit: Open) -> None:
    page = visit("lesson?stage=query&lang=en", 1440, 1800)
    before = seen(page, "h2")
    page.keyboard.press("ArrowRight")
    assert stage(page) == "key_map" and seen(page, "h2") == before
    page.keyboard.press("p")
    before = seen(page, "h2")
    page.keyboard.press("ArrowRight")
    assert stage(page) == "key" and seen(page, "h2") == before


@pytest.mark.parametrize("name", ["query_map", "scores", "weights", "mlp"])
def test_a_question_is_in_view_at_once(visit: Open, name: str) -> None:
    page = visit(f"lesson?stage={name}&quiz=1&lang=en", 1440, 900)
    expect(page.locator(".quiz")).to_be_visible()
    assert seen(page, ".options")[0][1] <= 900
    page.set_viewport_size({"width": 390, "height": 844})
    assert seen(page, ".quiz")[0][0] < seen(page, ".scene-frame")[0][0]


def test_of_the_code_the_lines_around_come_first_and_the_rest_on_request(visit: Open) -> None:
    page = visit("lesson?stage=scores&lang=en")
    lines, whole = page.locator(".code > span:visible"), page.locator(".lesson .whole")
    assert lines.count() == 5 and page.locator(".code .marked").is_visible()
    assert whole.get_attribute("aria-expanded") == "false"
    whole.click()
    assert lines.count() > 20 and f"All {lines.count()} lines" not in whole.inner_text()
    page.keyboard.press("ArrowRight")
    assert lines.count() > 20  # as one wants it
    whole.click()
    assert lines.count() == 5
    assert whole.inner_text().startswith("All 2")


@pytest.mark.parametrize("name", ["lesson", "network"])
def test_a_button_leads_to_what_is_cut_off_of_the_drawing(visit: Open, name: str) -> None:
    first = {"lesson": "stage", "network": "part"}[name]
    page = visit(f"{name}?size=256&{first}=image&lang=en", width=390, height=844, reduced_motion="reduce")
    back, on = page.locator(".edge.back"), page.locator(".edge.on")
    assert on.is_visible() and not back.is_visible()  # at the beginning
    on.focus()
    for _ in range(6):
        page.keyboard.press("Enter")
        page.wait_for_timeout(60)
    assert back.is_visible() and not on.is_visible()
    for node in ("tokens", {"lesson": "output", "network": "split"}[name], "image"):
        page.locator(f'.node[data-name="{node}"]').focus()
        page.keyboard.press("Enter")
        box = page.locator(f'.node[data-name="{node}"] image').last.bounding_box()
        assert box and 0 <= box["x"] and box["x"] + box["width"] <= 390
    page.set_viewport_size({"width": 1640, "height": 900})
    expect(on).not_to_be_visible()
    assert not back.is_visible()


def test_on_a_phone_the_toolbar_is_folded_and_words_are_for_a_finger(visit: Open) -> None:
    page = visit("lesson?stage=query_map&block=3&head=2&lang=en", **PHONE)
    toolbar, fold = page.locator(".lesson > .toolbar"), page.locator(".lesson .fold")
    assert not toolbar.is_visible() and fold.inner_text().startswith("Block 3 · Head 2")
    assert page.locator(".lesson .canvas-box + .legend + .hint").inner_text() == UI["point_touch"].en
    fold.tap()
    assert fold.get_attribute("aria-expanded") == "true"
    toolbar.locator(".heads button").nth(0).tap()
    assert toolbar.is_visible() and fold.inner_text().startswith("Block 3 · All heads")
    fold.tap()
    assert not toolbar.is_visible()
    desk = visit("lesson?stage=query_map&lang=en")
    assert desk.locator(".lesson > .toolbar").is_visible() and not desk.locator(".lesson .fold").is_visible()
    assert desk.locator(".lesson .canvas-box + .legend + .hint").inner_text() == UI["point"].en


def test_a_link_leads_to_the_lab_with_ones_own_image_block_and_head_and_back(visit: Open) -> None:
    page = visit("lesson?size=256&lang=en&stage=scores&block=3&head=2")
    put_in(page, noise(410, 300))
    page.locator(".run-line", has_text="4 rows × 5 columns of tokens").wait_for()
    page.keyboard.press("Escape")
    page.locator(
        ".tries a[href*='sample=own']"
    ).first.wait_for()  # the image is there when the page says so, its run soon after
    link = page.locator(".tries a").first
    assert link.inner_text() == LINKS["scores"][0].words.en
    assert "scaled=true" in (link.get_attribute("href") or "") and "block=3" in (link.get_attribute("href") or "")
    link.click()
    back = page.get_by_role("link", name="Back to the lesson: Scores")
    back.wait_for(timeout=30_000)
    page.wait_for_function(
        "['sample', 'scaled'].every((name) => new URLSearchParams(location.search).has(name))", timeout=30_000
    )
    asked = query_of(page)
    assert (asked["sample"], asked["block"], asked["head"], asked["from"]) == ("own", "3", "2", "scores")
    page.get_by_role("button", name="Heat it").click()  # another choice, and the way back is still there
    page.wait_for_function("!new URLSearchParams(location.search).has('scaled')", timeout=30_000)
    assert query_of(page)["from"] == "scores"
    back.click()
    says(page, values="scores", head=1)
    assert stage(page) == "scores"
    page.wait_for_timeout(600)
    asked = query_of(page)
    assert (asked["sample"], asked["block"], asked["head"]) == ("own", "3", "2") and "from" not in asked
    page.locator(".lesson .next").click()
    page.locator(".tries a").first.click()
    says(page, block=2, head=1)
    expect(explorer(page).locator(".removal button[aria-pressed=true]")).to_contain_text("head 2")


def test_every_map_of_the_heads_outputs_has_its_own_scale_and_the_legend_says_so(visit: Open) -> None:
    page = visit("lesson?stage=mixed&block=3&lang=en")
    scales = page.evaluate(
        """() => {
          const host = [...document.querySelectorAll("*")].find((e) => e.shadowRoot?.querySelector(".lesson"));
          return host.shadowRoot.querySelector(".legend").textContent;
        }"""
    )
    assert UI["own_largest"].en in scales and UI["strength_each"]("en", d=32) in scales
    brightest = """(canvas) => { const at = canvas.getContext("2d"), wide = canvas.width, high = canvas.height;
      const yellow = (x, y) => { const { data } = at.getImageData(x * wide, y * high, wide / 2, high / 2); let n = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i] > 190 && data[i + 1] > 170 && data[i + 2] < 110) n++; return n; };
      return [yellow(0, 0), yellow(0.5, 0), yellow(0, 0.5), yellow(0.5, 0.5)]; }"""
    assert min(page.locator("canvas.picture").evaluate(brightest)) > 20  # each reaches the end of the colours
    page.locator(".heads button").nth(2).click()
    expect(page.locator(".lesson .canvas-box + .legend")).not_to_contain_text(UI["own_largest"].en)


def test_a_tap_reads_a_cell_and_what_it_says_stays(visit: Open) -> None:
    page = visit("lesson?stage=query_map&size=256&lang=en", 390, 844, has_touch=True, is_mobile=True)
    picture = page.locator("canvas.picture")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 20, box["y"] + 30)
    expect(page.locator(".readout")).to_be_visible()
    page.wait_for_timeout(300)
    expect(page.locator(".readout")).to_contain_text("query_map[")
