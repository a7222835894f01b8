"""What can be saved of the lesson: figures of the stage on show, all of it as a ZIP, an animation, the stage's numbers."""

from dataclasses import dataclass

from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.frame.offer import Asked, Bundle, File, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lesson.words import FIGURES
from topformer_viz.figures.look import Look
from topformer_viz.figures.order import Order
from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.network.colour import MIN_GRID
from topformer_viz.network.samples import SAMPLES
from topformer_viz.run.tracing import npz
from topformer_viz.run.walk import walk


@dataclass(frozen=True)
class Place:
    """Where in the lesson the view is: block and head from 0, None for all heads; a stage of ``walk``."""

    block: int
    head: int | None
    stage: str


def place_of(asked: Asked) -> Place:
    """What the address says."""
    return Place(asked["block"] - 1, None if asked["head"] in (None, "mean") else asked["head"] - 1, asked["stage"])


def figures(view: View) -> list[Offer]:
    """The lesson's: a stage's map, what it does to the shapes, and all of the block."""

    def picture(asked: Asked) -> Panel:
        place = place_of(asked)
        return stage_panel(view.subject, place.block, place.stage, place.head)

    def shapes(asked: Asked) -> Panel:
        place = place_of(asked)
        return shape_panel(view.subject, place.block, place.stage)

    def overview(asked: Asked) -> Panel:
        place = place_of(asked)
        return overview_panel(view.subject, place.block, place.head)

    return [
        Offer("picture", FIGURES["picture"], picture),
        Offer("shapes", FIGURES["shapes"], shapes),
        Offer("overview", FIGURES["overview"], overview),
    ]


def bundles(view: View) -> list[Bundle]:
    """The whole lesson, an animation of it, and the numbers of the stage on show."""

    def lesson(asked: Asked, look: Look) -> File:
        from topformer_viz.app.lesson.takeaway import lesson_zip  # only now: matplotlib would hold up the app's start

        place = place_of(asked)
        data = lesson_zip(
            view.subject, place.block, place.head, look, _command(view, place, look), credit=view.credit,
            trained=view.facts is not None,
        )  # fmt: skip
        return File(f"{view.stem}-block{place.block + 1}.zip", data, "application/zip")

    def animation(asked: Asked, look: Look) -> File:
        from topformer_viz.figures.animation import gif  # likewise

        place = place_of(asked)
        data = gif(view.subject, place.block, place.head, look)
        return File(f"{view.stem}-block{place.block + 1}.gif", data, "image/gif")

    def numbers(asked: Asked, look: Look) -> File:
        place = place_of(asked)
        name = walk(view.run, place.block)[place.stage]
        names = [f"pyramid{n}" for n in range(4)] if place.stage == "pyramid" else [name]
        inside = f"block{place.block + 1}-" if "." in name else ""
        return File(f"{view.stem}-{inside}{place.stage}.npz", npz(view.run, names, view.described), "application/zip")

    return [
        Bundle("lesson", FIGURES["lesson"], lesson, FIGURES["more"], slow=True),
        Bundle("animation", FIGURES["animation"], animation, slow=True),
        Bundle("numbers", FIGURES["numbers"], numbers),
    ]


def _command(view: View, place: Place, look: Look) -> str:
    """The terminal's command for this lesson; an uploaded image and checkpoint stand as placeholders."""
    model = view.link["model"]
    file = SAMPLES[view.sample].file if view.sample else None
    heads = None if place.head is None else (place.head,)
    order = Order(
        "CHECKPOINT" if model == OWN else model, min(view.photo.size), min(view.run.sizes["H"], view.run.sizes["W"]) if view.link["grid"] else MIN_GRID, (place.block,), heads,
        formats=("zip",), lang=view.lang, look=look,
    )  # fmt: skip
    return order.command(f"topformer_viz/assets/samples/{file}" if file else "PICTURE", "lesson")
