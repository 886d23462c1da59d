"""Options that say which answers there are, and how to read them."""

from typing import TYPE_CHECKING, Any

import click

from supportnet.cli.common import reading_options
from supportnet.cli.options import flag
from supportnet.tasks.task import ExportOptions

if TYPE_CHECKING:
    from supportnet.data import Bank

#: Columns of a bank: argument of `load_bank` -> help.
_COLUMNS = {
    "id_column": "Column of the answers' ids; rows are numbered where there is none.",
    "text_column": "Column of the answers.",
    "title_column": "Column of titles or questions.",
    "tags_column": "Column of the tags.",
    "language_column": "Column of the languages.",
    "uses_column": "Column that says how often an answer was sent.",
}

min_score_option = click.option(
    "--min-score",
    type=float,
    default=ExportOptions.min_score,
    show_default=True,
    help="Least score of a first suggestion.",
)
_data_dir = click.option(
    "--data-dir", metavar="DIR", help="Where the bank is a data source: read DIR/NAME, don't download."
)


def bank_options(command: Any) -> Any:
    """Add the options that say how to read a bank, and where a data source lies that is one."""
    command = reading_options(_data_dir(command), ["delimiter", "encoding"])
    for name, text in reversed(_COLUMNS.items()):
        command = click.option(flag(name), name, metavar="NAME", help=text)(command)
    return command


def read_bank(name_or_path: str, data_dir: str | None, columns: dict[str, Any]) -> "Bank":
    """Read a bank from a file, or from the training replies of a data source."""
    from supportnet.data import bank_of_replies, is_source, load, load_bank

    if not is_source(name_or_path):
        return load_bank(name_or_path, **columns)
    dataset = load(name_or_path, data_dir=data_dir)
    return bank_of_replies(name_or_path, dataset["train"])
