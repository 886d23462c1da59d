"""Figures of a data set, as a plain dict for printing."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

from supportnet.data.sources import load
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset

#: Where the figures of a split hold those of the labels beside the intent.
FURTHER_LABELS = "attributes"


def describe(
    name_or_dataset: str | os.PathLike[str] | TicketDataset, *, data_dir: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """Return name, origin and figures of a data set.

    Args:
        name_or_dataset: what `load` takes or returns. Load a file that needs options first.
        data_dir: as for `load`.

    Returns:
        name, description, licence, source, and splits: split -> num_messages, num_intents, num_out_of_scope,
        num_unlabelled, num_replies and num_different_replies, text_length (median and longest, in words between
        white space), smallest_intent and largest_intent (intent and num_messages; None where no message is in
        scope), attributes (name of the further labels -> num_messages that have one, num_values). All values go into
        JSON.

    Raises:
        UserError: what `load` raises.

    Example:
        >>> describe("sample")["splits"]["test"]["num_messages"]
        2005
    """
    if isinstance(name_or_dataset, TicketDataset):
        dataset = name_or_dataset
    else:
        dataset = load(name_or_dataset, data_dir=data_dir)
    return {
        "name": dataset.name,
        "description": dataset.description,
        "licence": dataset.licence,
        "source": dataset.source,
        "splits": {split: _describe_split(tickets) for split, tickets in dataset.splits.items()},
    }


def _describe_split(tickets: Sequence[Ticket]) -> dict[str, Any]:
    by_intent = Counter(ticket.intent for ticket in tickets if ticket.intent not in (None, OUT_OF_SCOPE))
    # Of intents of one size, the first in the alphabet: the same answer whatever the order of the tickets.
    sizes = sorted((num_messages, intent) for intent, num_messages in by_intent.items())
    replies = [ticket.reply for ticket in tickets if ticket.reply is not None]
    lengths = [len(ticket.text.split()) for ticket in tickets]
    return {
        "num_messages": len(tickets),
        "num_intents": len(by_intent),
        "num_out_of_scope": sum(ticket.intent == OUT_OF_SCOPE for ticket in tickets),
        "num_unlabelled": sum(ticket.intent is None for ticket in tickets),
        "num_replies": len(replies),
        "num_different_replies": len(set(replies)),
        "text_length": {"median": float(median(lengths)), "longest": max(lengths)} if lengths else None,
        "smallest_intent": _intent(sizes[0]) if sizes else None,
        "largest_intent": _intent(max(sizes, key=lambda size: size[0])) if sizes else None,
        FURTHER_LABELS: _describe_attributes(tickets),
    }


def _describe_attributes(tickets: Sequence[Ticket]) -> dict[str, Any]:
    labels: dict[str, list[str]] = defaultdict(list)
    for ticket in tickets:
        for name, label in ticket.labels.items():
            labels[name].append(label)
    return {name: {"num_messages": len(found), "num_values": len(set(found))} for name, found in labels.items()}


def _intent(size: tuple[int, str | None]) -> dict[str, Any]:
    num_messages, intent = size
    return {"intent": intent, "num_messages": num_messages}
