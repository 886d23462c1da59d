"""`supportnet train --task reply`."""

from dataclasses import asdict
from typing import Any

import click

from supportnet.cli.common import load_replies, naming_flags, start_tensorflow, writing_to
from supportnet.cli.training_options import given, print_trained, resumable


def train_to_reply(data: str, out: str, as_json: bool, reading: dict[str, Any], options: dict[str, Any]) -> None:
    """Train a model that writes replies, and print how it went.

    Args:
        data: name or path.
        out: the run folder.
        as_json: print one JSON object.
        reading: arguments of `supportnet.load`.
        options: the command's other options.
    """
    dataset = load_replies(data, reading)
    start_tensorflow()
    from supportnet.training.reply import train_replier

    with naming_flags(), writing_to(out), resumable(out):
        trained = train_replier(dataset, out, **given(options))
    handoff = asdict(trained.model.handoff)

    def in_words() -> None:
        print_validation(trained.metrics, handoff)
        click.echo(f"wrote {out}; next: supportnet export {out} saved_models/NAME")

    print_trained("reply", out, trained, {"handoff": handoff}, as_json, in_words)


def print_validation(metrics: dict[str, Any], handoff: dict[str, Any]) -> None:
    """Print what validation says, and what is promised."""
    if metrics["perplexity"] is None:
        click.echo(f"not validated (epoch {metrics['best_epoch']}): every reply is handed to a person")
        return
    if "pretraining_perplexity" in metrics:
        click.echo(f"pre-trained to a perplexity of {metrics['pretraining_perplexity']:.2f} of the validation messages")
    click.echo(
        f"perplexity {metrics['perplexity']:.2f}, {metrics['accuracy']:.1%} of the validation replies' pieces right "
        f"(epoch {metrics['best_epoch']})"
    )
    if handoff["threshold"] is None:
        click.echo("every reply is handed to a person: no threshold keeps the promise")
        return
    click.echo(
        f"promise: replies that are sent have a mean quality (ROUGE-L) of {handoff['target']:.2f}; "
        f"expected to be handed to a person: {handoff['rate']:.1%}"
    )
