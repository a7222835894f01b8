"""The line of code that makes a stage, found in the source itself."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from torch import nn

from topformer_viz.network.model import Attention, Backbone, Block, InjectionMultiSum, TokenPyramidModule
from topformer_viz.run.stages import stage_of


@dataclass(frozen=True)
class Source:
    """The code that makes a stage: a method's text, and which of its lines (from 0) do it."""

    method: str
    text: str
    marked: tuple[int, ...]


@cache
def source_of(model_class: type[nn.Module], name: str) -> Source:
    """Where the ``keep`` line of a traced tensor stands, found in the source itself.

    The line before is marked too where it prepares the same variable. LookupError if no line keeps ``name``.
    """
    methods: tuple[Callable[..., object], ...]
    if name.startswith("block") and name.endswith(".tokens"):
        methods = (Attention.forward,)
    else:
        methods = (
            model_class.forward, Backbone.forward, Backbone.inject, InjectionMultiSum.forward,
            TokenPyramidModule.forward, Block.forward, Attention.forward,
        )  # fmt: skip
    stage = stage_of(name).name
    for method in methods:
        text, body = _read(method)
        for block in ast.walk(body) if f'"{stage}"' in text else ():
            statements = getattr(block, "body", None)
            if not isinstance(statements, list):
                continue
            for before, statement in zip([None, *statements], statements, strict=False):
                if not isinstance(statement, (ast.Assign, ast.Expr, ast.Return)) or not _keeps(statement, stage):
                    continue
                start = statement.lineno
                if before is not None and _target(before) and _target(before) == _target(statement):
                    start = before.lineno
                marked = tuple(range(start - 1, statement.end_lineno or start))
                return Source(method.__qualname__, text, marked)
    raise LookupError(f"no line of {model_class.__name__} keeps {name!r}")


@cache
def _read(method: Callable[..., object]) -> tuple[str, ast.stmt]:
    """A method's text, and its syntax tree."""
    text = textwrap.dedent(inspect.getsource(method))
    return text, ast.parse(text).body[0]


def _keeps(statement: ast.AST, stage: str) -> bool:
    """Whether the statement calls keep("stage", ...), its name spelled out or numbered by an f-string."""
    for call in ast.walk(statement):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "keep":
            if ast.unparse(call.args[0]).lstrip("f").strip("'\"") == stage:
                return True
    return False


def _target(statement: ast.stmt) -> str:
    return ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
