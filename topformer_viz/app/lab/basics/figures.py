"""The lab's part on the basics as a figure: the card, one token's scores and weights, and every token's result."""

import streamlit as st
from PIL import Image
from torch import Tensor

from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.basics.words import FIGURES, UI
from topformer_viz.figures.panel import Array, Group, Panel, Scale, Tile
from topformer_viz.figures.scales import shares
from topformer_viz.figures.subject import Subject, numbers
from topformer_viz.network.colour import QUESTIONS, ColourModel
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.network.weights import load_model
from topformer_viz.run.tracing import Trace, trace
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import Lang

CARD = "card"
SIDE = 512  # short side, in image pixels; the model's grid has its least number of cells along it


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""

    return [
        Offer("pictures", FIGURES["pictures"], lambda asked: steps(asked["question"], asked["token"] - 1, view.lang))
    ]


def of_head(question: str, *stages: str) -> list[Tensor]:
    """The stages' tensors in the head that asks the question."""
    head = list(QUESTIONS).index(question)
    return [card()[0][f"block0.{stage}"][0, head] for stage in stages]


def steps(question: str, token: int, lang: Lang) -> Panel:
    """The card, the scores and weights of one token, from 0, and every token's result."""
    run, photo = card()
    model = load_model("colour")
    subject = Subject(run, model, photo, FIGURES["model"](lang), SAMPLES[CARD].name(lang), False, lang)
    grid = subject.grid
    scores, weights, mixed = of_head(question, "scores", "weights", "mixed")
    shape, marks = photo.height / photo.width, (divmod(token, grid[1]),)
    score = Scale(float(scores.amin()), 0.0, FIGURES["score"](lang))
    tiles = (
        Tile(subject.picture, shape, title=UI["card"](lang), lines=grid, marks=marks),
        Tile(numbers(scores[token].reshape(grid)), shape, score, UI["scores"](lang), marks=marks),
        Tile(
            numbers(weights[token].reshape(grid)), shape, shares(weights, quantity=FIGURES["weight"](lang)),
            UI["weights"](lang), marks=marks,
        ),
        Tile(_colours(mixed, grid), shape, title=UI["result"](lang), crisp=True, marks=marks),
    )  # fmt: skip
    said = [UI["scores_note"](lang), UI["weights_note"](lang)]
    said = [f"{part[0].upper()}{part[1:]}{'.' if lang == 'en' else '。'}" for part in said]
    said += [FIGURES["result"](lang), FIGURES["root"](lang)]
    about = FIGURES["about"](lang, question=QUESTION_NAMES[question](lang))
    return Panel(
        f"basics-{question}-token{token + 1}", UI["title"](lang), about, subject.caption(said, None),
        groups=(Group(tiles),),
    )  # fmt: skip


def _colours(mixed: Tensor, grid: tuple[int, int]) -> Array:
    """What was read, (HW, d), as colours: its first three features are red, green, blue from 0 to 1."""
    rgb = mixed[:, :3].reshape(*grid, 3).clamp(0, 1) * 255
    return rgb.round().byte().cpu().numpy()


@st.cache_resource(show_spinner=False)
def card() -> tuple[Trace, Image.Image]:
    """The colour model's run on the test card, and the card as the model saw it."""
    whole = open_sample(CARD)
    model = load_model("colour")
    assert isinstance(model, ColourModel)
    photo = whole.resize(network_size(*whole.size, SIDE, model.grid**2 * 4), Image.Resampling.LANCZOS)
    return trace(model, photo), photo
