"""Measurements, each beside its baseline in the same run: ``python -m topformer_viz bench``.

A benchmark is a module of this package with ``measure(quick=False) -> list[Table]``; quick is for tests: it goes all the way,
and its figures mean nothing. All but forward and export need what requirements-dev.txt adds.
"""

import importlib
from typing import Any

from topformer_viz.bench.table import Table

NAMES = ("startup", "steps", "forward", "explorer", "classroom", "export")


def measure(name: str, quick: bool = False, **settings: Any) -> list[Table]:
    """The tables of one benchmark; ``settings`` are its own, such as classroom's ``sessions``."""
    return importlib.import_module(f"{__name__}.{name}").measure(quick, **settings)
