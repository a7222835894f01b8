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

from topformer_viz.app.lesson import quiz_words as say
from topformer_viz.network.colour import QUESTIONS, ColourModel, Model
from topformer_viz.run.measures import effective_tokens, measure
from topformer_viz.run.stages import AXES, COMPOSITE, OPERATIONS, Stage, axes_of
from topformer_viz.run.tracing import Trace
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import Lang, Text, capital, clauses, sentences

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
    given = tuple(say.GIVEN(lang, name=source, shape=_axes(shape)) for source, shape in before.items())
    prompt = say.NEXT(lang, operations=clauses(lang, operations))
    return Question("shape", given or (say.GIVEN_PICTURE(lang, **sizes),), prompt, tuple(options), live=False)


def _axes(shape: Shape) -> str:
    return " · ".join(f"{axis} {size}" for axis, size in shape)


def _written(shape: Shape) -> str:
    return f"`{_axes(shape)}`"


def _right(stage: Stage, right: Shape, before: Mapping[str, Shape], sizes: Mapping[str, int], lang: Lang) -> str:
    """Why the shape is the one it is."""
    shapes, operations = list(before.values()), [capital(OPERATIONS[step.operation](lang)) for step in stage.steps]
    if stage.steps[-1].operation == "matmul":
        left, other = before
        said = [say.SUMMED(lang, axis=shapes[0][-1][0], left=left, right=other)]
    elif shapes and all(shape == right for shape in shapes):
        said = [say.STAYS(lang, operation=operations[0])]
    elif len(stage.steps) > 1:
        steps = [tuple((axis, sizes[axis]) for axis in step.axes.split()) for step in stage.steps]
        said = [
            say.GIVES(lang, operation=operation, shape=_axes(step))
            for operation, step in zip(operations, steps, strict=True)
        ]
    elif len(shapes) == 1 and len(shapes[0]) == len(right) and stage.steps[0].operation != "reshape":
        changed = [(a, b) for a, b in zip(shapes[0], right, strict=True) if a != b]
        said = [say.BECOMES(lang, before=_axes((a,)), after=_axes((b,))) for a, b in changed]
    else:
        said = [say.GIVES(lang, operation=operations[-1], shape=_axes(right))]
    channels = [shape[1][1] for shape in shapes]
    if len(channels) > 1 and sum(channels) == right[1][1]:
        said.append(say.ADDS_UP(lang, sum=f"{' + '.join(map(str, channels))} = {sum(channels)}"))
    changed_axes = {axis for axis, _ in right} ^ {axis for shape in shapes for axis, _ in shape}
    said += [
        say.MADE_OF(lang, whole=whole, a=a, b=b, n=sizes[a], m=sizes[b], size=sizes[whole])
        for whole, (a, b) in COMPOSITE.items()
        if whole in changed_axes and (whole in dict(right) or {a, b} <= dict(right).keys())
    ]
    return sentences(lang, said)


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
        yield shape, say.STOPPED(lang, done=OPERATIONS[done.operation](lang), missing=left_out)
    if last == "matmul":
        left, other = shapes
        yield (*left, other[-1]), say.KEPT(lang, axis=left[-1][0])
        if left[-2] == other[-1]:
            yield (*left[:-2], left[-1], left[-1]), say.OTHER_SUM(lang, axis=left[-2][0])
    if "heads" in axes:
        yield (*right[:-2], right[-1], right[-2]), say.SWAPPED(lang)
        if same:
            yield right[:-1], say.DROPPED(lang, operation=capital(operation), size=right[-1][1])
        if last in ("matmul", "softmax"):
            yield tuple(pair for pair in right if pair[0] != "heads"), say.HEADS_LOST(lang, heads=sizes["heads"])
    if is_map and len(shapes) > 1 and same:
        yield (right[0], (right[1][0], sum(shape[1][1] for shape in shapes)), *right[2:]), say.STACKED(lang)
    if stage.name == "pyramid{n}" and (n := int(name[-1])):
        level = f"pyramid{n - 1}"
        own = [sizes[axis] for axis in axes_of(level)]
        yield tuple(zip(axes, own, strict=True)), say.LEVEL(lang, level=level)
    for source, shape in list(before.items())[-1:]:
        if is_map and len(shape) == 4 and "heads" not in dict(shape):
            rows, columns = right[2:]
            grid = ((rows[0], shape[2][1]), (columns[0], shape[3][1]))
            yield (*right[:2], *grid), say.GRID(lang, source=source, rows=rows[1], columns=columns[1])
            if len(shapes) > 1 or grid != (rows, columns):
                channels = (right[1][0], shape[1][1])
                yield (right[0], channels, *right[2:]), say.CHANNELS(lang, source=source, channels=right[1][1])
    for source, shape in before.items():
        yield shape, say.ITSELF(lang, source=source)
    if is_map and not same and axes[1] in WIDTHS:
        for width in WIDTHS:
            words = {"other": width, "other_meaning": AXES[width].meaning(lang), "axis": axes[1]}
            reason = say.OTHER_AXIS(lang, **words, meaning=AXES[axes[1]].meaning(lang))
            yield (right[0], (width, sizes[width]), *right[2:]), reason
    for whole, (a, b) in COMPOSITE.items():
        if whole not in sizes:
            continue
        pair, values = {(a, sizes[a]), (b, sizes[b])}, {"whole": whole, "a": a, "b": b, "n": sizes[a], "m": sizes[b]}
        if pair <= set(right):
            kept = [p for p in right if p[0] != a]
            yield tuple((whole, sizes[whole]) if p[0] == b else p for p in kept), say.JOINED(lang, **values)
        if axes.count(whole) == 1:
            at = axes.index(whole)
            shape = (*right[:at], (a, sizes[a]), (b, sizes[b]), *right[at + 1 :])
            yield shape, say.SPLIT(lang, **values, size=sizes[whole])
    if is_map:
        if axes[2:] == ["H", "W"]:
            yield (right[0], ("HW", sizes["HW"]), right[1]), say.LISTED(lang)
        yield (right[0], *right[2:], right[1]), say.CHANNELS_LAST(lang)
    yield (*right[:-2], right[-1], right[-2]), say.SWAPPED(lang)


# ---------------------------------------------------------------- the run on show


def _choose(kind: str, prompt: str, options: Sequence[Text], right: int, reason: str, lang: Lang) -> Question:
    """A question whose answers stand in their natural order and share one reason: the numbers."""
    answers = (Option(capital(text(lang)), n == right, reason) for n, text in enumerate(options))
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
            return say.NAMED_HEAD(lang, n=head + 1, name=QUESTION_NAMES[list(QUESTIONS)[head]](lang))
        return say.HEAD(lang, n=head + 1)

    def said(head: int) -> str:
        return number(lang, value=values[head], HW=run.sizes["HW"])

    best, options = order[0], []
    for head in sorted(order[:: -(-len(order) // OPTIONS)]):
        if head == best:
            reason = say.THIS_HEAD(lang, head=called(head), number=said(head))
        else:
            reason = say.NOT_THIS_HEAD(
                lang, head=called(head), number=said(head), best=called(best), best_number=said(best)
            )
        options.append(Option(called(head), head == best, reason))
    return Question(kind, (), prompt(lang), tuple(options), live=True)


def _focused(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    values = effective_tokens(run[f"{block}.weights"][0]).mean(-1).tolist()
    order = sorted(range(len(values)), key=lambda head: values[head])
    return _which_head("focused", say.FOCUSED, say.EFFECTIVE, values, order, run, model, lang)


def _furthest(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    values = measure(run, int(block.removeprefix("block"))).distance.tolist()
    order = sorted(range(len(values)), key=lambda head: -values[head])
    return _which_head("furthest", say.FURTHEST, say.DISTANCE, values, order, run, model, lang)


def _scale(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    scores, key_dim = run[f"{block}.scores"], run.sizes["key_dim"]
    after = (run[f"{block}.weights"], (scores * key_dim**-0.5).softmax(dim=-1))
    plain, scaled = (float(effective_tokens(weights).mean()) for weights in after)
    right = _compared(scaled, plain)
    if right is None:
        return None
    reason = say.SCALED(lang, plain=plain, scaled=scaled)
    return _choose("scale", say.SCALE(lang, key_dim=key_dim), (say.MORE, say.FEWER, say.AS_MANY), right, reason, lang)


def _sums(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    weights = run[f"{block}.weights"][0]
    columns = weights.sum(-2)
    off = float((columns - 1).abs().max())
    if EXACT <= off < CLEAR:
        return None
    low, high = (float(end) for end in torch.aminmax(columns))
    reason = say.SUMS_ARE(lang, rows=float(weights.sum(-1).mean()), low=low, high=high)
    return _choose("sums", say.SUMS(lang), (say.ROWS, say.COLUMNS, say.BOTH), 2 if off < EXACT else 0, reason, lang)


def _alike(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    if run.sizes["HW"] < 2:
        return None
    value, mixed = (float(run[f"{block}.{name}"].std(-2).mean()) for name in ("value", "mixed"))
    spread = _compared(mixed, value)
    if spread is None:
        return None
    right = {0: 1, 1: 0, 2: 2}[spread]  # the larger the spread, the less alike
    reason = say.SPREADS(lang, value=value, mixed=mixed)
    return _choose("alike", say.ALIKE(lang), (say.MORE_ALIKE, say.LESS_ALIKE, say.AS_ALIKE), right, reason, lang)


def _zeros(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    share = float((run[f"{block}.activated"] == 0).float().mean())
    right = _band(share, (0.25, 0.5, 0.75))
    if right is None:
        return None
    return _choose("zeros", say.ZEROS(lang), say.QUARTERS, right, say.ZEROS_ARE(lang, share=share), lang)


def _branch(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    projected = run[f"{block}.projected"]
    share, largest = float((projected == 0).float().mean()), float(projected.abs().max())
    if CLEAR < share < 1:
        return None
    reason = say.BRANCH_IS(lang, share=share, largest=largest)
    if share == 1:
        reason = sentences(lang, (reason, say.BRANCH_GAIN(lang)))
    return _choose(
        "branch", say.BRANCH(lang), (say.NOTHING, say.HALF, say.SOMETHING), 0 if share == 1 else 2, reason, lang
    )


def _added(run: Trace, model: Model, block: str, lang: Lang) -> Question | None:
    tokens, added = (float(run[f"{block}.{name}"].square().mean().sqrt()) for name in ("tokens", "projected"))
    share = added / max(tokens, 1e-12)
    right = 0 if added == 0 else _band(share, (0.5, 1))
    if right is None:
        return None
    right += added != 0
    return _choose(
        "added", say.ADDED(lang), say.PARTS, right, say.ADDED_IS(lang, tokens=tokens, added=added, share=share), lang
    )


LIVE: dict[str, tuple[Callable[[Trace, Model, str, Lang], Question | None], ...]] = {
    "scores": (_scale,),
    "weights": (_focused, _sums, _furthest),
    "mixed": (_alike,),
    "activated": (_zeros,),
    "projected": (_branch,),
    "residual": (_added,),
}
