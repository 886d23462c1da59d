"""Scores worked by hand, and beside scikit-learn's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import f1_score, top_k_accuracy_score

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.tasks.classify.answers import Answers
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.classify.evaluate import (
    confusions,
    errors,
    evaluate_model,
    intent_table,
    milliseconds_per_message,
    top_k_accuracy,
)
from supportnet.tasks.comparison import TIMED_MESSAGES, UNTIMED_MESSAGES

if TYPE_CHECKING:
    from supportnet.tasks.classify.model import IntentClassifier

INTENTS = ["cancel", "refund", "track"]
#: Three of five are right: the second refund is taken for track, the track for cancel.
TARGETS = np.array([0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 2, 0])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6], [0.9, 0.04, 0.06]], dtype="float32"
)


class Table:
    """A classifier that knows its answers by heart, and counts its calls. Nothing was fitted for it."""

    def __init__(self, intents: list[str], known: dict[str, Sequence[float]]) -> None:
        self.intents = intents
        self.confidence = Confidence()
        self.known = known
        self.calls: list[int] = []

    def answers(self, texts: Sequence[str], batch_size: int = 64) -> Answers:
        probabilities = self.probabilities(texts)
        scores, yes = probabilities.max(axis=1), np.ones(len(texts), bool)
        return Answers(self.intents, probabilities, yes, scores, ~yes, scores, scores, scores, yes.astype("float32"))

    def probabilities(self, texts: Sequence[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        self.calls.append(len(texts))
        return np.array([self.known[text] for text in texts], "float32")


@pytest.fixture
def model() -> Table:
    return Table(INTENTS, {str(i): row for i, row in enumerate(PROBABILITIES.tolist())})


TICKETS = [Ticket(str(i), INTENTS[target]) for i, target in enumerate(TARGETS)]


def test_scores_by_hand(model: Table) -> None:
    figures = evaluate_model(model, TICKETS)
    assert figures["task"] == "classify"
    assert figures["accuracy"] == pytest.approx(3 / 5)
    # F1 by intent: cancel 2 * (2/3 * 1) / (2/3 + 1) = 0.8; refund 2 * (1 * 1/2) / (3/2) = 2/3; track 0.
    assert figures["macro_f1"] == pytest.approx((0.8 + 2 / 3 + 0) / 3)
    assert figures["top5_accuracy"] == 1.0
    assert (figures["num_examples"], figures["num_out_of_scope"], figures["out_of_scope_recall"]) == (5, 0, None)
    assert figures["milliseconds_per_message"] > 0
    assert [row["intent"] for row in figures["per_intent"]] == ["track", "refund", "cancel"]


def test_everything_goes_into_json(model: Table) -> None:
    figures = evaluate_model(model, TICKETS)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_table_by_hand() -> None:
    rows = intent_table(INTENTS, TARGETS, PREDICTED)
    assert rows[0] == {"intent": "track", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert rows[1] == {"intent": "refund", "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert rows[2] == {"intent": "cancel", "precision": pytest.approx(2 / 3), "recall": 1, "f1": 0.8, "support": 2}


def test_table_holds_only_intents_that_occur() -> None:
    rows = intent_table(INTENTS, np.array([0, 1]), np.array([2, 1]))
    assert [(row["intent"], row["f1"]) for row in rows] == [("cancel", 0.0), ("refund", 1.0)]


def test_confusions_by_hand() -> None:
    targets, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([1, 1, 1, 0, 1, 0])
    assert confusions(INTENTS, targets, predicted) == [
        {"intent": "cancel", "predicted": "refund", "count": 2},
        {"intent": "track", "predicted": "cancel", "count": 2},
        {"intent": "track", "predicted": "refund", "count": 1},
    ]
    assert len(confusions(INTENTS, targets, predicted, most=1)) == 1
    assert confusions(INTENTS, targets, targets) == []


def test_errors_by_hand() -> None:
    found = errors(INTENTS, list("abcde"), TARGETS, PROBABILITIES)
    assert found == [
        {"text": "e", "intent": "track", "predicted": "cancel", "confidence": pytest.approx(0.9)},
        {"text": "d", "intent": "refund", "predicted": "track", "confidence": pytest.approx(0.6)},
    ]
    assert errors(INTENTS, list("abcde"), TARGETS, PROBABILITIES, most=1) == found[:1]


def test_top_k_by_hand() -> None:
    assert [top_k_accuracy(TARGETS, PROBABILITIES, k) for k in (1, 2, 3, 5)] == pytest.approx([3 / 5, 1.0, 1.0, 1.0])


def test_beside_scikit_learn() -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(9), 300).astype("float32")
    targets = random.integers(0, 9, 300)
    intents = [f"intent {i}" for i in range(9)]
    model = Table(intents, {str(i): row for i, row in enumerate(probabilities.tolist())})
    figures = evaluate_model(model, [Ticket(str(i), intents[target]) for i, target in enumerate(targets)])
    assert figures["macro_f1"] == pytest.approx(f1_score(targets, probabilities.argmax(1), average="macro"))
    assert figures["top5_accuracy"] == pytest.approx(top_k_accuracy_score(targets, probabilities, k=5))


def test_errors_hold_no_personal_data() -> None:
    found = errors(["a", "b"], ["I'm Ann@example.com"], np.array([0]), np.array([[0.2, 0.8]], "float32"))
    assert [error["text"] for error in found] == ["I'm <email>"]


def test_out_of_scope_is_counted_and_not_scored(model: Table) -> None:
    model.known["sing a song"] = [0.4, 0.3, 0.3]
    figures = evaluate_model(model, [*TICKETS, Ticket("sing a song", OUT_OF_SCOPE)])
    of_all = {"num_out_of_scope": 1, "out_of_scope_share": pytest.approx(1 / 6), "oos_auroc": 1.0, "oos_fpr95": 0.0}
    alone = evaluate_model(model, TICKETS)
    assert {**figures, "milliseconds_per_message": 0} == {**alone, **of_all, "milliseconds_per_message": 0}
    assert (alone["oos_auroc"], alone["oos_fpr95"], alone["out_of_scope_share"]) == (None, None, 0.0)


def test_messages_without_an_intent_are_left_out(model: Table) -> None:
    with pytest.warns(UserWarning, match=r"1 of 6 messages to evaluate on have no intent"):
        figures = evaluate_model(model, [Ticket("sing a song"), *TICKETS])
    alone = evaluate_model(model, TICKETS)
    assert {**figures, "milliseconds_per_message": 0} == {**alone, "milliseconds_per_message": 0}


def test_out_of_scope_recall() -> None:
    """Two of three are found; the scores of the messages in scope don't change with them."""
    answers = {"sing": [0.1, 0.9], "dance": [0.4, 0.6], "jump": [0.8, 0.2], "refund": [0.7, 0.3], "money": [0.4, 0.6]}
    model = Table(["refund", OUT_OF_SCOPE], answers)
    tickets = [Ticket(text, OUT_OF_SCOPE) for text in ("sing", "dance", "jump")]
    tickets += [Ticket("refund", "refund"), Ticket("money", "refund")]
    figures = evaluate_model(model, tickets)
    assert figures["out_of_scope_recall"] == pytest.approx(2 / 3)
    assert (figures["accuracy"], figures["num_examples"], figures["num_out_of_scope"]) == (0.5, 2, 3)
    assert figures["confusions"] == [{"intent": "refund", "predicted": OUT_OF_SCOPE, "count": 1}]


@pytest.mark.parametrize(
    ("tickets", "message"),
    [
        ([], "There are no messages to evaluate on"),
        ([Ticket("a", OUT_OF_SCOPE)], "There is nothing to score: every message is out of scope"),
        ([Ticket("a", "refund"), Ticket("b", "dance")], "has intents that training never saw: dance"),
        ([Ticket("a", None)], "No message to evaluate on has an intent"),
    ],
)
def test_data_that_cannot_be_scored(model: Table, tickets: list[Ticket], message: str) -> None:
    with pytest.raises(UserError, match=message):
        evaluate_model(model, tickets)


def test_time_is_of_single_messages(model: Table) -> None:
    milliseconds_per_message(model, ["0", "1"] * 200)
    assert model.calls == [1] * (UNTIMED_MESSAGES + TIMED_MESSAGES)
    assert milliseconds_per_message(model, ["0"]) > 0


def test_a_model_and_its_export_score_alike(tiny_classifier: "IntentClassifier", tiny_export: Path) -> None:
    from supportnet.tasks.classify.serve import ExportedModel

    texts = ["where is my parcel", "refund please", "", "我要退款", "cancel " * 200, "pay\ud83d"]
    tickets = [Ticket(text, tiny_classifier.intents[i % 7]) for i, text in enumerate(texts * 3)]
    tickets += [Ticket("sing a song", OUT_OF_SCOPE), Ticket("hello", OUT_OF_SCOPE)]
    ours, theirs = (evaluate_model(m, tickets) for m in (tiny_classifier, ExportedModel(tiny_export)))
    for figures in (ours, theirs):
        figures.pop("milliseconds_per_message")
        for error in figures["errors"]:
            error["confidence"] = round(error["confidence"], 4)
        # A message that occurs three times is as sure each time, but for the last digits.
        figures["errors"].sort(key=lambda error: (-error["confidence"], error["text"], error["intent"]))
    assert ours["ece"] != pytest.approx(ours["ece_uncalibrated"], abs=1e-3)
    for name in ("ece", "ece_uncalibrated", "ece_perfect"):
        assert ours.pop(name) == pytest.approx(theirs.pop(name), abs=1e-5)
    assert ours == theirs
    assert (ours["num_examples"], ours["num_out_of_scope"]) == (18, 2)
    routed = int(tiny_classifier.answers([ticket.text for ticket in tickets]).route.sum())
    assert 0 < routed < 20
    assert (ours["promised_precision"], ours["coverage_at_precision"]) == (0.75, pytest.approx(routed / 20))
