"""A class in front of the app: many sessions that speak to a real server as browsers do, and how long they wait.

A ``Visitor`` is what the server sees of a browser tab, and all of them live in this process. The same class meets a
trivial page afterwards, on a server of its own, so that neither disturbs the other.
"""

import asyncio
import io
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

from PIL import Image, ImageEnhance
from websockets.exceptions import WebSocketException

from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.terminal.bench.pages import trivial_script
from topformer_viz.terminal.bench.protocol import ClassroomError
from topformer_viz.terminal.bench.server import Server, machine_cpu, served
from topformer_viz.terminal.bench.table import Cell, Goal, Table
from topformer_viz.terminal.bench.visitor import Visitor
from topformer_viz.terminal.chromium import APP
from topformer_viz.words.text import LANGS

EVERY = 2.0  # seconds from one turn of a session to its next
PHONE, SMALL = (1024, 768), (320, 240)  # pictures, width and height
OPENING, PICTURE, CLICK = "opening the page", "new picture", "a click"
# Twenty turns of a class, shuffled: one in ten is a new picture.
DECK = {
    "another block": 11,
    "a block beside another": 2,
    "another sample": 4,
    "the other language": 1,
    PICTURE: 2,
}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed, interpolated between neighbours."""
    ordered, place = sorted(values), share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True)
class Wait:
    """A visitor asked for something and had it after ``seconds``, or had ``fault`` instead."""

    kind: str
    seconds: float
    fault: str = ""


@dataclass
class Student:
    """A visitor with a mind of its own: what it asks for at its turn."""

    visitor: Visitor
    pictures: Iterator[bytes]
    samples: Sequence[str]
    choice: random.Random
    wishes: int = 0

    async def turn(self, kind: str) -> None:
        visitor = self.visitor
        if kind == CLICK:
            return await visitor.click()
        if kind == PICTURE:
            return await visitor.upload(next(self.pictures))
        block, lang = visitor.tab.shown["block"], visitor.tab.shown["lang"]
        blocks = [n for n in (1, 2, 3, 4) if n != block]
        if kind == "another block":
            chosen = self.choice.choice(blocks)
            return await visitor.ask_lesson("block", chosen, chosen)
        if kind == "a block beside another":
            self.wishes += 1
            wish = {"run": visitor.tab.shown["run"], "block": block - 1, "with": self.choice.choice(blocks) - 1}
            wish |= {"removal": "", "save": None, "number": self.wishes}
            return await visitor.ask_lesson("wish", wish, block)
        if kind == "another sample":
            seen = [slug for slug in self.samples if not visitor.tab.shown["run"].startswith(slug)]
            sample = self.choice.choice(seen)
            return await visitor.choose("sample", list(SAMPLES).index(sample), {"run": sample})
        other = next(code for code in LANGS if code != lang)
        return await visitor.choose("pick_lang", list(LANGS).index(other), {"lang": other})


async def timed(kind: str, doing: Awaitable[object], waits: list[Wait]) -> bool:
    """Await ``doing`` and note how long it took, or what went wrong; whether it went well."""
    start = time.perf_counter()
    try:
        await doing
    except (ClassroomError, WebSocketException, OSError) as error:
        waits.append(Wait(kind, time.perf_counter() - start, f"{type(error).__name__}: {error}"))
        return False
    waits.append(Wait(kind, time.perf_counter() - start))
    return True


def deal(sessions: int, rounds: int, seed: int) -> list[list[str]]:
    """Each session's turns: from decks shuffled one after another, dealt round by round, so that every kind comes up."""
    shuffle = random.Random(seed).shuffle
    cards: list[str] = []
    while len(cards) < sessions * rounds:
        deck = [kind for kind, times in DECK.items() for _ in range(times)]
        shuffle(deck)
        cards += deck
    return [cards[i : sessions * rounds : sessions] for i in range(sessions)]


def new_pictures(count: int, size: tuple[int, int], seed: int = 0) -> Iterator[bytes]:
    """JPEGs that nobody has seen: a piece of a sample photograph in a light of its own, ``size`` (width, height)."""
    draw = random.Random(seed)
    for sample in (slug for slug, _ in zip(cycle(SAMPLES), range(count), strict=False)):
        photo = open_sample(sample)
        scale = draw.uniform(0.6, 0.95) * min(photo.width / size[0], photo.height / size[1])
        width, height = size[0] * scale, size[1] * scale
        left, top = draw.uniform(0, photo.width - width), draw.uniform(0, photo.height - height)
        piece = photo.resize(size, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
        out = io.BytesIO()
        ImageEnhance.Brightness(piece).enhance(draw.uniform(0.7, 1.3)).save(out, "JPEG", quality=90)
        yield out.getvalue()


@dataclass
class Class:
    """What a class met: every wait, and what server, client and other programs took meanwhile."""

    waits: list[Wait]
    start: float  # MB, after the first visitor
    peak: float
    after: float
    seconds: float
    server: float  # seconds of CPU
    client: float
    others: float
    received: int  # bytes

    def of(self, *kinds: str) -> list[Wait]:
        return [wait for wait in self.waits if wait.kind in kinds]

    def times(self, *kinds: str) -> list[float]:
        """Milliseconds of those that went well."""
        return [wait.seconds * 1000 for wait in self.of(*kinds) if not wait.fault]


async def attend(
    server: Server, place: str, hands: list[list[str]], pictures: Sequence[bytes], samples: Sequence[str], *, every: float,
    arrive: float, rest: float,
) -> Class:  # fmt: skip
    """All open the page at ``place``. A first visitor looks at ``samples``. Then a class of as many as there are ``hands``: each arrives within ``arrive``
    seconds and takes its hand's turns, ``every`` seconds apart. Everyone leaves and ``rest`` seconds pass."""
    waits: list[Wait] = []
    draw, unseen = random.Random(0), iter(pictures)
    first, visitors = Visitor(server.address), [Visitor(server.address) for _ in hands]
    await first.open(place)
    start = server.memory()
    for slug in (*samples[1:], *samples[:1]):
        await first.choose("sample", list(SAMPLES).index(slug), {"run": slug})

    async def sit(visitor: Visitor, hand: list[str], choice: random.Random) -> None:
        student = Student(visitor, unseen, samples, choice)
        await asyncio.sleep(choice.uniform(0, arrive))
        if not await timed(OPENING, visitor.open(place), waits):
            return
        due = begin + arrive + choice.uniform(0, every)
        for kind in hand:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due = max(due, time.perf_counter()) + every  # who had to wait takes a breath before the next turn
            await timed(kind, student.turn(kind), waits)

    async with server.watched() as memory:
        begin, own, cpu, all_cpu = time.perf_counter(), time.process_time(), server.cpu(), machine_cpu()
        choices = [random.Random(draw.random()) for _ in hands]
        await asyncio.gather(*map(sit, visitors, hands, choices))
        seconds, own, cpu = time.perf_counter() - begin, time.process_time() - own, server.cpu() - cpu
        others = machine_cpu() - all_cpu - own - cpu
    for visitor in (first, *visitors):
        await visitor.close()
    await asyncio.sleep(rest)
    received = sum(visitor.received for visitor in visitors)
    return Class(waits, start, max(memory), server.memory(), seconds, cpu, own, others, received)


async def one_after_another(server: Server, count: int) -> list[float]:
    """One visitor, ``count`` new pictures; the server's memory after each, in MB. ClassroomError where one is not shown."""
    visitor, memory = Visitor(server.address), []
    await visitor.open("lesson?size=256")
    for picture in new_pictures(count, SMALL, seed=1):
        await visitor.upload(picture)
        memory.append(server.memory())
    await visitor.close()
    return memory


# ------------------------------------------------------------ the tables


def measure(quick: bool = False, sessions: int = 40, seconds: float = 60, pictures: int = 0) -> list[Table]:
    """The class in front of the app, then of the trivial page; ``pictures`` one after another if any are asked for."""
    every, arrive, rest, samples = EVERY, 5.0, 60.0, list(SAMPLES)
    if quick:
        sessions, seconds, pictures, every, arrive, rest, samples = 3, 2.0, 4, 0.25, 0.5, 0.5, samples[:2]
    hands = deal(sessions, round(seconds / every), 0)
    unseen = list(new_pictures(sum(hand.count(PICTURE) for hand in hands), PHONE))
    with served(APP) as server:
        lesson = asyncio.run(attend(server, "lesson", hands, unseen, samples, every=every, arrive=arrive, rest=rest))
        grown = asyncio.run(one_after_another(server, pictures)) if pictures else []
    clicks = [[CLICK] * len(hand) for hand in hands]
    with trivial_script() as script, served(script) as server:
        plain = asyncio.run(attend(server, "", clicks, (), (), every=every, arrive=arrive, rest=rest))
    tables = [_waits(lesson, plain, sessions, every), _memory(lesson, plain, rest), _work(lesson, plain)]
    if grown:
        tables.append(_growth(grown))
    return tables


def _waits(lesson: Class, plain: Class, sessions: int, every: float) -> Table:
    cached = [kind for kind in DECK if kind != PICTURE]
    groups: list[tuple[str, Class, tuple[str, ...]]]
    groups = [(f"lesson, {kind}", lesson, (kind,)) for kind in (OPENING, *cached)]
    groups += [("lesson, all these but the opening", lesson, tuple(cached)), (f"lesson, {PICTURE}", lesson, (PICTURE,))]
    groups += [(f"trivial page, {kind}", plain, (kind,)) for kind in (OPENING, CLICK)]
    rows: list[tuple[Cell, ...]] = []
    for name, group, kinds in groups:
        times, turns = group.times(*kinds), len(group.of(*kinds))
        shown = (percentile(times, 0.5), percentile(times, 0.95), max(times)) if times else (None,) * 3
        rows.append((name, turns, *shown, turns - len(times)))
    faults = Counter(wait.fault for wait in (*lesson.waits, *plain.waits) if wait.fault)
    goals = [Goal("classroom, errors", faults.total(), 0)]
    if (views := lesson.times(*cached)) and (clicks := plain.times(CLICK)):
        slow = percentile(views, 0.95)
        goals.append(Goal("classroom, cached views, p95, ms", slow, 100))
        goals.append(Goal("classroom, the same beside the trivial page's click", slow / percentile(clicks, 0.95), 3))
    if times := lesson.times(PICTURE):
        goals.append(Goal("classroom, new pictures, p50, ms", percentile(times, 0.5), 400))
    note = (
        f"Sessions over WebSockets on loopback, each with a turn every {every:g} s, from asking to the end of the script's run "
        "with the answer; a new picture from choosing the file, its upload included. The first visitor had seen the samples; "
        "views of a visitor's own picture count as cached once it has been shown. Then the same class clicks the trivial page's button."
    )
    note += "".join(f" {times} times: {fault}." for fault, times in faults.most_common(5))
    title = f"A class of {sessions}: what it waits for"
    return Table(title, ("", "turns", "p50, ms", "p95, ms", "longest, ms", "errors"), rows, note, tuple(goals))


def _memory(lesson: Class, plain: Class, rest: float) -> Table:
    both = (lesson, plain)
    rows: list[tuple[Cell, ...]] = [
        ("after the first visitor", *(c.start for c in both)),
        ("most during the class", *(c.peak for c in both)),
        (f"{rest:g} s after everyone left", *(c.after for c in both)),
    ]
    goals = (
        Goal("classroom, memory at most, MB", lesson.peak, 1000),
        Goal("classroom, memory above its start a minute after everyone left, MB", lesson.after - lesson.start, 200),
    )
    return Table(
        "The class: memory of the server", ("", "lesson, MB", "trivial page, MB"), rows, "Resident memory.", goals
    )


def _work(lesson: Class, plain: Class) -> Table:
    both = (lesson, plain)
    rows: list[tuple[Cell, ...]] = [
        ("CPUs that the server kept busy", *(c.server / c.seconds for c in both)),
        ("CPUs that the class's client kept busy", *(c.client / c.seconds for c in both)),
        ("CPUs that other programs kept busy", *(max(0.0, c.others) / c.seconds for c in both)),
        ("MB a second to the class", *(c.received / c.seconds / 1e6 for c in both)),
        ("seconds from the first to the last answer", *(c.seconds for c in both)),
    ]
    note = (
        f"Of {os.cpu_count()} CPUs, which server and client share. The client is one thread: near 1 it would be what is "
        "measured. What other programs take is missing from both."
    )
    return Table("The class: who works", ("", "lesson", "trivial page"), rows, note)


def _growth(memory: list[float]) -> Table:
    """Each place as the median of the twentieth that ends there: a single look may fall on a picture's own tensors."""
    window = max(1, len(memory) // 20)
    rows: list[tuple[Cell, ...]] = []
    for share in (0.1, 0.5, 1.0):
        end = max(window, round(share * len(memory)))
        rows.append((f"after {end:,}", percentile(memory[end - window : end], 0.5)))
    first, _, last = (float(row[1] or 0) for row in rows)
    goals = (Goal(f"classroom, growth over {len(memory):,} pictures, MB", last - first, 50),)
    return Table(
        "New pictures one after another: memory of the server", ("", "MB"), rows, "One visitor, small pictures.", goals
    )
