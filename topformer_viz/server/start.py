"""What a server sets for its whole process, once."""

import gc
import os
from functools import cache

import torch

from topformer_viz.server.queue import QUEUE


@cache
def start() -> None:
    """Give the cores to the queue, and let the collector pass over what has been imported; from the second call on nothing."""
    # All cores but one compute. Threads that start later, the sessions' own, take one each.
    QUEUE.run(lambda: torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1)))
    torch.set_num_threads(1)
    gc.freeze()  # the modules stay: the collector need not go through them again and again
