"""The record of a message, and the data set that holds them."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from supportnet.data import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.errors import UserError

URGENT = Ticket("Hi", "greet", labels={"priority": "high"})


def test_labels_make_a_difference_but_not_a_hash():
    assert Ticket("Hi", "greet", labels={"priority": "high"}) == URGENT
    assert URGENT != Ticket("Hi", "greet") != Ticket("Hi", "greet", labels={"priority": "low"})
    assert len({URGENT, copy.deepcopy(URGENT), Ticket("Hi", "greet"), Ticket("Hi", "greet")}) == 2
    assert {URGENT: 1}[pickle.loads(pickle.dumps(URGENT))] == 1


def test_labels_go_along_with_a_changed_ticket():
    assert replace(URGENT, text="Hello").labels == {"priority": "high"}
    with pytest.raises(FrozenInstanceError):
        URGENT.labels = {}


def test_a_data_set_is_shown_by_its_counts():
    dataset = TicketDataset("mine.csv", {"train": [URGENT] * 3, "test": [Ticket("?", OUT_OF_SCOPE), Ticket("x", "b")]})
    assert repr(dataset) == "TicketDataset('mine.csv', train: 3, test: 2, 2 intents)"
    assert repr(TicketDataset("empty", {})) == "TicketDataset('empty', 0 intents)"


def test_a_data_set_holds_its_splits_by_name():
    dataset = TicketDataset("mine", {"train": [URGENT], "test": []})
    assert list(dataset) == ["train", "test"]
    assert "test" in dataset
    assert "all" not in dataset
    assert URGENT not in dataset
    assert {split: len(dataset[split]) for split in dataset} == {"train": 1, "test": 0}
    with pytest.raises(UserError, match=r"mine has no split named 'all'\. It has: train, test\."):
        dataset["all"]
