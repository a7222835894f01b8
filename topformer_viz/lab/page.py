"""The lab: one page of six parts, of which one is on show."""

from collections.abc import Callable

import streamlit as st

from topformer_viz.lab import basics, changes, cost, covariance, hand, relatives
from topformer_viz.session import View, from_address, pick
from topformer_viz.text import Text

PARTS: dict[str, tuple[Text, Callable[[View], None]]] = {
    "what-if": (Text("What if?", "如果……"), changes.show),
    "basics": (Text("Basics", "基础"), basics.show),
    "by-hand": (Text("By hand", "手算"), hand.show),
    "covariance": (Text("A covariance matrix?", "是协方差矩阵吗？"), covariance.show),
    "cost": (Text("Cost", "代价"), cost.show),
    "relatives": (Text("Relatives", "相近的注意力"), relatives.show),
}
PART = Text("Part of the lab", "实验室的部分")


def show(view: View) -> None:
    """Draw the choice of parts, then the chosen one, which writes the address: ``part`` and its own settings."""
    if "part" not in st.session_state:
        st.session_state.part = from_address("part", PARTS, next(iter(PARTS)))
    part = st.segmented_control(
        PART(view.lang), list(PARTS), format_func=lambda name: PARTS[name][0](view.lang), required=True,
        label_visibility="collapsed", **pick("part", list(PARTS)),
    )  # fmt: skip
    PARTS[part][1](view)
