"""What Linux's C library can be told about memory."""

import ctypes
import sys
from collections.abc import Callable


def system_function(name: str) -> Callable[..., int] | None:
    """A function of the C library by its name; None where there is none: on other systems, and in musl for glibc's own."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
