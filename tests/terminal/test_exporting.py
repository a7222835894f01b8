"""The command ``export``: which files, on how many processes, and what is said where one cannot be made."""

import io
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from topformer_viz import load_model, trace
from topformer_viz.__main__ import main
from topformer_viz.figures.look import Look
from topformer_viz.figures.order import Order, OrderError
from topformer_viz.figures.stages import stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.run.stages import STAGES
from topformer_viz.run.tracing import npz
from topformer_viz.study.what_if import Setting, experiment
from topformer_viz.terminal.export.command import stems
from topformer_viz.terminal.export.picture import check, export_image
from topformer_viz.terminal.export.workers import apart

SAMPLES = Path(__file__).resolve().parents[2] / "topformer_viz" / "assets" / "samples"
CAT = str(SAMPLES / "cat.jpg")
SMALL = ["--size", "64"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_many_pictures_on_many_processes_give_what_one_process_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # AppTest leaves a page as the main module, which the new processes would run again.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    broken, twin = tmp_path / "broken.jpg", tmp_path / "CAT.png"
    broken.write_bytes(b"no picture")
    Image.new("RGB", (90, 70), "red").save(twin)
    command = [CAT, str(broken), str(twin), "--stages", "image,weights,weights-shape", *SMALL]
    monkeypatch.setattr("topformer_viz.terminal.export.command.cores", lambda: 2)
    assert main(["export", *command, "--out", str(tmp_path / "many")]) == 1
    out, err = capsys.readouterr()
    assert len(err.strip().splitlines()) == 1
    assert "broken.jpg: The file is damaged" in err
    monkeypatch.setattr("topformer_viz.terminal.export.command.cores", lambda: 1)
    assert main(["export", *command, "--out", str(tmp_path / "one")]) == 1
    assert capsys.readouterr() == (out.replace("/many/", "/one/"), err)
    made = files(tmp_path / "many")
    names = ("image", "block1-weights", "block1-weights-shape")
    assert sorted(made) == sorted(f"{folder}/{name}.svg" for folder in ("cat", "CAT-2") for name in names)
    assert made == files(tmp_path / "one")
    assert made["cat/image.svg"] != made["CAT-2/image.svg"]


class Deadly(str):
    """A picture's name that ends the process which is handed it, as want of memory would."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (1,)


def test_a_process_that_ends_takes_no_other_picture_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    jobs = [(Deadly("dead.jpg"), str(tmp_path / "dead")), (CAT, str(tmp_path / "cat"))]
    told: list[object] = []
    first, second = apart(jobs, Order(size=64, stages=("image",), formats=("png",)), 1, told.append)
    assert first.startswith("dead.jpg: the process") and not second
    assert list(files(tmp_path)) == ["cat/image.png"] and len(told) == 1


def test_blocks_heads_and_formats(tmp_path: Path) -> None:
    command = ["--blocks", "1,4", "--heads", "2,3", "--stages", "image,tokens,scores", "--format", "png,npz"]
    assert main(["export", CAT, "--out", str(tmp_path), *command, *SMALL, "--bare", "--dots", "2"]) == 0
    figures = ["image", "block1-tokens", "block4-tokens"]  # once each: no head of theirs
    figures += [f"block{b}-scores-head{h}" for b in (1, 4) for h in (2, 3)]
    assert sorted(files(tmp_path)) == sorted([*(f"cat/{name}.png" for name in figures), "cat/trace.npz"])
    with Image.open(tmp_path / "cat" / "image.png") as picture:
        assert picture.width == pytest.approx(7.2 * 192, abs=1)
    with np.load(tmp_path / "cat" / "trace.npz", allow_pickle=False) as numbers:
        kept = [name for name in numbers.files if "." not in name or not name.endswith(".axes")]
    assert kept == ["image", "tokens", "block0.scores", "block3.tokens", "block3.scores", "sizes", "about"]


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_one_picture_without_a_file(photo: Callable[..., Image.Image]) -> None:
    order = Order("colour", 64, stages=("weights",), formats=("svg", "npz"), lang="zh", look=Look(theme="dark"))
    made = dict(export_image(png(photo(70, 110)), "<b>.png", order))
    assert list(made) == ["/block1-weights.svg", "/trace.npz"]
    assert "&lt;b&gt;.png" in made["/block1-weights.svg"].decode()
    assert dict(export_image(png(photo(70, 110)), "<b>.png", order)) == made
    run = trace(load_model("colour"), photo(70, 110).resize((128, 64), Image.Resampling.LANCZOS))
    with np.load(io.BytesIO(made["/trace.npz"])) as numbers:
        assert np.allclose(numbers["block0.weights"], run["block0.weights"], atol=1e-6)


def test_every_stage_where_none_is_named(photo: Callable[..., Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topformer_viz.terminal.export.picture.save", lambda *_: b"")
    names = [name for name, _ in export_image(png(photo(70, 110)), "x", Order(size=64, blocks=(0, 2)))]
    walked = sum(stage.walked for stage in STAGES.values())
    assert len(names) == walked + walked - 2  # picture and pyramid belong to no block
    assert names[:3] == ["/image.svg", "/pyramid.svg", "/block1-tokens.svg"]
    assert names[-1] == "/block3-output.svg"


def test_a_run_of_too_many_tokens_for_a_matrix_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = tmp_path / "wide.png"
    Image.new("RGB", (162, 10)).save(wide)
    command = ["export", str(wide), "--out", str(tmp_path / "out"), "--model", "colour", "--stages", "weights"]
    assert main(command) == 1
    assert "no weights" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stages", "weights,nonsense"], "choose from image, pyramid, tokens"),
        (["--blocks", "5"], "this model has blocks 1,2,3,4"),
        (["--heads", "0"], "this model has heads 1,2,3,4"),
        (["--format", "svg,doc"], "choose from png, svg, pdf, gif, html, lesson, npz, zip"),
        (["--model", "colour", "--stages", "mlp"], "choose from image, tokens"),
        (["--grid", "3"], "--grid must be from 8"),
        (["--theme", "blue"], "white"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", CAT, "--out", str(tmp_path / "out"), *options])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_folders_of_equal_or_odd_names() -> None:
    assert stems(["a/x.jpg", "b/X.png", "x-2.gif", ".."]) == ["x", "X-2", "x-2-2", "picture"]
    assert all(stem.strip(".") for stem in stems(["...jpg", "..", ".", "a/..jpg"]))  # none leads out of the folder


def test_the_command_of_an_order_makes_that_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "topformer_viz.terminal.export.command.export_all",
        lambda *arguments, cluster: bool(asked.append(arguments)) or True,
    )
    for order in (
        Order(),
        Order(
            "colour",
            256,
            12,
            None,
            (0, 3),
            ("scores", "mixed-shape"),
            ("pdf", "zip"),
            "zh",
            Look("slide", "dark", True, "serif", "magma"),
            4,
            6,
            "log",
            "all",
        ),
    ):
        words = shlex.split(order.command("my cat.jpg", "out"))
        assert main(words[words.index("export") :]) == 0
        assert asked.pop() == (["my cat.jpg"], "out", order)


def test_numbers_come_back_as_they_were(tiny: Any) -> None:
    data = npz(tiny.run, about={"picture": "猫"})
    assert data == npz(tiny.run, about={"picture": "猫"})
    with np.load(io.BytesIO(data), allow_pickle=False) as numbers:
        assert [name for name in numbers.files if not name.endswith(".axes")] == [*tiny.run, "sizes", "about"]
        for name, tensor in tiny.run.items():
            assert np.array_equal(numbers[name], tensor.numpy())
            assert list(numbers[f"{name}.axes"]) == list(tiny.run.axes_of(name))
        assert f'"HW": {tiny.run.sizes["HW"]}' in str(numbers["sizes"])
        assert str(numbers["about"]) == '{"picture": "猫"}'
    with np.load(io.BytesIO(npz(tiny.run, ["block1.weights"]))) as numbers:
        assert numbers.files == ["block1.weights", "block1.weights.axes", "sizes", "about"]
    with pytest.raises(KeyError):
        npz(tiny.run, ["block9.weights"])


def test_a_run_shows_itself(tiny: Any) -> None:
    html = tiny.run._repr_html_()
    assert html.count("<tr>") == 61
    assert f"and {len(tiny.run) - 60} more" in html
    assert "heads 4 · HW 6 · HW 6" in html


def test_what_people_print_is_a_few_lines(tiny: Any) -> None:
    assert repr(tiny.run).splitlines()[0].startswith(f"<Trace: {len(tiny.run)} tensors, H 2, W 3, heads 4, HW 6; ")
    assert "image (1, 3, 128, 192), " in repr(tiny.run) and "class_scores (1, 150, 16, 24)" in repr(tiny.run)
    subject = Subject(tiny.run, tiny.model, tiny.photo, "tiny", "noise.png", untrained=True, lang="en")
    for thing in (
        tiny.run,
        subject,
        stage_panel(subject, block=0, stage="weights"),
        experiment(tiny.model, tiny.run, 0, Setting(scaled=True)),
    ):
        assert len(repr(thing)) < 1500, type(thing)
        assert len(repr(thing).splitlines()) <= 5, type(thing)


def test_of_too_many_tokens_the_run_itself_complains() -> None:
    order = Order("colour", grid=40, stages=("weights",))
    check(order)
    with pytest.raises(OrderError, match="matrices are stored of up to"):
        list(export_image(Path(CAT).read_bytes(), "cat", order))


def test_what_a_token_reads_is_drawn_of_each_head_or_of_all_in_a_row(
    photo: Callable[..., Image.Image], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = png(photo(128, 192))
    order = Order("colour", 64, stages=("reading",), formats=("svg", "npz"), token=2)
    assert [name for name, _ in export_image(data, "x", order)] == [
        "/block1-heads-token3-row-weights.svg",
        "/trace.npz",
    ]
    one = dict(export_image(data, "x", Order("colour", 64, heads=(1,), stages=("reading",), colour="log", scale="all")))
    middle = 128 // 2 + 16 // 2 + 1  # of 8 rows of 16 tokens
    assert list(one) == [f"/block1-head2-token{middle}-row-weights-log.svg"]
    with pytest.raises(OrderError, match=r"no token 129: this image has tokens 1 to 128"):
        list(export_image(data, "x", Order("colour", 64, stages=("reading",), token=128)))
    command = ["--stages", "reading,weights", "--token", "0", *SMALL]
    assert main(["export", CAT, "--out", str(tmp_path), *command]) == 1
    assert "no token 0" in capsys.readouterr().err
