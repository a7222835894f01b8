"""What a server sets for its process."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from topformer_viz.paths import ROOT
from topformer_viz.server import start as module

# A port opened as Streamlit opens it, one connection before and one after; in a process of its own, whose files are few.
CODE = """
import os, socket
from topformer_viz.server.start import send_at_once
port = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
port.bind(("127.0.0.1", 0))
port.listen()
def connected():
    client = socket.create_connection(port.getsockname())
    return client, port.accept()[0]
before = connected()
slow = before[1].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
files = len(os.listdir("/proc/self/fd"))
send_at_once()
assert len(os.listdir("/proc/self/fd")) == files
after = connected()
print(slow, *(int(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0) for end in (before[1], after[1])))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="it counts a process's open files, which Linux tells")
def test_small_messages_leave_at_once_on_connections_there_are_and_will_be() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1", "1"]


def test_large_blocks_of_memory_go_back_where_the_system_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    functions = {"mallopt": lambda option, value: told.append((option, value))}
    monkeypatch.setattr(module, "system_function", functions.get)
    module.hand_back()
    assert dict(told) == module.MALLOC
    functions.clear()  # as in musl, and on other systems
    module.hand_back()
    assert len(told) == len(module.MALLOC)


def test_two_first_visitors_start_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would give the queue's threads something to wait for, and neither get enough of them."""
    begun, second = list[int](), threading.Event()

    def begin() -> None:
        begun.append(1)
        second.wait(0.2)  # the other may come in

    for name in ("hand_back", "send_at_once"):
        monkeypatch.setattr(module, name, lambda: None)
    monkeypatch.setattr(module.QUEUE, "begin", begin)
    module._start.cache_clear()
    threads = [threading.Thread(target=module.start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert begun == [1]
