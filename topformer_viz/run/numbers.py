"""The numbers of a run that words, legends and questions quote: one function a number, by name, in one table.

Each takes what is asked of a run and what it is asked ``of``, a traced tensor or a block ("block0"), and gives an answer
(words/live.py), from the float32 tensors; one may follow from another. What words say with them is the book's.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from topformer_viz.network.colour import Model
from topformer_viz.run.asking import Asked
from topformer_viz.run.measures import Measures, measure, pyramid_level
from topformer_viz.run.questions import QUESTIONS
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import Shape, shape_of, walk
from topformer_viz.words.live import Answer, Answers, key_of

UNIFORM = 0.999  # share of all tokens from which on rows are called uniform


def _range(run: Asked, of: str) -> Answer:
    return [float(end) for end in torch.aminmax(_as_it_lies(run.tensor(of)))]


def _as_it_lies(tensor: Tensor) -> Tensor:
    """The same numbers in the order of the memory, channels last or not: of those torch finds the ends faster."""
    last = tensor.movedim(1, -1)
    return last if last.is_contiguous() else tensor


def _mean(run: Asked, of: str) -> Answer:
    return float(run.tensor(of).mean())


def _shown_range(run: Asked, of: str) -> Answer:
    """Of what is shown of a pyramid level."""
    return [float(end) for end in torch.aminmax(pyramid_level(run.trace, int(of[-1])))]


def _zeros(run: Asked, of: str) -> Answer:
    """The share of entries that are 0."""
    return {"say": "zeros", "share": float((run.tensor(of) == 0).float().mean())}


def _largest(run: Asked, of: str) -> Answer:
    largest = float(run.tensor(of).abs().amax())
    return {"say": "largest", "value": largest} if largest else {"say": "zero"}


def _change(run: Asked, of: str) -> Answer:
    """By how much a block's residual differs from its tokens."""
    change = float((run.tensor(f"{of}.residual") - run.tensor(f"{of}.tokens")).abs().amax())
    return {"say": "changed", "value": change} if change else {"say": "unchanged"}


def _measures(run: Asked, of: str) -> Answer:
    return measures_of(measure(run.trace, int(of.removeprefix("block"))))


def measures_of(measured: Measures) -> Answer:
    """A block's measures of each head, by name; ``log_sum_exp``, of each row, travels as a tensor."""
    return {name: value.tolist() for name, value in vars(measured).items() if name != "log_sum_exp"}


def _effective(run: Asked, of: str) -> Answer:
    """How spread the rows of each head are: exp(entropy), averaged over the rows."""
    return {"say": "effective", "heads": run.answer("measures", of)["effective"], "HW": run.sizes["HW"]}


def _uniform(run: Asked, of: str) -> Answer:
    spread = run.answer("measures", of)["effective"]
    return {"say": "uniform"} if min(spread) > UNIFORM * run.sizes["HW"] else None


def _asymmetry(run: Asked, of: str) -> Answer:
    """How far each head's matrix of weights is from its own transpose: the largest difference."""
    weights = run.tensor(f"{of}.weights")
    return {"say": "asymmetry", "heads": (weights - weights.transpose(-1, -2)).abs().amax((0, -1, -2)).tolist()}


NUMBERS: Mapping[str, Callable[[Asked, str], Answer]] = {
    "range": _range,
    "mean": _mean,
    "shown_range": _shown_range,
    "zeros": _zeros,
    "largest": _largest,
    "change": _change,
    "measures": _measures,
    "effective": _effective,
    "uniform": _uniform,
    "asymmetry": _asymmetry,
    **QUESTIONS,
}
OF_TENSORS = {"zeros": "activated", "largest": "projected"}  # what is asked of one tensor of a block alone
OF_MATRICES = ("effective", "uniform", "asymmetry", *QUESTIONS)  # what needs a block's scores and weights whole


def places(shape: Shape, blocks: int) -> Iterator[str]:
    """The keys of all that is asked of a run of this shape."""
    return (key_of(name, of) for name, of in _asked(shape, blocks))


def _asked(shape: Shape, blocks: int) -> Iterator[tuple[str, str]]:
    """A name of NUMBERS, and of what."""
    whole = "block0.weights" in shape
    for block in range(blocks):
        for name in walk(shape, block).values():
            yield from (("range", name), ("mean", name))
        yield from ((name, f"block{block}.{of}") for name, of in OF_TENSORS.items())
        yield from ((name, f"block{block}") for name in ("change", "measures", *(OF_MATRICES if whole else ())))
    yield from (("shown_range", f"pyramid{n}") for n in range(4) if f"pyramid{n}" in shape)


def asked_of(run: Trace, model: Model, known: Answers = MappingProxyType({})) -> Asked:
    """What the run says, worked out when it is asked for; ``known`` is what has been worked out already."""
    return Asked(run, model, NUMBERS, known)


def answers_of(run: Trace, model: Model, known: Answers = MappingProxyType({})) -> dict[str, Answer]:
    """All that the run says, by the keys of its places."""
    asked = asked_of(run, model, known)
    return {key: asked[key] for key in places(shape_of(run), model.num_blocks)}
