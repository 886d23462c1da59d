"""Is one model better than another, or may it be chance? Over the messages and over the seeds at once."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.metrics.ranking import percentile_interval
from supportnet.tasks.classify.against import mcnemar

Floats = npt.NDArray[np.floating]


def paired_difference(
    own: Floats, other: Floats, groups: Sequence[Hashable], seed: int = 0, resamples: int = 2000
) -> dict[str, Any]:
    """Return the mean difference of two models, and its interval by a paired bootstrap.

    Seeds and conversations are drawn anew, each with replacement, and both models are scored on the same draw
    (Bouthillier et al. 2021, Accounting for Variance in Machine Learning Benchmarks).

    Args:
        own: one value a seed and message, such as whether it was right, `[S, N]`.
        other: the same of the other model; `[1, N]` for one that has no seed.
        groups: the conversation of each message, N.
        seed: the same seed draws the same resamples.
        resamples: number of resamples.

    Returns:
        `difference`; `interval`, that of 95%, None with a single seed.

    Example:
        >>> paired_difference(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[0.0, 0.0]]), ["a", "b"])
        {'difference': 1.0, 'interval': (1.0, 1.0)}
    """
    differences = own - other
    num_seeds = len(differences)
    _, index = np.unique(np.array(list(map(str, groups))), return_inverse=True)
    sums = np.stack([np.bincount(index, weights=row) for row in differences])
    sizes, num_groups = np.bincount(index), sums.shape[1]
    difference = float(differences.mean())
    if num_seeds == 1:
        return {"difference": difference, "interval": None}
    random = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for i in range(resamples):
        seeds, chosen = random.integers(num_seeds, size=num_seeds), random.integers(num_groups, size=num_groups)
        drawn[i] = sums[seeds].sum(axis=0)[chosen].sum() / (num_seeds * sizes[chosen].sum())
    return {"difference": difference, "interval": percentile_interval(drawn)}


def mcnemar_by_seed(right: Floats, other_right: Floats) -> list[float]:
    """Return the p-value of McNemar's test for each seed.

    Args:
        right: whether each message is right, 1 or 0, `[S, N]`.
        other_right: the same of the other model, `[S, N]` or `[1, N]`.

    Example:
        >>> mcnemar_by_seed(np.ones((1, 6)), np.array([[1.0, 0, 0, 0, 0, 0]]))
        [0.0625]
    """
    pairs = zip(right, np.broadcast_to(other_right, right.shape), strict=True)
    return [mcnemar(int(np.sum(own > other)), int(np.sum(own < other))) for own, other in pairs]
