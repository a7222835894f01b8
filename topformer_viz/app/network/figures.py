"""The network page's figures: the segmentation, the part that is open, what each part costs."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from topformer_viz.app.canvas.lens import LENS_WORDS
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.network.parts import added_share, head_name, without_part
from topformer_viz.app.network.travelling import MATRIX
from topformer_viz.app.network.words import FIGURES, PARTS, UI
from topformer_viz.figures.overview import NETWORK, network_panel
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.stages import stage_panel
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import class_picture, numbers, ticks_of
from topformer_viz.network.classes import classes_of
from topformer_viz.network.costs import costs
from topformer_viz.network.model import TopFormer
from topformer_viz.run.measures import PYRAMID_CELLS, by_level, popularity, pyramid_level, shrink, strength
from topformer_viz.run.stages import STAGES
from topformer_viz.run.whole import Seen
from topformer_viz.words.live import Words, key_of
from topformer_viz.words.numbers import percent
from topformer_viz.words.text import Text, capital, clauses

LEGEND = 24  # classes named beside a segmentation


def figures(view: View) -> list[Offer]:
    """What can be saved of the page; the colour model, which is no network, offers its picture alone."""
    known = view.outline.known
    if known.spec is None:
        return []
    offers = [
        Offer("network", NETWORK["title"], lambda asked: network_panel(view.subject)),
        Offer("part", FIGURES["part"], lambda asked: _part(view, asked["part"])),
        Offer("costs", FIGURES["costs"], lambda asked: _costs(view)),
    ]
    whole = [
        Offer("segmentation", FIGURES["segmentation"], lambda asked: _segmentation(view)),
        Offer("lens", FIGURES["lens"], lambda asked: _lens(view)),
    ]
    return offers if known.classes is None else whole + offers


def _panel(view: View, name: str, title: str, said: list[str], block: int | None = None, **content: object) -> Panel:
    subject = view.subject
    return Panel(name, title, subject.short(block), subject.caption(said, block), **content)  # type: ignore[arg-type]


def _segmentation(view: View) -> Panel:
    """Image, segmentation and its confidence, with the classes present."""
    lang, model = view.lang, view.model
    assert isinstance(model, TopFormer) and model.classes is not None
    names = classes_of(model.classes, model.class_names)
    seen = Seen(view.run, model)
    found, order = seen.whole, seen.commonest
    shape = view.photo.height / view.photo.width
    sure = Scale(0.0, 1.0, FIGURES["sure_quantity"](lang))
    classes = class_picture(found.labels, names)
    grey = np.asarray(view.photo.convert("L").resize(classes.shape[1::-1]))[..., None]
    laid = (0.6 * classes.astype(float) + 0.4 * grey).astype(np.uint8)
    tiles = (
        Tile(view.subject.picture, shape, title=view.name),
        Tile(classes, shape, title=PARTS["segmentation_title"](lang), crisp=True),
        Tile(laid, shape, title=FIGURES["laid"](lang), crisp=True),
        Tile(numbers(found.sure), shape, sure, FIGURES["sure"](lang)),
    )
    shares = (seen.counts / seen.counts.sum()).tolist()
    legend = [
        (FIGURES["class"](lang, name=names.names[c](lang), share=percent(shares[c])), names.colours[c]) for c in order
    ]
    said = [FIGURES["shares"](lang)]
    if len(order) > LEGEND:
        rest = sum(shares[c] for c in order[LEGEND:])
        said.append(FIGURES["rest"](lang, n=len(order) - LEGEND, share=percent(rest)))
    if view.facts:
        said.append(FIGURES["iou"](lang, val=view.facts.val, miou=f"{view.facts.mean_iou:.2f}"))
    title = FIGURES["segmentation_title"](lang, set=names.title(lang))
    groups = (Group(tiles),)
    return _panel(view, "segmentation", title, said, groups=groups, legend=tuple(legend[:LEGEND]))


def _lens(view: View) -> Panel:
    """What the network would say if it stopped before its blocks or after one, and what each block changes."""
    lang, model = view.lang, view.model
    assert isinstance(model, TopFormer) and model.classes is not None
    names, seen, said = classes_of(model.classes, model.class_names), Seen(view.run, model), [FIGURES["lens_why"](lang)]
    shape = view.photo.height / view.photo.width
    titles = [
        LENS_WORDS["lens_before"](lang),
        *(LENS_WORDS["lens_after"](lang, n=n + 1) for n in range(model.num_blocks)),
    ]
    tiles = tuple(
        Tile(class_picture(labels, names), shape, title=title, crisp=True)
        for labels, title in zip(seen.lens, titles, strict=True)
    )
    for n in range(model.num_blocks):
        change = seen[key_of("lens", f"block{n}")]
        told = [LENS_WORDS["lens_changed"](lang, share=f"{change['share']:.1%}")]
        for own in change["classes"]:
            shares = {part: f"{own[part]:.1%}" for part in ("before", "after")}
            told.append(LENS_WORDS["lens_class"](lang, name=names.names[own["class"]](lang), **shares))
        said.append(FIGURES["lens_change"](lang, n=n + 1, said=clauses(lang, told)))
    counts = torch.stack(seen.lens).flatten().bincount()
    present = [c for c in counts.argsort(descending=True, stable=True).tolist() if counts[c]][:LEGEND]
    legend = tuple((names.names[c](lang), names.colours[c]) for c in present)
    return _panel(view, "lens", FIGURES["lens"](lang), said, groups=(Group(tiles),), legend=legend)


def _part(view: View, part: str) -> Panel:
    """The part that is open."""
    model, blocks = view.model, view.model.num_blocks
    assert isinstance(model, TopFormer)
    makers: dict[str, Callable[[], Panel]] = {f"pyramid{n}": partial(_level, view, n) for n in range(4)}
    makers |= {f"block{n + 1}": partial(_block, view, n) for n in range(blocks)}
    makers["tokens"] = lambda: _levels(view, "tokens", PARTS["pooled_title"])
    if model.classes is not None:
        makers["split"] = lambda: _levels(view, f"block{blocks - 1}.output", PARTS["split_title"])
        makers |= {f"injected{n}": partial(_injection, view, n) for n in (1, 2, 3)}
        makers["class_scores"] = lambda: _scores(view)
        makers["segmentation"] = lambda: _segmentation(view)
    makers["image"] = lambda: stage_panel(view.subject, 0, "image")
    return makers[part]()


def _scale(values: Tensor, quantity: str, low: float | None = None, root: bool = False) -> Scale:
    least, most = (float(x) for x in torch.aminmax(values))
    return Scale(least if low is None else low, most, quantity, root=root)


def _maps(maps: Tensor, scale: Scale, titles: list[str], shape: float) -> tuple[Tile, ...]:
    """Maps (n, H, W) on one scale."""
    return tuple(Tile(numbers(own), shape, scale, title) for own, title in zip(maps, titles, strict=True))


def _level(view: View, n: int) -> Panel:
    """A pyramid level's strength and its first channels."""
    lang, level = view.lang, view.run[f"pyramid{n}"]
    whole, channels = strength(level)[0], pyramid_level(view.run, n)[0]
    shape = level.shape[-2] / level.shape[-1]
    own = _scale(channels, FIGURES["channel_quantity"](lang, stage=f"pyramid{n}"))
    names = [UI["channel"](lang, c=c + 1) for c in range(len(channels))]
    groups = (
        Group(
            _maps(whole, _scale(whole, FIGURES["strength_quantity"](lang), 0.0), [""], shape),
            FIGURES["strength"](lang),
            1,
            0.6,
        ),
        Group(_maps(channels, own, names, shape), FIGURES["channels"](lang, n=len(channels))),
    )
    said = [
        PANEL["tensor"](lang, stage=f"pyramid{n}", shape=_sizes(level)),
        FIGURES["shrunk"](lang, cells=PYRAMID_CELLS),
    ]
    return _panel(view, f"pyramid{n}", PARTS["level_title"](lang, scale=4 << n), said, groups=groups)


def _sizes(tensor: Tensor) -> str:
    return " × ".join(str(side) for side in tensor.shape[1:])


def _levels(view: View, name: str, title: Text) -> Panel:
    """A map's channels by the level they belong to."""
    lang, model = view.lang, view.model
    assert isinstance(model, TopFormer)
    channels = model.backbone.channels
    maps = by_level(view.run[name], channels)[0]
    words = [UI["part_of"](lang, scale=4 << n, channels=c) for n, c in enumerate(channels)]
    scale = _scale(maps, FIGURES["strength_quantity"](lang), 0.0)
    groups = (Group(_maps(maps, scale, words, maps.shape[-2] / maps.shape[-1])),)
    said = [PANEL["tensor"](lang, stage=name.rpartition(".")[2], shape=_sizes(view.run[name]))]
    stem = "tokens" if name == "tokens" else "split"
    return _panel(view, f"{stem}-levels", title(lang), said, groups=groups)


def _block(view: View, n: int) -> Panel:
    """A block's mean attention, how much each token is read, and what changes without its attention."""
    lang, run, model = view.lang, view.run, view.model
    assert isinstance(model, TopFormer)
    seen = Seen(run, model)
    heads, tokens, grid = run.sizes["heads"], run.sizes["HW"], view.subject.grid
    weights = run[f"block{n}.weights"].float()
    mean = shrink(weights.mean(1, keepdim=True), MATRIX)[0]
    read = popularity(weights)
    maps = torch.cat([read.mean(1)[:, None], read], 1).reshape(heads + 1, *grid)
    titles = [FIGURES["all"](lang), *(head_name(n, head, tokens)(lang, seen, n) for head in range(heads))]
    shape = view.photo.height / view.photo.width
    ticks = {at * mean.shape[-1] / tokens: label for at, label in ticks_of(view.subject, "HW").items()}
    popular = _scale(maps, FIGURES["read_quantity"](lang), 0.0)
    matrix = Tile(
        numbers(mean[0]), 1.0, _scale(mean, FIGURES["mean_quantity"](lang), 0.0, root=True),
        down=PANEL["query"](lang, size=tokens), across=PANEL["key"](lang, size=tokens), ticks=(ticks, ticks),
    )  # fmt: skip
    laid = tuple(
        Tile(numbers(own), shape, popular, title, under=view.subject.picture)
        for own, title in zip(maps, titles, strict=True)
    )
    groups = [
        Group((matrix,), FIGURES["mean"](lang, heads=heads), 1, 0.5),
        Group(laid, FIGURES["read"](lang)),
    ]
    said = [FIGURES["root"](lang), Words(FIGURES["added"], {"share": added_share(n)})(lang, seen, n)]
    if tokens > MATRIX:
        said.append(PANEL["averaged"](lang, side=mean.shape[-1]))
    if model.classes is not None:
        told = without_part(f"block{n}.projected")(lang, seen, n)
        said.append(f"{capital(told)}{'.' if lang == 'en' else '。'}")
    return _panel(view, f"block{n + 1}-attention", PARTS["block_title"](lang, n=n + 1), said, n, groups=tuple(groups))


def _injection(view: View, n: int) -> Panel:
    """A level, the gate on it, its part of the blocks' output, and what injection made of them."""
    lang, run, model = view.lang, view.run, view.model
    assert isinstance(model, TopFormer)
    output = run[f"block{model.num_blocks - 1}.output"].split(list(model.backbone.channels), dim=1)[n]
    gate = shrink(run[f"gate{n}"].mean(1, keepdim=True), PYRAMID_CELLS)[0]
    shape = view.photo.height / view.photo.width
    maps = {"local": run[f"pyramid{n}"], "global": output, "injected": run[f"injected{n}"]}
    strengths = {title: strength(tensor)[0, 0] for title, tensor in maps.items()}
    scale = _scale(torch.cat([own.flatten() for own in strengths.values()]), FIGURES["strength_quantity"](lang), 0.0)
    tiles = [Tile(numbers(own), shape, scale, FIGURES[title](lang)) for title, own in strengths.items()]
    tiles.append(Tile(numbers(gate[0]), shape, Scale(0.0, 1.0, FIGURES["gate"](lang)), FIGURES["gate_title"](lang)))
    said = [
        FIGURES["passes"](lang, share=f"{float(run[f'gate{n}'].mean()):.0%}"),
        FIGURES["shrunk"](lang, cells=PYRAMID_CELLS),
    ]
    title = PARTS["injection_title"](lang, scale=4 << n)
    return _panel(view, f"injected{n}", title, said, groups=(Group(tuple(tiles)),))


def _scores(view: View) -> Panel:
    """The scores of the classes that win most image pixels."""
    lang, model, scores = view.lang, view.model, view.run["class_scores"]
    assert isinstance(model, TopFormer) and model.classes is not None
    names = classes_of(model.classes, model.class_names)
    shown = Seen(view.run, model)[key_of("winners", "class_scores")]
    maps = shrink(scores[0, shown], PYRAMID_CELLS)
    tiles = _maps(
        maps,
        _scale(maps, FIGURES["score_quantity"](lang)),
        [names.names[c](lang) for c in shown],
        maps.shape[-2] / maps.shape[-1],
    )
    said = [
        PANEL["tensor"](lang, stage="class_scores", shape=_sizes(scores)),
        FIGURES["scores_note"](lang),
        FIGURES["shrunk"](lang, cells=PYRAMID_CELLS),
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
    rows.append((FIGURES["total"](lang), f"{params:,}", f"{adds / 1e6:.1f}", f"{1:.0%}"))
    columns = tuple(FIGURES[name](lang) for name in ("part_column", "params", "adds", "share"))
    table = Table(columns, tuple(rows), bars=(*bars, (None, None, None)), sums=(len(rows) - 1,))
    return _panel(view, "costs", FIGURES["costs_title"](lang), [FIGURES["counted"](lang)], tables=(table,))


def _name(part: str, view: View) -> str:
    """A cost's part as the page calls it."""
    lang, n = view.lang, int(part[-1]) if part[-1].isdigit() else 0
    if part.startswith("pyramid"):
        return PARTS["level_title"](lang, scale=4 << n)
    if part.startswith("injected"):
        return PARTS["injection_title"](lang, scale=4 << n)
    return PARTS["block_title"](lang, n=n + 1) if part.startswith("block") else STAGES[part].title(lang)
