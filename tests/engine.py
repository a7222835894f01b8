"""The engine of the browser in a blank page of Chromium: its scripts, and ways to hand it states and images and take tensors back."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
import torch
from handing import host
from torch import Tensor

from topformer_viz.app.canvas.wire import Body, scripts
from topformer_viz.paths import NETWORK, PACKAGE
from topformer_viz.run.declared import DECLARED_JS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ENGINE_JS = "\n".join((
    DECLARED_JS,
    scripts(PACKAGE, "app/canvas/decode.js", "words/plain.js"),
    scripts(
        NETWORK,
        "tensors.js", "kernels.js", "model.js", "random.js", "refusals.js", "weights.js", "initialise.js", "input.js", "colour.js",
    ),
))  # fmt: skip
# What the tests' scripts share: bytes that were handed, tensors as text, and the engine's parts by name.
HELPERS_JS = """
const bytesOf = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer()), textOf = (bytes) => bytes.toBase64();
const sent = ({ data, shape, strides }) => {
  if (String(strides) === String(contiguous(shape))) return [shape, textOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let at = 0;
  const walk = (axis, from) => {
    if (axis === shape.length) out[at++] = data[from];
    else for (let i = 0; i < shape[axis]; i++) walk(axis + 1, from + i * strides[axis]);
  };
  walk(0, 0);
  return [shape, textOf(new Uint8Array(out.buffer))];
};
const allSent = (tensors) => Object.entries(tensors).map(([name, tensor]) => [name, ...sent(tensor)]);
const states = {}, images = {}, kernels = {};
const openKernels = async (wasm) => Object.assign(kernels, { wasm: await WasmKernels.open(await bytesOf(wasm)), plain: new PlainKernels() });
"""


def open_engine(browser: "Browser", change: tuple[str, str] = ("", "")) -> "Page":
    """A page with the engine and both kinds of kernels; ``change`` replaces a piece of its scripts."""
    assert change[0] in ENGINE_JS
    page = host().page(browser)
    page.add_script_tag(content=ENGINE_JS.replace(*change) + HELPERS_JS)
    give_kernels(page)
    return page


def give_kernels(page: "Page") -> None:
    """New ones, which have no room yet."""
    page.evaluate("openKernels", host().hand((NETWORK / "kernels.wasm").read_bytes()))


def give_state(page: "Page", name: str, state: Mapping[str, Tensor]) -> None:
    """``states[name]``, by way of a file."""
    give_checkpoint(page, name, safetensors.torch.save(dict(state)))


def give_checkpoint(page: "Page", name: str, data: bytes) -> None:
    page.evaluate(
        "async ([name, path]) => void (states[name] = readCheckpoint(await bytesOf(path), 'the file'))",
        [name, host().hand(data)],
    )


def give_image(page: "Page", name: str, image: Tensor) -> None:
    """``images[name]``, of (1, 3, Y, X)."""
    body = Body()
    message = body.message({"image": body.add(image, exact=True)})
    page.evaluate(
        "async ([name, path]) => void (images[name] = decode(await bytesOf(path)).image)", [name, host().hand(message)]
    )


def array(shape: list[int], data: str) -> Tensor:
    """A tensor as ``sent`` wrote it, with the batch axis."""
    return torch.from_numpy(np.frombuffer(base64.b64decode(data), np.float32).copy().reshape(1, *shape))


def arrays(sent: list[Any]) -> dict[str, Tensor]:
    return {name: array(shape, data) for name, shape, data in sent}
