"""`supportnet quickstart`: the main job from end to end, on the built-in sample."""

import shutil
import time
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import json_option, naming_flags, print_json, start_tensorflow, writing_to

#: The sample is easy to learn: a few epochs reach what many would.
QUICK_EPOCHS = 8

MESSAGES = (
    "where is my parcel? it should have been here on monday",
    "I was charged twice for the same order!!",
    "how do i send back shoes that dont fit",
)


@click.command()
@click.option("--out", default=".", show_default=True, metavar="DIR", help="Where runs/ and saved_models/ are written.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=QUICK_EPOCHS,
    show_default=True,
    help="Passes over the training messages.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@json_option
def quickstart(out: str, epochs: int, seed: int, as_json: bool) -> None:
    """Train on the built-in sample, evaluate, export, and answer a few messages: some minutes on two cores.

    It writes DIR/runs/quickstart and DIR/saved_models/quickstart/1, and replaces what an earlier quickstart left.

    \b
    supportnet quickstart
    supportnet quickstart --out /tmp/try --json
    """
    started = time.monotonic()
    start_tensorflow()
    from supportnet.data import load
    from supportnet.evaluation.classify import evaluate_model
    from supportnet.models.exported_model import ExportedModel
    from supportnet.serving.export import export
    from supportnet.training.train import train

    run, saved = Path(out) / "runs" / "quickstart", Path(out) / "saved_models" / "quickstart"
    say = _silent if as_json else click.echo
    dataset = load("sample")
    say(f"1. data: {len(dataset['train'])} messages to train on, {len(dataset.intents)} intents (sample)")
    with naming_flags(), writing_to(out):
        shutil.rmtree(run, ignore_errors=True)
        say("2. training")
        trained = train(dataset, run, seed=seed, epochs=epochs)
        say(f"   validation accuracy {trained.metrics['accuracy']:.3f}; the run is in {run}")
        folder = export(trained.model, saved, version=1, overwrite=True)
    say(f"3. export: {folder}")
    model = ExportedModel(folder)
    figures = evaluate_model(model, dataset["test"])
    say(f"4. test accuracy of the export {figures['accuracy']:.3f} on {figures['num_examples']} messages")
    routed, right = figures["coverage_at_precision"], figures["precision_at_threshold"]
    precise = "" if right is None else f", {right:.0%} of them right"
    say(f"   it would route {routed:.0%} of all messages without a human{precise}")
    say("5. answers")
    answers = [{"text": a.text, "intent": a.intent, "score": a.score} for a in model.classify(MESSAGES)]
    for answer in answers:
        say(f"   {answer['score']:.2f}  {answer['intent']:<20} {answer['text']}")
    seconds = time.monotonic() - started
    say(f'done in {seconds:.0f} s; ask it yourself: supportnet predict {saved} "..."')
    if as_json:
        print_json(
            {
                "run": str(run),
                "model": str(folder),
                "accuracy": figures["accuracy"],
                "macro_f1": figures["macro_f1"],
                "num_examples": figures["num_examples"],
                "coverage_at_precision": routed,
                "precision_at_threshold": right,
                "predictions": answers,
                "seconds": seconds,
            }
        )


def _silent(_: Any) -> None:
    """With --json, standard output is for the one object."""
