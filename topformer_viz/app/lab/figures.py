"""What can be saved of the lab: the figures of the part on show."""

from collections.abc import Callable

from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.basics import figures as basics
from topformer_viz.app.lab.by_hand import figures as by_hand
from topformer_viz.app.lab.cost import figures as cost
from topformer_viz.app.lab.covariance import figures as covariance
from topformer_viz.app.lab.page import part_on_show, too_long
from topformer_viz.app.lab.relatives import figures as relatives
from topformer_viz.app.lab.what_if import figures as what_if

FIGURES: dict[str, Callable[[View], list[Offer]]] = {
    "what-if": what_if.figures, "basics": basics.figures, "by-hand": by_hand.figures, "covariance": covariance.figures,
    "cost": cost.figures, "relatives": relatives.figures,
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of the part on show."""
    part = part_on_show()
    return [] if too_long(view, part) else FIGURES[part](view)
