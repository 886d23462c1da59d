"""The options of a training of one task or several: who knows which, and with which defaults. Loads no Keras."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from supportnet.config import NetworkConfig, Option, RunConfig, options_of
from supportnet.errors import UserError
from supportnet.tasks.registry import all_tasks, get_task

#: Defaults of several tasks at once, between what suits each alone: batches of 32, 128 and by tokens, 20 and 8 epochs.
JOINT_DEFAULTS: Mapping[str, Any] = {
    "epochs": 12,
    "learning_rate": 2e-3,
    "batch_size": 64,
    "num_layers": 1,
    "hidden_dim": 128,
}
#: An argument of `train` beside the options that only some tasks have a use for.
UNLABELLED = "unlabelled"
#: An argument that no training of several tasks has: what each learns on a frozen encoder, it learns for itself.
BACKBONE = "backbone"


@dataclass(frozen=True)
class TrainingOption:
    """An option of trainings, with what each task makes of it.

    Attributes:
        option: the field, with the default of the first task that has a use for it.
        tasks: the tasks that have a use for it.
        defaults: task -> its default, where it differs.
        joint_default: the default of several tasks at once, where it is one of its own; else None.
        group: heading in `--help`: `network`, `training`, one of its own, or `task NAME` where one task alone has it.
    """

    option: Option
    tasks: tuple[str, ...]
    defaults: Mapping[str, Any]
    joint_default: Any
    group: str

    @property
    def help(self) -> str:
        """Its description, with the defaults that differ."""
        others = [f"; {value} for the task {task}" for task, value in self.defaults.items()]
        others += [] if self.joint_default is None else [f"; {self.joint_default} for several tasks"]
        named = [f": {', '.join(self.option.names)}"] if self.option.names else []
        text = "".join([self.option.description.removesuffix("."), *named, *others, "."])
        return text[0].upper() + text[1:]


def training_options() -> dict[str, TrainingOption]:
    """Return every option of the trainings of all tasks, by name, those of the network first.

    Example:
        >>> training_options()["batch_size"].help
        'Messages per step; 128 for the task suggest; 64 for several tasks.'
    """
    stated = [options_of(NetworkConfig), *(options_of(task.config) for task in all_tasks())]
    return {name: _training_option(name) for options in stated for name in options}


def _training_option(name: str) -> TrainingOption:
    tasks = [get_task(task) for task in tasks_with(name)]
    in_network = name in {field.name for field in fields(NetworkConfig)}
    option = options_of(NetworkConfig if in_network else tasks[0].config)[name]
    defaults = {
        task.name: task.network_defaults.get(name, getattr(task.config(), name, option.default)) for task in tasks
    }
    own = f"task {tasks[0].name}" if len(tasks) == 1 else ""
    return TrainingOption(
        option,
        tuple(defaults),
        {task: value for task, value in defaults.items() if value != option.default},
        JOINT_DEFAULTS.get(name),
        option.group or own or ("network" if in_network else "training"),
    )


def tasks_with(option: str) -> list[str]:
    """Return the names of the tasks that have a use for an option.

    Example:
        >>> tasks_with("batch_size"), tasks_with("vector_dim")
        (['classify', 'suggest', 'attributes'], ['suggest'])
    """
    tasks = all_tasks()
    if option == UNLABELLED:
        return [task.name for task in tasks if option in task.alone_options]
    heads = frozenset[str]().union(*(task.head_options for task in tasks))
    return [
        task.name for task in tasks if option in task.options() and (option not in heads or option in task.head_options)
    ]


def check_options(tasks: Sequence[str], options: Mapping[str, Any]) -> None:
    """Check that some task has a use for each option, and that several tasks leave out what only one alone has.

    Raises:
        UserError: names the option, and the task that it is for.
    """
    known = sorted({name for task in all_tasks() for name in task.options()})
    for name, value in options.items():
        if name not in known:
            raise UserError(f"There is no option named {name!r}. The options are: {', '.join(known)}.")
        if not set(tasks) & set(tasks_with(name)):
            raise UserError(f"{name} is for the task {' or '.join(tasks_with(name))}. Received: {name}={value!r}")
    check_not_alone(tasks, options)


def check_not_alone(tasks: Sequence[str], options: Mapping[str, Any]) -> None:
    """Raise a `UserError` for an option that several tasks at once can't have."""
    for name in options if len(tasks) > 1 else ():
        if name == BACKBONE or any(name in task.alone_options for task in all_tasks()):
            raise UserError(f"{name} must be left to the training of one task. Received: {name}={options[name]!r}")


def task_configs(
    tasks: Sequence[str],
    options: Mapping[str, Any],
    preset: str | None = None,
    initial: Mapping[str, Any] | None = None,
) -> dict[str, tuple[NetworkConfig, RunConfig]]:
    """Return the configurations of each task; what is given, and what several tasks know, is the same in all.

    Args:
        tasks: their names.
        options: fields of the configurations, checked.
        preset: name of a preset, or None.
        initial: defaults that take precedence over the task's: what the data suggest, what a pre-trained encoder has.
    """
    configs = {}
    for name in tasks:
        task = get_task(name)
        own = {option: value for option, value in options.items() if option in task.options()}
        joint = JOINT_DEFAULTS if len(tasks) > 1 else {}
        configs[name] = task.configs({**own, "preset": preset}, {**joint, **(initial or {})})
    return configs
