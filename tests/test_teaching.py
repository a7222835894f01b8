"""docs/teaching: its code prints what stands beneath it, its links open what they promise, both languages say the same."""

import io
import re
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import fields
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from conftest import Case
from PIL import Image

from topformer_viz import load_model, trace
from topformer_viz.app.explorer.state import parameters
from topformer_viz.app.frame import choices, words
from topformer_viz.app.frame.address import Takes
from topformer_viz.app.frame.routes import ROUTES
from topformer_viz.app.lab.cost import figures as cost
from topformer_viz.app.lab.page import PARTS
from topformer_viz.app.lab.what_if.settings import SWITCHES
from topformer_viz.app.network.parts import parts_of
from topformer_viz.network.choices import MODELS
from topformer_viz.network.colour import QUESTIONS
from topformer_viz.network.images import CELL
from topformer_viz.network.input import network_size
from topformer_viz.network.model import BLOCKS, SIZES
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.run.walk import Known, walk
from topformer_viz.study.by_hand import SEEDS
from topformer_viz.study.what_if import Setting
from topformer_viz.words.text import LANGS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "teaching"
NAMES = sorted(path.name for path in DOCS.glob("*.md") if ".zh." not in path.name)
APP = "http://localhost:8501"
CODE = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)

Accepted = dict[str, set[str]]


@cache
def read(name: str, lang: str) -> str:
    return (DOCS / (name if lang == "en" else name.replace(".md", ".zh.md"))).read_text("utf-8")


def links(name: str, lang: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", read(name, lang))


def prose(name: str, lang: str) -> str:
    return re.sub(r"```.*?```", "", read(name, lang), flags=re.DOTALL)


# Code


@pytest.mark.parametrize(
    "at", range(len(CODE.findall(read("solutions.md", "en")))), ids=lambda at: f"solution {at + 1}"
)
def test_a_solution_prints_what_stands_beneath_it(at: int) -> None:
    (code, output), chinese = (CODE.findall(read("solutions.md", lang))[at] for lang in LANGS)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, f"solution {at + 1}", "exec"), {"__name__": "__main__"})
    assert printed.getvalue() == output
    assert chinese == (code, output)


def test_every_exercise_has_its_solution() -> None:
    for lang in LANGS:
        asked, solved = (
            re.findall(r"^###? .*", prose(name, lang), re.MULTILINE) for name in ("exercises.md", "solutions.md")
        )
        assert asked == solved
        assert sum(heading.startswith("### ") for heading in asked) == len(CODE.findall(read("solutions.md", lang)))


def test_the_worksheets_are_made_as_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ((code, _),), ((chinese, _),) = (CODE.findall(read("README.md", lang)) for lang in LANGS)
    assert chinese.replace('"zh"', '"en"') == code
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("range(1, 4)", "range(1, 2)"), "README", "exec"), {"__name__": "__main__"})
    made = {path.name: path.read_bytes()[:5] for path in tmp_path.iterdir()}
    assert made == {"worksheet-1.pdf": b"%PDF-", "solutions-1.pdf": b"%PDF-"}


# Links


def test_the_column_shown_is_of_the_token_that_the_row_before_it_reads() -> None:
    rows, columns = set(), set()
    for name, lang in ((name, lang) for name in NAMES for lang in LANGS):
        for link in links(name, lang):
            asked = dict(parse_qsl(urlsplit(link).query))
            if (
                urlsplit(link).path == "/explorer"
                and asked.get("block") == "3"
                and "query" in asked
                and len(asked) <= 6
            ):
                (columns if asked.get("mode") == "column" else rows).add((asked["head"], asked["query"]))
    (row,), (column,) = rows, columns
    picture = open_sample("street")
    size = network_size(*picture.size, 512, choices.MAX_TOKENS)
    run = trace(load_model("everyday"), picture.resize(size, Image.Resampling.LANCZOS))
    (head, query), (same, read_most) = (map(int, place) for place in (row, column))
    weights = run["block2.weights"][0, head - 1]
    assert head == same
    assert int(weights[query - 1].argmax()) + 1 == read_most
    assert weights[:, read_most - 1].sum() > 10 and weights[read_most - 1, read_most - 1] < 0.1, (
        "read by many, not by itself"
    )


def strings(values: Iterable[object]) -> set[str]:
    return {str(value) for value in values}


def from_one(last: int) -> set[str]:
    return strings(range(1, last + 1))


def spelled(takes: Takes) -> Accepted:
    return {name: set(parameter.spelled) for name, parameter in takes.items()}


def lab_choices(heads: int) -> dict[str, Accepted]:
    """What each part of the lab reads."""
    setting = spelled(SWITCHES)
    assert set(setting) == {field.name for field in fields(Setting)}
    parts = {
        "what-if": setting | {"head": from_one(heads)},
        "basics": {"question": set(QUESTIONS)},
        "by-hand": {"seed": strings(SEEDS)},
        "covariance": {"head": from_one(heads)},
        "cost": spelled({"cost": cost.MODULE, **{name: own for name, (_, own) in cost.OWN_NUMBERS.items()}}),
        "relatives": {},
    }
    assert set(parts) == set(PARTS)
    return parts


def accepted(page: str, asked: dict[str, str], case: Case) -> Accepted:
    """The parameters that the page reads of such an address, and the values that it takes.

    ``case``: a run of a network of the same kind, for the names of stages and parts.
    """
    source = MODELS[asked.get("model", "everyday")].source
    colour = source == "colour"
    heads = len(QUESTIONS) if colour else SIZES["tiny" if source == "everyday" else source].heads
    sample, side = asked.get("sample", next(iter(SAMPLES))), int(asked.get("size", "512"))
    width, height = network_size(*open_sample(sample).size, side, choices.MAX_TOKENS)
    blocks = 1 if colour else BLOCKS
    everywhere = {
        "lang": set(LANGS), "sample": set(SAMPLES), "model": set(MODELS), "size": strings(choices.SIDES),
        "grid": strings(choices.GRIDS), "block": from_one(blocks),
    }  # fmt: skip
    own: Accepted = {}
    if page == "lesson":
        stages = walk(case.run, int(asked.get("block", "1")) - 1)
        own = {"stage": set(stages), "head": from_one(heads), "quiz": {"1"}, "present": {"1"}}
    elif page == "explorer":
        H, W = height // CELL, width // CELL
        own = spelled(parameters({"heads": heads, "H": H, "W": W, "HW": H * W}, blocks, asked))
    elif page == "lab":
        own = {"part": set(PARTS)} | lab_choices(heads)[asked.get("part", next(iter(PARTS)))]
    elif page == "network":
        known = Known.of(case.run, case.model)  # type: ignore[arg-type]
        own = {"part": {part.name for part in parts_of(known, SIZES["tiny"])}}
    return everywhere | own


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str, lang: str, tiny: Case, colour: Case) -> None:
    wrong = []
    for link in links(name, lang):
        if not link.startswith(APP):
            if not (DOCS / link).is_file():
                wrong.append(f"{link}: no such file")
            continue
        address = urlsplit(link)
        page, asked = address.path.strip("/"), dict(parse_qsl(address.query, strict_parsing=True))
        if page not in ("", *words.PAGES):
            wrong.append(f"{link}: no such page")
            continue
        takes = accepted(page, asked, colour if asked.get("model") == "colour" else tiny)
        wrong += [f"{link}: {key}={value}" for key, value in asked.items() if value not in takes.get(key, set())]
        if asked.get("lang") != lang:
            wrong.append(f"{link}: not in {LANGS[lang]}")  # type: ignore[index]
    assert not wrong, "\n".join(wrong)


# Two languages


def test_every_document_is_there_in_both_languages() -> None:
    assert strings(path.name for path in DOCS.glob("*.zh.md")) == {name.replace(".md", ".zh.md") for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_links_headings_and_rows(name: str) -> None:
    english, chinese = (
        sorted(re.sub(r"&?lang=\w+", "", link).replace(".zh.md", ".md") for link in links(name, lang)) for lang in LANGS
    )
    assert english == chinese
    for mark in (r"^#+ ", r"^\|", r"^\d+\. ", r"^- ", "^<details>"):
        counted = [re.findall(mark, prose(name, lang), re.MULTILINE) for lang in LANGS]
        assert counted[0] == counted[1], mark


@pytest.mark.parametrize("minutes", [20, 45, 90])
def test_a_plan_fills_its_minutes(minutes: int) -> None:
    english, chinese = (
        re.findall(r"^\| (\d+)–(\d+) \|", read(f"plan-{minutes}.md", lang), re.MULTILINE) for lang in LANGS
    )
    assert english == chinese
    starts, ends = zip(*english, strict=True)
    assert starts == ("0", *ends[:-1])
    assert ends[-1] == str(minutes)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("minutes", ROUTES)
def test_a_plan_is_the_route_that_the_app_leads_along(minutes: str, lang: str) -> None:
    """Stops, minutes and addresses; and as many goals."""
    plan, route = read(f"plan-{minutes}.md", lang), ROUTES[minutes]
    rows = re.findall(r"^\| (\d+)–(\d+) \| ([^|]*) \|", plan, re.MULTILINE)
    stops = []
    for start, end, screen in rows:
        at = [urlsplit(link) for link in re.findall(r"\]\(([^)\s]+)\)", screen)]
        places = [(place.path.strip("/"), dict(parse_qsl(place.query)) | {"lang": None}) for place in at]
        stops.append((int(start), int(end), places))
    assert stops == [
        (stop.start, stop.end, [(place.page, {**place.asked, "lang": None}) for place in stop.places])
        for stop in route.stops
    ]
    goals = plan.split("\n## ")[1]
    assert len(re.findall("^- ", goals, re.MULTILINE)) == len(route.goals)
