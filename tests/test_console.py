"""Terminals of every kind: odd encodings, streams that are closed or break."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from topformer_viz.__main__ import main

ROOT = Path(__file__).resolve().parent.parent
NAME = "猫 照片 Straße.png"  # which no encoding below has all letters for
ORDER = ["--size", "64", "--stages", "image,weights", "--format", "svg,png"]
MADE = [f"{figure}.{format}" for figure in ("block1-weights", "image") for format in ("png", "svg")]


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    """Two pictures with names in many letters."""
    paths = [tmp_path / NAME, tmp_path / f"2 {NAME}"]
    for path, colour in zip(paths, ("red", "blue"), strict=True):
        Image.new("RGB", (90, 70), colour).save(path)
    return [str(path) for path in paths]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def everything(photos: list[str]) -> list[str]:
    return sorted(f"{Path(photo).stem}/{name}" for photo in photos for name in MADE)


class Broken(io.StringIO):
    """A stream that fails as the system's do: at once, or, where it is buffered, when it is flushed."""

    def __init__(self, error: OSError, buffered: bool) -> None:
        super().__init__()
        self.error, self.buffered = error, buffered

    def write(self, text: str) -> int:
        if not self.buffered:
            raise self.error
        return len(text)

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "ascii", "utf-16"])
def test_no_encoding_of_the_output_costs_a_file(
    photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr("topformer_viz.exporting._cores", lambda: 1)
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding, newline="\n"))
    out = tmp_path / "图"
    assert main(["export", *photos, "--out", str(out), *ORDER]) == 0
    assert files(out) == everything(photos)
    lines = printed.getvalue().decode(encoding).splitlines()
    letters = str(out / Path(NAME).stem / "image.svg")
    assert letters.encode(encoding, "backslashreplace").decode(encoding) in lines
    assert len(lines) == 8


@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device")], ids=["pipe", "disk"])
def test_no_stream_that_breaks_costs_a_file(
    photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, buffered: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A reader that has left is no fault; a list of files that is not all there is said, when all is done."""
    monkeypatch.setattr("topformer_viz.exporting._cores", lambda: 1)
    monkeypatch.setattr(sys, "stdout", Broken(error, buffered))
    status = main(["export", *photos, "--out", str(tmp_path / "out"), *ORDER])
    assert files(tmp_path / "out") == everything(photos)
    said = capsys.readouterr().err
    full = not isinstance(error, BrokenPipeError)
    assert (status, said) == (full, "topformer-viz: standard output: No space left on device\n" if full else "")


def test_standard_error_may_break_as_well(photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topformer_viz.exporting._cores", lambda: 1)
    monkeypatch.setattr(sys, "stderr", Broken(BrokenPipeError(), buffered=False))
    assert main(["export", "nowhere.png", *photos, "--out", str(tmp_path / "out"), *ORDER]) == 1
    assert files(tmp_path / "out") == everything(photos)


@pytest.mark.parametrize("ends", [">&- 2>&-", "2>&1 | head -0", "> /dev/full"])
def test_real_terminals_get_every_file(photos: list[str], tmp_path: Path, ends: str) -> None:
    """Through a shell, with a process a picture, in a language that has no letters but ASCII."""
    if os.name != "posix" or not shutil.which("bash") or (not Path("/dev/full").exists() and "full" in ends):
        pytest.skip("needs bash")
    out = tmp_path / "图"
    line = f'"$0" -m topformer_viz export "$@" {ends}; echo "${{PIPESTATUS[0]}}" >&3'
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT)}
    command = ["bash", "-c", f"exec 3> status; {line}", sys.executable, *photos, "--out", str(out), *ORDER]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert files(out) == everything(photos)
    assert (tmp_path / "status").read_text("utf-8").strip() == ("1" if "full" in ends else "0")
    said = done.stderr.decode()
    assert said == ("topformer-viz: standard output: No space left on device\n" if "full" in ends else "")


@pytest.mark.parametrize("arguments", [["--help"], ["export", "--help"], ["猫"], ["shapes", "猫.jpg"]])
def test_help_and_complaints_survive_too(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    for make in (lambda: io.TextIOWrapper(io.BytesIO(), "ascii"), lambda: Broken(BrokenPipeError(), False)):
        monkeypatch.setattr(sys, "stdout", make())
        monkeypatch.setattr(sys, "stderr", make())
        try:
            status: object = main(arguments)
        except SystemExit as stop:
            status = stop.code
        assert status == {"--help": 0, "猫": 2, "猫.jpg": 1}[arguments[-1]]


def test_a_name_is_read_right_where_python_takes_names_for_ascii(tmp_path: Path) -> None:
    """What figures call a picture: the bytes of its name are UTF-8, whatever the locale says."""
    if os.name != "posix":
        pytest.skip("names are text there")
    code = "import sys; from topformer_viz.exporting import _printable; print(ascii(_printable(sys.argv[1])))"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", code, "猫\n\x1b[1m.jpg"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().strip() == ascii("猫 �[1m.jpg")
