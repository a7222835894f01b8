"""A served app's processes: what memory and CPU they take, and the machine's CPU besides."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from topformer_viz.terminal.chromium import serve


@dataclass
class Server:
    """The served app's address, and what its processes take."""

    address: str
    process: psutil.Process

    def _each(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> float:
        """Resident memory in MB."""
        return sum(process.memory_info().rss for process in self._each()) / 1e6

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return sum(times.user + times.system for times in (process.cpu_times() for process in self._each()))

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[list[float]]:
        """The memory, looked at twice a second."""
        seen = [self.memory()]

        async def look() -> None:
            while True:
                await asyncio.sleep(0.5)
                seen.append(self.memory())

        looking = asyncio.create_task(look())
        yield seen
        looking.cancel()


@contextmanager
def served(script: Path) -> Iterator[Server]:
    """Serve ``script``, see ``serve``, with an eye on its processes."""
    with serve(script) as address:
        port = str(urlsplit(address).port)
        yield Server(address, next(p for p in psutil.Process().children() if port in p.cmdline()))


def machine_cpu() -> float:
    """Seconds of CPU that all programs took since the machine started."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0)
