"""Cutting off a validation split, and checks that data can be trained and scored on."""

import random
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, grouped, intents_of, same_text
from supportnet.errors import UserError

#: How many names a message lists before it only counts the rest.
_MOST_NAMES = 10


def train_validation_split(
    tickets: Sequence[Ticket], validation_share: float = 0.1, seed: int = 0
) -> tuple[list[Ticket], list[Ticket]]:
    """Cut a validation split off, intent by intent.

    Every intent gives `validation_share` of its tickets, rounded, at least one, and keeps at least one. An
    intent with a single ticket stays in training, with a warning. Out-of-scope tickets are divided like an
    intent. The same seed gives the same split on every machine and Python version.

    Args:
        tickets: labelled tickets.
        validation_share: between 0 and 1, both excluded.
        seed: any whole number.

    Returns:
        Training and validation tickets, both in the order of `tickets`.

    Raises:
        UserError: if `validation_share` is out of range, or no intent has two tickets.

    Example:
        >>> from supportnet import load
        >>> [len(tickets) for tickets in train_validation_split(load("sample")["train"], seed=1)]
        [7657, 868]
    """
    if not 0 < validation_share < 1:
        raise UserError(f"validation_share must be between 0 and 1. Received: {validation_share=}")
    # Of Python's generators only random() is promised to give the same numbers in every version.
    draw = random.Random(seed).random
    draws = [(draw(), index) for index in range(len(tickets))]
    by_intent = grouped(draws, key=lambda drawn: tickets[drawn[1]].intent)
    chosen: set[int] = set()
    for members in by_intent.values():
        num_chosen = min(max(1, round(len(members) * validation_share)), len(members) - 1)
        chosen.update(index for _, index in sorted(members)[:num_chosen])
    if not chosen:
        raise UserError("A validation split needs an intent with at least two messages; there is none.")
    if single := [intent for intent in intents_of(tickets) if len(by_intent[intent]) == 1]:
        warnings.warn(
            f"Intents with a single message stay in training, outside validation: {listed(single)}.", stacklevel=2
        )
    train = [ticket for index, ticket in enumerate(tickets) if index not in chosen]
    return train, [ticket for index, ticket in enumerate(tickets) if index in chosen]


def corrected(dataset: TicketDataset, more: TicketDataset) -> TicketDataset:
    """Add messages to the training split of a data set; one that stands in both is as the later one says.

    Messages are the same if they differ in case and white space only. Other splits of `more` are left out.

    Example:
        >>> first = TicketDataset("may", {"all": [Ticket("where is it", "refund"), Ticket("my money", "refund")]})
        >>> both = corrected(first, TicketDataset("june", {"all": [Ticket("Where is it", "track")]}))
        >>> [(ticket.text, ticket.intent) for ticket in both["all"]]
        [('my money', 'refund'), ('Where is it', 'track')]
    """
    split, later = ("all" if "all" in own.splits else "train" for own in (dataset, more))
    known = {same_text(ticket.text) for ticket in more[later]}
    kept = [ticket for ticket in dataset[split] if same_text(ticket.text) not in known]
    splits = {**dataset.splits, split: [*kept, *more[later]]}
    return replace(dataset, splits=splits, files=[*dataset.files, *more.files])


def labelled(tickets: Sequence[Ticket], purpose: str) -> list[Ticket]:
    """Return the tickets that have an intent, for what needs one; warn of how many are left out.

    Args:
        tickets: those of a data set that is more than labelled messages, such as star or a file of replies.
        purpose: what the messages are for, as a warning says it: `train on`.

    Raises:
        UserError: if there are tickets, but none has an intent.

    Example:
        >>> labelled([Ticket("where is it?", intent="track_order")], "evaluate on")[0].intent
        'track_order'
    """
    kept = [ticket for ticket in tickets if ticket.intent is not None]
    if tickets and not kept:
        raise UserError(f"No message to {purpose} has an intent. Is there a column of intents (--label-column)?")
    if len(kept) < len(tickets):
        # Said here, not where it was called: what several parts of one command leave out is the same, and said once.
        left_out = len(tickets) - len(kept)
        warnings.warn(f"{left_out:,} of {len(tickets):,} messages to {purpose} have no intent: left out.", stacklevel=1)
    return kept


def with_reply(tickets: Sequence[Ticket]) -> list[Ticket]:
    """Return the tickets whose reply has text."""
    return [ticket for ticket in tickets if ticket.reply and ticket.reply.strip()]


def check_trainable(tickets: Sequence[Ticket]) -> None:
    """Check that a classifier can be trained on `tickets`.

    Raises:
        UserError: if there are no tickets, one has no intent, fewer than two intents are in scope, or no text
            holds anything but white space.
    """
    if not tickets:
        raise UserError("There are no messages to train on.")
    _check_labelled(tickets, "train on")
    intents = intents_of(tickets)
    if not intents:
        raise UserError("Training needs at least two intents, but every message is out of scope.")
    if len(intents) == 1:
        raise UserError(f"Training needs at least two intents, but every message has the same one: {intents[0]!r}.")
    if not any(ticket.text.strip() for ticket in tickets):
        raise UserError("Every message to train on is empty. Is the text column the right one?")


def check_known_intents(train_intents: Iterable[str], test_tickets: Sequence[Ticket]) -> None:
    """Check that a model trained on `train_intents` can be scored on `test_tickets`.

    An intent that training never saw can't be predicted, so that a score over its messages says nothing of
    the model. Messages that no intent covers are `OUT_OF_SCOPE`, and always allowed.

    Raises:
        UserError: if there are no tickets, one has no intent, or an intent isn't in `train_intents`.
    """
    if not test_tickets:
        raise UserError("There are no messages to evaluate on.")
    _check_labelled(test_tickets, "evaluate on")
    if unknown := sorted(set(intents_of(test_tickets)) - set(train_intents)):
        raise UserError(
            f"The data to evaluate on has intents that training never saw: {listed(unknown)}. "
            f"Remove or rename them, or label their messages {OUT_OF_SCOPE}."
        )


def warn_of_unvalidated_intents(intents: Iterable[str], validation: Sequence[Ticket]) -> None:
    """Warn of intents without a validation message: nothing shows how well the model knows them."""
    if missing := sorted(set(intents) - {OUT_OF_SCOPE} - set(intents_of(validation))):
        warnings.warn(
            f"Intents without a validation message: {listed(missing)}. "
            "How sure the model is of them, and whether they can be routed, is judged by the others.",
            stacklevel=3,
        )


def _check_labelled(tickets: Sequence[Ticket], purpose: str) -> None:
    for number, ticket in enumerate(tickets, start=1):
        if ticket.intent is None:
            raise UserError(f"Every message to {purpose} needs an intent; message {number} has none.")


def listed(names: Sequence[str]) -> str:
    """Join names for a message; of many, the first ones and a count of the rest."""
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
