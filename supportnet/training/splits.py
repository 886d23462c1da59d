"""Which messages train a model, with labels or without, and which ones validate it."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np

from supportnet.config import NetworkConfig
from supportnet.data import load_unlabelled
from supportnet.data.splits import with_reply
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, conversations_of
from supportnet.errors import UserError
from supportnet.text.vocabulary import Vocabulary

#: One or several names or paths of data sources.
Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def unlabelled_sets(data: Sources | TicketDataset | None, data_options: Mapping[str, Any]) -> list[TicketDataset]:
    """Return the messages to learn from without labels, one data set with the split `train` for each source.

    Args:
        data: names or paths (see `supportnet.data.load_unlabelled`), or a data set with a split `train` or `all`; None
            gives no set.
        data_options: arguments of `load_unlabelled`.
    """
    if data is None:
        return []
    if isinstance(data, TicketDataset):
        return [replace(data, splits={"train": data["all" if "all" in data.splits else "train"]})]
    return load_unlabelled([data] if isinstance(data, str | os.PathLike) else data, **data_options)


def texts_of(datasets: Sequence[TicketDataset]) -> list[str]:
    """Return the texts of all training messages, one data set after the other."""
    return [ticket.text for dataset in datasets for ticket in dataset["train"]]


def build_vocabulary(texts: Sequence[str], network: NetworkConfig, min_count: int) -> Vocabulary:
    """Make the vocabulary of the messages that a network learns from, read as it will read them."""
    return Vocabulary.build(texts, mode=network.text_mode, max_length=network.max_length, min_count=min_count)


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
