"""`supportnet train`."""

from typing import Any

import click

from supportnet.cli.common import (
    data_options,
    json_option,
    load_arguments,
    print_json,
    start_tensorflow,
    writing_to,
)

#: Flags that are not on by default: name -> help.
_SWITCHES = {
    "class_weights": "Weigh every intent alike, however many examples it has.",
    "mixed_precision": "Compute in bfloat16 where the hardware is made for it.",
}
#: Numbers: name -> (type, help). Those that are not given keep the configuration's default.
_NUMBERS = {
    "epochs": (int, "Passes over the training messages, at most."),
    "batch_size": (int, "Messages a step."),
    "learning_rate": (float, "Peak of the learning rate's schedule."),
    "weight_decay": (float, "Decoupled weight decay."),
    "label_smoothing": (float, "Share of each target that is spread over all intents."),
    "patience": (int, "Epochs without a better validation accuracy before training stops."),
    "validation_share": (float, "Share cut off for validation where the data has no such split."),
    "min_count": (int, "How often a word must occur to have an id of its own."),
    "embedding_dim": (int, "Depth of the token vectors."),
    "hidden_dim": (int, "Units of the encoder's inner layers."),
    "num_layers": (int, "Attention blocks."),
    "num_heads": (int, "Attention heads; must divide the depth."),
    "dropout_rate": (float, "Dropout inside the encoder."),
    "head_dropout_rate": (float, "Dropout before the intents."),
    "word_dropout": (float, "Share of words dropped in training."),
    "num_buckets": (int, "Buckets that character n-grams are hashed to."),
    "max_length": (int, "Tokens that are read of a message."),
}


def _configuration_options(command: Any) -> Any:
    for name, (kind, text) in reversed(_NUMBERS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, type=kind, help=text)(command)
    for name, text in _SWITCHES.items():
        command = click.option(f"--{name.replace('_', '-')}", name, is_flag=True, help=text)(command)
    return command


@click.command()
@data_options
@click.option("--task", type=click.Choice(["classify"]), default="classify", show_default=True, help="What to learn.")
@click.option("--architecture", default="bilstm_attention", show_default=True, help="The encoder.")
@click.option("--text-mode", type=click.Choice(["unicode", "article"]), default="unicode", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@click.option("--out", required=True, metavar="RUN", help="The run folder to write.")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in RUN.")
@_configuration_options
@json_option
def train(data: str, task: str, out: str, resume: bool, as_json: bool, **options: Any) -> None:
    """Train a model and write it, with all that made it, to a run folder.

    \b
    supportnet train --data sample --out runs/sample
    supportnet train --data tickets.csv --text-column body --label-column topic --out runs/tickets
    supportnet train --data banking77 --data-dir downloads --out runs/banking77 --resume
    """
    start_tensorflow()
    from supportnet.training.train import train as train_model

    arguments = load_arguments(options)
    options["architecture"] = options["architecture"].replace("-", "_")
    given = {name: value for name, value in options.items() if value is not None}
    with writing_to(out):
        trained = train_model(data, out, resume=resume, data_options=arguments, **given)
    if as_json:
        print_json({"task": task, "run": out, "validation": trained.metrics, "epochs": len(trained.history)})
    else:
        click.echo(f"validation accuracy {trained.metrics['accuracy']:.4f} (epoch {trained.metrics['best_epoch']})")
        click.echo(f"wrote {out}; next: supportnet evaluate {out} --data {data}")
