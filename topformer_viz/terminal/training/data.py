"""A folder of labelled photographs."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from topformer_viz.network.images import ImageError, open_image, upright

IGNORE = 255  # the label of image pixels of which nothing is known
NONE_OF = 254  # the label of those that surely belong to none of the classes that are ``absent`` there
# What a PNG file can be, by the byte of its head that says so.
PNG_KINDS = {0: "grey", 2: "in colour", 3: "palette", 4: "grey with transparency", 6: "in colour with transparency"}


class DataError(ValueError):
    """The folder is not laid out as ``Photographs`` needs it."""


class Photographs:
    """A folder of labelled photographs.

    splits.json: {"classes": [name, ...], "train": [stem, ...], "val": [stem, ...]}; images/STEM.webp (or .png,
    .jpg), read as the app reads uploads: upright, in sRGB; labels/STEM.png, uint8 class index per image pixel, 255 where
    it is not labelled, of the upright photograph's size. ``DataError`` says what is missing.

    Photographs of which only some things are labelled are told by their kind, a stem's beginning up to "_":
    "partly_labelled": [kind, ...] in splits.json, and for those whose labels also tell where things are not,
    "negative": {"folder": name, "absent": {kind: [class, ...]}}: that folder's labels are read instead, and 254 in them
    means "surely none of these classes".
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.classes: list[str]
        self.train: list[str]
        self.val: list[str]
        content = _content(self.folder / "splits.json")
        self.classes, self.train, self.val = _lists(content)
        self._partly, self._negative, self._absent = _parts(content, self.classes)
        if both := set(self.train) & set(self.val):
            raise DataError(f"splits.json has images in train and in val: {', '.join(sorted(both)[:3])}")
        if not (self.train and self.val) or not 1 < len(self.classes) <= NONE_OF:
            raise DataError(f"splits.json needs images in train and in val, and 2 to {NONE_OF} classes")
        if twice := [name for name in self.classes if self.classes.count(name) > 1]:
            raise DataError(f"splits.json names the class {twice[0]} twice")

    def picture(self, stem: str) -> Image.Image:
        """The photograph, mode "RGB"."""
        path = self._file("images", stem, ("webp", "png", "jpg"))
        try:
            return open_image(path.read_bytes())
        except ImageError as error:
            raise DataError(f"images/{path.name}: {error}") from error

    def partly(self, stem: str) -> bool:
        """Whether only some of what the photograph shows is labelled."""
        return kind(stem) in self._partly

    def absent(self, stem: str) -> list[int]:
        """The classes of which an image pixel labelled ``NONE_OF`` is surely none."""
        return self._absent.get(kind(stem), [])

    def labels(self, stem: str) -> Tensor:
        """Class index per image pixel, ``NONE_OF`` or ``IGNORE``, uint8 (Y, X)."""
        path = self._file(self._negative if self.absent(stem) else "labels", stem, ("png",))
        data = path.read_bytes()
        try:
            image = Image.open(io.BytesIO(data), formats=["PNG"])
            image.load()
        except Exception as error:  # Pillow's readers raise nearly any type on a damaged file
            raise DataError(f"{path.parent.name}/{path.name} is damaged, or no PNG file") from error
        depth, kind = data[24], PNG_KINDS.get(data[25], "of another kind")
        if kind != "palette" and (kind, depth) != ("grey", 8):  # Pillow stretches grey of fewer bits to 0 to 255
            raise DataError(
                f"{path.parent.name}/{path.name} must be a grey image of 8 bits per pixel, or one with a palette, and is {kind}, {depth} "
                f"bit{'s' * (depth > 1)} per channel; a pixel's value is the number of its class, from 0, or {IGNORE} for none"
            )
        labels = torch.from_numpy(np.array(upright(image)))
        beyond = [IGNORE, NONE_OF] if self.absent(stem) else [IGNORE]
        if (wrong := labels[(labels >= len(self.classes)) & ~torch.isin(labels, torch.tensor(beyond))]).numel():
            raise DataError(
                f"{path.parent.name}/{path.name} has a class {int(wrong[0])}, but splits.json names {len(self.classes)}, from 0"
            )
        return labels

    def example(self, stem: str) -> tuple[Image.Image, Tensor]:
        """The photograph and its labels; ``DataError`` unless they are of one size."""
        picture, labels = self.picture(stem), self.labels(stem)
        if picture.size != (size := (labels.shape[1], labels.shape[0])):
            turned = "; the image counts as its EXIF orientation turns it" if picture.size == size[::-1] else ""
            width, height = picture.size
            raise DataError(
                f"{stem} and its labels differ in size: {width} × {height} and {size[0]} × {size[1]} pixels{turned}"
            )
        return picture, labels

    def _file(self, folder: str, stem: str, ends: tuple[str, ...]) -> Path:
        paths = [self.folder / folder / f"{stem}.{case}" for end in ends for case in (end, end.upper())]
        for path in paths:
            if path.is_file():
                return path
        *others, last = (f".{end}" for end in ends)
        names = f"{', '.join(others)} or {last}" if others else last
        raise DataError(f"there is no {folder}/{stem}{names} in {self.folder}")


def kind(stem: str) -> str:
    """What kind an image is of: its name up to the first "_"."""
    return stem.partition("_")[0]


def _content(splits: Path) -> dict[str, Any]:
    """What splits.json holds; ``DataError`` says what is wrong with it."""

    def refusal(why: str) -> DataError:
        return DataError(f"{splits} must list classes, train and val, as the README says: {why}")

    try:
        content = json.loads(splits.read_bytes())  # in UTF-8, 16 or 32, with a byte-order mark or without
    except OSError as error:
        raise refusal(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise refusal("it is not in UTF-8") from error
    except json.JSONDecodeError as error:
        raise refusal(f"in line {error.lineno}, column {error.colno} it is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number or a nest without end
        raise refusal(f"it is not JSON of any use: {error}") from error
    if not isinstance(content, dict):
        raise refusal("it is not an object in braces")
    if missing := [name for name in ("classes", "train", "val") if name not in content]:
        raise refusal(f"it lacks {' and '.join(missing)}")
    return content


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _lists(content: dict[str, Any]) -> list[list[str]]:
    """Classes, train and val."""
    lists = [content[name] for name in ("classes", "train", "val")]
    if not all(map(_are_names, lists)):
        raise DataError("splits.json needs classes, train and val to be lists of names")
    return lists


def _parts(content: dict[str, Any], classes: list[str]) -> tuple[list[str], str, dict[str, list[int]]]:
    """The kinds that are partly labelled, the folder of labels with ``NONE_OF``, and by kind of which classes it speaks."""
    partly, negative = content.get("partly_labelled", []), content.get("negative", {"folder": "", "absent": {}})
    if not _are_names(partly):
        raise DataError("splits.json needs partly_labelled to be a list of names")
    folder, absent = (negative.get(name) if isinstance(negative, dict) else None for name in ("folder", "absent"))
    if not (isinstance(folder, str) and isinstance(absent, dict) and all(map(_are_names, absent.values()))):
        raise DataError('splits.json needs negative to be {"folder": name, "absent": {kind: [class, ...]}}')
    for kind, names in absent.items():
        if kind not in partly:
            raise DataError(f"splits.json calls classes absent in {kind}, but does not list it in partly_labelled")
        if unknown := [name for name in names if name not in classes]:
            raise DataError(f"splits.json calls {unknown[0]} absent in {kind}, but has no class of that name")
    return partly, folder, {kind: [classes.index(name) for name in names] for kind, names in absent.items()}


def pixels(labels: Tensor) -> Tensor:
    """How many image pixels carry each number, int64 (256,): first the classes, at the end ``NONE_OF`` and ``IGNORE``."""
    return torch.bincount(labels.flatten().long(), minlength=IGNORE + 1)


def pixels_of(data: Photographs, stems: Sequence[str]) -> Tensor:
    """``pixels`` of these images together, (256,); ``DataError`` where one of them, or its labels, cannot be used."""
    return sum((pixels(data.example(stem)[1]) for stem in stems), torch.zeros(IGNORE + 1, dtype=torch.int64))


def without_pixels(classes: list[str], counts: Tensor) -> list[str]:
    """The classes that no image pixel carries; ``counts`` (256,) as ``pixels`` has them."""
    return [name for name, count in zip(classes, counts.tolist(), strict=False) if not count]


def notes(classes: list[str], train: Tensor, val: Tensor) -> list[str]:
    """Which classes have no image pixel in train or val, and what comes of it, in sentences; counts (256,) as ``pixels``.

    Raises ``DataError`` where that leaves nothing to tell apart, or nothing to score.
    """
    unseen, unscored = without_pixels(classes, train), without_pixels(classes, val)
    if len(unseen) >= len(classes) - 1:
        seen = [name for name in classes if name not in unseen]
        found = (
            f"every labelled image pixel of train is {seen[0]}"
            if seen
            else "no image pixel of train belongs to a class"
        )
        mask = f"; {IGNORE} means none: in a mask drawn in 0 and {IGNORE}, write 1 for the second class"
        raise DataError(f"there is nothing to tell apart: {found}{mask * bool(train[IGNORE])}")
    if len(unscored) == len(classes):
        raise DataError("there is nothing to score: no image pixel of val belongs to a class")
    said = []
    if unseen:
        said.append(
            f"without an image pixel in train: {', '.join(unseen)}. The network cannot learn what it never sees; "
            "where val has it, its IoU is 0"
        )
    if unscored:
        said.append(
            f"without an image pixel in val: {', '.join(unscored)}. Its IoU cannot be measured: the mean leaves it out, "
            "or counts it as 0 once the network predicts it anywhere"
        )
    return said
