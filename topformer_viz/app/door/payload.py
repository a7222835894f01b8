"""The door's words as a book: what it says of a model's runs of one shape."""

from typing import Any

from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.door.words import ONE_HEAD, UI, WORDS
from topformer_viz.network.colour import QUESTIONS, ColourModel
from topformer_viz.run.walk import Known, walk
from topformer_viz.words.names import HEAD_N, QUESTION_NAMES
from topformer_viz.words.text import Lang

DEEPER = {
    "query": "query",
    "key": "key",
    "row": "weights",
    "value": "value",
    "head": "merged",
}  # word -> the lesson's stage


def door_book(known: Known, lang: Lang) -> dict[str, Any]:
    """Everything the door says but its badge, which depends on the picture."""
    sizes, stages = known.shape.sizes, walk(known.shape, 0)
    heads = sizes["heads"]
    names, where = _heads(known, heads, lang)
    counts = {"n": sizes["HW"], "dim": sizes["key_dim"], "d": sizes["d"], "heads": heads}
    words = {
        name: (title, ONE_HEAD if name == "head" and heads == 1 else meaning)
        for name, (title, meaning) in WORDS.items()
    }
    return {
        "lang": lang, "space": " " if lang == "en" else "",
        "ui": {name: text(lang) for name, text in UI.items()} | {"cut": UI["cut"](lang, **counts)},
        "names": names, "where": where,
        "words": {
            name: {"title": title(lang), "meaning": note_html(meaning(lang, **counts), lang)} for name, (title, meaning) in words.items()
        },
        "stages": {word: stage for word, stage in DEEPER.items() if stage in stages},
    }  # fmt: skip


def _heads(known: Known, heads: int, lang: Lang) -> tuple[list[str], list[str]]:
    """Every head's name, and the beginning of a sentence about it."""
    if issubclass(known.model, ColourModel):
        names = [QUESTION_NAMES[name](lang) for name in QUESTIONS]
        return names, [UI["in_question"](lang, n=n, question=question) for n, question in enumerate(names, 1)]
    counted = range(1, heads + 1)
    return [HEAD_N(lang, n=n) for n in counted], [UI["in_head"](lang, n=n) for n in counted]
