"""Fit how much each tower of a dual encoder counts, on validation data."""

import keras
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

from supportnet.layers.scaled_cosine import LARGEST_SCALE
from supportnet.models.suggester import Suggester
from supportnet.training.pairs import Pairs

Floats = npt.NDArray[np.floating]


def fit_scales(model: Suggester, asked: Pairs, batch_size: int) -> None:
    """Set the scales of the towers in place: those under which their mean score makes the right replies likeliest.

    A tower that knows the training pairs by heart is surer there than it is right elsewhere, and would outvote the
    others: its scale was learned on these pairs. On messages that training hasn't seen, each tower gets the say that it
    deserves (temperature scaling, Guo et al. 2017, of all towers at once). The softmax is over the replies of all these
    messages, each with the chance that a batch of training has it among its candidates: what the towers learned of how
    often a reply is given, they learned there.

    Args:
        model: a trained one.
        asked: pairs that it hasn't learned from; each message is compared with the replies of all.
        batch_size: messages a step of training.

    Example:
        >>> fit_scales(model, Pairs.of(dataset["validation"][:2000]), batch_size=128)
    """
    layer = model.network.get_layer("scores")
    cosines = _cosines(model, asked)
    rows = np.arange(len(asked))
    expected = batch_size / len(asked) * np.bincount(asked.reply)
    chance = np.log(-np.expm1(-expected)).astype("float32")

    def loss(log_scales: Floats) -> float:
        scales = np.exp(log_scales, dtype="float32") / len(log_scales)
        logits = np.einsum("n,nbc->bc", scales, cosines) + chance
        losses = logsumexp(logits, axis=1) - logits[rows, asked.reply]
        # What was learned stands as long as few messages speak against it.
        return float(losses.mean() + np.square(log_scales - learned).sum() / 2 / len(asked))

    learned = keras.ops.convert_to_numpy(layer.log_scale).astype("float64")
    bounds = [(None, np.log(LARGEST_SCALE))] * len(learned)
    found = minimize(loss, learned, method="Nelder-Mead", bounds=bounds, options={"xatol": 0.01, "fatol": 1e-4})
    layer.log_scale.assign(found.x)


def _cosines(model: Suggester, asked: Pairs) -> Floats:
    """How alike each tower finds each message and each reply, float32 `[N, B, C]`."""
    towers = model.network.get_layer("scores").num_towers
    message, reply = (
        model.vectors(texts, side, 256)[:, : len(model.scales)].reshape(len(texts), towers, -1)
        for texts, side in ((asked.texts, "message"), (asked.replies, "reply"))
    )
    return np.stack([message[:, tower] @ reply[:, tower].T for tower in range(towers)])
