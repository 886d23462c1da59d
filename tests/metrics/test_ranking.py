"""Ranks, candidates and intervals, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from supportnet.errors import UserError
from supportnet.metrics.ranking import (
    average_precision,
    bootstrap_interval,
    draw_candidates,
    ranks,
)


def test_ranks_by_hand() -> None:
    """The best, the last, a tie of two at the top, a tie of all."""
    scores = np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [5.0, 5.0, 2.0], [1.0, 1.0, 1.0]])
    assert ranks(scores, np.array([0, 1, 1, 2])).tolist() == [1.0, 3.0, 1.5, 2.0]


def test_a_score_that_is_no_number_never_looks_good() -> None:
    scores = np.array([[np.nan, 1.0, 2.0], [1.0, np.nan, 0.0]])
    assert (ranks(scores, np.array([0, 0])) >= [3, 2]).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_ranks_are_those_of_scipy(scores: list[int]) -> None:
    """Every candidate in turn is the right one; ranks of a row then add up to 1 + ... + C."""
    rows = np.tile(np.array(scores, dtype="float64"), (len(scores), 1))
    found = ranks(rows, np.arange(len(scores)))
    np.testing.assert_array_equal(found, stats.rankdata(-np.array(scores)))


TEXTS = ["Hello there!", "hello  THERE!\n", "Goodbye.", "Which city?", "which city?", "How are you?"]


@given(st.integers(1, 4), st.integers(0, 100))
def test_candidates_are_itself_and_others_with_other_texts(count: int, seed: int) -> None:
    candidates = draw_candidates(TEXTS, count, seed)
    assert candidates.shape == (6, count)
    assert candidates[:, 0].tolist() == list(range(6))
    for row in candidates:
        assert len({" ".join(TEXTS[candidate].lower().split()) for candidate in row}) == count
    np.testing.assert_array_equal(candidates, draw_candidates(TEXTS, count, seed))


def test_another_seed_draws_others() -> None:
    texts = [f"reply {i}" for i in range(300)]
    assert (draw_candidates(texts, 100, seed=0) != draw_candidates(texts, 100, seed=1)).any()


def test_rows_are_drawn_uniformly() -> None:
    """Beside `x`, one other candidate out of `a`, `a` and `b`: each of the three rows a third of the time."""
    draws = [draw_candidates(["x", "a", "A", "b"], 2, seed)[0, 1] for seed in range(3000)]
    np.testing.assert_allclose(np.bincount(draws, minlength=4)[1:] / 3000, 1 / 3, atol=0.04)


def test_candidates_follow_one_another_as_if_drawn_again_and_again() -> None:
    """Two others out of `a`, `a`, `b`, `c`: without `a` only as b, c or c, b, each 1/4 times 1/3."""
    draws = [draw_candidates(["x", "a", "a", "b", "c"], 3, seed)[0, 1:] for seed in range(3000)]
    without = np.mean([not {1, 2} & set(drawn.tolist()) for drawn in draws])
    assert without == pytest.approx(1 / 6, abs=0.03)


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_different_texts(count: int) -> None:
    with pytest.raises(UserError, match=rf"Received: count={count}, 4 different texts"):
        draw_candidates(TEXTS, count, seed=0)


def test_average_precision_by_hand() -> None:
    """Right at ranks 1, 3 and 6: precisions of 1, 2/3 and 1/2."""
    relevant = np.array([True, False, True, False, False, True, False])
    assert average_precision(relevant) == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert average_precision(np.array([False, False])) == 0


@given(st.integers(1, 50))
def test_one_right_answer_makes_average_precision_the_reciprocal_rank(rank: int) -> None:
    assert average_precision(np.arange(1, 51) == rank) == 1 / rank


@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from("abc")), min_size=1, max_size=40))
def test_interval_holds_the_mean(members: list[tuple[int, str]]) -> None:
    values, groups = np.array([float(value) for value, _ in members]), [group for _, group in members]
    for low, high in (bootstrap_interval(values, resamples=200), bootstrap_interval(values, groups, resamples=200)):
        assert low - 1e-9 <= values.mean() <= high + 1e-9
        assert values.min() <= low
        assert high <= values.max()


def width(*args: object, **options: object) -> float:
    low, high = bootstrap_interval(*args, **options)  # type: ignore[arg-type]
    return high - low


def test_more_data_and_a_lower_level_make_it_narrower() -> None:
    values = np.random.default_rng(0).random(6400)
    assert width(values) == pytest.approx(width(values[:400]) / 4, rel=0.2)
    assert width(values, level=0.5) < width(values, level=0.95)


def test_conversations_whose_messages_are_alike_widen_it() -> None:
    """Sixteen times the same message tells what one does: four times the width."""
    values = np.repeat(np.random.default_rng(0).random(400), 16)
    groups = np.repeat(np.arange(400), 16).tolist()
    assert width(values, groups) == pytest.approx(4 * width(values), rel=0.2)


def test_groups_of_different_sizes_count_by_their_messages() -> None:
    """Two groups, means 1 and 0, three messages and one: a resample of both has the mean of all messages."""
    values, groups = np.array([1.0, 0.0, 1.0, 1.0]), ["a", None, "a", "a"]
    assert bootstrap_interval(values, groups, level=0.1) == (0.75, 0.75)


def test_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).exponential(size=500)
    expected = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=5000, random_state=0)
    found = bootstrap_interval(values, resamples=5000)
    np.testing.assert_allclose(found, expected.confidence_interval, rtol=0.01)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(0).random(50)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


@pytest.mark.parametrize(("values", "groups"), [([], None), ([], []), ([1.0, 0.0], ["a"])])
def test_values_without_their_groups(values: list[float], groups: list[str] | None) -> None:
    with pytest.raises(UserError, match=f"Received: {len(values)} values, {len(groups or [])} groups"):
        bootstrap_interval(np.array(values), groups)
