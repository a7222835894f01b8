"""A served app's processes: what memory and CPU they take, and the machine's CPU besides."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from topformer_viz.terminal.chromium import serve


@dataclass
class Server:
    """The served app's address, and what its processes take."""

    address: str
    process: psutil.Process
    _spent: dict[int, float] = field(default_factory=dict)  # seconds of CPU by process

    def _look(self) -> float:
        """Resident memory in MB, noting what CPU each process has spent. psutil.NoSuchProcess where the server has ended."""
        memory = 0.0
        for process in (self.process, *self.process.children(recursive=True)):
            # The one that reads pictures is ended where a picture takes too long, perhaps right now; another follows.
            with suppress(*(() if process is self.process else (psutil.NoSuchProcess,))):
                memory += process.memory_info().rss / 1e6
                times = process.cpu_times()
                self._spent[process.pid] = times.user + times.system
        return memory

    def memory(self) -> float:
        """Resident memory in MB."""
        return self._look()

    def cpu(self) -> float:
        """Seconds of CPU so far, with those of processes that have ended, as far as they were looked at."""
        self._look()
        return sum(self._spent.values())

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
        with suppress(asyncio.CancelledError):
            await looking  # raises what kept it from looking


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
