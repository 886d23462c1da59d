"""`supportnet quickstart`: the main job from end to end, on the built-in sample."""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import naming_flags, print_result, start_tensorflow, writing_to
from supportnet.cli.options import json_option
from supportnet.cli.predict import predictions
from supportnet.tasks.registry import all_tasks

TASKS = [task for task in all_tasks() if task.quick is not None]
_EPOCHS = ", ".join(f"{(task.quick or {})['epochs']} to {task.name}" for task in TASKS)

MESSAGES = (
    "where is my parcel? it should have been here on monday",
    "I was charged twice for the same order!!",
    "how do i send back shoes that dont fit",
)

Say = Callable[[str], None]


@click.command()
@click.option("--out", default=".", metavar="DIR", help="Where runs/ and saved_models/ are written.")
@click.option("--epochs", type=click.IntRange(min=1), help=f"Passes over the training messages.  [default: {_EPOCHS}]")
@click.option("--seed", type=int, default=0, help="Seed of everything random.")
@json_option
def quickstart(out: str, epochs: int | None, seed: int, as_json: bool) -> None:
    """Train every task on the built-in sample, export them as one model, and answer a few messages.

    It takes some minutes on two cores, writes DIR/runs/quickstart and DIR/saved_models/quickstart/1, and replaces what
    an earlier quickstart left.

    \b
    supportnet quickstart
    supportnet quickstart --out /tmp/try --json
    """
    started = time.monotonic()
    start_tensorflow()
    from supportnet.data import bank_of_replies, load
    from supportnet.serving.saved_models import export

    runs, saved = Path(out) / "runs" / "quickstart", Path(out) / "saved_models" / "quickstart"
    # With --json, standard output is for the one object.
    say: Say = (lambda _: None) if as_json else click.echo
    dataset = load("sample")
    bank = bank_of_replies("sample", dataset["train"])
    say(f"1. data: {len(dataset['train'])} messages to train on, {len(dataset.intents)} intents (sample)")
    with naming_flags(), writing_to(out):
        shutil.rmtree(runs, ignore_errors=True)
        say("2. training")
        models = _train(dataset, runs, {"seed": seed, **({} if epochs is None else {"epochs": epochs})}, say)
        folder = export(list(models.values()), saved, version=1, overwrite=True, bank=bank)
    say(f"3. export of all of them: {folder}")
    figures = _evaluate(folder, models, dataset["test"], bank, say)
    say("5. answers")
    answers = _answer(folder, say)
    seconds = time.monotonic() - started
    value = {"runs": str(runs), "model": str(folder), **figures, "predictions": answers, "seconds": seconds}
    print_result(as_json, value, [f'done in {seconds:.0f} s; ask it yourself: supportnet predict {saved} "..."'])


def _train(dataset: Any, runs: Path, options: dict[str, Any], say: Say) -> dict[str, Any]:
    """Train a model of each task."""
    from supportnet.tasks.train import train

    models = {}
    for task in TASKS:
        say(f"   {task.learns}")
        run = runs / task.name
        trained = train(dataset, run, task=task.name, baseline=False, **{**(task.quick or {}), **options})
        models[task.name] = trained.model
        fitted = asdict(getattr(trained.model, task.fitted))
        say(f"   {next(iter(task.describe(trained.metrics, fitted)))}; the run is in {run}")
    return models


def _evaluate(folder: Path, models: dict[str, Any], test: Any, bank: Any, say: Say) -> dict[str, Any]:
    """Score every task on the test messages, the export where it can be scored."""
    say("4. test")
    found: dict[str, Any] = {}
    for task in TASKS:
        options = {"bank": bank} if task.takes_bank else {}
        model = task.exported(str(folder)) if task.exports_are_evaluated else models[task.name]
        figures = task.evaluate(model, test, **options)
        sentence, names = task.headline(figures)
        say(f"   {task.name}: {sentence}")
        found |= {name: figures[name] for name in names}
    return found


def _answer(folder: Path, say: Say) -> list[dict[str, Any]]:
    """Ask the export."""
    from supportnet.savedmodel.load import SavedModel

    answers = []
    for row in predictions(SavedModel(folder), "serving_default", MESSAGES):
        found = {name: value for task in TASKS for name, value in task.brief(row).items()}
        say(f"   {row['text']}")
        for name, value in found.items():
            say(f"     {name:<12}{value:.2f}" if isinstance(value, float) else f"     {name:<12}{value}")
        answers.append({"text": row["text"], **found})
    return answers
