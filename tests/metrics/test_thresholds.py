"""The routing curve by hand, and what must hold of a threshold whatever the scores are."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportnet.metrics.thresholds import best_point, lowest_point, routing_curve, threshold_at

NEVER = float("-inf")

#: Score, whether it is right, weight. Scores are float32, as the network gives them, and often equal.
MESSAGES = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([0.0, 0.5, 1.0, NEVER]), st.floats(0, 1, width=32)),
        st.booleans(),
        st.sampled_from([0.2, 1.0, 3.0]),
    ),
    min_size=1,
    max_size=40,
)


def arrays(
    messages: list[tuple[float, bool, float]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    scores, correct, weights = zip(*messages, strict=True)
    return np.array(scores, "float64"), np.array(correct), np.array(weights)


def test_curve_by_hand() -> None:
    """The wrong one weighs three: 1 of 1, 2 of 2, 2 of 5, 3 of 6 by weight are right; the last is never routed."""
    curve = routing_curve(
        np.array([0.9, 0.8, 0.6, 0.4, NEVER]),
        np.array([True, True, False, True, False]),
        np.array([1.0, 1.0, 3.0, 1.0, 2.0]),
    )
    assert curve.thresholds.tolist() == [0.9, 0.8, 0.6, 0.4]
    assert curve.coverage.tolist() == [1 / 8, 2 / 8, 5 / 8, 6 / 8]
    assert curve.precision.tolist() == [1.0, 1.0, 2 / 5, 3 / 6]
    assert curve.num_routed.tolist() == [1, 2, 3, 4]
    assert [lowest_point(curve, precision) for precision in (1.0, 0.51, 0.5, 0.1)] == [1, 1, 3, 3]
    assert [lowest_point(curve, 0.5, min_messages) for min_messages in (4, 5)] == [3, None]
    assert threshold_at(curve.thresholds, 1) == pytest.approx(0.7)
    assert threshold_at(curve.thresholds, 3) == pytest.approx(0.4)


def test_ties_are_routed_together() -> None:
    """Of four with the same score, the three that are right can't be routed without the wrong one."""
    curve = routing_curve(np.full(4, 0.5), np.array([True, True, True, False]))
    assert (curve.coverage.tolist(), curve.precision.tolist()) == ([1.0], [0.75])
    assert lowest_point(curve, 0.8) is None


def test_nothing_can_be_routed() -> None:
    curve = routing_curve(np.array([NEVER, NEVER]), np.array([False, False]))
    assert len(curve.thresholds) == 0
    assert lowest_point(curve, 0.5) is None
    assert best_point(curve) is None


def test_degrees_of_right() -> None:
    """The precision is their mean; the best is the first of the highest with enough messages."""
    curve = routing_curve(np.array([0.9, 0.7, 0.5, 0.1]), np.array([0.5, 1.0, 0.75, 0.0]))
    np.testing.assert_allclose(curve.precision, [0.5, 0.75, 0.75, 0.5625])
    assert (best_point(curve), best_point(curve, min_messages=4)) == (1, 3)
    assert best_point(curve, min_messages=5) is None


def test_scores_next_to_each_other() -> None:
    """No float32 lies between the two."""
    above = np.nextafter(np.float32(0.5), np.float32(1))
    curve = routing_curve(np.array([above, 0.5], "float64"), np.array([True, False]))
    assert threshold_at(curve.thresholds, 0) == above


@given(MESSAGES, st.sampled_from([0.3, 0.5, 0.75, 0.95, 1.0]), st.integers(1, 5))
def test_the_threshold_is_the_lowest_that_keeps_the_promise(
    messages: list[tuple[float, bool, float]], promise: float, min_messages: int
) -> None:
    scores, correct, weights = arrays(messages)
    curve = routing_curve(scores, correct, weights)
    point = lowest_point(curve, promise, min_messages)

    def kept(threshold: float) -> bool:
        routed = (scores >= threshold) & np.isfinite(scores)
        enough = routed.sum() >= min_messages
        return bool(enough and np.average(correct[routed], weights=weights[routed]) >= promise - 1e-9)

    lower = [score for score in scores.tolist() if np.isfinite(score)]
    if point is not None:
        threshold = threshold_at(curve.thresholds, point)
        routed = scores >= threshold
        assert kept(threshold)
        assert weights[routed].sum() / weights.sum() == pytest.approx(curve.coverage[point])
        assert np.average(correct[routed], weights=weights[routed]) == pytest.approx(curve.precision[point])
        lower = [score for score in lower if score < threshold]
    assert not [score for score in lower if kept(score)]
