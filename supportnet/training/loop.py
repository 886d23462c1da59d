"""The loop of every training: its checkpoint, its callbacks, and how a killed run goes on where it stopped."""

import json
import math
import os
import signal
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from supportnet.config import RunConfig
from supportnet.errors import UserError
from supportnet.files import remove_incomplete, written_whole
from supportnet.training.optimizer import compile_for_training, swap_means

#: The whole state of a training, in the folder of its run: a killed run goes on as if nothing had happened.
CHECKPOINT = "checkpoint.npz"

Weights = list[np.ndarray[Any, Any]]


@dataclass
class Progress:
    """What training knows besides the variables.

    Attributes:
        epoch: epochs that are done.
        best_epoch: the epoch (from 0) with the best validation accuracy so far, -1 before the first.
        best_score: its accuracy and its negative loss, which decides between equals.
        history: one dictionary of metrics an epoch.
        finished: no epoch is left, or validation stopped getting better.
    """

    epoch: int = 0
    best_epoch: int = -1
    best_score: tuple[float, float] = (float("-inf"), float("-inf"))
    history: list[dict[str, float]] = field(default_factory=list)
    finished: bool = False

    @property
    def wait(self) -> int:
        """Epochs since the best one."""
        return self.epoch - 1 - self.best_epoch


def state_variables(model: keras.Model) -> list[Any]:
    """Every variable that decides how training goes on: weights, dropout's seeds, the optimizer's moments if any."""
    # Unlike its weights, a model's variables include the states of the random generators.
    return [*model.variables, *(model.optimizer.variables if model.compiled else ())]


def save_checkpoint(
    path: str | os.PathLike[str], model: keras.Model, best_weights: Weights, progress: Progress
) -> None:
    """Write the state of `model` and its optimizer, the best weights so far and `progress`, whole or not at all."""
    variables = enumerate(state_variables(model))
    arrays: dict[str, Any] = {f"variable_{i}": keras.ops.convert_to_numpy(variable) for i, variable in variables}
    arrays |= {f"best_{i}": weight for i, weight in enumerate(best_weights)}
    arrays["progress"] = np.array(json.dumps(asdict(progress)))
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load_checkpoint(path: str | os.PathLike[str], model: keras.Model) -> tuple[Weights, Progress]:
    """Restore `model` and its optimizer from `path`; return the best weights so far and the progress.

    Raises:
        UserError: the file is damaged, or of another model.
    """
    variables = state_variables(model)
    try:
        with np.load(Path(path), allow_pickle=False) as arrays:
            values = [arrays[f"variable_{i}"] for i in range(len(variables))]
            best = [arrays[f"best_{i}"] for i in range(len(model.weights))]
            known = json.loads(str(arrays["progress"]))
        progress = Progress(**{**known, "best_score": tuple(known["best_score"])})
        for value, variable in zip(values + best, variables + model.weights, strict=True):
            if value.shape != tuple(variable.shape):
                raise ValueError(f"{variable.path} is {tuple(variable.shape)} here, {value.shape} there")
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} can't be read: it is damaged or of another model ({error}).") from None
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return best, progress


class BestAndResume(keras.callbacks.Callback):
    """Keep the best weights, stop when validation no longer gets better, and save all of it after each epoch.

    Keras's EarlyStopping and BackupAndRestore don't know of each other: after a resume the former starts afresh.

    Where the optimizer keeps a running mean of the weights, the mean is measured and may be the best; training goes on
    with the weights. Keras's SwapEMAWeights would put the one for the other into the checkpoint.

    Without validation data every epoch counts as better than the one before: the last one is kept, and none is spared.

    Args:
        progress: where training stands; changed in place.
        best_weights: the best weights so far; changed in place.
        epochs: epochs in all.
        patience: epochs without a better validation accuracy before training stops.
        path: the checkpoint's file, or None to keep none.

    Raises:
        UserError: a metric isn't a finite number at the end of an epoch.
    """

    def __init__(
        self, progress: Progress, best_weights: Weights, epochs: int, patience: int, path: Path | None
    ) -> None:
        super().__init__()
        self.progress, self.best_weights = progress, best_weights
        self.epochs, self.patience, self.path = epochs, patience, path
        self._means_shown = False

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._show_means(True)

    def _show_means(self, shown: bool) -> None:
        if shown != self._means_shown:
            swap_means(self.model.optimizer)
        self._means_shown = shown

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        if not all(map(math.isfinite, metrics.values())):
            raise UserError(f"Training diverged in epoch {epoch + 1}: try a lower learning_rate. Received: {metrics}")
        progress = self.progress
        progress.epoch = epoch + 1
        progress.history.append(metrics)
        validated = "val_loss" in metrics
        score = (metrics["val_accuracy"], -metrics["val_loss"]) if validated else progress.best_score
        self._show_means(True)
        better = score > progress.best_score or not validated
        if better:
            progress.best_score, progress.best_epoch = score, epoch
        progress.finished = progress.epoch == self.epochs or progress.wait >= self.patience
        # Large tables take a while to copy: where every epoch is better, only what is kept in the end, or in a file.
        if better and (validated or progress.finished or self.path is not None):
            self.best_weights[:] = self.model.get_weights()
        self._show_means(False)
        self.model.stop_training = progress.finished
        if self.path is not None:
            save_checkpoint(self.path, self.model, self.best_weights, progress)


def moving(bar: "tqdm[Any]") -> keras.callbacks.Callback:
    """Return what moves one bar for the whole training: a unit a step, and the metrics of the last epoch beside it.

    Args:
        bar: whoever made it closes it, whatever ends training.
    """

    def show(epoch: int, logs: dict[str, float]) -> None:
        validation = {"validation": f"{logs['val_accuracy']:.4f}"} if "val_accuracy" in logs else {}
        bar.set_postfix(epoch=epoch + 1, loss=f"{logs['loss']:.3f}", **validation)

    return keras.callbacks.LambdaCallback(on_epoch_end=show, on_train_batch_end=lambda batch, logs: bar.update())


class StopAtInterrupt(keras.callbacks.Callback):
    """End training at Ctrl-C, once the batch is done; a second Ctrl-C ends it at once.

    Within TensorFlow's calls into Python, the exception of an interrupt can get lost, and training would go on. Use it
    in a `with` statement: it leaves the signal as it was. Elsewhere than in the main thread, and where interrupts are
    ignored or handled by others, it does nothing.
    """

    def __enter__(self) -> Self:
        self.interrupted = False
        is_main = threading.current_thread() is threading.main_thread()
        self.ours = is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, *_: object) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt

    on_test_batch_end = on_train_batch_end


@dataclass(frozen=True)
class Objective:
    """What a network is trained on and by.

    Attributes:
        model: the network in training: its `compute_loss` and its metrics, `accuracy` among them.
        batches: makes the data set of the epochs that it is given, `steps` batches each, in an order of its own.
        steps: batches per epoch.
        validation: decides which epoch is the best; None for no validation.
        callbacks: further callbacks that the objective needs.
        compile_options: arguments of `model.compile`, for a model without a `compute_loss` of its own.
    """

    model: keras.Model
    batches: Callable[[range], tf.data.Dataset]
    steps: int
    validation: tf.data.Dataset | None
    callbacks: Sequence[keras.callbacks.Callback] = ()
    compile_options: Mapping[str, Any] | None = None

    def validate(self) -> dict[str, float]:
        """Return the metrics of the validation data, of a compiled model; empty where there are no such data.

        Example (needs a model):
            >>> sorted(objective.validate())
            ['accuracy', 'loss']
        """
        if self.validation is None:
            return {}
        return dict(self.model.evaluate(self.validation, return_dict=True, verbose=0))


@dataclass(frozen=True)
class History:
    """What a training leaves behind beside the weights.

    Attributes:
        epochs: metrics of each epoch.
        best_epoch: the epoch (from 0) whose weights were kept.
        cross_validation: what models of parts of the messages said of the others, where the task has such; None
            without.
    """

    epochs: list[dict[str, float]]
    best_epoch: int
    cross_validation: Any = None

    def best_metrics(self) -> dict[str, Any]:
        """Return the validation metrics of the best epoch, or of a cross-validation; None where there was neither.

        Example:
            >>> History([{"loss": 2.0, "val_accuracy": 0.5, "val_loss": 1.5}], best_epoch=0).best_metrics()
            {'accuracy': 0.5, 'loss': 1.5, 'best_epoch': 1}
        """
        best, found = self.epochs[self.best_epoch], self.cross_validation
        accuracy, loss = best.get("val_accuracy"), best.get("val_loss")
        if found is not None:
            accuracy, loss = found.accuracy, found.loss
        return {"accuracy": accuracy, "loss": loss, "best_epoch": self.best_epoch + 1}


@dataclass(frozen=True)
class Loop:
    """How a training runs: where its files go, what it shows, and what the user adds to it.

    Attributes:
        folder: where the checkpoint and the TensorBoard logs go; None keeps nothing. If it holds a checkpoint, training
            continues from there and gives the same result as an uninterrupted one.
        progress_bar: show one on standard error.
        callbacks: Keras callbacks of the user's own.
        optimizer: a Keras optimizer of the user's own, in place of AdamW with its schedule; its learning rate, decay
            and clipping are its own.
    """

    folder: Path | None = None
    progress_bar: bool = True
    callbacks: Sequence[keras.callbacks.Callback] = ()
    optimizer: keras.optimizers.Optimizer | None = None

    def within(self, name: str) -> "Loop":
        """Return the same loop for a part of a run, in a folder of its own below the run's."""
        if self.folder is None:
            return self
        remove_incomplete(self.folder / name)
        return replace(self, folder=self.folder / name)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a training to continue."""
        return self.folder is not None and (self.folder / CHECKPOINT).exists()

    def check(self, frozen_epochs: int) -> None:
        """Raise a `UserError` where word vectors are to be frozen by an optimizer of the user's own."""
        if frozen_epochs and self.optimizer is not None:
            raise UserError(f"frozen_epochs must be 0 with an optimizer of your own. Received: {frozen_epochs=}")

    def fit(
        self,
        objective: Objective,
        config: RunConfig,
        what: str = "training",
        frozen_epochs: int = 0,
        last_epoch: int | None = None,
    ) -> History:
        """Train the objective's model in place; it ends with the weights of the best epoch.

        Args:
            objective: its model is compiled here, unless `compile` did before.
            config: how to train.
            what: label of the progress bar.
            frozen_epochs: epochs at the start in which the word vectors stay as they are.
            last_epoch: ends training after so many epochs; the schedule stays that of all epochs.

        Returns:
            The history; without validation data, the last epoch is the best.

        Raises:
            UserError: the checkpoint is damaged or of another model, training diverges, or word vectors are to be
                frozen by an optimizer of the user's own.

        Example (needs a model):
            >>> Loop().fit(objective(model, split, config), config)
        """
        model, steps, epochs = objective.model, objective.steps, last_epoch or config.epochs
        if not model.compiled:
            self.compile(objective, config, frozen_epochs)
        progress, best_weights = Progress(), model.get_weights()
        checkpoint = None if self.folder is None else self.folder / CHECKPOINT
        if checkpoint is not None and checkpoint.exists():
            best_weights, progress = load_checkpoint(checkpoint, model)
        if not progress.finished:
            kept = [BestAndResume(progress, best_weights, epochs, config.patience, checkpoint)]
            kept += [] if self.folder is None else [keras.callbacks.TensorBoard(str(self.folder / "logs"))]
            options = {"disable": not self.progress_bar, "desc": what, "unit": "batch", "mininterval": 0.5}
            shown = tqdm(total=steps * epochs, initial=steps * progress.epoch, **options)
            with shown as bar, StopAtInterrupt() as stop:
                model.fit(
                    objective.batches(range(progress.epoch, epochs)),
                    validation_data=objective.validation,
                    initial_epoch=progress.epoch,
                    epochs=epochs,
                    steps_per_epoch=steps,
                    callbacks=[*objective.callbacks, *kept, *self.callbacks, moving(bar), stop],
                    # The data sets bring their own order.
                    shuffle=False,
                    verbose=0,
                )
        model.set_weights(best_weights)
        return History(progress.history, progress.best_epoch)

    def compile(self, objective: Objective, config: RunConfig, frozen_epochs: int = 0) -> None:
        """Compile the objective's model for a training; several that begin with the same state need it once."""
        steps, options = objective.steps, objective.compile_options or {}
        if self.optimizer is None:
            compile_for_training(objective.model, config, steps * config.epochs, steps * frozen_epochs, **options)
            return
        self.check(frozen_epochs)
        # A fresh one for each of several trainings of a run: its moments belong to one model.
        optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
        objective.model.compile(optimizer, jit_compile=False, **options)
        optimizer.build(objective.model.trainable_variables)
