"""The package installed from its wheel, with no clone around it: all of its files are there, and it works."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
# In one process, as PyTorch takes seconds to import; what was printed goes by, what was returned comes last.
SCRIPT = """
import json, sys
from topformer_viz import load_model
from topformer_viz.__main__ import main
print(json.dumps([load_model("everyday").class_names, *(main(command) for command in json.loads(sys.argv[1]))]))
"""


def python(*arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"} | variables
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The package's files, as git has them."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "topformer_viz"]  # whoever owns the clone
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")[:-1]


@pytest.fixture(scope="module")
def wheel(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy, as setuptools leaves its work beside what it builds; with the setuptools that PyTorch brings."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in (*tracked, "pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        copy = folder / "clone" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    build = ("--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", ".", "./clone")
    python("-m", "pip", "wheel", *build, cwd=folder)
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheel_holds_the_packages_files_and_no_others(wheel: Path, tracked: list[str]) -> None:
    with ZipFile(wheel) as archive:
        held = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert sorted(held) == sorted(tracked)


def test_the_installed_package_works_without_a_clone(wheel: Path) -> None:
    place, away = wheel.parent / "installed", wheel.parent / "away"
    away.mkdir()
    python("-m", "pip", "install", "--no-deps", "--no-index", "--target", place, wheel, cwd=away)
    sample = place / "topformer_viz" / "assets" / "samples" / "cat.jpg"
    shapes = ["shapes", str(sample), "--model", "everyday"]
    options = ["--out", "out", "--stages", "weights", "--format", "svg,html", "--lang", "zh", "--size", "256"]
    commands = [
        shapes,
        ["export", str(sample), *options],
        ["screenshots"],
        ["bench", "--quick"],
        ["bench", "classroom"],
    ]
    done = python("-c", SCRIPT, json.dumps(commands), cwd=away, PYTHONPATH=str(place))
    *printed, last = done.stdout.splitlines()
    names, *statuses = json.loads(last)
    assert "sky" in names and statuses == [0, 0, 1, 1, 1]
    assert [line.split()[0] for line in printed].count("class_scores") == 1
    for file, words in (("cat/block1-weights.svg", "权重"), ("cat.html", "注意力")):
        text = (away / "out" / file).read_text("utf-8")
        assert words in text and "data:font/woff" in text  # the letters come along
    said = [line for line in done.stderr.splitlines() if "opformer" in line]  # but matplotlib, of its fonts
    assert (
        said == [f"topformer-viz: this takes the app, which only a clone of the project has: no {place / 'app.py'}"] * 3
    )
