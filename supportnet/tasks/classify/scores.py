"""From what the network says of a message to what is done with it: the same operations in Python and in the export."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from supportnet.data.ticket import OUT_OF_SCOPE
from supportnet.tasks.classify.fitted import Confidence

#: How much coverage counts in the in-scope score, beside the probability; chosen on CLINC150's validation data.
SCOPE_WEIGHT = 3.0


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
    depends on how many out-of-scope messages there are, and is fitted (see `supportnet.tasks.classify.calibrate`).

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
