"""`supportnet quickstart`: the main job from end to end, on the built-in sample."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import json_option, naming_flags, print_json, start_tensorflow, writing_to

#: What is quick for each task, and enough to show what it does. The sample is easy to learn: a few epochs reach what
#: many would. Of several replies that would do, it has one for each message: a written one can't often be alike.
QUICK_INTENTS = {"epochs": 8}
QUICK_ANSWERS = {"epochs": 8, "architecture": "none"}
QUICK_REPLIES = {
    **{"epochs": 5, "architecture": "transformer", "preset": "tiny", "batch_tokens": 1024},
    **{"learning_rate": 0.006, "quality": 0.35},
}

MESSAGES = (
    "where is my parcel? it should have been here on monday",
    "I was charged twice for the same order!!",
    "how do i send back shoes that dont fit",
)

Say = Callable[[str], None]


@click.command()
@click.option("--out", default=".", show_default=True, metavar="DIR", help="Where runs/ and saved_models/ are written.")
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Passes over the training messages.  [default: 8, for replies 5]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@json_option
def quickstart(out: str, epochs: int | None, seed: int, as_json: bool) -> None:
    """Train all three tasks on the built-in sample, export them as one model, and answer a few messages.

    It takes some minutes on two cores, writes DIR/runs/quickstart and DIR/saved_models/quickstart/1, and replaces what
    an earlier quickstart left.

    \b
    supportnet quickstart
    supportnet quickstart --out /tmp/try --json
    """
    started = time.monotonic()
    start_tensorflow()
    from supportnet.data import bank_of_replies, load

    runs, saved = Path(out) / "runs" / "quickstart", Path(out) / "saved_models" / "quickstart"
    say: Say = _silent if as_json else click.echo
    dataset = load("sample")
    bank = bank_of_replies("sample", dataset["train"])
    say(f"1. data: {len(dataset['train'])} messages to train on, {len(dataset.intents)} intents (sample)")
    with naming_flags(), writing_to(out):
        shutil.rmtree(runs, ignore_errors=True)
        say("2. training")
        models = _train(dataset, runs, {"seed": seed, **({} if epochs is None else {"epochs": epochs})}, say)
        folder = _export(models, bank, saved)
    say(f"3. export of all three: {folder}")
    figures = _evaluate(folder, models, dataset["test"], bank, say)
    say("5. answers")
    answers = _answer(folder, say)
    seconds = time.monotonic() - started
    say(f'done in {seconds:.0f} s; ask it yourself: supportnet predict {saved} "..."')
    if as_json:
        print_json({"runs": str(runs), "model": str(folder), **figures, "predictions": answers, "seconds": seconds})


def _train(dataset: Any, runs: Path, options: dict[str, Any], say: Say) -> list[Any]:
    """Train a model for each task."""
    from supportnet.tasks.classify.learner import train
    from supportnet.tasks.reply.learner import train_replier
    from supportnet.tasks.suggest.learner import train_suggester

    say("   which intent a message has")
    intents = train(dataset, runs / "intents", **{**QUICK_INTENTS, **options})
    say(f"   validation accuracy {intents.metrics['accuracy']:.3f}; the run is in {runs / 'intents'}")
    say("   which known answer suits it")
    answers = train_suggester(dataset, runs / "answers", **{**QUICK_ANSWERS, **options})
    say(f"   the right one of 256 first for {answers.metrics['accuracy']:.3f}; the run is in {runs / 'answers'}")
    say("   how to write a reply")
    replies = train_replier(dataset, runs / "replies", **{**QUICK_REPLIES, **options})
    say(f"   perplexity {replies.metrics['perplexity']:.2f} a piece; the run is in {runs / 'replies'}")
    return [intents.model, answers.model, replies.model]


def _export(models: list[Any], bank: Any, saved: Path) -> Path:
    from supportnet.serving.export import export

    return export(models, saved, version=1, overwrite=True, bank=bank)


def _evaluate(folder: Path, models: list[Any], test: Any, bank: Any, say: Say) -> dict[str, Any]:
    """Score the three tasks on the test messages."""
    from supportnet.savedmodel.load import ExportedModel
    from supportnet.tasks.classify.evaluate import evaluate_model
    from supportnet.tasks.reply.evaluate import evaluate_replier
    from supportnet.tasks.suggest.evaluate import evaluate_suggester

    intents = evaluate_model(ExportedModel(folder), test)
    answers = evaluate_suggester(models[1], test, bank)
    replies = evaluate_replier(models[2], test)
    say(f"4. test: accuracy of the export {intents['accuracy']:.3f} on {intents['num_examples']} messages")
    routed, right = intents["coverage_at_precision"], intents["precision_at_threshold"]
    precise = "" if right is None else f", {right:.0%} of them right"
    say(f"   it would route {routed:.0%} of all messages without a human{precise}")
    say(
        f"   the true reply is first of 100 for {answers['recall_at_1']:.0%}, among the first five for "
        f"{answers['recall_at_5']:.0%}"
    )
    say(f"   written replies: BLEU {replies['bleu']:.1f}, {replies['handoff_rate']:.0%} would be handed to a person")
    names = ("accuracy", "macro_f1", "num_examples", "coverage_at_precision", "precision_at_threshold")
    return {
        **{name: intents[name] for name in names},
        **{name: answers[name] for name in ("recall_at_1", "recall_at_5")},
        **{name: replies[name] for name in ("bleu", "rouge_l", "handoff_rate")},
    }


def _answer(folder: Path, say: Say) -> list[dict[str, Any]]:
    """Ask the export."""
    from supportnet.savedmodel.load import SavedModel

    outputs = SavedModel(folder).run("serving_default", MESSAGES)
    answers = [
        {
            "text": text,
            "intent": outputs["intents"][row, 0].decode(),
            "score": float(outputs["intent_scores"][row, 0]),
            "suggestion": outputs["suggestions"][row, 0].decode(),
            "reply": outputs["reply"][row].decode(),
            "handoff": bool(outputs["handoff"][row]),
        }
        for row, text in enumerate(MESSAGES)
    ]
    for answer in answers:
        say(f"   {answer['text']}")
        say(f"     intent      {answer['intent']} ({answer['score']:.2f})")
        say(f"     suggestion  {answer['suggestion']}")
        say(f"     reply       {answer['reply']}{' (hand it to a person)' if answer['handoff'] else ''}")
    return answers


def _silent(_: Any) -> None:
    """With --json, standard output is for the one object."""
