"""Taking figures, numbers and links of a page along: what each page offers, and the bar that hands it out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from topformer_viz.figures.panel import Panel
from topformer_viz.words.text import Text

OWN = "own"  # what an address calls a picture or checkpoint that is the visitor's own


@dataclass(frozen=True)
class Offer:
    """A figure of a page: ``make`` builds its panel from the address's parameters, which hold the view on show.

    The parameters are strings from strangers: what makes no sense means the default, as on the page itself.
    """

    name: str
    title: Text
    make: Callable[[Mapping[str, str]], Panel]


def one_of(parameters: Mapping[str, str], name: str, allowed: Iterable[Any], default: Any) -> Any:
    """The one of ``allowed`` that the parameter ``name`` spells, or ``default``."""
    return next((option for option in allowed if str(option) == parameters.get(name)), default)
