"""A run in the order in which it is taught: its stages, what each was made from, and the words with places for its numbers.

All of it follows from a run's shape: which tensors it has, and how large they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from topformer_viz.network.classes import ClassSet, classes_of
from topformer_viz.network.colour import ColourModel, Model
from topformer_viz.network.model import Size, TopFormer
from topformer_viz.run.stages import COLOUR_NOTES, ORIGINS, STAGES, Origin, Stage, stage_of
from topformer_viz.run.tracing import Trace
from topformer_viz.words.live import HERE, Live, Words
from topformer_viz.words.text import Text, in_sequence

ONWARD = Text("It enters block {next}.", "它进入块 {next}。")
LAST = Text("This was the last block: injection into the pyramid follows.", "这是最后一块：接下来注入 token 金字塔。")
# What the notes say with a run's numbers, by stage and by place.
PLACES: dict[str, dict[str, Live]] = {
    "activated": {"zeros": Live("zeros", f"{HERE}.activated", {"zeros": Text("{share:.0%}", "{share:.0%}")})},
    "projected": {
        "largest": Live(
            "largest",
            f"{HERE}.projected",
            {
                "largest": Text(
                    "The largest entry here is {value:.3g} in size.", "这里绝对值最大的元素是 {value:.3g}。"
                ),
                "zero": Text("Here every entry is exactly 0.", "这里每个元素都恰好是 0。"),
            },
        )
    },
    "residual": {
        "effect": Live(
            "change",
            HERE,
            {
                "changed": Text("Here it changes an entry by up to {value:.3g}.", "这里它使元素最多改变 {value:.3g}。"),
                "unchanged": Text(
                    "Here the branch is 0, so the tokens pass unchanged.", "这里分支为 0，输入原样通过。"
                ),
            },
        )
    },
}
# Facts about a stage, under its map.
FACTS: dict[str, tuple[Live, ...]] = {
    "weights": (
        Live(
            "effective",
            HERE,
            {
                "effective": Text(
                    "Effective tokens, mean over the rows of each head: {heads:.1f}, of {HW}.",
                    "有效 token 数（各头逐行取平均）：{heads:.1f}，共 {HW} 个。",
                )
            },
        ),
        Live(
            "uniform",
            HERE,
            {
                "uniform": Text(
                    "Uniform rows: every token reads all tokens with the same weight, because the scores hardly differ.",
                    "各行是均匀的：得分几乎没有差别，所以每个 token 对所有 token 的权重都相同。",
                )
            },
        ),
        Live(
            "asymmetry",
            HERE,
            {
                "asymmetry": Text(
                    "Largest |A − Aᵀ| in each head, A its matrix of weights: {heads:.2g} (0 would be symmetric).",
                    "各头的 |A − Aᵀ| 的最大值（A 为权重矩阵）：{heads:.2g}（0 表示对称）。",
                )
            },
        ),
    )
}


@dataclass(frozen=True)
class Shape:
    """What is known of a run without its tensors: their names, and every axis's size."""

    names: frozenset[str]
    sizes: Mapping[str, int]

    def __contains__(self, name: object) -> bool:
        return name in self.names


def shape_of(run: Trace) -> Shape:
    return Shape(frozenset(run), run.sizes)


@dataclass(frozen=True)
class Known:
    """What a book is made of: which model's runs, how many blocks and which classes it has, and their shape."""

    model: type[Model]
    blocks: int
    classes: ClassSet | None  # None: the model has no segmentation
    shape: Shape
    spec: Size | None = None  # of a TopFormer

    @classmethod
    def of(cls, run: Trace, model: Model) -> "Known":
        classes, spec = None, None
        if isinstance(model, TopFormer):
            spec = model.spec
            classes = None if model.classes is None else classes_of(model.classes, model.class_names)
        return cls(type(model), model.num_blocks, classes, shape_of(run), spec)


def walk(shape: Shape | Trace, block: int) -> dict[str, str]:
    """The stages of the walkthrough that this run has: stage name -> traced name, in the order they are declared."""
    steps = {}
    for stage in (stage.name for stage in STAGES.values() if stage.walked):
        shown = stage.replace("{n}", "3")
        for name in (f"block{block}.{shown}", shown):
            if name in shape:
                # Block 0's tokens are the pooled pyramid: show the line that pools.
                steps[stage.replace("{n}", "")] = "tokens" if name == "block0.tokens" else name
                break
    return steps


def sources_of(shape: Shape | Trace, name: str, block: int) -> list[str]:
    """Traced names of what ``name`` was made from."""
    if name == f"block{block}.tokens":
        return [f"block{block - 1}.output"]
    if name == "tokens" and "pyramid0" not in shape:
        return ["image"]
    sources = stage_of(name).sources
    return [f"block{block}.{s}" if f"block{block}.{s}" in shape else s.replace("{n}", name[-1]) for s in sources]


def output_of(shape: Shape | Trace, block: int) -> str:
    """The traced name of what leaves a block; one without an MLP ends with its residual."""
    name = f"block{block}.output"
    return name if name in shape else f"block{block}.residual"


def way(shape: Shape | Trace, block: int) -> dict[str, list[str]]:
    """The stages of the walk that each stage is made from; to a later block's tokens the way leads through the blocks before."""
    steps = walk(shape, block)
    made_from = {}
    for stage, name in steps.items():
        sources = sources_of(shape, stage if stage == "tokens" else name, block)
        found = {stage_of(source).name.replace("{n}", "") for source in sources}
        made_from[stage] = [source for source in steps if source in found]
    return made_from


def origin_of(shape: Shape | Trace, block: int) -> Origin:
    return ORIGINS["block" if block else "pyramid" if "pyramid0" in shape else "colour"]


def declared_of(shape: Shape | Trace, name: str, block: int) -> Stage:
    """The stage of ``name`` as this run has it: what makes the tokens differs from block to block and model to model."""
    stage = stage_of(name)
    if stage.name != "tokens":
        return stage
    origin = origin_of(shape, block)
    formula = origin.formula.replace("{this}", str(block + 1)).replace("{previous}", str(block))
    return replace(stage, steps=(replace(stage.steps[0], operation=origin.operation),), formula=formula)


def note_of(shape: Shape | Trace, model: type[Model], name: str, block: int, blocks: int) -> Words:
    """The stage's note, with places for the run's numbers; ``block`` (from 0) of ``blocks``."""
    stage = stage_of(name)
    live = PLACES.get(stage.name, {})
    values: dict[str, Any] = {**values_of(shape), **{place: f"{{{place}}}" for place in live}}
    if stage.name == "tokens":
        values["origin"] = origin_of(shape, block).text.format(previous=block)
    elif stage.name == "output":
        values["onward"] = LAST if block + 1 == blocks else ONWARD.format(next=block + 2)
    note = stage.note.format(**values)
    if issubclass(model, ColourModel) and stage.name in COLOUR_NOTES:
        note = in_sequence(note, COLOUR_NOTES[stage.name])
    return Words(note, live)


def values_of(shape: Shape | Trace) -> dict[str, Any]:
    """What the places in notes and traps stand for: the axes' sizes and the entries of a matrix."""
    return {**shape.sizes, "entries": f"{shape.sizes['HW'] ** 2:,}"}
