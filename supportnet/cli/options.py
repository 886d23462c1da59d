"""Options that commands share: of data and answers, and those of trainings, made from the configurations, by group."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from supportnet.architectures import encoder_names
from supportnet.config import PRESETS, NetworkConfig, Option, PretrainingConfig, options_of
from supportnet.data import Bank, bank_of_replies, is_source, load, load_bank
from supportnet.errors import UserError
from supportnet.files import read_toml
from supportnet.tasks.options import TrainingOption, training_options
from supportnet.tasks.registry import DEFAULT, NAMES, all_tasks, in_order
from supportnet.tasks.task import ExportOptions

Decorator = Callable[[Any], Any]

#: Argument of `supportnet.load` -> its option.
_LOAD: Mapping[str, Mapping[str, Any]] = {
    "data_dir": {"metavar": "DIR", "help": "Read the files in DIR/NAME instead of downloading them."},
    "train_oos": {"is_flag": True, "help": "Train on CLINC150's out-of-scope messages, as an intent of their own."},
    "context_turns": {
        "type": int,
        "metavar": "N",
        "help": "Turns of the conversation that a message of star holds, the newest first.  [default: 3]",
    },
    "text_column": {"metavar": "NAME", "help": "Column of the messages in a file."},
    "label_column": {"metavar": "NAME", "help": "Column of the intents."},
    "reply_column": {"metavar": "NAME", "help": "Column of the replies; intents may be missing then."},
    "attribute_columns": {
        "metavar": "NAME[,NAME...]",
        "callback": lambda _context, _option, names: names and [name.strip() for name in names.split(",")],
        "help": "Columns of further labels, such as the priority; intents may be missing then.",
    },
    "split_column": {"metavar": "NAME", "help": "Column that says train, validation or test."},
    "delimiter": {"metavar": "CHAR", "help": "Delimiter of a CSV file, if it can't be seen."},
    "encoding": {"default": "utf-8", "help": "Encoding of a file."},
}
#: Those that have nothing to say where labels aren't read.
_ABOUT_LABELS = ("train_oos", "label_column", "reply_column", "attribute_columns")
#: Argument of `load_bank` -> its option, and where a data source lies that is a bank.
_BANK: Mapping[str, Mapping[str, Any]] = {
    "id_column": {"metavar": "NAME", "help": "Column of the answers' ids; rows are numbered where there is none."},
    "text_column": {"metavar": "NAME", "help": "Column of the answers."},
    "title_column": {"metavar": "NAME", "help": "Column of titles or questions."},
    "tags_column": {"metavar": "NAME", "help": "Column of the tags."},
    "language_column": {"metavar": "NAME", "help": "Column of the languages."},
    "uses_column": {"metavar": "NAME", "help": "Column that says how often an answer was sent."},
    "delimiter": _LOAD["delimiter"],
    "encoding": _LOAD["encoding"],
    "data_dir": {"metavar": "DIR", "help": "Where the bank is a data source: read DIR/NAME, don't download."},
}
_VERSION: Mapping[str, Mapping[str, Any]] = {
    "version": {"type": click.IntRange(min=1), "help": "Number of the version; one above the highest if not given."},
    "overwrite": {"is_flag": True, "help": "Replace a version that is there."},
    "keep": {"type": click.IntRange(min=1), "metavar": "N", "help": "Then remove all but the N newest."},
}
#: What an option of pre-training is, where it isn't what it is of other trainings.
_ENCODER_ONLY = {"architecture": "name of the encoder.", "num_layers": "blocks of the encoder, 0 or more."}


def flag(name: str) -> str:
    """Return the flag of an option: `batch_size` -> `--batch-size`."""
    return f"--{name.replace('_', '-')}"


def _named(options: Mapping[str, Mapping[str, Any]]) -> Decorator:
    """Return a decorator that adds options by name."""
    return _all(*(click.option(flag(name), name, **settings) for name, settings in options.items()))


def _all(*decorators: Decorator) -> Decorator:
    """Return several decorators as one, which keeps the order of their options."""

    def add(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return add


_DATA: dict[str, Any] = {"metavar": "NAME|PATH", "help": "A source of `data list`, or a CSV, TSV or JSONL file."}
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
data_option = click.option("--data", **_DATA)
#: How to read a data source; how to read messages without labels; which data to read, and how.
load_options = _named(_LOAD)
text_options = _named({name: one for name, one in _LOAD.items() if name not in _ABOUT_LABELS})
data_options = _all(click.option("--data", required=True, **_DATA), load_options)
#: How to read a bank, and the least score of what is suggested from it; which version of a served model to write.
bank_options = _named(_BANK)
version_options = _named(_VERSION)
min_score_option = click.option(
    "--min-score", type=float, default=ExportOptions.min_score, help="Least score of a first suggestion."
)


def load_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """Take the arguments of `supportnet.load` out of a command's options."""
    return {name: options.pop(name) for name in _LOAD if name in options}


def read_bank(name_or_path: str, options: dict[str, Any]) -> Bank:
    """Read a bank from a file, or from the training replies of a data source; take its options out of a command's."""
    columns = {name: options.pop(name) for name in _BANK}
    data_dir = columns.pop("data_dir")
    if not is_source(name_or_path):
        return load_bank(name_or_path, **columns)
    return bank_of_replies(name_or_path, load(name_or_path, data_dir=data_dir)["train"])


#: Group of options -> its heading in `--help`, in this order; options without a group stand under the first.
GROUPS = {
    "": "Options",
    **{group: group.capitalize() for group in ("data", "network", "training", "confidence")},
    **{f"task {name}": f"Only for the task {name}" for name in NAMES},
}


class GroupedCommand(click.Command):
    """A command whose `--help` lists options by the group that `in_group` gave them."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        by_group: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None:
                by_group.setdefault(getattr(parameter, "group", ""), []).append(record)
        for group, title in GROUPS.items():
            if group in by_group:
                with formatter.section(title):
                    formatter.write_dl(by_group[group])


def in_group(group: str, *decorators: Decorator) -> Decorator:
    """Return a decorator that lists the options of others under a group."""

    def add(command: Any) -> Any:
        before = len(getattr(command, "__click_params__", []))
        command = _all(*decorators)(command)
        for parameter in command.__click_params__[before:]:
            parameter.group = group
        return command

    return add


def _training_flag(one: TrainingOption) -> Decorator:
    option = one.option
    kind = click.Choice(option.choices) if option.choices else option.kind
    settings = {"type": kind, "is_flag": kind is bool, "default": option.default, "help": one.help.replace("`", "")}
    return in_group(one.group, _named({option.name: settings}))


#: Options of the confidence that can be fitted without a training.
promise_flags = _all(*(_training_flag(training_options()[name]) for name in ("precision", "out_of_scope_share")))
#: Every option of the trainings of all tasks.
training_flags = _all(*map(_training_flag, training_options().values()))


def pretraining_flags(command: Any) -> Any:
    """Add every option of pre-training; those of heads and of decoders are none."""
    heads = frozenset[str]().union(*(task.head_options for task in all_tasks()))
    network = {name: _of_encoder(option) for name, option in options_of(NetworkConfig).items() if name not in heads}
    stated = {"network": network, "training": options_of(PretrainingConfig)}
    flags = [
        _training_flag(TrainingOption(option, (), {}, None, group))
        for group, options in stated.items()
        for option in options.values()
    ]
    return _all(*flags)(command)


def _of_encoder(option: Option) -> Option:
    names = tuple(name for name in option.names if name in encoder_names())
    return replace(option, description=_ENCODER_ONLY.get(option.name, option.description), names=names)


def _in_order(context: click.Context, option: click.Parameter, value: str) -> list[str]:
    """Check one task, or several with commas between them, and put them into their usual order."""
    try:
        return in_order(value.split(","))
    except UserError:
        known = ", ".join(NAMES)
        raise click.BadParameter(f"{value!r} is not one of {known}, or several with commas.", context, option) from None


task_option = click.option(
    "--task",
    callback=_in_order,
    metavar="TASK[,TASK...]",
    default=DEFAULT,
    help=f"What to learn: {', '.join(NAMES)}, or several of them on one backbone.",
)
preset_option = click.option(
    "--preset", metavar="NAME", help=f"Sizes by name: {', '.join(PRESETS)}. A size given beside it takes precedence."
)


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> None:
    """Load defaults from a TOML file; explicit flags take precedence."""
    if path is None:
        return
    values = read_toml(path, "--config")
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
run_options = _all(
    click.option("--out", required=True, metavar="RUN", help="The run folder to write."),
    click.option("--resume", is_flag=True, help="Continue the interrupted run in RUN."),
)


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the options that were given: a flag's default would take precedence over a preset or an encoder.

    An architecture may be written with hyphens.
    """
    source = click.get_current_context().get_parameter_source
    chosen = {name: value for name, value in options.items() if source(name) is not ParameterSource.DEFAULT}
    if "architecture" in chosen:
        chosen["architecture"] = chosen["architecture"].replace("-", "_")
    return chosen
