"""Training: the folder it reads, the crops it cuts, the loss, the score, and a run that can be interrupted."""

import copy
import io
import json
import math
import os
import re
import stat
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import ExifTags, Image
from safetensors import safe_open
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from topformer_viz import load_model, trace
from topformer_viz.__main__ import main
from topformer_viz.network.images import open_image
from topformer_viz.network.initialise import begin
from topformer_viz.network.input import MEAN, STD
from topformer_viz.network.model import KEY_DIM, Attention, TopFormer
from topformer_viz.network.weights import EVERYDAY
from topformer_viz.run.segmentation import without
from topformer_viz.study import likeness
from topformer_viz.terminal.training import crops as cropping
from topformer_viz.terminal.training import score as scoring
from topformer_viz.terminal.training import train
from topformer_viz.terminal.training.crops import CROPS, EARLIER, HIDDEN, HIDING, PHASES, SCALES, Crops, crop_grid
from topformer_viz.terminal.training.data import IGNORE, NONE_OF, DataError, Photographs
from topformer_viz.terminal.training.score import Score, as_shown, watch
from topformer_viz.terminal.training.train import Retelling, average, averaged, loss_of

CPU = torch.device("cpu")
CLASSES = ["red", "green", "blue"]
COLOURS = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200)], np.uint8)  # of the classes
TRAIN, VAL = ["a", "b", "c", "d"], ["y", "z"]


def add(folder: Path, stem: str, pixels: np.ndarray, labels: np.ndarray) -> None:
    Image.fromarray(pixels).save(folder / "images" / f"{stem}.png")
    Image.fromarray(labels).save(folder / "labels" / f"{stem}.png")


def split(folder: Path, **changed: object) -> None:
    splits = {"classes": CLASSES, "train": TRAIN, "val": VAL, **changed}
    (folder / "splits.json").write_text(json.dumps(splits))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures of 96 x 128 pixels, or 128 x 96: blots in the colours of three classes, black where there is none."""
    folder = tmp_path / "data"
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for seed, stem in enumerate(TRAIN + VAL):
        coarse = np.random.default_rng(seed).integers(0, 4, (3, 4) if seed % 2 else (4, 3))
        labels = np.where(coarse < 3, coarse, IGNORE).repeat(32, 0).repeat(32, 1).astype(np.uint8)
        add(folder, stem, np.where((labels < 3)[..., None], COLOURS[labels % 3], 0).astype(np.uint8), labels)
    split(folder)
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small crops, small batches and small pictures on val; a state is saved every two steps."""
    monkeypatch.setattr(cropping, "CROPS", (((1, 1),), ((1, 2), (2, 1)), ((2, 2),)))
    monkeypatch.setattr(cropping, "BATCH_TOKENS", 4)
    monkeypatch.setattr(scoring, "SHORT_SIDE", 64)
    monkeypatch.setattr(train, "SAVE_EVERY", 2)
    monkeypatch.setattr(train, "SCORE_EVERY", 2)
    monkeypatch.setattr(train, "STATISTICS", 1)
    monkeypatch.setattr(train, "WHOLE", (2, 2))
    monkeypatch.setattr(train, "best_device", lambda: CPU)


# The folder


def test_a_folder_is_read(folder: Path) -> None:
    data = Photographs(folder)
    assert (data.classes, data.train, data.val) == (CLASSES, TRAIN, VAL)
    picture, labels = data.picture("b"), data.labels("b")
    assert (picture.mode, picture.size, labels.dtype) == ("RGB", (128, 96), torch.uint8)
    assert np.array_equal(labels, np.array(Image.open(folder / "labels" / "b.png")))
    assert np.array_equal(np.array(picture)[labels == 2][0], COLOURS[2])
    assert Photographs(str(folder)).labels("b").equal(labels)


@pytest.mark.parametrize("suffix", ["webp", "png", "jpg"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pictures_come_in_three_formats(folder: Path, suffix: str, mode: str) -> None:
    (folder / "images" / "a.png").unlink()
    Image.new(mode, (96, 128)).save(folder / "images" / f"a.{suffix}")
    picture = Photographs(folder).picture("a")
    assert (picture.mode, picture.size) == ("RGB", (96, 128))


def test_labels_may_have_a_palette(folder: Path) -> None:
    """Which colours they are drawn in plays no part."""
    before = Photographs(folder).labels("a")
    grey = Image.open(folder / "labels" / "a.png")
    grey.putpalette([255, 0, 0] * 256)
    grey.save(folder / "labels" / "a.png")
    assert Image.open(folder / "labels" / "a.png").mode == "P"
    assert Photographs(folder).labels("a").equal(before)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "{}",
        '{"classes": ["a", "b"], "train": ["a"]}',
        '{"classes": null, "train": ["a"], "val": ["b"]}',
        '{"classes": ["a"], "train": ["a"], "val": ["b"]}',
        '{"classes": ["a", "b"], "train": [], "val": ["b"]}',
        '{"classes": ["a", "b"], "train": ["a"], "val": []}',
        json.dumps({"classes": [str(i) for i in range(IGNORE)], "train": ["a"], "val": ["b"]}),
    ],
    ids=["none", "empty", "a list", "nothing", "no val", "null", "one class", "no train", "empty val", "255 classes"],
)
def test_a_broken_split_is_told(folder: Path, text: str | None) -> None:
    (folder / "splits.json").unlink()
    if text is not None:
        (folder / "splits.json").write_text(text)
    with pytest.raises(
        DataError, match=r"splits\.json (must list classes|needs (classes, train and val|images in train))"
    ) as caught:
        Photographs(folder)
    assert "Error" not in str(caught.value)  # a sentence, not what Python said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"classes": ["a", "b"],\n "train": ["a"] "val": ["b"]}', "in line 2, column 17 it is not JSON: Expecting"),
        ('{"classes": ["é", "b"], "train": ["a"], "val": ["b"]}'.encode("latin-1"), "it is not in UTF-8"),
        (b'{"classes": ["a", "b"]}', "it lacks train and val"),
        (b"[1]", "it is not an object in braces"),
        (b"[" * 100_000, "it is not JSON of any use"),
        (b"9" * 10_000, "it is not JSON of any use"),
        (b'{"classes": ["a", "b", "a"], "train": ["a"], "val": ["b"]}', "names the class a twice"),
        (b'{"classes": ["a", ""], "train": ["a"], "val": ["b"]}', "lists of names"),
    ],
    ids=["a comma", "latin", "lacks", "list", "deep", "long", "twice", "empty name"],
)
def test_what_is_wrong_with_a_split_is_said(folder: Path, content: bytes, why: str) -> None:
    (folder / "splits.json").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(why)):
        Photographs(folder)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_split_is_read_however_windows_wrote_it(folder: Path, encoding: str) -> None:
    """Notepad and PowerShell put a byte-order mark before the text, or write two bytes a letter."""
    splits = {"classes": ["红", "绿", "蓝"], "train": TRAIN, "val": VAL}
    (folder / "splits.json").write_text(json.dumps(splits, ensure_ascii=False), encoding)
    assert Photographs(folder).classes == ["红", "绿", "蓝"]


def test_missing_files_are_told(folder: Path) -> None:
    data = Photographs(folder)
    with pytest.raises(DataError, match=r"there is no images/nothing\.webp, \.png or \.jpg in .*data"):
        data.picture("nothing")
    with pytest.raises(DataError, match=r"there is no labels/nothing\.png in .*data"):
        data.labels("nothing")


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def odd_pictures() -> dict[str, tuple[Image.Image, dict[str, object]]]:
    """Pictures of 96 x 128 pixels that a viewer shows otherwise than their bare numbers."""
    y, x = np.mgrid[:128, :96]
    photo = Image.fromarray(np.stack([2 * x, y, x + y], -1).astype(np.uint8))
    alpha = photo.copy()
    alpha.putalpha(Image.fromarray((2 * y).astype(np.uint8)))
    return {
        "upside down": (photo, {"exif": turned(3)}),
        "on its side": (photo, {"exif": turned(6)}),
        "16 bits": (Image.fromarray((x * y * 5).astype(np.uint16)), {}),
        "see-through": (alpha, {}),
    }


@pytest.mark.parametrize("kind", ["upside down", "on its side", "16 bits", "see-through"])
def test_a_picture_is_read_as_the_app_reads_it(folder: Path, kind: str) -> None:
    picture, options = odd_pictures()[kind]
    path = folder / "images" / "a.png"
    picture.save(path, **options)
    found = Photographs(folder).picture("a")
    assert np.array_equal(np.array(found), np.array(open_image(path.read_bytes())))
    assert not np.array_equal(np.array(found), np.array(Image.open(path).convert("RGB")))


def test_labels_lie_as_viewers_show_the_picture(folder: Path, tmp_path: Path, quick: None) -> None:
    """A camera on its side: the same photograph and its labels, once with the pixels turned and once with a note."""
    picture = Image.open(folder / "images" / "a.png")
    picture.transpose(Image.Transpose.ROTATE_90).save(folder / "images" / "a.png", exif=turned(6))
    found, labels = Photographs(folder).example("a")
    assert np.array_equal(np.array(found), np.array(picture))
    assert np.array_equal(np.array(found)[labels == 2][0], COLOURS[2])
    drawn = Image.open(folder / "labels" / "a.png")
    drawn.transpose(Image.Transpose.ROTATE_90).save(folder / "labels" / "a.png")
    with pytest.raises(
        DataError, match=r"a and its labels differ in size: 96 × 128 and 128 × 96 pixels; .* EXIF orientation"
    ):
        train.train(Photographs(folder), tmp_path / "own", steps=1, seed=0)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_labels_with_a_note_of_their_own_are_turned_and_stay_numbers(folder: Path, mode: str) -> None:
    before = Photographs(folder).labels("a")
    drawn = Image.open(folder / "labels" / "a.png")
    if mode == "P":
        drawn.putpalette([255, 0, 0] * 256)
    drawn.transpose(Image.Transpose.ROTATE_180).save(folder / "labels" / "a.png", exif=turned(3))
    assert Photographs(folder).labels("a").equal(before)


def test_endings_in_capitals_are_endings(folder: Path) -> None:
    for name in ("images/a", "labels/a"):
        (folder / f"{name}.png").rename(folder / f"{name}.PNG")
    picture, labels = Photographs(folder).example("a")
    assert picture.size == (labels.shape[1], labels.shape[0])


@pytest.mark.parametrize("part", ["images", "labels"])
@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "other", "cut"])
def test_a_damaged_file_is_told_by_its_name(folder: Path, part: str, content: bytes | None) -> None:
    path = folder / part / "a.png"
    path.write_bytes(path.read_bytes()[:90] if content is None else content)
    with pytest.raises(DataError, match=rf"^{part}/a\.png"):
        Photographs(folder).example("a")


def test_labels_that_lost_numbers_to_compression_are_refused(folder: Path) -> None:
    Image.open(folder / "labels" / "a.png").save(folder / "labels" / "a.png", "JPEG")
    with pytest.raises(DataError, match=r"labels/a\.png is damaged, or no PNG file"):
        Photographs(folder).labels("a")


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("RGB", "is in colour, 8 bits per channel"),
        ("RGBA", "is in colour with transparency, 8 bits per channel"),
        ("LA", "is grey with transparency, 8 bits per channel"),
        ("1", "is grey, 1 bit per channel"),
        ("I;16", "is grey, 16 bits per channel"),
    ],
)
def test_labels_of_another_kind_are_refused(folder: Path, mode: str, said: str) -> None:
    wrong = Image.new(mode, (9, 9))
    wrong.save(folder / "labels" / "a.png")
    with pytest.raises(DataError, match=rf"labels/a\.png must be a grey image of 8 bits per pixel.* {said}"):
        Photographs(folder).labels("a")


def png_of_few_bits(values: np.ndarray, bits: int, kind: int) -> bytes:
    """A grey picture (kind 0), or one with a palette (3), of 1, 2 or 4 bits per pixel, as optimisers write them."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    H, W = values.shape
    rows = (values[..., None] >> np.arange(bits - 1, -1, -1) & 1).reshape(H, W * bits).astype(np.uint8)
    packed = b"".join(b"\0" + np.packbits(row).tobytes() for row in rows)
    palette = chunk(b"PLTE", bytes(range(3 * 2**bits))) if kind == 3 else b""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + palette + chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [2, 4])
def test_labels_of_few_bits_are_numbers_with_a_palette_only(folder: Path, bits: int) -> None:
    """Grey of few bits stands for 0 to 255: a 3 of 2 bits would be read as 255, no class."""
    values = np.arange(12).reshape(3, 4) % 3
    (folder / "labels" / "a.png").write_bytes(png_of_few_bits(values, bits, 3))
    assert np.array_equal(Photographs(folder).labels("a"), values)
    (folder / "labels" / "a.png").write_bytes(png_of_few_bits(values, bits, 0))
    with pytest.raises(DataError, match=f"is grey, {bits} bits per channel"):
        Photographs(folder).labels("a")


def test_labels_tell_where_things_are_not(partly: Photographs) -> None:
    assert [partly.partly(stem) for stem in ("y", "some_y", "much_y")] == [False, True, True]
    assert [partly.absent(stem) for stem in ("y", "some_y", "much_y")] == [[], [], [2]]
    plain, told = partly.labels("some_y"), partly.labels("much_y")
    assert torch.equal(plain, partly.labels("y"))
    assert (plain == IGNORE).any() and not (told == IGNORE).any()
    assert torch.equal(told, plain.where(plain != IGNORE, NONE_OF))
    batch = Crops(partly, CPU).batch((2, 2), 0)
    assert batch.absent.shape == (len(batch.pictures), 3)
    none = (batch.labels == NONE_OF).flatten(1).any(1)
    assert none.any() and batch.absent[none].tolist() == [[False, False, True]] * int(none.sum())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"partly_labelled": "y"}, "needs partly_labelled to be a list of names"),
        ({"negative": []}, "needs negative to be"),
        ({"negative": {"folder": "negative"}}, "needs negative to be"),
        ({"negative": {"folder": "negative", "absent": {"y": "blue"}}}, "needs negative to be"),
        ({"negative": {"folder": "negative", "absent": {"y": ["blue"]}}}, "does not list it in partly_labelled"),
        (
            {"partly_labelled": ["y"], "negative": {"folder": "negative", "absent": {"y": ["pink"]}}},
            "calls pink absent in y, but has no class of that name",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_with_partly_labelled_kinds_is_said(folder: Path, changed: dict[str, object], why: str) -> None:
    split(folder, **changed)
    with pytest.raises(DataError, match=re.escape(why)):
        Photographs(folder)


@pytest.mark.parametrize(("label", "fits"), [(2, True), (IGNORE, True), (3, False), (254, False)])
def test_labels_out_of_range_are_refused(folder: Path, label: int, fits: bool) -> None:
    Image.new("L", (96, 128), label).save(folder / "labels" / "a.png")
    data = Photographs(folder)
    if fits:
        assert (data.labels("a") == label).all()
        return
    with pytest.raises(DataError, match=rf"labels/a\.png has a class {label}, but splits\.json names 3"):
        data.labels("a")


def test_a_picture_and_labels_of_different_size_are_refused(folder: Path) -> None:
    Image.new("L", (96, 127)).save(folder / "labels" / "a.png")
    with pytest.raises(DataError, match="a and its labels differ in size"):
        Crops(Photographs(folder), CPU)


# Crops


def test_a_batch_is_normalised_crops_and_their_labels_at_a_quarter_of_the_size(folder: Path) -> None:
    crops = Crops(Photographs(folder), CPU)
    for cells, count in (((11, 10), 4), ((7, 9), 6), ((20, 20), 2)):
        batch = crops.batch(cells, 0)
        pictures, labels = batch.pictures, batch.labels
        rows, columns = cells[0] * 64, cells[1] * 64
        assert (pictures.shape, pictures.dtype) == ((count, 3, rows, columns), torch.float32)
        assert (labels.shape, labels.dtype) == ((count, rows // 4, columns // 4), torch.int64)
        assert batch.absent.tolist() == [[False] * 3] * count
        assert batch.taught is None
    colours = pictures * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
    assert colours.min() >= -1e-6 and colours.max() <= 1 + 1e-6
    assert colours.max() - colours.min() > 0.5


def test_a_seed_draws_the_same_batch_again(folder: Path, quick: None) -> None:
    one, other = (Crops(Photographs(folder), CPU) for _ in range(2))
    torch.manual_seed(1)
    first = one.batch((1, 2), 7)
    torch.manual_seed(2)
    one.batch((2, 2), 8)
    for found in (one.batch((1, 2), 7), other.batch((1, 2), 7)):
        assert all(torch.equal(getattr(found, part), getattr(first, part)) for part in ("pictures", "labels", "absent"))
    assert not torch.equal(one.batch((1, 2), 8).pictures, first.pictures)


def test_every_label_is_a_class_or_none(folder: Path, quick: None) -> None:
    crops = Crops(Photographs(folder), CPU)
    found = torch.cat([crops.batch((2, 2), seed).labels.flatten() for seed in range(20)])
    assert found.unique().tolist() == [0, 1, 2, IGNORE]


@pytest.fixture
def places(folder: Path) -> Photographs:
    """One picture whose red tells a pixel's column and whose green tells its row; its labels are a checkerboard."""
    y, x = np.mgrid[:96, :128]
    add(
        folder,
        "place",
        np.stack([2 * x, 2 * y, 0 * x], -1).astype(np.uint8),
        ((x // 24 + y // 24) % 3).astype(np.uint8),
    )
    split(folder, train=["place"])
    return Photographs(folder)


def test_labels_stay_with_the_pixels_they_belong_to(places: Photographs, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a crop is turned, flipped and scaled; and what lies outside the picture belongs to no class."""
    monkeypatch.setattr(Crops, "_recolour", staticmethod(lambda crop, uniform: crop))
    crops, labels = Crops(places, CPU), places.labels("place").numpy()
    flipped, turns, scales, outside = [], [], [], 0
    for seed in range(40):
        cells = ((1, 1), (2, 1), (1, 2), (2, 2))[seed % 4]
        crop, target, _ = crops._crop(cells, torch.Generator().manual_seed(seed))
        # Where each label lies in the picture, in pixels (x, y) whose corner is 0: told by the colours in the middle,
        # and the same straight on from there.
        place = F.avg_pool2d(crop[None], 4)[0, :2].double().numpy() * 255 / 2 + 0.5
        v, u = np.mgrid[: target.shape[0], : target.shape[1]]
        middle = (np.abs(v - target.shape[0] / 2) < 4) & (np.abs(u - target.shape[1] / 2) < 4)
        known = np.stack([u[middle], v[middle], np.ones(middle.sum())], 1)
        map_, residue, *_ = np.linalg.lstsq(known, place[:, middle].T)
        assert residue.max() < 1e-3
        x, y = (np.stack([u, v, np.ones_like(u)], -1) @ map_).transpose(2, 0, 1)
        inside = (x >= 0) & (x < 128) & (y >= 0) & (y < 96)
        expected = np.full(target.shape, IGNORE)
        expected[inside] = labels[y[inside].astype(int), x[inside].astype(int)]
        sure = (np.abs(x - x.round()) > 0.05) & (np.abs(y - y.round()) > 0.05)
        assert sure.mean() > 0.5
        assert np.array_equal(target.numpy()[sure], expected[sure])
        outside += int((~inside).sum())
        along, down = map_[0], map_[1]
        flipped.append(along[0] < 0)
        turns.append(math.degrees(math.atan2(-down[0], down[1])))
        scales.append(4 / float(np.hypot(*along)))
        assert float(np.hypot(*along)) == pytest.approx(float(np.hypot(*down)), rel=1e-3)
        assert abs(float(along @ down)) < 1e-3
    assert outside
    assert 10 < sum(flipped) < 30
    assert max(turns) > 3 and min(turns) < -3 and max(map(abs, turns)) <= 6.01
    # A large crop of a small picture is scaled up until the picture nearly fills it.
    assert SCALES[0] - 0.01 < min(scales) < 1.3 and 1.6 < max(scales) < SCALES[1] + 0.01


def test_a_crop_stays_within_the_picture_where_it_fits_into_it(
    places: Photographs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the corners that the turn swings out."""
    monkeypatch.setattr(cropping, "SCALES", (1.5, 1.5))
    crops = Crops(places, CPU)
    for seed in range(20):
        _, labels, _ = crops._crop((1, 1), torch.Generator().manual_seed(seed))
        assert (labels[2:-2, 2:-2] != IGNORE).all()


def test_colours_change_within_their_range_and_sometimes_go() -> None:
    crop = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    for end in (0.0, 0.3, 1.0):
        found = Crops._recolour(crop, lambda low, high, end=end: low + end * (high - low))
        assert found.shape == crop.shape
        assert found.min() >= 0 and found.max() <= 1
        assert not torch.allclose(found, crop, atol=0.05)
        grey = torch.allclose(found[0], found[1]) and torch.allclose(found[0], found[2])
        assert grey == (end == 0)


def test_rare_classes_are_looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the crops are centred on a class, and the rarer a class is, the likelier it is the one."""
    labels = np.zeros((96, 128), np.uint8)
    add(folder, "plain", np.zeros((96, 128, 3), np.uint8), labels)
    labels[40:44, 100:106] = 1
    labels[:10] = IGNORE
    add(folder, "speck", np.zeros((96, 128, 3), np.uint8), labels)
    split(folder, train=["plain", "speck"])
    crops = Crops(Photographs(folder), CPU)
    share = torch.tensor([1 - 24 / (86 * 128 + 96 * 128), 24 / (86 * 128 + 96 * 128)], dtype=torch.float64)
    (pool,) = crops.pools
    rarity = [float(share[0].rsqrt()), cropping.RAREST**-0.5, 0.0]  # of a speck no more than of what is rare
    assert float(share[1]) < cropping.RAREST
    assert pool.rarity.tolist() == pytest.approx(rarity)
    assert [holding.tolist() for holding in pool.holding] == [[0, 1], [1], []]

    def hits() -> int:
        found = [crops._crop((1, 1), torch.Generator().manual_seed(seed))[1] for seed in range(60)]
        return sum(bool((labels == 1).any()) for labels in found)

    monkeypatch.setattr(cropping, "SCALES", (2.0, 2.0))
    monkeypatch.setattr(cropping, "BALANCED", 1.0)
    always = hits()
    monkeypatch.setattr(cropping, "BALANCED", 0.0)
    assert always > 50 > 20 > hits()


def test_of_a_class_small_kinds_of_images_are_seen_too(folder: Path) -> None:
    """Four images of one kind, one of another: that is drawn a third of the time."""
    stems = ["many_a", "many_b", "many_c", "many_d", "few_a"]
    for stem in stems:
        add(folder, stem, np.zeros((96, 128, 3), np.uint8), np.full((96, 128), 1, np.uint8))
    split(folder, train=[*stems, "a"])
    crops = Crops(Photographs(folder), CPU)
    (pool,) = crops.pools
    chances = dict(zip(pool.holding[1].tolist(), pool.chances[1].tolist(), strict=True))
    assert chances[4] == pytest.approx(sum(chances[n] for n in range(4)) / 2)
    assert len(chances) >= 5


def test_what_is_partly_labelled_is_drawn_from_as_often(partly: Photographs) -> None:
    """However few such images there are: here one of five."""
    wholly, some = Crops(partly, CPU).pools
    assert {int(n) for holding in wholly.holding for n in holding} == {0, 1, 2, 3}
    assert {int(n) for holding in some.holding for n in holding} == {4}
    random = torch.Generator().manual_seed(0)
    assert {some.draw(random)[1] for _ in range(20)} == {4}
    assert {some.draw(random)[0] for _ in range(60)} == {0, 1, 2}


def test_some_tokens_of_some_crops_are_hidden(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their squares take their mean colour, and their labels stay."""
    crops = Crops(Photographs(folder), CPU)
    monkeypatch.setattr(cropping, "BATCH_TOKENS", 16 * 40)
    plain, hidden = (crops.batch((4, 4), 0, hide=hide) for hide in (False, True))
    assert torch.equal(plain.labels, hidden.labels)
    changed = F.max_pool2d((plain.pictures != hidden.pictures).any(1, keepdim=True).float(), 64)  # (n, 1, 4, 4)
    means = F.interpolate(F.avg_pool2d(plain.pictures, 64), scale_factor=64.0)
    whole = F.interpolate(changed, scale_factor=64.0) > 0
    assert torch.equal(hidden.pictures, torch.where(whole, means, plain.pictures))
    some = changed.flatten(1).any(1)
    assert float(some.float().mean()) == pytest.approx(HIDING, abs=0.2)
    assert float(changed[some].mean()) == pytest.approx(HIDDEN, abs=0.06)


def test_what_a_teacher_computes_is_cut_out_with_the_crop(
    places: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A teacher that tells where in the image it is: at each token's middle, what the crop's colours tell there."""
    monkeypatch.setattr(Crops, "_recolour", staticmethod(lambda crop, uniform: crop))
    y, x = np.mgrid[1:96:2, 1:128:2]
    np.save(tmp_path / "place.npy", np.stack([x, y]).astype(np.float16))
    crops = Crops(places, CPU, tmp_path)
    compared = 0
    for seed in range(10):
        crop, labels, _, taught = crops._crop((1, 2), torch.Generator().manual_seed(seed))
        place = F.avg_pool2d(crop[None, :2, 31:33, 31:97], 2)[0, :, 0, ::32] * 255 / 2 + 0.5  # (x and y, 2 tokens)
        inside = labels[8, 8::16] != IGNORE
        assert taught.shape == (2, 1, 2)
        assert torch.allclose(taught[:, 0, inside], place[:, inside], atol=1.1)
        compared += int(inside.sum())
    assert compared > 10
    batch = crops.batch((4, 4), 0)
    assert batch.taught is not None
    assert batch.taught.shape == (len(batch.pictures), 2, 4, 4)


def test_a_teacher_that_says_nothing_of_an_image_is_told(places: Photographs, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"place\.npy is missing or damaged"):
        Crops(places, CPU, tmp_path)
    np.save(tmp_path / "place.npy", np.zeros((2, 3)))
    with pytest.raises(DataError, match=r"place\.npy must hold float16 \(channels, y, x\)"):
        Crops(places, CPU, tmp_path)


def test_a_teacher_of_two_minds_is_told(folder: Path, tmp_path: Path) -> None:
    for n, stem in enumerate(TRAIN):
        np.save(tmp_path / f"{stem}.npy", np.zeros((2 + n % 2, 3, 4), np.float16))
    with pytest.raises(DataError, match="differ in their channels: 2, 3"):
        Crops(Photographs(folder), CPU, tmp_path)


def test_nothing_of_val_is_read_for_crops(folder: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    read = []
    for name in ("picture", "labels"):
        plain = getattr(Photographs, name)
        monkeypatch.setattr(Photographs, name, lambda self, stem, plain=plain: read.append(stem) or plain(self, stem))
    data = Photographs(folder)
    crops = Crops(data, CPU)
    crops.batch((1, 1), 0)
    assert sorted(read) == sorted(TRAIN * 2)
    assert len(crops.pictures) == len(crops.labels) == len(TRAIN)


@pytest.mark.parametrize(("step", "phase"), [(0, 0), (249, 0), (250, 1), (549, 1), (550, 2), (999, 2)])
def test_crops_grow_and_earlier_sizes_come_back_now_and_then(step: int, phase: int) -> None:
    assert PHASES == (0.25, 0.55)
    drawn = [crop_grid(step, 1000, seed) for seed in range(400)]
    assert drawn == [crop_grid(step, 1000, seed) for seed in range(400)]
    earlier = [size for sizes in CROPS[:phase] for size in sizes]
    assert set(drawn) == set(CROPS[phase]) | set(earlier)
    share = sum(size in earlier for size in drawn) / len(drawn)
    assert share == (pytest.approx(EARLIER, abs=0.07) if phase else 0)


def test_the_last_crops_are_the_grids_that_are_shown() -> None:
    cells = [[h * w for h, w in sizes] for sizes in CROPS]
    assert max(cells[0]) < min(cells[1]) and max(cells[1]) < min(cells[2])
    assert set(CROPS[2]) == {(8, 8), (8, 11), (8, 12), (11, 8)}


# The start


def test_it_begins_as_built_but_for_the_gains_of_query_and_key() -> None:
    model = begin(3, seed=5)
    torch.manual_seed(5)
    built = TopFormer("tiny", 3).state_dict()
    gains = {f"{name}.{to}.bn.weight" for name, m in model.named_modules() if isinstance(m, Attention) for to in QK}
    assert len(gains) == 8
    for name, tensor in model.state_dict().items():
        if name in gains:
            assert torch.equal(tensor, torch.full_like(tensor, KEY_DIM**-0.25))
        else:
            assert torch.equal(tensor, built[name]), name
    assert KEY_DIM**-0.25 == 0.5
    blocks = model.backbone.trans.transformer_blocks
    assert all(not block.attn.proj[1].bn.weight.any() for block in blocks)


QK = ("to_q", "to_k")


def test_the_first_weights_are_drawn_by_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = begin(3, seed=5).state_dict()
    torch.manual_seed(2)
    again, other = begin(3, seed=5).state_dict(), begin(3, seed=6).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in first.items())
    assert not any(torch.equal(other[name], tensor) for name, tensor in first.items() if tensor.ndim == 4)


# The loss

NOTHING = torch.zeros(2, 3, dtype=torch.bool)  # nothing is said of what is absent


def certain(labels: Tensor, classes: int, by: float = 30.0) -> Tensor:
    return by * F.one_hot(labels.clamp(max=classes - 1), classes).permute(0, 3, 1, 2).float()


@pytest.fixture
def labels() -> Tensor:
    labels = torch.randint(0, 3, (2, 6, 8), generator=torch.Generator().manual_seed(0))
    labels[0, :2] = IGNORE
    return labels


def test_what_is_right_and_sure_costs_nothing(labels: Tensor) -> None:
    right, unsure, wrong = certain(labels, 3), torch.zeros(2, 3, 6, 8), certain((labels + 1) % 3, 3)
    assert float(loss_of(right, labels, NOTHING)) < 1e-5
    assert (
        1e-5
        < loss_of(certain(labels, 3, by=3), labels, NOTHING)
        < loss_of(unsure, labels, NOTHING)
        < loss_of(wrong, labels, NOTHING)
    )


def test_what_is_unlabelled_has_no_say(labels: Tensor) -> None:
    scores = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(1))
    other = scores.clone()
    other[0, :, :2] = torch.randn(3, 2, 8, generator=torch.Generator().manual_seed(2)) * 9
    assert torch.equal(loss_of(scores, labels, NOTHING), loss_of(other, labels, NOTHING))
    scores.requires_grad_()
    loss_of(scores, labels, NOTHING).backward()
    assert not scores.grad[0, :, :2].any()
    assert scores.grad[0, :, 2:].any(1).all() and scores.grad[1].any(0).all()


def test_the_loss_by_hand() -> None:
    """Where two classes score alike, cross-entropy is log 2; the overlap is half for the one class that is there."""
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    assert float(loss_of(torch.zeros(1, 2, 4, 4), labels, NOTHING[:1, :2])) == pytest.approx(math.log(2) + 1 - 8 / 16)


def test_a_rare_class_weighs_as_much_as_a_frequent_one() -> None:
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    scores = certain(labels, 2)
    labels[0, 0, 0] = 1  # one of 16 pixels, taken for the other class
    assert float(loss_of(scores, labels, NOTHING[:1, :2])) == pytest.approx(30 / 16 + 1 - (15 / 16 + 0) / 2, rel=1e-4)


def test_scores_are_brought_to_the_labels_size(labels: Tensor) -> None:
    small = torch.randn(2, 3, 3, 4, generator=torch.Generator().manual_seed(1))
    large = F.interpolate(small, size=(6, 8), mode="bilinear", align_corners=False)
    assert float(loss_of(small, labels, NOTHING)) == pytest.approx(float(loss_of(large, labels, NOTHING)), rel=1e-6)


def test_what_is_surely_none_of_some_classes_asks_for_their_absence() -> None:
    """By hand: four classes score alike, two of them are absent; half of the image pixels carry the first."""
    labels = torch.full((1, 4, 4), NONE_OF)
    labels[:, :2] = 0
    absent = torch.tensor([[False, False, True, True]])
    found = loss_of(torch.zeros(1, 4, 4, 4), labels, absent)
    overlap = (8 / 4) / (8 / 4 + 8 - 8 / 4)  # of the first class; what is none of the others may still be it
    assert float(found) == pytest.approx((math.log(4) + math.log(2)) / 2 + 1 - overlap)
    scores = torch.zeros(1, 4, 4, 4, requires_grad=True)
    loss_of(scores, labels, absent).backward()
    down, up = scores.grad[0, 2:, 2:], scores.grad[0, :2, 2:]
    assert (down > 0).all() and (up < 0).all()
    assert torch.allclose(up[0], up[1])  # which of the others it is, is left open


def test_what_strays_to_an_absent_class_widens_its_union() -> None:
    labels = torch.full((1, 4, 4), NONE_OF)
    labels[:, 0] = 2
    absent = torch.tensor([[False, False, True]])
    everywhere, where = torch.full((1, 4, 4), 2), labels.where(labels == 2, 0)
    strayed, right = (loss_of(certain(said, 3, by=9), labels, absent) for said in (everywhere, where))
    log = 12 * -math.log(2 / (math.exp(9) + 2)) / 16
    assert float(strayed) == pytest.approx(log + 1 - 4 / 16, rel=2e-3)
    assert float(right) < 0.01


def test_images_of_which_nothing_is_there_are_learned_from_too() -> None:
    labels, absent = torch.full((1, 4, 4), NONE_OF), torch.tensor([[False, True]])
    assert float(loss_of(torch.zeros(1, 2, 4, 4), labels, absent)) == pytest.approx(math.log(2) + 1)


# The score


def test_the_score_by_hand() -> None:
    """The third class is neither labelled nor said, and has no part in the mean."""
    found = Score(torch.tensor([[3, 1, 0], [2, 4, 0], [0, 0, 0]]), torch.zeros(3))
    assert found.iou[:2] == pytest.approx([3 / 6, 4 / 7])
    assert math.isnan(found.iou[2])
    assert found.mean_iou == pytest.approx((3 / 6 + 4 / 7) / 2)
    assert found.accuracy == pytest.approx(7 / 10)


def test_a_class_that_is_never_found_has_0() -> None:
    assert Score(torch.tensor([[4, 0], [1, 0]]), torch.zeros(2)).iou == pytest.approx([4 / 5, 0])


def test_pixels_are_counted_by_label_and_by_what_is_said() -> None:
    labels = torch.tensor([[0, 0, 0, 1, 1, IGNORE, 2, IGNORE]], dtype=torch.uint8)
    said = torch.tensor([[0, 0, 1, 1, 2, 2, 0, 0]])
    found = Score.of(F.one_hot(said, 4).permute(2, 0, 1)[None].float(), labels)
    assert found.astray.tolist() == [0] * 4
    assert found.confusion.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_scores_are_brought_to_the_full_size_before_they_are_compared() -> None:
    labels = torch.zeros(3, 16, dtype=torch.uint8)
    labels[:, 8:] = 1
    halves = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # (1, 2 classes, 1, 2)
    assert Score.of(halves, labels).confusion.tolist() == [[24, 0], [0, 24]]


def test_what_strays_counts_against_an_absent_class_alone() -> None:
    labels = torch.tensor([[0, 1, NONE_OF, NONE_OF, NONE_OF, IGNORE]], dtype=torch.uint8)
    said = F.one_hot(torch.tensor([[0, 1, 0, 1, 1, 1]]), 2).permute(2, 0, 1)[None].float()
    found = Score.of(said, labels, absent=[1])
    assert found.astray.tolist() == [0, 2]
    assert found.iou == pytest.approx([1, 1 / 3])
    assert (found + found).iou == pytest.approx(found.iou)
    assert (found + Score.of(said, labels)).iou == pytest.approx([1, 2 / 4])


@pytest.fixture
def partly(folder: Path) -> Photographs:
    """Images of a kind of which some things are outlined, and of another whose labels also tell where there is no blue."""
    (folder / "negative").mkdir()
    for stem in ("some_y", "much_y", "much_b"):
        for part in ("images", "labels"):
            (folder / part / f"{stem}.png").write_bytes((folder / part / f"{stem[-1]}.png").read_bytes())
        known = Image.open(folder / "labels" / f"{stem}.png").point([NONE_OF if n == IGNORE else n for n in range(256)])
        known.save(folder / "negative" / f"{stem}.png")
    told = {"folder": "negative", "absent": {"much": ["blue"]}}
    split(
        folder, train=[*TRAIN, "much_b"], val=["y", "some_y", "much_y"], partly_labelled=["some", "much"], negative=told
    )
    return Photographs(folder)


def test_val_is_scored_whole_and_as_shown(
    partly: Photographs, quick: None, varied: Callable[..., TopFormer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the two kinds of labels apart."""
    monkeypatch.setattr(scoring, "SHORT_SIDE", 128)
    data, model = partly, copy.deepcopy(varied("tiny", 3))
    scores = trace(model, as_shown(data.picture("y")))["class_scores"]
    model.decode_head.conv_seg.bias.sub_(scores.mean((0, 2, 3)))  # so that more than one class is said
    runs = {stem: trace(model, as_shown(data.picture(stem))) for stem in data.val}
    expected = {stem: Score.of(run["class_scores"], data.labels(stem), data.absent(stem)) for stem, run in runs.items()}
    assert runs["y"].sizes["W"] in (2, 3)
    found = watch(model, data, CPU, data.val)
    assert found.wholly is not None and found.partly is not None and found.silenced is not None
    assert torch.equal(found.wholly.confusion, expected["y"].confusion)
    assert (found.wholly.confusion.sum(0) > 0).sum() > 1
    assert int(found.wholly.confusion.sum()) == int((data.labels("y") != IGNORE).sum())
    assert torch.equal(found.partly.confusion, (expected["some_y"] + expected["much_y"]).confusion)
    assert int(found.partly.astray[2]) == int(expected["much_y"].astray[2])
    silent = without(model, runs["y"], [f"block{n}.projected" for n in range(4)])
    assert torch.equal(found.silenced.confusion, Score.of(silent, data.labels("y")).confusion)
    rows = [
        torch.stack([torch.special.entr(run[f"block{n}.weights"]).sum(-1).exp().mean() for run in runs.values()])
        for n in range(4)
    ]
    assert found.effective == pytest.approx([float(x.mean()) for x in rows], rel=1e-4)


def test_a_kind_without_images_in_val_has_no_score(folder: Path, quick: None, varied: Callable[..., TopFormer]) -> None:
    found = watch(varied("tiny", 3), Photographs(folder), CPU, VAL)
    assert found.wholly and found.partly is None
    split(folder, partly_labelled=VAL)
    found = watch(varied("tiny", 3), Photographs(folder), CPU, VAL)
    assert found.partly and found.wholly is found.silenced is None


# A run


def tensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def same(one: Path, other: Path) -> bool:
    ours, theirs = tensors(one), tensors(other)
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture
def steps_done(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that were begun, in order."""
    done: list[int] = []

    def watched(step: int, steps: int, seed: int) -> tuple[int, int]:
        done.append(step)
        return crop_grid(step, steps, seed)

    monkeypatch.setattr(train, "crop_grid", watched)
    return done


def test_a_run_writes_a_small_file_that_opens(folder: Path, tmp_path: Path, quick: None) -> None:
    out = tmp_path / "own.safetensors"
    data = Photographs(folder)
    result = train.train(data, out, steps=3, seed=0)
    model = load_model(out)
    assert isinstance(model, TopFormer)
    assert (model.size, model.classes, model.class_names) == ("tiny", 3, tuple(CLASSES))
    assert {tensor.dtype for tensor in tensors(out).values()} == {torch.float16}
    with safe_open(out, "pt") as file:
        training = json.loads(file.metadata()["training"])
    assert (training["steps"], training["seed"]) == (3, 0)
    assert training["seconds"] >= 0 and "CPU" in training["on"]
    labelled = sum(int((data.labels(stem) != IGNORE).sum()) for stem in VAL)
    assert result.wholly and int(result.wholly.confusion.sum()) == labelled
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "own.safetensors"]


def test_a_run_moves_the_weights_and_the_statistics(folder: Path, tmp_path: Path, quick: None) -> None:
    out = tmp_path / "own.safetensors"
    train.train(Photographs(folder), out, steps=3, seed=0)
    found, start = tensors(out), begin(3, 0).state_dict()
    assert found.keys() == {name for name, tensor in start.items() if tensor.is_floating_point()}
    moved = {name for name, tensor in found.items() if not torch.equal(tensor, start[name].half())}
    still = {name for name in found if name not in moved}
    assert all("SIM" not in name and ".proj." not in name for name in still), still


def test_one_seed_gives_the_same_weights_and_another_gives_others(folder: Path, tmp_path: Path, quick: None) -> None:
    data = Photographs(folder)
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        torch.manual_seed(len(name))
        train.train(data, tmp_path / name, steps=3, seed=seed)
    assert same(tmp_path / "one", tmp_path / "again")
    assert not same(tmp_path / "one", tmp_path / "other")


@pytest.mark.parametrize("steps", [1, 2])
def test_the_shortest_runs(folder: Path, tmp_path: Path, quick: None, steps_done: list[int], steps: int) -> None:
    train.train(Photographs(folder), tmp_path / "own", steps=steps, seed=0)
    assert steps_done == list(range(steps))
    assert all(tensor.isfinite().all() for tensor in tensors(tmp_path / "own").values())
    assert not list(tmp_path.glob("*.unfinished*"))


@pytest.mark.parametrize("where", ["crop_grid", "watch"])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    folder: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, steps_done: list[int], where: str
) -> None:
    """Between two saved states the steps since the last one are done again; during scoring, none."""
    data, whole, own = Photographs(folder), tmp_path / "whole", tmp_path / "own"
    train.train(data, whole, steps=5, seed=3)
    assert steps_done == [0, 1, 2, 3, 4]

    def interrupted(*arguments: object) -> None:
        if where == "watch" or arguments[0] == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        watched = train.crop_grid
        patch.setattr(train, where, lambda *a: interrupted(*a) or watched(*a))
        with pytest.raises(KeyboardInterrupt):
            train.train(data, own, steps=5, seed=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "own.unfinished.pt", "whole"]
    steps_done.clear()
    train.train(data, own, steps=5, seed=3)
    assert steps_done == [2, 3, 4]
    assert same(own, whole)
    assert not (tmp_path / "own.unfinished.pt").exists()


@pytest.mark.parametrize("changed", [{"steps": 7}, {"seed": 4}, {"trunk": "tiny"}], ids=str)
def test_an_unfinished_run_is_not_gone_on_with_otherwise(
    folder: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    data, out = Photographs(folder), tmp_path / "own"
    with monkeypatch.context() as patch:
        patch.setattr(train, "watch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train.train(data, out, steps=5, seed=3)
    before = (tmp_path / "own.unfinished.pt").read_bytes()
    with pytest.raises(DataError, match=r"own\.unfinished\.pt is of another run: --steps 5 --seed 3"):
        train.train(data, out, **{"steps": 5, "seed": 3, **changed})
    assert (tmp_path / "own.unfinished.pt").read_bytes() == before
    assert not out.exists()


def test_a_run_learns(folder: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three flat colours are soon told apart; who says the same class everywhere gets 0.2 at most."""
    monkeypatch.setattr(train, "SCORE_EVERY", 1000)
    monkeypatch.setattr(train, "STATISTICS", 20)
    monkeypatch.setattr(scoring, "SHORT_SIDE", 128)
    monkeypatch.setattr(cropping, "HIDING", 0.0)
    monkeypatch.setattr(Crops, "_recolour", staticmethod(lambda crop, uniform: crop))
    data = Photographs(folder)
    before, after = watch(begin(3, seed=1), data, CPU, VAL), train.train(data, tmp_path / "own", steps=60, seed=1)
    assert before.wholly and before.wholly.mean_iou < 0.25
    assert after.wholly and after.wholly.mean_iou > 0.4


def test_it_can_begin_with_the_token_pyramid_of_another_network(
    folder: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "MAX_RATE", 0.0)
    train.train(Photographs(folder), tmp_path / "own", steps=1, seed=0, trunk="everyday")
    found, street, drawn = tensors(tmp_path / "own"), tensors(EVERYDAY), begin(3, 0).state_dict()
    for name, tensor in found.items():
        if "running" not in name:
            assert torch.equal(tensor, street[name] if ".tpm." in name else drawn[name].half()), name
    with pytest.raises(FileNotFoundError, match="no checkpoint at nowhere"):
        train.train(Photographs(folder), tmp_path / "own", steps=1, seed=0, trunk="nowhere")
    with pytest.raises(DataError, match="base is no TopFormer tiny"):
        train.train(Photographs(folder), tmp_path / "own", steps=1, seed=0, trunk="base")


def test_a_teacher_is_learned_from_and_left_behind(folder: Path, tmp_path: Path, quick: None) -> None:
    random = np.random.default_rng(0)
    for stem in TRAIN:
        np.save(tmp_path / f"{stem}.npy", random.normal(size=(5, 3, 4)).astype(np.float16))
    data = Photographs(folder)
    train.train(data, tmp_path / "plain", steps=3, seed=0)
    train.train(data, tmp_path / "taught", steps=3, seed=0, teacher=tmp_path)
    assert tensors(tmp_path / "plain").keys() == tensors(tmp_path / "taught").keys()
    assert not same(tmp_path / "plain", tmp_path / "taught")


def test_retelling_costs_nothing_where_the_output_tells_the_teachers_direction() -> None:
    retelling = Retelling(2, 2)
    nn.init.zeros_(retelling.tell.bias)
    retelling.tell.weight.data = torch.eye(2)[:, :, None, None]
    taught = torch.tensor([[-1.0, 1.0], [3.0, -3.0]]).view(1, 2, 1, 2)
    told = (
        taught / taught.abs() * torch.tensor([0.1, 7.0])
    )  # the teacher's channels are brought to one scale, lengths don't count
    assert retelling(told, taught).item() == pytest.approx(0, abs=1e-5)
    assert retelling(-told, taught).item() == pytest.approx(2, abs=1e-5)


def test_the_average_forgets_what_it_began_with() -> None:
    mean, values = torch.zeros(1), [float(n) for n in range(1, 3001)]
    for step, value in enumerate(values, start=1):
        mean = average(mean, torch.tensor([value]), step)
    assert float(mean) == pytest.approx(3000 - 300, rel=0.01)  # as old as a tenth of the steps, on the mean
    late = average(torch.zeros(1), torch.ones(1), 100_000)
    assert float(late) == pytest.approx(1 / train.MEMORY)


def test_the_averages_statistics_are_those_of_its_own_parameters(folder: Path, quick: None) -> None:
    crops = Crops(Photographs(folder), CPU)
    mean = AveragedModel(begin(3, 0), avg_fn=average)
    found = averaged(mean, crops, 1)
    batch = crops.batch((2, 2), 0, hide=False).pictures
    first = mean.module.backbone.tpm.stem[0].c(batch)
    assert not found.training
    assert torch.allclose(found.backbone.tpm.stem[0].bn.running_mean, first.mean((0, 2, 3)), atol=1e-4)
    assert torch.allclose(found.backbone.tpm.stem[0].bn.running_var, first.var((0, 2, 3)), rtol=1e-3)


# The command line


def test_a_run_from_the_command_line(
    folder: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own.safetensors"
    arguments = ["train", "--data", str(folder), "--out", str(out), "--steps", "3", "--seed", "2"]
    assert main(arguments) == 0
    told, progress = capsys.readouterr()
    assert "step 2: loss" in told and "val mIoU" in told and "effective tokens by block" in told
    assert told.splitlines()[-1].startswith("val mIoU 0.")
    assert "training" in progress
    train.train(Photographs(folder), tmp_path / "direct", steps=3, seed=2)
    assert same(out, tmp_path / "direct")


def test_a_run_outlives_the_terminal_it_was_started_from(
    folder: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(sys, "stderr", Gone())
    out = tmp_path / "own.safetensors"
    assert main(["train", "--data", str(folder), "--out", str(out), "--steps", "3"]) == 0
    assert load_model(out)


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error; bars of progress may stand before it."""
    assert main(["train", *arguments]) == 1
    out, err = capsys.readouterr()
    assert not out
    last = err.splitlines()[-1]
    assert "Traceback" not in err
    return last


def test_a_folder_that_cannot_be_trained_on_is_one_sentence_and_status_1(
    folder: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own"
    assert "splits.json must list" in refusal(["--data", str(tmp_path), "--out", str(out)], capsys)
    Image.new("RGB", (96, 128)).save(folder / "labels" / "c.png")
    message = refusal(["--data", str(folder), "--out", str(out)], capsys)
    assert "topformer-viz: labels/c.png must be a grey image of 8 bits per pixel" in message
    (folder / "images" / "a.png").write_bytes(b"no picture")
    assert "a.png" in refusal(["--data", str(folder), "--out", str(out)], capsys)
    assert not out.exists()


@pytest.mark.parametrize("arguments", [[], ["--data", "x"], ["--data", "x", "--out", "y", "--steps", "0"]])
def test_a_command_that_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", *arguments])
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


# What once went wrong


@pytest.mark.parametrize("steps", [10])
def test_ten_steps(folder: Path, tmp_path: Path, quick: None, steps: int) -> None:
    train.train(Photographs(folder), tmp_path / "own", steps=steps, seed=0)


def test_where_it_cannot_write_is_told_before_training(
    folder: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "loss_of", None)
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "no" / "own"), "--steps", "3"]) == 1
    assert main(["train", "--data", str(folder), "--out", str(tmp_path), "--steps", "3"]) == 1


@pytest.mark.parametrize("missing", ["images/z.png", "labels/z.png"])
def test_what_val_lacks_is_told_before_training(
    folder: Path, tmp_path: Path, quick: None, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "loss_of", None)
    (folder / missing).unlink()
    with pytest.raises(DataError, match="there is no"):
        train.train(Photographs(folder), tmp_path / "own", steps=3, seed=0)


def test_a_picture_in_train_and_val_is_refused(folder: Path) -> None:
    split(folder, val=["y", TRAIN[0]])
    with pytest.raises(DataError, match=r"splits\.json"):
        Photographs(folder)


@pytest.mark.parametrize("changed", [{"classes": "rgb"}, {"train": "ab"}, {"classes": [1, 2, 3]}], ids=str)
def test_lists_of_names_are_asked_for(folder: Path, changed: dict[str, object]) -> None:
    split(folder, **changed)
    with pytest.raises(DataError, match=r"splits\.json"):
        Photographs(folder)


def test_labels_without_any_class_are_refused(
    folder: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for stem in TRAIN:
        size = Image.open(folder / "labels" / f"{stem}.png").size
        Image.new("L", size, IGNORE).save(folder / "labels" / f"{stem}.png")
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "own"), "--steps", "2"]) == 1


@pytest.fixture
def paint(folder: Path) -> Callable[..., None]:
    """Replaces the labels' numbers, in all of train or of val."""

    def painted(stems: list[str], numbers: dict[int, int]) -> None:
        for stem in stems:
            path = folder / "labels" / f"{stem}.png"
            Image.open(path).point([numbers.get(n, n) for n in range(256)]).save(path)

    return painted


def test_a_mask_of_0_and_255_is_refused_with_what_to_write(
    folder: Path, tmp_path: Path, quick: None, paint: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The second class, drawn in white, is none to the training."""
    paint(TRAIN + VAL, {1: 255, 2: 255})
    split(folder, classes=["wall", "door"])
    assert refusal(["--data", str(folder), "--out", str(tmp_path / "own"), "--steps", "2"], capsys) == (
        "topformer-viz: there is nothing to tell apart: every labelled image pixel of train is wall; "
        "255 means none: in a mask drawn in 0 and 255, write 1 for the second class"
    )


def test_classes_without_a_pixel_are_named_before_training(
    folder: Path, tmp_path: Path, quick: None, paint: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--data", str(folder), "--out", str(tmp_path / "own"), "--steps", "2"]
    paint(TRAIN, {2: 1})
    paint(VAL, {0: 1})
    assert main(arguments) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("topformer-viz")]
    assert said == [
        "topformer-viz: without an image pixel in train: blue. The network cannot learn what it never sees; "
        "where val has it, its IoU is 0",
        "topformer-viz: without an image pixel in val: red. Its IoU cannot be measured: the mean leaves it out, "
        "or counts it as 0 once the network predicts it anywhere",
    ]
    paint(VAL, {1: 255, 2: 255})
    assert refusal(arguments[1:], capsys) == (
        "topformer-viz: there is nothing to score: no image pixel of val belongs to a class"
    )


def test_where_every_class_has_pixels_nothing_is_said(
    folder: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "own"), "--steps", "2"]) == 0
    assert "topformer-viz" not in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="there is no umask")
def test_what_training_writes_is_for_whom_the_umask_says(
    folder: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = {}

    def interrupted(*_: object) -> None:
        modes["unfinished"] = stat.S_IMODE((tmp_path / "own.unfinished.pt").stat().st_mode)
        raise KeyboardInterrupt

    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(train, "watch", interrupted)
            with pytest.raises(KeyboardInterrupt):
                train.train(Photographs(folder), tmp_path / "own", steps=5, seed=0)
        train.train(Photographs(folder), tmp_path / "own", steps=5, seed=0)
        likeness.save({"mean": torch.zeros(3)}, tmp_path / "likeness")
    finally:
        os.umask(before)
    modes |= {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "likeness")}
    assert modes == dict.fromkeys(("unfinished", "own", "likeness"), 0o640)
    assert likeness.load(tmp_path / "likeness")["mean"].tolist() == [0, 0, 0]


def test_a_batch_without_labels_costs_nothing() -> None:
    assert float(loss_of(torch.randn(1, 3, 2, 2), torch.full((1, 4, 4), IGNORE), NOTHING[:1])) == 0


@pytest.mark.parametrize("classes", [CLASSES[::-1], [*CLASSES, "more"]], ids=str)
def test_an_unfinished_run_of_other_classes_is_not_gone_on_with(
    folder: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, classes: list[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(train, "watch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train.train(Photographs(folder), tmp_path / "own", steps=5, seed=3)
    split(folder, classes=classes)
    with pytest.raises(DataError, match="unfinished"):
        train.train(Photographs(folder), tmp_path / "own", steps=5, seed=3)


def test_a_damaged_unfinished_run_is_told(folder: Path, tmp_path: Path, quick: None) -> None:
    (tmp_path / "own.unfinished.pt").write_bytes(b"no state")
    with pytest.raises(DataError, match="unfinished"):
        train.train(Photographs(folder), tmp_path / "own", steps=5, seed=3)
