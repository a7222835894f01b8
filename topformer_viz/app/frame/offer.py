"""What a page has to be saved: figures of the view on show, and files beyond one figure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from topformer_viz.figures.look import Look
from topformer_viz.figures.panel import Panel
from topformer_viz.words.text import Text

# The view on show: what the address says by the page's parameters, and the default of what it does not.
Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Offer:
    """A figure of a page: ``make`` builds its panel."""

    name: str
    title: Text
    make: Callable[[Asked], Panel]


class File(NamedTuple):
    """A file's name, bytes and kind."""

    name: str
    data: bytes
    mime: str


@dataclass(frozen=True)
class Bundle:
    """Files of a page in one; ``about`` says what is in it, ``slow`` that making it takes many seconds, ``large``
    that it is about as large as the run."""

    name: str
    title: Text
    make: Callable[[Asked, Look], File]
    about: Text | None = None
    slow: bool = False
    large: bool = False
