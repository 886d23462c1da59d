"""What a task trains on, and what it holds out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.training.run_folder import ticket_fingerprint


@dataclass(frozen=True)
class TaskSplit:
    """Messages of one task; the base of each task's `Split`.

    Attributes:
        tickets: the training messages.
        validation: the validation messages; may be empty.
        facts: the data's description in the run's files, with a `fingerprint`.
    """

    tickets: Sequence[Ticket]
    validation: Sequence[Ticket]
    facts: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        """The texts that the vocabulary is counted in."""
        return [ticket.text for ticket in self.tickets]


def data_facts(
    dataset: TicketDataset,
    tickets: Sequence[Ticket],
    validation: Sequence[Ticket],
    unlabelled: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the data's description, with a fingerprint by which a resumed run recognizes its messages."""
    return {
        "name": str(dataset.name),
        "source": dataset.source,
        "licence": dataset.licence,
        "train_messages": len(tickets),
        "validation_messages": len(validation),
        **({} if unlabelled is None else {"unlabelled_messages": len(unlabelled)}),
        "fingerprint": ticket_fingerprint((*tickets, *validation), unlabelled or ()),
    }
