"""A precision that can be promised: a threshold whose lower confidence bound reaches it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from supportnet.metrics.thresholds import threshold_at

#: How sure a promise is: over repeated calibrations, at most one in twenty is broken.
CONFIDENCE = 0.95
#: Significance of a single bound. It is half of what the confidence allows: on stored scores, where calibration and
#: evaluation rows are halves of the same rows, that keeps the share of broken promises below 1 - CONFIDENCE.
_ALPHA = (1 - CONFIDENCE) / 2
#: What is promised where the precision that was asked for can't be had: the highest of these that can.
LADDER = (0.95, 0.90, 0.85, 0.80)
#: Shares of the in-scope rows that the first threshold of a sequence routes. A promise for fewer has no use.
STARTS = (0.5, 0.2)

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Promise:
    """What a threshold promises.

    Attributes:
        threshold: the least score of a row that is routed.
        precision: share of the routed rows that are right.
        lower_bound: the lower confidence bound of that share; at least `precision`.
        routed_share: share of the in-scope rows that the threshold routes.
    """

    threshold: float
    precision: float
    lower_bound: float
    routed_share: float


def find_promise(
    scores: Floats, correct: Bools, in_scope: Bools, asked: float, out_of_scope_share: float | None = None
) -> Promise | None:
    """Choose the threshold that routes most of the rows at a precision that can be promised.

    Thresholds are tested one after the other, from one that routes half of the in-scope rows downwards, until one
    fails (fixed-sequence testing: each is tested at full significance, and the choice among them costs nothing; Bauer
    1991; Angelopoulos et al. 2021, Learn then Test, section 3.2). If the first one fails, the sequence starts again
    where a fifth of them is routed. A threshold passes if the lower confidence bound of its precision (Clopper &
    Pearson 1934) reaches what is asked for. If none passes, the precisions of `LADDER` below it are tried.

    With a share of out-of-scope rows to expect, there are two bounds: of the precision among routed in-scope rows from
    below, and of the share of out-of-scope rows that are routed from above, with half of the significance each.

    Args:
        scores: of N rows that chose nothing else; minus infinity for one that is never routed, `[N]`.
        correct: whether routing the row is right, bool `[N]`; False for out-of-scope rows.
        in_scope: which rows are in scope, bool `[N]`.
        asked: the precision that is asked for, above 0 and at most 1.
        out_of_scope_share: share of out-of-scope rows to expect. None takes the rows as they are.

    Returns:
        The promise for the highest precision that can be had, `asked` at most; None if there is none.

    Example:
        >>> scores, correct = np.linspace(1, 0, 200), np.arange(200) < 170
        >>> promise = find_promise(scores, correct, np.ones(200, bool), asked=0.95)
        >>> promise.precision, round(promise.lower_bound, 3), round(promise.routed_share, 2)
        (0.95, 0.95, 0.86)
    """
    order = np.argsort(-scores, kind="stable")
    scores, correct, in_scope = scores[order], correct[order], in_scope[order]
    last = np.append(scores[1:] != scores[:-1], True) & np.isfinite(scores)
    routed, right, outside = (np.cumsum(values)[last] for values in (in_scope, correct, ~in_scope))
    share = routed / max(1, in_scope.sum())
    if out_of_scope_share is None or in_scope.all():
        bound = lower_bound(right, routed + outside, _ALPHA)
    else:
        inside = (1 - out_of_scope_share) * share
        wrongly = out_of_scope_share * upper_bound(outside, (~in_scope).sum(), _ALPHA / 2)
        bound = inside * lower_bound(right, routed, _ALPHA / 2) / np.maximum(inside + wrongly, np.finfo(float).tiny)
    for precision in (asked, *(lower for lower in LADDER if lower < asked)):
        for start in STARTS:
            tested = np.flatnonzero(share >= start)
            passed = bound[tested] >= precision
            if len(tested) and passed[0]:
                point = tested[len(passed) - 1 if passed.all() else passed.argmin() - 1]
                threshold = threshold_at(scores[last], int(point))
                return Promise(threshold, precision, float(bound[point]), float(share[point]))
    return None


def lower_bound(successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float) -> npt.NDArray[np.float64]:
    """Return the one-sided lower bounds of proportions at significance `alpha` (Clopper & Pearson 1934).

    Example:
        >>> lower_bound([19, 20, 0], [20, 20, 0], alpha=0.05).round(3)
        array([0.784, 0.861, 0.   ])
    """
    successes, trials = np.asarray(successes), np.asarray(trials)
    found = beta.ppf(alpha, np.maximum(successes, 1), trials - successes + 1)
    return np.where(successes > 0, found, 0.0)


def upper_bound(successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float) -> npt.NDArray[np.float64]:
    """Return the one-sided upper bounds of proportions at significance `alpha` (Clopper & Pearson 1934).

    Example:
        >>> upper_bound([1, 0], 20, alpha=0.05).round(3)
        array([0.216, 0.139])
    """
    return 1 - lower_bound(np.asarray(trials) - np.asarray(successes), trials, alpha)
