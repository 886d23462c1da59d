"""Pre-training of a model that writes replies: what is said next in the conversations that it will learn from."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from supportnet.data.context import newest_turn
from supportnet.data.ticket import Ticket
from supportnet.files import remove_incomplete
from supportnet.models.replier import Replier
from supportnet.training.checkpoint import Progress
from supportnet.training.config import ReplyConfig
from supportnet.training.reply_fit import fit_replier
from supportnet.training.reply_pairs import ReplyPairs

#: What pre-training keeps in the folder of a run: its checkpoint and its logs.
FOLDER = "pretraining"


def pretrain_replier(
    model: Replier,
    tickets: Sequence[Ticket],
    validation: Sequence[Ticket],
    config: ReplyConfig,
    folder: Path | None = None,
    progress_bar: bool = True,
) -> Progress | None:
    """Train `model.network` in place to write the newest turn of every message, piece by piece, after those before it.

    It is the objective of a GPT (Radford et al. 2018, section 3.1), turn by turn: nobody has to label or choose
    anything, and the customers' language is learned as well as the agents'. Replies aren't read.

    Args:
        model: a fresh one.
        tickets: messages to learn from.
        validation: messages that decide which epoch is the best; without any, the last one is.
        config: how to train, for `pretraining_epochs`.
        folder: the run's; see `fit_replier`.
        progress_bar: show one on standard error.

    Returns:
        The history, and which epoch was the best; None if nothing is said in the messages.

    Raises:
        UserError: as for `fit_replier`.

    Example (needs a training run):
        >>> pretrain_replier(model, dataset["train"], dataset["validation"], ReplyConfig(pretraining_epochs=2))
    """
    turns, held_out = turns_of(tickets), turns_of(validation)
    if not turns:
        return None
    own = None if folder is None else folder / FOLDER
    if own is not None:
        remove_incomplete(own)
    return fit_replier(
        model,
        ReplyPairs.of(turns, model),
        ReplyPairs.of(held_out, model) if held_out else None,
        replace(config, epochs=config.pretraining_epochs),
        own,
        progress_bar,
        what="pre-training",
    )


def turns_of(tickets: Iterable[Ticket]) -> list[Ticket]:
    """Return what is said in messages: the newest turn of each, its speaker included, as a reply to those before it.

    Example:
        >>> turns_of([Ticket("customer: where is it?\\nagent: hello", reply="On its way.")])
        [Ticket(text='agent: hello', intent=None, reply='customer: where is it?', ...)]
    """
    parted = (newest_turn(ticket.text) for ticket in tickets)
    return [Ticket(before, reply=newest) for newest, before in parted if newest.strip()]
