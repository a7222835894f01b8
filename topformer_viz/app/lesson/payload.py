"""One block's lesson as bytes for the browser: words, shapes and the tensors of this very run.

HW x HW matrices do not travel: the explorer, a guest in the lesson, makes the scores from query and key and the
weights from the scores. These and the value travel as float32, everything else as float16.
"""

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.markup import code_html, formula_html, note_html, shape_html
from topformer_viz.app.canvas.wire import Body, Part
from topformer_viz.app.lesson.links import linked
from topformer_viz.app.lesson.question import Question
from topformer_viz.app.lesson.quiz import questions
from topformer_viz.app.lesson.words import PYRAMID_CAPTION
from topformer_viz.figures.diagrams import shape_diagram
from topformer_viz.network.colour import CHANNELS, QUESTIONS, ColourModel, Model
from topformer_viz.run.measures import PYRAMID_CELLS, PYRAMID_CHANNELS, pyramid_level
from topformer_viz.run.source_code import Source, source_of
from topformer_viz.run.stages import COMPOSITE, OPERATIONS, SIGNS, axes_of
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import asymmetry, declared_of, note_of, sources_of, spread, values_of, walk, way
from topformer_viz.words.names import CHANNEL_NAMES, QUESTION_NAMES
from topformer_viz.words.text import Lang


def lesson_part(
    run: Trace, model: Model, photo: Image.Image, block: int, lang: Lang, guest: Callable[[Body], dict[str, Any]]
) -> Part:
    """Everything the lesson shows of one block (from 0).

    ``guest`` adds the explorer's tensors to the body and gives its part of the header.
    """
    body = Body()
    steps = walk(run, block)
    sources = {name: source_of(type(model), name) for name in steps.values()}  # type: ignore[arg-type]
    header: dict[str, Any] = {
        "lang": lang,
        "heads": run.sizes["heads"],
        "grid": [run.sizes["H"], run.sizes["W"]],
        "steps": [_step(run, model, stage, name, sources[name], block, lang, body) for stage, name in steps.items()],
        "code": {source.method: code_html(source) for source in sources.values()},
    }
    for step, made_from in zip(header["steps"], way(run, block).values(), strict=True):
        step["sources"] = made_from
    header["explorer"] = guest(body)
    header["photo"] = body.add_photo(photo)
    if isinstance(model, ColourModel):
        header["channelNames"] = [CHANNEL_NAMES[name](lang) for name in CHANNELS]
        header["headNames"] = [QUESTION_NAMES[question](lang) for question in QUESTIONS]
    return body.part(header)


def _step(
    run: Trace, model: Model, stage_name: str, name: str, source: Source, block: int, lang: Lang, body: Body
) -> dict[str, Any]:
    stage, tensor = declared_of(run, name, block), run[name]
    sources = sources_of(run, name, block)
    low, high = (float(x) for x in torch.aminmax(tensor))
    step: dict[str, Any] = {
        "stage": stage_name,
        "title": stage.title(lang),
        "strand": stage.strand,
        "view": stage.view,
        "operation": stage.steps[-1].operation,
        "does": OPERATIONS[stage.steps[-1].operation](lang),
        "sign": SIGNS.get(stage.steps[-1].operation, ""),
        "axes": list(axes_of(name)),
        "shape": list(tensor.shape),
        "shapeHtml": shape_html(name, run.sizes, lang),
        "range": [low, high],
        "mean": float(tensor.mean()),
        "bytes": tensor.numel() * tensor.element_size(),
        "formula": formula_html(stage.formula, lang),
        "note": note_html(note_of(run, model, name, block, lang), lang),
        "trap": note_html(stage.trap(lang, **values_of(run)) if stage.trap else "", lang),
        "diagram": shape_diagram(stage, name, sources, run.sizes, lang),
        "method": source.method,
        "marked": source.marked,
        "facts": [],
        "links": linked(stage_name, lang),
        "quiz": [_question(asked, lang) for asked in questions(run, model, block, stage, name, sources, lang)],
    }
    if stage.view == "pyramid":
        levels = [f"pyramid{n}" for n in range(4)]
        step["levels"] = [
            _level(pyramid_level(run, n), body) | {"sizes": [(axis, run.sizes[axis]) for axis in axes_of(level)[1:]]}
            for n, level in enumerate(levels)
        ]
        step["shapeHtml"] = " … ".join(shape_html(level, run.sizes) for level in (levels[0], levels[-1]))
        step["facts"] = [PYRAMID_CAPTION(lang, channels=PYRAMID_CHANNELS, cells=PYRAMID_CELLS)]
    elif stage.view == "matrix":
        if stage_name == "weights":
            step["facts"] = [*spread(tensor, lang), asymmetry(tensor, lang)]
    elif stage.view != "photo":
        step["tensor"] = body.add(tensor, exact=bool(stage.strand))
        step["grouped"] = COMPOSITE.get(axes_of(name)[1], ("",))[0] == "heads"  # the heads' channels one after another
    return step


def _question(asked: Question, lang: Lang) -> dict[str, Any]:
    """A question with its words as HTML."""
    options = [
        {"text": note_html(option.text), "correct": option.correct, "reason": note_html(option.reason, lang)}
        for option in asked.options
    ]
    given = [note_html(line, lang) for line in asked.given]
    return {
        "kind": asked.kind,
        "live": asked.live,
        "given": given,
        "prompt": note_html(asked.prompt, lang),
        "options": options,
    }


def _level(shown: Tensor, body: Body) -> dict[str, Any]:
    return {"tensor": body.add(shown.contiguous()), "range": [float(x) for x in torch.aminmax(shown)]}
