"""The lesson as a ZIP: what lies in it, that its pages find their figures, and that strangers' words stay words."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from PIL import Image

from topformer_viz import load_model, trace
from topformer_viz.app.lesson.takeaway import lesson_zip
from topformer_viz.figures.look import Format, Look
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.sheet import save
from topformer_viz.figures.subject import Subject
from topformer_viz.network.colour import Model
from topformer_viz.run.tracing import summary
from topformer_viz.run.walk import walk
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import LANGS, Lang

NAME = '<script>alert("1")</script>`*_](x)'
COMMAND = "python -m topformer_viz export '</pre><b>```.png' --out lesson"


class Page(HTMLParser):
    """The tags and what they point at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href"):
                self.links.append(value or "")
            elif name == "id":
                self.ids.append(value or "")


def subject_of(photo: Image.Image, model: Model, lang: Lang, untrained: bool, name: str = NAME) -> Subject:
    return Subject(trace(model, photo), model, photo, "TopFormer & Co", name, untrained, lang)


@pytest.mark.parametrize("lang", LANGS)
def test_all_of_the_lesson_is_in_it(
    photo: Callable[..., Image.Image], lang: Lang, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[object, bytes] = {}  # one figure of each kind stands for all

    def one_of_a_kind(look: Look, panel: Panel, format: Format, *scale: Any) -> bytes:
        kind = format, bool(panel.diagram)
        if kind not in drawn:
            drawn[kind] = save(panel, format, look, *scale)
        return drawn[kind]

    monkeypatch.setattr("topformer_viz.app.lesson.takeaway.draw", lambda panel, look: look)
    monkeypatch.setattr("topformer_viz.app.lesson.takeaway.write", one_of_a_kind)
    subject = subject_of(photo(50, 70), load_model("colour"), lang, untrained=lang == "zh")
    look = Look(theme="dark" if lang == "zh" else "white", bare=lang == "zh")
    data = lesson_zip(subject, 0, 1 if lang == "zh" else None, look, COMMAND, credit="Somebody <CC0>")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    stages = list(walk(subject.run, 0))
    figures = [name for name in files if name.startswith("figures/")]
    assert len(figures) == 4 * len(stages) + 2  # and the overview
    assert set(files) - set(figures) == {"index.html", "lesson.md", "shapes.json", "command.txt"}

    text = files["index.html"].decode()
    page = Page(text)
    assert page.ids == stages
    assert not {"script", "b", "link", "iframe"} & set(page.tags)
    inside = [link for link in page.links if not link.startswith("#")]
    assert [link for link in page.links if link.startswith("#")] == [f"#{stage}" for stage in stages]
    assert sorted(set(inside)) == sorted(name for name in figures if name.endswith(".svg"))
    assert not re.search(r"url\((?!data:)|@import|https?://", text)  # nothing is fetched
    assert "&lt;script&gt;" in text and "TopFormer &amp; Co" in text and "Somebody &lt;CC0&gt;" in text
    assert (NOT_EVIDENCE("zh") in text) == (lang == "zh")
    assert 'style="color:var(--axis-' in text and "light-dark(" in text

    markdown = files["lesson.md"].decode()
    assert [line for line in markdown.splitlines() if line.startswith("# ")] == [markdown.splitlines()[0]]
    assert r"\<script\>" in markdown and "<script>" not in markdown
    assert all(f"]({name})" in markdown for name in inside)
    assert f"````sh\n{COMMAND}\n````" in markdown
    assert "[[" not in markdown and "{value}" not in text + markdown
    assert f"heads {subject.run.sizes['heads']}" in text and "heads 4 · HW" in markdown

    shapes = json.loads(files["shapes.json"])
    assert shapes["tensors"] == summary(subject.run)
    assert shapes["axes"]["HW"]["size"] == subject.run.sizes["HW"]
    assert files["command.txt"].decode() == f"{COMMAND}\n"
    with Image.open(io.BytesIO(files["figures/block1-weights-shape.png"])) as picture:
        assert picture.mode == "P" and picture.text["Title"]  # type: ignore[attr-defined]


def test_the_same_view_gives_the_same_bytes(photo: Callable[..., Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    saved = b"\x89PNG"  # the figures' own bytes are tests/terminal/test_exporting.py's
    monkeypatch.setattr("topformer_viz.app.lesson.takeaway.draw", lambda panel, look: look)
    monkeypatch.setattr(
        "topformer_viz.app.lesson.takeaway.write", lambda _, panel, format, *scale: saved + panel.name.encode()
    )
    monkeypatch.setattr("topformer_viz.app.lesson.takeaway._of_few_colours", lambda png: png)
    subject = subject_of(photo(70, 110), load_model("tiny"), "en", untrained=True, name="a\n# b")
    first, again = (lesson_zip(subject, 1, None, Look(), COMMAND, trained=True) for _ in range(2))
    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        text, markdown = (archive.read(name).decode() for name in ("index.html", "lesson.md"))
    assert markdown.count("\n# ") == 0
    assert "tokens<sub>block 2</sub>" in text and "research and teaching" in text
    assert "figures/block2-mlp.svg" in text
