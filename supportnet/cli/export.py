"""`supportnet export`."""

from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import json_option, print_json, start_tensorflow, version_options, writing_to
from supportnet.errors import UserError


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("out", metavar="saved_models/NAME")
@click.option(
    "--beam", type=click.IntRange(min=1), help="Beginnings of a reply that are followed at a time.  [default: 1]"
)
@version_options
@json_option
def export(run: str, out: str, beam: int | None, version: int | None, overwrite: bool, as_json: bool) -> None:
    """Write a run's model as a SavedModel that TensorFlow Serving loads.

    \b
    supportnet export runs/sample saved_models/support
    supportnet export runs/sample saved_models/support --version 7
    supportnet export runs/replies saved_models/replies --beam 4
    """
    from supportnet.training.task import task_of

    task = task_of(run)
    if task == "suggest":
        raise UserError(f"{run} suggests answers: write it with `supportnet index {run} --bank FILE --out {out}`.")
    if beam is not None and task != "reply":
        raise UserError(f"--beam is for models that write replies. {run} is none.")
    start_tensorflow()
    write = _export_replies if task == "reply" else _export_classifier
    folder, signatures = write(run, out, {"version": version, "overwrite": overwrite}, beam)
    if as_json:
        print_json({"model": str(folder), "version": int(folder.name), "signatures": signatures})
    else:
        click.echo(f"wrote {folder}")


def _export_classifier(run: str, out: str, options: dict[str, Any], _: int | None) -> tuple[Path, list[str]]:
    from supportnet.serving.export import export as export_model
    from supportnet.training.run import load_run

    model = load_run(run)
    with writing_to(out):
        return export_model(model, out, **options), ["classify", "embed"]


def _export_replies(run: str, out: str, options: dict[str, Any], beam: int | None) -> tuple[Path, list[str]]:
    from supportnet.serving.replies import SIGNATURES, export_replies
    from supportnet.training.reply_run import load_replier

    model = load_replier(run)
    with writing_to(out):
        return export_replies(model, out, beam=beam or 1, **options), sorted(SIGNATURES)
