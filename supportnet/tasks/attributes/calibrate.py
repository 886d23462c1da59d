"""A temperature for each attribute, fitted on validation data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from supportnet.errors import UserError
from supportnet.metrics.calibration import fit_temperature
from supportnet.tasks.attributes.data import examples_of
from supportnet.tasks.task import Fitted

if TYPE_CHECKING:
    from supportnet.tasks.attributes.config import AttributesConfig
    from supportnet.tasks.attributes.data import Split
    from supportnet.tasks.attributes.model import AttributeClassifier
    from supportnet.training.loop import History


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


def calibrate(model: "AttributeClassifier", split: "Split", config: "AttributesConfig", history: "History") -> None:
    """Fit the temperatures (Guo et al. 2017); those of attributes without validation messages stay 1."""
    model.temperatures = Temperatures()
    fitted = {}
    for name, examples in zip(model.values, examples_of(split.validation, model.values), strict=True):
        if len(examples):
            fitted[name] = fit_temperature(model.probabilities(examples.texts)[name], examples.best)
    model.temperatures = Temperatures(fitted)
