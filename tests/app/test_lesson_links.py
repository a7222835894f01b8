"""The lesson's links to where a stage can be tried out, and the way back."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from opening import open_app
from streamlit.testing.v1 import AppTest

from topformer_viz import load_model, trace
from topformer_viz.app.frame import address, choices
from topformer_viz.app.frame.page import possible
from topformer_viz.app.frame.view import Outline, View
from topformer_viz.app.lesson import page as lesson
from topformer_viz.app.lesson.links import LINKS, linked
from topformer_viz.network.samples import open_sample
from topformer_viz.run.stages import STAGES
from topformer_viz.run.walk import Known, walk


@pytest.fixture(scope="module")
def view() -> View:
    """Of the street, small."""
    model, photo = load_model("tiny"), open_sample("street").resize((384, 256))
    run = trace(model, photo)
    outline = Outline(run, Known.of(run, model), tuple(walk(run, 0)), False, 0)

    class Seen(View):
        model = property(lambda self: model)  # type: ignore[assignment]
        run = property(lambda self: self.outline.run)  # type: ignore[assignment]
        photo = property(lambda self: photo)  # type: ignore[assignment]

    return Seen("en", None, True, {}, (), "", "", "", outline, lambda: None, None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("head", [0, 3])
@pytest.mark.parametrize("stage", LINKS)
def test_every_link_asks_for_what_its_page_has(
    view: View, stage: str, head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stage in view.outline.stages
    for link in LINKS[stage]:
        said = link.address(stage, head)
        page = import_module(f"topformer_viz.app.{link.page}.page")
        if link.page == "lab":  # which asks the session which part is on show
            monkeypatch.setattr(page, "part_on_show", lambda said=said: said["part"])
        can = possible(view, page.takes(view, said))
        asked, refused = address.read(said, can)
        assert not refused
        known = {name: value for name, value in said.items() if name in can}
        assert set(said) - set(known) <= {"head"}  # some parts know no heads
        assert asked.keys() == known.keys()
        assert ("from" in said) == (link.page == "lab")
        assert "{" not in "".join(said.values())


def test_a_head_is_named_where_one_is_taken_away() -> None:
    (link, *_) = LINKS["weights"]
    assert link.address("weights", 0) == {"head": "1", "removal": "without-1"}
    assert link.address("weights", 3) == {"head": "3", "removal": "without-3"}


def test_the_links_travel_in_the_language_asked_for() -> None:
    for stage in STAGES:
        english, chinese = linked(stage, "en"), linked(stage, "zh")
        assert [link["said"] for link in english] == [link["said"] for link in chinese]
        assert all(one["words"] != other["words"] for one, other in zip(english, chinese, strict=True))


def links(app: AppTest) -> list[tuple[str, str]]:
    """Those in the page, but for the top bar's: where to, and their words."""
    return [(found.proto.page, found.proto.label) for found in app.get("page_link") if "←" in found.proto.label]


@pytest.mark.parametrize(("lang", "words"), [("en", "Back to the lesson: Scores"), ("zh", "回到逐步讲解：得分")])
def test_the_lab_leads_back_to_the_stage_one_came_from(lang: str, words: str) -> None:
    asked = {"lang": lang, "size": "256", "part": "what-if", "scaled": "true"}
    app = open_app("lab", **asked, **{"from": "scores"})
    ((page, said),) = links(app)
    assert page == "lesson" and words in said
    assert app.session_state["lab_scaled"]
    assert not links(open_app("lab", **asked))
    assert not links(open_app("lab", **asked, **{"from": "nonsense"}))


def test_a_link_that_is_followed_leaves_nothing_of_what_was_chosen_in_the_lab_before() -> None:
    app = open_app("lab", lang="en", size="256", part="what-if", temperature="4")
    app.query_params.clear()
    app.query_params.update({"part": "what-if", "scaled": "true", "from": "scores"})
    app.session_state["led"] = True
    app.run()
    assert (app.session_state["lab_scaled"], app.session_state["lab_temperature"]) == (True, 1)
    app.query_params.update({"part": "what-if", "temperature": "2"})
    app.run()  # an address alone does not speak for a session that has begun
    assert app.session_state["lab_temperature"] == 1


class State(dict[str, Any]):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


def followed(monkeypatch: pytest.MonkeyPatch, said: object) -> State:
    """The session's state after the browser has said that a link was followed, in block 3."""
    state, sizes = State(block=3, lesson={"follow": said}), {"heads": 4}
    view: Any = SimpleNamespace(outline=SimpleNamespace(run=SimpleNamespace(sizes=sizes)), takes=choices.EVERYWHERE)
    monkeypatch.setattr(lesson.st, "session_state", state)
    lesson._follow(view)
    return state


def test_a_link_that_is_followed_leads_on_with_its_head_and_block(monkeypatch: pytest.MonkeyPatch) -> None:
    state = followed(monkeypatch, {"stage": "weights", "n": 0, "head": 3, "block": 2})
    link = LINKS["weights"][0]
    assert state["followed"] == (link.page, link.address("weights", 3)) and state["block"] == 2
    for head, block in ((0, 9), (5, 0), ([1], "x"), (None, None)):
        state = followed(monkeypatch, {"stage": "weights", "n": 0, "head": head, "block": block})
        assert state["followed"] == (link.page, link.address("weights", 0)) and state["block"] == 1


@pytest.mark.parametrize(
    "said",
    [None, 3, "weights", [], ["weights", 0, 3, 1], {"stage": "weights"}, {"n": 0}, {"stage": "weights", "n": -1},
     {"stage": "weights", "n": 99}, {"stage": "nowhere", "n": 0}, {"stage": ["weights"], "n": 0}, {"stage": "weights", "n": [0]}],
)  # fmt: skip
def test_what_is_no_link_of_the_lesson_leads_nowhere(monkeypatch: pytest.MonkeyPatch, said: object) -> None:
    assert "followed" not in followed(monkeypatch, said)
