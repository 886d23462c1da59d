"""Fit a network of attributes to labelled messages."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from supportnet.backbones.heads import vote
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.data import Split, batches, examples_of, training_order
from supportnet.tasks.attributes.model import AttributeClassifier
from supportnet.training.loop import History, Loop, Objective
from supportnet.training.svm import fit_ngrams

#: Messages per batch of the validation data.
VALIDATION_BATCH = 256


class AttributeModel(keras.Model):
    """The branches' logits of all attributes in training: each learns for itself, from the messages with a label.

    `accuracy` is the share of labels that the branches' votes predict, over all attributes.
    """

    label_smoothing = 0.0
    num_attributes = 0

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the mean loss of the labels of a batch and of the branches, summed over attributes, a scalar."""
        losses = [
            masked_loss(y[:, i], y_pred[f"branch_logits_{i}"], self.label_smoothing) for i in range(self.num_attributes)
        ]
        return sum(losses[1:], losses[0])

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count the batch into `accuracy`."""
        for i in range(self.num_attributes):
            best = ops.argmax(vote(y_pred[f"branch_logits_{i}"]), axis=-1)
            right = ops.cast(ops.equal(ops.cast(best, "int64"), ops.cast(y[:, i], "int64")), "float32")
            self.accuracy.update_state(right, ops.cast(y[:, i] >= 0, "float32"))
        return dict(self.get_metrics_result())

    @classmethod
    def of(cls, network: keras.Model, num_attributes: int, config: AttributesConfig) -> "AttributeModel":
        """Make a view of the network that ends in the branches' logits."""
        names = [f"branch_logits_{i}" for i in range(num_attributes)]
        model = cls(network.input, {name: network.output[name] for name in names}, name="training")
        model.accuracy = keras.metrics.Mean(name="accuracy")
        model.label_smoothing = config.label_smoothing
        model.num_attributes = num_attributes
        return model


def masked_loss(targets: Any, branch_logits: Any, label_smoothing: float = 0.0) -> Any:
    """Return the mean cross-entropy over the branches and the messages with a label, a scalar; 0 if none has one.

    Args:
        targets: int `[B]`, -1 where there is no label.
        branch_logits: float `[B, N, K]` of N branches.
        label_smoothing: share of each target that is spread over all values.

    Example:
        >>> round(float(masked_loss(ops.array([0, -1]), ops.zeros((2, 3, 2)))), 3)
        0.693
    """
    labelled = ops.cast(targets >= 0, "float32")
    one_hot = ops.one_hot(ops.maximum(targets, 0), branch_logits.shape[-1])
    spread = ops.broadcast_to(ops.expand_dims(one_hot, 1), ops.shape(branch_logits))
    losses = keras.losses.categorical_crossentropy(
        spread, branch_logits, from_logits=True, label_smoothing=label_smoothing
    )
    return ops.sum(ops.mean(losses, axis=1) * labelled) / ops.maximum(ops.sum(labelled), 1.0)


def fit(model: AttributeClassifier, split: Split, config: AttributesConfig, loop: Loop) -> History:
    """Train `model.network` in place; it ends with the weights of the best epoch.

    Raises:
        UserError: the checkpoint is damaged or of another model, or training diverges.
    """
    return loop.fit(objective(model, split, config), config)


def objective(model: AttributeClassifier, split: Split, config: AttributesConfig) -> Objective:
    """Return what the model is trained on; its n-gram classifiers are fitted at once."""
    _fit_ngrams(model, split, config)
    held_out: Sequence[Any] = split.validation
    order = tf.data.Dataset.range(len(held_out)).batch(VALIDATION_BATCH)
    return Objective(
        AttributeModel.of(model.network, len(model.values), config),
        lambda left: batches(model, split.tickets, model.values, training_order(split.tickets, config, left)),
        -(-len(split.tickets) // config.batch_size),
        batches(model, held_out, model.values, order) if held_out else None,
    )


def _fit_ngrams(model: AttributeClassifier, split: Split, config: AttributesConfig) -> None:
    labelled, held_out = examples_of(split.tickets, model.values), examples_of(split.validation, model.values)
    for i, (examples, validation) in enumerate(zip(labelled, held_out, strict=True)):
        layer = model.head.get_layer(f"ngrams_{i}")
        fit_ngrams(model.preprocessor, layer, examples, None, validation, seed=config.seed)
