"""What is asked of a run: its answers, each worked out once, from its tensors or from other answers."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from topformer_viz.network.colour import Model
from topformer_viz.run.tracing import Trace
from topformer_viz.words.live import Answer, Answers, key_of


class Asked(dict[str, Answer]):
    """Answers by the key of their place; ``functions`` give what is not known yet, by the name in the key."""

    def __init__(
        self, trace: Trace, model: Model, functions: Mapping[str, Callable[[Any, str], Answer]], known: Answers
    ) -> None:
        super().__init__(known)
        self.trace, self.model, self.sizes, self._functions = trace, model, trace.sizes, functions

    def tensor(self, name: str) -> Tensor:
        return self.trace[name]

    def answer(self, name: str, of: str) -> Answer:
        return self[key_of(name, of)]

    def __missing__(self, key: str) -> Answer:
        name, _, of = key.partition(" ")
        self[key] = self._functions[name](self, of)
        return self[key]
