"""Strangers' words made harmless: on one line, and as Markdown that shows just them."""

import re


def plain(text: str, most: int) -> str:
    """A stranger's text on one line of at most ``most`` characters.

    Line breaks, controls (a terminal's too), marks of writing direction, lone surrogates and whatever else cannot be
    printed become spaces.
    """
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * most])
    line = " ".join(printable.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def as_markdown(text: str) -> str:
    """One line of plain text as Markdown that shows just this text: no pictures, links, formulas or colours come of it."""
    return re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", text)
