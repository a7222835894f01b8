"""One visitor against a school: what a stranger with one browser asks for, and how long another visitor waits meanwhile.

Each attack is by one visitor, in as many tabs as it likes, against a server of its own, which may take 2 GB. Next to it another visitor looks at samples
and brings pictures, as in class.
"""

import asyncio
import io
import math
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from PIL import Image

from topformer_viz.network.images import MODERN_MAX_PIXELS
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import SAMPLES
from topformer_viz.paths import ROOT
from topformer_viz.terminal.bench.classroom import PHONE, PICTURE, SAMPLE, Student, Wait, new_pictures, timed
from topformer_viz.terminal.bench.server import Server, served
from topformer_viz.terminal.bench.table import Cell, Goal, Table
from topformer_viz.terminal.bench.timing import percentile
from topformer_viz.terminal.bench.visitor import Visitor

SERVE = ROOT / "serve.py"
LIMIT = 2_000_000_000  # bytes that the server may take
CGROUPS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))  # version 1, version 2
EVERY = 2.0  # seconds from one turn of the other visitor to the next
IDLE = 0.15  # of one CPU: below this the server is at rest
HEAVY = "model=base-batch&size=1024&sample=crossing"  # the most that can be chosen


@dataclass
class Stranger:
    """One visitor, who opens as many tabs as it likes; whatever goes wrong for it is its own affair."""

    server: Server
    cookies: dict[str, str] = field(default_factory=dict)
    tabs: list[Visitor] = field(default_factory=list)
    sockets: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    async def tab(self, place: str) -> Visitor:
        visitor = Visitor(self.server.address, cookies=self.cookies)
        self.tabs.append(visitor)
        await visitor.open(place)
        return visitor

    async def leave(self) -> None:
        for _, writer in self.sockets:
            writer.close()
        await asyncio.gather(*(tab.close() for tab in self.tabs), return_exceptions=True)
        self.tabs.clear()


Attack = Callable[[Stranger], Coroutine[Any, Any, None]]


async def for_ever(stranger: Stranger, doing: Callable[[], Awaitable[Any]], pause: float = 0.0) -> None:
    """Again and again, until the time is up; what the server refuses is counted."""
    while True:
        try:
            await doing()
        except Exception as error:
            stranger.refused[f"{type(error).__name__}: {error}"[:80]] += 1
            await asyncio.sleep(0.2)
        await asyncio.sleep(pause)


async def saves(stranger: Stranger) -> None:
    """The explorer as one file, asked for in a tab that is closed a second later."""

    async def ask() -> None:
        tab = await stranger.tab(f"explorer?{HEAVY}")
        await tab.trigger("explorer", {"run": tab.tab.told["explorer"]["view"]["run"], "save": {"block": 1}})
        await asyncio.sleep(1)
        await tab.close()

    await asyncio.gather(*(for_ever(stranger, ask) for _ in range(3)))


async def numbers(stranger: Stranger) -> None:
    """All numbers of the largest run, asked for and not read."""

    async def ask() -> None:
        tab = await stranger.tab(f"lesson?{HEAVY}")
        for n in count():
            wish = {"id": f"{n}", "kind": "trace", "view": {}, "page": "/lesson"}
            await tab.trigger("saving", wish)
            await tab.finished()
            if at := tab.tab.told["saving"].get("answer", {}).get("at"):
                await half_read(stranger, f"/{at}")
            await asyncio.sleep(0.2)

    await asyncio.gather(*(for_ever(stranger, ask) for _ in range(3)))


async def half_read(stranger: Stranger, path: str) -> None:
    """Ask for an answer over a connection of its own, and read nothing of it."""
    host, _, port = urlsplit(stranger.server.address).netloc.partition(":")
    reader, writer = await asyncio.open_connection(
        host, int(port), limit=2**10
    )  # asyncio takes no more than twice that by itself
    cookie = "; ".join(f"{name}={value}" for name, value in stranger.cookies.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    await writer.drain()
    stranger.sockets.append((reader, writer))


async def checkpoints(stranger: Stranger) -> None:
    """Checkpoints, each followed by another run of the page a quarter of a second later."""
    tab, serial = await stranger.tab("lesson?size=256"), count()

    async def put() -> None:
        await tab.put_in("checkpoint", checkpoint("base", 150, next(serial)))
        await asyncio.sleep(0.25)
        await tab.rerun()

    await for_ever(stranger, put)


async def views(stranger: Stranger) -> None:
    """Seventeen tabs, each asking for new pictures at the largest size."""
    unseen = new_pictures(100_000, (1600, 1200), seed=5)

    async def one() -> None:
        tab = await stranger.tab(f"lesson?{HEAVY}")
        await for_ever(stranger, lambda: tab.upload(next(unseen)))

    await asyncio.gather(*(for_ever(stranger, one) for _ in range(17)))


async def many_classes(stranger: Stranger) -> None:
    """The whole network's page for a checkpoint of 1,024 classes."""
    tab, unseen = await stranger.tab("network?size=1024"), new_pictures(100_000, (1600, 1200), seed=6)
    await tab.put_in("checkpoint", checkpoint("tiny", 1024, 0))
    await tab.finished()

    async def put() -> None:
        await tab.put_in("upload", next(unseen))
        await tab.finished()

    await for_ever(stranger, put)


async def animations(stranger: Stranger) -> None:
    """A GIF in each of four tabs, and again."""

    async def ask() -> None:
        tab = await stranger.tab("lesson?model=base-batch&size=512")
        for n in count():
            await tab.trigger(
                "saving", {"id": f"{n}", "kind": "animation", "view": {"block": f"{n % 4 + 1}"}, "page": "/lesson"}
            )
            await tab.finished()

    await asyncio.gather(*(for_ever(stranger, ask) for _ in range(4)))


async def slow_pictures(stranger: Stranger) -> None:
    """The slowest picture that is read, in six tabs at once."""
    slow = await asyncio.to_thread(slow_picture)  # the other visitor, in the same thread, goes on meanwhile

    async def one() -> None:
        tab = await stranger.tab("lesson?size=256")
        for n in count():
            await tab.put_in("upload", slow + bytes([n % 256]))  # another file each time
            await tab.finished()

    await asyncio.gather(*(for_ever(stranger, one) for _ in range(6)))


async def half_open(stranger: Stranger) -> None:
    """Six hundred uploads that never end: a byte now and then."""
    tab = await stranger.tab("lesson?size=256")
    host, _, port = urlsplit(stranger.server.address).netloc.partition(":")
    urls = await tab.file_urls()
    cookie, path = (
        "; ".join(f"{name}={value}" for name, value in stranger.cookies.items()),
        urlsplit(urls.upload_url).path,
    )

    async def one() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {stranger.server.address}\r\nCookie: {cookie}\r\n"
        )
        head += f"X-Xsrftoken: {stranger.cookies.get('_streamlit_xsrf', '')}\r\nContent-Length: 50000000\r\n"
        writer.write(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        try:
            while not reader.at_eof() and not writer.is_closing():
                writer.write(b"-")
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(7):
                        raise ConnectionError((await reader.readline()).decode().strip() or "closed")
        finally:
            writer.close()

    await asyncio.gather(*(for_ever(stranger, one, 1) for _ in range(600)))


async def untaken(stranger: Stranger) -> None:
    """Files of 40 MB that no page ever takes."""
    tab, body = await stranger.tab("lesson?size=256"), b"\0" * 40_000_000

    async def put() -> None:
        urls = await tab.file_urls()
        await tab.put(urlsplit(urls.upload_url).path, body)

    await for_ever(stranger, put)


ATTACKS: dict[str, Attack] = {
    "the explorer's file, and gone": saves, "all numbers, not read": numbers, "checkpoints and reruns": checkpoints,
    "17 tabs, large views": views, "1,024 classes": many_classes, "animations in four tabs": animations,
    "slow pictures in six tabs": slow_pictures, "600 half-open uploads": half_open, "files that no page takes": untaken,
}  # fmt: skip


def checkpoint(size: str, classes: int, seed: int) -> bytes:
    """A state_dict of an untrained network, as ``torch.save`` writes it."""
    torch.manual_seed(seed)
    out = io.BytesIO()
    torch.save(TopFormer(size, classes).state_dict(), out)
    return out.getvalue()


def slow_picture() -> bytes:
    """An AVIF of noise with as many pixels as are read of one."""
    side = math.isqrt(MODERN_MAX_PIXELS)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "AVIF", quality=60, speed=10)
    return out.getvalue()


# ------------------------------------------------------------ what is measured


@dataclass
class Attacked:
    """What the other visitor and the server met: waits, MB at most and a minute's rest later, and seconds until the server was at rest."""

    waits: list[Wait]
    peak: float
    rest: float
    restarted: bool
    refused: Counter[str]

    def times(self, kind: str) -> list[float]:
        return [wait.seconds for wait in self.waits if wait.kind == kind and not wait.fault]


async def attacked(server: Server, attack: Attack | None, seconds: float, patience: float) -> Attacked:
    """``attack`` for so many seconds, and another visitor meanwhile; then the stranger leaves all at once."""
    waits, stranger, other = list[Wait](), Stranger(server), Visitor(server.address)
    samples = list(SAMPLES)[:3]
    student = Student(other, new_pictures(100_000, PHONE, seed=7), samples, random.Random(0))
    await other.open("lesson")
    for slug in (*samples[1:], samples[0]):
        await other.choose("sample", list(SAMPLES).index(slug), {"run": slug})
    await student.turn(PICTURE)
    process = server.process
    async with server.watched() as memory:
        begin = time.perf_counter()
        work: asyncio.Task[None] | None = asyncio.create_task(attack(stranger)) if attack else None
        for n in count():
            due = begin + (n + 1) * EVERY
            if due > begin + seconds:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await timed(SAMPLE if n % 2 else PICTURE, student.turn(SAMPLE if n % 2 else PICTURE), waits)
        if work:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await stranger.leave()
        rest = await until_at_rest(server, patience)
    await other.close()
    return Attacked(waits, max(memory), rest, not process.is_running(), stranger.refused)


async def until_at_rest(server: Server, patience: float) -> float:
    """Seconds until the server does nothing any more; ``patience`` where it goes on."""
    begin, spent = time.perf_counter(), server.cpu()
    while (passed := time.perf_counter() - begin) < patience:
        await asyncio.sleep(0.5)
        now = server.cpu()
        if now - spent < IDLE * 0.5:
            return passed
        spent = now
    return patience


@contextmanager
def limited(server: Server) -> Iterator[bool]:
    """Let the server and what it starts have LIMIT of memory, where this system's cgroups let us say so; whether they do."""
    for place, name in CGROUPS:
        group = Path(place) / f"topformer-viz-{os.getpid()}"
        try:
            group.mkdir()
            (group / name).write_text(str(LIMIT), "ascii")
            for process in (server.process, *server.process.children(recursive=True)):
                (group / "cgroup.procs").write_text(str(process.pid), "ascii")
        except OSError:
            with suppress(OSError):
                group.rmdir()
            continue
        try:
            yield True
        finally:
            for pid in (group / "cgroup.procs").read_text("ascii").split():
                (group.parent / "cgroup.procs").write_text(pid, "ascii")
            group.rmdir()
        return
    yield False


def measure(quick: bool = False, seconds: float = 60) -> list[Table]:
    """Every attack for so many ``seconds``, after as long without one."""
    each, patience, attacks = (2.0, 10.0, list(ATTACKS)[:1]) if quick else (seconds, 60.0, list(ATTACKS))
    met: dict[str, Attacked] = {}
    for name, attack in {"no attack": None, **{name: ATTACKS[name] for name in attacks}}.items():
        with served(SERVE) as server, limited(server) as is_limited:
            met[name] = asyncio.run(attacked(server, attack, each, patience))
    return [_table(met, is_limited, each)]


def _table(met: dict[str, Attacked], is_limited: bool, each: float) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, one in met.items():
        cached, new = one.times(SAMPLE), one.times(PICTURE)
        shown = [percentile(times, 0.95) if times else None for times in (cached, new)]
        faults = sum(bool(wait.fault) for wait in one.waits)
        rows.append((name, *shown, faults, one.peak, "yes" if one.restarted else "no", one.rest, one.refused.total()))
    under = [one for name, one in met.items() if name != "no attack"]

    def worst(kind: str) -> float:
        return max((percentile(one.times(kind), 0.95) for one in under if one.times(kind)), default=0.0)

    goals = (
        Goal("hostile, another's cached view, p95, s", worst(SAMPLE), 1),
        Goal("hostile, another's new picture, p95, s", worst(PICTURE), 5),
        Goal("hostile, another's errors", sum(bool(w.fault) for one in under for w in one.waits), 0),
        Goal("hostile, memory at most, MB", max((one.peak for one in under), default=0.0), 1500),
        Goal("hostile, work of who has left, s", max((one.rest for one in under), default=0.0), 2),
        Goal("hostile, restarts", sum(one.restarted for one in under), 0),
    )
    said = Counter(wait.fault for one in met.values() for wait in one.waits if wait.fault)
    held = (
        f"The server may take {LIMIT / 1e9:g} GB (a cgroup)." if is_limited else "No limit of memory could be set here."
    )
    note = (
        f"`streamlit run serve.py` on loopback, started anew for each attack, which one visitor (one cookie) keeps up for {each:.0f} s; {held} "
        f"Meanwhile another visitor takes a turn every {EVERY:g} s, a sample seen before and a new picture in turn, at short side 512, timed as in the classroom. Memory is of all "
        "the server's processes. At rest: from when the stranger has left until the server takes hardly any CPU."
    )
    note += "".join(f" The other visitor met {times} times: {fault}." for fault, times in said.most_common(3))
    columns = (
        "one visitor's attack", "another's cached view, p95, s", "another's new picture, p95, s", "its errors", "memory at most, MB",
        "restarted", "at rest after, s", "refused to the stranger",
    )  # fmt: skip
    return Table("One visitor against a school", columns, rows, note, goals)
