"""What the address asks of a page: the values that the page has, and a note about those it has not.

Names that the page does not know are nobody's business here: Streamlit has some of its own, and whoever passes links on adds more.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Any

from topformer_viz.words.text import Lang, Text, listed, sentences

Takes = Mapping[str, Iterable[Any]]  # name of a parameter -> what it can be on this page, with this run
SHOWN = 40  # characters of a value that the note repeats

NOTE = Text(
    "The link asks for something that does not exist here: {asked}. That part is ignored.",
    "链接里有这里不存在的内容：{asked}。这部分已忽略。",
)


# Said where an address speaks of a visitor's own picture or checkpoint and none is here: after a reload, or in a link.
GONE = {
    "sample": Text(
        "The picture in this address was somebody's own and is gone: it does not outlast a reload, nor travel in links. If it was yours, "
        "choose it again under “Picture”; a sample is shown now.",
        "这个地址里的图片是用户自己的，已经不在了：它不会在重新加载后保留，也不会随链接传递。如果是你的，请在“图片”里重新选择；现在显示的是示例。",
    ),
    "model": Text(
        "The checkpoint in this address was somebody's own and is gone. If it was yours, open it again under “Model”; the default model "
        "runs now.",
        "这个地址里的权重文件是用户自己的，已经不在了。如果是你的，请在“模型”里重新打开；现在运行的是默认模型。",
    ),
}
# Parameters that point into one picture's run: of another they would mean something else.
PLACES = ("head", "query", "to", "pinned", "lock", "with", "removal", "pixel", "pair", "row", "column")


def read(parameters: Mapping[str, str], takes: Takes) -> tuple[dict[str, Any], dict[str, str]]:
    """By name: the options that ``parameters`` spell, and the values that are none."""
    found = {name: one_of(parameters, name, options, None) for name, options in takes.items() if name in parameters}
    refused = {name: parameters[name] for name, option in found.items() if option is None}
    return {name: option for name, option in found.items() if name not in refused}, refused


def note(refused: Mapping[str, str], gone: Iterable[str], lang: Lang) -> str:
    """What is to be said of values that are none, and of which of GONE; as HTML. A stranger wrote the values."""
    said = [GONE[name](lang) for name in gone]
    if refused:
        asked = (f"<code><bdi>{name}={html.escape(plain(value))}</bdi></code>" for name, value in refused.items())
        said.append(NOTE(lang, asked=listed(lang, asked)))
    return f'<p role="status">{sentences(lang, said)}</p>'


def plain(text: str) -> str:
    """Its first SHOWN characters; for one that cannot be seen or turns the text around it stands "�".

    >>> plain("nine" + chr(0x202E) + "lives")
    'nine�lives'
    """
    cut = "".join(letter if letter.isprintable() else "�" for letter in text[:SHOWN])
    return cut + "…" * (len(text) > SHOWN)


def one_of(parameters: Mapping[str, str], name: str, allowed: Iterable[Any], default: Any) -> Any:
    """The one of ``allowed`` that the parameter ``name`` spells, or ``default``."""
    return next((option for option in allowed if str(option) == parameters.get(name)), default)
