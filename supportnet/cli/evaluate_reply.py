"""`supportnet evaluate` of a model that writes replies."""

from typing import Any

import click

from supportnet.cli.common import load_replies, one_line, print_json, print_table, start_tensorflow

#: What is printed, in this order.
PRINTED = (
    *("perplexity", "bleu", "rouge_l", "exact_match", "distinct_1", "distinct_2", "slot_accuracy"),
    *("handoff_rate", "sent_quality", "tokens_per_second"),
)


def evaluate_replies(run: str, data: str, split: str, beam: int | None, as_json: bool, reading: dict[str, Any]) -> None:
    """Score a run on messages whose replies are known.

    Args:
        run: the run folder.
        data: name or path of messages with replies.
        split: which split to score.
        beam: beginnings of a reply that are followed at a time.
        as_json: print one JSON object.
        reading: arguments of `supportnet.load`.
    """
    dataset = load_replies(data, reading)
    tickets = dataset["all" if "all" in dataset.splits else split]
    start_tensorflow()
    from supportnet.tasks.reply.evaluate import evaluate_replier
    from supportnet.tasks.reply.run import load_replier

    figures = evaluate_replier(load_replier(run), tickets, beam or 1)
    if as_json:
        print_json(figures)
        return
    for name in PRINTED:
        if figures[name] is not None:
            ends = figures["intervals"].get(name)
            interval = f" (95% from {ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
            click.echo(f"{name:<20}{figures[name]:.3f}{interval}")
    click.echo(f"{figures['num_examples']} messages; {figures['bleu_signature']}\n")
    print_table([{name: one_line(value, 40) for name, value in row.items()} for row in figures["examples"]])
