"""The page of the whole network as a book: its parts in words, shapes, formulas and costs, with places for a run's answers.

The maps come with the run (travelling.py).
"""

from typing import Any

from topformer_viz.app.canvas import book
from topformer_viz.app.canvas.lens import LENS_WORDS
from topformer_viz.app.canvas.wire import SCENE_WORDS
from topformer_viz.app.network.parts import head_name, parts_of, summed, without_part
from topformer_viz.app.network.words import PARTS, SHARE, UI
from topformer_viz.network.classes import ClassSet
from topformer_viz.network.costs import costs
from topformer_viz.network.facts import Facts
from topformer_viz.network.model import Size
from topformer_viz.run.segmentation import SILENCED
from topformer_viz.run.walk import Known
from topformer_viz.run.whole import places
from topformer_viz.words.live import Live, Words
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import Lang, listed

WORST = 3  # classes named that the network finds worst
RARE = "#808080"  # the colour of the classes that became one


def network_book(known: Known, spec: Size, facts: Facts | None, untrained: bool, lang: Lang) -> dict[str, Any]:
    """Everything the page says of a network's runs of one shape; LookupError where a place in it has no answer.

    ``facts`` were measured of the model, where it is the bundled one; ``untrained`` networks are said to be evidence of nothing.
    """
    sizes, classes = known.shape.sizes, known.classes
    counted = costs(spec, len(classes.names) if classes else None, sizes["Y"], sizes["X"])
    return words_book(known, spec, facts, untrained, lang) | {"costs": summed(counted, parts_of(known, spec))}


def words_book(known: Known, spec: Size, facts: Facts | None, untrained: bool, lang: Lang) -> dict[str, Any]:
    """The same without what the parts cost."""
    sizes, classes = known.shape.sizes, known.classes
    data: dict[str, Any] = {
        "ui": {name: text(lang) for name, text in (UI | SCENE_WORDS | LENS_WORDS).items()}
        | {"off_note": PARTS["off_note"](lang)},
        "parts": [part.in_book(lang) for part in parts_of(known, spec)],
        "channels": list(spec.channels),
        "heads": [
            [_plain(head_name(block, head, sizes["HW"]), lang) for head in range(sizes["heads"])]
            for block in range(known.blocks)
        ],
    }
    if classes is not None:
        data |= _segmentation(classes, facts, lang)
        data["lens"] = [book.place(Live("lens", f"block{block}"), lang) for block in range(known.blocks)]
        random = [[PARTS["random"](lang), NOT_EVIDENCE(lang), PARTS["random_why"](lang)]]
        data["owed"] = random if untrained else _owed(classes, facts, lang)
    book.check(data, 0, set(places(known)))
    return data


def _plain(words: Words, lang: Lang) -> Any:
    return book.text(words, lang, str)


def _segmentation(classes: ClassSet, facts: Facts | None, lang: Lang) -> dict[str, Any]:
    """The classes by name, colour and IoU, which of them a run shows, and what becomes of it without a part's work."""
    iou = facts.iou if facts else [None] * len(classes.names)
    return {
        "set": classes.title(lang),
        "classes": [
            {"name": name(lang), "colour": colour, "iou": own}
            for name, colour, own in zip(classes.names, classes.colours, iou, strict=True)
        ],
        "rest": {"name": PARTS["rest"](lang), "colour": RARE, "iou": None},
        "legend": book.place(Live("legend", "class_scores"), lang),
        "winners": book.place(Live("winners", "class_scores"), lang),
        "without": [
            {"tensor": f"without.{part}", "text": _plain(without_part(part), lang), "val": _on_val(part, facts, lang)}
            for part in SILENCED
        ],
    }


def _on_val(part: str, facts: Facts | None, lang: Lang) -> str:
    if facts is None:
        return ""
    return PARTS["on_val"](lang, before=f"{facts.mean_iou:.3f}", after=f"{facts.without[part]:.3f}")


def _owed(classes: ClassSet, facts: Facts | None, lang: Lang) -> list[list[Any]]:
    """What the blocks contribute and where the network fails: [heading, sentence, ...] each."""
    changed = {part: Live("changed", part, {"changed": SHARE}) for part in ("attention", "blocks")}
    owed = [PARTS["owed"](lang), _plain(Words(PARTS["owed_here"], changed), lang)]
    if facts is None:
        return [owed]
    owed.append(
        PARTS["owed_val"](
            lang,
            val=facts.val,
            whole=f"{facts.mean_iou:.3f}",
            attention=f"{facts.without['attention']:.3f}",
            blocks=f"{facts.without['blocks']:.3f}",
            owed=f"{facts.mean_iou - facts.without['blocks']:.3f}",
            own=f"{facts.mean_iou - facts.without['attention']:.3f}",
        )
    )
    worst = sorted((iou, name(lang)) for iou, name in zip(facts.iou, classes.names, strict=True))[:WORST]
    told = listed(lang, (f"{name} {iou:.2f}" for iou, name in worst))
    return [owed, [PARTS["fails"](lang), PARTS["fails_how"](lang, worst=told)]]
