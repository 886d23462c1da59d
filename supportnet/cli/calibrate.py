"""`supportnet calibrate`."""

from dataclasses import asdict
from typing import Any

import click

from supportnet.cli.common import naming_flags, print_result, start_tensorflow, task_that, writing_to
from supportnet.cli.options import data_options, json_option, load_arguments, promise_flags, version_options
from supportnet.training.run_folder import is_run


@click.command()
@click.argument("model", metavar="RUN|MODEL")
@data_options
@click.option("--split", default="test", help="Which split to calibrate on; a file without splits is taken whole.")
@promise_flags
@click.option(
    "--out", required=True, metavar="RUN|saved_models/NAME", help="The run folder, or served model, to write."
)
@version_options
@json_option
def calibrate(
    model: str,
    data: str,
    split: str,
    precision: float,
    out_of_scope_share: float | None,
    out: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Fit temperature and thresholds anew, on recent labelled messages. Nothing is trained.

    RUN is a run of `train`; MODEL is an exported model, of which another version is written. What no intent covers is
    labelled out_of_scope in --data. The messages must be ones that the model hasn't learned.

    \b
    supportnet calibrate runs/tickets --data october.csv --out runs/october
    supportnet calibrate runs/tickets --data october.csv --precision 0.97 --out-of-scope-share 0.3 --out runs/october
    supportnet calibrate saved_models/tickets --data october.csv --out saved_models/tickets --keep 3
    """
    reading = load_arguments(options)
    task = task_that("recalibrates", model)
    dataset = task.load_data(data, **reading)
    tickets = dataset["all" if "all" in dataset.splits else split]
    start_tensorflow()
    from supportnet.serving.saved_models import calibrate as write_version
    from supportnet.tasks.train import copy_calibrated

    loaded = task.load(model)
    with naming_flags():
        fitted = task.recalibrate(loaded, tickets, precision=precision, out_of_scope_share=out_of_scope_share)
    before = asdict(getattr(loaded, task.fitted))
    with naming_flags(), writing_to(out):
        if is_run(model):
            setattr(loaded, task.fitted, fitted)
            copy_calibrated(model, loaded, out, tickets)
            written = out
        else:
            written = str(write_version(loaded, fitted, out, **options))
    value = {"task": task.name, "out": written, **task.report(loaded, {}), "before": before}
    value.pop("validation")
    print_result(as_json, value, [*task.describe_fitted(asdict(fitted)), f"wrote {written}"])
