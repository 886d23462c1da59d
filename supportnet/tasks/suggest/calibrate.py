"""Fit the numbers that turn the scores of answers into probabilities, on validation data."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp

from supportnet.data.bank import same_text
from supportnet.metrics.calibration import minimum
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.data import Pairs, Split
from supportnet.tasks.suggest.fitted import Relevance
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.scales import fit_labels, fit_scales

#: Validation messages that the branches' scales and the relevance are fitted to, at most.
MAX_ASKED = 2000
#: What is tried of the prior and of the agreement, in units of the network's score.
PRIORS = tuple(step / 8 for step in range(9))
AGREEMENTS = tuple(range(0, 41, 4))
#: Bounds of the logarithm of the inverse temperature, and of the null logit: a few messages that are all right are no
#: reason to be sure of everything.
BOUNDS = ((-2.3, 2.3), (-100.0, 100.0))
#: How far the search for them goes at first.
STEPS = (0.5, 2.0)

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class InBank:
    """The messages that are asked beside the bank of all training replies.

    Attributes:
        scores: the network's, `[N, R]`.
        uses: logarithm of how often each reply was given, `[R]`.
        agreement: chance that message and reply have the same label, `[N, R]`; zeros where the model knows none.
        right: the row of each message's reply, -1 where the bank lacks it, `[N]`.
        same_label: whether a reply has the label of the message's, `[N, R]`.
    """

    scores: Floats
    uses: Floats
    agreement: Floats
    right: npt.NDArray[np.int64]
    same_label: npt.NDArray[np.bool_]


def calibrate(model: Suggester, split: Split, config: SuggestConfig) -> None:
    """Fit the branches' scales and the relevance on validation pairs; without any, they stay as they are."""
    if split.held_out is None:
        return
    chosen = np.random.default_rng(config.seed).permutation(len(split.validation))[:MAX_ASKED]
    asked = Pairs.of([split.validation[i] for i in chosen], split.labels)
    fit_scales(model, asked, config.batch_size)
    if split.labels:
        fit_labels(model, asked)
    model.relevance = fit_relevance(model, split.pairs, asked)


def fit_relevance(model: Suggester, pairs: Pairs, asked: Pairs) -> Relevance:
    """Choose the numbers that rank best and that are the most honest, in the bank of all training replies.

    The ratio of prior, agreement and score decides the order: the one is taken under which the first suggestion is
    right most often, by its label where the model knows labels, else by its text. Likelihood would not do: where the
    labels' chances are overconfident, it holds them down. Sharpness and "none of them", which change no order, are then
    those under which the right replies are likeliest. For a message whose reply isn't in the bank, "none of them" is
    right; where the model knows labels, the replies with the right label shall be likely as well, together.

    Args:
        model: a trained one.
        pairs: what it learned from.
        asked: pairs that it hasn't learned from, with labels if the model knows any.

    Example (needs a trained model):
        >>> model.relevance = fit_relevance(model, pairs, Pairs.of(dataset["validation"][:2000], model.labels))
    """
    bank = _in_the_bank(model, pairs, asked)
    prior, agreement = _best_order(bank, AGREEMENTS if model.labels else (0,))
    logits = _logits(bank, prior, agreement)

    def loss(numbers: Floats) -> float:
        log_probabilities = _log_probabilities(logits, *numbers.astype("float32"))
        by_text = log_probabilities[np.arange(len(logits)), bank.right]
        labelled = bank.same_label.any(axis=1)
        by_label = logsumexp(np.where(bank.same_label, log_probabilities[:, :-1], -np.inf)[labelled], axis=1)
        return -float(by_text.mean() + (by_label.mean() if labelled.any() else 0.0))

    found = minimum(loss, np.zeros(2), STEPS, BOUNDS, max_calls=100)
    inverse_temperature = float(np.exp(found[0]))
    return Relevance(inverse_temperature, inverse_temperature * prior, inverse_temperature * agreement, float(found[1]))


def _in_the_bank(model: Suggester, pairs: Pairs, asked: Pairs) -> InBank:
    depth = len(model.scales)
    messages, replies = model.vectors(asked.texts, "message", 256), model.vectors(pairs.replies, "reply", 256)
    known = {reply: row for row, reply in enumerate(map(same_text, pairs.replies))}
    return InBank(
        scores=(messages[:, :depth] * model.scales) @ replies[:, :depth].T,
        uses=np.log(np.bincount(pairs.reply, minlength=len(pairs.replies)).astype("float32")),
        agreement=messages[:, depth:] @ replies[:, depth:].T,
        right=np.array([known.get(same_text(asked.replies[i]), -1) for i in asked.reply]),
        same_label=(asked.labels[:, None] == pairs.reply_labels) & (asked.labels[:, None] >= 0),
    )


def _best_order(bank: InBank, agreements: Sequence[int]) -> tuple[float, float]:
    """The prior and the agreement under which the first suggestion is right most often; of equals, the smallest."""
    by_label = bank.same_label.any()
    counted = bank.same_label.any(axis=1) if by_label else bank.right >= 0
    rows = np.arange(len(bank.right))

    def accuracy(prior: float, agreement: float) -> float:
        best = _logits(bank, prior, agreement).argmax(axis=1)
        right = bank.same_label[rows, best] if by_label else best == bank.right
        return float(right[counted].mean()) if counted.any() else 0.0

    return max(product(PRIORS, agreements), key=lambda numbers: accuracy(*numbers))


def _logits(bank: InBank, prior: float, agreement: float) -> Floats:
    """What decides the order, `[N, R]`."""
    logits = bank.scores + np.float32(prior) * bank.uses
    return logits + np.float32(agreement) * bank.agreement if agreement else logits


def _log_probabilities(logits: Floats, inverse_temperature: Any, null_logit: Any) -> Floats:
    """`[N, R + 1]`; the last column is "none of them"."""
    return log_softmax(
        np.pad(np.exp(inverse_temperature) * logits, ((0, 0), (0, 1)), constant_values=null_logit), axis=1
    )
