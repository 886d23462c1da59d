"""`supportnet train --task suggest`."""

from dataclasses import asdict
from typing import Any

import click

from supportnet.cli.common import load_replies, naming_flags, start_tensorflow, writing_to
from supportnet.cli.training_options import given, print_trained, resumable


def train_to_suggest(data: str, out: str, as_json: bool, reading: dict[str, Any], options: dict[str, Any]) -> None:
    """Train a suggestion model and print how it went.

    Args:
        data: name or path.
        out: the run folder.
        as_json: print one JSON object.
        reading: arguments of `supportnet.load`.
        options: the command's other options.
    """
    dataset = load_replies(data, reading)
    start_tensorflow()
    from supportnet.training.suggest import train_suggester

    with naming_flags(), writing_to(out), resumable(out):
        trained = train_suggester(dataset, out, **given(options))
    metrics, relevance = trained.metrics, asdict(trained.model.relevance)

    def in_words() -> None:
        print_ranked(metrics)
        click.echo(f"wrote {out}; next: supportnet index {out} --bank FILE --out saved_models/NAME")

    print_trained("suggest", out, trained, {"relevance": relevance}, as_json, in_words)


def print_ranked(metrics: dict[str, Any]) -> None:
    """Print what validation says."""
    if metrics["accuracy"] is None:
        click.echo(f"not validated (epoch {metrics['best_epoch']})")
        return
    click.echo(
        f"{metrics['accuracy']:.1%} of the validation replies rank first among those of 256 messages "
        f"(epoch {metrics['best_epoch']})"
    )
