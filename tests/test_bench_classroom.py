"""The classroom benchmark: what its visitors make of the server's messages, and a small class in front of the real server."""

import json
from collections import Counter

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from topformer_viz.bench import classroom
from topformer_viz.bench.classroom import DECK, OPENING, PICTURE, Widget


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
    widget = classroom.widget_of(message)
    assert widget == Widget("$$ID-0123abc-pick_lang", "part", ("English", "中文"))
    assert classroom.key_of(widget.id) == "pick_lang"
    message.delta.new_element.markdown.body = "words"
    assert classroom.widget_of(message) is None


def test_what_the_lesson_shows_and_what_the_page_complains_of() -> None:
    message = ForwardMsg()
    element = message.delta.new_element
    header = json.dumps({"block": 3, "lang": "zh", "view": {"run": "street/streets"}}, ensure_ascii=False).encode()
    element.bidi_component.bytes = len(header).to_bytes(4, "little") + header + b"\0\1\2"
    assert classroom.shown_by(element.bidi_component) == {"block": 3, "lang": "zh", "run": "street/streets"}
    assert classroom.complaint(element) == ""
    element.alert.body, element.alert.format = "Mind the picture.", element.alert.WARNING
    assert classroom.complaint(element) == ""
    element.alert.format = element.alert.ERROR
    assert classroom.complaint(element) == "Mind the picture."
    element.exception.type, element.exception.message = "KeyError", "lesson"
    assert classroom.complaint(element) == "KeyError: lesson"


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
