"""Training data of the task classify: messages with intents that are labelled or pseudo-labelled."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress

import numpy as np
import numpy.typing as npt

from supportnet.data.splits import (
    check_known_intents,
    check_trainable,
    labelled,
    listed,
    train_validation_split,
    warn_of_unvalidated_intents,
)
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, grouped, same_text
from supportnet.errors import UserError
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.task import TaskSplit
from supportnet.training.examples import Examples

#: Up to so many labelled messages, what a held-out split tells is mostly chance, and its messages are missed in
#: training: they are cross-validated, and trained on by a recipe of their own. See benchmarks/README.md.
FEW_ROWS = 2000
#: Parts of a cross-validation.
NUM_FOLDS = 5

_NO_VALIDATION = (
    "There are no validation messages in scope: the last epoch's weights are kept, probabilities aren't calibrated, "
    "every message counts as in scope and none is routed."
)


@dataclass(frozen=True)
class Split(TaskSplit):
    """Messages to train on and to validate on.

    Attributes:
        tickets, validation, facts: see `TaskSplit`; validation holds out-of-scope messages as well.
        unlabelled: further messages to learn from.
        folds: the part of a cross-validation that holds each training message out, int `[N]`; -1 for one that every
            part trains on. None where there is none.
    """

    unlabelled: Sequence[str] = ()
    folds: npt.NDArray[np.int64] | None = None

    @property
    def is_few(self) -> bool:
        """Whether the training messages are few: see `FEW_ROWS`."""
        return len(self.tickets) <= FEW_ROWS

    def at(self, rows: npt.NDArray[np.int64]) -> list[Ticket]:
        """Return the training messages at these positions, int `[M]`."""
        return [self.tickets[row] for row in rows.tolist()]

    @property
    def texts(self) -> list[str]:
        return [*super().texts, *self.unlabelled]

    @cached_property
    def intents(self) -> list[str]:
        """Names of the intents, sorted."""
        return sorted({str(ticket.intent) for ticket in self.tickets})

    @cached_property
    def labelled(self) -> Examples:
        """The labelled training examples."""
        return labelled_examples(self.tickets, self.intents)

    @cached_property
    def held_out(self) -> Examples:
        """The in-scope validation examples that choose the epoch; the others carry the promise (see `promising`)."""
        chosen = compress(self.validation, ~promising(self.validation))
        in_scope = [ticket for ticket in chosen if ticket.intent in self.intents]
        return labelled_examples(in_scope, self.intents)


def split(dataset: TicketDataset, config: ClassifyConfig, unlabelled: Sequence[str] = ()) -> Split:
    """Return the messages to train on and to validate on, checked.

    Raises:
        UserError: there is nothing to train on, or validation has other intents.
    """
    tickets, validation = training_splits(dataset, config)
    folds = None
    if validation_method(dataset, config) == "cv":
        folds = message_folds(tickets, config.seed)
        if (folds < 0).all():
            warnings.warn(_NO_VALIDATION, stacklevel=2)
            folds = None
    return Split.of(dataset, tickets, validation, unlabelled=unlabelled, folds=folds)


def validation_method(dataset: TicketDataset, config: ClassifyConfig) -> str:
    """Return `cv`, `split` or `none`: how a model of these messages is validated.

    Raises:
        UserError: messages with a validation split of their own are to be cross-validated.
    """
    if "validation" in dataset.splits:
        if config.validation == "cv":
            raise UserError("validation must be left to the data's own validation split. Received: validation='cv'")
        return "split"
    if config.validation is not None:
        return config.validation
    if not config.validation_share:
        return "none"
    return "cv" if count_labelled(dataset) <= FEW_ROWS else "split"


def count_labelled(dataset: TicketDataset) -> int:
    """Return the number of training messages with an intent."""
    return sum(ticket.intent is not None for ticket in dataset["all" if "all" in dataset.splits else "train"])


def message_folds(tickets: Sequence[Ticket], seed: int, num_folds: int = NUM_FOLDS) -> npt.NDArray[np.int64]:
    """Divide messages into the folds of a cross-validation, intent by intent.

    Messages that differ in case and white space only are in one fold: no model judges what it has learned.

    Args:
        tickets: N labelled messages.
        seed: which.
        num_folds: number of folds.

    Returns:
        The fold of each message, int `[N]`; -1 where an intent has no two different messages.

    Warns:
        UserWarning: names those intents.

    Example:
        >>> tickets = [Ticket("my money", "refund"), Ticket("where is it", "track"), Ticket("lost?", "track")]
        >>> with warnings.catch_warnings(action="ignore"):
        ...     sorted(message_folds(tickets, seed=0).tolist())
        [-1, 0, 1]
    """
    keys = [same_text(ticket.text) for ticket in tickets]
    intent_of = {key: str(ticket.intent) for key, ticket in zip(keys, tickets, strict=True)}
    by_intent = grouped(np.random.default_rng(seed).permutation(sorted(intent_of)).tolist(), key=intent_of.__getitem__)
    single = sorted(intent for intent, own in by_intent.items() if len(own) == 1)
    if single:
        warnings.warn(
            f"Intents with a single message stay in training, outside validation: {listed(single)}.", stacklevel=3
        )
    # One intent after the other, so that folds and the intents in them are of equal size.
    held_out = [key for intent in sorted(by_intent) if intent not in single for key in by_intent[intent]]
    fold_of = {key: number % num_folds for number, key in enumerate(held_out)}
    return np.array([fold_of.get(key, -1) for key in keys])


def promising(tickets: Sequence[Ticket]) -> npt.NDArray[np.bool_]:
    """Tell which validation messages carry the promise, bool `[N]`: every second one, intent by intent.

    The others choose: what they have chosen would look better on them than it is.

    Example:
        >>> promising([Ticket("my money", "refund"), Ticket("where is it", "track"), Ticket("lost?", "track")]).tolist()
        [False, True, False]
    """
    carries = np.zeros(len(tickets), bool)
    order = sorted(range(len(tickets)), key=lambda row: (str(tickets[row].intent), row))
    carries[order[1::2]] = True
    return carries


def training_splits(dataset: TicketDataset, config: ClassifyConfig) -> tuple[list[Ticket], list[Ticket]]:
    """Return the messages to train on and those for validation, checked.

    Messages without an intent are left out, with a warning. Validation is empty if there is a cross-validation, if the
    data or the configuration want none, or if all of it is out of scope.
    """
    tickets = labelled(dataset["all" if "all" in dataset.splits else "train"], "train on")
    check_trainable(tickets)
    method = validation_method(dataset, config)
    if method == "cv":
        return tickets, []
    validation: list[Ticket] = []
    if "validation" in dataset.splits:
        validation = labelled(dataset["validation"], "validate on")
    elif method == "split":
        tickets, validation = train_validation_split(tickets, config.validation_share, config.seed)
    if all(ticket.intent == OUT_OF_SCOPE for ticket in validation):
        warnings.warn(_NO_VALIDATION, stacklevel=3)
        return tickets, []
    intents = {str(ticket.intent) for ticket in tickets}
    check_known_intents(intents, validation)
    if "validation" in dataset.splits:
        warn_of_unvalidated_intents(intents, validation)
    return tickets, validation


def labelled_examples(tickets: Sequence[Ticket], intents: Sequence[str]) -> Examples:
    """Return labelled messages as examples.

    Args:
        tickets: with intents that are among `intents`.
        intents: names in the order of the indices.

    Example:
        >>> labelled_examples([Ticket("where is it", "track")], ["cancel", "track"]).targets
        array([1])
    """
    return Examples([ticket.text for ticket in tickets], intent_indices(intents, tickets))


def intent_indices(intents: Sequence[str], tickets: Sequence[Ticket]) -> npt.NDArray[np.int64]:
    """Return the index of each message's intent, int64 `[N]`; -1 for an out-of-scope one that `intents` lacks.

    Example:
        >>> intent_indices(["cancel", "track"], [Ticket("where is it", "track"), Ticket("sing", OUT_OF_SCOPE)])
        array([ 1, -1])
    """
    index = {OUT_OF_SCOPE: -1} | {intent: i for i, intent in enumerate(intents)}
    return np.array([index[str(ticket.intent)] for ticket in tickets], dtype="int64")
