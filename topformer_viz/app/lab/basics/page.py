"""The sums on a test card: q times k gives a, a times v gives the result, with the colour model."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from topformer_viz.app.canvas.linked import KEPT, Pictures
from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.choices import option, write_address
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.app.lab.basics.figures import card, of_head, steps
from topformer_viz.app.lab.basics.words import START, UI
from topformer_viz.figures.subject import numbers
from topformer_viz.network.colour import QUESTIONS
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import Lang


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of this part of the lab."""
    tokens = range(1, card()[0].sizes["HW"] + 1)
    questions = Parameter([*QUESTIONS], next(iter(QUESTIONS)))
    return {"question": questions, "token": Parameter(tokens, START + 1), "pair": Parameter(tokens)}


def show(view: View) -> None:
    """Draw this part of the lab; the chosen picture and model play no part in it."""
    lang = view.lang
    run, _ = card()
    grid = run.sizes["H"], run.sizes["W"]
    st.markdown(UI["intro"](lang, rows=grid[0], columns=grid[1], tokens=run.sizes["HW"]), width=PROSE)
    st.markdown(UI["steps"](lang), width=PROSE)
    st.markdown(UI["try"](lang), width=PROSE)
    question = st.segmented_control(
        UI["question"](lang), format_func=lambda name: QUESTION_NAMES[name](lang), required=True,
        **option(view, "question", "lab_question"),
    )  # fmt: skip
    _pictures(question, lang)
    st.markdown(UI["more"](lang), width=PROSE)
    write_address(view, {"part": "basics", "question": question}, KEPT)


def _pictures(question: str, lang: Lang) -> None:
    """The figure's pictures, for any token that is pointed at, and the sum that gives its result."""
    (run, photo), panel = card(), steps(question, START, lang)
    (_, score, weight, _), asked = panel.groups[0].tiles, UI["asked"](lang)
    scores, weights, value, mixed = of_head(question, "scores", "weights", "value", "mixed")
    rgb, result = value[:, :3].T, mixed[:, :3].T  # a value's first three features are red, green, blue
    pictures = Pictures((run.sizes["H"], run.sizes["W"]))
    for name, picture in {
        "card": pictures.photo("\u00a0"),
        "scores": pictures.row(asked, replace(score, values=numbers(scores))),
        "weights": pictures.row(asked, replace(weight, values=numbers(weights))),
        "sum": pictures.terms("\u00a0", weights, rgb, result),
        "result": pictures.colours("\u00a0", result),
    }.items():
        pictures.group(UI[name](lang), [picture], UI[f"{name}_note"](lang))
    pictures.show("lab_basics", panel.title, photo, lang, (START, int(weights[START].argsort()[-2])))
