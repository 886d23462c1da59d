"""How far a model can be trusted, fitted on validation data: its temperature and thresholds, and what they decide.

From what the network says of a message to what is done with it, `decide`, are the same operations in Python and in the
export.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from keras import ops
from sklearn.linear_model import LogisticRegression

from supportnet.checks import check_not_negative
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.metrics.calibration import SMALLEST, fit_temperature
from supportnet.metrics.thresholds import routing_curve, threshold_at
from supportnet.tasks.classify.answers import Answers, Bools
from supportnet.tasks.classify.data import intent_indices
from supportnet.tasks.fit import promised_point
from supportnet.tasks.task import Fitted

if TYPE_CHECKING:
    from supportnet.tasks.classify.config import ClassifyConfig
    from supportnet.tasks.classify.data import Split
    from supportnet.tasks.classify.model import IntentClassifier


#: Share of the in-scope validation messages that count as in scope.
ACCEPTED_SHARE = 0.95
#: Coverage may decide alone, but not for ever more: beyond this the order no longer changes.
MAX_COVERAGE_WEIGHT = 20.0
#: How much coverage counts in the in-scope score, beside the probability; chosen on CLINC150's validation data.
SCOPE_WEIGHT = 3.0
#: A threshold for fewer messages would be an accident: 19 right of 20 is the least that shows 95%.
MIN_ROUTED = 20


@dataclass(frozen=True)
class Confidence(Fitted):
    """The numbers that turn scores into probabilities and decisions; `fit_confidence` fits them.

    Without arguments, those of a model that nothing was fitted for: probabilities as the network gives them, every
    message in scope, none routed.

    Attributes:
        temperature: what the logits are divided by before their softmax (Guo et al. 2017).
        in_scope_threshold: the least in-scope score of a message that counts as in scope; None takes them all.
        coverage_weight: how much coverage counts in the route score; 0 leaves the largest probability.
        route_threshold: the least route score of a message that can be routed without a human; None routes none.
        promised_precision: share of the routed messages that shall be right; None promises nothing.
        out_of_scope_share: share of out-of-scope messages, among all, that the promise was made for.
        num_in_scope: validation messages with an intent that all of this was fitted on.
        num_out_of_scope: those that no intent covers.
        expected_coverage: share of all messages that are routed, as validation has it; None without a promise.
        expected_precision: share of the routed that are right, as validation has it; None if none is routed.

    Raises:
        UserError: a number that is none, a temperature of 0 or less, or a negative count.

    Example:
        >>> Confidence(temperature=0.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: temperature must be above 0. Received: temperature=0.0
    """

    temperature: float = 1.0
    in_scope_threshold: float | None = None
    coverage_weight: float = 0.0
    route_threshold: float | None = None
    promised_precision: float | None = None
    out_of_scope_share: float | None = None
    num_in_scope: int = 0
    num_out_of_scope: int = 0
    expected_coverage: float | None = None
    expected_precision: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError(f"temperature must be above 0. Received: temperature={self.temperature}")
        for name in ("num_in_scope", "num_out_of_scope"):
            check_not_negative(name, getattr(self, name))


def calibrate(model: "IntentClassifier", split: "Split", config: "ClassifyConfig") -> None:
    """Fit the model's confidence on the validation messages; without any, it stays as it is."""
    if split.validation:
        answers = model.answers([ticket.text for ticket in split.validation])
        model.confidence = fit_confidence(answers, split.validation, config.precision, config.out_of_scope_share)


def fit_confidence(
    answers: Answers, tickets: Sequence[Ticket], precision: float = 0.95, out_of_scope_share: float | None = None
) -> Confidence:
    """Fit temperature and thresholds.

    The temperature is the one that makes the true intents of the in-scope messages most likely (Guo et al. 2017).
    The in-scope threshold accepts 95% of the in-scope messages. If out-of-scope messages are expected, coverage enters
    the route score (see `fit_coverage_weight`). The routing threshold is the lowest with the
    promised precision, where an out-of-scope message that is routed counts as wrong.

    Args:
        answers: what a model without a fitted confidence says of the N messages.
        tickets: the messages, labelled; at least one in scope.
        precision: share of the routed messages that shall be right.
        out_of_scope_share: share of out-of-scope messages to expect; messages are weighted so that they have it.
            None leaves them as they are.

    Returns:
        The confidence. Its routing threshold is None if no threshold keeps the promise.

    Warns:
        UserWarning: the promise can't be kept (the best that can be is named), or there are no out-of-scope
            messages to hold it for.

    Example (needs a trained model):
        >>> model.confidence = fit_confidence(model.answers([ticket.text for ticket in tickets]), tickets)
    """
    in_scope = np.array([ticket.intent != OUT_OF_SCOPE for ticket in tickets])
    targets = intent_indices(answers.intents, tickets)
    share = _share(in_scope, out_of_scope_share)
    # They sum to 1, those of the out-of-scope messages to `share`.
    weights = np.where(in_scope, (1 - share) / in_scope.sum(), share / max(1, (~in_scope).sum()))
    counted = weights > 0
    correct = in_scope & (answers.predicted == targets)
    coverage_weight = fit_coverage_weight(answers, correct, weights) if share > 0 else 0.0
    route_score = np.asarray(discounted(answers.route_score, answers.coverage, coverage_weight))
    order = replace(answers, route_score=route_score).routing_order
    curve = routing_curve(order[counted], correct[counted], weights[counted])
    warning = (
        f"The promised precision of {precision:g} (--precision) can't be kept on validation data: {{reason}}. "
        "No message will be routed."
    )
    point = promised_point(curve, precision, MIN_ROUTED, warning, ("messages", "routed"))
    return Confidence(
        temperature=fit_temperature(answers.probabilities[in_scope], targets[in_scope]),
        in_scope_threshold=float(np.quantile(answers.in_scope_score[in_scope], 1 - ACCEPTED_SHARE, method="lower")),
        coverage_weight=coverage_weight,
        route_threshold=None if point is None else threshold_at(curve, point),
        promised_precision=precision,
        out_of_scope_share=share,
        num_in_scope=int(in_scope.sum()),
        num_out_of_scope=int((~in_scope).sum()),
        expected_coverage=0.0 if point is None else float(curve.coverage[point]),
        expected_precision=None if point is None else float(curve.precision[point]),
    )


def fit_coverage_weight(answers: Answers, correct: Bools, weights: npt.NDArray[np.float64]) -> float:
    """Return how much coverage shall count in the route score.

    A logistic regression tells right from wrong by the logarithm of the largest probability and by the coverage; the
    ratio of their coefficients orders messages as it does.

    Args:
        answers: what a model without a fitted confidence says of N messages.
        correct: whether routing the message would be right, bool `[N]`.
        weights: how much each message counts, `[N]`.

    Returns:
        The weight, between 0 and `MAX_COVERAGE_WEIGHT`; 0 if all messages are right or all wrong.

    Example (needs a trained model):
        >>> fit_coverage_weight(answers, correct, np.full(len(correct), 1 / len(correct)))
    """
    if correct.all() or not correct.any():
        return 0.0
    features = np.stack([np.log(np.maximum(answers.route_score, SMALLEST)), answers.coverage], axis=1)
    fitted = LogisticRegression(C=100.0).fit(features, correct, sample_weight=weights * len(weights))
    of_probability, of_coverage = fitted.coef_[0]
    if of_coverage <= 0:
        return 0.0
    return float(min(of_coverage / max(of_probability, SMALLEST), MAX_COVERAGE_WEIGHT))


def _share(in_scope: Bools, wanted: float | None) -> float:
    """The share of out-of-scope messages that can be promised for."""
    if in_scope.all():
        if wanted:
            warnings.warn(
                f"There are no out-of-scope validation messages to give a share of {wanted:g} (--out-of-scope-share): "
                "the promised precision holds for in-scope messages only.",
                stacklevel=3,
            )
        return 0.0
    return float(1 - in_scope.mean()) if wanted is None else wanted


def decide(outputs: Mapping[str, Any], confidence: Confidence, intents: Sequence[str]) -> dict[str, Any]:
    """Turn the network's outputs into calibrated probabilities and decisions.

    Args:
        outputs: those of `build_intent_network`, for B messages.
        confidence: temperature and thresholds.
        intents: names of the K intents, in the order of the logits. A message whose best intent is `OUT_OF_SCOPE`
            is never in scope, and never routed.

    Returns:
        `probabilities` float32 `[B, K]`; `in_scope` and `route` bool `[B]`; `in_scope_score` and `route_score`
        float32 `[B]`, the largest probability of an intent in scope, discounted by its coverage (see `discounted`), by
        a fixed weight and by the fitted one; `coverage` float32 `[B]`, that of the same intent. The scores don't depend
        on the temperature: one that mends the probabilities makes them worse at telling what is out of scope.

    Example:
        >>> outputs = {"logits": ops.log(ops.array([[0.7, 0.2, 0.1]])), "coverage": ops.array([[0.9, 0.2, 0.1]])}
        >>> answer = decide(outputs, Confidence(route_threshold=0.6), ["cancel", "refund", "track"])
        >>> bool(answer["route"][0])
        True
    """
    logits = ops.cast(outputs["logits"], "float32")
    covered = [intent != OUT_OF_SCOPE for intent in intents]
    best_is_covered = ops.take(ops.array(covered), ops.argmax(logits, axis=-1))
    probability, coverage = _best(outputs, covered)
    scope = discounted(probability, coverage, SCOPE_WEIGHT)
    route = discounted(probability, coverage, confidence.coverage_weight)
    return {
        "probabilities": ops.softmax(logits / confidence.temperature),
        "in_scope": ops.logical_and(best_is_covered, _reaches(scope, confidence.in_scope_threshold, float("-inf"))),
        "in_scope_score": scope,
        "route": ops.logical_and(best_is_covered, _reaches(route, confidence.route_threshold, float("inf"))),
        "route_score": route,
        "coverage": coverage,
    }


def _best(outputs: Mapping[str, Any], covered: Sequence[bool]) -> tuple[Any, Any]:
    """The largest probability of an intent in scope, and how far that intent covers the message, both `[B]`."""
    probabilities = ops.softmax(ops.cast(outputs["logits"], "float32"))
    probabilities = ops.where(ops.array(covered), probabilities, 0.0)
    best = ops.expand_dims(ops.argmax(probabilities, axis=-1), -1)
    coverage = ops.take_along_axis(ops.cast(outputs["coverage"], "float32"), best, axis=-1)
    return ops.max(probabilities, axis=-1), coverage[:, 0]


def discounted(probability: Any, coverage: Any, weight: float) -> Any:
    """Return the largest probability (Hendrycks & Gimpel 2017), times `exp(-weight (1 - coverage))`.

    A message about something else is made of n-grams that its best intent has never been seen with, however probable
    that intent is. Coverage tells what is out of scope, and hardly what is wrong: how much it is to weigh in routing
    depends on how many out-of-scope messages there are, and is fitted (see `fit_coverage_weight`).

    Args:
        probability: of each message's best intent, float `[B]`.
        coverage: share of the message's n-grams that are known of that intent, float `[B]`.
        weight: 0 leaves the probability as it is.

    Returns:
        float `[B]` in [0, 1].

    Example:
        >>> round(float(discounted(0.8, coverage=0.5, weight=2.0)), 3)
        0.294
    """
    return probability * ops.exp(-weight * (1.0 - coverage))


def _reaches(scores: Any, threshold: float | None, default: float) -> Any:
    return ops.greater_equal(scores, default if threshold is None else threshold)
