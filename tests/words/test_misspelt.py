"""A choice that there is none of is refused with the choices, wherever Python asks for one."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from topformer_viz.app.lesson.takeaway import lesson_zip
from topformer_viz.figures.animation import gif
from topformer_viz.figures.attention import attention_panel
from topformer_viz.figures.look import Look
from topformer_viz.figures.order import Order
from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.sheet import draw, save, write
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run.stages import axes_of
from topformer_viz.study.what_if import Setting, experiment
from topformer_viz.terminal.export.picture import export_image

WIDTHS, FORMATS, BLOCKS, HEADS = "column, page, slide", "png, svg, pdf", "0, 1, 2, 3", "0, 1, 2, 3"
WRONG: dict[str, tuple[Callable[[Any, Subject], object], str]] = {
    "width": (lambda case, s: Look(width="pagee"), f"no width 'pagee': choose from {WIDTHS}"),
    "theme": (lambda case, s: Look(theme="drak"), "no theme 'drak': choose from white, dark, transparent"),
    "format": (lambda case, s: save(stage_panel(s, 0, "query"), "jpg", Look()), f"no format 'jpg': choose from {FORMATS}"),
    "format of a drawn one": (
        lambda case, s: write(draw(stage_panel(s, 0, "query"), Look()), stage_panel(s, 0, "query"), "jpg"), f"no format 'jpg': choose from {FORMATS}",
    ),
    "language": (lambda case, s: stage_panel(Subject(s.run, s.model, s.photo, "", "", False, "fr"), 0, "query"), "no language 'fr': choose from en, zh"),
    "stage": (lambda case, s: stage_panel(s, 0, "weigths"), "no stage 'weigths': choose from image, pyramid, "),
    "block": (lambda case, s: stage_panel(s, -1, "weights"), f"no block -1: choose from {BLOCKS}"),
    "head": (lambda case, s: stage_panel(s, 0, "weights", -1), f"no head -1: choose from {HEADS}"),
    "stage of a shape": (lambda case, s: shape_panel(s, 0, "weigths"), "no stage 'weigths': choose from image, pyramid, "),
    "block of a shape": (lambda case, s: shape_panel(s, 9, "weights"), f"no block 9: choose from {BLOCKS}"),
    "colour": (lambda case, s: attention_panel(s, 0, 1, colour="sqrt"), "no colour 'sqrt': choose from root, linear, log"),
    "scale": (lambda case, s: stage_panel(s, 0, "weights", scale="one"), "no scale 'one': choose from each, all"),
    "font": (lambda case, s: Look(font="mono"), "no font 'mono': choose from sans, serif, document"),
    "map": (lambda case, s: Look(map="jet"), "no map 'jet': choose from viridis, cividis, magma, gray"),
    "mode": (lambda case, s: attention_panel(s, 0, 1, mode="rows"), "no mode 'rows': choose from row, column"),
    "values": (lambda case, s: attention_panel(s, 0, 1, values="score"), "no values 'score': choose from weights, scores"),
    "block of attention": (lambda case, s: attention_panel(s, 9, 1), f"no block 9: choose from {BLOCKS}"),
    "block of the overview": (lambda case, s: overview_panel(s, 9), f"no block 9: choose from {BLOCKS}"),
    "head of the overview": (lambda case, s: overview_panel(s, 0, 9), f"no head 9: choose from {HEADS}"),
    "block of the animation": (lambda case, s: gif(s, 9, None, Look()), f"no block 9: choose from {BLOCKS}"),
    "block of the ZIP": (lambda case, s: lesson_zip(s, 9, None, Look(), ""), f"no block 9: choose from {BLOCKS}"),
    "tokens": (lambda case, s: Setting(tokens="shufled"), "no tokens 'shufled': choose from in place, shuffled, quarter, half"),
    "stage of an experiment": (
        lambda case, s: experiment(case.model, case.run, 0, Setting(scaled=True)).largest_change("projectd"), "no stage 'projectd': choose from tokens, ",
    ),
    "format of an export": (lambda case, s: Order(formats=("jpg",)), f"no format 'jpg': choose from {FORMATS}, gif, html, lesson, npz, zip"),
    "one format without a comma": (lambda case, s: Order(formats="svg"), "no format 's': choose from "),  # type: ignore[arg-type]
    "language of an export": (lambda case, s: Order(lang="fr"), "no language 'fr': choose from en, zh"),  # type: ignore[arg-type]
    "stage of an export": (lambda case, s: exported(case, stages=("weigths",)), "no stage 'weigths': choose from image, "),
    "block of an export": (lambda case, s: exported(case, blocks=(9,), formats=("zip",)), f"no block 9: choose from {BLOCKS}"),
    "size": (lambda case, s: TopFormer("tinny"), "no size 'tinny': choose from tiny, small, base"),
    "sample": (lambda case, s: open_sample("chin"), "no sample 'chin': choose from street, "),
    "axes": (lambda case, s: axes_of("block0.weigths"), "no stage 'block0.weigths': choose from image, "),
}  # fmt: skip


def exported(case: Any, **asked: Any) -> object:
    """What ``export_image`` makes of the case's picture."""
    out = io.BytesIO()
    case.photo.save(out, "PNG")
    return next(export_image(out.getvalue(), "n", Order("tiny", size=128, **asked)))


@pytest.mark.parametrize("what", WRONG)
def test_the_choices_are_said(what: str, tiny: Any) -> None:
    ask, said = WRONG[what]
    subject = Subject(tiny.run, tiny.model, tiny.photo, "tiny", "n", False, "en")
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        ask(tiny, subject)
