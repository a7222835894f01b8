"""The app in a real Chromium: what a person does, and what they must never see.

Skipped where no Chromium is found; where TOPFORMER_VIZ_NEEDS_BROWSER is set, that is a failure instead.
"""

import re
from pathlib import Path

import pytest
from browsing import (
    VIEWPORTS,
    Open,
    agrees,
    count_messages,
    explorer,
    noise,
    overlaps,
    point,
    put_in,
    query_of,
    run_of,
    says,
    shown,
    stage,
)  # fmt: skip
from playwright.sync_api import Locator, Page, expect

from topformer_viz.app.canvas.wire import CANVAS_JS, Body
from topformer_viz.app.frame.words import UI
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.run.segmentation import segment
from topformer_viz.run.stages import STAGES
from topformer_viz.terminal.bench.pages import LESSON


def colours(canvas: Locator) -> int:
    """How many different colours a picture has: a blank one has a few."""
    return canvas.evaluate(
        """(canvas) => new Set(new Uint32Array(
             canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
    )


def test_a_photograph_is_walked_through_by_keyboard(visit: Open) -> None:
    page = visit("lesson?model=tiny-batch&size=256&lang=en")
    put_in(page, noise(410, 300))
    said = "410 × 300 → 320 × 256 image pixels (width × height), 4 rows × 5 columns of tokens"
    page.locator(".run-line", has_text=said).wait_for()
    page.keyboard.press("Escape")
    page.locator(".lesson .stage").focus()
    walked = []
    steps = [stage.name.replace("{n}", "") for stage in STAGES.values() if stage.walked]
    for _ in steps:
        page.wait_for_timeout(50)
        walked.append(stage(page))
        for canvas in page.locator(
            "canvas.picture:visible, .explorer .map canvas:visible, .matrix canvas:visible"
        ).all():
            assert colours(canvas) > 3 or walked[-1] == "projected", walked[-1]  # as built it is exactly 0
        assert page.locator("canvas.picture").is_visible() != explorer(page).is_visible()
        assert explorer(page).is_visible() == (walked[-1] in ("scores", "weights"))
        assert page.locator(".diagram .chip").count() >= 4 or walked[-1] == "image"
        assert page.locator(".code .marked").count() >= 1
        assert query_of(page)["stage"] == walked[-1]
        page.keyboard.press("ArrowRight")
    assert walked == steps
    page.keyboard.press("ArrowLeft")
    assert stage(page) == "mlp"
    assert query_of(page)["sample"] == "own"
    page.locator(".lesson > .toolbar .link-button").click()
    page.locator(".lesson > .toolbar .link-said", has_text="cannot travel").wait_for()


def test_a_step_lights_its_node_and_its_ribbons_and_asks_nothing_of_the_server(visit: Open) -> None:
    page = visit("lesson?stage=tokens&lang=en")
    sent = count_messages(page)
    page.keyboard.press("ArrowRight")
    assert page.locator(".node.current").get_attribute("data-name") == "query_map"
    assert page.locator(".node.current").get_attribute("aria-current") == "step"
    assert page.locator("[aria-current]").count() == 1
    lit = page.locator(".ribbon.lit").evaluate_all("(paths) => paths.map((path) => path.dataset.ends)")
    assert lit == ["tokens query_map", "query_map query"]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.locator(".heads button").nth(2).click()
    page.locator("canvas.picture").hover()
    page.wait_for_timeout(300)
    assert sent() == 0


def test_language_changes_arrows_step_again_and_the_address_opens_the_same_view(visit: Open) -> None:
    page = visit("lesson?stage=scores&head=3&sample=cat&lang=en")
    assert shown(page).inner_text().startswith(STAGES["scores"].title("en"))
    page.get_by_text("中文", exact=True).click()
    page.locator(".lesson h2", has_text=STAGES["scores"].title("zh")).wait_for()
    page.keyboard.press("ArrowRight")
    assert stage(page) == "weights"
    page.wait_for_timeout(300)
    asked = query_of(page)
    assert (asked["lang"], asked["stage"], asked["head"], asked["sample"]) == ("zh", "weights", "3", "cat")
    page.reload()
    assert shown(page).inner_text().startswith(STAGES["weights"].title("zh"))
    assert page.locator(".heads button[aria-pressed=true]").inner_text().startswith("3")


@pytest.mark.parametrize(("locale", "title"), [("zh-CN", "zh"), ("de-DE", "en")])
def test_the_browsers_language_decides_at_first(visit: Open, locale: str, title: str) -> None:
    page = visit("lesson", locale=locale)
    assert shown(page).inner_text().startswith(STAGES["image"].title(title))  # type: ignore[arg-type]


def test_another_block_asks_nothing_of_the_server_and_is_kept_in_the_address(visit: Open) -> None:
    page = visit("lesson?size=256&stage=tokens&block=4&lang=en")
    page.wait_for_load_state("networkidle")
    messages, asked = count_messages(page), []
    page.on("request", lambda request: asked.append(request.url) if "blob:" not in request.url else None)
    buttons, said = page.locator(".lesson > .toolbar .blocks button"), {page.locator("figcaption").inner_text()}
    for block in (3, 2, 4, 3):
        buttons.nth(block - 1).click()
        expect(page.locator(".lesson > .toolbar .blocks button[aria-pressed=true]")).to_have_text(str(block))
        expect(page.locator(".stage .note:visible").first).to_contain_text(f"output of block {block - 1}")
        said.add(page.locator("figcaption").inner_text())
    assert len(said) == 3
    page.wait_for_function("new URLSearchParams(location.search).get('block') === '3'")
    page.locator('.node[data-name="weights"]').click()
    page.locator(".explorer .photo").scroll_into_view_if_needed()
    run = run_of("street", "everyday", 256)
    says(page, block=2)
    page.wait_for_timeout(1500)  # the explorer, now on screen, asks how far its numbers are from a plain pass
    before = messages()
    for block in (1, 4):
        buttons.nth(block - 1).click()
        says(page, block=block - 1)
        agrees(page, run)
    page.locator(".explorer select.with").select_option("block-2")
    expect(page.locator(".against .b h3")).to_contain_text("2")
    assert messages() == before and not asked, asked


SLOW = """
  const real = window.fetch;
  window.held = [];
  window.asked = 0;
  window.fetch = (address, ...more) => {
    if (!window.slow || !String(address).includes("/media/")) return real(address, ...more);
    window.asked += 1;
    if (window.asked === 1) // held when it is there: asked for later, the server would have it no more
      return new Promise((resolve) => real(address, ...more).then((answer) => window.held.push(() => resolve(answer))));
    return window.asked === 2 ? Promise.reject(new TypeError("no network")) : real(address, ...more);
  };
"""


def test_on_a_slow_network_what_was_asked_for_last_is_shown_and_what_failed_is_fetched_again(visit: Open) -> None:
    page = visit("lesson?lang=en&stage=mixed&sample=china&size=256", script=SLOW)
    title = page.locator(".component h2")
    expect(title).to_contain_text(STAGES["mixed"].title("en"))
    page.evaluate("window.slow = true")
    language = page.locator(".st-key-pick_lang button")
    language.nth(1).click()
    page.wait_for_function("window.held.length")  # the words in Chinese are on their way
    expect(title).to_contain_text(STAGES["mixed"].title("en"))
    language.nth(0).click()
    page.get_by_role("link", name=UI["lesson"]("en"), exact=True).wait_for()
    page.evaluate("window.held[0]()")
    page.wait_for_timeout(1000)
    expect(title).to_contain_text(STAGES["mixed"].title("en"))  # they came too late
    page.evaluate("window.topformerFetched.clear()")
    language.nth(1).click()
    expect(title).to_contain_text(STAGES["mixed"].title("zh"), timeout=20_000)
    assert page.evaluate("window.asked") > 2


def test_what_the_pointer_reads_is_what_ran(visit: Open) -> None:
    """Scores and weights are made in the browser from q and k; they are the trace's own numbers."""
    run = run_of("cat", "colour")
    H, W = run.sizes["H"], run.sizes["W"]
    page = visit("lesson?sample=cat&model=colour&head=2&lang=en")
    for name in ("scores", "weights"):
        page.locator(f'.node[data-name="{name}"]').click()
        page.locator(".explorer .photo").scroll_into_view_if_needed()
        for token in (0, 3 * W + 5, H * W - 1):
            point(page, token, (H, W))
            says(page, values=name, head=1, query=token)
            agrees(page, run)
    page.locator('.node[data-name="query"]').click()
    canvas = page.locator("canvas.picture")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    seen = 0
    for across, down in ((0.2, 0.3), (0.31, 0.5), (0.4, 0.62), (0.08, 0.3), (0.11, 0.5), (0.14, 0.7)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        readout = page.locator(".readout")
        said = readout.inner_text() if readout.is_visible() else ""
        cell = re.search(r"token (\d+).*?feature (\d+).*= (\S+)$", said)
        if not cell:
            continue
        seen += 1
        value = float(cell[3].replace("−", "-"))
        expected = float(run["block0.query"][0, 1, int(cell[1]) - 1, int(cell[2]) - 1])
        assert value == pytest.approx(expected, rel=6e-3, abs=2e-4), said
    assert seen >= 2


def test_a_bad_file_gives_a_sentence_and_the_lesson_goes_on(visit: Open) -> None:
    page = visit("lesson?lang=en&model=colour")
    page.locator(".lesson").evaluate("(lesson) => { lesson.mark = 1; }")
    put_in(page, b"GIF89a" + b"\0" * 20, name='<img src=x onerror="alert(1)">.jpg')
    page.get_by_test_id("stAlert").wait_for()
    page.keyboard.press("Escape")
    page.locator(".lesson .next").click()
    assert stage(page) == "tokens"
    assert page.locator(".lesson").evaluate("(lesson) => lesson.mark") == 1, "built anew"


def test_the_lesson_is_where_it_was_after_a_look_at_the_reference(visit: Open) -> None:
    page = visit("lesson?stage=mixed&lang=zh&sample=coffee")
    page.get_by_role("link", name="参考").click()
    page.locator(".reference table").wait_for()
    assert page.get_by_text("block0.weights", exact=True).count() == 1
    page.get_by_role("link", name=UI["lesson"]("zh")).click()
    assert shown(page)
    assert stage(page) == "mixed"
    page.wait_for_timeout(300)
    assert query_of(page)["sample"] == "coffee"


def test_choices_survive_a_block_a_look_at_the_reference_and_the_way_back(visit: Open) -> None:
    """The browser tells the server the block as one follows a link of the bar."""
    page = visit("lesson?model=tiny-batch&size=256&lang=zh&stage=key_map")
    page.locator(".blocks button").nth(2).click()
    page.wait_for_function("new URLSearchParams(location.search).get('block') === '3'")
    page.get_by_role("link", name="参考").click()
    page.get_by_text("block3.weights", exact=True).wait_for()
    page.get_by_role("link", name=UI["lesson"]("zh")).click()
    page.wait_for_function("new URLSearchParams(location.search).get('block') === '3'")
    asked = query_of(page)
    assert (asked["model"], asked["size"], asked["lang"], asked["stage"]) == ("tiny-batch", "256", "zh", "key_map")


@pytest.mark.parametrize("nonsense", ["constructor", "__proto__", "%3Cb%3E", "pyramid"])
def test_a_stage_there_is_not_opens_the_first(visit: Open, nonsense: str) -> None:
    assert (
        stage(visit(f"lesson?model=colour&stage={nonsense}&head=99&block=0")) == "image"
    )  # the colour model has no pyramid


def test_the_keyboard_keeps_its_place(visit: Open) -> None:
    page = visit("lesson?model=tiny-batch&size=256&lang=en")
    focused = """() => { const root = document.activeElement.shadowRoot;
                         return root?.activeElement?.className.baseVal ?? root?.activeElement?.textContent; }"""
    page.locator(".heads button").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "2"
    page.locator('.node[data-name="key"]').focus()
    page.keyboard.press("Enter")
    assert "current" in page.evaluate(focused)
    page.keyboard.press("ArrowRight")
    assert "current" in page.evaluate(focused)
    assert stage(page) == "value_map"


def test_uniform_rows_look_uniform(visit: Open) -> None:
    """As built every token reads all alike: the picture of the weights must not make a pattern of rounding."""
    page = visit("lesson?model=tiny&size=256&stage=weights&head=1&lang=en")
    says(page, values="weights", head=0)
    assert [colours(page.locator(f".explorer {plane} canvas")) for plane in (".map", ".matrix")] == [1, 1]
    assert "Uniform rows" in page.locator("figcaption").inner_text()


def test_a_glossary_word_explains_itself_to_pointer_and_keyboard_within_the_screen(visit: Open) -> None:
    page = visit("lesson?stage=query_map&lang=en")
    term = page.locator(".note .term").first
    assert not term.locator(".tip").is_visible()
    term.hover()
    assert term.locator(".tip").is_visible()
    page.mouse.move(0, 0)
    term.focus()
    assert term.locator(".tip").is_visible()
    term.blur()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for term in page.locator(".term:visible").all():
            term.hover()
            box = term.locator(".tip").bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


@pytest.mark.parametrize(("lang", "scheme"), [("en", "dark"), ("zh", "light")])
def test_nothing_is_cut_off_or_overlaps(visit: Open, lang: str, scheme: str) -> None:
    sample = "astronaut" if scheme == "dark" else "china"  # a square one and a wide one
    query = f"lesson?model=base-batch&block=2&stage=scores&lang={lang}&sample={sample}"
    page = visit(query, color_scheme=scheme)
    for width, height in VIEWPORTS if lang == "en" else VIEWPORTS[::-1]:  # made wide, and made narrow
        page.set_viewport_size({"width": width, "height": height})
        page.locator('.node[data-name="scores"]').click()
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not overlaps(page, ".node-name, .node-shape, .from")
        for name in ("scores", "weights", "mixed"):
            assert stage(page) == name
            assert not overlaps(page, ".diagram .name, .diagram .chip, .diagram .edge-label, .diagram .op")
            assert not overlaps(
                page, "button, .explorer h3, .explorer .plane.photo, .explorer .plane.map, .explorer .plane.matrix"
            )
            lesson_box = page.locator(".lesson").bounding_box()
            pictures = page.locator("canvas.picture:visible, .explorer .plane:visible").all()
            assert lesson_box and pictures
            for picture in pictures:
                box = picture.bounding_box()
                assert box and lesson_box["x"] <= box["x"]
                assert box["x"] + box["width"] <= lesson_box["x"] + lesson_box["width"] + 1
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.keyboard.press("ArrowRight")
        # Brought into view; asked for in the page, as an answer of the server may draw the scene anew between two questions.
        page.wait_for_function(
            f"""(width) => {{
              const box = {LESSON}?.querySelector(".node.current .outline")?.getBoundingClientRect();
              return box?.width && 0 <= box.left && box.right <= width;
            }}""",
            arg=width,
        )


def test_the_theme_reaches_the_pictures_words_when_it_changes_and_can_be_chosen_in_the_menu(visit: Open) -> None:
    """Text drawn on the canvas follows the theme at once, so that it can be read on both."""
    page = visit("lesson?stage=query&head=1&lang=en", color_scheme="light")
    label = """(canvas) => { const ratio = devicePixelRatio, at = canvas.getContext("2d");
        const data = at.getImageData(0, 0, 200 * ratio, 18 * ratio).data; let sum = 0, seen = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 150) (sum += data[i + 1]), seen++;
        return seen ? sum / seen : -1; }"""
    ink = {}
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_timeout(700)
        ink[scheme] = page.locator("canvas.picture").evaluate(label)
    assert 0 <= ink["light"] < ink["dark"] - 50, ink
    paper = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    light = page.evaluate(paper)
    page.locator("[data-testid=stMainMenu] button, [data-testid=stMainMenuButton]").first.click()
    page.get_by_text("Dark").locator("visible=true").last.click()
    page.wait_for_function(f"{paper} !== '{light}'")


# The whole network

PARTS = [
    "image", *(f"pyramid{n}" for n in range(4)), "tokens", *(f"block{n}" for n in range(1, 5)), "split",
    *(f"injected{n}" for n in (1, 2, 3)), "class_scores", "segmentation",
]  # fmt: skip


def open_part(page: Page) -> str:
    return page.locator(".node.current").get_attribute("data-name") or ""


def test_every_part_of_the_network_opens_with_its_pictures(visit: Open) -> None:
    page = visit("network?size=256&lang=en")
    assert page.locator(".count").inner_text() == f"Part 1 of {len(PARTS)}" and page.locator(".next").is_enabled()
    seen = []
    for _ in PARTS:
        page.wait_for_timeout(60)
        seen.append(open_part(page))
        blank = page.locator(".pictures canvas.frame").evaluate_all(
            """(all) => all.filter((canvas) => new Set(new Uint32Array(
                 canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size < 3).length"""
        )
        assert blank == 0, seen[-1]
        assert page.locator(".pictures canvas, .pictures svg").count() >= 1
        assert page.locator(".opened .shape .axis").count() >= 2
        assert query_of(page)["part"] == seen[-1]
        page.keyboard.press("ArrowRight")
    assert seen == PARTS
    page.locator('.node[data-name="split"]').click()
    assert open_part(page) == "split"


def test_the_class_under_the_pointer_is_the_networks(visit: Open) -> None:
    run = run_of("street", "everyday", 256)
    found = segment(run["class_scores"], (320, 480))
    names = [name.en for name in CLASS_SETS["everyday"].names]
    page = visit("network?size=256&sample=street&lang=en&part=segmentation")
    canvas = page.locator("canvas.view")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    for across, down in ((0.1, 0.1), (0.5, 0.9), (0.9, 0.4), (0.4, 0.55), (0.2, 0.7)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        said = page.locator(".readout").inner_text()
        y, x = round(down * 320), round(across * 480)  # the pointer's token, or one beside it
        around = found.labels[y - 2 : y + 3, x - 2 : x + 3].unique().tolist()
        assert any(said.startswith(names[c]) for c in around), said
        assert re.search(r", confidence \d+%$", said)


def test_a_class_can_be_seen_alone_and_nothing_asks_the_server(visit: Open) -> None:
    page = visit("network?size=256&sample=street&lang=en&part=segmentation")
    sent = count_messages(page)
    picture = 'canvas => { const p = canvas.getContext("2d"); return p.getImageData(0, 0, canvas.width, canvas.height).data.join() }'
    whole = page.locator("canvas.view").evaluate(picture)
    button = page.locator(".keys button").first
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("canvas.view").evaluate(picture) != whole
    button.click()
    assert page.locator("canvas.view").evaluate(picture) == whole
    page.locator("input[type=checkbox]:visible").check()
    assert page.locator("canvas.view").evaluate(picture) != whole
    page.locator("canvas.view").focus()
    page.keyboard.press("ArrowRight")
    assert "confidence" in page.locator(".readout").inner_text()
    assert open_part(page) == "segmentation"  # there the arrows belong to the picture
    page.keyboard.press("Shift+Tab")
    assert sent() == 0


def test_a_block_leads_into_the_lesson_at_that_block(visit: Open) -> None:
    page = visit("network?size=256&lang=en&part=block3")
    page.locator(".walk").click()
    page.locator(".lesson h2").wait_for()
    page.wait_for_function("new URLSearchParams(location.search).get('block') === '3'")
    assert page.locator(".blocks button[aria-pressed=true]").inner_text() == "3"
    assert stage(page) == "tokens"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_part_of_the_network_is_cut_off(visit: Open, scheme: str) -> None:
    lang = "zh" if scheme == "dark" else "en"
    sample = "astronaut" if scheme == "dark" else "street"
    page = visit(f"network?lang={lang}&sample={sample}&part=block4", color_scheme=scheme)
    for width, height in VIEWPORTS if lang == "en" else VIEWPORTS[::-1]:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not overlaps(page, ".node-name, .node-shape, .aside")
        for part in ("block4", "tokens", "injected2", "class_scores", "segmentation"):
            page.locator(f'.node[data-name="{part}"]').focus()
            page.keyboard.press("Enter")
            page.wait_for_timeout(60)
            frame = page.locator(".opened").bounding_box()
            assert frame
            for picture in page.locator(".pictures canvas").all():
                box = picture.bounding_box()
                assert box and box["x"] >= frame["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_page_is_wider_than_its_window(visit: Open, lang: str) -> None:
    page = visit(f"lesson?size=256&lang={lang}")
    for name, first in (("heads", ".heads-overview"), ("starts", ".starts"), ("reference", ".reference")):
        page.set_viewport_size({"width": VIEWPORTS[0][0], "height": VIEWPORTS[0][1]})
        page.get_by_role("link", name=UI[name](lang), exact=True).click()  # type: ignore[arg-type]
        page.locator(first).first.wait_for(timeout=30_000)
        for width, height in VIEWPORTS:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)


def test_a_render_that_was_overtaken_closes_nothing(visit: Open, tmp_path: Path) -> None:
    """Streamlit calls what a render returned at once where the next has begun: the view must stay the one there is."""
    view = (
        "class { constructor() { told.push('made'); } show({ n }) { told.push(n); } close() { told.push('closed'); } }"
    )
    payloads = [list(Body().message({"n": n})) for n in range(3)]
    file = tmp_path / "page.html"
    file.write_text(
        f"<div class='component'><h2>Page</h2><p></p></div><script>const PAGE = '';{CANVAS_JS}\nwindow.told = []; const render = mount({view}), "
        "parentElement = document.querySelector('p');\n"
        f"const [first, second, third] = {payloads}.map((data) => new Uint8Array(data)), draw = (data) => render({{ parentElement, data }});\n"
        "draw(first)(); const over = draw(second); draw(third); parentElement.remove(); over();</script>",
        encoding="utf-8",
    )
    assert visit(file.as_uri()).evaluate("told") == ["made", 0, 1, 2, "closed"]


# As in Safari.
NO_FILTER = """for (const context of [CanvasRenderingContext2D, OffscreenCanvasRenderingContext2D]) {
  delete context.prototype.filter;
  if ("filter" in context.prototype) throw new Error("still there");
}"""
# Of a picture from 30 to 230 tokens across and down: how far red - green and green - blue vary.
VARIETY = """(picture) => {
  const context = new OffscreenCanvas(200, 200).getContext("2d"), found = [[], []];
  context.drawImage(picture, -30, -30);
  const { data } = context.getImageData(0, 0, 200, 200);
  for (let p = 0; p < data.length; p += 4) if (data[p + 3]) for (const c of [0, 1]) found[c].push(data[p + c] - data[p + c + 1]);
  return found.map((values) => Math.max(...values) - Math.min(...values));
}"""


def test_grey_is_what_the_browsers_own_filter_makes(visit: Open, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        f"<!DOCTYPE html><div class='component'><h2>Grey</h2></div><script>\n{CANVAS_JS}\n"
        """const canvas = new OffscreenCanvas(64, 64), context = canvas.getContext("2d");
        const image = context.createImageData(64, 64);
        for (let p = 0; p < 4096; p++) image.data.set([(p * 37) % 256, (p * 101) % 256, (p * 211) % 256, 255], 4 * p);
        context.putImageData(image, 0, 0);
        const theirs = new OffscreenCanvas(64, 64).getContext("2d");
        theirs.filter = "grayscale(1)";
        theirs.drawImage(canvas, 0, 0);
        const [a, b] = [grey(canvas).getContext("2d"), theirs].map((c) => c.getImageData(0, 0, 64, 64).data);
        const apart = Math.max(...a.map((value, p) => Math.abs(value - b[p])));</script>""",
        encoding="utf-8",
    )
    assert visit(f"{file.as_uri()}").evaluate("apart") <= 1


def test_maps_lie_on_a_grey_photograph_in_every_browser(visit: Open) -> None:
    """As built every token reads all alike: where a map is one colour, what varies under it is the photograph."""
    query = "model=tiny&size=256&sample=coffee&lang=en"

    def varies(page: Page, pictures: str, count: int) -> int:
        page.locator(pictures).nth(count - 1).wait_for()
        page.wait_for_timeout(500)  # the photograph comes after its place
        return max(max(picture.evaluate(VARIETY)) for picture in page.locator(pictures).all())

    page = visit(f"explorer?{query}", script=NO_FILTER)
    assert varies(page, ".explorer img.colour", 1) > 100
    assert varies(page, ".explorer .map img.grey", 1) <= 2
    assert varies(visit(f"lesson?{query}&stage=mixed&head=2", script=NO_FILTER), "canvas.picture", 1) <= 3
    assert varies(visit(f"network?{query}&part=block1", script=NO_FILTER), ".pictures canvas.frame", 9) <= 3
