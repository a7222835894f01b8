"""The components' bytes, read as the browser reads them."""

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest


@dataclass(frozen=True)
class Payload:
    header: dict[str, Any]
    body: bytes

    def view(self, tensor: dict[str, Any]) -> np.ndarray:
        """The array under its strides, float32, and within its own numbers."""
        dtype = np.dtype({"u1": "u1", "f2": "<f2", "f4": "<f4"}[tensor["type"]])
        assert tensor["offset"] % 4 == 0
        numbers = np.frombuffer(self.body, dtype, count=tensor["n"], offset=tensor["offset"])
        last = sum((n - 1) * stride for n, stride in zip(tensor["shape"], tensor["strides"], strict=True))
        assert last + 1 == tensor["n"] == np.prod(tensor["shape"])
        strides = [stride * dtype.itemsize for stride in tensor["strides"]]
        return np.lib.stride_tricks.as_strided(numbers, tensor["shape"], strides).astype(np.float32)

    def file(self, entry: dict[str, Any]) -> bytes:
        """A picture's (or another file's) bytes."""
        raw = self.body[entry["offset"] : entry["offset"] + entry["bytes"]]
        assert len(raw) == entry["bytes"]
        return raw

    def picture(self, entry: dict[str, Any]) -> Image.Image:
        """A picture, of the kind it is said to be."""
        image = Image.open(io.BytesIO(self.file(entry)))
        assert image.get_format_mimetype() == entry["mime"]
        return image


def decode(data: bytes) -> Payload:
    length = int.from_bytes(data[:4], "little")
    assert length % 4 == 0

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    return Payload(json.loads(data[4 : 4 + length], parse_constant=refuse), data[4 + length :])


def tensors(part: Any) -> list[dict[str, Any]]:
    """Every tensor that a part of the header describes."""
    if isinstance(part, dict) and "strides" in part:
        return [part]
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [tensor for own in inner for tensor in tensors(own)]


def files(part: Any) -> list[dict[str, Any]]:
    """Every picture (or other file) that a part of the header describes."""
    if isinstance(part, dict) and "mime" in part:
        return [part]
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [file for own in inner for file in files(own)]


def components(app: AppTest) -> list[Any]:
    """What AppTest sees of a page's own components: all but the bar that every page has."""
    return [found for found in app.get("bidi_component") if found.proto.component_name != "topformer_saving"]
