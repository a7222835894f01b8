"""The teaching routes on a page: a quiet menu of them in the lesson and, on a route, where one is and what comes next."""

from html import escape
from pathlib import Path

import streamlit as st

from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.frame.address import Parameter
from topformer_viz.app.frame.routes import MOST_STOPS, ROUTES, Route
from topformer_viz.words.text import Lang, Text

TAKES = {"route": Parameter([*ROUTES]), "stop": Parameter(range(1, MOST_STOPS + 1), 1)}
UI = {
    "menu": Text("Teaching routes", "教学路线"),
    "tab": Text("{n} minutes", "{n} 分钟"),
    "goals": Text("Afterwards, students can", "课后学生能够"),
    "minutes": Text("min {start}–{end}", "第 {start}–{end} 分钟"),
    "stop": Text("Stop {n} of {of}", "第 {n} 站，共 {of} 站"),
    "next": Text("Next in this route: {title} →", "路线下一站：{title} →"),
    "back": Text("← {title}", "← {title}"),
    "here": Text("Here:", "这一站："),
    "stays": Text("the view before stays", "画面不变"),
    "whole": Text("The whole route", "整条路线"),
    "leave": Text("Leave the route", "退出路线"),
    "about": Text(
        "For lessons of 20, 45 and 90 minutes: what to show, when, and what to say. A stop's address can be posted to the class.",
        "供 20、45 和 90 分钟的课使用：什么时候放什么画面，讲什么。每一站的地址都可以发给学生。",
    ),
}  # fmt: skip
_STYLE = Path(__file__).with_name("route.css").read_text("utf-8")


def choices() -> dict[str, str | int | None]:
    """The route and stop that the session is on, as the address says them; None takes them out."""
    route = ROUTES.get(st.session_state.route or "")
    return {"route": st.session_state.route, "stop": min(st.session_state.stop, len(route.stops)) if route else None}


def menu(lang: Lang) -> None:
    """The quiet control by which a teacher takes a route; on one, what shows the whole of it and leaves it."""
    chosen = choices()
    if chosen["route"]:
        _whole(ROUTES[str(chosen["route"])], int(chosen["stop"] or 1), lang)
        st.button(UI["leave"](lang), type="tertiary", key="leave_route", on_click=_leave)
    else:
        _plans(lang)


# The plans are long: they are written when somebody opens them, and not at every run of every page.


def _whole(route: Route, at: int, lang: Lang) -> None:
    with st.popover(UI["whole"](lang), type="tertiary", key="whole_route", on_change="rerun") as whole:
        if whole.open:
            st.html(_overview(route, at, lang))


def _plans(lang: Lang) -> None:
    with st.popover(UI["menu"](lang), type="tertiary", key="routes", on_change="rerun") as menu:
        if not menu.open:
            return
        st.html(f"<style>{_STYLE}</style>")
        st.caption(UI["about"](lang))
        for tab, route in zip(st.tabs([UI["tab"](lang, n=n) for n in ROUTES]), ROUTES.values(), strict=True):
            with tab:
                st.html(_overview(route, 0, lang))


def bar(lang: Lang) -> None:
    """Where one is on the route, what to say there and what comes next; nothing for who takes none."""
    chosen = choices()
    if not chosen["route"]:
        return
    route, n = ROUTES[str(chosen["route"])], int(chosen["stop"] or 1)
    stop, of = route.stops[n - 1], len(route.stops)
    where = [UI["stop"](lang, n=n, of=of), UI["minutes"](lang, start=stop.start, end=stop.end)]
    places = "".join(_link(route, n, place, lang) for place in range(1, len(stop.places) + 1)) or UI["stays"](lang)
    turns = [
        _turn(route, n + by, name, lang) for by, name in ((-1, "back"), (1, "next")) if 0 < n + by <= of
    ]  # fmt: skip
    with st.container(key="route"):
        st.html(
            f'<style>{_STYLE}</style><nav class="route" aria-label="{escape(UI["menu"](lang))}">'
            f'<p class="where"><strong>{escape(route.title(lang))}</strong> <span>{" · ".join(where)}</span></p>'
            f'<p class="say">{escape(stop.say(lang))}</p>'
            f'<p class="places"><span>{UI["here"](lang)}</span>{places}</p><p class="turns">{"".join(turns)}</p></nav>'
        )


def _leave() -> None:
    st.session_state.route, st.session_state.stop = None, 1


def _chosen() -> dict[str, str]:
    """The reader's image and model, to stay on the way; what is their own does not travel in an address."""
    state = st.session_state
    kept = {"sample": state.picture, "model": state.model, "size": state.size}
    return {name: str(value) for name, value in kept.items() if value != OWN}


def _link(route: Route, stop: int, place: int, lang: Lang) -> str:
    title = route.stops[stop - 1].places[place - 1].title(lang)
    return f'<a href="{escape(route.address(stop, place, lang, _chosen()))}" target="_self">{escape(title)}</a>'


def _title(route: Route, stop: int, lang: Lang) -> str:
    places = route.stops[stop - 1].places
    return places[0].title(lang) if places else UI["stays"](lang)


def _turn(route: Route, stop: int, name: str, lang: Lang) -> str:
    words = UI[name](lang, title=_title(route, stop, lang))
    address = route.address(stop, 1, lang, _chosen())
    return f'<a class="{name}" href="{escape(address)}" target="_self">{escape(words)}</a>'


def _overview(route: Route, at: int, lang: Lang) -> str:
    """The goals and all stops with their minutes; ``at`` is where one is, 0 for nowhere."""
    goals = "".join(f"<li>{note_html(goal(lang), lang)}</li>" for goal in route.goals)
    rows = []
    for n, stop in enumerate(route.stops, 1):
        links = "".join(_link(route, n, place, lang) for place in range(1, len(stop.places) + 1)) or UI["stays"](lang)
        here = ' aria-current="step"' if n == at else ""
        rows.append(
            f'<li{here}><span class="minutes">{UI["minutes"](lang, start=stop.start, end=stop.end)}</span>'
            f'<span class="places">{links}</span><span class="say">{escape(stop.say(lang))}</span></li>'
        )
    return (
        f'<div class="route whole"><p><strong>{escape(route.title(lang))}</strong></p><p>{UI["goals"](lang)}</p><ul class="goals">{goals}</ul>'
        f'<ol class="stops">{"".join(rows)}</ol></div>'
    )
