"""Many images on a Dask cluster: the workers share no disk with this process, so an image travels as bytes, and so do its files."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from topformer_viz.figures.order import Order
from topformer_viz.network.choices import MODELS
from topformer_viz.terminal.console import printable
from topformer_viz.terminal.export.files import Jobs, Tell, put, reason
from topformer_viz.terminal.export.picture import export_image

ANSWER_SECONDS = 5  # how long a Dask scheduler may take to answer


class ClusterError(RuntimeError):
    """Dask is not installed, or no scheduler with workers is at the address, or the cluster went away; the message says."""


Made = tuple[list[tuple[str, bytes]], str]  # files, and what went wrong


def on_cluster(jobs: Jobs, order: Order, address: str, tell: Tell) -> Iterator[str]:
    """Every image on a worker of the cluster, its files written here; what went wrong with each, in the images' order.

    On their way are at most two images for each of the cluster's threads.
    """
    ahead = 2 * _threads_at(address)
    from dask import config
    from distributed import Client, KilledWorker

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it would say comes below, in a sentence
    with (
        config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}),  # images are meant to travel
        Client(address, timeout=ANSWER_SECONDS, set_as_default=False) as client,
    ):
        # A task of its own: workers hand it on to each other, and it is made again where the one that had it is gone.
        checkpoint = None if order.model in MODELS else client.submit(bytes, Path(order.model).read_bytes())

        def send(image: str) -> Any:
            """A future of Made, or the complaint that the image cannot be read."""
            try:
                data = Path(image).read_bytes()
            except OSError as error:
                return reason(image, error)
            return client.submit(_make, image, printable(Path(image).name), data, order, checkpoint, pure=False)

        waiting = deque(send(image) for image, _ in jobs[:ahead])
        for n, (image, place) in enumerate(jobs):
            sent = waiting.popleft()
            files: list[tuple[str, bytes]] = []
            try:
                files, complaint = ([], sent) if isinstance(sent, str) else sent.result()
                for end, content in files:
                    tell(put(place, end, content))
            except KilledWorker:
                complaint = f"{image}: the workers at work on it were ended, perhaps for want of memory"
            except Exception as error:
                if client.status != "running":
                    raise ClusterError(f"the Dask cluster at {address} went away") from error
                complaint = reason(image, error)
            waiting.extend(send(image) for image, _ in jobs[n + ahead : n + ahead + 1])
            yield complaint


def _threads_at(address: str) -> int:
    """How many threads all workers of the scheduler at ``address`` have together; ClusterError if there are none."""
    try:
        from distributed import rpc
    except ImportError as error:
        raise ClusterError("--dask needs Dask: pip install -e '.[dask]'") from error

    async def identity() -> dict[str, Any]:
        async with rpc(address, timeout=ANSWER_SECONDS) as scheduler:
            return await asyncio.wait_for(scheduler.identity(), ANSWER_SECONDS)

    try:
        found = asyncio.run(identity())
    except Exception as error:  # a wrong address, or something else that listens there, raises nearly anything
        raise ClusterError(f"no Dask scheduler answers at {address}: {str(error) or type(error).__name__}") from error
    if not found.get("total_threads"):
        raise ClusterError(f"the Dask {found['type'].lower()} at {address} has no workers")
    return int(found["total_threads"])


def _make(image: str, name: str, data: bytes, order: Order, checkpoint: bytes | None) -> Made:
    """On a worker: what ``files.write`` does, with files in memory."""
    torch.set_num_threads(1)  # for good: other tasks run beside this one
    files: list[tuple[str, bytes]] = []
    try:
        files.extend(export_image(data, name, replace(order, checkpoint=checkpoint)))
    except Exception as error:
        return files, reason(image, error)
    return files, ""
