"""One block's lesson as bytes for the browser: words, shapes and the tensors of this very run.

HW x HW matrices do not travel: the explorer, a guest in the lesson, makes the scores from query and key and the
weights from the scores. These and the value travel as float32, everything else as float16.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from topformer_viz.colour import CHANNELS, QUESTIONS, ColourModel
from topformer_viz.diagrams import shape_diagram
from topformer_viz.explorer.words import QUESTION_NAMES
from topformer_viz.markup import code_html, formula_html, note_html, shape_html
from topformer_viz.stages import COLOUR_NOTES, ORIGINS, Origin, Source, axes_of, source_of, stage_of
from topformer_viz.text import Lang, Text
from topformer_viz.tracing import Model, Trace
from topformer_viz.wire import Body

WALK = (
    "image", "pyramid{n}", "tokens", "query_map", "query", "key_map", "key", "value_map", "value", "scores",
    "weights", "mixed", "merged", "activated", "projected", "residual", "mlp", "output",
)  # fmt: skip
PYRAMID_CHANNELS = 6  # channels shown of each pyramid level
PYRAMID_CELLS = 48  # longest side, in cells, of a pyramid level's picture: finer levels are averaged down to it

PYRAMID_CAPTION = Text(
    "The first {channels} channels of each level, averaged down where a level is finer than {cells} cells.",
    "每一层的前 {channels} 个通道；比 {cells} 格更细的层先取平均再显示。",
)
CHANNEL_NAMES = {
    "red": Text("red", "红"),
    "green": Text("green", "绿"),
    "blue": Text("blue", "蓝"),
    "L": Text("lightness L", "明度 L"),
    "a": Text("green–red a", "绿–红 a"),
    "b": Text("blue–yellow b", "蓝–黄 b"),
    "hue_x": Text("hue, x", "色相 x"),
    "hue_y": Text("hue, y", "色相 y"),
    "row": Text("row", "行"),
    "column": Text("column", "列"),
    **{f"{name} squared": Text(f"|{text.en}|²", f"|{text.zh}|²") for name, text in QUESTION_NAMES.items()},
    "one": Text("1", "1"),
}
ZERO = Text("Here every entry is exactly 0.", "这里每个元素都恰好是 0。")
LARGEST = Text("The largest entry here is {value} in size.", "这里绝对值最大的元素是 {value}。")
ONWARD = Text("It enters block {next}.", "它进入第 {next} 个模块。")
LAST = Text("This was the last block: injection into the pyramid follows.", "这是最后一个模块：接下来注入回金字塔。")
UNCHANGED = Text("Here the branch is 0, so the tokens pass unchanged.", "这里分支为 0，输入原样通过。")
CHANGED = Text("Here it changes an entry by up to {value}.", "这里它使元素最多改变 {value}。")
ASYMMETRY = Text(
    "Largest difference from the own transpose, each head: {heads} (0 would be symmetric).",
    "各头与自身转置之差的最大值：{heads}（0 表示对称）。",
)
EFFECTIVE = Text(
    "Effective tokens, mean over the rows of each head: {heads}, of {HW}.",
    "有效 token 数（各头逐行取平均）：{heads}，共 {HW} 个。",
)
UNIFORM = Text(
    "Uniform rows: every pixel reads all pixels alike, because the scores are too small to tell them apart.",
    "各行是均匀的：得分太小，分不出差别，所以每个像素对所有像素一视同仁。",
)


def walk(run: Trace, block: int) -> dict[str, str]:
    """The walkthrough's steps that this run has: stage name -> traced name, in teaching order."""
    steps = {}
    for stage in WALK:
        shown = stage.replace("{n}", "3")
        for name in (f"block{block}.{shown}", shown):
            if name in run:
                # Block 0's tokens are the pooled pyramid: show the line that pools.
                steps[stage.replace("{n}", "")] = "tokens" if name == "block0.tokens" else name
                break
    return steps


def lesson_payload(
    run: Trace, model: Model, photo: Image.Image, block: int, lang: Lang, settings: dict[str, Any],
    guest: Callable[[Body], dict[str, Any]],
) -> bytes:  # fmt: skip
    """Everything the walkthrough shows of one block (from 0); ``settings`` goes into the header as it is.

    ``guest`` adds the explorer's tensors to the body and gives its part of the header.
    """
    body = Body()
    steps = walk(run, block)
    sources = {name: source_of(type(model), name) for name in steps.values()}  # type: ignore[arg-type]
    header: dict[str, Any] = {
        **settings,
        "lang": lang,
        "heads": run.sizes["heads"],
        "grid": [run.sizes["H"], run.sizes["W"]],
        "steps": [_step(run, model, stage, name, sources[name], block, lang, body) for stage, name in steps.items()],
        "code": {source.method: code_html(source) for source in sources.values()},
    }
    header["explorer"] = guest(body)
    header["photo"] = body.add_photo(photo)
    if isinstance(model, ColourModel):
        header["channelNames"] = [CHANNEL_NAMES[name](lang) for name in CHANNELS]
        header["headNames"] = [QUESTION_NAMES[question](lang) for question in QUESTIONS]
    return body.message(header)


def _step(
    run: Trace, model: Model, stage_name: str, name: str, source: Source, block: int, lang: Lang, body: Body
) -> dict[str, Any]:
    stage, tensor = stage_of(name), run[name]
    if stage.name == "tokens":
        origin = _origin(run, block)
        stage = replace(
            stage,
            steps=(replace(stage.steps[0], operation=origin.operation),),
            formula=origin.formula.replace("{this}", str(block + 1)).replace("{previous}", str(block)),
        )
    sources = _sources(run, name, block)
    low, high = (float(x) for x in torch.aminmax(tensor))
    step: dict[str, Any] = {
        "stage": stage_name,
        "title": stage.title(lang),
        "strand": stage.strand,
        "view": stage.view,
        "axes": list(axes_of(name)),
        "shape": list(tensor.shape),
        "shapeHtml": shape_html(name, run.sizes),
        "range": [low, high],
        "mean": float(tensor.mean()),
        "bytes": tensor.numel() * tensor.element_size(),
        "formula": formula_html(stage.formula),
        "note": note_html(_note(run, model, name, block, lang), lang),
        "trap": note_html(stage.trap(lang, **_values(run)) if stage.trap else "", lang),
        "diagram": shape_diagram(stage, name, sources, run.sizes, lang),
        "method": source.method,
        "marked": source.marked,
        "facts": [],
    }
    if stage.view == "pyramid":
        levels = [f"pyramid{n}" for n in range(4)]
        step["levels"] = [
            _level(run[level], body) | {"sizes": [(axis, run.sizes[axis]) for axis in axes_of(level)[1:]]}
            for level in levels
        ]
        step["shapeHtml"] = " … ".join(shape_html(level, run.sizes) for level in (levels[0], levels[-1]))
        step["facts"] = [PYRAMID_CAPTION(lang, channels=PYRAMID_CHANNELS, cells=PYRAMID_CELLS)]
    elif stage.view == "matrix":
        if stage_name == "weights":
            step["facts"] = [*effective_tokens(tensor, lang), asymmetry(tensor, lang)]
    elif stage.view != "photo":
        step["tensor"] = body.add(tensor, exact=stage_name.removesuffix("_map") in ("query", "key", "value"))
    return step


def effective_tokens(weights: Tensor, lang: Lang) -> list[str]:
    """How spread the rows are: exp(entropy), averaged over each head's rows of weights (1, heads, HW, HW)."""
    spread = torch.special.entr(weights).sum(-1).exp().mean(-1)[0].tolist()
    tokens = weights.shape[-1]
    facts = [EFFECTIVE(lang, heads=" · ".join(f"{value:.1f}" for value in spread), HW=tokens)]
    if min(spread) > 0.999 * tokens:
        facts.append(UNIFORM(lang))
    return facts


def asymmetry(weights: Tensor, lang: Lang) -> str:
    """How far each head's matrix (1, heads, HW, HW) is from its own transpose, in one sentence."""
    largest = (weights - weights.transpose(-1, -2)).abs().amax((0, -1, -2)).tolist()
    return ASYMMETRY(lang, heads=" · ".join(f"{value:.2g}" for value in largest))


def _sources(run: Trace, name: str, block: int) -> list[str]:
    """Traced names of what ``name`` was made from."""
    if name == f"block{block}.tokens":
        return [f"block{block - 1}.output"]
    if name == "tokens" and "pyramid0" not in run:
        return ["image"]
    sources = stage_of(name).sources
    return [f"block{block}.{s}" if f"block{block}.{s}" in run else s.replace("{n}", name[-1]) for s in sources]


def _origin(run: Trace, block: int) -> Origin:
    return ORIGINS["block" if block else "pyramid" if "pyramid0" in run else "colour"]


def _note(run: Trace, model: Model, name: str, block: int, lang: Lang) -> str:
    """The stage's note with this run's numbers in it."""
    values = _values(run)
    stage, tensor = stage_of(name), run[name]
    if stage.name == "tokens":
        values["origin"] = _origin(run, block).text(lang, previous=block)
    elif stage.name == "activated":
        values["zeros"] = f"{float((tensor == 0).float().mean()):.0%}"
    elif stage.name == "projected":
        largest = float(tensor.abs().amax())
        values["largest"] = LARGEST(lang, value=f"{largest:.3g}") if largest else ZERO(lang)
    elif stage.name == "output":
        last = block + 1 == model.num_blocks
        values["onward"] = LAST(lang) if last else ONWARD(lang, next=block + 2)
    elif stage.name == "residual":
        change = float((tensor - run[f"block{block}.tokens"]).abs().amax())
        values["effect"] = CHANGED(lang, value=f"{change:.3g}") if change else UNCHANGED(lang)
    note = stage.note(lang, **values)
    if isinstance(model, ColourModel) and stage.name in COLOUR_NOTES:
        note += (" " if lang == "en" else "") + COLOUR_NOTES[stage.name](lang)
    return note


def _values(run: Trace) -> dict[str, Any]:
    """What the places in notes and traps stand for: the axes' sizes and the entries of a matrix."""
    return {**run.sizes, "entries": f"{run.sizes['HW'] ** 2:,}"}


def _level(level: Tensor, body: Body) -> dict[str, Any]:
    """A pyramid level's first channels, averaged down to the size they are shown at."""
    shown = level[:, :PYRAMID_CHANNELS]
    h, w = shown.shape[-2:]
    scale = min(1.0, PYRAMID_CELLS / max(h, w))
    shown = F.adaptive_avg_pool2d(shown, (max(1, round(h * scale)), max(1, round(w * scale))))
    return {"tensor": body.add(shown.contiguous()), "range": [float(x) for x in torch.aminmax(shown)]}
