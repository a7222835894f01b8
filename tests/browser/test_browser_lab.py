"""The lab in a browser: linked pictures under pointer and keys, switches, the address, small screens."""

import numpy as np
import pytest
from browsing import VIEWPORTS, Open, count_messages, query_of, run_of
from playwright.sync_api import Page, expect

from topformer_viz import load_model
from topformer_viz.app.lab.page import PARTS
from topformer_viz.study.what_if import Setting, experiment

QUERY = "sample=coffee&size=256"  # 4 x 6 tokens
ROWS, COLUMNS = 4, 6


def marked(page: Page) -> tuple[int, int]:
    box = page.get_by_test_id("panels").first
    box.locator("figure").first.wait_for()
    return int(box.get_attribute("data-one") or -1), int(box.get_attribute("data-other") or -1)


def values(page: Page, group: int) -> list[str]:
    return page.locator(".group").nth(group).locator("output").all_inner_texts()


def as_number(text: str) -> float:
    return float(text.replace("−", "-").replace("≈ 0", "0"))


def point(page: Page, plane: str, row: int, column: int, size: tuple[int, int]) -> None:
    """Move the pointer to the middle of a cell of a picture."""
    page.locator(plane).first.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    box = page.locator(plane).first.bounding_box()
    assert box
    page.mouse.move(
        box["x"] + (column + 0.5) / size[1] * box["width"], box["y"] + (row + 0.5) / size[0] * box["height"]
    )


def test_a_pair_pointed_at_in_the_matrix_is_said_in_all_pictures(visit: Open) -> None:
    page = visit(f"lab?{QUERY}&scaled=true&block=2&head=3")
    marked(page)
    sent = count_messages(page)
    matrix = ".group:nth-child(2) figure:nth-of-type(1) .plane"
    point(page, matrix, 7, 20, (24, 24))
    assert marked(page) == (7, 20)
    done = experiment(load_model("everyday"), run_of("coffee", "everyday", 256), 1, Setting(scaled=True))
    before, after = (float(w[0, 2, 7, 20]) for w in (done.before["weights"], done.after["weights"]))
    np.testing.assert_allclose(
        [as_number(text) for text in values(page, 1)], [before, after, after - before], rtol=6e-3, atol=1e-6
    )
    assert sent() == 0


def test_a_click_keeps_the_token_and_arrows_move_it(visit: Open) -> None:
    page = visit(f"lab?{QUERY}")
    marked(page)
    photo = ".group:nth-child(1) figure:nth-of-type(1) .plane"
    point(page, photo, 1, 2, (ROWS, COLUMNS))
    page.mouse.down()
    page.mouse.up()
    other = marked(page)[1]
    page.mouse.move(5, 5)
    assert marked(page) == (8, other)
    page.locator(".groups").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert marked(page) == (15, other)
    assert (query_of(page)["token"], query_of(page)["pair"]) == ("16", str(other + 1))
    page.get_by_role("button", name="Scale it").click()  # a rerun keeps it
    page.wait_for_function("new URLSearchParams(location.search).get('scaled') === 'true'")
    assert query_of(page)["token"] == "16" and marked(page) == (15, other)
    page.reload()
    page.locator(".groups").first.wait_for()
    assert marked(page) == (15, other)
    page.locator(".groups").first.focus()
    for _ in range(9):
        page.keyboard.press("Shift+ArrowLeft")
    assert marked(page) == (15, other // COLUMNS * COLUMNS)
    assert page.locator(".panels .said").first.inner_text().startswith("token 16 (row 3, column 4) → ")


def test_a_token_the_picture_does_not_have_leaves_the_address(visit: Open) -> None:
    page = visit(f"lab?{QUERY}&token=97&pair=3&part=covariance")
    start = marked(page)
    assert max(start) < ROWS * COLUMNS
    page.wait_for_function("!new URLSearchParams(location.search).has('token')")
    page.locator(".js-plotly-plot").wait_for(timeout=30_000)  # what comes after has come: nothing moves any more
    page.get_by_test_id("panels").nth(1).locator("figure").first.wait_for()
    page.wait_for_timeout(500)
    point(page, ".group:nth-child(1) .plane", 0, 1, (ROWS, COLUMNS))
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("new URLSearchParams(location.search).get('token') === '2'")
    assert page.get_by_test_id("panels").nth(1).get_attribute("data-one") != "1"  # the walk has its own


def test_shuffled_tokens_are_marked_where_they_went(visit: Open) -> None:
    page = visit(f"lab?{QUERY}&tokens=shuffled")
    marked(page)
    done = experiment(load_model("everyday"), run_of("coffee", "everyday", 256), 0, Setting(tokens="shuffled"))
    place = 9
    point(page, ".group:nth-child(1) figure:nth-of-type(2) .plane", place // COLUMNS, place % COLUMNS, (ROWS, COLUMNS))
    assert marked(page)[0] == int(done.order[place])
    before, after, _ = values(page, 1)
    assert before == after


def test_an_experiment_and_a_switch_change_pictures_and_address_and_a_reload_keeps_both(visit: Open) -> None:
    page = visit(f"lab?{QUERY}&lang=en")
    marked(page)
    pictures = page.get_by_test_id("panels").first.locator("figure")
    expect(pictures).to_have_count(5)
    page.get_by_role("button", name="Scale it").click()
    expect(pictures).to_have_count(13, timeout=20_000)
    page.wait_for_function("new URLSearchParams(location.search).get('scaled') === 'true'")
    difference = page.locator(".group").nth(1).locator("figure").nth(2).locator(".bar span").last
    said = difference.inner_text()
    page.reload()
    expect(difference).to_have_text(said, timeout=30_000)
    page.get_by_text("All switches").click()
    page.get_by_text("Divide by √key_dim").click()  # off: nothing is changed any more
    expect(pictures).to_have_count(5, timeout=20_000)
    page.wait_for_function("!new URLSearchParams(location.search).has('scaled')")
    assert query_of(page)["part"] == "what-if"


def test_what_did_not_change_opens_with_the_token_that_is_marked(visit: Open) -> None:
    page = visit(f"lab?{QUERY}&lang=en&ratio=1&token=8&pair=3")
    assert marked(page) == (7, 2)
    page.get_by_text("Did not change").click()
    folded = page.get_by_test_id("panels").nth(1)
    expect(folded.locator("canvas").first).to_be_visible()
    assert folded.get_attribute("data-one") == "7"
    box = folded.bounding_box()
    assert box and box["height"] > 200


def test_the_basics_answer_the_pointer(visit: Open) -> None:
    page = visit("lab?part=basics")
    marked(page)
    point(page, ".group:nth-child(1) .plane", 7, 3, (8, 12))
    asking = page.locator(".terms li").first.inner_text()
    assert "×" in asking
    point(page, ".group:nth-child(1) .plane", 0, 0, (8, 12))
    assert page.locator(".terms li").first.inner_text() != asking
    weights = [float(text.split("×")[0]) for text in page.locator(".terms li").all_inner_texts() if "×" in text]
    assert sum(weights) == pytest.approx(1, abs=0.03)


def test_no_part_is_wider_than_the_screen(visit: Open) -> None:
    page = visit(f"lab?{QUERY}&lang=zh")
    for part, (name, _) in PARTS.items():
        page.get_by_test_id("stButtonGroup").get_by_text(name.zh, exact=True).click()
        page.wait_for_function(f"new URLSearchParams(location.search).get('part') === '{part}'")
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=30_000)
        for width, height in VIEWPORTS:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)
            wide = page.evaluate(
                "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"
            )
            assert wide <= 0, (part, width)
