"""The front door as a figure: what the token on show reads."""

from topformer_viz.app.door.words import FIGURES
from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.figures.attention import attention_panel
from topformer_viz.figures.panel import Panel


def figures(view: View) -> list[Offer]:
    """What can be saved of the page."""

    def reads(asked: Asked) -> Panel:
        return attention_panel(view.subject, asked["block"] - 1, asked["token"] - 1)

    return [Offer("reads", FIGURES["reads"], reads)]
