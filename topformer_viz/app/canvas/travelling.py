"""What travels of a run: its tensors by name and its answers, once, for every page, block and language.

What the browser can make of other tensors does not travel; recipes say how it is made (run.js): scores and weights of
query and key, mixed values of these, sums, and what only lies otherwise. Everything travels as float32, but for what is shown
of the pyramid and averaged matrices, which are float16.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image

from topformer_viz.app.canvas.wire import Body
from topformer_viz.network.colour import Model
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.run.measures import Measures, measure, pooled, pyramid_level
from topformer_viz.run.numbers import answers_of, measures_of
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import Shape, declared_of, shape_of, sources_of, walk
from topformer_viz.words.live import Answers, key_of

POOLED = 128  # cells per side of the matrix where it has too many entries for a cell each
Recipe = Mapping[str, Any]  # {what is done: to which tensors}


@torch.inference_mode()
def travels(run: Trace, model: Model, photo: Image.Image, name: str) -> tuple[bytes, bytes]:
    """A run in two parts: what attention is made of, with all answers and the photograph; and the other maps of its stages.

    ``name`` is the run's. Both are messages of wire.py.
    """
    measured = [measure(run, n) for n in range(model.num_blocks)]
    known = {key_of("measures", f"block{n}"): measures_of(block) for n, block in enumerate(measured)}
    return attention_message(run, measured, answers_of(run, model, known), photo, name), _maps(run, model, name)


def attention_message(
    run: Trace, measured: Sequence[Measures], answers: Answers, photo: Image.Image, name: str
) -> bytes:
    """What attention is made of, in every block that was ``measured``."""
    body, tensors = Body(), {}
    for n, measures in enumerate(measured):
        block = f"block{n}"
        for part in ("query", "key", "value"):
            for traced in (f"{block}.{part}", f"{block}.{part}_map"):
                if traced in run:
                    tensors[traced] = body.add(run[traced], exact=True)
        tensors[f"{block}.log_sum_exp"] = body.add(measures.log_sum_exp[None], exact=True)
        if run.sizes["HW"] > DENSE_TOKENS:
            for values, cells in zip(("scores", "weights"), pooled(run, n, POOLED), strict=True):
                tensors[f"{block}.{values}.pooled"] = body.add(cells[None])
    return body.message({
        "run": name, "grid": [run.sizes["H"], run.sizes["W"]], "heads": run.sizes["heads"], "blocks": len(measured),
        "dense": DENSE_TOKENS, "photo": body.add_photo(photo), "tensors": tensors, "answers": answers,
    })  # fmt: skip


def _maps(run: Trace, model: Model, name: str) -> bytes:
    shape, body, tensors, recipes = shape_of(run), Body(), {}, {}
    for n in range(model.num_blocks):
        for stage, traced in walk(shape, n).items():
            declared = declared_of(shape, traced, n)
            if declared.view in ("photo", "matrix", "pyramid") or declared.strand:
                continue
            if recipe := recipe_of(shape, stage, traced, n):
                recipes[traced] = recipe
            else:
                tensors[traced] = body.add(run[traced].contiguous(), exact=True)
    for n in range(4):
        if f"pyramid{n}" in shape:
            tensors[f"pyramid{n}.shown"] = body.add(pyramid_level(run, n).contiguous())
    return body.message({"run": name, "tensors": tensors, "recipes": recipes})


def recipe_of(shape: Shape, stage: str, traced: str, block: int) -> Recipe | None:
    """How the browser makes a stage's tensor of others; None where it travels itself."""
    operation = declared_of(shape, traced, block).steps[-1].operation
    sources = ["tokens" if name == "block0.tokens" else name for name in sources_of(shape, traced, block)]
    if stage == "mixed":
        return {"mix": block}
    if stage == "merged":
        return {"merge": sources[0]}
    if operation == "add":
        return {"add": sources}
    return {operation: sources[0]} if operation in ("relu6", "enter") else None
