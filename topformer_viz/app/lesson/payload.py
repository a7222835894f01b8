"""The lesson as a book: all its stages in words, shapes, diagrams, code and questions, with places for a run's numbers.

The tensors come from the run (canvas/travelling.py); a stage names its own. Stages that are the same in several blocks are
in it once.
"""

import math
from typing import Any

from topformer_viz.app.canvas import book
from topformer_viz.app.canvas.markup import code_html, formula_html, note_html, shape_html
from topformer_viz.app.explorer.payload import explorer_book
from topformer_viz.app.lesson.links import linked
from topformer_viz.app.lesson.question import LiveQuestion, Question
from topformer_viz.app.lesson.quiz import questions
from topformer_viz.app.lesson.search import search_data
from topformer_viz.app.lesson.words import PYRAMID_CAPTION, UI
from topformer_viz.figures.diagrams import shape_diagram
from topformer_viz.network.colour import CHANNELS, ColourModel
from topformer_viz.run.measures import PYRAMID_CELLS, PYRAMID_CHANNELS
from topformer_viz.run.numbers import places
from topformer_viz.run.source_code import Source, source_of
from topformer_viz.run.stages import COMPOSITE, OPERATIONS, SIGNS, axes_of
from topformer_viz.run.walk import FACTS, Known, declared_of, note_of, sources_of, values_of, walk, way
from topformer_viz.words.live import HERE, Live
from topformer_viz.words.names import CHANNEL_NAMES
from topformer_viz.words.text import Lang

FLOAT32 = 4  # bytes
OF_ITS_BLOCK = (
    "tokens",
    "output",
)  # stages of which a block says something of its own; the others are told once for all


def lesson_book(known: Known, lang: Lang) -> dict[str, Any]:
    """Everything the lesson says of a model's runs of one shape; LookupError where a place in it has no answer."""
    told: list[dict[str, Any]] = []
    blocks: list[list[int]] = []
    for block in range(known.blocks):
        numbers = []
        for n, (stage, name) in enumerate(walk(known.shape, block).items()):
            if not block or stage in OF_ITS_BLOCK:
                told.append(_step(known, stage, name, block, lang))
            numbers.append(len(told) - 1 if not block or stage in OF_ITS_BLOCK else blocks[0][n])
        blocks.append(numbers)
    answered = set(places(known.shape, known.blocks))
    for block, numbers in enumerate(blocks):
        book.check([told[n] for n in numbers], block, answered)
    sources = {source.method: source for block in range(known.blocks) for source in _sources(known, block)}
    data: dict[str, Any] = {
        "lang": lang,
        "ui": {name: text(lang) for name, text in UI.items()},
        "search": search_data(lang),
        "steps": told,
        "blocks": blocks,
        "code": {method: code_html(source) for method, source in sources.items()},
        "explorer": explorer_book(known, lang),
    }
    if issubclass(known.model, ColourModel):
        data["channelNames"] = [CHANNEL_NAMES[name](lang) for name in CHANNELS]
    return data


def _sources(known: Known, block: int) -> list[Source]:
    return [_source(known, name) for name in walk(known.shape, block).values()]


def _source(known: Known, name: str) -> Source:
    return source_of(known.model, name)  # type: ignore[arg-type]


def _step(known: Known, stage_name: str, name: str, block: int, lang: Lang) -> dict[str, Any]:
    shape, sizes = known.shape, dict(known.shape.sizes)
    stage, sources, of = (
        declared_of(shape, name, block),
        sources_of(shape, name, block),
        name.replace(f"block{block}.", f"{HERE}."),
    )
    axes, source = axes_of(name), _source(known, name)

    def markup(text: str) -> str:
        return note_html(text, lang)

    step: dict[str, Any] = {
        "stage": stage_name,
        "title": stage.title(lang),
        "strand": stage.strand,
        "view": stage.view,
        "operation": stage.steps[-1].operation,
        "does": OPERATIONS[stage.steps[-1].operation](lang),
        "sign": SIGNS.get(stage.steps[-1].operation, ""),
        "axes": list(axes),
        "shape": [sizes[axis] for axis in axes],
        "shapeHtml": shape_html(name, sizes, lang),
        "range": book.place(Live("range", of), lang),
        "mean": book.place(Live("mean", of), lang),
        "bytes": FLOAT32 * math.prod(sizes[axis] for axis in axes),
        "formula": formula_html(stage.formula, lang),
        "note": book.text(note_of(shape, known.model, name, block, known.blocks), lang, markup),
        "trap": markup(stage.trap(lang, **values_of(shape))) if stage.trap else "",
        "diagram": shape_diagram(stage, name, sources, sizes, lang),
        "method": source.method,
        "marked": source.marked,
        "sources": way(shape, block)[stage_name],
        "facts": [book.place(fact, lang) for fact in FACTS.get(stage_name, ())],
        "links": linked(stage_name, lang),
        "quiz": [_question(asked, lang) for asked in questions(stage, name, sources, sizes, known.model, lang)],
    }
    if stage.view == "pyramid":
        levels = [f"pyramid{n}" for n in range(4)]
        step["levels"] = [
            {
                "tensor": f"{level}.shown",
                "range": book.place(Live("shown_range", level), lang),
                "sizes": [(axis, sizes[axis]) for axis in axes_of(level)[1:]],
            }
            for level in levels
        ]
        step["shapeHtml"] = " … ".join(shape_html(level, sizes) for level in (levels[0], levels[-1]))
        step["facts"] = [PYRAMID_CAPTION(lang, channels=PYRAMID_CHANNELS, cells=PYRAMID_CELLS)]
    elif stage.view not in ("photo", "matrix"):
        step["tensor"] = of
        step["grouped"] = COMPOSITE.get(axes[1], ("",))[0] == "heads"  # the heads' channels one after another
    return step


def _question(asked: Question | LiveQuestion, lang: Lang) -> dict[str, Any]:
    """A question with its words as HTML; of one that the run answers, the texts of its answer's sayings."""

    def markup(text: str) -> str:
        return note_html(text, lang)

    data: dict[str, Any] = {
        "kind": asked.kind,
        "prompt": markup(asked.prompt(lang) if isinstance(asked, LiveQuestion) else asked.prompt),
    }
    if isinstance(asked, LiveQuestion):
        return data | {"question": book.place(Live(asked.kind, HERE, asked.texts), lang, markup)}
    options = [
        {"text": note_html(option.text), "correct": option.correct, "reason": markup(option.reason)}
        for option in asked.options
    ]
    return data | {"live": False, "given": [markup(line) for line in asked.given], "options": options}
