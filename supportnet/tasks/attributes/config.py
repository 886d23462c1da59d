"""Options of a training that predicts attributes."""

from dataclasses import dataclass

from supportnet.checks import check_positive, check_rate
from supportnet.config import RunConfig, option


@dataclass(frozen=True)
class AttributesConfig(RunConfig):
    """Options of a training that predicts attributes, beside those of `RunConfig`.

    Attributes:
        batch_size: messages per step.
        label_smoothing: share of each target that is spread over all values of an attribute.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> AttributesConfig(batch_size=0)
        Traceback (most recent call last):
        supportnet.errors.UserError: batch_size must be at least 1. Received: batch_size=0
    """

    batch_size: int = option(32, check_positive)
    label_smoothing: float = option(0.1, check_rate)
