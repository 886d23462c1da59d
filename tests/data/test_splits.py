import os
import subprocess
import sys
import warnings
from collections import Counter

import pytest

from supportnet.data.splits import check_known_intents, check_trainable, labelled, train_validation_split
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError


def tickets_of(**sizes):
    """Tickets of several intents, in turn, each with a text of its own."""
    return [
        Ticket(f"{intent} {number}", intent)
        for number in range(max(sizes.values()))
        for intent, size in sizes.items()
        if number < size
    ]


def test_every_intent_gives_its_share_and_the_order_stays():
    tickets = tickets_of(a=40, b=20, c=5, out_of_scope=10)
    train, validation = train_validation_split(tickets, 0.2)
    assert Counter(ticket.intent for ticket in validation) == {"a": 8, "b": 4, "c": 1, OUT_OF_SCOPE: 2}
    kept = set(train)
    assert train == [ticket for ticket in tickets if ticket in kept]
    assert validation == [ticket for ticket in tickets if ticket not in kept]


def test_small_intents_are_in_both_splits():
    train, _ = train_validation_split(tickets_of(a=2, b=3), 0.01)
    assert Counter(ticket.intent for ticket in train) == {"a": 1, "b": 2}
    train, _ = train_validation_split(tickets_of(a=2, b=3), 0.99)
    assert Counter(ticket.intent for ticket in train) == {"a": 1, "b": 1}


def test_single_messages_stay_in_training_with_a_warning():
    tickets = tickets_of(a=10, rare=1, scarce=1, out_of_scope=1)
    with pytest.warns(UserWarning, match=r"^Intents with a single message stay.*: rare, scarce\.$"):
        train, validation = train_validation_split(tickets)
    assert {"rare", "scarce", OUT_OF_SCOPE} <= {ticket.intent for ticket in train}
    assert {ticket.intent for ticket in validation} == {"a"}


def test_a_long_list_of_single_messages_is_cut():
    tickets = [*tickets_of(a=10), *(Ticket("x", f"single_{number:02}") for number in range(13))]
    with pytest.warns(UserWarning, match="single_09 and 3 more"):
        train_validation_split(tickets)


def test_no_warning_without_single_messages():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_validation_split(tickets_of(a=10, b=2))


def test_the_seed_decides():
    tickets = tickets_of(a=50, b=50)
    assert train_validation_split(tickets, seed=1) == train_validation_split(tickets, seed=1)
    assert train_validation_split(tickets, seed=1) != train_validation_split(tickets, seed=2)


SPLIT_SCRIPT = """
from supportnet.data import Ticket, train_validation_split
tickets = [Ticket(f"{intent} {number}", intent) for intent in "abc" for number in range(10)]
print([ticket.text for ticket in train_validation_split(tickets, 0.1, seed=3)[1]])
"""


def test_the_split_does_not_depend_on_the_process():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SPLIT_SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    ]
    # Written down, so that a new Python version or a change of the algorithm shows.
    assert outputs == ["['a 6', 'b 5', 'c 5']"] * 2


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(UserError, match=r"between 0 and 1. Received: validation_share="):
        train_validation_split(tickets_of(a=4), share)


@pytest.mark.parametrize("tickets", [[], tickets_of(a=1, b=1)])
def test_a_validation_split_of_nothing_is_refused(tickets):
    with pytest.raises(UserError, match="needs an intent with at least two messages"):
        train_validation_split(tickets)


def test_tickets_without_an_intent_are_left_out_and_counted():
    tickets = [*tickets_of(a=1, out_of_scope=1), *[Ticket("Hi")] * 1234]
    with pytest.warns(UserWarning, match=r"^1,234 of 1,236 messages to train on have no intent: left out\.$"):
        assert labelled(tickets, "train on") == tickets[:2]


@pytest.mark.parametrize("tickets", [[], tickets_of(a=2)])
def test_no_warning_where_nothing_is_left_out(tickets):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert labelled(tickets, "train on") == tickets


def test_only_tickets_without_an_intent_are_refused():
    with pytest.raises(UserError, match=r"^No message to check has an intent\. .*--label-column"):
        labelled([Ticket("Hi")], "check")


def test_two_intents_are_trainable():
    check_trainable(tickets_of(a=1, b=1, out_of_scope=1))


@pytest.mark.parametrize(
    ("tickets", "problem"),
    [
        ([], "There are no messages to train on"),
        ([Ticket("Hi", "a"), Ticket("Ho")], "message 2 has none"),
        (tickets_of(refund=3), "same one: 'refund'"),
        (tickets_of(refund=3, out_of_scope=3), "same one: 'refund'"),
        (tickets_of(out_of_scope=3), "every message is out of scope"),
        ([Ticket("", "a"), Ticket(" \n", "b")], "Every message to train on is empty"),
    ],
)
def test_what_cannot_be_trained_on(tickets, problem):
    with pytest.raises(UserError, match=problem):
        check_trainable(tickets)


def test_known_intents_and_out_of_scope_can_be_scored():
    check_known_intents(["a", "b"], tickets_of(a=2, out_of_scope=1))


@pytest.mark.parametrize(
    ("tickets", "problem"),
    [
        ([], "There are no messages to evaluate on"),
        ([Ticket("Hi")], "message 1 has none"),
        (tickets_of(z=1, a=1, d=1), "has intents that training never saw: d, z"),
    ],
)
def test_what_cannot_be_scored(tickets, problem):
    with pytest.raises(UserError, match=problem):
        check_known_intents(["a", "b"], tickets)
