"""The command that writes one picture's explorer as a file."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from decoding import Payload, decode
from PIL import Image
from sending import SentRun

from topformer_viz import Trace, load_model, trace
from topformer_viz.__main__ import main
from topformer_viz.network.images import open_image
from topformer_viz.network.input import network_size
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import LANGS

CAT = Path(__file__).resolve().parents[2] / "topformer_viz" / "assets" / "samples" / "cat.jpg"


def exported(file: Path) -> dict[str, Payload]:
    """The message, the run and the runs without heads that the file holds."""
    found = re.findall(r'id="(payload|run|removals)">([^<]+)</script>', file.read_text("utf-8"))
    assert [name for name, _ in found] == ["payload", "run", "removals"]
    return {name: decode(base64.b64decode(part)) for name, part in found}


def run_of(model: str, size: int) -> Trace:
    picture = open_image(CAT.read_bytes())
    return trace(load_model(model), picture.resize(network_size(*picture.size, size), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("lang", LANGS)
def test_the_file_is_written_and_its_path_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lang: str
) -> None:
    out = tmp_path / "made" / "if need be"
    arguments = ["export", str(CAT), "--out", str(out), "--format", "html", "--lang", lang, "--model", "colour"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{out / 'cat.html'}\n"
    assert [file.name for file in out.iterdir()] == ["cat.html"]
    text = (out / "cat.html").read_text("utf-8")
    assert text.startswith(f'<!DOCTYPE html>\n<html lang="{lang}">')
    assert "cat.jpg" in text
    assert {"en": "Colour, hand-designed", "zh": "颜色（手工设计）"}[lang] in text
    parts, run = exported(out / "cat.html"), run_of("colour", 512)
    sent = SentRun((parts["run"],))
    assert parts["payload"].header["lang"] == lang
    assert sent.header["grid"] == [run.sizes["H"], run.sizes["W"]]
    assert np.allclose(sent.tensor("block0.query"), run["block0.query"][0], atol=1e-5)


def test_without_options_it_is_the_bundled_network_in_english(tmp_path: Path) -> None:
    assert main(["export", str(CAT), "--format", "html", "--out", str(tmp_path), "--size", "64"]) == 0
    parts, run = exported(tmp_path / "cat.html"), run_of("everyday", 64)
    sent, header = SentRun((parts["run"],)), parts["payload"].header
    assert (header["lang"], sent.header["blocks"], sent.header["heads"]) == ("en", 4, 4)
    for n in range(4):
        assert np.allclose(sent.tensor(f"block{n}.key"), run[f"block{n}.key"][0], atol=1e-4)
    assert len(parts["removals"].header["removals"]) == 4 * 8
    assert not header["view"]["untrained"]


def test_of_random_parameters_it_is_said_that_the_classes_are_no_evidence(tmp_path: Path) -> None:
    assert (
        main(["export", str(CAT), "--format", "html", "--out", str(tmp_path), "--size", "64", "--model", "tiny"]) == 0
    )
    header = exported(tmp_path / "cat.html")["payload"].header
    assert header["view"]["untrained"]
    assert header["book"]["explorer"]["ui"]["not_evidence"] == NOT_EVIDENCE.en


def test_a_file_of_the_same_name_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "cat.html").write_text("x" * 10_000_000)
    assert main(["export", str(CAT), "--format", "html", "--out", str(tmp_path), "--model", "colour"]) == 0
    assert exported(tmp_path / "cat.html")["payload"].header["lang"] == "en"


def test_a_name_with_markup_is_text(tmp_path: Path) -> None:
    image = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    image.write_bytes(CAT.read_bytes())
    assert main(["export", str(image), "--format", "html", "--out", str(tmp_path), "--model", "colour"]) == 0
    text = image.with_suffix(".html").read_text("utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;.jpg" in text
    assert "<img src=x" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.jpg"],
        [str(Path(__file__).parent)],
        [__file__],
        [str(CAT), "--model", "huge"],
        [str(CAT), "--model", __file__],
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["export", *arguments, "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_one_sentence_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("")
    assert main(["export", str(CAT), "--format", "html", "--out", str(tmp_path / "out"), "--model", "colour"]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_name_that_is_no_unicode_is_no_traceback(tmp_path: Path) -> None:
    image = Path(f"{tmp_path}/\udcff\udcfe.jpg")
    try:
        image.write_bytes(CAT.read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    assert main(["export", str(image), "--format", "html", "--out", str(tmp_path / "out"), "--model", "colour"]) in (
        0,
        1,
    )


@pytest.mark.parametrize(
    "options",
    [
        ["--size", "63"], ["--size", "-512"], ["--size", "0"], ["--size", "big"], ["--size", "nan"], ["--lang", "fr"],
        ["--format", "doc"], ["--out"],
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", str(CAT), "--out", str(tmp_path / "out"), *options])
    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_where_to_write_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", str(CAT)])
    assert "--out" in capsys.readouterr().err


def test_the_lesson_without_a_server_is_written_with_this_picture(tmp_path: Path) -> None:
    arguments = ["export", str(CAT), "--format", "lesson", "--model", "colour", "--lang", "zh", "--out", str(tmp_path)]
    assert main(arguments) == 0
    text = (tmp_path / "cat" / "lesson.html").read_text("utf-8")
    (told,) = re.findall(r'id="about">(.*?)</script>', text)
    about = json.loads(told)
    assert about["picture"]["name"] == "cat.jpg"
    assert (about["model"], about["langs"], about["at"]) == ("colour", ["zh"], "lesson")
    (picture,) = re.findall(r'id="picture">([^<]+)</script>', text)
    shown = open_image(base64.b64decode(picture))
    original = open_image(CAT.read_bytes())
    assert shown.tobytes() == original.resize(network_size(*original.size), Image.Resampling.LANCZOS).tobytes()
