"""Temperatures by hand."""

import numpy as np
import pytest

from supportnet.metrics.calibration import fit_temperature, tempered


def test_temperature_by_hand() -> None:
    """Three of four are right at 0.9, each of them to 5/6: odds of 9 to the power of 1 / T must be 2 to 1."""
    probabilities = np.array([[0.9, 0.1]] * 4, "float32")
    found = fit_temperature(probabilities, np.array([0, 0, 0, 1]))
    assert found == pytest.approx(np.log(9) / np.log(2), rel=1e-3)
    np.testing.assert_allclose(tempered(probabilities, found)[0], [2 / 3, 1 / 3], atol=1e-4)


def test_few_messages_that_are_all_right_prove_little() -> None:
    """Four right answers are true to 5/6, four hundred to 401/402."""
    for num_messages in (4, 400):
        found = fit_temperature(np.array([[0.9, 0.1]] * num_messages), np.zeros(num_messages, int))
        assert found == pytest.approx(np.log(9) / np.log(num_messages + 1), rel=1e-3)


def test_temperature_has_bounds() -> None:
    """Where all is wrong, no temperature is high enough."""
    assert fit_temperature(np.array([[0.9, 0.1]] * 4), np.ones(4, int)) == pytest.approx(10.0, rel=0.01)


def test_tempering_is_undone() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    np.testing.assert_allclose(tempered(tempered(probabilities, 1.7), 1 / 1.7), probabilities, rtol=1e-9)
    assert np.isfinite(tempered(np.array([[1.0, 0.0]], "float32"), 3.0)).all()
