"""`supportnet train`."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click
from click.core import ParameterSource

from supportnet.cli.common import (
    data_options,
    json_option,
    load_arguments,
    naming_flags,
    print_json,
    start_tensorflow,
    writing_to,
)
from supportnet.cli.train_suggest import train_to_suggest
from supportnet.cli.training_options import (
    ENCODER_NUMBERS,
    OPTIMIZER_NUMBERS,
    architecture_option,
    flag,
    given,
    numbers,
    preset_option,
    resumable,
    run_options,
    switches,
)
from supportnet.errors import UserError

#: Switches of the training's configuration: name -> help.
SWITCHES = {
    "class_weights": "Weigh every intent alike, however many examples it has.",
    "mixed_precision": "Train in bfloat16 where the hardware is made for it.",
}
#: Numbers of the training's configuration: name -> (default, help).
NUMBERS = {
    "epochs": (20, "Passes over the training messages, at most."),
    "batch_size": (32, "Messages a step."),
    **OPTIMIZER_NUMBERS,
    "label_smoothing": (0.1, "Share of each target that is spread over all intents."),
    "patience": (5, "Epochs without a better validation accuracy before training stops."),
    "validation_share": (0.1, "Share cut off for validation where the data has no such split."),
    "precision": (0.95, "Share of the routed messages that shall be right."),
    "out_of_scope_share": (None, "Share of out-of-scope messages to expect; as in the validation data if not given."),
    "min_count": (2, "How often a word must occur to have an id of its own."),
    "rounds": (2, "How often the --unlabelled messages are learned from; 0 takes only their words."),
    "round_epochs": (10, "Passes over all messages in each of these rounds, at most."),
    "frozen_epochs": (0, "Epochs at the start in which --embeddings stay as they are."),
}
#: Numbers of the task suggest: name -> (default, help).
SUGGEST_NUMBERS = {
    "hard_negatives": (0, "Suggest: wrong replies a message that the model ranks high, beside those of the batch."),
    "label_weight": (0.0, "Suggest: weight of the intents as labels of the replies, a second objective."),
    "vector_dim": (128, "Suggest: depth of the vectors that messages and replies are compared by."),
}
#: Defaults of the task suggest that differ; --help names them.
SUGGEST_DEFAULTS = {"epochs": 12, "batch_size": 128, "head_dropout_rate": 0.2}
#: What only the task classify knows.
CLASSIFY_ONLY = (
    *("label_smoothing", "precision", "out_of_scope_share", "rounds", "round_epochs", "frozen_epochs"),
    *("class_weights", "mixed_precision", "unlabelled"),
)
#: Numbers of the network's towers: name -> (default, help).
HEAD_NUMBERS = {
    "head_dropout_rate": (0.4, "Dropout before the head of the task."),
    "word_dropout": (0.1, "Share of words dropped in training."),
    "num_pairs": (16_384, "Buckets that pairs of words are hashed to."),
}


def _with_suggest_defaults(by_name: dict[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    """Name, in an option's help, the default that the task suggest has."""
    other = {name: f"; {value} for the task suggest." for name, value in SUGGEST_DEFAULTS.items()}
    return {name: (value, text.removesuffix(".") + other.get(name, ".")) for name, (value, text) in by_name.items()}


@click.command()
@data_options
@click.option(
    "--task", type=click.Choice(["classify", "suggest"]), default="classify", show_default=True, help="What to learn."
)
@architecture_option
@preset_option
@click.option("--init", metavar="ENCODER", help="Start from what `supportnet pretrain` wrote, with its sizes.")
@click.option(
    "--embeddings", metavar="PATH|METHOD", help="Start from a file of word vectors, or train word2vec or fasttext ones."
)
@click.option("--require-coverage", type=float, help="Share of the vocabulary that the word vectors must hold.")
@click.option(
    "--unlabelled",
    multiple=True,
    metavar="NAME|PATH",
    help="Learn from these messages as well, without labels. Can be given several times.",
)
@run_options
@switches(SWITCHES)
@numbers(_with_suggest_defaults({**NUMBERS, **ENCODER_NUMBERS, **HEAD_NUMBERS, **SUGGEST_NUMBERS}))
@json_option
def train(data: str, task: str, out: str, unlabelled: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Train a model and write it, with all that made it, to a run folder.

    \b
    supportnet train --data sample --out runs/sample
    supportnet train --data tickets.csv --text-column body --label-column topic --out runs/tickets
    supportnet train --data tickets.csv --architecture transformer --preset small --out runs/small
    supportnet train --data banking77 --data-dir downloads --out runs/banking77 --resume
    supportnet train --data few.csv --init runs/encoder --unlabelled tickets.csv --out runs/few
    supportnet train --task suggest --data chats.csv --text-column question --reply-column answer --out runs/answers
    """
    from supportnet.data import load

    reading = load_arguments(options)
    if task == "suggest":
        check_task(CLASSIFY_ONLY, "classify")
        train_to_suggest(data, out, as_json, reading, options)
        return
    check_task(SUGGEST_NUMBERS, "suggest")
    dataset = load(data, **reading)
    start_tensorflow()
    from supportnet.training.train import train as train_model

    with naming_flags(), writing_to(out), resumable(out):
        trained = train_model(dataset, out, unlabelled=unlabelled or None, data_options=reading, **given(options))
    confidence = asdict(trained.model.confidence)
    if as_json:
        epochs = len(trained.history)
        metrics = trained.metrics
        coverage = None if trained.coverage is None else asdict(trained.coverage)
        found = {"validation": metrics, "confidence": confidence, "coverage": coverage, "epochs": epochs}
        print_json({"task": task, "run": out, **found})
    else:
        if trained.coverage is not None:
            click.echo(trained.coverage)
        print_result(trained.metrics, confidence)
        click.echo(f"wrote {out}; next: supportnet evaluate {out} --data {data}")


def check_task(names: Iterable[str], task: str) -> None:
    """Raise a `UserError` for an option on the command line that only another task knows."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UserError(f"{flag(name)} is for --task {task}.")


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
