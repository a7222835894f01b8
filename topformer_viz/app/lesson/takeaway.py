"""The lesson to take along: one ZIP with every stage's figures, a page that stands alone, Markdown, shapes, the command."""

import io
import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from topformer_viz.app.canvas.markup import axis_css, axis_span, formula_html, note_html, shape_html
from topformer_viz.app.canvas.theme import theme_css
from topformer_viz.app.lesson.words import TAKEAWAY
from topformer_viz.figures.look import THEMES, Look
from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.sheet import draw, write
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.network.pauses import pause
from topformer_viz.run.numbers import asked_of
from topformer_viz.run.stages import AXES, axes_of
from topformer_viz.run.tracing import summary
from topformer_viz.run.walk import declared_of, note_of, values_of, walk
from topformer_viz.words.text import Lang

_PAGE_CSS = Path(__file__).with_name("takeaway.css").read_text("utf-8")
DATE = (1980, 1, 1, 0, 0, 0)  # of every file in the ZIP: the earliest it knows, and always the same


@dataclass(frozen=True)
class Step:
    """A stage as page and Markdown tell it; note, trap and formula in the project's own markup (stages.py)."""

    stage: str
    name: str
    title: str
    note: str
    trap: str
    formula: str
    picture: Panel
    shape: Panel


def lesson_zip(
    subject: Subject, block: int, head: int | None, look: Look, command: str, *, credit: str = "", trained: bool = False
) -> bytes:  # fmt: skip
    """The ZIP's bytes, the same ones for the same arguments; ``block`` and ``head`` from 0, None for all heads.

    ``command`` is what makes it again, ``credit`` says whose image it is, ``trained`` that the parameters are those
    trained on everyday images. All words may be anybody's: they are escaped where they are set.
    """
    steps = _steps(subject, block, head)
    files: dict[str, bytes] = {}
    scale = 1 if look.width == "slide" else 2
    overview = overview_panel(subject, block, head)
    for panel in (overview, *(panel for step in steps for panel in (step.picture, step.shape))):
        pause()
        figure = draw(panel, look)
        pause()
        files[f"figures/{panel.name}.svg"] = write(figure, panel, "svg")
        pause()
        png = write(figure, panel, "png", scale)
        files[f"figures/{panel.name}.png"] = _of_few_colours(png) if panel.diagram else png
    sources = [TAKEAWAY["photo"](subject.lang, name=subject.name, credit=credit)] if credit else []
    sources += [TAKEAWAY["rests"](subject.lang), *([TAKEAWAY["research"](subject.lang)] if trained else [])]
    about = _about(subject, block, head)
    files["index.html"] = _page(subject, overview, steps, look, about, command, sources).encode()
    files["lesson.md"] = _markdown(subject, overview, steps, about, command, sources).encode()
    files["shapes.json"] = json.dumps(_shapes(subject, block), ensure_ascii=False, indent=1).encode()
    files["command.txt"] = f"{command}\n".encode()
    return _zipped({name: files[name] for name in sorted(files, key=lambda name: ("/" in name, name))})


def finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``summary`` as JSON can say them: it knows no NaN and no infinity, which become None."""
    return [{k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()} for row in rows]


def _of_few_colours(png: bytes) -> bytes:
    """A diagram's PNG with a palette: a quarter of the bytes, and no difference to be seen."""
    with Image.open(io.BytesIO(png)) as image:
        words = PngInfo()
        for name, text in image.text.items():  # type: ignore[attr-defined]
            words.add_itxt(name, text)
        out = io.BytesIO()
        image.quantize(256, Image.Quantize.FASTOCTREE).save(out, "PNG", dpi=image.info["dpi"], pnginfo=words)
    return out.getvalue()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same whatever system writes it
            packed = not name.endswith(".png")
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    return out.getvalue()


def _steps(subject: Subject, block: int, head: int | None) -> list[Step]:
    run, model, lang = subject.run, subject.model, subject.lang
    answers = asked_of(run, model)
    steps = []
    for stage, name in walk(run, block).items():
        declared = declared_of(run, name, block)
        steps.append(
            Step(
                stage,
                name,
                declared.title(lang),
                note_of(run, type(model), name, block, model.num_blocks)(lang, answers, block),
                declared.trap(lang, **values_of(run)) if declared.trap else "",
                declared.formula,
                stage_panel(subject, block, stage, head),
                shape_panel(subject, block, stage),
            )
        )
    return steps


def _about(subject: Subject, block: int, head: int | None) -> str:
    where = " · ".join(filter(None, (subject.about, subject.where(block, head))))
    rows, columns = subject.grid
    about = TAKEAWAY["about"](
        subject.lang, where=where, width=subject.photo.width, height=subject.photo.height, rows=rows,
        columns=columns,
    )  # fmt: skip
    return f"{about} {TAKEAWAY['random'](subject.lang)}" if subject.untrained else about


def _shapes(subject: Subject, block: int) -> dict[str, Any]:
    """What shapes.json says: the run's tensors, every axis's size and meaning, and which tensor each stage shows."""
    sizes = subject.run.sizes
    return {
        "model": subject.about,
        "picture": subject.name,
        "width": subject.photo.width,
        "height": subject.photo.height,
        "block": block + 1,
        "axes": {axis: {"size": size, "meaning": _meaning(axis, subject.lang)} for axis, size in sizes.items()},
        "stages": walk(subject.run, block),
        "tensors": finite(summary(subject.run)),
    }


def _meaning(axis: str, lang: Lang) -> str:
    return AXES[axis if axis in AXES else axis.rstrip("0123456789")].meaning(lang)


def _shown(step: Step) -> tuple[str, ...]:
    """The tensors whose shapes a stage tells: its own; of the pyramid the first and the last level."""
    return ("pyramid0", step.name) if step.stage == "pyramid" else (step.name,)


def _axes(steps: list[Step]) -> list[str]:
    """The axes that the stages have, in the order they appear."""
    return list(dict.fromkeys(axis for step in steps for name in _shown(step) for axis in axes_of(name)))


# The page


def _page(
    subject: Subject, overview: Panel, steps: list[Step], look: Look, about: str, command: str, sources: list[str]
) -> str:
    lang, theme = subject.lang, THEMES[look.theme]
    title = escape(TAKEAWAY["title"](lang, name=subject.name))
    figure = f":root {{ {axis_css()} --figure: {theme.paper or '#ffffff'}; --figure-ink: {theme.ink}; }}"
    contents = "".join(f'<li><a href="#{step.stage}">{escape(step.title)}</a></li>' for step in steps)
    axes = "".join(
        f"<dt>{axis_span(axis, f'{axis} {subject.run.sizes[axis]}')}</dt><dd>{escape(_meaning(axis, lang))}</dd>"
        for axis in _axes(steps)
    )
    body = (
        f"<h1>{title}</h1>\n<p>{escape(about)}</p>\n"
        f'<nav aria-label="{escape(TAKEAWAY["stages"](lang))}"><ol>{contents}</ol></nav>\n{_figure(overview, overview.title, look)}'
        + "\n".join(_section(subject, step, look) for step in steps)
        + f"\n<h2>{escape(TAKEAWAY['axes'](lang))}</h2>\n<dl>{axes}</dl>\n"
        f"<h2>{escape(TAKEAWAY['files'](lang))}</h2>\n<p>{note_html(TAKEAWAY['figures'](lang), lang)}</p>\n"
        f"<p>{escape(TAKEAWAY['again'](lang))}</p>\n<pre>{escape(command)}</pre>\n"
        f"<footer><strong>{escape(TAKEAWAY['sources'](lang))}</strong>\n"
        + "\n".join(f"<p>{escape(source)}</p>" for source in sources)
        + "</footer>"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{theme_css(body)}{figure}\n{_PAGE_CSS}</style>\n</head>\n<body>\n<main>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _section(subject: Subject, step: Step, look: Look) -> str:
    lang = subject.lang
    shape = " … ".join(shape_html(name, subject.run.sizes) for name in _shown(step))
    trap = f'<p class="trap">{note_html(step.trap, lang)}</p>\n' if step.trap else ""
    return (
        f'<section id="{step.stage}">\n<h2>{escape(step.title)} <code>{step.stage}</code></h2>\n'
        f"<p>{TAKEAWAY['shape'](lang, value=shape)}</p>\n"
        f'<p class="formula">{formula_html(step.formula)}</p>\n<p class="note">{note_html(step.note, lang)}</p>\n{trap}'
        f"{_figure(step.picture, TAKEAWAY['picture_alt'](lang, title=step.title), look)}"
        f"{_figure(step.shape, TAKEAWAY['shape_alt'](lang, title=step.title), look)}</section>"
    )


def _figure(panel: Panel, alt: str, look: Look) -> str:
    """A figure has its caption in itself, but for a bare one."""
    caption = f"<figcaption>{escape(panel.caption)}</figcaption>" if look.bare else ""
    file = f"figures/{panel.name}.svg"
    image = f'<a href="{file}"><img src="{file}" alt="{escape(alt)}" loading="lazy"></a>'
    return f"<figure>{image}{caption}</figure>\n"


# Markdown


def _markdown(
    subject: Subject, overview: Panel, steps: list[Step], about: str, command: str, sources: list[str]
) -> str:
    lang = subject.lang
    parts = [f"# {_plain(TAKEAWAY['title'](lang, name=subject.name))}", _plain(about)]
    parts += [f"![{overview.title}](figures/{overview.name}.svg)", f"*{_plain(overview.caption)}*"]
    for step in steps:
        shapes = (" · ".join(f"{a} {subject.run.sizes[a]}" for a in axes_of(name)) for name in _shown(step))
        parts += [
            f"## {step.title} (`{step.stage}`)",
            TAKEAWAY["shape"](lang, value=f"`{' … '.join(shapes)}`")
            + "  \n"
            + TAKEAWAY["formula"](lang, value=f"`{step.formula}`"),
            _words(step.note),
        ]
        parts += [f"> {TAKEAWAY['trap'](lang, value=_words(step.trap))}"] if step.trap else []
        for panel, alt in ((step.picture, "picture_alt"), (step.shape, "shape_alt")):
            parts += [
                f"![{TAKEAWAY[alt](lang, title=step.title)}](figures/{panel.name}.svg)",
                f"*{_plain(panel.caption)}*",
            ]
    parts += [f"## {TAKEAWAY['axes'](lang)}"]
    parts += ["\n".join(f"- `{axis}`: {_meaning(axis, lang)}" for axis in _axes(steps))]
    fence = "`" * (1 + max([2, *map(len, re.findall("`+", command))]))  # longer than any in the command
    parts += [
        f"## {TAKEAWAY['files'](lang)}",
        TAKEAWAY["figures"](lang),
        TAKEAWAY["again"](lang),
        f"{fence}sh\n{command}\n{fence}",
    ]
    parts += [f"## {TAKEAWAY['sources'](lang)}", *map(_plain, sources)]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Words of anybody's as Markdown that shows just them, in one line."""
    return re.sub(r"([\\`*_{}\[\]()<>#|!~&])", r"\\\1", " ".join(text.split()))


def _words(note: str) -> str:
    """A note's markup (stages.py) as Markdown: what is in back quotes stays, a term is the word that is shown."""
    return re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]+)\]\]", r"\1", note)
