"""The whole forward pass as bytes for the browser: every part's pictures, words, shapes and cost.

Maps are shown as their strength, the root mean square over channels; what is finer than ``CELLS`` is averaged down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.markup import axis_span, formula_html, note_html, shape_html
from topformer_viz.app.canvas.wire import Body
from topformer_viz.network.classes import ClassSet, classes_of
from topformer_viz.network.costs import Cost, costs
from topformer_viz.network.facts import Facts
from topformer_viz.network.model import TopFormer
from topformer_viz.run.measures import shrink
from topformer_viz.run.segmentation import SILENCED, segment, without
from topformer_viz.run.stages import STAGES, axes_of
from topformer_viz.run.tracing import Trace
from topformer_viz.words.text import Lang, Text

CELLS = 48  # longest side, in cells, of a map on the way
CHANNELS = 6  # channels shown of each pyramid level
MATRIX = 96  # longest side, in cells, of a mean attention matrix
SEGMENTATION = 480  # longest side of the segmentation, in pixels
COMPARED = 240  # and of those without a part's work
LEGEND = 255  # most classes told apart in one picture
SCORES = 8  # class score maps shown
WORST = 3  # classes named that the network finds worst

POOLED_TITLE = Text("Pooled to the token grid", "池化到特征网格")
POOLED_SHORT = Text("pooled", "池化")
POOLED = Text(
    "Each level is averaged down to the same {H} × {W} grid, one cell for 64 × 64 pixels, and all four are stacked along the "
    "channels: `C` = {C}. From here on every square carries what all four levels know of it.",
    "每一层都平均池化到同一个 {H} × {W} 的网格（每格对应 64 × 64 个像素），再沿通道拼接：`C` = {C}。"
    "从这里起，每个方格都带着四层对它的了解。",
)
BLOCK = Text(
    "Every [[token|square]] of the {H} × {W} grid reads every other. The first picture is the mean of the {heads} heads' "
    "attention, one row for each square that reads; the others show how much each square is read. A head's [[effective tokens]] "
    "say over how many squares it spreads. What is read is added to the map (its size, beside the map's own: {share}); then "
    "an MLP follows, two 1×1 convolutions with a 3×3 between them. Which class reads which, over many pictures, stands under Heads.",
    "{H} × {W} 网格上的每个[[token|方格]]都去读其他所有方格。第一幅图是 {heads} 个头的注意力的平均，每一行对应一个在读的方格；"
    "其余各图显示每个方格被读的多少。一个头的[[effective tokens|有效 token 数]]说明它分散在多少个方格上。读到的内容加回特征图"
    "（与特征图本身的大小之比：{share}），随后是 MLP：两个 1×1 卷积，中间一个 3×3。各类别之间谁读谁（对许多图片平均），见“各头”页面。",
)
BLOCK_TITLE = Text("Block {n}", "第 {n} 个模块")
LEVEL_TITLE = Text("Pyramid, level at 1/{scale}", "金字塔 1/{scale} 层")
INJECTION_TITLE = Text("Injection at 1/{scale}", "在 1/{scale} 处注入")
INJECTION = Text(
    "{note} The gate here lets {gate} through on average.",
    "{note}这里的门控平均放行 {gate}。",
)
SPLIT_TITLE = Text("Split again", "重新拆分")
SPLIT = Text(
    "The last block's {C} channels are dealt out again to the levels they came from: {parts}. The first part, of the finest "
    "level, is dropped: nothing reads it. The other three go back to their levels.",
    "最后一个模块的 {C} 个通道按来源重新分给各层：{parts}。第一份属于最细的一层，被丢弃，没有谁用它；其余三份各回各层。",
)
SCORES_NOTE = Text(
    "{note} Shown: the scores of the classes that win most pixels here.",
    "{note}这里显示赢得像素最多的几个类别的得分。",
)
SEGMENTATION_TITLE = Text("Segmentation", "分割结果")
SEGMENTATION_NOTE = Text(
    "The class scores brought up to the picture's size; each pixel takes its best class. “Sure” is that class's "
    "probability after a softmax over the {classes} classes. On average this picture's pixels are {sure} sure.",
    "把类别得分放大到图像尺寸，每个像素取得分最高的类别。“把握”是该类别在 {classes} 个类别的 softmax 中的概率。"
    "这张图的像素平均把握为 {sure}。",
)
ATTENTION_OFF = Text(
    "without this block's attention: {changed} of the pixels change class",
    "去掉这个模块的注意力：{changed} 的像素改变类别",
)
OFF = {
    "attention": Text(
        "without any attention: {changed} of the pixels change class", "去掉全部注意力：{changed} 的像素改变类别"
    ),
    "blocks": Text(
        "without the four blocks: {changed} of the pixels change class", "去掉四个模块：{changed} 的像素改变类别"
    ),
}
REST = Text("the rarest classes", "其余最少的类别")
ON_VAL = Text("mIoU, validation: {before} → {after}", "验证集 mIoU：{before} → {after}")
CHANCE = Text("Chance, not a finding", "偶然，不说明规律")
CHANCE_WHY = Text(
    "This network was never trained: its weights are random numbers, so the classes it names mean nothing, and neither does "
    "what changes when parts of it are silenced. Choose the streets model to see a segmentation that was learned.",
    "这个网络从未训练过，权重是随机数：它给出的类别毫无意义，关掉某些部分后发生的变化也一样。要看学来的分割，请选择街景模型。",
)
OWED = Text("What the blocks contribute", "四个模块贡献了什么")
OWED_HERE = Text(
    "Silence all attention, and {attention} of this picture's pixels change class; take the four blocks out altogether, and "
    "{blocks} do. Open a block to see where.",
    "关掉全部注意力，这张图有 {attention} 的像素改变类别；把四个模块整个去掉，则有 {blocks}。打开一个模块可以看到在哪里。",
)
OWED_VAL = Text(
    "On the {val} validation photographs mIoU is {whole}; without any attention {attention}, without the four blocks {blocks}. "
    "So attention alone is worth {own} here, the whole blocks, with their MLPs, {owed}.",
    "在 {val} 张验证照片上 mIoU 为 {whole}；没有注意力时为 {attention}，没有四个模块时为 {blocks}。"
    "也就是说，单是注意力值 {own}，整个模块（连同 MLP）值 {owed}。",
)
FAILS = Text("Where it fails", "它在哪里失败")
FAILS_HOW = Text(
    "Worst on the validation photographs, by IoU: {worst}. What is thin, small or far away is lost first: one class score "
    "stands for 8 × 8 pixels, one token for 64 × 64.",
    "在验证照片上最差的（IoU）：{worst}。细的、小的、远的东西最先丢失：一个类别得分对应 8 × 8 个像素，一个 token 对应 64 × 64 个。",
)
OFF_NOTE = Text(
    "Coloured are the pixels that change, in their new class; point at one to read both. The rest of the network was not trained to do without, so this shows what it relies on, not what a network without it "
    "could learn.",
    "着色的是改变了类别的像素，颜色是新的类别；指向它可读出前后两个类别。网络的其余部分并没有为缺少它而训练过，所以这显示的是网络依赖什么，而不是没有它的网络能学到什么。",
)
HEAD = Text("head {h}: {spread} effective tokens of {HW}", "头 {h}：有效 token {spread}，共 {HW} 个")


@dataclass(frozen=True)
class _Part:
    """One thing to open: its name as in the address bar, words, shape (HTML and bare) and the cost rows that are its own."""

    name: str
    short: str
    title: str
    note: str
    shape: str
    sizes: str
    formula: str = ""
    costs: tuple[str, ...] = ()


def network_payload(
    run: Trace,
    model: TopFormer,
    photo: Image.Image,
    lang: Lang,
    facts: Facts | None,
    settings: dict[str, Any],
    untrained: bool = False,
) -> bytes:
    """Everything the page shows of one run; ``facts`` were measured of the model, where it is the bundled one;
    ``untrained`` networks get a word that their segmentation is chance.

    ``settings`` goes into the header as it is. A backbone without injection ends with its last block.
    """
    body = Body()
    blocks = [_block(run, n, lang, body) for n in range(model.num_blocks)]
    header: dict[str, Any] = {
        **settings,
        "lang": lang,
        "grid": [run.sizes["H"], run.sizes["W"]],
        "heads": run.sizes["heads"],
        "photo": body.add_photo(photo),
        "levels": [_level(run[f"pyramid{n}"], body) for n in range(4)],
        "tokens": _by_level(run["tokens"], model, body),
        "blocks": blocks,
        "split": _by_level(run[f"block{model.num_blocks - 1}.output"], model, body),
        "parts": [],
        "costs": {},
    }
    if model.classes is not None:
        names = classes_of(model.classes, model.class_names)
        header["injections"] = [_injection(run, n, body) for n in (1, 2, 3)]
        header |= _segmentation(run, model, photo, names, facts, lang, body)
        if untrained:
            header["owed"] = [[CHANCE(lang), CHANCE_WHY(lang)]]
    counted = costs(model.spec, model.classes, photo.height, photo.width)
    header["parts"] = [vars(part) for part in _parts(run, model, header, lang)]
    header["costs"] = _summed(counted, header["parts"])
    return body.message(header)


def _summed(counted: tuple[Cost, ...], parts: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Parameters and multiply-adds of each part, and of "all"."""
    sums = {
        part["name"]: [
            sum(c.params for c in counted if c.part in part["costs"]),
            sum(c.multiply_adds for c in counted if c.part in part["costs"]),
        ]
        for part in parts
        if part["costs"]
    }
    return sums | {"all": [sum(c.params for c in counted), sum(c.multiply_adds for c in counted)]}


def strength(tensor: Tensor) -> Tensor:
    """Root mean square over the channels, (1, C, H, W) to (1, 1, H, W), averaged down to at most CELLS."""
    power = tensor.float().square().mean(1, keepdim=True)
    return shrink(power, CELLS).sqrt()


def _level(level: Tensor, body: Body) -> dict[str, Any]:
    return {
        "strength": body.add(strength(level)),
        "channels": body.add(shrink(level[:, :CHANNELS].float(), CELLS).contiguous()),
    }


def _by_level(tokens: Tensor, model: TopFormer, body: Body) -> dict[str, Any]:
    """The strength of each level's channels on the token grid, (4, H, W), and how many they are."""
    channels = model.backbone.channels
    return {"maps": body.add(by_level(tokens, channels)), "channels": list(channels)}


def by_level(tokens: Tensor, channels: Sequence[int]) -> Tensor:
    """The strength of each level's part of the channels, (1, 4, H, W)."""
    return torch.cat([strength(part) for part in tokens.split(list(channels), dim=1)], dim=1)


def _block(run: Trace, n: int, lang: Lang, body: Body) -> dict[str, Any]:
    weights = run[f"block{n}.weights"].float()
    heads, tokens = weights.shape[1], weights.shape[-1]
    read = popularity(weights)
    size = (run.sizes["H"], run.sizes["W"])
    spread = torch.special.entr(weights).sum(-1).exp().mean(-1)[0].tolist()
    mean = weights.mean(1, keepdim=True)
    return {
        "mean": body.add(shrink(mean, MATRIX).contiguous()),
        "read": body.add(read.mean(1).reshape(1, 1, *size)),
        "heads": body.add(read.reshape(1, heads, *size)),
        "names": [HEAD(lang, h=h, spread=f"{value:.1f}", HW=tokens) for h, value in enumerate(spread, start=1)],
        "share": added(run, n),
    }


def popularity(weights: Tensor) -> Tensor:
    """How much each square is read, (1, heads, HW) of weights (1, heads, HW, HW): 1 where as much as any."""
    return weights.mean(2) * weights.shape[-1]


def added(run: Trace, n: int) -> float:
    """The size of what block ``n``'s attention adds, beside the map's own: root mean squares."""
    return float(run[f"block{n}.projected"].square().mean().sqrt() / run[f"block{n}.tokens"].square().mean().sqrt())


def _injection(run: Trace, n: int, body: Body) -> dict[str, Any]:
    gate = run[f"gate{n}"]
    return {
        "level": n,
        "gate": body.add(gate.mean(1, keepdim=True)),
        "mean": float(gate.mean()),
        "injected": body.add(strength(run[f"injected{n}"])),
    }


def _segmentation(
    run: Trace, model: TopFormer, photo: Image.Image, names: ClassSet, facts: Facts | None, lang: Lang, body: Body
) -> dict[str, Any]:
    """The segmentation, its legend (the classes present, largest first), and the ones with parts taken away."""
    scores = run["class_scores"]
    whole = segment(scores, fit(photo, SEGMENTATION))
    small = segment(scores, fit(photo, COMPARED)).labels
    others = {
        part: segment(without(model, run, silenced), fit(photo, COMPARED)).labels for part, silenced in SILENCED.items()
    }
    changed = {part: f"{float((labels != small).float().mean()):.1%}" for part, labels in others.items()}
    counts = torch.bincount(whole.labels.flatten(), minlength=scores.shape[1])
    present = torch.cat([labels.flatten() for labels in (whole.labels, small, *others.values())]).unique()
    order = sorted(present.tolist(), key=lambda c: -int(counts[c]))[:LEGEND]
    # Of a network with more classes than a byte can tell apart, the rarest here become one.
    index = torch.full((scores.shape[1],), len(order), dtype=torch.uint8)
    index[order] = torch.arange(len(order), dtype=torch.uint8)
    legend = [
        {
            "name": names.names[c](lang),
            "colour": names.colours[c],
            "share": float(counts[c]) / whole.labels.numel(),
            "iou": None if facts is None else facts.iou[c],
        }
        for c in order
    ]
    if len(present) > len(order):
        rest = 1 - float(counts[order].sum()) / whole.labels.numel()
        legend.append({"name": REST(lang), "colour": "#808080", "share": rest, "iou": None})
    shown = [c for c in order if counts[c]][:SCORES]
    return {
        "legend": legend,
        "set": names.title(lang),
        "classes": len(names.names),
        "labels": body.add(index[whole.labels][None, None]),
        "sure": body.add((whole.sure * 255).round().to(torch.uint8)[None, None]),
        "mean_sure": float(whole.sure.mean()),
        "small": body.add(index[small][None, None]),
        "without": [
            {
                "labels": body.add(index[labels][None, None]),
                "text": OFF.get(part, ATTENTION_OFF)(lang, changed=changed[part]),
                "val": ""
                if facts is None
                else ON_VAL(lang, before=f"{facts.mean_iou:.3f}", after=f"{facts.without[part]:.3f}"),
            }
            for part, labels in others.items()
        ],
        "owed": _owed(changed, facts, names, lang),
        "scores": {
            "maps": body.add(shrink(scores[:, shown], CELLS).contiguous()),
            "names": [names.names[c](lang) for c in shown],
        },
    }


def _owed(changed: dict[str, str], facts: Facts | None, names: ClassSet, lang: Lang) -> list[list[str]]:
    """What the blocks contribute and where the network fails: [heading, sentence, ...] each."""
    owed = [OWED(lang), OWED_HERE(lang, attention=changed["attention"], blocks=changed["blocks"])]
    if facts is None:
        return [owed]
    owed.append(
        OWED_VAL(
            lang,
            val=facts.val,
            whole=f"{facts.mean_iou:.3f}",
            attention=f"{facts.without['attention']:.3f}",
            blocks=f"{facts.without['blocks']:.3f}",
            owed=f"{facts.mean_iou - facts.without['blocks']:.3f}",
            own=f"{facts.mean_iou - facts.without['attention']:.3f}",
        )
    )
    worst = sorted((iou, name(lang)) for iou, name in zip(facts.iou, names.names, strict=True))[:WORST]
    told = (", " if lang == "en" else "、").join(f"{name} {iou:.2f}" for iou, name in worst)
    return [owed, [FAILS(lang), FAILS_HOW(lang, worst=told)]]


def fit(photo: Image.Image, longest: int) -> tuple[int, int]:
    """(Y, X) of the photograph brought to ``longest`` pixels on its longer side."""
    scale = longest / max(photo.size)
    return max(1, round(photo.height * scale)), max(1, round(photo.width * scale))


def _parts(run: Trace, model: TopFormer, header: dict[str, Any], lang: Lang) -> list[_Part]:
    """Everything that opens, in the order of computation."""
    sizes = dict(run.sizes)

    def add(name: str, short: str, title: str, words: str, traced: str, formula: str = "", cost: bool = False) -> None:
        parts.append(
            _Part(
                name,
                short,
                title,
                note_html(words, lang),
                shape_html(traced, sizes),
                " × ".join(str(sizes[axis]) for axis in axes_of(traced)[1:]),
                formula_html(formula),
                (traced.replace(".output", ""),) if cost else (),
            )
        )

    def note(stage: str) -> str:
        return STAGES[stage].note(lang, **sizes)

    parts: list[_Part] = []
    add(
        "image",
        STAGES["image"].title(lang),
        STAGES["image"].title(lang),
        note("image"),
        "image",
        STAGES["image"].formula,
    )
    for n in range(4):
        add(f"pyramid{n}", f"1/{4 << n}", LEVEL_TITLE(lang, scale=4 << n), note("pyramid{n}"), f"pyramid{n}", cost=True)
    add("tokens", POOLED_SHORT(lang), POOLED_TITLE(lang), POOLED(lang, **sizes), "tokens", STAGES["tokens"].formula)
    for n, block in enumerate(header["blocks"]):
        words = BLOCK(lang, **sizes, share=f"{block['share']:.1%}")
        add(
            f"block{n + 1}",
            BLOCK_TITLE(lang, n=n + 1),
            BLOCK_TITLE(lang, n=n + 1),
            words,
            f"block{n}.output",
            cost=True,
        )
    if model.classes is None:
        return parts
    dealt = " + ".join(str(c) for c in model.backbone.channels)
    add(
        "split",
        SPLIT_TITLE(lang),
        SPLIT_TITLE(lang),
        SPLIT(lang, **sizes, parts=dealt),
        f"block{model.num_blocks - 1}.output",
    )
    for n, injection in enumerate(header["injections"], start=1):
        words = INJECTION(lang, note=note("injected{n}"), gate=f"{injection['mean']:.1%}")
        formula = STAGES["injected{n}"].formula.replace("_{n}", f"_{{{n}}}")
        title = INJECTION_TITLE(lang, scale=4 << n)
        add(f"injected{n}", f"1/{4 << n}", title, words, f"injected{n}", formula, cost=True)
    title, formula = STAGES["class_scores"].title(lang), STAGES["class_scores"].formula
    add("class_scores", title, title, SCORES_NOTE(lang, note=note("class_scores")), "class_scores", formula, cost=True)
    words = SEGMENTATION_NOTE(lang, classes=sizes["classes"], sure=f"{header['mean_sure']:.1%}")
    shape = " · ".join(axis_span(axis, f"{axis} {sizes[axis]}") for axis in ("Y", "X"))
    title = SEGMENTATION_TITLE(lang)
    parts.append(_Part("segmentation", title, title, note_html(words, lang), shape, f"{sizes['Y']} × {sizes['X']}"))
    return parts
