"""Fit a reply network to pairs of messages and replies."""

from pathlib import Path
from typing import Any

import keras
from keras import ops

from supportnet.tasks.reply.data import ReplyPairs, training_replies, validation_replies
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.reply.token_batches import token_batches
from supportnet.text.byte_pairs import PAD_ID
from supportnet.training.checkpoint import Progress
from supportnet.training.config import ReplyConfig
from supportnet.training.loop import Lesson, fit_lesson


class ReplyModel(keras.Model):
    """The reply network in training: every piece is asked for, given the true ones before it (teacher forcing).

    Metrics, of the pieces of a batch, padding aside: `accuracy`, the share of which the likeliest one is right, and
    `log_loss`, whose exponential is the perplexity.
    """

    label_smoothing = 0.0

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the mean loss of a batch's pieces, a scalar; what is measured is not smoothed."""
        smoothing = self.label_smoothing if training else 0.0
        return masked_mean(piece_losses(y, y_pred["logits"], smoothing), y)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count the batch into the metrics."""
        # In one row: of several, Keras would take the means first, and a piece of a long batch would count for less.
        real = ops.reshape(ops.cast(y != PAD_ID, "float32"), (-1,))
        right = ops.cast(ops.equal(ops.argmax(y_pred["logits"], axis=-1), ops.cast(y, "int64")), "float32")
        self.right.update_state(ops.reshape(right, (-1,)), real)
        self.log_loss.update_state(ops.reshape(piece_losses(y, y_pred["logits"]), (-1,)), real)
        return dict(self.get_metrics_result())

    @classmethod
    def of(cls, network: keras.Model, config: ReplyConfig) -> "ReplyModel":
        """Make a view of the network."""
        model = cls(network.input, network.output, name="training")
        model.right = keras.metrics.Mean(name="accuracy")
        model.log_loss = keras.metrics.Mean(name="log_loss")
        model.label_smoothing = config.label_smoothing
        return model


def piece_losses(targets: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """Return the cross-entropy of each piece; with smoothing, of the target with a share spread over all pieces.

    Without a row of one-hot targets: for thousands of pieces, those take longer than the softmax.

    Args:
        targets: int `[B, T]`.
        logits: float `[B, T, P]`.
        smoothing: share of each target that is spread (Szegedy et al. 2016, section 7).

    Returns:
        float `[B, T]`, in nats.

    Example:
        >>> piece_losses(ops.array([[1]]), ops.zeros((1, 1, 2)), smoothing=0.1).numpy().round(3)
        array([[0.693]], dtype=float32)
    """
    losses = ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    if not smoothing:
        return losses
    spread = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
    return (1.0 - smoothing) * losses + smoothing * spread


def masked_mean(losses: Any, targets: Any) -> Any:
    """Return the mean over the pieces that are no padding, a scalar; padding has no part in it."""
    real = ops.cast(targets != PAD_ID, losses.dtype)
    return ops.sum(losses * real) / ops.maximum(ops.sum(real), 1.0)


def fit_replier(
    model: Replier,
    pairs: ReplyPairs,
    validation: ReplyPairs | None,
    config: ReplyConfig,
    folder: Path | None = None,
    progress_bar: bool = True,
    what: str = "training",
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
        what: what the bar says is done.

    Returns:
        The history, and which epoch was the best.

    Raises:
        UserError: the checkpoint is damaged or of another model, or training diverges.
    """
    return fit_lesson(reply_lesson(model, pairs, validation, config), config, folder, progress_bar, what)


def reply_lesson(model: Replier, pairs: ReplyPairs, validation: ReplyPairs | None, config: ReplyConfig) -> Lesson:
    """Return what a model that writes replies learns by; for the arguments, see `fit_replier`."""
    return Lesson(
        ReplyModel.of(model.network, config),
        lambda left: training_replies(model, pairs, config.batch_tokens, config.seed, left),
        len(token_batches(pairs.sources, pairs.targets, config.batch_tokens, config.seed, 0)),
        None if validation is None else validation_replies(model, validation, config.batch_tokens),
    )
