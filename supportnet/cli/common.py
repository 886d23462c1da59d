"""Options and output that commands share."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from supportnet.errors import UserError
from supportnet.startup import start_tensorflow as start_tensorflow  # the commands have it from here
from supportnet.tables import table_lines

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")

_DATA: dict[str, Any] = {"metavar": "NAME|PATH", "help": "A source of `data list`, or a CSV, TSV or JSONL file."}
data_option = click.option("--data", **_DATA)
_required_data_option = click.option("--data", required=True, **_DATA)

#: Argument of `supportnet.load` -> the option that says it.
_LOAD_OPTIONS = {
    "data_dir": click.option(
        "--data-dir", metavar="DIR", help="Read the files in DIR/NAME instead of downloading them."
    ),
    "train_oos": click.option(
        "--train-oos",
        is_flag=True,
        help="Train on CLINC150's out-of-scope messages, as an intent of their own.",
    ),
    "context_turns": click.option(
        "--context-turns",
        type=int,
        metavar="N",
        help="Turns of the conversation that a message of star holds, the newest first.  [default: 3]",
    ),
    "text_column": click.option("--text-column", metavar="NAME", help="Column of the messages in a file."),
    "label_column": click.option("--label-column", metavar="NAME", help="Column of the intents."),
    "reply_column": click.option(
        "--reply-column", metavar="NAME", help="Column of the replies; intents may be missing then."
    ),
    "attribute_columns": click.option(
        "--attribute-columns",
        metavar="NAME[,NAME...]",
        callback=lambda _context, _option, names: names and [name.strip() for name in names.split(",")],
        help="Columns of further labels, such as the priority; intents may be missing then.",
    ),
    "split_column": click.option("--split-column", metavar="NAME", help="Column that says train, validation or test."),
    "delimiter": click.option("--delimiter", metavar="CHAR", help="Delimiter of a CSV file, if it can't be seen."),
    "encoding": click.option("--encoding", default="utf-8", show_default=True, help="Encoding of a file."),
}
#: Those that have nothing to say where labels aren't read.
_ABOUT_LABELS = ("train_oos", "label_column", "reply_column", "attribute_columns")


def reading_options(command: Command, names: Iterable[str]) -> Command:
    """Add the options of `supportnet.load` with these names."""
    for name in reversed(list(names)):
        command = _LOAD_OPTIONS[name](command)
    return command


def load_options(command: Command) -> Command:
    """Add the options that say how to read a data source."""
    return reading_options(command, _LOAD_OPTIONS)


def text_options(command: Command) -> Command:
    """Add the options that say how to read messages without labels."""
    return reading_options(command, [name for name in _LOAD_OPTIONS if name not in _ABOUT_LABELS])


def data_options(command: Command) -> Command:
    """Add the options that say which data to read, and how."""
    return _required_data_option(load_options(command))


def version_options(command: Command) -> Command:
    """Add which version of a served model to write."""
    overwrite = click.option("--overwrite", is_flag=True, help="Replace a version that is there.")
    number = click.option(
        "--version", type=click.IntRange(min=1), help="Number of the version; one above the highest if not given."
    )
    keep = click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Then remove all but the N newest.")
    return number(overwrite(keep(command)))


def load_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """Take the arguments of `supportnet.load` out of a command's options."""
    return {name: options.pop(name) for name in _LOAD_OPTIONS if name in options}


def print_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    # ASCII, so that it can be printed whatever the terminal's encoding is.
    click.echo(json.dumps(value))


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print dictionaries with the same keys as a table; see `table_lines`."""
    for line in table_lines(rows):
        click.echo(line)


@contextmanager
def naming_flags() -> Iterator[None]:
    """Begin an error about an option with its flag: `num_heads must be ...` -> `--num-heads must be ...`."""
    try:
        yield
    except UserError as error:
        name, _, rest = str(error).partition(" ")
        flags = {option.name: option.opts[0] for option in click.get_current_context().command.params}
        raise UserError(f"{flags.get(name, name)} {rest}" if rest.startswith("must ") else str(error)) from None


@contextmanager
def writing_to(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the file system says (a full disk, no permission) into one line that names the path."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or path} can't be written: {error.strerror or error}.") from None
