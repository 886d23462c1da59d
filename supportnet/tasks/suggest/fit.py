"""Fit a dual encoder to pairs of messages and replies."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from supportnet.tasks.fit import TrainingModel
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.data import Pairs, Split, training_pairs, validation_pairs
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.network import from_sentences
from supportnet.training.loop import History, Loop, Objective

#: A negative is drawn from so many of the best wrong replies: the very best are often as right as the one given.
POOL = 50


class PairModel(TrainingModel):
    """The dual encoder in training: a softmax over the candidates of a batch, and the labels as a second objective.

    Every message shall rank its own reply above those of the other messages and the hard negatives (Henderson et al.
    2017, section 4.3), each text once.

    `accuracy` is the share of messages whose own reply has the highest score among the candidates.
    """

    def loss_of(self, y: Any, y_pred: Any, weights: Any, training: bool) -> Any:
        """Return the mean loss of a batch and of the branches, a scalar: each learns for itself."""
        loss = ops.mean(candidate_loss(y["right"], y_pred["scores"]))
        for side in ("message_labels", "reply_labels"):
            if side in y_pred:
                loss += self.options.label_weight * label_loss(y[side], y_pred[side])
        return loss

    def count(self, y: Any, y_pred: Any, weights: Any) -> None:
        self.accuracy.update_state(own_is_best(y["right"], ops.mean(y_pred["scores"], axis=0)))


def candidate_loss(right: Any, scores: Any) -> Any:
    """Return the cross-entropy of each message's own reply among the candidates.

    Args:
        right: int `[B]`, which candidate is the message's own reply.
        scores: float `[..., B, C]`.

    Returns:
        float `[..., B]`, in nats.

    Example:
        >>> candidate_loss(ops.array([1]), ops.zeros((1, 2))).numpy().round(3)
        array([0.693], dtype=float32)
    """
    own = ops.sum(ops.one_hot(right, ops.shape(scores)[-1]) * scores, axis=-1)
    return ops.logsumexp(scores, axis=-1) - own


def label_loss(labels: Any, logits: Any) -> Any:
    """Return the mean cross-entropy of the labels, over the branches and the rows that have one; 0 if none has.

    Args:
        labels: int `[B]`, -1 where there is none.
        logits: float `[B, N, K]` of N branches.
    """
    known = ops.cast(labels >= 0, logits.dtype)
    log_probabilities = ops.log_softmax(logits, axis=-1)
    right = ops.take_along_axis(log_probabilities, ops.maximum(labels, 0)[:, None, None], axis=-1)
    losses = -ops.mean(right, axis=(1, 2))
    return ops.sum(losses * known) / ops.maximum(ops.sum(known), 1.0)


def own_is_best(right: Any, scores: Any) -> Any:
    """Tell for each message whether its own reply has the highest score, float `[B]`."""
    return ops.cast(ops.equal(ops.argmax(scores, axis=-1), ops.cast(right, "int32")), "float32")


def fit(model: Suggester, split: Split, config: SuggestConfig, loop: Loop) -> History:
    """Train `model.network` in place; it ends with the weights of the best epoch.

    Args:
        model: a fresh one.
        split: the pairs.
        config: how to train.
        loop: files and callbacks.

    Returns:
        The history.

    Raises:
        UserError: the checkpoint is damaged or of another model, or training diverges.
    """
    with hard_negatives(model, split, config) as negatives:
        return loop.fit(objective(model, split, config, negatives), config)


@contextmanager
def hard_negatives(model: Suggester, split: Split, config: SuggestConfig) -> "Iterator[HardNegatives | None]":
    """Make what searches for them during a training, and close it after; None where there shall be none."""
    if not config.hard_negatives:
        yield None
        return
    negatives = HardNegatives(model, split.pairs, config.hard_negatives, config.seed)
    try:
        yield negatives
    finally:
        negatives.close()


def objective(
    model: Suggester, split: Split, config: SuggestConfig, negatives: "HardNegatives | None" = None
) -> Objective:
    """Return what the model is trained on.

    Args:
        model: reads messages and replies.
        split: the pairs; with an encoder's vectors of their texts, what is behind the encoder is trained alone.
        config: how to train.
        negatives: the source of further wrong replies; without it, each message has those of its batch.
    """
    pairs, held_out = split.pairs, split.held_out
    wrong = negatives.of_epoch if negatives is not None else lambda _: np.zeros((len(pairs), 0), "int64")
    network = model.network if pairs.sentences is None else from_sentences(model.network)
    return Objective(
        PairModel.of(network, config),
        lambda left: training_pairs(model, pairs, config.batch_size, config.seed, left, wrong),
        -(-len(pairs) // config.batch_size),
        None if held_out is None else validation_pairs(model, held_out),
        [] if negatives is None else [negatives],
    )


class HardNegatives(keras.callbacks.Callback):
    """At the start of each epoch, search for every message the replies that the model ranks high and that are wrong.

    The batches are made ahead in a thread of their own, which waits for the epoch's negatives (see `of_epoch`): without
    that, a run that goes on after a kill would see others than one that was never killed.

    Source: Xiong et al. 2021, Approximate Nearest Neighbor Negative Contrastive Learning (ANCE).

    Args:
        model: the model in training.
        pairs: what it learns from.
        count: negatives a message H, at least 1.
        seed: of the run.

    Example (needs a trained model):
        >>> negatives = HardNegatives(model, pairs, count=1, seed=0)
        >>> network.fit(training_pairs(model, pairs, 128, 0, range(10), negatives.of_epoch), callbacks=[negatives])
    """

    def __init__(self, suggester: Suggester, pairs: Pairs, count: int, seed: int) -> None:
        super().__init__()
        self.suggester = suggester
        self.pairs = pairs
        self.count = count
        self.seed = seed
        self._mined: SimpleQueue[npt.NDArray[np.int64] | None] = SimpleQueue()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # What nothing was learned by yet ranks at random.
        self._mined.put(self.mine(epoch) if epoch else np.zeros((len(self.pairs), 0), "int64"))

    def of_epoch(self, epoch: int) -> npt.NDArray[np.int64] | None:
        """Wait for the epoch's negatives, the rows of replies `[N, H]`; None after `close`."""
        return self._mined.get()

    def close(self) -> None:
        """Let a thread go that waits for an epoch that won't come."""
        self._mined.put(None)

    def mine(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return rows of wrong replies for every message, `[N, H]`."""
        pairs, random = self.pairs, np.random.default_rng([self.seed, epoch])
        replies = self.suggester.vectors(pairs.replies, "reply", batch_size=256)
        messages = self.suggester.vectors(pairs.texts, "message", batch_size=256) * self.suggester.weights
        pool = min(POOL, len(pairs.replies) - 1)
        drawn = random.integers(pool, size=(len(pairs), self.count))
        for rows in np.array_split(np.arange(len(pairs)), -(-len(pairs) // 1024)):
            best = _best_wrong(messages[rows] @ replies.T, pairs.reply[rows], pool)
            drawn[rows] = np.take_along_axis(best, drawn[rows], axis=1)
        return drawn


def _best_wrong(scores: npt.NDArray[np.floating], right: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Return the columns of the highest scores of each row but the right one, in no order, `[B, count]`."""
    scores[np.arange(len(scores)), right] = -np.inf
    return np.argpartition(scores, -count, axis=1)[:, -count:]
