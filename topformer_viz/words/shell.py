"""Commands to copy, for any shell."""

import re
import shlex
from collections.abc import Sequence
from typing import cast


def command_line(words: Sequence[str]) -> str:
    """The words as one line that a POSIX shell and PowerShell both take apart into just these words.

    A few words have no spelling for both, such as one with an apostrophe and a dollar: then there is a line for each,
    under its name as a comment.
    """
    quoted = [_quoted(word) for word in words]
    if None not in quoted:
        return " ".join(cast(list[str], quoted))
    windows = " ".join(common or _in_powershell(word) for common, word in zip(quoted, words, strict=True))
    return f"# sh\n{shlex.join(words)}\n\n# PowerShell\n{windows}"


def _quoted(word: str) -> str | None:
    """One word for both shells; double quotes where they will do, as Windows' cmd knows no others.

    PowerShell takes typographic quotation marks for its own.
    """
    if re.fullmatch(r"[A-Za-z0-9_./:=+-]+", word):
        return word
    if not re.search(r'[$`"\\!“”„]', word):
        return f'"{word}"'
    return None if re.search("['‘’‚‛]", word) else f"'{word}'"


def _in_powershell(word: str) -> str:
    return "'" + re.sub("(['‘’‚‛])", r"\1\1", word) + "'"
