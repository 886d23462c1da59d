"""The messages that all models share."""

from collections import Counter

import pytest

from supportnet.compare.messages import drawn, lengthened, prepare
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks import get_task
from supportnet.text.tokenizer import tokenize

TICKETS = [Ticket(f"word{i} here", "ab"[i % 10 == 0], f"reply {i}") for i in range(100)]


def test_a_file_without_splits_gets_three() -> None:
    splits = prepare(TicketDataset("file", {"all": TICKETS})).splits
    assert {name: len(tickets) for name, tickets in splits.items()} == {"train": 72, "validation": 8, "test": 20}
    assert sorted(t.text for split in splits.values() for t in split) == sorted(t.text for t in TICKETS)
    assert all({t.intent for t in tickets} == {"a", "b"} for tickets in splits.values())


def test_conversations_stay_whole() -> None:
    tickets = [Ticket(f"t{i}", None, "r", conversation=str(i // 2)) for i in range(60)]
    splits = prepare(TicketDataset("file", {"all": tickets})).splits
    sets = [{t.conversation for t in split} for split in splits.values()]
    assert sum(map(len, sets)) == 30
    assert all(sets)


def test_splits_that_are_there_are_kept_and_cut_to_size() -> None:
    dataset = TicketDataset("data", {"train": TICKETS, "validation": TICKETS[:30], "test": TICKETS[:40]})
    assert prepare(dataset).splits == dataset.splits
    assert [len(tickets) for tickets in prepare(dataset, 20).splits.values()] == [20, 10, 10]


def test_fewer_messages_are_part_of_more_and_every_intent_has_one() -> None:
    few, more = drawn(TICKETS, 2), drawn(TICKETS, 40)
    assert {t.intent for t in few} == {"a", "b"}
    assert set(few) <= set(more)
    assert Counter(t.intent for t in more) == {"a": 36, "b": 4}
    assert drawn(TICKETS, 1000) == TICKETS


@pytest.mark.parametrize("length", [1, 2, 40])
def test_messages_of_one_length(length: int) -> None:
    dataset = TicketDataset("data", {"train": TICKETS, "test": TICKETS[:5]})
    found = lengthened(dataset, length)
    assert {len(tokenize(t.text)) for tickets in found.splits.values() for t in tickets} == {length}
    assert all(
        before.text.split()[0] in after.text.split() for before, after in zip(TICKETS, found["train"], strict=True)
    )
    assert lengthened(dataset, length) == found


def test_data_that_a_task_cannot_use() -> None:
    without = [Ticket("hello", "greet")]
    dataset = TicketDataset("tickets.csv", {"train": without, "test": without})
    get_task("classify").check_data(dataset)
    with pytest.raises(UserError, match=r"tickets.csv has no replies in its split train: the task reply needs them"):
        get_task("reply").check_data(dataset)
    nameless = [Ticket("hello", None, "Hi!")]
    with pytest.raises(UserError, match="has no intents"):
        get_task("classify").check_data(TicketDataset("x", {"train": nameless, "test": nameless}))
