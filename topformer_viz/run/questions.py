"""Questions whose answers are in the run on show: what is given, and which answer is right, in numbers.

Each is None where the run gives no clear answer, or another than the given facts lead to. An answer is {"given": a saying,
"options": [{"text": a saying, "right": bool, "reason": a saying}, ...]}; the lesson has the words.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from topformer_viz.run.asking import Asked
from topformer_viz.run.measures import effective_tokens
from topformer_viz.run.tracing import attention_of
from topformer_viz.words.live import Answer

OPTIONS = 4  # answers to a question at most, the right one among them
CLEAR = 0.02  # share by which two numbers must differ for one of them to be called larger
EXACT = 1e-3  # share below which they are called the same


def _choose(given: Answer, options: Sequence[str], right: int, reason: Answer) -> Answer:
    """A question whose answers stand in their natural order and share one reason: the numbers."""
    answers = [{"text": {"say": name}, "right": n == right, "reason": reason} for n, name in enumerate(options)]
    return {"given": given, "options": answers}


def _compared(after: float, before: float) -> int | None:
    """0: more, 1: less, 2: the same; None where it is neither the same nor clearly different."""
    change = abs(after - before) / max(abs(before), 1e-12)
    if change < EXACT:
        return 2
    return None if change < CLEAR else int(after < before)


def _band(value: float, ends: Sequence[float]) -> int | None:
    """Between which of ``ends`` the value lies; None where it is too near to one to tell."""
    return None if any(abs(value - end) < CLEAR * end for end in ends) else sum(value > end for end in ends)


def _ends(values: Tensor) -> tuple[float, float]:
    low, high = torch.aminmax(values.detach())  # a model's own parameters may be among them
    return float(low), float(high)


def _clearly_first(values: Sequence[float], order: Sequence[int]) -> bool:
    """Whether the first two of ``values`` in this order differ."""
    first, second = (values[head] for head in order[:2])
    return abs(first - second) > CLEAR * max(abs(first), abs(second))


def _focused(run: Asked, block: str) -> Answer:
    effective = run.answer("measures", block)["effective"]
    varied = run.tensor(f"{block}.scores")[0].std(-1, correction=0).mean(-1).tolist()
    heads = range(len(effective))
    order, told = sorted(heads, key=lambda head: effective[head]), sorted(heads, key=lambda head: -varied[head])
    if order[0] != told[0] or not (_clearly_first(effective, order) and _clearly_first(varied, told)):
        return None
    best, offered = order[0], sorted(order[:: -(-len(order) // OPTIONS)])

    def spread(head: int) -> dict[str, Any]:
        return {"head": {"say": f"head{head}"}, "value": effective[head]}

    first = spread(best)
    others = {"best": first["head"], "best_value": first["value"], "HW": run.sizes["HW"]}
    options = [
        {
            "text": {"say": f"head{head}"},
            "right": head == best,
            "reason": {"say": "this_head" if head == best else "not_this_head", **others, **spread(head)},
        }
        for head in offered
    ]
    vary = [{"say": "scores_of_head", "n": head + 1, "value": varied[head]} for head in offered]
    return {"given": {"say": "scores_vary", "heads": vary}, "options": options}


def _spreads_over(effective: float, run: Asked) -> Answer:
    return {"say": "spreads_over", "effective": effective, "HW": run.sizes["HW"]}


def _scale(run: Asked, block: str) -> Answer:
    scores, key_dim, HW = run.tensor(f"{block}.scores"), run.sizes["key_dim"], run.sizes["HW"]
    plain = fmean(run.answer("measures", block)["effective"])
    scaled = float(effective_tokens((scores * key_dim**-0.5).softmax(dim=-1)).mean())
    right = _compared(scaled, plain)
    if right is None or (right != 0 and plain < HW * (1 - EXACT)):  # rows that are one-hot, and stay so
        return None
    reason = {"say": "flat_already" if right else "scaled", "plain": plain, "scaled": scaled}
    return _choose(_spreads_over(plain, run), ("more", "fewer", "as_many"), right, reason)


def _sums(run: Asked, block: str) -> Answer:
    weights = run.tensor(f"{block}.weights")[0]
    columns = weights.sum(-2)
    off = float((columns - 1).abs().max())
    if EXACT <= off < CLEAR:
        return None
    (low, high), (least, most) = _ends(columns), _ends(run.tensor(f"{block}.scores"))
    same = off < EXACT
    reason = {
        "say": "sums_are_1" if same else "sums_are",
        "rows": float(weights.sum(-1).mean()),
        "low": low,
        "high": high,
    }
    given = {"say": "scores_go", "low": least, "high": most}
    return _choose(given, ("rows", "columns", "both"), 2 if same else 0, reason)


def _alike(run: Asked, block: str) -> Answer:
    if run.sizes["HW"] < 2:
        return None
    value, mixed = (float(run.tensor(f"{block}.{name}").std(-2).mean()) for name in ("value", "mixed"))
    effective = fmean(run.answer("measures", block)["effective"])
    if effective < 2 or _compared(mixed, value) != 1:  # rows that read one token each are no means
        return None
    reason = {"say": "varies", "value": value, "mixed": mixed}
    return _choose(_spreads_over(effective, run), ("more_alike", "less_alike", "as_alike"), 0, reason)


def _become_zero(run: Asked, block: str) -> Answer:
    share = float((run.tensor(f"{block}.activated") == 0).float().mean())
    right = _band(share, (0.25, 0.5, 0.75))
    if right is None:
        return None
    quartiles = np.quantile(
        run.tensor(f"{block}.merged").cpu().numpy(), (0.25, 0.5, 0.75)
    ).tolist()  # torch's sorts all
    given = {"say": "quartiles"} | dict(zip(("first", "second", "third"), quartiles, strict=True))
    return _choose(given, ("quarter1", "quarter2", "quarter3", "quarter4"), right, {"say": "zeros_are", "share": share})


def _branch(run: Asked, block: str) -> Answer:
    projected = run.tensor(f"{block}.projected")
    share, largest = float((projected == 0).float().mean()), float(projected.abs().max())
    if CLEAR < share < 1:
        return None
    attention = attention_of(run.model, int(block.removeprefix("block")))
    (low, high), (least, most) = (
        _ends(attention.proj.get_parameter(f"1.bn.{name}").detach()) for name in ("weight", "bias")
    )
    reason = {"say": "branch_is_zero"} if share == 1 else {"say": "branch_is", "share": share, "largest": largest}
    given = {"say": "gain_and_bias", "low": low, "high": high, "least": least, "most": most}
    return _choose(given, ("nothing", "half", "something"), 0 if share == 1 else 2, reason)


QUESTIONS: Mapping[str, Callable[[Asked, str], Answer]] = {
    "scale": _scale,
    "focused": _focused,
    "sums": _sums,
    "alike": _alike,
    "become_zero": _become_zero,
    "branch": _branch,
}
