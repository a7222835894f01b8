"""The documents' figures are what their command makes today."""

import base64
import io
import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from topformer_viz.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same figures, made now."""
    (command,) = re.findall(r"^python -m topformer_viz (export .*)$", (FIGURES / "README.md").read_text("utf-8"), re.M)
    out = tmp_path_factory.mktemp("figures")
    words = shlex.split(
        command.replace("docs/figures", str(out)).replace("topformer_viz/assets/", f"{ROOT}/topformer_viz/assets/")
    )
    assert main(words) == 0
    return out


def pictures(svg: ET.Element) -> list[np.ndarray]:
    data = [image.get(LINK, "").partition(",")[2] for image in svg.iter(f"{SVG}image")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGBA")).astype(int) for one in data]


def test_the_figures_are_not_stale(fresh: Path) -> None:
    kept = {str(path.relative_to(FIGURES)) for path in FIGURES.rglob("*.svg")}
    assert kept == {str(path.relative_to(fresh)) for path in fresh.rglob("*.svg")}
    for name in kept:
        old, new = (ET.fromstring((folder / name).read_bytes()) for folder in (FIGURES, fresh))
        words = [[t.text for t in svg.iter(f"{SVG}text")] for svg in (old, new)]
        assert words[0] == words[1], f"{name} is stale: run the command in docs/figures/README.md"
        for was, now in zip(pictures(old), pictures(new), strict=True):
            # Another processor rounds otherwise: a colour level or two, here and there.
            assert was.shape == now.shape
            assert (np.abs(was - now) > 3).mean() < 0.001, f"{name} is stale: run the command in docs/figures/README.md"


def test_the_documents_show_figures_that_are_there() -> None:
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert [name for name in shown if not (ROOT / name).exists()] == []
    assert any(name.startswith("docs/figures/") for name in shown)
