"""`supportnet index`."""

from typing import Any

import click

from supportnet.cli.bank_options import bank_options, min_score_option, read_bank
from supportnet.cli.common import json_option, naming_flags, print_json, start_tensorflow, version_options, writing_to
from supportnet.files import read_json
from supportnet.tasks.suggest import TASK as SUGGEST


@click.command()
@click.argument("model", metavar="RUN|MODEL")
@click.option("--bank", required=True, metavar="NAME|PATH", help="A file of answers, or a data source's replies.")
@bank_options
@click.option("--out", required=True, metavar="saved_models/NAME", help="The served model's folder.")
@version_options
@min_score_option
@click.option("--faiss", metavar="FILE", help="Write the answers' vectors to a FAISS file as well.")
@json_option
def index(
    model: str,
    bank: str,
    data_dir: str | None,
    out: str,
    version: int | None,
    overwrite: bool,
    keep: int | None,
    min_score: float,
    faiss: str | None,
    as_json: bool,
    **columns: Any,
) -> None:
    """Write a suggestion model with a bank of answers inside, for TensorFlow Serving. Nothing is trained.

    RUN is a run of `train --task suggest`; MODEL is an exported model that suggests, whose answers are replaced and
    which goes on doing all else that it does.

    \b
    supportnet index runs/answers --bank answers.csv --out saved_models/answers
    supportnet index saved_models/answers --bank new_answers.csv --out saved_models/answers --keep 3
    supportnet index runs/star --bank star --data-dir downloads --out saved_models/star --faiss star.faiss
    """
    answers = read_bank(bank, data_dir, columns)
    start_tensorflow()
    from supportnet.serving.saved_models import import_faiss, write_faiss
    from supportnet.serving.saved_models import index as write_index
    from supportnet.serving.verify.static_checks import SavedModelFiles
    from supportnet.tasks.suggest.serve import BANK, ExportedSuggester
    from supportnet.tasks.train import load
    from supportnet.training.run_folder import is_run

    if faiss:
        import_faiss()
    loaded = load(model, SUGGEST.name) if is_run(model) else ExportedSuggester(model)
    with naming_flags(), writing_to(out):
        folder = write_index(loaded, answers, out, version, overwrite, min_score=min_score, keep=keep)
    if faiss:
        with writing_to(faiss):
            write_faiss(ExportedSuggester(folder), faiss)
    kept = read_json(folder / BANK)["answers"]
    if as_json:
        signatures = list(SavedModelFiles(folder).signatures)
        found = {"entries": len(answers.answers), "answers": kept, "signatures": signatures, "faiss": faiss}
        print_json({"model": str(folder), "version": int(folder.name), **found})
        return
    click.echo(f"wrote {folder}: {kept} answers of {len(answers.answers)} entries, near-duplicates once")
    if faiss:
        click.echo(f"wrote {faiss} and {faiss}.ids.json")
