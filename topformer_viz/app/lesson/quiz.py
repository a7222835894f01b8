"""Questions for a class to answer before it sees a stage, and what is right and wrong about each answer.

Every one can be worked out from the facts that stand with it: none has to be guessed. Which shape comes out is asked of
every stage: the question is made from its declaration alone (sources, steps, axes), the wrong answers by the usual
mistakes. Other questions have their answers in the run on show, and are left out where it gives no clear one.
Sentences carry the markup of the notes in stages.py: names in back quotes, terms of the glossary in double brackets.
"""

from collections.abc import Sequence

from topformer_viz.app.lesson.question import Question
from topformer_viz.app.lesson.quiz_run import LIVE
from topformer_viz.app.lesson.quiz_shape import shape_question
from topformer_viz.network.colour import Model
from topformer_viz.run.stages import Stage, axes_of
from topformer_viz.run.tracing import Trace
from topformer_viz.words.text import Lang


def questions(
    run: Trace, model: Model, block: int, stage: Stage, name: str, sources: Sequence[str], lang: Lang
) -> list[Question]:
    """Everything to ask about a stage of ``block`` (from 0), the best to begin with first.

    ``name`` and ``sources`` are traced names; ``stage`` declares ``name``.
    """
    shape = shape_question(stage, name, sources, run.sizes, lang)
    live = [asked for ask in LIVE.get(stage.name, ()) if (asked := ask(run, model, f"block{block}", lang))]
    same = sources and all(axes_of(source) == axes_of(name) for source in sources)
    return [*live, shape] if same else [shape, *live]
