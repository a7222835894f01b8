"""The page of what each head looks at, through Streamlit's AppTest on small made findings."""

import base64
import html
import io
import json
import re
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from opening import choose, markup, open_app
from PIL import Image
from streamlit.testing.v1 import AppTest

from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.heads import pictures, table, words
from topformer_viz.app.heads.page import summary
from topformer_viz.figures import colours
from topformer_viz.network.classes import classes_of
from topformer_viz.network.facts import facts
from topformer_viz.network.samples import SAMPLES
from topformer_viz.study import heads as findings
from topformer_viz.terminal.training import heads as measuring
from topformer_viz.words.numbers import times
from topformer_viz.words.text import LANGS, Lang

CLASSES = ["sky", "building", "road", "pavement", "vegetation", "vehicle", "person", "street furniture"]
GRID = (3, 4)


def network(peak: float, seed: int) -> dict:
    """Findings of four blocks of four heads that read at random, on 40 pictures; a person is in three of them."""
    readings = []
    for i in range(40):
        rng = np.random.default_rng((seed, i))
        labels = rng.choice([0, 1, 2, 3, 4, 5, 7, 255], (12, 16)).astype(np.uint8)
        if i < 3:
            labels[0, 0] = 6
        cells = measuring.pooled(torch.from_numpy(labels), 8, GRID)
        weights = torch.from_numpy(peak * np.random.default_rng(seed).normal(size=(16, 12, 12))).softmax(-1)
        readings.append(measuring.reading(weights, cells, GRID))
    return asdict(measuring.summarise(readings, 4))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    networks = {"trained": network(2, 0), "built": network(0.01, 1), "reinitialised": network(60, 2)}
    path = tmp_path_factory.mktemp("findings") / "everyday.json"
    one = {"sample": "street", "grid": [2, 3], "token": 4, "weights": [0.5, 0, 0, 0.25, 0, 0.25]}
    shown = [[one, None, one, None]] * 4
    path.write_text(json.dumps({"classes": CLASSES, "networks": networks, "shown": shown}, allow_nan=False))
    return path


open_page = partial(open_app, "heads")


def headings(app: AppTest) -> list[str]:
    return [html.unescape(h) for h in re.findall(r"<h3>(.*?)</h3>", markup(app))]


def expected(file: Path, slug: str, block: int, lang: Lang) -> list[str]:
    found = findings.load(file).networks[slug]
    names = classes_of(8, CLASSES).names
    return [findings.sentence(head, found, names, lang) for head in found.heads[block]]


@pytest.mark.parametrize("lang", LANGS)
def test_every_head_has_its_sentence(monkeypatch: pytest.MonkeyPatch, file: Path, lang: Lang) -> None:
    monkeypatch.setattr(findings, "FILE", file)
    app = open_page(lang=lang)
    shown = headings(app)
    assert shown[:4] == expected(file, "trained", 0, lang)
    assert shown[4:] == [expected(file, slug, 0, lang)[0] for slug in words.NETWORKS]
    assert shown[5].startswith(("Nearly uniform", "接近均匀"))
    assert shown[6].startswith(("Nearly one-hot", "接近 one-hot"))
    page = markup(app)
    assert page.count('<table role="grid"') == 7
    assert html.escape(words.UI["shows"](lang), quote=False) in page
    measured = words.UI["measured"](lang, images=40, least=12, most=12, labelled="88%")
    assert measured in page


@pytest.mark.parametrize("lang", LANGS)
def test_first_comes_a_sentence_a_head_under_what_shows_it(
    monkeypatch: pytest.MonkeyPatch, file: Path, lang: Lang
) -> None:
    monkeypatch.setattr(findings, "FILE", file)
    page = markup(open_page(lang=lang))
    cells = re.findall(r'<td role="cell"[^>]*>(.*?)</td>', page)
    said = [sentence for block in range(4) for sentence in expected(file, "trained", block, lang)]
    assert len(cells) == len(said) == 16
    seen = words.UI["seen"](lang, row=2, column=2, sample=SAMPLES["street"].name(lang), most="50%")
    for n, (cell, sentence) in enumerate(zip(cells, said, strict=True)):
        assert cell.endswith(f"<p>{html.escape(sentence)}</p>")
        assert (f'alt="{seen}"' in cell) == (n % 2 == 0) == (words.UI["unseen"](lang) not in cell)
    assert page.index('class="heads-overview"') < page.index('class="heads-bar weights"') < page.index('role="grid"')
    assert words.UI["maximum"](lang) in page
    worth = {"whole": facts().mean_iou, **{part: facts().without[part] for part in ("attention", "blocks")}}
    alone = [facts().without[f"block{block}.projected"] for block in range(4)]
    worth |= {"least": min(alone), "most": max(alone)}
    matters = note_html(
        words.UI["matters"](lang, images=facts().val, **{part: f"{iou:.3f}" for part, iou in worth.items()}), lang
    )
    assert page.index(matters) < page.index('class="heads-overview"')


def test_a_picture_is_the_sample_under_the_row_with_the_token_framed() -> None:
    weights = (1.0, 0, 0, 0, 0, 0, 0, 0)
    data = base64.b64decode(pictures.picture("street", (2, 4), 6, weights))
    found = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    side = pictures.CELL
    assert found.shape == (2 * side, 4 * side, 3)
    tokens = found.reshape(2, side, 4, side, 3).transpose(0, 2, 1, 3, 4).reshape(8, -1, 3)
    bright = tokens[:, :, 1].mean(1)  # viridis ends in yellow
    assert bright.argmax() == 0 and bright[0] > 1.5 * bright[1]
    frame = np.array([np.abs(t.reshape(side, side, 3)[0].astype(int)).max() < 60 for t in tokens])
    assert frame.tolist() == [n == 6 for n in range(8)]  # black outside
    assert tokens[6].reshape(side, side, 3)[3, 3:-3].min() > 180  # white inside


def test_the_summary_s_numbers_are_the_findings(file: Path) -> None:
    found, names = findings.load(file), classes_of(8, CLASSES).names
    trained = found.networks["trained"]
    heads = [head for block in trained.heads for head in block]
    clearest, spread, untrained = summary(found, names, "en")
    low, high = (f(head.effective.value for head in heads) for f in (min, max))
    assert f"{low:.1f} to {high:.1f} [[effective tokens]] of 12.0" in spread
    assert "16 of 16 heads are nearly uniform" in untrained and "of 16 nearly one-hot" in untrained
    told = {
        (b, h): findings.telling(head, trained)
        for b, block in enumerate(trained.heads, 1)
        for h, head in enumerate(block, 1)
    }
    ratios = {at: one for at, one in told.items() if one.what in ("key", "more")}
    if ratios:
        (block, head), best = max(ratios.items(), key=lambda item: item[1].estimate.low)
        assert (
            f"block {block}, head {head}: {best.in_short(names, 'en')}, {times(best.estimate.value)} times" in clearest
        )
        assert f"In {sum(one.estimate.value >= 2 for one in ratios.values())} of 16 heads" in clearest
    real = summary(findings.load(), names, "en")
    assert real[0].startswith("**The clearest preference**") and real[1].startswith("**Rows are neither")


@pytest.mark.parametrize(
    ("asked", "opened"),
    [({}, []), ({"block": "3"}, ["tables"]), ({"network": "built", "head": "2"}, ["tables", "beside"])],
)
def test_the_rest_is_folded_unless_the_address_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, file: Path, asked: dict[str, str], opened: list[str]
) -> None:
    monkeypatch.setattr(findings, "FILE", file)
    app = open_page(lang="en", **asked)
    folds = {fold.label.strip("*"): fold.proto.expanded for fold in app.expander}
    assert folds == {words.UI[name]("en"): name in opened for name in ("tables", "beside", "method", "proof")}


def test_another_network_block_and_head(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(findings, "FILE", file)
    app = open_page(lang="en")
    choose(app, "Network", "reinitialised")
    choose(app, "Block", 3)
    choose(app, "Head", 2)
    shown = headings(app)
    assert shown[:4] == expected(file, "reinitialised", 2, "en")
    assert shown[4:] == [expected(file, slug, 2, "en")[1] for slug in words.NETWORKS]
    assert note_html(words.NETWORKS["reinitialised"][1]("en"), "en") in markup(app)
    assert app.session_state["block"] == 3  # the lesson's choice of block is this one


def test_the_table_says_the_files_numbers(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(findings, "FILE", file)
    app = open_page(lang="en", block="2")
    table = re.findall(r"<table role=.grid.*?</table>", markup(app))[1]
    found = findings.load(file).networks["trained"].heads[1][1]
    numbers = re.findall(r"<b[^>]*>(.*?)</b>", table)
    ratios = [x for row in [*found.ratio, found.read] for x in row]
    assert numbers == ["–" if x is None else times(x.value) for x in ratios]
    assert table.count('scope="col"') == 8
    assert table.count('scope="row"') == 9
    assert table.count('tabindex="0"') == 1
    assert table.count('tabindex="-1"') == 71
    road = found.ratio[2][5]
    interval = f"{times(road.value)} times uniform ({times(road.low)} to {times(road.high)})"
    assert f"Road reads vehicles: {interval}" in table


def test_a_class_with_too_little_is_grey_and_the_page_says_why(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(findings, "FILE", file)
    page = markup(open_page(lang="en"))
    table = re.findall(r"<table role=.grid.*?</table>", page)[0]
    assert re.findall(r'<th scope="\w+" class="grey"><span>(.*?)</span>', table) == ["person", "person"]
    assert table.count('<td tabindex="-1" class="grey">') == 8 + 8 + 1 - 1  # its row, its column, who reads it of all
    assert "Here: person, 3 images, 0.0% of the area." in page


def test_without_the_file_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(findings, "FILE", tmp_path / "everyday.json")
    app = open_page(lang="zh")
    (info,) = app.info
    assert info.value == words.UI["missing"]("zh", file="everyday.json")
    assert not headings(app)


def test_a_classs_name_is_text_not_markup(monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path) -> None:
    content = json.loads(file.read_text())
    content["classes"][0] = '<img src=x onerror="alert(1)">'
    own = tmp_path / "everyday.json"
    own.write_text(json.dumps(content))
    monkeypatch.setattr(findings, "FILE", own)
    page = markup(open_page(lang="en"))
    assert "&lt;img" in page
    assert "<img src=x" not in page


def test_colours_diverge_and_ink_can_be_read() -> None:
    def luminance(colour: str) -> float:
        return colours.luminance([int(colour[i : i + 2], 16) for i in (1, 3, 5)])

    for ratio in (0, 1e-9, *np.geomspace(0.01, 100, 200)):
        low, high = sorted(luminance(colour) for colour in table.colours(ratio))
        assert (high + 0.05) / (low + 0.05) >= 4.5
    assert table.colours(0)[0] == table.colours(0.25)[0] == "#053061"
    assert table.colours(4)[0] == table.colours(400)[0] == "#67001f"
    assert table.colours(1)[0] == "#f7f6f6"
    red, _, blue = (int(table.colours(1.5)[0][i : i + 2], 16) for i in (1, 3, 5))
    assert red > blue


def test_the_choices_stand_in_the_address_and_come_back() -> None:
    asked = {"network": "built", "block": "2", "head": "3"}
    said = markup(open_page(**asked))
    link = json.loads(re.findall(r"link = new URLSearchParams\((.*?)\);", said)[0])
    assert asked.items() <= {name: str(value) for name, value in link.items()}.items()
