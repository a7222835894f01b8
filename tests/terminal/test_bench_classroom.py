"""The classroom benchmark: what its visitors make of the server's messages, and a small class in front of the real server."""

import asyncio
import json
from collections import Counter
from random import Random

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosedOK

from topformer_viz.terminal.bench import classroom
from topformer_viz.terminal.bench import protocol as module
from topformer_viz.terminal.bench.classroom import CLICK, DECK, OPENING, PICTURE, Class, Student, Wait
from topformer_viz.terminal.bench.protocol import Widget
from topformer_viz.terminal.bench.visitor import Visitor


def test_percentiles_lie_between_neighbours() -> None:
    assert [classroom.percentile([4.0, 1.0, 3.0, 2.0], share) for share in (0, 0.5, 0.95, 1)] == pytest.approx(
        [1, 2.5, 3.85, 4]
    )
    assert classroom.percentile([7.0], 0.95) == 7


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


def test_what_the_lesson_shows_and_what_the_page_complains_of() -> None:
    message = ForwardMsg()
    element = message.delta.new_element
    header = json.dumps({"block": 3, "lang": "zh", "view": {"run": "street/streets"}}, ensure_ascii=False).encode()
    element.bidi_component.bytes = len(header).to_bytes(4, "little") + header + b"\0\1\2"
    assert module.shown_by(element.bidi_component) == {"block": 3, "lang": "zh", "run": "street/streets"}
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
    lesson, plain = (Class(seen, 0, 0, 0, 1, 0, 0, 0, 0) for seen in ([], waits))
    table = classroom._waits(lesson, plain, 1, 1)
    assert (table.rows[-1][0], table.rows[-1][-1], table.goals[0].value) == ("trivial page, a click", 2, 2)
    assert "1 times: PageStoppedError: Cached ForwardMsg MISS." in table.note


def test_a_server_that_hangs_up_without_a_word_is_an_error_not_a_crash() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def knock() -> list[Wait]:
        waits: list[Wait] = []
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await classroom.timed(OPENING, Visitor(f"http://127.0.0.1:{port}").open(), waits)
        return waits

    assert [wait.fault for wait in asyncio.run(knock())] == ["ClassroomError: GET: "]


def test_a_class_is_served_without_an_error() -> None:
    waits, memory, _, growth = classroom.measure(quick=True)
    turns = {str(row[0]): (row[1], row[5]) for row in waits.rows}
    for kind in (OPENING, *DECK):
        made, errors = turns[f"lesson, {kind}"]
        assert made and not errors, (kind, waits.note)
    assert turns[f"lesson, {PICTURE}"][0] == DECK[PICTURE]
    assert turns["trivial page, a click"] == (3 * 8, 0), waits.note
    for table in (memory, growth):
        assert all(isinstance(cell, float) and cell > 0 for row in table.rows for cell in row[1:])
