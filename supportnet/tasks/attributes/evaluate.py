"""Metrics of the task attributes: accuracy, macro F1 and calibration of each attribute."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.metrics.calibration import expected_calibration_error
from supportnet.tasks.attributes.data import targets_of, with_attributes
from supportnet.tasks.attributes.model import AttributeClassifier


def evaluate(model: AttributeClassifier, test_data: Sequence[Ticket]) -> dict[str, Any]:
    """Score a model on messages whose attributes are known.

    Args:
        model: a trained model.
        test_data: tickets with labels; those without any are left out, and so are values that training lacks.

    Returns:
        A dictionary that JSON can hold: `task`; `accuracy`, the mean over the attributes; `num_examples`; and
        `attributes`, attribute -> `accuracy`, `macro_f1`, `ece`, `num_examples` and `majority`, the share of its most
        frequent value.

    Raises:
        UserError: no message has an attribute of the model.

    Example (needs a trained model):
        >>> evaluate(model, supportnet.load("sample")["test"])["attributes"]["priority"]["accuracy"]
    """
    tickets = with_attributes(test_data)
    targets = targets_of(tickets, model.values)
    if not (targets >= 0).any():
        raise UserError(f"There is nothing to score: no message has an attribute of {', '.join(model.values)}.")
    found = model.probabilities([ticket.text for ticket in tickets])
    figures = {
        name: attribute_figures(found[name][column >= 0], column[column >= 0])
        for name, column in zip(model.values, targets.T, strict=True)
        if (column >= 0).any()
    }
    return {
        "task": model.task,
        "accuracy": float(np.mean([own["accuracy"] for own in figures.values()])),
        "num_examples": len(tickets),
        "attributes": figures,
    }


def attribute_figures(probabilities: npt.NDArray[np.floating], targets: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Score the probabilities of one attribute's values, `[N, K]`, against their indices, `[N]`.

    Example:
        >>> attribute_figures(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))["accuracy"]
        0.5
    """
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": float(np.mean(predicted == targets)),
        "macro_f1": float(f1_score(targets, predicted, average="macro", labels=np.unique(targets), zero_division=0.0)),
        "ece": expected_calibration_error(probabilities.max(axis=1), predicted == targets),
        "num_examples": len(targets),
        "majority": float(np.bincount(targets).max() / len(targets)),
    }
