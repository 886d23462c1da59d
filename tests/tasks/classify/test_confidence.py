"""What `evaluate` says of confidence, worked by hand on six messages, and the pictures of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.tasks.classify.answers import Answers
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.classify.evaluate import Outcomes, confidence_figures, outcomes
from supportnet.tasks.classify.plots import reliability_diagram, risk_coverage, save_plots

#: Two intents; what is said of each message, and what is true. The fourth and the last are out of scope.
SURE = [0.95, 0.9, 0.85, 0.8, 0.7, 0.6]
TRUE = ["cancel", "cancel", "refund", OUT_OF_SCOPE, "cancel", OUT_OF_SCOPE]
CONFIDENCE = Confidence(temperature=2.0, route_threshold=0.82, promised_precision=0.6, out_of_scope_share=0.1)


def outcome_of(confidence: Confidence, sure: Sequence[float], true: Sequence[str]) -> Outcomes:
    scores = np.array(sure, "float32")
    threshold = float("inf") if confidence.route_threshold is None else confidence.route_threshold
    probabilities = np.stack([scores, 1 - scores], axis=1)
    routed, known_words = scores >= threshold, np.ones_like(scores)
    said = (probabilities, scores > 0, scores, routed, scores, scores, scores, known_words)
    answers = Answers(["cancel", "refund"], *said)
    return outcomes(answers, confidence, [Ticket("a", intent) for intent in true])


@pytest.fixture
def outcome() -> Outcomes:
    return outcome_of(CONFIDENCE, SURE, TRUE)


def test_figures_by_hand(outcome: Outcomes) -> None:
    figures = confidence_figures(outcome)
    # Three of four are right. Each message is in a bin of its own, but the first two: 0.95 is, and 0.9 is not.
    assert figures["ece"] == pytest.approx((0.05 + 0.1 + 0.85 + 0.3) / 4)
    # Undoing the temperature of 2 squares the odds: 0.9 becomes 81 / 82.
    untempered = [p**2 / (p**2 + (1 - p) ** 2) for p in (0.95, 0.9, 0.85, 0.7)]
    # The first three are in the last bin together.
    gap = abs(sum(untempered[:3]) - 2) + abs(untempered[3] - 1)
    assert figures["ece_uncalibrated"] == pytest.approx(gap / 4, abs=1e-6)
    assert 0 < figures["ece_perfect"] < 1
    # Of the eight pairs, 0.7 against 0.8 alone is in the wrong order; to accept all in scope, 0.8 passes.
    assert (figures["oos_auroc"], figures["oos_fpr95"]) == (7 / 8, 0.5)
    assert (figures["out_of_scope_share"], figures["promised_precision"]) == (pytest.approx(2 / 6), 0.6)
    # Three are routed, two of them right; five with three right keep the promise as well.
    assert (figures["coverage_at_precision"], figures["oracle_coverage"]) == (0.5, pytest.approx(5 / 6))
    assert figures["precision_at_threshold"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("confidence", "true", "expected"),
    [
        (
            Confidence(),
            TRUE,
            {"promised_precision": None, "coverage_at_precision": None, "precision_at_threshold": None},
        ),
        (Confidence(), TRUE, {"oracle_coverage": None}),
        (
            Confidence(promised_precision=0.95),
            TRUE,
            {"coverage_at_precision": 0.0, "precision_at_threshold": None, "oracle_coverage": pytest.approx(2 / 6)},
        ),
        (Confidence(promised_precision=1.0), ["refund"] * 6, {"oracle_coverage": 0.0}),
        (CONFIDENCE, ["cancel"] * 6, {"oos_auroc": None, "oos_fpr95": None, "out_of_scope_share": 0.0}),
    ],
    ids=["no promise", "no promise, no oracle", "nothing routed", "nothing right", "nothing out of scope"],
)
def test_what_there_is_not(confidence: Confidence, true: list[str], expected: dict[str, Any]) -> None:
    figures = confidence_figures(outcome_of(confidence, SURE, true))
    assert {name: figures[name] for name in expected} == expected


def test_without_a_temperature_calibration_changes_nothing() -> None:
    figures = confidence_figures(outcome_of(Confidence(), SURE, TRUE))
    assert figures["ece"] == pytest.approx(figures["ece_uncalibrated"])


def texts_of(figure: Any) -> str:
    legends = [text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()]
    labels = [label for axes in figure.axes for label in (axes.get_title(), axes.get_xlabel(), axes.get_ylabel())]
    return "\n".join([*legends, *labels])


def test_reliability_diagram(outcome: Outcomes) -> None:
    figure = reliability_diagram(outcome)
    text = texts_of(figure)
    assert "Off by 32.5 points on average; chance alone would give " in text
    for words in ("confidence of the model in its answer", "answers that are right", "messages in scope"):
        assert words in text
    counts = [text.get_text() for text in figure.axes[1].texts]
    assert (counts.count("1"), counts.count("")) == (4, 11)


def test_risk_coverage(outcome: Outcomes) -> None:
    text = texts_of(risk_coverage(outcome))
    assert "the promise: 60.0% of them right" in text
    assert "the model's threshold: 50.0% routed, 66.7% of them right" in text
    assert "best threshold in hindsight: 83.3% routed" in text
    assert "6 messages, 33.3% out of scope" in text


def test_risk_coverage_without_a_threshold_or_a_promise(outcome: Outcomes) -> None:
    nothing = replace(outcome.answers, route=np.zeros(6, bool))
    text = texts_of(risk_coverage(replace(outcome, answers=nothing)))
    assert "the model's threshold" not in text
    assert "the promise" in text
    text = texts_of(risk_coverage(replace(outcome, answers=nothing, confidence=Confidence())))
    assert "the promise" not in text
    assert "hindsight" not in text


def test_pictures_are_files(outcome: Outcomes, tmp_path: Path) -> None:
    paths = save_plots(tmp_path / "new" / "plots", outcome)
    assert [path.name for path in paths] == ["reliability.png", "risk_coverage.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert sorted(paths) == sorted((tmp_path / "new" / "plots").iterdir())


def test_a_place_that_cannot_be_written(outcome: Outcomes, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        save_plots(tmp_path / "file", outcome)
