"""How well replies are found: beside brute force, by hand, and with nothing to score."""

import json
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from supportnet.config import NetworkConfig
from supportnet.data.bank import Answer, Bank, Judgement, bank_of_replies
from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.metrics.ranking import draw_candidates
from supportnet.tasks.suggest.calibrate import Relevance
from supportnet.tasks.suggest.evaluate import CUTOFFS, evaluate_judged, evaluate_suggester
from supportnet.tasks.suggest.model import Suggester
from supportnet.text.vocabulary import Vocabulary

WORDS = ["parcel", "refund", "order", "cancel", "late", "money", "address", "invoice", "card", "account"]


def make_tickets(count: int) -> list[Ticket]:
    """Messages of two words; five in a conversation; every reply but the first two is another."""
    pairs = [(WORDS[n % 10], WORDS[n // 10 % 10]) for n in range(count)]
    replies = ["Hello!", "hello!", *(f"About your {a} and {b} {n}" for n, (a, b) in enumerate(pairs[2:]))]
    return [
        Ticket(f"my {a} {b}", a if n % 4 else None, reply, f"chat {n // 5}")
        for n, ((a, b), reply) in enumerate(zip(pairs, replies, strict=True))
    ]


@pytest.fixture(scope="module")
def model() -> Suggester:
    """A model with random weights that tells texts apart."""
    keras.utils.set_random_seed(0)
    sizes = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_buckets": 500, "vector_dim": 16}
    config = NetworkConfig(architecture="none", **sizes)
    vocabulary = Vocabulary.build([" ".join(WORDS)], min_count=1)
    return Suggester(config, vocabulary, ["a", "b"], Relevance(0.8, prior=0.4, agreement=0.5))


def brute_force_ranks(model: Suggester, tickets: list[Ticket], bank: Bank) -> list[float]:
    """The rank of each right reply in the bank, one product at a time."""
    found = []
    rows = model.vectors([answer.searched for answer in bank.answers], "reply")
    messages = model.weights * model.vectors([ticket.text for ticket in tickets], "message")
    for ticket, message in zip(tickets, messages, strict=True):
        scores = [
            float(np.sum(message * row)) + model.relevance.prior * np.log(answer.uses)
            for row, answer in zip(rows, bank.answers, strict=True)
        ]
        right = [i for i, answer in enumerate(bank.answers) if answer.text.lower() == str(ticket.reply).lower()]
        found.append(1.0 + sum(score > scores[right[0]] for score in scores) if right else np.inf)
    return found


@pytest.fixture(scope="module")
def scored(model: Suggester) -> dict[str, Any]:
    """120 messages with 119 replies, 29 of which the bank lacks."""
    tickets = make_tickets(120)
    return evaluate_suggester(model, [*tickets, Ticket("no reply"), Ticket("blank", reply=" \n")], first_90(tickets))


def first_90(tickets: list[Ticket]) -> Bank:
    return bank_of_replies("toy", tickets[:91])


def test_keys(scored: dict[str, Any]) -> None:
    figures = {"mrr", *(f"recall_at_{k}" for k in (1, 3, 5, 10))}
    figures |= {f"bank_{name}" for name in figures} | {"bank_share", "label_accuracy"}
    assert set(scored["intervals"]) == figures
    assert set(scored) == figures | {"task", "intervals", "bank_size", "num_examples", "milliseconds_per_message"}
    assert (scored["task"], scored["num_examples"], scored["bank_size"]) == ("suggest", 120, 90)
    assert json.loads(json.dumps(scored, allow_nan=False))["mrr"] == scored["mrr"]
    assert scored["milliseconds_per_message"] > 0


def test_in_the_bank(scored: dict[str, Any], model: Suggester) -> None:
    tickets = make_tickets(120)
    bank = first_90(tickets)
    found = np.array(brute_force_ranks(model, tickets, bank))
    assert np.isinf(found).sum() == 29
    for k in CUTOFFS:
        assert scored[f"bank_recall_at_{k}"] == pytest.approx(np.mean(found <= k))
    assert scored["bank_mrr"] == pytest.approx(np.mean(1 / found))
    assert 0 < scored["bank_recall_at_10"] < 1
    assert scored["bank_share"] == pytest.approx(91 / 120)
    index = model.index(bank)
    queries = model.queries(model.vectors([ticket.text for ticket in tickets], "message"))
    first = [index.answers[i].tags for i in (queries @ index.columns).argmax(axis=1)]
    right = [ticket.intent in tags for ticket, tags in zip(tickets, first, strict=True) if ticket.intent]
    assert scored["label_accuracy"] == pytest.approx(np.mean(right))


def test_among_candidates(scored: dict[str, Any], model: Suggester) -> None:
    """By the branches' scores alone, against 99 others."""
    tickets = make_tickets(120)
    replies = [str(ticket.reply) for ticket in tickets]
    depth = len(model.scales)
    messages = model.vectors([ticket.text for ticket in tickets], "message")[:, :depth] * model.scales
    logits = messages @ model.vectors(replies, "reply")[:, :depth].T
    candidates = draw_candidates(replies, 100, 0)
    found = [1 + sum(logits[n, others[1:]] > logits[n, n]) for n, others in enumerate(candidates)]
    for k in CUTOFFS:
        assert scored[f"recall_at_{k}"] == pytest.approx(np.mean(np.array(found) <= k))
    assert scored["mrr"] == pytest.approx(np.mean(1 / np.array(found)))


def test_intervals_hold_the_means(scored: dict[str, Any]) -> None:
    for name, (low, high) in scored["intervals"].items():
        assert low <= scored[name] <= high
    low, high = scored["intervals"]["bank_share"]
    # Of whole conversations: alone, each message would give an interval half as wide.
    assert high - low > 0.25


def test_what_cannot_be_said_is_none(model: Suggester) -> None:
    tickets = [Ticket(ticket.text, reply=ticket.reply) for ticket in make_tickets(20)]
    found = evaluate_suggester(model, tickets, bank_of_replies("toy", tickets))
    none = {"recall_at_1", "recall_at_3", "recall_at_5", "recall_at_10", "mrr", "label_accuracy"}
    assert {name for name, value in found.items() if value is None} == none
    assert {name for name, value in found["intervals"].items() if value is None} == none
    assert found["bank_share"] == 1


def test_a_first_answer_without_a_tag_is_a_wrong_label(model: Suggester) -> None:
    """Where the bank has tags; not: nothing to say."""
    ticket = Ticket("my parcel", "parcel", "On its way.")
    answers = [Answer("1", "On its way."), Answer("2", "Goodbye.", tags=("parcel",))]
    first = model.suggest([ticket.text], model.index(Bank("toy", answers)), 1)[0][0].id
    tagged = [Answer(a.id, a.text, tags=() if a.id == first else ("parcel",)) for a in answers]
    assert evaluate_suggester(model, [ticket], Bank("toy", tagged))["label_accuracy"] == 0


@pytest.mark.parametrize("tickets", [[], [Ticket("hello"), Ticket("hello", reply=" ")]])
def test_no_replies(model: Suggester, tickets: list[Ticket]) -> None:
    with pytest.raises(UserError, match="no message has a reply"):
        evaluate_suggester(model, tickets, Bank("toy", [Answer("1", "Hi")]))


#: Message -> how high each of four answers is scored.
SCORES = {"q1": [4, 3, 2, 1], "q2": [1, 4, 3, 2], "q3": [1, 2, 3, 4]}
BANK = Bank("toy", [Answer(name, name) for name in "abcd"])


@pytest.fixture
def oracle() -> Any:
    """A model that has the scores above."""
    vectors = {"message": lambda text: SCORES[text], "reply": lambda text: np.eye(4)["abcd".index(text)]}
    return SimpleNamespace(
        vectors=lambda texts, side: np.array([vectors[side](text) for text in texts], "float32"),
        queries=lambda messages: np.concatenate([messages, np.zeros((len(messages), 1))], axis=1),
    )


def test_judged_by_hand(oracle: Any) -> None:
    # Right answers at the ranks 1 and 4; 1; 3.
    judgements = [Judgement("q1", ("d", "a")), Judgement("q2", ("b",)), Judgement("q3", ("b",))]
    found = evaluate_judged(oracle, judgements, BANK)
    figures = {name: value for name, value in found.items() if name != "intervals"}
    assert figures == {
        "task": "suggest",
        "map": pytest.approx(((1 + 2 / 4) / 2 + 1 + 1 / 3) / 3),
        "mrr": pytest.approx((1 + 1 + 1 / 3) / 3),
        "recall_at_1": pytest.approx((0.5 + 1 + 0) / 3),
        "recall_at_3": pytest.approx((0.5 + 1 + 1) / 3),
        "recall_at_5": 1,
        "recall_at_10": 1,
        "bank_size": 4,
        "num_examples": 3,
    }
    for name, (low, high) in found["intervals"].items():
        assert low <= found[name] <= high
    assert found["intervals"]["recall_at_1"] == (0, 1)


def test_what_cannot_be_judged(oracle: Any) -> None:
    with pytest.raises(UserError, match="no query"):
        evaluate_judged(oracle, [], BANK)
    with pytest.raises(UserError, match=r"q\.csv, row 3: there is no answer 'z' in toy"):
        evaluate_judged(oracle, [Judgement("q1", ("a",)), Judgement("q2", ("a", "z"), "q.csv, row 3")], BANK)
