"""What if? One block runs again with its attention changed, to be compared with what it computed unchanged.

Nothing here computes attention: the model's own ``Attention`` runs, and a ``keep`` of ours hands it other tensors at
the points where a change lies. Where a change needs other parameters, the module is built anew and keeps what still fits.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from topformer_viz.network.colour import Model
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.model import Attention, Conv2d_BN, Keep
from topformer_viz.run.measures import effective_tokens
from topformer_viz.run.stages import STAGES, axes_of
from topformer_viz.run.tracing import Trace, block_of, trace_block
from topformer_viz.words.misspelt import known

TEMPERATURES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
AXES = ("keys", "queries")
UNPERMUTED = ("query", "value", "merged")  # the stages with a permute that can be forgotten
ACTIVATIONS = ("before", "after")
RATIOS = (1, 2, 3, 4)
HEADS = (1, 2, 4, 8, 16)
KEY_DIMS = (2, 4, 8, 16, 32, 64)
DROPPED = {"quarter": 1 / 4, "half": 1 / 2}  # share of the tokens taken out
TOKENS = ("in place", "shuffled", *DROPPED)
BLOCK_STAGES = tuple(stage.name for stage in STAGES.values() if stage.in_block)


@dataclass(frozen=True)
class Setting:
    """What is changed; as it stands here, nothing is.

    ``scaled``: scores are divided by sqrt(key_dim); then by ``temperature``. ``over``: the axis softmax runs along.
    ``unpermuted``: which of UNPERMUTED are reshaped straight to their shape. ``activation``: ReLU6 before or after the
    projection. ``ratio``, ``heads``, ``key_dim``: None leaves the module's own. ``tokens``: one of TOKENS. ``draw``
    seeds the order, the tokens dropped and fresh parameters.
    """

    scaled: bool = False
    temperature: float = 1.0
    over: str = "keys"
    unpermuted: tuple[str, ...] = ()
    activation: str = "before"
    ratio: int | None = None
    heads: int | None = None
    key_dim: int | None = None
    tokens: str = "in place"
    draw: int = 1

    def __post_init__(self) -> None:
        known("softmax axis", self.over, AXES)
        known("activation", self.activation, ACTIVATIONS)
        known("tokens", self.tokens, TOKENS)
        for stage in self.unpermuted:
            known("permute", stage, UNPERMUTED)
        for name, number in (("ratio", self.ratio), ("heads", self.heads), ("key_dim", self.key_dim)):
            if number is not None and not (isinstance(number, int) and number > 0):
                raise ValueError(f"{name} is a whole number from 1, not {number!r}")
        if not self.temperature > 0:
            raise ValueError(f"a temperature is above 0, not {self.temperature}")

    def of(self, attn: Attention) -> "Setting":
        """The same without what ``attn`` already is: a ratio of 2 where the ratio is 2 changes nothing."""

        def other(asked: int | None, own: int) -> int | None:
            return None if asked == own else asked

        return replace(
            self,
            ratio=other(self.ratio, attn.d // attn.key_dim),
            heads=other(self.heads, attn.num_heads),
            key_dim=other(self.key_dim, attn.key_dim),
        )


@dataclass(frozen=True)
class Experiment:
    """A block's stages before and after a change, each name as in STAGES.

    ``before`` are the run's own tensors. ``after`` was computed with the token ``order[p]`` in place p; tokens that are
    not ``kept`` were taken out. Both (HW,), on the CPU. ``fresh`` names the layers with random parameters, and
    ``carried`` those of them that keep the module's own where these fit.
    """

    setting: Setting
    before: Mapping[str, Tensor] = field(repr=False)
    after: Trace
    order: Tensor = field(repr=False)
    kept: Tensor = field(repr=False)
    fresh: tuple[str, ...]
    carried: tuple[str, ...]

    def back(self, name: str) -> Tensor:
        """The stage ``name`` afterwards with every token put back in its own place."""
        tensor, axes = self.after[name], axes_of(name)
        if self.setting.tokens != "shuffled":
            return tensor
        place = self.order.argsort().to(tensor.device)
        if "H" in axes:
            return tensor.flatten(2)[..., place].reshape(tensor.shape)
        for dim, axis in enumerate(axes):
            if axis == "HW":
                tensor = tensor.index_select(dim, place)
        return tensor

    def comparable(self, name: str) -> bool:
        """Whether the stage has one shape before and after; ValueError for a stage that the block does not have."""
        known("stage", name, self.before)
        return self.before[name].shape == self.after[name].shape

    def largest_change(self, name: str) -> float:
        """max |after - before| / max |before| over the tokens kept, each in its own place; NaN if not comparable.

        0 where nothing changed, infinite where all was 0 before.
        """
        if not self.comparable(name):
            return math.nan
        before, after = (self._kept(name, tensor) for tensor in (self.before[name], self.back(name)))
        return quotient((after - before).abs().amax(), before.abs().amax())

    def relative_change(self, name: str) -> float:
        """|after - before| / |before|, Euclidean norms, over the tokens kept; NaN if not comparable."""
        if not self.comparable(name):
            return math.nan
        before, after = (self._kept(name, tensor).double() for tensor in (self.before[name], self.back(name)))
        return quotient((after - before).norm(), before.norm())

    def _kept(self, name: str, tensor: Tensor) -> Tensor:
        axes, kept = axes_of(name), self.kept.nonzero()[:, 0].to(tensor.device)
        if "H" in axes:
            return tensor.flatten(2)[..., kept]
        for dim, axis in enumerate(axes):
            if axis == "HW":
                tensor = tensor.index_select(dim, kept)
        return tensor


def experiment(model: Model, run: Trace, block: int, setting: Setting) -> Experiment:
    """Run ``block`` (from 0) of ``model`` again on the tokens it had in ``run``, changed as ``setting`` says.

    ``run`` must hold whole matrices, that is have no more than ``model.DENSE_TOKENS`` tokens.
    """
    tokens = run[f"block{block}.tokens"]
    module = block_of(model, block, tokens.device)
    own = module if isinstance(module, Attention) else cast(Attention, module.attn)
    setting = setting.of(own)
    before = {name: run[f"block{block}.{name}"] for name in BLOCK_STAGES if f"block{block}.{name}" in run}
    tokens, order, kept = _arranged(tokens, setting)
    attn, fresh, carried = _attention(own, setting, before["tokens"])
    if attn is not own:
        if isinstance(module, Attention):
            module = attn
        else:
            module = copy.deepcopy(module)
            module.attn = attn
    after = trace_block(module, tokens, _change(setting, attn, kept[order].to(tokens.device)))
    return Experiment(setting, before, after, order, kept, fresh, carried)


@torch.inference_mode()
def _arranged(tokens: Tensor, setting: Setting) -> tuple[Tensor, Tensor, Tensor]:
    """The tokens as they enter, shuffled or with some set to 0; which token stands where; which are kept."""
    HW = tokens.shape[-2] * tokens.shape[-1]
    random = torch.randperm(HW, generator=torch.Generator().manual_seed(setting.draw))
    order, kept = torch.arange(HW), torch.ones(HW, dtype=torch.bool)
    if setting.tokens == "shuffled":
        order = random
    elif setting.tokens in DROPPED:
        kept[random[: round(HW * DROPPED[setting.tokens])]] = False
    if setting.tokens != "in place":
        entering = (tokens.flatten(2) * kept.to(tokens))[..., order.to(tokens.device)].reshape(tokens.shape)
        tokens = entering.contiguous(memory_format=torch.channels_last)  # as the tokens of a run
    return tokens, order, kept


def _change(setting: Setting, attn: Attention, kept: Tensor) -> Keep:
    """The ``keep`` that makes the changes; ``kept`` (HW,) says which places hold a token that is not dropped."""
    seen: dict[str, Tensor] = {}
    divisor = (math.sqrt(attn.key_dim) if setting.scaled else 1.0) * setting.temperature
    dropped, there = not bool(kept.all()), kept[:, None] & kept

    def change(name: str, tensor: Tensor) -> Tensor:
        if name in ("query", "value") and name in setting.unpermuted:
            tensor = seen[f"{name}_map"].reshape(tensor.shape)
        elif name == "scores":
            if divisor != 1:
                tensor = tensor / divisor
            if dropped:
                tensor = tensor.masked_fill(~there, -torch.inf)  # what is not there is not read and does not read
        elif name == "weights":
            if setting.over == "queries":
                tensor = seen["scores"].softmax(dim=-2)
            if dropped:
                tensor = torch.where(there, tensor, 0.0)  # softmax of nothing but -inf is NaN
        elif name == "merged" and name in setting.unpermuted:
            tensor = seen["mixed"].reshape(tensor.shape)
        elif name == "activated" and setting.activation == "after":
            tensor = seen["merged"]
        elif name == "projected" and setting.activation == "after":
            tensor = F.relu6(tensor)
        elif name == "residual" and dropped:
            tensor = tensor * kept.reshape(tensor.shape[-2:])  # nor does the 3x3 convolution meet anything there
        seen[name] = tensor
        return tensor

    return change


@torch.inference_mode(False)
@torch.no_grad()
def _attention(own: Attention, setting: Setting, tokens: Tensor) -> tuple[Attention, tuple[str, ...], tuple[str, ...]]:
    """``own``, or a module of other sizes; the layers with fresh parameters; those of them that keep own ones too.

    Fresh parameters are drawn as the authors' initialiser draws them, N(0, 2 / fan_out), BatchNorm's gain 1, and its
    statistics are those of these very tokens. Where only the value's width changes, query and key keep their parameters,
    and so does every feature of the value, and its column of the projection, that is in both.
    """
    if not (setting.ratio or setting.heads or setting.key_dim):
        return own, (), ()
    heads, key_dim = setting.heads or own.num_heads, setting.key_dim or own.key_dim
    d = key_dim * (setting.ratio or own.d // own.key_dim)
    attn = Attention(tokens.shape[1], key_dim, heads, d // key_dim).to(tokens.device)
    random = torch.Generator().manual_seed(setting.draw)
    for module in attn.modules():
        if isinstance(module, nn.Conv2d):
            drawn = torch.empty(module.weight.shape).normal_(0, math.sqrt(2 / module.out_channels), generator=random)
            module.weight.copy_(drawn)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    attn = cast(Attention, with_batch_statistics(cast(Any, attn), tokens.clone()))
    if setting.heads or setting.key_dim:
        return attn, ("to_q", "to_k", "to_v", "proj"), ()
    attn.to_q, attn.to_k = own.to_q, own.to_k
    both = min(d, own.d)
    new, old = (torch.arange(heads * n).reshape(heads, n)[:, :both].flatten() for n in (d, own.d))
    mine, theirs = attn.to_v.state_dict(), own.to_v.state_dict()
    for name, value in mine.items():
        if value.ndim:
            value[new] = theirs[name][old]
    proj, own_proj = (cast(Conv2d_BN, module.proj[1]) for module in (attn, own))
    proj.bn = own_proj.bn
    proj.c.weight[:, new] = own_proj.c.weight[:, old]
    return attn, *((("to_v", "proj"),) * 2 if d > own.d else ((), ()))


def quotient(change: Tensor, whole: Tensor) -> float:
    """change / whole, of two numbers from 0 up; 0 / 0 is no change: 0."""
    return float(change / whole) if change != 0 else 0.0


def strength(tensor: Tensor, name: str, head: int | None = None) -> Tensor:
    """Root mean square over the features of a stage, (HW,): of ``head`` (from 0), or of all (None)."""
    values = tensor[0]
    if axes_of(name)[1] == "heads":
        values = values.transpose(1, 2).flatten(0, 1) if head is None else values[head].T
    return values.flatten(1).square().mean(0).sqrt()


def spread(weights: Tensor) -> Tensor:
    """Effective tokens of each row of attention weights (..., HW): exp(entropy), of rows that are first brought to the sum 1.

    NaN for a row that reads nothing: under softmax along the queries a row's weights can all vanish.
    """
    sums = weights.sum(-1, keepdim=True)
    return effective_tokens(torch.where(sums > 1e-30, weights / sums, torch.nan))
