"""Names in figures: the bundled characters, then the machine's, then a visible replacement and one line that says so."""

import base64
import io
import logging
import re
import warnings
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from matplotlib.font_manager import fontManager
from PIL import Image

from topformer_viz.app.explorer.file import explorer_html
from topformer_viz.app.lesson.takeaway import lesson_zip
from topformer_viz.figures import animation, drawing, fonts
from topformer_viz.figures.attention import attention_panel
from topformer_viz.figures.look import FORMATS, Format, Look
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.sheet import save
from topformer_viz.figures.subject import Subject
from topformer_viz.figures.typeset import _measured, _wrapped, measured, wrapped
from topformer_viz.words.text import Lang

NAME = "北京故宫樱花 臺北 かな.jpg"  # kana are in GB2312, 臺 is in Big5
NOBODY_S = "한국 사진.jpg"
CACHES = (
    drawing.family_of,
    drawing._is_postscript,
    drawing.shown,
    drawing._machine_s,
    drawing._characters,
    drawing.tell,
    _measured,
    _wrapped,
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without a font of its own; any complaint of matplotlib's is a failure."""
    ours = (matplotlib.get_data_path(), str(fonts.FONT))
    monkeypatch.setattr(fontManager, "ttflist", [e for e in fontManager.ttflist if e.fname.startswith(ours)])
    fontManager._findfont_cached.cache_clear()
    for kept in CACHES:
        kept.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield
    fontManager._findfont_cached.cache_clear()
    for kept in CACHES:
        kept.cache_clear()


@pytest.fixture(params=["TrueType", "PostScript"])
def machine_s(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The family of a font that the machine has: 한, 국, 사 and 진 as squares."""
    truetype = request.param == "TrueType"
    builder = FontBuilder(1000, isTTF=truetype)
    characters = {ord(c): f"uni{ord(c):04X}" for c in "한국사진"}
    pen = TTGlyphPen(None) if truetype else T2CharStringPen(900, None)
    for n, place in enumerate(((100, 0), (100, 700), (800, 700), (800, 0))):
        (pen.lineTo if n else pen.moveTo)(place)
    pen.closePath()
    square = pen.glyph() if isinstance(pen, TTGlyphPen) else pen.getCharString()
    squares = dict.fromkeys([".notdef", *characters.values()], square)
    builder.setupGlyphOrder(list(squares))
    builder.setupCharacterMap(characters)
    if truetype:
        builder.setupGlyf(squares)
    else:
        builder.setupCFF("Strange", {}, squares, {})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *characters.values()], (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Strange Sans", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(tmp_path / "strange.ttf")
    fontManager.addfont(tmp_path / "strange.ttf")
    return "Strange Sans"


@pytest.fixture
def subject(tiny) -> Callable[..., Subject]:
    """subject(name, lang="en"): the tiny network on a picture of this name."""
    return lambda name, lang="en": Subject(tiny.run, tiny.model, tiny.photo, "樱花网络", name, False, lang)


def panel_of(subject: Subject) -> Panel:
    return attention_panel(subject, 0, 4)


@pytest.fixture(scope="module")
def bundled(tiny) -> Callable[[Lang, Format], bytes]:
    """bundled(lang, format): the figure of NAME on a bare machine, as a file that is made once."""

    @cache
    def make(lang: Lang, format: Format) -> bytes:
        return save(
            panel_of(Subject(tiny.run, tiny.model, tiny.photo, "樱花网络", NAME, False, lang)), format, Look("column")
        )

    return make


def characters(font: bytes | Path) -> set[str]:
    with TTFont(io.BytesIO(font) if isinstance(font, bytes) else font) as opened:
        return set(map(chr, opened.getBestCmap()))


def embedded(text: str, family: str) -> set[str]:
    """The characters of the fonts inside an SVG or a page, of one family."""

    found = re.findall(r"font-family: '([^']+)';[^}]*?url\(data:font/\w+;base64,([^)]+)\)", text)
    return set().union(*(characters(base64.b64decode(font)) for name, font in found if name == family))


# What is bundled


def test_gb2312_and_big5_s_first_level_are_bundled() -> None:
    han = {c for a in range(0xB0, 0xF8) for b in range(0xA1, 0xFF) for c in bytes((a, b)).decode("gb2312", "ignore")}
    traditional = {
        c for a in range(0xA4, 0xC7) for b in range(0x40, 0xFF) for c in bytes((a, b)).decode("big5", "ignore")
        if "\u4e00" <= c <= "\u9fff"
    }  # fmt: skip
    kana = {chr(n) for n in (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7))}
    assert len(han) == 6763 and len(traditional) == 5401
    have = characters(fonts.FONT)
    assert han | traditional | kana | {*"，。：；！？（）「」《》々〇"} <= have
    assert have == characters(fonts.NAMES)
    assert fonts.FONT.stat().st_size + fonts.NAMES.stat().st_size < 5e6


def test_figures_can_show_every_word_of_the_app_s() -> None:
    assert not {c for c in fonts.own_characters() if drawing.family_of(c) not in (drawing.LATIN, drawing.CHINESE)}


def test_browsers_need_only_the_small_file_for_the_app_s_words() -> None:
    missing = fonts.own_characters() - characters(fonts.WORDS)
    assert not missing, (
        f"python -m topformer_viz.terminal.fonts: all visitors load the large file for {''.join(sorted(missing))}"
    )


def test_no_font_of_the_machine_can_take_the_bundled_one_s_place() -> None:
    for weight in ("normal", "bold"):
        assert drawing.file_of(drawing.CHINESE, weight).path == str(fonts.FONT)
        assert drawing.file_of(drawing.LATIN, weight).path.startswith(matplotlib.get_data_path())
    with TTFont(fonts.FONT) as font:
        assert {font["name"].getDebugName(n) for n in (1, 4)} == {drawing.CHINESE}
        assert not any(font["name"].getDebugName(n) for n in (16, 17))


# Names


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_chinese_name_is_in_every_file(
    subject: Callable[..., Subject], bundled: Callable[[Lang, Format], bytes], lang: Lang
) -> None:
    svg = bundled(lang, "svg").decode()
    words = "".join(text for text in ET.fromstring(svg).itertext() if "{" not in text)
    assert NAME in words and drawing.REPLACEMENT not in words
    inside = embedded(svg, drawing.LATIN) | embedded(svg, drawing.CHINESE)
    assert {c for c in NAME + "樱花网络" if c > " "} <= inside
    pdf = bundled(lang, "pdf")
    assert b"NotoSansSCbundled" in pdf and b"LastResort" not in pdf
    pngs = bundled(lang, "png"), save(panel_of(subject(NAME.replace("宫", "樱"), lang)), "png", Look("column"))
    here, other = (np.asarray(Image.open(io.BytesIO(png))) for png in pngs)
    assert not np.array_equal(here, other)


def test_pages_that_stand_alone_hold_the_glyphs_of_names(subject: Callable[..., Subject], tiny, monkeypatch) -> None:
    from topformer_viz.app.explorer import file

    monkeypatch.setattr(file, "_removals", lambda run, model: iter(()))
    for lang in ("en", "zh"):
        page = explorer_html(tiny.run, tiny.model, tiny.photo, lang, name=NAME, about="樱花网络", untrained=False)
        assert {c for c in NAME + page if c >= "\u2e80"} <= embedded(page, "Noto Sans SC words")
    monkeypatch.setattr(
        "topformer_viz.app.lesson.takeaway.walk", lambda run, block: {"weights": f"block{block}.weights"}
    )
    made = zipfile.ZipFile(io.BytesIO(lesson_zip(subject(NAME), 0, None, Look(), "command")))
    assert {c for c in NAME if c >= "\u2e80"} <= embedded(made.read("index.html").decode(), "Noto Sans SC words")
    assert "宫" in embedded(made.read("figures/block1-weights.svg").decode(), drawing.CHINESE)


def test_an_animation_shows_the_name(subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "STEPS", 1)
    monkeypatch.setattr(animation, "WIDTH", 480)
    monkeypatch.setattr(animation, "HEIGHT", 270)
    monkeypatch.setattr(animation, "_building", lambda *_: [])
    first, other = (animation.gif(subject(name), 0, 0, Look()) for name in (NAME, NAME.replace("宫", "樱")))
    assert first == animation.gif(subject(NAME), 0, 0, Look()) != other


# What is not bundled


def test_a_font_of_the_machine_shows_what_is_not_bundled(
    subject: Callable[..., Subject], machine_s: str, caplog: pytest.LogCaptureFixture
) -> None:
    panel = panel_of(subject(NOBODY_S))
    svg = save(panel, "svg", Look("column")).decode()
    assert NOBODY_S in "".join(ET.fromstring(svg).itertext()) and drawing.REPLACEMENT not in svg
    assert embedded(svg, machine_s) >= {*"한국사진"}
    pdf = save(panel, "pdf", Look("column"))
    file = drawing.file_of(machine_s)
    with TTFont(file.path) as font:
        # PostScript's outlines declared as TrueType: some readers show nothing where they stand.
        assert (b"/FontFile2" in pdf) == (b"/Type3" not in pdf) == ("glyf" in font)
    assert save(panel, "png", Look("column"))
    assert not caplog.records


def test_what_is_bundled_does_not_depend_on_the_machine(
    subject: Callable[..., Subject], bundled: Callable[[Lang, Format], bytes], machine_s: str
) -> None:
    panel = panel_of(subject(NAME))
    here = [save(panel, format, Look("column")) for format in FORMATS]
    fontManager.ttflist[:] = [entry for entry in fontManager.ttflist if entry.name != machine_s]
    for kept in CACHES:
        kept.cache_clear()
    assert here == [bundled("en", format) for format in FORMATS]


@pytest.mark.parametrize(("lang", "line"), [("en", "no font here has: U+"), ("zh", "表示这里的字体都没有的字符：U+")])
def test_what_no_font_has_is_replaced_and_one_line_says_so(
    subject: Callable[..., Subject], lang: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    panel = panel_of(subject(NOBODY_S, lang))
    with caplog.at_level(logging.INFO):
        files = [save(panel, format, Look("column")) for format in FORMATS]
    said = [record.getMessage() for record in caplog.records]
    assert said == ["no font here has U+D55C U+AD6D U+C0AC U+C9C4: figures show U+FFFD instead"]
    root = ET.fromstring(files[1])
    words = [text for element in root.iter("{http://www.w3.org/2000/svg}text") for text in element.itertext()]
    assert "�� ��.jpg" in " ".join(words) and not {*"한국사진"} & {*"".join(words)}
    assert line in " ".join(words) and "U+D55C" in " ".join(words)
    assert sum("�" in text and "U+" in text for text in words) == 1
    bare = save(panel, "svg", Look("column", bare=True)).decode()
    assert "�� ��.jpg" in bare and line not in "".join(ET.fromstring(bare).itertext())


def test_what_is_not_seen_by_itself_is_no_missing_character() -> None:
    assert drawing.shown("葛\U000e0100城\u2067.jpg\t") == "葛城.jpg "
    assert drawing.without_font("葛\U000e0100城\u2067.jpg\t") == []


@pytest.mark.parametrize("machine_s", ["TrueType"], indirect=True)
def test_a_font_of_colours_is_none_for_figures(machine_s: str) -> None:
    file = drawing.file_of(machine_s)
    with TTFont(file.path) as font:
        glyph = font["glyf"]["uniD55C"]
        glyph.numberOfContours, glyph.coordinates, glyph.endPtsOfContours = 0, [], []
        font.save(file.path)
    assert drawing.family_of("한") is None and drawing.family_of("국") == machine_s


def test_the_bundled_font_outlives_matplotlib_s_list_of_fonts(
    subject: Callable[..., Subject], bundled: Callable[[Lang, Format], bytes]
) -> None:
    before = bundled("en", "png")
    fontManager.ttflist[:] = [entry for entry in fontManager.ttflist if entry.name != drawing.CHINESE]
    fontManager._findfont_cached.cache_clear()  # as where a font of the machine went, and the list is made anew
    assert save(panel_of(subject(NAME)), "png", Look("column")) == before


def test_a_font_that_went_is_none_of_the_machine_s(subject: Callable[..., Subject], machine_s: str) -> None:
    Path(drawing.file_of(machine_s).path).unlink()
    fontManager._findfont_cached.cache_clear()
    assert drawing.family_of("한") is None and save(panel_of(subject(NOBODY_S)), "svg", Look("column"))


# The type to choose


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_serifs_are_drawn_measured_and_inside_the_file(
    subject: Callable[..., Subject], bundled: Callable[[Lang, Format], bytes], lang: Lang
) -> None:
    panel = panel_of(subject(NAME, lang))
    sans, serif = bundled(lang, "svg").decode(), save(panel, "svg", Look("column", font="serif")).decode()
    assert drawing.SERIF not in sans and embedded(sans, drawing.SERIF) == set()
    words = [text for text in ET.fromstring(serif).itertext() if "{" not in text]
    latin = {c for c in "".join(words) if " " < c < "\x7f"}
    assert latin <= embedded(serif, drawing.SERIF) and "宫" in embedded(serif, drawing.CHINESE)
    assert all(
        text.index(drawing.SERIF) < text.index(drawing.LATIN) for text in re.findall(r"<text style=\"[^\"]*", serif)
    )
    assert b"DejaVuSerif" in save(panel, "pdf", Look("column", font="serif"))
    assert drawing.families() == ()  # as before
    plain = measured(NAME, 8), wrapped(panel.caption, 8, 2.0)
    with drawing.typeface("serif"):
        assert measured(NAME, 8) != plain[0] and (wrapped(panel.caption, 8, 2.0) != plain[1] or lang == "zh")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_type_of_the_document_is_left_to_it(
    subject: Callable[..., Subject], bundled: Callable[[Lang, Format], bytes], lang: Lang
) -> None:
    panel = panel_of(subject(NAME, lang))
    svg = save(panel, "svg", Look("column", font="document")).decode()
    assert "font-family" not in svg and "@font-face" not in svg and svg.count("<text") > 6
    assert "font-weight: 700" in svg or lang == "zh"
    plain, own = bundled(lang, "pdf"), save(panel, "pdf", Look("column", font="document"))
    assert plain == own and b"/ToUnicode" in own  # a PDF's words stay words, in the type that it holds
