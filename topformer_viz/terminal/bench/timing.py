"""Tasks timed in turns, and what many times come to."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def interleaved(tasks: Mapping[str, Callable[[], object]], rounds: int, warm: int = 2) -> dict[str, list[float]]:
    """Each task's seconds, round by round, taken in turns so that a busy moment hits all of them.

    ``warm`` rounds come before those that count.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for i in range(warm + rounds):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            if i >= warm:
                times[name].append(time.perf_counter() - start)
    return times


def ratio(times: Sequence[float], baseline: Sequence[float]) -> float:
    """Within a round both saw the same machine: the median of their ratios is steadier than a ratio of medians."""
    return statistics.median(a / b for a, b in zip(times, baseline, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed, interpolated between neighbours."""
    ordered, place = sorted(values), share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
