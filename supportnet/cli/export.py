"""`supportnet export`."""

from typing import Any

import click

from supportnet.cli.bank_options import bank_options, min_score_option, read_bank
from supportnet.cli.common import json_option, naming_flags, print_json, start_tensorflow, version_options, writing_to
from supportnet.errors import UserError
from supportnet.tasks import DEFAULT, get_task


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
    runs: tuple[str, ...],
    out: str,
    bank: str | None,
    data_dir: str | None,
    min_score: float,
    beam: int | None,
    as_json: bool,
    **options: Any,
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
    parts = [(get_task(task), run) for run in runs for task in _tasks(run)]
    for task, run in parts:
        if task.takes_bank and bank is None:
            raise UserError(f"{run} suggests answers: name a file of them with --bank.")
    if beam is not None and not any("beam" in task.export_options for task, _ in parts):
        raise UserError(f"--beam is for models that write replies. {runs[0]} is none.")
    version = {name: options.pop(name) for name in ("version", "overwrite", "keep")}
    answers = None if bank is None else read_bank(bank, data_dir, options)
    start_tensorflow()
    from supportnet.serving.saved_models import export as export_models
    from supportnet.serving.verify.static_checks import SavedModelFiles
    from supportnet.tasks.train import load

    models = [load(run, task.name) for task, run in parts]
    with naming_flags(), writing_to(out):
        folder = export_models(models, out, bank=answers, min_score=min_score, beam=beam or 1, **version)
    if as_json:
        signatures = list(SavedModelFiles(folder).signatures)
        print_json({"model": str(folder), "version": int(folder.name), "signatures": signatures})
    else:
        click.echo(f"wrote {folder}")


def _tasks(run: str) -> tuple[str, ...]:
    from supportnet.training.run_folder import tasks_of

    # Where there is no run at all, loading it says so.
    return tasks_of(run) or (DEFAULT,)
