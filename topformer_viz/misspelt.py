"""One way to say that what was asked for is none of the choices."""

from collections.abc import Iterable


def known(what: str, asked: object, choices: Iterable[object]) -> None:
    """ValueError if ``asked`` is none of the ``choices``: it names them, and ``what`` they are.

    >>> known("width", "pagee", ("column", "page"))
    Traceback (most recent call last):
    ValueError: no width 'pagee': choose from column, page
    """
    choices = tuple(choices)
    if asked not in choices:
        raise ValueError(f"no {what} {asked!r}: choose from {', '.join(map(str, choices))}")
