"""What a checkpoint's bytes hold: tensors and names of classes, never code.

A file comes from a stranger, so it is read in bounded time and memory, nothing in it is imported or run, and nothing is
written to disk. One that is not read is told apart: cut off, another kind of file, an archive, or sound but beyond this
reader, for which there is a command that converts it where it is trusted.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from topformer_viz.network import refusals
from topformer_viz.network.refusals import NAMES, CheckpointError
from topformer_viz.network.unpickle import MAX_INDEX_BYTES, Index, unpickled

MAX_DIRECTORY_BYTES = 500_000  # of a zip file's list of records: Python reads its entries slowly
_ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\xfd7zXZ\0", b"BZh", b"\x28\xb5\x2f\xfd")


def read(data: bytes, name: str) -> tuple[Any, list[Any]]:
    """What the file's author put into it, and what it gives as names of the classes, which may be anything.

    ``data``: a .safetensors file, or what torch.save writes, of now or before PyTorch 1.6, by whatever pickle protocol;
    its content tells which. Of the latter, all that is no tensor, container, word or number is None, and keys of
    dictionaries are words. ``name``, a short line, is for messages only.

    Raises ``CheckpointError``.
    """
    try:
        # Where .safetensors begins its JSON, a zip file and PyTorch's old format have other bytes.
        if data[8:9] == b"{":
            return _read_safetensors(data, name)
        if data.startswith(b"PK\x03\x04"):
            content = _read_zip(data, name)
        elif _MAGIC.to_bytes(10, "little") in data[:32] or str(_MAGIC).encode() in data[:32]:
            content = _read_old(data, name)
        elif data.startswith(_ARCHIVES) or data[257:262] == b"ustar":
            raise CheckpointError(refusals.ARCHIVE, name=name)
        else:
            raise refusals.convertible(refusals.FOREIGN, name, kind=refusals.KINDS[_kind(data)])
        return content, list(_names(content))
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file can make the readers raise nearly anything
        raise refusals.convertible(refusals.UNREADABLE, name) from error


def _kind(data: bytes) -> str:
    """What a file is that is no checkpoint, as far as it can be told from its start."""
    start = data[:200].strip().lower()
    if not start:
        return "empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "page"
    if start.startswith(b"version https://git-lfs"):
        return "pointer"
    return "pickle" if data[:1] == b"\x80" and data[1:2] <= b"\5" else "other"


def _names(content: Any) -> Iterator[Any]:
    """Where mmengine (``dataset_meta``), mmcv and people's own scripts put names of classes, in this order."""
    meta = content.get("meta") if isinstance(content, dict) else None
    set_ = meta.get("dataset_meta") if isinstance(meta, dict) else None
    for place in (set_, meta, content):
        if isinstance(place, dict):
            yield from (place[key] for key in NAMES if key in place)


def _read_safetensors(data: bytes, name: str) -> tuple[Any, list[Any]]:
    header = int.from_bytes(data[:8], "little")  # the length of the JSON that follows
    if header > len(data) - 8:
        raise CheckpointError(refusals.CUT_OFF, name=name)
    if header > MAX_INDEX_BYTES:
        raise CheckpointError(refusals.CROWDED, name=name)
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        if "not fully covered" in str(error):  # the header asks for more bytes than follow, or for fewer
            raise CheckpointError(refusals.CUT_OFF, name=name) from error
        raise
    try:
        return tensors, [json.loads(json.loads(data[8 : 8 + header])["__metadata__"]["classes"])]
    except (KeyError, TypeError, ValueError, RecursionError):
        return tensors, []


class _Directory(io.BytesIO):
    """A zip file that is read up to the end of its directory only if that is short."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name_in_messages = name

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        if len(found) > MAX_DIRECTORY_BYTES:
            raise CheckpointError(refusals.CROWDED, name=self.name_in_messages)
        return found


def _read_zip(data: bytes, name: str) -> Any:
    """A zip file of one pickle and, for each storage, a record of its bytes."""
    try:
        zipfile.ZipFile(_Directory(data, name)).close()
    except zipfile.BadZipFile as error:  # the directory comes last
        raise CheckpointError(refusals.CUT_OFF, name=name) from error
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        records = archive.infolist()
        folders = [r.filename[:-8] for r in records if re.fullmatch(r"[^/]+/data\.pkl", r.filename)]
        if not folders:
            raise CheckpointError(refusals.ARCHIVE, name=name)
        if any(r.compress_type != zipfile.ZIP_STORED for r in records) or sum(r.file_size for r in records) > len(data):
            raise CheckpointError(refusals.OVERCLAIM, name=name)
        (folder,) = folders
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise refusals.convertible(refusals.UNKNOWN, name, what=refusals.BYTE_ORDER)

        @cache
        def raw(key: str) -> Tensor:
            return _bytes(archive.read(f"{folder}data/{key}"))

        with archive.open(f"{folder}data.pkl") as index:
            pickled = Index(index.read(MAX_INDEX_BYTES + 1), name)
        return unpickled(pickled, lambda key, dtype, count: raw(key).view(dtype))


_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the old format


def _read_old(data: bytes, name: str) -> Any:
    """As before PyTorch 1.6: five pickles in a row, of which the fourth is the content and the fifth the storages' names,
    then the bytes of each storage behind their count.
    """
    storages: dict[str, Tensor] = {}
    room = len(data)

    def numbers(key: str, dtype: torch.dtype, count: int) -> Tensor:
        """Zeros in their place: they come last in the file."""
        nonlocal room
        if key not in storages:
            room -= count * dtype.itemsize
            if room < 0:
                raise CheckpointError(refusals.CUT_OFF, name=name)
            storages[key] = torch.zeros(count, dtype=dtype)
        return storages[key]

    pickles = Index(data, name)
    *_, content, keys = (unpickled(pickles, numbers) for _ in range(5))
    at = pickles.tell()
    for key in keys:
        storage = storages[key]
        start, at = at + 8, at + 8 + storage.nbytes
        if at > len(data):
            raise CheckpointError(refusals.CUT_OFF, name=name)
        storage.copy_(_bytes(memoryview(data)[start:at]).view(storage.dtype))
    return content


def _bytes(raw: bytes | memoryview) -> Tensor:
    """These bytes as a tensor of uint8."""
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8) if raw else torch.empty(0, dtype=torch.uint8)
