"""What is timed in a browser: our pages, and a trivial one that imports torch."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from topformer_viz.terminal.chromium import APP

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

WINDOW: "ViewportSize" = {"width": 1440, "height": 900}
SCRIPT = """
import streamlit as st
import torch

st.title("A page")


@st.fragment
def part():
    st.session_state.n = st.session_state.get("n", 0)
    if st.button("again"):
        st.session_state.n += 1
    st.markdown(f"<span id='n'>{st.session_state.n}</span>", unsafe_allow_html=True)


part()
"""
# In the browser: what tells that a page has been painted. Ours have a heading when all of it is there, the door a map.
TRIVIAL_READY = "document.querySelector('#n')"
_OURS = "[...document.querySelectorAll('*')].find((e) => e.shadowRoot?.querySelector('{}'))?.shadowRoot"
DOOR_READY = f"{_OURS.format('.door')}?.querySelector('.said')?.textContent"
LESSON = _OURS.format(".lesson")
LESSON_READY = f"{LESSON}?.querySelector('h2')?.textContent"


@contextmanager
def trivial_script() -> Iterator[Path]:
    """The page as a file in a folder of its own, under the app's settings: Streamlit's own would collect garbage after every
    run, 170 ms with torch."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "trivial.py"
        script.write_text(SCRIPT, "utf-8")
        shutil.copytree(APP.parent / ".streamlit", script.parent / ".streamlit")
        yield script
