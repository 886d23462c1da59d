"""Numbers that validation data decide: a temperature for each attribute."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from supportnet.errors import UserError
from supportnet.tasks.fitted import Fitted


@dataclass(frozen=True)
class Temperatures(Fitted):
    """The divisors of the logits before their softmax (Guo et al. 2017).

    Attributes:
        by_attribute: attribute -> its temperature; 1 where it isn't listed.

    Raises:
        UserError: a number that isn't finite and above 0.

    Example:
        >>> Temperatures({"priority": 0.0})
        Traceback (most recent call last):
        supportnet.errors.UserError: The temperature of priority must be above 0. Received: 0.0
    """

    by_attribute: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.by_attribute, Mapping):
            raise UserError(f"by_attribute must be a mapping. Received: {self.by_attribute!r}")
        for name, temperature in self.by_attribute.items():
            if not 0 < temperature < math.inf:
                raise UserError(f"The temperature of {name} must be above 0. Received: {temperature}")
