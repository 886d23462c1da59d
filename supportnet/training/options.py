"""Keyword options -> the two configurations that they are fields of."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from supportnet.errors import UserError
from supportnet.models.config import NetworkConfig
from supportnet.models.presets import get_preset
from supportnet.training.config import RunConfig

Training = TypeVar("Training", bound=RunConfig)


def split_options(
    options: Mapping[str, Any], training: type[Training], defaults: Mapping[str, Any], preset: str | None = None
) -> tuple[NetworkConfig, Training]:
    """Divide keyword options between the two configurations; an unknown one is a `UserError` that lists them.

    What `options` leave open is the preset's, what that leaves open is one of `defaults`, and then the configurations'.

    Args:
        options: names and values.
        training: the class of the second configuration.
        defaults: fields of `NetworkConfig`.
        preset: name of a preset, or None.

    Example:
        >>> from supportnet.training.config import TrainingConfig
        >>> network, training = split_options({"epochs": 3, "num_heads": 2}, TrainingConfig, defaults={})
        >>> training.epochs
        3
    """
    network_names = {field.name for field in fields(NetworkConfig)}
    training_names = {field.name for field in fields(training)}
    unknown = sorted(set(options) - network_names - training_names)
    if unknown:
        known = ", ".join(sorted(network_names | training_names))
        raise UserError(f"There is no option named {unknown[0]!r}. The options are: {known}.")
    sizes = {} if preset is None else get_preset(preset)
    options = {**defaults, **sizes, **options}
    return (
        NetworkConfig(**{name: value for name, value in options.items() if name in network_names}),
        training(**{name: value for name, value in options.items() if name in training_names}),
    )
