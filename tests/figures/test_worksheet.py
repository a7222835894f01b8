"""The worksheet and its solutions: what is drawn on the pages, and the PDF."""

from collections import Counter
from functools import cache

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text as Drawn

from topformer_viz.figures.worksheet import SOLVED, UI, pages, worksheet
from topformer_viz.study.by_hand import ASKED, draw
from topformer_viz.words.text import LANGS, Lang

SEED = 12  # its numbers are among the widest
example = cache(draw)


@cache
def sheet(seed: int, lang: Lang, solved: bool) -> list[Figure]:
    return pages(example(seed), lang, solved)


def texts(seed: int, lang: Lang, solved: bool) -> list[list[Drawn]]:
    return [[text for text in page.findobj(Drawn) if text.get_text()] for page in sheet(seed, lang, solved)]


def words(page: list[Drawn]) -> Counter[tuple[str, tuple[float, float]]]:
    return Counter((text.get_text(), text.get_position()) for text in page)


@pytest.mark.parametrize(("lang", "solved"), [("en", True), ("zh", False)])
def test_a_pdf_of_two_pages_with_text_as_text(lang: Lang, solved: bool) -> None:
    pdf = worksheet(example(SEED), lang, solved)
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page ") == 2
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf
    assert pdf == worksheet(draw(SEED), lang, solved)  # and no date in it
    assert b"/CreationDate" not in pdf


@pytest.mark.parametrize("solved", [False, True])
@pytest.mark.parametrize("lang", LANGS)
def test_nothing_overlaps_or_leaves_the_page(lang: Lang, solved: bool) -> None:
    for page in sheet(SEED, lang, solved):
        renderer = FigureCanvasAgg(page).get_renderer()
        seen = [text for text in page.findobj(Drawn) if text.get_text()]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in seen]
        margin = 10 / 210 * page.bbox.width
        for text, box in boxes:
            assert margin < box.x0 and box.x1 < page.bbox.width - margin, text
            assert margin / 2 < box.y0 and box.y1 < page.bbox.height - margin, text
        for n, (text, box) in enumerate(boxes):
            for other, beside in boxes[:n]:
                shared = (
                    min(box.x1, beside.x1) - max(box.x0, beside.x0),
                    min(box.y1, beside.y1) - max(box.y0, beside.y0),
                )
                assert min(shared) < 1, (text, other)
        for rectangle in page.findobj(lambda artist: isinstance(artist, Rectangle) and artist.get_linewidth() == 0.6):
            frame = rectangle.get_window_extent(renderer)
            for text, box in boxes:  # a number lies in its box or outside, not across its edge
                inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
                apart = box.x1 < frame.x0 or frame.x1 < box.x0 or box.y1 < frame.y0 or frame.y1 < box.y0
                assert inside or apart, text


@pytest.mark.parametrize("lang", LANGS)
def test_the_solutions_are_the_worksheet_with_its_blanks_filled(lang: Lang) -> None:
    blank, solved = (texts(SEED, lang, filled) for filled in (False, True))
    assert not [text for page in blank for text in page if text.get_color() == SOLVED]
    for page, (without, full) in enumerate(zip(blank, solved, strict=True)):
        answers = [text for text in full if text.get_color() == SOLVED]
        heading = {UI[name](lang) for name in ("title", "solutions", "name", "date", "how", "solved")}
        added = [text for text, _ in (words(full) - words(without)).elements() if text not in heading]
        assert sorted(added) == sorted(text.get_text() for text in answers)
        white = [
            box for box in sheet(SEED, lang, False)[page].findobj(Rectangle)
            if box.get_linewidth() == 0.6 and box.get_facecolor()[:3] == (1, 1, 1)
        ]  # fmt: skip
        assert len(white) == len(answers) == (32, 82)[page]


def test_the_answers_are_the_traces_numbers() -> None:
    run = example(SEED)
    _, second = texts(SEED, "en", True)
    answers = [text.get_text() for text in second if text.get_color() == SOLVED]
    for name in ("scores", "weights", "mixed"):
        for i in ASKED:
            row = [run.number(name, (0, i, n)) for n in range(run.tensor(name).shape[-1])]
            assert any(answers[at : at + len(row)] == row for at in range(len(answers))), name
    for i in ASKED:
        row = [run.number("residual", (c, *divmod(i, 3))) for c in range(3)]
        assert any(answers[at : at + 3] == row for at in range(len(answers)))


@pytest.mark.parametrize("lang", LANGS)
def test_both_pages_carry_seed_number_and_name(lang: Lang) -> None:
    for n, page in enumerate(texts(SEED, lang, False), 1):
        assert UI["foot"](lang, seed=SEED, page=n, pages=2) in [text.get_text() for text in page]
    first = [text.get_text() for text in texts(SEED, lang, False)[0]]
    assert UI["name"](lang) in first and UI["date"](lang) in first
