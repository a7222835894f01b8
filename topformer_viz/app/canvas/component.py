"""Components: what they show travels as small messages; page, style and script once, over HTTP, as all that is large."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.wire import BOOK, bare, message

LOADER = bare(Path(__file__).with_name("loader.js").read_text("utf-8"))  # it travels with every message


def component(name: str, html: str, css: str, js: str) -> Callable[..., Any]:
    """A component to mount with the header of its message and the arguments of Streamlit's own, key first.

    ``js`` is a module that exports ``mount(View)`` (component.js); what it has to show comes as ``view.show(message)``.
    """
    mounted = st.components.v2.component(f"topformer_{name}", js=LOADER)
    script = gzip.compress(f"const PAGE = {json.dumps(f'<style>{css}</style>{html}')};\n{js}".encode(), 9, mtime=0)

    def show(header: dict[str, Any], **arguments: Any) -> Any:
        data = message(header | {"script": hand_out(script, BOOK, f"script {name}")})
        return mounted(data=data, **arguments)

    return show
