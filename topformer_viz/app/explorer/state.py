"""Which view the explorer shows, as its address says it: declared here, once.

The page and the figures read addresses by it; state.js, which has ADDRESS from here, reads and writes them in the browser.
The block is not among it: every page's address has one.
"""

import json
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.figures.scales import COLOURS, SCALES

# Name of a parameter -> what it can be. The first is what it means where nothing is said (of tokens the middle one);
# "" is never written. {head}, {token} and {block} stand for any number of one, from 1.
ADDRESS: dict[str, tuple[str, ...]] = {
    "head": ("{head}", "mean"),
    "query": ("{token}",),
    "to": ("", "{token}"),  # the other corner of a region
    "pinned": ("", "{token}"),  # what the query is compared with
    "lock": ("", "1"),
    "mode": ("row", "column"),
    "values": ("weights", "scores"),
    "colour": COLOURS,
    "scale": SCALES,
    "smooth": ("", "1"),
    "with": ("", "query", "head-{head}", "head-mean", "block-{block}"),
    "sort": ("", "effective", "distance"),
    "similarity": ("", "1"),
    "removal": ("", "without-{head}", "only-{head}"),
}
ADDRESS_JS = f"const ADDRESS = {json.dumps(ADDRESS)};\n"


def parameters(sizes: Mapping[str, int], blocks: int, said: Mapping[str, str]) -> Takes:
    """What each parameter can be in a run of such ``sizes``: numbers as int, words as str.

    A view can be compared with the "query" only where ``said`` has a token for it, with a mean only of several heads.
    """
    counts = {"head": sizes["heads"], "token": sizes["HW"], "block": blocks if blocks > 1 else 0}
    can = {name: _all(values, counts) for name, values in ADDRESS.items()}
    if Parameter(can["pinned"]).meant(said.get("pinned")) is None:
        can["with"].remove("query")
    if sizes["heads"] < 2:
        can["with"].remove("head-mean")
    default = {name: can[name][0] if values[0] else None for name, values in ADDRESS.items()}
    default["query"] = sizes["H"] // 2 * sizes["W"] + sizes["W"] // 2 + 1
    return {name: Parameter(can[name], default[name]) for name in ADDRESS}


def _all(values: tuple[str, ...], counts: Mapping[str, int]) -> Any:
    """All that the values of a parameter stand for; a kind of number alone as its range, which holds no list of every token."""
    given = [_each(value, counts) for value in values if value]
    return given[0] if len(given) == 1 else [*chain.from_iterable(given)]


def _each(value: str, counts: Mapping[str, int]) -> Iterable[int | str]:
    """All that a value of ADDRESS stands for."""
    place = re.search(r"\{(\w+)\}", value)
    if not place:
        return [value]
    numbers = range(1, counts[place[1]] + 1)
    return numbers if place[0] == value else [value.replace(place[0], str(n)) for n in numbers]
