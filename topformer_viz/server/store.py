"""What the server keeps in memory, for how long: at most so many bytes, and nothing of visitors who have left.

Sessions hold keys, never tensors: what they show is asked for here, and computed again should it have been let go.
"""

import gc
import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, cast

import numpy as np
from PIL import Image
from streamlit import runtime
from torch import Tensor, nn

from topformer_viz.server.files import FILES
from topformer_viz.server.memory import system_function
from topformer_viz.server.queue import QUEUE
from topformer_viz.server.visitors import is_there, session, visitor
from topformer_viz.words.text import Text

T = TypeVar("T")
Key = tuple[Hashable, ...]  # with the digests of what it depends on

MAX_BYTES = 256_000_000  # of what can be computed again
MAX_OWN_BYTES = 400_000_000  # of visitors' images and checkpoints, which cannot
SHARE = 100_000_000  # bytes of these that are one visitor's: the largest image and two checkpoints of TopFormer base
LARGE = 8_000_000  # bytes: a run with all its tensors, which is needed for none of what was shown of it
MAX_LARGE_BYTES = 64_000_000  # of these, the newest, for what asks for a run again soon
SMALL = 10_000  # bytes: what is no larger is worth more than its room
# Seconds for which a visitor whose connection broke finds picture and weights again; Streamlit's own is 120.
GRACE = 150
SWEEP = 10  # seconds between two looks at who is there

FULL = Text(
    "The server holds as many visitors' images and checkpoints as its memory allows. Please try again when someone has left.",
    "服务器内存中的访客图片和权重已达上限，请等有人离开后再试。",
)
MINE_FULL = Text(
    "What you have opened in this browser's tabs takes all the memory the server has for one visitor. Please close a tab and try "
    "again.",
    "你在这个浏览器各标签页里打开的内容，已占满服务器给每位访客的内存。请关闭一个标签页再试。",
)


class FullError(Exception):
    """Pictures and weights of all visitors, or of this one, take all the memory there is for them; ``text`` says which."""

    def __init__(self, text: Text) -> None:
        super().__init__(text("en"))
        self.text = text


@dataclass
class _Entry:
    value: Any
    bytes: int
    owners: set[str]  # the sessions that asked for it
    own: bool  # brought by a visitor
    seen: float = field(default_factory=time.monotonic)  # when one of them was last there


class Store:
    """Values by key, each with the sessions that asked for it."""

    def __init__(
        self, max_bytes: int = MAX_BYTES, max_own_bytes: int = MAX_OWN_BYTES, max_large_bytes: int = MAX_LARGE_BYTES
    ) -> None:
        self.max_bytes = max_bytes
        self.max_large_bytes = max_large_bytes
        self.max_own_bytes = max_own_bytes
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._brought: dict[str, dict[str, str]] = {}  # by session and kind, the digest of what its visitor has brought
        self._visitors: dict[str, str] = {}  # whose these sessions are
        self._lock = threading.Lock()
        self._sweeper: threading.Thread | None = None

    @property
    def bytes(self) -> int:
        """What all values together take."""
        with self._lock:
            return sum(entry.bytes for entry in self._entries.values())

    def get(
        self, key: Key, make: Callable[[], T], show: Callable[[int], object] = lambda before: None, holds: int = 0
    ) -> T:
        """The value, which now belongs to this session too; if there is none, ``make()``, once its turn has come.

        ``show`` and ``holds`` are those of ``Queue.run``. What was not asked for the longest goes where there is too much.
        """
        who, value = session(), self.find(key)
        return QUEUE.run(lambda: self._made(key, make, who), show, holds=holds) if value is None else value

    def at_once(self, key: Key, make: Callable[[], T]) -> T:
        """The same for what takes hardly longer than to ask for it: made here and now."""
        return self._made(key, make, session())

    def _made(self, key: Key, make: Callable[[], T], who: str) -> T:
        """The value, made where there is none; another may have asked for the same before its turn came."""
        value = self.find(key, who)
        if value is None:
            value = make()
            self._keep(key, value, who)
        return value

    def has(self, key: Key) -> bool:
        """Whether the value is there."""
        with self._lock:
            return key in self._entries

    def find(self, key: Key, who: str | None = None) -> Any:
        """The value, which now belongs to this session too; None if there is none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            if owner := session() if who is None else who:  # none where a task asks
                entry.owners.add(owner)
            return entry.value

    def _keep(self, key: Key, value: Any, who: str) -> None:
        with self._lock:
            self._put(key, value, who, own=False, size=size_of(value))
            kept = {key: e.bytes for key, e in self._entries.items() if e.bytes > SMALL and not e.own}
            large = {key: size for key, size in kept.items() if size > LARGE}
            # The newest stays, however large.
            for among, most in ((large, self.max_large_bytes), (kept, self.max_bytes)):
                total = sum(among[name] for name in among if name in self._entries)
                for oldest in list(kept)[:-1]:
                    if total > most and oldest in among and oldest in self._entries:
                        total -= among[oldest]
                        del self._entries[oldest]

    def hold(self, kind: str, digest: str, value: Any) -> None:
        """Keep what this session's visitor has brought, until it has gone, in place of what it brought of this ``kind`` before.

        It is found under (kind, digest). ``FullError`` where there is too much of all visitors, or of this one; what was there stays.
        """
        key, who, whose = (kind, digest), session(), visitor()
        # A model is copied to be run fast.
        size = size_of(value) * (2 if isinstance(value, nn.Module) else 1)
        with self._lock:
            brought = self._brought.get(who, {})
            old = brought.get(kind)
            kept = {at: entry for at, entry in self._entries.items() if entry.own and at != key}
            if old and kept.get(before := (kind, old)) and kept[before].owners == {who}:
                del kept[before]
            mine = {at: e for at, e in kept.items() if whose in {self._visitors.get(owner) for owner in e.owners}}
            gone: list[Key] = []
            for among, most, text in ((mine, SHARE, MINE_FULL), (kept, self.max_own_bytes, FULL)):
                gone += self._too_much(among, most - size, set(gone), text)
            for at in gone:
                del self._entries[at]
            if old and old != digest:
                self._release(old, who)
            self._visitors[who] = whose
            self._brought[who] = brought | {kind: digest}
            self._put(key, value, who, own=True, size=size)

    def _too_much(self, among: Mapping[Key, _Entry], most: int, gone: Collection[Key], text: Text) -> list[Key]:
        """What is to go so that ``most`` bytes remain: of who has left, the longest gone first. ``FullError`` where that isn't enough."""
        left = sorted(
            (at for at, entry in among.items() if at not in gone and not any(map(is_there, entry.owners))),
            key=lambda at: among[at].seen,
        )
        bytes_, going = sum(entry.bytes for at, entry in among.items() if at not in gone), []
        for at in left:
            if bytes_ > most:
                bytes_ -= among[at].bytes
                going.append(at)
        if bytes_ > most:
            raise FullError(text)
        return going

    def brought(self, kind: str) -> str | None:
        """The digest of what this session's visitor has brought of a kind; None if nothing is here."""
        with self._lock:
            digest = self._brought.get(session(), {}).get(kind)
            return digest if (kind, digest) in self._entries else None

    def clear(self) -> None:
        """Let go of all that can be computed again."""
        with self._lock:
            for key in [key for key, entry in self._entries.items() if not entry.own]:
                del self._entries[key]

    def _release(self, digest: Hashable, who: str) -> None:
        """The session no longer wants the picture or the weights, nor what follows from them; all goes that no other wants."""
        for key in [key for key in self._entries if digest in key]:
            entry = self._entries[key]
            entry.owners.discard(who)
            if not entry.owners:
                del self._entries[key]

    def _put(self, key: Key, value: Any, who: str, own: bool, size: int) -> None:
        old = self._entries.pop(key, None)
        owners = (old.owners if old else set()) | ({who} if who else set())
        self._entries[key] = _Entry(value, size, owners, own)
        if self._sweeper is None and runtime.exists():
            self._sweeper = threading.Thread(target=self._sweep_on, daemon=True, name="store")
            self._sweeper.start()

    def _sweep_on(self) -> None:
        while True:
            time.sleep(SWEEP)
            if not runtime.exists():  # as in tests
                self._sweeper = None
                return
            self.sweep(runtime.get_instance().is_active_session)
            FILES.forget_late()

    def sweep(self, is_active: Callable[[str], bool]) -> None:
        """Let go of what belongs to nobody who is there, of own things after ``GRACE``."""
        now = time.monotonic()
        gone, left = [], set[str]()
        with self._lock:
            for key, entry in list(self._entries.items()):
                there = {owner for owner in entry.owners if is_active(owner)}
                left |= entry.owners - there
                if there:
                    entry.seen = now
                    entry.owners = there if not entry.own else entry.owners
                elif now - entry.seen >= (GRACE if entry.own else 0):
                    gone.append(self._entries.pop(key))
            owners = {owner for entry in self._entries.values() if entry.own for owner in entry.owners}
            for who in self._visitors.keys() - owners:
                del self._visitors[who], self._brought[who]
        _let_go_of_files(left)
        if gone:
            gone.clear()
            _give_back()


def _let_go_of_files(sessions: set[str]) -> None:
    """What was handed out to them need not wait with the session for whether they come back: then their page runs anew."""
    if sessions and runtime.exists():
        files = runtime.get_instance().media_file_mgr
        for who in sessions:
            files.clear_session_refs(who)
        files.remove_orphaned_files()


def _give_back() -> None:
    """Hand free memory back to the system, which Linux's C library else keeps."""
    gc.collect()
    if trim := system_function("malloc_trim"):
        trim(0)


def size_of(value: Any) -> int:
    """Bytes of the tensors, arrays, pictures, texts and modules within ``value``; each piece of memory counts once."""
    found: dict[int, int] = {}
    waiting = [value]
    while waiting:
        thing = waiting.pop()
        if id(thing) in found:
            continue
        found[id(thing)] = 0
        if isinstance(thing, Tensor):
            storage = thing.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        elif isinstance(thing, np.ndarray):
            found[id(thing)] = thing.nbytes
        elif isinstance(thing, Image.Image):
            found[id(thing)] = thing.width * thing.height * len(thing.getbands())
        elif isinstance(thing, bytes | str):
            found[id(thing)] = len(thing)
        elif isinstance(thing, io.BytesIO):
            found[id(thing)] = thing.getbuffer().nbytes
        elif isinstance(thing, nn.Module):
            waiting += [*thing.parameters(), *thing.buffers()]
        elif isinstance(thing, Mapping):
            waiting += list(thing.values())
        elif isinstance(thing, list | tuple | set):
            waiting += thing
        if is_dataclass(thing) and not isinstance(thing, type):
            waiting += [getattr(thing, part.name) for part in fields(cast(Any, thing))]
    return sum(found.values())


STORE = Store()
