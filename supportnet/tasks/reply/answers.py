"""Answers of the task reply: records. Loads no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What is written to a message.

    Attributes:
        text: the reply; empty for a message without words.
        score: the mean logarithm of its pieces' probabilities.
        handoff: a person has to see to it.
    """

    text: str
    score: float
    handoff: bool


def record(text: str, row: Mapping[str, Any], top_k: int) -> Reply:
    """Return the record of one message, from its row of the outputs of an export's signature.

    Args:
        text: the message.
        row: the outputs by name; strings are `str`.
        top_k: unused: a message gets one reply.
    """
    return Reply(row["reply"], row["reply_score"], row["handoff"])
