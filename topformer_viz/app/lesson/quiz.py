"""Questions for a class to answer before it sees a stage, and what is right and wrong about each answer.

Which shape comes out is asked of every stage: the question is made from its declaration alone (sources, steps, axes),
the wrong answers by the usual mistakes. Other questions have their answers in the run on show, and are left out where it
gives no clear one. Sentences carry the markup of the notes in stages.py: names in back quotes.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.run.measures import effective_tokens, measure
from topformer_viz.run.stages import AXES, COMPOSITE, OPERATIONS, Stage, axes_of
from topformer_viz.run.tracing import Trace
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import Lang, Text

OPTIONS = 4  # at most, the right one among them
CLEAR = 0.02  # share by which two numbers must differ for one of them to be called larger
EXACT = 1e-3  # share below which they are called the same

WIDTHS = ("C", "nh_kd", "dh")  # axes that count a token map's channels

Shape = tuple[tuple[str, int], ...]  # axis and size, in order


@dataclass(frozen=True)
class Option:
    """One answer, and the reason why it is right or wrong."""

    text: str
    correct: bool
    reason: str


@dataclass(frozen=True)
class Question:
    """What is asked: ``given`` says from what, ``kind`` names it within its stage.

    ``live``: whether the answer comes from the run and the block on show, and may be another in the next.
    """

    kind: str
    given: tuple[str, ...]
    prompt: str
    options: tuple[Option, ...]
    live: bool


def questions(
    run: Trace, model: Model, block: int, stage: Stage, name: str, sources: Sequence[str], lang: Lang
) -> list[Question]:
    """Everything to ask about a stage of ``block`` (from 0), the best to begin with first.

    ``name`` and ``sources`` are traced names; ``stage`` declares ``name``.
    """
    shape = shape_question(stage, name, sources, run.sizes, lang)
    live = [asked for ask in LIVE.get(stage.name, ()) if (asked := ask(run, model, f"block{block}", lang))]
    same = sources and all(axes_of(source) == axes_of(name) for source in sources)
    return [*live, shape] if same else [shape, *live]


# ---------------------------------------------------------------- the shape

GIVEN = Text("`{name}`: `{shape}`", "`{name}`：`{shape}`")
GIVEN_PICTURE = Text(
    "A colour picture, {X} pixels wide and {Y} high, as a tensor.", "一张彩色图片，宽 {X} 像素、高 {Y} 像素，写成张量。"
)
NEXT = Text("Next: {operations}. Which shape comes out?", "接下来：{operations}。得到的形状是什么？")

STAYS = Text("{operation}: the shape stays as it was.", "{operation}：形状不变。")
SUMMED = Text(
    "`{axis}`, the last axis of `{left}` and the third of `{right}`, is summed over. The others remain.",
    "`{left}` 的最后一个轴与 `{right}` 的第三个轴都是 `{axis}`：它被求和消去，其余的轴留下。",
)
GIVES = Text("{operation}: `{shape}`.", "{operation}：`{shape}`。")
BECOMES = Text("`{before}` becomes `{after}`.", "`{before}` 变成 `{after}`。")
ADDS_UP = Text("The channels are stacked: {sum}.", "通道拼在一起：{sum}。")
MADE_OF = Text("`{whole}` = `{a}` × `{b}` = {n} × {m} = {size}.", "`{whole}` = `{a}` × `{b}` = {n} × {m} = {size}。")

STOPPED = Text("That is what {done} leaves. Still to come: {missing}.", "这只是 {done} 的结果，后面还有 {missing}。")
KEPT = Text(
    "Here `{axis}` is still there. A matrix product sums over it.", "这里 `{axis}` 还在。矩阵乘会对它求和，把它消去。"
)
OTHER_SUM = Text(
    "That is the product the other way round, summed over `{axis}`.", "这是反过来相乘的结果，被求和的变成了 `{axis}`。"
)
HEADS_LOST = Text(
    "Here the heads are gone. Each of the {heads} heads keeps a result of its own.",
    "这里头不见了。{heads} 个头各自保留自己的结果。",
)
SWAPPED = Text("The right axes, but the last two are swapped.", "轴是对的，但最后两个轴的次序反了。")
DROPPED = Text(
    "That would be one number for each row. {operation} keeps all {size} entries of a row.",
    "那是每行只剩一个数。{operation}会保留每行的 {size} 个元素。",
)
STACKED = Text(
    "That would be stacking. Adding goes entry by entry, so there are no more channels than before.",
    "那是拼接。相加是逐元素的，通道不会变多。",
)
LEVEL = Text("That is as large as `{level}`, the level before.", "那是上一层 `{level}` 的大小。")
GRID = Text(
    "`{source}` has that many rows and columns. Here {rows} × {columns} are left.",
    "`{source}` 才有这么多行和列。这里只剩 {rows} × {columns}。",
)
CHANNELS = Text(
    "`{source}` has that many channels. Here there are {channels}.", "`{source}` 才有这么多通道。这里是 {channels} 个。"
)
ITSELF = Text("That is `{source}` itself, before this step.", "这是 `{source}` 本身，还没有经过这一步。")
OTHER_AXIS = Text(
    "`{other}` would be: {other_meaning}. Here it is `{axis}`: {meaning}.",
    "`{other}` 是：{other_meaning}。这里应当是 `{axis}`：{meaning}。",
)
JOINED = Text(
    "Here `{a}` and `{b}` are one axis, `{whole}`. In the result they are two: {n} × {m}.",
    "这里 `{a}` 和 `{b}` 合成了一个轴 `{whole}`。结果里它们是两个轴：{n} × {m}。",
)
SPLIT = Text(
    "Here `{a}` and `{b}` are two axes. In the result they are one: `{whole}` = {n} × {m} = {size}.",
    "这里 `{a}` 和 `{b}` 是两个轴。结果里它们合成一个：`{whole}` = {n} × {m} = {size}。",
)
LISTED = Text(
    "That would be a list of pixels. Here they still lie on their grid.", "那是排成一列的像素。这里像素仍排在网格上。"
)
CHANNELS_LAST = Text(
    "The right axes, but PyTorch puts the channels before rows and columns.",
    "轴是对的，但 PyTorch 把通道放在行和列之前。",
)


def shape_question(stage: Stage, name: str, sources: Sequence[str], sizes: Mapping[str, int], lang: Lang) -> Question:
    """Which shape the stage's steps give, asked from its declaration; the order of the answers is the same every time."""

    def shape_of(axes: Sequence[str]) -> Shape:
        return tuple((axis, sizes[axis]) for axis in axes)

    right = shape_of(axes_of(name))
    before = {source.split(".")[-1]: shape_of(axes_of(source)) for source in sources}
    operations = [OPERATIONS[step.operation](lang) for step in stage.steps]
    found = {right: Option(_written(right), True, _right(stage, right, before, sizes, lang))}
    for shape, reason in _mistakes(stage, name, right, before, sizes, lang):
        if len(found) < OPTIONS:
            found.setdefault(shape, Option(_written(shape), False, reason))
    options = list(found.values())
    random.Random(stage.name).shuffle(options)
    given = tuple(GIVEN(lang, name=source, shape=_axes(shape)) for source, shape in before.items())
    prompt = NEXT(lang, operations=(", " if lang == "en" else "，").join(operations))
    return Question("shape", given or (GIVEN_PICTURE(lang, **sizes),), prompt, tuple(options), live=False)


def _axes(shape: Shape) -> str:
    return " · ".join(f"{axis} {size}" for axis, size in shape)


def _written(shape: Shape) -> str:
    return f"`{_axes(shape)}`"


def _right(stage: Stage, right: Shape, before: Mapping[str, Shape], sizes: Mapping[str, int], lang: Lang) -> str:
    """Why the shape is the one it is."""
    shapes, operations = list(before.values()), [_capital(OPERATIONS[step.operation](lang)) for step in stage.steps]
    if stage.steps[-1].operation == "matmul":
        left, other = before
        said = [SUMMED(lang, axis=shapes[0][-1][0], left=left, right=other)]
    elif shapes and all(shape == right for shape in shapes):
        said = [STAYS(lang, operation=operations[0])]
    elif len(stage.steps) > 1:
        steps = [tuple((axis, sizes[axis]) for axis in step.axes.split()) for step in stage.steps]
        said = [
            GIVES(lang, operation=operation, shape=_axes(step))
            for operation, step in zip(operations, steps, strict=True)
        ]
    elif len(shapes) == 1 and len(shapes[0]) == len(right) and stage.steps[0].operation != "reshape":
        changed = [(a, b) for a, b in zip(shapes[0], right, strict=True) if a != b]
        said = [BECOMES(lang, before=_axes((a,)), after=_axes((b,))) for a, b in changed]
    else:
        said = [GIVES(lang, operation=operations[-1], shape=_axes(right))]
    channels = [shape[1][1] for shape in shapes]
    if len(channels) > 1 and sum(channels) == right[1][1]:
        said.append(ADDS_UP(lang, sum=f"{' + '.join(map(str, channels))} = {sum(channels)}"))
    changed_axes = {axis for axis, _ in right} ^ {axis for shape in shapes for axis, _ in shape}
    said += [
        MADE_OF(lang, whole=whole, a=a, b=b, n=sizes[a], m=sizes[b], size=sizes[whole])
        for whole, (a, b) in COMPOSITE.items()
        if whole in changed_axes and (whole in dict(right) or {a, b} <= dict(right).keys())
    ]
    return (" " if lang == "en" else "").join(said)


def _mistakes(
    stage: Stage, name: str, right: Shape, before: Mapping[str, Shape], sizes: Mapping[str, int], lang: Lang
) -> Iterator[tuple[Shape, str]]:
    """Wrong shapes with the reason, the most telling first; some may be alike, or like ``right`` where sizes agree."""
    shapes, axes = list(before.values()), [axis for axis, _ in right]
    last = stage.steps[-1].operation
    operation, same = OPERATIONS[last](lang), all(shape == right for shape in shapes)
    is_map = len(right) == 4 and "heads" not in axes
    for done, missing in pairwise(stage.steps):
        left_out = OPERATIONS[missing.operation](lang)
        shape = tuple((axis, sizes[axis]) for axis in done.axes.split())
        yield shape, STOPPED(lang, done=OPERATIONS[done.operation](lang), missing=left_out)
    if last == "matmul":
        left, other = shapes
        yield (*left, other[-1]), KEPT(lang, axis=left[-1][0])
        if left[-2] == other[-1]:
            yield (*left[:-2], left[-1], left[-1]), OTHER_SUM(lang, axis=left[-2][0])
    if "heads" in axes:
        yield (*right[:-2], right[-1], right[-2]), SWAPPED(lang)
        if same:
            yield right[:-1], DROPPED(lang, operation=_capital(operation), size=right[-1][1])
        if last in ("matmul", "softmax"):
            yield tuple(pair for pair in right if pair[0] != "heads"), HEADS_LOST(lang, heads=sizes["heads"])
    if is_map and len(shapes) > 1 and same:
        yield (right[0], (right[1][0], sum(shape[1][1] for shape in shapes)), *right[2:]), STACKED(lang)
    if stage.name == "pyramid{n}" and (n := int(name[-1])):
        level = f"pyramid{n - 1}"
        own = [sizes[axis] for axis in axes_of(level)]
        yield tuple(zip(axes, own, strict=True)), LEVEL(lang, level=level)
    for source, shape in list(before.items())[-1:]:
        if is_map and len(shape) == 4 and "heads" not in dict(shape):
            rows, columns = right[2:]
            grid = ((rows[0], shape[2][1]), (columns[0], shape[3][1]))
            yield (*right[:2], *grid), GRID(lang, source=source, rows=rows[1], columns=columns[1])
            if len(shapes) > 1 or grid != (rows, columns):
                channels = (right[1][0], shape[1][1])
                yield (right[0], channels, *right[2:]), CHANNELS(lang, source=source, channels=right[1][1])
    for source, shape in before.items():
        yield shape, ITSELF(lang, source=source)
    if is_map and not same and axes[1] in WIDTHS:
        for width in WIDTHS:
            words = {"other": width, "other_meaning": AXES[width].meaning(lang), "axis": axes[1]}
            reason = OTHER_AXIS(lang, **words, meaning=AXES[axes[1]].meaning(lang))
            yield (right[0], (width, sizes[width]), *right[2:]), reason
    for whole, (a, b) in COMPOSITE.items():
        if whole not in sizes:
            continue
        pair, values = {(a, sizes[a]), (b, sizes[b])}, {"whole": whole, "a": a, "b": b, "n": sizes[a], "m": sizes[b]}
        if pair <= set(right):
            kept = [p for p in right if p[0] != a]
            yield tuple((whole, sizes[whole]) if p[0] == b else p for p in kept), JOINED(lang, **values)
        if axes.count(whole) == 1:
            at = axes.index(whole)
            shape = (*right[:at], (a, sizes[a]), (b, sizes[b]), *right[at + 1 :])
            yield shape, SPLIT(lang, **values, size=sizes[whole])
    if is_map:
        if axes[2:] == ["H", "W"]:
            yield (right[0], ("HW", sizes["HW"]), right[1]), LISTED(lang)
        yield (right[0], *right[2:], right[1]), CHANNELS_LAST(lang)
    yield (*right[:-2], right[-1], right[-2]), SWAPPED(lang)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# ---------------------------------------------------------------- the run on show

FOCUSED = Text(
    "Which head is the most focused: which spreads a row over the fewest pixels?",
    "哪个头最集中，也就是把一行权重分给最少的像素？",
)
FURTHEST = Text(
    "Which head looks furthest: in which is the pixel that is read furthest from the one that asks, on average?",
    "哪个头看得最远，也就是平均而言，被读的像素离提问的像素最远？",
)
EFFECTIVE = Text(
    "{value:.1f} effective tokens of {HW} in a row, on average", "平均每行有效 token 数 {value:.1f}，共 {HW} 个"
)
DISTANCE = Text("{value:.2f} tokens away, on average", "平均距离 {value:.2f} 格")
HEAD = Text("Head {n}", "头 {n}")
NAMED_HEAD = Text("Head {n} ({name})", "头 {n}（{name}）")
THIS_HEAD = Text("{head}: {number}.", "{head}：{number}。")
NOT_THIS_HEAD = Text("{head}: {number}. {best}: {best_number}.", "{head}：{number}。{best}：{best_number}。")

SCALE = Text(
    "If the scores were divided by √key_dim = √{key_dim} before the softmax, over how many pixels would a row spread?",
    "如果在 softmax 之前把得分除以 √key_dim = √{key_dim}，一行权重会分散到多少个像素上？",
)
MORE, FEWER, AS_MANY = Text("more", "更多"), Text("fewer", "更少"), Text("as many", "一样多")
SCALED = Text(
    "Effective tokens in a row, on average: {plain:.1f} as it is, {scaled:.1f} with the division.",
    "平均每行的有效 token 数：现在是 {plain:.1f}，除以之后是 {scaled:.1f}。",
)

SUMS = Text("Which sums of a head's table are 1?", "一个头的表里，哪些和等于 1？")
ROWS = Text("each row's", "每一行的和")
COLUMNS = Text("each column's", "每一列的和")
BOTH = Text("both", "行和列都是")
SUMS_ARE = Text(
    "Softmax runs along the rows, so each row sums to {rows:.2f}. The columns' sums go from {low:.2f} to {high:.2f}.",
    "softmax 沿每一行做，所以每行之和是 {rows:.2f}。各列之和在 {low:.2f} 到 {high:.2f} 之间。",
)

ALIKE = Text(
    "Each pixel now takes a weighted mean of all pixels' values. Do the pixels become more alike?",
    "每个像素现在取所有像素的值的加权平均。像素之间会更相似吗？",
)
MORE_ALIKE = Text("more alike", "更相似")
LESS_ALIKE = Text("less alike", "更不相似")
AS_ALIKE = Text("as alike as before", "和以前一样")
SPREADS = Text(
    "From pixel to pixel a value varies by {value:.3g} (standard deviation), a mixed feature by {mixed:.3g}.",
    "在像素之间，值的标准差是 {value:.3g}，混合后的特征是 {mixed:.3g}。",
)

ZEROS = Text("ReLU6 cuts off what is negative. How many entries are 0 now?", "ReLU6 截去负数。现在有多少元素为 0？")
QUARTERS = (
    Text("up to a quarter", "不到四分之一"),
    Text("a quarter to a half", "四分之一到一半"),
    Text("a half to three quarters", "一半到四分之三"),
    Text("more than three quarters", "超过四分之三"),
)
ZEROS_ARE = Text("{share:.0%} of the entries are 0.", "{share:.0%} 的元素为 0。")

BRANCH = Text("What does the attention branch put out here?", "注意力分支在这里输出什么？")
NOTHING = Text("exactly 0 everywhere", "处处恰好为 0")
HALF = Text("0 for half of the entries, because of ReLU6", "一半元素为 0，因为有 ReLU6")
SOMETHING = Text("hardly any entry is 0", "几乎没有元素为 0")
BRANCH_IS = Text(
    "{share:.0%} of the entries are 0; the largest is {largest:.3g} in size.",
    "{share:.0%} 的元素为 0，绝对值最大的是 {largest:.3g}。",
)
BRANCH_GAIN = Text(
    "As built, the gain of the projection's BatchNorm is 0, and so is all that comes out of it.",
    "刚建好时，投影的 BatchNorm 增益为 0，所以它的输出全是 0。",
)

ADDED = Text(
    "How large is what attention adds, beside the map that came in (root mean square)?",
    "与输入的特征图相比，注意力加上去的部分有多大（按均方根）？",
)
PARTS = (
    Text("nothing at all is added", "什么也没加"),
    Text("less than half as large", "不到一半"),
    Text("half as large to as large", "一半到一样大"),
    Text("larger", "更大"),
)
ADDED_IS = Text(
    "Root mean square of the map that came in: {tokens:.3g}; of what is added: {added:.3g}, {share:.0%} of it.",
    "输入的均方根是 {tokens:.3g}，加上去的是 {added:.3g}，为前者的 {share:.0%}。",
)


def _choose(kind: str, prompt: str, options: Sequence[Text], right: int, reason: str, lang: Lang) -> Question:
    """A question whose answers stand in their natural order and share one reason: the numbers."""
    answers = (Option(_capital(text(lang)), n == right, reason) for n, text in enumerate(options))
    return Question(kind, (), prompt, tuple(answers), live=True)


def _compared(after: float, before: float) -> int | None:
    """0: more, 1: less, 2: the same; None where it is neither the same nor clearly different."""
    change = abs(after - before) / max(abs(before), 1e-12)
    if change < EXACT:
        return 2
    return None if change < CLEAR else int(after < before)


def _band(value: float, ends: Sequence[float]) -> int | None:
    """Between which of ``ends`` the value lies; None where it is too near to one to tell."""
    return None if any(abs(value - end) < CLEAR * end for end in ends) else sum(value > end for end in ends)


def _which_head(
    kind: str,
    prompt: Text,
    number: Text,
    values: Sequence[float],
    order: list[int],
    run: Trace,
    model: Model,
    lang: Lang,
) -> Question | None:
    """Which head is first in ``order``; None where the second is hardly different."""
    first, second = (values[head] for head in order[:2])
    if abs(first - second) <= CLEAR * max(abs(first), abs(second)):
        return None

    def called(head: int) -> str:
        if isinstance(model, ColourModel):
            return NAMED_HEAD(lang, n=head + 1, name=QUESTION_NAMES[list(QUESTIONS)[head]](lang))
        return HEAD(lang, n=head + 1)

    def said(head: int) -> str:
        return number(lang, value=values[head], HW=run.sizes["HW"])

    best, options = order[0], []
    for head in sorted(order[:: -(-len(order) // OPTIONS)]):
        if head == best:
            reason = THIS_HEAD(lang, head=called(head), number=said(head))
        else:
            reason = NOT_THIS_HEAD(
                lang, head=called(head), number=said(head), best=called(best), best_number=said(best)
            )
        options.append(Option(called(head), head == best, reason))
    return Question(kind, (), prompt(lang), tuple(options), live=True)


def _focused(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    values = effective_tokens(run[f"{block}.weights"][0]).mean(-1).tolist()
    order = sorted(range(len(values)), key=lambda head: values[head])
    return _which_head("focused", FOCUSED, EFFECTIVE, values, order, run, model, lang)


def _furthest(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    values = measure(run, int(block.removeprefix("block"))).distance.tolist()
    order = sorted(range(len(values)), key=lambda head: -values[head])
    return _which_head("furthest", FURTHEST, DISTANCE, values, order, run, model, lang)


def _scale(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    scores, key_dim = run[f"{block}.scores"], run.sizes["key_dim"]
    after = (run[f"{block}.weights"], (scores * key_dim**-0.5).softmax(dim=-1))
    plain, scaled = (float(effective_tokens(weights).mean()) for weights in after)
    right = _compared(scaled, plain)
    if right is None:
        return None
    reason = SCALED(lang, plain=plain, scaled=scaled)
    return _choose("scale", SCALE(lang, key_dim=key_dim), (MORE, FEWER, AS_MANY), right, reason, lang)


def _sums(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    weights = run[f"{block}.weights"][0]
    columns = weights.sum(-2)
    off = float((columns - 1).abs().max())
    if EXACT <= off < CLEAR:
        return None
    low, high = (float(end) for end in torch.aminmax(columns))
    reason = SUMS_ARE(lang, rows=float(weights.sum(-1).mean()), low=low, high=high)
    return _choose("sums", SUMS(lang), (ROWS, COLUMNS, BOTH), 2 if off < EXACT else 0, reason, lang)


def _alike(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    if run.sizes["HW"] < 2:
        return None
    value, mixed = (float(run[f"{block}.{name}"].std(-2).mean()) for name in ("value", "mixed"))
    spread = _compared(mixed, value)
    if spread is None:
        return None
    right = {0: 1, 1: 0, 2: 2}[spread]  # the larger the spread, the less alike
    reason = SPREADS(lang, value=value, mixed=mixed)
    return _choose("alike", ALIKE(lang), (MORE_ALIKE, LESS_ALIKE, AS_ALIKE), right, reason, lang)


def _zeros(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    share = float((run[f"{block}.activated"] == 0).float().mean())
    right = _band(share, (0.25, 0.5, 0.75))
    if right is None:
        return None
    return _choose("zeros", ZEROS(lang), QUARTERS, right, ZEROS_ARE(lang, share=share), lang)


def _branch(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    projected = run[f"{block}.projected"]
    share, largest = float((projected == 0).float().mean()), float(projected.abs().max())
    if CLEAR < share < 1:
        return None
    reason = BRANCH_IS(lang, share=share, largest=largest)
    if share == 1:
        reason += (" " if lang == "en" else "") + BRANCH_GAIN(lang)
    return _choose("branch", BRANCH(lang), (NOTHING, HALF, SOMETHING), 0 if share == 1 else 2, reason, lang)


def _added(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    tokens, added = (float(run[f"{block}.{name}"].square().mean().sqrt()) for name in ("tokens", "projected"))
    share = added / max(tokens, 1e-12)
    right = 0 if added == 0 else _band(share, (0.5, 1))
    if right is None:
        return None
    right += added != 0
    return _choose("added", ADDED(lang), PARTS, right, ADDED_IS(lang, tokens=tokens, added=added, share=share), lang)


LIVE: dict[str, tuple[Callable[[Trace, Model, str, Lang], Question | None], ...]] = {
    "scores": (_scale,),
    "weights": (_focused, _sums, _furthest),
    "mixed": (_alike,),
    "activated": (_zeros,),
    "projected": (_branch,),
    "residual": (_added,),
}
