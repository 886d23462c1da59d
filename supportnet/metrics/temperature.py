"""One number that makes probabilities honest: the temperature that their logits are divided by (Guo et al. 2017)."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

#: Temperatures are looked for between these.
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 10.0
#: What stands for a probability that float32 has rounded to 0, and has no logarithm.
SMALLEST = np.finfo("float32").tiny


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


def _log_tempered(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float64]:
    logits = np.log(np.maximum(probabilities, SMALLEST), dtype="float64")
    return log_softmax(logits / temperature, axis=1)
