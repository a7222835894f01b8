"""A run and what may be said of it, for figures."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PIL import Image
from torch import Tensor

from topformer_viz.figures.panel import Array
from topformer_viz.network.classes import ClassSet
from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.run.tracing import Trace
from topformer_viz.words.misspelt import known
from topformer_viz.words.names import HEAD_N, NOT_EVIDENCE, QUESTION_NAMES
from topformer_viz.words.text import Lang, Text

PHOTO_SIDE = 1024  # longest side, in image pixels, of a photograph in a figure


UI = {
    "named_head": Text("head {n} ({name})", "头 {n}（{name}）"),
    "block": Text("block {block}", "块 {block}"),
    "axis": Text("{axis} ({size})", "{axis}（{size}）"),
    "query": Text("query i ({size} tokens)", "查询 i（{size} 个 token）"),
    "key": Text("key j ({size} tokens)", "键 j（{size} 个 token）"),
    "tokens": Text("tokens ({size})", "token（{size}）"),
    "x": Text("x (image pixels)", "x（图像像素）"),
    "y": Text("y (image pixels)", "y（图像像素）"),
    "channels": Text("{n} channels", "{n} 个通道"),
    "features": Text("{n} features", "{n} 个特征"),
    "first": Text("the first {n} channels", "前 {n} 个通道"),
    "own_ranges": Text("Each channel from its smallest to its largest entry.", "每个通道各自从最小元素画到最大元素。"),
    "strength": Text("root mean square over {d} features (no unit)", "{d} 个特征的均方根（无单位）"),
    "quantity": Text("{stage} (no unit)", "{stage}（无单位）"),
    "share": Text("attention weight (share of a row, no unit)", "注意力权重（占一行的份额，无单位）"),
    "score": Text("score (no unit)", "得分（无单位）"),
    # captions
    "of": Text("{where} of {model}, on {picture}: {width} × {height} image pixels, {rows} × {columns} tokens.", "{model}，{where}；{picture}：{width} × {height} 图像像素，{rows} × {columns} 个 token。"),
    "on": Text("{model}, on {picture}: {width} × {height} image pixels, {rows} × {columns} tokens.", "{model}；{picture}：{width} × {height} 图像像素，{rows} × {columns} 个 token。"),
    "tensor": Text("Tensor {stage}: {shape}.", "张量 {stage}：{shape}。"),
    "photo": Text("The lines are the token grid.", "图上的线是 token 网格。"),
    "ticks": Text("A tick stands where a row of the token grid begins.", "每条刻度是 token 网格一行的开头。"),
    "matrix": Text("Row i: the token that reads; column j: the token that is read.", "第 i 行是在读的 token，第 j 列是被读的 token。"),
    "rows_sum": Text("Every row sums to 1.", "每一行之和为 1。"),
    "unscaled": Text("Scores are not divided by √key_dim.", "得分没有除以 √key_dim。"),
    "averaged": Text("Averaged down to {side} × {side} cells.", "平均到 {side} × {side} 格。"),
    "shrunk": Text("Levels of more than {cells} cells are averaged down.", "超过 {cells} 格的层级先取平均。"),
    "overlay": Text("Each head's output, over the image.", "每个头的输出，叠在图片上。"),
    "shape_title": Text("{stage}: what happens to the shape", "{stage}：形状如何变化"),
    "shape_reshape": Text("Lines that split or join are axes that are split or merged.", "线分开或合并，表示轴被拆开或合并。"),
    "shape_permute": Text("Lines that cross are axes that swap.", "线交叉，表示轴交换。"),
    "shape_matmul": Text("The lines that end in Σ are the axis that is summed over.", "止于 Σ 的线是被求和消去的轴。"),
    "shape_conv": Text("A dotted line is an axis whose every entry feeds every new one.", "虚线表示旧轴的每个元素都参与新轴的每个元素。"),
    "title_row": Text("What {token} reads", "{token}读什么"),
    "title_column": Text("Who reads {token}", "谁读 {token}"),
    "in_head": Text("{what}: {head}", "{what}：{head}"),
    "query_mark": Text("The frame marks the token.", "方框标出这个 token。"),
    "region_mark": Text("The frames mark the region's tokens; shown is the mean over them.", "方框标出区域中的 token，图中是它们的平均。"),
    "region": Text("a region of {n} tokens (rows {rows}, columns {columns})", "{n} 个 token 的区域（第 {rows} 行，第 {columns} 列）"),
    "row_sum": Text("In each head the attention weights sum to 1.", "每个头的注意力权重之和为 1。"),
    "colour_root": Text("Colour grows with the square root of the weight.", "颜色随权重的平方根变化。"),
    "colour_linear": Text("Colour grows in proportion to the weight.", "颜色与权重成正比。"),
    "colour_log": Text("Colour grows with the logarithm of the weight; less than a ten-thousandth of the maximum is drawn as that.", "颜色随权重的对数变化；小于最大值万分之一的，按万分之一画。"),
    "scale_each": Text("Every map has a colour scale of its own, up to the maximum that stands beside it.", "每幅图各用自己的色标，上限是标在图旁的最大值。"),
    "scale_all": Text("One colour scale for all maps.", "所有图共用一个色标。"),
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A run and what may be said of it: the model's and the image's name, whether the parameters are random."""

    run: Trace
    model: Model = field(repr=False)
    photo: Image.Image
    about: str
    name: str
    untrained: bool
    lang: Lang

    def must_have(self, block: int, head: int | None = None) -> None:
        """ValueError if the model has no such block or head, from 0."""
        known("block", block, range(self.model.num_blocks))
        if head is not None:
            known("head", head, range(self.run.sizes["heads"]))

    @cached_property
    def picture(self) -> Array:
        """The photograph as the network saw it, (rows, cols, 3) uint8, at most PHOTO_SIDE on its longest side."""
        small = self.photo.convert("RGB")
        small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        return np.asarray(small)

    @property
    def grid(self) -> tuple[int, int]:
        return self.run.sizes["H"], self.run.sizes["W"]

    def head(self, head: int) -> str:
        """A head's name, from 0: "head 1", or "head 1 (colour)" where heads have meanings."""
        if isinstance(self.model, ColourModel):
            return UI["named_head"](self.lang, n=head + 1, name=QUESTION_NAMES[tuple(QUESTIONS)[head]](self.lang))
        return HEAD_N(self.lang, n=head + 1)

    def where(self, block: int | None, head: int | None = None) -> str:
        """ "block 1, head 2", from 0; "" where neither matters."""
        words = []
        if block is not None and self.model.num_blocks > 1:
            words.append(UI["block"](self.lang, block=block + 1))
        if head is not None:
            words.append(self.head(head))
        return (", " if self.lang == "en" else "，").join(words)

    def short(self, block: int | None, head: int | None = None) -> str:
        """The line under a title."""
        return " · ".join(filter(None, (self.about, self.where(block, head), self.name)))

    def caption(self, sentences: Iterable[str], block: int | None, head: int | None = None) -> str:
        """Sentences, then what ran: model, place, image, sizes; and that a map of random parameters is not evidence."""
        where = self.where(block, head)
        rows, columns = self.grid
        of = UI["of" if where else "on"](
            self.lang, where=where, model=self.about, picture=self.name, width=self.photo.width, height=self.photo.height,
            rows=rows, columns=columns,
        )  # fmt: skip
        said = [*sentences, of[0].upper() + of[1:]]
        if self.untrained:
            said.append(NOT_EVIDENCE(self.lang))
        return (" " if self.lang == "en" else "").join(filter(None, said))


def numbers(tensor: Tensor) -> Array:
    """Of any device, as float32 on the CPU."""
    return tensor.detach().float().cpu().numpy()


def class_picture(labels: Tensor, names: ClassSet) -> Array:
    """Classes (rows, cols) in their colours, (rows, cols, 3) uint8."""
    table = [list(bytes.fromhex(colour[1:])) for colour in names.colours]
    return np.array(table, dtype=np.uint8)[labels.cpu().numpy()]


def ticks_of(subject: Subject, axis: str) -> dict[float, str]:
    """Where a row of the token grid begins, counted from 1; or an axis's first and last place."""
    n, (_, columns) = subject.run.sizes[axis], subject.grid
    places = range(0, n, columns) if axis == "HW" else sorted({0, n - 1})
    return {place + 0.5: str(place + 1) for place in places}
