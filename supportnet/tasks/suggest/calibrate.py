"""How likely an answer is right, fitted on validation data: how much each branch counts, and scores to probabilities.

Everything here but `Relevance` needs a trained model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp

from supportnet.data.ticket import same_text
from supportnet.errors import UserError
from supportnet.layers.scores import LARGEST_SCALE
from supportnet.metrics.calibration import minimum
from supportnet.tasks.suggest.data import Pairs
from supportnet.tasks.suggest.network import LABEL_SCALE
from supportnet.tasks.task import Fitted

if TYPE_CHECKING:
    from supportnet.tasks.suggest.config import SuggestConfig
    from supportnet.tasks.suggest.data import Split
    from supportnet.tasks.suggest.model import Suggester
    from supportnet.training.loop import History


Floats = npt.NDArray[np.floating]

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
#: How far the search for the logarithm of a scale goes at first: down, because a learned one may be the largest.
STEP = -0.5


@dataclass(frozen=True)
class Relevance(Fitted):
    """The numbers that turn a network's scores into probabilities; `fit_relevance` fits them.

    An answer has the logit `inverse_temperature` times the network's score, plus `prior` times the logarithm of its
    uses, plus `agreement` times the chance that message and answer have the same label. A softmax over all answers and
    "none of them", whose logit is `null_logit`, gives the probabilities.

    In training, an answer stands among those of the same batch, where often used ones are wrong about as often as they
    are right: the scores forget most of how often each is used (Yi et al. 2019, Sampling-Bias-Corrected Neural
    Modeling). The prior brings it back.

    Attributes:
        inverse_temperature: what the network's scores are multiplied with, above 0.
        prior: weight of the logarithm of an answer's uses.
        agreement: weight of the chance of equal labels, where the network knows labels.
        null_logit: logit of "none of them".

    Raises:
        UserError: a number that is none, or a inverse_temperature of 0 or less.

    Example:
        >>> Relevance(inverse_temperature=0.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: inverse_temperature must be above 0. Received: inverse_temperature=0.0
    """

    inverse_temperature: float = 1.0
    prior: float = 0.0
    agreement: float = 0.0
    null_logit: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.inverse_temperature > 0:
            raise UserError(
                f"inverse_temperature must be above 0. Received: inverse_temperature={self.inverse_temperature}"
            )


def calibrate(model: "Suggester", split: "Split", config: "SuggestConfig", history: "History") -> None:
    """Fit the branches' scales and the relevance on validation pairs; without any, they stay as they are."""
    if split.held_out is not None:
        chosen = np.random.default_rng(config.seed).permutation(len(split.validation))[:MAX_ASKED]
        asked = Pairs.of([split.validation[i] for i in chosen], split.labels)
        fit_scales(model, asked, config.batch_size)
        if split.labels:
            fit_labels(model, asked)
        model.relevance = fit_relevance(model, split.pairs, asked)
    model.sentences = {}


def fit_relevance(model: "Suggester", pairs: Pairs, asked: Pairs) -> Relevance:
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
    depth = len(model.scales)
    messages, replies = model.vectors(asked.texts, "message", 256), model.vectors(pairs.replies, "reply", 256)
    known = {reply: row for row, reply in enumerate(map(same_text, pairs.replies))}
    # `[N, R]`: the network's scores, the chance that message and reply have the same label, and whether they have it.
    scores = (messages[:, :depth] * model.scales) @ replies[:, :depth].T
    agreement = messages[:, depth:] @ replies[:, depth:].T
    same_label = (asked.labels[:, None] == pairs.reply_labels) & (asked.labels[:, None] >= 0)
    # How often each reply was given, `[R]`, and the row of each message's reply, -1 where the bank lacks it, `[N]`.
    uses = np.log(np.bincount(pairs.reply, minlength=len(pairs.replies)).astype("float32"))
    right = np.array([known.get(same_text(asked.replies[i]), -1) for i in asked.reply])
    rows, labelled = np.arange(len(right)), same_label.any(axis=1)
    counted = labelled if labelled.any() else right >= 0

    def logits(prior: float, weight: float) -> Floats:
        found = scores + np.float32(prior) * uses
        return found + np.float32(weight) * agreement if weight else found

    def accuracy(numbers: tuple[float, float]) -> float:
        best = logits(*numbers).argmax(axis=1)
        is_right = same_label[rows, best] if labelled.any() else best == right
        return float(is_right[counted].mean()) if counted.any() else 0.0

    # Of equals, the smallest.
    prior, weight = max(product(PRIORS, AGREEMENTS if model.labels else (0,)), key=accuracy)
    ordered = logits(prior, weight)

    def loss(numbers: Floats) -> float:
        log_probabilities = _log_probabilities(ordered, *numbers.astype("float32"))
        by_text = log_probabilities[rows, right]
        by_label = logsumexp(np.where(same_label, log_probabilities[:, :-1], -np.inf)[labelled], axis=1)
        return -float(by_text.mean() + (by_label.mean() if labelled.any() else 0.0))

    found = minimum(loss, np.zeros(2), STEPS, BOUNDS, max_calls=100)
    inverse_temperature = float(np.exp(found[0]))
    return Relevance(inverse_temperature, inverse_temperature * prior, inverse_temperature * weight, float(found[1]))


def _log_probabilities(logits: Floats, inverse_temperature: Any, null_logit: Any) -> Floats:
    """`[N, R + 1]`; the last column is "none of them"."""
    return log_softmax(
        np.pad(np.exp(inverse_temperature) * logits, ((0, 0), (0, 1)), constant_values=null_logit), axis=1
    )


def fit_scales(model: "Suggester", asked: Pairs, batch_size: int) -> None:
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


def fit_labels(model: "Suggester", asked: Pairs) -> None:
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


def _cosines(model: "Suggester", asked: Pairs) -> Floats:
    """How alike each branch finds each message and each reply, float32 `[N, B, C]`."""
    message, reply = _by_branch(model, asked.texts, "message"), _by_branch(model, asked.replies, "reply")
    return np.stack([message[:, branch] @ reply[:, branch].T for branch in range(message.shape[1])])


def _by_branch(model: "Suggester", texts: Sequence[str], side: str) -> Floats:
    """The branches' vectors of texts, float32 `[B, N, D]`."""
    branches = model.network.get_layer("scores").num_branches
    return model.vectors(texts, side, 256)[:, : len(model.scales)].reshape(len(texts), branches, -1)
