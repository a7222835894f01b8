"""The classroom benchmark: what its visitors make of the server's messages, and a small class in front of the real server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from types import SimpleNamespace
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosedOK

from topformer_viz.app.canvas.wire import message as wired
from topformer_viz.terminal.bench import classroom
from topformer_viz.terminal.bench import protocol as module
from topformer_viz.terminal.bench.classroom import (
    BLOCK,
    BROWSER,
    CACHED,
    CLICK,
    DECK,
    OPENING,
    PICTURE,
    SAMPLE,
    Class,
    Student,
    Wait,
)
from topformer_viz.terminal.bench.connection import Connection, HungUpError
from topformer_viz.terminal.bench.protocol import ClassroomError, Widget
from topformer_viz.terminal.bench.server import Server
from topformer_viz.terminal.bench.timing import percentile
from topformer_viz.terminal.bench.visitor import MESSAGES, Visitor


def test_percentiles_lie_between_neighbours() -> None:
    assert [percentile([4.0, 1.0, 3.0, 2.0], share) for share in (0, 0.5, 0.95, 1)] == pytest.approx([1, 2.5, 3.85, 4])
    assert percentile([7.0], 0.95) == 7


def test_every_kind_of_turn_is_dealt_in_the_deck_s_shares() -> None:
    hands = classroom.deal(40, 30, seed=0)
    assert [len(hand) for hand in hands] == [30] * 40
    dealt = Counter(kind for hand in hands for kind in hand)
    assert dealt == {kind: 60 * times for kind, times in DECK.items()}
    assert set(Counter(kind for hand in classroom.deal(3, 8, 0) for kind in hand)) == set(DECK)


def test_widgets_are_found_by_their_key() -> None:
    message = ForwardMsg()
    message.delta.fragment_id = "part"
    group = message.delta.new_element.button_group
    group.id = "$$ID-0123abc-pick_lang"
    for word in ("English", "中文"):
        group.options.add(content=word)
    widget = module.widget_of(message)
    assert widget == Widget("$$ID-0123abc-pick_lang", "part", ("English", "中文"))
    assert module.key_of(widget.id) == "pick_lang"
    message.delta.new_element.markdown.body = "words"
    assert module.widget_of(message) is None


def lesson(run: str, bodies: Mapping[str, Any], lang: str = "en", **view: Any) -> ForwardMsg:
    """A message of the lesson's: ``bodies`` by kind, as the page names them."""
    message = ForwardMsg()
    component = message.delta.new_element.bidi_component
    component.id = "$$ID-0123abc-lesson"
    component.bytes = wired({"lang": lang, **bodies, "view": {"run": run, "block": 2, **view}})
    return message


def test_what_the_lesson_shows_and_what_the_page_complains_of() -> None:
    message = lesson(
        "street/everyday", {"run": ["media/a.bin", "media/b.bin"], "book": "media/c"}, "zh", removals="media/d"
    )
    element = message.delta.new_element
    assert module.shown_by(element.bidi_component) == {
        "block": 3, "lang": "zh", "run": "street/everyday", "untouched": False,
        "bodies": [("run", "media/a.bin"), ("run", "media/b.bin"), ("removals", "media/d"), ("book", "media/c")],
    }  # fmt: skip
    inside = lesson("file", {"run": None, "book": {"lang": "en"}}, removals=None, differences=[0.0]).delta.new_element
    assert module.shown_by(inside.bidi_component)["bodies"] == []
    assert module.shown_by(inside.bidi_component)["untouched"]
    assert module.complaint(element) == ""
    element.alert.body, element.alert.format = "Mind the picture.", element.alert.WARNING
    assert module.complaint(element) == ""
    element.alert.format = element.alert.ERROR
    assert module.complaint(element) == "Mind the picture."
    element.exception.type, element.exception.message = "KeyError", "lesson"
    assert module.complaint(element) == "KeyError: lesson"


# What the page keeps: these say what Streamlit's own does (its script calls it ForwardMessageCache).


def begins() -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.config.max_cached_message_age = 2
    return message


def brings(name: str, fragment: str = "") -> ForwardMsg:
    """A large message: the trivial page's button, as a message with this hash."""
    message = ForwardMsg(hash=name)
    message.metadata.cacheable = True
    message.delta.fragment_id = fragment
    message.delta.new_element.button.id = "$$ID-0123abc-None"
    return message


def ends(
    *fragments: str, how: ForwardMsg.ScriptFinishedStatus.ValueType = ForwardMsg.FINISHED_SUCCESSFULLY
) -> ForwardMsg:
    message = ForwardMsg(script_finished=how)
    message.metadata.run.fragment_ids.extend(fragments)
    return message


class Socket:
    """What the server sends after each request for a run; what it was told that the page keeps."""

    def __init__(self, *answers: list[ForwardMsg]) -> None:
        self.answers, self.told, self.open = list(answers), list[list[str]](), True
        self.coming: asyncio.Queue[ForwardMsg] = asyncio.Queue()

    async def send(self, raw: bytes) -> None:
        if not self.open:
            raise ConnectionClosedOK(None, None)
        self.told.append(list(BackMsg.FromString(raw).rerun_script.cached_message_hashes))
        for message in self.answers.pop(0):
            self.coming.put_nowait(message)

    async def recv(self) -> bytes:
        return (await self.coming.get()).SerializeToString()

    async def close(self, reason: str = "") -> None:
        self.open = False


def clicks(*answers: list[ForwardMsg]) -> tuple[list[Wait], list[list[str]]]:
    """A visitor's clicks that are answered so: what it waited for, and what it said that it keeps when it asked."""

    async def sit() -> tuple[list[Wait], list[list[str]]]:
        socket, visitor, waits = Socket(*answers), Visitor(""), list[Wait]()
        visitor._socket, visitor._listening = socket, asyncio.create_task(visitor._listen())  # type: ignore[assignment]
        visitor.tab.widgets["None"] = Widget("$$ID-0123abc-None", "")
        student = Student(visitor, iter(()), (), Random(0))
        for _ in answers:
            await classroom.timed(CLICK, student.turn(CLICK), waits)
        visitor._listening.cancel()
        return waits, socket.told

    return asyncio.run(sit())


def test_the_page_keeps_a_large_message_for_two_runs_after_it_was_last_shown() -> None:
    shown, named = [begins(), brings("a"), ends()], [begins(), ForwardMsg(ref_hash="a"), ends()]
    other = [begins(), brings("b", "part"), ends()]
    waits, told = clicks(shown, other, named, [begins(), ends()], [begins(), ends()], [begins(), ends()])
    assert [wait.fault for wait in waits] == [""] * 6
    assert told == [[], ["a"], ["a", "b"], ["a", "b"], ["a"], []]


def test_the_page_does_not_count_runs_cut_short_nor_lets_a_fragments_run_age_what_is_outside() -> None:
    early = ends(how=ForwardMsg.FINISHED_EARLY_FOR_RERUN)
    waits, told = clicks(
        [begins(), brings("a"), ends()],
        [begins(), early, begins(), early, begins(), early, begins(), ends()],
        *[[begins(), ends("part")]] * 3,
        [ends(), begins(), ends("part")],  # the first is of a run that began before this was asked for
        [begins(), ends()],
        [begins(), ends()],
    )
    assert [wait.fault for wait in waits] == [""] * 8
    assert told == [[], *[["a"]] * 6, []]


def test_a_page_that_no_longer_has_what_the_server_names_stops_and_that_is_an_error_at_every_turn() -> None:
    """A click that overtakes the answer to the one before: the page says that it keeps a, and drops it with that answer."""
    overtaken = [begins(), ends()]
    waits, told = clicks(
        [begins(), brings("a"), ends()],
        [begins(), brings("b"), ends()],
        [*overtaken, begins(), ForwardMsg(ref_hash="a"), ends()],
        [begins(), ends()],
        [begins(), ends()],
    )
    assert told == [[], ["a"], ["a", "b"]]
    assert [wait.fault.partition(":")[0] for wait in waits] == [*[""] * 3, "PageStoppedError", "ConnectionClosedOK"]
    ours, plain = (Class(seen, 0, 0, 0, 1, 0, 0, 0, 0) for seen in ([], waits))
    table = classroom._waits(ours, plain, [], 1, 1)
    assert (table.rows[-1][0], table.rows[-1][-1], table.goals[0].value) == ("trivial page, a click", 2, 2)
    assert "1 times: PageStoppedError: Cached ForwardMsg MISS." in table.note


# What the page fetches over HTTP.


@asynccontextmanager
async def serving(
    bodies: Mapping[str, bytes], requests: int | None = None, cut: int | None = None
) -> AsyncIterator[tuple[str, list[tuple[int, list[str]]]]]:
    """A server of ``bodies`` by path at an address, which notes what it was asked for: the connection's number, from 0, and the
    lines. It hangs up after so many ``requests`` of a connection, and in a body after ``cut`` bytes."""
    asked: list[tuple[int, list[str]]] = []
    met = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal met
        number, met = met, met + 1
        for _ in range(1000 if requests is None else requests):
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            except asyncio.IncompleteReadError:
                break
            asked.append((number, head))
            body = bodies.get(head[0].split()[1])
            status = "404 Not Found" if body is None else "200 OK"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(body or b'')}\r\n\r\n".encode() + (body or b"")[:cut]
            )
            if cut is not None:
                break
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def test_a_connection_stays_open_and_what_the_server_closed_in_silence_is_asked_anew() -> None:
    async def ask(requests: int | None) -> list[int]:
        async with serving({"/a": b"123"}, requests) as (address, asked):
            connection = Connection(address)
            for _ in range(3):
                answer = await connection.ask("GET", "/a", [])
                assert (answer.status, answer.body, answer.bytes) == ("200 OK", b"123", 41)
                await asyncio.sleep(0.01)
            connection.close()
        return [number for number, _ in asked]

    assert asyncio.run(ask(None)) == [0, 0, 0]
    assert asyncio.run(ask(1)) == [0, 1, 2]
    assert asyncio.run(ask(2)) == [0, 0, 1]


def test_a_body_cut_short_is_no_answer() -> None:
    async def ask() -> None:
        async with serving({"/a": b"123"}, cut=2) as (address, _):
            await Connection(address).ask("GET", "/a", [])

    with pytest.raises(HungUpError):
        asyncio.run(ask())


def attention(run: str, blocks: int = 4) -> bytes:
    """The part of a run that has its attention, without a tensor."""
    tensors = {f"block{n}.{part}": {} for n in range(blocks) for part in ("query", "key", "value")}
    return wired({"run": run, "blocks": 4, "tensors": tensors})


def looks(
    bodies: Mapping[str, bytes], *shown: ForwardMsg, block: int = 4
) -> tuple[list[str], list[list[str]], Counter[str]]:
    """A visitor at /lesson whom each rerun shows one of the messages, and who then wants to see ``block``: what went wrong at each,
    the heads of what it fetched, and how many bytes came of what."""

    async def sit() -> tuple[list[str], list[list[str]], Counter[str]]:
        async with serving(bodies) as (address, asked):
            socket, visitor, waits = (
                Socket(*([begins(), message, ends()] for message in shown)),
                Visitor(address),
                list[Wait](),
            )
            visitor._socket, visitor._listening = socket, asyncio.create_task(visitor._listen())  # type: ignore[assignment]
            visitor.tab.name = "lesson"

            async def look() -> None:
                await visitor.rerun()
                visitor.need_block(block)

            for _ in shown:
                await classroom.timed(SAMPLE, look(), waits)
            visitor._listening.cancel()
            await asyncio.gather(*visitor._fetched.values(), return_exceptions=True)
            visitor._http.close()
        return [wait.fault for wait in waits], [head for _, head in asked], visitor.received

    return asyncio.run(sit())


def test_a_tab_fetches_what_a_message_names_once_and_has_it_when_it_has_its_answer() -> None:
    one, other = attention("one"), attention("other")
    bodies = {
        "/media/1": one,
        "/media/2": other,
        "/media/maps": wired({"run": "one", "tensors": {}}),
        "/media/book": b"book",
    }
    first = lesson("one", {"run": ["media/1", "media/maps"], "book": "media/book"})
    second = lesson("other", {"run": ["media/2"], "book": "media/book"})
    faults, heads, received = looks(bodies, first, first, second, first)
    assert faults == [""] * 4
    assert [head[0] for head in heads] == [f"GET /media/{name} HTTP/1.1" for name in ("1", "maps", "book", "2")]
    assert all("Accept-Encoding: gzip" in head for head in heads)
    assert ["Range: bytes=0-" in head for head in heads] == [True, True, False, True]
    assert received["run"] > sum(map(len, (one, other, bodies["/media/maps"])))
    assert len(b"book") < received["book"] < 100 < received[MESSAGES]


def test_a_body_that_is_not_there_or_of_another_run_is_an_error_and_asked_for_again() -> None:
    gone = lesson("one", {"run": ["media/gone"]})
    faults, heads, _ = looks({}, gone, gone)
    assert faults == ["ClassroomError: GET /media/gone: 404 Not Found"] * 2
    assert len(heads) == 2
    faults, _, _ = looks({"/media/1": attention("other")}, lesson("one", {"run": ["media/1"]}))
    assert faults == ["ClassroomError: media/1 has other instead of one"]


def test_a_block_whose_attention_has_not_come_is_an_error() -> None:
    faults, _, _ = looks({"/media/1": attention("one", 3)}, lesson("one", {"run": ["media/1"]}), block=4)
    assert faults == ["ClassroomError: block 4 of one has not come"]


def test_an_answer_waits_for_its_bodies() -> None:
    async def sit() -> None:
        visitor, come = Visitor(""), asyncio.Event()
        visitor._socket = Socket([begins(), lesson("one", {"run": ["media/1"]}), ends()])  # type: ignore[assignment]
        visitor._listening = asyncio.create_task(visitor._listen())

        async def fetch(kind: str, at: str, run: str) -> set[int]:
            await come.wait()
            return {1, 2, 3, 4}

        visitor._fetch = fetch  # type: ignore[method-assign]
        asking = asyncio.create_task(visitor.rerun())
        await asyncio.sleep(0.05)
        assert not asking.done()
        come.set()
        await asyncio.wait_for(asking, 5)
        visitor._listening.cancel()

    asyncio.run(sit())


def test_a_server_that_hangs_up_without_a_word_is_an_error_not_a_crash() -> None:
    async def knock() -> list[Wait]:
        waits: list[Wait] = []
        async with serving({}, requests=0) as (address, _):
            await classroom.timed(OPENING, Visitor(address).open(), waits)
        return waits

    [fault] = [wait.fault for wait in asyncio.run(knock())]
    assert fault in (
        "ClassroomError: GET /: the server hung up",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
    )


def test_whatever_a_visitor_meets_is_counted_and_the_class_goes_on() -> None:
    async def stumble() -> None:
        raise KeyError("lesson")

    waits: list[Wait] = []
    assert asyncio.run(classroom.timed(SAMPLE, stumble(), waits)) is False
    assert [wait.fault for wait in waits] == ["KeyError: 'lesson'"]


def test_an_upload_after_one_that_failed_sends_its_picture_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has emptied its uploader then, and no file is left to delete."""

    async def sit() -> tuple[list[str], list[str]]:
        visitor, sent, waits = Visitor(""), list[str](), list[Wait]()
        visitor.tab.widgets["upload"] = Widget("$$ID-0123abc-upload", "")
        taken = iter([True, False, True])

        async def request(method: str, path: str, *more: Any) -> None:
            sent.append(f"{method} {path}")
            if method == "PUT" and not next(taken):
                raise ClassroomError("PUT: 500")

        async def urls() -> Any:
            return FileURLs(upload_url=f"/put{len(sent)}", delete_url=f"/delete{len(sent)}", file_id="f")

        async def nothing(*what: Any) -> None:
            return None

        monkeypatch.setattr(visitor, "_request", request)
        monkeypatch.setattr(visitor, "file_urls", urls)
        for name in ("_rerun", "_answer"):
            monkeypatch.setattr(visitor, name, nothing)
        for _ in range(3):
            await classroom.timed(PICTURE, visitor.upload(b"picture"), waits)
        return [wait.fault for wait in waits], sent

    faults, sent = asyncio.run(sit())
    assert faults == ["", "ClassroomError: PUT: 500", ""]
    assert [line.split()[0] for line in sent] == ["PUT", "DELETE", "PUT", "PUT"]


def test_a_process_that_ends_while_it_is_looked_at_keeps_what_it_spent() -> None:
    def process(pid: int, *seconds: float) -> Any:
        spent = iter(seconds)

        def cpu() -> Any:
            if (now := next(spent, None)) is None:
                raise psutil.NoSuchProcess(pid)
            return SimpleNamespace(user=now, system=0.0)

        return SimpleNamespace(pid=pid, memory_info=lambda: SimpleNamespace(rss=1e6), cpu_times=cpu)

    parent, child = process(1, 1.0, 2.0), process(2, 5.0)
    parent.children = lambda recursive: [child]
    server = Server("", parent)
    assert [server.cpu(), server.cpu()] == [6.0, 7.0]
    with pytest.raises(psutil.NoSuchProcess):  # the server itself
        server.cpu()


def test_turns_of_the_browser_stand_in_the_table_and_in_no_percentile() -> None:
    plain = [Wait(CLICK, 0.01)] * 4
    seen = [Wait(BLOCK, 0.0)] * 50 + [Wait(SAMPLE, 0.2)] * 4 + [Wait(PICTURE, 0.3)]
    ours, theirs = (Class(waits, 0, 0, 0, 1, 0, 0, 0, 0) for waits in (seen, plain))
    table = classroom._waits(ours, theirs, [Wait(PICTURE, 1, "no")], 40, 2)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows[f"lesson, {BLOCK}"] == ("the browser", 50, None, None, None, 0)
    assert rows["lesson, these two, which the server has"][:2] == ("the server", 4)
    goals = {goal.what: (goal.value, goal.most) for goal in table.goals}
    assert goals["classroom, errors"] == (1, 0)
    assert goals["classroom, cached views, p95, ms"] == (pytest.approx(200), 100)
    assert goals["classroom, the same beside the trivial page's click"] == (pytest.approx(20), 3)
    assert goals["classroom, new pictures, p95, ms"] == (pytest.approx(300), 1500)
    twice = classroom._waits(ours, theirs, [], 80, 2)
    assert [(goal.what, goal.most) for goal in twice.goals] == [
        ("classroom, errors", 0), ("classroom, cached views, p95, ms", 1000)
    ]  # fmt: skip


def test_the_deck_is_what_the_browser_and_the_server_answer() -> None:
    assert {*BROWSER, *CACHED, PICTURE} == set(DECK)
    assert sum(DECK.values()) == 20


def test_a_class_is_served_without_an_error() -> None:
    waits, memory, _, single, growth = classroom.measure(quick=True)
    turns = {str(row[0]): (row[1], row[2], row[6]) for row in waits.rows}
    for kind in (OPENING, *DECK):
        answered, made, errors = turns[f"lesson, {kind}"]
        assert made and not errors, (kind, waits.note)
        assert answered == ("the browser" if kind in BROWSER else "the server")
    assert [turns[f"lesson, {kind}"][1] for kind in DECK if kind in BROWSER or kind == PICTURE] == [
        12,
        3,
        DECK[PICTURE],
    ]
    assert turns["trivial page, a click"][1:] == (3 * 8 - 12 - 3, 0), (
        waits.note
    )  # where the class asked the lesson's server
    assert waits.goals[0].value == 0, waits.note
    picture, again, click = single.rows
    assert picture[1] > 0 and again[1] > 0 and click[1] >= 0
    assert picture[2] > picture[3] > 500 and picture[2] > again[2] > 1  # kB
    for table in (memory, growth):
        assert all(isinstance(cell, float) and cell > 0 for row in table.rows for cell in row[1:])
