"""`supportnet train`."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any

import click

from supportnet.cli.common import RESUMED, naming_flags, print_result, start_tensorflow, writing_to
from supportnet.cli.options import (
    GroupedCommand,
    config_option,
    data_options,
    flag,
    given,
    in_group,
    json_option,
    load_arguments,
    preset_option,
    run_options,
    task_option,
    training_flags,
)
from supportnet.errors import UserError
from supportnet.tasks.options import UNLABELLED, check_not_alone, tasks_with, training_options
from supportnet.tasks.registry import get_task
from supportnet.training.run_folder import tasks_of


@click.command(cls=GroupedCommand)
@task_option
@config_option
@run_options
@click.option(
    "--no-baseline",
    "baseline",
    is_flag=True,
    flag_value=False,
    default=True,
    show_default=False,
    help="Don't score simple methods beside the model on the validation messages.",
)
@in_group(
    "data",
    data_options,
    click.option(
        "--unlabelled",
        multiple=True,
        metavar="NAME|PATH",
        help="Learn from these messages as well, without labels. Can be given several times.",
    ),
    click.option(
        "--from",
        "previous",
        metavar="RUN",
        help="Train this run anew, with its options and its messages, to which --data adds more, or corrections.",
    ),
    click.option("--against", metavar="NAME|PATH", help="Compare with the run of --from on these held-out messages."),
)
@in_group(
    "network",
    preset_option,
    click.option("--init", metavar="ENCODER", help="Start from what `supportnet pretrain` wrote, with its sizes."),
    click.option(
        "--embeddings",
        metavar="PATH|METHOD",
        help="Start from a file of word vectors, or train word2vec or fasttext ones.",
    ),
    click.option(
        "--backbone",
        metavar="NAME|FOLDER",
        help="Read messages with a pretrained encoder: minilm (see `supportnet weights`), or a Hugging Face folder.",
    ),
    click.option("--require-coverage", type=float, help="Share of the vocabulary that the word vectors must hold."),
)
@training_flags
@json_option
def train(
    task: list[str],
    data: str,
    out: str,
    unlabelled: tuple[str, ...],
    against: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a model and write it, with all that made it, to a run folder.

    \b
    supportnet train --data sample --out runs/sample
    supportnet train --data tickets.csv --text-column body --label-column topic --out runs/tickets
    supportnet train --data tickets.csv --architecture transformer --preset small --out runs/small
    supportnet train --config search/best.toml --data tickets.csv --out runs/best
    supportnet train --data banking77 --data-dir downloads --out runs/banking77 --resume
    supportnet train --data few.csv --init runs/encoder --unlabelled tickets.csv --out runs/few
    supportnet train --data few.csv --backbone minilm --out runs/minilm
    supportnet train --from runs/may --data corrections.csv --out runs/june --against held_out.csv
    supportnet train --task suggest --data chats.csv --text-column question --reply-column answer --out runs/answers
    supportnet train --task suggest --data chats.csv --backbone minilm --out runs/minilm_answers
    supportnet train --task reply --data star --data-dir downloads --architecture transformer --out runs/replies
    supportnet train --task reply --data star --data-dir downloads --architecture gpt --out runs/gpt
    supportnet train --task classify,suggest,reply --data chats.csv --out runs/support

    The last one trains several tasks at once, on one backbone: a batch of each in every step. Each task then has a run
    of its own in the folder. Options that several tasks have a use for are the same for all of them.
    """
    reading, chosen = load_arguments(options), given(options)
    previous = chosen.get("previous")
    if previous is not None:
        task = list(tasks_of(previous)) or task
    if against is not None and (previous is None or "against" not in get_task(task[0]).evaluate_options):
        raise UserError("--against compares a classifier with the one of --from.")
    if unlabelled:
        chosen[UNLABELLED] = unlabelled
    _check_tasks(task, chosen)
    with naming_flags():
        check_not_alone(task, chosen)
    needy = next((name for name in task if get_task(name).needs_replies), task[0])
    dataset = get_task(needy).load_data(data, **reading)
    start_tensorflow()
    from supportnet.tasks.train import train as train_models

    with naming_flags(), writing_to(out, RESUMED):
        trained = train_models(dataset, out, task=task, data_options=reading, **chosen)
    several = len(task) > 1
    found = {
        name: get_task(name).report(model, trained.metrics[name] if several else trained.metrics)
        for name, model in trained.models.items()
    }
    coverage = None if trained.coverage is None else asdict(trained.coverage)
    value = {"task": task if several else task[0], "run": out, **(found if several else found[task[0]])}
    value |= {"coverage": coverage, "epochs": len(trained.history)}
    # Never the training messages: their figures would be too good.
    held_out = data if "test" in dataset else "HELD_OUT.csv"
    compared: Iterable[Any] = ()
    if against is not None:
        kind = get_task(task[0])
        figures = kind.evaluation(out, against, "test", reading, against=previous, no_baseline=True)
        value["against"], compared = figures["against"], kind.describe_against(figures["against"])
    print_result(as_json, value, chain(_lines(found, trained.coverage, out, held_out), compared))


def _check_tasks(tasks: list[str], options: dict[str, Any]) -> None:
    """Raise a `UserError` for an option that only other tasks have a use for."""
    for name in options:
        known = tasks_with(name) if name in (UNLABELLED, *training_options()) else tasks
        if not set(tasks) & set(known):
            raise UserError(f"{flag(name)} is for --task {' or '.join(known)}.")


def _lines(found: dict[str, dict[str, Any]], coverage: Any, out: str, held_out: str) -> Iterator[Any]:
    """Yield what each task found on validation data, and the next command."""
    several = len(found) > 1
    if coverage is not None:
        yield coverage
    for name, figures in found.items():
        if several:
            yield f"{name}:"
        yield from get_task(name).describe(figures["validation"], figures[get_task(name).fitted])
    bank = " --bank FILE" if any(get_task(name).takes_bank for name in found) else ""
    following = f"supportnet export {out} saved_models/NAME{bank}"
    if not several:
        following = get_task(next(iter(found))).next_command.format(run=out, data=held_out)
    yield f"wrote {out}; next: {following}"
