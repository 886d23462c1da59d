"""Fit a classifier's network to labelled messages."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from supportnet.tasks.classify.data import Examples, mixed
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.ngrams import fit_ngrams
from supportnet.training.batches import training_dataset, validation_dataset
from supportnet.training.checkpoint import CHECKPOINT
from supportnet.training.config import TrainingConfig
from supportnet.training.loop import Lesson, fit_lesson
from supportnet.training.losses import TowerCrossentropy, vote_accuracy


@dataclass(frozen=True)
class Fit:
    """How training went: one dictionary of metrics an epoch, and the epoch (from 0) whose weights were kept."""

    history: list[dict[str, float]]
    best_epoch: int


class IntentModel(keras.Model):
    """The towers' logits of an intent network in training: each learns for itself.

    `accuracy` is the share of messages whose intent the towers' vote says.
    """

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the mean loss of a batch and of the towers, a scalar."""
        return self.towers_loss(y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count the batch into `accuracy`."""
        self.right.update_state(vote_accuracy(y, y_pred), sample_weight)
        return dict(self.get_metrics_result())

    @classmethod
    def of(cls, network: keras.Model, config: TrainingConfig) -> "IntentModel":
        """Make a view of the network that ends in the towers' logits."""
        model = cls(network.input, network.output["tower_logits"], name="training")
        model.right = keras.metrics.Mean(name="accuracy")
        model.towers_loss = TowerCrossentropy(config.label_smoothing)
        return model


def fit_classifier(
    classifier: IntentClassifier,
    known: Examples,
    validation: Examples,
    config: TrainingConfig,
    folder: Path | None = None,
    progress_bar: bool = True,
    believed: Examples | None = None,
) -> Fit:
    """Train `classifier.network` in place; it ends with the weights of the best epoch.

    Args:
        classifier: a fresh one; its intents must hold those of the examples.
        known: labelled messages.
        validation: labelled messages that decide which epoch is the best; without any, the last one is.
        config: how to train.
        folder: where the checkpoint and the TensorBoard logs go. If it holds a checkpoint, training goes on from
            there, and ends as if it had never been interrupted.
        progress_bar: show one on standard error.
        believed: messages with the intents that another model gives them; the labelled ones are then repeated, and
            `config.round_epochs` counts, see `supportnet.tasks.classify.self_training`.

    Returns:
        The history and the best epoch.

    Raises:
        UserError: the checkpoint is damaged or of another model.
    """
    if folder is None or not (folder / CHECKPOINT).exists():
        fit_ngrams(classifier, known, believed, validation, config.class_weights, config.seed)
    examples, rounds = known, config
    if believed is not None:
        examples = mixed(known, believed, len(classifier.intents))
        rounds = replace(config, epochs=config.round_epochs)
    network = _network(classifier, config)
    lesson = intent_lesson(classifier, examples, validation, rounds, network)
    progress = fit_lesson(lesson, rounds, folder, progress_bar, frozen_epochs=config.frozen_epochs)
    classifier.network.set_weights(network.get_weights())
    return Fit(progress.history, progress.best_epoch)


def intent_lesson(
    classifier: IntentClassifier,
    examples: Examples,
    validation: Examples,
    config: TrainingConfig,
    network: keras.Model | None = None,
) -> Lesson:
    """Return what a classifier learns by; for the arguments, see `fit_classifier`.

    Args:
        classifier: reads the messages.
        examples: what is learned.
        validation: may be empty.
        config: how to train.
        network: what learns; the classifier's own, if not given.
    """
    weights = intent_weights(examples.best) if config.class_weights else np.ones(len(examples), "float32")
    return Lesson(
        IntentModel.of(network or classifier.network, config),
        lambda left: training_dataset(classifier, examples, weights, config.batch_size, config.seed, left),
        -(-len(examples) // config.batch_size),
        # Keras takes None for no validation, and an empty data set for a mistake.
        validation_dataset(classifier, validation) if len(validation) else None,
    )


def intent_weights(targets: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return a weight for each message so that every intent counts alike and the mean weight is 1.

    Example:
        >>> intent_weights(np.array([0, 0, 0, 1]))
        array([0.6666667, 0.6666667, 0.6666667, 2.       ], dtype=float32)
    """
    counts = Counter(targets.tolist())
    return np.array([len(targets) / (len(counts) * counts[t]) for t in targets.tolist()], dtype="float32")


def _network(classifier: IntentClassifier, config: TrainingConfig) -> keras.Model:
    """The classifier's own network, or a twin of it that computes in bfloat16: only training is to be quick."""
    if not config.mixed_precision:
        return classifier.network
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        twin = classifier.build_network()
    finally:
        keras.config.set_dtype_policy(policy)
    twin.set_weights(classifier.network.get_weights())
    return twin
