"""Terminals of every kind: odd encodings, streams that are closed or break, patterns, folders, commands to copy."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from topformer_viz.__main__ import main
from topformer_viz.figures.order import Order
from topformer_viz.terminal.console import pictures
from topformer_viz.words.shell import command_line

ROOT = Path(__file__).resolve().parents[2]
NAME = "猫 照片 Straße.png"  # which no encoding below has all letters for
ORDER = ["--size", "64", "--stages", "image,weights", "--format", "png"]  # which is drawn in half the time of an SVG
MADE = ["block1-weights.png", "image.png"]


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
    monkeypatch.setattr("topformer_viz.terminal.export.command.cores", lambda: 1)
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding, newline="\n"))
    out = tmp_path / "图"
    assert main(["export", *photos, "--out", str(out), *ORDER]) == 0
    assert files(out) == everything(photos)
    lines = printed.getvalue().decode(encoding).splitlines()
    letters = str(out / Path(NAME).stem / "image.png")
    assert letters.encode(encoding, "backslashreplace").decode(encoding) in lines
    assert len(lines) == 4


@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device")], ids=["pipe", "disk"])
def test_no_stream_that_breaks_costs_a_file(
    photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, buffered: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A reader that has left is no fault; a list of files that is not all there is said, when all is done."""
    monkeypatch.setattr("topformer_viz.terminal.export.command.cores", lambda: 1)
    monkeypatch.setattr(sys, "stdout", Broken(error, buffered))
    status = main(["export", *photos, "--out", str(tmp_path / "out"), *ORDER])
    assert files(tmp_path / "out") == everything(photos)
    said = capsys.readouterr().err
    full = not isinstance(error, BrokenPipeError)
    assert (status, said) == (full, "topformer-viz: standard output: No space left on device\n" if full else "")


def test_standard_error_may_break_as_well(photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topformer_viz.terminal.export.command.cores", lambda: 1)
    monkeypatch.setattr(sys, "stderr", Broken(BrokenPipeError(), buffered=False))
    assert main(["export", "nowhere.png", *photos, "--out", str(tmp_path / "out"), *ORDER]) == 1
    assert files(tmp_path / "out") == everything(photos)


@pytest.mark.parametrize("ends", [">&- 2>&-", "2>&1 | head -0", "> /dev/full"])
def test_real_terminals_get_every_file(photos: list[str], tmp_path: Path, ends: str) -> None:
    """Through a shell, in a language that has no letters but ASCII."""
    photos = photos[:1]
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
    code = "import sys; from topformer_viz.terminal.console import printable; print(ascii(printable(sys.argv[1])))"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", code, "猫\n\x1b[1m.jpg"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().strip() == ascii("猫 �[1m.jpg")


# Pictures


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a camera leaves it, the current one."""
    (tmp_path / "album" / "deep").mkdir(parents=True)
    for name in ("b.JPG", "a.jpg", "c[1].png", "c1.png", "d.HEIC", ".hidden.jpg", "notes.txt", "deep/e.Png"):
        (tmp_path / "album" / name).touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def meant(*arguments: str) -> list[str]:
    found, complaints = pictures(arguments)
    assert not complaints
    return [Path(file).as_posix() for file in found]


def test_patterns_folders_and_names_are_pictures(album: Path) -> None:
    assert meant("album/*.jpg") == ["album/a.jpg", "album/b.JPG"]
    assert meant("album/*.JPG") == ["album/a.jpg", "album/b.JPG"]
    assert meant("album/?1.png", "album/[ab].jp*") == ["album/c1.png", "album/a.jpg"]
    assert meant("album") == meant("album/") == [f"album/{name}" for name in ("a.jpg", "b.JPG", "c1.png", "c[1].png", "d.HEIC")]  # fmt: skip
    assert meant("album/**/*.png") == ["album/c1.png", "album/c[1].png", "album/deep/e.Png"]
    assert meant("al*") == meant("album")
    assert meant("nowhere.jpg", "-") == ["nowhere.jpg", "-"]  # for its reader to complain of


def test_a_name_with_brackets_is_a_name_where_there_is_such_a_file(album: Path) -> None:
    assert meant("album/c[1].png") == ["album/c[1].png"]
    (album / "album" / "c[1].png").unlink()
    assert meant("album/c[1].png") == ["album/c1.png"]


def test_a_picture_is_meant_once(album: Path) -> None:
    assert meant("album/b.JPG", "album/*.jpg", "./album", "album/../album/a.jpg")[:2] == ["album/b.JPG", "album/a.jpg"]
    assert len(meant("album/b.JPG", "album/*.jpg", "./album", "album/../album/a.jpg")) == 5


def test_what_means_no_picture_is_said_and_the_rest_is_made(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (90, 70)).save(album / "one.PNG")
    assert main(["export", "empty", "no*.jpg", "*.png", "--out", "out", *ORDER]) == 1
    out, err = capsys.readouterr()
    assert err == (
        "topformer-viz: empty: there is no image in this folder\n"
        "topformer-viz: no*.jpg: no image has such a name\n"
    )  # fmt: skip
    assert len(out.splitlines()) == 2 and files(album / "out") == [f"one/{name}" for name in MADE]
    assert main(["export", "empty", "--out", "none", *ORDER]) == 1 and not (album / "none").exists()


def test_shapes_takes_one_picture_however_it_is_named(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (90, 70)).save(album / "one.PNG")
    assert main(["shapes", "o*.png", "--model", "colour", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["shape"][-2:] == [70, 90]
    assert main(["shapes", "album"]) == 1
    assert capsys.readouterr().err == "topformer-viz: album: these are 5 images, and shapes takes one\n"
    assert main(["shapes", "empty"]) == 1
    assert capsys.readouterr().err == "topformer-viz: empty: there is no image in this folder\n"


# Commands to copy

NAMES = [
    "photo.jpg", "my cat.jpg", "猫 照片.jpg", "it's.jpg", "it’s.jpg", "“x”.jpg", "$HOME.jpg", "a&b;c|d(1).jpg", "#1.jpg",
    "@home.jpg", "a,b.jpg", "01,2.jpg", "~.jpg", "100%.jpg", "a[1]*?.jpg", "{a,b}.jpg", "back`tick.jpg", "wow!.jpg",
    "C:\\weights\\x.pth", "<b>.png", "",
]  # fmt: skip
UNLIKE = ["it's $5.jpg", "‘a’ “b”.jpg", "'`\"!.jpg", "Tom’s\\it's.jpg"]  # no spelling for both


def in_sh(line: str) -> list[str]:
    script = f"set -- {line}\nfor word; do printf '%s\\0' \"$word\"; done"
    return subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")[:-1]


def in_powershell(line: str) -> list[str]:
    """By its rules (about_Quoting_Rules, about_Parsing): what it would hand on, for words that are bare or quoted whole.

    Between single quotes only a doubled one stands for itself; between double ones, dollar and backtick have a meaning;
    bare words here are of characters that have none.
    """
    single, double = "'‘’‚‛", '"“”„'
    token = f"[{single}]((?:[^{single}]|([{single}])\\2)*)[{single}]|[{double}]([^{double}$`]*)[{double}]|([A-Za-z0-9_./:=+-]+)"
    words, at = [], 0
    while at < len(line):
        found = re.compile(rf"(?:{token})(?:\s+|$)").match(line, at)
        assert found, line[at:]
        literal, _, expandable, bare = found.groups()
        words.append(bare or expandable or re.sub(f"([{single}])\\1", r"\1", literal or ""))
        at = found.end()
    return words


@pytest.mark.parametrize("name", NAMES)
def test_one_line_serves_a_posix_shell_and_powershell(name: str) -> None:
    words = ["python", "-m", "topformer_viz", "export", name, "--blocks", "1,3"]
    line = command_line(words)
    assert in_powershell(line) == words
    if shutil.which("sh"):
        assert in_sh(line) == words


@pytest.mark.parametrize("name", UNLIKE)
def test_where_no_line_serves_both_each_has_its_own(name: str) -> None:
    words = ["python", name, "--out", "it's"]
    sh, windows = command_line(words).split("\n\n")
    assert sh.startswith("# sh\n") and windows.startswith("# PowerShell\n")
    assert in_powershell(windows.partition("\n")[2]) == words
    if shutil.which("sh"):
        assert in_sh(sh.partition("\n")[2]) == words


def test_the_apps_command_is_such_a_line() -> None:
    assert in_powershell(Order(blocks=(0, 2)).command("it’s my cat.jpg", "lesson"))[3:5] == [
        "export",
        "it’s my cat.jpg",
    ]


# Files of text


def nameless(call: ast.Call) -> bool:
    """Whether a call reads or writes text in whatever encoding the machine has."""
    options = {option.arg for option in call.keywords}
    if "encoding" in options:
        return False
    match call.func:
        case ast.Attribute(attr="read_text"):
            return not call.args
        case ast.Attribute(attr="write_text"):
            return len(call.args) < 2
        case ast.Attribute(value=ast.Name(id="subprocess")):
            return "text" in options
        case ast.Name(id="open"):
            return not any(isinstance(word, ast.Constant) and "b" in str(word.value) for word in call.args[1:2])
    return False


def test_no_text_is_read_or_written_in_an_encoding_of_the_machine() -> None:
    for source in (*(ROOT / "topformer_viz").rglob("*.py"), *ROOT.glob("*.py"), *(ROOT / "pages").glob("*.py")):
        calls = [node for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.Call)]
        assert not [f"{source.name}:{call.lineno}" for call in calls if nameless(call)]
