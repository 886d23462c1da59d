"""`supportnet drift`."""

from typing import Any

import click

from supportnet.cli.common import print_result, task_that
from supportnet.cli.options import json_option, load_arguments, text_options


@click.command()
@click.argument("model", metavar="RUN")
@click.option(
    "--data", required=True, metavar="NAME|PATH", help="Recent messages, as a file or a source of `data list`."
)
@click.option("--reference", metavar="NAME|PATH", help="Compare with these messages, not with those of the training.")
@text_options
@click.option("--most", type=click.IntRange(min=0), default=10, help="How many of the most unlike messages to list.")
@click.option("--plots", metavar="DIR", help="Draw drift.png into DIR.")
@json_option
def drift(model: str, data: str, reference: str | None, as_json: bool, **options: Any) -> None:
    """Tell whether recent messages are still like those that a run was trained with. They need no labels.

    Compared are the messages in scope, those that can be routed, the known words, the confidence, and the intents.
    Personal data in the messages that are listed is redacted. Where data has splits, that for training is read.

    \b
    supportnet drift runs/tickets --data last_week.csv
    supportnet drift runs/tickets --data last_week.csv --plots plots --json
    supportnet drift runs/tickets --data june.csv --reference may.csv
    supportnet drift saved_models/tickets --data june.csv --reference may.csv

    The last one is an exported model, which has no summary of its training to compare with.
    """
    reading = load_arguments(options)
    task = task_that("finds_drift", model)
    report = task.drift(model, data, reference, reading, **options)
    print_result(as_json, report, task.describe_drift(report))
