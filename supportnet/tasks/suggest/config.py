"""Options of a training that suggests answers."""

import math
from dataclasses import dataclass

from supportnet.checks import check_not_negative
from supportnet.config import RunConfig
from supportnet.errors import UserError


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
    batch_size: int = 128
    hard_negatives: int = 0
    label_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size < 2:
            raise UserError(f"batch_size must be at least 2. Received: batch_size={self.batch_size}")
        check_not_negative("hard_negatives", self.hard_negatives)
        if not 0 <= self.label_weight < math.inf:
            raise UserError(f"label_weight must be at least 0. Received: label_weight={self.label_weight}")
