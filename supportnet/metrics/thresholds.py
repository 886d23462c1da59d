"""How precise routing is, from the surest message to the least sure one (El-Yaniv & Wiener 2010)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Sums of weights that are equal by the rules of arithmetic differ in their last bits.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class RoutingCurve:
    """What routing every message with at least some score would give: one point a distinct score, from the highest.

    Attributes:
        thresholds: the scores, float64 `[P]`.
        coverage: share of all messages, by weight, that are routed, float64 `[P]`.
        precision: share of the routed, by weight, that are right, float64 `[P]`.
        num_routed: messages that are routed, int64 `[P]`.
    """

    thresholds: npt.NDArray[np.float64]
    coverage: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    num_routed: npt.NDArray[np.int64]


def routing_curve(
    scores: npt.NDArray[np.floating],
    correct: npt.NDArray[np.bool_ | np.floating],
    weights: npt.NDArray[np.float64] | None = None,
) -> RoutingCurve:
    """Route more and more messages.

    Args:
        scores: `[N]`, N at least 1; minus infinity for a message that is never routed.
        correct: whether routing the message would be right, bool `[N]`; or how good it would be, 0 to 1: then the
            curve's precision is the mean of what is routed.
        weights: how much each message counts, above 0, `[N]`; alike, if not given.

    Returns:
        The curve. Messages with the same score are routed together; P is 0 if none ever is.

    Example:
        >>> curve = routing_curve(np.array([0.9, 0.5, 0.5, 0.2]), np.array([True, True, False, True]))
        >>> curve.coverage.tolist(), curve.precision.round(2).tolist()
        ([0.25, 0.75, 1.0], [1.0, 0.67, 0.75])
    """
    weights = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    scores, weights, correct = scores[order], weights[order], correct[order]
    last = np.append(scores[1:] != scores[:-1], True) & np.isfinite(scores)
    routed, right = np.cumsum(weights), np.cumsum(weights * correct)
    return RoutingCurve(
        scores[last],
        (routed / routed[-1])[last],
        (right / routed)[last],
        np.arange(1, len(scores) + 1)[last],
    )


def lowest_point(curve: RoutingCurve, precision: float, min_messages: int = 1) -> int | None:
    """Return the index of the lowest threshold with at least this precision and this many messages, None if none has.

    Example:
        >>> curve = routing_curve(np.array([0.9, 0.5, 0.5, 0.2]), np.array([True, True, False, True]))
        >>> lowest_point(curve, precision=0.7)
        2
    """
    good = (curve.precision >= precision - _ROUNDING) & (curve.num_routed >= min_messages)
    return int(np.flatnonzero(good)[-1]) if good.any() else None


def best_point(curve: RoutingCurve, min_messages: int = 1) -> int | None:
    """Return the index of the point of the highest precision with at least this many messages, None if there is none.

    Example:
        >>> curve = routing_curve(np.array([0.9, 0.5, 0.5, 0.2]), np.array([True, True, False, True]))
        >>> best_point(curve), best_point(curve, min_messages=2)
        (0, 2)
    """
    enough = np.flatnonzero(curve.num_routed >= min_messages)
    return int(enough[curve.precision[enough].argmax()]) if len(enough) else None


def threshold_at(scores: npt.NDArray[np.floating], point: int) -> float:
    """Return a threshold between one of some scores and the next lower one.

    It lies half-way, so that the last bits, which differ between one batch and another, decide nothing; and it is a
    float32, as scores are.

    Args:
        scores: distinct scores from the highest, such as `RoutingCurve.thresholds`, `[P]`.
        point: index of the lowest one that reaches the threshold.

    Example:
        >>> threshold_at(np.array([0.75, 0.5, 0.25]), 1)
        0.375
    """
    above = np.float32(scores[point])
    if point + 1 == len(scores):
        return float(above)
    below = np.float32(scores[point + 1])
    middle = np.float32((above + below) / 2)
    return float(middle if middle > below else above)
