"""The loss and the accuracy of a network whose branches vote; see `supportnet.tasks.classify.network.build_head`."""

from typing import Any

import keras
from keras import ops

from supportnet.backbones.heads import vote


class BranchCrossentropy(keras.losses.Loss):
    """The mean of the branches' cross-entropies: each learns for itself.

    Args:
        label_smoothing: share of each target that is spread over all intents.

    Call arguments:
        y_true: one-hot `[B, K]`.
        y_pred: logits `[B, N, K]` of N branches.

    Example:
        >>> loss = BranchCrossentropy()
        >>> float(loss(ops.array([[1.0, 0.0]]), ops.zeros((1, 2, 2))))
        0.6931471824645996
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "branch_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        targets = ops.broadcast_to(ops.expand_dims(y_true, 1), ops.shape(y_pred))
        losses = keras.losses.categorical_crossentropy(
            targets, y_pred, from_logits=True, label_smoothing=self.label_smoothing
        )
        return ops.mean(losses, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def vote_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Tell for each message whether the branches' vote is highest for the true intent.

    Args:
        y_true: one-hot `[B, K]`.
        y_pred: logits `[B, N, K]` of N branches.

    Returns:
        float `[B]`, 0 or 1.
    """
    return keras.metrics.categorical_accuracy(y_true, vote(y_pred))


def vote_log_loss(y_true: Any, y_pred: Any) -> Any:
    """Return the cross-entropy of the branches' vote for each message, or for each word.

    Args:
        y_true: one-hot `[B, K]`.
        y_pred: logits `[B, N, K]` of N branches.

    Returns:
        float `[B]`, in nats; the exponential of its mean is the perplexity.
    """
    return keras.losses.categorical_crossentropy(y_true, vote(y_pred), from_logits=True)
