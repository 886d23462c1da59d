"""Fit the temperature of each attribute on validation data."""

from supportnet.metrics.calibration import fit_temperature
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.data import Split, examples_of
from supportnet.tasks.attributes.fitted import Temperatures
from supportnet.tasks.attributes.model import AttributeClassifier


def calibrate(model: AttributeClassifier, split: Split, config: AttributesConfig) -> None:
    """Fit the temperatures (Guo et al. 2017); those of attributes without validation messages stay 1."""
    model.temperatures = Temperatures()
    fitted = {}
    for name, examples in zip(model.values, examples_of(split.validation, model.values), strict=True):
        if len(examples):
            fitted[name] = fit_temperature(model.probabilities(examples.texts)[name], examples.best)
    model.temperatures = Temperatures(fitted)
