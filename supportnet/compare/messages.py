"""The messages that all models of a comparison share: the same splits, parts and lengths for every one."""

import random
from collections.abc import Sequence
from dataclasses import replace

from supportnet.data.splits import train_validation_split
from supportnet.data.ticket import Ticket, TicketDataset, grouped
from supportnet.text.tokenizer import tokenize
from supportnet.training.run_folder import ticket_fingerprint
from supportnet.training.splits import cut_conversations

#: What is cut off data without such splits.
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1


def prepare(dataset: TicketDataset, messages: int | None = None) -> TicketDataset:
    """Return the data set with the splits train, validation and test, cut off where it has none.

    Args:
        dataset: any.
        messages: training messages at most, and half as many of the others; None takes all.

    Example:
        >>> from supportnet import load
        >>> {name: len(tickets) for name, tickets in prepare(load("sample"), messages=100).splits.items()}
        {'train': 100, 'validation': 50, 'test': 50}
    """
    splits = dict(dataset.splits)
    train = splits.pop("all", splits.get("train", []))
    for name, share in (("test", TEST_SHARE), ("validation", VALIDATION_SHARE)):
        if name not in splits:
            train, splits[name] = _cut(train, share)
    if messages is not None:
        train = drawn(train, messages)
        splits.update({name: drawn(splits[name], messages // 2) for name in ("validation", "test")})
    return replace(dataset, splits={"train": train, "validation": splits["validation"], "test": splits["test"]})


def _cut(tickets: Sequence[Ticket], share: float) -> tuple[list[Ticket], list[Ticket]]:
    if all(ticket.intent is not None and ticket.conversation is None for ticket in tickets):
        return train_validation_split(tickets, share)
    return cut_conversations(tickets, share, seed=0)


def drawn(tickets: Sequence[Ticket], count: int, seed: int = 0) -> list[Ticket]:
    """Draw some tickets, every intent in its share, and of every intent one as far as there is room.

    What is drawn with a smaller count is part of what is drawn with a larger one.

    Example:
        >>> tickets = [Ticket("a", "x"), Ticket("b", "x"), Ticket("c", "x"), Ticket("d", "y")]
        >>> sorted(ticket.intent for ticket in drawn(tickets, 2))
        ['x', 'y']
    """
    draw = random.Random(seed).random
    draws = [(draw(), row) for row in range(len(tickets))]
    places = [
        (rank / len(members) if rank else -1.0, chance, row)
        for members in grouped(draws, key=lambda drawn: tickets[drawn[1]].intent).values()
        for rank, (chance, row) in enumerate(sorted(members))
    ]
    return [tickets[row] for row in sorted(row for _, _, row in sorted(places)[:count])]


def lengthened(dataset: TicketDataset, length: int) -> TicketDataset:
    """Return the data set with messages of exactly `length` tokens: cut, or hidden among others.

    A shorter message stands somewhere among tokens that are drawn from the training messages, as frequent as they are
    there: they say nothing of what it is about.
    """
    pool = [token for ticket in dataset["train"] for token in tokenize(ticket.text)]
    chance = random.Random(length)

    def of_length(text: str) -> str:
        tokens = tokenize(text)[:length]
        filler = chance.choices(pool, k=length - len(tokens))
        place = chance.randint(0, len(filler))
        return " ".join([*filler[:place], *tokens, *filler[place:]])

    splits = {
        name: [replace(ticket, text=of_length(ticket.text)) for ticket in tickets]
        for name, tickets in dataset.splits.items()
    }
    return replace(dataset, splits=splits)


def fingerprint_of(dataset: TicketDataset) -> str:
    """Return one hash of all messages, intents, replies and labels."""
    return ticket_fingerprint(ticket for split in dataset.splits.values() for ticket in split)
