"""The lesson to take along: one ZIP with every stage's figures, a page that stands alone, Markdown, shapes, the command."""

import io
import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from topformer_viz.app.canvas.markup import axis_css, axis_span, formula_html, note_html, shape_html
from topformer_viz.app.canvas.theme import theme_css
from topformer_viz.figures.look import THEMES, Look
from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.sheet import draw, write
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.figures.subject import Subject
from topformer_viz.run.stages import AXES, axes_of
from topformer_viz.run.tracing import summary
from topformer_viz.run.walk import declared_of, note_of, values_of, walk
from topformer_viz.words.text import Lang, Text

DATE = (1980, 1, 1, 0, 0, 0)  # of every file in the ZIP: the earliest it knows, and always the same

UI = {
    "title": Text("TopFormer's attention: {name}", "TopFormer 的注意力：{name}"),
    "about": Text(
        "{where}{width} × {height} pixels, {rows} × {columns} tokens. Every number and picture here was computed by the network on this picture.",
        "{where}{width} × {height} 像素，{rows} × {columns} 个 token。这里的每个数、每幅图都是网络在这张图片上算出来的。",
    ),
    "chance": Text(
        "The weights are random: shapes and arithmetic are real, but what the pictures show is chance, not a finding.",
        "权重是随机的：形状和运算都是真的，图案只是偶然，不说明规律。",
    ),
    "stages": Text("The stages", "各个阶段"),
    "shape": Text("Shape: {value}", "形状：{value}"),
    "formula": Text("Formula: {value}", "公式：{value}"),
    "trap": Text("Mind: {value}", "注意：{value}"),
    "picture_alt": Text("{title}: the picture", "{title}：图"),
    "shape_alt": Text("{title}: what happens to the shape", "{title}：形状如何变化"),
    "files": Text("Files", "文件"),
    "figures": Text(
        "`figures` holds every figure twice: SVG, whose text stays text, and PNG. `shapes.json` lists all tensors of the run with their axes, sizes and ranges.",
        "`figures` 里每幅图各有两份：SVG（文字仍是文字）和 PNG。`shapes.json` 列出这次运行的全部张量，以及它们的轴、大小和取值范围。",
    ),
    "again": Text("The command that makes this again:", "重新生成这份文件的命令："),
    "axes": Text("Axes", "轴"),
    "sources": Text("Where it comes from", "来源"),
    "photo": Text("Picture: {name}. {credit}", "图片：{name}。{credit}"),
    "rests": Text(
        "The network: W. Zhang et al., “TopFormer: Token Pyramid Transformer for Mobile Semantic Segmentation”, CVPR 2022 (arXiv 2204.05525). The lesson: TopFormer's attention, stage by stage (Apache License 2.0); the lesson grew out of the blog post “TopFormer中Attention的理解”. Colour maps: viridis (CC0) and RdBu (ColorBrewer, Apache License 2.0). Glyphs in the figures: DejaVu Sans (its own free licence) and Noto Sans SC (SIL Open Font License 1.1).",
        "网络：W. Zhang 等，“TopFormer: Token Pyramid Transformer for Mobile Semantic Segmentation”，CVPR 2022（arXiv 2204.05525）。课程：TopFormer 的注意力，逐步讲解（Apache License 2.0），源于博客《TopFormer中Attention的理解》。色图：viridis（CC0）与 RdBu（ColorBrewer，Apache License 2.0）。图中的字形：DejaVu Sans（自有的自由许可）与 Noto Sans SC（SIL Open Font License 1.1）。",
    ),
    "research": Text(
        "The weights trained on streets rest on photographs that are for research only, so they are for research and teaching.",
        "用街景训练的权重所依据的照片仅供研究，因此这组权重只供研究与教学使用。",
    ),
}  # fmt: skip


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

    ``command`` is what makes it again, ``credit`` says whose picture it is, ``trained`` that the weights are those
    trained on streets. All words may be anybody's: they are escaped where they are set.
    """
    steps = _steps(subject, block, head)
    files: dict[str, bytes] = {}
    scale = 1 if look.width == "slide" else 2
    overview = overview_panel(subject, block, head)
    for panel in (overview, *(panel for step in steps for panel in (step.picture, step.shape))):
        figure = draw(panel, look)
        files[f"figures/{panel.name}.svg"] = write(figure, panel, "svg")
        png = write(figure, panel, "png", scale)
        files[f"figures/{panel.name}.png"] = _of_few_colours(png) if panel.diagram else png
    sources = [UI["photo"](subject.lang, name=subject.name, credit=credit)] if credit else []
    sources += [UI["rests"](subject.lang), *([UI["research"](subject.lang)] if trained else [])]
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
    steps = []
    for stage, name in walk(run, block).items():
        declared = declared_of(run, name, block)
        steps.append(
            Step(
                stage,
                name,
                declared.title(lang),
                note_of(run, model, name, block, lang),
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
    stop = ". " if subject.lang == "en" else "。"
    about = UI["about"](
        subject.lang, where=where + stop, width=subject.photo.width, height=subject.photo.height, rows=rows,
        columns=columns,
    )  # fmt: skip
    return f"{about} {UI['chance'](subject.lang)}" if subject.untrained else about


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


PAGE_CSS = """
:root { color-scheme: light dark; --line: color-mix(in srgb, var(--st-text-color) 18%, var(--st-background-color)); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--st-background-color); color: var(--st-text-color); font: 17px/1.6 var(--st-font); }
main { max-width: 860px; margin: 0 auto; padding: 32px 18px 60px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 22px; line-height: 1.3; margin: 56px 0 10px; }
h2 code { font-size: 16px; font-weight: 400; opacity: 0.75; }
p, dl { margin: 10px 0; }
p { overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.88em; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 10px 14px; border-radius: 8px; background: var(--st-secondary-background-color); }
nav ol { columns: 15em; padding-left: 1.8em; }
a { color: var(--st-primary-color); }
figure { margin: 18px 0; padding: 12px; border: 1px solid var(--line); border-radius: 10px; background: var(--figure); color: var(--figure-ink); }
figure img { display: block; width: 100%; height: auto; }
figcaption { font-size: 14px; margin-top: 8px; }
.axis { font-weight: 600; white-space: nowrap; }
.formula { font-size: 18px; overflow-x: auto; overflow-wrap: normal; }
.formula sub { font-size: 0.72em; }
.trap { border-left: 3px solid var(--st-primary-color); padding-left: 14px; }
.note, .trap { position: relative; }
.term { text-decoration: underline dotted; text-underline-offset: 3px; cursor: help; }
.tip { display: none; position: absolute; left: 0; right: 0; margin-top: 1.8em; padding: 8px 12px; border-radius: 8px; background: var(--st-text-color); color: var(--st-background-color); font-size: 14px; line-height: 1.45; z-index: 1; }
.term:hover .tip, .term:focus .tip { display: block; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; }
dd { margin: 0; }
footer { margin-top: 64px; padding-top: 18px; border-top: 1px solid var(--line); font-size: 15px; }
@media print { .tip { display: none; } section { break-inside: avoid; } }
"""


def _page(
    subject: Subject, overview: Panel, steps: list[Step], look: Look, about: str, command: str, sources: list[str]
) -> str:
    lang, theme = subject.lang, THEMES[look.theme]
    title = escape(UI["title"](lang, name=subject.name))
    figure = f":root {{ {axis_css()} --figure: {theme.paper or '#ffffff'}; --figure-ink: {theme.ink}; }}"
    contents = "".join(f'<li><a href="#{step.stage}">{escape(step.title)}</a></li>' for step in steps)
    axes = "".join(
        f"<dt>{axis_span(axis, f'{axis} {subject.run.sizes[axis]}')}</dt><dd>{escape(_meaning(axis, lang))}</dd>"
        for axis in _axes(steps)
    )
    body = (
        f"<h1>{title}</h1>\n<p>{escape(about)}</p>\n"
        f'<nav aria-label="{escape(UI["stages"](lang))}"><ol>{contents}</ol></nav>\n{_figure(overview, overview.title, look)}'
        + "\n".join(_section(subject, step, look) for step in steps)
        + f"\n<h2>{escape(UI['axes'](lang))}</h2>\n<dl>{axes}</dl>\n"
        f"<h2>{escape(UI['files'](lang))}</h2>\n<p>{note_html(UI['figures'](lang), lang)}</p>\n"
        f"<p>{escape(UI['again'](lang))}</p>\n<pre>{escape(command)}</pre>\n"
        f"<footer><strong>{escape(UI['sources'](lang))}</strong>\n"
        + "\n".join(f"<p>{escape(source)}</p>" for source in sources)
        + "</footer>"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{theme_css(body)}{figure}{PAGE_CSS}</style>\n</head>\n<body>\n<main>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _section(subject: Subject, step: Step, look: Look) -> str:
    lang = subject.lang
    shape = " … ".join(shape_html(name, subject.run.sizes) for name in _shown(step))
    trap = f'<p class="trap">{note_html(step.trap, lang)}</p>\n' if step.trap else ""
    return (
        f'<section id="{step.stage}">\n<h2>{escape(step.title)} <code>{step.stage}</code></h2>\n'
        f"<p>{UI['shape'](lang, value=shape)}</p>\n"
        f'<p class="formula">{formula_html(step.formula)}</p>\n<p class="note">{note_html(step.note, lang)}</p>\n{trap}'
        f"{_figure(step.picture, UI['picture_alt'](lang, title=step.title), look)}"
        f"{_figure(step.shape, UI['shape_alt'](lang, title=step.title), look)}</section>"
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
    parts = [f"# {_plain(UI['title'](lang, name=subject.name))}", _plain(about)]
    parts += [f"![{overview.title}](figures/{overview.name}.svg)", f"*{_plain(overview.caption)}*"]
    for step in steps:
        shapes = (" · ".join(f"{a} {subject.run.sizes[a]}" for a in axes_of(name)) for name in _shown(step))
        parts += [
            f"## {step.title} (`{step.stage}`)",
            UI["shape"](lang, value=f"`{' … '.join(shapes)}`")
            + "  \n"
            + UI["formula"](lang, value=f"`{step.formula}`"),
            _words(step.note),
        ]
        parts += [f"> {UI['trap'](lang, value=_words(step.trap))}"] if step.trap else []
        for panel, alt in ((step.picture, "picture_alt"), (step.shape, "shape_alt")):
            parts += [f"![{UI[alt](lang, title=step.title)}](figures/{panel.name}.svg)", f"*{_plain(panel.caption)}*"]
    parts += [f"## {UI['axes'](lang)}"]
    parts += ["\n".join(f"- `{axis}`: {_meaning(axis, lang)}" for axis in _axes(steps))]
    fence = "`" * (1 + max([2, *map(len, re.findall("`+", command))]))  # longer than any in the command
    parts += [f"## {UI['files'](lang)}", UI["figures"](lang), UI["again"](lang), f"{fence}sh\n{command}\n{fence}"]
    parts += [f"## {UI['sources'](lang)}", *map(_plain, sources)]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Words of anybody's as Markdown that shows just them, in one line."""
    return re.sub(r"([\\`*_{}\[\]()<>#|!~&])", r"\\\1", " ".join(text.split()))


def _words(note: str) -> str:
    """A note's markup (stages.py) as Markdown: what is in back quotes stays, a term is the word that is shown."""
    return re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]+)\]\]", r"\1", note)
