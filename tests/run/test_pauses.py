"""Long work stops now and then for who runs it: at every tensor of a file, every piece of a segmentation, every run without a head."""

from collections.abc import Callable, Iterator

import pytest
import torch
from conftest import Case

from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.input import to_tensor
from topformer_viz.network.pauses import PAUSE, pause
from topformer_viz.run.segmentation import CHUNK, segment, without_heads
from topformer_viz.run.tracing import npz
from topformer_viz.server.queue import LeftError


@pytest.fixture
def pauses() -> Iterator[list[int]]:
    """One entry a pause; the third breaks the work off."""
    seen: list[int] = []

    def note() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise LeftError

    before = PAUSE.set(note)
    yield seen
    PAUSE.reset(before)


def runs_without_heads(case: Case) -> None:
    for head in range(4):
        without_heads(case.model, case.run, 0, [head])


@pytest.mark.parametrize(
    "work",
    [
        lambda case: npz(case.run),
        lambda case: segment(torch.zeros(1, 3 * CHUNK, 2, 2), (4, 4)),
        lambda case: with_batch_statistics(case.model, to_tensor(case.photo)),
        runs_without_heads,
    ],
)
def test_long_work_can_be_broken_off(tiny: Case, pauses: list[int], work: Callable[[Case], object]) -> None:
    with pytest.raises(LeftError):
        work(tiny)
    assert len(pauses) == 3


def test_nothing_happens_where_nobody_asked_for_pauses() -> None:
    pause()
