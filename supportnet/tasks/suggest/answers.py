"""Answers of the task suggest: records. Loads no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Suggestion:
    """One answer that is suggested for a message.

    Attributes:
        id: its id in the bank.
        text: what it says.
        score: the probability that it is right.
    """

    id: str
    text: str
    score: float


def record(text: str, row: Mapping[str, Any], top_k: int) -> list[Suggestion]:
    """Return the answers to one message, best first, from its row of the outputs of an export's signature.

    There are none where no answer is likely enough (`has_suggestion`).

    Args:
        text: the message.
        row: the outputs by name; strings are `str`, ranked ones are lists, best first.
        top_k: how many answers, at most.
    """
    # What has no id fills up a row.
    listed = zip(row["suggestion_ids"], row["suggestions"], row["suggestion_scores"], strict=True)
    return [Suggestion(*answer) for answer in listed if answer[0]][:top_k] if row["has_suggestion"] else []
