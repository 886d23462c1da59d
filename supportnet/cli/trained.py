"""What `supportnet train` prints of a model of each task."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import click


class Task(NamedTuple):
    """How a task's training is told.

    Attributes:
        fitted: what is fitted on validation data, an attribute of the model.
        in_words: prints what validation says, and what was fitted.
        following: the command that comes next; with `{out}`, the run, and `{data}`.
    """

    fitted: str
    in_words: Callable[[dict[str, Any], dict[str, Any]], None]
    following: str


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


def print_ranked(metrics: dict[str, Any], _: dict[str, Any]) -> None:
    """Print what validation says."""
    if metrics["accuracy"] is None:
        click.echo(f"not validated (epoch {metrics['best_epoch']})")
        return
    click.echo(
        f"{metrics['accuracy']:.1%} of the validation replies rank first among those of 256 messages "
        f"(epoch {metrics['best_epoch']})"
    )


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


TRAINED: Mapping[str, Task] = {
    "classify": Task("confidence", print_result, "supportnet evaluate {out} --data {data}"),
    "suggest": Task("relevance", print_ranked, "supportnet index {out} --bank FILE --out saved_models/NAME"),
    "reply": Task("handoff", print_validation, "supportnet export {out} saved_models/NAME"),
}
