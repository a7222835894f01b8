"""The lab: one page of six parts, of which one is on show."""

from collections.abc import Mapping
from types import ModuleType

import streamlit as st

from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.choices import option, write_address
from topformer_viz.app.frame.view import View
from topformer_viz.app.lab.basics import page as basics
from topformer_viz.app.lab.by_hand import page as by_hand
from topformer_viz.app.lab.cost import page as cost
from topformer_viz.app.lab.covariance import page as covariance
from topformer_viz.app.lab.relatives import page as relatives
from topformer_viz.app.lab.what_if import page as what_if
from topformer_viz.run.stages import stage_of
from topformer_viz.words.text import Text

PARTS: dict[str, tuple[Text, ModuleType]] = {
    "what-if": (Text("What if?", "如果……"), what_if),
    "basics": (Text("Basics", "基础"), basics),
    "by-hand": (Text("By hand", "手算"), by_hand),
    "covariance": (Text("A covariance matrix?", "是协方差矩阵吗？"), covariance),
    "cost": (Text("Cost", "计算开销"), cost),
    "relatives": (Text("Other attentions", "其他注意力"), relatives),
}
WHOLE = ("what-if", "covariance", "relatives")  # parts that need whole matrices of the run
TOO_LONG = Text(
    "This image is so long and narrow that it has {tokens} tokens here, too many for whole matrices. Crop it, or choose a TopFormer as the model.",
    "这张图片太狭长，在这里有 {tokens} 个 token，无法得到完整的矩阵。请裁剪图片，或选择 TopFormer 作为模型。",
)
CHOICE = Parameter([*PARTS], next(iter(PARTS)))
PART = Text("Part of the lab", "实验室的部分")
BACK = Text("← Back to the lesson: {stage}", "← 回到逐步讲解：{stage}")


def arrive() -> None:
    """Where a link of the lesson led here, let its address count as when a session starts: earlier choices of the lab go."""
    state = st.session_state
    if state.pop("led", False):
        for key in [key for key in state if key == "part" or str(key).startswith("lab_")]:
            del state[key]


def show(view: View) -> None:
    """Draw the choice of parts, then the chosen one, which writes the address: ``part`` and its own settings."""
    if stage := view.asked.get("from"):
        title = stage_of("pyramid0" if stage == "pyramid" else stage).title(view.lang)
        st.page_link("pages/lesson.py", label=BACK(view.lang, stage=title), query_params={"stage": stage})
    part = st.segmented_control(
        PART(view.lang), format_func=lambda name: PARTS[name][0](view.lang), required=True,
        label_visibility="collapsed", **option(view, "part", "part"),
    )  # fmt: skip
    if too_long(view, part):
        st.warning(TOO_LONG(view.lang, tokens=f"{view.run.sizes['HW']:,}"))
        write_address(view, {"part": part})
        return
    PARTS[part][1].show(view)


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of the lab: the lesson's stage one came from, which part is on show, that part's own settings."""
    return {"from": Parameter(view.outline.stages), "part": CHOICE, **PARTS[part_on_show()][1].takes(view, said)}


def too_long(view: View, part: str) -> bool:
    """Whether ``part`` needs whole matrices and the run has none."""
    return part in WHOLE and "block0.weights" not in view.run


def part_on_show() -> str:
    """The part on show: the one last chosen or, when a session starts, the address's."""
    return st.session_state.get("part") or CHOICE.meant(st.query_params.get("part"))
