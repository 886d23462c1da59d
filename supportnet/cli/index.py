"""`supportnet index`."""

from typing import TYPE_CHECKING, Any

import click

from supportnet.cli.common import (
    json_option,
    naming_flags,
    print_json,
    reading_options,
    start_tensorflow,
    version_options,
    writing_to,
)
from supportnet.cli.training_options import flag

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


def bank_options(command: Any) -> Any:
    """Add the options that say how to read a bank."""
    command = reading_options(command, ["delimiter", "encoding"])
    for name, text in reversed(_COLUMNS.items()):
        command = click.option(flag(name), name, metavar="NAME", help=text)(command)
    return command


@click.command()
@click.argument("model", metavar="RUN|MODEL")
@click.option("--bank", required=True, metavar="NAME|PATH", help="A file of answers, or a data source's replies.")
@click.option("--data-dir", metavar="DIR", help="Where the bank is a data source: read DIR/NAME, don't download.")
@bank_options
@click.option("--out", required=True, metavar="saved_models/NAME", help="The served model's folder.")
@version_options
@click.option("--min-score", type=float, default=0.1, show_default=True, help="Least score of a first suggestion.")
@click.option("--faiss", metavar="FILE", help="Write the answers' vectors to a FAISS file as well.")
@json_option
def index(
    model: str,
    bank: str,
    data_dir: str | None,
    out: str,
    version: int | None,
    overwrite: bool,
    min_score: float,
    faiss: str | None,
    as_json: bool,
    **columns: Any,
) -> None:
    """Write a suggestion model with a bank of answers inside, for TensorFlow Serving. Nothing is trained.

    RUN is a run of `train --task suggest`; MODEL is what this command wrote before, whose answers are replaced.

    \b
    supportnet index runs/answers --bank answers.csv --out saved_models/answers
    supportnet index saved_models/answers --bank new_answers.csv --out saved_models/answers
    supportnet index runs/star --bank star --data-dir downloads --out saved_models/star --faiss star.faiss
    """
    answers = read_bank(bank, data_dir, columns)
    start_tensorflow()
    from supportnet.models.exported_model import ExportedSuggester
    from supportnet.serving.faiss_file import import_faiss, write_faiss
    from supportnet.serving.suggestions import SIGNATURES
    from supportnet.serving.suggestions import index as write_index
    from supportnet.training.run import is_run
    from supportnet.training.suggestion_run import load_suggester

    if faiss:
        import_faiss()
    loaded = load_suggester(model) if is_run(model) else ExportedSuggester(model)
    with naming_flags(), writing_to(out):
        folder = write_index(loaded, answers, out, version, overwrite, min_score)
    written = ExportedSuggester(folder)
    kept = len(written.bank.ids.numpy())
    if faiss:
        with writing_to(faiss):
            write_faiss(written, faiss)
    if as_json:
        found = {"entries": len(answers.answers), "answers": kept, "signatures": list(SIGNATURES), "faiss": faiss}
        print_json({"model": str(folder), "version": int(folder.name), **found})
        return
    click.echo(f"wrote {folder}: {kept} answers of {len(answers.answers)} entries, near-duplicates once")
    if faiss:
        click.echo(f"wrote {faiss} and {faiss}.ids.json")


def read_bank(name_or_path: str, data_dir: str | None, columns: dict[str, Any]) -> "Bank":
    """Read a bank from a file, or from the training replies of a data source."""
    from supportnet.data import bank_of_replies, is_source, load, load_bank

    if not is_source(name_or_path):
        return load_bank(name_or_path, **columns)
    dataset = load(name_or_path, data_dir=data_dir)
    return bank_of_replies(name_or_path, dataset["train"])
