"""The attention explorer in a real Chromium: its numbers beside the trace's, and all ways to operate it."""

import base64
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch.nn.functional as F
from browsing import (
    VIEWPORTS,
    Open,
    agrees,
    count_messages,
    explorer,
    line,
    noise,
    overlaps,
    place,
    point,
    put_in,
    query_of,
    run_of,
    says,
    stage,
)
from PIL import Image
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas.travelling import POOLED
from topformer_viz.app.canvas.wire import CANVAS_JS
from topformer_viz.app.explorer.change import LABELS, change_of, changes_of
from topformer_viz.app.explorer.file import explorer_html, file_parts, page_html
from topformer_viz.app.explorer.script import EXPLORER_JS
from topformer_viz.app.explorer.state import ADDRESS, parameters
from topformer_viz.app.frame.address import complete
from topformer_viz.figures.shades import colours
from topformer_viz.network.colour import Model
from topformer_viz.network.images import open_image
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.run.measures import measure
from topformer_viz.run.segmentation import Removal, segment, without_heads
from topformer_viz.run.walk import output_of
from topformer_viz.words.text import LANGS, Lang

EVERYDAY = "explorer?size=256&sample=street"  # the bundled network, 4 x 6 tokens
GRID = (4, 6)


@pytest.fixture(scope="module")
def everyday() -> Trace:
    return run_of("street", "everyday", 256)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """save(run, model, photo, lang="en", removals=None, **asked): the file's address, of all blocks."""

    def saved(
        run: Trace,
        model: Model,
        photo: Image.Image,
        lang: Lang = "en",
        removals: dict[str, Removal] | None = None,
        **asked: str,
    ) -> str:
        blocks = range(model.num_blocks)
        view = {
            "block": int(asked.get("block", 1)) - 1,
            "asked": asked,
            "untrained": False,
            "differences": [0.0 for _ in blocks],
        }
        changes = [
            (f"block{n} {name}", change)
            for n in blocks
            for name, change in changes_of(run, model, n, (removals or {}).items())
        ]
        file = tmp_path / "explorer.html"
        file.write_text(
            page_html(file_parts(run, model, photo, lang, view, changes), "a picture", "a model", lang), "utf-8"
        )
        return file.as_uri()

    return saved


@pytest.fixture
def street_file(save: Callable[..., str], everyday: Trace) -> Callable[..., str]:
    """street_file(lang="en", **asked): the file of the bundled network on a street."""
    picture = open_sample("street").resize((everyday.sizes["X"], everyday.sizes["Y"]), Image.Resampling.LANCZOS)
    return lambda lang="en", **asked: save(everyday, load_model("everyday"), picture, lang, **asked)


def button(page: Page, group: str, n: int) -> Locator:
    """The nth button (from 0; -1 is the last) of a group in the toolbars."""
    return page.locator(f".explorer .{group} button").nth(n)


def marked(page: Page, mark: str, plane: str = ".photo", grid: tuple[int, int] = GRID) -> int:
    """The token that a mark, "i" or "j", outlines."""
    box = page.locator(f".explorer {plane} .mark.{mark}").bounding_box()
    whole = page.locator(f".explorer {plane}").bounding_box()
    assert box and whole
    x = (box["x"] + box["width"] / 2 - whole["x"]) / whole["width"]
    y = (box["y"] + box["height"] / 2 - whole["y"]) / whole["height"]
    return int(y * grid[0]) * grid[1] + int(x * grid[1])


def wait_for_mark(page: Page, mark: str, token: int, plane: str = ".photo") -> None:
    for _ in range(100):
        if marked(page, mark, plane) == token:
            return
        page.wait_for_timeout(20)
    assert marked(page, mark, plane) == token


def address_says(page: Page, expected: dict[str, str | None]) -> None:
    """Wait until the address has these parameters; None: it has not."""
    now: dict[str, str] = {}
    for _ in range(60):
        now = query_of(page)
        if {name: now.get(name) for name in expected} == expected:
            return
        page.wait_for_timeout(50)
    assert {name: now.get(name) for name in expected} == expected


def printed(text: str) -> float:
    """A number as the page prints it: three digits."""
    return float(text.replace("−", "-").replace("≈ ", "").replace("%", "e-2"))


# The numbers


def test_what_it_shows_is_what_ran(visit: Open, everyday: Trace) -> None:
    page = visit(f"{EVERYDAY}&lang=en")
    says(page, block=0, head=0, query=15, mode="row", values="weights", locked=False, queries="")
    seen = [agrees(page, everyday)]
    for b in range(4):
        button(page, "blocks", b).click()
        for m, mode in enumerate(("row", "column")):
            button(page, "mode", m).click()
            for v, values in enumerate(("scores", "weights")):
                button(page, "values", v).click()
                head = (b + m + v) % 5
                button(page, "heads", head).click()
                token = (7 * b + 5 * m + 11 * v) % 24
                point(page, token, GRID)
                says(page, block=b, head="mean" if head == 4 else head, query=token, mode=mode, values=values)
                seen.append(agrees(page, everyday))
    assert len({shown["row"] for shown in seen}) == len(seen) == 17
    assert all(re.fullmatch(r"-?[\d.]+(e-?\d+)?", number) for shown in seen for number in shown["row"].split())


def test_a_click_holds_a_drag_takes_a_region_escape_lets_go(visit: Open, everyday: Trace, street_file) -> None:
    page = visit(street_file())
    point(page, 8, GRID)
    page.mouse.down()
    page.mouse.up()
    says(page, query=8, locked=True)
    point(page, 21, GRID)  # now it is the other token
    wait_for_mark(page, "j", 21)
    assert agrees(page, everyday)["query"] == "8"
    page.keyboard.press("Escape")
    says(page, locked=False)
    point(page, 3, GRID)
    says(page, query=3)
    page.mouse.down()
    page.mouse.up()
    says(page, locked=True)
    page.mouse.down()
    page.mouse.up()
    says(page, locked=False, query=3)  # the same token again lets go

    point(page, 8, GRID)
    page.mouse.down()
    for token in (9, 14, 19):
        point(page, token, GRID)
    says(page, query=19, queries="7 8 13 14 19 20")
    page.mouse.up()
    says(page, locked=True)
    for group in ("mode", "values"):
        for n in (0, 1):
            button(page, group, n).click()
            assert agrees(page, everyday)["queries"] == "7 8 13 14 19 20"
    button(page, "heads", -1).click()
    says(page, head="mean")
    agrees(page, everyday)
    point(page, 0, GRID)
    assert agrees(page, everyday)["queries"] == "7 8 13 14 19 20"
    page.keyboard.press("Escape")
    says(page, locked=False, queries="")
    agrees(page, everyday)


def test_a_cell_of_the_matrix_outlines_both_its_tokens(visit: Open, everyday: Trace, street_file) -> None:
    page = visit(street_file(head="2"))
    matrix = page.locator(".explorer .matrix")

    def at(i: int, j: int) -> None:
        box = matrix.bounding_box()
        assert box
        page.mouse.move(box["x"] + (j + 0.5) / 24 * box["width"], box["y"] + (i + 0.5) / 24 * box["height"])

    for m, mode in enumerate(("row", "column")):
        button(page, "mode", m).click()
        for i, j in ((2, 17), (20, 5), (11, 11)):
            at(i, j)
            says(page, mode=mode, query=j if mode == "column" else i)
            for plane in (".photo", ".map"):
                wait_for_mark(page, "i", i, plane)
                wait_for_mark(page, "j", j, plane)
            agrees(page, everyday)
            told = page.locator(".explorer .said").inner_text()
            cell = re.search(r"Query token (\d+) .*, key token (\d+) .*: (\S+)\.$", told)
            assert cell and (int(cell[1]) - 1, int(cell[2]) - 1) == (i, j), told
            assert printed(cell[3]) == pytest.approx(float(everyday["block0.weights"][0, 1, i, j]), rel=6e-3)
    page.mouse.down()
    says(page, locked=True, query=11)
    at(3, 4)  # held: another cell is shown, the query stays
    wait_for_mark(page, "i", 3)
    wait_for_mark(page, "j", 4)
    assert agrees(page, everyday)["query"] == "11"


def test_the_arithmetic_is_that_of_the_cell(visit: Open, everyday: Trace, street_file) -> None:
    page = visit(street_file(head="3", block="2", query="10", lock="1"), height=2000)
    run = {name: everyday[f"block1.{name}"][0, 2] for name in ("query", "key", "value", "scores", "weights", "mixed")}
    i = 9
    for j in (4, 22):
        point(page, j, GRID, ".map")
        wait_for_mark(page, "j", j, ".map")
        score, exp, total, weight = (
            printed(page.locator(f'.explorer .term-chip[data-term="{name}"] b').inner_text())
            for name in ("score", "exp", "total", "weight")
        )
        row = run["scores"][i].double()
        assert score == pytest.approx(float(row[j]), rel=6e-3)
        assert exp == pytest.approx(float(row[j].exp()), rel=6e-3)
        assert total == pytest.approx(float(row.exp().sum()), rel=6e-3)
        assert weight == pytest.approx(float(run["weights"][i, j]), rel=6e-3)
    page.locator(".explorer .photo").focus()
    page.mouse.move(0, 0)
    # Faster than frames are drawn. Down and left are ends: the last row's first token.
    page.locator(".explorer .photo").evaluate(
        """(photo) => { for (let i = 0; i < 18; i++) photo.dispatchEvent(new KeyboardEvent("keydown",
             { key: i % 2 ? "ArrowLeft" : "ArrowDown", shiftKey: true, bubbles: true, composed: true })); }"""
    )
    j = 18
    wait_for_mark(page, "j", j)
    expected = {
        "q": run["query"][i], "k": run["key"][:, j], "p": run["query"][i] * run["key"][:, j], "v": run["value"][j],
        "w": run["weights"][i, j] * run["value"][j], "o": run["mixed"][i],
    }  # fmt: skip
    for name, values in expected.items():
        features = page.locator(f'.explorer .bars[data-bars="{name}"] .feature')
        assert features.count() == len(values)
        features.nth(5).hover(position={"x": 5, "y": 9})
        told = page.locator(".explorer .term-said").inner_text()
        assert re.search(r"feature 6: \S+$", told), told
        assert printed(told.split()[-1]) == pytest.approx(float(values[5]), rel=6e-3, abs=1e-7), name
    page.locator('.explorer .bars[data-bars="p"] .feature').nth(2).hover(position={"x": 5, "y": 9})
    lit = page.locator(".explorer .lit").evaluate_all("(all) => all.map((e) => e.dataset.term)")
    assert set(lit) == {"p2", "q2", "k2", "i", "j"}
    page.mouse.move(0, 0)
    assert page.locator(".explorer .lit").count() == 0


def test_the_arithmetic_of_the_mean_ends_in_the_number_that_is_said(visit: Open, street_file) -> None:
    """And each head's part of it leads to that head's own."""
    page = visit(street_file(head="mean", block="2", query="10", to="17", lock="1"), height=2000)
    said, steps = page.locator(".explorer .said"), page.locator(".explorer .steps")
    for group, n in (("mode", 0), ("mode", 1), ("values", 0)):
        button(page, group, n).click()
        told = re.search(r"(?:most|token [^:]*): (\S+?)\.(?: |$)", said.inner_text())
        assert told
        *parts, mean = [printed(number) for number in steps.locator("b").all_inner_texts()]
        assert mean == pytest.approx(np.mean(parts), rel=1e-3)
        assert printed(told[1]) == pytest.approx(mean, rel=6e-3)
    assert not page.locator(".explorer .bars").first.is_visible()
    steps.locator("button").nth(2).click()
    says(page, head=2)
    expect(page.locator(".explorer .sum h3")).to_contain_text("head 3")
    expect(page.locator(".explorer .whose")).to_contain_text("region of 4 tokens")
    page.keyboard.press("Escape")
    expect(page.locator(".explorer .whose")).to_be_hidden()


# Likeness


def likeness(page: Page) -> tuple[Locator, str]:
    """The part on likeness, and what it says."""
    part = page.locator(".explorer .similarity")
    expect(part.locator(".alike")).to_be_visible(timeout=20_000)
    return part, part.locator(".alike").inner_text()


def sees_likeness(page: Page, run: Trace, asking: list[int], head: int | str, mode: str = "row") -> None:
    """Both maps have the colours of what PyTorch computes, the map between them and the words the run's weights."""
    block = int(explorer(page).get_attribute("data-block") or 0)
    ends = [run[name][0].flatten(1).T.double() for name in (f"block{block}.tokens", output_of(run, block))]
    enters, leaves = (F.cosine_similarity(x[asking][:, None], x[None], dim=-1).mean(0).numpy() for x in ends)
    part, said = likeness(page)
    for name, expected in (("enters", enters), ("leaves", leaves)):
        painted = np.array(part.locator(f".{name} .plane canvas").evaluate(PAINTED)).reshape(-1, 4)[:, :3]
        assert np.abs(painted - 255 * colours("RdBu_r")((expected + 1) / 2)[:, :3]).max() <= 9, (name, asking)
        assert part.locator(f".{name} .legend").inner_text().split("\n")[:2] == ["−1", "1"]
    own = line(run, block, head, asking, mode, "weights")
    others = [j for j in np.argsort(-enters.astype(np.float32), kind="stable") if j not in asking]
    first = others[: math.ceil(len(own) / 10)]
    share, k, uniform, before, after, weight = re.search(
        r"(\S+%) (?:fall on|come from) the top (\d+) of .* put (\S+%) there\. .* likeness (\S+) in the input, (\S+) in the output; attention weight (\S+)\.$",
        said,
    ).groups()  # type: ignore[union-attr]
    assert int(k) == len(first) and printed(uniform) == pytest.approx(len(first) / len(own), rel=6e-3)
    assert printed(share) == pytest.approx(own[first].sum() / own.sum(), rel=6e-3)
    other = marked(
        page, "i" if mode == "column" else "j", ".similarity .enters .plane", (run.sizes["H"], run.sizes["W"])
    )
    assert [printed(before), printed(after)] == pytest.approx([enters[other], leaves[other]], rel=6e-3, abs=1e-5)
    assert printed(weight) == pytest.approx(own[other], rel=6e-3)


PAINTED = "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"


def test_likeness_unfolds_follows_the_pointer_and_asks_nobody(visit: Open, everyday: Trace) -> None:
    page = visit(f"{EVERYDAY}&lang=en&block=2&head=3", height=1900)
    fetched: list[str] = []
    sent, part = count_messages(page), page.locator(".explorer .similarity")
    page.on("request", lambda request: request.url.startswith("blob:") or fetched.append(request.url))
    assert not part.locator(".alike").is_visible() and not fetched
    part.locator("summary").click()
    sees_likeness(page, everyday, [15], 2)
    assert len(fetched) == 1  # the other maps, once
    seen = set()
    for token in (3, 20):
        point(page, token, GRID)
        says(page, query=token)
        sees_likeness(page, everyday, [token], 2)
        seen |= {str(part.locator(f".{name} .plane canvas").evaluate(PAINTED)) for name in ("enters", "leaves")}
    assert len(seen) == 4
    page.mouse.down()
    page.mouse.up()
    for plane in (f".similarity .{name} .plane" for name in ("enters", "reads", "leaves")):
        for token in (7, 22):
            point(page, token, GRID, plane)
            wait_for_mark(page, "j", token, plane)
            wait_for_mark(page, "j", token)
            says(page, query=20, locked=True)
            sees_likeness(page, everyday, [20], 2)
    page.locator(".explorer .photo").focus()
    page.mouse.move(0, 0)
    for key in ("Shift+ArrowLeft", "0", "]", "ArrowUp"):
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        sees_likeness(page, everyday, [20 if key != "ArrowUp" else 14], 2 if key == "Shift+ArrowLeft" else "mean")
    button(page, "values", 0).click()
    button(page, "mode", 1).click()
    sees_likeness(page, everyday, [14], "mean", "column")
    address_says(page, {"similarity": "1"})
    assert sent() == 0 and len(fetched) == 1
    part.locator("summary").click()
    address_says(page, {"similarity": None})


def test_a_link_leads_to_likeness_of_a_region_and_of_a_block_without_an_mlp(visit: Open) -> None:
    run = run_of("astronaut", "colour", 256)
    page = visit("explorer?model=colour&size=256&sample=astronaut&lang=en&head=2&query=10&to=20&lock=1&similarity=1")
    says(page, head=1, locked=True)
    sees_likeness(page, run, [9, 10, 11, 17, 18, 19], 1)
    page.get_by_text("中文", exact=True).click()
    expect(page.locator(".explorer .similarity .alike")).to_contain_text("按块的输入中的相似度排序")
    page.get_by_text("English", exact=True).click()
    expect(page.locator(".explorer .similarity .alike")).to_contain_text("top 7 of the other tokens")
    sees_likeness(page, run, [9, 10, 11, 17, 18, 19], 1)


def test_another_image_brings_its_own_likeness(visit: Open) -> None:
    page = visit(f"{EVERYDAY}&lang=en&similarity=1&query=9&lock=1")
    likeness(page)
    page.get_by_test_id("stPopoverButton").first.click()
    page.get_by_text("Crossing", exact=True).click()
    crossing = run_of("crossing", "everyday", 256)
    says(page, locked=False)
    page.keyboard.press("Escape")
    page.wait_for_timeout(1000)
    middle = crossing.sizes["H"] // 2 * crossing.sizes["W"] + crossing.sizes["W"] // 2
    sees_likeness(page, crossing, [middle], 0)


def test_the_file_has_likeness_too_and_one_token_is_no_error(
    visit: Open, save: Callable[..., str], varied: Callable[..., TopFormer], photo, everyday: Trace, street_file
) -> None:
    page = visit(street_file(head="2", block="4", query="9", lock="1", similarity="1"))
    sees_likeness(page, everyday, [8], 1)
    model, picture = varied("small", 2), photo(33, 50)
    page = visit(save(trace(model, picture), model, picture, similarity="1"))
    _, said = likeness(page)
    assert "likeness 1 in the input, 1 in the output; attention weight 1." in said and "top" not in said


# Colours


def test_the_default_colours_show_what_a_map_holds(browser: Browser) -> None:
    """Of all maps of every sample few have nine tenths of their cells in the lowest twelfth of the colours."""
    page = browser.new_page()
    page.add_script_tag(content=f"{CANVAS_JS}\n{EXPLORER_JS}")
    dark, maps = 0, 0
    low = """([text, length]) => {
      const state = Object.assign(new State(), Object.fromEntries(Object.entries(ADDRESS).map(([name, [first]]) => [name, first])));
      const rows = new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
      let dark = 0;
      for (let from = 0; from < rows.length; from += length) {
        const row = rows.subarray(from, from + length), scale = scaleIn(state, extent(row));
        dark += row.filter((v) => placeOn(scale, v) < 1 / 12).length >= 0.9 * length;
      }
      return dark; }"""
    for sample in SAMPLES:
        run = run_of(sample, "everyday")
        for b in range(4):
            rows = run[f"block{b}.weights"][0].reshape(-1, run.sizes["HW"])
            dark += page.evaluate(low, [base64.b64encode(rows.contiguous().numpy().tobytes()).decode(), rows.shape[1]])
            maps += len(rows)
    page.close()
    assert maps > 10_000
    assert dark <= 0.08 * maps, dark / maps


def test_every_map_says_its_own_maximum_and_what_its_colours_mean(visit: Open, everyday: Trace, street_file) -> None:
    page = visit(street_file(head="2", block="3", query="9", lock="1"))
    maxima = [line(everyday, 2, h, [8], "row", "weights").max() for h in range(4)]
    whole = float(everyday["block2.weights"][0, 1].max())
    legends = page.locator(".explorer .map-legend"), page.locator(".explorer .matrix-legend")

    def ends(here: list[float], words: list[str]) -> None:
        for legend, high, name in zip(legends, here, words, strict=True):
            expect(legend.locator(".legend-name")).to_contain_text(name)
            assert printed(legend.locator(".high").inner_text()) == pytest.approx(high, rel=6e-3)
        for told, own in zip(page.locator(".explorer .card .top").all_inner_texts(), maxima, strict=True):
            assert printed(told.removeprefix("maximum ")) == pytest.approx(own, rel=6e-3)

    ends([maxima[1], whole], ["Square-root scale up to this map's own maximum", "up to this matrix's own maximum"])
    tick = printed(legends[0].locator(".half").inner_text())
    assert tick == pytest.approx(maxima[1] / 2, rel=6e-3)
    button(page, "scale", 1).click()
    button(page, "colours", 1).click()
    every = float(everyday["block2.weights"].max())
    ends([max(maxima), every], ["Linear scale for the maps of all heads", "for the matrices of all heads"])
    own = re.search(r"own maximum is (\S+)\.$", legends[0].locator(".legend-name").inner_text())
    assert own and printed(own[1]) == pytest.approx(maxima[1], rel=6e-3)
    expect(legends[0].locator(".half")).to_be_hidden()
    button(page, "values", 0).click()
    expect(page.locator(".explorer .colours button:disabled")).to_have_count(2)
    button(page, "values", 1).click()
    expect(page.locator(".explorer .colours button[aria-pressed=true]")).to_have_text("linear")


def test_how_exact_the_numbers_are_is_said_in_words_and_the_number_on_demand(visit: Open) -> None:
    page = visit(f"{EVERYDAY}&lang=en")
    badge = page.locator(".explorer .badge")
    badge.filter(has_text="checked against an untouched run").wait_for()
    digits = re.search(r"equal to (\d+) decimal places", badge.inner_text())
    tip = badge.locator(".tip")
    assert digits and not tip.is_visible()
    badge.locator(".term").focus()
    assert tip.is_visible()
    off = re.search(r"difference is (\S+),", tip.inner_text())
    assert off and 10 ** -(int(digits[1]) + 1) < printed(off[1]) <= 10 ** -int(digits[1])


def test_a_link_leads_to_the_stage_of_the_lesson_with_what_is_chosen(visit: Open, everyday: Trace) -> None:
    for n, name in enumerate(("scores", "weights")):
        page = visit(f"{EVERYDAY}&lang=en&block=2&head=3&query=9&lock=1")
        page.locator(".explorer .lessons button").nth(n).click()
        shown = page.locator(".lesson")
        shown.wait_for(timeout=20_000)
        says(page, block=1, head=2, query=8, locked=True, values=name)
        assert stage(page) == name
        assert not page.locator(".explorer .lessons").is_visible()
        agrees(page, everyday)
        page.close()


def test_a_picture_of_512_by_1024_has_8_by_16_tokens(visit: Open) -> None:
    data = noise(1024, 512)
    page = visit("explorer?lang=en")
    put_in(page, data, '<img src=x onerror="window.harm = 1">.jpg')
    said = "1024 × 512 → 1024 × 512 image pixels (width × height), 8 rows × 16 columns of tokens"
    page.locator(".run-line", has_text=said).wait_for()
    page.keyboard.press("Escape")
    # The words above come first.
    expect(explorer(page)).to_have_attribute("data-row", re.compile(r"^(?:\S+ ){127}\S+$"), timeout=20_000)
    run = trace(load_model("everyday"), open_image(data))
    assert (run.sizes["H"], run.sizes["W"]) == (8, 16)
    for token in (0, 37, 127):
        point(page, token, (8, 16))
        says(page, query=token)
        assert len(agrees(page, run)["row"].split()) == 128
    assert marked(page, "i", grid=(8, 16)) == 127
    page.locator(".link-button").click()
    page.locator(".link-said", has_text="cannot travel").wait_for()
    assert query_of(page)["sample"] == "own"
    assert page.evaluate("window.harm") is None


def test_a_thousand_tokens_and_four_thousand(visit: Open) -> None:
    for grid, tokens, side in ((32, 1024, 1024), (64, 4096, POOLED)):
        run = run_of("astronaut", "colour", max_tokens=4096, grid=grid)
        assert run.sizes["HW"] == tokens
        page = visit(f"explorer?model=colour&grid={grid}&sample=astronaut&lang=en&head=2&query={tokens - 5}")
        says(page, head=1, query=tokens - 6)
        assert len(agrees(page, run)["row"].split()) == 256
        point(page, tokens // 2 + 3, (grid, grid))
        says(page, query=tokens // 2 + 3)
        agrees(page, run)
        button(page, "mode", 1).click()
        says(page, mode="column")
        agrees(page, run)
        button(page, "values", 0).click()
        says(page, values="scores")
        agrees(page, run)
        assert page.locator(".explorer .matrix canvas").evaluate("(canvas) => canvas.width") == side
        page.close()


@pytest.mark.parametrize("sides", [(60, 50), (64, 640), (640, 60)], ids=str)
def test_one_token_and_one_row_or_column_of_them(
    visit: Open, save: Callable[..., str], varied: Callable[..., TopFormer], photo, sides: tuple[int, int]
) -> None:
    model, picture = varied("small", 2), photo(*sides)
    run = trace(model, picture)
    page = visit(save(run, model, picture))
    page.locator(".explorer .photo").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "2", "]"):
        page.keyboard.press(key)
    says(page, head=1, block=1)
    agrees(page, run)
    button(page, "mode", 1).click()
    button(page, "heads", -1).click()
    says(page, mode="column", head="mean")
    agrees(page, run)


# Keys and fingers


def focused(page: Page) -> str:
    """The class of the element with the focus, and of what it stands in."""
    return page.evaluate(
        """() => { let at = document.activeElement; while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
                   return at ? `${at.parentElement?.className} > ${at.className}` : ""; }"""
    )


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    for _ in range(80):
        page.keyboard.press(key)
        if name in focused(page):
            return
    pytest.fail(f"Tab never comes to {name}")


def test_the_keyboard_alone_is_enough(visit: Open, everyday: Trace) -> None:
    page = visit(f"{EVERYDAY}&lang=zh")
    keys = page.keyboard
    tab_to(page, "plane photo")
    says(page, query=15)
    for key, query in (
        ("ArrowRight", 16),
        ("ArrowUp", 10),
        ("ArrowLeft", 9),
        ("ArrowDown", 15),
        *[("ArrowRight", 17)] * 3,
    ):
        keys.press(key)
        if key != "ArrowRight":
            says(page, query=query)
    says(page, query=17)  # and not into the next row
    agrees(page, everyday)
    j = int(np.argmax(line(everyday, 0, 0, [17], "row", "weights")))
    wait_for_mark(page, "j", j)
    keys.press("Shift+ArrowLeft" if j % 6 else "Shift+ArrowRight")
    wait_for_mark(page, "j", j - 1 if j % 6 else j + 1)
    says(page, query=17)
    keys.press("3")
    says(page, head=2)
    keys.press("9")  # there is none
    keys.press("0")
    says(page, head="mean")
    agrees(page, everyday)
    for key, b in (("]", 1), ("]", 2), ("]", 3), ("]", 3), ("[", 2)):
        keys.press(key)
        says(page, block=b)
        agrees(page, everyday)
    keys.press("Enter")
    says(page, locked=True)
    keys.press("ArrowLeft")
    says(page, query=16)
    keys.press("Escape")
    says(page, locked=False)
    keys.press("Space")
    says(page, locked=True)
    keys.press("Escape")
    tab_to(page, "plain selecting", "Shift+Tab")
    keys.press("Enter")
    tab_to(page, "plane photo")
    keys.press("ArrowUp")
    keys.press("ArrowLeft")
    says(page, query=9, queries="9 10 15 16")
    agrees(page, everyday)
    keys.press("Escape")
    says(page, queries="")
    tab_to(page, "choice mode", "Shift+Tab")
    keys.press("Enter")
    says(page, mode="column")
    assert "choice mode" in focused(page)  # the focus stays although the buttons are new
    tab_to(page, "choice heads", "Shift+Tab")
    keys.press("Escape")
    agrees(page, everyday)


def test_in_the_lesson_arrows_belong_to_the_explorer_inside_and_to_the_lesson_outside(
    visit: Open, everyday: Trace
) -> None:
    page = visit("lesson?size=256&sample=street&stage=scores&head=2&lang=en")
    says(page, values="scores", head=1, query=15)
    page.locator(".explorer .photo").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    says(page, query=10)
    assert stage(page) == "scores"
    agrees(page, everyday)
    page.keyboard.press("4")
    says(page, head=3)
    pressed = page.locator(".lesson > .toolbar button[aria-pressed=true]")
    expect(pressed).to_have_text(["1", "4"])
    page.keyboard.press("]")
    says(page, block=1)
    expect(pressed).to_have_text(["2", "4"])
    agrees(page, everyday)
    page.keyboard.press("0")
    expect(pressed).to_have_text(["2", "All"])
    says(page, head="mean")
    agrees(page, everyday)
    page.locator(".explorer .mode button").first.focus()
    page.keyboard.press("ArrowLeft")
    says(page, query=9)
    assert stage(page) == "scores"
    address_says(page, {"stage": "scores", "block": "2", "query": "10", "values": None, "head": None})

    page.locator(".lesson .stage").focus()
    page.keyboard.press("ArrowRight")
    assert stage(page) == "weights"
    says(page, values="weights", query=9)
    page.locator(".lesson > .toolbar .heads button").nth(3).click()
    says(page, head=2, block=1)
    agrees(page, everyday)
    page.keyboard.press("ArrowRight")
    assert stage(page) == "mixed"
    assert not explorer(page).is_visible()
    address_says(page, {"stage": "mixed", "query": None, "head": "3"})
    page.keyboard.press("ArrowLeft")
    says(page, values="weights", query=9, head=2, block=1)
    agrees(page, everyday)


def test_a_finger_selects_drags_and_scrolls(visit: Open, everyday: Trace) -> None:
    page = visit(f"{EVERYDAY}&lang=en", 390, 844, has_touch=True, is_mobile=True)
    cdp = page.context.new_cdp_session(page)
    photo = page.locator(".explorer .photo")

    def top() -> float:
        """Where the photograph comes to rest."""
        seen = []
        while len(seen) < 3 or len(set(seen[-3:])) > 1:
            box = photo.bounding_box()
            assert box
            seen.append(box["y"])
            page.wait_for_timeout(60)
        return seen[-1]

    photo.scroll_into_view_if_needed()
    top()
    page.touchscreen.tap(*place(page, 4, GRID))
    says(page, query=4, locked=True)
    agrees(page, everyday)
    page.touchscreen.tap(*place(page, 4, GRID))
    says(page, query=4, locked=False)

    def drag(*tokens: int) -> None:
        kinds = ["touchStart", *["touchMove"] * (len(tokens) - 1)]
        places = [place(page, token, GRID) for token in tokens]
        for kind, (x, y) in zip(kinds, places, strict=True):
            cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            page.wait_for_timeout(30)

    def lift() -> None:
        cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    before = top()
    drag(13, 14, 15, 16)
    says(page, query=16, queries="")
    lift()
    says(page, query=16, queries="", locked=True)
    agrees(page, everyday)
    assert top() == before
    drag(21, 15, 9, 3)  # upwards: the page scrolls, as if the picture had not been touched
    lift()
    says(page, query=16, queries="", locked=True)
    assert top() < before
    page.locator(".explorer .display summary").tap()
    page.locator(".explorer .selecting").tap()
    photo.scroll_into_view_if_needed()
    before = top()
    drag(1, 2, 8)
    lift()
    says(page, query=8, queries="1 2 7 8")
    agrees(page, everyday)
    assert top() == before


def test_a_finger_chooses_the_other_token_too(visit: Open, street_file) -> None:
    page = visit(street_file(query="9", lock="1"), 390, 844, has_touch=True, is_mobile=True)
    expect(page.locator(".explorer .photo-title")).to_have_text("Tap a token")
    expect(page.locator(".explorer .hint")).to_contain_text("Tap another token")
    tops = [page.locator(f".explorer {place}").bounding_box() for place in (".photo", ".map", ".said", ".settings")]
    ys = [box["y"] for box in tops if box]
    assert len(ys) == 4 and ys == sorted(ys)  # the image and its map come before the choices
    page.locator(".explorer .map").scroll_into_view_if_needed()
    for token in (20, 2):
        page.touchscreen.tap(*place(page, token, GRID, ".map"))
        page.wait_for_timeout(200)
        assert (marked(page, "i", ".map"), marked(page, "j", ".map")) == (8, token)
    says(page, query=8, locked=True)
    matrix = page.locator(".explorer .matrix")
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 13.5 / 24 * box["width"], box["y"] + 4.5 / 24 * box["height"])
    says(page, query=4, locked=True)
    page.wait_for_timeout(200)
    assert (marked(page, "i", ".map"), marked(page, "j", ".map")) == (4, 13)


# Without the server, and with it


def test_pointing_and_choosing_send_nothing(visit: Open, everyday: Trace) -> None:
    page = visit(f"{EVERYDAY}&lang=en")
    sent = count_messages(page)
    for token in range(0, 24, 2):
        point(page, token, GRID)
    page.mouse.down()
    point(page, 3, GRID)
    page.mouse.up()
    point(page, 3, GRID, ".map")
    page.locator(".explorer .matrix").hover()
    for group, n in (
        ("heads", 2),
        ("heads", -1),
        ("mode", 1),
        ("values", 0),
        ("values", 1),
        ("colours", 2),
        ("scale", 1),
        ("smooth", 1),
    ):
        button(page, group, n).click()
    page.locator(".explorer .card").nth(1).click()
    page.locator(".explorer .with").select_option("head-3")
    page.locator(".explorer .with").select_option("query")
    page.locator(".explorer .sort").select_option("effective")
    page.keyboard.press("Escape")
    page.wait_for_timeout(600)
    agrees(page, everyday)
    for b in (2, 1):
        button(page, "blocks", b).click()
        says(page, block=b)
        agrees(page, everyday)
    page.locator(".explorer .with").select_option("block-4")
    page.locator(".explorer .against .views").wait_for()
    page.wait_for_timeout(600)
    assert sent() == 0
    page.locator(".explorer .removal .choice button").nth(1).click()
    page.locator(".explorer .facts").wait_for()
    assert sent() > 0


def test_the_address_opens_the_view_and_keeps_up_with_it(visit: Open, everyday: Trace) -> None:
    asked = {
        "block": "3", "head": "2", "query": "20", "to": "9", "lock": "1", "mode": "column", "values": "scores", "scale": "all",
        "smooth": "1", "with": "block-2", "sort": "distance", "similarity": "1", "removal": "only-3",
    }  # fmt: skip
    link = {"size": "256", "sample": "street", "lang": "en"}
    page = visit("explorer?" + "&".join(f"{name}={value}" for name, value in {**link, **asked}.items()))
    says(page, block=2, head=1, query=19, queries="7 8 13 14 19 20", locked=True, mode="column", values="scores")
    agrees(page, everyday)
    page.locator(".explorer .against h3").first.wait_for()
    page.locator(".explorer .removal .facts").wait_for()
    address_says(page, {**link, **asked, "model": "everyday", "colour": None, "pinned": None})

    page.locator(".explorer .photo").focus()
    for key in ("Escape", "ArrowUp", "0", "["):
        page.keyboard.press(key)
    button(page, "values", 1).click()
    button(page, "colours", 2).click()
    page.locator(".explorer .with").select_option("query")
    says(page, block=1, head="mean", query=13, queries="", locked=False, values="weights")
    address_says(
        page,
        {
            **asked, "block": "2", "head": "mean", "query": "14", "to": None, "lock": None, "values": None, "with": "query",
            "pinned": "14", "colour": "log",
        },
    )  # fmt: skip
    before = agrees(page, everyday)
    page.reload()
    says(page, block=1, head="mean", query=13, mode="column")
    assert agrees(page, everyday) == before


@pytest.mark.parametrize(
    ("heads", "blocks", "grid"), [(4, 4, (4, 6)), (1, 1, (1, 1)), (3, 1, (7, 5)), (8, 4, (33, 64))]
)
def test_the_browser_reads_and_writes_what_the_server_takes(
    browser: Browser, heads: int, blocks: int, grid: tuple[int, int]
) -> None:
    sizes = {"heads": heads, "H": grid[0], "W": grid[1], "HW": grid[0] * grid[1]}
    nonsense = [
        "",
        "0",
        "-1",
        "01",
        " 1",
        "1.0",
        "99",
        "9999999",
        "null",
        "true",
        "head-0",
        "only-01",
        "block-9",
        "constructor",
    ]
    asked: list[dict[str, str]] = [{}, {"pinned": "1"}, {"with": "query"}, {"pinned": "9999", "with": "query"}]
    for name, parameter in parameters(sizes, blocks, {"pinned": "1"}).items():
        some = [*parameter.options[:12], *parameter.options[-12:]]
        asked += [{"pinned": "1", "with": "query", name: str(text)} for text in [*some, *nonsense]]
    page = browser.new_page()
    page.add_script_tag(content=f"{CANVAS_JS}\n{EXPLORER_JS}\nwindow.State = State;")
    read = page.evaluate(
        """([asked, run]) => asked.map((said) => {
             const state = new State(), again = new State();
             state.read(said, run);
             again.read(state.parameters, run);
             return [state.parameters, again.parameters];
           })""",
        [asked, {"heads": heads, "blocks": blocks, "grid": grid}],
    )
    page.close()
    for said, (first, again) in zip(asked, read, strict=True):
        server = complete(said, parameters(sizes, blocks, said))
        if server["with"] != "query":
            server["pinned"] = None  # which no address has without it
        written = {name: None if value == ADDRESS[name][0] else value for name, value in server.items()}
        assert first == again == {"block": 1, **written}, said


@pytest.mark.parametrize(
    "nonsense",
    [
        "head=99&query=1e3&to=-1&mode=%3Cb%3E&values=[]&with=constructor&sort=__proto__&removal=toString&lock=true&block=9",
        "head=0&query=0&to=99999999&mode=&values=&with=block-9&sort=&removal=only-9&pinned=x&colour=1&scale=2&smooth=3",
        "removal=without-01",
        "with=query&pinned=999",
    ],
)
def test_nonsense_in_the_address_gives_the_defaults(visit: Open, everyday: Trace, nonsense: str) -> None:
    page = visit(f"{EVERYDAY}&lang=en&{nonsense}")
    says(page, block=0, head=0, query=15, queries="", mode="row", values="weights", locked=False)
    agrees(page, everyday)
    kept = {
        "size": "256",
        "sample": "street",
        "lang": "en",
        "model": "everyday",
        "block": "1",
        "head": "1",
        "query": "16",
    }
    address_says(page, {**dict.fromkeys(("to", "mode", "values", "with", "sort", "removal", "pinned", "lock")), **kept})
    expect(explorer(page)).to_have_attribute("aria-busy", "false")  # busy is dimmed
    assert not page.locator(".explorer .against").is_visible()
    assert query_of(page) == kept


def test_taking_a_head_away_shows_what_changes(visit: Open, everyday: Trace) -> None:
    model = load_model("everyday")
    page = visit(f"{EVERYDAY}&lang=en&block=2&head=3")
    size = tuple(round(side * LABELS / everyday.sizes["X"]) for side in (everyday.sizes["Y"], everyday.sizes["X"]))
    was = segment(everyday["class_scores"], size).labels  # type: ignore[arg-type]
    choices = page.locator(".explorer .removal .choice button")
    expect(choices).to_have_text(["unchanged", "remove head 3", "keep only head 3"])
    for n, heads in ((1, (2,)), (2, (0, 1, 3))):
        choices.nth(n).click()
        removal = without_heads(model, everyday, 1, heads)
        change = removal.output - everyday["block1.output"]
        assert removal.scores is not None
        changed = segment(removal.scores, size).labels != was  # type: ignore[arg-type]
        shares = [float(change.norm() / everyday["block1.output"].norm()), float(changed.float().mean())]
        facts = page.locator(".explorer .facts", has_text=f"{shares[0]:.1%}")
        facts.wait_for()
        assert re.findall(r"[\d.]+%", facts.inner_text()) == [f"{share:.1%}" for share in shares]
        assert page.locator(".explorer .result .view").count() == 4
        expect(choices.nth(n)).to_have_attribute("aria-pressed", "true")
    choices.first.click()
    expect(page.locator(".explorer .result .view")).to_have_count(0)
    button(page, "heads", -1).click()
    expect(page.locator(".explorer .removal .under").first).to_have_text("Choose a head, then remove it.")


def test_what_is_known_of_a_head_taken_away_is_said_in_the_language_of_the_page(visit: Open) -> None:
    page = visit(f"{EVERYDAY}&lang=en")
    choices = page.locator(".explorer .removal .choice button")
    facts = page.locator(".explorer .facts")
    choices.nth(1).click()
    facts.filter(has_text="change class").wait_for()
    first = facts.inner_text()
    choices.nth(2).click()
    expect(facts).not_to_have_text(first)
    page.get_by_text("中文", exact=True).click()
    facts.filter(has_text="改变类别").wait_for()
    second = facts.inner_text()
    choices.nth(1).click()
    expect(facts).not_to_have_text(second)
    assert "改变类别" in facts.inner_text()


def test_two_views_and_their_difference_stand_side_by_side(visit: Open, everyday: Trace) -> None:
    page = visit(f"{EVERYDAY}&lang=en&query=9&lock=1")
    against = page.locator(".explorer .against")
    own = line(everyday, 0, 0, [8], "row", "weights")
    for choice, other in (
        ("head-3", (0, 2, 8)),
        ("head-mean", (0, "mean", 8)),
        ("block-4", (3, 0, 8)),
        ("query", (0, 0, 8)),
    ):
        page.locator(".explorer .with").select_option(choice)
        if choice == "query":
            page.locator(".explorer .photo").focus()
            page.keyboard.press("ArrowRight")
            says(page, query=9)
            own = line(everyday, 0, 0, [9], "row", "weights")
        theirs = line(everyday, *other[:2], [other[2]], "row", "weights")
        name = {"head-3": "B: block 1, head 3", "block-4": "B: block 4", "query": "B: block 1, head 1, token 9"}.get(
            choice, "B: "
        )
        against.locator("h3", has_text=name).wait_for()
        assert against.locator(".plane:visible").count() == 3
        told = against.locator(".under").last.inner_text()
        largest, share = re.fullmatch(
            r"Largest difference: (\S+)\. To turn B into A, (\S+) of the attention would have to move\.", told
        ).groups()  # type: ignore[union-attr]
        assert printed(largest) == pytest.approx(np.abs(own - theirs).max(), rel=6e-3)
        assert printed(share) == pytest.approx(np.abs(own - theirs).sum() / 2, rel=6e-3)
    page.locator(".explorer .with").select_option("")
    assert not against.is_visible()


def test_heads_can_be_put_in_order_of_what_was_measured(visit: Open, everyday: Trace, street_file) -> None:
    page = visit(street_file(block="3"))
    measures = measure(everyday, 2)
    cards = page.locator(".explorer .card")
    order = "(cards) => cards.map((card) => Number(card.dataset.head))"
    for name in ("effective", "distance", ""):
        page.locator(".explorer .sort").select_option(name)
        expected = getattr(measures, name).argsort().tolist() if name else [0, 1, 2, 3]
        assert cards.evaluate_all(order) == expected
        for head, card in zip(expected, cards.all(), strict=True):
            told = re.search(
                r"(\S+) of 24 effective tokens, mean distance (\S+)$", card.locator(".numbers").inner_text()
            )
            assert told
            assert printed(told[1]) == pytest.approx(float(measures.effective[head]), rel=6e-3)
            assert printed(told[2]) == pytest.approx(float(measures.distance[head]), rel=6e-3)
    assert measures.effective.argsort().tolist() != measures.distance.argsort().tolist() != [0, 1, 2, 3]
    cards.nth(2).click()
    says(page, head=2)
    agrees(page, everyday)


def test_blocks_come_one_after_another_as_fast_as_keys_are_pressed(visit: Open) -> None:
    page = visit(f"{EVERYDAY}&lang=en")
    for b in (1, 2, 3, 0):
        button(page, "blocks", b).click()
        says(page, block=b)
        expect(explorer(page)).to_have_attribute("aria-busy", "false")
    page.wait_for_timeout(700)
    explorer(page).evaluate(
        """(box) => { window.seen = [];
             new MutationObserver(() => window.seen.at(-1) === box.dataset.block || window.seen.push(box.dataset.block))
               .observe(box, { attributes: true, attributeFilter: ["data-block"] }); }"""
    )
    page.locator(".explorer .photo").focus()
    for _ in range(3):
        page.keyboard.press("]")
        page.wait_for_timeout(30)
    page.wait_for_timeout(1000)
    assert page.evaluate("window.seen") == ["1", "2", "3"]


def test_a_late_answer_does_not_turn_the_block_back_and_what_lacks_is_asked_for_once(
    visit: Open, everyday: Trace, save: Callable[..., str], tmp_path: Path
) -> None:
    """What the server says of the block holds where it is news."""
    model, photo = load_model("everyday"), open_sample("street").resize((384, 256))
    address = save(everyday, model, photo)
    start = "const explorer = new Explorer(document);\nexplorer.show("
    html = (tmp_path / "explorer.html").read_text("utf-8")
    assert start in html
    html = html.replace(
        start,
        "window.wishes = [];\nconst explorer = new Explorer(document, { ask: (wish) => wishes.push(wish) });\n"
        "const run = new Run([inside('run')]), whole = { ...inside('payload'), run };\n"
        "window.answer = (block, differences, removals) => "
        "explorer.show({ ...whole, view: { ...whole.view, block, differences, alone: false }, removals });\n"
        "answer(0, null);\nvoid (",
    )
    (tmp_path / "explorer.html").write_text(html, "utf-8")
    page = visit(address)
    for b in (1, 2, 3):
        button(page, "blocks", b).click()
    answers = ("null", "[0, 0, 0, 0]", "[0, 0, 0, 0]")
    for answer in answers:
        page.evaluate(f"answer(0, {answer})")
        says(page, block=3)
        agrees(page, everyday)
    assert page.evaluate("wishes") == [{"run": "file", "block": None, "removal": "", "save": None}]
    page.locator(".explorer .removal .choice button").nth(1).click()
    wish = {"run": "file", "block": 3, "removal": "without-1", "save": None}
    for _ in range(2):
        assert page.evaluate("wishes.slice(1)") == [wish]
        page.evaluate("answer(0, [0, 0, 0, 0])")
    page.evaluate("answer(1, [0, 0, 0, 0])")
    says(page, block=1)


# The file


def test_the_file_saved_shows_the_same_offline(visit: Open, everyday: Trace, tmp_path: Path) -> None:
    page = visit(f"{EVERYDAY}&lang=en&block=3&head=2&query=20&lock=1&mode=column&removal=without-2")
    says(page, block=2, head=1, query=19, locked=True)
    page.locator(".explorer .facts").wait_for()
    facts = page.locator(".explorer .facts").inner_text()
    before = agrees(page, everyday)
    with page.expect_download(timeout=120_000) as download:
        page.locator(".explorer .save").click()
    assert download.value.suggested_filename == "topformer-street.html"
    saved = tmp_path / "saved.html"
    download.value.save_as(saved)
    expect(explorer(page)).to_have_attribute("aria-busy", "false")
    assert agrees(page, everyday) == before

    file = visit(saved.as_uri(), offline=True)
    assert agrees(file, everyday) == before
    assert file.locator(".explorer .facts").inner_text() == facts
    button(file, "blocks", 0).click()
    button(file, "heads", -1).click()
    button(file, "mode", 0).click()
    file.locator(".explorer .photo").focus()
    file.keyboard.press("ArrowUp")
    says(file, block=0, head="mean", mode="row", query=13)
    agrees(file, everyday)
    for n in range(1, 3):
        button(file, "heads", n).click()
        file.locator(".explorer .removal .choice button").nth(1).click()
        file.locator(".explorer .facts").wait_for()
    fetched = file.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert all(name.startswith(("blob:", "data:")) for name in fetched), fetched
    assert not file.locator(".explorer .save").is_visible()
    assert not file.locator(".explorer .link-button").is_visible()


def test_a_file_is_saved_once(visit: Open) -> None:
    page = visit("explorer?model=colour&lang=en", color_scheme="light")
    downloads: list[object] = []
    page.on("download", lambda download: downloads.append(download))
    with page.expect_download(timeout=120_000):
        page.locator(".explorer .save").click()
    page.emulate_media(color_scheme="dark")  # hands the component the same data once more
    page.wait_for_timeout(1000)
    assert len(downloads) == 1
    with page.expect_download(timeout=120_000):
        page.locator(".explorer .save").click()
    assert len(downloads) == 2


def test_names_in_a_file_do_nothing(
    visit: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, varied: Callable[..., TopFormer], photo
) -> None:
    harm = '<img src=x onerror="window.harm = 1">'
    model, picture = varied("tiny", 19), photo(128, 192)
    run = trace(model, picture)
    name = f"{harm}</title></script><script>window.harm = 1</script>\n\u202e\"'&amp;{{x}}.jpg"
    named = TopFormer("tiny", 19).eval()
    named.load_state_dict(model.state_dict())
    named.class_names = tuple(f"<img src=x onerror='harm=1'>{c}" for c in range(19))
    removals = [("block0 only-1", change_of(run, named, 0, (1, 2, 3)))]
    monkeypatch.setattr(
        "topformer_viz.app.explorer.file._removals", lambda run, model: removals
    )  # all of them take their time
    file = tmp_path / "named.html"
    file.write_text(explorer_html(run, named, picture, "zh", name=name, about=name, untrained=False), "utf-8")
    page = visit(file.as_uri(), offline=True)
    page.locator(".explorer .removal .choice button").nth(1).click()
    page.locator(".explorer .key-class").first.wait_for()
    assert "<img src=x" in page.locator(".explorer .keys").inner_text()
    assert page.locator("h1").evaluate("(heading) => heading.textContent").endswith(name)
    assert page.title().startswith("TopFormer")
    assert page.evaluate("window.harm") is None
    assert page.evaluate("document.querySelectorAll('img[src=x], main script').length") == 0
    agrees(page, run)


# What must not grow, and how it looks


def counted(page: Page, cdp: CDPSession) -> dict[str, int]:
    page.wait_for_timeout(600)
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")
    found = {metric["name"]: int(metric["value"]) for metric in cdp.send("Performance.getMetrics")["metrics"]}
    names = ("JSEventListeners", "Nodes", "JSHeapUsedSize", "ArrayBufferContents")
    return {name: found[name] for name in names} | {"urls": page.evaluate("window.urls.size")}


def test_many_reruns_leave_nothing_behind(visit: Open, everyday: Trace) -> None:
    page = visit(f"{EVERYDAY}&lang=en")
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    cdp.send("HeapProfiler.enable")
    page.evaluate(
        """() => { window.urls = new Set(); const { createObjectURL: make, revokeObjectURL: end } = URL;
             URL.createObjectURL = (blob) => { const url = make.call(URL, blob); window.urls.add(url); return url; };
             URL.revokeObjectURL = (url) => { window.urls.delete(url); end.call(URL, url); }; }"""
    )
    page.get_by_test_id("stPopoverButton").first.click()
    page.get_by_text("Crossing", exact=True).wait_for()
    photograph = page.locator(".explorer .photo .colour")
    rerun = """async (photograph, times) => {
        const samples = [...document.querySelectorAll(".stPills button, [data-testid=stButtonGroup] button")];
        const named = (name) => samples.find((button) => button.textContent.trim() === name);
        for (let i = 0; i < times; i++) {
          const before = photograph.src;
          named(i % 2 ? "Street" : "Crossing").click();
          while (photograph.src === before) await new Promise((done) => setTimeout(done, 4));
        } }"""
    photograph.evaluate(rerun, 14)
    early = counted(page, cdp)
    photograph.evaluate(rerun, 28)
    late = counted(page, cdp)
    assert late["JSEventListeners"] <= early["JSEventListeners"], (early, late)
    assert late["Nodes"] <= early["Nodes"] + 150, (early, late)
    assert late["JSHeapUsedSize"] <= early["JSHeapUsedSize"] + 1_500_000, (early, late)
    assert late["ArrayBufferContents"] <= early["ArrayBufferContents"] + 10, (early, late)
    assert late["urls"] <= early["urls"] <= 8, (early, late)
    agrees(page, everyday)


def cut_off(page: Page) -> list[str]:
    """Words of buttons, cards and headings that stand out of their box, or of the explorer."""
    return explorer(page).evaluate(
        """(box) => { const whole = box.getBoundingClientRect();
             return [...box.querySelectorAll("button, h3, .tick, .feature, .plane, select, .term-chip, .bars .name, .bars .end")]
               .filter((e) => e.checkVisibility() && e.getClientRects().length)
               .filter((e) => { const { left, right } = e.getBoundingClientRect();
                  return left < whole.left - 1 || right > whole.right + 1 || (e.matches("button, h3, .name, .end") && e.scrollWidth > e.clientWidth + 1); })
               .map((e) => `${e.className}: ${e.textContent.trim().slice(0, 40)}`); }"""
    )


@pytest.mark.parametrize("lang", LANGS)
def test_nothing_is_cut_off_or_overlaps_on_the_explorers_page(visit: Open, lang: str) -> None:
    query = f"explorer?model=base-batch&size=512&sample=china&lang={lang}&with=head-2&head=1&removal=without-1&sort=effective&similarity=1"
    page = visit(query)
    page.locator(".explorer .facts").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width, height in VIEWPORTS:
            page.set_viewport_size({"width": width, "height": height})
            page.locator(".explorer .sum").scroll_into_view_if_needed()  # it is drawn where it is seen
            page.wait_for_timeout(250)
            where = (lang, scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, where
            assert not overlaps(page, ".explorer button, .explorer select, .explorer h3, .explorer .view > .plane"), (
                where
            )
            assert not overlaps(page, ".explorer .bars .name, .explorer .bars .features, .explorer .bars .end"), where
            assert not overlaps(page, ".explorer .down .tick:not(:empty)"), where
            assert not cut_off(page), where


INK = """(canvas) => { const { width, height } = canvas, at = canvas.getContext("2d");
    const data = at.getImageData(0, 0, width, height).data; let seen = 0; const sum = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 150) { seen++; for (const c of [0, 1, 2]) sum[c] += data[i + c]; }
    return sum.map((c) => Math.round(c / seen)); }"""


@pytest.mark.parametrize("where", ["page", "guest", "file"])
def test_the_bars_and_their_numbers_take_the_themes_colour_at_once(visit: Open, street_file, where: str) -> None:
    address = {
        "page": f"{EVERYDAY}&lang=en",
        "guest": "lesson?size=256&stage=scores&head=1&lang=en",
        "file": street_file(),
    }
    page = visit(address[where], height=2400, color_scheme="light")
    page.wait_for_timeout(500)
    ink = []
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_timeout(400)
        ink.append(page.locator('.explorer .bars[data-bars="q"] canvas').evaluate(INK))
    light, dark = (0, 114, 178), (86, 180, 233)  # --q
    assert np.abs(np.array(ink) - [light, dark, light]).max() <= 3, ink
