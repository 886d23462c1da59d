"""Fit how much each branch of a dual encoder counts, on validation data."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from supportnet.layers.scores import LARGEST_SCALE
from supportnet.metrics.calibration import minimum
from supportnet.tasks.suggest.data import Pairs
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.network import LABEL_SCALE

#: How far the search for the logarithm of a scale goes at first: down, because a learned one may be the largest.
STEP = -0.5

Floats = npt.NDArray[np.floating]


def fit_scales(model: Suggester, asked: Pairs, batch_size: int) -> None:
    """Set the scales of the branches in place: those under which their mean score makes the right replies likeliest.

    A branch that knows the training pairs by heart is surer there than it is right elsewhere, and would outvote the
    others: its scale was learned on these pairs. On messages that training hasn't seen, each branch gets the say that
    it deserves (temperature scaling, Guo et al. 2017, of all branches at once). The softmax is over the replies of all
    these messages, each with the chance that a batch of training has it among its candidates: what the branches learned
    of how often a reply is given, they learned there.

    Args:
        model: a trained one.
        asked: pairs that it hasn't learned from; each message is compared with the replies of all.
        batch_size: messages a step of training.

    Example (needs a trained model):
        >>> fit_scales(model, Pairs.of(dataset["validation"][:2000]), batch_size=128)
    """
    layer = model.network.get_layer("scores")
    cosines = _cosines(model, asked)
    expected = batch_size / len(asked) * np.bincount(asked.reply)
    chance = np.log(-np.expm1(-expected)).astype("float32")
    learned = keras.ops.convert_to_numpy(layer.log_scale).astype("float64")

    def logits(scales: Floats) -> Floats:
        return _mean(scales, cosines) + chance

    layer.log_scale.assign(_fitted(logits, asked.reply, learned, np.log(LARGEST_SCALE)))


def fit_labels(model: Suggester, asked: Pairs) -> None:
    """Scale what the branches say of the labels, in place: such that their mean makes the right labels likeliest.

    What `fit_scales` does, for the second objective: here too a branch that knows the training pairs by heart is surer
    than it should be.

    Args:
        model: a trained one that knows labels.
        asked: pairs that it hasn't learned from, with labels; those without one say nothing.

    Example (needs a trained model):
        >>> fit_labels(model, Pairs.of(dataset["validation"][:2000], model.labels))
    """
    layer, known = model.heads["message"].get_layer("labels"), asked.labels >= 0
    if not known.any():
        return
    texts = [text for text, has_label in zip(asked.texts, known, strict=True) if has_label]
    kernel, bias = layer.get_weights()
    vectors = LABEL_SCALE * _by_branch(model, texts, "message")
    said = np.einsum("bnd,ndk->nbk", vectors, kernel) + bias[:, None]
    found = np.exp(_fitted(lambda scales: _mean(scales, said), asked.labels[known], np.zeros(len(said))))
    layer.set_weights([kernel * found[:, None, None], bias * found[:, None]])


def _fitted(
    logits: Callable[[Floats], Floats], right: npt.NDArray[np.int64], learned: Floats, largest: float | None = None
) -> Floats:
    """Search the logarithms of the scales under which `right` `[B]` is likeliest, from those that were learned."""
    rows = np.arange(len(right))

    def loss(log_scales: Floats) -> float:
        found = logits(np.exp(log_scales, dtype="float32"))
        losses = logsumexp(found, axis=1) - found[rows, right]
        # What was learned stands as long as few messages speak against it.
        return float(losses.mean() + np.square(log_scales - learned).sum() / 2 / len(right))

    return minimum(loss, learned, [STEP] * len(learned), [(None, largest)] * len(learned))


def _mean(scales: Floats, scores: Floats) -> Floats:
    """The mean of what N branches say, on their scales: `[N]` and `[N, B, C]` -> `[B, C]`."""
    return np.einsum("n,nbc->bc", scales / np.float32(len(scales)), scores)


def _cosines(model: Suggester, asked: Pairs) -> Floats:
    """How alike each branch finds each message and each reply, float32 `[N, B, C]`."""
    message, reply = _by_branch(model, asked.texts, "message"), _by_branch(model, asked.replies, "reply")
    return np.stack([message[:, branch] @ reply[:, branch].T for branch in range(message.shape[1])])


def _by_branch(model: Suggester, texts: Sequence[str], side: str) -> Floats:
    """The branches' vectors of texts, float32 `[B, N, D]`."""
    branches = model.network.get_layer("scores").num_branches
    return model.vectors(texts, side, 256)[:, : len(model.scales)].reshape(len(texts), branches, -1)
