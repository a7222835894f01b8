"""One way to say that what was asked for is none of the choices."""

from collections.abc import Iterable


def known(what: str, asked: object, choices: Iterable[object]) -> None:
    """ValueError if ``asked`` is none of the ``choices``.

    >>> known("width", "pagee", ("column", "page"))
    Traceback (most recent call last):
    ValueError: no width 'pagee': choose from column, page
    """
    choices = tuple(choices)
    if asked not in choices:
        raise unknown(what, asked, choices)


def unknown(what: str, asked: object, choices: Iterable[object]) -> ValueError:
    """The error that says so."""
    return ValueError(f"no {what} {asked!r}: choose from {', '.join(map(str, choices))}")
