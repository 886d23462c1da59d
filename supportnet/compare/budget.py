"""The same number of weights for two architectures, so that comparing them is fair."""

from bisect import bisect_left
from collections.abc import Callable


def equal_hidden_dim(count_weights: Callable[[int], int], budget: int) -> int:
    """Find the `hidden_dim` that gives a network the number of weights nearest to a budget.

    Args:
        count_weights: the number of weights for a `hidden_dim`; it must grow with it.
        budget: the number of weights of the other network.

    Returns:
        The `hidden_dim`, at least 1. From sizes of some dozens on, the numbers differ by less than 5%.

    Example:
        >>> equal_hidden_dim(lambda hidden_dim: 10 * hidden_dim + 7, budget=131)
        12
    """
    high = 1
    while count_weights(high) < budget:
        high *= 2
    above = bisect_left(range(high), budget, lo=high // 2, key=lambda index: count_weights(index + 1)) + 1
    return min((above, max(above - 1, 1)), key=lambda hidden_dim: abs(count_weights(hidden_dim) - budget))
