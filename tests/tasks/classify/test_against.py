"""Two models on the same messages, worked by hand."""

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.tasks.classify.against import compare_models, compare_predictions, mcnemar

TICKETS = [
    Ticket("cancel order 123456", "cancel"),
    Ticket("my money", "refund"),
    Ticket("refund ann@example.com", "refund"),
    Ticket("where is it", "track"),
    Ticket("track it", "track"),
]
#: Right: first, second, third. The other model's: second, fourth.
PREDICTED = ["cancel", "refund", "refund", "refund", "cancel"]
PREDICTED_AGAINST = ["track", "refund", "cancel", "track", "cancel"]


class Fixed:
    """A classifier that always gives the same answers, one an intent's name."""

    def __init__(self, intents: list[str], answers: list[str]) -> None:
        self.intents = intents
        self.answers = answers

    def probabilities(self, texts: Sequence[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        return np.array([[intent == answer for intent in self.intents] for answer in self.answers], "float32")


MODEL = Fixed(["cancel", "refund", "track"], PREDICTED)
#: Knows one intent more, and has them in another order.
OTHER = Fixed(["track", "login", "refund", "cancel"], PREDICTED_AGAINST)


def test_comparison_by_hand() -> None:
    figures = compare_predictions(TICKETS, PREDICTED, PREDICTED_AGAINST)
    assert json.loads(json.dumps(figures)) == figures
    assert figures == {
        "num_examples": 5,
        "accuracy": 3 / 5,
        "accuracy_against": 2 / 5,
        "both_right": 1,
        "num_fixed": 2,
        "num_broken": 1,
        "both_wrong": 1,
        "p_value": 1.0,
        "fixed": [
            {
                "text": "cancel order <number>",
                "intent": "cancel",
                "predicted": "cancel",
                "predicted_against": "track",
            },
            {"text": "refund <email>", "intent": "refund", "predicted": "refund", "predicted_against": "cancel"},
        ],
        "broken": [
            {"text": "where is it", "intent": "track", "predicted": "refund", "predicted_against": "track"},
        ],
    }


def test_models_with_intents_in_another_order() -> None:
    assert compare_models(MODEL, OTHER, TICKETS) == compare_predictions(TICKETS, PREDICTED, PREDICTED_AGAINST)
    outside = Ticket("sing a song", OUT_OF_SCOPE)
    assert compare_models(MODEL, OTHER, [outside, *TICKETS]) == compare_models(MODEL, OTHER, TICKETS)


def test_messages_without_an_intent_are_left_out() -> None:
    with pytest.warns(UserWarning, match="messages to evaluate on have no intent"):
        figures = compare_models(MODEL, OTHER, [Ticket("where"), *TICKETS])
    assert figures == compare_models(MODEL, OTHER, TICKETS)


def test_a_model_against_itself() -> None:
    figures = compare_models(MODEL, MODEL, TICKETS)
    assert (figures["p_value"], figures["fixed"], figures["broken"]) == (1.0, [], [])
    assert figures["accuracy"] == figures["accuracy_against"]


@pytest.mark.parametrize(
    ("fixed", "broken", "p_value"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (1, 1, 1.0),
        # 2 * 1 / 2^6
        (6, 0, 0.03125),
        (0, 6, 0.03125),
        # 2 * (1 + 10 + 45) / 2^10
        (8, 2, 0.109375),
    ],
)
def test_mcnemar_by_hand(fixed: int, broken: int, p_value: float) -> None:
    assert mcnemar(fixed, broken) == pytest.approx(p_value)


@pytest.mark.parametrize(
    ("model", "other", "tickets", "message"),
    [
        (MODEL, OTHER, [], "^There are no messages to evaluate on"),
        (MODEL, OTHER, [Ticket("a")], "No message to evaluate on has an intent"),
        (MODEL, OTHER, [Ticket("a", OUT_OF_SCOPE)], "nothing to compare on: every message is out of scope"),
        (MODEL, OTHER, [Ticket("a", "login")], "^The data .* has intents that training never saw: login"),
        (OTHER, MODEL, [Ticket("a", "login")], "^The model to compare against can't .* training never saw: login"),
    ],
)
def test_what_cannot_be_compared(model: Fixed, other: Fixed, tickets: list[Ticket], message: str) -> None:
    with pytest.raises(UserError, match=message):
        compare_models(model, other, tickets)
