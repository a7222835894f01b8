"""A book: what a page says and draws of a model, a grid and in a language, the same for every picture.

What depends on the picture is a place in it (words/live.py), which book.js fills with the answers of the run on show.
"""

import gzip
import json
from collections.abc import Collection, Iterator
from typing import Any

from topformer_viz.words.live import HERE, Live, Markup, Words, key_of, texts_in
from topformer_viz.words.text import Lang


def place(live: Live, lang: Lang, markup: Markup = str) -> dict[str, Any]:
    """A place as the browser fills it: with words, where it has any, or with the answer itself."""
    texts = {"texts": texts_in(live.texts, lang, markup)} if live.texts else {}
    return {"live": live.name, "of": live.of, **texts}


def text(words: Words, lang: Lang, markup: Markup) -> str | dict[str, Any]:
    """A text with its places."""
    said = markup(words.text(lang))
    places = {name: place(live, lang, markup) for name, live in words.places.items()}
    return {"text": said, "places": places} if places else said


def check(book: Any, block: int, known: Collection[str]) -> None:
    """See that a run has an answer for every place in ``book``, for a block from 0; LookupError for one that has none."""
    for live in _places(book):
        if (key := key_of(live["live"], live["of"].replace(HERE, f"block{block}"))) not in known:
            raise LookupError(f"no run answers {key!r}")


def _places(book: Any) -> Iterator[dict[str, Any]]:
    if isinstance(book, dict):
        if "live" in book and "of" in book:
            yield book
        for part in book.values():
            yield from _places(part)
    elif isinstance(book, list):
        for part in book:
            yield from _places(part)


def packed(book: dict[str, Any]) -> bytes:
    """The book as it travels: JSON, compressed once for all who read it."""
    return gzip.compress(json.dumps(book, ensure_ascii=False, separators=(",", ":")).encode(), 6, mtime=0)
