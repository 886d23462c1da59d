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
from supportnet.cli.options import (
    GroupedCommand,
    given,
    in_group,
    out_option,
    preset_option,
    pretraining_flags,
    resumable,
    resume_option,
)


@click.command(cls=GroupedCommand)
@out_option
@resume_option
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="NAME|PATH",
    help="A source of `data list`, or a CSV, TSV or JSONL file; labels aren't read. Can be given several times.",
)
@in_group("data", text_options)
@click.option(
    "--init", metavar="ENCODER", help="Go on from what `supportnet pretrain` wrote, with its words and sizes."
)
@in_group("network", preset_option)
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
