"""Training data of the task classify: messages with intents that are labelled or pseudo-labelled."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from supportnet.data.splits import (
    check_known_intents,
    check_trainable,
    labelled,
    train_validation_split,
    warn_of_unvalidated_intents,
)
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.task import TaskSplit
from supportnet.training.examples import Examples

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
    """

    unlabelled: Sequence[str] = ()

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
        """The in-scope validation examples."""
        in_scope = [ticket for ticket in self.validation if ticket.intent in self.intents]
        return labelled_examples(in_scope, self.intents)


def split(dataset: TicketDataset, config: ClassifyConfig, unlabelled: Sequence[str] = ()) -> Split:
    """Return the messages to train on and to validate on, checked.

    Raises:
        UserError: there is nothing to train on, or validation has other intents.
    """
    tickets, validation = training_splits(dataset, config)
    return Split.of(dataset, tickets, validation, unlabelled=unlabelled)


def training_splits(dataset: TicketDataset, config: ClassifyConfig) -> tuple[list[Ticket], list[Ticket]]:
    """Return the messages to train on and those for validation, checked.

    Messages without an intent are left out, with a warning. Validation is empty if the data or the configuration want
    none, or if all of it is out of scope.
    """
    tickets = labelled(dataset["all" if "all" in dataset.splits else "train"], "train on")
    check_trainable(tickets)
    validation: list[Ticket] = []
    if "validation" in dataset.splits:
        validation = labelled(dataset["validation"], "validate on")
    elif config.validation_share:
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
