"""`supportnet train --task classify`."""

from dataclasses import asdict
from typing import Any

import click

from supportnet.cli.common import naming_flags, start_tensorflow, writing_to
from supportnet.cli.training_options import given, print_trained, resumable


def train_to_classify(data: str, out: str, as_json: bool, reading: dict[str, Any], options: dict[str, Any]) -> None:
    """Train an intent model and print how it went.

    Args:
        data: name or path.
        out: the run folder.
        as_json: print one JSON object.
        reading: arguments of `supportnet.load`.
        options: the command's other options.
    """
    from supportnet.data import load

    dataset = load(data, **reading)
    start_tensorflow()
    from supportnet.training.train import train

    with naming_flags(), writing_to(out), resumable(out):
        trained = train(dataset, out, data_options=reading, **given(options))
    confidence = asdict(trained.model.confidence)

    def in_words() -> None:
        print_result(trained.metrics, confidence)
        click.echo(f"wrote {out}; next: supportnet evaluate {out} --data {data}")

    print_trained("classify", out, trained, {"confidence": confidence}, as_json, in_words)


def print_result(metrics: dict[str, Any], confidence: dict[str, Any]) -> None:
    """Print what validation says, and what is promised."""
    if metrics["accuracy"] is None:
        click.echo(f"not validated (epoch {metrics['best_epoch']})")
        return
    click.echo(f"validation accuracy {metrics['accuracy']:.4f} (epoch {metrics['best_epoch']})")
    click.echo(f"temperature {confidence['temperature']:.2f}, fitted on {confidence['num_in_scope']} messages in scope")
    if confidence["route_threshold"] is None:
        click.echo("no message will be routed: no threshold keeps the promise")
        return
    click.echo(
        f"promise: {confidence['promised_precision']:.1%} of the routed messages are right, "
        f"if {confidence['out_of_scope_share']:.1%} of all are out of scope; "
        f"expected to be routed: {confidence['expected_coverage']:.1%}"
    )
