"""`supportnet drift`."""

from typing import Any

import click

from supportnet.cli.common import print_result
from supportnet.cli.options import json_option, load_arguments, text_options
from supportnet.errors import UserError
from supportnet.tasks.registry import DEFAULT, all_tasks, get_task
from supportnet.training.run_folder import tasks_of


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
    known = tasks_of(model) or (DEFAULT,)
    able = [task.name for task in all_tasks() if task.finds_drift]
    task = next((name for name in known if name in able), None)
    if task is None:
        received = ", ".join(known)
        raise UserError(
            f"{model} must hold a run of the task {' or '.join(able)}. Received: one of the task {received}"
        )
    kind = get_task(task)
    report = kind.drift(model, data, reference, reading, **options)
    print_result(as_json, report, kind.describe_drift(report))
