"""The lab's part "What if?" as figures: maps before and after a change, what it did in numbers, and in words."""

import math
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from topformer_viz.app.frame.offer import Asked, Offer
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.what_if.settings import SWITCHES, address_of, named, setting_of
from topformer_viz.app.lab.what_if.words import EXPLAINED, FIGURES, FRESH, PARTLY, UI, VERDICTS
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.scales import ROUNDING, off_rounding, plain, shares, signed
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import numbers, ticks_of
from topformer_viz.network.model import Attention
from topformer_viz.run.measures import MEAN
from topformer_viz.run.stages import axes_of
from topformer_viz.run.tracing import block_of
from topformer_viz.study.what_if import Experiment, Setting, experiment, quotient, spread, strength
from topformer_viz.words.numbers import decimal, relative_change
from topformer_viz.words.text import Lang, sentences

QUANTITIES = {"weights": "weight", "effective": "tokens", "mixed": "rms", "output": "rms"}


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    makers = {"pictures": pictures, "numbers": in_numbers}

    def make(name: str, asked: Asked) -> Panel:
        block, setting = asked["block"] - 1, setting_of({name: asked[name] for name in SWITCHES})
        done = changed(view, block, setting.of(attention(view, block)))
        return makers[name](view, block, asked["head"], done)

    return [Offer(name, FIGURES[name], partial(make, name)) for name in makers]


def attention(view: View, block: int) -> Attention:
    """The attention of a block, from 0."""
    module = block_of(view.model, block, torch.device(view.run.device))
    return module if isinstance(module, Attention) else cast(Attention, module.attn)


def changed(view: View, block: int, setting: Setting) -> Experiment:
    """The block run again as ``setting`` has it."""
    return view.keep((*view.key, "changes", block, setting), lambda: experiment(view.model, view.run, block, setting))


# In words


def fresh(done: Experiment, lang: Lang) -> str:
    """Which parameters are fresh, if any."""
    layers = ", ".join(f"`{layer}`" for layer in done.fresh)
    return (PARTLY if done.carried else FRESH)(lang, layers=layers) if done.fresh else ""


def said(view: View, block: int, done: Experiment) -> list[str]:
    """One sentence or two for each change."""
    lang, setting, sizes, tokens = view.lang, done.setting, done.after.sizes, len(done.kept)
    said: list[str] = []
    if setting.scaled:
        said.append(EXPLAINED["scaled"](lang, root=f"{math.sqrt(sizes['key_dim']):.3g}"))
    if setting.temperature != 1:
        said.append(EXPLAINED["temperature"](lang, temperature=f"{setting.temperature:g}"))
    if setting.over == "queries":
        said.append(EXPLAINED["over"](lang))
    if setting.unpermuted:
        said.append(EXPLAINED["unpermuted"](lang, stages=", ".join(f"`{name}`" for name in setting.unpermuted)))
    if setting.activation == "after":
        said.append(EXPLAINED["activation"](lang))
    if setting.heads or setting.key_dim:
        said.append(EXPLAINED["sizes"](lang, **{name: sizes[name] for name in ("heads", "key_dim", "nh_kd", "dh")}))
    elif setting.ratio:
        d, own = sizes["d"], attention(view, block).d
        which = "narrow" if d < own else "wide"
        said.append(EXPLAINED[which](lang, ratio=setting.ratio, d=d, own=own, more=d - own))
    if setting.tokens == "shuffled":
        said.append(_order(done, changed(view, block, replace(setting, tokens="in place")), lang))
    elif setting.tokens != "in place":
        left = int(done.kept.sum())
        said.append(EXPLAINED["dropped"](lang, gone=tokens - left, tokens=tokens, left=left))
    return said


def _order(done: Experiment, unmoved: Experiment, lang: Lang) -> str:
    """What the shuffle alone does, compared with the same changes with the tokens in place."""

    def changed(name: str) -> float:
        still = unmoved.after[name]
        return quotient((done.back(name) - still).abs().amax(), still.abs().amax())

    attention = max(changed(name) for name in ("mixed", "merged", "projected"))  # untrained, all of projected may be 0
    kind = "shuffled"
    if done.setting.unpermuted:
        kind = "order matters" if attention > 10 * ROUNDING else "order hidden"
    after = (
        EXPLAINED["output"](lang, output=relative_change(changed("output")))
        if "output" in done.after
        else EXPLAINED["no MLP"](lang)
    )
    return sentences(lang, [EXPLAINED[kind](lang, attention=relative_change(attention)), after])


def verdict(view: View, block: int, head: int, done: Experiment) -> str:
    """What came of the change, in a sentence or two with its numbers: of a named experiment, or of any other."""
    lang, name = view.lang, named(done.setting)
    if name == "shuffle":
        return _order(done, changed(view, block, Setting()), lang)
    if name in ("scale", "heat"):
        before, after = (
            _effective(weights, head, done.kept) for weights in (done.before["weights"], done.after["weights"])
        )
        words = {"before": decimal(before), "after": decimal(after), "tokens": len(done.kept)}
        said = VERDICTS["flatter" if words["before"] != words["after"] else "as flat"](lang, **words)
    elif name == "axis":
        low, high = _sums(_matrix(done.after["weights"], head), -1, done.kept)
        said = VERDICTS["axis hidden" if low == high == "1" else "axis"](lang, low=low, high=high)
    elif name == "permute":
        hidden = done.largest_change("weights") <= ROUNDING
        query, weights = (relative_change(done.relative_change(stage)) for stage in ("query", "weights"))
        said = VERDICTS["permute hidden" if hidden else "permute"](lang, query=query, weights=weights)
    elif name == "narrow":
        said = VERDICTS["narrow"](lang, d=done.after.sizes["d"], own=attention(view, block).d)
    elif not done.comparable("weights"):
        return _output(done, lang)
    else:
        change = done.relative_change("weights")
        kind = "weights" if change > ROUNDING else "weights same"
        said = VERDICTS[kind](lang, weights=relative_change(change))
    return sentences(lang, [said, _output(done, lang)])


def _output(done: Experiment, lang: Lang) -> str:
    """How much the block's output changed."""
    last = last_of(done)
    if done.largest_change(last) > ROUNDING:
        return VERDICTS["output"](lang, output=relative_change(done.relative_change(last)))
    adds_nothing = not (done.before["projected"].any() or done.after["projected"].any())
    return VERDICTS["output zero" if adds_nothing else "output same"](lang)


def last_of(done: Experiment) -> str:
    """The block's last stage."""
    return "output" if "output" in done.after else "residual"


# Pictures


@dataclass(frozen=True)
class Compared:
    """A quantity ``before`` and ``after``, (HW,) or (HW, HW), every token in its own place; NaN where one was dropped.

    ``difference`` is after - before where it is ``signed``, else how large what lies between them is.
    """

    before: Tensor
    after: Tensor
    difference: Tensor
    signed: bool

    def entered(self, order: Tensor) -> Tensor:
        """``after`` with token ``order[p]`` in place p."""
        return self.after[order] if self.after.ndim == 1 else self.after[order][:, order]

    def scales(self, quantity: str, apart: str) -> tuple[Scale, Scale, Scale]:
        """Of before, after and the difference; ``apart`` says what the last one measures."""
        scale = (shares if self.before.ndim == 2 else plain)(self.before, self.after, quantity=quantity)
        difference = signed(self.difference) if self.signed else Scale(0.0, plain(self.difference).high, "")
        return scale, scale, replace(off_rounding(difference, self.before), quantity=apart)


def compared(done: Experiment, head: int) -> dict[str, Compared]:
    """Weights, effective tokens, the head's output and the block's; ``head`` from 1, or MEAN."""

    def pair(a: Tensor, b: Tensor, size: Tensor | None = None) -> Compared:
        b = b.clone()
        b[~done.kept] = torch.nan
        if b.ndim == 2:
            b[:, ~done.kept] = torch.nan
        return Compared(a, b, b - a if size is None else torch.where(done.kept, size, torch.nan), size is None)

    def strong(tensor: Tensor, name: str) -> Tensor:
        return strength(tensor, name, head - 1 if head and name == "mixed" else None).cpu()

    was, now = done.before["weights"], done.back("weights")
    mixed, mixed_now = done.before["mixed"], done.back("mixed")
    between = strong(_minus(mixed_now, mixed), "mixed") if mixed.shape[1] == mixed_now.shape[1] else None
    last = last_of(done)
    output, output_now = done.before[last], done.back(last)
    return {
        "weights": pair(_matrix(was, head), _matrix(now, head)),
        "effective": pair(_by_head(spread(was[0]), head), _by_head(spread(now[0]), head)),
        "mixed": pair(strong(mixed, "mixed"), strong(mixed_now, "mixed"), between),
        "output": pair(strong(output, last), strong(output_now, last), strong(output_now - output, last)),
    }


def _matrix(weights: Tensor, head: int) -> Tensor:
    """Weights (1, heads, HW, HW) of ``head``, or their MEAN; (HW, HW), on the CPU, to be written to."""
    return (weights[0].mean(0) if head == MEAN else weights[0, head - 1].clone()).cpu()


def _by_head(rows: Tensor, head: int) -> Tensor:
    """Numbers (heads, HW) of ``head``, or their MEAN; (HW,), on the CPU."""
    return (rows.mean(0) if head == MEAN else rows[head - 1]).cpu()


def _minus(a: Tensor, b: Tensor) -> Tensor:
    """a - b of (..., d) each; a feature that one of them lacks counts as 0 there."""
    d = max(a.shape[-1], b.shape[-1])
    return torch.nn.functional.pad(a, (0, d - a.shape[-1])) - torch.nn.functional.pad(b, (0, d - b.shape[-1]))


def note(done: Experiment, name: str, head: int, lang: Lang) -> str:
    """What a group of pictures shows."""
    of = UI["all_rms"](lang) if name == "mixed" and not head else _head_name(head, lang)
    return UI[f"{name}_note"](lang, head=of, tokens=len(done.kept))


def _head_name(head: int, lang: Lang) -> str:
    return UI["head_n"](lang, n=head) if head else UI["all_heads"](lang)


def differs(group: Group) -> bool:
    """Whether a group's pictures of before and after look different, or their difference is more than rounding."""
    was, now, apart = (torch.from_numpy(tile.values) for tile in group.tiles)
    most = ROUNDING * float(was.abs().amax())
    # NaN, a dropped token's, differs.
    return not (float((now - was).abs().amax()) <= most and float(apart.abs().amax()) <= most)


def pictures(view: View, block: int, head: int, done: Experiment) -> Panel:
    """Weights, effective tokens, the head's output and the block's: before, after, difference."""
    lang, grid = view.lang, view.subject.grid
    shuffled = done.setting.tokens == "shuffled"
    shape, tokens = view.photo.height / view.photo.width, len(done.kept)
    ticks, groups = ticks_of(view.subject, "HW"), []
    for name, pair in compared(done, head).items():
        matrix = name == "weights"
        scales = pair.scales(FIGURES[QUANTITIES[name]](lang), FIGURES["apart" if pair.signed else "size"](lang))
        last = (
            ("in_place" if shuffled else "difference")
            if pair.signed
            else "distance_in_place"
            if shuffled
            else "distance"
        )
        down, across = (PANEL["query"](lang, size=tokens), PANEL["key"](lang, size=tokens)) if matrix else ("", "")
        tiles = []
        for values, scale, title in zip(
            (pair.before, pair.entered(done.order), pair.difference), scales, ("was", "is", last), strict=True
        ):
            # Where the tokens are shuffled, places are not those of the image.
            places = ({}, {}) if not matrix or (shuffled and title == "is") else (ticks, ticks)
            own = numbers(values if matrix else values.reshape(grid))
            tiles.append(Tile(own, 1.0 if matrix else shape, scale, UI[title](lang), down, across, places))
        groups.append(Group(tuple(tiles), f"{UI[name](lang)}: {note(done, name, head, lang)}", 3))
    notes = [FIGURES["units"](lang), FIGURES["root"](lang)]
    return _panel(view, block, head, done, "", UI["title"](lang), notes, groups=tuple(groups))


def _panel(
    view: View, block: int, head: int, done: Experiment, what: str, title: str, notes: list[str], **content: Any
) -> Panel:
    """Its caption says what was changed, then the ``notes``."""
    changes = "-".join(f"{name}-{value}" for name, value in address_of(done.setting).items()).lower()
    which = f"head{head}" if head else "mean"
    stem = f"what-if-block{block + 1}-{which}-{re.sub('[^a-z0-9.]+', '-', changes) or 'unchanged'}{what}"
    told = [*(said(view, block, done) or [UI["nothing"](view.lang)]), fresh(done, view.lang)]
    told = [re.sub(r"\*\*|`", "", sentence) for sentence in told if sentence]
    chosen = head - 1 if head else None
    caption = view.subject.caption(told + notes, block, chosen)
    return Panel(stem, title, view.subject.short(block, chosen), caption, **content)


# In numbers


def in_numbers(view: View, block: int, head: int, done: Experiment) -> Panel:
    """Rows and columns of the attention weights, and how much each stage changed."""
    lang = view.lang
    of_weights = Table(
        tuple(UI[name](lang) for name in ("measure", "was", "is")), tuple(_rows(done, head, lang)),
        UI["rows_table"](lang, head=_head_name(head, lang)),
    )  # fmt: skip
    stages = [
        (
            name,
            " × ".join(f"{axis} {done.after.sizes[axis]}" for axis in axes_of(name)),
            *(_change(done, name, change, lang) for change in (done.relative_change(name), done.largest_change(name))),
        )
        for name in done.after
    ]
    of_stages = Table(
        tuple(UI[name](lang) for name in ("stage", "shape", "relative", "largest")), tuple(stages),
        UI["stages_table"](lang),
    )  # fmt: skip
    return _panel(
        view, block, head, done, "-numbers", UI["did"](lang), [numbers_note(lang)], tables=(of_weights, of_stages)
    )


def numbers_note(lang: Lang) -> str:
    """What the tables' numbers are taken over, and which of them are rounding."""
    return UI["table_note"](lang, rounding=f"{ROUNDING:.0e}".replace("e-0", "e−"))


def _rows(done: Experiment, head: int, lang: Lang) -> list[tuple[str, ...]]:
    """Effective tokens, sums of rows and of columns: the name, before, after; over the tokens kept."""
    cells: dict[str, list[str]] = {"effective_row": [], "row_sums": [], "column_sums": []}
    everyone = torch.ones_like(done.kept)
    for weights, those in ((done.before["weights"], everyone), (done.back("weights"), done.kept)):
        cells["effective_row"].append(decimal(_effective(weights, head, those)))
        for name, axis in (("row_sums", -1), ("column_sums", -2)):
            low, high = _sums(_matrix(weights, head), axis, those)
            cells[name].append(low if low == high else f"{low} … {high}")
    count = done.before["weights"].shape[-1]
    return [(UI[name](lang, tokens=count), *row) for name, row in cells.items()]


def _effective(weights: Tensor, head: int, kept: Tensor) -> float:
    """Effective tokens of a row of weights (1, heads, HW, HW), the mean over the tokens ``kept`` (HW,)."""
    return float(_by_head(spread(weights[0]), head)[kept].nanmean())


def _sums(matrix: Tensor, axis: int, kept: Tensor) -> tuple[str, str]:
    """The smallest and the largest sum of (HW, HW) along ``axis``, of the tokens ``kept`` (HW,)."""
    sums = matrix.sum(axis)[kept]
    return f"{float(sums.amin()):.3g}", f"{float(sums.amax()):.3g}"


def _change(done: Experiment, name: str, value: float, lang: Lang) -> str:
    if math.isinf(value):
        return UI["from_zero"](lang)
    if math.isnan(value):
        return UI["infinite" if done.comparable(name) else "incomparable"](lang)
    return UI["rounding"](lang, value=relative_change(value)) if 0 < value <= ROUNDING else relative_change(value)
