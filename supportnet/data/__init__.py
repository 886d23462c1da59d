"""Tickets as raw strings: the built-in sample, public data sets, own files."""

from supportnet.data.context import Turn, context
from supportnet.data.describe import describe
from supportnet.data.files import load_file
from supportnet.data.sources import list_sources, load, load_unlabelled
from supportnet.data.splits import check_known_intents, check_trainable, labelled, train_validation_split
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset

__all__ = [
    "OUT_OF_SCOPE",
    "Ticket",
    "TicketDataset",
    "Turn",
    "check_known_intents",
    "check_trainable",
    "context",
    "describe",
    "labelled",
    "list_sources",
    "load",
    "load_file",
    "load_unlabelled",
    "train_validation_split",
]
