"""A figure is the same bytes whatever a matplotlibrc, a style or the environment says."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from topformer_viz import Look, Subject, by_hand, load_model, save, stage_panel, trace, worksheet
from topformer_viz.figures import animation
from topformer_viz.figures.look import FORMATS
from topformer_viz.figures.panel import Axis, Chart, Series, Table
from topformer_viz.figures.stages import shape_panel

# Common habits, and what would do most harm; nothing that matplotlib itself refuses to start with.
HOSTILE = """
image.origin: lower
image.lut: 7
image.interpolation: bicubic
image.composite_image: False
image.resample: False
text.usetex: True
text.parse_math: False
text.antialiased: False
text.hinting: force_autohint
text.kerning_factor: 6
text.color: red
font.family: serif
font.style: italic
font.weight: bold
font.size: 20
mathtext.fontset: cm
savefig.bbox: tight
savefig.pad_inches: 1
savefig.facecolor: red
savefig.transparent: True
savefig.dpi: 300
figure.dpi: 200
figure.facecolor: 0.8
figure.autolayout: True
figure.constrained_layout.use: True
axes.facecolor: yellow
axes.xmargin: 0.2
axes.autolimit_mode: round_numbers
axes.unicode_minus: False
axes.grid: True
lines.linewidth: 5
lines.antialiased: False
lines.dashed_pattern: 1, 9
lines.scale_dashes: False
lines.solid_capstyle: round
lines.marker: o
patch.linewidth: 5
patch.force_edgecolor: True
patch.antialiased: False
path.sketch: 2, 50, 10
path.simplify: False
path.snap: False
svg.fonttype: path
svg.image_inline: False
svg.hashsalt: mine
svg.id: mine
pdf.fonttype: 3
pdf.compression: 0
pdf.use14corefonts: True
pdf.inheritcolor: True
agg.path.chunksize: 3
colour.of.the.house: blue
lines.markersize: thick
"""


def made() -> dict[str, str]:
    """The digest of every file: tiles, a chart and a table in one figure, a diagram in another, which is every kind of thing that
    is drawn, in few files; and what is more than one figure, as short as can be."""
    model = load_model("colour")
    photo = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    subject = Subject(trace(model, photo), model, photo, "colour", "猫.jpg", False, "zh")
    series = Series("a", "#0072b2", (1.0, 2.0, 3.0), (1.0, -4.0, 9.0), "--", "o")
    chart = Chart((series,), Axis("x", 0, 4), Axis("y", -5, 10))
    table = Table(("a", "b"), (("c", "1"),), sums=(0,))
    tiles = stage_panel(subject, 0, "weights")
    panels = [replace(tiles, charts=(chart,), tables=(table,)), shape_panel(subject, 0, "query")]
    files = {f"{p.name}.{f}": save(p, f, Look("column")) for p in panels for f in FORMATS}
    files["dark.png"] = save(tiles, "png", Look("slide", "transparent"))
    files["notebook"] = panels[1]._repr_svg_().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(animation, "STEPS", 2)
        patch.setattr(animation, "walk", lambda run, block: ["weights"])
        files["gif"] = animation.gif(subject, 0, None, Look())
    files["worksheet"] = worksheet(by_hand.draw(12), "zh", True)
    return {name: sha256(content).hexdigest() for name, content in files.items()}


def test_a_matplotlibrc_a_style_and_a_backend_change_nothing(tmp_path: Path) -> None:
    """What they do to a process of its own that starts where the matplotlibrc lies, beside what this one draws."""
    (tmp_path / "matplotlibrc").write_text(HOSTILE, "utf-8")
    own = {name: value for name, value in os.environ.items() if name != "MATPLOTLIBRC"}
    own |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}
    own |= {"MPLBACKEND": "module://no_such_backend"}
    command, pipe = [sys.executable, __file__], subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=own, stdout=pipe, stderr=pipe, encoding="utf-8") as other:
        ours = made()
        said, faults = other.communicate()
    assert other.returncode == 0, faults
    assert json.loads(said) == ours


def test_figures_leave_the_settings_as_they_are() -> None:
    import matplotlib

    from topformer_viz.figures.drawing import drawing

    with matplotlib.rc_context({"image.origin": "lower", "svg.hashsalt": "mine"}):
        before = dict(matplotlib.rcParams)
        with drawing(**{"svg.hashsalt": "ours"}):
            assert (matplotlib.rcParams["image.origin"], matplotlib.rcParams["svg.hashsalt"]) == ("upper", "ours")
            with drawing():
                assert matplotlib.rcParams["svg.hashsalt"] == "ours"
        assert dict(matplotlib.rcParams) == before


if __name__ == "__main__":
    import matplotlib.style

    matplotlib.style.use(["dark_background", {"image.origin": "lower", "font.family": "serif", "text.usetex": True}])
    print(json.dumps(made()))
