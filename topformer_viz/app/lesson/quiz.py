"""Questions for a class to answer before it sees a stage, and what is right and wrong about each answer.

Every one can be worked out from the facts that stand with it: none has to be guessed. Which shape comes out is asked of
every stage: the question is made from its declaration alone (sources, steps, axes), the wrong answers by the usual
mistakes. Other questions have their answers in the run on show (run/questions.py), and are left out where it gives no clear one.
Sentences carry the markup of the notes in stages.py: names in back quotes, terms of the glossary in double brackets.
"""

from collections.abc import Mapping, Sequence

from topformer_viz.app.lesson import quiz_words as say
from topformer_viz.app.lesson.question import LiveQuestion, Question
from topformer_viz.app.lesson.quiz_shape import shape_question
from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.network.model import DENSE_TOKENS
from topformer_viz.run.stages import Stage, axes_of
from topformer_viz.words.names import HEAD_N, QUESTION_NAMES
from topformer_viz.words.text import Lang, Text, capital

# By stage, the best to begin with first.
LIVE: dict[str, tuple[str, ...]] = {
    "scores": ("scale",),
    "weights": ("focused", "sums"),
    "mixed": ("alike",),
    "activated": ("become_zero",),
    "projected": ("branch",),
}


def questions(
    stage: Stage, name: str, sources: Sequence[str], sizes: Mapping[str, int], model: type[Model], lang: Lang
) -> list[Question | LiveQuestion]:
    """Everything to ask about a stage, the best to begin with first.

    ``name`` and ``sources`` are traced names; ``stage`` declares ``name``. A run that keeps no whole matrices answers none.
    """
    shape = shape_question(stage, name, sources, sizes, lang)
    live = [_live(kind, sizes, model) for kind in LIVE.get(stage.name, ()) if sizes["HW"] <= DENSE_TOKENS]
    same = sources and all(axes_of(source) == axes_of(name) for source in sources)
    return [*live, shape] if same else [shape, *live]


def _live(kind: str, sizes: Mapping[str, int], model: type[Model]) -> LiveQuestion:
    prompt, texts = say.LIVE[kind]
    heads = _heads(sizes["heads"], model) if kind == "focused" else {}
    capitals = {name: Text(capital(text.en), text.zh) for name, text in texts.items() if name in say.OPTIONS}
    return LiveQuestion(kind, prompt.format(**sizes), texts | capitals | heads)


def _heads(heads: int, model: type[Model]) -> dict[str, Text]:
    """Every head's name at the beginning of a sentence."""
    names = [HEAD_N.format(n=n) for n in range(1, heads + 1)]
    names = [Text(capital(name.en), name.zh) for name in names]
    if issubclass(model, ColourModel):
        asked = (QUESTION_NAMES[question] for question in QUESTIONS)
        names = [say.NAMED_HEAD.format(head=name, name=question) for name, question in zip(names, asked, strict=True)]
    return {f"head{n}": name for n, name in enumerate(names)}
