"""Links to the view on show: their parts, the host that others can reach, a QR code."""

import ipaddress
import socket
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import segno
import streamlit as st

from topformer_viz.app.frame.words import SAID
from topformer_viz.server import visitors
from topformer_viz.words.text import Lang

MAX_LINK = 1500  # characters: what a QR code holds and a telephone can still read


def qr_code(link: object, lang: Lang) -> dict[str, Any]:
    """A web address as QR code, SVG, drawn here; or the reason why not."""
    at = parts(link)
    if at.scheme not in ("http", "https") or not at.netloc:
        return {"problem": SAID["not_a_link"](lang)}
    try:
        code = segno.make(cast(str, link), error="m", micro=False)
    except (segno.DataOverflowError, UnicodeError):  # a code holds bytes, and only those of text
        return {"problem": SAID["not_a_link"](lang)}
    return {"svg": code.svg_inline(scale=4, border=4, light="#fff", omitsize=True)}


def parts(link: object) -> SplitResult:
    """An address taken apart; empty where it is none, or too long for a code."""
    try:
        return urlsplit(link if isinstance(link, str) and len(link) <= MAX_LINK else "")
    except ValueError:  # half an IPv6 address
        return urlsplit("")


def host() -> str:
    """The name under which others reach this server; "" where the visitor's own link will do or the server hears no one else.

    A stranger is not told: "localhost" is what anyone can claim to have called the server.
    """
    if visitors.STRANGERS:
        return ""
    local = is_loopback(parts(st.context.url).hostname) and not is_loopback(st.get_option("server.address"))
    return own_address() if local else ""


def is_loopback(host: str | None) -> bool:
    """Whether a machine means itself by this name or address."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:  # a name
        return bool(host) and (host == "localhost" or str(host).endswith(".localhost"))


def own_address() -> str:
    """This machine's address in its network; "" where it has none. Nothing is sent for this."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # an address of no one (RFC 5737): the system only picks the way
            return probe.getsockname()[0]
    except OSError:
        return ""
