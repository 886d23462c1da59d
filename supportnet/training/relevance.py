"""Fit the numbers that turn the scores of answers into probabilities, on validation data."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from supportnet.data.bank import same_text
from supportnet.data.ticket import Ticket
from supportnet.models.relevance import Relevance
from supportnet.models.suggester import Suggester
from supportnet.training.pairs import Pairs

#: Four numbers need no more messages; each is compared with all replies.
MAX_MESSAGES = 600
#: Of the logarithm of the sharpness, of the prior, the agreement and the logit of "none of them": a few messages that
#: are all right are no reason to be sure of everything.
BOUNDS = ((-2.3, 2.3), (0.0, 2.0), (0.0, 30.0), (-100.0, 100.0))
#: How far the search goes at first. SciPy's own first steps from 0 are tiny, and would end it where it begins.
STEPS = (0.5, 0.5, 1.0, 2.0)

Floats = npt.NDArray[np.floating]


def fit_relevance(model: Suggester, pairs: Pairs, validation: Sequence[Ticket], seed: int = 0) -> Relevance:
    """Choose the numbers under which the right replies are likeliest, in the bank of all training replies.

    For a message whose reply isn't in the bank, "none of them" is right. Where the model knows labels, the replies
    with the right label shall be likely as well, together.

    Args:
        model: a trained one.
        pairs: what it learned from.
        validation: messages with a reply, and labels if the model knows any.
        seed: draws 600 of them, if there are more.

    Example:
        >>> model.relevance = fit_relevance(model, pairs, dataset["validation"])
    """
    chosen = np.random.default_rng(seed).permutation(len(validation))[:MAX_MESSAGES]
    asked = Pairs.of([validation[i] for i in chosen], model.labels)
    known = {reply: row for row, reply in enumerate(map(same_text, pairs.replies))}
    right = np.array([known.get(same_text(asked.replies[i]), -1) for i in asked.reply])
    same_label = (asked.labels[:, None] == pairs.reply_labels) & (asked.labels[:, None] >= 0)
    features = _features(model, asked.texts, pairs)
    start = np.array([0.0, 0.5, 1.0 if model.labels else 0.0, 0.0])

    def loss(numbers: Floats) -> float:
        log_probabilities = _log_probabilities(numbers, features)
        by_text = log_probabilities[np.arange(len(right)), right]
        labelled = same_label.any(axis=1)
        by_label = logsumexp(np.where(same_label, log_probabilities[:, :-1], -np.inf)[labelled], axis=1)
        return -float(by_text.mean() + (by_label.mean() if labelled.any() else 0.0))

    # Without labels, their weight stays 0: no step goes there.
    steps = np.diag(STEPS) * [1, 1, bool(model.labels), 1]
    simplex = np.stack([start, *(start + step for step in steps)])
    options = {"maxfev": 300, "xatol": 0.01, "fatol": 1e-4, "initial_simplex": simplex}
    found = minimize(loss, start, method="Nelder-Mead", bounds=BOUNDS, options=options).x
    return Relevance(float(np.exp(found[0])), float(found[1]), float(found[2]), float(found[3]))


def _features(model: Suggester, texts: Sequence[str], pairs: Pairs) -> tuple[Floats, Floats, Floats]:
    """What the logits are made of: scores `[N, R]`, logarithms of the uses `[R]`, chances of equal labels `[N, R]`."""
    depth = model.config.vector_dim
    messages, replies = model.vectors(texts, "message", 256), model.vectors(pairs.replies, "reply", 256)
    scores = model.scale * messages[:, :depth] @ replies[:, :depth].T
    uses = np.log(np.bincount(pairs.reply, minlength=len(pairs.replies)).astype("float32"))
    return scores, uses, messages[:, depth:] @ replies[:, depth:].T


def _log_probabilities(numbers: Floats, features: tuple[Floats, Floats, Floats]) -> Floats:
    """`[N, R + 1]`; the last column is "none of them"."""
    scores, uses, agreement = features
    sharpness, prior, weight, nothing = numbers.astype("float32")
    logits = np.exp(sharpness) * scores + prior * uses + weight * agreement
    return log_softmax(np.pad(logits, ((0, 0), (0, 1)), constant_values=nothing), axis=1)
