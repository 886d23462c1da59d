"""What a model's confidence is worth: calibration, scope, and what can be routed without a human."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.metrics.calibration import (
    expected_calibration_error,
    out_of_scope_auroc,
    out_of_scope_fpr,
    perfect_calibration_error,
    tempered,
)
from supportnet.metrics.thresholds import RoutingCurve, lowest_point, routing_curve
from supportnet.tasks.classify.answers import Answers
from supportnet.tasks.classify.calibrate import intent_indices
from supportnet.tasks.classify.fitted import Confidence


@dataclass(frozen=True)
class Outcomes:
    """What a model said of N labelled messages, and what is true of them.

    Attributes:
        answers: what it said.
        confidence: its temperature and thresholds.
        targets: index of each true intent, int64 `[N]`; -1 for an out-of-scope message that has none.
        in_scope: whether an intent covers the message, bool `[N]`.
    """

    answers: Answers
    confidence: Confidence
    targets: npt.NDArray[np.int64]
    in_scope: npt.NDArray[np.bool_]

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether routing the message by its best intent would be right, bool `[N]`."""
        return self.in_scope & (self.answers.predicted == self.targets)

    @property
    def curve(self) -> RoutingCurve:
        """What routing more and more of the messages would give."""
        return routing_curve(self.answers.routing_order, self.correct)

    @property
    def oracle(self) -> int | None:
        """The lowest point of `curve` that keeps the promise; None if none does, or nothing was promised."""
        promised = self.confidence.promised_precision
        return None if promised is None else lowest_point(self.curve, promised)


def outcomes(answers: Answers, confidence: Confidence, tickets: Sequence[Ticket]) -> Outcomes:
    """Put a model's answers beside the labels of the messages, in the same order."""
    in_scope = np.array([ticket.intent != OUT_OF_SCOPE for ticket in tickets])
    return Outcomes(answers, confidence, intent_indices(answers.intents, tickets), in_scope)


def confidence_figures(outcome: Outcomes) -> dict[str, Any]:
    """Measure calibration in scope, and scope and routing over all messages.

    Returns:
        `ece`, `ece_uncalibrated` (at temperature 1) and `ece_perfect` (see `perfect_calibration_error`);
        `oos_auroc` and `oos_fpr95`, None without out-of-scope messages; `out_of_scope_share` of the data;
        `promised_precision`; `coverage_at_precision`, the share of all messages that the fitted threshold routes;
        `precision_at_threshold`, the share of those that is right, None if there are none; `oracle_coverage`,
        what the best threshold for the promise on these very data would route. Without a promise the three that
        depend on it are None.

    Example (needs a trained model):
        >>> confidence_figures(outcomes(model.answers(texts), model.confidence, tickets))["ece"]
    """
    answers, in_scope, correct = outcome.answers, outcome.in_scope, outcome.correct
    probabilities, right = answers.probabilities[in_scope], correct[in_scope]
    sure = probabilities.max(axis=1)
    untempered = tempered(probabilities, 1 / outcome.confidence.temperature).max(axis=1)
    promised, oracle = outcome.confidence.promised_precision, outcome.oracle
    oracle_coverage = 0.0 if oracle is None else float(outcome.curve.coverage[oracle])
    return {
        "ece": expected_calibration_error(sure, right),
        "ece_uncalibrated": expected_calibration_error(untempered, right),
        "ece_perfect": perfect_calibration_error(sure),
        "oos_auroc": out_of_scope_auroc(answers.in_scope_score, in_scope),
        "oos_fpr95": out_of_scope_fpr(answers.in_scope_score, in_scope),
        "out_of_scope_share": float(1 - in_scope.mean()),
        "promised_precision": promised,
        "coverage_at_precision": None if promised is None else float(answers.route.mean()),
        "precision_at_threshold": float(correct[answers.route].mean()) if answers.route.any() else None,
        "oracle_coverage": None if promised is None else oracle_coverage,
    }
