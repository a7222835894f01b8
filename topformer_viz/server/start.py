"""What a server sets for its whole process, once."""

import contextlib
import gc
import os
import socket
import threading
from functools import cache

import torch

from topformer_viz.server.memory import system_function
from topformer_viz.server.queue import QUEUE

# By glibc's numbers: trim the heap's end from 32 MB on, give blocks from 8 MB on a mapping of their own, keep two heaps at most.
MALLOC = {-1: 32_000_000, -3: 8_000_000, -8: 2}
FIRST_FILES = 64  # numbers of open files among which a server's port is: it was opened before anybody came

_starting = threading.Lock()  # two first visitors may come at once, and a cache would let both in


def start() -> None:
    """What ``_start`` does, once: from the second call on nothing, and during the first one waits."""
    with _starting:
        _start()


@cache
def _start() -> None:
    """Give the cores to the queue, let the collector pass over what has been imported, hand memory back, and send at once."""
    hand_back()
    QUEUE.begin()
    torch.set_num_threads(1)  # threads that start later, the sessions' own, take one core each
    gc.freeze()  # the modules stay: the collector need not go through them again and again
    send_at_once()


def hand_back() -> None:
    """Let large blocks of memory go back to the system when they are freed (glibc; others do so anyway).

    Else it learns from the first large tensor that is freed to keep such blocks, in as many places as threads compute: after runs of
    base at 1024 some hundred megabytes.
    """
    if set_option := system_function("mallopt"):
        for option, value in MALLOC.items():
            set_option(option, value)


def send_at_once() -> None:
    """Let small messages leave when they are written, on the server's port and the connections it has and will have.

    Streamlit opens its port itself, as a kind of socket for which asyncio does not switch Nagle's algorithm off. With it a message waits
    until the one before is acknowledged, which the other side puts off for 40 ms: that long took every answer of several messages.
    Connections inherit the setting of the port that takes them.
    """
    for number in range(3, FIRST_FILES):
        with contextlib.suppress(OSError):  # there is no such file
            copy = os.dup(number)
            try:
                own = socket.socket(fileno=copy)
            except OSError:  # it is no socket
                os.close(copy)
                continue
            with own:
                if own.family in (socket.AF_INET, socket.AF_INET6) and own.type == socket.SOCK_STREAM:
                    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
