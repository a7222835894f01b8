"""The teaching routes on a page: who takes none sees one quiet control, who takes one is led from stop to stop."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from opening import markup, open_app
from streamlit.testing.v1 import AppTest

from topformer_viz.app.frame.routes import ROUTES


def nav_of(app: AppTest) -> str:
    found = re.search(r"<nav.*?</nav>", markup(app), re.DOTALL)
    return unescape(found[0]) if found else ""


def test_who_takes_no_route_sees_one_control_in_the_lesson_and_none_elsewhere() -> None:
    for page, menus in (("lesson", 3), ("reference", 0)):
        app = open_app(page, lang="en")
        assert "route whole" not in markup(app) and "<nav" not in markup(app)
        app.session_state["routes"] = True  # opened
        said = markup(app.run())
        assert said.count("route whole") == menus and "<nav" not in said


@pytest.mark.parametrize("minutes", ROUTES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_stop_leads_to_the_next_and_says_what_to_say(minutes: str, lang: str) -> None:
    route = ROUTES[minutes]
    for n, stop in enumerate(route.stops, 1):
        nav = nav_of(open_app("reference", lang=lang, route=minutes, stop=str(n)))
        assert stop.say(lang) in nav and f"{stop.start}–{stop.end}" in nav  # type: ignore[arg-type]
        onward = re.search(r'class="next" href="([^"]*)"', nav)
        assert bool(onward) == (n < len(route.stops))
        if onward:
            address = urlsplit(onward[1])
            asked = dict(parse_qsl(address.query))
            following = route.stops[n] if route.stops[n].places else stop
            assert address.path == following.places[0].page
            assert following.places[0].asked.items() <= asked.items()
            assert (asked["route"], asked["stop"], asked["lang"]) == (minutes, str(n + 1), lang)


def test_a_route_is_left_and_its_place_in_the_address_with_it() -> None:
    app = open_app("lesson", lang="en", route="20", stop="3")
    assert app.session_state.stop == 3 and nav_of(app)
    next(button for button in app.button if button.label == "Leave the route").click().run(timeout=60)
    assert not nav_of(app) and app.session_state.route is None


def test_nonsense_is_said_and_takes_no_route() -> None:
    said = markup(open_app("lesson", lang="en", route="33"))
    assert "route=33" in said and "<nav" not in said


def test_a_stop_beyond_the_last_is_the_last() -> None:
    assert "Stop 7 of 7" in nav_of(open_app("reference", lang="en", route="20", stop="9"))
