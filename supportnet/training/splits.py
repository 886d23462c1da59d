"""Which messages train a model, with labels or without, and which ones say how good it is."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from supportnet.config import NetworkConfig
from supportnet.data import load_unlabelled
from supportnet.data.splits import (
    check_known_intents,
    check_trainable,
    labelled,
    train_validation_split,
    warn_of_unvalidated_intents,
)
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.config import TrainingConfig

_NO_VALIDATION = (
    "There are no validation messages in scope: the last epoch's weights are kept, probabilities aren't calibrated, "
    "every message counts as in scope and none is routed."
)


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


def training_splits(dataset: TicketDataset, config: TrainingConfig) -> tuple[list[Ticket], list[Ticket]]:
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
