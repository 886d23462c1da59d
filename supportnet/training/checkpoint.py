"""The whole state of a training run in one file, so that a killed run goes on as if nothing had happened."""

import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from supportnet.errors import UserError
from supportnet.files import written_whole

#: Its name in the folder of a run.
CHECKPOINT = "checkpoint.npz"


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
    """Every variable that decides how training goes on: weights, dropout's seeds, the optimizer's moments."""
    # Unlike its weights, a model's variables include the states of the random generators.
    return [*model.variables, *model.optimizer.variables]


def save_checkpoint(
    path: str | os.PathLike[str],
    model: keras.Model,
    best_weights: list[np.ndarray[Any, Any]],
    progress: Progress,
) -> None:
    """Write the state of `model` and its optimizer, the best weights so far and `progress`, whole or not at all."""
    variables = enumerate(state_variables(model))
    arrays: dict[str, Any] = {f"variable_{i}": keras.ops.convert_to_numpy(variable) for i, variable in variables}
    arrays |= {f"best_{i}": weight for i, weight in enumerate(best_weights)}
    arrays["progress"] = np.array(json.dumps(asdict(progress)))
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load_checkpoint(path: str | os.PathLike[str], model: keras.Model) -> tuple[list[np.ndarray[Any, Any]], Progress]:
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
        _check_shapes(values + best, variables + model.weights)
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} can't be read: it is damaged or of another model ({error}).") from None
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return best, progress


def _check_shapes(values: list[np.ndarray[Any, Any]], variables: list[Any]) -> None:
    for value, variable in zip(values, variables, strict=True):
        if value.shape != tuple(variable.shape):
            raise ValueError(f"{variable.path} is {tuple(variable.shape)} here, {value.shape} there")
