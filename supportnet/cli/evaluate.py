"""`supportnet evaluate`."""

from typing import Any

import click

from supportnet.cli.common import print_result
from supportnet.cli.options import data_option, flag, json_option, load_arguments, load_options
from supportnet.errors import UserError
from supportnet.tasks.registry import DEFAULT, NAMES, get_task
from supportnet.training.run_folder import tasks_of


@click.command()
@click.argument("model", metavar="RUN|MODEL")
@data_option
@load_options
@click.option("--split", default="test", help="Which split to score; a file without splits is scored whole.")
@click.option("--task", type=click.Choice(NAMES), help="Which task of a run of several; as trained by default.")
@click.option("--plots", metavar="DIR", help="Classify: draw reliability.png and risk_coverage.png into DIR.")
@click.option("--bank", metavar="PATH", help="Suggest: answers to search; the training replies by default.")
@click.option("--queries", metavar="PATH", help="Suggest: queries with the ids of their right answers in --bank.")
@click.option("--beam", type=click.IntRange(min=1), help="Reply: beginnings that are followed at a time.  [default: 1]")
@click.option("--against", metavar="RUN|MODEL", help="Classify: compare with another run or exported model.")
@click.option(
    "--baseline",
    metavar="NAME|PATH",
    help="Classify: the training messages, to fit baselines to; by default those of a run, where they still lie.",
)
@click.option("--no-baseline", is_flag=True, default=None, help="Classify: fit no baselines.")
@json_option
def evaluate(model: str, data: str | None, split: str, task: str | None, as_json: bool, **options: Any) -> None:
    """Score a run or an exported model on labelled messages.

    \b
    supportnet evaluate runs/sample --data sample
    supportnet evaluate runs/sample --data sample --plots plots
    supportnet evaluate saved_models/tickets/1 --data held_out.csv --label-column topic --json
    supportnet evaluate runs/new --data held_out.csv --against saved_models/tickets
    supportnet evaluate saved_models/tickets --data held_out.csv --baseline tickets.csv
    supportnet evaluate runs/star --data star --task suggest --data-dir downloads
    supportnet evaluate runs/answers --bank answers.csv --queries queries.csv
    supportnet evaluate runs/replies --data star --data-dir downloads --beam 4
    supportnet evaluate runs/support --task reply --data held_out.csv

    The last one is of a run of several tasks.
    """
    reading = load_arguments(options)
    known = tasks_of(model)
    if len(known) > 1 and task is None:
        raise UserError(f"{model} has several tasks: name one with --task, {' or '.join(known)}.")
    kind = get_task(task or next(iter(known), DEFAULT))
    chosen = {name: value for name, value in options.items() if value is not None}
    if {"baseline", "no_baseline"} <= set(chosen):
        raise UserError("--baseline and --no-baseline exclude each other.")
    for name in chosen:
        if name not in kind.evaluate_options:
            raise UserError(f"{flag(name)} does not apply to models of the task {kind.name}.")
    figures = kind.evaluation(model, data, split, reading, **chosen)
    print_result(as_json, figures, kind.describe_evaluation(figures))
