"""`supportnet evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supportnet.cli.against import print_comparison
from supportnet.cli.common import (
    data_option,
    json_option,
    load_arguments,
    load_options,
    one_line,
    print_json,
    print_table,
    start_tensorflow,
    writing_to,
)
from supportnet.cli.evaluate_reply import evaluate_replies
from supportnet.cli.evaluate_suggest import evaluate_suggestions
from supportnet.errors import UserError
from supportnet.tasks.names import TASKS

if TYPE_CHECKING:
    from supportnet.tasks.classify.evaluate import Classifier


@click.command()
@click.argument("model", metavar="RUN|MODEL")
@data_option
@load_options
@click.option(
    "--split",
    default="test",
    show_default=True,
    help="Which split to score; a file without splits is scored whole.",
)
@click.option("--task", type=click.Choice(TASKS), help="What the model does; as trained.")
@click.option("--plots", metavar="DIR", help="Draw reliability.png and risk_coverage.png into DIR.")
@click.option("--bank", metavar="PATH", help="Suggest: answers to search; the training replies if not given.")
@click.option("--queries", metavar="PATH", help="Suggest: queries with the ids of their right answers in --bank.")
@click.option("--beam", type=click.IntRange(min=1), help="Reply: beginnings that are followed at a time.  [default: 1]")
@click.option("--against", metavar="RUN|MODEL", help="Compare with another run or exported model, on the same data.")
@json_option
def evaluate(
    model: str,
    data: str | None,
    split: str,
    task: str | None,
    plots: str | None,
    bank: str | None,
    queries: str | None,
    beam: int | None,
    against: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Score a run or an exported model on labelled messages.

    \b
    supportnet evaluate runs/sample --data sample
    supportnet evaluate runs/sample --data sample --plots plots
    supportnet evaluate saved_models/tickets/1 --data held_out.csv --label-column topic --json
    supportnet evaluate runs/new --data held_out.csv --against saved_models/tickets
    supportnet evaluate runs/star --data star --task suggest --data-dir downloads
    supportnet evaluate runs/answers --bank answers.csv --queries queries.csv
    supportnet evaluate runs/replies --data star --data-dir downloads --beam 4
    supportnet evaluate runs/support --task reply --data held_out.csv

    The last one is of a run of several tasks.
    """
    from supportnet.data import load
    from supportnet.training.task import tasks_of

    reading = load_arguments(options)
    known = tasks_of(model)
    if len(known) > 1 and task is None:
        raise UserError(f"{model} has several tasks: name one with --task, {' or '.join(known)}.")
    task = task or next(iter(known), None)
    if task == "suggest":
        _check_unused(against=against, plots=plots, beam=beam)
        evaluate_suggestions(model, data, split, bank, queries, as_json, reading)
        return
    _check_unused(bank=bank, queries=queries)
    if data is None:
        raise UserError("--data is missing: name the labelled messages.")
    if task == "reply":
        _check_unused(against=against, plots=plots)
        evaluate_replies(model, data, split, beam, as_json, reading)
        return
    _check_unused(beam=beam)
    dataset = load(data, **reading)
    tickets = dataset["all" if "all" in dataset.splits else split]
    if plots is not None:
        # Before minutes are spent on what can't be drawn then.
        with writing_to(plots):
            Path(plots).mkdir(parents=True, exist_ok=True)
    start_tensorflow()
    from supportnet.tasks.classify.against import compare_models
    from supportnet.tasks.classify.evaluate import evaluate_model

    loaded, other = load_model(model), load_model(against) if against else None
    figures = {**evaluate_model(loaded, tickets, plots), "plots": plots}
    if other is not None:
        figures["against"] = compare_models(loaded, other, tickets)
    if as_json:
        print_json(figures)
        return
    _print(figures)
    if plots:
        click.echo(f"\nwrote reliability.png and risk_coverage.png to {plots}")
    if against:
        print_comparison(figures["against"], against)


def _check_unused(**options: str | int | None) -> None:
    for name, value in options.items():
        if value is not None:
            raise UserError(f"--{name} says nothing for what this model does.")


def load_model(path: str) -> "Classifier":
    """Load a run folder or an exported model, whichever `path` is."""
    from supportnet.savedmodel.load import ExportedModel
    from supportnet.tasks.classify.run import is_run, load_run

    return load_run(path) if is_run(path) else ExportedModel(path)


def _print(figures: dict[str, Any], most: int = 10) -> None:
    for name in ("accuracy", "macro_f1", "top5_accuracy"):
        click.echo(f"{name:<26}{figures[name]:.4f}")
    click.echo(f"{'milliseconds_per_message':<26}{figures['milliseconds_per_message']:.2f}")
    click.echo(f"{'num_examples':<26}{figures['num_examples']} (and {figures['num_out_of_scope']} out of scope)")
    if figures["out_of_scope_recall"] is not None:
        click.echo(f"{'out_of_scope_recall':<26}{figures['out_of_scope_recall']:.4f}")
    _print_confidence(figures)
    for title, rows in (
        ("the weakest intents", figures["per_intent"]),
        ("the most confused", figures["confusions"]),
        ("the most confident errors", figures["errors"]),
    ):
        if rows:
            click.echo(f"\n{title}")
            print_table([{name: one_line(value) for name, value in row.items()} for row in rows[:most]])


def _print_confidence(figures: dict[str, Any]) -> None:
    perfect, uncalibrated = figures["ece_perfect"], figures["ece_uncalibrated"]
    click.echo(f"{'ece':<26}{figures['ece']:.4f} (uncalibrated {uncalibrated:.4f}, perfect calibration {perfect:.4f})")
    if figures["oos_auroc"] is not None:
        click.echo(f"{'oos_auroc':<26}{figures['oos_auroc']:.4f} (false positives at 95%: {figures['oos_fpr95']:.4f})")
    if figures["promised_precision"] is None:
        click.echo("nothing is routed: the model was trained without validation data")
        return
    promised, precision = figures["promised_precision"], figures["precision_at_threshold"]
    right = "none" if precision is None else f"{precision:.1%} of them right"
    click.echo(
        f"{'coverage_at_precision':<26}{figures['coverage_at_precision']:.4f} ({right}, {promised:.1%} promised; "
        f"{figures['out_of_scope_share']:.1%} out of scope; best possible {figures['oracle_coverage']:.4f})"
    )
