"""Folds: what stays under its heading until somebody wants it. An address's # that points into one opens it; paper shows all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_PARTS = f"<style>{(_HERE / 'fold.css').read_text('utf-8')}</style><script>\n{(_HERE / 'fold.js').read_text('utf-8')}</script>"


def follow_anchors() -> None:
    """Let the page go where the address's # points: to a fold, which opens, or to the element of that id."""
    st.html(_PARTS, unsafe_allow_javascript=True)


@contextmanager
def fold(anchor: str, title: str, expanded: bool = False) -> Iterator[None]:
    """What is drawn within lies in a fold under ``title``; ``anchor`` is what an address calls it after its #."""
    with st.expander(f"**{title}**", expanded, key=f"fold-{anchor}"):
        yield
