"""What travels to the browser: a JSON header, then tensors and pictures as plain bytes.

Layout: 4 bytes with the header's length (little endian), the header, then everything else, each part at the offset
the header gives, aligned to 4 bytes. A reshape or permute shares its storage in PyTorch; here too it is the same
bytes under other strides. decode.js reads it.
"""

import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.markup import TIP_CSS, axis_css
from topformer_viz.figures.colours import RDBU_R, VIRIDIS
from topformer_viz.paths import NETWORK
from topformer_viz.words.text import Text

OWN = "own"  # what an address calls a picture or checkpoint that is the visitor's own


def scripts(folder: Path, *names: str) -> str:
    """Files of a folder as one script, in this order."""
    return "\n".join((folder / name).read_text("utf-8") for name in names)


def bare(script: str) -> str:
    """A script without its comments and indents, for what travels again and again, or in a file."""
    return re.sub(r"(?m)^\s+", "", re.sub(r"(?m)(?:^|\s)//.*$", "", script))


# The components' common style and script, which come before their own; SCENE_JS for those with a scene, RUN_JS for those
# that show a run. A page that stands alone has DRAWING_JS: nothing arrives there.
_HERE = Path(__file__).parent
CANVAS_CSS = f":host, .component {{{axis_css()}}}\n" + (_HERE / "canvas.css").read_text("utf-8") + TIP_CSS
DRAWING_JS = "\n".join((
    f'const VIRIDIS = "{VIRIDIS}", RDBU_R = "{RDBU_R}", OWN = "{OWN}";', scripts(NETWORK, "tensors.js"),
    scripts(_HERE, "decode.js", "book.js", "component.js", "canvas.js"),
))  # fmt: skip
CANVAS_JS = f"{DRAWING_JS}\n{scripts(_HERE, 'arriving.js')}"
SCENE_JS = scripts(_HERE, "scene.js")
RUN_JS = scripts(_HERE, "attention.js", "run.js")

# What copyLink in component.js says.
COPY_WORDS = {
    "copied": Text("Copied.", "已复制。"),
    "by_keys": Text("Press {keys} to copy the selected address.", "按 {keys} 复制选中的地址。"),
    "by_touch": Text("Press and hold the selected address to copy it.", "长按选中的地址即可复制。"),
}

# What the buttons at a scene's edges say, in scene.js.
SCENE_WORDS = {
    "scene_back": Text("Show the drawing further left", "向左看图"),
    "scene_on": Text("Show the drawing further right", "向右看图"),
}

BODY = "application/octet-stream"  # what a message of bytes is on the way
BOOK = "application/gzip"  # what a packed book is
PHOTO_SIDE = 768  # longest side of the photograph that travels, in pixels
FLOAT16_MAX = 60_000.0


@dataclass
class Body:
    """The binary part, and where each storage lies in it."""

    data: io.BytesIO = field(default_factory=io.BytesIO)
    written: dict[int, dict[str, Any]] = field(default_factory=dict)
    pictures: dict[bytes, int] = field(default_factory=dict)
    alive: list[Tensor] = field(default_factory=list)  # so that no address in ``written`` is used again

    def add_bytes(self, raw: bytes) -> int:
        self.data.write(b"\0" * (-self.data.tell() % 4))
        offset = self.data.tell()
        self.data.write(raw)
        return offset

    def add(self, tensor: Tensor, exact: bool = False) -> dict[str, Any]:
        """A view of (1, ...) without its batch axis: {offset, type, n, shape, strides}.

        uint8 stays what it is; other numbers travel as float16, or as float32 where ``exact`` or too large for that.
        The numbers are written once for all views that lie on them, such as a reshape and its permute.
        """
        tensor = tensor[0] if _dense(tensor[0]) else tensor[0].contiguous()
        self.alive.append(tensor)
        if tensor.data_ptr() not in self.written:
            flat = tensor.as_strided((tensor.numel(),), (1,)).cpu()
            if flat.dtype == torch.uint8:
                kind = "u1"
            else:
                flat = flat.float()
                kind = "f4" if exact or float(flat.abs().amax()) > FLOAT16_MAX else "f2"
            raw = (flat.half() if kind == "f2" else flat).numpy().tobytes()
            self.written[tensor.data_ptr()] = {"offset": self.add_bytes(raw), "type": kind, "n": flat.numel()}
        written = self.written[tensor.data_ptr()]
        return {**written, "shape": list(tensor.shape), "strides": list(tensor.stride())}

    def add_photo(self, photo: Image.Image) -> dict[str, Any]:
        """The photograph as a JPEG of at most PHOTO_SIDE, and its size before."""
        small = photo.copy()
        small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=82)
        return {"width": photo.width, "height": photo.height, **self.add_picture(out.getvalue(), "image/jpeg")}

    def add_picture(self, raw: bytes, mime: str) -> dict[str, Any]:
        """An encoded picture (or other file), which becomes a Blob of that type in the browser; written once."""
        if raw not in self.pictures:
            self.pictures[raw] = self.add_bytes(raw)
        return {"offset": self.pictures[raw], "bytes": len(raw), "mime": mime}

    def message(self, header: dict[str, Any]) -> bytes:
        """Everything, ready to be sent."""
        return _message(_json(header), self.data.getbuffer())


def message(header: dict[str, Any]) -> bytes:
    """One without a binary part."""
    return _message(_json(header), b"")


def _json(header: dict[str, Any]) -> bytes:
    return json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()


def _message(text: bytes, data: "bytes | memoryview") -> bytes:
    text += b" " * (-len(text) % 4)
    return b"".join((len(text).to_bytes(4, "little"), text, data))


def header_of(message: bytes) -> str:
    """The header of a message, as text."""
    return message[4 : 4 + int.from_bytes(message[:4], "little")].decode()


def _dense(tensor: Tensor) -> bool:
    """Whether the tensor's elements fill their stretch of storage without gaps or repeats."""
    return sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True)) + 1 == tensor.numel()
