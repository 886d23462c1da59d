"""`supportnet train` of one task."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from supportnet.cli.common import load_replies, naming_flags, start_tensorflow, writing_to
from supportnet.cli.trained import TRAINED
from supportnet.cli.training_options import given, print_trained, resumable


def train_one(task: str, data: str, out: str, as_json: bool, reading: dict[str, Any], options: dict[str, Any]) -> None:
    """Train one task and print how it went.

    Args:
        task: its name.
        data: name or path.
        out: the run folder.
        as_json: print one JSON object.
        reading: arguments of `supportnet.load`.
        options: the command's other options.
    """
    from supportnet.data import load

    told = TRAINED[task]
    dataset = load(data, **reading) if task == "classify" else load_replies(data, reading)
    start_tensorflow()
    train = _train_function(task)
    with naming_flags(), writing_to(out), resumable(out):
        trained = train(dataset, out, data_options=reading, **given(options))
    fitted = asdict(getattr(trained.model, told.fitted))

    def in_words() -> None:
        told.in_words(trained.metrics, fitted)
        click.echo(f"wrote {out}; next: {told.following.format(out=out, data=data)}")

    print_trained(task, out, trained, {told.fitted: fitted}, as_json, in_words)


def _train_function(task: str) -> Callable[..., Any]:
    """Imported when it is needed: TensorFlow takes seconds."""
    if task == "classify":
        from supportnet.tasks.classify.learner import train

        return train
    if task == "suggest":
        from supportnet.tasks.suggest.learner import train_suggester

        return train_suggester
    from supportnet.tasks.reply.learner import train_replier

    return train_replier
