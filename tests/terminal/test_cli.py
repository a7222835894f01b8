"""The command line and the package's own files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from topformer_viz import load_model, trace
from topformer_viz.__main__ import main
from topformer_viz.network.images import open_image
from topformer_viz.run import tracing
from topformer_viz.run.tracing import summary
from topformer_viz.words.text import Text

CAT = Path(__file__).resolve().parents[2] / "topformer_viz" / "assets" / "samples" / "cat.jpg"
KEYS = ["name", "axes", "shape", "bytes", "min", "max", "mean"]


def test_shapes_as_json_is_the_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", str(CAT), "--model", "colour", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    run = trace(load_model("colour"), open_image(CAT.read_bytes()))
    assert [row["name"] for row in rows] == list(run)
    assert all(list(row) == KEYS for row in rows)
    weights = next(row for row in rows if row["name"] == "block0.weights")
    assert weights["shape"] == list(run["block0.weights"].shape)
    assert weights["axes"] == ["B", "heads", "HW", "HW"]
    assert weights["bytes"] == run["block0.weights"].numel() * 4
    assert weights["mean"] == pytest.approx(1 / run.sizes["HW"])
    assert rows == summary(run)


def test_shapes_as_a_table_lists_every_stage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", str(CAT)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == KEYS
    assert [line.split()[0] for line in lines[1:]][-1] == "class_scores"  # and nothing about what is not stored
    assert len({line.index(row) for line, row in zip(lines[1:3], ("B RGB Y X", "B C0 H0 W0"), strict=True)}) == 1


def test_shapes_says_that_matrices_are_not_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide = tmp_path / "wide.png"
    Image.new("RGB", (162, 10)).save(wide)
    assert main(["shapes", str(wide), "--model", "colour"]) == 0
    table, last = capsys.readouterr().out.rstrip("\n").rsplit("\n", 1)
    assert last == "1,040 tokens: scores and weights are stored of up to 1,024 only"
    names = [line.split()[0] for line in table.splitlines()[1:]]
    assert names == list(trace(load_model("colour"), Image.open(wide)))
    assert main(["shapes", str(wide), "--model", "colour", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == names


def test_too_large_a_picture_is_one_sentence_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tracing, "MAX_TOKENS", 2)
    assert main(["shapes", str(CAT)]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert "make the image smaller" in err


@pytest.mark.parametrize("arguments", [["nowhere.jpg"], [str(CAT.parent)], [__file__], [str(CAT), "--model", "huge"]])
def test_what_cannot_be_done_is_one_sentence_and_status_1(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shapes", *arguments]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert len(err.strip().splitlines()) == 1


def test_the_package_needs_no_streamlit_for_notebooks() -> None:
    code = "import sys, topformer_viz; assert not {'streamlit', 'matplotlib', 'playwright'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=CAT.parents[3])


def test_a_text_needs_both_languages() -> None:
    with pytest.raises(ValueError, match="both languages"):
        Text(en="query", zh="")
    assert Text("{n} heads", "{n} 个头")("zh", n=4) == "4 个头"
    assert Text("{what}: {n}", "{what}：{n}").format(what=Text("heads", "头"), n=4) == Text("heads: 4", "头：4")
