"""Strangers' words made harmless: on one line, and as Markdown that shows just them."""

import re


def one_line(text: str) -> str:
    """A stranger's text on one line.

    Line breaks, controls (a terminal's too), marks of writing direction, lone surrogates and whatever else cannot be
    printed become spaces.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def plain(text: str, most: int) -> str:
    """``one_line`` of at most ``most`` characters, with an ellipsis where it was longer."""
    line = one_line(text[: 4 * most])
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def as_markdown(text: str) -> str:
    """One line of plain text as Markdown that shows just this text: no pictures, links, formulas or colours come of it."""
    return re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", text)
