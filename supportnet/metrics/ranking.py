"""How high does the right reply stand? Measures over arrays, and the candidates to rank it among."""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from supportnet.data.ticket import same_text
from supportnet.errors import UserError

Floats = npt.NDArray[np.floating]


def ranks(scores: Floats, right: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return the rank of the right candidate of each row, counted from 1; ties take the middle rank.

    Args:
        scores: score of each candidate, the highest is the best, `[N, C]`.
        right: column of the right candidate, `[N]`.

    Example:
        >>> ranks(np.array([[0.2, 0.9, 0.5], [0.5, 0.5, 0.1]]), np.array([2, 0])).tolist()
        [2.0, 1.5]
    """
    own = np.take_along_axis(scores, right[:, None], axis=1)
    # Counted from the end: a score that is no number is never lower, so that it can't make a rank look good.
    not_lower = scores.shape[1] - np.sum(scores < own, axis=1)
    return not_lower - (np.sum(scores == own, axis=1) - 1) / 2


def draw_candidates(texts: Sequence[str], count: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw the replies that each reply is ranked among: itself first, then others with other texts.

    The others are drawn one after the other, each uniformly from the rows whose texts haven't been drawn yet, so that a
    frequent text is drawn more often than a rare one. Which texts are the same, `same_text` says.

    Args:
        texts: the replies, N of them.
        count: number of candidates C, the reply itself among them.
        seed: the same seed draws the same candidates.

    Returns:
        Rows of the candidates, int64 `[N, C]`; column 0 is the reply itself.

    Raises:
        UserError: if `count` is below 1, or there are fewer than `count` different texts.

    Example:
        >>> draw_candidates(["Hello!", "hello!", "Goodbye."], count=2, seed=0)[:2].tolist()
        [[0, 2], [1, 2]]
    """
    normalized = np.array([same_text(text) for text in texts], dtype=object)
    _, text_ids, frequency = np.unique(normalized, return_inverse=True, return_counts=True)
    if not 1 <= count <= len(frequency):
        raise UserError(
            f"count must be 1 to the number of different texts. Received: {count=}, {len(frequency)} different texts"
        )
    random = np.random.default_rng(seed)
    rows_by_text = np.argsort(text_ids, kind="stable")
    first = np.cumsum(frequency) - frequency
    candidates = np.empty((len(texts), count), dtype="int64")
    for row, own in enumerate(text_ids):
        # A race: a text arrives when the first of its rows does. The order of arrival is that of the draws.
        arrival = random.standard_exponential(len(frequency)) / frequency
        arrival[own] = np.inf
        drawn = np.argpartition(arrival, count - 2)[: count - 1]
        candidates[row, 0] = row
        candidates[row, 1:] = rows_by_text[first[drawn] + random.integers(frequency[drawn])]
    return candidates


def average_precision(ranked_relevant: npt.NDArray[np.bool_]) -> float:
    """Return the average precision of one ranking with several right answers; its mean over rankings is MAP.

    With R right answers, at the ranks r_1 < r_2 < ... < r_R, it is 1 / R times the sum of i / r_i over i: the mean
    precision of the answers down to each right one (Manning, Raghavan & Schütze 2008, Introduction to Information
    Retrieval, chapter 8). A ranking without a right answer has 0.

    Args:
        ranked_relevant: whether each answer is right, the best ranked first, bool `[N]`.

    Example:
        >>> average_precision(np.array([True, False, False, True]))
        0.75
    """
    right_ranks = np.flatnonzero(ranked_relevant) + 1
    precisions = np.arange(1, len(right_ranks) + 1) / right_ranks
    return float(np.sum(precisions) / max(len(right_ranks), 1))


def bootstrap_interval(
    values: Floats,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return an interval of the mean: percentiles of the means of resamples (Efron & Tibshirani 1993, chapter 13).

    Messages of one conversation are alike, and tell less than as many from different ones. With `groups`, whole
    groups are drawn. One group alone has an interval without width.

    Args:
        values: one value a message, such as whether it was right, `[N]`.
        groups: the group of each value, such as its conversation; None: each is a group of its own.
        seed: the same seed draws the same resamples.
        resamples: number of resamples.
        level: share of the resampled means that lie in the interval.

    Returns:
        The lower and the upper end.

    Raises:
        UserError: if there are no values, or not as many groups as values.

    Example:
        >>> bootstrap_interval(np.array([0.0, 1.0, 0.0, 1.0]))
        (0.0, 1.0)
        >>> bootstrap_interval(np.array([0.0, 1.0, 0.0, 1.0]), groups=["a", "a", "b", "b"])
        (0.5, 0.5)
    """
    counted = np.stack([np.asarray(values, dtype="float64"), np.ones(len(values))], axis=1)
    sums = resampled_sums(counted, groups, seed, resamples)
    return percentile_interval(sums[:, 0] / sums[:, 1], level)


def resampled_sums(
    values: npt.NDArray[np.number], groups: Sequence[Hashable] | None = None, seed: int = 0, resamples: int = 1000
) -> npt.NDArray[np.float64]:
    """Return the sums of the values of resamples: whatever is computed from sums has its interval from them.

    Args:
        values: K values a message, `[N, K]`.
        groups: the group of each message, such as its conversation; whole groups are drawn. None: each is its own.
        seed: the same seed draws the same resamples.
        resamples: number of resamples.

    Returns:
        The sums, float64 `[resamples, K]`.

    Raises:
        UserError: if there are no values, or not as many groups as values.

    Example:
        >>> resampled_sums(np.array([[1.0, 10.0], [2.0, 20.0]]), groups=["a", "a"], resamples=2).tolist()
        [[3.0, 30.0], [3.0, 30.0]]
    """
    groups = range(len(values)) if groups is None else groups
    if not 0 < len(values) == len(groups):
        raise UserError(
            f"values must have at least one, and groups as many. Received: {len(values)} values, {len(groups)} groups"
        )
    ids = {group: position for position, group in enumerate(dict.fromkeys(groups))}
    sums = np.zeros((len(ids), values.shape[1]))
    np.add.at(sums, [ids[group] for group in groups], values)
    random = np.random.default_rng(seed)
    return np.stack([sums[random.integers(len(ids), size=len(ids))].sum(axis=0) for _ in range(resamples)])


def percentile_interval(resampled: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the interval that holds the share `level` of what resamples gave, `[resamples]`; as many lie on each side.

    Example:
        >>> percentile_interval(np.arange(101.0), level=0.5)
        (25.0, 75.0)
    """
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
