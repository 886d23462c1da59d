"""Promises: bounds beside exact tails, the choice of a threshold by hand, and how often a promise is broken."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from supportnet.metrics.promise import LADDER, find_promise, lower_bound, upper_bound

INSIDE = np.ones(400, bool)


def ordered(right: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Scores from 1 down to 0 for rows that are right or wrong."""
    correct = np.asarray(right, bool)
    return np.linspace(1, 0, len(correct)), correct


@pytest.mark.parametrize(("successes", "trials"), [(19, 20), (1, 7), (480, 500)])
def test_bounds_are_where_the_tail_has_the_significance(successes: int, trials: int) -> None:
    low, high = (float(bound(successes, trials, 0.025)) for bound in (lower_bound, upper_bound))
    assert binom.sf(successes - 1, trials, low) == pytest.approx(0.025)
    assert binom.cdf(successes, trials, high) == pytest.approx(0.025)


def test_nothing_right_or_nothing_tried_bounds_nothing() -> None:
    assert lower_bound([0, 0], [5, 0], 0.05).tolist() == [0, 0]
    assert upper_bound([5, 0], [5, 0], 0.05).tolist() == [1, 1]


def test_thresholds_go_down_until_one_fails() -> None:
    """300 right rows, then every fourth is wrong: 0.95 holds somewhat beyond the 300th, 0.9 at all of them."""
    scores, correct = ordered([*[True] * 300, *[True, True, True, False] * 25])
    promise = find_promise(scores, correct, INSIDE, 0.95)
    assert promise is not None
    routed = scores >= promise.threshold
    assert 300 < routed.sum() < 400
    assert promise.lower_bound == pytest.approx(float(lower_bound(correct[routed].sum(), routed.sum(), 0.025)))
    assert promise.lower_bound >= 0.95
    assert promise.routed_share == routed.sum() / 400
    # Half-way to the next row, which would break it.
    following = scores[~routed].max()
    assert promise.threshold == pytest.approx((scores[routed].min() + following) / 2)
    with_next = scores >= following
    assert lower_bound(correct[with_next].sum(), with_next.sum(), 0.025) < 0.95
    everything = find_promise(scores, correct, INSIDE, 0.9)
    assert everything is not None
    assert everything.routed_share == 1.0


def test_a_later_threshold_does_not_count_once_one_has_failed() -> None:
    """Ten errors behind the half; then so many right rows that the bound would hold again."""
    right = [*[True] * 210, *[False] * 10, *[True] * 1000]
    promise = find_promise(*ordered(right), np.ones(len(right), bool), 0.95)
    # The half lies beyond the errors: there the sequence begins, and goes to the end.
    assert promise is not None
    assert promise.routed_share == 1.0
    first = [*[True] * 610, *[False] * 30, *[True] * 580]
    promise = find_promise(*ordered(first), np.ones(len(first), bool), 0.95)
    assert promise is not None
    assert promise.routed_share < 0.55


def test_a_lower_precision_is_taken_where_the_one_asked_for_cannot_be_had() -> None:
    """Of 25 rows, 23 are right: 0.85 is the highest of the ladder that 400 rows allow."""
    promise = find_promise(*ordered([*[True] * 23, False, False] * 16), INSIDE, 0.95)
    assert promise is not None
    assert (promise.precision, promise.routed_share) == (0.85, 1.0)
    assert find_promise(*ordered([True, False] * 200), INSIDE, 0.95) is None
    # What is asked for may be lower than the ladder.
    low = find_promise(*ordered([True, False] * 200), INSIDE, 0.4)
    assert low is not None
    assert low.precision == 0.4
    assert min(LADDER) > 0.4


def test_a_fifth_of_the_rows_is_the_least() -> None:
    """The surest 100 of 400 are right, then half of the rows: a start at the half fails, one at a fifth passes."""
    promise = find_promise(*ordered([*[True] * 100, *[True, False] * 150]), INSIDE, 0.95)
    assert promise is not None
    assert 0.2 <= promise.routed_share <= 0.3
    # 60 rows would be enough for it, but nobody routes so few.
    few = find_promise(*ordered([*[True] * 70, *[True, False] * 165]), INSIDE, 0.95)
    assert few is None or few.precision < 0.95


@pytest.mark.parametrize("count", [1, 5, 20])
def test_few_rows_promise_nothing(count: int) -> None:
    """20 right rows of 40 that are all right: the bound of 20 is 0.83."""
    promise = find_promise(*ordered([True] * count), np.ones(count, bool), 0.95)
    assert promise is None or promise.precision <= 0.8
    assert find_promise(np.zeros(0), np.zeros(0, bool), np.zeros(0, bool), 0.95) is None


def test_rows_that_are_never_routed() -> None:
    scores, correct = ordered([True] * 400)
    scores[:250] = -np.inf
    promise = find_promise(scores, correct, INSIDE, 0.9)
    assert promise is not None
    assert promise.routed_share == pytest.approx(150 / 400)
    assert find_promise(np.full(400, -np.inf), correct, INSIDE, 0.9) is None


def test_rows_of_one_score_are_routed_together() -> None:
    scores = np.repeat([1.0, 0.5], [150, 250])
    promise = find_promise(scores, np.arange(400) < 150, INSIDE, 0.95)
    assert promise is not None
    assert promise.routed_share == 150 / 400
    assert 0.5 < promise.threshold <= 1.0


def test_the_share_of_out_of_scope_rows_costs_precision() -> None:
    """Every tenth of 1,000 rows is out of scope; the more are expected, the less is routed."""
    random = np.random.default_rng(0)
    inside = np.arange(1000) % 10 > 0
    scores = np.where(inside, random.normal(2, 1, 1000), random.normal(0, 1, 1000))
    shares = []
    for share in (0.0, 0.2, 0.4):
        promise = find_promise(scores, inside, inside, 0.8, share)
        assert promise is not None
        assert promise.precision == 0.8
        shares.append(promise.routed_share)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0
    assert shares[2] < 0.9


@pytest.mark.parametrize("asked", [0.9, 0.95])
def test_at_most_one_promise_in_twenty_is_broken(asked: float) -> None:
    """Calibration rows from a population whose precision at each threshold is known."""
    random, broken, given = np.random.default_rng(0), 0, 0
    grid = np.linspace(0, 1, 2001)
    # A row is right with the probability 1 - 0.4 (1 - score)^2.
    precision_above = np.array([np.mean(1 - 0.4 * (1 - grid[grid >= score]) ** 2) for score in grid])
    for _ in range(300):
        scores = random.random(400)
        promise = find_promise(scores, random.random(400) < 1 - 0.4 * (1 - scores) ** 2, INSIDE, asked)
        if promise is not None:
            given += promise.precision == asked
            broken += bool(np.interp(promise.threshold, grid, precision_above) < promise.precision)
    assert given > 100
    assert broken <= 15
