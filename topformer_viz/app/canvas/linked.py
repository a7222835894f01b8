"""The image, maps and matrices over one token grid, side by side, linked by the token pointed at.

A group is a column of them (a row on a narrow screen); each is called a picture here. The message says what they are and
where their numbers are; linked.js draws them and answers the pointer and the arrow keys without a round trip.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.bodies import hand_out
from topformer_viz.app.canvas.component import component
from topformer_viz.app.canvas.linked_script import LINKED_CSS, LINKED_HTML, LINKED_JS, UI
from topformer_viz.app.canvas.wire import BODY, CANVAS_CSS, CANVAS_JS, Body
from topformer_viz.figures.panel import Scale, Tile
from topformer_viz.words.text import Lang

_component = component(
    "panels",
    html=LINKED_HTML,
    css=CANVAS_CSS + LINKED_CSS,
    js=f"{CANVAS_JS}\n{LINKED_JS}\nexport default mount(Linked);\n",
)
KEPT = ("token", "pair")  # the tokens marked, from 1, as the browser writes them into the address
CELLS = 256  # a matrix of more tokens is averaged down to at most so many cells per side


class Pictures:
    """Collects groups of pictures over one token grid (H, W) and sends them.

    ``order`` of a picture, (HW,): place p shows token ``order[p]``. NaN in a tensor stands for "nothing here". What a
    picture takes its ``tensors`` for is in the message; the tensors are in ``body``, which knows no words.
    """

    def __init__(self, grid: tuple[int, int]) -> None:
        self.grid = grid
        self.body = Body()
        self.tensors: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = []

    def group(self, title: str, pictures: Sequence[dict[str, Any]], note: str = "") -> None:
        """One column: its title, a note in small type, its pictures from top to bottom."""
        self.groups.append({"title": title, "note": note, "pictures": list(pictures)})

    def photo(self, label: str, order: Tensor | None = None, kept: Tensor | None = None) -> dict[str, Any]:
        """The image cut into its tokens; those not ``kept`` (HW,) are left out."""
        hidden = [] if kept is None else (~kept).nonzero()[:, 0].tolist()
        return {"kind": "photo", "label": label, "order": _list(order), "hidden": hidden}

    def tile(self, label: str, tile: Tile, order: Tensor | None = None) -> dict[str, Any]:
        """A figure's tile of numbers: one per token, (H, W), or a matrix of token by token, (HW, HW)."""
        values = torch.from_numpy(tile.values)
        shown = {"label": label, "order": _list(order), **_scale(tile.scale)}
        if values.shape == self.grid:
            return {"kind": "map", **shown, **self._taken(tensor=values)}
        return {"kind": "matrix", **shown, **self._cells(values)}

    def row(self, label: str, tile: Tile) -> dict[str, Any]:
        """The row of the token pointed at, laid out on the grid, of a tile of token by token."""
        # As float16, because it travels whole.
        taken = self._taken(exact=False, tensor=torch.from_numpy(tile.values))
        return {"kind": "row", "label": label, **_scale(tile.scale), **taken}

    def colours(self, label: str, rgb: Tensor) -> dict[str, Any]:
        """One colour per token, (3, HW), from 0 to 1."""
        return {"kind": "colours", "label": label, **self._taken(tensor=rgb.T)}

    def terms(self, label: str, weights: Tensor, rgb: Tensor, mixed: Tensor) -> dict[str, Any]:
        """The weighted sum behind the chosen token's colour: weights (HW, HW), colours read and mixed (3, HW)."""
        return {"kind": "terms", "label": label, **self._taken(weights=weights, read=rgb.T, mixed=mixed.T)}

    def show(
        self,
        key: str,
        title: str,
        photo: Image.Image,
        lang: Lang,
        start: tuple[int, int],
        kept: Sequence[str] = KEPT,
        run: str = "",
    ) -> None:
        """Send all groups to the component ``key``; ``start`` are the two tokens marked at first, ``kept`` their names in the address.

        ``run``: the View's, where the pictures are of it: the token held there is held on its other pages, too.
        """
        picture = Body()
        bodies = {
            "photo": picture.message({"photo": picture.add_photo(photo)}),  # the same for all pictures of it
            "tensors": self.body.message({"tensors": self.tensors}),
        }
        header = {
            "lang": lang, "title": title, "grid": self.grid, "groups": self.groups, "start": start, "kept": kept, "of": run,
            "ui": {name: text(lang) for name, text in UI.items()},
            "body": [hand_out(body, BODY, f"{key} {name}") for name, body in bodies.items()],
        }  # fmt: skip
        _component(header, key=key, height="content")

    def _cells(self, values: Tensor) -> dict[str, Any]:
        step = math.ceil(len(values) / CELLS)
        if step > 1:
            values = F.avg_pool2d(values[None], step, ceil_mode=True)[0]
        return {**self._taken(tensor=values), "step": step}

    def _taken(self, exact: bool = True, **tensors: Tensor) -> dict[str, Any]:
        """Which of the body's tensors a picture takes, by what it takes them for; their numbers in the order of their axes."""
        start = len(self.tensors)
        self.tensors += [self.body.add(values.contiguous()[None], exact) for values in tensors.values()]
        return {"tensors": {name: n for n, name in enumerate(tensors, start)}}


def _list(order: Tensor | None) -> list[int] | None:
    return None if order is None else order.tolist()


def _scale(scale: Scale | None) -> dict[str, Any]:
    """A figure's scale as linked.js takes it."""
    assert scale is not None
    return {"scale": "root" if scale.root else "signed" if scale.centred else "plain", "range": [scale.low, scale.high]}
