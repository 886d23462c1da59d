"""The loop of every training: epochs with a progress bar and a checkpoint, from where a killed run stood."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from supportnet.training.callbacks import BestAndResume, ProgressBar, bar
from supportnet.training.checkpoint import CHECKPOINT, Progress, load_checkpoint
from supportnet.training.config import RunConfig
from supportnet.training.optimizer import compile_for_training


@dataclass(frozen=True)
class Lesson:
    """What one task learns by.

    Attributes:
        model: the network in training: what its `compute_loss` and its metrics are, `accuracy` among them.
        batches: makes the data set of the epochs that it is given, `steps` batches each, in an order of its own.
        steps: batches an epoch.
        validation: what decides which epoch is the best; None if there is nothing.
        callbacks: what else happens while it trains.
    """

    model: keras.Model
    batches: Callable[[range], tf.data.Dataset]
    steps: int
    validation: tf.data.Dataset | None
    callbacks: Sequence[keras.callbacks.Callback] = ()


def fit_lesson(
    lesson: Lesson,
    config: RunConfig,
    folder: Path | None = None,
    progress_bar: bool = True,
    what: str = "training",
    frozen_epochs: int = 0,
) -> Progress:
    """Train a lesson's model in place; it ends with the weights of the best epoch.

    Args:
        lesson: what is learned by; its model is compiled here.
        config: how to train.
        folder, progress_bar, what: see `fit_model`.
        frozen_epochs: epochs at the start in which the word vectors stay as they are.

    Returns:
        The history, and which epoch was the best.

    Raises:
        UserError: as for `fit_model`.

    Example (needs a training run):
        >>> fit_lesson(intent_lesson(model, known, held_out, TrainingConfig()), TrainingConfig())
    """
    steps = lesson.steps
    compile_for_training(lesson.model, config, steps * config.epochs, steps * frozen_epochs)
    return fit_model(
        lesson.model,
        lesson.batches,
        lesson.validation,
        epochs=config.epochs,
        steps=steps,
        patience=config.patience,
        folder=folder,
        progress_bar=progress_bar,
        what=what,
        callbacks=lesson.callbacks,
    )


def fit_model(
    model: keras.Model,
    batches: Callable[[range], tf.data.Dataset],
    validation: tf.data.Dataset | None,
    *,
    epochs: int,
    steps: int,
    patience: int,
    folder: Path | None = None,
    progress_bar: bool = True,
    what: str = "training",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Progress:
    """Train a compiled model in place; it ends with the weights of the best epoch.

    Args:
        model: its optimizer is built, so that it can be restored.
        batches: makes the data set of the epochs that it is given, `steps` batches each, in an order of its own.
        validation: what decides which epoch is the best; without any, the last one is.
        epochs: epochs at most.
        steps: batches an epoch.
        patience: epochs without a better validation accuracy before training stops.
        folder: where the checkpoint and the TensorBoard logs go. If it holds a checkpoint, training goes on from
            there, and ends as if it had never been interrupted.
        progress_bar: show one on standard error.
        what: what the bar says is done.
        callbacks: what else happens while it trains.

    Returns:
        The history, and which epoch was the best.

    Raises:
        UserError: the checkpoint is damaged or of another model, or training diverges.

    Example (needs a training run):
        >>> fit_model(model, lambda epochs: dataset.repeat(len(epochs)), None, epochs=3, steps=10, patience=5)
    """
    progress, best_weights = Progress(), model.get_weights()
    checkpoint = None if folder is None else folder / CHECKPOINT
    if checkpoint is not None and checkpoint.exists():
        best_weights, progress = load_checkpoint(checkpoint, model)
    if not progress.finished:
        kept = [BestAndResume(progress, best_weights, epochs, patience, checkpoint)]
        kept += [keras.callbacks.TensorBoard(str(folder / "logs"))] if folder is not None else []
        with bar(steps * epochs, steps * progress.epoch, progress_bar, what) as shown:
            model.fit(
                batches(range(progress.epoch, epochs)),
                validation_data=validation,
                initial_epoch=progress.epoch,
                epochs=epochs,
                steps_per_epoch=steps,
                callbacks=[*callbacks, *kept, ProgressBar(shown)],
                # The data sets bring their own order.
                shuffle=False,
                verbose=0,
            )
    model.set_weights(best_weights)
    return progress


def best_metrics(history: Sequence[Mapping[str, float]], best_epoch: int) -> dict[str, Any]:
    """Return what validation says of the best epoch (from 0); None where there was none.

    Example:
        >>> best_metrics([{"loss": 2.0, "val_accuracy": 0.5, "val_loss": 1.5}], best_epoch=0)
        {'accuracy': 0.5, 'loss': 1.5, 'best_epoch': 1}
    """
    best = history[best_epoch]
    return {"accuracy": best.get("val_accuracy"), "loss": best.get("val_loss"), "best_epoch": best_epoch + 1}
