"""The lab's part "By hand" in Chromium: a cell and its computation, by pointer and by key."""

from playwright.sync_api import Page, expect

from topformer_viz.study.by_hand import computation, draw

QUERY = "lab?part=by-hand&lang=en&seed=3"


def says(page: Page, name: str, index: tuple[int, ...]) -> None:
    """Wait until the panel shows this cell and its sources, and no others, are lit."""
    made = computation(draw(3), name, index)
    expect(page.locator(".hand-place code")).to_have_text(f"{name}[{', '.join(map(str, index))}]")
    expect(page.locator(".hand-numbers")).to_have_text(made.expression)
    expect(page.locator(".hand td.lit")).to_have_count(len(made.sources))


def cell(page: Page, name: str, at: int):  # noqa: ANN201
    return page.locator(f'.hand td[data-tensor="{name}"][data-at="{at}"]')


def test_a_click_shows_the_computation_and_arrows_move_on(visit) -> None:
    page = visit(QUERY)
    says(page, "scores", (0, 0, 1))  # before any click
    boxes = page.locator(".hand figure, .hand-panel").evaluate_all("(all) => all.map((e) => e.getBoundingClientRect())")
    assert len(boxes) == 19
    for box in boxes:  # all on one screen, the panel below the rest
        assert 0 < box["left"] < box["right"] <= 1440 and 0 < box["top"] < box["bottom"] <= 900
    assert max(box["bottom"] for box in boxes[:-1]) <= boxes[-1]["top"]
    cell(page, "weights", 36 + 6 * 2 + 4).click()
    says(page, "weights", (1, 2, 4))
    expect(page.locator(".hand h2")).to_have_text("Attention weights")
    page.keyboard.press("ArrowRight")
    says(page, "weights", (1, 2, 5))
    for _ in range(3):
        page.keyboard.press("ArrowUp")  # over the gap, into the other head's table
    says(page, "weights", (0, 5, 5))
    page.keyboard.press("Tab")
    says(page, "mixed", (0, 0, 0))
    page.keyboard.press("Shift+Tab")
    says(page, "weights", (0, 5, 5))  # a tensor is one tab stop, where it was left


def test_other_numbers_keep_the_cell_and_reach_the_address(visit) -> None:
    page = visit(QUERY)
    cell(page, "key", 5).click()
    says(page, "key", (0, 0, 5))
    page.get_by_label("Sheet no.").fill("4")
    page.get_by_label("Sheet no.").press("Enter")
    expect(page.locator(".hand-numbers")).to_have_text(computation(draw(4), "key", (0, 0, 5)).expression)
    page.wait_for_url("**seed=4*")
    with page.expect_download() as download:
        page.get_by_role("button", name="Solutions (PDF)").click()
    assert download.value.suggested_filename == "topformer-solutions-4-en.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF")


def test_on_a_phone_tensors_stack_and_the_page_does_not_scroll_sideways(visit) -> None:
    page = visit(QUERY.replace("lang=en", "lang=zh"), width=390, height=844)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("(main) => main.scrollWidth <= main.clientWidth")
    for box in page.locator(".hand-slices").all():
        assert box.evaluate("(slices) => slices.getBoundingClientRect().right <= innerWidth")
    cell(page, "projected", 0).click()
    says(page, "projected", (0, 0, 0))
    expect(page.locator(".hand-numbers")).to_be_in_viewport()
