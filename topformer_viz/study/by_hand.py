"""TopFormer's attention small enough for a pencil: random numbers, the real module's run, and what each entry is computed from.

A grid of 2 x 3 tokens, 3 channels, 2 heads, key_dim 2, d 4. Tokens and projection matrices are small integers, and BatchNorm
is exactly the identity, so that everything up to the scores is an integer.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from topformer_viz.network.model import Attention, Conv2d_BN
from topformer_viz.run.stages import axes_of
from topformer_viz.run.tracing import Trace, trace_block

GRID = (2, 3)  # H, W
SEEDS = range(1, 1000)
ASKED = (0, 4)  # the two tokens whose rows the worksheet asks for, one of each row of the grid

# Each convolution's matrix: the layer that holds it, its axes, and the least and largest number drawn for it.
MATRICES: dict[str, tuple[str, tuple[str, str], tuple[int, int]]] = {
    "P_q": ("to_q", ("nh_kd", "C"), (-1, 1)),
    "P_k": ("to_k", ("nh_kd", "C"), (-1, 1)),
    "P_v": ("to_v", ("dh", "C"), (-3, 3)),
    "P_o": ("proj.1", ("C", "dh"), (-1, 1)),
}
TOKENS = (-1, 2)  # the least and largest number drawn for the tokens
LARGEST = {
    "query_map": 4,
    "key_map": 4,
    "value_map": 9,
    "scores": 4,
    "projected": 9,
    "residual": 9,
}  # in absolute value
CANDIDATES, TRIES = 512, 1000  # feature maps drawn at a time for a set of matrices; sets of matrices at most

DIGITS = {"weights": 3} | dict.fromkeys(("mixed", "merged", "activated", "projected", "residual"), 2)  # others: whole

Cell = tuple[str, tuple[int, ...]]  # a tensor's name and an index, counted from 0 and without the batch


@dataclass(frozen=True)
class Example:
    """One draw of the numbers: ``run`` is the trace of the attention, ``matrices`` its four convolutions'."""

    seed: int
    run: Trace
    matrices: Mapping[str, Tensor]

    def tensor(self, name: str) -> Tensor:
        """A matrix, or a tensor of the run without its batch axis."""
        return self.matrices[name] if name in self.matrices else self.run[name][0]

    def number(self, name: str, index: tuple[int, ...]) -> str:
        """An entry as it is shown."""
        return written(self.tensor(name)[index].item(), DIGITS.get(name, 0))


def axes(name: str) -> tuple[str, ...]:
    """The axes of a matrix, or of a tensor of the run without its batch axis."""
    return MATRICES[name][1] if name in MATRICES else axes_of(name)[1:]


@torch.no_grad()
def attention(matrices: Mapping[str, Tensor]) -> Attention:
    """The real module with these four matrices, each BatchNorm the identity, in eval mode."""
    attn = Attention(dim=3, key_dim=2, num_heads=2, attn_ratio=2).eval().requires_grad_(False)
    for name, (layer, _, _) in MATRICES.items():
        conv = attn.get_submodule(layer)
        assert isinstance(conv, Conv2d_BN)
        conv.c.weight.copy_(matrices[name][..., None, None])
        conv.bn.weight.fill_(1.0)  # the projection's too, which TopFormer starts at 0
        # BatchNorm divides by sqrt(var + eps): by exactly 1
        conv.bn.running_var.fill_(1.0 - conv.bn.eps)  # type: ignore[union-attr]
    return attn


def draw(seed: int) -> Example:
    """The numbers of a seed: drawn again and again, by one generator, until they teach (``_teaches``).

    LookupError if that takes too long; of the ``SEEDS`` none does.
    """
    generator = torch.Generator().manual_seed(seed)

    def integers(shape: tuple[int, ...], low: int, high: int) -> Tensor:
        return torch.randint(low, high + 1, shape, generator=generator).float()

    sizes = {"C": 3, "nh_kd": 4, "dh": 8}
    for _ in range(TRIES):
        matrices = {
            name: integers((sizes[rows], sizes[columns]), *ends)
            for name, (_, (rows, columns), ends) in MATRICES.items()
        }
        attn = attention(matrices)
        tokens = integers((CANDIDATES, sizes["C"], *GRID), *TOKENS)
        if len(good := _teaches(trace_block(attn, tokens)).nonzero()):
            first = int(good[0])
            return Example(seed, trace_block(attn, tokens[first : first + 1]), matrices)
    raise LookupError(f"no numbers of seed {seed} teach")


def _teaches(run: Trace) -> Tensor:
    """Which feature maps of the batch have numbers worth computing by hand: (B,) of bool.

    All are small, no channel is the same in every token, no row of scores has all its entries equal, and in the worksheet's tokens
    ReLU6 cuts something below 0 in the first head and something above 6 in one of them. The first head's scores differ between
    these tokens.
    """
    good = torch.ones(len(run["tokens"]), dtype=torch.bool)
    for name, largest in LARGEST.items():
        good &= run[name].abs().amax((1, 2, 3)) <= largest
    for name in ("query_map", "key_map", "value_map"):
        good &= (run[name].amax((2, 3)) > run[name].amin((2, 3))).all(1)
    good &= (run["scores"].amax(3) > run["scores"].amin(3)).all(2).all(1)
    a, b = (run["scores"][:, 0, token] for token in ASKED)
    good &= (a != b).any(1)
    mixed = run["mixed"][:, :, ASKED, :]
    return good & (mixed[:, 0].amin((1, 2)) < 0) & (mixed.amax((1, 2, 3)) > 6)


# ---------------------------------------------------------------- what an entry is computed from


def written(value: float, digits: int) -> str:
    """A number with so many decimals and a real minus sign; no minus before 0."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def power(score: float) -> str:
    """exp(score) to four digits."""
    return four(math.exp(score))


def four(value: float) -> str:
    """Four digits of a number between 0.001 and 1,000: 7.389, 54.60, 0.01832."""
    return f"{value:#.4g}"


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


@dataclass(frozen=True)
class Computation:
    """What one entry was computed from: the expression in its real numbers, the result last, and its source entries."""

    expression: str
    sources: tuple[Cell, ...]


@dataclass(frozen=True)
class Rule:
    """How a stage's entries are computed: ``sources(sizes, *index)`` finds what from, ``write`` puts it into an expression.

    ``write`` gets the source entries, their numbers as shown, and the place within the last axis.
    """

    sources: Callable[..., list[Cell]]
    write: Callable[[list[Cell], list[str], int], str]
    rounds: bool = False


def _products(cells: list[Cell], numbers: list[str], at: int) -> str:
    return " + ".join(f"{_bracketed(a)}·{_bracketed(b)}" for a, b in zip(numbers[::2], numbers[1::2], strict=True))


def _copy(cells: list[Cell], numbers: list[str], at: int) -> str:
    ((name, index),) = cells
    return f"{name}[{', '.join(map(str, index))}]"


def _softmax(cells: list[Cell], numbers: list[str], at: int) -> str:
    powers = [f"e^{_bracketed(number)}" for number in numbers]
    scores = [float(number.replace("−", "-")) for number in numbers]
    return f"{powers[at]} / ({' + '.join(powers)}) ≈ {math.exp(scores[at]):.6g} / {sum(map(math.exp, scores)):.6g}"


def _relu6(cells: list[Cell], numbers: list[str], at: int) -> str:
    return f"min(max({numbers[0]}, 0), 6)"


def _add(cells: list[Cell], numbers: list[str], at: int) -> str:
    return " + ".join(map(_bracketed, numbers))


def _conv(matrix: str, source: str, channels: str) -> Rule:
    """A 1x1 convolution: a row of the matrix times the token's channels."""

    def sources(sizes: Mapping[str, int], out: int, y: int, x: int) -> list[Cell]:
        pairs = [((matrix, (out, c)), (source, (c, y, x))) for c in range(sizes[channels])]
        return [cell for pair in pairs for cell in pair]

    return Rule(sources, _products, rounds=source in DIGITS)


def _token(sizes: Mapping[str, int], i: int) -> tuple[int, int]:
    """Row and column of token ``i``."""
    return divmod(i, sizes["W"])


RULES: dict[str, Rule] = {
    "query_map": _conv("P_q", "tokens", "C"),
    "query": Rule(lambda s, h, i, c: [("query_map", (h * s["key_dim"] + c, *_token(s, i)))], _copy),
    "key_map": _conv("P_k", "tokens", "C"),
    "key": Rule(lambda s, h, c, j: [("key_map", (h * s["key_dim"] + c, *_token(s, j)))], _copy),
    "value_map": _conv("P_v", "tokens", "C"),
    "value": Rule(lambda s, h, j, f: [("value_map", (h * s["d"] + f, *_token(s, j)))], _copy),
    "scores": Rule(
        lambda s, h, i, j: [
            cell for c in range(s["key_dim"]) for cell in (("query", (h, i, c)), ("key", (h, c, j)))
        ],
        _products,
    ),
    "weights": Rule(lambda s, h, i, j: [("scores", (h, i, other)) for other in range(s["HW"])], _softmax, rounds=True),
    "mixed": Rule(
        lambda s, h, i, f: [
            cell for j in range(s["HW"]) for cell in (("weights", (h, i, j)), ("value", (h, j, f)))
        ],
        _products,
        rounds=True,
    ),
    "merged": Rule(lambda s, o, y, x: [("mixed", (o // s["d"], y * s["W"] + x, o % s["d"]))], _copy),
    "activated": Rule(lambda s, o, y, x: [("merged", (o, y, x))], _relu6),
    "projected": _conv("P_o", "activated", "dh"),
    "residual": Rule(lambda s, c, y, x: [("tokens", (c, y, x)), ("projected", (c, y, x))], _add),
}  # fmt: skip


def computation(example: Example, name: str, index: tuple[int, ...]) -> Computation:
    """How the entry was computed; of a given one (a token's, a matrix's) the number alone."""
    result = example.number(name, index)
    if name not in RULES:
        return Computation(result, ())
    rule = RULES[name]
    cells = rule.sources(example.run.sizes, *index)
    made = rule.write(cells, [example.number(*cell) for cell in cells], index[-1])
    return Computation(f"{made} {'≈' if rule.rounds else '='} {result}", tuple(cells))
