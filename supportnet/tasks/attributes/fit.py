"""Fit a network of attributes to labelled messages."""

from typing import Any

import keras
from keras import ops

from supportnet.backbones.heads import vote
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.data import Split, examples_of, targets_of
from supportnet.tasks.attributes.model import AttributeClassifier
from supportnet.tasks.fit import TrainingModel, encode, labels_objective
from supportnet.training.loop import History, Loop, Objective
from supportnet.training.svm import fit_ngrams


class AttributeModel(TrainingModel):
    """The branches' logits of all attributes in training: each learns for itself, from the messages with a label.

    `accuracy` is the share of labels that the branches' votes predict, over all attributes.
    """

    def loss_of(self, y: Any, y_pred: Any, weights: Any, training: bool) -> Any:
        """Return the mean loss of the labels of a batch and of the branches, summed over attributes, a scalar."""
        smoothing = self.options.label_smoothing
        return sum(masked_loss(y[:, i], y_pred[f"branch_logits_{i}"], smoothing) for i in range(len(y_pred)))

    def count(self, y: Any, y_pred: Any, weights: Any) -> None:
        for i in range(len(y_pred)):
            best = ops.argmax(vote(y_pred[f"branch_logits_{i}"]), axis=-1)
            right = ops.cast(ops.equal(ops.cast(best, "int64"), ops.cast(y[:, i], "int64")), "float32")
            self.accuracy.update_state(right, ops.cast(y[:, i] >= 0, "float32"))


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
    return loop.fit(objective(model, split, config, loop.progress_bar), config)


def objective(
    model: AttributeClassifier, split: Split, config: AttributesConfig, progress_bar: bool = False
) -> Objective:
    """Return what the model is trained on; its n-gram classifiers are fitted at once.

    A pretrained encoder is frozen, and reads the messages once: the head is trained on its vectors.

    Args:
        model: reads the messages.
        split: the messages.
        config: how to train.
        progress_bar: show one on standard error while such an encoder reads.
    """
    messages = split.tickets, split.validation
    for i, (known, unseen) in enumerate(zip(*(examples_of(own, model.values) for own in messages), strict=True)):
        layer = model.head.get_layer(f"ngrams_{i}")
        fit_ngrams(model.preprocessor, layer, known, None, unseen, seed=config.seed)
    is_frozen = model.config.pretrained is not None
    network = model.head if is_frozen else model.network
    outputs = {name: output for name, output in network.output.items() if name.startswith("branch_logits_")}
    learned, held_out = (([ticket.text for ticket in own], targets_of(own, model.values)) for own in messages)
    training = AttributeModel.of(network, config, outputs)
    sentences = [encode(model, own[0], progress_bar) if is_frozen else None for own in (learned, held_out)]
    return labels_objective(training, model.preprocessor, learned, held_out, config, (sentences[0], sentences[1]))
