"""What a page's address may say, and what one says: the values that the page has, and a note about those it has not.

A page declares each parameter once; what an address says, the page's controls, its figures' settings and what its components
may ask for follow from that.
Names that the page does not know are nobody's business here: Streamlit has some of its own, and whoever passes links on adds more.
"""

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from topformer_viz.run.measures import MEAN
from topformer_viz.words.text import Lang, Text, listed, sentences

SHOWN = 40  # characters of a value that the note repeats

NOTE = Text(
    "The link asks for something that does not exist here: {asked}. That part is ignored.",
    "链接里有这里不存在的内容：{asked}。这部分已忽略。",
)

# Said where an address speaks of a visitor's own picture or checkpoint and none is here: after a reload, or in a link.
GONE = {
    "sample": Text(
        "The image in this address was somebody's own and is gone: it does not outlast a reload, nor travel in links. If it was yours, "
        "choose it again under “Image”; a sample is shown now.",
        "这个地址里的图片是用户自己的，已经不在了：它不会在重新加载后保留，也不会随链接传递。如果是你的，请在“图片”里重新选择；现在显示的是示例。",
    ),
    "model": Text(
        "The checkpoint in this address was somebody's own and is gone. If it was yours, open it again under “Model”; the default model "
        "runs now.",
        "这个地址里的权重文件是用户自己的，已经不在了。如果是你的，请在“模型”里重新打开；现在运行的是默认模型。",
    ),
}
# Parameters that point into one picture's run: of another they would mean something else.
PLACES = ("head", "query", "to", "pinned", "lock", "with", "removal", "token", "pair", "row", "column")


@dataclass(frozen=True)
class Parameter:
    """What an address can say under one name: one of ``values``, given by their spelling where ``str`` does not spell them.

    ``default``: what it means where nothing stands there, or nonsense; None: nothing is said.
    """

    values: Iterable[Any] | Mapping[str, Any]
    default: Any = None

    @property
    def spelled(self) -> Mapping[str, Any]:
        """Its values by how an address spells them."""
        return self.values if isinstance(self.values, Mapping) else {str(value): value for value in self.values}

    @property
    def options(self) -> list[Any]:
        return list(self.spelled.values())

    def meant(self, text: str | None) -> Any:
        """What ``text`` spells, or the default."""
        return self.default if text is None else self.spelled.get(text, self.default)


def head_or_mean(count: int, default: int = MEAN) -> Parameter:
    """One of ``count`` heads, from 1, or the MEAN of all."""
    return Parameter({**{str(n): n for n in range(1, count + 1)}, "mean": MEAN}, default)


Takes = Mapping[str, Parameter]  # by name, what an address can say to a page with this run


def read(parameters: Mapping[str, str], takes: Takes) -> tuple[dict[str, Any], dict[str, str]]:
    """By name: what ``parameters`` say, and the values that say nothing."""
    spelled = {name: takes[name].spelled for name in takes if name in parameters}
    said = {name: options[parameters[name]] for name, options in spelled.items() if parameters[name] in options}
    return said, {name: parameters[name] for name in spelled if name not in said}


def words(message: object) -> dict[str, str]:
    """What a component's message says, by name and as an address spells it: its texts, whole numbers, true and false.

    Anybody can send one, so it is any JSON; of the rest nothing is left.
    """
    said = message if isinstance(message, Mapping) else {}
    kept = {name: value for name, value in said.items() if isinstance(value, (str, int))}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in kept.items()}


def heard(message: object, takes: Takes) -> dict[str, Any]:
    """What a component's message says of ``takes``, by name; what makes no sense is left out."""
    return read(words(message), takes)[0]


def complete(parameters: Mapping[str, str], takes: Takes) -> dict[str, Any]:
    """What ``parameters`` say, and the default of what they do not."""
    return {name: takes[name].default for name in takes} | read(parameters, takes)[0]


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
