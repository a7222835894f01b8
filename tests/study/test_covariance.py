"""What tells a matrix of weights from a covariance matrix, on tables whose answers are known."""

import numpy as np
import pytest
import torch
from PIL import Image

from topformer_viz import load_model, trace
from topformer_viz.study.covariance import MIXED, check, correlation, covariance, walk

# From token 0 to 1, 1 to 2, 2 to 0, and a little everywhere: a walk in a circle.
CIRCLE = 0.7 * torch.tensor([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=torch.float64) + 0.1


def test_covariance_and_correlation_are_numpys(case) -> None:
    tokens = case.run["block0.tokens"]
    samples = tokens[0].flatten(1).T.double().numpy()
    np.testing.assert_allclose(covariance(tokens).numpy(), np.cov(samples), atol=1e-10)
    if case.run.sizes["HW"] > 1:
        np.testing.assert_allclose(correlation(tokens).numpy(), np.corrcoef(samples), atol=1e-10)


def test_a_token_alike_in_all_channels_correlates_with_none() -> None:
    tokens = torch.randn(1, 5, 2, 2, generator=torch.Generator().manual_seed(0))
    tokens[..., 0, 0] = 3.0
    table = correlation(tokens)
    assert table.isfinite().all() and not table[0].any() and float(table[3, 3]) == pytest.approx(1)


def test_a_covariance_is_symmetric_with_real_eigenvalues(case) -> None:
    checked = check(covariance(case.run["block0.tokens"]))
    assert checked.asymmetry < 1e-12 and checked.turning == 0
    assert float(checked.eigenvalues.real.amin()) > -1e-9 * float(checked.eigenvalues[0].abs())


def test_weights_are_a_transition_matrix(case) -> None:
    for weights in case.run["block0.weights"][0].double():
        checked = check(weights)
        assert checked.rows == pytest.approx((1, 1), abs=1e-5) and checked.negative == 0
        assert float(checked.eigenvalues[0].abs()) == pytest.approx(1, abs=1e-5)


def test_a_circle_turns() -> None:
    checked = check(CIRCLE)
    assert checked.asymmetry == pytest.approx(0.7 / 0.8)
    assert checked.rows == checked.columns == pytest.approx((1, 1))
    assert checked.turning == pytest.approx(2 / 3)  # 1 and a pair
    assert checked.eigenvalues[1:].abs().tolist() == pytest.approx([0.7, 0.7])
    assert check(CIRCLE - 0.2).negative == pytest.approx(6 / 9)


def test_a_walk_comes_to_rest() -> None:
    matrix = torch.tensor([[0.9, 0.1], [0.3, 0.7]], dtype=torch.float64)
    walked = walk(matrix)
    assert walked.limit.tolist() == pytest.approx([0.75, 0.25])
    assert walked.first.tolist() == pytest.approx([0.6, 0.4]) and walked.left < 1e-12
    # from (1/2, 1/2) the distance is 1/4, and each step leaves 0.6 of it
    assert walked.steps == next(n for n in range(100) if 0.25 * 0.6**n < MIXED)


def test_the_limit_of_a_head_is_one(case) -> None:
    for weights in case.run["block0.weights"][0]:
        walked = walk(weights)
        assert float(walked.limit.sum()) == pytest.approx(1) and walked.left < 1e-9
        assert torch.allclose(walked.first, weights.double().mean(0), atol=1e-6)


def test_a_walk_to_and_fro_does_not_settle() -> None:
    there_and_back = torch.tensor([[0.0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]])
    assert walk(there_and_back).steps is None


@pytest.mark.parametrize("model", ["colour", "tiny", "base"])
@pytest.mark.parametrize("size", [(300, 200), (512, 512)])
def test_a_picture_of_one_colour_has_eigenvalues_too(model: str, size: tuple[int, int]) -> None:
    run = trace(load_model(model), Image.new("RGB", size, (128, 128, 128)).resize((512, 512)))
    for weights in run["block0.weights"][0].double():
        checked = check(weights)
        assert float(checked.eigenvalues[0].abs()) == pytest.approx(1, abs=1e-5)
        assert float(checked.eigenvalues[1:].abs().amax()) < 1
    assert walk(weights).limit.isfinite().all()
