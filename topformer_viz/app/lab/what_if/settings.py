"""The switches of "What if?": where they stand at first, what an address may say of them, and the setting they make."""

from collections.abc import Mapping
from typing import Any

from topformer_viz.app.frame.address import one_of
from topformer_viz.study.what_if import (
    ACTIVATIONS,
    AXES,
    HEADS,
    KEY_DIMS,
    PIXELS,
    RATIOS,
    TEMPERATURES,
    UNPERMUTED,
    Setting,
)

OWN = 0  # in the place of a size: the module's own
MAX_DRAW = 999

DEFAULTS: dict[str, Any] = {
    "scaled": False, "temperature": 1.0, "over": "keys", "unpermuted": [], "activation": "before", "ratio": OWN,
    "heads": OWN, "key_dim": OWN, "pixels": "in place", "draw": 1,
}  # fmt: skip
ALLOWED: dict[str, Any] = {
    "scaled": {"true": True}, "temperature": {f"{t:g}": t for t in TEMPERATURES}, "over": AXES, "activation": ACTIVATIONS,
    "ratio": RATIOS, "heads": HEADS, "key_dim": KEY_DIMS, "pixels": PIXELS, "draw": range(1, MAX_DRAW + 1),
}  # fmt: skip


def choice_of(asked: Mapping[str, str], name: str) -> Any:
    """A switch as an address spells it, or its default."""
    if name == "unpermuted":
        named = asked.get(name, "").split(".")
        return [stage for stage in UNPERMUTED if stage in named]
    found = one_of(asked, name, ALLOWED[name], None)
    # As the browser writes them, which knows true and 2 and not True and 2.0.
    found = ALLOWED[name].get(found) if isinstance(ALLOWED[name], dict) else found
    return DEFAULTS[name] if found is None else found


def setting_of(values: Mapping[str, Any]) -> Setting:
    """What the switches make; OWN stands for a size left as it is."""
    sizes = {name: values[name] or None for name in ("ratio", "heads", "key_dim")}
    unpermuted = tuple(stage for stage in UNPERMUTED if stage in values["unpermuted"])
    return Setting(**{**values, **sizes, "unpermuted": unpermuted, "draw": int(values["draw"])})


def address_of(setting: Setting) -> dict[str, Any]:
    """What is changed, as it stands in the address."""
    unchanged = Setting()
    values = {name: getattr(setting, name) for name in DEFAULTS if getattr(setting, name) != getattr(unchanged, name)}
    if setting.unpermuted:
        values["unpermuted"] = ".".join(setting.unpermuted)
    return values
