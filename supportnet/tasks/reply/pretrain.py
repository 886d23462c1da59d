"""Pre-training data of a model that writes replies: what is said next in the conversations that it will learn from.

Nobody has to label or choose anything, and the customers' language is learned as well as the agents'.
"""

from collections.abc import Iterable

from supportnet.data.ticket import Ticket, newest_turn

#: Folder of the checkpoint and the logs of pre-training, in that of the run.
FOLDER = "pretraining"


def turns_of(tickets: Iterable[Ticket]) -> list[Ticket]:
    """Return what is said in messages: the newest turn of each, its speaker included, as a reply to those before it.

    Example:
        >>> turns_of([Ticket("customer: where is it?\\nagent: hello", reply="On its way.")])
        [Ticket(text='agent: hello', intent=None, reply='customer: where is it?', ...)]
    """
    parted = (newest_turn(ticket.text) for ticket in tickets)
    return [Ticket(before, reply=newest) for newest, before in parted if newest.strip()]
