"""Questions whose answers are in the run on show; each is left out where the run gives no clear one."""

from collections.abc import Callable, Sequence

import torch

from topformer_viz.app.lesson import quiz_words as say
from topformer_viz.app.lesson.question import OPTIONS, Option, Question
from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.run.measures import effective_tokens, measure
from topformer_viz.run.tracing import Trace
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import Lang, Text, capital, sentences

CLEAR = 0.02  # share by which two numbers must differ for one of them to be called larger
EXACT = 1e-3  # share below which they are called the same


def _choose(kind: str, prompt: str, options: Sequence[Text], right: int, reason: str, lang: Lang) -> Question:
    """A question whose answers stand in their natural order and share one reason: the numbers."""
    answers = (Option(capital(text(lang)), n == right, reason) for n, text in enumerate(options))
    return Question(kind, (), prompt, tuple(answers), live=True)


def _compared(after: float, before: float) -> int | None:
    """0: more, 1: less, 2: the same; None where it is neither the same nor clearly different."""
    change = abs(after - before) / max(abs(before), 1e-12)
    if change < EXACT:
        return 2
    return None if change < CLEAR else int(after < before)


def _band(value: float, ends: Sequence[float]) -> int | None:
    """Between which of ``ends`` the value lies; None where it is too near to one to tell."""
    return None if any(abs(value - end) < CLEAR * end for end in ends) else sum(value > end for end in ends)


def _which_head(
    kind: str,
    prompt: Text,
    number: Text,
    values: Sequence[float],
    order: list[int],
    run: Trace,
    model: Model,
    lang: Lang,
) -> Question | None:
    """Which head is first in ``order``; None where the second is hardly different."""
    first, second = (values[head] for head in order[:2])
    if abs(first - second) <= CLEAR * max(abs(first), abs(second)):
        return None

    def called(head: int) -> str:
        if isinstance(model, ColourModel):
            return say.NAMED_HEAD(lang, n=head + 1, name=QUESTION_NAMES[list(QUESTIONS)[head]](lang))
        return say.HEAD(lang, n=head + 1)

    def said(head: int) -> str:
        return number(lang, value=values[head], HW=run.sizes["HW"])

    best, options = order[0], []
    for head in sorted(order[:: -(-len(order) // OPTIONS)]):
        if head == best:
            reason = say.THIS_HEAD(lang, head=called(head), number=said(head))
        else:
            reason = say.NOT_THIS_HEAD(
                lang, head=called(head), number=said(head), best=called(best), best_number=said(best)
            )
        options.append(Option(called(head), head == best, reason))
    return Question(kind, (), prompt(lang), tuple(options), live=True)


def _focused(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    values = effective_tokens(run[f"{block}.weights"][0]).mean(-1).tolist()
    order = sorted(range(len(values)), key=lambda head: values[head])
    return _which_head("focused", say.FOCUSED, say.EFFECTIVE, values, order, run, model, lang)


def _furthest(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    values = measure(run, int(block.removeprefix("block"))).distance.tolist()
    order = sorted(range(len(values)), key=lambda head: -values[head])
    return _which_head("furthest", say.FURTHEST, say.DISTANCE, values, order, run, model, lang)


def _scale(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    scores, key_dim = run[f"{block}.scores"], run.sizes["key_dim"]
    after = (run[f"{block}.weights"], (scores * key_dim**-0.5).softmax(dim=-1))
    plain, scaled = (float(effective_tokens(weights).mean()) for weights in after)
    right = _compared(scaled, plain)
    if right is None:
        return None
    reason = say.SCALED(lang, plain=plain, scaled=scaled)
    return _choose("scale", say.SCALE(lang, key_dim=key_dim), (say.MORE, say.FEWER, say.AS_MANY), right, reason, lang)


def _sums(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    weights = run[f"{block}.weights"][0]
    columns = weights.sum(-2)
    off = float((columns - 1).abs().max())
    if EXACT <= off < CLEAR:
        return None
    low, high = (float(end) for end in torch.aminmax(columns))
    reason = say.SUMS_ARE(lang, rows=float(weights.sum(-1).mean()), low=low, high=high)
    return _choose("sums", say.SUMS(lang), (say.ROWS, say.COLUMNS, say.BOTH), 2 if off < EXACT else 0, reason, lang)


def _alike(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    if run.sizes["HW"] < 2:
        return None
    value, mixed = (float(run[f"{block}.{name}"].std(-2).mean()) for name in ("value", "mixed"))
    spread = _compared(mixed, value)
    if spread is None:
        return None
    right = {0: 1, 1: 0, 2: 2}[spread]  # the larger the spread, the less alike
    reason = say.SPREADS(lang, value=value, mixed=mixed)
    return _choose("alike", say.ALIKE(lang), (say.MORE_ALIKE, say.LESS_ALIKE, say.AS_ALIKE), right, reason, lang)


def _zeros(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    share = float((run[f"{block}.activated"] == 0).float().mean())
    right = _band(share, (0.25, 0.5, 0.75))
    if right is None:
        return None
    return _choose("zeros", say.ZEROS(lang), say.QUARTERS, right, say.ZEROS_ARE(lang, share=share), lang)


def _branch(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    projected = run[f"{block}.projected"]
    share, largest = float((projected == 0).float().mean()), float(projected.abs().max())
    if CLEAR < share < 1:
        return None
    reason = say.BRANCH_IS(lang, share=share, largest=largest)
    if share == 1:
        reason = sentences(lang, (reason, say.BRANCH_GAIN(lang)))
    return _choose(
        "branch", say.BRANCH(lang), (say.NOTHING, say.HALF, say.SOMETHING), 0 if share == 1 else 2, reason, lang
    )


def _added(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    tokens, added = (float(run[f"{block}.{name}"].square().mean().sqrt()) for name in ("tokens", "projected"))
    share = added / max(tokens, 1e-12)
    right = 0 if added == 0 else _band(share, (0.5, 1))
    if right is None:
        return None
    right += added != 0
    return _choose(
        "added", say.ADDED(lang), say.PARTS, right, say.ADDED_IS(lang, tokens=tokens, added=added, share=share), lang
    )


LIVE: dict[str, tuple[Callable[[Trace, Model, str, Lang], Question | None], ...]] = {
    "scores": (_scale,),
    "weights": (_focused, _sums, _furthest),
    "mixed": (_alike,),
    "activated": (_zeros,),
    "projected": (_branch,),
    "residual": (_added,),
}
