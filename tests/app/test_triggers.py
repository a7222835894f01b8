"""What a browser sends and no page ever would: whatever it is, the page goes on, and nothing of the view changes."""

import json
import re
from itertools import cycle
from typing import Any

import pytest
from decoding import components
from opening import ROOT, forge, message, open_app
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.explorer.state import ADDRESS
from topformer_viz.app.lab.page import PARTS

DEEP: list[Any] = []
for _ in range(200):
    DEEP = [DEEP]
NONSENSE = [
    None, True, False, 0, -5, 5, 10**30, 1.5, 1e308, float("nan"), float("-inf"), "", "x", "0", "-1", "９", OWN, "own_model", "__class__",
    "../etc", "</script>", "\ud800", "x" * 10_000, [], [1], [[1], {"a": None}], {}, {"block": {"block": 1}}, DEEP,
]  # fmt: skip
# By component: the events that the browser tells of, and what each says by name; nothing where it is a value by itself. Of what
# the explorer is to "save" test_explorer.py tells: whatever it says, a file is asked for.
TRIGGERS: dict[str, dict[str, tuple[str, ...]]] = {
    "door": {"wish": ("go", "stage", "block", "head", "token")},
    "explorer": {"wish": ("run", "block", "removal"), "lesson": (*ADDRESS, "stage", "block"), "block": ()},
    "lesson": {"wish": ("run", "block", "removal"), "block": (), "lens": (), "follow": ("stage", "n", "head", "block")},
    "network": {"walk": ()},
    "saving": {"wish": ("id", "kind", "page", "view", "figure", "link", "format", "width", "theme", "bare", "font", "map")},
}  # fmt: skip
CHOICES = ("lang", "picture", "model", "size", "grid", "block", "route", "stop")
OF_WIDGETS = {  # kind of widget -> the field that its value has, and texts or numbers that are no value of it
    "radio": ("string_value", ("", OWN, "own_model", "nonsense", "Streets")),
    "selectbox": ("string_value", ("", OWN, "0", "1e9", "nonsense")),
    "number_input": ("double_value", (-5.0, 0.0, 1e15, -1e15, 0.5)),
    "button_group": ("string_array_value", ([], [OWN], ["nonsense", "nonsense"], ["0"], [""])),
    "file_uploader": ("file_uploader_state_value", ("", "1", "../1", "x" * 1000, OWN)),
}  # fmt: skip


def test_every_trigger_is_known_here() -> None:
    sources = {page: page.read_text("utf-8") for page in (ROOT / "topformer_viz" / "app").rglob("*.py")}
    events = {page: re.findall(r"on_([a-z]+)_change=", source) for page, source in sources.items()}
    found = {
        (page.stem if page.stem != "page" else page.parent.name): sorted(said) for page, said in events.items() if said
    }
    assert found == {component: sorted(events) for component, events in TRIGGERS.items()}


def shown(app: AppTest) -> tuple[list[Any], list[Any]]:
    """The choices that the session has, and what every component is told."""
    return [app.session_state[name] for name in CHOICES], [found.proto for found in app.get("bidi_component")]


@pytest.mark.parametrize("page", ["", "explorer", "lesson", "network", "reference"])
@pytest.mark.parametrize("model", ["everyday", "colour"])
def test_what_makes_no_sense_changes_nothing(page: str, model: str) -> None:
    app = open_app(page, model=model, size="256", block="2")
    before = shown(app)
    for n, value in enumerate(NONSENSE):
        each = cycle(NONSENSE[n:] + NONSENSE[:n])
        said = {
            component: {event: {name: next(each) for name in names} if names else value for event, names in events.items()}
            for component, events in TRIGGERS.items()
        }  # fmt: skip
        forge(app, said)
        assert shown(app) == before, said
        forge(app, {component: dict.fromkeys(events, value) for component, events in TRIGGERS.items()})
        assert shown(app) == before, value


def test_what_a_component_claims_to_hold_is_no_wish() -> None:
    app = open_app("explorer", size="256")
    before, (component,) = shown(app), components(app)
    run = message(app).header["view"]["run"]
    for claim in (
        {"run": run},
        {"run": run, "block": "x", "removal": "only-1"},
        {"run": run, "block": -1, "removal": ["x"]},
        {"block": 0},
    ):
        forge(app, {}, [WidgetState(id=component.proto.id, json_value=json.dumps(claim))])
        assert shown(app) == before, claim


def own_settings(app: AppTest) -> dict[str, Any]:
    """The choices that the session has, but for numbers: of one that is none Streamlit makes the least that there can be."""
    state, own = app.session_state._state.filtered_state, ("lab_", "starts_", "findings_", "cost", "hand_seed", "part")
    numbers = [str(widget.key).removeprefix("pick_") for widget in app.number_input]
    return {name: value for name, value in state.items() if name.startswith((*CHOICES, *own)) and name not in numbers}


@pytest.mark.parametrize("page", ["", "heads", "starts", *(f"lab {part}" for part in PARTS)])
def test_a_widgets_value_is_one_that_it_offers(page: str) -> None:
    name, _, part = page.partition(" ")
    app = open_app(name, size="256", **({"part": part} if part else {}))
    before, sent = own_settings(app), 0
    for n in range(5):
        values = []
        for kind, (field, nonsense) in OF_WIDGETS.items():
            for widget in app.get(kind):
                value = WidgetState(id=widget.proto.id)
                if kind == "button_group":
                    value.string_array_value.data.extend(nonsense[n])
                elif kind == "file_uploader":
                    value.file_uploader_state_value.uploaded_file_info.add().file_id = nonsense[n]
                else:
                    setattr(value, field, nonsense[n])
                values.append(value)
        forge(app, {}, values)
        assert own_settings(app) == before
        for widget in app.number_input:
            assert widget.min <= app.session_state[str(widget.key).removeprefix("pick_")] <= widget.max
        sent += len(values)
    assert sent > 20
