"""Is a model as sure as it should be? Measures over arrays, and numbers that make it so, such as a temperature."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

Floats = npt.NDArray[np.floating]

#: Bins of the calibration error, as in Guo et al. 2017.
NUM_BINS = 15
#: Temperatures are looked for between these.
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 10.0
#: What stands for a probability that float32 has rounded to 0, and has no logarithm.
SMALLEST = np.finfo("float32").tiny


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
    # Loading scikit-learn takes a second, and temperatures don't need it.
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(in_scope, scores)) if 0 < in_scope.sum() < len(in_scope) else None


def out_of_scope_fpr(scores: Floats, in_scope: npt.NDArray[np.bool_], accepted_share: float = 0.95) -> float | None:
    """Return the share of out-of-scope messages that pass where 95% of those in scope do; None without both kinds.

    Arguments as for `out_of_scope_auroc`.

    Example:
        >>> out_of_scope_fpr(np.array([0.9, 0.3, 0.5, 0.1]), np.array([True, True, False, False]))
        0.5
    """
    from sklearn.metrics import roc_curve

    if not 0 < in_scope.sum() < len(in_scope):
        return None
    # Every score has to be a point of the curve, also one that lies on a line between two others.
    passed, accepted, _ = roc_curve(in_scope, scores, drop_intermediate=False)
    return float(passed[np.argmax(accepted >= accepted_share)])


def tempered(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float64]:
    """Return what probabilities `[N, K]` become if the logits behind them are divided by `temperature`.

    Example:
        >>> tempered(np.array([[0.8, 0.2]]), temperature=2.0).round(3)
        array([[0.667, 0.333]])
    """
    return np.exp(_log_tempered(probabilities, temperature))


def fit_temperature(probabilities: npt.NDArray[np.float32], targets: npt.NDArray[np.int64]) -> float:
    """Return the temperature at which the targets are most likely (Guo et al. 2017), between 0.1 and 10.

    As if each of N true intents were true to (N + 1) / (N + 2) only, and the others shared the rest (Platt 1999,
    section 2.2): a few messages that are all right are no reason to be sure of everything.

    Args:
        probabilities: at temperature 1, `[N, K]`, K at least 2.
        targets: index of each true intent, `[N]`.

    Example:
        >>> sure, right = np.array([[0.9, 0.1]] * 4), np.array([0, 0, 0, 1])
        >>> round(fit_temperature(sure, right), 2)  # then its 0.9 says 2/3: 3/4 of 5/6, and 1/4 of 1/6
        3.17
    """
    num_messages, num_intents = probabilities.shape
    rest = 1 / (num_messages + 2)
    smoothed = np.full((num_messages, num_intents), rest / (num_intents - 1))
    smoothed[np.arange(num_messages), targets] = 1 - rest

    def loss(log_temperature: float) -> float:
        return -float((smoothed * _log_tempered(probabilities, np.exp(log_temperature))).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=np.log([MIN_TEMPERATURE, MAX_TEMPERATURE]), method="bounded")
    return float(np.exp(found.x))


def minimum(
    loss: Callable[[npt.NDArray[np.floating]], float],
    start: npt.NDArray[np.floating],
    steps: Sequence[float],
    bounds: Sequence[tuple[float | None, float | None]],
    max_calls: int | None = None,
) -> npt.NDArray[np.floating]:
    """Return the N numbers at which a loss is smallest, to about a hundredth (Nelder & Mead 1965).

    Args:
        loss: of the numbers, `[N]`.
        start: where the search begins.
        steps: how far it goes at first, number by number. SciPy's own steps from 0 are tiny, and would end it where it
            begins.
        bounds: lowest and highest value of each number, None for neither.
        max_calls: of the loss, about; 200 a number if not given.

    Example:
        >>> minimum(lambda x: float(np.square(x - 2).sum()), np.zeros(1), [0.5], [(None, None)]).round(1)
        array([2.])
    """
    simplex = start + np.stack([np.zeros(len(start)), *np.diag(steps)])
    options = {"maxfev": max_calls, "xatol": 0.01, "fatol": 1e-4, "initial_simplex": simplex}
    return np.asarray(minimize(loss, start, method="Nelder-Mead", bounds=bounds, options=options).x)


def _log_tempered(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float64]:
    logits = np.log(np.maximum(probabilities, SMALLEST), dtype="float64")
    return log_softmax(logits / temperature, axis=1)
