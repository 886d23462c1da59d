"""Intervals by hand, and how often they hold the truth."""

import numpy as np
import pytest

from supportnet.metrics.intervals import paired_interval, share_interval


def answers(num_right: int, num_wrong: int) -> np.ndarray:
    return np.repeat([True, False], [num_right, num_wrong])


def test_share_by_hand() -> None:
    """All of N right: the lower end is the share at which that happens once in 40 times."""
    assert share_interval(answers(10, 0)) == pytest.approx([0.025 ** (1 / 10), 1.0])
    assert share_interval(answers(0, 10)) == pytest.approx([0.0, 1 - 0.025 ** (1 / 10)])
    assert share_interval(answers(0, 0)) is None


def test_difference_by_hand() -> None:
    """Of 18 messages, 5 are only the first one's and 1 is only the second one's: 6/20 and 2/20."""
    both, first, second = answers(12, 6), answers(17, 1), answers(12, 6)
    second[-1] = True
    width = 1.959964 * np.sqrt((0.3 + 0.1 - 0.2**2) / 20)
    assert paired_interval(first, second) == pytest.approx([0.2 - width, 0.2 + width])
    assert paired_interval(second, first) == pytest.approx([-0.2 - width, -0.2 + width])
    assert paired_interval(both, both) == pytest.approx([-0.1386, 0.1386], abs=1e-4)


@pytest.mark.parametrize("num", [1, 3, 1000])
def test_a_difference_that_no_message_shows_is_not_certain(num: int) -> None:
    """Nor one that every message shows; and no end lies beyond 1."""
    low, high = paired_interval(answers(num, 0), answers(num, 0))
    assert -1 <= low < 0 < high <= 1
    low, high = paired_interval(answers(num, 0), answers(0, num))
    assert low < 1 <= high <= 1


@pytest.mark.parametrize(
    ("num", "only_first", "only_second"), [(16, 0.3, 0.1), (50, 0.1, 0.05), (200, 0.05, 0.05), (500, 0.002, 0.001)]
)
def test_the_true_difference_is_held_as_often_as_promised(num: int, only_first: float, only_second: float) -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(1000):
        first, second, _ = random.multinomial(num, [only_first, only_second, 1 - only_first - only_second])
        right = np.arange(num) < first
        other = (np.arange(num) >= first) & (np.arange(num) < first + second)
        low, high = paired_interval(right, other)
        held += low <= only_first - only_second <= high
    assert held / 1000 > 0.935
