"""The switches of "What if?": what an address can say of them, where they stand at first, the setting they make.

A named experiment is a setting like any other; which one is on show follows from the switches.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any

from topformer_viz.app.frame.address import Parameter
from topformer_viz.network.model import Attention
from topformer_viz.study.what_if import (
    ACTIVATIONS,
    AXES,
    HEADS,
    KEY_DIMS,
    RATIOS,
    TEMPERATURES,
    TOKENS,
    UNPERMUTED,
    Setting,
)

OWN = 0  # in the place of a size: the module's own
MAX_DRAW = 999

SWITCHES = {
    "scaled": Parameter({"true": True}, False),  # as the browser writes it
    "temperature": Parameter({f"{t:g}": t for t in TEMPERATURES}, 1.0),
    "over": Parameter(AXES, "keys"),
    "unpermuted": Parameter(
        {".".join(names): [*names] for n in range(1, len(UNPERMUTED) + 1) for names in permutations(UNPERMUTED, n)}, []
    ),
    "activation": Parameter(ACTIVATIONS, "before"),
    "ratio": Parameter(RATIOS, OWN),
    "heads": Parameter(HEADS, OWN),
    "key_dim": Parameter(KEY_DIMS, OWN),
    "tokens": Parameter(TOKENS, "in place"),
    "draw": Parameter(range(1, MAX_DRAW + 1), 1),
}

EXPERIMENTS = {
    "scale": Setting(scaled=True),
    "heat": Setting(temperature=TEMPERATURES[-1]),
    "axis": Setting(over="queries"),
    "permute": Setting(unpermuted=("query",)),
    "shuffle": Setting(tokens="shuffled"),
    "narrow": Setting(ratio=1),
}


def experiments_of(attn: Attention) -> dict[str, Setting]:
    """The named experiments that change anything of ``attn``: a value as wide as the key cannot be made so."""
    return {name: setting for name, setting in EXPERIMENTS.items() if setting.of(attn) != Setting()}


def named(setting: Setting) -> str | None:
    """Which named experiment the setting is, whatever its seed; None where it is none."""
    return next((name for name, own in EXPERIMENTS.items() if own == replace(setting, draw=own.draw)), None)


def setting_of(values: Mapping[str, Any]) -> Setting:
    """What the switches make; OWN stands for a size left as it is."""
    sizes = {name: values[name] or None for name in ("ratio", "heads", "key_dim")}
    unpermuted = tuple(stage for stage in UNPERMUTED if stage in values["unpermuted"])
    return Setting(**{**values, **sizes, "unpermuted": unpermuted, "draw": int(values["draw"])})


def values_of(setting: Setting) -> dict[str, Any]:
    """How the switches stand for a setting, its seed aside."""
    sizes = {name: getattr(setting, name) or OWN for name in ("ratio", "heads", "key_dim")}
    values = {name: getattr(setting, name) for name in SWITCHES if name != "draw"}
    return {**values, **sizes, "unpermuted": [*setting.unpermuted]}


def address_of(setting: Setting) -> dict[str, Any]:
    """What is changed, as it stands in the address."""
    unchanged = Setting()
    values = {name: getattr(setting, name) for name in SWITCHES if getattr(setting, name) != getattr(unchanged, name)}
    if setting.unpermuted:
        values["unpermuted"] = ".".join(setting.unpermuted)
    return values
