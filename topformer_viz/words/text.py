"""Text in the app's two languages, side by side, so that a missing translation fails at import."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from topformer_viz.words.misspelt import known

Lang = Literal["en", "zh"]
LANGS: dict[Lang, str] = {"en": "English", "zh": "中文"}


@dataclass(frozen=True)
class Text:
    """One sentence or label in English and Chinese; both are required and neither may be empty.

    >>> Text(en="query", zh="查询")("zh")
    '查询'
    """

    en: str
    zh: str

    def __post_init__(self) -> None:
        if not (self.en and self.zh):
            raise ValueError(f"a text needs both languages: {self}")

    def __call__(self, lang: Lang, **values: object) -> str:
        """The text in ``lang``, ValueError for none of LANGS; ``values`` fill its ``{named}`` places."""
        known("language", lang, LANGS)
        text = self.zh if lang == "zh" else self.en
        return text.format(**values) if values else text

    def format(self, **values: object) -> "Text":
        """The same text with its ``{named}`` places filled in both languages, by a text in its own."""
        en, zh = ({name: v(lang) if isinstance(v, Text) else v for name, v in values.items()} for lang in LANGS)
        return Text(en=self.en.format(**en), zh=self.zh.format(**zh))


def sentences(lang: Lang, said: Iterable[str]) -> str:
    """Sentences one after the other, which Chinese sets without spaces.

    >>> sentences("en", ("It rains.", "It pours."))
    'It rains. It pours.'
    """
    return (" " if lang == "en" else "").join(said)


def in_sequence(*texts: Text) -> Text:
    """The same of texts in both languages."""
    return Text(sentences("en", (text.en for text in texts)), sentences("zh", (text.zh for text in texts)))


def listed(lang: Lang, names: Iterable[str]) -> str:
    """Names or numbers in a list: a, b, c."""
    return (", " if lang == "en" else "、").join(names)


def clauses(lang: Lang, said: Iterable[str]) -> str:
    """Parts of one sentence, with commas between them."""
    return (", " if lang == "en" else "，").join(said)


def capital(text: str) -> str:
    """The text with its first letter as a capital."""
    return text[:1].upper() + text[1:]
