"""The options that a search tries, and those that it found, as files."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras_tuner

from supportnet.errors import UserError

#: What is searched if nothing is said: option -> its values, or the lowest and the highest one.
SPACE: Mapping[str, Any] = MappingProxyType(
    {
        "learning_rate": {"low": 5e-4, "high": 8e-3, "log": True},
        "hidden_dim": [64, 96, 128, 192],
        "num_layers": [1, 2, 3],
        "dropout_rate": [0.0, 0.1, 0.2],
        "word_dropout": [0.0, 0.1, 0.2],
    }
)


def load_space(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a space from a TOML file: option = [values], or option = {low = 1e-4, high = 1e-2, log = true}."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: {error}") from None


def as_toml(task: str, options: Mapping[str, Any]) -> str:
    """Return options as TOML.

    Example:
        >>> print(as_toml("classify", {"epochs": 3, "class_weights": True}), end="")
        task = "classify"
        epochs = 3
        class_weights = true
    """
    values = {"task": task, **options}
    return "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else '"' + str(value).replace("\\", "\\\\") + '"'


def parameters_of(space: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    """Return a space as KerasTuner has it; one that can't be is a `UserError` that names the option."""
    parameters = keras_tuner.HyperParameters()
    for name, values in space.items():
        try:
            if isinstance(values, Mapping):
                _range(parameters, name, **values)
            else:
                parameters.Choice(name, list(values))
        except (TypeError, ValueError) as error:
            raise UserError(f"The space of {name} must be a list of values, or low and high: {error}") from None
    if not space:
        raise UserError("There is nothing to search: the space is empty.")
    return parameters


def _range(
    parameters: keras_tuner.HyperParameters,
    name: str,
    low: float,
    high: float,
    step: float | None = None,
    log: bool = False,
) -> None:
    kind = parameters.Int if isinstance(low, int) and isinstance(high, int) else parameters.Float
    kind(name, low, high, step=step, sampling="log" if log else "linear")


def options_of(parameters: keras_tuner.HyperParameters, space: keras_tuner.HyperParameters) -> dict[str, Any]:
    """Return the options that a trial chose in a space."""
    return {name: parameters.values[name] for name in space.values}
