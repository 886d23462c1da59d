"""Probabilities and decisions, worked by hand from the logits of three intents."""

from typing import Any

import numpy as np
import pytest
from keras import ops

from supportnet.data.ticket import OUT_OF_SCOPE
from supportnet.tasks.classify.answers import Answers, ranked
from supportnet.tasks.classify.calibrate import Confidence, decide

#: Probabilities of two messages; the second one is halves and a rest.
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3]], "float32")
INTENTS = ["cancel", "refund", "track"]
#: Of the n-grams of the messages, the share that is known of each intent.
COVERAGE = np.array([[0.9, 0.2, 0.3], [0.1, 0.6, 0.8]], "float32")
#: The decision function of the linear classifier; above 1, it counts as 1.
MARGINS = np.array([[1.4, -0.5, -0.8], [-0.9, 0.3, 0.2]], "float32")
KNOWN_WORDS = np.array([3, 1], "float32")
#: Scores in scope: 0.8 exp(-4 * 0.1) and 0.5 exp(-4 * 0.4 - 0.7).
IN_SCOPE = [0.53626, 0.05013]


def judge(
    confidence: Confidence,
    intents: list[str] = INTENTS,
    dtype: str = "float32",
    known_words: np.ndarray = KNOWN_WORDS,
) -> dict[str, Any]:
    # A constant for all intents changes nothing: logits needn't be logarithms of probabilities.
    outputs = {"logits": np.log(PROBABILITIES) + 3.0, "coverage": COVERAGE, "margins": MARGINS}
    outputs = {name: ops.cast(array, dtype) for name, array in {**outputs, "known_words": known_words}.items()}
    return {name: ops.convert_to_numpy(value) for name, value in decide(outputs, confidence, intents).items()}


def test_without_anything_fitted() -> None:
    answers = judge(Confidence())
    np.testing.assert_allclose(answers["probabilities"], PROBABILITIES, atol=1e-6)
    np.testing.assert_allclose(answers["in_scope_score"], IN_SCOPE, atol=1e-4)
    np.testing.assert_array_equal(answers["route_score"], answers["in_scope_score"])
    np.testing.assert_allclose(answers["coverage"], [0.9, 0.6], atol=1e-6)
    np.testing.assert_allclose(answers["margin"], [1.4, 0.3], atol=1e-6)
    assert answers["known_words"].tolist() == [3, 1]
    assert answers["in_scope"].tolist() == [True, True]
    assert answers["route"].tolist() == [False, False]


def test_temperature_changes_the_probabilities_alone() -> None:
    """With 2, square roots: 0.8944, 0.3162, 0.3162 over their sum of 1.5269."""
    answers, before = judge(Confidence(temperature=2.0)), judge(Confidence())
    np.testing.assert_allclose(answers["probabilities"][0], [0.5858, 0.2071, 0.2071], atol=1e-4)
    for score in ("in_scope_score", "route_score"):
        np.testing.assert_array_equal(answers[score], before[score])


@pytest.mark.parametrize(
    ("in_scope", "route", "expected"),
    [(0.04, 0.5, ([True, True], [True, False])), (0.5, 0.9, ([True, False], [False, False]))],
)
def test_thresholds(in_scope: float, route: float, expected: tuple[list[bool], list[bool]]) -> None:
    answers = judge(Confidence(in_scope_threshold=in_scope, route_threshold=route))
    assert (answers["in_scope"].tolist(), answers["route"].tolist()) == expected


def test_a_score_at_the_threshold_reaches_it() -> None:
    scores = judge(Confidence())
    route, in_scope = (float(scores[name][1]) for name in ("route_score", "in_scope_score"))
    answers = judge(Confidence(route_threshold=route, in_scope_threshold=in_scope))
    assert answers["route"].tolist() == answers["in_scope"].tolist() == [True, True]


def test_what_is_found_out_of_scope_is_never_routed() -> None:
    """The first message's best intent is out of scope: its score is that of the best intent in scope."""
    answers = judge(Confidence(in_scope_threshold=0.0, route_threshold=0.0), [OUT_OF_SCOPE, "refund", "track"])
    # 0.1 exp(-4 * 0.8 - 1.5): the first of the two equal intents that are in scope.
    np.testing.assert_allclose(answers["in_scope_score"], [0.000910, IN_SCOPE[1]], atol=1e-5)
    np.testing.assert_allclose(answers["coverage"], [0.2, 0.6], atol=1e-6)
    np.testing.assert_allclose(answers["margin"], [-0.5, 0.3], atol=1e-6)
    assert answers["in_scope"].tolist() == [False, True]
    assert answers["route"].tolist() == [False, True]
    arrays = Answers([OUT_OF_SCOPE, "refund", "track"], **answers)
    assert arrays.predicted.tolist() == [0, 1]
    assert arrays.can_route.tolist() == [False, True]
    assert arrays.routing_order.tolist() == [float("-inf"), pytest.approx(IN_SCOPE[1], abs=1e-4)]


def test_a_message_without_a_known_word_is_never_in_scope_nor_routed() -> None:
    """Its scores say what they say: the thresholds, of 0, don't keep it out."""
    known_words = np.array([0, 1], "float32")
    for confidence in (Confidence(route_threshold=0.0), Confidence(in_scope_threshold=0.0, route_threshold=0.0)):
        answers = judge(confidence, known_words=known_words)
        np.testing.assert_allclose(answers["in_scope_score"], IN_SCOPE, atol=1e-4)
        assert answers["in_scope"].tolist() == answers["route"].tolist() == [False, True]
        arrays = Answers(INTENTS, **answers)
        assert arrays.can_route.tolist() == [False, True]
        assert arrays.routing_order.tolist() == [float("-inf"), pytest.approx(IN_SCOPE[1], abs=1e-4)]


def test_float32_whatever_the_network_computes_in() -> None:
    answers = judge(Confidence(), dtype="bfloat16")
    assert {answers[name].dtype.name for name in ("probabilities", "in_scope_score", "route_score")} == {"float32"}
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, rtol=1e-6)


def test_records() -> None:
    answers = Answers(INTENTS, **judge(Confidence(in_scope_threshold=0.5, route_threshold=0.52)))
    first, second = ranked(["a", "b"], answers, top_k=2)
    assert (first.text, first.intent, first.intents) == ("a", "cancel", ("cancel", "refund"))
    assert (first.score, first.in_scope_score) == (pytest.approx(0.8), pytest.approx(IN_SCOPE[0], abs=1e-4))
    assert (first.in_scope, first.route) == (True, True)
    assert (second.intents, second.in_scope, second.route) == (("refund", "track"), False, False)
