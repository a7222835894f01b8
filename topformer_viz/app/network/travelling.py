"""What travels of a run for the page of the whole network: maps of every part and the page's answers, for both languages at once.

Maps are shown as their strength, the root mean square over channels.
"""

import gzip

import torch
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.wire import Body
from topformer_viz.network.model import TopFormer
from topformer_viz.run.measures import PYRAMID_CELLS, by_level, popularity, pyramid_level, shrink, strength
from topformer_viz.run.segmentation import SILENCED
from topformer_viz.run.tracing import Trace
from topformer_viz.run.walk import Known
from topformer_viz.run.whole import LEGEND, Seen, answers_of

MATRIX = 96  # longest side, in cells, of a mean attention matrix
FAST = 1  # of gzip's levels: the slowest makes a twentieth less of it


def whole_message(run: Trace, model: TopFormer, photo: Image.Image, name: str) -> bytes:
    """A run, which is called ``name``, as the page shows it: a message of wire.py, packed, as maps of few classes shrink to little.

    A backbone without injection ends with its last block.
    """
    body, seen, last = Body(), Seen(run, model), f"block{model.num_blocks - 1}.output"
    maps = {f"pyramid{n}.strength": strength(run[f"pyramid{n}"]) for n in range(4)}
    maps |= {f"pyramid{n}.shown": pyramid_level(run, n).contiguous() for n in range(4)}
    maps |= {f"{traced}.levels": by_level(run[traced], model.backbone.channels) for traced in ("tokens", last)}
    for n in range(model.num_blocks):
        maps |= _block(run, n)
    if model.classes is not None:
        for n in (1, 2, 3):
            maps |= {
                f"gate{n}.mean": run[f"gate{n}"].mean(1, keepdim=True),
                f"injected{n}.strength": strength(run[f"injected{n}"]),
            }
        maps |= _classes(seen)
    message = body.message({
        "run": name, "grid": [run.sizes["H"], run.sizes["W"]], "photo": body.add_photo(photo),
        "tensors": {name: body.add(own) for name, own in maps.items()}, "answers": answers_of(seen, Known.of(run, model)),
    })  # fmt: skip
    return gzip.compress(message, FAST, mtime=0)


def _block(run: Trace, n: int) -> dict[str, Tensor]:
    """The mean of the heads' attention, and how much each token is read: in each head, and on average."""
    block, grid = f"block{n}", (run.sizes["H"], run.sizes["W"])
    weights = run[f"{block}.weights"].float()
    read = popularity(weights)
    return {
        f"{block}.mean": shrink(weights.mean(1, keepdim=True), MATRIX).contiguous(),
        f"{block}.read": read.mean(1).reshape(1, 1, *grid),
        f"{block}.heads": read.reshape(1, -1, *grid),
    }


def _classes(seen: Seen) -> dict[str, Tensor]:
    """The segmentation, the ones without a part's work and those had it stopped early (blocks + 1, Y, X), as places in the legend; how
    sure it is; scores of its first classes."""
    scores, told = seen.trace["class_scores"], seen.present[:LEGEND]
    index = torch.full((scores.shape[1],), len(told), dtype=torch.uint8)
    index[told] = torch.arange(len(told), dtype=torch.uint8)
    labels = {"labels": seen.whole.labels, "small": seen.small} | {
        f"without.{part}": seen.without(part) for part in SILENCED
    }
    return {name: index[own][None, None] for name, own in labels.items()} | {
        "lens": index[torch.stack(seen.lens)][None],
        "sure": (seen.whole.sure * 255).round().to(torch.uint8)[None, None],
        "scores": shrink(scores[:, seen["winners class_scores"]], PYRAMID_CELLS).contiguous(),
    }
