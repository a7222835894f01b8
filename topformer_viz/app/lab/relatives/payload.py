"""The stages of the four side by side, as HTML that a component shows: ``st.html`` strips the diagrams' SVG."""

from html import escape
from pathlib import Path

from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.markup import axis_css, axis_span, formula_html, note_html
from topformer_viz.app.canvas.wire import CANVAS_JS
from topformer_viz.app.lab.relatives.words import UI
from topformer_viz.figures.diagrams import shape_diagram
from topformer_viz.run.stages import Stage
from topformer_viz.study.relatives import ROWS, Relative
from topformer_viz.words.text import Lang

_HERE = Path(__file__).parent
STYLE = f".relatives {{{axis_css()}}}\n" + (_HERE / "relatives.css").read_text("utf-8")
show_stages = component(
    "relatives",
    html='<div class="relatives"></div>',
    css=STYLE,
    js=CANVAS_JS + (_HERE / "relatives.js").read_text("utf-8"),
)


def stages_html(found: tuple[Relative, ...], lang: Lang) -> str:
    """One row per stage, one cell per relative, and below each row its diagrams, which open together."""
    parts = [
        '<p class="legend">'
        f'<b class="differs"><i>≠</i></b> {escape(UI["legend"](lang))} &emsp; <b class="differs"><i>+</i></b> {escape(UI["new"](lang))}'
        f" &emsp; <b>–</b> {escape(UI['missing'](lang))}</p>"
    ]
    for names in ROWS:
        stages = [
            next((relative.stages[name] for name in names if name in relative.stages), None) for relative in found
        ]
        cells = [_cell(relative, stage, stages[0], lang) for relative, stage in zip(found, stages, strict=True)]
        diagrams: dict[str, list[str]] = {}  # the relatives' names by what is drawn, which may be the same for several
        for relative, stage in zip(found, stages, strict=True):
            if stage:
                diagrams.setdefault(_diagram(relative, stage, lang), []).append(relative.name(lang))
        figures = [
            f'<figure><figcaption>{escape(UI["and"](lang).join(who))}</figcaption><div tabindex="0">{svg}</div></figure>'
            for svg, who in diagrams.items()
        ]
        parts.append(
            f'<section><div class="cells">{"".join(cells)}</div>'
            f"<details><summary>{escape(UI['diagrams'](lang, stage=names[0].removesuffix('_map')))}</summary>"
            f'<div class="diagrams">{"".join(figures)}</div></details></section>'
        )
    return "".join(parts)


def mark(stage: Stage | None, own: Stage | None) -> str:
    """What sets a relative's ``stage`` apart from TopFormer's ``own``: "–", "+", "≠", or nothing."""
    if stage is None:
        return "–"
    if own is None:
        return "+"
    return "" if (stage.formula, stage.steps) == (own.formula, own.steps) else "≠"


def _cell(relative: Relative, stage: Stage | None, own: Stage | None, lang: Lang) -> str:
    sign, name = mark(stage, own), f'<p class="who">{escape(relative.name(lang))}</p>'
    if stage is None:
        return f'<div class="missing">{name}<p title="{escape(UI["missing"](lang))}">–</p></div>'
    sizes = relative.run.sizes
    shape = " · ".join(axis_span(axis, f"{axis} {sizes[axis]}", lang) for axis in stage.axes)
    shown = f"<i>{sign}</i> " if sign else ""
    note = (
        f'<p class="note">{note_html(stage.note(lang, **sizes), lang)}</p>'
        if sign and relative.slug != "topformer"
        else ""
    )
    return (
        f"<div{' class=differs' if sign else ''}>{name}<h4>{shown}{escape(stage.title(lang))} <code>{stage.name}</code></h4>"
        f'<p class="formula">{formula_html(stage.formula, lang)}</p><p class="shape">{shape}</p>{note}</div>'
    )


def _diagram(relative: Relative, stage: Stage, lang: Lang) -> str:
    return shape_diagram(stage, stage.name, list(stage.sources), relative.run.sizes, lang, relative.axes_of)
