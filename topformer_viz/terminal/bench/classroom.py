"""A class in front of the app: many sessions that speak to a real server as browsers do, and how long they wait.

A ``Visitor`` is what the server sees of a browser tab, and all of them live in this process. What a tab does by itself,
with the run that it has, reaches no server: steps.py measures it where it happens. The same class meets a
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

from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.terminal.bench.pages import trivial_script
from topformer_viz.terminal.bench.server import Server, machine_cpu, served
from topformer_viz.terminal.bench.table import Cell, Goal, Table
from topformer_viz.terminal.bench.timing import percentile
from topformer_viz.terminal.bench.visitor import Visitor
from topformer_viz.terminal.chromium import APP
from topformer_viz.words.text import LANGS

EVERY = 2.0  # seconds from one turn of a session to its next
PHONE, THREE_TO_TWO, SMALL = (1024, 768), (1152, 768), (320, 240)  # pictures, width and height
OPENING, PICTURE, CLICK, PAUSE = "opening the page", "new picture", "a click", "nothing"
BLOCK, BESIDE, SAMPLE, LANGUAGE = "another block", "a block beside another", "another sample", "the other language"
UNTOUCHED = "the untouched pass"
FIRST, ALONE, LINE = "the first visitor", "one visitor alone", "pictures one after another"
# Twenty turns of a class, shuffled: one in ten is a new picture.
DECK = {BLOCK: 11, BESIDE: 2, SAMPLE: 4, LANGUAGE: 1, PICTURE: 2}
BROWSER = (BLOCK, BESIDE)  # what the browser does with what it has: steps.py measures these
CACHED = (SAMPLE, LANGUAGE)  # what the server has made before
CLASS = 40  # sessions; for more, the goals of twice as many hold


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

    async def turn(self, kind: str) -> None:
        visitor = self.visitor
        if kind == CLICK:
            return await visitor.click()
        if kind == PICTURE:
            return await visitor.upload(next(self.pictures))
        if kind in BROWSER:
            return visitor.need_block(self.choice.randint(1, 4))
        if kind == SAMPLE:
            seen = [slug for slug in self.samples if not visitor.tab.shown["run"].startswith(slug)]
            sample = self.choice.choice(seen)
            return await visitor.choose("sample", list(SAMPLES).index(sample), {"run": sample})
        other = next(code for code in LANGS if code != visitor.tab.shown["lang"])
        return await visitor.choose("pick_lang", list(LANGS).index(other), {"lang": other})


async def timed(kind: str, doing: Awaitable[object], waits: list[Wait]) -> bool:
    """Await ``doing`` and note how long it took, or what went wrong, whatever that was; whether it went well.

    What one visitor meets, foreseen or not, ends neither the class nor its count.
    """
    start = time.perf_counter()
    try:
        await doing
    except Exception as error:
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
    await timed(FIRST, first.open(place), waits)
    start = server.memory()
    for slug in (*samples[1:], *samples[:1]):
        await timed(FIRST, first.choose("sample", list(SAMPLES).index(slug), {"run": slug}), waits)

    async def sit(visitor: Visitor, hand: list[str], choice: random.Random) -> None:
        student = Student(visitor, unseen, samples, choice)
        await asyncio.sleep(choice.uniform(0, arrive))
        if not await timed(OPENING, visitor.open(place), waits):
            return
        due = begin + arrive + choice.uniform(0, every)
        for kind in hand:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due = max(due, time.perf_counter()) + every  # who had to wait takes a breath before the next turn
            if kind == PAUSE:
                continue
            await timed(kind, student.turn(kind), waits)
            # Where the explorer is first on show with a run it asks for this, while it shows all else.
            if kind == BESIDE and not visitor.tab.shown.get("untouched"):
                await timed(UNTOUCHED, visitor.wish(), waits)

    async with server.watched() as memory:
        begin, own, cpu, all_cpu = time.perf_counter(), time.process_time(), server.cpu(), machine_cpu()
        choices = [random.Random(draw.random()) for _ in hands]
        await asyncio.gather(*map(sit, visitors, hands, choices))
        seconds, own, cpu = time.perf_counter() - begin, time.process_time() - own, server.cpu() - cpu
        others = machine_cpu() - all_cpu - own - cpu
    for visitor in (first, *visitors):
        await visitor.close()
    await asyncio.sleep(rest)
    received = sum(visitor.received.total() for visitor in visitors)
    return Class(waits, start, max(memory), server.memory(), seconds, cpu, own, others, received)


@dataclass
class Alone:
    """What a visitor takes of the server who has it alone: means."""

    picture: float  # seconds of CPU for a new one, from its upload to its answer
    rerun: float  # the same for the page's script once more
    run: float  # bytes of a new picture's run
    whole: float  # of all that comes for one
    again: float  # of all that comes with a rerun


async def alone(server: Server, count: int, waits: list[Wait]) -> Alone:
    """One visitor: ``count`` new pictures, which makes 8 x 12 tokens of each, and as many reruns of the page."""
    visitor, pictures = Visitor(server.address), new_pictures(count + 1, THREE_TO_TWO, seed=2)
    await timed(ALONE, visitor.open("lesson"), waits)
    await timed(ALONE, visitor.upload(next(pictures)), waits)
    before, cpu = Counter(visitor.received), server.cpu()
    for picture in pictures:
        await timed(ALONE, visitor.upload(picture), waits)
    between, shown = Counter(visitor.received), server.cpu()
    for _ in range(count):
        await timed(ALONE, visitor.rerun(), waits)
    came, again, end = between - before, visitor.received - between, server.cpu()
    await visitor.close()
    seconds, sizes = (shown - cpu, end - shown), (came["run"], came.total(), again.total())
    return Alone(*(total / count for total in (*seconds, *sizes)))


async def clicked(server: Server, count: int, waits: list[Wait]) -> float:
    """Seconds of CPU of one click on the trivial page, by one visitor alone."""
    visitor = Visitor(server.address)
    await timed(ALONE, visitor.open(), waits)
    cpu = server.cpu()
    for _ in range(count):
        await timed(ALONE, visitor.click(), waits)
    cpu = server.cpu() - cpu
    await visitor.close()
    return cpu / count


async def one_after_another(server: Server, count: int, waits: list[Wait]) -> list[float]:
    """One visitor, ``count`` new pictures; the server's memory after each, in MB."""
    visitor, memory = Visitor(server.address), []
    await timed(LINE, visitor.open("lesson?size=256"), waits)
    for picture in new_pictures(count, SMALL, seed=1):
        await timed(LINE, visitor.upload(picture), waits)
        memory.append(server.memory())
    await visitor.close()
    return memory


# ------------------------------------------------------------ the tables


def measure(quick: bool = False, sessions: int = CLASS, seconds: float = 60, pictures: int = 0) -> list[Table]:
    """The class in front of the app, then of the trivial page, and one visitor alone after each; ``pictures`` one after another
    if any are asked for."""
    every, arrive, rest, samples, count, waits = EVERY, 5.0, 60.0, list(SAMPLES), 20, list[Wait]()
    if quick:
        sessions, seconds, pictures, every, arrive, rest, samples, count = 3, 2.0, 4, 0.25, 0.5, 0.5, samples[:2], 2
    hands = deal(sessions, round(seconds / every), 0)
    unseen = list(new_pictures(sum(hand.count(PICTURE) for hand in hands), PHONE))
    with served(APP) as server:
        lesson = asyncio.run(attend(server, "lesson", hands, unseen, samples, every=every, arrive=arrive, rest=rest))
        single = asyncio.run(alone(server, count, waits))
        grown = asyncio.run(one_after_another(server, pictures, waits)) if pictures else []
    clicks = [[PAUSE if kind in BROWSER else CLICK for kind in hand] for hand in hands]
    with trivial_script() as script, served(script) as server:
        plain = asyncio.run(attend(server, "", clicks, (), (), every=every, arrive=arrive, rest=rest))
        click = asyncio.run(clicked(server, 5 * count, waits))
    tables = [
        _waits(lesson, plain, waits, sessions, every), _memory(lesson, plain, sessions, rest), _work(lesson, plain),
        _single(single, click, count),
    ]  # fmt: skip
    if grown:
        tables.append(_growth(grown))
    return tables


def _waits(lesson: Class, plain: Class, others: Sequence[Wait], sessions: int, every: float) -> Table:
    """``others``: what was waited for outside the classes, of which only what went wrong counts here."""
    groups: list[tuple[str, Class, tuple[str, ...]]]
    groups = [(f"lesson, {kind}", lesson, (kind,)) for kind in (*BROWSER, OPENING, *CACHED)]
    groups += [("lesson, these two, which the server has", lesson, CACHED), (f"lesson, {PICTURE}", lesson, (PICTURE,))]
    groups += [(f"lesson, {UNTOUCHED}", lesson, (UNTOUCHED,))]
    groups += [(f"trivial page, {kind}", plain, (kind,)) for kind in (OPENING, CLICK)]
    rows: list[tuple[Cell, ...]] = []
    for name, group, kinds in groups:
        times, turns = group.times(*kinds), len(group.of(*kinds))
        asks = not set(kinds) <= set(BROWSER)
        shown = (percentile(times, 0.5), percentile(times, 0.95), max(times)) if times and asks else (None,) * 3
        rows.append((name, "the server" if asks else "the browser", turns, *shown, turns - len(times)))
    faults = Counter(wait.fault for wait in (*lesson.waits, *plain.waits, *others) if wait.fault)
    goals = [Goal("classroom, errors", faults.total(), 0)]
    usual = sessions <= CLASS
    if (views := lesson.times(*CACHED)) and (clicks := plain.times(CLICK)):
        slow = percentile(views, 0.95)
        goals.append(Goal("classroom, cached views, p95, ms", slow, 100 if usual else 1000))
        if usual:
            goals.append(
                Goal("classroom, the same beside the trivial page's click", slow / percentile(clicks, 0.95), 3)
            )
    if usual and (times := lesson.times(PICTURE)):
        goals.append(Goal("classroom, new pictures, p50, ms", percentile(times, 0.5), 400))
        goals.append(Goal("classroom, new pictures, p95, ms", percentile(times, 0.95), 1500))
    note = (
        f"Sessions on loopback, each with a turn every {every:g} s, from asking to the end of the script's run with the answer "
        "and the last byte of the bodies that it names, which a visitor fetches over HTTP, once a tab; a new picture from "
        "choosing the file, its upload included. What the browser answers by itself sends nothing: these turns are taken and count, a visitor "
        "only sees that it has what they show, and how long they take is measured in Chromium (`bench steps`). They are in no "
        "percentile here, so that of cached views, the other sample and the other language, is of those that do ask the server. Where a block is first put beside another in a run, the explorer also asks how far the "
        "run is from the untouched pass, which nothing else waits for. The first "
        "visitor had seen the samples. Then the same class clicks the trivial page's button, at the turns at which it asked ours. "
        "Errors in the goals count those of the visitors before and after the class, too."
    )
    note += "".join(f" {times} times: {fault}." for fault, times in faults.most_common(5))
    title = f"A class of {sessions}: what it waits for"
    columns = ("", "answered by", "turns", "p50, ms", "p95, ms", "longest, ms", "errors")
    return Table(title, columns, rows, note, tuple(goals))


def _memory(lesson: Class, plain: Class, sessions: int, rest: float) -> Table:
    both = (lesson, plain)
    rows: list[tuple[Cell, ...]] = [
        ("after the first visitor", *(c.start for c in both)),
        ("most during the class", *(c.peak for c in both)),
        (f"{rest:g} s after everyone left", *(c.after for c in both)),
    ]
    goals = (
        Goal("classroom, memory at most, MB", lesson.peak, 1000),
        Goal("classroom, memory above its start a minute after everyone left, MB", lesson.after - lesson.start, 200),
    )[: None if sessions <= CLASS else 0]
    return Table(
        "The class: memory of the server", ("", "lesson, MB", "trivial page, MB"), rows, "Resident memory.", goals
    )


def _work(lesson: Class, plain: Class) -> Table:
    both = (lesson, plain)
    rows: list[tuple[Cell, ...]] = [
        ("CPUs that the server kept busy", *(c.server / c.seconds for c in both)),
        ("CPUs that the class's client kept busy", *(c.client / c.seconds for c in both)),
        ("CPUs that other programs kept busy", *(max(0.0, c.others) / c.seconds for c in both)),
        ("MB a second to the class, messages and bodies", *(c.received / c.seconds / 1e6 for c in both)),
        ("seconds from the first to the last answer", *(c.seconds for c in both)),
    ]
    note = (
        f"Of {os.cpu_count()} CPUs, which server and client share. The client is one thread: near 1 it would be what is "
        "measured. What other programs take is missing from both."
    )
    return Table("The class: who works", ("", "lesson", "trivial page"), rows, note)


def _single(single: Alone, click: float, count: int) -> Table:
    rows: list[tuple[Cell, ...]] = [
        ("a new picture, from upload to answer", single.picture * 1000, single.whole / 1000, single.run / 1000),
        ("the page's script once more", single.rerun * 1000, single.again / 1000, None),
        ("the trivial page's click", click * 1000, None, None),
    ]
    goals = (
        Goal("one visitor, a new picture, ms of CPU", single.picture * 1000, 120),
        Goal("one visitor, a picture's run, kB", single.run / 1000, 1500),
        Goal("one visitor, a rerun afterwards, kB", single.again / 1000, 20),
    )
    note = (
        f"Means of {count} pictures one after another by one visitor alone, after the class, and of {5 * count} clicks: seconds of CPU of all the "
        "server's processes, and the bytes of messages and of HTTP answers, heads included. TopFormer tiny, short side 512, 8 × 12 "
        "tokens, all four blocks."
    )
    columns = ("", "CPU of the server, ms", "all that comes, kB", "of these the run, kB")
    return Table("One visitor alone: what the server has to do and to send", columns, rows, note, goals)


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
