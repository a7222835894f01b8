"""The network page's figures: the segmentation, the part that is open, what each part costs."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.network.page import UI as WORDS
from topformer_viz.app.network.payload import (
    ATTENTION_OFF,
    BLOCK_TITLE,
    CELLS,
    CHANNELS,
    COMPARED,
    HEAD,
    INJECTION_TITLE,
    LEVEL_TITLE,
    MATRIX,
    POOLED_TITLE,
    SCORES,
    SEGMENTATION,
    SEGMENTATION_TITLE,
    SPLIT_TITLE,
    added,
    by_level,
    fit,
    popularity,
    strength,
)
from topformer_viz.figures.overview import NETWORK, network_panel
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.stages import stage_panel
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import class_picture, numbers, ticks_of
from topformer_viz.network.classes import classes_of
from topformer_viz.network.costs import costs
from topformer_viz.network.model import TopFormer
from topformer_viz.run.measures import shrink
from topformer_viz.run.segmentation import SILENCED, segment, without
from topformer_viz.run.stages import STAGES
from topformer_viz.words.numbers import percent
from topformer_viz.words.text import Text

LEGEND = 24  # classes named beside a segmentation

UI = {
    "segmentation": Text("The segmentation", "分割结果"),
    "part": Text("The part that is open", "打开的部分"),
    "costs": Text("What each part costs", "各部分的代价"),
    "segmentation_title": Text("Segmentation, {set}", "分割结果：{set}"),
    "class": Text("{name} {share}", "{name} {share}"),
    "laid": Text("laid over the picture", "叠在图片上"),
    "sure": Text("how sure it is", "把握"),
    "sure_quantity": Text("probability of the best class", "得分最高的类别的概率"),
    "rest": Text("and {n} more, {share} together", "另有 {n} 类，共 {share}"),
    "shares": Text("Shares are of the picture's pixels.", "百分比指占图像像素的份额。"),
    "iou": Text("mIoU of these weights on {val} validation photographs: {miou}.", "这组权重在 {val} 张验证照片上的 mIoU：{miou}。"),
    "strength": Text("strength", "强度"),
    "strength_quantity": Text("root mean square over the channels (no unit)", "各通道的均方根（无单位）"),
    "channels": Text("the first {n} channels", "前 {n} 个通道"),
    "channel_quantity": Text("{stage} (no unit)", "{stage}（无单位）"),
    "shrunk": Text("What is finer than {cells} cells is averaged down.", "比 {cells} 格更细的先取平均。"),
    "mean": Text("mean attention of the {heads} heads", "{heads} 个头的注意力的平均"),
    "mean_quantity": Text("weight (share of a row, no unit)", "权重（占一行的份额，无单位）"),
    "root": Text("In the matrix colour grows with the square root.", "矩阵的颜色随平方根变化。"),
    "read": Text("how much each square is read", "每个方格被读的多少"),
    "read_quantity": Text("times the average (no unit)", "平均水平的倍数（无单位）"),
    "all": Text("mean of the heads", "各头平均"),
    "added": Text("What attention adds has {share} of the size of the map it is added to.", "注意力加上去的部分，大小是原特征图的 {share}。"),
    "passes": Text("Injected is level × gate + part, each through a convolution of its own. The gate lets {share} through on average.", "注入 = 该层 × 门控 + 那一份，各自先经过一个卷积。门控平均放行 {share}。"),
    "gate": Text("gate (share let through)", "门控（放行的份额）"),
    "local": Text("the level", "该层"),
    "global": Text("its part of the blocks' output", "模块输出中属于它的那一份"),
    "injected": Text("after injection", "注入之后"),
    "gate_title": Text("its gate, mean over channels", "门控，各通道平均"),
    "score_quantity": Text("class score (no unit)", "类别得分（无单位）"),
    "scores_note": Text("The classes that win most pixels here.", "赢得像素最多的几个类别。"),
    "costs_title": Text("What each part of the network costs", "网络各部分的代价"),
    "part_column": Text("part", "部分"),
    "params": Text("parameters", "参数量"),
    "adds": Text("million multiply-adds", "百万次乘加"),
    "share": Text("share of them", "占乘加"),
    "total": Text("the whole network", "整个网络"),
    "counted": Text("Counted: convolutions and matrix products of one forward pass; BatchNorm, activations, pooling, resizing and softmax are not. A full bar is the column's largest.", "计入一次前向计算中的卷积和矩阵乘法，不计 BatchNorm、激活、池化、缩放和 softmax。满条是该列的最大值。"),
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of the page; the colour model, which is no network, offers its picture alone."""
    if not isinstance(view.model, TopFormer):
        return []
    offers = [
        Offer("network", NETWORK["title"], lambda asked: network_panel(view.subject)),
        Offer("part", UI["part"], lambda asked: _part(view, asked.get("part", ""))),
        Offer("costs", UI["costs"], lambda asked: _costs(view)),
    ]
    whole = [Offer("segmentation", UI["segmentation"], lambda asked: _segmentation(view))]
    return offers if view.model.classes is None else whole + offers


def _panel(view: View, name: str, title: str, said: list[str], block: int | None = None, **content: object) -> Panel:
    subject = view.subject
    return Panel(name, title, subject.short(block), subject.caption(said, block), **content)  # type: ignore[arg-type]


def _segmentation(view: View) -> Panel:
    """Photograph, segmentation and how sure it is, with the classes present."""
    lang, model = view.lang, view.model
    assert isinstance(model, TopFormer) and model.classes is not None
    names = classes_of(model.classes, model.class_names)
    found = segment(view.run["class_scores"], fit(view.photo, SEGMENTATION))
    shape = view.photo.height / view.photo.width
    sure = Scale(0.0, 1.0, UI["sure_quantity"](lang))
    classes = class_picture(found.labels, names)
    grey = np.asarray(view.photo.convert("L").resize(classes.shape[1::-1]))[..., None]
    laid = (0.6 * classes.astype(float) + 0.4 * grey).astype(np.uint8)
    tiles = (
        Tile(view.subject.picture, shape, title=view.name),
        Tile(classes, shape, title=SEGMENTATION_TITLE(lang), crisp=True),
        Tile(laid, shape, title=UI["laid"](lang), crisp=True),
        Tile(numbers(found.sure), shape, sure, UI["sure"](lang)),
    )
    counts = torch.bincount(found.labels.flatten(), minlength=len(names.names))
    order = [c for c in counts.argsort(descending=True).tolist() if counts[c]]
    shares = (counts / counts.sum()).tolist()
    legend = [(UI["class"](lang, name=names.names[c](lang), share=percent(shares[c])), names.colours[c]) for c in order]
    said = [UI["shares"](lang)]
    if len(order) > LEGEND:
        rest = sum(shares[c] for c in order[LEGEND:])
        said.append(UI["rest"](lang, n=len(order) - LEGEND, share=percent(rest)))
    if view.facts:
        said.append(UI["iou"](lang, val=view.facts.val, miou=f"{view.facts.mean_iou:.2f}"))
    title = UI["segmentation_title"](lang, set=names.title(lang))
    groups = (Group(tiles),)
    return _panel(view, "segmentation", title, said, groups=groups, legend=tuple(legend[:LEGEND]))


def _part(view: View, part: str) -> Panel:
    """The part that the address names, or the last, as the page opens it."""
    model, blocks = view.model, view.model.num_blocks
    assert isinstance(model, TopFormer)
    makers: dict[str, Callable[[], Panel]] = {f"pyramid{n}": partial(_level, view, n) for n in range(4)}
    makers |= {f"block{n + 1}": partial(_block, view, n) for n in range(blocks)}
    makers["tokens"] = lambda: _levels(view, "tokens", POOLED_TITLE)
    if model.classes is not None:
        makers["split"] = lambda: _levels(view, f"block{blocks - 1}.output", SPLIT_TITLE)
        makers |= {f"injected{n}": partial(_injection, view, n) for n in (1, 2, 3)}
        makers["class_scores"] = lambda: _scores(view)
        makers["segmentation"] = lambda: _segmentation(view)
    makers["image"] = lambda: stage_panel(view.subject, 0, "image")
    return makers[part if part in makers else "segmentation" if model.classes else f"block{blocks}"]()


def _scale(values: Tensor, quantity: str, low: float | None = None, root: bool = False) -> Scale:
    least, most = (float(x) for x in torch.aminmax(values))
    return Scale(least if low is None else low, most, quantity, root=root)


def _maps(maps: Tensor, scale: Scale, titles: list[str], shape: float) -> tuple[Tile, ...]:
    """Maps (n, H, W) on one scale."""
    return tuple(Tile(numbers(own), shape, scale, title) for own, title in zip(maps, titles, strict=True))


def _level(view: View, n: int) -> Panel:
    """A pyramid level's strength and its first channels."""
    lang, level = view.lang, view.run[f"pyramid{n}"]
    whole, channels = strength(level)[0], shrink(level[0, :CHANNELS].float(), CELLS)
    shape = level.shape[-2] / level.shape[-1]
    own = _scale(channels, UI["channel_quantity"](lang, stage=f"pyramid{n}"))
    names = [WORDS["channel"](lang, c=c + 1) for c in range(len(channels))]
    groups = (
        Group(
            _maps(whole, _scale(whole, UI["strength_quantity"](lang), 0.0), [""], shape), UI["strength"](lang), 1, 0.6
        ),
        Group(_maps(channels, own, names, shape), UI["channels"](lang, n=len(channels))),
    )
    said = [PANEL["tensor"](lang, stage=f"pyramid{n}", shape=_sizes(level)), UI["shrunk"](lang, cells=CELLS)]
    return _panel(view, f"pyramid{n}", LEVEL_TITLE(lang, scale=4 << n), said, groups=groups)


def _sizes(tensor: Tensor) -> str:
    return " × ".join(str(side) for side in tensor.shape[1:])


def _levels(view: View, name: str, title: Text) -> Panel:
    """A map's channels by the level they belong to."""
    lang, model = view.lang, view.model
    assert isinstance(model, TopFormer)
    channels = model.backbone.channels
    maps = by_level(view.run[name], channels)[0]
    words = [WORDS["part_of"](lang, scale=4 << n, channels=c) for n, c in enumerate(channels)]
    scale = _scale(maps, UI["strength_quantity"](lang), 0.0)
    groups = (Group(_maps(maps, scale, words, maps.shape[-2] / maps.shape[-1])),)
    said = [PANEL["tensor"](lang, stage=name.rpartition(".")[2], shape=_sizes(view.run[name]))]
    stem = "tokens" if name == "tokens" else "split"
    return _panel(view, f"{stem}-levels", title(lang), said, groups=groups)


def _block(view: View, n: int) -> Panel:
    """A block's mean attention, how much each square is read, and what changes without its attention."""
    lang, run, model = view.lang, view.run, view.model
    heads, tokens, grid = run.sizes["heads"], run.sizes["HW"], view.subject.grid
    weights = run[f"block{n}.weights"].float()
    mean = shrink(weights.mean(1, keepdim=True), MATRIX)[0]
    read = popularity(weights)
    maps = torch.cat([read.mean(1)[:, None], read], 1).reshape(heads + 1, *grid)
    spread = view.measures(n).effective.tolist()
    titles = [UI["all"](lang), *(HEAD(lang, h=h, spread=f"{e:.1f}", HW=tokens) for h, e in enumerate(spread, 1))]
    shape = view.photo.height / view.photo.width
    ticks = {at * mean.shape[-1] / tokens: label for at, label in ticks_of(view.subject, "HW").items()}
    popular = _scale(maps, UI["read_quantity"](lang), 0.0)
    matrix = Tile(
        numbers(mean[0]), 1.0, _scale(mean, UI["mean_quantity"](lang), 0.0, root=True),
        down=PANEL["query"](lang, size=tokens), across=PANEL["key"](lang, size=tokens), ticks=(ticks, ticks),
    )  # fmt: skip
    laid = tuple(
        Tile(numbers(own), shape, popular, title, under=view.subject.picture)
        for own, title in zip(maps, titles, strict=True)
    )
    groups = [
        Group((matrix,), UI["mean"](lang, heads=heads), 1, 0.5),
        Group(laid, UI["read"](lang)),
    ]
    said = [UI["root"](lang), UI["added"](lang, share=f"{added(run, n):.1%}")]
    if tokens > MATRIX:
        said.append(PANEL["averaged"](lang, side=mean.shape[-1]))
    if isinstance(model, TopFormer) and model.classes is not None:
        size = fit(view.photo, COMPARED)
        was = segment(run["class_scores"], size).labels
        now = segment(without(model, run, SILENCED[f"block{n}.projected"]), size).labels
        told = ATTENTION_OFF(lang, changed=percent(float((was != now).float().mean())))
        said.append(f"{told[0].upper()}{told[1:]}{'.' if lang == 'en' else '。'}")
    return _panel(view, f"block{n + 1}-attention", BLOCK_TITLE(lang, n=n + 1), said, n, groups=tuple(groups))


def _injection(view: View, n: int) -> Panel:
    """A level, the gate on it, its part of the blocks' output, and what injection made of them."""
    lang, run, model = view.lang, view.run, view.model
    assert isinstance(model, TopFormer)
    output = run[f"block{model.num_blocks - 1}.output"].split(list(model.backbone.channels), dim=1)[n]
    gate = shrink(run[f"gate{n}"].mean(1, keepdim=True), CELLS)[0]
    shape = view.photo.height / view.photo.width
    maps = {"local": run[f"pyramid{n}"], "global": output, "injected": run[f"injected{n}"]}
    strengths = {title: strength(tensor)[0, 0] for title, tensor in maps.items()}
    scale = _scale(torch.cat([own.flatten() for own in strengths.values()]), UI["strength_quantity"](lang), 0.0)
    tiles = [Tile(numbers(own), shape, scale, UI[title](lang)) for title, own in strengths.items()]
    tiles.append(Tile(numbers(gate[0]), shape, Scale(0.0, 1.0, UI["gate"](lang)), UI["gate_title"](lang)))
    said = [UI["passes"](lang, share=f"{float(run[f'gate{n}'].mean()):.0%}"), UI["shrunk"](lang, cells=CELLS)]
    title = INJECTION_TITLE(lang, scale=4 << n)
    return _panel(view, f"injected{n}", title, said, groups=(Group(tuple(tiles)),))


def _scores(view: View) -> Panel:
    """The scores of the classes that win most pixels."""
    lang, model, scores = view.lang, view.model, view.run["class_scores"]
    assert isinstance(model, TopFormer) and model.classes is not None
    names = classes_of(model.classes, model.class_names)
    counts = torch.bincount(segment(scores, fit(view.photo, SEGMENTATION)).labels.flatten(), minlength=model.classes)
    shown = [c for c in counts.argsort(descending=True).tolist() if counts[c]][:SCORES]
    maps = shrink(scores[0, shown], CELLS)
    tiles = _maps(
        maps,
        _scale(maps, UI["score_quantity"](lang)),
        [names.names[c](lang) for c in shown],
        maps.shape[-2] / maps.shape[-1],
    )
    said = [
        PANEL["tensor"](lang, stage="class_scores", shape=_sizes(scores)),
        UI["scores_note"](lang),
        UI["shrunk"](lang, cells=CELLS),
    ]
    return _panel(view, "class-scores", STAGES["class_scores"].title(lang), said, groups=(Group(tiles),))


def _costs(view: View) -> Panel:
    """Parameters and multiply-adds by part."""
    lang, model = view.lang, view.model
    assert isinstance(model, TopFormer)
    counted = costs(model.spec, model.classes, view.photo.height, view.photo.width)
    params, adds = (sum(getattr(cost, name) for cost in counted) for name in ("params", "multiply_adds"))
    most = [max(getattr(cost, name) for cost in counted) for name in ("params", "multiply_adds")]
    rows = [
        (
            _name(cost.part, view),
            f"{cost.params:,}",
            f"{cost.multiply_adds / 1e6:.1f}",
            f"{cost.multiply_adds / adds:.1%}",
        )
        for cost in counted
    ]
    bars = [(cost.params / most[0], cost.multiply_adds / most[1], None) for cost in counted]
    rows.append((UI["total"](lang), f"{params:,}", f"{adds / 1e6:.1f}", f"{1:.0%}"))
    columns = tuple(UI[name](lang) for name in ("part_column", "params", "adds", "share"))
    table = Table(columns, tuple(rows), bars=(*bars, (None, None, None)), sums=(len(rows) - 1,))
    return _panel(view, "costs", UI["costs_title"](lang), [UI["counted"](lang)], tables=(table,))


def _name(part: str, view: View) -> str:
    """A cost's part as the page calls it."""
    lang, n = view.lang, int(part[-1]) if part[-1].isdigit() else 0
    if part.startswith("pyramid"):
        return LEVEL_TITLE(lang, scale=4 << n)
    if part.startswith("injected"):
        return INJECTION_TITLE(lang, scale=4 << n)
    return BLOCK_TITLE(lang, n=n + 1) if part.startswith("block") else STAGES[part].title(lang)
