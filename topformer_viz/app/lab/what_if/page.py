"""What if? Switches on the attention of the chosen block, and what each setting does to weights, heads and output."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import permutations
from typing import Any, cast

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from topformer_viz.app.canvas.linked import KEPT, Pictures
from topformer_viz.app.canvas.markup import axis_css, shape_html
from topformer_viz.app.frame.address import Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.scales import ROUNDING, off_rounding, plain, shares, signed
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.figures.subject import numbers, ticks_of
from topformer_viz.network.model import Attention
from topformer_viz.run.stages import axes_of
from topformer_viz.run.tracing import block_of
from topformer_viz.study.what_if import (
    ACTIVATIONS,
    AXES,
    HEADS,
    KEY_DIMS,
    PIXELS,
    RATIOS,
    TEMPERATURES,
    UNPERMUTED,
    Experiment,
    Setting,
    experiment,
    quotient,
    spread,
    strength,
)
from topformer_viz.words.numbers import relative_change
from topformer_viz.words.text import Lang, Text

OWN = 0  # in the place of a size: the module's own
MEAN = 0  # in the place of a head: the mean of all
MAX_DRAW = 999

UI = {
    "intro": Text(
        "Change the attention of one block and run it again, on your picture. Several changes at once are allowed. “Before” is what "
        "the block gave, “after” what it gives now; below or beside them stands the difference.",
        "改动一个模块的注意力，再在你的图片上运行一次。可以同时改动几处。“改动前”是原来的结果，“改动后”是现在的结果，旁边或下面是两者之差。",
    ),
    "block": Text("Block", "模块"),
    "head": Text("Head", "头"),
    "mean": Text("mean", "平均"),
    "scaled": Text("Divide by √key_dim", "除以 √key_dim"),
    "temperature": Text("Temperature", "温度"),
    "over": Text("Softmax along", "softmax 的方向"),
    "keys": Text("keys: each row", "键（每一行）"),
    "queries": Text("queries: each column", "查询（每一列）"),
    "unpermuted": Text("Reshape without permute", "只 reshape，不 permute"),
    "activation": Text("ReLU6", "ReLU6"),
    "before": Text("before the projection", "投影之前"),
    "after": Text("after it", "投影之后"),
    "ratio": Text("attn_ratio", "attn_ratio"),
    "heads": Text("Heads", "头数"),
    "key_dim": Text("key_dim", "key_dim"),
    "pixels": Text("Pixels", "像素"),
    "in place": Text("in place", "原位"),
    "shuffled": Text("shuffled", "打乱"),
    "quarter": Text("¼ dropped", "拿掉 ¼"),
    "half": Text("½ dropped", "拿掉 ½"),
    "draw": Text("Random draw", "随机抽取"),
    "draw_help": Text(
        "Seeds the order of shuffled pixels, which ones are dropped, and fresh weights.", "决定打乱的顺序、拿掉哪些像素，以及随机的新权重。"
    ),
    "reset": Text("Reset", "全部复原"),
    "nothing": Text(
        "Nothing is changed yet: all differences are exactly 0. Each switch changes one thing.", "还没有改动任何东西：所有的差都恰好为 0。每个开关改动一处。"
    ),
    "tokens": Text("The tokens", "输入的像素"),
    "weights": Text("Attention weights", "注意力权重"),
    "effective": Text("Effective tokens", "有效 token 数"),
    "mixed": Text("Per-head output", "每个头的输出"),
    "output": Text("The block's output", "模块的输出"),
    "head_n": Text("head {n}", "第 {n} 个头"),
    "all_heads": Text("mean of the heads", "各头平均"),
    "all_rms": Text("all heads", "全部的头"),
    "weights_note": Text("{head}; a row is what one pixel reads", "{head}；一行是一个像素读到的"),
    "effective_note": Text("of each row, {head}: 1 reads one pixel, {tokens} all alike", "每行的，{head}：1 表示只读一个像素，{tokens} 表示一视同仁"),
    "mixed_note": Text("{head}; root mean square over the features", "{head}；各特征的均方根"),
    "output_note": Text("root mean square over the channels", "各通道的均方根"),
    "tokens_note": Text("{rows} × {columns} pixels of the token grid", "特征网格的 {rows} × {columns} 个像素"),
    "was": Text("before", "改动前"),
    "is": Text("after", "改动后"),
    "difference": Text("difference", "差"),
    "distance": Text("size of the difference", "差的大小"),
    "in_place": Text("difference, put back in place", "归位后的差"),
    "distance_in_place": Text("its size, put back in place", "归位后差的大小"),
    "did": Text("What it did, in numbers", "用数字看结果"),
    "rows_table": Text("Rows and columns of the weights: {head}", "权重的行与列：{head}"),
    "stages_table": Text("How far each stage moved", "每个阶段变了多少"),
    "measure": Text("measured", "测量"),
    "stage": Text("stage", "阶段"),
    "shape": Text("shape", "形状"),
    "relative": Text("‖difference‖ / ‖before‖", "‖差‖ / ‖改动前‖"),
    "largest": Text("largest |difference| / largest |before|", "最大 |差| / 最大 |改动前|"),
    "effective_row": Text("effective tokens a row, of {tokens}", "每行的有效 token 数，共 {tokens} 个"),
    "row_sums": Text("sum of a row, least and most", "行和，最小到最大"),
    "column_sums": Text("sum of a column, least and most", "列和，最小到最大"),
    "rounding": Text("{value}: rounding", "{value}，舍入误差"),
    "incomparable": Text("another shape", "形状不同"),
    "from_zero": Text("all was 0 before", "改动前全为 0"),
    "infinite": Text("not finite", "有无穷大"),
    "table_note": Text(
        "Differences are taken pixel by pixel, each put back in its own place, over the pixels kept. A difference below {rounding} of the "
        "largest entry is float32's rounding. Effective tokens are those of rows that are first brought to the sum 1.",
        "差是逐像素取的：每个像素先归位，只算留下的像素。小于最大元素 {rounding} 的差，是 float32 的舍入误差。有效 token 数先把每一行化为和为 1 再算。",
    ),
    "title": Text("The block before and after the change", "改动前后的模块"),
}  # fmt: skip

FRESH = Text(
    "Fresh random weights in {layers}: with other sizes the block's own do not fit. They are drawn as the authors' initialiser draws "
    "them, BatchNorm measured on this picture. Shapes and arithmetic are real; which pixel reads which is chance, not a finding.",
    "{layers} 换成了随机的新权重：尺寸变了，原来的权重放不进去。新权重按作者的初始化方法抽取，BatchNorm 的统计量取自这张图。"
    "形状和运算都是真的；哪个像素读哪个只是偶然，不说明规律。",
)
PARTLY = Text(
    "The value's added features, in {layers}, have fresh random weights; its old features and all other layers keep their own. So what is "
    "added is chance, not a finding.",
    "值新增的特征（在 {layers} 中）用的是随机的新权重；原有的特征和其余各层保留自己的权重。新增的部分只是偶然，不说明规律。",
)
EXPLAINED: dict[str, Text] = {
    "scaled": Text(
        "**Divided by √key_dim = {root}.** Smaller scores lie closer together, so softmax spreads each row over more pixels. TopFormer "
        "leaves this out; the gains of BatchNorm on query and key can learn it.",
        "**除以 √key_dim = {root}**。得分变小，彼此更接近，softmax 就把每一行分给更多像素。TopFormer 没有这一步；query 和 key 的 BatchNorm "
        "增益可以学到它。",
    ),
    "temperature": Text(
        "**Temperature {temperature}.** Scores are divided by it before softmax: above 1 the weights even out, below 1 they sharpen.",
        "**温度 {temperature}**。softmax 之前，得分先除以它：大于 1，权重变平缓；小于 1，变尖锐。",
    ),
    "over": Text(
        "**Softmax along the wrong axis.** Now each column sums to 1: every pixel hands out one unit of attention to those who ask, and nobody "
        "sees to it that a pixel's own row sums to 1. Shapes are the same, and no error is raised.",
        "**softmax 用错了轴**。现在每一列之和为 1：每个像素把一份注意力分给来问的像素，而没有谁保证每一行之和为 1。形状不变，也不报错。",
    ),
    "unpermuted": Text(
        "**Reshape without permute ({stages}).** The shape is the one it should be, but the numbers are read off in the wrong order: heads stay "
        "apart, and within each head pixels and features are mixed up. So a “pixel” is now a piece of several pixels, and the order of pixels "
        "matters where it should not: shuffle them and see.",
        "**只 reshape，不 permute（{stages}）**。形状没有错，但数字的读取顺序错了：各头仍然分开，而在每个头里，像素和特征被打乱。"
        "于是一个“像素”成了几个像素的碎片，本来无关紧要的像素顺序也有了影响：打乱试试看。",
    ),
    "activation": Text(
        "**ReLU6 after the projection.** The heads are now mixed first and cut off afterwards, so the branch can only add numbers from 0 to 6, "
        "never take away.",
        "**ReLU6 放到投影之后**。先混合各头，再截断，所以这个分支只能加上 0 到 6 之间的数，不能减。",
    ),
    "narrow": Text(
        "**attn_ratio {ratio}: d = {d}.** As in ViT, the value is now as wide as the key. Of each head's {own} features the first {d} stay, with their own "
        "weights; the rest never reach the projection.",
        "**attn_ratio {ratio}：d = {d}**。像 ViT 那样，值和键一样宽。每个头的 {own} 个特征只留下前 {d} 个，权重不变；其余的到不了投影。",
    ),
    "wide": Text(
        "**attn_ratio {ratio}: d = {d}.** Each head's value is wider: {own} features as before, and {more} new ones. Weights and scores do not "
        "depend on it: the value plays no part in them.",
        "**attn_ratio {ratio}：d = {d}**。每个头的值变宽：原来的 {own} 个特征，加上 {more} 个新的。得分和权重与它无关：值不参与它们的计算。",
    ),
    "sizes": Text(
        "**heads = {heads}, key_dim = {key_dim}.** So nh_kd = {nh_kd} and dh = {dh}. What changes comes from the sizes and from the fresh weights.",
        "**heads = {heads}，key_dim = {key_dim}**。于是 nh_kd = {nh_kd}，dh = {dh}。变化既来自尺寸，也来自新的随机权重。",
    ),
    "shuffled": Text(
        "**Pixels shuffled.** Attention does not know where a pixel lies: put back in order and set beside the same module "
        "unshuffled, what it gives has moved by {attention} of its largest entry: rounding, no more.",
        "**像素被打乱**。注意力不知道像素的位置：归位之后，与不打乱的同一个模块相比，它的输出只变了最大元素的 {attention}，仅是舍入误差。",
    ),
    "order matters": Text(
        "**Pixels shuffled.** With the reshape gone wrong even attention depends on the order: put back and set beside the same module "
        "unshuffled, what it gives has moved by {attention} of its largest entry.",
        "**像素被打乱**。reshape 出了错，连注意力也依赖像素的顺序：归位之后，与不打乱的同一个模块相比，它的输出变了最大元素的 {attention}。",
    ),
    "order hidden": Text(
        "**Pixels shuffled.** The reshape gone wrong makes attention depend on the order, but here the pixels are so alike that it hardly shows: put "
        "back and set beside the same module unshuffled, what it gives has moved by {attention} of its largest entry.",
        "**像素被打乱**。reshape 出了错，注意力便依赖像素的顺序，但这里各像素太相似，几乎看不出来：归位之后，与不打乱的同一个模块相比，"
        "它的输出只变了最大元素的 {attention}。",
    ),
    "output": Text(
        "After the MLP, whose 3 × 3 convolution looks at neighbours, the block's output has moved by {output}: other neighbours, other numbers.",
        "MLP 里的 3×3 卷积要看相邻像素，经过它之后，模块的输出变了 {output}：邻居不同，结果就不同。",
    ),
    "no MLP": Text(
        "This model has no MLP; choose a TopFormer to see where the order comes in.",
        "这个模型没有 MLP；选一个 TopFormer，就能看到顺序从哪里进来。",
    ),
    "dropped": Text(
        "**{gone} of {tokens} pixels dropped.** They are neither read nor do they read: all weight goes to the {left} that are left. "
        "Nothing in the attention needs a full grid.",
        "**拿掉了 {tokens} 个像素中的 {gone} 个**。它们不被读，也不去读：权重全部归剩下的 {left} 个。注意力并不需要完整的网格。",
    ),
}  # fmt: skip

DEFAULTS: dict[str, Any] = {
    "scaled": False, "temperature": 1.0, "over": "keys", "unpermuted": [], "activation": "before", "ratio": OWN,
    "heads": OWN, "key_dim": OWN, "pixels": "in place", "draw": 1,
}  # fmt: skip


def show(view: View) -> None:
    """Draw this part of the lab."""
    st.markdown(UI["intro"](view.lang), width=PROSE)
    _restore(view)
    _experiment(view)


ALLOWED: dict[str, Any] = {
    "scaled": {"true": True}, "temperature": {f"{t:g}": t for t in TEMPERATURES}, "over": AXES, "activation": ACTIVATIONS,
    "ratio": RATIOS, "heads": HEADS, "key_dim": KEY_DIMS, "pixels": PIXELS, "draw": range(1, MAX_DRAW + 1),
}  # fmt: skip


def takes(view: View) -> Takes:
    """What an address can say of this part of the lab."""
    sizes = view.run.sizes
    named = [".".join(names) for n in range(1, len(UNPERMUTED) + 1) for names in permutations(UNPERMUTED, n)]
    heads = min(sizes["heads"], one_of(st.query_params, "heads", HEADS, sizes["heads"]))
    own = {"unpermuted": named, "head": range(1, heads + 1), **dict.fromkeys(KEPT, range(1, sizes["HW"] + 1))}
    return ALLOWED | own


def _value(asked: Mapping[str, str], name: str) -> Any:
    """A switch as an address spells it, or its default."""
    if name == "unpermuted":
        named = asked.get(name, "").split(".")
        return [stage for stage in UNPERMUTED if stage in named]
    found = one_of(asked, name, ALLOWED[name], None)
    # As the browser writes them, which knows true and 2 and not True and 2.0.
    found = ALLOWED[name].get(found) if isinstance(ALLOWED[name], dict) else found
    return DEFAULTS[name] if found is None else found


def _restore(view: View) -> None:
    """The switches as the address has them, at the session's start."""
    state = st.session_state
    for name in DEFAULTS:
        if f"lab_{name}" not in state:
            state[f"lab_{name}"] = _value(st.query_params, name)
    if "lab_head" not in state:
        state.lab_head = view.asked.get("head", MEAN)


@part
def _experiment(view: View) -> None:
    """The switches and what they lead to; a change reruns this part alone."""
    lang, run = view.lang, view.run
    switches, results = st.columns((1, 3.2), gap="medium")
    with switches:
        blocks = range(1, view.model.num_blocks + 1)
        block = st.segmented_control(UI["block"](lang), blocks, required=True, **pick("block", blocks)) - 1
        own = _attention(view, block)
        setting = _switches(own, lang)
        st.button(UI["reset"](lang), on_click=_reset, disabled=setting == Setting(draw=setting.draw))
    done = _done(view, block, setting)
    with results:
        options = [*range(1, min(run.sizes["heads"], done.after.sizes["heads"]) + 1), MEAN]
        head = st.segmented_control(
            UI["head"](lang), options, format_func=lambda n: str(n) if n else UI["mean"](lang), required=True,
            **pick("lab_head", options, MEAN),
        )  # fmt: skip
        _say(done, own, lang, _unmoved(view, block, done))
        _pictures(view, done, head)
    st.subheader(UI["did"](lang), anchor="numbers")
    st.html(f"<style>.changes {{ {axis_css()} }}{STYLE}</style>")
    st.html(f'<div class="changes">{_rows_table(done, head, lang)}{_stages_table(done, lang)}</div>')
    write_address(view, {"part": "what-if", "block": block + 1, "head": head or None, **_address(done.setting)}, KEPT)


def _address(setting: Setting) -> dict[str, Any]:
    """What is changed, as it stands in the address."""
    unchanged = Setting()
    values = {name: getattr(setting, name) for name in DEFAULTS if getattr(setting, name) != getattr(unchanged, name)}
    if setting.unpermuted:
        values["unpermuted"] = ".".join(setting.unpermuted)
    return values


def _unmoved(view: View, block: int, done: Experiment) -> Experiment | None:
    """Of shuffled pixels: the same changes with the pixels in place, to tell what the order alone does."""
    if done.setting.pixels != "shuffled":
        return None
    return _done(view, block, replace(done.setting, pixels="in place"))


def _attention(view: View, block: int) -> Attention:
    module = block_of(view.model, block, torch.device(view.run.device))
    return module if isinstance(module, Attention) else cast(Attention, module.attn)


def _switches(own: Attention, lang: Lang) -> Setting:
    """Every switch, and the setting they make."""

    def of(name: str) -> str:
        return UI[name](lang)

    def choose(name: str, options: Sequence[Any], shown: Callable[[Any], str] = of, width: Any = "stretch") -> Any:
        picked = pick(f"lab_{name}", options, DEFAULTS[name])
        return st.selectbox(of(name), options, format_func=shown, width=width, **picked)

    def size(name: str, options: tuple[int, ...], mine: int) -> int:
        """A size; OWN, in its place among the others, stays the module's own whatever model comes next."""
        values = sorted({OWN, *options} - {mine}, key=lambda n: n or mine)
        return choose(name, values, lambda n: str(n or mine), 84)

    with _row():
        scaled = st.toggle(of("scaled"), **pick("lab_scaled"))
        temperature = choose("temperature", TEMPERATURES, lambda t: f"{t:g}")
    over = choose("over", AXES)
    unpermuted = st.pills(of("unpermuted"), UNPERMUTED, selection_mode="multi", **pick("lab_unpermuted"))
    activation = choose("activation", ACTIVATIONS)
    with _row():
        ratio = size("ratio", RATIOS, own.d // own.key_dim)
        heads = size("heads", HEADS, own.num_heads)
        key_dim = size("key_dim", KEY_DIMS, own.key_dim)
    with _row():
        pixels = choose("pixels", PIXELS)
        draw = st.number_input(
            of("draw"), 1, MAX_DRAW, help=of("draw_help"), **pick("lab_draw", range(1, MAX_DRAW + 1))
        )
    return _setting(
        {
            "scaled": scaled, "temperature": temperature, "over": over, "unpermuted": unpermuted, "activation": activation,
            "ratio": ratio, "heads": heads, "key_dim": key_dim, "pixels": pixels, "draw": draw,
        }
    ).of(own)  # fmt: skip


def _setting(values: Mapping[str, Any]) -> Setting:
    """What the switches make; OWN stands for a size left as it is."""
    sizes = {name: values[name] or None for name in ("ratio", "heads", "key_dim")}
    unpermuted = tuple(stage for stage in UNPERMUTED if stage in values["unpermuted"])
    return Setting(**{**values, **sizes, "unpermuted": unpermuted, "draw": int(values["draw"])})


def _row() -> DeltaGenerator:
    """Side by side, on a phone too."""
    return st.container(horizontal=True, vertical_alignment="bottom", gap="small")


def _reset() -> None:
    for name, value in DEFAULTS.items():
        st.session_state[f"lab_{name}"] = value


def _done(view: View, block: int, setting: Setting) -> Experiment:
    return view.keep((*view.key, "changes", block, setting), lambda: experiment(view.model, view.run, block, setting))


def _say(done: Experiment, own: Attention, lang: Lang, unmoved: Experiment | None) -> None:
    """What was changed, and which weights are fresh."""
    st.markdown("\n\n".join(_said(done, own, lang, unmoved)) or UI["nothing"](lang), width=PROSE)
    if note := _fresh(done, lang):
        st.warning(note)


def _fresh(done: Experiment, lang: Lang) -> str:
    """Which weights are fresh, if any."""
    layers = ", ".join(f"`{layer}`" for layer in done.fresh)
    return (PARTLY if done.carried else FRESH)(lang, layers=layers) if done.fresh else ""


def _said(done: Experiment, own: Attention, lang: Lang, unmoved: Experiment | None) -> list[str]:
    """One sentence or two for each change."""
    setting, sizes = done.setting, done.after.sizes
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
        d = sizes["d"]
        which = "narrow" if d < own.d else "wide"
        said.append(EXPLAINED[which](lang, ratio=setting.ratio, d=d, own=own.d, more=d - own.d))
    tokens = len(done.kept)
    if unmoved:
        said.append(_order(done, unmoved, lang))
    elif setting.pixels != "in place":
        left = int(done.kept.sum())
        said.append(EXPLAINED["dropped"](lang, gone=tokens - left, tokens=tokens, left=left))
    return said


def _order(done: Experiment, unmoved: Experiment, lang: Lang) -> str:
    """What the shuffle alone does, beside the same changes with the pixels in place."""

    def moved(name: str) -> float:
        still = unmoved.after[name]
        return quotient((done.back(name) - still).abs().amax(), still.abs().amax())

    attention = max(moved(name) for name in ("mixed", "merged", "projected"))  # as built all of projected is 0
    kind = "shuffled"
    if done.setting.unpermuted:
        kind = "order matters" if attention > 10 * ROUNDING else "order hidden"
    said = EXPLAINED[kind](lang, attention=relative_change(attention))
    after = (
        EXPLAINED["output"](lang, output=relative_change(moved("output")))
        if "output" in done.after
        else EXPLAINED["no MLP"](lang)
    )
    return said + ("" if lang == "zh" else " ") + after


# Pictures


@dataclass(frozen=True)
class Compared:
    """A quantity ``before`` and ``after``, (HW,) or (HW, HW), every pixel in its own place; NaN where one was dropped.

    ``difference`` is after - before where it is ``signed``, else how large what lies between them is. ``scale`` is that
    of both, ``apart`` the difference's, as ``Pictures`` takes them.
    """

    before: Tensor
    after: Tensor
    difference: Tensor
    signed: bool
    scale: Scale
    apart: Scale

    def entered(self, order: Tensor) -> Tensor:
        """``after`` with pixel ``order[p]`` in place p."""
        return self.after[order] if self.after.ndim == 1 else self.after[order][:, order]


def compared(done: Experiment, head: int) -> dict[str, Compared]:
    """Weights, effective tokens, the head's output and the block's; ``head`` from 1, or MEAN."""
    gone = ~done.kept

    def pair(a: Tensor, b: Tensor, size: Tensor | None = None, signed_change: bool = True) -> Compared:
        b = b.clone()
        b[gone] = torch.nan
        if b.ndim == 2:
            b[:, gone] = torch.nan
        scale = shares(a, b) if b.ndim == 2 else plain(a, b)
        if signed_change:
            return Compared(a, b, b - a, True, scale, off_rounding(signed(b - a), a))
        size = torch.full_like(a, torch.nan) if size is None else torch.where(gone, torch.nan, size)
        return Compared(a, b, size, False, scale, off_rounding(Scale(0.0, plain(size).high, ""), a))

    was, now = done.before["weights"], done.back("weights")
    found = {
        "weights": pair(_matrix(was, head), _matrix(now, head)),
        "effective": pair(_by_head(spread(was[0]), head), _by_head(spread(now[0]), head)),
    }
    chosen = head - 1 if head else None
    a, b = (strength(t, "mixed", chosen).cpu() for t in (done.before["mixed"], done.back("mixed")))
    if done.before["mixed"].shape[1] == done.after["mixed"].shape[1]:
        apart = strength(_minus(done.back("mixed"), done.before["mixed"]), "mixed", chosen).cpu()
        found["mixed"] = pair(a, b, apart, signed_change=False)
    else:
        found["mixed"] = pair(a, b)
    last = "output" if "output" in done.after else "residual"
    a, b, apart = (
        strength(t, last).cpu() for t in (done.before[last], done.back(last), done.back(last) - done.before[last])
    )
    return found | {"output": pair(a, b, apart, signed_change=False)}


def _note(done: Experiment, name: str, head: int, lang: Lang) -> str:
    """What a group of pictures shows."""
    of = UI["all_rms"](lang) if name == "mixed" and not head else _head_name(head, lang)
    return UI[f"{name}_note"](lang, head=of, tokens=len(done.kept))


def _head_name(head: int, lang: Lang) -> str:
    return UI["head_n"](lang, n=head) if head else UI["all_heads"](lang)


def _pictures(view: View, done: Experiment, head: int) -> None:
    """Tokens, weights, effective tokens, the head's output and the block's: before, after, difference."""
    lang, grid = view.lang, (view.run.sizes["H"], view.run.sizes["W"])
    pictures = Pictures(grid)
    moved = done.setting.pixels == "shuffled"
    order = done.order if moved else None
    was, now = UI["was"](lang), UI["is"](lang)
    difference = UI["in_place" if moved else "difference"](lang)
    size = UI["distance_in_place" if moved else "distance"](lang)

    rows, columns = grid
    pictures.group(
        UI["tokens"](lang), [pictures.photo(was), pictures.photo(now, order, done.kept)],
        UI["tokens_note"](lang, rows=rows, columns=columns),
    )  # fmt: skip
    found = compared(done, head)
    for name, pair in found.items():
        draw = pictures.matrix if name == "weights" else pictures.map
        pictures.group(
            UI[name](lang),
            [
                draw(was, pair.before, pair.scale),
                draw(now, pair.entered(done.order), pair.scale, order),
                draw(difference if pair.signed else size, pair.difference, pair.apart),
            ],
            _note(done, name, head, lang),
        )
    before = found["weights"].before
    middle = (rows // 2) * columns + columns // 2
    here = done.kept.nonzero().flatten()  # a dropped pixel has nothing to show
    first = int(here[(here - middle).abs().argmin()])
    most = int(here[before[first, here].argmax()])
    pictures.show("lab_changes", UI["title"](lang), view.photo, lang, (first, most))


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


# Tables


def _rows_table(done: Experiment, head: int, lang: Lang) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, *cells in _rows(done, head, lang)
    )
    return _table(UI["rows_table"](lang, head=_head_name(head, lang)), ("measure", "was", "is"), body, lang)


def _rows(done: Experiment, head: int, lang: Lang) -> list[tuple[str, ...]]:
    """Effective tokens, sums of rows and of columns: the name, before, after; over the pixels kept."""
    kept = done.kept.nonzero()[:, 0]
    cells: dict[str, list[str]] = {"effective_row": [], "row_sums": [], "column_sums": []}
    for weights, pixels in ((done.before["weights"], None), (done.back("weights"), kept)):
        matrix = _matrix(weights, head)
        effective = _by_head(spread(weights[0]), head)
        cells["effective_row"].append(f"{float((effective if pixels is None else effective[pixels]).nanmean()):.1f}")
        for name, axis in (("row_sums", -1), ("column_sums", -2)):
            sums = matrix.sum(axis)
            sums = sums if pixels is None else sums[pixels]
            low, high = f"{float(sums.amin()):.3g}", f"{float(sums.amax()):.3g}"
            cells[name].append(low if low == high else f"{low} … {high}")
    tokens = done.before["weights"].shape[-1]
    return [(UI[name](lang, tokens=tokens), *row) for name, row in cells.items()]


def _stages(done: Experiment, lang: Lang) -> list[tuple[str, list[str]]]:
    """Every stage of the block and how far it moved, in words."""
    return [
        (name, [_change(done, name, value, lang) for value in (done.relative_change(name), done.largest_change(name))])
        for name in done.after
    ]


def _stages_table(done: Experiment, lang: Lang) -> str:
    """Every stage of the block with its shape and how far it moved."""
    body = []
    for name, changes in _stages(done, lang):
        shape = shape_html(name, done.after.sizes)
        still = ' class="still"' if done.largest_change(name) <= ROUNDING else ""
        cells = "".join(f"<td>{cell}</td>" for cell in changes)
        body.append(f'<tr{still}><th scope="row"><code>{name}</code></th><td class="shape">{shape}</td>{cells}</tr>')
    table = _table(UI["stages_table"](lang), ("stage", "shape", "relative", "largest"), "".join(body), lang)
    return (
        f'{table}<p class="note">{escape(UI["table_note"](lang, rounding=f"{ROUNDING:.0e}".replace("e-0", "e−")))}</p>'
    )


def _change(done: Experiment, name: str, value: float, lang: Lang) -> str:
    if math.isinf(value):
        return UI["from_zero"](lang)
    if math.isnan(value):
        return UI["infinite" if done.comparable(name) else "incomparable"](lang)
    return UI["rounding"](lang, value=relative_change(value)) if 0 < value <= ROUNDING else relative_change(value)


def _table(caption: str, columns: tuple[str, ...], body: str, lang: Lang) -> str:
    head = "".join(f'<th scope="col">{escape(UI[name](lang))}</th>' for name in columns)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


# Figures

FIGURES = {
    "pictures": Text("Before, after and difference", "改动前、改动后与差"),
    "numbers": Text("What it did, in numbers", "用数字看结果"),
    "weight": Text("weight", "权重"),
    "tokens": Text("tokens", "token 数"),
    "rms": Text("root mean square", "均方根"),
    "apart": Text("after − before", "后 − 前"),
    "size": Text("of the difference", "差的均方根"),
    "units": Text("Weights are shares of a row; they and root mean squares have no unit.", "权重是占一行的份额；权重和均方根都没有单位。"),
    "root": Text("In the matrices of weights colour grows with the square root.", "权重矩阵的颜色随平方根变化。"),
}  # fmt: skip
QUANTITIES = {"weights": "weight", "effective": "tokens", "mixed": "rms", "output": "rms"}


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [
        Offer("pictures", FIGURES["pictures"], lambda asked: _pictured(view, asked)),
        Offer("numbers", FIGURES["numbers"], lambda asked: _in_numbers(view, asked)),
    ]


def _asked(view: View, asked: Mapping[str, str]) -> tuple[int, int, Experiment, list[str]]:
    """Block, from 0, head, from 1 or MEAN, the experiment and its caption, as the address has them."""
    block = one_of(asked, "block", range(1, view.model.num_blocks + 1), 1) - 1
    own = _attention(view, block)
    done = _done(view, block, _setting({name: _value(asked, name) for name in DEFAULTS}).of(own))
    heads = min(view.run.sizes["heads"], done.after.sizes["heads"])
    said = _said(done, own, view.lang, _unmoved(view, block, done)) or [UI["nothing"](view.lang)]
    if note := _fresh(done, view.lang):
        said.append(note)
    return block, one_of(asked, "head", range(1, heads + 1), MEAN), done, [re.sub(r"\*\*|`", "", part) for part in said]


def _stem(done: Experiment, block: int, head: int) -> str:
    changed = "-".join(f"{name}-{value}" for name, value in _address(done.setting).items()).lower()
    which = f"head{head}" if head else "mean"
    return f"what-if-block{block + 1}-{which}-{re.sub('[^a-z0-9.]+', '-', changed) or 'unchanged'}"


def _pictured(view: View, asked: Mapping[str, str]) -> Panel:
    """Weights, effective tokens, the head's output and the block's: before, after, difference."""
    lang, grid = view.lang, view.subject.grid
    block, head, done, said = _asked(view, asked)
    moved = done.setting.pixels == "shuffled"
    shape, tokens = view.photo.height / view.photo.width, len(done.kept)
    ticks = ticks_of(view.subject, "HW")
    groups = []
    for name, pair in compared(done, head).items():
        matrix = name == "weights"
        quantity = FIGURES[QUANTITIES[name]](lang)
        apart = FIGURES["apart" if pair.signed else "size"](lang)
        scales = [replace(pair.scale, quantity=quantity)] * 2 + [replace(pair.apart, quantity=apart)]
        last = ("in_place" if moved else "difference") if pair.signed else "distance_in_place" if moved else "distance"
        down, across = (PANEL["query"](lang, size=tokens), PANEL["key"](lang, size=tokens)) if matrix else ("", "")
        tiles = []
        for values, scale, title in zip(
            (pair.before, pair.entered(done.order), pair.difference), scales, ("was", "is", last), strict=True
        ):
            # Where the pixels are shuffled, places are not those of the picture.
            places = ({}, {}) if not matrix or (moved and title == "is") else (ticks, ticks)
            own = numbers(values if matrix else values.reshape(grid))
            tiles.append(Tile(own, 1.0 if matrix else shape, scale, UI[title](lang), down, across, places))
        groups.append(Group(tuple(tiles), f"{UI[name](lang)}: {_note(done, name, head, lang)}", 3))
    said += [FIGURES["units"](lang), FIGURES["root"](lang)]
    title = UI["title"](lang)
    about = view.subject.short(block, head - 1 if head else None)
    return Panel(
        _stem(done, block, head),
        title,
        about,
        view.subject.caption(said, block, head - 1 if head else None),
        groups=tuple(groups),
    )


def _in_numbers(view: View, asked: Mapping[str, str]) -> Panel:
    """Rows and columns of the weights, and how far each stage moved."""
    lang = view.lang
    block, head, done, said = _asked(view, asked)
    tables = (
        Table(tuple(UI[name](lang) for name in ("measure", "was", "is")), tuple(_rows(done, head, lang)), UI["rows_table"](lang, head=_head_name(head, lang))),
        Table(
            tuple(UI[name](lang) for name in ("stage", "shape", "relative", "largest")),
            tuple((name, " × ".join(f"{axis} {done.after.sizes[axis]}" for axis in axes_of(name)), *changes) for name, changes in _stages(done, lang)),
            UI["stages_table"](lang),
        ),
    )  # fmt: skip
    said.append(UI["table_note"](lang, rounding=f"{ROUNDING:.0e}".replace("e-0", "e−")))
    chosen = head - 1 if head else None
    return Panel(
        f"{_stem(done, block, head)}-numbers", UI["did"](lang), view.subject.short(block, chosen),
        view.subject.caption(said, block, chosen), tables=tables,
    )  # fmt: skip


STYLE = """
.changes { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1rem 3rem; align-items: start; --faint: color-mix(in srgb, currentColor 18%, transparent); }
.changes table { width: 100%; border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
.changes caption { caption-side: top; text-align: left; font-weight: 600; padding: 0 0 0.4rem; color: inherit; }
.changes :is(th, td) { border: 0; border-bottom: 1px solid var(--faint); padding: 4px 12px 4px 0; text-align: right; vertical-align: bottom; line-height: 1.35; }
.changes :is(th:first-child, .shape) { text-align: left; }
.changes th { font-weight: 500; }
.changes thead th { border-bottom: 2px solid currentColor; font-weight: 600; }
.changes thead th:nth-child(2):not(:nth-last-child(2)) { text-align: left; }
.changes .still td { opacity: 0.62; }
.changes .axis { font-weight: 600; white-space: nowrap; }
.changes .note { grid-column: 1 / -1; margin: 0; font-size: 0.84rem; opacity: 0.75; max-width: 110ch; }
@media (max-width: 1180px) { .changes { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 640px) { .changes table { font-size: 0.78rem; } .changes :is(th, td) { padding-right: 6px; } }
"""
