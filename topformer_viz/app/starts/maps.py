"""The six runs as maps, in HTML: each matrix, and what one token reads on the image."""

import io
from html import escape
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.markup import explained, note_html
from topformer_viz.app.starts.readings import Which, sentence, which_words
from topformer_viz.app.starts.words import STARTS, STATISTICS, UI
from topformer_viz.figures.colours import VIRIDIS
from topformer_viz.study.starts import BlockReading, kind
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.numbers import three_digits, two_digits
from topformer_viz.words.text import Lang

PHOTO_SIDE = 480  # longest side of the grey image that travels, in image pixels
SMOOTH = 256  # tokens from which a matrix may have more cells than the screen has dots for it
STOPS = VIRIDIS.split()


def _address(image: Image.Image, kind: str, place: str, **options: Any) -> str:
    """Where the browser finds the image, encoded as ``kind``."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return hand_out(out.getvalue(), f"image/{kind.lower()}", f"starts {place}")


def grey(photo: Image.Image) -> str:
    """Where the browser finds the image in grey."""
    small = photo.convert("L")
    small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    return _address(small, "JPEG", "photo", quality=80)


def _palette() -> list[int]:
    """Viridis as 256 colours, red, green and blue of each in turn."""
    stops = torch.tensor([[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in STOPS]).float()
    colours = torch.nn.functional.interpolate(stops.T[None], 256, mode="linear", align_corners=True)
    return colours[0].T.round().int().flatten().tolist()


PALETTE = _palette()


def as_image(weights: Tensor, top: float) -> Image.Image:
    """Attention weights (rows, columns) as an image, one dot per cell: viridis from 0 to ``top`` by the square root."""
    place = (weights / top).clamp(0, 1).sqrt() * 255
    image = Image.fromarray(place.round().byte().numpy())
    image.putpalette(PALETTE)
    return image


def maps(
    chosen: dict[Which, BlockReading], head: int, grid: tuple[int, int], query: int, scale: str, lang: Lang
) -> str:
    """The colour bar, then the six runs: one column per initialisation, one row per statistics; on a phone one below the other."""
    parts = [_bar(scale, grid[0] * grid[1], lang), '<div class="grid">']
    for statistics, (name, text) in STATISTICS.items():
        parts.append(f"<header><h4>{name(lang)}</h4><p>{note_html(text(lang), lang)}</p></header>")
        for start in STARTS:
            which = start, statistics
            parts.append(_cell(which, chosen[which], head, grid, query, scale, lang))
    return "".join(parts) + "</div>"


def _cell(
    which: Which, reading: BlockReading, head: int, grid: tuple[int, int], query: int, scale: str, lang: Lang
) -> str:
    """One run: its sentence, the matrix with the query's row marked, and what the query reads on the image."""
    name, says = which_words(which, lang), sentence(reading, head, lang)
    matrix = reading.matrix(head)
    tokens, (h, w) = len(matrix), grid
    reads = matrix[query].reshape(h, w)
    highest, most = float(matrix.amax()), int(reads.argmax())
    tops = (1.0, 1.0) if scale == "all" else (highest, float(reads.amax()))
    words = UI["map_even" if kind(reading, head) == "uniform" else "map"](
        lang, row=query // w + 1, column=query % w + 1, top=two_digits(float(reads.amax())), top_row=most // w + 1,
        top_column=most % w + 1,
    )  # fmt: skip
    alt = UI["matrix_alt"](lang, which=name, tokens=tokens, top=two_digits(highest), sentence=says)
    tag = (
        ""
        if which[0] == "trained"
        else f' <span class="random">{explained(UI["random"](lang), NOT_EVIDENCE(lang))}</span>'
    )
    smooth = ' class="smooth"' if tokens > SMOOTH else ""
    at = {
        what: _address(as_image(values, top), "PNG", " ".join((*which, what)))
        for what, values, top in zip(("matrix", "map"), (matrix, reads), tops, strict=True)
    }
    return (
        f'<section><p class="which">{escape(name)}{tag}</p><p class="says">{escape(says)}</p>'
        f'<figure class="matrix"><span class="across">{UI["is_read"](lang)}</span><span class="down">{UI["reads"](lang)}</span>'
        f'<div><img{smooth} src="{at["matrix"]}" width="{tokens}" height="{tokens}" alt="{escape(alt)}">'
        f'<i style="left:0;width:100%;top:{query / tokens:.3%};height:{1 / tokens:.3%}"></i></div>'
        f"<figcaption>{UI['matrix'](lang, top=two_digits(highest))}</figcaption></figure>"
        f'<figure><div class="photo">'
        f'<img src="{at["map"]}" width="{w}" height="{h}" alt="{escape(UI["map_alt"](lang, which=name, words=words))}">'
        f'<i style="left:{query % w / w:.3%};width:{1 / w:.3%};top:{query // w / h:.3%};height:{1 / h:.3%}"></i></div>'
        f"<figcaption>{escape(words)}</figcaption></figure></section>"
    )


def _bar(scale: str, tokens: int, lang: Lang) -> str:
    """The colour bar up to 1, or to each map's own maximum; the middle of it is a quarter of that."""
    ticks = ("0", "¼", "1" if scale == "all" else UI["maximum"](lang))
    words = UI[f"{scale}_bar"](lang, uniform=three_digits(1 / tokens))
    marks = "".join(f"<span>{tick}</span>" for tick in ticks)
    return f'<div class="bar"><div><div class="ramp"></div><div class="ticks">{marks}</div></div><p>{escape(words)}</p></div>'
