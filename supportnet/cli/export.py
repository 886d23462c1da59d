"""`supportnet export` and `supportnet index`: what TensorFlow Serving loads."""

from typing import Any

import click

from supportnet.cli.common import naming_flags, print_result, start_tensorflow, writing_to
from supportnet.cli.options import bank_options, json_option, min_score_option, read_bank, version_options
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tasks.registry import DEFAULT, get_task
from supportnet.tasks.suggest import TASK as SUGGEST
from supportnet.training.run_folder import is_run, tasks_of


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.argument("out", metavar="saved_models/NAME")
@click.option("--bank", metavar="NAME|PATH", help="For a run that suggests: a file of answers, or a source's replies.")
@bank_options
@min_score_option
@click.option(
    "--beam", type=click.IntRange(min=1), help="Beginnings of a reply that are followed at a time.  [default: 1]"
)
@version_options
@json_option
def export(
    runs: tuple[str, ...], out: str, bank: str | None, min_score: float, beam: int | None, as_json: bool, **options: Any
) -> None:
    """Write runs as one SavedModel that TensorFlow Serving loads: one of each task, or of those that there are.

    \b
    supportnet export runs/sample saved_models/support
    supportnet export runs/sample saved_models/support --version 7
    supportnet export runs/replies saved_models/replies --beam 4
    supportnet export runs/intents runs/answers runs/replies saved_models/support --bank answers.csv --keep 3
    supportnet export runs/support saved_models/support --bank answers.csv

    The last one is of a run of several tasks (`train --task classify,suggest,reply`). Tasks that read messages alike
    share what reads them: it is stored once.
    """
    # Where there is no run at all, loading it says so.
    parts = [(get_task(task), run) for run in runs for task in tasks_of(run) or (DEFAULT,)]
    for task, run in parts:
        if task.takes_bank and bank is None:
            raise UserError(f"{run} suggests answers: name a file of them with --bank.")
    if beam is not None and not any("beam" in task.export_options for task, _ in parts):
        raise UserError(f"--beam is for models that write replies. {runs[0]} is none.")
    version = {name: options.pop(name) for name in ("version", "overwrite", "keep")}
    answers = None if bank is None else read_bank(bank, options)
    start_tensorflow()
    from supportnet.serving.saved_models import export as export_models
    from supportnet.serving.verify.static_checks import SavedModelFiles
    from supportnet.tasks.train import load

    models = [load(run, task.name) for task, run in parts]
    with naming_flags(), writing_to(out):
        folder = export_models(models, out, bank=answers, min_score=min_score, beam=beam or 1, **version)
    signatures = list(SavedModelFiles(folder).signatures)
    found = {"model": str(folder), "version": int(folder.name), "signatures": signatures}
    print_result(as_json, found, [f"wrote {folder}"])


@click.command()
@click.argument("model", metavar="RUN|MODEL")
@click.option("--bank", required=True, metavar="NAME|PATH", help="A file of answers, or a data source's replies.")
@bank_options
@click.option("--out", required=True, metavar="saved_models/NAME", help="The served model's folder.")
@version_options
@min_score_option
@click.option("--faiss", metavar="FILE", help="Write the answers' vectors to a FAISS file as well.")
@json_option
def index(model: str, bank: str, out: str, min_score: float, faiss: str | None, as_json: bool, **options: Any) -> None:
    """Write a suggestion model with a bank of answers inside, for TensorFlow Serving. Nothing is trained.

    RUN is a run of `train --task suggest`; MODEL is an exported model that suggests, whose answers are replaced and
    which goes on doing all else that it does.

    \b
    supportnet index runs/answers --bank answers.csv --out saved_models/answers
    supportnet index saved_models/answers --bank new_answers.csv --out saved_models/answers --keep 3
    supportnet index runs/star --bank star --data-dir downloads --out saved_models/star --faiss star.faiss
    """
    answers = read_bank(bank, options)
    start_tensorflow()
    from supportnet.serving.saved_models import import_faiss, write_faiss
    from supportnet.serving.saved_models import index as write_index
    from supportnet.serving.verify.static_checks import SavedModelFiles
    from supportnet.tasks.suggest.serve import BANK, ExportedSuggester
    from supportnet.tasks.train import load

    if faiss:
        import_faiss()
    loaded = load(model, SUGGEST.name) if is_run(model) else ExportedSuggester(model)
    with naming_flags(), writing_to(out):
        folder = write_index(loaded, answers, out, min_score=min_score, **options)
    if faiss:
        with writing_to(faiss):
            write_faiss(ExportedSuggester(folder), faiss)
    kept = read_json(folder / BANK)["answers"]
    found = {
        "model": str(folder),
        "version": int(folder.name),
        "entries": len(answers.answers),
        "answers": kept,
        "signatures": list(SavedModelFiles(folder).signatures),
        "faiss": faiss,
    }
    lines = [f"wrote {folder}: {kept} answers of {len(answers.answers)} entries, near-duplicates once"]
    print_result(as_json, found, lines + ([f"wrote {faiss} and {faiss}.ids.json"] if faiss else []))
