"""The switches of "What if?": what an address can say of them, where they stand at first, and the setting they make."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

from topformer_viz.app.frame.address import Parameter
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


def setting_of(values: Mapping[str, Any]) -> Setting:
    """What the switches make; OWN stands for a size left as it is."""
    sizes = {name: values[name] or None for name in ("ratio", "heads", "key_dim")}
    unpermuted = tuple(stage for stage in UNPERMUTED if stage in values["unpermuted"])
    return Setting(**{**values, **sizes, "unpermuted": unpermuted, "draw": int(values["draw"])})


def address_of(setting: Setting) -> dict[str, Any]:
    """What is changed, as it stands in the address."""
    unchanged = Setting()
    values = {name: getattr(setting, name) for name in SWITCHES if getattr(setting, name) != getattr(unchanged, name)}
    if setting.unpermuted:
        values["unpermuted"] = ".".join(setting.unpermuted)
    return values
