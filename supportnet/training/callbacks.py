"""What happens at the end of an epoch: the best weights, the checkpoint, the progress bar."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from supportnet.errors import UserError
from supportnet.training.checkpoint import Progress, save_checkpoint
from supportnet.training.optimizer import swap_means


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
        self,
        progress: Progress,
        best_weights: list[np.ndarray[Any, Any]],
        epochs: int,
        patience: int,
        path: Path | None,
    ) -> None:
        super().__init__()
        self.progress = progress
        self.best_weights = best_weights
        self.epochs = epochs
        self.patience = patience
        self.path = path
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
        if score > progress.best_score or not validated:
            progress.best_score, progress.best_epoch = score, epoch
            self.best_weights[:] = self.model.get_weights()
        self._show_means(False)
        progress.finished = progress.epoch == self.epochs or progress.wait >= self.patience
        self.model.stop_training = progress.finished
        if self.path is not None:
            save_checkpoint(self.path, self.model, self.best_weights, progress)


def bar(total: int, done: int, shown: bool, what: str = "training") -> "tqdm[Any]":
    """Make the bar of a training of `total` batches, of which some are `done`."""
    return tqdm(total=total, initial=done, disable=not shown, desc=what, unit="batch", mininterval=0.5)


class ProgressBar(keras.callbacks.Callback):
    """Move one bar for the whole training: a unit a step, and the metrics of the last epoch beside it.

    Args:
        bar: whoever made it closes it, whatever ends training.
    """

    def __init__(self, bar: "tqdm[Any]") -> None:
        super().__init__()
        self.bar = bar

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        validation = {"validation": f"{logs['val_accuracy']:.4f}"} if "val_accuracy" in logs else {}
        self.bar.set_postfix(epoch=epoch + 1, loss=f"{logs['loss']:.3f}", **validation)
