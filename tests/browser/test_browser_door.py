"""The front door in Chromium: pointing, tapping, keys and heads agree with the run; who comes again lands where they were."""

import re
from functools import cache

import numpy as np
import pytest
from browsing import Open, count_messages, query_of, run_of
from playwright.sync_api import Locator, Page, expect

from topformer_viz import Trace
from topformer_viz.app.door.words import UI
from topformer_viz.words.numbers import percent

PHONE = {"has_touch": True, "is_mobile": True}
GRID = (8, 12)


@cache
def run() -> Trace:
    return run_of("street", "everyday")


def row(head: int, token: int, block: int = 2) -> np.ndarray:
    """What a token reads, from the run."""
    return run().rows(f"block{block}.weights", head, [token])[0].double().numpy()


def door(page: Page) -> Locator:
    return page.get_by_test_id("door")


def tells(page: Page, head: int, token: int, block: int = 2) -> None:
    """See that the door says of this token and head what the run has."""
    box, weights = door(page), row(head, token, block)
    most = int(weights.argmax())
    for name, value in {"token": token, "head": head, "most": most}.items():
        expect(box).to_have_attribute(f"data-{name}", str(value))
    share = percent(float(weights.max()))
    expect(box.locator(".legend .high")).to_have_text(share)
    where = UI["in_head"]("en", n=head + 1)
    words = UI["itself" if most == token else "most"](
        "en", where=where, share=share, **{"from": place(token), "to": place(most)}
    )
    expect(box.locator(".said")).to_have_text(f"{words} {UI['compare']('en', even=percent(1 / 96))}")
    first, *others = sorted(weights, reverse=True)
    expect(box.locator(".row .sum")).to_contain_text(f"{percent(first)} + {percent(others[0])} + {percent(others[1])}")
    for h, card in enumerate(box.locator(".card .most").all()):
        top = float(row(h, token, block).max())
        assert card.inner_text() == UI["up_to"]("en", share=percent(top))


def place(token: int) -> str:
    return UI["place"]("en", r=token // GRID[1] + 1, c=token % GRID[1] + 1)


def spot(page: Page, token: int) -> tuple[float, float]:
    """The middle of a token on the picture."""
    box = door(page).locator(".photo").bounding_box()
    assert box
    rows, columns = GRID
    return (
        box["x"] + (token % columns + 0.5) / columns * box["width"],
        box["y"] + (token // columns + 0.5) / rows * box["height"],
    )


def test_pointing_shows_what_a_token_reads_and_asks_nothing_of_the_server(visit: Open) -> None:
    page = visit("?lang=en")
    tells(page, 1, 78)
    messages = count_messages(page)
    page.mouse.move(*spot(page, 30))
    tells(page, 1, 30)
    page.mouse.move(5, 5)
    tells(page, 1, 78)  # what is only pointed at goes
    page.mouse.click(*spot(page, 18))
    page.mouse.move(5, 5)
    tells(page, 1, 18)  # what is clicked stays
    door(page).locator(".card").nth(3).click()
    tells(page, 3, 18)
    assert {name: query_of(page)[name] for name in ("block", "head", "token")} == {
        "block": "3",
        "head": "4",
        "token": "19",
    }
    assert messages() == 0


def test_the_words_show_the_numbers_of_what_is_pointed_at(visit: Open) -> None:
    page = visit("?lang=en&block=2&head=3&token=40")
    weights = row(2, 39, 1)
    tells(page, 2, 39, 1)
    query, key = run()["block1.query"][0, 2], run()["block1.key"][0, 2]
    score = float(query[39].double() @ key[:, int(weights.argmax())].double())
    said = door(page).locator(".key .sum b").inner_text()
    assert float(said.removeprefix(UI["score"].en).replace("−", "-")) == pytest.approx(score, rel=6e-3)
    expect(door(page).locator(".key .sum span")).to_have_text(UI["rank"]("en", n=96))
    bars = door(page).locator(".q svg path").last.get_attribute("d") or ""
    drawn = [float(v) for v in re.findall(r"v([\d.]+)", bars)]
    values = query[39].abs().numpy()
    assert np.allclose(np.array(drawn), np.maximum(values / values.max(), 0.02), atol=1e-3)


def test_keys_move_the_token_and_choose_the_head(visit: Open) -> None:
    page = visit("?lang=en&token=14")
    door(page).locator(".photo").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    tells(page, 1, 26)
    page.keyboard.press("4")
    tells(page, 3, 26)
    for none in "90":
        page.keyboard.press(none)
    tells(page, 3, 26)


def test_on_a_phone_a_tap_does_it_and_nothing_hangs_over(visit: Open) -> None:
    page = visit("?lang=en", 390, 844, **PHONE)
    expect(door(page).locator(".intro")).to_contain_text(UI["tap"].en)
    box = door(page).locator(".photo").bounding_box()
    assert box and box["y"] + box["height"] <= 844, "the picture is on the first screen"
    page.touchscreen.tap(*spot(page, 30))
    tells(page, 1, 30)
    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= 390


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_on_a_desk_all_of_it_is_one_screen(visit: Open, lang: str) -> None:
    page = visit(f"?lang={lang}")
    for part in (".hello h2", ".photo", ".said", ".ways", ".cards", ".word.query", ".word.row", ".word.value"):
        box = door(page).locator(part).bounding_box()
        assert box and box["y"] + box["height"] <= 900, part


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (".start", "lesson?block=3&head=4&query=19"),
        (".explore", "explorer?block=3&head=4&query=19"),
        (".query .deeper", "lesson?stage=query&block=3&head=4"),
        (".row .deeper", "lesson?stage=weights&block=3&head=4&query=19"),
    ],
)
def test_a_link_leads_on_with_what_is_chosen_here_and_in_a_tab_of_its_own(visit: Open, link: str, address: str) -> None:
    page = visit("?lang=en&head=4&token=19&sample=street")
    where, _, wanted = address.partition("?")
    place = dict(pair.split("=") for pair in wanted.split("&") if pair)
    href = door(page).locator(link).evaluate("(a) => a.href")
    assert f"/{where}?" in href and all(f"{name}={value}" in href for name, value in place.items())
    door(page).locator(link).click()
    page.wait_for_url(f"**/{where}?**")
    page.locator(f".{'explorer .cards' if where == 'explorer' else 'lesson h2'}").wait_for()
    page.wait_for_function("(n) => location.search.includes(n)", arg=f"head={place['head']}")
    shown = {name: value for name, value in place.items() if name != "query" or link != ".start"}  # a map's alone
    assert shown.items() <= query_of(page).items()


def test_i_have_a_picture_opens_the_choice_right_there(visit: Open) -> None:
    page = visit("?lang=en&token=3")
    door(page).locator(".own").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").wait_for(state="attached")
    dialog.get_by_text("Cup of coffee").click()
    dialog.wait_for(state="hidden")
    page.wait_for_function("location.search.includes('sample=coffee')")
    # Of the new picture the door shows its own beginning.
    expect(door(page)).to_have_attribute("data-token", "78")


def again(page: Page, address: str) -> Page:
    """A new tab of the same browser."""
    tab = page.context.new_page()
    tab.goto(address)
    tab.locator(".component h2:visible").first.wait_for(timeout=30_000)
    return tab


def test_who_comes_again_lands_where_they_were_once_and_start_shows_the_door(visit: Open, server: str) -> None:
    page = visit("lesson?stage=weights&lang=en&sample=coffee&size=256")
    page.locator(".lesson .next").first.click()
    page.wait_for_function("location.search.includes('stage=mixed')")
    page.locator(".lesson h2").click()
    tab = again(page, f"{server}/")
    tab.wait_for_url("**/lesson?*stage=mixed*")
    assert query_of(tab)["sample"] == "coffee"
    tab.get_by_role("link", name="Start", exact=True).click()
    door(tab).wait_for()
    tab.goto(f"{server}/")  # once in this tab's life
    door(tab).wait_for()
    tab.wait_for_timeout(500)
    assert door(tab).is_visible()
    tab.close()
    for link in ("?lang=en", "lesson?stage=tokens&lang=en"):
        tab = again(page, f"{server}/{link}")
        tab.wait_for_timeout(500)
        assert tab.url.startswith(f"{server}/{link}")
        tab.close()


@pytest.mark.parametrize(
    "kept",
    ["https://evil.example/lesson?stage=query", "//evil.example/lesson", "javascript:alert(1)", "lesson/../../x"],
)  # fmt: skip
def test_what_stands_in_the_storage_leads_nowhere_else(visit: Open, server: str, kept: str) -> None:
    page = visit("", script=f"if (!sessionStorage.length) localStorage.setItem('topformer-last', {kept!r})")
    page.wait_for_timeout(300)
    assert door(page).is_visible() and page.url.startswith(f"{server}/?")


def test_without_storage_the_door_opens(visit: Open) -> None:
    off = "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw new DOMException('off', 'SecurityError'); }, configurable: true });"
    page = visit("?lang=en")
    page.add_init_script(off)
    page.goto(page.url.partition("?")[0])
    door(page).locator("h2").wait_for()
    tells(page, 1, 78)
    page.close()
