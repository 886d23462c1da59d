"""Answers of the task attributes: arrays for many messages, and one record for each. Loads no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attributes:
    """The attributes of one message.

    Attributes:
        text: the message.
        values: attribute -> its likeliest value.
        scores: attribute -> the calibrated probability of that value.
    """

    text: str
    values: Mapping[str, str]
    scores: Mapping[str, float]


def record(text: str, row: Mapping[str, Any], top_k: int) -> Attributes:
    """Return the record of one message, from its row of the outputs of an export's signature.

    Args:
        text: the message.
        row: the outputs by name; strings are `str`.
        top_k: unused: an attribute gets one value.
    """
    names = row["attribute_names"]
    values = dict(zip(names, row["attribute_values"], strict=True))
    return Attributes(text, values, dict(zip(names, row["attribute_scores"], strict=True)))
