"""`supportnet pretrain`."""

from typing import Any

import click

from supportnet.cli.common import (
    json_option,
    load_arguments,
    naming_flags,
    print_json,
    start_tensorflow,
    text_options,
    writing_to,
)
from supportnet.cli.training_options import (
    ENCODER_NUMBERS,
    OPTIMIZER_NUMBERS,
    architecture_option,
    given,
    numbers,
    preset_option,
    resumable,
    run_options,
)

#: Numbers of the pre-training's configuration: name -> (default, help).
NUMBERS = {
    "epochs": (20, "Passes over the messages, at most."),
    "batch_size": (64, "Messages a step."),
    **OPTIMIZER_NUMBERS,
    "patience": (5, "Epochs without a better accuracy on held-out messages before training stops."),
    "min_count": (2, "How often a word must occur to have an id of its own."),
    "mask_share": (0.2, "Share of a message's words that are hidden and asked for."),
    "validation_share": (0.05, "Share of the messages that is held out, to measure the perplexity."),
}


@click.command()
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="NAME|PATH",
    help="A source of `data list`, or a CSV, TSV or JSONL file; labels aren't read. Can be given several times.",
)
@text_options
@click.option(
    "--init", metavar="ENCODER", help="Go on from what `supportnet pretrain` wrote, with its words and sizes."
)
@architecture_option
@preset_option
@run_options
@numbers({**NUMBERS, **ENCODER_NUMBERS})
@json_option
def pretrain(data: tuple[str, ...], out: str, as_json: bool, **options: Any) -> None:
    """Pre-train an encoder on messages without labels, for `train --init`.

    \b
    supportnet pretrain --data tickets.csv --text-column body --out runs/encoder
    supportnet pretrain --data banking77 --data star --data-dir downloads --architecture transformer --out runs/encoder
    supportnet pretrain --data tickets.csv --init runs/encoder --out runs/own
    """
    reading = load_arguments(options)
    start_tensorflow()
    from supportnet.training.pretrain import pretrain as pretrain_encoder

    with naming_flags(), writing_to(out), resumable(out):
        pretrained = pretrain_encoder(data, out, data_options=reading, **given(options))
    metrics = pretrained.metrics
    if as_json:
        print_json({"encoder": out, "held_out": metrics, "epochs": len(pretrained.history)})
    else:
        click.echo(
            f"held-out perplexity {metrics['perplexity']:.1f}, {metrics['accuracy']:.1%} of the hidden words found "
            f"(epoch {metrics['best_epoch']})"
        )
        click.echo(f"wrote {out}; next: supportnet train --data LABELLED --init {out} --out RUN")
