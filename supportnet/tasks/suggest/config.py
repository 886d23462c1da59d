"""Options of a training that suggests answers."""

import math
from dataclasses import dataclass

from supportnet.checks import check_not_negative, in_range
from supportnet.config import RunConfig, option


@dataclass(frozen=True)
class SuggestConfig(RunConfig):
    """Options of a training that suggests answers, beside those of `RunConfig`.

    Attributes:
        batch_size: messages per step; each reply is ranked among as many.
        hard_negatives: further wrong replies per message that the model ranks high, searched anew for every epoch
            but the first; 0 for none.
        label_weight: weight of the intents as labels of the replies, a second objective; 0 for none.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> SuggestConfig(batch_size=1)
        Traceback (most recent call last):
        supportnet.errors.UserError: batch_size must be at least 2. Received: batch_size=1
    """

    epochs: int = 8
    learning_rate: float = 3e-3
    batch_size: int = option(128, in_range("at least 2", lambda size: size >= 2))
    hard_negatives: int = option(0, check_not_negative)
    label_weight: float = option(0.0, in_range("at least 0", lambda weight: 0 <= weight < math.inf))
