"""The scripts that work a run's numbers out in a browser, in a page of their own, and Python's runs handed to them."""

import base64
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from handing import host
from torch import Tensor, nn

from topformer_viz import Trace
from topformer_viz.app.canvas.wire import Body, scripts
from topformer_viz.network.model import DENSE_TOKENS, TopFormer
from topformer_viz.paths import PACKAGE
from topformer_viz.run.declared import DECLARED_JS
from topformer_viz.run.tracing import attention_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FILES = (
    "words/plain.js", "network/classes.js", "run/pausing.js", "run/exponential.js", "run/reading.js", "run/asking.js", "run/walk.js", "run/measures.js", "run/questions.js",
    "run/numbers.js", "run/segmentation.js", "run/whole.js", "study/likeness.js", "app/canvas/travelling.js",
    "app/network/travelling.js", "app/lesson/lens.js", "app/explorer/change.js",
)  # fmt: skip
NUMBERS_JS = DECLARED_JS + scripts(PACKAGE, *FILES)
# What the network's own scripts have, as far as these here ask for it.
NETWORK_JS = f"const DENSE_TOKENS = {DENSE_TOKENS};\nclass TopFormer {{}}\nclass ColourModel {{}}\n"
# What was handed over, as `run`, `model` and `returned`. `again` answers with what Python returned, by which tensors were silenced on the way.
HANDED = """async (path) => {
  const { tensors, sizes, model, parameters, returned } = decode(new Uint8Array(await (await fetch(path)).arrayBuffer()));
  const again = async ({ tensors: own }, keep, pause) => {
    await pause();
    const changed = [];
    let output;
    for (const [name, tensor] of Object.entries(own)) {
      if (!name.startsWith("block")) continue;
      const [, H, W] = tensor.shape, before = tensorOf(inOrder(tensor).slice(), tensor.shape), { data } = keep(name, tensorOf(inOrder(tensor).slice(), tensor.shape));
      const gone = data.every((v) => v === 0) ? "" : countTo(tensor.shape[0]).filter((c) => data.subarray(c * H * W, (c + 1) * H * W).every((v) => v === 0));
      if (data.some((v, i) => v !== before.data[i])) changed.push(`${name} ${gone}`.trim());
    }
    const answer = returned[changed.join(", ")];
    if (!answer) throw new Error(`nobody knows what becomes of a run without ${changed.join(", ")}`);
    for (const [name, tensor] of Object.entries(answer.kept)) keep(name, tensor);
    return answer.scores;
  };
  // What it returns where `output` is its blocks' lies under that tensor's name.
  const onward = async ({ tensors: own }, output, pause) => {
    await pause();
    return returned[`onward ${Object.keys(own).find((name) => own[name] === output)}`].scores;
  };
  const kind = model.trained ? TopFormer : ColourModel;
  Object.assign(window, { returned, run: { tensors, sizes }, model: Object.assign(new kind(), { ...model, parameter: (name) => parameters[name].data, again, onward }) });
}"""
PACKED = """(tensor) => {
  const numbers = inOrder(tensor), bytes = new Uint8Array(numbers.slice().buffer);
  return { shape: tensor.shape, type: numbers.constructor.name, bytes: bytes.toBase64() };
}"""


class Worker:
    """A page with the scripts, and what is handed to it."""

    def __init__(self, page: "Page") -> None:
        self.page = page

    def hand(
        self, run: Trace, model: nn.Module, returned: Sequence[tuple[str, dict[str, Tensor], Tensor | None]] = ()
    ) -> None:
        """A run and what is asked of its model; ``returned``: what the network returns and keeps when it runs again, by what is silenced."""
        body = Body()
        trained = isinstance(model, TopFormer)
        about: dict[str, Any] = {"numBlocks": model.num_blocks, "numHeads": model.num_heads, "trained": trained}
        if isinstance(model, TopFormer):
            about |= {"classes": model.classes, "classNames": model.class_names, "channels": model.backbone.channels}
        parameters = {}
        for n in range(model.num_blocks):
            own = f"backbone.trans.transformer_blocks.{n}.attn" if trained else "attn"
            for name in ("weight", "bias"):
                parameter = attention_of(model, n).proj.get_parameter(f"1.bn.{name}")
                parameters[f"{own}.proj.1.bn.{name}"] = body.add(parameter.detach()[None], exact=True)
        message = body.message({
            "tensors": {name: body.add(tensor, exact=True) for name, tensor in run.items()},
            "sizes": run.sizes,
            "model": about,
            "parameters": parameters,
            "returned": {
                silenced: {
                    "scores": None if scores is None else body.add(scores, exact=True),
                    "kept": {name: body.add(tensor, exact=True) for name, tensor in kept.items()},
                }
                for silenced, kept, scores in returned
            },
        })  # fmt: skip
        self.page.evaluate(HANDED, host().hand(message))

    def tensor(self, expression: str) -> np.ndarray:
        """A tensor in the page, its numbers in the order of its axes."""
        return unpacked(self.page.evaluate(f"async () => ({PACKED})(await ({expression}))"))

    def ask(self, expression: str) -> Any:
        return self.page.evaluate(f"async () => await ({expression})")


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    dtype = {"Float32Array": "<f4", "Uint8Array": "u1", "Uint16Array": "<u2", "Float64Array": "<f8"}[packed["type"]]
    return np.frombuffer(base64.b64decode(packed["bytes"]), dtype).reshape(packed["shape"])


@contextmanager
def working(browser: "Browser", script: str) -> Iterator[Worker]:
    """A page with a script, which asks for what it was handed."""
    page = host().page(browser)
    page.add_script_tag(content=script)
    yield Worker(page)
    page.close()


def differences(actual: Any, expected: Any, place: str = "", tolerance: float = 1e-4) -> Iterator[str]:
    """Where two answers differ, leaf by leaf: words as they are, numbers by more than tolerance * max(1, |expected|)."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        if list(actual) != list(expected):
            yield f"{place}: {list(actual)} for {list(expected)}"
        for name in expected.keys() & actual.keys():
            yield from differences(actual[name], expected[name], f"{place}/{name}", tolerance)
    elif isinstance(expected, list | tuple) and isinstance(actual, list):
        if len(actual) != len(expected):
            yield f"{place}: {len(actual)} for {len(expected)}"
        for n, (own, other) in enumerate(zip(actual, expected, strict=False)):
            yield from differences(own, other, f"{place}/{n}", tolerance)
    elif isinstance(expected, float) and isinstance(actual, int | float) and not isinstance(actual, bool):
        if not (math.isfinite(actual) and abs(actual - expected) <= tolerance * max(1, abs(expected))):
            yield f"{place}: {actual} for {expected}"
    elif actual != expected or isinstance(actual, bool) != isinstance(expected, bool):
        yield f"{place}: {actual!r} for {expected!r}"
