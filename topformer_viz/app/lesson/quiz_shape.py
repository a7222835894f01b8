"""Which shape comes out: asked of every stage from its declaration alone (sources, steps, axes), wrong answers by the usual mistakes."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from topformer_viz.app.lesson import quiz_words as say
from topformer_viz.app.lesson.question import Option, Question
from topformer_viz.run.questions import OPTIONS
from topformer_viz.run.stages import AXES, COMPOSITE, OPERATIONS, Stage, axes_of
from topformer_viz.words.text import Lang, capital, clauses, listed, sentences

WIDTHS = ("C", "nh_kd", "dh")  # axes that count a token map's channels

Shape = tuple[tuple[str, int], ...]  # axis and size, in order


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
    facts = tuple(_facts(stage, name, right, before, sizes, lang)) if before else (say.GIVEN_IMAGE(lang, **sizes),)
    prompt = say.NEXT(lang, operations=clauses(lang, operations))
    return Question("shape", given + facts, prompt, tuple(options), live=False)


def _facts(
    stage: Stage, name: str, right: Shape, before: Mapping[str, Shape], sizes: Mapping[str, int], lang: Lang
) -> Iterator[str]:
    """What one has to know beside the sources' shapes to work the answer out."""
    operations = {step.operation for step in stage.steps}
    axes = _new_axes(right, before)
    if "convolve" in operations:
        level = int(name[-1])
        yield say.LEVEL_IS(lang, share=4 << level, channels=sizes[f"C{level}"])
    elif "conv" in operations:
        yield say.WIDTHS_ARE(lang, **sizes)
    elif "pool" in operations:  # the channels are to be added up
        yield say.GRID_IS(lang, **sizes)
    elif axes:
        yield say.SIZES_ARE(lang, sizes=listed(lang, (f"`{axis} {sizes[axis]}`" for axis in axes)))
    if "permute" in operations:
        yield say.PERMUTES(lang)
    if "mlp" in operations:
        yield say.MLP_IS(lang)


def _new_axes(right: Shape, before: Mapping[str, Shape]) -> list[str]:
    """The axes of ``right`` that no source has and whose sizes do not follow from the sources' sizes."""
    known = {axis for shape in before.values() for axis, _ in shape}
    return [axis for axis, _ in right if axis not in known and not set(COMPOSITE.get(axis, ("",))) <= known]


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
    yield from _in_steps(stage, right, before, sizes, lang)
    yield from _in_sizes(stage, name, right, before, sizes, lang)
    yield from _in_axes(right, before, sizes, lang)


def _is_map(shape: Shape) -> bool:
    return len(shape) == 4 and "heads" not in dict(shape)


def _is_same(right: Shape, before: Mapping[str, Shape]) -> bool:
    """Whether the stage leaves the shape as it was."""
    return all(shape == right for shape in before.values())


def _in_steps(
    stage: Stage, right: Shape, before: Mapping[str, Shape], sizes: Mapping[str, int], lang: Lang
) -> Iterator[tuple[Shape, str]]:
    """A step left out; what a product, a softmax or a sum would not give."""
    shapes, last = list(before.values()), stage.steps[-1].operation
    for done, missing in pairwise(stage.steps):
        left_out = OPERATIONS[missing.operation](lang)
        shape = tuple((axis, sizes[axis]) for axis in done.axes.split())
        yield shape, say.STOPPED(lang, done=OPERATIONS[done.operation](lang), missing=left_out)
    if last == "matmul":
        left, other = shapes
        yield (*left, other[-1]), say.KEPT(lang, axis=left[-1][0])
        if left[-2] == other[-1]:
            yield (*left[:-2], left[-1], left[-1]), say.OTHER_SUM(lang, axis=left[-2][0])
    if "heads" in dict(right):
        yield (*right[:-2], right[-1], right[-2]), say.SWAPPED(lang)
        if _is_same(right, before):
            yield right[:-1], say.DROPPED(lang, operation=capital(OPERATIONS[last](lang)), size=right[-1][1])
        if last in ("matmul", "softmax"):
            yield tuple(pair for pair in right if pair[0] != "heads"), say.HEADS_LOST(lang, heads=sizes["heads"])
    if _is_map(right) and len(shapes) > 1 and _is_same(right, before):
        yield (right[0], (right[1][0], sum(shape[1][1] for shape in shapes)), *right[2:]), say.STACKED(lang)


def _in_sizes(
    stage: Stage, name: str, right: Shape, before: Mapping[str, Shape], sizes: Mapping[str, int], lang: Lang
) -> Iterator[tuple[Shape, str]]:
    """The sizes of what the stage was made from."""
    if stage.name == "pyramid{n}" and (n := int(name[-1])):
        level = f"pyramid{n - 1}"
        yield (
            tuple((axis, sizes[own]) for (axis, _), own in zip(right, axes_of(level), strict=True)),
            say.LEVEL(lang, level=level),
        )
    for source, shape in list(before.items())[-1:]:
        if _is_map(right) and _is_map(shape):
            rows, columns = right[2:]
            grid = ((rows[0], shape[2][1]), (columns[0], shape[3][1]))
            yield (*right[:2], *grid), say.GRID(lang, source=source, rows=rows[1], columns=columns[1])
            if len(before) > 1 or grid != (rows, columns):
                channels = (right[1][0], shape[1][1])
                yield (right[0], channels, *right[2:]), say.CHANNELS(lang, source=source, channels=right[1][1])
    for source, shape in before.items():
        yield shape, say.ITSELF(lang, source=source)


def _in_axes(
    right: Shape, before: Mapping[str, Shape], sizes: Mapping[str, int], lang: Lang
) -> Iterator[tuple[Shape, str]]:
    """Another axis, two joined or one split, and axes out of their order."""
    axes = [axis for axis, _ in right]
    if _is_map(right) and not _is_same(right, before) and axes[1] in WIDTHS:
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
    if _is_map(right):
        if axes[2:] == ["H", "W"]:
            yield (right[0], ("HW", sizes["HW"]), right[1]), say.LISTED(lang)
        yield (right[0], *right[2:], right[1]), say.CHANNELS_LAST(lang)
    yield (*right[:-2], right[-1], right[-2]), say.SWAPPED(lang)
