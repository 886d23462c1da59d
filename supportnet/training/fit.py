"""Fit a classifier's network to labelled messages."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.intent_network import build_intent_network
from supportnet.training.batches import training_dataset, validation_dataset
from supportnet.training.checkpoint import CHECKPOINT
from supportnet.training.config import TrainingConfig
from supportnet.training.examples import Examples, mixed
from supportnet.training.loop import fit_model
from supportnet.training.losses import TowerCrossentropy, vote_accuracy
from supportnet.training.ngrams import fit_ngrams
from supportnet.training.optimizer import compile_for_training


@dataclass(frozen=True)
class Fit:
    """How training went: one dictionary of metrics an epoch, and the epoch (from 0) whose weights were kept."""

    history: list[dict[str, float]]
    best_epoch: int


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
            `config.round_epochs` counts, see `supportnet.training.self_training`.

    Returns:
        The history and the best epoch.

    Raises:
        UserError: the checkpoint is damaged or of another model.
    """
    examples, epochs = known, config.epochs
    if believed is not None:
        examples, epochs = mixed(known, believed, len(classifier.intents)), config.round_epochs
    steps = -(-len(examples) // config.batch_size)
    if folder is None or not (folder / CHECKPOINT).exists():
        fit_ngrams(classifier, known, believed, validation, config.class_weights, config.seed)
    network = _network(classifier, config)
    weights = intent_weights(examples.best) if config.class_weights else np.ones(len(examples), "float32")
    progress = fit_model(
        _compiled(network, config, steps, epochs),
        lambda left: training_dataset(classifier, examples, weights, config.batch_size, config.seed, left),
        # Keras takes None for no validation, and an empty data set for a mistake.
        validation_dataset(classifier, validation) if len(validation) else None,
        epochs=epochs,
        steps=steps,
        patience=config.patience,
        folder=folder,
        progress_bar=progress_bar,
    )
    classifier.network.set_weights(network.get_weights())
    return Fit(progress.history, progress.best_epoch)


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
        twin = build_intent_network(classifier.config, len(classifier.vocabulary), len(classifier.intents))
    finally:
        keras.config.set_dtype_policy(policy)
    twin.set_weights(classifier.network.get_weights())
    return twin


def _compiled(network: keras.Model, config: TrainingConfig, steps: int, epochs: int) -> keras.Model:
    """A view of the network that ends in the towers' logits, with its optimizer ready to be restored."""
    model = keras.Model(network.input, network.output["tower_logits"], name="training")
    compile_for_training(
        model,
        config,
        steps * epochs,
        steps * config.frozen_epochs,
        loss=TowerCrossentropy(config.label_smoothing),
        weighted_metrics=[keras.metrics.MeanMetricWrapper(vote_accuracy, name="accuracy")],
    )
    return model
