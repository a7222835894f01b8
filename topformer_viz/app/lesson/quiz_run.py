"""Questions whose answers are in the run on show.

Each is left out where the run gives no clear answer, or another than the given facts lead to.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from topformer_viz.app.lesson import quiz_words as say
from topformer_viz.app.lesson.question import OPTIONS, Option, Question
from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.network.model import Attention
from topformer_viz.run.measures import effective_tokens
from topformer_viz.run.tracing import Trace
from topformer_viz.words.names import HEAD_N, QUESTION_NAMES
from topformer_viz.words.numbers import signed_digits
from topformer_viz.words.text import Lang, Text, capital, listed, sentences

CLEAR = 0.02  # share by which two numbers must differ for one of them to be called larger
EXACT = 1e-3  # share below which they are called the same


def _choose(
    kind: str, given: str, prompt: str, options: Sequence[Text], right: int, reason: str, lang: Lang
) -> Question:
    """A question whose answers stand in their natural order and share one reason: the numbers."""
    answers = (Option(capital(text(lang)), n == right, reason) for n, text in enumerate(options))
    return Question(kind, (given,), prompt, tuple(answers), live=True)


def _compared(after: float, before: float) -> int | None:
    """0: more, 1: less, 2: the same; None where it is neither the same nor clearly different."""
    change = abs(after - before) / max(abs(before), 1e-12)
    if change < EXACT:
        return 2
    return None if change < CLEAR else int(after < before)


def _band(value: float, ends: Sequence[float]) -> int | None:
    """Between which of ``ends`` the value lies; None where it is too near to one to tell."""
    return None if any(abs(value - end) < CLEAR * end for end in ends) else sum(value > end for end in ends)


def _ends(values: Tensor) -> tuple[str, str]:
    """The smallest and the largest value, to be read."""
    low, high = (signed_digits(end.item()) for end in torch.aminmax(values))
    return low, high


def _clearly_first(values: Sequence[float], order: Sequence[int]) -> bool:
    """Whether the first two of ``values`` in this order differ."""
    first, second = (values[head] for head in order[:2])
    return abs(first - second) > CLEAR * max(abs(first), abs(second))


def _focused(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    effective = effective_tokens(run[f"{block}.weights"][0]).mean(-1).tolist()
    varied = run[f"{block}.scores"][0].std(-1, correction=0).mean(-1).tolist()
    heads = range(len(effective))
    order, told = sorted(heads, key=lambda head: effective[head]), sorted(heads, key=lambda head: -varied[head])
    if order[0] != told[0] or not (_clearly_first(effective, order) and _clearly_first(varied, told)):
        return None

    def called(head: int) -> str:
        name = capital(HEAD_N(lang, n=head + 1))
        if isinstance(model, ColourModel):
            return say.NAMED_HEAD(lang, head=name, name=QUESTION_NAMES[list(QUESTIONS)[head]](lang))
        return name

    def said(head: int) -> str:
        return say.EFFECTIVE(lang, value=effective[head], HW=run.sizes["HW"])

    best, options = order[0], []
    offered = sorted(order[:: -(-len(order) // OPTIONS)])
    for head in offered:
        if head == best:
            reason = say.THIS_HEAD(lang, head=called(head), number=said(head))
        else:
            reason = say.NOT_THIS_HEAD(
                lang, head=called(head), number=said(head), best=called(best), best_number=said(best)
            )
        options.append(Option(called(head), head == best, reason))
    vary = (say.SCORES_OF_HEAD(lang, head=HEAD_N(lang, n=head + 1), value=varied[head]) for head in offered)
    given = say.SCORES_VARY(lang, heads=listed(lang, vary))
    return Question("focused", (given,), say.FOCUSED(lang), tuple(options), live=True)


def _scale(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    scores, key_dim, HW = run[f"{block}.scores"], run.sizes["key_dim"], run.sizes["HW"]
    after = (run[f"{block}.weights"], (scores * key_dim**-0.5).softmax(dim=-1))
    plain, scaled = (float(effective_tokens(weights).mean()) for weights in after)
    right = _compared(scaled, plain)
    if right is None or (right != 0 and plain < HW * (1 - EXACT)):  # rows that are one-hot, and stay so
        return None
    reason = (say.FLAT_ALREADY if right else say.SCALED)(lang, plain=plain, scaled=scaled)
    given, prompt = say.SPREADS_OVER(lang, effective=plain, HW=HW), say.SCALE(lang, key_dim=key_dim)
    return _choose("scale", given, prompt, (say.MORE, say.FEWER, say.AS_MANY), right, reason, lang)


def _sums(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    weights = run[f"{block}.weights"][0]
    columns = weights.sum(-2)
    off = float((columns - 1).abs().max())
    if EXACT <= off < CLEAR:
        return None
    low, high = (float(end) for end in torch.aminmax(columns))
    least, most = _ends(run[f"{block}.scores"])
    reason = say.SUMS_ARE(lang, rows=float(weights.sum(-1).mean()), low=low, high=high)
    if off < EXACT:
        reason = sentences(lang, (reason, say.ALL_EQUAL(lang)))
    given, right = say.SCORES_GO(lang, low=least, high=most), 2 if off < EXACT else 0
    return _choose("sums", given, say.SUMS(lang), (say.ROWS, say.COLUMNS, say.BOTH), right, reason, lang)


def _alike(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    HW = run.sizes["HW"]
    if HW < 2:
        return None
    value, mixed = (float(run[f"{block}.{name}"].std(-2).mean()) for name in ("value", "mixed"))
    effective = float(effective_tokens(run[f"{block}.weights"]).mean())
    if effective < 2 or _compared(mixed, value) != 1:  # rows that read one token each are no means
        return None
    given, reason = say.SPREADS_OVER(lang, effective=effective, HW=HW), say.VARIES(lang, value=value, mixed=mixed)
    return _choose("alike", given, say.ALIKE(lang), (say.MORE_ALIKE, say.LESS_ALIKE, say.AS_ALIKE), 0, reason, lang)


def _zeros(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    share = float((run[f"{block}.activated"] == 0).float().mean())
    right = _band(share, (0.25, 0.5, 0.75))
    if right is None:
        return None
    quartiles = run[f"{block}.merged"].flatten().cpu().quantile(torch.tensor([0.25, 0.5, 0.75])).tolist()
    first, second, third = (signed_digits(value) for value in quartiles)
    given = say.QUARTILES(lang, first=first, second=second, third=third)
    return _choose("zeros", given, say.ZEROS(lang), say.QUARTERS, right, say.ZEROS_ARE(lang, share=share), lang)


def _branch(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    projected = run[f"{block}.projected"]
    share, largest = float((projected == 0).float().mean()), float(projected.abs().max())
    if CLEAR < share < 1:
        return None
    attention = [part for part in model.modules() if isinstance(part, Attention)][int(block.removeprefix("block"))]
    gain, bias = (attention.proj.get_parameter(f"1.bn.{name}") for name in ("weight", "bias"))
    (low, high), (least, most) = _ends(gain), _ends(bias)
    reason = say.BRANCH_IS_ZERO(lang) if share == 1 else say.BRANCH_IS(lang, share=share, largest=largest)
    return _choose(
        "branch", say.GAIN_AND_BIAS(lang, low=low, high=high, least=least, most=most), say.BRANCH(lang),
        (say.NOTHING, say.HALF, say.SOMETHING), 0 if share == 1 else 2, reason, lang,
    )  # fmt: skip


LIVE: dict[str, tuple[Callable[[Trace, Model, str, Lang], Question | None], ...]] = {
    "scores": (_scale,),
    "weights": (_focused, _sums),
    "mixed": (_alike,),
    "activated": (_zeros,),
    "projected": (_branch,),
}
