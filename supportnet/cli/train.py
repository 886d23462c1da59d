"""`supportnet train`."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from supportnet.models.presets import PRESETS

#: Switches of the training's configuration: name -> help.
SWITCHES = {
    "class_weights": "Weigh every intent alike, however many examples it has.",
    "mixed_precision": "Train in bfloat16 where the hardware is made for it.",
}
#: Numbers of both configurations: name -> (default, help). The defaults stand here a second time (a test compares
#: them), because the configurations are read with TensorFlow, and --help is to be quick.
NUMBERS = {
    "epochs": (20, "Passes over the training messages, at most."),
    "batch_size": (32, "Messages a step."),
    "learning_rate": (2e-3, "Peak of the learning rate's schedule."),
    "warmup_share": (0.1, "Share of all steps that warm up."),
    "weight_decay": (0.05, "Decoupled weight decay."),
    "label_smoothing": (0.1, "Share of each target that is spread over all intents."),
    "patience": (5, "Epochs without a better validation accuracy before training stops."),
    "validation_share": (0.1, "Share cut off for validation where the data has no such split."),
    "precision": (0.95, "Share of the routed messages that shall be right."),
    "out_of_scope_share": (None, "Share of out-of-scope messages to expect; as in the validation data if not given."),
    "min_count": (2, "How often a word must occur to have an id of its own."),
    "embedding_dim": (128, "Depth of the token vectors."),
    "hidden_dim": (96, "Units of the encoder's inner layers."),
    "num_layers": (1, "Attention blocks."),
    "num_heads": (4, "Attention heads; must divide the depth."),
    "dropout_rate": (0.1, "Dropout inside the encoder."),
    "head_dropout_rate": (0.4, "Dropout before the intents."),
    "word_dropout": (0.1, "Share of words dropped in training."),
    "num_buckets": (12_000, "Buckets that character n-grams are hashed to."),
    "num_pairs": (16_384, "Buckets that pairs of words are hashed to."),
    "max_length": (128, "Tokens that are read of a message."),
}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _configuration_options(command: Any) -> Any:
    for name, text in reversed(SWITCHES.items()):
        command = click.option(_flag(name), name, is_flag=True, help=text)(command)
    for name, (default, text) in reversed(NUMBERS.items()):
        kind = float if default is None else type(default)
        option = click.option(_flag(name), name, type=kind, default=default, show_default=True, help=text)
        command = option(command)
    return command


@click.command()
@data_options
@click.option("--task", type=click.Choice(["classify"]), default="classify", show_default=True, help="What to learn.")
@click.option(
    "--architecture",
    default="bilstm_attention",
    show_default=True,
    help="The encoder: bilstm_attention or transformer or none.",
)
@click.option("--preset", metavar="NAME", help=f"Sizes by name: {', '.join(PRESETS)}. A size given beside it wins.")
@click.option(
    "--text-mode",
    type=click.Choice(["unicode", "article"]),
    default="unicode",
    show_default=True,
    help="How text becomes tokens.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@click.option("--out", required=True, metavar="RUN", help="The run folder to write.")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in RUN.")
@_configuration_options
@json_option
def train(data: str, task: str, preset: str | None, out: str, resume: bool, as_json: bool, **options: Any) -> None:
    """Train a model and write it, with all that made it, to a run folder.

    \b
    supportnet train --data sample --out runs/sample
    supportnet train --data tickets.csv --text-column body --label-column topic --out runs/tickets
    supportnet train --data tickets.csv --architecture transformer --preset small --out runs/small
    supportnet train --data banking77 --data-dir downloads --out runs/banking77 --resume
    """
    from supportnet.data import load

    dataset = load(data, **load_arguments(options))
    options["architecture"] = options["architecture"].replace("-", "_")
    start_tensorflow()
    from supportnet.training.train import train as train_model

    with naming_flags(), writing_to(out), _resumable(out):
        trained = train_model(dataset, out, preset=preset, resume=resume, **_given(options))
    confidence = asdict(trained.model.confidence)
    if as_json:
        epochs = len(trained.history)
        metrics = trained.metrics
        print_json({"task": task, "run": out, "validation": metrics, "confidence": confidence, "epochs": epochs})
    else:
        print_result(trained.metrics, confidence)
        click.echo(f"wrote {out}; next: supportnet evaluate {out} --data {data}")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Only what stands on the command line: a flag's default would win over the preset."""
    source = click.get_current_context().get_parameter_source
    return {name: value for name, value in options.items() if source(name) is not ParameterSource.DEFAULT}


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


@contextmanager
def _resumable(out: str) -> Iterator[None]:
    """Say at Ctrl-C how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.Abort(f"training; the same command with --resume goes on with {out}") from None
