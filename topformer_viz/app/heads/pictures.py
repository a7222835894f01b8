"""A head's row over a sample, as an image small enough to stand in the page."""

import base64
import io

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from topformer_viz.figures.panel import Scale
from topformer_viz.figures.shades import coloured
from topformer_viz.network.samples import open_sample
from topformer_viz.study.heads import Shown

CELL = 36  # image pixels of what is made, per token
OVER = 0.68  # how much of the weights' colour covers the photograph


@st.cache_data(max_entries=64, show_spinner=False)
def picture(sample: str, grid: tuple[int, int], token: int, weights: tuple[float, ...]) -> str:
    """The photograph under the row's colours, the token that reads framed: WebP in base64, for an address "data:"."""
    rows, columns = grid
    size = columns * CELL, rows * CELL
    row = np.array(weights).reshape(grid)
    colours = Image.fromarray(coloured(row, Scale(0.0, float(row.max()), "", root=True))[..., :3])
    blended = Image.blend(open_sample(sample).resize(size), colours.resize(size, Image.Resampling.NEAREST), OVER)
    draw = ImageDraw.Draw(blended)
    y, x = (CELL * place for place in divmod(token, columns))
    for inset, ink in ((0, "black"), (2, "white")):
        draw.rectangle((x + inset, y + inset, x + CELL - 1 - inset, y + CELL - 1 - inset), outline=ink, width=2)
    file = io.BytesIO()
    blended.save(file, "WEBP", quality=80)
    return base64.b64encode(file.getvalue()).decode()


def tag(shown: Shown, says: str) -> str:
    """The picture as HTML; ``says`` is its text for whoever does not see it."""
    data = picture(shown.sample, shown.grid, shown.token, tuple(shown.weights))
    rows, columns = shown.grid
    return f'<img src="data:image/webp;base64,{data}" width="{columns * CELL}" height="{rows * CELL}" alt="{says}">'
