"""What Streamlit's page makes of the server's messages: what a tab shows, its widgets, and the messages that it keeps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from topformer_viz.app.canvas.wire import header_of


class ClassroomError(Exception):
    """What a visitor would have to complain about."""


class PageStoppedError(ClassroomError):
    """The page is told to show a message that it no longer keeps, and hangs up for good."""


@dataclass
class Kept:
    """A large message that the page keeps, so that the server can name it instead of sending it again."""

    run: int  # when it was last shown, in runs that the page has counted
    fragment: str
    shown: dict[str, Any]  # of the lesson, see shown_by


@dataclass(frozen=True)
class Widget:
    """A widget as it came: its id, the fragment that a change reruns ("" for the page) and its options' words."""

    id: str
    fragment: str
    options: tuple[str, ...] = ()


def key_of(widget_id: str) -> str:
    """The key a widget's id ends with, $$ID-<hash>-<key>; "None" where the script gave none."""
    return widget_id.split("-", 2)[-1]


def widget_of(message: ForwardMsg) -> Widget | None:
    """The widget in a message, if it brings one that visitors use."""
    element = message.delta.new_element
    kind = element.WhichOneof("type")
    if kind not in ("bidi_component", "button", "button_group", "file_uploader"):
        return None
    widget = getattr(element, kind)
    options = tuple(option.content for option in widget.options) if kind == "button_group" else ()
    return Widget(widget.id, message.delta.fragment_id, options)


def shown_by(component: BidiComponent) -> dict[str, Any]:
    """What the lesson shows, from its message (wire.py): block from 1, language, which run, and the bodies that belong to it.

    "bodies" are as arriving.js finds them: of each its kind and its address, relative to the page's. "untouched": whether it
    says how far the run is from the untouched pass.
    """
    message = json.loads(header_of(component.bytes))
    view, bodies = message["view"], []
    for kind, said in (("run", message.get("run")), ("removals", view.get("removals")), ("book", message.get("book"))):
        bodies += [(kind, at) for at in (said if isinstance(said, list) else [said]) if isinstance(at, str)]
    return {
        "block": view["block"] + 1, "lang": message["lang"], "run": view["run"], "bodies": bodies,
        "untouched": view.get("differences") is not None,
    }  # fmt: skip


def complaint(element: Element) -> str:
    """The words of an exception or error box, "" where it is none."""
    if element.WhichOneof("type") == "exception":
        return f"{element.exception.type}: {element.exception.message}"
    if element.WhichOneof("type") == "alert" and element.alert.format == element.alert.ERROR:
        return element.alert.body
    return ""


@dataclass
class Tab:
    """The page, as far as the server can tell."""

    name: str = ""  # of the page in the address; "" is the first
    shown: dict[str, Any] = field(default_factory=dict)  # of the lesson, see shown_by
    told: dict[str, dict[str, Any]] = field(default_factory=dict)  # by key, a component's last message
    widgets: dict[str, Widget] = field(default_factory=dict)  # by key
    values: dict[str, WidgetState] = field(default_factory=dict)  # by widget's id
    kept: dict[str, Kept] = field(default_factory=dict)  # by hash
    runs: int = 0
    longest: int = 0  # a kept message that was last shown more runs ago than this is dropped
    begun: bool = False  # whether a run has begun since the page last asked for one
    page: str = ""  # the hash of its script
    session: str = ""

    def asks(self, query: str, fragment: str, triggers: Sequence[WidgetState]) -> BackMsg:
        """The message that asks for a run, of the page or of one fragment."""
        message = BackMsg()
        state: ClientState = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = query, self.page, fragment
        state.page_name = "" if self.page else self.name  # until the server has told its hash
        state.widget_states.widgets.extend([*self.values.values(), *triggers])
        state.cached_message_hashes.extend(self.kept)
        self.begun = False
        return message

    def take(self, message: ForwardMsg) -> None:
        """What the page makes of a message. ClassroomError where it brings an error, PageStoppedError where the page no longer has
        what it names.

        The page counts a run that ends, and drops what was not shown for too long, unless it has asked for another that has not
        begun. A run that was under way when it asked is counted all the same if its beginning, too, comes after that.
        """
        match message.WhichOneof("type"):
            case "new_session":
                self.begun = True
                self.page = message.new_session.page_script_hash
                self.session = message.new_session.initialize.session_id or self.session
                self.longest = message.new_session.config.max_cached_message_age
            case "navigation":
                self.page = message.navigation.page_script_hash
            case "ref_hash":
                if message.ref_hash not in self.kept:
                    raise PageStoppedError("Cached ForwardMsg MISS")
                kept = self.kept[message.ref_hash]
                kept.run = self.runs
                self.shown |= kept.shown
            case "delta":
                self._note(message)
            case "script_finished" if self.begun and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.runs += 1
                fragments = message.metadata.run.fragment_ids
                self.kept = {
                    name: kept
                    for name, kept in self.kept.items()
                    if (fragments and kept.fragment not in fragments) or self.runs - kept.run <= self.longest
                }

    def _note(self, message: ForwardMsg) -> None:
        """An element that has come."""
        element = message.delta.new_element
        if fault := complaint(element):
            raise ClassroomError(fault)
        shown = {}
        if widget := widget_of(message):
            self.widgets[key_of(widget.id)] = widget
            if element.WhichOneof("type") == "button_group" and element.button_group.set_value:
                self.set_words(widget.id, element.button_group.raw_values)
            if element.WhichOneof("type") == "bidi_component":
                self.told[key_of(widget.id)] = json.loads(header_of(element.bidi_component.bytes))
            if key_of(widget.id) == "lesson":
                shown = shown_by(element.bidi_component)
                self.shown |= shown
        if message.metadata.cacheable:
            self.kept[message.hash] = Kept(self.runs, message.delta.fragment_id, shown)

    def shows(self, wanted: dict[str, Any]) -> bool:
        """Whether the lesson shows what is ``wanted``; a run's name is wanted by its beginning."""
        return all(str(self.shown.get(name)).startswith(str(value)) for name, value in wanted.items())

    def set_words(self, widget_id: str, words: Sequence[str]) -> None:
        """Choose these in a row of pills."""
        value = WidgetState(id=widget_id)
        value.string_array_value.data.extend(words)
        self.values[widget_id] = value
