"""The options of several tasks at once: what they share, what is each one's own, and what only one alone has."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from supportnet.config import NetworkConfig
from supportnet.errors import UserError
from supportnet.options import split_options
from supportnet.tasks.names import TASKS
from supportnet.tasks.suggest import learner as suggest
from supportnet.training.config import ReplyConfig, RunConfig, SuggestionConfig, TrainingConfig
from supportnet.training.initial_weights import Start

CONFIGS: Mapping[str, type[RunConfig]] = {
    "classify": TrainingConfig,
    "suggest": SuggestionConfig,
    "reply": ReplyConfig,
}
#: Between what suits each task alone: batches of 32, 128 and by tokens, 20 and 8 epochs.
DEFAULTS = {"epochs": 12, "learning_rate": 2e-3, "batch_size": 64, "num_layers": 1, "hidden_dim": 128}
#: Beside them, what a task has of its own.
DEFAULTS_BY_TASK: Mapping[str, Mapping[str, Any]] = {"suggest": suggest.NETWORK_DEFAULTS}
#: Options that only a training of one task has: what they do has a schedule of its own.
ALONE = (
    *("unlabelled", "rounds", "round_epochs", "frozen_epochs", "mixed_precision"),
    *("hard_negatives", "pretraining_epochs"),
)


def checked_tasks(tasks: Sequence[str]) -> list[str]:
    """The tasks in their usual order."""
    if len(set(tasks)) < max(2, len(tasks)) or not set(tasks) <= set(TASKS):
        raise UserError(f"tasks must be two or three of {', '.join(TASKS)}. Received: tasks={list(tasks)}")
    return [task for task in TASKS if task in tasks]


def task_configs(
    tasks: Sequence[str], options: Mapping[str, Any], start: Start, preset: str | None
) -> dict[str, tuple[NetworkConfig, RunConfig]]:
    """The configurations of each task: what is given for it, and what several tasks know, is the same in all."""
    for name in ALONE:
        if name in options:
            raise UserError(f"{name} must be left to the training of one task. Received: {name}={options[name]!r}")
    known = {task: {field.name for kind in (NetworkConfig, CONFIGS[task]) for field in fields(kind)} for task in tasks}
    unknown = sorted(set(options) - set().union(*known.values()))
    if unknown:
        raise UserError(f"There is no option named {unknown[0]!r} for the tasks {', '.join(tasks)}.")
    configs = {}
    for task in tasks:
        own = {name: value for name, value in options.items() if name in known[task]}
        defaults = {**DEFAULTS_BY_TASK.get(task, {}), **DEFAULTS, **start.network_options}
        configs[task] = split_options(own, CONFIGS[task], defaults, preset)
        start.check(configs[task][0])
    return configs


def merged_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options of all tasks, each with its value, or the values by task."""
    merged: dict[str, Any] = {}
    for name in dict.fromkeys(name for own in options.values() for name in own):
        values = {task: own[name] for task, own in options.items() if name in own}
        first = next(iter(values.values()))
        merged[name] = first if all(value == first for value in values.values()) else values
    return merged
