"""Training data of the task attributes: messages with further labels, each of which may be missing."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.task import TaskSplit
from supportnet.training.examples import Examples
from supportnet.training.splits import cut_conversations

_NO_VALIDATION = (
    "There are no validation messages with attributes: the last epoch's weights are kept, and probabilities aren't "
    "calibrated."
)

#: attribute -> its values, sorted.
Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Split(TaskSplit):
    """Messages to train on and to validate on.

    Attributes:
        tickets, validation, facts: see `TaskSplit`; each has a label of some attribute.
        values: the values of each attribute in training.
    """

    values: Values


def split(dataset: TicketDataset, config: AttributesConfig, unlabelled: Sequence[str] = ()) -> Split:
    """Return the messages with attributes to train on and to validate on; unlabelled messages are not read.

    Raises:
        UserError: no message has an attribute, an attribute has one value only, or validation has another value.

    Warns:
        UserWarning: there are no messages to validate on.
    """
    tickets = with_attributes(dataset["all" if "all" in dataset else "train"])
    if not tickets:
        raise UserError(
            f"No message of {dataset.name} has an attribute. Name their columns with attribute_columns "
            "(--attribute-columns)."
        )
    if "validation" in dataset:
        validation = with_attributes(dataset["validation"])
    else:
        tickets, validation = cut_conversations(tickets, config.validation_share, config.seed)
    values = values_of(tickets)
    for name, own in values.items():
        if len(own) < 2:
            raise UserError(f"The attribute {name} must have at least two values to train on. It has one: {own[0]!r}.")
    # With a value that training has, of some attribute.
    validation = [t for t in validation if any(value in values.get(name, ()) for name, value in t.labels.items())]
    if not validation:
        warnings.warn(_NO_VALIDATION, stacklevel=3)
    return Split.of(dataset, tickets, validation, values=values)


def with_attributes(tickets: Sequence[Ticket]) -> list[Ticket]:
    """Return the tickets that have an attribute."""
    return [ticket for ticket in tickets if ticket.labels]


def values_of(tickets: Sequence[Ticket]) -> dict[str, list[str]]:
    """Return the values of each attribute, both sorted.

    Example:
        >>> values_of([Ticket("hi", labels={"priority": "low"}), Ticket("now!", labels={"priority": "high"})])
        {'priority': ['high', 'low']}
    """
    names = sorted({name for ticket in tickets for name in ticket.labels})
    return {name: sorted({t.labels[name] for t in tickets if name in t.labels}) for name in names}


def targets_of(tickets: Sequence[Ticket], values: Values) -> npt.NDArray[np.int64]:
    """Return the index of each message's value of each attribute, int `[N, A]`; -1 where training lacks it.

    Example:
        >>> targets_of([Ticket("hi", labels={"priority": "low"})], {"channel": ["mail"], "priority": ["high", "low"]})
        array([[-1,  1]])
    """
    index = {name: {value: i for i, value in enumerate(own)} for name, own in values.items()}
    rows = [[index[name].get(ticket.labels.get(name, ""), -1) for name in values] for ticket in tickets]
    return np.array(rows, dtype="int64").reshape(len(tickets), len(values))


def examples_of(tickets: Sequence[Ticket], values: Values) -> Iterator[Examples]:
    """Yield the labelled examples of each attribute."""
    targets = targets_of(tickets, values)
    for column in targets.T:
        labelled = np.flatnonzero(column >= 0)
        yield Examples([tickets[i].text for i in labelled.tolist()], column[labelled])
