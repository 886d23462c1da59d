"""`supportnet evaluate` of a suggestion model."""

from typing import Any

import click

from supportnet.cli.common import load_replies, print_json, print_table, start_tensorflow
from supportnet.data import Bank, bank_of_replies, load_bank, load_judgements
from supportnet.errors import UserError


def evaluate_suggestions(
    run: str,
    data: str | None,
    split: str,
    bank: str | None,
    queries: str | None,
    as_json: bool,
    reading: dict[str, Any],
) -> None:
    """Score a run on messages whose replies are known, or on one's own judgements.

    Args:
        run: the run folder.
        data: name or path of messages with replies.
        split: which split to score.
        bank: path of the answers to search.
        queries: path of the judgements.
        as_json: print one JSON object.
        reading: arguments of `supportnet.load`.
    """
    if (data is None) == (queries is None) or (queries is not None and bank is None):
        raise UserError("Give either --data, or --bank with --queries.")
    answers = None if bank is None else load_bank(bank, encoding=reading["encoding"])
    if answers is not None and queries is not None:
        figures = _judged(run, answers, queries, reading["encoding"])
    else:
        figures = _replied(run, str(data), split, answers, reading)
    if as_json:
        print_json(figures)
        return
    print_table(
        [
            {"": name, "value": figures[name], "95% from": ends[0], "to": ends[1]}
            for name, ends in figures["intervals"].items()
            if ends is not None
        ]
    )
    click.echo(f"{figures['num_examples']} messages, {figures['bank_size']} answers in the bank")


def _judged(run: str, bank: Bank, queries: str, encoding: str) -> dict[str, Any]:
    judgements = load_judgements(queries, encoding=encoding)
    start_tensorflow()
    from supportnet.tasks.suggest.evaluate import evaluate_judged
    from supportnet.tasks.suggest.run import load_suggester

    return evaluate_judged(load_suggester(run), judgements, bank)


def _replied(run: str, data: str, split: str, bank: Bank | None, reading: dict[str, Any]) -> dict[str, Any]:
    dataset = load_replies(data, reading)
    whole = "all" in dataset.splits
    tickets = dataset["all" if whole else split]
    answers = bank or bank_of_replies(str(dataset.name), dataset["all" if whole else "train"])
    start_tensorflow()
    from supportnet.tasks.suggest.evaluate import evaluate_suggester
    from supportnet.tasks.suggest.run import load_suggester

    return evaluate_suggester(load_suggester(run), tickets, answers)
