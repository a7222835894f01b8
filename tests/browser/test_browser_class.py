"""The lesson in front of a class: presenting it, and guessing before each stage."""

import re
from typing import Any

import pytest
from browsing import Open, explorer, place, query_of, says, stage
from playwright.sync_api import Page, expect

from topformer_viz.network.samples import SAMPLES
from topformer_viz.run.stages import STAGES
from topformer_viz.words.names import NOT_EVIDENCE


def level(page: Page) -> str:
    return page.locator(".lesson").get_attribute("data-level") or ""


def presses(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(20)


def look(page: Page) -> dict[str, Any]:
    """What is on show while presenting, and what of it does not fit into its box."""
    return page.locator(".lesson").evaluate(
        """(lesson) => {
          const seen = (part) => lesson.querySelector(part).checkVisibility({ visibilityProperty: true });
          const large = [document.documentElement, lesson, ...lesson.querySelectorAll(".words, .seeing, .shapes, .diagram-scroll, .quiz")]
            .filter((e) => e.checkVisibility() && (e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1));
          return {
            stage: lesson.querySelector("h2 code").textContent, level: lesson.dataset.level,
            seen: ["h2", ".shape", ".diagram-scroll", ".note"].map(seen),
            large: large.map((e) => `${e.className} ${e.scrollWidth} x ${e.scrollHeight} in ${e.clientWidth} x ${e.clientHeight}`),
          };
        }"""
    )


@pytest.mark.parametrize(("lang", "scheme", "model"), [("en", "light", "base-batch"), ("zh", "dark", "colour")])
def test_every_stage_fits_the_projector(visit: Open, lang: str, scheme: str, model: str) -> None:
    """With a remote's one key through all stages: picture, shape, words, next; nothing scrolls, nothing is small."""
    page = visit(
        f"lesson?present=1&model={model}&size=256&sample=astronaut&lang={lang}", 1280, 720, color_scheme=scheme
    )
    walked, seen = [], look(page)
    while seen["stage"] not in walked:
        walked.append(seen["stage"])
        for level in range(3):
            shown = [True, level > 0, level == 1, level == 2]
            assert seen == {"stage": walked[-1], "level": str(level), "seen": shown, "large": []}
            page.keyboard.press("PageDown")
            seen = look(page)
    assert len(walked) == (15 if model == "colour" else 18)
    size = "(e) => parseFloat(getComputedStyle(e).fontSize)"
    assert [page.locator(part).evaluate(size) >= 20 for part in (".lesson .note", ".shape", ".lesson h2")] == [True] * 3
    random = NOT_EVIDENCE(lang)  # type: ignore[arg-type]
    assert (random in page.locator(".present-line .about").inner_text()) == (model == "base-batch")
    for gone in (".st-key-topbar", ".model-label", ".toolbar >> nth=0", ".scene"):
        assert not page.locator(gone).first.is_visible()


def test_presenting_by_keys_and_pointer(visit: Open) -> None:
    page = visit("lesson?stage=tokens&lang=en", 1280, 720, reduced_motion="reduce")
    page.get_by_role("button", name="Copy link to this view").focus()
    presses(page, "p")
    assert query_of(page)["present"] == "1"
    presses(page, " ", "Enter")
    assert (stage(page), level(page)) == ("tokens", "2")
    presses(page, "PageUp", "PageUp", "PageUp")
    assert (stage(page), level(page)) == ("pyramid", "2")
    presses(page, "ArrowRight")
    assert (stage(page), level(page)) == ("tokens", "0")
    page.locator(".cover", has_text="Words").click()
    assert level(page) == "2"
    presses(page, "b")
    assert page.locator(".blackout").is_visible()
    presses(page, "PageDown")  # any key brings the picture back and does no more
    assert (page.locator(".blackout").is_visible(), stage(page), level(page)) == (False, "tokens", "2")

    # The pointer is a dot, and its token is outlined in all 208 maps.
    page.locator("canvas.picture").hover(position={"x": 30, "y": 40})
    assert page.locator(".laser").evaluate("(e) => getComputedStyle(e).animationName") == "none"
    outline = page.locator(".tokens path").first.get_attribute("d") or ""
    assert page.locator(".laser").is_visible() and outline.count("M") == 208
    page.mouse.move(640, 20)
    assert not page.locator(".laser").is_visible()
    assert page.locator(".tokens path").first.get_attribute("d") == ""
    while stage(page) != "weights":
        presses(page, "ArrowRight")
    says(page, values="weights")
    page.mouse.move(*place(page, 13, (8, 12), ".map"))
    marks = explorer(page).locator(".mark.token").evaluate_all("(all) => all.map((m) => m.style.left + m.style.top)")
    assert len(marks) >= 6 and len(set(marks)) == 1  # photograph, map, and a card for each head

    # The explorer has the focus and a meaning of its own for Escape: it leaves all the same.
    page.locator(".explorer .photo").click()
    presses(page, "Escape")
    assert "present" not in query_of(page)
    assert page.locator(".st-key-topbar").is_visible() and page.locator(".scene").is_visible()
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "link-button"
    page.get_by_role("button", name="Present (P)").click()
    presses(page, "PageDown")
    assert (stage(page), level(page)) == ("weights", "1")
    presses(page, "P")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "present"


def test_a_question_comes_before_each_stage(visit: Open) -> None:
    page = visit("lesson?stage=query_map&quiz=1&lang=en", 1024, 768)
    quiz = page.locator(".quiz")
    node = page.locator('.node[data-name="query"]')
    presses(page, "ArrowRight")
    assert quiz.is_visible() and not page.locator(".columns").is_visible() and not page.locator(".shape").is_visible()
    assert node.get_attribute("aria-label") == STAGES["query"].title.en  # no size gives the answer away
    assert node.locator(".node-shape").text_content() == "?"
    texts = quiz.locator(".option > span:first-of-type").all_inner_texts()
    wrong = next(n for n, text in enumerate(texts) if text == "B 1 · heads 4 · key_dim 16 · HW 96")
    presses(page, str(wrong + 1))
    expect(quiz.locator(".reason")).to_contain_text("Not quite. That is what reshape leaves. Still to come: permute.")
    assert quiz.locator(".option.correct").inner_text().split("\n")[1] == "B 1 · heads 4 · HW 96 · key_dim 16"
    presses(page, "Enter")
    assert page.locator(".columns").is_visible() and page.locator(".shape").is_visible() and not quiz.is_visible()
    assert node.locator(".node-shape").text_content() == "4 × 96 × 16"

    # Several questions: one after the other, or on to the stage. In another block those of the run are asked again.
    page.locator('.node[data-name="scores"]').click()
    quiz.locator(".option", has_text="B 1 · heads 4 · HW 96 · HW 96").click()
    quiz.get_by_role("button", name="Another question").click()
    expect(quiz.locator(".prompt")).to_contain_text("divided by √key_dim = √16")
    presses(page, "1")
    quiz.get_by_role("button", name="Show the stage").click()
    assert explorer(page).is_visible()
    assert page.locator(".score").inner_text() == "2 of 3 right on this image"
    page.locator(".blocks button").nth(1).click()
    expect(quiz).to_be_visible(timeout=20_000)
    expect(quiz.locator(".prompt")).to_contain_text("divided by √key_dim")
    # What was answered of one block says nothing of the next.
    presses(page, "1")
    expect(quiz.locator(".reason")).not_to_be_empty()
    page.locator(".blocks button").nth(2).click()
    expect(page.locator(".lesson")).not_to_have_attribute("aria-busy", "true", timeout=20_000)
    expect(quiz.locator(".reason")).to_be_empty()
    expect(quiz.locator(".prompt")).to_contain_text("divided by √key_dim")
    page.locator('.node[data-name="query"]').click()
    assert not quiz.is_visible()
    score = page.locator(".score").inner_text()
    assert score.endswith("of 4 right on this image")

    # Presenting, a remote tells the answer, which counts for nothing.
    page.locator('.node[data-name="key"]').click()
    presses(page, "p", "PageDown")
    expect(quiz.locator(".reason")).to_contain_text("The answer:")
    presses(page, "PageDown")
    assert (quiz.is_visible(), level(page)) == (False, "0")
    presses(page, "p")
    assert page.locator(".score").inner_text() == score
    page.reload()
    page.locator(".lesson h2").wait_for(timeout=30_000)
    assert page.locator(".score").inner_text() == score and not quiz.is_visible()
    page.get_by_role("button", name="Start over").click()
    assert quiz.is_visible() and not page.locator(".score").is_visible()
    page.get_by_role("button", name="Predict first").click()
    assert not quiz.is_visible() and "quiz" not in query_of(page)


def test_the_last_stage_sums_up_what_was_missed_and_another_image_counts_anew(visit: Open) -> None:
    page = visit("lesson?stage=output&quiz=1&model=tiny&size=256&lang=en", 1280, 720)
    quiz, summary = page.locator(".quiz"), page.locator(".summary")
    assert not summary.is_visible()
    quiz.locator(".option", has_text="C 208 · H 4 · W 6").click()
    presses(page, "Enter")
    expect(summary).to_contain_text("All right: there is nothing to go back to.")
    assert summary.locator(".left-over li").count() > 10 and not summary.locator(".missed").is_visible()

    summary.get_by_role("button", name="Scores").click()
    quiz.locator(".option", has_text="key_dim 16 · key_dim 16").click()
    quiz.get_by_role("button", name="Another question").click()
    presses(page, "2")  # dividing would spread a row over fewer tokens: wrong
    presses(page, "Enter")
    page.locator('.node[data-name="output"]').click()
    expect(summary.locator(".result")).to_have_text("1 of 3 right on this image")
    assert summary.locator(".missed li button").all_inner_texts() == ["Scores", "Scores"]
    expect(summary.locator(".missed li").nth(1)).to_contain_text("divided by √key_dim")
    page.locator(".blocks button").nth(1).click()
    expect(page.locator(".lesson")).not_to_have_attribute("aria-busy", "true", timeout=20_000)
    assert summary.locator(".missed li button").all_inner_texts() == ["Scores", "Scores · Block 1"]
    summary.locator(".missed li button").nth(1).click()  # it leads to its own block, and there to the stage
    expect(page.locator(".blocks [aria-pressed=true]")).to_have_text("1", timeout=20_000)
    assert stage(page) == "scores"

    page.locator('.node[data-name="output"]').click()
    presses(page, "p", "PageDown", "PageDown", "PageDown")
    assert summary.is_visible() and level(page) == "3" and look(page)["large"] == []
    presses(page, "p")
    summary.get_by_role("button", name="Ask these again").click()
    assert (stage(page), page.locator(".score").inner_text()) == ("scores", "1 of 1 right on this image")
    assert quiz.is_visible()

    page.get_by_role("button", name="Image: Street").click()
    page.get_by_text(SAMPLES["astronaut"].name.en, exact=True).click()
    expect(page.locator(".score")).to_be_hidden(timeout=20_000)
    page.get_by_text(SAMPLES["street"].name.en, exact=True).click()
    expect(page.locator(".score")).to_have_text("1 of 1 right on this image", timeout=20_000)


def test_hands_are_typed_in_and_summed_up(visit: Open) -> None:
    page = visit("lesson?stage=output&quiz=1&model=tiny&size=256&lang=en", 1280, 720)
    quiz, summary = page.locator(".quiz"), page.locator(".summary")
    assert not quiz.locator("input").count()
    presses(page, "p")
    right = (
        quiz.locator(".option")
        .all_inner_texts()
        .index(next(text for text in quiz.locator(".option").all_inner_texts() if "C 208 · H 4 · W 6" in text))
    )
    for n, hands in enumerate([3, 3, 3]):
        quiz.get_by_label(f"Hands for answer {n + 1}").fill(str(hands))
    quiz.get_by_label(f"Hands for answer {right + 1}").fill("12")
    presses(page, "PageDown")
    expect(quiz.locator(".reason")).to_contain_text(re.compile("The class: 12 of (18|21) hands"))
    assert quiz.locator(".option.correct").evaluate("(o) => o.style.getPropertyValue('--share')") != ""
    presses(page, "PageDown", "PageDown", "PageDown", "PageDown")
    assert (level(page), summary.is_visible()) == ("3", True)
    expect(summary.locator(".polled li")).to_have_count(1)
    expect(summary.locator(".polled li")).to_contain_text("12 of")
    assert page.locator(".summary .result").inner_text() == ""  # the teacher has answered none


def test_the_search_finds_stages_terms_and_parts_of_the_lab_by_keyboard(visit: Open) -> None:
    page = visit("lesson?stage=image&lang=en", 1280, 720)
    search, found = page.locator(".search"), page.locator(".found > *")
    assert not search.is_visible()
    presses(page, "/")
    assert search.is_visible()
    page.keyboard.type("softmax")
    expect(found.first).to_contain_text("softmax")
    page.keyboard.press("Escape")
    assert not search.is_visible() and stage(page) == "image"
    presses(page, "/")
    for asked, title in (("键", "Key"), ("key_map.reshape", "Key"), ("nh_kd H", "Query, still a map")):
        search.locator("input").fill(asked)
        expect(found.locator(".name").filter(has_text=title).first).to_be_visible()
    search.locator("input").fill("exp(entropy)")
    expect(found.first).to_contain_text("effective tokens")
    assert "reference?" in (found.first.get_attribute("href") or "")
    search.locator("input").fill("shuffle the tokens")
    expect(found.filter(has_text="What if?")).to_have_attribute("href", re.compile(r"^lab\?.*part=what-if"))
    search.locator("input").fill("qqqq")
    expect(search).to_contain_text("Nothing found.")
    search.locator("input").fill("concatenated")
    presses(page, "ArrowDown", "ArrowUp", "ArrowDown", "Enter")
    assert stage(page) == "merged" and not search.is_visible()
