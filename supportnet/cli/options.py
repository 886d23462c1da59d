"""Options of commands that train: made from the configurations, which state each once, and listed by group."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from supportnet.cli.common import Command
from supportnet.config import PRESETS, NetworkConfig, Option, PretrainingConfig, options_of
from supportnet.errors import UserError
from supportnet.tasks import DEFAULT, NAMES, all_tasks, in_order
from supportnet.tasks.options import TrainingOption, training_options

#: Headings of `--help`, in this order; options without a group stand under the first.
GROUPS = ("data", "network", "training", "confidence", *(f"task {name}" for name in NAMES))


class GroupedCommand(click.Command):
    """A command whose `--help` lists options by the group that `in_group` gave them."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        by_group: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None:
                by_group.setdefault(getattr(parameter, "group", ""), []).append(record)
        titles = {"": "Options", **{group: _title(group) for group in GROUPS}}
        for group, title in titles.items():
            if group in by_group:
                with formatter.section(title):
                    formatter.write_dl(by_group[group])


def _title(group: str) -> str:
    return f"Only for the {group}" if group.startswith("task ") else group.capitalize()


class _GroupedOption(click.Option):
    def __init__(self, *arguments: Any, group: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.group = group


def in_group(group: str, decorator: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that lists the options of another one under a group."""

    def add(command: Any) -> Any:
        before = len(getattr(command, "__click_params__", []))
        command = decorator(command)
        for parameter in command.__click_params__[before:]:
            parameter.group = group
        return command

    return add


def flag(name: str) -> str:
    """Return the flag of an option: `batch_size` -> `--batch-size`."""
    return f"--{name.replace('_', '-')}"


def training_flags(command: Command) -> Command:
    """Add every option of the trainings of all tasks."""
    for option in reversed(training_options().values()):
        command = _flag(option.option, option.help, option.group)(command)
    return command


def pretraining_flags(command: Command) -> Command:
    """Add every option of pre-training; those of heads are none."""
    heads = frozenset[str]().union(*(task.head_options for task in all_tasks()))
    network = {name: option for name, option in options_of(NetworkConfig).items() if name not in heads}
    stated = [("network", network), ("training", options_of(PretrainingConfig))]
    for group, options in reversed(stated):
        for option in reversed(options.values()):
            command = _flag(option, TrainingOption(option, (), {}, None, group).help, group)(command)
    return command


def _flag(option: Option, text: str, group: str) -> Callable[[Command], Command]:
    name = option.name
    common: dict[str, Any] = {"help": text.replace("`", ""), "cls": _GroupedOption, "group": group}
    if option.kind is bool:
        return click.option(flag(name), name, is_flag=True, **common)
    kind = click.Choice(option.choices) if option.choices else option.kind
    return click.option(flag(name), name, type=kind, default=option.default, show_default=True, **common)


def task_option(several: bool) -> Callable[[Command], Command]:
    """Return the option that names a task, or several of them."""
    names = ", ".join(NAMES)
    if not several:
        return click.option(
            "--task", type=click.Choice(NAMES), default=DEFAULT, show_default=True, help="What to learn."
        )
    return click.option(
        "--task",
        callback=_in_order,
        metavar="TASK[,TASK...]",
        default=DEFAULT,
        show_default=True,
        help=f"What to learn: {names}, or several of them on one backbone.",
    )


def _in_order(context: click.Context, option: click.Parameter, value: str) -> list[str]:
    """Check one task, or several with commas between them, and put them into their usual order."""
    try:
        return in_order(value.split(","))
    except UserError:
        known = ", ".join(NAMES)
        raise click.BadParameter(f"{value!r} is not one of {known}, or several with commas.", context, option) from None


preset_option = click.option(
    "--preset",
    metavar="NAME",
    help=f"Sizes by name: {', '.join(PRESETS)}. A size given beside it takes precedence.",
)


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> None:
    """Load defaults from a TOML file; explicit flags take precedence."""
    if path is None:
        return
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--config: {path} can't be read: {error}") from None
    known = {option.name for option in context.command.params}
    unknown = sorted(name for name in values if name.replace("-", "_") not in known)
    if unknown:
        raise UserError(f"--config: {path} has an option {unknown[0]!r} that there isn't.")
    context.default_map = {name.replace("-", "_"): value for name, value in values.items()}


config_option = click.option(
    "--config",
    metavar="FILE.toml",
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="Options by name, such as `supportnet tune` found; flags given beside it take precedence.",
)
out_option = click.option("--out", required=True, metavar="RUN", help="The run folder to write.")
resume_option = click.option("--resume", is_flag=True, help="Continue the interrupted run in RUN.")


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the options that were given: a flag's default would take precedence over a preset or an encoder.

    An architecture may be written with hyphens.
    """
    source = click.get_current_context().get_parameter_source
    chosen = {name: value for name, value in options.items() if source(name) is not ParameterSource.DEFAULT}
    if "architecture" in chosen:
        chosen["architecture"] = chosen["architecture"].replace("-", "_")
    return chosen


@contextmanager
def resumable(out: str) -> Iterator[None]:
    """Say at Ctrl-C how to continue."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.Abort(f"training; the same command with --resume goes on with {out}") from None
