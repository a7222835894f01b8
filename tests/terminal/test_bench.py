"""The benchmarks run, each with its baseline, and docs/performance.md is what they found. No time is judged."""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from topformer_viz.__main__ import main
from topformer_viz.terminal.bench import report
from topformer_viz.terminal.bench.command import NAMES
from topformer_viz.terminal.bench.hostile import ATTACKS
from topformer_viz.terminal.bench.slowing import CAN_PIN
from topformer_viz.terminal.bench.steps import FRAME
from topformer_viz.terminal.bench.table import Goal, Table
from topformer_viz.terminal.chromium import find_chromium

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT, RESULTS = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.json"


def quick(name: str, folder: Path) -> list[Table]:
    """What a short run of the command writes."""
    file = folder / f"{name}.json"
    assert main(["bench", name, "--quick", "--json", str(file)]) == 0
    tables = report.from_json(json.loads(file.read_text("utf-8")))
    assert list(tables) == [name]
    for table in tables[name]:
        assert table.note and table.rows
        assert all(len(row) == len(table.columns) and row[0] for row in table.rows)
        assert all(cell >= 0 for row in table.rows for cell in row if not isinstance(cell, str | None))
    return tables[name]


def test_figures_that_are_not_there_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--from", str(tmp_path / "nowhere.json")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_network_beside_a_plain_port(tmp_path: Path) -> None:
    (table,) = quick("forward", tmp_path)
    assert table.columns[1:4] == ("as written, ms", "inference copy, ms", "traced, ms")


def test_the_export_beside_plain_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # AppTest leaves a page as the main module, which the new processes would run again.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    (table,) = quick("export", tmp_path)
    assert [row[0] for row in table.rows] == ["all cores", "one worker", "plain matplotlib"]


def test_one_visitor_against_a_school(tmp_path: Path) -> None:
    (table,) = quick("hostile", tmp_path)
    assert [row[0] for row in table.rows] == ["no attack", next(iter(ATTACKS))]
    errors, restarted = table.columns.index("its errors"), table.columns.index("restarted")
    assert [(row[errors], row[restarted]) for row in table.rows] == [(0, "no")] * 2, table.note
    assert len(table.goals) == 6


@pytest.fixture
def chromium() -> None:
    """There is one. Not conftest's fixture: a thread can have one Playwright, and the benchmark starts it."""
    if find_chromium() is None:
        reason = "no Chromium or Chrome found"
        pytest.fail(reason) if os.environ.get("TOPFORMER_VIZ_NEEDS_BROWSER") else pytest.skip(reason)


@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
@pytest.mark.parametrize("name", ["startup", "steps", "explorer"])
def test_the_pages_beside_a_trivial_one(name: str, tmp_path: Path) -> None:
    table, *more = quick(name, tmp_path)
    if name == "startup":
        assert [row[0] for row in table.rows] == ["trivial page", "front door", "lesson"]
        assert [goal.value for goal in table.goals] == [row[-1] for row in table.rows[1:]]
        assert [row[-1] for row in more[0].rows].count("yes") == 2
    elif name == "steps":
        assert table.columns[1:] == ("lesson, ms", "95 %, ms", "trivial page, ms", "95 %, ms")
        assert len({row[0] for row in table.rows}) == len(table.rows) == 10
        assert [goal.most for goal in table.goals] == [FRAME] * 4
        assert all(goal.what.startswith("another block") for goal in table.goals)
    else:
        assert table.rows[0][0] == "an empty page"
        off = table.rows[1][-1]  # the one figure that is no time
        assert isinstance(off, float) and off < 1e-5


@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
def test_the_lesson_as_one_file_beside_its_goals(tmp_path: Path) -> None:
    size, start, photograph, forward = quick("browser", tmp_path)
    assert [row[0] for row in size.rows] == ["en", "zh", "both"]
    assert [row[0] for row in start.rows] == ["the lesson", "an empty page"]
    assert [row[0] for row in photograph.rows] == [
        "512 × 512", *(["512 × 512, on one core"] if CAN_PIN else []), "512 × 512, 4 times slower"
    ]  # fmt: skip
    assert [row[0] for row in forward.rows] == ["512 × 512"]
    assert [len(table.goals) for table in (size, start, photograph, forward)] == [3, 2, 2, 3]
    no_times = [*size.goals, start.goals[-1], forward.goals[-1]]  # bytes and requests
    assert [goal.what for goal in no_times if not goal.met] == []


def test_a_table_as_text_as_markdown_and_as_json() -> None:
    goals = (Goal("Slowness", 2.0, 1.3), Goal("Errors", 0, 0))
    table = Table("Speed", ("", "ms", "ratio"), [("ours", 1234.5, 1.5), ("theirs", 0.00012, None)], "A note.", goals)
    assert Table.from_json(json.loads(json.dumps(table.to_json()))) == table
    assert table.markdown().splitlines() == [
        "|  | ms | ratio |", "| :--- | ---: | ---: |", "| ours | 1,234 | 1.50 |", "| theirs | 0.00012 |  |",
    ]  # fmt: skip
    assert table.text().splitlines()[0] == "Speed"
    assert table.text().splitlines()[-2:] == ["Slowness: 2.00, at most 1.30: missed", "Errors: 0, at most 0: met"]


def test_the_document_is_what_was_measured(tmp_path: Path) -> None:
    again = tmp_path / "again.md"
    assert main(["bench", "--from", str(RESULTS), "--docs", str(again)]) == 0
    assert again.read_text("utf-8") == DOCUMENT.read_text("utf-8"), (
        "run: python -m topformer_viz bench --from docs/performance.json --docs docs/performance.md"
    )
    results = json.loads(RESULTS.read_text("utf-8"))
    assert set(results["tables"]) <= set(NAMES)
    assert set(results["machine"]) == {
        "architecture", "cores", "memory", "system", "Python", "torch", "streamlit", "matplotlib", "browser"
    }  # fmt: skip
