"""From what the network says of a message to what is done with it: the same operations in Python and in the export."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from supportnet.data.ticket import OUT_OF_SCOPE
from supportnet.models.confidence import Confidence


def in_scope_score(outputs: Mapping[str, Any], covered: Sequence[bool]) -> Any:
    """Say how much a message looks like one that an intent covers: the largest probability (Hendrycks & Gimpel 2017).

    Args:
        outputs: those of `build_intent_network`, for B messages.
        covered: for each of the K intents, whether it is one in scope; only `OUT_OF_SCOPE` isn't.

    Returns:
        float32 `[B]`, higher for what is in scope. It doesn't depend on the temperature: one that mends the
        probabilities makes the score worse at telling what is out of scope.

    Example:
        >>> outputs = {"logits": ops.log(ops.array([[0.7, 0.2, 0.1]]))}
        >>> round(float(in_scope_score(outputs, [True, True, True])[0]), 4)
        0.7
    """
    return _largest_probability(outputs, covered)


def route_score(outputs: Mapping[str, Any], covered: Sequence[bool]) -> Any:
    """Say how surely the best intent is right: the largest probability. Arguments and shape as for `in_scope_score`."""
    return _largest_probability(outputs, covered)


def judged(outputs: Mapping[str, Any], confidence: Confidence, intents: Sequence[str]) -> dict[str, Any]:
    """Turn the network's outputs into calibrated probabilities and decisions.

    Args:
        outputs: those of `build_intent_network`, for B messages.
        confidence: temperature and thresholds.
        intents: names of the K intents, in the order of the logits. A message whose best intent is `OUT_OF_SCOPE`
            is never in scope, and never routed.

    Returns:
        `probabilities` float32 `[B, K]`; `in_scope` and `route` bool `[B]`; `in_scope_score` and `route_score`
        float32 `[B]`.

    Example:
        >>> outputs = {"logits": ops.log(ops.array([[0.7, 0.2, 0.1]]))}
        >>> answer = judged(outputs, Confidence(route_threshold=0.6), ["cancel", "refund", "track"])
        >>> bool(answer["route"][0])
        True
    """
    logits = ops.cast(outputs["logits"], "float32")
    covered = [intent != OUT_OF_SCOPE for intent in intents]
    best_is_covered = ops.take(ops.array(covered), ops.argmax(logits, axis=-1))
    scope, route = in_scope_score(outputs, covered), route_score(outputs, covered)
    return {
        "probabilities": ops.softmax(logits / confidence.temperature),
        "in_scope": ops.logical_and(best_is_covered, _reaches(scope, confidence.in_scope_threshold, float("-inf"))),
        "in_scope_score": scope,
        "route": ops.logical_and(best_is_covered, _reaches(route, confidence.route_threshold, float("inf"))),
        "route_score": route,
    }


def _largest_probability(outputs: Mapping[str, Any], covered: Sequence[bool]) -> Any:
    probabilities = ops.softmax(ops.cast(outputs["logits"], "float32"))
    return ops.max(ops.where(ops.array(covered), probabilities, 0.0), axis=-1)


def _reaches(scores: Any, threshold: float | None, default: float) -> Any:
    return ops.greater_equal(scores, default if threshold is None else threshold)
