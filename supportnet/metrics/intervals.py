"""How far a figure of right and wrong answers can be trusted: 95% intervals of a share, and of a difference of two."""

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, norm

Bools = npt.NDArray[np.bool_]


def share_interval(right: Bools, level: float = 0.95) -> list[float] | None:
    """Return the exact interval of a share (Clopper & Pearson 1934).

    It holds the true share at least as often as it promises, however few the messages and however near 0 or 1 the
    share. Messages are taken for independent of each other.

    Args:
        right: whether each answer is right, `[N]`.
        level: how often such an interval holds the true share.

    Returns:
        The lower and the upper end; None if there are no messages.

    Source: Clopper & Pearson 1934, The use of confidence or fiducial limits illustrated in the case of the binomial,
        https://doi.org/10.1093/biomet/26.4.404, as scipy has it.

    Example:
        >>> [round(end, 3) for end in share_interval(np.array([True] * 19 + [False]))]
        [0.751, 0.999]
    """
    if not len(right):
        return None
    interval = binomtest(int(np.sum(right)), len(right)).proportion_ci(level, method="exact")
    return [float(interval.low), float(interval.high)]


def paired_interval(right: Bools, other: Bools, level: float = 0.95) -> list[float]:
    """Return the interval of the difference of two shares that the same messages were counted for.

    Only messages that one of the two gets right and the other doesn't tell them apart. One more of each kind is added,
    so that the interval has a width where there are few of them, or none: there, a bootstrap would be sure of what it
    can't know.

    Args:
        right: whether each answer is right, `[N]`, at least one.
        other: whether that of the other method is, `[N]`.
        level: how often such an interval holds the true difference.

    Returns:
        The lower and the upper end, of the share of `right` less that of `other`.

    Source: Bonett & Price 2012, Adjusted Wald confidence interval for a difference of binomial proportions based on
        paired data, https://doi.org/10.3102/1076998611411915; one of those that Fagerland, Lydersen & Laake 2014
        recommend, https://doi.org/10.1002/sim.6148.

    Example:
        >>> model, other = np.array([True] * 90 + [False] * 10), np.array([True] * 80 + [False] * 20)
        >>> [round(end, 3) for end in paired_interval(model, other)]
        [0.034, 0.162]
    """
    total = len(right) + 2
    only_right, only_other = (np.sum(right & ~other) + 1) / total, (np.sum(other & ~right) + 1) / total
    difference = only_right - only_other
    width = norm.ppf((1 + level) / 2) * np.sqrt((only_right + only_other - difference**2) / total)
    return [max(-1.0, float(difference - width)), min(1.0, float(difference + width))]
