"""Calibration and scope, worked by hand."""

import numpy as np
import pytest

from supportnet.metrics.calibration import (
    expected_calibration_error,
    out_of_scope_auroc,
    out_of_scope_fpr,
    perfect_calibration_error,
    reliability_bins,
)


def test_bins_by_hand() -> None:
    """An edge belongs to the bin below it, and 0 to the first."""
    bins = reliability_bins(
        np.array([0.0, 0.2, 0.25, 0.5, 0.6, 1.0]), np.array([False, True, True, True, False, True]), num_bins=4
    )
    assert bins.counts.tolist() == [3, 1, 1, 1]
    assert bins.confidence.tolist() == pytest.approx([0.15, 0.5, 0.6, 1.0])
    assert bins.accuracy.tolist() == pytest.approx([2 / 3, 1, 0, 1])


def test_an_empty_bin_counts_for_nothing() -> None:
    bins = reliability_bins(np.array([0.9]), np.array([True]), num_bins=2)
    assert (bins.counts.tolist(), bins.confidence.tolist(), bins.accuracy.tolist()) == ([0, 1], [0, 0.9], [0, 1])


def test_calibration_error_by_hand() -> None:
    """Two of four are right at 0.8, two of two at 0.9: gaps of 0.3 and 0.1, weighted by 4 and 2."""
    confidence = np.array([0.8] * 4 + [0.9] * 2)
    correct = np.array([True, False, True, False, True, True])
    assert expected_calibration_error(confidence, correct) == pytest.approx((4 * 0.3 + 2 * 0.1) / 6)
    assert expected_calibration_error(np.array([0.5, 0.5]), np.array([True, False])) == 0


def test_gaps_cancel_within_a_bin_only() -> None:
    confidence, correct = np.array([0.9, 0.7]), np.array([False, True])
    assert expected_calibration_error(confidence, correct) == pytest.approx((0.9 + 0.3) / 2)
    assert expected_calibration_error(confidence, correct, num_bins=1) == pytest.approx(0.3)


def test_perfect_calibration_has_an_error() -> None:
    """One message at 0.5 is off by 0.5 whatever happens; of many, the mean gap of a coin is near 0.4 / sqrt(n)."""
    assert perfect_calibration_error(np.array([0.5])) == 0.5
    assert perfect_calibration_error(np.full(400, 0.5)) == pytest.approx(0.4 * 0.05, rel=0.15)
    assert perfect_calibration_error(np.full(400, 0.5)) == perfect_calibration_error(np.full(400, 0.5))


def test_auroc_by_hand() -> None:
    """Of the six pairs, four are in order and one is a tie."""
    scores, in_scope = np.array([0.9, 0.5, 0.2, 0.5, 0.1]), np.array([True, True, True, False, False])
    assert out_of_scope_auroc(scores, in_scope) == pytest.approx(4.5 / 6)


def test_false_positives_by_hand() -> None:
    """19 of 20 in scope have 0.4 or more, and so do two of four out of scope; the last passes with all of them."""
    scores = np.array([*np.linspace(0.9, 0.4, 19), 0.1, 0.95, 0.4, 0.3, 0.0])
    in_scope = np.arange(24) < 20
    assert out_of_scope_fpr(scores, in_scope) == 0.5
    assert out_of_scope_fpr(scores, in_scope, accepted_share=0.96) == 0.75


@pytest.mark.parametrize("in_scope", [[True, True], [False, False]])
def test_one_kind_alone(in_scope: list[bool]) -> None:
    assert out_of_scope_auroc(np.array([0.5, 0.6]), np.array(in_scope)) is None
    assert out_of_scope_fpr(np.array([0.5, 0.6]), np.array(in_scope)) is None
