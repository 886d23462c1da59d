"""`supportnet train` of several tasks at once."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from supportnet.cli.common import load_replies, naming_flags, print_json, start_tensorflow, writing_to
from supportnet.cli.trained import TRAINED
from supportnet.cli.training_options import given, resumable


def train_several(
    tasks: Sequence[str], data: str, out: str, as_json: bool, reading: dict[str, Any], options: dict[str, Any]
) -> None:
    """Train several tasks on one encoder and print how it went.

    Args:
        tasks: two or three.
        data: name or path.
        out: the run folder.
        as_json: print one JSON object.
        reading: arguments of `supportnet.load`.
        options: the command's other options.
    """
    dataset = load_replies(data, reading)
    start_tensorflow()
    from supportnet.tasks.joint import train_tasks

    with naming_flags(), writing_to(out), resumable(out):
        trained = train_tasks(dataset, out, tasks=tasks, **given(options))
    fitted = {task: asdict(getattr(model, TRAINED[task].fitted)) for task, model in trained.models.items()}
    if as_json:
        found = {task: {"validation": trained.metrics[task], TRAINED[task].fitted: fitted[task]} for task in fitted}
        coverage = None if trained.coverage is None else asdict(trained.coverage)
        print_json({"task": list(tasks), "run": out, **found, "coverage": coverage, "epochs": len(trained.history)})
        return
    if trained.coverage is not None:
        click.echo(trained.coverage)
    for task, metrics in trained.metrics.items():
        click.echo(f"{task}:")
        TRAINED[task].in_words(metrics, fitted[task])
    bank = " --bank FILE" if "suggest" in fitted else ""
    click.echo(f"wrote {out}; next: supportnet export {out} saved_models/NAME{bank}")
