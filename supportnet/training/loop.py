"""The loop of every training: epochs with a progress bar and a checkpoint, resumed where a killed run stopped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from supportnet.config import RunConfig
from supportnet.errors import UserError
from supportnet.files import remove_incomplete
from supportnet.training.callbacks import BestAndResume, ProgressBar, bar
from supportnet.training.checkpoint import CHECKPOINT, Progress, load_checkpoint
from supportnet.training.optimizer import compile_for_training


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


@dataclass(frozen=True)
class History:
    """The metrics of each epoch, and the epoch (from 0) whose weights were kept."""

    epochs: list[dict[str, float]]
    best_epoch: int

    def best_metrics(self) -> dict[str, Any]:
        """Return the validation metrics of the best epoch; None where there was no validation.

        Example:
            >>> History([{"loss": 2.0, "val_accuracy": 0.5, "val_loss": 1.5}], best_epoch=0).best_metrics()
            {'accuracy': 0.5, 'loss': 1.5, 'best_epoch': 1}
        """
        best = self.epochs[self.best_epoch]
        accuracy, loss = best.get("val_accuracy"), best.get("val_loss")
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

    def fit(self, objective: Objective, config: RunConfig, what: str = "training", frozen_epochs: int = 0) -> History:
        """Train the objective's model in place; it ends with the weights of the best epoch.

        Args:
            objective: its model is compiled here.
            config: how to train.
            what: label of the progress bar.
            frozen_epochs: epochs at the start in which the word vectors stay as they are.

        Returns:
            The history; without validation data, the last epoch is the best.

        Raises:
            UserError: the checkpoint is damaged or of another model, training diverges, or word vectors are to be
                frozen by an optimizer of the user's own.

        Example (needs a model):
            >>> Loop().fit(objective(model, split, config), config)
        """
        model, steps = objective.model, objective.steps
        self._compile(objective, config, frozen_epochs)
        progress, best_weights = Progress(), model.get_weights()
        checkpoint = None if self.folder is None else self.folder / CHECKPOINT
        if checkpoint is not None and checkpoint.exists():
            best_weights, progress = load_checkpoint(checkpoint, model)
        if not progress.finished:
            kept = [BestAndResume(progress, best_weights, config.epochs, config.patience, checkpoint)]
            kept += [] if self.folder is None else [keras.callbacks.TensorBoard(str(self.folder / "logs"))]
            with bar(steps * config.epochs, steps * progress.epoch, self.progress_bar, what) as shown:
                model.fit(
                    objective.batches(range(progress.epoch, config.epochs)),
                    validation_data=objective.validation,
                    initial_epoch=progress.epoch,
                    epochs=config.epochs,
                    steps_per_epoch=steps,
                    callbacks=[*objective.callbacks, *kept, *self.callbacks, ProgressBar(shown)],
                    # The data sets bring their own order.
                    shuffle=False,
                    verbose=0,
                )
        model.set_weights(best_weights)
        return History(progress.history, progress.best_epoch)

    def _compile(self, objective: Objective, config: RunConfig, frozen_epochs: int) -> None:
        options = dict(objective.compile_options or {})
        if self.optimizer is None:
            steps = objective.steps
            compile_for_training(objective.model, config, steps * config.epochs, steps * frozen_epochs, **options)
            return
        self.check(frozen_epochs)
        # A fresh one for each of several trainings of a run: its moments belong to one model.
        optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
        objective.model.compile(optimizer, jit_compile=False, **options)
        optimizer.build(objective.model.trainable_variables)
