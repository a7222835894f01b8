"""Who knocks at the server for strangers: a browser's cookie and its address; what each may use at a time."""

import secrets
from collections import Counter
from typing import NamedTuple

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from topformer_viz.server.visitors import COOKIE, KNOWN


class Who(NamedTuple):
    """From whom a request comes."""

    visitor: str  # the cookie; the address where there is none
    address: str


def cookie_of(scope: Scope) -> str:
    """The visitor's cookie; "" where a request brings none, or something else under its name."""
    cookie = HTTPConnection(scope).cookies.get(COOKIE, "")
    return cookie if KNOWN.fullmatch(cookie) else ""


def who_asks(scope: Scope) -> Who:
    """Whose request this is. The address is the proxy's word where uvicorn trusts the proxy (FORWARDED_ALLOW_IPS)."""
    address = scope["client"][0] if scope.get("client") else ""
    return Who(cookie_of(scope) or address, address)


class Shares:
    """Of something there is little of: how much one visitor, one address and all together use, each up to a bound.

    Cookies can be forged; then what is left is the bound of an address. Belongs to one event loop.
    """

    def __init__(self, visitor: int, address: int, everyone: int) -> None:
        self._bounds = visitor, address, everyone
        self._used: Counter[tuple[int, str]] = Counter()

    def take(self, who: Who, amount: int) -> bool:
        """Use that much more, and say so; or nothing, where it would exceed a bound."""
        parts = list(enumerate((*who, "")))
        if any(self._used[part] + amount > bound for part, bound in zip(parts, self._bounds, strict=True)):
            return False
        self._used.update(dict.fromkeys(parts, amount))
        return True

    def give_back(self, who: Who, amount: int) -> None:
        """What was taken is free again."""
        self._used.subtract(dict.fromkeys(enumerate((*who, "")), amount))
        self._used = +self._used  # who uses nothing is forgotten


class Cookie:
    """Gives a browser that has none the cookie by which a visitor is told from others; it goes when the browser closes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What is static is the same for everyone, and a proxy may keep it.
        if scope["type"] != "http" or "/static/" in scope["path"] or cookie_of(scope):
            await self.app(scope, receive, send)
            return
        secure = "; Secure" if scope["scheme"] == "https" else ""
        given = f"{COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Lax{secure}"

        async def give(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", given)
            await send(message)

        await self.app(scope, receive, give)
