"""Intervals of differences, worked out."""

import numpy as np
import pytest

from supportnet.compare.results import mcnemar_by_seed, paired_difference

NAMES = [str(i) for i in range(200)]


def test_what_is_always_better_has_no_doubt() -> None:
    own, other = np.ones((3, 200)), np.zeros((3, 200))
    assert paired_difference(own, other, NAMES) == {"difference": 1.0, "interval": (1.0, 1.0)}


def test_pairs_cancel_what_both_find_hard() -> None:
    hard = np.random.default_rng(0).random((3, 200))
    found = paired_difference(hard + 0.01, hard, NAMES)
    assert found["interval"] == pytest.approx((0.01, 0.01))


def test_the_interval_is_that_of_the_mean_where_seeds_agree() -> None:
    values = np.random.default_rng(1).normal(size=200)
    low, high = paired_difference(np.stack([values] * 3), np.zeros((1, 200)), NAMES)["interval"]
    error = values.std() / np.sqrt(200)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


def test_seeds_that_differ_and_conversations_widen_it() -> None:
    def width(own: np.ndarray, names: list[str]) -> float:
        low, high = paired_difference(own, np.zeros((1, 200)), names)["interval"]
        return float(high - low)

    values = np.random.default_rng(2).normal(size=200)
    alike, unlike = np.stack([values] * 3), np.stack([values - 1, values, values + 1])
    assert width(unlike, NAMES) > 3 * width(alike, NAMES)
    in_tens = np.repeat(values[::10], 10)[None].repeat(3, axis=0)
    assert width(in_tens, [str(i // 10) for i in range(200)]) > 2 * width(in_tens, NAMES)


def test_one_seed_has_no_interval() -> None:
    assert paired_difference(np.ones((1, 4)), np.zeros((1, 4)), NAMES[:4])["interval"] is None


def test_mcnemar_for_each_seed() -> None:
    right = np.array([[1.0] * 6, [1, 0, 0, 0, 0, 0]])
    assert mcnemar_by_seed(right, np.array([[1.0, 0, 0, 0, 0, 0]])) == [0.0625, 1.0]
