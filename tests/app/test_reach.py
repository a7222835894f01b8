"""Colours that the colour-blind can tell apart, and no words on a page that did not come through ``Text``."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex

from topformer_viz.figures import shades
from topformer_viz.figures.colours import RDBU_R, VIRIDIS
from topformer_viz.figures.look import MAPS
from topformer_viz.network.classes import CLASS_SETS

ROOT = Path(__file__).resolve().parents[2]

# Colours

# What is seen of linear RGB: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, A Physiologically-based Model for
# Simulation of Color Vision Deficiency, IEEE TVCG 15 (6), 2009, severity 1.0; grey is the luminance (Rec. 709).
SEEN_BY = {
    "everyone": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "grey": [[0.2126, 0.7152, 0.0722]] * 3,
}
JUST_NOTICEABLE = 2.3  # of CIE76: M. Mahy et al., Color Research and Application 19 (2), 1994


def lab(colours: list[str], seen_by: str) -> np.ndarray:
    """CIELAB (D65) of sRGB colours "rrggbb" as seen by someone: (n, 3)."""
    rgb = np.array([[int(c.lstrip("#")[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(SEEN_BY[seen_by]).T, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = linear @ np.array(to_xyz).T / (0.95047, 1, 1.08883)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)


def apart(colours: np.ndarray) -> np.ndarray:
    """CIE76 differences between all pairs: (n, n)."""
    return np.linalg.norm(colours[:, None] - colours[None], axis=-1)


@pytest.mark.parametrize("map", MAPS)
@pytest.mark.parametrize("eye", SEEN_BY)
def test_a_sequential_map_grows_lighter_and_its_neighbours_differ(eye: str, map: str) -> None:
    stops = [to_hex(shades.colours(map)(n / 16))[1:] for n in range(17)]
    if map == "viridis":
        assert (
            np.abs(lab(stops, eye) - lab(VIRIDIS.split(), eye)).max() < 2 * JUST_NOTICEABLE
        )  # the screen has the same
    colours = lab(stops, eye)
    assert (np.diff(colours[:, 0]) > JUST_NOTICEABLE).all()
    assert np.diag(apart(colours), 1).min() > JUST_NOTICEABLE


@pytest.mark.parametrize("eye", [eye for eye in SEEN_BY if eye != "grey"])
def test_the_diverging_map_keeps_its_ends_and_its_middle_apart(eye: str) -> None:
    """Grey cannot: both ends are dark. Signed numbers are written beside their colours."""
    colours = lab(RDBU_R.split(), eye)
    n = len(colours)
    less, middle, more = colours[: n // 2], colours[n // 2], colours[n // 2 + 1 :]
    for side in (less[::-1], more):  # away from the middle, darker at every stop
        assert (np.diff([middle[0], *side[:, 0]]) < -JUST_NOTICEABLE / 2).all()
    assert np.linalg.norm(less - more[::-1], axis=1).min() > 4 * JUST_NOTICEABLE  # of one size, by sign
    ends = apart(colours[[0, n // 2, -1]])
    assert ends[np.triu_indices(3, 1)].min() > 10 * JUST_NOTICEABLE


@pytest.mark.parametrize("eye", SEEN_BY)
def test_the_classes_of_everyday_can_be_told_apart(eye: str) -> None:
    """In grey some differ little; the legend and the pointer name every class."""
    between = apart(lab(list(CLASS_SETS["everyday"].colours), eye))
    least = JUST_NOTICEABLE * (1 if eye == "grey" else 5)
    assert between[np.triu_indices(len(between), 1)].min() > least


# Words

DRAWS = {
    "badge", "button", "camera_input", "caption", "checkbox", "download_button", "error", "expander", "file_uploader", "header",
    "html", "info", "markdown", "multiselect", "number_input", "page_link", "pills", "popover", "radio", "segmented_control",
    "select_slider", "selectbox", "slider", "spinner", "subheader", "success", "tabs", "text", "text_area", "text_input", "title",
    "toast", "toggle", "warning", "write",
}  # fmt: skip
SAID = {"label", "help", "body", "placeholder", "alt", "caption", "text"}


def literals(node: ast.expr) -> list[str]:
    """The text in an argument: of a literal, or of the fixed parts of an f-string; not what a call inside it makes."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return [text for part in node.values for text in literals(part)]
    if isinstance(node, ast.BinOp):
        return literals(node.left) + literals(node.right)
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return []


def untranslated(source: str) -> list[str]:
    """Words written straight into a call of streamlit that draws them: markup and style are none."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in DRAWS):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "st"):
            continue
        first = [] if node.func.attr == "page_link" else node.args[:1]  # a page link's is a file
        said = first + [word.value for word in node.keywords if word.arg in SAID]
        text = " ".join(text for argument in said for text in literals(argument))
        bare = re.sub(r"<(style|script)\b.*?(</\1>|$)|<[^>]*>?|:[a-z-]+\[", " ", text, flags=re.DOTALL)
        if re.search(r"[A-Za-z]{2,}|[\u4e00-\u9fff]", bare):
            found.append(f"{node.lineno}: {text}")
    return found


def test_the_scan_finds_words_and_leaves_markup_alone() -> None:
    assert untranslated('st.button("Press me")') and untranslated('st.markdown(f"**Size** {n}")')
    assert untranslated('st.toggle(UI["x"](lang), help="中文")')
    assert not untranslated('st.html(f"<style>{STYLE}</style><p class=\\"note\\">{escape(words)}</p>")')
    assert not untranslated('st.page_link("app.py", label=UI["lesson"](lang))')


def test_every_word_that_streamlit_draws_is_a_text() -> None:
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "topformer_viz").rglob("*.py")]
    found = {str(file.relative_to(ROOT)): words for file in files if (words := untranslated(file.read_text("utf-8")))}
    assert not found
