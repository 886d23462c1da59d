"""Doubtful labels: worked by hand, on messages with known faults, and on the sample with labels flipped."""

import json
import random
from typing import Any

import numpy as np
import pytest

from supportnet.data import load
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.tasks.classify.audit import confident_others, find_doubtful_labels, out_of_fold_probabilities

WORDS = {"refund": "refund my money", "track": "where is the parcel"}
FILLERS = ["please", "hello", "thanks", "quickly", "today", "again"]
CLEAN = [Ticket(f"{text} {filler}", intent) for intent, text in WORDS.items() for filler in FILLERS]
#: Six messages of each of three intents: one word tells the intent, one doesn't.
TEXTS = [
    f"{word} {other}" for word in ("parcel", "refund", "login") for other in ("my", "the", "a", "our", "one", "no")
]
TARGETS = np.repeat([0, 1, 2], 6)


def find(tickets: list[Ticket], **options: Any) -> dict[str, Any]:
    report = find_doubtful_labels(tickets, progress_bar=False, **options)
    assert json.loads(json.dumps(report)) == report
    return report


def test_confident_others_by_hand() -> None:
    """Thresholds: intent 0 (0.8 + 0.6 + 0.1) / 3 = 0.5, intent 1 (0.7 + 0.3) / 2 = 0.5, intent 2 0.35."""
    targets = np.array([0, 0, 0, 1, 1, 2])
    probabilities = np.array(
        [
            [0.80, 0.10, 0.10],
            [0.60, 0.00, 0.40],  # 2 reaches its threshold, but the label is more probable.
            [0.10, 0.55, 0.35],  # 1 and 2 reach theirs: 1 is more probable. Margin 0.45.
            [0.10, 0.70, 0.20],
            [0.45, 0.30, 0.25],  # 0 is more probable than the label, but misses its threshold.
            [0.60, 0.05, 0.35],  # Margin 0.25.
        ]
    )
    assert confident_others(targets, probabilities) == [(2, 1), (5, 0)]


def test_clean_labels() -> None:
    report = find(CLEAN)
    assert report == {
        "num_messages": 12,
        "num_intents": 2,
        "unchecked_intents": [],
        "small_intents": [],
        "accuracy": 1.0,
        "num_conflicts": 0,
        "num_doubts": 0,
        "labels": [],
    }


def test_wrong_label() -> None:
    """Each copy is listed by its own row; no copy vouches for another, however many there are."""
    texts = ["Refund my money, ann@example.com", "refund  MY money, bob@example.com", "refund my money, c@example.com"]
    wrong = [Ticket(text, "track") for text in texts]
    report = find([CLEAN[0], *wrong, *CLEAN[1:]])
    assert (report["num_doubts"], report["num_conflicts"]) == (3, 0)
    assert [label["row"] for label in report["labels"]] == [2, 3, 4]
    assert [label["text"] for label in report["labels"]] == [
        "Refund my money, <email>",
        "refund  MY money, <email>",
        "refund my money, <email>",
    ]
    for label in report["labels"]:
        assert (label["kind"], label["intent"], label["suggested_intent"]) == ("doubt", "track", "refund")
        assert label["suggested_probability"] + label["probability"] == pytest.approx(1)
        assert label["suggested_probability"] > 0.5


def test_messages_without_an_intent_are_left_out() -> None:
    """The rows of the others stay what they are."""
    with pytest.warns(UserWarning, match="1 of 14 messages to check have no intent"):
        report = find([Ticket("refund my money"), Ticket("Refund my money, please", "track"), *CLEAN])
    assert (report["num_messages"], report["unchecked_intents"]) == (13, [])
    assert [label["row"] for label in report["labels"]] == [2]


def test_same_message_with_different_labels() -> None:
    """The commonest of the other labels is suggested; the probabilities are nobody's guess."""
    texts = [("Cancel order 123456", "track"), ("cancel  ORDER 99999", "refund"), ("cancel order 123456", "refund")]
    report = find([*CLEAN, *(Ticket(text, intent) for text, intent in texts)])
    assert (report["num_doubts"], report["num_conflicts"]) == (0, 3)
    suggested = [(label["kind"], label["row"], label["suggested_intent"]) for label in report["labels"]]
    assert suggested == [("conflict", 13, "refund"), ("conflict", 14, "track"), ("conflict", 15, "track")]
    assert report["labels"][1]["text"] == "cancel  ORDER <number>"
    assert {(label["suggested_probability"], label["probability"]) for label in report["labels"]} == {(None, None)}


def test_commonest_other_label() -> None:
    copies = [Ticket("cancel it", intent) for intent in ("login", "track", "refund", "refund")]
    report = find([*CLEAN, *copies])
    assert [label["suggested_intent"] for label in report["labels"]] == ["refund", "refund", "login", "login"]
    assert report["unchecked_intents"] == ["login"]


def test_rare_intents() -> None:
    """One message, or one message twice, can't be judged by others of its intent; two can."""
    rare = [Ticket("the shop is closed", "hours"), Ticket("gift card", "gift"), Ticket("Gift card", "gift")]
    rare += [Ticket("sing a song", OUT_OF_SCOPE), Ticket("sing me a song", OUT_OF_SCOPE)]
    report = find([*CLEAN, *rare])
    assert report["unchecked_intents"] == ["gift", "hours"]
    assert report["small_intents"] == [OUT_OF_SCOPE]
    assert (report["num_intents"], report["num_messages"], report["labels"]) == (3, 17, [])


def test_fewer_messages_than_folds_everywhere() -> None:
    report = find(CLEAN, folds=10)
    assert report["small_intents"] == ["refund", "track"]
    assert report["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("tickets", "message"),
    [
        ([], "There are no messages"),
        ([Ticket("hello")], "No message to check has an intent"),
        (CLEAN[:6], "every message has the same one: 'refund'"),
        ([*CLEAN[:6], Ticket("where", "track"), Ticket("Where", "track")], "two intents at least need two different"),
        ([Ticket("same", "refund"), Ticket("same", "track")] * 5, "two intents at least need two different"),
    ],
)
def test_data_that_cannot_be_checked(tickets: list[Ticket], message: str) -> None:
    with pytest.raises(UserError, match=message):
        find(tickets)


@pytest.mark.parametrize(("name", "value"), [("folds", 1), ("folds", -5), ("seed", -1), ("seed", 2**32)])
def test_values_out_of_range(name: str, value: int) -> None:
    with pytest.raises(UserError, match=rf"^{name} must be at least .*Received: {name}={value}$"):
        find(CLEAN, **{name: value})


def test_most_flipped_labels_are_found() -> None:
    """Six of the sample's intents, a label in twenty flipped: most are listed with the true intent, few others are."""
    dataset = load("sample")
    intents = dataset.intents[:6]
    tickets = [ticket for ticket in dataset["train"] if ticket.intent in intents]
    random.seed(0)
    flipped = set(random.sample(range(len(tickets)), len(tickets) // 20))
    noisy = [
        Ticket(t.text, random.choice([i for i in intents if i != t.intent]) if row in flipped else t.intent)
        for row, t in enumerate(tickets)
    ]
    report = find(noisy)
    listed = {label["row"] - 1: label["suggested_intent"] for label in report["labels"]}
    found = flipped & set(listed)
    assert len(found) > 0.7 * len(flipped)
    assert len(found) > 0.9 * len(listed)
    assert all(listed[row] == tickets[row].intent for row in found)


def test_probabilities(capsys: pytest.CaptureFixture[str]) -> None:
    probabilities = out_of_fold_probabilities(TEXTS, TARGETS, folds=3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(probabilities.argmax(axis=1), TARGETS)
    assert "checking: 100%" in capsys.readouterr().err
    again = out_of_fold_probabilities(TEXTS, TARGETS, folds=3, progress_bar=False)
    assert np.array_equal(again, probabilities)
    assert not np.array_equal(out_of_fold_probabilities(TEXTS, TARGETS, folds=3, seed=1), probabilities)


def test_no_model_has_seen_what_it_judges() -> None:
    """Messages with nothing in common can only be told by who learned them."""
    texts, targets = [letter * 5 for letter in "abcdefghijklmnopqrstuvwx"], np.arange(24) % 3
    probabilities = out_of_fold_probabilities(texts, targets)
    assert np.mean(probabilities.argmax(axis=1) == targets) < 0.5
    assert out_of_fold_probabilities(texts * 2, np.tile(targets, 2)).max() > 0.9


def test_two_intents_and_fewer_messages_than_folds() -> None:
    texts, targets = [*TEXTS[:6], *TEXTS[6:8]], np.array([0] * 6 + [1] * 2)
    probabilities = out_of_fold_probabilities(texts, targets, folds=5)
    assert probabilities.shape == (8, 2)
    assert np.array_equal(probabilities.argmax(axis=1), targets)


def test_no_words() -> None:
    with pytest.raises(UserError, match="No message holds a word of two letters or more"):
        out_of_fold_probabilities(["?", "!", "a", "b"], np.array([0, 0, 1, 1]), folds=2)
