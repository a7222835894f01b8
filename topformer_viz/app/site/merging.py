"""Many books as one: what is the same in all of them is in it once, and what differs is a value for each of them.

Books of one kind differ in little but numbers. Strings that are alike but for their numbers become one text with places; a
place's value is a product of the key's numbers, or a table over as few of its entries as tell it. Where books are built
differently, each way is there, and a value says which. ``book_at`` gives back exactly what went in; books.js reads it alike.

What comes out is JSON that stands for itself, but for four things. {"@": n} is the n-th of ``parts``; {"#": n} is the number
that the n-th of ``values`` is; {"=": [text, n, ...]} is a text, its places filled with these values; {"?": [n, part, ...]} is one of
the parts, the value says which, from 0. A value is what ``are`` has for the key's entries named in ``by``, else ``or``; ``times``
entries of the key; written with ``commas`` between thousands where it says so.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, combinations_with_replacement
from math import prod
from typing import Any

Key = Mapping[
    str, Any
]  # what tells one book of a kind from another, by name: a network's size, a grid's height and width

PLACE = "§"  # in a text, where a value goes
SIGNS = ({"@"}, {"#"}, {"="}, {"?"})
FACTORS = 2  # of the key's entries in a product, at most
WORTH = 40  # characters from which on what comes several times is kept once
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?")

as_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


class Merging:
    """Several kinds of books, each merged into one, which share values and parts.

    ``by``: the entries of keys that a table may go by; ``times``: those that a number may be a multiple of.
    """

    def __init__(self, by: Sequence[str], times: Sequence[str]) -> None:
        self._tables = [names for n in range(len(by) + 1) for names in combinations(by, n)]
        self._products = [names for n in range(FACTORS + 1) for names in combinations_with_replacement(times, n)]
        self._values: dict[str, int] = {}  # each as JSON, and its number
        self._found: dict[Any, int] = {}

    def merged(self, books: Sequence[Any], keys: Sequence[Key]) -> Any:
        """All ``books`` in one; each has its key."""
        first = books[0]
        if not isinstance(first, dict | list) and all(type(book) is type(first) and book == first for book in books):
            return first
        kinds = [_kind(book) for book in books]
        if len(ways := [*dict.fromkeys(kinds)]) > 1:
            own = [[n for n, kind in enumerate(kinds) if kind == way] for way in ways]
            parts = [self.merged([books[n] for n in way], [keys[n] for n in way]) for way in own]
            return {"?": [self._value([ways.index(kind) for kind in kinds], keys), *parts]}
        if isinstance(first, dict):
            if first.keys() in SIGNS:
                raise ValueError(f"a book has the name of a sign: {[*first]}")
            return {name: self.merged([book[name] for book in books], keys) for name in first}
        if isinstance(first, list):
            return [self.merged(each, keys) for each in zip(*books, strict=True)]
        return self._text(books, keys) if isinstance(first, str) else {"#": self._value(books, keys)}

    def _text(self, texts: Sequence[str], keys: Sequence[Key]) -> dict[str, Any]:
        """Texts that are alike but for their numbers."""
        if PLACE in texts[0]:
            raise ValueError(f"a text has the sign of a place: {texts[0]}")
        between = _NUMBER.split(texts[0])
        said, values = between[0], []
        for numbers, after in zip(zip(*map(_NUMBER.findall, texts), strict=True), between[1:], strict=True):
            if len({*numbers}) == 1:
                said += numbers[0] + after
            else:
                said += PLACE + after
                values.append(self._written(numbers, keys))
        return {"=": [said, *values]}

    def _written(self, numbers: Sequence[str], keys: Sequence[Key]) -> int:
        """The value that is written so."""
        for form in ("d", ",d"):
            if all(number == format(int(re.sub(r"\D", "", number)), form) for number in numbers):
                return self._value([int(number.replace(",", "")) for number in numbers], keys, commas=form == ",d")
        return self._value(numbers, keys)

    def _value(self, wanted: Sequence[Any], keys: Sequence[Key], commas: bool = False) -> int:
        """The value that is ``wanted`` for each key: a table over as few entries as can be, the shortest of those."""
        asked = (*wanted, commas, *map(id, keys))
        if asked not in self._found:
            found = next(filter(None, (self._by(names, wanted, keys) for names in self._tables)))
            value = as_json(found | ({"commas": True} if commas else {}))
            self._found[asked] = self._values.setdefault(value, len(self._values))
        return self._found[asked]

    def _by(self, names: Sequence[str], wanted: Sequence[Any], keys: Sequence[Key]) -> dict[str, Any] | None:
        """The shortest value that goes by these entries; None where they do not tell it."""
        entries = [_entry(key, names) for key in keys]
        values = (_table(names, entries, shares, times) for times, shares in self._shares(wanted, keys))
        return min(filter(None, values), key=lambda value: len(as_json(value)), default=None)

    def _shares(self, wanted: Sequence[Any], keys: Sequence[Key]) -> Iterator[tuple[Sequence[str], Sequence[Any]]]:
        """What is left of the numbers when they are divided by entries of their keys, and by which; first by none."""
        yield (), wanted
        if all(isinstance(number, int) for number in wanted):
            for times in self._products[1:]:
                if all(name in key for name in times for key in keys):
                    products = [prod(key[name] for name in times) for key in keys]
                    if not any(number % product for number, product in zip(wanted, products, strict=True)):
                        yield times, [number // product for number, product in zip(wanted, products, strict=True)]

    def whole(self, books: Mapping[str, Any]) -> dict[str, Any]:
        """What was merged, by name, with the values, and with what comes several times taken out."""
        counts: Counter[str] = Counter()
        _count(books, counts)
        numbers: dict[str, int] = {}
        parts: list[Any] = []
        shared = _shared(books, counts, numbers, parts)
        return {"values": [json.loads(value) for value in self._values], "parts": parts, "books": shared}


def _kind(part: Any) -> Any:
    """What two parts have in common that can be merged."""
    if isinstance(part, dict):
        return frozenset(part)
    if isinstance(part, list):
        return len(part)
    if isinstance(part, str):
        return _NUMBER.sub(PLACE, part)
    return ("number",) if isinstance(part, int | float) and not isinstance(part, bool) else (part,)


def _entry(key: Key, names: Sequence[str]) -> str:
    return ",".join(str(key.get(name)) for name in names)


def _table(
    names: Sequence[str], entries: Sequence[str], wanted: Sequence[Any], times: Sequence[str]
) -> dict[str, Any] | None:
    """A table by these entries of what is ``wanted``; None where two that agree in them want different values."""
    are: dict[str, Any] = {}
    if any(are.setdefault(entry, own) != own for entry, own in zip(entries, wanted, strict=True)):
        return None
    usual = Counter(are.values()).most_common(1)[0][0]
    table = {"by": [*names], "are": {entry: own for entry, own in are.items() if own != usual}} if names else {}
    return table | {"or": usual} | ({"times": [*times]} if times else {})


def _count(part: Any, counts: Counter[str]) -> None:
    """How often each part comes that is worth keeping once; not within what came before."""
    if isinstance(part, dict | list | str) and len(text := as_json(part)) >= WORTH:
        counts[text] += 1
        if counts[text] > 1:
            return
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _count(inner, counts)


def _shared(part: Any, counts: Mapping[str, int], numbers: dict[str, int], parts: list[Any]) -> Any:
    """``part`` with what comes several times moved to ``parts``."""
    text = as_json(part)
    if text in numbers:
        return {"@": numbers[text]}
    shared = part
    if isinstance(part, dict):
        shared = {name: _shared(inner, counts, numbers, parts) for name, inner in part.items()}
    elif isinstance(part, list):
        shared = [_shared(inner, counts, numbers, parts) for inner in part]
    if counts.get(text, 0) < 2:
        return shared
    numbers[text] = len(parts)
    parts.append(shared)
    return {"@": numbers[text]}


def book_at(whole: Mapping[str, Any], part: Any, key: Key) -> Any:
    """The book of this key, of a merged one or a part of it."""
    inner = partial(book_at, whole, key=key)
    if isinstance(part, list):
        return [inner(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.keys() not in SIGNS:
        return {name: inner(each) for name, each in part.items()}
    ((sign, said),) = part.items()
    if sign == "@":
        return inner(whole["parts"][said])
    if sign == "#":
        return _value_at(whole["values"][said], key)
    first, *rest = said
    if sign == "?":
        return inner(rest[_value_at(whole["values"][first], key)])
    values = (str(_value_at(whole["values"][n], key)) for n in rest)
    return re.sub(PLACE, lambda _: next(values), inner(first))


def _value_at(value: Mapping[str, Any], key: Key) -> Any:
    number = value.get("are", {}).get(_entry(key, value.get("by", ())), value["or"])
    for name in value.get("times", ()):
        number *= key[name]
    return f"{number:,}" if value.get("commas") else number
