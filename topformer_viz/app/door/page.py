"""The front door: what attention is, in one screen."""

from collections.abc import Iterable

import streamlit as st

from topformer_viz.app.door.words import UI
from topformer_viz.app.frame.view import View

LESSONS = ("stage", "quiz", "present")  # what only a link to the lesson says: it once stood at this address


def leads_to_the_lesson(asked: Iterable[str]) -> bool:
    """Whether an address of this page, by its parameters' names, means the lesson."""
    return any(name in LESSONS for name in asked)


def show(view: View) -> None:
    """Draw the door."""
    st.page_link("pages/lesson.py", label=UI["lesson"](view.lang))
