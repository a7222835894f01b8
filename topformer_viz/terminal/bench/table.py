"""A table of measurements: the one form in which every benchmark hands out what it found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Cell = str | float | None


@dataclass(frozen=True)
class Goal:
    """Something measured (``value``) that ought to be ``most`` or less."""

    what: str
    value: float
    most: float

    @property
    def met(self) -> bool:
        return self.value <= self.most


@dataclass(frozen=True)
class Table:
    """Rows of measurements; the first column names the row. ``note``: a sentence on what the figures mean."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    note: str = ""
    goals: tuple[Goal, ...] = ()

    def text(self) -> str:
        """For a terminal."""
        grid = [[*self.columns], *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[i]) for line in grid) for i in range(len(self.columns))]
        lines = [
            "  ".join(
                cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in grid
        ]
        said = [f"{goal.what}: {verdict(goal)}" for goal in self.goals]
        return "\n".join([self.title, *(line.rstrip() for line in lines), *([self.note] if self.note else []), *said])

    def markdown(self) -> str:
        """The table alone, without its title and words."""
        ruler = [":---", *("---:" for _ in self.columns[1:])]
        lines = [self.columns, ruler, *(tuple(shown(cell) for cell in row) for row in self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Table":
        """The table that ``to_json`` gave; TypeError or KeyError where the data is none."""
        goals = tuple(Goal(**goal) for goal in data["goals"])
        return Table(data["title"], tuple(data["columns"]), [tuple(row) for row in data["rows"]], data["note"], goals)


def shown(cell: Cell) -> str:
    """A number with three digits that count, words as they are, nothing for None."""
    if cell is None or isinstance(cell, str):
        return cell or ""
    if isinstance(cell, int) or abs(cell) >= 100 or cell == 0:
        return f"{cell:,.0f}"
    return f"{cell:.2g}" if abs(cell) < 0.01 else f"{cell:#.3g}"


def verdict(goal: Goal) -> str:
    return f"{shown(goal.value)}, at most {shown(goal.most)}: {'met' if goal.met else 'missed'}"
