"""`supportnet export`."""

import click

from supportnet.cli.common import json_option, print_json, start_tensorflow, version_options, writing_to
from supportnet.errors import UserError


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("out", metavar="saved_models/NAME")
@version_options
@json_option
def export(run: str, out: str, version: int | None, overwrite: bool, as_json: bool) -> None:
    """Write a run's model as a SavedModel that TensorFlow Serving loads.

    \b
    supportnet export runs/sample saved_models/support
    supportnet export runs/sample saved_models/support --version 7
    """
    start_tensorflow()
    from supportnet.serving.export import export as export_model
    from supportnet.training.run import load_run
    from supportnet.training.task import task_of

    if task_of(run) == "suggest":
        raise UserError(f"{run} suggests answers: write it with `supportnet index {run} --bank FILE --out {out}`.")
    model = load_run(run)
    with writing_to(out):
        folder = export_model(model, out, version=version, overwrite=overwrite)
    if as_json:
        print_json({"model": str(folder), "version": int(folder.name), "signatures": ["classify", "embed"]})
    else:
        click.echo(f"wrote {folder}")
