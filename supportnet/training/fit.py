"""Fit a classifier's network to labelled messages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from supportnet.data.ticket import Ticket
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.intent_network import build_intent_network
from supportnet.training.batches import training_dataset, validation_dataset
from supportnet.training.callbacks import BestAndResume, ProgressBar
from supportnet.training.checkpoint import Progress, load_checkpoint
from supportnet.training.config import TrainingConfig
from supportnet.training.losses import TowerCrossentropy, vote_accuracy
from supportnet.training.ngrams import fit_ngrams
from supportnet.training.optimizer import LazyAdamW


@dataclass(frozen=True)
class Fit:
    """How training went: one dictionary of metrics an epoch, and the epoch (from 0) whose weights were kept."""

    history: list[dict[str, float]]
    best_epoch: int


def fit_classifier(
    classifier: IntentClassifier,
    train: Sequence[Ticket],
    validation: Sequence[Ticket],
    config: TrainingConfig,
    folder: Path | None = None,
    progress_bar: bool = True,
) -> Fit:
    """Train `classifier.network` in place; it ends with the weights of the best epoch.

    Args:
        classifier: a fresh one; its intents must hold those of both lists.
        train: labelled messages.
        validation: labelled messages that decide which epoch is the best; without any, the last one is.
        config: how to train.
        folder: where the checkpoint and the TensorBoard logs go. If it holds a checkpoint, training goes on from
            there, and ends as if it had never been interrupted.
        progress_bar: show one on standard error.

    Returns:
        The history and the best epoch.

    Raises:
        UserError: the checkpoint is damaged or of another model.
    """
    texts, targets = _arrays(classifier, train)
    steps = -(-len(texts) // config.batch_size)
    checkpoint = None if folder is None else folder / "checkpoint.npz"
    resumed = checkpoint is not None and checkpoint.exists()
    if not resumed:
        fit_ngrams(classifier, (texts, targets), _arrays(classifier, validation), config.class_weights, config.seed)
    network = _network(classifier, config)
    model = _compiled(network, config, steps)
    progress, best_weights = Progress(), model.get_weights()
    if checkpoint is not None and resumed:
        best_weights, progress = load_checkpoint(checkpoint, model)
    if not progress.finished:
        weights = intent_weights(targets) if config.class_weights else np.ones(len(texts), "float32")
        epochs = range(progress.epoch, config.epochs)
        callbacks = [BestAndResume(progress, best_weights, config.epochs, config.patience, checkpoint)]
        callbacks += [keras.callbacks.TensorBoard(str(folder / "logs"))] if folder is not None else []
        with _bar(steps * config.epochs, steps * progress.epoch, progress_bar) as bar:
            model.fit(
                training_dataset(classifier, texts, targets, weights, config.batch_size, config.seed, epochs),
                validation_data=_validation(classifier, validation),
                initial_epoch=progress.epoch,
                epochs=config.epochs,
                steps_per_epoch=steps,
                callbacks=[*callbacks, ProgressBar(bar)],
                # The data sets bring their own order.
                shuffle=False,
                verbose=0,
            )
    model.set_weights(best_weights)
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


def _validation(classifier: IntentClassifier, tickets: Sequence[Ticket]) -> Any:
    """Keras takes None for no validation, and an empty data set for a mistake."""
    return validation_dataset(classifier, *_arrays(classifier, tickets)) if tickets else None


def _arrays(classifier: IntentClassifier, tickets: Sequence[Ticket]) -> tuple[list[str], npt.NDArray[np.int64]]:
    index = {intent: i for i, intent in enumerate(classifier.intents)}
    return [t.text for t in tickets], np.array([index[str(t.intent)] for t in tickets], dtype="int64")


def _bar(total: int, done: int, shown: bool) -> "tqdm[Any]":
    return tqdm(total=total, initial=done, disable=not shown, desc="training", unit="batch", mininterval=0.5)


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


def _compiled(network: keras.Model, config: TrainingConfig, steps: int) -> keras.Model:
    """A view of the network that ends in the towers' logits, with its optimizer ready to be restored."""
    model = keras.Model(network.input, network.output["tower_logits"], name="training")
    total = steps * config.epochs
    warmup = int(total * config.warmup_share)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        decay_steps=max(1, total - warmup),
        alpha=0.01,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer: Any = LazyAdamW(schedule, weight_decay=config.weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer,
        TowerCrossentropy(config.label_smoothing),
        weighted_metrics=[keras.metrics.MeanMetricWrapper(vote_accuracy, name="accuracy")],
        # Batches differ in length: XLA would compile anew for each.
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model
