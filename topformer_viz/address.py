"""What the address asks of a page: the values that the page has, and a note about those it has not.

Names that the page does not know are nobody's business here: Streamlit has some of its own, and whoever passes links on adds more.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Any

from topformer_viz.saving import one_of
from topformer_viz.text import Lang, Text

Takes = Mapping[str, Iterable[Any]]  # name of a parameter -> what it can be on this page, with this run
SHOWN = 40  # characters of a value that the note repeats

NOTE = Text(
    "The link asks for something that does not exist here: {asked}. That part is ignored.",
    "链接里有这里不存在的内容：{asked}。这部分已忽略。",
)


def read(parameters: Mapping[str, str], takes: Takes) -> tuple[dict[str, Any], dict[str, str]]:
    """By name: the options that ``parameters`` spell, and the values that are none."""
    found = {name: one_of(parameters, name, options, None) for name, options in takes.items() if name in parameters}
    refused = {name: parameters[name] for name, option in found.items() if option is None}
    return {name: option for name, option in found.items() if name not in refused}, refused


def note(refused: Mapping[str, str], lang: Lang) -> str:
    """The sentence about them, as HTML; a stranger wrote the values."""
    asked = (f"<code><bdi>{name}={html.escape(plain(value))}</bdi></code>" for name, value in refused.items())
    return f'<p role="status">{NOTE(lang, asked=(", " if lang == "en" else "、").join(asked))}</p>'


def plain(text: str) -> str:
    """Its first SHOWN characters; for one that cannot be seen or turns the text around it stands "�".

    >>> plain("nine" + chr(0x202E) + "lives")
    'nine�lives'
    """
    cut = "".join(letter if letter.isprintable() else "�" for letter in text[:SHOWN])
    return cut + "…" * (len(text) > SHOWN)
