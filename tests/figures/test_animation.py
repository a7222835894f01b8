"""The lesson as a GIF: its frames, its pace, and that what the maps show are the run's weights."""

import io
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from topformer_viz import load_model, trace
from topformer_viz.figures.animation import HEIGHT, STEPS, STRIP, WIDTH, gif, path
from topformer_viz.figures.look import Look
from topformer_viz.figures.subject import Subject
from topformer_viz.run.walk import walk


@pytest.mark.parametrize("grid", [(1, 1), (8, 12), (1, 160), (160, 1), (64, 64), (4, 64), (64, 4)])
def test_the_query_goes_to_and_fro_over_all_of_the_picture(grid: tuple[int, int]) -> None:
    rows, columns = grid
    places = [divmod(query, columns) for query in path(rows, columns)]
    assert 1 <= len(places) <= STEPS and len(set(places)) == len(places)
    assert all(0 <= r < rows and 0 <= c < columns for r, c in places)
    down, across = ([place[axis] for place in places] for axis in (0, 1))
    for along, n in ((down, rows), (across, columns)):
        known = sorted(set(along))
        assert known[0] <= n / len(known) and n - 1 - known[-1] <= n / len(known)
    assert down == sorted(down)
    for one, two in pairwise(places):
        assert one[0] == two[0] or one[1] == two[1]  # along a row, or straight down to the next


def test_what_it_shows(photo: Callable[..., Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    model, picture = load_model("colour"), photo(128, 192)
    run = trace(model, picture)
    subject = Subject(run, model, picture, "Colour", "noise", False, "en")
    stages = dict(list(walk(run, 0).items())[:2])
    monkeypatch.setattr("topformer_viz.figures.animation.walk", lambda run, block: stages)
    data = gif(subject, 0, 1, Look(theme="transparent"))
    assert len(data) < 3_000_000
    rows, columns = subject.grid
    queries = path(rows, columns)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (WIDTH, HEIGHT + STRIP)
        assert image.info["loop"] == 0
        assert image.n_frames == len(queries) + len(stages)  # type: ignore[attr-defined]
        durations, frames = [], []
        for n in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(n)
            durations.append(image.info["duration"])
            frames.append(np.array(image.convert("RGB")))
    assert durations == [140] * len(queries) + [1500] * (len(stages) - 1) + [3000]
    # In the strip lies the query's row: its brightest cell is the largest weight, and the paper is white.
    for query, frame in zip(queries, frames, strict=False):
        weights = run.rows("block0.weights", 1, [query])[0].numpy()
        strip = frame[HEIGHT + 20, 8 : WIDTH - 8].astype(int)
        cells = [(2 * i + 1) * len(strip) // (2 * len(weights)) for i in range(len(weights))]
        shown = strip[cells][:, 1]  # viridis: the more, the greener
        assert np.corrcoef(np.argsort(np.argsort(shown)), np.argsort(np.argsort(weights)))[0, 1] > 0.9
        assert tuple(frame[2, 2]) == (255, 255, 255)
    assert sum(bool((one != two).any()) for one, two in pairwise(frames)) == len(frames) - 1
