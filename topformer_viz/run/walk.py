"""A run in the order in which it is taught: its stages, what each was made from, and the words with this run's numbers."""

from dataclasses import replace
from typing import Any

from torch import Tensor

from topformer_viz.network.colour import ColourModel, Model
from topformer_viz.run.measures import effective_tokens
from topformer_viz.run.stages import COLOUR_NOTES, ORIGINS, STAGES, Origin, Stage, stage_of
from topformer_viz.run.tracing import Trace
from topformer_viz.words.text import Lang, Text, sentences

ZERO = Text("Here every entry is exactly 0.", "这里每个元素都恰好是 0。")
LARGEST = Text("The largest entry here is {value} in size.", "这里绝对值最大的元素是 {value}。")
ONWARD = Text("It enters block {next}.", "它进入块 {next}。")
LAST = Text("This was the last block: injection into the pyramid follows.", "这是最后一块：接下来注入 token 金字塔。")
UNCHANGED = Text("Here the branch is 0, so the tokens pass unchanged.", "这里分支为 0，输入原样通过。")
CHANGED = Text("Here it changes an entry by up to {value}.", "这里它使元素最多改变 {value}。")
ASYMMETRY = Text(
    "Largest |A − Aᵀ| in each head, A its matrix of weights: {heads} (0 would be symmetric).",
    "各头的 |A − Aᵀ| 的最大值（A 为权重矩阵）：{heads}（0 表示对称）。",
)
EFFECTIVE = Text(
    "Effective tokens, mean over the rows of each head: {heads}, of {HW}.",
    "有效 token 数（各头逐行取平均）：{heads}，共 {HW} 个。",
)
UNIFORM = Text(
    "Uniform rows: every token reads all tokens with the same weight, because the scores hardly differ.",
    "各行是均匀的：得分几乎没有差别，所以每个 token 对所有 token 的权重都相同。",
)


def walk(run: Trace, block: int) -> dict[str, str]:
    """The stages of the walkthrough that this run has: stage name -> traced name, in the order they are declared."""
    steps = {}
    for stage in (stage.name for stage in STAGES.values() if stage.walked):
        shown = stage.replace("{n}", "3")
        for name in (f"block{block}.{shown}", shown):
            if name in run:
                # Block 0's tokens are the pooled pyramid: show the line that pools.
                steps[stage.replace("{n}", "")] = "tokens" if name == "block0.tokens" else name
                break
    return steps


def spread(weights: Tensor, lang: Lang) -> list[str]:
    """How spread the rows are: exp(entropy), averaged over each head's rows of weights (1, heads, HW, HW)."""
    effective = effective_tokens(weights).mean(-1)[0].tolist()
    tokens = weights.shape[-1]
    facts = [EFFECTIVE(lang, heads=" · ".join(f"{value:.1f}" for value in effective), HW=tokens)]
    if min(effective) > 0.999 * tokens:
        facts.append(UNIFORM(lang))
    return facts


def asymmetry(weights: Tensor, lang: Lang) -> str:
    """How far each head's matrix (1, heads, HW, HW) is from its own transpose, in one sentence."""
    largest = (weights - weights.transpose(-1, -2)).abs().amax((0, -1, -2)).tolist()
    return ASYMMETRY(lang, heads=" · ".join(f"{value:.2g}" for value in largest))


def sources_of(run: Trace, name: str, block: int) -> list[str]:
    """Traced names of what ``name`` was made from."""
    if name == f"block{block}.tokens":
        return [f"block{block - 1}.output"]
    if name == "tokens" and "pyramid0" not in run:
        return ["image"]
    sources = stage_of(name).sources
    return [f"block{block}.{s}" if f"block{block}.{s}" in run else s.replace("{n}", name[-1]) for s in sources]


def way(run: Trace, block: int) -> dict[str, list[str]]:
    """The stages of the walk that each stage is made from; to a later block's tokens the way leads through the blocks before."""
    steps = walk(run, block)
    made_from = {}
    for stage, name in steps.items():
        sources = sources_of(run, stage if stage == "tokens" else name, block)
        found = {stage_of(source).name.replace("{n}", "") for source in sources}
        made_from[stage] = [source for source in steps if source in found]
    return made_from


def origin_of(run: Trace, block: int) -> Origin:
    return ORIGINS["block" if block else "pyramid" if "pyramid0" in run else "colour"]


def declared_of(run: Trace, name: str, block: int) -> Stage:
    """The stage of ``name`` as this run has it: what makes the tokens differs from block to block and model to model."""
    stage = stage_of(name)
    if stage.name != "tokens":
        return stage
    origin = origin_of(run, block)
    formula = origin.formula.replace("{this}", str(block + 1)).replace("{previous}", str(block))
    return replace(stage, steps=(replace(stage.steps[0], operation=origin.operation),), formula=formula)


def note_of(run: Trace, model: Model, name: str, block: int, lang: Lang) -> str:
    """The stage's note with this run's numbers in it."""
    values = values_of(run)
    stage, tensor = stage_of(name), run[name]
    if stage.name == "tokens":
        values["origin"] = origin_of(run, block).text(lang, previous=block)
    elif stage.name == "activated":
        values["zeros"] = f"{float((tensor == 0).float().mean()):.0%}"
    elif stage.name == "projected":
        largest = float(tensor.abs().amax())
        values["largest"] = LARGEST(lang, value=f"{largest:.3g}") if largest else ZERO(lang)
    elif stage.name == "output":
        last = block + 1 == model.num_blocks
        values["onward"] = LAST(lang) if last else ONWARD(lang, next=block + 2)
    elif stage.name == "residual":
        change = float((tensor - run[f"block{block}.tokens"]).abs().amax())
        values["effect"] = CHANGED(lang, value=f"{change:.3g}") if change else UNCHANGED(lang)
    note = stage.note(lang, **values)
    if isinstance(model, ColourModel) and stage.name in COLOUR_NOTES:
        note = sentences(lang, (note, COLOUR_NOTES[stage.name](lang)))
    return note


def values_of(run: Trace) -> dict[str, Any]:
    """What the places in notes and traps stand for: the axes' sizes and the entries of a matrix."""
    return {**run.sizes, "entries": f"{run.sizes['HW'] ** 2:,}"}
