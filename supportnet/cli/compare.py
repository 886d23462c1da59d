"""`supportnet compare`."""

from collections.abc import Iterator
from typing import Any

import click

from supportnet.cli.common import print_result, start_tensorflow, writing_to
from supportnet.cli.options import json_option, load_arguments, load_options
from supportnet.compare.plan import ARCHITECTURES, MATCHES, QUICK, STUDIES, load_plan, plan_of
from supportnet.errors import UserError
from supportnet.tables import table_lines
from supportnet.tasks.registry import NAMES


@click.command()
@click.argument("plan", required=False, metavar="[PLAN.toml]")
@click.option("--data", multiple=True, metavar="NAME|PATH", help="What to compare on. Can be given several times.")
@load_options
@click.option("--task", "tasks", multiple=True, type=click.Choice(NAMES), help="Can be given several times.")
@click.option(
    "--architecture",
    "architectures",
    multiple=True,
    metavar="NAME",
    help=f"Can be given several times.  [default: {', '.join(ARCHITECTURES)}]",
)
@click.option(
    "--backbone",
    "backbones",
    multiple=True,
    metavar="NAME|FOLDER",
    help="A pretrained encoder beside them, frozen and tuned: minilm, or a folder. Can be given several times.",
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Trainings of each model.  [default: 3]")
@click.option("--match", type=click.Choice(MATCHES), help="What all architectures have alike.  [default: parameters]")
@click.option("--messages", type=click.IntRange(min=1), help="Training messages, at most.")
@click.option("--study", "studies", multiple=True, type=click.Choice(STUDIES), help="Can be given several times.")
@click.option("--quick", is_flag=True, help="All tasks, in some minutes on two cores: small networks, few messages.")
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at a time, each on a core; as many as there are.")
@click.option("--out", required=True, metavar="DIR", help="The folder to write, or to go on with.")
@json_option
def compare(plan: str | None, out: str, jobs: int | None, quick: bool, as_json: bool, **options: Any) -> None:
    """Compare architectures fairly: as many weights, the same messages and seeds, and intervals of the differences.

    \b
    supportnet compare --quick --out comparison
    supportnet compare --data tickets.csv --architecture none --architecture transformer --out comparison
    supportnet compare --data tickets.csv --backbone minilm --out comparison
    supportnet compare --data banking77 --data-dir downloads --match time --seeds 5 --out comparison
    supportnet compare plan.toml --out comparison
    supportnet compare --data sample --study length --study size --study gradients --out comparison

    What a user would pick instead stands in the same table: TF-IDF with a linear SVM, BM25, the reply to the nearest
    message. Each run has a process and a core of its own, and is kept: the same command goes on where it was stopped.
    A plan in a file has the keys data, tasks, architectures, backbones, seeds, match, messages, baselines, studies and
    options.
    """
    reading = {name: value for name, value in load_arguments(options).items() if value not in (None, False, "utf-8")}
    options["data"] = [{"name": name, **reading} for name in options["data"]]
    if reading and not options["data"]:
        raise UserError("How data are read says nothing without --data: in a plan, it stands beside the name.")
    given = {name: value for name, value in options.items() if value}
    wanted = load_plan(plan, **given) if plan else plan_of({**(QUICK if quick else {}), **given})
    start_tensorflow()
    from supportnet.compare.comparison import compare as do

    with writing_to(out, "comparing; the same command"):
        results = do(wanted, out, jobs)
    shown = {name: results[name] for name in ("matching", "summary", "differences", "studies")}
    print_result(as_json, {"out": out, **shown}, _lines(results, out))


def _lines(results: dict[str, Any], out: str) -> Iterator[str]:
    """Yield a table for each data set and task, and what the differences are worth."""
    from supportnet.compare.table import difference_lines, failed_lines, tables

    for title, rows in tables(results):
        yield from (f"\n{title}", *table_lines(rows))
    yield from difference_lines(results)
    for line in failed_lines(results):
        click.echo(line, err=True)
    yield f"\nwrote {out}/results.json and {out}/report.html"
