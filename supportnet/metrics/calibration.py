"""Is a model as sure as it should be? Measures over arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score, roc_curve

Floats = npt.NDArray[np.floating]

#: Bins of the calibration error, as in Guo et al. 2017.
NUM_BINS = 15


@dataclass(frozen=True)
class Bins:
    """Messages by confidence, in bins of equal width from 0 to 1.

    Attributes:
        counts: messages in each bin, float64 `[M]`.
        confidence: mean confidence in each bin, float64 `[M]`; 0 where it is empty.
        accuracy: share that is right in each bin, float64 `[M]`; 0 where it is empty.
    """

    counts: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]


def reliability_bins(confidence: Floats, correct: npt.NDArray[np.bool_], num_bins: int = NUM_BINS) -> Bins:
    """Sort messages into bins: bin m holds confidences above m / M, up to (m + 1) / M.

    Args:
        confidence: probability of each message's best intent, `[N]`.
        correct: whether that intent is right, bool `[N]`.
        num_bins: number of bins M.

    Example:
        >>> bins = reliability_bins(np.array([0.3, 0.8, 0.9]), np.array([False, True, False]), num_bins=2)
        >>> bins.counts.tolist(), bins.accuracy.tolist()
        ([1.0, 2.0], [0.0, 0.5])
    """
    index = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    counts, sums, rights = (
        np.bincount(index, weights=values, minlength=num_bins).astype("float64")
        for values in (np.ones(len(index)), confidence, correct)
    )
    return Bins(counts, sums / np.maximum(counts, 1), rights / np.maximum(counts, 1))


def expected_calibration_error(confidence: Floats, correct: npt.NDArray[np.bool_], num_bins: int = NUM_BINS) -> float:
    """Return the mean gap between confidence and accuracy over the bins, weighted by their messages (Guo et al. 2017).

    Example:
        >>> expected_calibration_error(np.array([0.75, 0.75]), np.array([True, False]))
        0.25
    """
    bins = reliability_bins(confidence, correct, num_bins)
    return float(np.sum(bins.counts * np.abs(bins.accuracy - bins.confidence)) / bins.counts.sum())


def perfect_calibration_error(confidence: Floats, num_simulations: int = 200, seed: int = 0) -> float:
    """Return the calibration error that these confidences would show if each were exactly true.

    It isn't 0: as many messages as these fall to one side or the other by chance. The mean over simulations that
    draw each message right with the probability that its confidence says.

    Example:
        >>> perfect_calibration_error(np.array([1.0, 1.0]))
        0.0
    """
    random = np.random.default_rng(seed)
    draws = (random.random(len(confidence)) < confidence for _ in range(num_simulations))
    return float(np.mean([expected_calibration_error(confidence, drawn) for drawn in draws]))


def out_of_scope_auroc(scores: Floats, in_scope: npt.NDArray[np.bool_]) -> float | None:
    """Return how likely an in-scope message has a higher score than an out-of-scope one; None without both kinds.

    Args:
        scores: in-scope scores, `[N]`.
        in_scope: which messages are in scope, bool `[N]`.

    Example:
        >>> out_of_scope_auroc(np.array([0.9, 0.3, 0.5]), np.array([True, True, False]))
        0.5
    """
    return float(roc_auc_score(in_scope, scores)) if 0 < in_scope.sum() < len(in_scope) else None


def out_of_scope_fpr(scores: Floats, in_scope: npt.NDArray[np.bool_], accepted_share: float = 0.95) -> float | None:
    """Return the share of out-of-scope messages that pass where 95% of those in scope do; None without both kinds.

    Arguments as for `out_of_scope_auroc`.

    Example:
        >>> out_of_scope_fpr(np.array([0.9, 0.3, 0.5, 0.1]), np.array([True, True, False, False]))
        0.5
    """
    if not 0 < in_scope.sum() < len(in_scope):
        return None
    # Every score has to be a point of the curve, also one that lies on a line between two others.
    passed, accepted, _ = roc_curve(in_scope, scores, drop_intermediate=False)
    return float(passed[np.argmax(accepted >= accepted_share)])
