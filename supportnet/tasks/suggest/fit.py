"""Fit a dual encoder to pairs of messages and replies."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from supportnet.tasks.suggest.data import Pairs, training_pairs, validation_pairs
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.negatives import HardNegatives
from supportnet.training.checkpoint import Progress
from supportnet.training.config import SuggestionConfig
from supportnet.training.loop import Lesson, fit_lesson


class PairModel(keras.Model):
    """The dual encoder in training: a softmax over the candidates of a batch, and the labels as a second objective.

    Every message shall rank its own reply above those of the other messages and the hard negatives (Henderson et al.
    2017, section 4.3), each text once.

    `accuracy` is the share of messages whose own reply has the highest score among the candidates.
    """

    label_weight = 0.0

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the mean loss of a batch and of the towers, a scalar: each learns for itself."""
        loss = ops.mean(candidate_loss(y["right"], y_pred["scores"]))
        for side in ("message_labels", "reply_labels"):
            if side in y_pred:
                loss += self.label_weight * label_loss(y[side], y_pred[side])
        return loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count the batch into `accuracy`."""
        self.right.update_state(own_is_best(y["right"], ops.mean(y_pred["scores"], axis=0)))
        return dict(self.get_metrics_result())

    @classmethod
    def of(cls, network: keras.Model, config: SuggestionConfig) -> "PairModel":
        """Make a view of the network."""
        model = cls(network.input, network.output, name="training")
        model.right = keras.metrics.Mean(name="accuracy")
        model.label_weight = config.label_weight
        return model


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
    """Return the mean cross-entropy of the labels, over the towers and the rows that have one; 0 if none has.

    Args:
        labels: int `[B]`, -1 where there is none.
        logits: float `[B, N, K]` of N towers.
    """
    known = ops.cast(labels >= 0, logits.dtype)
    log_probabilities = ops.log_softmax(logits, axis=-1)
    right = ops.take_along_axis(log_probabilities, ops.maximum(labels, 0)[:, None, None], axis=-1)
    losses = -ops.mean(right, axis=(1, 2))
    return ops.sum(losses * known) / ops.maximum(ops.sum(known), 1.0)


def own_is_best(right: Any, scores: Any) -> Any:
    """Tell for each message whether its own reply has the highest score, float `[B]`."""
    return ops.cast(ops.equal(ops.argmax(scores, axis=-1), ops.cast(right, "int32")), "float32")


def fit_suggester(
    model: Suggester,
    pairs: Pairs,
    validation: Pairs | None,
    config: SuggestionConfig,
    folder: Path | None = None,
    progress_bar: bool = True,
) -> Progress:
    """Train `model.network` in place; it ends with the weights of the best epoch.

    Args:
        model: a fresh one.
        pairs: what it learns from.
        validation: pairs that decide which epoch is the best; without any, the last one is.
        config: how to train.
        folder: where the checkpoint and the TensorBoard logs go. If it holds a checkpoint, training goes on from
            there, and ends as if it had never been interrupted.
        progress_bar: show one on standard error.

    Returns:
        The history, and which epoch was the best.

    Raises:
        UserError: the checkpoint is damaged or of another model, or training diverges.
    """
    if not config.hard_negatives:
        return fit_lesson(pair_lesson(model, pairs, validation, config), config, folder, progress_bar)
    negatives = HardNegatives(model, pairs, config.hard_negatives, config.seed)
    try:
        return fit_lesson(pair_lesson(model, pairs, validation, config, negatives), config, folder, progress_bar)
    finally:
        negatives.close()


def pair_lesson(
    model: Suggester,
    pairs: Pairs,
    validation: Pairs | None,
    config: SuggestionConfig,
    negatives: HardNegatives | None = None,
) -> Lesson:
    """Return what a dual encoder learns by; for the arguments, see `fit_suggester`.

    Args:
        model, pairs, validation, config: as there.
        negatives: where further wrong replies come from; each message has those of its batch, if not given.
    """
    wrong = negatives.of_epoch if negatives is not None else lambda _: np.zeros((len(pairs), 0), "int64")
    return Lesson(
        PairModel.of(model.network, config),
        lambda left: training_pairs(model, pairs, config.batch_size, config.seed, left, wrong),
        -(-len(pairs) // config.batch_size),
        None if validation is None else validation_pairs(model, validation),
        [] if negatives is None else [negatives],
    )
