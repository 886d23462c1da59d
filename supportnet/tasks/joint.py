"""Several tasks at once: a batch of each in every step, and the weighted sum of their losses."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from supportnet.tasks.fit import TrainingModel, replica_share
from supportnet.tasks.registry import get_task
from supportnet.training.loop import Objective


class JointModel(keras.Model):
    """The networks of several tasks in training; they share layers.

    Inputs, targets and sample weights are dictionaries by task. Metrics are those of the tasks, with the task's name
    before them; `loss` is the sum of the tasks' own losses, weighted by their `loss_weight`.

    Args:
        models: task -> the network in training, see `Objective`.
    """

    def __init__(self, models: Mapping[str, TrainingModel]) -> None:
        super().__init__(name="training")
        self.by_task = dict(models)
        self.means = {task: keras.metrics.Mean(name=f"{task}_loss") for task in models}
        # Its parts are: building it on a batch would take one from the data set.
        self.built = True

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        return {task: model(inputs[task], training=training) for task, model in self.by_task.items()}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the weighted sum of the tasks' losses, a scalar, and count each into its mean."""
        total = 0.0
        for task, model in self.by_task.items():
            loss = model.loss_of(y[task], y_pred[task], sample_weight.get(task), training)
            self.means[task].update_state(loss)
            total += get_task(task).loss_weight * loss
        return replica_share(total)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count the batch into the tasks' metrics."""
        for task, model in self.by_task.items():
            model.count(y[task], y_pred[task], sample_weight.get(task))
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the metrics of all tasks."""
        found = dict(super().get_metrics_result())
        for task, model in self.by_task.items():
            # What Keras counts as the part's loss it doesn't know here.
            own = {name: value for name, value in model.get_metrics_result().items() if name != "loss"}
            found |= {f"{task}_{name}": value for name, value in own.items()}
        return found

    def reset_metrics(self) -> None:
        """Begin to count anew."""
        super().reset_metrics()
        for model in self.by_task.values():
            model.reset_metrics()


class ValidateTasks(keras.callbacks.Callback):
    """At the end of an epoch, validate each task by itself, on all of its own validation data.

    Adds `val_TASK_...` to the metrics, and `val_accuracy`, the mean of the tasks' accuracies, and `val_loss`, the sum
    of their losses, which decide which epoch is the best. Callbacks behind it see them.

    Args:
        objectives: task -> what it learns by; with validation data.
    """

    def __init__(self, objectives: Mapping[str, Objective]) -> None:
        super().__init__()
        self.objectives = objectives

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        found = {task: objective.validate() for task, objective in self.objectives.items()}
        metrics = {f"val_{task}_{name}": value for task, own in found.items() for name, value in own.items()}
        metrics["val_accuracy"] = sum(own["accuracy"] for own in found.values()) / len(found)
        metrics["val_loss"] = sum(own["loss"] for own in found.values())
        (logs if logs is not None else {}).update(metrics)


def joint_objective(objectives: Mapping[str, Objective]) -> Objective:
    """Return what several tasks learn by at once.

    An epoch has as many steps as that of the longest task; the others' data go round again, on from where they stood.

    Args:
        objectives: task -> what it learns by alone.

    Example (needs models):
        >>> Loop().fit(joint_objective({"suggest": one, "reply": other}), RunConfig())
    """
    for objective in objectives.values():
        # Their metrics are counted; the optimizer is that of all.
        objective.model.compile(jit_compile=False)
    steps = max(objective.steps for objective in objectives.values())
    validated = {task: objective for task, objective in objectives.items() if objective.validation is not None}

    def batches(epochs: range) -> tf.data.Dataset:
        return tf.data.Dataset.zip(
            {task: _looped(objective, steps, epochs) for task, objective in objectives.items()}
        ).map(_parted)

    model = JointModel({task: objective.model for task, objective in objectives.items()})
    return Objective(model, batches, steps, None, [ValidateTasks(validated)] if validated else [])


def _looped(objective: Objective, steps: int, epochs: range) -> tf.data.Dataset:
    """The batches of some epochs of `steps`, which may be more than the task has in one pass over its data."""
    start, stop = epochs.start * steps, epochs.stop * steps
    passes = range(start // objective.steps, -(-stop // objective.steps))
    return objective.batches(passes).skip(start % objective.steps)


def _parted(batch: dict[str, tuple[Any, ...]]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Inputs, targets, and sample weights where a task has some, by task."""
    inputs, targets = ({task: parts[i] for task, parts in batch.items()} for i in (0, 1))
    return inputs, targets, {task: parts[2] for task, parts in batch.items() if len(parts) > 2}
