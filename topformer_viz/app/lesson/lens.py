"""What travels of the lens for the lesson: the classes that the network would name after each block, and what each block changed."""

import gzip

import torch

from topformer_viz.app.canvas.wire import Body
from topformer_viz.network.model import TopFormer
from topformer_viz.run.tracing import Trace
from topformer_viz.run.whole import Seen
from topformer_viz.words.live import key_of


def lens_message(run: Trace, model: TopFormer) -> bytes:
    """``labels`` (blocks + 1, Y, X), from before the first block to after the last, and ``changes``, one per block; packed."""
    body, seen = Body(), Seen(run, model)
    message = body.message({"lens": {
        "labels": body.add(torch.stack(seen.lens)[None], exact=True),
        "changes": [seen[key_of("lens", f"block{n}")] for n in range(model.num_blocks)],
    }})  # fmt: skip
    return gzip.compress(message, mtime=0)
