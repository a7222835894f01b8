"""The app's pages through Streamlit's AppTest: one opened, what it says, and a choice made there."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from decoding import Payload, components, decode
from sending import Lesson, SentRun, unpacked
from streamlit.components.v2 import manifest_scanner
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from topformer_viz.server.store import STORE

# At every run AppTest looks through all installed packages for components, which a server does once: half of what it takes.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

HANDED: dict[str, bytes] = {}  # what pages handed out, by address
_add = MediaFileManager.add


def _noted(self: MediaFileManager, data: bytes, mimetype: str, coordinates: str, *named: Any, **more: Any) -> str:
    address = _add(self, data, mimetype, coordinates, *named, **more)
    if coordinates.startswith("topformer "):
        HANDED[address.lstrip("/")] = data
    return address


# AppTest has no route that a browser could fetch from, and forgets what lies there as soon as a run of a page ends.
MediaFileManager.add = _noted  # type: ignore[method-assign]

ROOT = Path(__file__).resolve().parents[1]


def open_app(page: str = "lesson", /, **query: str | list[str]) -> AppTest:
    """The page of this name, at an address; "" is the front door; its first run raised nothing."""
    STORE._brought.clear()  # all of AppTest's sessions have one name: a new one has brought nothing
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    app.query_params.update(query)
    if page:
        app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app


def markup(app: AppTest) -> str:
    """All HTML and Markdown of the page, but its components'."""
    return " ".join(str(element.proto.body) for kind in ("html", "markdown") for element in app.get(kind))


def choose(app: AppTest, label: str, value: object) -> None:
    """Choose in the row of pills under this label."""
    (group,) = [found for found in app.get("button_group") if found.label == label]
    group.set_value(value).run()
    assert not app.exception, app.exception


def forge(app: AppTest, said: Mapping[str, Mapping[str, object]], values: Sequence[WidgetState] = ()) -> None:
    """Send what a page's components, by key, say by event, and ``values`` of widgets, as a browser would or anybody else."""
    states = app._tree.get_widget_states()
    for component in app.get("bidi_component"):
        if events := said.get(component.key):
            triggers = json.dumps([{"event": event, "value": value} for event, value in events.items()])
            at = f"$$STREAMLIT_INTERNAL_KEY_{component.proto.id}__events"
            states.widgets.append(WidgetState(id=at, json_trigger_value=triggers))
    states.widgets.extend(values)
    app._run(states)
    assert not app.exception, app.exception


def message(app: AppTest) -> Payload:
    """What a page's one component is told."""
    (component,) = components(app)
    return decode(component.proto.bytes)


def run_of(app: AppTest) -> SentRun:
    """The run at the addresses that the component is told."""
    return SentRun(tuple(decode(HANDED[address]) for address in message(app).header["run"]))


def book_of(app: AppTest) -> dict[str, Any]:
    """The book at the address that the component is told."""
    return unpacked(HANDED[message(app).header["book"]])


def lesson_of(app: AppTest) -> Lesson:
    """The lesson on the block that the component is to begin with."""
    return Lesson(run_of(app), book_of(app), message(app).header["view"]["block"])
