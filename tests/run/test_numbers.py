"""The numbers of a run that words quote: worked out here again, in NumPy and double precision."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from topformer_viz import Trace, load_model, trace
from topformer_viz.run.measures import measure
from topformer_viz.run.numbers import NUMBERS, OF_MATRICES, answers_of, asked_of, measures_of, places
from topformer_viz.run.walk import Shape, shape_of, walk


def array(run: Trace, name: str) -> np.ndarray:
    return run[name][0].numpy().astype(np.float64)


def effective(weights: np.ndarray) -> np.ndarray:
    """Of each head, the mean over its rows."""
    logs = np.log(np.where(weights > 0, weights, 1))
    return np.exp(-(weights * logs).sum(-1)).mean(-1)


def test_of_every_stage_its_ends_and_its_mean(case) -> None:
    answers = answers_of(case.run, case.model, {})
    for n in range(case.model.num_blocks):
        for name in walk(case.run, n).values():
            values = array(case.run, name)
            assert answers[f"range {name}"] == [values.min(), values.max()]  # float32's own
            assert answers[f"mean {name}"] == pytest.approx(values.mean(), abs=1e-6 * np.abs(values).max())
    for n in range(4):
        if f"pyramid{n}" in case.run:
            shown = array(case.run, f"pyramid{n}")[:6]  # small enough to be shown whole
            assert answers[f"shown_range pyramid{n}"] == [shown.min(), shown.max()]


def test_what_notes_and_facts_quote(case) -> None:
    run, answers = case.run, answers_of(case.run, case.model, {})
    for n in range(case.model.num_blocks):
        tokens, residual, weights, activated, projected = (
            array(run, f"block{n}.{name}") if f"block{n}.{name}" in run else array(run, name)
            for name in ("tokens", "residual", "weights", "activated", "projected")
        )
        assert answers[f"zeros block{n}.activated"] == {
            "say": "zeros",
            "share": pytest.approx((activated == 0).mean(), abs=1e-6),
        }
        assert answers[f"largest block{n}.projected"] == {"say": "largest", "value": np.abs(projected).max()}
        changed = answers[f"change block{n}"]
        assert changed == {"say": "changed", "value": pytest.approx(np.abs(residual - tokens).max(), rel=1e-5)}
        spread = answers[f"effective block{n}"]
        assert spread == {
            "say": "effective",
            "heads": pytest.approx(effective(weights), rel=1e-5),
            "HW": run.sizes["HW"],
        }
        asymmetry = np.abs(weights - weights.transpose(0, 2, 1)).max((1, 2))
        assert answers[f"asymmetry block{n}"] == {"say": "asymmetry", "heads": pytest.approx(asymmetry, abs=1e-6)}
        uniform = {"say": "uniform"} if run.sizes["HW"] == 1 else None
        assert answers[f"uniform block{n}"] == uniform
        measures = answers[f"measures block{n}"]
        assert measures == measures_of(measure(run, n)) and "log_sum_exp" not in measures
        assert measures["top"] == pytest.approx(weights.max((1, 2)), rel=1e-5)


def test_as_built_nothing_is_added_and_rows_are_uniform(photo: Any) -> None:
    model, picture = load_model("tiny"), photo(128, 192)
    answers = answers_of(trace(model, picture), model, {})
    for n in range(4):
        assert answers[f"largest block{n}.projected"] == {"say": "zero"}
        assert answers[f"change block{n}"] == {"say": "unchanged"}
        assert answers[f"uniform block{n}"] == {"say": "uniform"}


def test_without_whole_matrices_nothing_is_asked_that_needs_them() -> None:
    model = load_model("colour", grid=36)
    run = trace(model, Image.new("RGB", (64, 64), "red"))
    assert "block0.weights" not in run
    asked = {key.partition(" ")[0] for key in places(shape_of(run), 1)}
    assert asked == NUMBERS.keys() - {*OF_MATRICES, "shown_range"}
    assert answers_of(run, model, {})["measures block0"] == measures_of(measure(run, 0))


def test_what_is_asked_follows_from_the_shape_alone(case) -> None:
    shape = shape_of(case.run)
    again = Shape(frozenset(shape.names), dict(shape.sizes))
    assert list(places(again, case.model.num_blocks)) == list(places(shape, case.model.num_blocks))


def test_what_nobody_can_answer_raises(tiny) -> None:
    asked = asked_of(tiny.run, tiny.model)
    for key in ("nobody block0", "range block9.tokens", "effective block9"):
        with pytest.raises(LookupError):
            asked[key]
