"""Which messages with a reply train a model, and which ones say how good it is."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np

from supportnet.data.splits import with_reply
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, conversations_of
from supportnet.errors import UserError
from supportnet.training.run_folder import fingerprint

_NO_VALIDATION = (
    "There are no validation messages with a reply: the last epoch's weights are kept, and scores aren't calibrated."
)


def reply_splits(dataset: TicketDataset, validation_share: float, seed: int) -> tuple[list[Ticket], list[Ticket]]:
    """Return the tickets with a reply to train on and for validation.

    Args:
        dataset: without a validation split, one is cut off, conversation by conversation where they are known.
        validation_share: share of the conversations that is cut off; 0 goes without.
        seed: which.

    Raises:
        UserError: no ticket to train on has a reply.

    Warns:
        UserWarning: none is there for validation.
    """
    tickets = with_reply(dataset["all" if "all" in dataset.splits else "train"])
    if not tickets:
        raise UserError(f"No message of {dataset.name} has a reply. Is there a column of replies (--reply-column)?")
    if "validation" in dataset.splits:
        validation = with_reply(dataset["validation"])
    else:
        tickets, validation = cut_conversations(tickets, validation_share, seed)
    if not validation:
        warnings.warn(_NO_VALIDATION, stacklevel=3)
    return tickets, validation


def cut_conversations(tickets: Sequence[Ticket], share: float, seed: int) -> tuple[list[Ticket], list[Ticket]]:
    """Divide tickets so that no conversation is in both parts; one without a number is a conversation of its own."""
    names = conversations_of(tickets)
    distinct = sorted(set(names))
    count = min(round(len(distinct) * share), len(distinct) - 1)
    held_out = {distinct[i] for i in np.random.default_rng(seed).permutation(len(distinct))[:count]}
    parts: tuple[list[Ticket], list[Ticket]] = ([], [])
    for name, ticket in zip(names, tickets, strict=True):
        parts[name in held_out].append(ticket)
    return parts


def with_validation(dataset: TicketDataset, share: float, seed: int) -> TicketDataset:
    """Cut one validation split off for several tasks, if there is none: what one holds out, no other learns from.

    Conversations that hold an intent that no other has stay in training.

    Args:
        dataset: any.
        share: share of the conversations that is cut off; 0 leaves the data set as it is.
        seed: which.
    """
    if "validation" in dataset.splits or not share:
        return dataset
    tickets, validation = cut_conversations(dataset["all" if "all" in dataset.splits else "train"], share, seed)
    known = {None, OUT_OF_SCOPE, *(ticket.intent for ticket in tickets)}
    back = {ticket.conversation for ticket in validation if ticket.intent not in known} - {None}
    stays = [ticket.intent not in known or ticket.conversation in back for ticket in validation]
    splits = {
        "train": [*tickets, *compress(validation, stays)],
        "validation": list(compress(validation, (not stay for stay in stays))),
    }
    return replace(dataset, splits=splits)


def pair_facts(dataset: TicketDataset, train_tickets: Sequence[Ticket], validation: Sequence[Ticket]) -> dict[str, Any]:
    """Return what a run's configuration says of its data."""
    parts = (part for ticket in (*train_tickets, *validation) for part in (ticket.text, ticket.reply, ticket.intent))
    return {
        "name": str(dataset.name),
        "source": dataset.source,
        "licence": dataset.licence,
        "train_messages": len(train_tickets),
        "validation_messages": len(validation),
        "fingerprint": fingerprint(parts),
    }
