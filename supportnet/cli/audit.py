"""`supportnet audit`."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import naming_flags, print_result, writing_to
from supportnet.cli.options import data_options, json_option, load_arguments
from supportnet.data import load
from supportnet.errors import UserError
from supportnet.files import written_whole
from supportnet.tables import one_line, table_lines

#: What `--out` writes of a label.
COLUMNS = ("kind", "row", "text", "intent", "suggested_intent", "suggested_probability", "probability")


@click.command()
@data_options
@click.option("--split", default="train", help="Which split to check; a file without splits is checked whole.")
@click.option("--folds", type=int, default=5, help="Parts of the cross-validation.")
@click.option("--seed", type=int, default=0, help="Of the folds.")
@click.option("--out", metavar="FILE", help="Write every doubtful label to a CSV file.")
@click.option("--top", type=click.IntRange(min=1), default=20, help="How many to print, at most.")
@json_option
def audit(
    data: str, split: str, folds: int, seed: int, out: str | None, top: int, as_json: bool, **options: Any
) -> None:
    """List messages whose label is doubtful: a model that didn't see the message is confident of another intent, or
    the same message stands there with another label.

    The model is a linear one, fitted once a fold in seconds. Read the list and decide: it doesn't know who is right.
    Personal data in the messages is redacted. Rows are counted from 1 within the split.

    \b
    supportnet audit --data tickets.csv --label-column topic
    supportnet audit --data banking77 --data-dir downloads --out doubts.csv
    """
    from supportnet.tasks.classify.audit import find_doubtful_labels

    if out and Path(out).is_dir():
        raise UserError(f"--out {out} is a folder: name a file.")
    dataset = load(data, **load_arguments(options))
    tickets = dataset["all" if "all" in dataset.splits else split]
    with naming_flags():
        report = find_doubtful_labels(tickets, folds, seed)
    if out:
        _write(report["labels"], out)
    print_result(as_json, {**report, "out": out}, _lines(report, top, out))


def _write(labels: list[dict[str, Any]], path: str) -> None:
    with writing_to(path), written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(labels)


def _lines(report: dict[str, Any], top: int, out: str | None) -> Iterator[str]:
    yield f"{report['num_messages']} messages, {report['num_intents']} intents checked"
    yield f"{100 * report['accuracy']:.1f}% of the labels are those that the model gives"
    for name, problem in (
        ("unchecked_intents", "not checked, because they have fewer than two different messages"),
        ("small_intents", "checked with less certainty, because they have fewer messages than folds"),
    ):
        if report[name]:
            yield f"{problem}: {', '.join(report[name])}"
    yield f"{report['num_conflicts']} conflicts (the same message with different labels)"
    yield f"{report['num_doubts']} doubts (the model is confident of another intent)"
    for title, kind in (("conflicts", "conflict"), ("the widest doubts", "doubt")):
        rows = [_row(label) for label in report["labels"] if label["kind"] == kind][:top]
        if rows:
            yield f"\n{title}"
            yield from table_lines(rows)
    if out:
        yield f"\nwrote {len(report['labels'])} labels to {out}"


def _row(label: dict[str, Any]) -> dict[str, Any]:
    """What a table shows of a label; a conflict has no probabilities."""
    return {
        "row": label["row"],
        "intent": label["intent"],
        "suggested": label["suggested_intent"],
        **({"margin": label["suggested_probability"] - label["probability"]} if label["kind"] == "doubt" else {}),
        "text": one_line(label["text"]),
    }
