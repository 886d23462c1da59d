"""`supportnet tune`."""

from typing import Any

import click

from supportnet.architectures import ARCHITECTURES
from supportnet.cli.common import naming_flags, print_result, start_tensorflow, writing_to
from supportnet.cli.options import data_options, json_option, load_arguments, preset_option
from supportnet.tables import table_lines
from supportnet.tasks.registry import DEFAULT, NAMES, get_task


@click.command()
@data_options
@click.option("--task", type=click.Choice(NAMES), default=DEFAULT, help="What to learn.")
@click.option("--architecture", default=next(iter(ARCHITECTURES)), help="The encoder by name.")
@preset_option
@click.option(
    "--method",
    type=click.Choice(["random", "bayesian", "hyperband"]),
    default="random",
    help="How options are chosen.",
)
@click.option("--trials", type=click.IntRange(min=1), default=10, help="Trainings, at most.")
@click.option("--space", metavar="FILE.toml", help="What is searched: option = [values], or {low, high, step, log}.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the messages of a training, at most.")
@click.option("--seed", type=int, default=0, help="Of the search and of every training.")
@click.option("--out", required=True, metavar="DIR", help="The folder to write, or to go on with.")
@json_option
def tune(
    data: str, task: str, method: str, trials: int, space: str | None, out: str, as_json: bool, **options: Any
) -> None:
    """Search the options of a training that do best on validation data; the test split is never read.

    \b
    supportnet tune --data tickets.csv --trials 20 --out search
    supportnet tune --data sample --method hyperband --architecture transformer --space space.toml --out search
    supportnet train --config search/best.toml --data tickets.csv --out runs/best

    A search that was stopped goes on with the same command.
    """
    dataset = get_task(task).load_data(data, **load_arguments(options))
    start_tensorflow()
    from supportnet.tasks.tune import SPACE, load_space
    from supportnet.tasks.tune import tune as search

    fixed = {name: value for name, value in options.items() if value is not None}
    fixed["architecture"] = fixed["architecture"].replace("-", "_")
    wanted = load_space(space) if space else SPACE
    with naming_flags(), writing_to(out, "tuning; the same command"):
        found = search(dataset, out, task=task, method=method, trials=trials, space=wanted, options=fixed)
    rows = [{"validation accuracy": trial["score"], **trial["options"]} for trial in found["trials"][:10]]
    following = f"supportnet train --config {out}/best.toml --data {data} --out RUN"
    print_result(as_json, {"out": out, **found}, (*table_lines(rows), f"wrote {out}/best.toml; next: {following}"))
