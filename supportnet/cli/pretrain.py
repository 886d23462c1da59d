"""`supportnet pretrain`."""

from typing import Any

import click

from supportnet.cli.common import RESUMED, naming_flags, print_result, start_tensorflow, writing_to
from supportnet.cli.options import (
    GroupedCommand,
    given,
    in_group,
    json_option,
    load_arguments,
    preset_option,
    pretraining_flags,
    run_options,
    text_options,
)


@click.command(cls=GroupedCommand)
@run_options
@in_group(
    "data",
    click.option(
        "--data",
        required=True,
        multiple=True,
        metavar="NAME|PATH",
        help="A source of `data list`, or a CSV, TSV or JSONL file; labels aren't read. Can be given several times.",
    ),
    text_options,
)
@in_group(
    "network",
    preset_option,
    click.option(
        "--init", metavar="ENCODER", help="Go on from what `supportnet pretrain` wrote, with its words and sizes."
    ),
)
@pretraining_flags
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

    with naming_flags(), writing_to(out, RESUMED):
        pretrained = pretrain_encoder(data, out, data_options=reading, **given(options))
    metrics = pretrained.metrics
    lines = (
        f"held-out perplexity {metrics['perplexity']:.1f}, {metrics['accuracy']:.1%} of the hidden words found "
        f"(epoch {metrics['best_epoch']})",
        f"wrote {out}; next: supportnet train --data LABELLED --init {out} --out RUN",
    )
    print_result(as_json, {"encoder": out, "held_out": metrics, "epochs": len(pretrained.history)}, lines)
