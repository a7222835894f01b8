"""The page "Three starts, side by side": one picture through the network as built, re-initialised and trained.

Each of the three runs twice, with the BatchNorm statistics it has stored and with this picture's own. Of the six runs
no more is kept than what the page shows: the weights, and a few numbers a block.
"""

import base64
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.frame.address import Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import PROSE, View, part
from topformer_viz.figures.colours import VIRIDIS
from topformer_viz.figures.panel import Group, Panel, Scale, Table, Tile
from topformer_viz.figures.subject import UI as PANEL
from topformer_viz.network.begin import reinitialised, with_batch_statistics
from topformer_viz.network.images import CELL
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import BLOCKS, KEY_DIM, TopFormer
from topformer_viz.network.weights import load_model
from topformer_viz.study.heads import ONE_HOT, UNIFORM
from topformer_viz.study.starts import DRAWS, HEADS, MEAN, PEAKED, SIZE, BlockReading, read
from topformer_viz.words.numbers import decimal, three_digits, two_digits
from topformer_viz.words.text import Lang, Text

PHOTO_SIDE = 480  # longest side of the grey photograph that travels, in pixels
SMOOTH = 256  # tokens from which a matrix may have more cells than its picture pixels on screen

STOPS = VIRIDIS.split()

STARTS: dict[str, tuple[Text, Text]] = {
    "built": (
        Text("As built", "刚建好"),
        Text(
            "Fresh from the constructor: small random convolutions, and a gain of 0 in the projection's BatchNorm.",
            "刚构造出来的网络：卷积权重随机而且小，投影的 BatchNorm 增益为 0。",
        ),
    ),
    "reinitialised": (
        Text("Re-initialised", "重新初始化"),
        Text(
            "After the authors' initialiser: each convolution drawn from N(0, 2 / fan_out), each BatchNorm's gain 1, the "
            "projection's too.",
            "经过作者的初始化方法：每个卷积都从 N(0, 2 / fan_out) 重新抽取，每个 BatchNorm 的增益都是 1，投影的也不例外。",
        ),
    ),
    "trained": (
        Text("Trained", "训练过"),
        Text("This project's weights, learned from street photographs.", "本项目的权重，从街景照片中学来。"),
    ),
}
STATISTICS: dict[str, tuple[Text, Text]] = {
    "stored": (
        Text("Stored statistics", "存下的统计量"),
        Text(
            "Each BatchNorm uses the mean and variance it has in store, as in eval mode; the random networks still have 0 "
            "and 1 there, so nothing is evened out.",
            "每个 BatchNorm 使用自己存下的均值和方差（eval 模式）；随机网络里存的还是 0 和 1，所以什么也没有归一化。",
        ),
    ),
    "own": (
        Text("This picture's statistics", "本图统计量"),
        Text(
            "Each BatchNorm uses the mean and variance of its own input, as training mode would on this one picture.",
            "每个 BatchNorm 使用自己输入的均值和方差，相当于训练模式下只输入这一张图片。",
        ),
    ),
}

UI = {
    "title": Text("Three starts, side by side", "三种起点，并排比较"),
    "intro": Text(
        "One picture through three networks of the same design, TopFormer tiny, that differ in their weights alone: as built, "
        "re-initialised as the authors' code does it, and trained. Each runs twice: with the statistics its BatchNorms have "
        "stored, and with this picture's own. The model chosen above plays no part here. Two of the three columns are "
        "random numbers: **a random network's picture is not a finding.**",
        "同一张图片送进三个结构相同（TopFormer tiny）、只有权重不同的网络：刚建好的、按作者代码重新初始化的、训练过的。"
        "每个网络运行两次：一次用 BatchNorm 存下的统计量，一次用这张图片自己的统计量。上面所选的模型在这里不起作用。"
        "三列之中有两列是随机数：**随机网络的图案不说明规律。**",
    ),
    "running": Text("Running the three networks, twice each…", "正在运行三个网络，每个两次……"),
    "block": Text("Block", "模块"),
    "head": Text("Head", "头"),
    "mean": Text("mean", "平均"),
    "row": Text("Query's row", "查询的行"),
    "column": Text("Query's column", "查询的列"),
    "draw": Text("Random draw", "随机抽取"),
    "scale": Text("Colour scale", "颜色刻度"),
    "whole": Text("0 to 1", "0 到 1"),
    "each": Text("each to its own maximum", "各到自己的最大值"),
    "mean_note": Text(
        "Pictures show the mean of the {heads} heads' weights; numbers are means of what each head has.",
        "图案是 {heads} 个头的权重的平均；数字是各头数值的平均。",
    ),
    "numbers": Text("Block {block}, {head}, in numbers", "第 {block} 个模块，{head}，用数字说话"),
    "head_n": Text("head {n}", "第 {n} 个头"),
    "head_mean": Text("mean of the {heads} heads", "{heads} 个头的平均"),
    "start": Text("start", "起点"),
    "numbers_note": Text(
        "rms: root mean square. The attention's share: the block's output less x + mlp(x), which is the same block without "
        "its attention; rms, over the output's.",
        "均方根记作 rms。注意力的份额：模块的输出减去 x + mlp(x)（同一个模块去掉注意力），取 rms，再除以输出的 rms。",
    ),
    "exactly": Text("exactly 0", "恰好为 0"),
    "whole_bar": Text(
        "Weights, in the same colours in every picture; a uniform row is {uniform} everywhere. Colour grows with the square "
        "root.",
        "权重，所有图案用同样的颜色；均匀的行处处是 {uniform}。颜色随平方根变化。",
    ),
    "each_bar": Text(
        "Weights, in each picture up to its own maximum, which stands below it. Colour grows with the square root.",
        "权重，每幅图案的颜色到它自己的最大值为止，最大值写在图案下方。颜色随平方根变化。",
    ),
    "maximum": Text("maximum", "最大值"),
    "chance": Text("random, not a finding", "随机，不说明规律"),
    "is_read": Text("is read →", "被读 →"),
    "reads": Text("reads →", "读 →"),  # set vertically, so that the arrow points down
    "matrix": Text("0 … {top}", "0 … {top}"),
    "map_alt": Text("{which}: {words}", "{which}：{words}"),
    "matrix_alt": Text(
        "{which}: the weights as a picture of {tokens} × {tokens} cells, a row for each token that reads, a column for each "
        "that is read, from 0 to {top}. {sentence}",
        "{which}：权重矩阵的图案，{tokens} × {tokens} 格，每行是一个在读的 token，每列是一个被读的 token，从 0 到 {top}。{sentence}",
    ),
    "map": Text(
        "What row {row}, column {column} reads: at most {top}, at row {top_row}, column {top_column}.",
        "第 {row} 行第 {column} 列的 token 读了什么：最多是 {top}，在第 {top_row} 行第 {top_column} 列。",
    ),
    "map_even": Text(
        "What row {row}, column {column} reads: every token alike, {top} of each.",
        "第 {row} 行第 {column} 列的 token 读了什么：对所有 token 一视同仁，各读 {top}。",
    ),
    "peaked": Text("How peaked are the rows?", "各行有多尖锐？"),
    "peaked_note": Text(
        "All {blocks} blocks and {heads} heads on this picture, the lowest and the highest. Effective tokens are the "
        "exponential of a row's entropy, here a head's mean over its rows: 1 is one-hot, {tokens} is uniform.",
        "这张图片上全部 {blocks} 个模块、{heads} 个头，最低的和最高的。有效 token 数是一行的熵取指数，这里是每个头各行的平均："
        "1 表示独热，{tokens} 表示均匀。",
    ),
    "network": Text("network", "网络"),
    "span": Text("{low} to {high}", "{low} 到 {high}"),
    "starts": Text("What the three starts are", "三种起点是什么"),
    "statistics": Text("Stored statistics, or the picture's own", "存下的统计量，还是本图统计量"),
    "finding": Text("Which of this is a finding, and which is chance?", "哪些是发现，哪些只是偶然？"),
}  # fmt: skip

READOUTS = {
    "effective": Text("effective tokens a row, of {tokens}", "每行的有效 token 数，共 {tokens}"),
    "scaled": Text("the same if scores were divided by √key_dim = {root}", "同上，假如得分除以 √key_dim = {root}"),
    "spread": Text("standard deviation of a row's scores", "一行得分的标准差"),
    "favourites": Text("different tokens among the rows' favourites", "各行最偏爱的 token，不同的有几个"),
    "largest": Text("largest |projected|", "|projected| 的最大值"),
    "projected": Text("rms(projected)", "rms(projected)"),
    "changed": Text("the attention's share of the output", "注意力在输出中的份额"),
    "grown": Text("rms(output) / rms(x)", "rms(output) / rms(x)"),
}

SPANS = ("effective", "scaled", "spread")  # readouts told from the lowest head to the highest

SAYS = {
    "uniform": Text("Uniform rows: each token reads all {tokens} alike.", "各行均匀：每个 token 对全部 {tokens} 个 token 一视同仁。"),
    "one-hot": Text(
        "One-hot rows: each token reads about one, and all {tokens} together only {favourites} different ones.",
        "各行独热：每个 token 几乎只读一个，全部 {tokens} 个 token 加起来也只读 {favourites} 个不同的。",
    ),
    "one-hot mean": Text("One-hot rows in every head: each token reads about one.", "每个头的各行都是独热：每个 token 几乎只读一个。"),
    "peaked": Text(
        "Peaked rows: on average one token has {share} of a row's weight.",
        "各行尖锐：平均来看，一行的权重有 {share} 落在一个 token 上。",
    ),
    "soft": Text(
        "Soft rows: the weight is spread over about {effective} of {tokens} tokens.",
        "各行平缓：权重大约分散在 {effective} 个 token 上（共 {tokens} 个）。",
    ),
    "nothing": Text(
        "The attention puts out exactly 0: none of this reaches the block's output.",
        "注意力的输出恰好为 0：这些都到不了模块的输出。",
    ),
    "something": Text("The attention's share of the block's output is {changed}.", "注意力在模块输出中的份额是 {changed}。"),
}  # fmt: skip

EXPLAINED: dict[str, tuple[Text, ...]] = {
    "starts": (
        Text(
            "**As built.** PyTorch draws a convolution's weights small, and TopFormer gives the BatchNorm after the projection "
            "a gain of 0. Whatever the attention weights say, `projected` is then exactly 0, and the block computes "
            "x + mlp(x). That is not zero, and because the MLP still works it is not the identity either. There is attention "
            "to look at, but it reaches nothing until training moves that gain away from 0.",
            "**刚建好。** PyTorch 抽取的卷积权重很小，而 TopFormer 把投影之后的 BatchNorm 增益设为 0。于是不管注意力权重是什么样，"
            "`projected` 都恰好为 0，模块算的是 x + mlp(x)。它不是零；因为 MLP 照常工作，它也不是恒等映射。"
            "这里有注意力可看，但在训练让这个增益离开 0 之前，它什么也影响不到。",
        ),
        Text(
            "**Re-initialised.** The authors' code then runs an initialiser over the backbone. It draws every convolution anew "
            "from N(0, 2 / fan_out), makes biases 0 and the weight of every BatchNorm2d 1. The projection's is one of them: its "
            "0 is erased, and random attention is added at full strength. The published configurations use SyncBN, which is "
            "not a BatchNorm2d, so there the initialiser passes it by and the 0 stays; and then they load ImageNet weights, "
            "which replace all of this anyway.",
            "**重新初始化。** 作者的代码接着对主干网络运行一个初始化方法：每个卷积从 N(0, 2 / fan_out) 重新抽取，偏置归零，"
            "每个 BatchNorm2d 的权重设为 1。投影的 BatchNorm 也在其中：它的 0 被抹掉，随机的注意力以全部强度加了进来。"
            "公开的配置用的是 SyncBN，它不是 BatchNorm2d，初始化方法会跳过它，0 得以保留；而且这些配置随后会载入 ImageNet 权重，"
            "把这一切都换掉。",
        ),
        Text(
            "**Trained.** Training began as built, with the projection's gain at 0, so that the attention came in by degrees. The "
            "gains of `to_q` and `to_k` began at key_dim^(−1/4) each, which together makes up for the missing 1/√key_dim: rows "
            "started soft.",
            "**训练过。** 训练从刚建好的网络开始，投影的增益是 0，所以注意力是逐渐加入的。`to_q` 和 `to_k` 的增益都从 key_dim^(−1/4) 开始，"
            "两者合起来补上了缺少的 1/√key_dim：各行一开始是平缓的。",
        ),
    ),
    "statistics": (
        Text(
            "**Stored.** A network that never saw a picture stores mean 0 and variance 1, so BatchNorm evens nothing out and "
            "the sizes of the draw show through. As built, numbers shrink from layer to layer until all scores are nearly "
            "equal: uniform rows. Re-initialised, they grow until one score outweighs all others: one-hot rows, which "
            "dividing by √key_dim hardly softens. Both come from the size of the numbers, not from the picture.",
            "**存下的。** 没有见过图片的网络存的是均值 0、方差 1，所以 BatchNorm 什么也没有归一化，抽到的权重是大是小，会直接显露出来。"
            "刚建好时，数值逐层变小，直到所有得分几乎相等：各行均匀。重新初始化后，数值逐层变大，直到一个得分压倒其余所有："
            "各行独热，除以 √key_dim 也几乎缓和不了。二者都来自数值的大小，与图片无关。",
        ),
        Text(
            "**The picture's own.** Now each channel is divided by its own spread. Queries and keys of a random network get "
            "spread 1, whatever the draw, so a score, the sum of key_dim = {key_dim} products, spreads by about "
            "√{key_dim} = {root}, and that peaks the softmax. Divided by √key_dim, which TopFormer leaves out, it would spread "
            "by about 1, and rows would be soft. The size of `projected` is settled too, by BatchNorm's gains and biases alone: "
            "on any picture its rms is 1 where gains are 1 and biases 0. One picture is not a batch, though: trained "
            "weights are used to the statistics of many, and with one picture's own the same head reads differently.",
            "**本图的。** 现在每个通道都除以自己的标准差。不管怎样抽取，随机网络的查询和键的标准差都成了 1；得分是 key_dim = {key_dim} 个"
            "乘积之和，标准差就约为 √{key_dim} = {root}，softmax 因此变得尖锐。假如除以 TopFormer 省去的 √key_dim，标准差约为 1，"
            "各行就会平缓。`projected` 的大小也随之确定，只取决于 BatchNorm 的增益和偏置：增益为 1、偏置为 0 时，不管哪张图片，"
            "它的 rms 都是 1。不过一张图片不等于一批：训练过的权重适应的是许多图片的统计量，换成一张图片自己的，同一个头读的就不同了。",
        ).format(key_dim=KEY_DIM, root=f"{math.sqrt(KEY_DIM):g}"),
    ),
    "finding": (
        Text(
            "**True of any draw:** the exact 0 as built; uniform or one-hot rows with stored statistics, peaked ones with the "
            "picture's own. Choose another random draw above: these numbers hardly move, and each is explained by how the "
            "weights were drawn.",
            "**怎样抽取都成立：** 刚建好时恰好为 0；用存下的统计量时各行均匀或独热，用本图统计量时尖锐。在上面换一次随机抽取，"
            "这些数字几乎不变，而且都能由权重的抽取方法解释。",
        ),
        Text(
            "**Chance:** which tokens a random head reads. Another draw gives another picture. What looks like sense in one "
            "comes from the photograph: squares that look alike have like tokens, and any weights read them alike. Nor are "
            "vertical stripes a sign of learning: where scores are large, nearly all tokens of a random network read the same "
            "few (the favourites in the table).",
            "**偶然：** 随机网络的头读哪些 token。换一次抽取，图案就变了。其中看似有意义的地方来自照片本身：样子相近的方格，"
            "token 也相近，用什么权重去读都差不多。竖条纹也不说明学到了什么：得分很大时，随机网络里几乎所有 token 都读同样几个"
            "（见表中最偏爱的 token）。",
        ),
        Text(
            "**A finding at most:** the trained column, and it is one picture and one training. What its heads read over many "
            "labelled photographs, and how sure that is, stands on the page Heads.",
            "**至多算发现：** 训练过的那一列，而它也只是一张图片、一次训练。各头在许多带标注的照片上读什么、有多大把握，见“各头”页面。",
        ),
    ),
}  # fmt: skip


Which = tuple[str, str]  # start and statistics


def kind(reading: BlockReading, head: int) -> str:
    """What the rows of ``head`` are: "uniform", "one-hot", "peaked" or "soft"; for the MEAN, of all heads together."""
    tokens = reading.weights.shape[-1]
    effective = reading.effective if head == MEAN else reading.effective[head - 1 : head]
    if max(effective) < ONE_HOT:
        return "one-hot"
    if min(effective) > UNIFORM * tokens:
        return "uniform"
    return "peaked" if reading.of("peak", head) >= PEAKED else "soft"


def sentence(reading: BlockReading, head: int, lang: Lang) -> str:
    """What the rows of ``head`` are like, and what the attention does to the block's output."""
    rows = kind(reading, head)
    says = SAYS["one-hot mean" if rows == "one-hot" and head == MEAN else rows](
        lang, tokens=reading.weights.shape[-1], favourites=f"{reading.of('favourites', head):.0f}",
        share=f"{reading.of('peak', head):.0%}", effective=f"{reading.of('effective', head):.0f}",
    )  # fmt: skip
    does = "something" if reading.largest else "nothing"
    return says + ("" if lang == "zh" else " ") + SAYS[does](lang, changed=f"{reading.changed:.1%}")


def show(view: View) -> None:
    """Draw the page for the chosen picture; the chosen model plays no part in it."""
    lang, photo = view.lang, view.photo
    # The photograph comes once, as the background of every map.
    st.html(f"<style>{STYLE}.starts .photo {{ background-image: url({_grey(photo)}); }}</style>")
    st.subheader(UI["title"](lang), anchor="starts")
    st.markdown(UI["intro"](lang), width=PROSE)
    for name in ("head", "row", "column", "draw", "scale"):  # the address counts at the session's start
        if f"starts_{name}" not in st.session_state:
            found = view.asked.get(name)
            st.session_state[f"starts_{name}"] = MEAN if found == "mean" else found
    _compare(view)
    for subject, paragraphs in EXPLAINED.items():
        st.subheader(UI[subject](lang), anchor=f"about-{subject}")
        for paragraph in paragraphs:
            st.markdown(paragraph(lang), width=PROSE)


def takes(view: View) -> Takes:
    """What an address can say of the page."""
    rows, columns = (range(1, side + 1) for side in _grid(view.photo))
    return {
        "block": range(1, BLOCKS + 1), "head": ("mean", *range(1, HEADS + 1)), "row": rows, "column": columns,
        "draw": range(1, DRAWS + 1), "scale": ("whole", "each"),
    }  # fmt: skip


def _grid(photo: Image.Image) -> tuple[int, int]:
    """Rows and columns of the token grid."""
    return photo.height // CELL, photo.width // CELL


@part
def _compare(view: View) -> None:
    """The choices and what they lead to; another choice reruns this part alone."""
    lang, grid = view.lang, _grid(view.photo)
    with st.container(horizontal=True, gap="medium"):
        block = _choose("block", "block", range(1, BLOCKS + 1), lang)
        head = _choose(
            "starts_head", "head", [*range(1, HEADS + 1), MEAN], lang, lambda n: str(n) if n else UI["mean"](lang)
        )
        row, column = (
            st.number_input(
                UI[name](lang), 1, side, width=130, **pick(f"starts_{name}", range(1, side + 1), side // 2 + 1)
            )
            for name, side in zip(("row", "column"), grid, strict=True)
        )
        draw = _choose("starts_draw", "draw", range(1, DRAWS + 1), lang)
        scale = _choose("starts_scale", "scale", ("whole", "each"), lang, lambda scale: UI[scale](lang))
    with st.spinner(UI["running"](lang)):
        runs = _all_readings(view, draw)
    chosen = {which: blocks[block - 1] for which, blocks in runs.items()}
    if head == MEAN:
        st.caption(UI["mean_note"](lang, heads=HEADS))
    query = (row - 1) * grid[1] + column - 1
    st.html(
        f'<div class="starts">{_pictures(chosen, head, grid, query, scale, lang)}{_numbers(chosen, block, head, lang)}</div>'
    )
    st.subheader(UI["peaked"](lang), anchor="peaked")
    tokens = grid[0] * grid[1]
    st.markdown(UI["peaked_note"](lang, blocks=BLOCKS, heads=HEADS, tokens=tokens), width=PROSE)
    st.html(f'<div class="starts">{_peakedness(runs, tokens, lang)}</div>')
    chosen_head = "mean" if head == MEAN else head
    write_address(
        view, {"block": block, "head": chosen_head, "row": row, "column": column, "draw": draw, "scale": scale}
    )


def _choose(name: str, label: str, options: Sequence[Any], lang: Lang, shown: Any = str) -> Any:
    """A control for the choice ``name`` of the session, and what is chosen."""
    return st.segmented_control(UI[label](lang), options, format_func=shown, required=True, **pick(name, options))


def _all_readings(view: View, draw: int) -> dict[Which, tuple[BlockReading, ...]]:
    """The six runs; of the trained weights there is one draw only."""
    runs: dict[Which, tuple[BlockReading, ...]] = {}
    for start in STARTS:
        both = _readings(view, start, 1 if start == "trained" else draw)
        runs |= {(start, statistics): blocks for statistics, blocks in both.items()}
    return runs


def _readings(view: View, start: str, draw: int) -> dict[str, tuple[BlockReading, ...]]:
    """One start's two runs on the picture, by statistics."""

    def make() -> dict[str, tuple[BlockReading, ...]]:
        model = load_model("streets" if start == "trained" else SIZE, seed=draw - 1)
        if start == "reinitialised":
            assert isinstance(model, TopFormer)
            model = reinitialised(model, seed=draw - 1)
        image = to_tensor(view.photo)
        return {"stored": read(model, image), "own": read(with_batch_statistics(model, image), image)}

    picture, _, size, _ = view.key
    return view.keep(("readings", picture, size, start, draw), make)


# Pictures


def _uri(image: Image.Image, kind: str, **options: Any) -> str:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def _grey(photo: Image.Image) -> str:
    """The photograph in grey, as a data URI."""
    small = photo.convert("L")
    small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    return _uri(small, "JPEG", quality=80)


def _palette() -> list[int]:
    """Viridis as 256 colours, red, green and blue of each in turn."""
    stops = torch.tensor([[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in STOPS]).float()
    colours = torch.nn.functional.interpolate(stops.T[None], 256, mode="linear", align_corners=True)
    return colours[0].T.round().int().flatten().tolist()


PALETTE = _palette()


def picture(weights: Tensor, top: float) -> Image.Image:
    """Weights (rows, columns) as a picture, a pixel a cell: viridis from 0 to ``top`` by the square root."""
    place = (weights / top).clamp(0, 1).sqrt() * 255
    image = Image.fromarray(place.round().byte().numpy())
    image.putpalette(PALETTE)
    return image


# HTML


def _numbers(chosen: dict[Which, BlockReading], block: int, head: int, lang: Lang) -> str:
    """Every readout of the six runs, a column a start."""
    tokens = chosen["built", "stored"].weights.shape[-1]
    of_head = UI["head_mean"](lang, heads=HEADS) if head == MEAN else UI["head_n"](lang, n=head)
    parts = []
    for statistics, (name, _) in STATISTICS.items():
        rows = [f'<tr><th colspan="{1 + len(STARTS)}" scope="rowgroup">{name(lang)}</th></tr>']
        for readout, label in READOUTS.items():
            cells = "".join(f"<td>{_readout(chosen[start, statistics], readout, head, lang)}</td>" for start in STARTS)
            words = label(lang, tokens=tokens, root=f"{math.sqrt(KEY_DIM):g}")
            rows.append(f'<tr><th scope="row">{escape(words)}</th>{cells}</tr>')
        parts.append(f"<tbody>{''.join(rows)}</tbody>")
    return _table(
        UI["numbers"](lang, block=block, head=of_head), "start", [n for n, _ in STARTS.values()], parts, lang
    ) + (f'<p class="note">{escape(UI["numbers_note"](lang))}</p>')


def _readout(reading: BlockReading, name: str, head: int, lang: Lang) -> str:
    value = reading.of(name, head)
    if name == "favourites" and kind(reading, head) == "uniform":
        return "–"  # where all are read alike, rounding picks the favourite
    if value == 0:
        return UI["exactly"](lang)
    if name in ("effective", "scaled"):
        return decimal(value)
    return f"{value:.1%}" if name == "changed" else three_digits(value)


def _peakedness(runs: Mapping[Which, Sequence[BlockReading]], tokens: int, lang: Lang) -> str:
    """How many tokens rows are spread over, from the lowest to the highest head of the network."""
    rows = []
    for which, blocks in runs.items():
        cells = "".join(f"<td>{cell}</td>" for cell in _spans(blocks, lang))
        rows.append(f'<tr><th scope="row">{escape(_which(which, lang))}</th>{cells}</tr>')
    heads = [READOUTS[name].format(tokens=tokens, root=f"{math.sqrt(KEY_DIM):g}") for name in SPANS]
    return _table(UI["peaked"](lang), "network", heads, [f"<tbody>{''.join(rows)}</tbody>"], lang)


def _spans(blocks: Sequence[BlockReading], lang: Lang) -> list[str]:
    """The lowest and the highest head's number, of each of SPANS."""
    cells = []
    for name in SPANS:
        form = three_digits if name == "spread" else decimal
        values = [value for block in blocks for value in getattr(block, name)]
        low, high = form(min(values)), form(max(values))
        cells.append(low if low == high else UI["span"](lang, low=low, high=high))
    return cells


def _table(caption: str, corner: str, columns: Sequence[Text], bodies: Sequence[str], lang: Lang) -> str:
    head = "".join(f'<th scope="col">{escape(column(lang))}</th>' for column in columns)
    return (
        f'<table><caption>{escape(caption)}</caption><thead><tr><th scope="col">{UI[corner](lang)}</th>{head}</tr></thead>'
        f"{''.join(bodies)}</table>"
    )


def _which(which: Which, lang: Lang) -> str:
    start, statistics = which
    return f"{STARTS[start][0](lang)} · {STATISTICS[statistics][0](lang)}"


def _pictures(
    chosen: dict[Which, BlockReading], head: int, grid: tuple[int, int], query: int, scale: str, lang: Lang
) -> str:
    """The colour bar, then the six runs: a column a start, a row the statistics; on a phone one below the other."""
    parts = [_bar(scale, grid[0] * grid[1], lang), '<div class="grid">']
    parts += [f"<header><h4>{name(lang)}</h4><p>{escape(text(lang))}</p></header>" for name, text in STARTS.values()]
    for statistics, (name, text) in STATISTICS.items():
        parts.append(f'<header class="across"><h4>{name(lang)}</h4><p>{escape(text(lang))}</p></header>')
        for start in STARTS:
            which = start, statistics
            parts.append(_cell(which, chosen[which], head, grid, query, scale, lang))
    return "".join(parts) + "</div>"


def _cell(
    which: Which, reading: BlockReading, head: int, grid: tuple[int, int], query: int, scale: str, lang: Lang
) -> str:
    """One run: its sentence, the matrix with the query's row marked, and what the query reads on the photograph."""
    name, says = _which(which, lang), sentence(reading, head, lang)
    matrix = reading.matrix(head)
    tokens, (h, w) = len(matrix), grid
    reads = matrix[query].reshape(h, w)
    highest, most = float(matrix.amax()), int(reads.argmax())
    tops = (1.0, 1.0) if scale == "whole" else (highest, float(reads.amax()))
    words = UI["map_even" if kind(reading, head) == "uniform" else "map"](
        lang, row=query // w + 1, column=query % w + 1, top=two_digits(float(reads.amax())), top_row=most // w + 1,
        top_column=most % w + 1,
    )  # fmt: skip
    alt = UI["matrix_alt"](lang, which=name, tokens=tokens, top=two_digits(highest), sentence=says)
    tag = "" if which[0] == "trained" else f' <span class="chance">{UI["chance"](lang)}</span>'
    smooth = ' class="smooth"' if tokens > SMOOTH else ""
    return (
        f'<section><p class="which">{escape(name)}{tag}</p><p class="says">{escape(says)}</p>'
        f'<figure class="matrix"><span class="across">{UI["is_read"](lang)}</span><span class="down">{UI["reads"](lang)}</span>'
        f'<div><img{smooth} src="{_uri(picture(matrix, tops[0]), "PNG")}" alt="{escape(alt)}">'
        f'<i style="left:0;width:100%;top:{query / tokens:.3%};height:{1 / tokens:.3%}"></i></div>'
        f"<figcaption>{UI['matrix'](lang, top=two_digits(highest))}</figcaption></figure>"
        f'<figure><div class="photo">'
        f'<img src="{_uri(picture(reads, tops[1]), "PNG")}" alt="{escape(UI["map_alt"](lang, which=name, words=words))}">'
        f'<i style="left:{query % w / w:.3%};width:{1 / w:.3%};top:{query // w / h:.3%};height:{1 / h:.3%}"></i></div>'
        f"<figcaption>{escape(words)}</figcaption></figure></section>"
    )


def _bar(scale: str, tokens: int, lang: Lang) -> str:
    """The colour bar up to 1, or to each picture's own maximum; the middle of it is a quarter of that."""
    ticks = ("0", "¼", "1" if scale == "whole" else UI["maximum"](lang))
    words = UI[f"{scale}_bar"](lang, uniform=three_digits(1 / tokens))
    marks = "".join(f"<span>{tick}</span>" for tick in ticks)
    return f'<div class="bar"><div><div class="ramp"></div><div class="ticks">{marks}</div></div><p>{escape(words)}</p></div>'


# Figures

FIGURES = {
    "matrices": Text("The weights of the three starts", "三种起点的权重"),
    "maps": Text("What the marked token reads in the three", "三种起点中标出的 token 读什么"),
    "numbers": Text("The block in numbers", "用数字看这个模块"),
    "peaked": Text("How peaked the rows are", "各行有多尖锐"),
    "title": Text("Three starts, block {block}, {head}: {what}", "三种起点：第 {block} 个模块，{head}，{what}"),
    "about": Text("TopFormer {size}, three starts · {name}", "TopFormer {size}，三种起点 · {name}"),
    "model": Text("TopFormer {size}", "TopFormer {size}"),
    "random": Text("{name} (random)", "{name}（随机）"),
    "weights": Text("the weights", "权重"),
    "reads": Text("what the marked token reads", "标出的 token 读什么"),
    "quantity": Text("weight", "权重"),
    "unit": Text("A weight is a share of a row, without unit.", "权重是占一行的份额，没有单位。"),
    "root": Text("Colour grows with the square root.", "颜色随平方根变化。"),
    "each": Text("Every picture has its own scale, up to its maximum.", "每幅图各用自己的标尺，到它的最大值为止。"),
    "drawn": Text("Random draw {draw}.", "第 {draw} 次随机抽取。"),
    "chance": Text(
        "As built and re-initialised are random weights: what they show is chance, not a finding.",
        "刚建好和重新初始化的权重是随机的：图案只是偶然，不说明规律。",
    ),
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of the page."""
    makers: dict[str, Callable[[View, Mapping[str, str]], Panel]] = {
        "matrices": partial(_side_by_side, "matrices"),
        "maps": partial(_side_by_side, "maps"),
        "numbers": _in_numbers,
        "peaked": _peaks,
    }
    return [Offer(name, FIGURES[name], partial(maker, view)) for name, maker in makers.items()]


@dataclass(frozen=True)
class _Asked:
    """The page's settings as the address has them; ``block`` and ``query`` from 0."""

    block: int
    head: int
    query: int
    draw: int
    scale: str

    @classmethod
    def of(cls, view: View, asked: Mapping[str, str]) -> "_Asked":
        row, column = (
            one_of(asked, name, range(1, side + 1), side // 2 + 1)
            for name, side in zip(("row", "column"), _grid(view.photo), strict=True)
        )
        return cls(
            one_of(asked, "block", range(1, BLOCKS + 1), 1) - 1,
            MEAN if asked.get("head") == "mean" else one_of(asked, "head", range(1, HEADS + 1), 1),
            (row - 1) * _grid(view.photo)[1] + column - 1,
            one_of(asked, "draw", range(1, DRAWS + 1), 1),
            one_of(asked, "scale", ("whole", "each"), "whole"),
        )


def _panel(view: View, asked: _Asked, name: str, title: str, said: Sequence[str], **content: Any) -> Panel:
    lang, (rows, columns) = view.lang, _grid(view.photo)
    of = PANEL["on"](
        lang, model=FIGURES["model"](lang, size=SIZE), picture=view.name, width=view.photo.width,
        height=view.photo.height, rows=rows, columns=columns,
    )  # fmt: skip
    caption = ("" if lang == "zh" else " ").join(
        [*said, of, FIGURES["drawn"](lang, draw=asked.draw), FIGURES["chance"](lang)]
    )
    return Panel(name, title, FIGURES["about"](lang, size=SIZE, name=view.name), caption, **content)


def _chosen(view: View, asked: _Asked) -> dict[Which, tuple[BlockReading, ...]]:
    return _all_readings(view, asked.draw)


def _stem(asked: _Asked) -> str:
    return f"block{asked.block + 1}-{'mean' if asked.head == MEAN else f'head{asked.head}'}-draw{asked.draw}"


def _head_words(head: int, lang: Lang) -> str:
    return UI["head_mean"](lang, heads=HEADS) if head == MEAN else UI["head_n"](lang, n=head)


def _side_by_side(kind: str, view: View, parameters: Mapping[str, str]) -> Panel:
    """Of each start the matrix, or what one token reads, with stored statistics and with the picture's own."""
    lang, asked, grid = view.lang, _Asked.of(view, parameters), _grid(view.photo)
    runs = _chosen(view, asked)
    shape, tokens = view.photo.height / view.photo.width, grid[0] * grid[1]
    whole = Scale(0.0, 1.0, FIGURES["quantity"](lang), root=True)
    ends = ({0.5: "1", tokens - 0.5: str(tokens)},) * 2
    axes = PANEL["query"](lang, size=tokens), PANEL["key"](lang, size=tokens)
    groups = []
    for statistics, (name, _) in STATISTICS.items():
        matrices, maps = [], []
        for start, (words, _) in STARTS.items():
            matrix = runs[start, statistics][asked.block].matrix(asked.head)
            reads = matrix[asked.query].reshape(grid)
            scales = [whole] * 2
            if asked.scale == "each":
                scales = [replace(whole, high=float(values.amax())) for values in (matrix, reads)]
            title = words(lang) if start == "trained" else FIGURES["random"](lang, name=words(lang))
            matrices.append(Tile(matrix.numpy(), 1.0, scales[0], title, *axes, ends))
            maps.append(
                Tile(
                    reads.numpy(), shape, scales[1], title, under=view.subject.picture,
                    marks=(divmod(asked.query, grid[1]),),
                )
            )  # fmt: skip
        groups.append(Group(tuple(matrices if kind == "matrices" else maps), name(lang), 3))
    said = [FIGURES["unit"](lang), FIGURES["root"](lang)] + ([FIGURES["each"](lang)] if asked.scale == "each" else [])
    what = FIGURES["weights" if kind == "matrices" else "reads"](lang)
    title = FIGURES["title"](lang, block=asked.block + 1, head=_head_words(asked.head, lang), what=what)
    stem = f"starts-{kind}-{_stem(asked)}-token{asked.query + 1}{'-each' if asked.scale == 'each' else ''}"
    return _panel(view, asked, stem, title, said, groups=tuple(groups))


def _in_numbers(view: View, parameters: Mapping[str, str]) -> Panel:
    """Every readout of the six runs."""
    lang, asked = view.lang, _Asked.of(view, parameters)
    chosen = {which: blocks[asked.block] for which, blocks in _chosen(view, asked).items()}
    tokens = chosen["built", "stored"].weights.shape[-1]
    rows = [
        (
            label(lang, tokens=tokens, root=f"{math.sqrt(KEY_DIM):g}"),
            *(_readout(chosen[start, statistics], readout, asked.head, lang) for start in STARTS),
        )
        for statistics in STATISTICS
        for readout, label in READOUTS.items()
    ]
    parts = {n * len(READOUTS): name(lang) for n, (name, _) in enumerate(STATISTICS.values())}
    columns = (UI["start"](lang), *(name(lang) for name, _ in STARTS.values()))
    title = UI["numbers"](lang, block=asked.block + 1, head=_head_words(asked.head, lang))
    table = Table(columns, tuple(rows), parts=parts)
    return _panel(view, asked, f"starts-numbers-{_stem(asked)}", title, [UI["numbers_note"](lang)], tables=(table,))


def _peaks(view: View, parameters: Mapping[str, str]) -> Panel:
    """How many tokens rows are spread over, from the lowest to the highest head of each network."""
    lang, asked = view.lang, _Asked.of(view, parameters)
    runs = _chosen(view, asked)
    tokens = runs["built", "stored"][0].weights.shape[-1]
    columns = (
        UI["network"](lang),
        *(READOUTS[name](lang, tokens=tokens, root=f"{math.sqrt(KEY_DIM):g}") for name in SPANS),
    )
    rows = [(_which(which, lang), *_spans(blocks, lang)) for which, blocks in runs.items()]
    said = [UI["peaked_note"](lang, blocks=BLOCKS, heads=HEADS, tokens=tokens)]
    table = Table(columns, tuple(rows))
    return _panel(view, asked, f"starts-peaked-draw{asked.draw}", UI["peaked"](lang), said, tables=(table,))


STYLE = """
.starts { --faint: color-mix(in srgb, currentColor 18%, transparent); }
.starts :is(h4, p, figure) { margin: 0; padding: 0; }
.starts table { width: 100%; table-layout: fixed; border-collapse: collapse; margin: 0 0 0.4rem; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
.starts caption { caption-side: top; text-align: left; font-weight: 600; padding: 0 0 0.4rem; color: inherit; }
.starts :is(th, td) { border: 0; border-bottom: 1px solid var(--faint); padding: 5px 10px 5px 0; text-align: right; vertical-align: bottom; line-height: 1.3; overflow-wrap: break-word; }
.starts th { font-weight: 500; }
.starts :is(th:first-child, th[scope="rowgroup"]) { text-align: left; }
.starts th:first-child { width: 34%; }
.starts thead th { border-bottom: 2px solid currentColor; font-weight: 600; }
.starts th[scope="rowgroup"] { padding-top: 12px; font-weight: 600; }
.starts .note { margin: 0 0 1.2rem; font-size: 0.84rem; opacity: 0.75; max-width: 110ch; }
.starts .bar { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0.4rem 1rem; margin: 0 0 1.4rem; font-size: 0.84rem; line-height: 1.35; }
.starts .bar > div { width: 15rem; }
.starts .bar p { flex: 1 1 18rem; max-width: 80ch; }
.starts .ramp { height: 0.8rem; outline: 1px solid var(--faint); background: linear-gradient(to right, RAMP); }
.starts .ticks { display: flex; justify-content: space-between; margin-top: 0.25rem; font-variant-numeric: tabular-nums; }
.starts .ticks span { width: 4rem; text-align: center; }
.starts .ticks span:first-child { text-align: left; }
.starts .ticks span:last-child { text-align: right; }
.starts .grid { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.4rem 1.8rem; }
.starts h4 { font-size: 1.12rem; font-weight: 650; line-height: 1.3; letter-spacing: 0; }
.starts header p { font-size: 0.88rem; line-height: 1.45; max-width: 90ch; }
.starts header.across { grid-column: 1 / -1; border-top: 2px solid var(--faint); padding-top: 0.8rem; margin-top: 0.4rem; }
/* Three rows of the grid, so that pictures stand side by side whatever the length of the words above them. */
.starts section { display: grid; grid-row: span 3; grid-template: subgrid / minmax(0, 1.35fr) minmax(0, 1fr); gap: 0.7rem 1rem; }
.starts section p { grid-column: 1 / -1; }
.starts .which { font-size: 0.84rem; line-height: 1.6; }
.starts .chance { display: inline-block; border: 1px solid color-mix(in srgb, currentColor 45%, transparent); border-radius: 4px; padding: 0 0.4em; font-size: 0.78rem; white-space: nowrap; }
.starts .says { font-size: 0.98rem; line-height: 1.4; }
.starts figcaption { font-size: 0.82rem; line-height: 1.4; padding-top: 0.35rem; font-variant-numeric: tabular-nums; }
.starts figure > div { position: relative; }
.starts img { display: block; width: 100%; max-width: none; height: auto; image-rendering: pixelated; }
.starts img.smooth { image-rendering: auto; }
.starts .photo { background-size: 100% 100%; }
.starts .photo img { opacity: 0.62; }
.starts i { position: absolute; box-sizing: border-box; outline: 1.5px solid #fff; box-shadow: 0 0 0 2.5px #000; }
.starts .matrix { display: grid; grid-template-columns: 1.3rem minmax(0, 1fr); }
.starts .matrix span { font-size: 0.78rem; line-height: 1.3rem; opacity: 0.75; }
.starts .matrix .across, .starts .matrix figcaption { grid-column: 2; }
.starts .matrix .down { writing-mode: vertical-rl; }
.starts .matrix + figure { padding-top: 1.3rem; }
.starts table { margin-top: 2rem; }
@media (max-width: 1180px) {
  .starts section { grid-row: span 4; grid-template: subgrid / minmax(0, 1fr); }
  .starts .matrix + figure { padding: 0 0 0 1.3rem; }
}
@media (max-width: 760px) {
  .starts .grid { grid-template-columns: minmax(0, 1fr); }
  .starts table { font-size: 0.8rem; }
  .starts :is(th, td) { padding-right: 6px; }
}
""".replace("RAMP", ", ".join(f"#{stop}" for stop in STOPS))
