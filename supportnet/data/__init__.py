"""Tickets as raw strings: the built-in sample, public data sets, own files. Answers to them: banks."""

from supportnet.data.bank import (
    Answer,
    Bank,
    Judgement,
    bank_of_replies,
    check_judged,
    load_bank,
    load_judgements,
)
from supportnet.data.duplicates import collapse
from supportnet.data.files import load_file
from supportnet.data.sources import describe, is_source, list_sources, load, load_unlabelled
from supportnet.data.splits import check_known_intents, check_trainable, labelled, train_validation_split
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, Turn, context, same_text

# By what they are about: messages, where they come from, training and test data, answers.
__all__ = ["OUT_OF_SCOPE", "Ticket", "TicketDataset", "Turn", "context"]
__all__ += ["describe", "is_source", "list_sources", "load", "load_file", "load_unlabelled"]
__all__ += ["check_known_intents", "check_trainable", "labelled", "train_validation_split"]
__all__ += ["Answer", "Bank", "Judgement", "bank_of_replies", "check_judged", "collapse"]
__all__ += ["load_bank", "load_judgements", "same_text"]
