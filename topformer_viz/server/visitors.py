"""Who a visitor is to the server: a random cookie, the same in all tabs of a browser; where there is none, the address.

The cookie says nothing about a person, and proves nothing: whoever forges some counts as several. It keeps one visitor
with many tabs from counting as many, and a school behind one address from counting as one.
"""

import re

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

COOKIE = "topformer_viz"  # nginx chooses the replica by it, too
KNOWN = re.compile(r"[0-9a-f]{32}")  # what one looks like
STRANGERS = False  # whether this process serves an open network; serve.py says so


def visitor() -> str:
    """Whose session's page runs in this thread; "" outside of sessions."""
    if not (own := session()):
        return ""
    if KNOWN.fullmatch(cookie := str(st.context.cookies.get(COOKIE))):
        return cookie
    # Who comes by way of this machine may be a class behind a tunnel: at home every session is a visitor.
    return str(st.context.ip_address or ("" if STRANGERS else own))


def session() -> str:
    """The session whose page runs in this thread; "" outside of sessions."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def is_there(session: str) -> bool:
    """Whether the session's visitor is connected; yes where nobody can be: outside of sessions and of Streamlit."""
    return not session or not runtime.exists() or runtime.get_instance().is_active_session(session)
